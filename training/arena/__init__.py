"""The court for two as an environment: many courts at once, every kind of opponent, and the policy's own past."""
