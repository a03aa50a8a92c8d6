from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
import pygame
import pytest
import torch
from numpy.typing import NDArray
from pictures import picture

from agents.base import Frame
from agents.policy import PolicyAgent
from agents.pong import Court
from agents.preprocessing import FrameStacker, mirrored
from app.game.match import Match
from app.game.snapshot import Snapshot
from app.play.panels import seen
from app.play.panels.seen import RANGE, SeenModel, SeenPanel, as_seen, coloured
from app.ui import theme
from models import catalog
from models.network import PolicyNetwork
from models.spec import ModelSpec

SIZES = [(264, 219, 0.875), (338, 250, 0.875), (400, 250, 1.0), (400, 420, 1.0), (720, 540, 1.8)]
"""Width, height and scale of panels."""
BELOW_THE_MIDDLE = 160
"""A paddle's first row."""


@pytest.fixture(scope="module")
def waiting() -> Snapshot:
    return Match(Court(), names=("left", "right")).snapshot()


@pytest.fixture
def agent() -> PolicyAgent:
    """One that has seen four frames, its paddle in the lower half, where its network turns the court upside down."""
    agent = PolicyAgent.load(catalog.resolve("ppo"))
    stacker = FrameStacker(agent.spec.observation)
    for frame in range(13):
        observation = stacker.push(picture(ball=(60 + 4 * frame, 40 + 4 * frame), right=BELOW_THE_MIDDLE))
    agent.observation = observation
    return agent


@pytest.fixture
def playing(waiting: Snapshot, agent: PolicyAgent) -> Snapshot:
    return dataclasses.replace(waiting, policies=(None, agent))


def test_frames_are_as_the_network_sees_them(playing: Snapshot, agent: PolicyAgent) -> None:
    model = SeenModel()
    model.update(playing)
    assert agent.observation is not None
    assert model.frames is not None
    # The network turns rows 13 to 77 of 84: the court.
    expected = agent.observation.copy()
    expected[:, 13:78] = expected[:, 13:78][:, ::-1]
    assert (model.frames == expected).all()
    assert model.orientation == "upside down"
    assert model.seconds == pytest.approx((12 / 59.92, 8 / 59.92, 4 / 59.92, 0))


def test_normalised_is_in_deviations(spec: ModelSpec, network: PolicyNetwork) -> None:
    network.pixels.mean[3, 5] = 40
    network.pixels.scale[3, 5] = 20
    frames = np.full((2, 20, 16), 90, np.uint8)
    seen, normalised, turned = as_seen(network, frames)
    assert (seen == frames).all()
    assert not turned
    # (90 - 40) / 20, and elsewhere (90 - 0) / 255
    assert normalised[:, 3, 5] == pytest.approx(2.5)
    assert normalised[:, 4, 5] == pytest.approx(0.352941)
    assert normalised.shape == spec.observation.shape


@pytest.mark.parametrize(
    ("row", "left", "words"),
    [
        (BELOW_THE_MIDDLE, False, "upside down"),
        (40, False, ""),
        (BELOW_THE_MIDDLE, True, "mirrored, upside down"),
        (40, True, "mirrored"),
    ],
)
def test_the_words_say_how_the_court_is_seen(
    waiting: Snapshot, agent: PolicyAgent, row: int, *, left: bool, words: str
) -> None:
    grey = mirrored(picture(left=row)) if left else picture(right=row)
    agent.observation = FrameStacker(agent.spec.observation).push(grey)
    model = SeenModel()
    model.update(dataclasses.replace(waiting, policies=(agent, None) if left else (None, agent)))
    assert model.orientation == words


def test_the_last_moment_stays_while_the_match_is_gone_back_in(playing: Snapshot, agent: PolicyAgent) -> None:
    model = SeenModel()
    model.update(playing)
    before = model.frames
    assert agent.observation is not None
    agent.observation = np.zeros_like(agent.observation)
    model.update(dataclasses.replace(playing, undone=1.0))
    assert model.frames is before
    model.update(playing)
    assert model.frames is not None
    assert not model.frames.any()


def test_another_network_normalises_otherwise(playing: Snapshot, agent: PolicyAgent) -> None:
    model = SeenModel()
    model.update(playing)
    before = model.normalised
    model.update(playing)
    assert model.normalised is before
    agent.change_network(agent.spec, PolicyNetwork(agent.spec), name="untrained")
    model.update(playing)
    assert before is not None
    assert model.normalised is not None
    assert not torch.allclose(torch.from_numpy(before), torch.from_numpy(model.normalised))


def test_colours_go_apart_from_the_mean() -> None:
    colours = coloured(np.array([-10 * RANGE, -RANGE, 0, RANGE, 10 * RANGE], np.float32)).tolist()
    down, up = list(theme.PUSHED_DOWN[:3]), list(theme.PUSHED_UP[:3])
    assert colours == [down, down, list(theme.BACKGROUND[:3]), up, up]
    # Half-way from #12100E to #4C9BE8 is (18 + 76) / 2, (16 + 155) / 2, (14 + 232) / 2.
    assert coloured(np.array([RANGE / 2], np.float32))[0] == pytest.approx((47, 85.5, 123), abs=0.5)


