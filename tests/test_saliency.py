from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, NamedTuple

import cv2
import numpy as np
import pygame
import pytest
import torch
from numpy.typing import NDArray
from pictures import picture

from agents.base import Decision, Frame, control_of
from agents.policy import PolicyAgent
from agents.pong import Ball, Court, Side
from agents.preprocessing import mirrored, shrunk
from agents.saliency import SaliencyMap, occlusion_map, turned_about
from app.game.match import Match
from app.game.snapshot import Snapshot
from app.play.panels.saliency import HALF_LIT, SaliencyModel, SaliencyOverlay, brightness
from app.ui import theme
from models import catalog, checkpoint
from models.network import PolicyNetwork
from models.screen import COURT, SCREEN, Region
from models.spec import CnnSpec, ConvLayer, FrameObservation, ModelSpec

Mask = NDArray[np.bool_]
STACK = 4
LONG_AGO = 1000.0
"""Seconds, in which every change is made."""
NEAR = 2
"""Pixels of an observation."""


def resized(grey: Frame) -> Frame:
    return np.asarray(cv2.resize(grey, (84, 84), interpolation=cv2.INTER_AREA), np.uint8)


def observed(grey: Frame, stack: int = 2) -> Frame:
    return np.stack([resized(grey)] * stack)


def emptied() -> Frame:
    """The court with nothing on it, as the ROM draws it."""
    grey = picture()
    grey[34:194] = 87
    grey[0, :8] = 0
    return grey


SCREEN_OF_TWO = FrameObservation(stack=2)
COURT_ALONE = FrameObservation(height=64, width=64, stack=2, view="court")


def single_pixel_spec(*, mirror: bool = False, observation: FrameObservation = SCREEN_OF_TWO) -> ModelSpec:
    return ModelSpec(
        algorithm="ppo",
        observation=observation,
        actions=("FIRE", "RIGHTFIRE", "LEFTFIRE"),
        network=CnnSpec((ConvLayer(1, 1, 1),), hidden=1, activation="relu", mirror=mirror),
    )


def single_pixel_network(
    row: int, column: int, *, mirror: bool = False, observation: FrameObservation = SCREEN_OF_TWO
) -> PolicyNetwork:
    """Its first logit is the newest frame's value, as a share of 255, at one place; the two others are 0."""
    network = PolicyNetwork(single_pixel_spec(mirror=mirror, observation=observation))
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        network.get_parameter("body.0.weight")[0, 1] = 1
        network.get_parameter("body.3.weight")[0, observation.width * row + column] = 1
        network.policy_head.weight[0] = 1
    return network


def test_only_the_place_that_matters_is_salient() -> None:
    # The ball's rows 100 to 103 are the rows 40 to 41.6 of 84, its columns 80 and 81 the columns 42 to 43.05.
    observation = observed(picture(ball=(100, 80)))
    saliency = occlusion_map(single_pixel_network(40, 42), observation)
    # Emptying moves the first logit by d and no other. Centred, they move by 2d/3, -d/3 and -d/3; half of the sum of
    # their squares is d^2/3.
    moved = (float(observation[1, 40, 42]) - 87) / 255
    assert saliency.shape == (84, 84)
    assert saliency.dtype == np.float32
    assert saliency[40, 42] == pytest.approx(moved**2 / 3, rel=1e-4)
    assert saliency.max() == saliency[40, 42]
    saliency[40:42, 42:44] = 0
    assert not saliency.any()


def test_action_values_are_salient_by_how_far_they_move_not_by_which_is_best() -> None:
    network = single_pixel_network(40, 42)
    logits = occlusion_map(network, observed(picture(ball=(100, 80))))
    network.acts_by_value = True
    values = occlusion_map(network, observed(picture(ball=(100, 80))))
    # The first value is the highest with the ball and without. Values count by 0.03, and distances are squares.
    np.testing.assert_allclose(values, logits / 0.03**2, rtol=1e-4)
    assert values.max() > 0


def test_a_place_is_found_on_a_court_that_the_network_turns() -> None:
    # The right paddle is in the lower half: the court's rows 13 to 77 change places, and row 30 becomes row 60.
    grey = picture(ball=(75, 80), right=160)
    saliency = occlusion_map(single_pixel_network(60, 42, mirror=True), observed(grey))
    assert divmod(int(saliency.argmax()), 84) == (30, 42)
    assert not saliency[32:].any()


@pytest.mark.parametrize("mirror", [False, True])
def test_a_place_is_found_on_the_court_alone(*, mirror: bool) -> None:
    """The ball at row 75 and column 80 of the screen is at row (75 - 34) / 2.5 = 16 and column (80 - 16) / 2 = 32."""
    network = single_pixel_network(63 - 16 if mirror else 16, 32, mirror=mirror, observation=COURT_ALONE)
    seen = np.stack([shrunk(picture(ball=(75, 80), right=160), COURT_ALONE)] * 2)
    assert divmod(int(occlusion_map(network, seen).argmax()), 64) == (16, 32)


