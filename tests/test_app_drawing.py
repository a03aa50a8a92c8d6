from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pygame
import pytest
from numpy.typing import NDArray

from agents.base import Decision, control_of
from agents.pong import FRAMES_PER_SECOND, Court, Score, Side
from app.game.match import Match
from app.game.snapshot import Snapshot, State
from app.game.story import Rally, Story
from app.game.timeline import HISTORY_LENGTH, Estimate
from app.play.layout import PlayLayout, court_size
from app.play.panels import moves
from app.play.panels.moves import MovesModel
from app.play.panels.panel import Panel, Turn
from app.play.panels.timeline import TimelineModel, TimelinePanel
from app.play.scene import MatchScene
from app.settings import PanelName
from app.ui import theme
from app.ui.court import CourtView, scale
from app.ui.smoothing import Smoothed
from models.spec import MINIMAL_ACTIONS, ActionName

SIZES = [(800, 600), (1000, 600), (1280, 720), (1280, 800), (1024, 1366), (2560, 1440)]
ACTIONS: tuple[ActionName, ...] = ("NOOP", "FIRE", "RIGHT", "LEFT", "RIGHTFIRE", "LEFTFIRE")
PROBABILITIES = (0.05, 0.15, 0.1, 0.0, 0.3, 0.4)
"""Up 0.4, stay 0.2, down 0.4; with FIRE 0.85."""
HISTORY = tuple(
    Estimate(1000 + 4 * i, 0.4, 0.3, math.sin(i / 9), 0.1 + i / HISTORY_LENGTH, 3) for i in range(HISTORY_LENGTH)
)
LONG_AGO = 1000.0
"""Seconds, after which every smoothed number has arrived."""


def decision(action: ActionName) -> Decision:
    return Decision(action, ACTIONS, PROBABILITIES, value=0.5)


def snapshot(action: ActionName = "RIGHTFIRE") -> Snapshot:
    """The busiest moment there can be: every number at its widest."""
    return dataclasses.replace(
        Match(
            Court(),
            names=("another model with a name that is long", "a-model-with-quite-a-long-name"),
            loading="loading a-model-with-quite-a-long-name …",
        ).snapshot(),
        state=State.PLAYING,
        score=Score(20, 20),
        games_won=Score(100, 100),
        game=201,
        decisions=(None, decision(action)),
        history=((), HISTORY),
        seconds=HISTORY[-1].frame / FRAMES_PER_SECOND,
        reactions=(1000, 230),
        speed=0.25,
        greedy=True,
    )


MOMENTS: dict[str, Callable[[Snapshot], Snapshot]] = {
    "playing": lambda now: now,
    "paused": lambda now: dataclasses.replace(now, state=State.PAUSED),
    "over": lambda now: dataclasses.replace(now, state=State.OVER, over=True, next_game_in=2.5),
    "over and paused": lambda now: dataclasses.replace(now, state=State.PAUSED, over=True, next_game_in=2.5),
    "waiting": lambda now: dataclasses.replace(now, state=State.WAITING, decisions=(None, None), history=((), ())),
    "rewinding": lambda now: dataclasses.replace(now, state=State.REWINDING, undone=61.5),
    "rewound": lambda now: dataclasses.replace(now, state=State.PAUSED, undone=119.9),
    "serving": lambda now: dataclasses.replace(now, people=frozenset({Side.LEFT}), server=Side.LEFT),
    "a mind on the left": lambda now: dataclasses.replace(
        now, decisions=now.decisions[::-1], history=now.history[::-1], people=frozenset({Side.RIGHT})
    ),
    "people only": lambda now: dataclasses.replace(
        now, decisions=(None, None), history=((), ()), people=frozenset(Side), reactions=(None, None)
    ),
}


HINTS = [("Space", "pause"), ("N", "step"), ("+", "faster"), ("1", "take left"), ("2", "take right"), ("H", "help")]


