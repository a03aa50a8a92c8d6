from __future__ import annotations

import pygame
import pytest

from app.ui import theme
from app.ui.charts import MAX_POINTS, curve_shares, draw_curve
from app.ui.numbers import millions, signed
from models.numbers import with_minus


def test_a_curve_lies_between_the_limits() -> None:
    # -10 of 10 is at the bottom and 0 in the middle; 25 of 200 steps are an eighth.
    assert curve_shares([(25, -10.0), (50, None), (200, 0.0)], 200, 10) == ((0.125, 0.0), (1.0, 0.5))


@pytest.mark.parametrize("count", [MAX_POINTS, MAX_POINTS + 1, 999, 1000])
def test_a_long_curve_is_thinned_out_and_keeps_its_newest_point(count: int) -> None:
    curve = curve_shares([(n, 0.0) for n in range(1, count + 1)], count, 21)
    assert MAX_POINTS / 2 <= len(curve) <= MAX_POINTS
    assert curve[-1] == (1.0, 0.5)
    assert list(curve) == sorted(curve)


def test_the_last_mark_stands_out() -> None:
    surface = pygame.Surface((300, 120), depth=32)
    draw_curve(surface, pygame.Rect(50, 10, 200, 100), 1.0, (), limit=21, marks=(0.25, 0.75))
    # The chart's edge is 8 pixels, 4 on each side, so its marks are 4 + 192 / 4 and 4 + 192 * 3 / 4 from its left.
    assert [surface.get_at((50 + x, 106)) for x in (52, 148)] == [theme.QUIET, theme.FOCUS]


def test_numbers() -> None:
    assert (millions(126_000), millions(5_000_000)) == ("0.13M", "5.00M")
    assert (signed(18.04), signed(-3), signed(0)) == ("+18.0", "\N{MINUS SIGN}3.0", "+0.0")


@pytest.mark.parametrize(
    ("number", "form", "words"),
    [
        (-3.25, ".1f", "\N{MINUS SIGN}3.2"),
        (-0.04, "+z.1f", "+0.0"),
        (2.0, "+z.2f", "+2.00"),
        (-100, "d", "\N{MINUS SIGN}100"),
    ],
)
def test_numbers_have_a_real_minus_sign_and_no_negative_zero(number: float, form: str, words: str) -> None:
    assert with_minus(number, form) == words
