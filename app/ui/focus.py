"""What can be in focus on a screen, what is, and how keys and the mouse move it.

Targets stand in groups. Keys move the focus along a group, and out of it to the groups it names; the mouse finds a
target by the rectangles that the view laid out last. A target is a `Choice`, a `TextField`, or any value that the
screen knows what to do with: a button's name, a row of a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

import pygame

from app.ui.bindings import Command
from app.ui.widgets import Choice, Scroll, TextField

G = TypeVar("G")
"""What names the groups of a screen."""
T = TypeVar("T")
"""A target."""

ROW: Mapping[Command, int] = {Command.LEFT: -1, Command.RIGHT: 1}
COLUMN: Mapping[Command, int] = {Command.UP: -1, Command.DOWN: 1}
ROW_OR_COLUMN: Mapping[Command, int] = {**ROW, **COLUMN}

Hint: TypeAlias = tuple[tuple[Command, ...], str]
"""Commands worth knowing now, with a word for what they do."""


@dataclass(frozen=True, kw_only=True)  # Without slots: with them, Group[X, Y](...) fails.
class Group(Generic[G, T]):
    """Targets that stand in a row or a column, and the ways out of it."""

    targets: tuple[T, ...]
    """In their order; those that can be in focus now."""
    moves: Mapping[Command, int] = field(default_factory=dict)
    """Which commands lead along the group, and how many places: `ROW`, `COLUMN`, or both."""
    exits: Mapping[Command, tuple[G, ...]] = field(default_factory=dict)
    """Where else commands lead, from the group's end: to the first of these groups that has targets."""
    fallback: G | None = None
    """Where the focus goes when no target is left here; else to the first group that has any."""
    remembers: bool = False
    """Whether it is entered where it was left; else at the end that is nearer."""
    hover: bool = False
    """Whether the mouse moves the focus as it passes over a target; else that takes a click."""
    replacement: Callable[[T], T | None] | None = None
    """What takes the place of a target that is gone; else the one at its place now, or the last."""
    scroll: Scroll | None = None
    """Of a list, or of a text: arrow keys that do not lead along the group scroll it first."""
    hints: tuple[Hint, ...] = ()
    """What arrow keys do here."""
    confirm: Callable[[T], str] | None = None
    """What Enter does on a target, in a word; empty for nothing."""


