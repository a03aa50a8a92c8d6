"""How a policy learns: environments, rollouts, returns, losses, algorithms, runs and evaluation."""
