from __future__ import annotations

import dataclasses

import pygame
import pytest

from agents.pong import Court
from app.follow.follower import Training
from app.game.match import Match
from app.play.panels import learning
from app.play.panels.learning import LearningModel, LearningPanel
from app.ui import theme
from app.ui.charts import MAX_POINTS
from models.run_directory import CurvePoint

NOW = Match(Court(), names=("left", "right")).snapshot()
MINUS = "\N{MINUS SIGN}"
# 1,000 steps a second, a point every 25 s, the return rising from -21 to 19 by 1 a point.
RISING = tuple(CurvePoint(25_000 * n, 25.0 * n, n - 22.0) for n in range(1, 41))
HALF = Training(RISING, target=2_000_000)


@dataclasses.dataclass
class Followed:
    """What the panel reads of a follower."""

    training: Training = dataclasses.field(default_factory=Training)
    changes: tuple[int, ...] = ()
    status: str = "waiting for the first checkpoint"


def model_of(training: Training, changes: tuple[int, ...] = ()) -> LearningModel:
    model = LearningModel()
    model.update(training, changes, "plays")
    return model


def test_the_newest_figures() -> None:
    assert model_of(HALF).figures == (
        ("+18.0", "mean return"),
        ("1.00M", "of 2.00M steps"),
        ("1,000", "steps per second"),
        # 1,000,000 of 1,000 a second are 1,000 s, and as many have gone by.
        ("17 min", "left, 17 min so far"),
    )
    assert model_of(HALF).end == "2.00M steps"


def test_the_curve_lies_between_lost_and_won_to_nothing() -> None:
    # A return of -21 is at the bottom, 0 in the middle; 500,000 of 2,000,000 steps are a quarter.
    curve = (CurvePoint(200, 1.0), CurvePoint(500_000, 500.0, -21.0), CurvePoint(1_000_000, 1000.0, 0.0))
    model = model_of(Training(curve, target=2_000_000), changes=(500_000, 1_000_000))
    assert model.curve == ((0.25, 0.0), (0.5, 0.5))
    assert model.changes == (0.25, 0.5)


def test_a_long_curve_is_thinned_out_and_keeps_its_newest_point() -> None:
    long = tuple(CurvePoint(n, float(n), 0.0) for n in range(1, 1000))
    model = model_of(Training(long, target=999))
    assert MAX_POINTS / 2 < len(model.curve) <= MAX_POINTS
    assert model.curve[-1] == (1.0, 0.5)
    assert list(model.curve) == sorted(model.curve)


@pytest.mark.parametrize(
    ("training", "rest"),
    [
        (Training(target=200_000), ("\N{EN DASH}", "so far")),
        (Training(RISING[:1]), ("0.4 min", "so far")),
        (Training(RISING[:5], 1_000_000), ("15 min", "left, 2.1 min so far")),
        (Training(RISING[:5], 1_000_000, silent_for=300.0), ("5.0 min", "without news")),
        (Training(RISING, 1_000_000, silent_for=300.0), ("17 min", "in total, finished")),
        (Training(RISING, 9_000_000), ("2.2 h", "left, 17 min so far")),
        (Training(RISING, 9_000_000, silent_for=36_000.0), ("10 h", "without news")),
    ],
)
def test_how_long_it_takes(training: Training, rest: tuple[str, str]) -> None:
    assert model_of(training).figures[3] == rest


def drawn(followed: Followed, size: tuple[int, int] = (400, 240)) -> tuple[pygame.Surface, LearningPanel]:
    panel = LearningPanel(followed)  # type: ignore[arg-type]
    surface = pygame.Surface(size, depth=32)
    panel.update(NOW, 1 / 60)
    panel.draw(surface, surface.get_rect(), theme.scale_of((1280, 800)))
    return surface, panel


def columns_of(surface: pygame.Surface, colour: pygame.Color) -> list[int]:
    """Those of the chart's part of the panel, between figures and status, in which a pixel is of this colour."""
    pixels, wanted = pygame.PixelArray(surface), surface.map_rgb(colour)
    return [x for x in range(50, surface.width - 12) if any(pixels[x, y] == wanted for y in range(96, 186))]


def test_the_curve_is_drawn_to_where_the_training_is() -> None:
    half = columns_of(drawn(Followed(HALF))[0], theme.TEXT)
    whole = columns_of(drawn(Followed(Training(RISING, 1_000_000)))[0], theme.TEXT)
    assert half[-1] == pytest.approx(216, abs=8)
    assert whole[-1] == pytest.approx(386, abs=8)
    assert columns_of(drawn(Followed())[0], theme.TEXT) == []


def test_a_mark_where_the_policy_changed() -> None:
    surface, _ = drawn(Followed(HALF, changes=(500_000, 1_000_000)))
    newest = columns_of(surface, theme.FOCUS)
    # The chart's 344 columns begin at 44.
    assert (newest[0] + newest[-1]) / 2 == pytest.approx(44 + 344 / 2, abs=3)
    assert surface.get_at((round(44 + 344 / 4), 182)) == theme.QUIET


def test_a_new_line_is_drawn_and_what_is_old_is_not_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    followed = Followed(HALF)
    surface, panel = drawn(followed)
    draws = []
    draw = learning.draw

    def note(*args: object) -> None:
        draws.append(args)
        draw(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(learning, "draw", note)
    before = surface.get_buffer().raw
    for _ in range(3):
        panel.update(NOW, 1 / 60)
        panel.draw(surface, surface.get_rect(), 1.0)
    assert draws == []
    followed.status = "playing the policy at 1,000,000 steps"
    panel.update(NOW, 1 / 60)
    panel.draw(surface, surface.get_rect(), 1.0)
    assert len(draws) == 1
    assert surface.get_buffer().raw != before


@pytest.mark.parametrize(
    ("size", "scale"), [((350, 202), 0.875), ((400, 230), 1.0), ((860, 230), 1.0), ((800, 460), 2)]
)
def test_no_text_leaves_the_panel_or_covers_another(
    size: tuple[int, int], scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[pygame.Rect] = []
    draw_text = theme.draw_text

    def note(*args: object, **anchor: tuple[int, int]) -> pygame.Rect:
        box: pygame.Rect = draw_text(*args, **anchor)  # type: ignore[arg-type]
        texts.append(box.inflate(0, -box.height // 3))
        return box

    monkeypatch.setattr(theme, "draw_text", note)
    status = "cannot use the newest checkpoint: its weights are not safetensors: Error while deserializing header"
    surface = pygame.Surface(size, depth=32)
    for training in (Training((), 200_000), Training(RISING, 100_000_000, 1e6), HALF, Training(RISING, 1_000_000)):
        texts.clear()
        model = LearningModel()
        model.update(training, (), status)
        learning.draw(surface, surface.get_rect(), scale, model)
        assert len(texts) == 1 + 2 * 4 + 2 + 3 + len(theme.wrapped(status, round(14 * scale), size[0] - 24, 2))
        assert all(surface.get_rect().contains(text) for text in texts)
        assert [text for place, text in enumerate(texts) if text.collidelist(texts[place + 1 :]) >= 0] == []
