"""Black-box search: its rules by hand, a population at play against one policy at a time, and whole searches."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium
import here
import msgspec
import numpy as np
import pytest
import torch
from msgspec.structs import replace
from probes import Outcome, Probe
from torch import Tensor, nn

from models import checkpoint
from models.control import ControlSpec
from models.errors import UserError
from models.mlp import build
from models.spec import ModelSpec, encode
from training import population
from training.environments import make, specification
from training.loop import Display, train
from training.population import PopulationPolicy, play
from training.presets import training_settings
from training.run import Progress, RunDirectory
from training.search import (
    AdaptiveNoise,
    AdaptiveNoiseSettings,
    AnySearchSettings,
    CrossEntropy,
    CrossEntropySettings,
    EvolutionStrategies,
    EvolutionStrategiesSettings,
    HillClimbing,
    HillClimbingSettings,
    Rule,
    SearchSettings,
    SimulatedAnnealing,
    SimulatedAnnealingSettings,
    SteepestAscentSettings,
    acceptance_probability,
    centred_ranks,
)
from training.settings import TrainingSettings, decode

games_here = here.games_here

RULES: dict[str, tuple[Callable[[Any, Tensor], Rule], AnySearchSettings]] = {
    "hill-climbing": (HillClimbing, HillClimbingSettings()),
    "steepest-ascent": (HillClimbing, SteepestAscentSettings()),
    "simulated-annealing": (SimulatedAnnealing, SimulatedAnnealingSettings()),
    "adaptive-noise": (AdaptiveNoise, AdaptiveNoiseSettings()),
    "cross-entropy": (CrossEntropy, CrossEntropySettings()),
    "evolution-strategies": (EvolutionStrategies, EvolutionStrategiesSettings()),
}
each_rule = pytest.mark.parametrize(("make_rule", "settings"), RULES.values(), ids=RULES.keys())


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


# The rules.


def test_hill_climbing_goes_to_what_is_no_worse(generator: torch.Generator) -> None:
    rule = HillClimbing(HillClimbingSettings(), torch.zeros(2))
    tried = [([[1.0, 1.0]], 5.0), ([[2.0, 2.0]], 4.0), ([[3.0, 3.0]], 5.0), ([[4.0, 4.0]], 6.0)]
    incumbents = []
    for weights, mean_return in tried:
        rule.learn(torch.tensor(weights), torch.tensor([mean_return]), generator)
        incumbents.append((rule.incumbent[0].item(), rule.incumbent_return.item()))
    # The first whatever it is; not the second, which is worse; an equal; a better one.
    assert incumbents == [(1, 5), (1, 5), (3, 5), (4, 6)]


def test_a_climb_begins_anew_when_its_patience_ends_and_the_best_is_kept(generator: torch.Generator) -> None:
    rule = HillClimbing(HillClimbingSettings(patience=2), torch.zeros(1))
    positions, incumbents = [], []
    for i, mean_return in enumerate([5.0, 5.0, 4.0, 3.0, 6.0], start=1):
        rule.learn(torch.tensor([[float(i)]]), torch.tensor([mean_return]), generator)
        positions.append(rule.position.item())
        incumbents.append(rule.incumbent.item())
    # An equal is gone to, but is no rise: after it and the 4, back to the start, whose first neighbour is any.
    assert positions == [1, 2, 0, 4, 5]
    assert incumbents == [1, 2, 2, 2, 5]


def test_each_climb_begins_as_the_first_did(generator: torch.Generator) -> None:
    """With the initial noise and the initial temperature, and not already changed."""
    noisy = AdaptiveNoise(AdaptiveNoiseSettings(patience=2, noise_scale=0.5), torch.zeros(1))
    warm = SimulatedAnnealing(SimulatedAnnealingSettings(patience=2, temperature=10.0, cooling=0.9), torch.zeros(1))
    for mean_return in (1.0, 0.0, 0.0):
        for rule in (noisy, warm):
            rule.learn(torch.zeros(1, 1), torch.tensor([mean_return]), generator)
    assert (noisy.noise_scale.item(), warm.temperature.item()) == (0.5, 10.0)


def test_steepest_ascent_goes_to_the_best_neighbour_or_stays(generator: torch.Generator) -> None:
    rule = HillClimbing(SteepestAscentSettings(population_size=3), torch.zeros(1))
    assert rule.propose(generator).shape == (3, 1)
    rule.learn(torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([5.0, 7.0, 6.0]), generator)
    assert rule.incumbent.item() == 2
    rule.learn(torch.tensor([[4.0], [5.0], [6.0]]), torch.tensor([5.0, 6.9, 6.0]), generator)
    assert rule.incumbent.item() == 2


def test_neighbours_lie_around_the_incumbent_as_far_as_the_noise_reaches(generator: torch.Generator) -> None:
    settings = SteepestAscentSettings(population_size=4096, noise_scale=0.1)
    neighbours = HillClimbing(settings, torch.tensor([5.0, -5.0])).propose(generator)
    # Standard errors: 0.1 / 64 of a mean, and 0.1 / (64 sqrt 2) of a deviation.
    assert neighbours.mean(0).tolist() == pytest.approx([5, -5], abs=0.1 / 64 * 4)
    assert neighbours.std(0).tolist() == pytest.approx([0.1, 0.1], abs=0.1 / 90 * 4)


def test_annealing_accepts_a_loss_as_metropolis_does() -> None:
    changes = torch.tensor([math.inf, 3.0, 0.0, -10.0, -20.0])
    probabilities = acceptance_probability(changes, torch.tensor(10.0))
    assert probabilities.tolist() == pytest.approx([1, 1, 1, 0.36788, 0.13534], abs=1e-5)  # 1/e and 1/e^2


def test_annealing_takes_that_chance_and_cools_to_its_floor(generator: torch.Generator) -> None:
    settings = SimulatedAnnealingSettings(temperature=8.0, cooling=0.5, lowest_temperature=1.0)
    rule = SimulatedAnnealing(settings, torch.zeros(1))
    temperatures = []
    for _ in range(4):
        metrics = rule.learn(torch.zeros(1, 1), torch.tensor([0.0]), generator)
        temperatures.append(metrics["temperature"])
    assert temperatures == [4, 2, 1, 1]
    rule.restart()
    assert rule.temperature == 8
    rule.position_return = torch.tensor(0.0)
    rule.temperature = torch.tensor(1.0)
    accepted = [rule.accepts(torch.tensor(-1.0), generator) for _ in range(2000)]
    # 1/e of them, with a standard error of sqrt(0.37 * 0.63 / 2000) = 0.011.
    assert np.mean(accepted) == pytest.approx(1 / math.e, abs=0.04)


def test_noise_halves_on_success_and_doubles_on_failure_within_bounds(generator: torch.Generator) -> None:
    settings = AdaptiveNoiseSettings(noise_scale=0.5, least_noise_scale=0.2, greatest_noise_scale=2.0)
    rule = AdaptiveNoise(settings, torch.zeros(1))
    scales = []
    for mean_return in (1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 3.0):
        metrics = rule.learn(torch.zeros(1, 1), torch.tensor([mean_return]), generator)
        scales.append(metrics["noise_scale"])
    assert scales == pytest.approx([0.25, 0.2, 0.4, 0.8, 1.6, 2.0, 1.0])


def test_cross_entropy_fits_a_gaussian_to_the_elite(generator: torch.Generator) -> None:
    settings = CrossEntropySettings(population_size=5, elite_share=0.4, extra_variance=0.0, least_noise_scale=0.6)
    rule = CrossEntropy(settings, torch.zeros(2))
    drawn = torch.tensor([[9.0, 9.0], [1.0, 4.0], [9.0, 9.0], [3.0, 5.0], [9.0, 9.0]])
    rule.learn(drawn, torch.tensor([0.0, 7.0, 1.0, 8.0, 2.0]), generator)
    # 40% of 5 are 2: (1, 4) and (3, 5). Their mean is (2, 4.5); both lie 1 and 0.5 from it, and 0.5 is below the floor.
    assert rule.incumbent.tolist() == [2, 4.5]
    assert rule.deviation.tolist() == pytest.approx([1, 0.6])


@pytest.mark.parametrize(
    ("share", "members", "elite"), [(0.07, 100, 7), (0.28, 25, 7), (0.3, 25, 8), (0.01, 5, 1), (1e-8, 5, 1)]
)
def test_the_elite_is_the_share_rounded_up(share: float, members: int, elite: int, generator: torch.Generator) -> None:
    rule = CrossEntropy(CrossEntropySettings(elite_share=share, extra_variance=0.0), torch.zeros(1))
    population = torch.arange(float(members))[:, None]
    rule.learn(population, population[:, 0], generator)
    assert rule.incumbent.item() == pytest.approx(members - 1 - (elite - 1) / 2)


def test_the_noise_that_cross_entropy_adds_falls_to_nothing(generator: torch.Generator) -> None:
    settings = CrossEntropySettings(
        population_size=2, elite_share=1.0, extra_variance=8.0, extra_updates=2, least_noise_scale=0.5
    )
    rule = CrossEntropy(settings, torch.zeros(1))
    deviations = []
    for _ in range(3):
        rule.learn(torch.tensor([[0.0], [2.0]]), torch.zeros(2), generator)
        deviations.append(float(rule.deviation))
    # The variance of 0 and 2 is 1; to it come 8, 8 / 2, and nothing.
    assert deviations == pytest.approx([3, 5**0.5, 1])


def test_ranks_are_centred_and_equals_share_theirs() -> None:
    assert centred_ranks(torch.tensor([3.0, -1.0, 1000.0, 0.0])).tolist() == pytest.approx(
        [1 / 6, -1 / 2, 1 / 2, -1 / 6]
    )
    assert centred_ranks(torch.tensor([5.0, 5.0, 1.0])).tolist() == pytest.approx([1 / 4, 1 / 4, -1 / 2])
    assert centred_ranks(torch.tensor([2.0, 2.0])).tolist() == [0, 0]


def test_draws_come_in_mirrored_pairs(generator: torch.Generator) -> None:
    mean = torch.tensor([1.0, -2.0, 3.0])
    rule = EvolutionStrategies(EvolutionStrategiesSettings(population_size=6, noise_scale=0.5), mean)
    drawn = rule.propose(generator)
    assert drawn.shape == (6, 3)
    torch.testing.assert_close((drawn[:3] + drawn[3:]) / 2, mean.expand(3, 3))
    assert (drawn[:3] != mean).all()


@pytest.mark.parametrize("noise_scale", [0.1, 2.0])
def test_the_gradient_is_that_of_the_expected_return(noise_scale: float, generator: torch.Generator) -> None:
    """Of f(w) = -(w - c)^2 summed: blurring takes a constant from it, so that its gradient 2 (c - w) stays."""
    mean, target = torch.tensor([1.0, -1.0, 0.5]), torch.tensor([0.0, 3.0, 0.5])
    settings = EvolutionStrategiesSettings(population_size=4000, noise_scale=noise_scale)
    rule = EvolutionStrategies(settings, mean)
    estimates = []
    for _ in range(10):
        drawn = rule.propose(generator)
        estimates.append(rule.gradient(drawn, -(drawn - target).square().sum(1)))
    # A mirrored pair gives e (e . gradient), whose deviation is at most |gradient| sqrt 2; there are 20,000 pairs.
    standard_error = 8.3 * math.sqrt(2) / math.sqrt(20_000)
    assert torch.stack(estimates).mean(0).tolist() == pytest.approx([-2, 8, 0], abs=4 * standard_error)


def test_evolution_goes_up_by_the_learning_rate_at_first(generator: torch.Generator) -> None:
    settings = EvolutionStrategiesSettings(population_size=2, learning_rate=0.25)
    rule = EvolutionStrategies(settings, torch.tensor([1.0, 1.0]))
    rule.learn(torch.tensor([[2.0, 0.5], [0.0, 1.5]]), torch.tensor([100.0, 1.0]), generator)
    # Adam's first step is the learning rate along each sign: towards the better, (2, 0.5).
    assert rule.incumbent.tolist() == pytest.approx([1.25, 0.75])


@each_rule
def test_a_rule_goes_on_from_its_state(make_rule: Callable[[Any, Tensor], Rule], settings: AnySearchSettings) -> None:
    def searched(rule: Rule, generator: torch.Generator) -> list[Tensor]:
        seen = []
        for _ in range(4):
            drawn = rule.propose(generator)
            rule.learn(drawn, -drawn.square().sum(1), generator)
            seen += [drawn, rule.incumbent.clone()]
        return seen

    start = torch.tensor([4.0, -3.0])
    generator = torch.Generator().manual_seed(1)
    rule = make_rule(settings, start)
    searched(rule, generator)
    again = make_rule(settings, torch.zeros(2))
    again.load_state_dict(deepcopy(rule.state_dict()))
    same = torch.Generator()
    same.set_state(generator.get_state())
    for went_on, resumed in zip(searched(rule, generator), searched(again, same), strict=True):
        assert torch.equal(went_on, resumed)


@each_rule
def test_a_rule_climbs(
    make_rule: Callable[[Any, Tensor], Rule], settings: AnySearchSettings, generator: torch.Generator
) -> None:
    start = torch.tensor([4.0, -3.0])
    rule = make_rule(replace(settings, noise_scale=0.5), start)
    for _ in range(200):
        drawn = rule.propose(generator)
        rule.learn(drawn, -drawn.square().sum(1), generator)
    assert rule.incumbent.norm() < 0.6
    assert start.tolist() == [4, -3]


# A population at play.


class Repeater(nn.Module):
    """Does what its one weight says."""

    def __init__(self) -> None:
        super().__init__()
        self.action = nn.Parameter(torch.zeros(()))

    def forward(self, observations: Tensor) -> Any:
        return SimpleNamespace(distribution=SimpleNamespace(mode=self.action.long().expand(len(observations))))


@pytest.mark.parametrize("num_envs", [1, 2, 5, 12, 20])
def test_each_member_plays_its_episodes_however_long_they_are(num_envs: int) -> None:
    def outcome(_shade: int, step: int, action: int) -> Outcome:
        return Outcome(10.0, terminated=step == action)

    environments = Probe(num_envs, shade=lambda _e, _s: 0, outcome=outcome, num_actions=9)
    members = torch.tensor([[0.0], [8.0], [2.0]])
    games = play(PopulationPolicy(Repeater()), members, environments, episodes=4, seed=0)  # type: ignore[arg-type]
    assert games.lengths.tolist() == [[1] * 4, [9] * 4, [3] * 4]
    assert games.returns.tolist() == [[10] * 4, [90] * 4, [30] * 4]


@pytest.mark.parametrize("environment", ["CartPole-v1", "MountainCarContinuous-v0"])
@pytest.mark.parametrize("hidden", [(), (5,)])
def test_a_population_plays_as_its_members_do_one_by_one(
    environment: str, hidden: tuple[int, ...], generator: torch.Generator
) -> None:
    spec = specification(environment, algorithm="cross-entropy")
    assert isinstance(spec, ControlSpec)
    network = build(replace(spec, hidden=hidden)).requires_grad_(requires_grad=False)
    network.inputs.scale.fill_(0.1)
    policy = PopulationPolicy(network)
    members = torch.randn((6, len(policy.weights)), generator=generator)
    games = play(policy, members, make(spec, 6), episodes=1, seed=50)
    for i, weights in enumerate(members):
        policy.weights = weights
        alone = gymnasium.make(environment)
        observation, _ = alone.reset(seed=50 + i)
        total, length, ended = 0.0, 0, False
        while not ended:
            mode = network(torch.from_numpy(observation)[None]).distribution.mode[0].numpy()
            observation, reward, terminated, truncated, _ = alone.step(mode if mode.ndim == 0 else mode.clip(-1, 1))
            total, length, ended = total + float(reward), length + 1, terminated or truncated
        assert games.lengths[i, 0] == length
        assert games.returns[i, 0] == pytest.approx(total, rel=1e-4)
    assert len(set(games.returns.flatten())) > 1


@pytest.mark.parametrize("mirror", [False, True])
def test_each_member_sees_pong_through_its_own_weights(
    spec: ModelSpec, mirror: bool, generator: torch.Generator
) -> None:
    network = build(replace(spec, network=replace(spec.network, mirror=mirror))).requires_grad_(requires_grad=False)
    policy = PopulationPolicy(network)
    assert len(policy.weights) == sum(p.numel() for p in network.parameters()) - (spec.network.hidden + 1)
    members = torch.randn((40, len(policy.weights)), generator=generator)
    frames = torch.randint(0, 256, (40, *spec.observation.shape), generator=generator, dtype=torch.uint8)
    together = policy.act(policy.split(members), frames)
    alone = []
    for weights, observation in zip(members, frames, strict=True):
        policy.weights = weights
        alone.append(int(network(observation[None]).distribution.mode))
    assert together.tolist() == alone
    assert len(set(alone)) == 3


def test_weights_come_back_as_they_were_set(generator: torch.Generator) -> None:
    network = build(specification("CartPole-v1", algorithm="cross-entropy")).requires_grad_(requires_grad=False)
    policy = PopulationPolicy(network)
    weights = torch.randn(len(policy.weights), generator=generator)
    policy.weights = weights
    assert torch.equal(policy.weights, weights)
    weights.zero_()
    assert (policy.weights != 0).all()


# Whole searches.


class UntilSolved(Display):
    """Keeps the newest metrics, and tells when the search may end."""

    def __init__(self, most_games: int) -> None:
        self.most_games = most_games
        self.games, self.solved_at = 0, math.nan

    def update(self, progress: Progress, metrics: dict[str, float]) -> None:
        self.games, self.solved_at = progress.games, metrics["solved_at_games"]

    def __call__(self) -> bool:
        return self.games >= self.most_games or not math.isnan(self.solved_at)


def small(algorithm: str, **changes: Any) -> TrainingSettings:
    """A search of a few small populations."""
    settings = training_settings(algorithm, "CartPole-v1")
    assert isinstance(settings.algorithm, SearchSettings)
    few = replace(settings.algorithm, population_size=min(settings.algorithm.population_size, 4), episodes=2)
    return replace(settings, **({"steps": 800, "seed": 5, "device": "cpu", "algorithm": few} | changes))


@pytest.fixture(autouse=True)
def _short_evaluations(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "solves" in request.node.name:
        monkeypatch.setattr(population, "CONTROL_EVALUATION_GAMES", 20)
    else:
        monkeypatch.setattr(population, "CONTROL_EVALUATION_GAMES", 2)
        monkeypatch.setattr(population, "EVALUATION_GAMES", 1)
        monkeypatch.setattr(population, "WARM_UP_STEPS", 20)


def curve(run: RunDirectory) -> list[dict[str, Any]]:
    """The metrics, without what depends on the clock."""
    return [{k: v for k, v in line.items() if "second" not in k} for line in run.metrics()]


def stop_after(updates: int) -> Callable[[], bool]:
    answers = iter([False] * updates + [True])
    return lambda: next(answers)


@pytest.mark.parametrize("algorithm", RULES)
def test_a_stopped_search_has_the_curve_of_one_that_was_not(tmp_path: Path, algorithm: str) -> None:
    whole = RunDirectory.create(tmp_path / "whole", small(algorithm))
    progress = train(whole, Display())
    assert progress.updates > 1
    train(RunDirectory.create(tmp_path / "parts", small(algorithm)), Display(), stop=stop_after(1))
    parts = RunDirectory.open(tmp_path / "parts")
    assert len(curve(parts)) == 1
    assert train(parts, Display()).games == progress.games
    assert curve(parts) == curve(whole)
    weights = [(run.path / "model" / "model.safetensors").read_bytes() for run in (whole, parts)]
    assert weights[0] == weights[1]


def test_same_seed_same_curve(tmp_path: Path) -> None:
    curves = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        run = RunDirectory.create(tmp_path / name, small("cross-entropy", seed=seed))
        train(run, Display())
        curves.append(curve(run))
    assert curves[0] == curves[1]
    assert curves[0] != curves[2]


def test_a_search_leaves_what_every_run_does(tmp_path: Path) -> None:
    settings = small("cross-entropy")
    run = RunDirectory.create(tmp_path / "run", settings)
    progress = train(run, Display())
    lines = run.metrics()
    assert lines[-1]["steps"] == progress.steps >= 800
    assert isinstance(settings.algorithm, CrossEntropySettings)
    games = settings.algorithm.population_size * settings.algorithm.episodes
    assert [line["games"] for line in lines] == [games * (i + 1) for i in range(len(lines))]
    for line in lines:  # CartPole gives a point for each step
        assert line["mean_return"] == line["mean_length"] <= line["best_member_return"]
    # Steps are those of the population's games, whatever idle environments did meanwhile.
    assert lines[0]["steps"] == pytest.approx(games * lines[0]["mean_length"])
    assert lines[-1]["evaluation_return"] > 0
    for model in ("model", "best"):
        assert checkpoint.load_policy(run.path / model)[0] == settings.model
    assert list((run.path / "stages").iterdir())
    assert not list(run.path.rglob(f".*.{os.getpid()}"))


def test_inputs_are_measured_once(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", small("cross-entropy"))
    train(run, Display(), stop=stop_after(1))
    first = checkpoint.load_policy(run.path / "model")[1].inputs.scale
    train(RunDirectory.open(run.path), Display())
    assert torch.equal(checkpoint.load_policy(run.path / "model")[1].inputs.scale, first)
    assert (first != 1).all()


@pytest.mark.usefixtures("games_here")
def test_evolution_on_pong_goes_on_as_if_it_had_not_stopped(
    tmp_path: Path, spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.solo.MAX_FRAMES", 800)
    settings = TrainingSettings(
        model=replace(spec, algorithm="evolution-strategies"),
        steps=800,
        num_envs=2,
        device="cpu",
        algorithm=EvolutionStrategiesSettings(population_size=2),
    )
    whole = RunDirectory.create(tmp_path / "whole", settings)
    progress = train(whole, Display())
    assert progress.games == 2 * progress.updates >= 4
    assert -21 <= whole.metrics()[-1]["mean_return"] < 0
    train(RunDirectory.create(tmp_path / "parts", settings), Display(), stop=stop_after(1))
    parts = RunDirectory.open(tmp_path / "parts")
    train(parts, Display())
    assert curve(parts) == curve(whole)


SEEDS = {"hill-climbing": 2, "simulated-annealing": 4, "adaptive-noise": 4}
"""Where the first one takes hundreds of games. They all solve it in the end."""


@pytest.mark.parametrize(
    "algorithm", [pytest.param(name, marks=[pytest.mark.slow] * (name == "evolution-strategies")) for name in RULES]
)
def test_it_solves_cartpole(tmp_path: Path, algorithm: str) -> None:
    display = UntilSolved(most_games=3000)
    settings = replace(training_settings(algorithm, "CartPole-v1"), device="cpu", seed=SEEDS.get(algorithm, 1))
    run = RunDirectory.create(tmp_path / "run", settings)
    train(run, display, stop=display)
    assert display.solved_at <= display.games
    assert max(line.get("evaluation_return", 0) for line in run.metrics()) >= 475


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("algorithm", ["cross-entropy", "evolution-strategies"])
def test_it_solves_mountain_car(tmp_path: Path, algorithm: str) -> None:
    display = UntilSolved(most_games=3000)
    settings = replace(training_settings(algorithm, "MountainCarContinuous-v0"), device="cpu", seed=1)
    train(RunDirectory.create(tmp_path / "run", settings), display, stop=display)
    assert display.solved_at <= display.games


@pytest.mark.parametrize("name", RULES)
def test_settings_survive_config_json(name: str) -> None:
    settings = training_settings(name, "CartPole-v1")
    assert decode(encode(settings)) == settings


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("evolution-strategies", "population_size", 7),
        ("cross-entropy", "elite_share", 0),
        ("hill-climbing", "noise_scale", 0),
        ("simulated-annealing", "cooling", 1.5),
        ("steepest-ascent", "episodes", 0),
    ],
)
def test_what_no_search_can_do_is_refused(name: str, field: str, value: float) -> None:
    config = msgspec.to_builtins(training_settings(name, "CartPole-v1"))
    config["algorithm"][field] = value
    with pytest.raises(UserError):
        decode(msgspec.json.encode(config))
