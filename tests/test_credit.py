"""The numbers of credit: against training's own update on the same data, and by hand."""

from __future__ import annotations

import copy
from itertools import islice

import pytest
import torch
from torch import Tensor

from models import credit, device
from models.credit import Batch, Experience
from models.losses import clipped_surrogate, clipped_weights, importance_ratio
from models.network import PolicyNetwork
from models.spec import ModelSpec
from training import ppo
from training.algorithms import PPO
from training.learner import Learner
from training.policy_gradient import improve
from training.ppo import PpoSettings
from training.rollout import Rollout

STEPS = 40


def test_the_constants_are_trainings() -> None:
    settings = PpoSettings()
    assert (settings.gamma, settings.gae_lambda) == (credit.GAMMA, credit.GAE_LAMBDA)
    assert settings.clip_epsilon == credit.CLIP_EPSILON


@pytest.fixture(autouse=True)
def _without_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rounding differs between batches."""
    monkeypatch.setattr(device, "supports_fast_bfloat16", lambda _: False)


def rollout_of(spec: ModelSpec, learner: Learner) -> tuple[Rollout, Experience]:
    """Random play of one environment: as training collects it, and as the app does."""
    random = torch.Generator().manual_seed(4)
    observations = torch.randint(256, (STEPS, *spec.observation.shape), generator=random, dtype=torch.uint8)
    with torch.no_grad():
        actions, log_probs, values = learner.act(observations)
    points = torch.zeros(STEPS, dtype=torch.bool)
    points[[9, 24, 39]] = True
    rewards = torch.zeros(STEPS)
    rewards[[9, 24, 39]] = torch.tensor([1.0, -1.0, 1.0])
    next_values = torch.cat((values[1:], torch.tensor([0.3])))
    never = torch.zeros_like(points)
    columns = (actions, log_probs, rewards, never, never, values, next_values)
    rollout = Rollout(observations[:, None], *(column[:, None] for column in columns))
    return rollout, Experience(rewards, values, next_values, points, never)


def test_the_weights_are_the_gradients_of_trainings_update(
    spec: ModelSpec, learner: Learner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what it maximises, with respect to each log-probability, times the number of samples it takes the mean of."""
    compared: list[tuple[Tensor, Tensor]] = []
    seen: list[tuple[Tensor, Tensor, Tensor]] = []

    def ratio(log_probs: Tensor, old_log_probs: Tensor) -> Tensor:
        compared.append((log_probs, old_log_probs))
        return importance_ratio(log_probs, old_log_probs)

    def surrogate(ratio: Tensor, advantages: Tensor, *, clip_epsilon: float) -> Tensor:
        objective = clipped_surrogate(ratio, advantages, clip_epsilon=clip_epsilon)
        log_probs, old_log_probs = compared[-1]
        (gradient,) = torch.autograd.grad(objective, log_probs, retain_graph=True)
        seen.append((ratio.detach(), old_log_probs, STEPS * gradient))
        return objective

    monkeypatch.setattr(ppo, "importance_ratio", ratio)
    monkeypatch.setattr(ppo, "clipped_surrogate", surrogate)
    rollout, experience = rollout_of(spec, learner)
    learner.learning_rate = 0.05
    improve(learner, rollout, PPO, PpoSettings(epochs=20, minibatch_size=STEPS), progress=0.0)

    log_probs_then = rollout.log_probs.flatten()
    used = credit.weights(experience).normalized_advantages
    for epoch, (ratios, old_log_probs, gradient) in enumerate(seen):
        # Training shuffles; a sample is known by its old log-probability.
        place = {float(old): at for at, old in enumerate(log_probs_then)}
        indices = torch.tensor([place[float(old)] for old in old_log_probs])
        assert len(set(indices.tolist())) == STEPS
        weights = clipped_weights(ratios, used[indices], clip_epsilon=credit.CLIP_EPSILON)
        torch.testing.assert_close(weights, gradient, atol=1e-6, rtol=1e-5)
        if epoch == 0:
            torch.testing.assert_close(gradient, used[indices], atol=1e-5, rtol=1e-5)
    assert (seen[-1][2] == 0).any(), "nothing was clipped"


def two_points() -> Experience:
    """Three decisions to a point won, then two to a point lost, which may end the game."""
    return Experience(
        rewards=torch.tensor([0.0, 0.0, 1.0, 0.0, -1.0]),
        values=torch.zeros(5),
        next_values=torch.zeros(5),
        points=torch.tensor([False, False, True, False, True]),
        terminations=torch.zeros(5, dtype=torch.bool),
    )


def test_total_reward_and_reward_to_go_by_hand() -> None:
    weights = credit.weights(two_points())
    assert weights.total.tolist() == [1, 1, 1, -1, -1]
    # gamma = 0.99; each point stands for itself.
    torch.testing.assert_close(weights.to_go, torch.tensor([0.9801, 0.99, 1.0, -0.99, -1.0]))


