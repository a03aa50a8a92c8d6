from __future__ import annotations

import itertools

import numpy as np
import pygame
import pytest

from agents.pong import FRAMES_PER_SECOND, Score, Side
from app.game.story import Rally, Story
from app.play.ending import EndingChoice, EndingModel, Figure
from app.play.ending_view import EndingLayout, EndingView
from app.ui import theme, widgets
from app.ui.bindings import Command
from app.ui.widgets import Toast

SIZES = [(800, 600), (1000, 600), (1280, 800), (1024, 1366), (2560, 1440)]
LEFT, RIGHT = Side.LEFT, Side.RIGHT
SECOND = FRAMES_PER_SECOND
STORY = Story(
    (
        Rally(LEFT, (1, 0), 0, round(10 * SECOND)),
        Rally(RIGHT, (0, 1), round(11 * SECOND), round(20 * SECOND)),
        Rally(RIGHT, (7, 7), round(21 * SECOND), round(40.5 * SECOND)),
        Rally(RIGHT, (0, 0), round(50 * SECOND), round(67 * SECOND)),
    )
)
"""1 : 3. Two aces of the right player, of which one is a serve that nobody touched; a rally of 14 hits in 19.5 s."""
NAMES = ("Regular", "You")
PICTURE, BRIGHT = np.full((210, 160, 3), 144, np.uint8), np.full((210, 160, 3), 255, np.uint8)


def ending(story: Story = STORY, names: tuple[str, str] = NAMES) -> EndingModel:
    return EndingModel(names, story.scores[-1], story, seconds=67.0)


def long_match() -> EndingModel:
    """The tightest fit: 20 : 21, with long names."""
    rallies = [Rally(Side(i % 2), (99, 99), 1000 * i, 1000 * i + 900) for i in range(41)]
    rallies[-1] = Rally(RIGHT, (99, 99), 40_000, 40_900)
    return ending(Story(tuple(rallies)), ("a-model-with-quite-a-long-name",) * 2)


def test_figures() -> None:
    assert ending().figures == (
        Figure("Longest rally", ("14 hits, 19.5 s",)),
        Figure("Longest streak", ("1", "3")),
        Figure("Aces", ("1", "2")),
        Figure("Time played", ("1:07",)),
    )


def test_figures_before_the_first_point() -> None:
    values = [figure.values for figure in ending(Story()).figures]
    assert values == [("none",), ("0", "0"), ("0", "0"), ("1:07",)]


def test_curves_are_the_points_over_time() -> None:
    times = [0.0, 10.0, 20.0, 40.5, 67.0]
    left, right = ending().curves
    assert [time for time, _ in left] == pytest.approx(times, abs=0.01)
    assert [points for _, points in left] == [0, 1, 1, 1, 1]
    assert [points for _, points in right] == [0, 0, 1, 2, 3]


@pytest.mark.parametrize(
    ("names", "score", "verdict"),
    [
        (("Regular", "You"), Score(13, 21), "You win"),
        (("Regular", "You"), Score(21, 13), "Regular wins"),
        (("a", "b"), Score(3, 3), "Draw"),
    ],
)
def test_verdict(names: tuple[str, str], score: Score, verdict: str) -> None:
    assert EndingModel(names, score, STORY, seconds=67.0).verdict == verdict


def test_a_recording_that_stops_early_has_no_winner() -> None:
    model = EndingModel(NAMES, Score(3, 1), STORY, seconds=67.0, cut=True)
    assert (model.winner, model.verdict) == (None, "The recording ends here")


def test_keys_make_a_choice() -> None:
    model = ending()
    commands = [Command.LEFT, Command.CONFIRM, Command.RIGHT, Command.CONFIRM]
    assert [model.command(command) for command in commands] == [None, EndingChoice.AGAIN, None, EndingChoice.REVIEW]
    assert [model.command(command) for command in [Command.RIGHT] * 3] == [None] * 3
    assert model.command(Command.CONFIRM) is EndingChoice.LEAVE
    assert model.command(Command.UP) is None


def test_back_leads_to_the_menu() -> None:
    assert ending().command(Command.BACK) is EndingChoice.LEAVE


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_mouse_makes_a_choice(size: tuple[int, int]) -> None:
    view = EndingView(ending())
    for choice, rect in EndingLayout.of(size, view.model).buttons:
        assert view.click(rect.center, size) is choice
        assert view.model.focus.target is choice
    assert view.click((1, 1), size) is None
    assert view.model.focus.target is EndingChoice.LEAVE


