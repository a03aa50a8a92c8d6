from __future__ import annotations

import numpy as np
import pytest
import torch
from probes import Outcome, Probe
from torch import Tensor

from models.errors import UserError
from models.network import PolicyOutput
from models.spec import ModelSpec
from training.learner import Learner
from training.rollout import Collector, Episode, Rollout


class Reader:
    """Stands in for a learner: it always takes action 2, and values an observation by its shade."""

    device = torch.device("cpu")

    def act(self, observations: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return torch.full((len(observations),), 2), torch.full((len(observations),), -0.5), self.value(observations)

    def value(self, observations: Tensor) -> Tensor:
        return observations[:, 0, 0, 0].float()


def collector(*, truncate: bool, length: int = 7) -> Collector:
    # Episodes of three steps; the shade is 10 x episode + step, so that each observation says where it is from.
    environment = Probe(
        1,
        shade=lambda episode, step: 10 * episode + step,
        outcome=lambda shade, step, _: Outcome(shade, step == 2 and not truncate, step == 2 and truncate),
    )
    learner = Reader()
    return Collector(environment, learner, rollout_length=length, seed=0)  # type: ignore[arg-type]


@pytest.mark.parametrize("truncate", [True, False])
def test_no_step_of_a_reset_is_in_a_rollout_and_nothing_is_lost_between_two(truncate: bool) -> None:
    source = collector(truncate=truncate)
    seen, rewards = [], []
    for _ in range(2):
        rollout, _ = source.collect()
        seen += rollout.observations[:, 0, 0, 0, 0].tolist()
        rewards += rollout.rewards[:, 0].tolist()
    assert seen == [0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32, 40, 41]
    assert rewards == seen


def test_next_values_are_of_what_a_step_led_to() -> None:
    rollout, _ = collector(truncate=True).collect()
    # Steps 2 and 5 end an episode: what they led to is its last observation, 3 and 13, not the next one's first.
    assert rollout.next_values[:, 0].tolist() == [1, 2, 3, 11, 12, 13, 21]
    assert rollout.truncations[:, 0].tolist() == [False, False, True, False, False, True, False]
    assert not rollout.terminations.any()


def test_terminated_and_truncated_are_kept_apart() -> None:
    rollout, _ = collector(truncate=False).collect()
    assert rollout.terminations[:, 0].tolist() == [False, False, True, False, False, True, False]
    assert not rollout.truncations.any()


def test_a_truncation_at_the_very_end_of_a_rollout_bootstraps_from_its_last_observation() -> None:
    rollout, _ = collector(truncate=True, length=3).collect()
    assert rollout.next_values[:, 0].tolist() == [1, 2, 3]


def test_only_full_episodes_are_reported() -> None:
    _, episodes = collector(truncate=False).collect()
    assert [(episode.episode_return, episode.length) for episode in episodes] == [(0 + 1 + 2, 3), (10 + 11 + 12, 3)]


def test_a_game_against_itself_is_told_by_one_of_its_two_seats() -> None:
    source = collector(truncate=False)
    source._twins = 2
    _, episodes = source.collect()
    assert episodes == [], "the left seat's"
    source._twins = 0
    _, episodes = source.collect()
    assert [episode.against_itself for episode in episodes] == [False] * 2


def test_what_is_played_before_the_first_rollout_is_part_of_its_episodes() -> None:
    source = collector(truncate=False)
    source.random_observations(4, np.random.default_rng(0))  # one episode, and the first step of another
    _, episodes = source.collect()
    assert episodes[0] == Episode(10 + 11 + 12, 3)


def test_log_probs_are_those_of_the_actions_taken(spec: ModelSpec, learner: Learner) -> None:
    observations = torch.randint(255, (50, *spec.observation.shape), dtype=torch.uint8)
    with torch.no_grad():
        actions, log_probs, _ = learner.act(observations)
        output = learner.evaluate(observations)
    assert isinstance(output, PolicyOutput)
    expected = output.logits.softmax(-1).numpy()[np.arange(50), actions.numpy()]
    np.testing.assert_allclose(log_probs.exp().numpy(), expected, rtol=1e-5)


def test_a_rollout_that_no_memory_could_hold_is_refused_in_a_line() -> None:
    games = torch.zeros(1, dtype=torch.uint8).expand(4096, 4, 84, 84)
    with pytest.raises(UserError, match=r"no memory for 4,096,000 observations of 4,096 environments, 473,.* GB"):
        Rollout.empty(4_096_000, games, torch.zeros(4096, dtype=torch.int64))