def test_normalized_reward_to_go_by_hand() -> None:
    # The mean is 0.9801 / 5 = 0.19602; the deviations 0.78408, 0.79398, 0.80398, -1.18602, -1.19602. Their squares,
    # 0.614781 + 0.630404 + 0.646384 + 1.406643 + 1.430464 = 4.728676, over 4: 1.182169 = 1.087276^2.
    expected = torch.tensor([0.721142, 0.730247, 0.739445, -1.090818, -1.100015])
    torch.testing.assert_close(credit.weights(two_points()).normalized, expected, atol=1e-5, rtol=0)


def test_advantages_go_on_over_points() -> None:
    # Without values the TD errors are the rewards; c = 0.99 x 0.95 = 0.9405 a decision, whatever point it belongs to:
    # A_4 = -1;  A_3 = -c = -0.9405;  A_2 = 1 - c^2 = 0.115460;  A_1 = c A_2 = 0.108590;  A_0 = c A_1 = 0.102129.
    expected = torch.tensor([0.102129, 0.108590, 0.115460, -0.940500, -1.0])
    torch.testing.assert_close(credit.weights(two_points()).advantages, expected, atol=1e-5, rtol=0)


def test_a_point_that_was_expected_pushes_nothing() -> None:
    # Before it 2 points were expected, after it 1 / 0.99 = 1.0101: 1 + 0.99 x 1.0101 - 2 = 0.
    expected = Experience(
        torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([1 / 0.99]), torch.tensor([True]), torch.tensor([False])
    )
    assert credit.weights(expected).advantages.item() == pytest.approx(0, abs=1e-6)
    # Had it ended the game, nothing would have followed: 1 - 2.
    ended = expected._replace(terminations=torch.tensor([True]))
    assert credit.weights(ended).advantages.item() == pytest.approx(-1)


def batch_of(network: PolicyNetwork, *, temperature: float = 1.0) -> Batch:
    random = torch.Generator().manual_seed(5)
    observations = torch.randint(256, (STEPS, 2, 20, 16), generator=random, dtype=torch.uint8)
    actions = torch.randint(3, (STEPS,), generator=random)
    with torch.no_grad():
        log_probs = (network(observations).logits / temperature).log_softmax(-1)
    old = log_probs.gather(1, actions[:, None]).squeeze(1)
    return Batch(observations, actions, old, torch.randn(STEPS, generator=random))


def test_the_first_pass_is_the_policy_gradient(network: PolicyNetwork) -> None:
    batch = batch_of(network)
    first = next(credit.passes(network, batch))
    torch.testing.assert_close(first.ratios, torch.ones(STEPS))
    torch.testing.assert_close(first.unclipped_ratios, torch.ones(STEPS))
    torch.testing.assert_close(first.weights, batch.advantages)


def test_a_policy_that_played_at_another_temperature_starts_at_ratio_1(network: PolicyNetwork) -> None:
    with torch.no_grad():
        network.policy_head.weight.mul_(100)
    batch = batch_of(network, temperature=0.5)
    assert (next(credit.passes(network, batch)).ratios - 1).abs().max() > 0.01
    torch.testing.assert_close(next(credit.passes(network, batch, temperature=0.5)).ratios, torch.ones(STEPS))


def test_clipping_holds_the_policy_back(network: PolicyNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credit, "LEARNING_RATE", 3e-3)
    batch = batch_of(network)
    passes = list(islice(credit.passes(network, batch), 30))
    # Nothing is clipped at ratio 1, so the first step is the same.
    torch.testing.assert_close(passes[1].ratios, passes[1].unclipped_ratios)
    last = passes[-1]
    beyond = torch.where(batch.advantages > 0, last.ratios > 1.2, last.ratios < 0.8)
    assert beyond.any()
    assert not beyond.all()
    assert torch.equal(last.weights == 0, beyond)
    torch.testing.assert_close(last.weights[~beyond], (last.ratios * batch.advantages)[~beyond])
    assert last.unclipped_ratios.log().abs().mean() > 1.2 * last.ratios.log().abs().mean()


def test_passes_push_the_way_the_weights_say(network: PolicyNetwork) -> None:
    batch = batch_of(network)
    _, second = islice(credit.passes(network, batch), 2)
    assert ((second.ratios - 1) * batch.advantages).sum() > 0


def test_the_network_that_plays_does_not_learn(network: PolicyNetwork) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    frozen = network.requires_grad_(requires_grad=False)
    passes = list(islice(credit.passes(frozen, batch_of(network)), 4))
    assert not torch.equal(passes[0].ratios, passes[-1].ratios)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_a_pass_is_a_step_of_trainings_optimiser(network: PolicyNetwork) -> None:
    batch = batch_of(network)
    learning = copy.deepcopy(network)
    optimizer = torch.optim.Adam(learning.parameters(), lr=credit.LEARNING_RATE, eps=1e-5)
    for numbers in islice(credit.passes(network, batch), 5):
        log_probs = learning(batch.observations).logits.log_softmax(-1).gather(1, batch.actions[:, None]).squeeze(1)
        torch.testing.assert_close((log_probs - batch.old_log_probs).exp(), numbers.ratios, atol=1e-5, rtol=1e-5)
        optimizer.zero_grad()
        ratios = importance_ratio(log_probs, batch.old_log_probs)
        (-clipped_surrogate(ratios, batch.advantages, clip_epsilon=0.2)).backward()
        optimizer.step()