def test_a_place_in_an_older_frame_is_found_too() -> None:
    network = single_pixel_network(40, 42)
    network.get_parameter("body.0.weight").data = torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1)
    older_only = np.stack([resized(picture(ball=(100, 80))), resized(picture())])
    assert occlusion_map(network, older_only)[40, 42] > 0
    assert not occlusion_map(network, older_only[::-1].copy()).any()


@pytest.fixture(scope="module")
def ppo() -> tuple[ModelSpec, PolicyNetwork]:
    return checkpoint.load(catalog.resolve("ppo"))


def test_nothing_is_exactly_nothing(ppo: tuple[ModelSpec, PolicyNetwork]) -> None:
    assert not occlusion_map(ppo[1], observed(emptied(), STACK)).any()


def test_frames_from_before_the_game_show_nothing(ppo: tuple[ModelSpec, PolicyNetwork]) -> None:
    observation = observed(emptied(), STACK)
    observation[:3] = 0
    assert not occlusion_map(ppo[1], observation).any()


class Moment(NamedTuple):
    observation: Frame
    near: Mask
    """Where ball and paddles are in the frames of the observation, and `NEAR` them."""


def covered(mask: Mask, top: float, left: float, rows: int, columns: int) -> None:
    """Marks a box of the screen, and what is `NEAR` it."""
    first, last = int(top / 2.5), int((top + rows - 1) / 2.5)
    start, end = int(left * 84 / 160), int((left + columns - 1) * 84 / 160)
    mask[max(first - NEAR, 0) : last + NEAR + 1, max(start - NEAR, 0) : end + NEAR + 1] = True


def things(court: Court) -> Mask:
    mask = np.zeros((84, 84), bool)
    if court.ball is not None:
        covered(mask, court.ball.row, court.ball.column, 4, 2)
    for side, column in ((Side.LEFT, 16), (Side.RIGHT, 140)):
        covered(mask, court.paddle_row(side) - 8, column, 16, 4)
    return mask


def approaches(ball: Ball | None) -> bool:
    return ball is not None and ball.right > 0 and 60 < ball.column < 138


@pytest.fixture(scope="module")
def moments(ppo: tuple[ModelSpec, PolicyNetwork]) -> list[Moment]:
    """Decisions of a real game in which the ball comes towards the network's paddle."""
    court, agent = Court(seed=0), PolicyAgent(*ppo, name="ppo")
    masks: list[Mask] = []
    found: list[Moment] = []
    while len(found) < 24:
        seen = agent.observation
        decision = agent.observe(court.grey())
        if agent.observation is not seen:
            assert agent.observation is not None
            masks.append(things(court))
            if approaches(court.ball):
                found.append(Moment(agent.observation, np.logical_or.reduce(masks[-STACK:])))
        court.step(control_of(decision.action))
    return found


def untrained(spec: ModelSpec, trained: PolicyNetwork, seed: int) -> PolicyNetwork:
    torch.manual_seed(seed)
    network = PolicyNetwork(spec)
    network.pixels.load_state_dict(trained.pixels.state_dict())
    return network


def maps_of(network: PolicyNetwork, moments: list[Moment]) -> list[SaliencyMap]:
    return [occlusion_map(network, moment.observation) for moment in moments]


def mean_rank_correlation(ones: list[SaliencyMap], others: list[SaliencyMap]) -> float:
    """Spearman's, over the places where either is not 0; elsewhere every two maps are alike."""
    correlations = []
    for one, other in zip(ones, others, strict=True):
        either = (one > 0) | (other > 0)
        ranks = np.array([saliency[either].argsort().argsort() for saliency in (one, other)], float)
        correlations.append(np.corrcoef(ranks)[0, 1])
    return float(np.mean(correlations))


def test_ball_and_paddles_matter_most(ppo: tuple[ModelSpec, PolicyNetwork], moments: list[Moment]) -> None:
    maps = maps_of(ppo[1], moments)
    shares = [saliency[moment.near].sum() / saliency.sum() for saliency, moment in zip(maps, moments, strict=True)]
    # All else there is are the score and where the paddles passed in between.
    assert np.mean(shares) > 0.75


def test_the_map_depends_on_the_weights(ppo: tuple[ModelSpec, PolicyNetwork], moments: list[Moment]) -> None:
    """Adebayo et al. 2018, "Sanity Checks for Saliency Maps": with random weights it must be another picture."""
    spec, trained = ppo
    some = moments[::3]
    maps = maps_of(trained, some)
    strangers = [mean_rank_correlation(maps, maps_of(untrained(spec, trained, seed), some)) for seed in range(2)]
    assert np.mean(strangers) < 0.5
    _, relative = checkpoint.load(catalog.resolve("ppo@1953792"))
    assert mean_rank_correlation(maps, maps_of(relative, some)) > np.mean(strangers) + 0.15