def test_the_first_choice_goes_by_its_name() -> None:
    model = EndingModel(NAMES, Score(1, 3), STORY, seconds=67.0, again="Next game")
    assert model.choices[EndingChoice.AGAIN] == "Next game"
    assert dict(model.hints)[(Command.CONFIRM,)] == "next game"


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_layout_is_inside_and_apart(size: tuple[int, int]) -> None:
    layout = EndingLayout.of(size, ending())
    buttons = [rect for _, rect in layout.buttons]
    parts = [layout.score, layout.chart, *layout.figures, *buttons]
    assert all(layout.card.contains(part) for part in parts)
    assert pygame.Rect((0, 0), size).contains(layout.card)
    apart = itertools.combinations([*parts, layout.hints], 2)
    assert not [(one, other) for one, other in apart if one.colliderect(other)]
    assert layout.chart.height > 0.3 * layout.card.height


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("model", [ending(), ending(Story()), long_match()], ids=["usual", "empty", "long"])
def test_no_text_leaves_its_place_or_covers_another(
    model: EndingModel, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[pygame.Rect] = []
    draw_text = theme.draw_text

    def note(*args: object, **anchor: tuple[int, int]) -> pygame.Rect:
        box: pygame.Rect = draw_text(*args, **anchor)  # type: ignore[arg-type]
        # A line of text is as high as its tallest letter with an accent and its deepest tail; a third of that is air.
        texts.append(box.inflate(0, -box.height // 3))
        return box

    monkeypatch.setattr(theme, "draw_text", note)
    drawn(model, size)
    layout = EndingLayout.of(size, model)
    places = [layout.score, layout.chart, *layout.figures, layout.hints]
    places += [rect for _, rect in layout.buttons]
    assert len(texts) > 20
    assert [text for text in texts if text.width and not any(place.contains(text) for place in places)] == []
    assert [pair for pair in itertools.combinations(texts, 2) if pair[0].colliderect(pair[1])] == []


def drawn(model: EndingModel, size: tuple[int, int] = (1280, 800)) -> pygame.Surface:
    surface = pygame.Surface(size, depth=32)
    EndingView(model).draw(surface, PICTURE)
    return surface


def count(surface: pygame.Surface, colour: pygame.Color) -> int:
    mask = pygame.mask.from_threshold(surface, colour, (1, 1, 1, 255))
    return mask.count()


def test_the_winners_colour_is_the_verdicts() -> None:
    for score, colour in ((Score(1, 3), theme.RIGHT_PLAYER), (Score(3, 1), theme.LEFT_PLAYER)):
        model = EndingModel(NAMES, score, STORY, seconds=67.0)
        room = EndingLayout.of((1280, 800), model).score
        verdict = drawn(model).subsurface((room.left, room.top, room.width, 40))
        assert count(verdict, colour) > 100
        assert count(verdict, theme.LEFT_PLAYER) + count(verdict, theme.RIGHT_PLAYER) == count(verdict, colour)


def test_the_lines_are_told_apart_without_colour() -> None:
    """In the last 20 of 67 s the left player has 1 point, a thin line with gaps; the right one 2, a thick one."""
    model = ending()
    chart = EndingLayout.of((1280, 800), model).chart
    part = drawn(model).subsurface(chart)
    columns = range(round(0.62 * chart.width), round(0.8 * chart.width))
    inked = {
        colour: [sum(part.get_at((x, y)) == c for y in range(part.height)) for x in columns]
        for colour, c in (("left", theme.LEFT_PLAYER), ("right", theme.RIGHT_PLAYER))
    }
    assert set(inked["right"]) == {4}
    assert set(inked["left"]) == {0, 2}


def test_the_ring_is_around_the_choice_in_focus() -> None:
    model = ending()
    model.focus.go(EndingChoice.SAVE)
    surface = drawn(model)
    spots = EndingLayout.of(surface.size, model).buttons
    ringed = [choice for choice, rect in spots if surface.get_at((rect.centerx, rect.top - 3)) == theme.FOCUS]
    assert ringed == [EndingChoice.SAVE]


def test_the_court_behind_is_dimmed_and_follows_picture_and_size() -> None:
    view = EndingView(ending())
    seen = []
    for size, picture in (((800, 600), PICTURE), ((1280, 800), PICTURE), ((1280, 800), BRIGHT)):
        surface = pygame.Surface(size, depth=32)
        view.draw(surface, picture)
        seen.append(surface.get_at((size[0] - 4, size[1] // 2))[0])
    # 22 in 100 of 144, and of 255; scaling rounds down.
    assert seen == pytest.approx([31.7, 31.7, 56.1], abs=3)


def test_a_toast_stays_and_fades_and_goes() -> None:
    toast = Toast()
    assert toast.opacity == 0.0
    toast.show("screenshot saved")
    toast.update(2.5)
    assert toast.opacity == 1.0
    toast.update(0.125)
    assert toast.opacity == pytest.approx(0.5)
    toast.update(0.2)
    assert toast.opacity == 0.0
    toast.show("another")
    assert toast.opacity == 1.0


def test_a_toast_is_drawn_around_its_centre_as_far_as_it_has_not_faded() -> None:
    toast = Toast()
    toast.show("screenshot saved")
    padding = 400 - theme.width_of(toast.text, theme.BODY_SIZE) // 2 - 8
    brightness, edges = [], []
    for elapsed in (0.0, 2.625, 1.0):
        toast.update(elapsed)
        surface = pygame.Surface((800, 600), depth=32)
        widgets.draw_toast(surface, (400, 500), 1.0, toast)
        brightness.append(pygame.transform.average_color(surface, (0, 470, 800, 60))[0])
        edges.append(surface.get_at((padding, 500)))
        assert surface.get_at((2, 500)) == surface.get_at((400, 440)) == pygame.Color(0, 0, 0)
    full, half, gone = brightness
    assert full > half > gone == 0
    assert (edges[0], edges[-1]) == (theme.PANEL, pygame.Color(0, 0, 0))


def test_a_long_message_is_whole_and_stays_until_it_can_be_read() -> None:
    toast, size = Toast(), (800, 600)
    toast.show("last time: something went wrong in Volley; a report is in /home/somebody/.local/share/volley " * 3)
    toast.update(10.0)
    assert toast.opacity == 1.0
    surface = pygame.Surface(size, depth=32)
    widgets.draw_toast(surface, (400, 590), 1.0, toast)
    box = pygame.mask.from_threshold(surface, theme.PANEL, (1, 1, 1, 255)).get_bounding_rects()[0]
    assert box.bottom < 600
    assert box.height >= 3 * theme.font(theme.Face.REGULAR, theme.BODY_SIZE).get_linesize()
    toast.update(10.0)
    assert toast.opacity == 0.0