def drawn(scene: MatchScene, now: Snapshot, size: tuple[int, int]) -> pygame.Surface:
    surface = pygame.Surface(size, depth=32)
    scene.update(now, LONG_AGO)
    scene.draw(surface, now, HINTS)
    return surface


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("hints", [True, False])
@pytest.mark.parametrize("column", [(), (190,), (190, 190, 150), (190, 190, 150, 150, 150, 150)], ids=len)
@pytest.mark.parametrize("strips", [(), (180,)], ids=len)
@pytest.mark.parametrize("whole_pixels", [True, False])
def test_layout_is_inside_and_apart(
    size: tuple[int, int], column: tuple[int, ...], strips: tuple[int, ...], *, hints: bool, whole_pixels: bool
) -> None:
    layout = PlayLayout.of(size, column=column, strips=strips, hints=hints, whole_pixels=whole_pixels)
    parts = [layout.score, layout.court, *layout.column, *layout.strips]
    parts += [layout.title] if column else []
    assert len(layout.column) == len(column) or len(column) > 3
    assert len(layout.strips) == len(strips)
    assert all(rect.height >= least * layout.scale - 1 for rect, least in zip(layout.column, column, strict=False))
    parts += [layout.hints] if hints else []
    window = pygame.Rect((0, 0), size)
    assert all(window.contains(part) for part in parts)
    assert not [(one, other) for one, other in itertools.combinations(parts, 2) if one.colliderect(other)]
    if whole_pixels:
        assert (layout.court.width % 160, layout.court.height % 210) == (0, 0)
        assert 1.14 <= layout.court.width / layout.court.height <= 1.53
    else:
        assert layout.court.width / layout.court.height == pytest.approx(4 / 3, abs=0.01)
    if not strips and not whole_pixels:
        assert max(parts, key=lambda part: part.width * part.height) is layout.court