class Focus(Generic[G, T]):
    """The groups of a screen, and which of their targets is in focus. There must always be one.

    It begins at the first target of the group `at`.
    """

    def __init__(self, groups: Mapping[G, Group[G, T]], at: G) -> None:
        self.group = at
        self.pointed: T | None = None
        """What the mouse was on when it last moved."""
        self._groups: dict[G, Group[G, T]] = {}
        self._current: dict[G, T] = {}
        """Of each group with targets: the one in focus, or where the group was left."""
        self._spots: list[tuple[G, T, pygame.Rect]] = []
        self._boxes: list[tuple[G, pygame.Rect]] = []
        """What the wheel scrolls."""
        self._cut: list[T] = []
        """Rows of which half or more is scrolled out of sight."""
        self.arrange(groups)

    @property
    def target(self) -> T:
        """What is in focus."""
        return self._current[self.group]

    @property
    def typing(self) -> bool:
        """Whether letters go into a text."""
        return isinstance(self.target, TextField)

    @property
    def hints(self) -> tuple[Hint, ...]:
        """What arrow keys and Enter do now."""
        group = self._groups[self.group]
        confirm = group.confirm(self.target) if group.confirm is not None else ""
        return *group.hints, *((((Command.CONFIRM,), confirm),) if confirm else ())

    def current(self, name: G) -> T | None:
        """The target in a group that is in focus, or was when the focus left; None where the group is empty."""
        return self._current.get(name)

    def arrange(self, groups: Mapping[G, Group[G, T]]) -> None:
        """Puts these groups in the place of what they were; what is in focus stays so, as long as it is there."""
        for name, group in groups.items():
            before = self._groups.get(name)
            self._groups[name] = group
            if not group.targets:
                self._current.pop(name, None)
            elif name not in self._current or before is None:
                self._current[name] = group.targets[0]
            else:
                self._current[name] = _kept(self._current[name], before, group)
        if not self._groups[self.group].targets:
            fallback = self._groups[self.group].fallback
            names = (*((fallback,) if fallback is not None else ()), *self._groups)
            self._enter(next(name for name in names if self._groups[name].targets))

    def go(self, target: T) -> None:
        """Moves the focus to a target; nothing happens where there is no such target."""
        for name, group in self._groups.items():
            if target in group.targets:
                self.group, self._current[name] = name, target
                return

    def enter(self, name: G) -> None:
        """Moves the focus into a group; nothing happens where it is empty."""
        if self._groups[name].targets:
            self._enter(name)

    def remember(self, name: G, target: T) -> None:
        """Makes a target of a group its current one, and leaves the focus where it is."""
        assert target in self._groups[name].targets
        self._current[name] = target

    def move(self, command: Command) -> None:
        """Does what an arrow key does: changes a choice, scrolls, or moves the focus."""
        group, target = self._groups[self.group], self.target
        if isinstance(target, Choice) and command in ROW:
            target.step(ROW[command])
            return
        if group.scroll is not None and command in COLUMN and command not in group.moves:
            if group.scroll.by(COLUMN[command] * group.scroll.step):
                return
        elif command in group.moves:
            place = group.targets.index(target) + group.moves[command]
            if 0 <= place < len(group.targets):
                self._current[self.group] = group.targets[place]
                return
        for name in group.exits.get(command, ()):
            if self._groups[name].targets:
                self._enter(name, at_end=command in (Command.UP, Command.LEFT))
                return

    def clear(self) -> None:
        """Forgets where everything was laid out; what is laid out anew is told by `place` and `place_rows`."""
        self._spots.clear()
        self._boxes.clear()
        self._cut.clear()

    def place(self, name: G, spots: Iterable[tuple[T, pygame.Rect]]) -> None:
        """The targets of a group are in these places."""
        for target, rect in spots:
            self._spots.append((name, target, rect))
            self._boxes.append((name, rect))

    def place_rows(
        self, name: G, box: pygame.Rect, rows: Iterable[tuple[T, pygame.Rect]], length: int, margin: int = 0
    ) -> None:
        """The targets of a group are in a list that scrolls in `box`, in places that count from the list's top.

        Scrolls to the current one where it has moved. `length` is that of the whole list: what is before the first
        target or after the last is shown with these, and `margin` pixels around all others.
        """
        scroll, placed = self._groups[name].scroll, list(rows)
        assert scroll is not None
        scroll.fit(length, box.height)
        for place, (target, rect) in enumerate(placed):
            if target == self._current.get(name):
                start = 0 if place == 0 else rect.top - margin
                end = length if place == len(placed) - 1 else rect.bottom + margin
                scroll.follow(place, start, end)
        for target, rect in placed:
            whole = rect.move(box.left, box.top - scroll.top)
            shown = whole.clip(box)
            if shown.height > 0:
                self._spots.append((name, target, shown))
            if shown.height <= whole.height // 2:
                self._cut.append(target)
        self._boxes.append((name, box))

    @property
    def rect(self) -> pygame.Rect | None:
        """Where what is in focus was laid out; None where less than half of it can be seen."""
        if self.target in self._cut:
            return None
        found = (rect for name, target, rect in self._spots if name == self.group and target == self.target)
        return next(found, None)

    def at(self, position: tuple[int, int]) -> T | None:
        """The target at a position, if there is one."""
        for name, target, rect in self._spots:
            if rect.collidepoint(position) and target in self._groups[name].targets:
                return target
        return None

    def point(self, position: tuple[int, int]) -> None:
        """Follows the mouse. While one types it moves no focus."""
        self.pointed = self.at(position)
        if self.pointed is not None and not self.typing:
            for name, group in self._groups.items():
                if group.hover and self.pointed in group.targets:
                    self.group, self._current[name] = name, self.pointed

    def wheel(self, position: tuple[int, int], notches: int) -> None:
        """Scrolls the list or the text at a position, down where `notches` is positive."""
        for name, box in self._boxes:
            scroll, targets = self._groups[name].scroll, self._groups[name].targets
            if scroll is not None and targets and box.collidepoint(position):
                scroll.by(notches * scroll.step)
                return

    def _enter(self, name: G, *, at_end: bool = False) -> None:
        group = self._groups[name]
        if not group.remembers:
            self._current[name] = group.targets[-1 if at_end else 0]
        self.group = name


def _kept(target: T, before: Group[G, T], now: Group[G, T]) -> T:
    """The target as it is now, or what takes its place."""
    if target in now.targets:
        return now.targets[now.targets.index(target)]
    instead = now.replacement(target) if now.replacement is not None else None
    place = min(before.targets.index(target), len(now.targets) - 1)
    return instead if instead is not None else now.targets[place]