def test_a_left_policys_map_lies_where_the_court_is() -> None:
    grey, without = picture(ball=(100, 30)), picture()
    grey[5:15, 40:50] = 148
    shown = (resized(mirrored(grey)) != resized(mirrored(without))).astype(np.float32)
    expected = resized(grey) != resized(without)
    assert not (shown.astype(bool) == expected).all()
    assert (turned_about(shown, SCREEN).astype(bool) == expected).all()


class Later(Executor):
    """Does what it is given when it is told to."""

    def __init__(self) -> None:
        self.given: list[tuple[Future[Any], Callable[[], Any]]] = []
        self.submitted = 0

    def submit(self, task: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.given.append((future, lambda: task(*arguments, **options)))
        self.submitted += 1
        return future

    def work(self) -> None:
        for future, task in self.given:
            future.set_result(task())
        self.given.clear()


@pytest.fixture
def agent() -> PolicyAgent:
    """One for which the ball alone matters, where it is."""
    agent = PolicyAgent(single_pixel_spec(), single_pixel_network(40, 42), name="tiny")
    agent.observation = observed(picture(ball=(100, 80)))
    return agent


@pytest.fixture(scope="module")
def waiting() -> Snapshot:
    return Match(Court(), names=("left", "right")).snapshot()


@pytest.fixture
def playing(waiting: Snapshot, agent: PolicyAgent) -> Snapshot:
    return dataclasses.replace(waiting, policies=(None, agent))


def test_one_map_at_a_time(playing: Snapshot, agent: PolicyAgent) -> None:
    executor = Later()
    model = SaliencyModel(executor)
    for _ in range(5):
        model.update(playing, LONG_AGO)
        assert agent.observation is not None
        agent.observation = agent.observation.copy()
    assert executor.submitted == 1
    assert not model.brightness.any()
    executor.work()
    model.update(playing, LONG_AGO)
    assert executor.submitted == 2


def test_a_map_is_shown_once_it_is_there_and_made_once(playing: Snapshot, agent: PolicyAgent) -> None:
    executor = Later()
    model = SaliencyModel(executor)
    model.update(playing, LONG_AGO)
    executor.work()
    for _ in range(5):
        model.update(playing, LONG_AGO)
    assert executor.submitted == 1
    assert agent.observation is not None
    expected = brightness(occlusion_map(agent.network, agent.observation))
    assert model.brightness == pytest.approx(expected, abs=1e-6)


def test_maps_are_not_made_faster_than_they_are_drawn(playing: Snapshot, agent: PolicyAgent) -> None:
    executor = Later()
    model = SaliencyModel(executor)
    for _ in range(60):
        assert agent.observation is not None
        agent.observation = agent.observation.copy()
        model.update(playing, 1 / 120)
        executor.work()
    # Half a second: one every 8 frames of 120 a second, the first that are 0.06 s apart.
    assert executor.submitted == 8


def test_another_network_has_another_map(playing: Snapshot, agent: PolicyAgent) -> None:
    executor = Later()
    model = SaliencyModel(executor)
    model.update(playing, LONG_AGO)
    executor.work()
    model.update(playing, LONG_AGO)
    assert model.brightness.any()
    agent.change_network(agent.spec, single_pixel_network(10, 10), name="other")
    model.update(playing, LONG_AGO)
    executor.work()
    model.update(playing, LONG_AGO)
    assert executor.submitted == 2
    assert not model.brightness.any()


@pytest.mark.parametrize("change", [{"undone": 1.0}, {"policies": (None, None)}], ids=str)
def test_all_is_dark_where_the_network_sees_another_moment(playing: Snapshot, change: dict[str, Any]) -> None:
    executor = Later()
    model = SaliencyModel(executor)
    model.update(playing, LONG_AGO)
    executor.work()
    model.update(playing, LONG_AGO)
    lit = model.brightness.max()
    model.update(dataclasses.replace(playing, **change), 0.08 / 3)
    # After a third of the 0.08 s in which 95% are made: 1 / e is left.
    assert model.brightness.max() == pytest.approx(lit / np.e)
    model.update(dataclasses.replace(playing, **change), LONG_AGO)
    assert not model.brightness.any()


def test_a_map_that_comes_too_late_is_not_shown(playing: Snapshot, waiting: Snapshot) -> None:
    executor = Later()
    model = SaliencyModel(executor)
    model.update(playing, LONG_AGO)
    executor.work()
    model.update(waiting, LONG_AGO)
    assert not model.brightness.any()


def test_the_left_policys_map_is_turned_about(waiting: Snapshot, agent: PolicyAgent) -> None:
    executor = Later()
    model = SaliencyModel(executor)
    now = dataclasses.replace(waiting, policies=(agent, None))
    model.update(now, LONG_AGO)
    executor.work()
    model.update(now, LONG_AGO)
    # The ball's columns, 42 and 43 of 0 to 83, as seen from the other side.
    assert set(model.brightness.nonzero()[1]) == {83 - 42, 83 - 43}


def test_brightness_is_half_at_its_mark_and_never_whole() -> None:
    shown = brightness(np.array([[0, HALF_LIT, 3 * HALF_LIT, 1e6]], np.float32))
    assert shown[0, :3] == pytest.approx([0, 0.5, 0.75])
    assert shown[0, 3] <= 1


def lit(
    light: NDArray[np.float32], court: pygame.Rect, region: Region = SCREEN
) -> tuple[pygame.Surface, pygame.Surface]:
    """A surface in the court's colour before and after the overlay has been drawn."""
    overlay = SaliencyOverlay(Later())
    overlay.model.brightness, overlay.model.region = light, region
    before = pygame.Surface((900, 700), depth=32)
    before.fill(theme.COURT)
    after = before.copy()
    overlay.draw(after, court)
    return before, after


@pytest.mark.parametrize(
    ("every", "before", "moved"),
    [(4, 0, "0101" * 3), (4, 3, "0110" + "1010" * 2), (2, 0, "01" * 6), (1, 0, "01" * 6)],
    ids=["usual", "begun between two frames of the light", "often", "fast forward"],
)
def test_the_light_leaves_the_frame_of_a_decision_to_it(every: int, before: int, moved: str, playing: Snapshot) -> None:
    overlay, surface = SaliencyOverlay(Later(), spread=True), pygame.Surface((900, 700), depth=32)
    court, when = surface.get_rect(), ""
    overlay.draw(surface, court)
    for frame in range(12):
        decision = Decision("FIRE", ("FIRE",), (1.0,), float((before + frame) // every))
        overlay.update(dataclasses.replace(playing, decisions=(None, decision)), 0.0)
        overlay.model.brightness = np.full((84, 84), frame / 12, np.float32)
        light = overlay._light
        overlay.draw(surface, court)
        when += "0" if overlay._light is light else "1"
    assert when == moved


@pytest.mark.parametrize("size", [(640, 480), (832, 624), (1600, 1200)], ids=str)
def test_light_falls_where_the_map_is(size: tuple[int, int]) -> None:
    light = np.zeros((84, 84), np.float32)
    light[21, 63] = 1
    court = pygame.Rect((10, 20), size).clip((10, 20, 890, 680))
    before, after = lit(light, court)
    changed = (pygame.surfarray.array3d(after) != pygame.surfarray.array3d(before)).any(2)
    columns, rows = changed.nonzero()
    # The middle of the pixel in column 63 of 84 and row 21 of 84, to within a pixel of the observation.
    assert columns.mean() == pytest.approx(court.left + 63.5 * court.width / 84, abs=court.width / 84)
    assert rows.mean() == pytest.approx(court.top + 21.5 * court.height / 84, abs=court.height / 84)
    assert np.ptp(columns) < 0.15 * court.width


def test_light_falls_where_the_map_is_of_a_policy_that_sees_the_court_alone() -> None:
    light = np.zeros((64, 64), np.float32)
    light[16, 48] = 1
    court = pygame.Rect(10, 20, 640, 420)  # 4 x 2 pixels for one of the screen's
    before, after = lit(light, court, COURT)
    columns, rows = (pygame.surfarray.array3d(after) != pygame.surfarray.array3d(before)).any(2).nonzero()
    # The pixel's middle is at column 16 + 48.5 * 2 = 113 and row 34 + 16.5 * 2.5 = 75.25 of the screen.
    assert columns.mean() == pytest.approx(10 + 4 * 113, abs=4)
    assert rows.mean() == pytest.approx(20 + 2 * 75.25, abs=3)


def test_where_nothing_matters_nothing_is_drawn() -> None:
    before, after = lit(np.zeros((84, 84), np.float32), pygame.Rect(10, 20, 832, 624))
    assert (pygame.surfarray.array3d(before) == pygame.surfarray.array3d(after)).all()


def luminance(colour: pygame.Color) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour[:3])]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_ball_stands_out_from_the_brightest_light() -> None:
    _, after = lit(np.ones((84, 84), np.float32), pygame.Rect(0, 0, 832, 624))
    brightest = luminance(after.get_at((400, 300)))
    ball = luminance(pygame.Color(236, 236, 236))
    assert (ball + 0.05) / (brightest + 0.05) > 1.8
    # And the light from the dark, without any help of its colour.
    assert (brightest + 0.05) / (luminance(theme.COURT) + 0.05) > 2.5
