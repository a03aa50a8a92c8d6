from __future__ import annotations

import pygame

from app.ui import theme
from app.ui.text import LongText
from app.ui.widgets import Scroll

TABLE = (("protocol", "return"), ("sampled", "20.97"), ("", "21.00"))


def fitted(*paragraphs: str | tuple[str, ...], width: int = 600) -> LongText:
    text = LongText()
    text.fit(paragraphs, pygame.Rect(0, 0, width, 300), 1.0, Scroll())
    return text


def test_a_tables_cells_stand_below_each_other() -> None:
    head, first, second, after = fitted(*TABLE, "after").lines
    column = head[1][0]
    assert column > theme.width_of("protocol", theme.HINT_SIZE)
    assert head == ((0, "protocol"), (column, "return"))
    assert first == ((0, "sampled"), (column, "20.97"))
    assert second == ((0, ""), (column, "21.00"))
    assert after == ((0, "after"),)


def test_two_tables_have_columns_of_their_own() -> None:
    lines = fitted(*TABLE, "", ("a", "b")).lines
    assert lines[-1][1][0] < lines[0][1][0]


def test_a_table_without_room_is_wrapped() -> None:
    lines = fitted(*TABLE, width=120).lines
    assert all(len(line) == 1 for line in lines)
    assert " ".join(text for ((_, text),) in lines) == "protocol, return sampled, 20.97 21.00"


def test_all_lines_of_a_paragraph_are_as_far_from_the_left() -> None:
    (first, *more) = fitted("  - one item " + "with many words " * 20).lines
    assert first[0][0] == theme.width_of("  ", theme.HINT_SIZE)
    assert len(more) > 1
    assert {line[0][0] for line in more} == {first[0][0]}
    narrow = fitted(" " * 1000 + "x", width=100).lines
    assert narrow[0][0][0] <= 50
