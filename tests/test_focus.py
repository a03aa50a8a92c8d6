"""One focus for every screen, on groups and rectangles that are laid out by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pygame
import pytest

from app.ui.bindings import Command
from app.ui.focus import COLUMN, ROW, ROW_OR_COLUMN, Focus, Group
from app.ui.widgets import Choice, Scroll, TextField

UP, DOWN, LEFT, RIGHT = Command.UP, Command.DOWN, Command.LEFT, Command.RIGHT


def page(names: str = "abc") -> Focus[str, str]:
    """A list of letters at left; at right a row of two buttons, and below it a third with a way to nowhere.

    a    | yes no
    b    | help
    c    |
    """
    return Focus(groups(names), "list")


def groups(names: Sequence[str], buttons: Sequence[str] = ("yes", "no")) -> dict[str, Group[str, str]]:
    return {
        "list": Group(targets=tuple(names), moves=COLUMN, exits={RIGHT: ("none", "buttons")}, remembers=True),
        "none": Group(targets=()),
        "buttons": Group(
            targets=tuple(buttons),
            moves=ROW,
            exits={LEFT: ("list",), DOWN: ("below",)},
            fallback="list",
            hover=True,
            confirm=lambda button: button.upper(),
        ),
        "below": Group(targets=("help",), exits={UP: ("buttons",)}, hints=(((UP,), "back"),)),
    }


def after(focus: Focus[str, str], *commands: Command) -> str:
    for command in commands:
        focus.move(command)
    return focus.target


def test_keys_go_along_a_group_and_stop_at_its_ends() -> None:
    focus = page()
    assert [after(focus, command) for command in (DOWN, DOWN, DOWN, UP, UP, UP)] == ["b", "c", "c", "b", "a", "a"]


def test_a_way_out_leads_past_groups_without_targets() -> None:
    assert after(page(), RIGHT) == "yes"


def test_a_group_that_remembers_is_entered_where_it_was_left() -> None:
    assert after(page(), DOWN, RIGHT, LEFT) == "b"


def test_another_group_is_entered_at_its_nearer_end() -> None:
    focus = page()
    assert after(focus, RIGHT, RIGHT) == "no"
    assert after(focus, LEFT, LEFT, RIGHT) == "yes"
    assert after(focus, DOWN) == "help"
    assert after(focus, UP) == "no"


def test_a_way_that_leads_nowhere_leaves_the_focus_where_it_is() -> None:
    focus = page()
    assert after(focus, LEFT) == "a"
    assert after(focus, RIGHT, DOWN, LEFT, RIGHT, DOWN) == "help"


def test_a_group_can_go_both_ways() -> None:
    focus = Focus({"only": Group[str, str](targets=("a", "b", "c"), moves=ROW_OR_COLUMN)}, "only")
    assert [after(focus, command) for command in (DOWN, RIGHT, UP, LEFT)] == ["b", "c", "b", "a"]


def test_a_target_can_be_gone_to_and_one_that_is_not_there_cannot() -> None:
    focus = page()
    focus.go("no")
    assert (focus.group, focus.target) == ("buttons", "no")
    focus.go("maybe")
    focus.enter("none")
    assert (focus.group, focus.target) == ("buttons", "no")


def test_a_group_remembers_what_it_is_told_to() -> None:
    focus = page()
    focus.go("yes")
    focus.remember("list", "c")
    assert (focus.target, focus.current("list"), focus.current("none")) == ("yes", "c", None)
    assert after(focus, LEFT) == "c"


# What goes away


def test_what_stays_keeps_the_focus_wherever_it_stands_now() -> None:
    focus = page()
    focus.go("b")
    focus.arrange(groups("xyb"))
    assert focus.target == "b"
    assert after(focus, UP) == "y"


@pytest.mark.parametrize(("names", "instead"), [("axc", "x"), ("a", "a"), ("axcd", "x")])
def test_what_stands_in_its_place_or_the_last_gets_the_focus_of_what_is_gone(names: str, instead: str) -> None:
    focus = page()
    focus.go("b")
    focus.arrange(groups(names))
    assert focus.target == instead


def test_a_group_can_say_what_replaces_a_target() -> None:
    focus = page()
    focus.go("b")
    now = Group[str, str]
    focus.arrange({"list": now(targets=("x", "y", "B"), replacement=str.upper)})
    assert focus.target == "B"


def test_an_equal_target_is_taken_over_as_it_is_now() -> None:
    # As a row of a list that was made anew.
    first, second = pygame.Rect(0, 0, 9, 9), pygame.Rect(0, 0, 9, 9)
    focus = Focus({"only": Group[str, pygame.Rect](targets=(first,))}, "only")
    focus.arrange({"only": Group(targets=(second,))})
    assert focus.target is second


def test_from_a_group_that_is_empty_now_the_focus_falls_back() -> None:
    focus = page()
    focus.go("b")
    focus.go("no")
    focus.arrange(groups("abc", ()))
    assert (focus.group, focus.target) == ("list", "b")
    focus.arrange({"list": Group(targets=(), fallback="below"), "buttons": Group(targets=("yes",))})
    assert focus.target == "help"


def test_without_a_fallback_it_is_the_first_group_that_has_any() -> None:
    focus = page()
    focus.go("help")
    focus.arrange({"below": Group(targets=())})
    assert focus.target == "a"


# Choices and texts


def test_sideways_changes_a_choice_and_leaves_the_focus() -> None:
    choice = Choice("Size", ("S", "M", "L"), "M")
    ways = {RIGHT: ("other",), LEFT: ("other",)}
    focus = Focus[str, object]({"one": Group(targets=(choice,), exits=ways), "other": Group(targets=("other",))}, "one")
    seen = []
    for command in (RIGHT, RIGHT, LEFT, DOWN):
        focus.move(command)
        seen.append(choice.value)
    assert seen == ["L", "L", "M", "M"]
    assert focus.target is choice


def test_a_text_is_scrolled_to_its_end_before_it_is_left() -> None:
    scroll = Scroll()
    scroll.fit(length=14, room=9)
    focus = Focus[str, str](
        {"text": Group(targets=("text",), exits={DOWN: ("ok",)}, scroll=scroll), "ok": Group(targets=("ok",))}, "text"
    )
    seen = []
    for command in (DOWN, UP, UP, DOWN, DOWN, DOWN):
        focus.move(command)
        seen.append((focus.target, scroll.top))
    # It has 5 lines more than room, and a step is 3.
    assert seen == [("text", 3), ("text", 0), ("text", 0), ("text", 3), ("text", 5), ("ok", 5)]


def test_one_types_only_in_a_text_field() -> None:
    field = TextField()
    focus = Focus[str, object]({"field": Group(targets=(field,)), "ok": Group(targets=("ok",))}, "field")
    assert focus.typing
    focus.go("ok")
    assert not focus.typing


# Hints


def test_hints_are_of_the_group_and_of_what_enter_does() -> None:
    focus, seen = page(), []
    for target in ("a", "no", "help"):
        focus.go(target)
        seen.append(list(focus.hints))
    assert seen == [[], [((Command.CONFIRM,), "NO")], [((UP,), "back")]]


# The mouse


def laid_out() -> Focus[str, str]:
    focus = page()
    focus.place("list", [(name, pygame.Rect(0, 20 * row, 50, 18)) for row, name in enumerate("abc")])
    focus.place("buttons", [("yes", pygame.Rect(60, 0, 30, 18)), ("no", pygame.Rect(100, 0, 30, 18))])
    return focus


def test_a_target_is_found_by_its_rectangle() -> None:
    focus = laid_out()
    assert [focus.at(at) for at in ((10, 25), (119, 9), (10, 19), (130, 9))] == ["b", "no", None, None]
    assert focus.rect == pygame.Rect(0, 0, 50, 18)
    focus.go("help")
    assert focus.rect is None


def test_what_is_not_there_any_more_is_not_found() -> None:
    focus = laid_out()
    focus.arrange(groups("ac"))
    assert (focus.at((10, 25)), focus.at((10, 45))) == (None, "c")
    focus.clear()
    assert focus.at((10, 45)) is None


def test_pointing_moves_the_focus_in_some_groups_and_in_others_only_lights_up() -> None:
    focus = laid_out()
    focus.point((10, 45))
    assert (focus.pointed, focus.target) == ("c", "a")
    focus.point((110, 5))
    assert (focus.pointed, focus.target) == ("no", "no")
    focus.point((500, 500))
    assert (focus.pointed, focus.target) == (None, "no")


def test_the_mouse_takes_no_focus_from_one_who_types() -> None:
    field = TextField()
    focus = Focus[str, object]({"field": Group(targets=(field,)), "ok": Group(targets=("ok",), hover=True)}, "field")
    focus.place("ok", [("ok", pygame.Rect(0, 0, 10, 10))])
    focus.point((5, 5))
    assert (focus.pointed, focus.target) == ("ok", field)


# Lists that scroll

BOX = pygame.Rect(100, 50, 80, 100)


class Rows:
    """A list of 20 rows of 30 pixels, below a heading of 20 and above a line of 10, in a box 100 pixels high."""

    def __init__(self) -> None:
        self.scroll = Scroll()
        self.focus = Focus[str, int]({"list": self.group(20)}, "list")
        self.lay_out()

    def group(self, count: int) -> Group[str, int]:
        return Group(targets=tuple(range(count)), moves=COLUMN, scroll=self.scroll)

    def lay_out(self, box: pygame.Rect = BOX, margin: int = 5) -> None:
        self.focus.clear()
        rows = [(row, pygame.Rect(0, 20 + 30 * row, 70, 30)) for row in range(20)]
        self.focus.place_rows("list", box, rows, 20 + 30 * 20 + 10, margin)

    def tops(self, *rows: int) -> Iterator[int]:
        """How far it is scrolled when these rows are in focus, one after the other."""
        for row in rows:
            self.focus.go(row)
            self.lay_out()
            yield self.scroll.top


def test_a_list_scrolls_as_little_as_shows_the_focus() -> None:
    # Row 1 ends at 80 and is seen; row 3 at 140, with its margin 145, so 45 are scrolled away. Row 2 is between; row 1
    # begins at 50, with its margin 45.
    assert list(Rows().tops(1, 3, 2, 1)) == [0, 45, 45, 45]
    assert list(Rows().tops(3, 0, 19)) == [45, 0, 530]


def test_the_first_and_the_last_row_show_what_is_beyond_them() -> None:
    # Of 630 pixels 100 are shown.
    assert list(Rows().tops(19, 18, 0)) == [530, 530, 0]


def test_the_wheel_scrolls_the_focus_away_until_it_moves() -> None:
    rows = Rows()
    rows.scroll.step = 200
    rows.focus.wheel((0, 0), 1)
    assert rows.scroll.top == 0
    rows.focus.wheel(BOX.center, 1)
    rows.lay_out()
    assert (rows.scroll.top, rows.focus.target, rows.focus.rect) == (200, 0, None)
    rows.focus.wheel(BOX.center, 9)
    rows.lay_out()
    assert rows.scroll.top == 530
    rows.focus.wheel(BOX.center, -2)
    assert list(rows.tops(1)) == [45]


def test_rows_are_found_where_they_are_scrolled_to_and_only_inside_the_box() -> None:
    rows = Rows()
    next(rows.tops(3))
    # Row 1 spans 50 to 80, of which 45 are scrolled away, below the box's top at 50: 55 to 85.
    assert [rows.focus.at((110, y)) for y in (54, 55, 84, 85)] == [0, 1, 1, 2]
    # Of row 0, 5 pixels are left; of row 4 the first 5 are in the box.
    assert [rows.focus.at((110, y)) for y in (49, 50, 145, 149, 150)] == [None, 0, 4, 4, None]
    assert rows.focus.rect == pygame.Rect(100, 115, 70, 30)


def test_a_row_in_focus_has_no_place_where_less_than_half_of_it_can_be_seen() -> None:
    rows = Rows()
    seen = []
    for top in (34, 36):
        rows.scroll.top = top
        rows.lay_out()
        seen.append(rows.focus.rect)
    # Row 0 spans 20 to 50: 16 of its 30 pixels are left, then 14.
    assert seen == [pygame.Rect(100, 50, 70, 16), None]


def test_a_list_follows_its_focus_when_its_box_shrinks_or_rows_come_before_it() -> None:
    rows = Rows()
    next(rows.tops(3))
    rows.lay_out(pygame.Rect(100, 50, 80, 60))
    assert rows.scroll.top == 145 - 60
    rows.focus.clear()
    later = [(row, pygame.Rect(0, 320 + 30 * row, 70, 30)) for row in range(20)]
    rows.focus.place_rows("list", BOX, later, 930, 5)
    assert rows.scroll.top == 445 - 100


def test_a_list_that_grows_shorter_is_not_scrolled_beyond_its_end() -> None:
    rows = Rows()
    next(rows.tops(19))
    rows.focus.arrange({"list": rows.group(2)})
    rows.focus.clear()
    rows.focus.place_rows("list", BOX, [(row, pygame.Rect(0, 30 * row, 70, 30)) for row in range(2)], 60)
    assert (rows.scroll.top, rows.focus.target) == (0, 1)