class Notes:
    """Where texts and pictures were drawn."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.texts: list[tuple[str, pygame.Rect]] = []
        self._draw_text = theme.draw_text
        patch.setattr(theme, "draw_text", self.draw_text)

    def draw_text(
        self,
        surface: pygame.Surface,
        text: str,
        size: int,
        colour: pygame.Color = theme.TEXT,
        face: theme.Face = theme.Face.REGULAR,
        **anchor: tuple[int, int],
    ) -> pygame.Rect:
        box = self._draw_text(surface, text, size, colour, face, **anchor)
        assert not text or box.size == theme.font(face, size).size(text), f"{text!r} is cut"
        if text:
            self.texts.append((text, box))
        return box


def drawn(panel: SeenPanel, size: tuple[int, int, float]) -> tuple[pygame.Surface, pygame.Rect]:
    width, height, scale = size
    surface = pygame.Surface((width + 40, height + 40), depth=32)
    surface.fill(theme.COURT)
    rect = pygame.Rect(20, 20, width, height)
    panel.draw(surface, rect, scale)
    return surface, rect


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_nothing_is_cut_or_covered(
    waiting: Snapshot, agent: PolicyAgent, size: tuple[int, int, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    notes, panel = Notes(monkeypatch), SeenPanel()
    panel.update(dataclasses.replace(waiting, policies=(agent, None)), 0.1)
    surface, rect = drawn(panel, size)
    assert len(notes.texts) == 10
    assert all(rect.contains(box) for _, box in notes.texts)
    # A line of text is as high as its tallest letter with an accent and its deepest tail; a third of that is air.
    inks = [(text, box.inflate(0, -box.height // 3)) for text, box in notes.texts]
    assert not [(a, b) for (a, one), (b, other) in itertools.combinations(inks, 2) if one.colliderect(other)]
    pixels = pygame.surfarray.array3d(surface)
    outside = np.ones(pixels.shape[:2], bool)
    outside[rect.left : rect.right, rect.top : rect.bottom] = False
    assert (pixels[outside] == theme.COURT[:3]).all()


def box_of(pixels: NDArray[np.uint8], colour: list[int]) -> pygame.Rect:
    """Where a colour fills an area; letters and the legend are too small to count."""
    same = (pixels == colour).all(2)
    columns, rows = (np.flatnonzero(same.sum(axis) > 30) for axis in (1, 0))
    return pygame.Rect(columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_pictures_stand_side_by_side_oldest_first(size: tuple[int, int, float]) -> None:
    panel, greys, deviations = SeenPanel(), (40, 90, 140, 190), (-3.0, -1.8, 1.8, 3.0)
    panel.model.frames = np.ones((4, 84, 84), np.uint8) * np.array(greys, np.uint8)[:, None, None]
    panel.model.normalised = np.ones((4, 84, 84), np.float32) * np.array(deviations, np.float32)[:, None, None]
    panel.model.seconds = (0.3, 0.2, 0.1, 0.0)
    surface, rect = drawn(panel, size)
    pixels = pygame.surfarray.array3d(surface)
    upper = [box_of(pixels, [grey] * 3) for grey in greys]
    lower = [box_of(pixels, coloured(np.array([z], np.float32))[0].tolist()) for z in deviations]
    for row in (upper, lower):
        assert all(rect.contains(box) for box in row)
        assert all(one.right < other.left for one, other in itertools.pairwise(row))
        # The newest is framed, on its outermost pixel.
        assert {box.width for box in row[:3]} == {box.height for box in row[:3]} == {row[3].width + 2}
    assert all(above.bottom < below.top for above, below in zip(upper, lower, strict=True))
    assert [box.left for box in upper] == [box.left for box in lower]


def test_what_the_network_sees_is_shown_in_its_turn(playing: Snapshot, agent: PolicyAgent) -> None:
    model = SeenModel(delay=2)
    shown = []
    for _ in range(4):
        model.update(playing)
        shown.append(model.frames)
    assert shown[0] is shown[1] is shown[2] is shown[3] is not None, "the first needs no turn"
    assert agent.observation is not None
    agent.observation = agent.observation + 1
    for _ in range(3):
        model.update(playing)
        shown.append(model.frames)
    assert shown[4] is shown[5] is shown[3] is not shown[6]


def test_only_the_new_frame_is_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    panel, made, draw = SeenPanel(), 0, seen._picture

    def counted(levels: Frame, size: int, palette: Sequence[tuple[int, ...]]) -> pygame.Surface:
        nonlocal made
        made += 1
        return draw(levels, size, palette)

    monkeypatch.setattr(seen, "_picture", counted)
    random = np.random.default_rng(0)
    grey = random.integers(256, size=(5, 84, 84)).astype(np.uint8)
    deviation = random.normal(size=(5, 84, 84)).astype(np.float32)
    shown = []
    for first in (0, 1):
        panel.model.frames, panel.model.normalised = grey[first : first + 4], deviation[first : first + 4]
        panel.model.seconds = (0.3, 0.2, 0.1, 0.0)
        drawn(panel, SIZES[0])
        shown.append(panel._pictures)
    assert made == 8 + 2
    for before, after in zip(*shown, strict=True):
        assert before[1:] == after[:3]


def test_without_a_network_it_says_so(waiting: Snapshot, playing: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    notes, panel = Notes(monkeypatch), SeenPanel()
    panel.update(playing, 0.1)
    panel.update(waiting, 0.1)
    drawn(panel, SIZES[0])
    assert [text for text, _ in notes.texts] == ["What the network sees", "no network is playing"]


def test_in_a_high_room_the_panel_ends_below_its_pictures(playing: Snapshot) -> None:
    panel, surface = SeenPanel(), pygame.Surface((400, 600), depth=32)
    panel.update(playing, 0.1)
    panel.draw(surface, surface.get_rect(), 1.0)
    rows = [row for row in range(600) if surface.get_at((200, row)) == theme.PANEL]
    assert 250 < rows[-1] < 560
    assert surface.get_at((200, 590)) == pygame.Color("black")