class Notes:
    """Where every text and every bar was drawn."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.texts: list[tuple[str, pygame.Rect]] = []
        self.tracks: list[pygame.Rect] = []
        self._draw_text, self._bar_track = theme.draw_text, moves.bar_track
        patch.setattr(theme, "draw_text", self.draw_text)
        patch.setattr(moves, "bar_track", self.bar_track)

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
        self.texts.append((text, box))
        return box

    def bar_track(self, row: pygame.Rect, scale: float) -> pygame.Rect:
        self.tracks.append(self._bar_track(row, scale))
        return self.tracks[-1].copy()


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("moment", MOMENTS)
def test_no_text_is_cut_or_covered(size: tuple[int, int], moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = Notes(monkeypatch)
    drawn(MatchScene(), MOMENTS[moment](snapshot()), size)
    # A line of text is as high as its tallest letter with an accent and its deepest tail; a third of that is air.
    inks = [(text, box.inflate(0, -box.height // 3)) for text, box in notes.texts if text]
    assert len(inks) > (15 if moment != "people only" else 8)
    things = [*inks, *(("a bar", track) for track in notes.tracks)]
    covered = [(one, other) for (one, a), (other, b) in itertools.combinations(things, 2) if a.colliderect(b)]
    assert not covered


def bar_rows(size: tuple[int, int], action: ActionName) -> list[pygame.Surface]:
    """The pictures of the tracks of up, stay, down and fire."""
    with pytest.MonkeyPatch.context() as patch:
        notes = Notes(patch)
        surface = drawn(MatchScene(), snapshot(action), size)
    return [surface.subsurface(track) for track in notes.tracks]


@pytest.mark.parametrize("size", [(800, 600), (1280, 800), (2560, 1440)], ids=str)
def test_bars_are_as_long_as_their_probability(size: tuple[int, int]) -> None:
    shares = []
    for track in bar_rows(size, "RIGHTFIRE"):
        middle = [track.get_at((column, track.height // 2)) for column in range(track.width)]
        shares.append(sum(colour in (theme.RIGHT_PLAYER, theme.QUIET) for colour in middle) / track.width)
    # Each may lose the width of the marking frame, 2 of about 100 to 400 pixels, at its left end.
    assert shares == pytest.approx([0.4, 0.2, 0.4, 0.85], abs=0.025)


@pytest.mark.parametrize(
    ("action", "marked"),
    [
        ("NOOP", [False, True, False, False]),
        ("FIRE", [False, True, False, True]),
        ("RIGHT", [True, False, False, False]),
        ("LEFTFIRE", [False, False, True, True]),
    ],
)
def test_the_chosen_action_is_framed(action: ActionName, marked: list[bool]) -> None:
    rows = bar_rows((1280, 800), action)
    assert [track.get_at((track.width // 2, 0)) == theme.TEXT for track in rows] == marked


def test_the_mark_jumps_while_the_bars_move_smoothly() -> None:
    model = MovesModel()
    model.update(Decision("RIGHT", ("RIGHT", "LEFT"), (1.0, 0.0), None), LONG_AGO)
    model.update(Decision("LEFT", ("RIGHT", "LEFT"), (0.0, 1.0), None), 0.010)
    up, _, down, _ = model.bars
    assert (up.chosen, down.chosen) == (False, True)
    # 10 ms of a time constant of 250 / 3 ms: exp(-0.12) = 0.8869
    assert (up.share, down.share) == pytest.approx((0.8869, 0.1131), abs=1e-4)


def test_slow_moves_are_a_part_of_the_bar() -> None:
    actions: tuple[ActionName, ...] = ("FIRE", "RIGHTFIRE", "LEFTFIRE", "SLOWRIGHTFIRE", "SLOWLEFTFIRE")
    model = MovesModel()
    model.update(Decision("SLOWRIGHTFIRE", actions, (0.1, 0.2, 0.05, 0.4, 0.25), value=None), LONG_AGO)
    assert [bar.share for bar in model.bars] == pytest.approx([0.6, 0.1, 0.3, 1])
    assert [bar.slow for bar in model.bars] == pytest.approx([0.4, 0, 0.25, 0])
    assert [bar.chosen for bar in model.bars] == [True, False, False, True]


def test_a_smoothed_number_closes_95_percent_of_a_gap_in_250_ms() -> None:
    # 1 - exp(-3) = 1 - 0.049787
    assert Smoothed(0.0).towards(1.0, 0.25) == pytest.approx(0.950213, abs=1e-6)
    # A third of that time is one time constant: 4 - 2 / e
    assert Smoothed(2.0).towards(4.0, 0.25 / 3) == pytest.approx(4 - 2 / math.e)


def test_smoothing_is_the_same_at_any_frame_rate() -> None:
    slow, fast = Smoothed(), Smoothed()
    for _ in range(6):
        slow.towards(1.0, 1 / 30)
    for _ in range(48):
        fast.towards(1.0, 1 / 240)
    assert slow.value == pytest.approx(fast.value)


def watched(history: tuple[Estimate, ...], elapsed: float) -> TimelineModel:
    model = TimelineModel()
    seconds = history[-1].frame / FRAMES_PER_SECOND
    model.update(dataclasses.replace(snapshot(), history=((), history), seconds=seconds), Side.RIGHT, elapsed)
    return model


def test_the_timelines_numbers_are_smoothed_and_its_curves_are_raw() -> None:
    first, second = Estimate(396, 0.4, 0.2, -3.0, 0.2, 6), Estimate(400, 0.9, 0.1, 0.5, 1.0, 6)
    model = watched((first,), 0.1)
    assert (model.value, model.entropy) == (-3.0, 0.2)
    now = dataclasses.replace(snapshot(), history=((), (first, second)), seconds=400 / FRAMES_PER_SECOND)
    model.update(now, Side.RIGHT, 0.25 / 3)
    # In a third of the time to settle the gaps of 3.5 and 0.8 close but for a share of 1 / e.
    assert model.value == pytest.approx(0.5 - 3.5 / math.e)
    assert model.entropy == pytest.approx(1.0 - 0.8 / math.e)
    # 600 frames are shown, so four frames ago lies at 1 - 4 / 600.
    assert model.values == [(pytest.approx(1 - 4 / 600), -3.0), (1.0, 0.5)]
    assert model.entropies == [(pytest.approx(1 - 4 / 600), 0.2), (1.0, 1.0)]
    assert model.value_range == 3.0
    assert model.max_entropy == pytest.approx(1.791759, abs=1e-6)


def test_an_agent_without_values_is_shown_too() -> None:
    model = watched((Estimate(0, 1.0, 0.0, None, 0.0, 2),), 0.1)
    assert (model.value, model.values) == (None, [])


def test_a_moment_can_be_read_where_the_mouse_is() -> None:
    model = watched(HISTORY, 0.1)
    # The newest decision came at frame 1596; the middle of what is shown is 300 frames before that, at 1296.
    moment = model.at(0.5)
    assert moment is not None
    assert moment.estimate is HISTORY[74]
    assert moment.estimate.frame == 1296
    assert moment.seconds_ago == pytest.approx(300 / FRAMES_PER_SECOND)
    assert watched(HISTORY[100:], 0.1).at(0.1) is None


def timeline_drawn(history: tuple[Estimate, ...]) -> pygame.Surface:
    panel, surface = TimelinePanel(), pygame.Surface((400, 300), depth=32)
    seconds = history[-1].frame / FRAMES_PER_SECOND
    panel.update(dataclasses.replace(snapshot(), history=((), history), seconds=seconds), 0.1)
    panel.draw(surface, surface.get_rect(), 1.0)
    return surface


@pytest.mark.parametrize(("up", "down"), [(0.25, 0.5), (0.75, 0.25), (0.0, 1.0)])
def test_shares_are_as_high_as_they_are_probable(up: float, down: float) -> None:
    surface = timeline_drawn(tuple(estimate._replace(up=up, down=down) for estimate in HISTORY))
    # The panel's padding is 12, the gap between its three rows 8, the rows 86 high with a border of 1.
    column = [surface.get_at((300, row)) for row in range(13, 97)]
    dark = theme.RIGHT_PLAYER.lerp(theme.BACKGROUND, 0.45)
    assert column.count(theme.RIGHT_PLAYER) == pytest.approx(84 * up, abs=1)
    assert column.count(dark) == pytest.approx(84 * down, abs=1)


@pytest.mark.parametrize("height", [190, 300])
def test_arrows_beside_the_shares_are_in_the_colours_of_these(height: int) -> None:
    panel, surface = TimelinePanel(), pygame.Surface((400, height), depth=32)
    panel.update(dataclasses.replace(snapshot(), history=((), HISTORY)), 0.1)
    panel.draw(surface, surface.get_rect(), 1.0)
    labels = pygame.surfarray.array3d(surface)[12:112, : height // 3]
    for colour in (theme.RIGHT_PLAYER, theme.RIGHT_PLAYER.lerp(theme.BACKGROUND, 0.45)):
        # A triangle some 9 wide and high.
        assert 20 < int((labels == tuple(colour)[:3]).all(axis=2).sum()) < 80


def test_the_curve_rises_with_the_value() -> None:
    tops = []
    for value in (-0.9, 0.9):
        surface = timeline_drawn(tuple(estimate._replace(value=value) for estimate in HISTORY))
        tops.append(next(row for row in range(106, 200) if surface.get_at((300, row))[1] > 120))
    below, above = tops
    assert above < 125
    assert below > 165


def test_the_curves_are_drawn_anew_in_their_turn_or_at_once_in_another_size() -> None:
    panel, surface = TimelinePanel(delay=1), pygame.Surface((400, 300), depth=32)

    def up_after(history: tuple[Estimate, ...], width: int = 400) -> float:
        panel.update(dataclasses.replace(snapshot(), history=((), history)), 0.1)
        panel.draw(surface, pygame.Rect(0, 0, width, 300), 1.0)
        return sum(surface.get_at((300, row)) == theme.RIGHT_PLAYER for row in range(13, 97)) / 84

    def later(frames: int, up: float) -> tuple[Estimate, ...]:
        return tuple(past._replace(frame=past.frame + frames, up=up) for past in HISTORY)

    assert up_after(later(0, 0.5)) == pytest.approx(0.5, abs=0.02)  # There was nothing yet.
    assert up_after(later(4, 0.25)) == pytest.approx(0.5, abs=0.02)
    assert up_after(later(4, 0.25)) == pytest.approx(0.25, abs=0.02)
    assert up_after(later(4, 0.25)) == pytest.approx(0.25, abs=0.02)
    assert up_after(later(8, 0.5)) == pytest.approx(0.25, abs=0.02)
    assert up_after(later(8, 0.5), 380) == pytest.approx(0.5, abs=0.02)


def test_a_turn_comes_as_many_frames_after_each_change() -> None:
    now, third = Turn(), Turn(2)
    assert [now.comes(changed=changed) for changed in (True, False, True)] == [True, False, True]
    assert [third.comes(changed=changed) for changed in (False, True, True, True, False)] == [False] * 3 + [True, False]
    # What changes all the time is drawn all the same.
    assert [third.comes(changed=True) for _ in range(6)] == [False, False, True] * 2


def test_a_point_is_marked_in_the_winners_colour() -> None:
    panel, surface = TimelinePanel(), pygame.Surface((400, 300), depth=32)
    story = Story((Rally(Side.LEFT, (1, 0), 1200, 1296),))
    panel.update(dataclasses.replace(snapshot(), story=story), 0.1)
    panel.draw(surface, surface.get_rect(), 1.0)
    # Half-way across the curves, which begin at 12 + 100 and end at 388.
    assert theme.LEFT_PLAYER in [surface.get_at((column, 150)) for column in range(242, 252)]


def test_two_policies_have_two_bars_each_in_its_colour() -> None:
    now = dataclasses.replace(snapshot(), decisions=(decision("RIGHT"), decision("LEFTFIRE")))
    surface = drawn(MatchScene(), now, (1280, 800))
    with pytest.MonkeyPatch.context() as patch:
        notes = Notes(patch)
        drawn(MatchScene(), now, (1280, 800))
    assert len(notes.tracks) == 8
    up_left, up_right = notes.tracks[:2]
    assert surface.get_at((up_left.left + 20, up_left.centery)) == theme.LEFT_PLAYER
    assert surface.get_at((up_right.left + 20, up_right.centery)) == theme.RIGHT_PLAYER
    assert up_left.bottom < up_right.top


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_panels_that_find_no_room_fold_away_from_the_last(size: tuple[int, int]) -> None:
    class Tall:
        min_height, wide = 190, False

        def __init__(self) -> None:
            self.drawn = 0

        def update(self, now: Snapshot, elapsed: float) -> None:
            pass

        def point(self, position: tuple[int, int] | None, *, pressed: bool) -> None:
            pass

        def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float) -> None:
            assert surface.get_rect().contains(rect)
            assert rect.height >= round(190 * scale)
            self.drawn += 1

    scene = MatchScene()
    panels = {name: Tall() for name in PanelName}
    scene.panels = dict[PanelName, Panel](panels)
    scene.shown = tuple(PanelName)
    drawn(scene, snapshot(), size)
    counts = [panels[name].drawn for name in PanelName]
    assert counts == sorted(counts, reverse=True)
    assert 2 <= sum(counts) <= 7


def test_the_courts_pixels_are_all_as_wide_as_each_other() -> None:
    picture = Court().colour()
    picture[100, 50:150:2] = 255
    surface = pygame.Surface((832, 624), depth=32)
    CourtView().draw(surface, surface.get_rect(), picture)
    row = [surface.get_at((column, round(100.5 * 624 / 210)))[0] for column in range(832)]
    starts = [column for column in range(1, 832) if row[column - 1] < 200 <= row[column]]
    assert len(starts) == 50
    assert {after - before for before, after in itertools.pairwise(starts)} <= {10, 11}
    assert surface.get_at((3, 0)) == surface.get_at((60, 0))


def covered(short: int, long: int) -> NDArray[np.float64]:
    """How much of each of `long` equal parts of a row lies on each of `short` equal parts: `[long, short]`."""
    starts, lefts = np.arange(long)[:, None] / long, np.arange(short) / short
    overlap = np.minimum(starts + 1 / long, lefts + 1 / short) - np.maximum(starts, lefts)
    return np.asarray(np.clip(overlap, 0, None) * long)


@pytest.mark.parametrize("size", [(163, 211), (160, 210), (320, 420), (832, 624), (1700, 1275)])
def test_each_pixel_of_a_scaled_court_is_the_mean_of_what_it_covers(size: tuple[int, int]) -> None:
    alike = Court().colour()
    different = np.random.default_rng(0).integers(256, size=alike.shape, dtype=np.uint8)
    for picture in (alike, different):
        surface = pygame.Surface(size, depth=32)
        scale(picture, surface)
        down, across = covered(210, size[1]), covered(160, size[0])
        expected = np.einsum("yr,rcn,xc->yxn", down, picture, across, optimize=True)
        drawn_pixels = pygame.surfarray.array3d(surface).transpose(1, 0, 2)
        assert np.abs(drawn_pixels - expected).max() <= 1.01, "each way may round by a half"


@pytest.mark.parametrize("size", [(163, 211), (832, 624), (1700, 1275), (100, 75)])
def test_a_court_that_is_drawn_again_looks_as_if_drawn_anew(size: tuple[int, int]) -> None:
    random, court, view = np.random.default_rng(0), Court(), CourtView()
    surface, rect = pygame.Surface(size, depth=32), pygame.Rect((0, 0), size)
    pictures = []
    for _ in range(12):
        court.step(control_of(random.choice(MINIMAL_ACTIONS)))
        pictures.append(court.colour())
    pictures[5][:, 60:90] = 255  # All rows change at once, and back.
    pictures[8][209], pictures[9][0] = 0, 255
    for picture in pictures:
        view.draw(surface, rect, picture)
        anew = pygame.Surface(size, depth=32)
        CourtView().draw(anew, rect, picture)
        assert (pygame.surfarray.array3d(surface) == pygame.surfarray.array3d(anew)).all()


def test_a_court_whose_size_has_changed_is_drawn_whole() -> None:
    view, picture = CourtView(), Court().colour()
    for size in ((832, 624), (640, 480), (832, 624)):
        surface, anew = pygame.Surface(size, depth=32), pygame.Surface(size, depth=32)
        view.draw(surface, surface.get_rect(), picture.copy())
        CourtView().draw(anew, anew.get_rect(), picture)
        assert (pygame.surfarray.array3d(surface) == pygame.surfarray.array3d(anew)).all()


def test_a_surface_that_is_smaller_than_the_court_shows_it_too() -> None:
    surface = pygame.Surface((100, 75), depth=32)
    CourtView().draw(surface, surface.get_rect(), Court().colour())
    assert surface.get_at((50, 40)) == pytest.approx((144, 72, 17, 255), abs=6)


def test_whole_pixels_come_nearest_to_the_right_shape() -> None:
    # 1120 x 840 is 7 by 4 and exactly 4 : 3; 640 x 420, 4 by 2, is 14% too wide, and 480 x 420, 3 by 2, 14% too narrow.
    assert court_size((1150, 850), whole_pixels=True) == (1120, 840)
    assert court_size((832, 588), whole_pixels=True) == (640, 420)
    assert court_size((500, 588), whole_pixels=True) == (480, 420)


def luminance(colour: pygame.Color) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour[:3])]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("ground", [theme.BACKGROUND, theme.PANEL], ids=str)
@pytest.mark.parametrize("ink", [theme.TEXT, theme.QUIET, theme.LEFT_PLAYER, theme.RIGHT_PLAYER], ids=str)
def test_text_stands_out_from_its_ground(ink: pygame.Color, ground: pygame.Color) -> None:
    assert (luminance(ink) + 0.05) / (luminance(ground) + 0.05) >= 4.5


@pytest.mark.parametrize("strip", [frozenset[PanelName](), frozenset({PanelName.CREDIT})])
def test_in_the_smallest_window_the_names_of_levels_and_stages_are_whole(
    strip: frozenset[PanelName], monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted, cut = theme.fitted, list[str]()

    def noted(text: str, *how: Any) -> str:
        cut.extend([text] if fitted(text, *how) != text else [])
        return fitted(text, *how)

    monkeypatch.setattr(theme, "fitted", noted)
    scene = MatchScene()
    scene.shown = {PanelName.MOVES, PanelName.FACTS, *strip}
    drawn(scene, dataclasses.replace(snapshot(), names=("Grandmaster", "champion at 0.98M")), theme.MIN_SIZE)
    assert not {"Grandmaster", "champion at 0.98M"} & set(cut)
