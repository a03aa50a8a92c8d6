"""One update of each policy gradient: the loss it descends, what it reports, and the step itself."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical

import models.distributions
from models.control import ControlSpec, DiscreteActions
from models.mlp import ControlNetwork
from training import a2c, ppo, reinforce
from training.a2c import A2cSettings
from training.gradient import Averages, Batch, Targets, check_finite, descend
from training.learner import DivergedError, Learner
from training.ppo import PpoSettings
from training.reinforce import ReinforceSettings, whole_trajectories
from training.rollout import CoachedRollout, Rollout
from training.team import ALONE

ENTROPY_COEFFICIENT, VALUE_COEFFICIENT = 0.3, 0.7
RETURN_MEAN, RETURN_SCALE = 2.0, 3.0


@pytest.fixture
def learner() -> Learner:
    spec = ControlSpec(algorithm="ppo", environment="none", observation_size=2, actions=DiscreteActions(3), hidden=(5,))
    learner = Learner(spec, learning_rate=1e-3, seed=1, device=torch.device("cpu"))
    for weight in learner.network.parameters():
        torch.nn.init.normal_(weight)
    learner.network.returns.mean.fill_(RETURN_MEAN)
    learner.network.returns.scale.fill_(RETURN_SCALE)
    return learner


@pytest.fixture
def batch() -> Batch:
    """Seven decisions of a policy that took each action with a third of probability."""
    random = torch.Generator().manual_seed(2)
    return Batch(
        observations=torch.randn(7, 2, generator=random),
        actions=torch.tensor([0, 1, 2, 0, 1, 2, 0]),
        log_probs=torch.full((7,), 1 / 3).log(),
        advantages=torch.randn(7, generator=random),
        returns=torch.randn(7, generator=random) * 4,
    )


def expected(learner: Learner, batch: Batch) -> dict[str, Tensor]:
    """The parts of the losses, from the network's outputs by torch's own distributions."""
    output = learner.evaluate(batch.observations)
    assert isinstance(output.distribution, models.distributions.Categorical)
    theirs = Categorical(logits=output.distribution.logits)
    ratio = 3 * theirs.log_prob(batch.actions).exp()
    clipped = ratio.clamp(0.8, 1.2)
    return {
        "plain": (theirs.log_prob(batch.actions) * batch.advantages).mean(),
        "unclipped": (ratio * batch.advantages).mean(),
        "surrogate": torch.minimum(ratio * batch.advantages, clipped * batch.advantages).mean(),
        "entropy": theirs.entropy().mean(),
        # In the scale of the value head: both less the mean, by the scale.
        "value_loss": (output.value - batch.returns).square().mean() / RETURN_SCALE**2,
        "kl": (ratio - 1 - ratio.log()).mean(),
        "clipped_fraction": (clipped != ratio).float().mean(),
    }


def loss_of(parts: dict[str, Tensor], objective: str) -> Tensor:
    return -parts[objective] - ENTROPY_COEFFICIENT * parts["entropy"] + VALUE_COEFFICIENT * parts["value_loss"]


@pytest.fixture
def descended(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Learner, Tensor, int, Any]]:
    """What updates descend, instead of being descended."""
    calls: list[tuple[Learner, Tensor, int, Any]] = []
    for module in (a2c, ppo, reinforce):
        monkeypatch.setattr(module, "descend", lambda *call: calls.append(call))
    return calls


COMMON: dict[str, Any] = {"value_coefficient": VALUE_COEFFICIENT}


@pytest.mark.parametrize(
    ("module", "settings", "objective", "reported"),
    [
        (ppo, PpoSettings(**COMMON), "surrogate", {"kl", "clipped_fraction", "entropy", "value_loss", "surrogate"}),
        (a2c, A2cSettings(**COMMON), "plain", {"entropy", "value_loss"}),
        (reinforce, ReinforceSettings(**COMMON), "plain", {"kl", "entropy", "value_loss"}),
    ],
)
def test_an_update_descends_its_loss_and_reports_its_parts(
    module: ModuleType,
    settings: Any,
    objective: str,
    reported: set[str],
    *,
    learner: Learner,
    batch: Batch,
    descended: list[tuple[Learner, Tensor, int, Any]],
) -> None:
    averages = module.update(learner, batch, settings, ENTROPY_COEFFICIENT)
    parts = expected(learner, batch)
    ((by, loss, rows, with_settings),) = descended
    assert (by, rows, with_settings) == (learner, len(batch.actions), settings)
    torch.testing.assert_close(loss, loss_of(parts, objective))
    assert averages.means() == pytest.approx({name: float(parts[name].detach()) for name in reported}, rel=1e-5)
    assert 0 < float(parts["clipped_fraction"]) < 1, "or clipping shows nothing"
    assert parts["surrogate"] != parts["unclipped"]


def test_without_clipping_ppo_descends_the_plain_surrogate(
    learner: Learner, batch: Batch, descended: list[tuple[Learner, Tensor, int, Any]]
) -> None:
    averages = ppo.update(learner, batch, PpoSettings(**COMMON, clip_epsilon=None), ENTROPY_COEFFICIENT)
    parts = expected(learner, batch)
    torch.testing.assert_close(descended[0][1], loss_of(parts, "unclipped"))
    assert averages.means()["clipped_fraction"] == 0
    assert averages.means()["surrogate"] == pytest.approx(float(parts["unclipped"].detach()))


def test_without_a_baseline_the_value_is_reported_and_not_learned(
    learner: Learner, batch: Batch, descended: list[tuple[Learner, Tensor, int, Any]]
) -> None:
    averages = reinforce.update(learner, batch, ReinforceSettings(**COMMON, baseline="none"), ENTROPY_COEFFICIENT)
    assert isinstance(learner.network, ControlNetwork)
    gradients = torch.autograd.grad(descended[0][1], [*learner.network.value.parameters()], allow_unused=True)
    assert gradients == (None,) * len(gradients)
    value_loss = float(expected(learner, batch)["value_loss"].detach())
    assert averages.means()["value_loss"] == pytest.approx(value_loss)


@pytest.mark.parametrize(
    ("module", "settings", "sizes"),
    [
        (ppo, PpoSettings(minibatch_size=3), [3, 3, 1]),
        (reinforce, ReinforceSettings(minibatch_size=4), [4, 3]),
        (reinforce, ReinforceSettings(), [7]),
        (a2c, A2cSettings(), [7]),
    ],
)
def test_each_decision_is_looked_at_once_in_an_order_that_the_learner_draws(
    module: ModuleType,
    settings: Any,
    sizes: list[int],
    *,
    learner: Learner,
    batch: Batch,
    descended: list[tuple[Learner, Tensor, int, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_at: list[Tensor] = []
    evaluate = learner.evaluate

    def note(observations: Tensor) -> Any:
        looked_at.append(observations)
        return evaluate(observations)

    monkeypatch.setattr(learner, "evaluate", note)
    orders = []
    for seed in (1, 1, 2):
        looked_at.clear()
        learner.generator.manual_seed(seed)
        averages = module.update(learner, batch, settings, 0.0)
        assert [len(seen) for seen in looked_at] == sizes
        assert len(averages) == len(sizes)
        orders.append(torch.cat(looked_at))
        assert sorted(orders[-1].tolist()) == sorted(batch.observations.tolist())
    assert len(descended) == 3 * len(sizes)
    assert torch.equal(orders[0], orders[1])
    assert torch.equal(orders[0], orders[2]) is (module is a2c), "a single batch need not be shuffled"


def slope(learner: Learner, factor: float) -> Tensor:
    """A loss whose gradient is `factor` in each of the policy's weights, and 0 in the value's."""
    network = learner.network
    assert isinstance(network, ControlNetwork)
    weights = torch.cat([weight.flatten() for weight in network.policy.parameters()])
    return factor * weights.sum() + 0 * sum(weight.sum() for weight in network.value.parameters())


def policy_of(learner: Learner) -> Tensor:
    assert isinstance(learner.network, ControlNetwork)
    return torch.cat([weight.detach().flatten().clone() for weight in learner.network.policy.parameters()])


@pytest.mark.parametrize("factor", [100.0, 1e-3])
def test_a_step_goes_down_the_gradient_and_no_further_than_its_norm_may_be(learner: Learner, factor: float) -> None:
    learner.optimizer = torch.optim.SGD(learner.network.parameters(), lr=1.0)  # type: ignore[assignment]
    before = policy_of(learner)
    for _ in range(2):  # the second as the first: nothing is left of its gradient
        descend(learner, slope(learner, factor), 1, PpoSettings(max_gradient_norm=0.5))
        step, before = policy_of(learner) - before, policy_of(learner)
        each = 0.5 / len(step) ** 0.5 if factor > 1 else factor
        torch.testing.assert_close(step, torch.full_like(step, -each), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("spoil", "said"), [(lambda loss: loss * torch.nan, "the loss is not"), (torch.sqrt, "the gradient is not")]
)
def test_nothing_is_learned_from_what_is_not_finite(
    learner: Learner, spoil: Callable[[Tensor], Tensor], said: str
) -> None:
    before = policy_of(learner)
    with pytest.raises(DivergedError, match=said):
        descend(learner, spoil(0 * slope(learner, 1.0)), 1, PpoSettings())  # the slope of a root at 0 is infinite
    assert torch.equal(policy_of(learner), before)


def test_a_policy_that_overflows_alone_is_told() -> None:
    spec = ControlSpec(algorithm="ppo", environment="CartPole-v1", observation_size=4, actions=DiscreteActions(2))
    learner = Learner(spec, learning_rate=1e-3, seed=0, device=torch.device("cpu"))
    assert isinstance(learner.network, ControlNetwork)
    with torch.no_grad():
        for weights in learner.network.policy.parameters():
            weights.fill_(1e37)
    with pytest.raises(DivergedError, match="the network's answers to the observations of the games are not finite"):
        learner.act(torch.ones(3, 4))


@pytest.mark.parametrize("name", Batch._fields)
def test_what_is_not_finite_is_named(batch: Batch, name: str) -> None:
    batch = batch._replace(costs=torch.zeros(7, 3), actions=batch.actions.float())
    check_finite(batch, torch.zeros(7))
    check_finite(batch._replace(costs=None), torch.zeros(7))
    column = getattr(batch, name).clone()
    column[3] = torch.inf
    rewards = torch.zeros(7)
    for cause in ("steps", "rewards"):
        with pytest.raises(DivergedError, match=f"^the {name.replace('_', ' ')} of the games are not finite$") as found:
            check_finite(batch._replace(**{name: column}), rewards)
        assert found.value.cause == ("observations" if name == "observations" else cause)
        rewards[2] = torch.nan


def test_a_batch_has_the_costs_that_a_coach_saw() -> None:
    column, costs = torch.arange(6.0).reshape(3, 2), torch.arange(24.0).reshape(3, 2, 4)
    rollout = CoachedRollout(**vars(Rollout(*[column] * 8)), costs=costs)
    batch = Batch.of(rollout, Targets(column, column))
    assert batch.costs is not None
    assert batch.costs.tolist() == costs.reshape(6, 4).tolist()
    assert batch.returns.tolist() == [0, 1, 2, 3, 4, 5]


def test_averages_are_of_all_steps_and_hold_on_to_no_graph() -> None:
    averages = Averages()
    assert len(averages) == 0
    weight = torch.tensor(2.0, requires_grad=True)
    averages.add(kl=weight * 1, entropy=torch.tensor(5.0))
    averages.add(kl=weight * 4, entropy=torch.tensor(6.0))
    assert len(averages) == 2
    assert averages.means() == {"kl": 5.0, "entropy": 5.5}
    assert not averages._steps[0].requires_grad


class Points:
    """Rollouts of one environment, two steps long, in which a point is won in every other step."""

    steps = 0
    learner = SimpleNamespace(team=ALONE)

    def collect(self) -> tuple[Rollout, list[Any]]:
        never, zeros = torch.zeros(2, 1, dtype=torch.bool), torch.zeros(2, 1)
        rewards = torch.tensor([[0.0], [1.0]])
        return Rollout(zeros[..., None], zeros.long(), zeros, rewards, never, never, zeros, zeros), []


def test_as_many_trajectories_are_gathered_as_are_asked_for() -> None:
    settings = ReinforceSettings(trajectory="point", trajectories_per_update=3)
    experience = whole_trajectories(Points(), settings)  # type: ignore[arg-type]
    rollout, _ = experience.collect()
    assert rollout.rewards.flatten().tolist() == [0, 1, 0, 1, 0, 1]
    assert experience.metrics == {"trajectories": 3}


def test_the_average_of_the_weights_follows_them() -> None:
    spec = ControlSpec(algorithm="ppo", environment="none", observation_size=2, actions=DiscreteActions(3), hidden=(5,))
    learner = Learner(spec, learning_rate=1e-3, seed=1, device=torch.device("cpu"), averaging=0.75)
    network, average = learner.networks
    assert network is learner.network
    steps = []
    for value in (3.0, 7.0, -1.0):
        learner.optimizer.zero_grad()
        sum(weights.sum() for weights in network.parameters()).backward()  # type: ignore[union-attr]
        with torch.no_grad():
            for weights in network.parameters():
                weights.fill_(value)
        network.returns.mean.fill_(value)
        learner.step()
        steps.append(network.policy[0].weight[0, 0].item())  # type: ignore[index,union-attr]
    # The first is where the average begins.
    expected = 0.75 * (0.75 * steps[0] + 0.25 * steps[1]) + 0.25 * steps[2]
    for weights in average.parameters():
        assert torch.allclose(weights, torch.tensor(expected))
    assert average.returns.mean == -1.0  # not a weight: it is as the network's


def test_there_is_an_average_only_if_asked_for(learner: Learner) -> None:
    assert learner.networks == (learner.network,)


def test_training_that_goes_on_from_a_model_averages_from_it_on() -> None:
    spec = ControlSpec(algorithm="ppo", environment="none", observation_size=2, actions=DiscreteActions(3), hidden=(5,))
    model = Learner(spec, learning_rate=1e-3, seed=1, device=torch.device("cpu")).network
    learner = Learner(spec, learning_rate=1e-3, seed=2, device=torch.device("cpu"), averaging=0.75)
    learner.start_from(model)
    for network in learner.networks:
        assert all(map(torch.equal, network.parameters(), model.parameters()))
