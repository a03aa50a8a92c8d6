"""The focus of a screen: what can be in focus, what is, and how keys and the mouse move it.

Targets are arranged in groups. Keys move the focus along a group, and from its ends into the groups it names as exits;
the mouse finds targets by the rectangles of the last layout. A target is a `Choice`, a `TextField`, or any other value
that the screen understands, such as a button's name or a row of a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

import pygame

from app.ui.bindings import Command
from app.ui.widgets import Choice, Scroll, TextField

G = TypeVar("G")
"""The name of a group."""
T = TypeVar("T")
"""A target."""

ROW: Mapping[Command, int] = {Command.LEFT: -1, Command.RIGHT: 1}
COLUMN: Mapping[Command, int] = {Command.UP: -1, Command.DOWN: 1}
ROW_OR_COLUMN: Mapping[Command, int] = {**ROW, **COLUMN}

Hint: TypeAlias = tuple[tuple[Command, ...], str]
"""Commands, with a word for what they do now."""


@dataclass(frozen=True, kw_only=True)  # Without slots: with them, Group[X, Y](...) fails.
class Group(Generic[G, T]):
    """Targets in a row or a column, and the ways out of it."""

    targets: tuple[T, ...]
    """The targets that can be in focus now, in order."""
    moves: Mapping[Command, int] = field(default_factory=dict)
    """The commands that move along the group, and by how many places: `ROW`, `COLUMN`, or both."""
    exits: Mapping[Command, tuple[G, ...]] = field(default_factory=dict)
    """Where commands lead from the group's ends: to the first of these groups that has targets."""
    fallback: G | None = None
    """Where the focus goes when the group has become empty; if None, to the first group with targets."""
    remembers: bool = False
    """Whether the focus returns to the target it left; otherwise it enters at the nearer end."""
    hover: bool = False
    """Whether hovering over a target moves the focus; otherwise it takes a click."""
    replacement: Callable[[T], T | None] | None = None
    """Finds the replacement of a missing target; without one, it is the target now at its place, or the last."""
    scroll: Scroll | None = None
    """The scroll of a list or text. Arrow keys that do not move along the group scroll it before they leave."""
    hints: tuple[Hint, ...] = ()
    """What arrow keys do here."""
    confirm: Callable[[T], str] | None = None
    """What Enter does on a target, in a word; empty if nothing."""


class Focus(Generic[G, T]):
    """The groups of a screen, and which of their targets is in focus. There must always be one.

    Starts at the first target of the group `at`.
    """

    def __init__(self, groups: Mapping[G, Group[G, T]], at: G) -> None:
        self.group = at
        self.pointed: T | None = None
        """The target under the mouse when it last moved."""
        self._groups: dict[G, Group[G, T]] = {}
        self._current: dict[G, T] = {}
        """For each group with targets: the target in focus, or the one that the focus left."""
        self._spots: list[tuple[G, T, pygame.Rect]] = []
        self._boxes: list[tuple[G, pygame.Rect]] = []
        """What the wheel scrolls."""
        self._cut: list[T] = []
        """Rows that are scrolled at least half out of sight."""
        self.arrange(groups)

    @property
    def target(self) -> T:
        """What is in focus."""
        return self._current[self.group]

    @property
    def typing(self) -> bool:
        """Whether keys type text."""
        return isinstance(self.target, TextField)

    @property
    def hints(self) -> tuple[Hint, ...]:
        """What arrow keys and Enter do now."""
        group = self._groups[self.group]
        confirm = group.confirm(self.target) if group.confirm is not None else ""
        return *group.hints, *((((Command.CONFIRM,), confirm),) if confirm else ())

    def current(self, name: G) -> T | None:
        """The focused target of a group, or the one that the focus left; None if the group is empty."""
        return self._current.get(name)

    def arrange(self, groups: Mapping[G, Group[G, T]]) -> None:
        """Replaces these groups; what is in focus stays so as long as it exists."""
        for name, group in groups.items():
            before = self._groups.get(name)
            self._groups[name] = group
            if not group.targets:
                self._current.pop(name, None)
            elif name not in self._current or before is None:
                self._current[name] = group.targets[0]
            else:
                self._current[name] = _updated(self._current[name], before, group)
        if not self._groups[self.group].targets:
            fallback = self._groups[self.group].fallback
            names = (*((fallback,) if fallback is not None else ()), *self._groups)
            self._enter(next(name for name in names if self._groups[name].targets))

    def go(self, target: T) -> None:
        """Moves the focus to a target; does nothing if there is no such target."""
        for name, group in self._groups.items():
            if target in group.targets:
                self.group, self._current[name] = name, target
                return

    def enter(self, name: G) -> None:
        """Moves the focus into a group; does nothing if the group is empty."""
        if self._groups[name].targets:
            self._enter(name)

    def remember(self, name: G, target: T) -> None:
        """Makes a target the current one of its group, without moving the focus there."""
        assert target in self._groups[name].targets
        self._current[name] = target

    def move(self, command: Command) -> None:
        """Acts on an arrow key: changes a choice, scrolls, or moves the focus."""
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
        """Forgets the layout; set the new one with `place` and `place_rows`."""
        self._spots.clear()
        self._boxes.clear()
        self._cut.clear()

    def place(self, name: G, spots: Iterable[tuple[T, pygame.Rect]]) -> None:
        """Sets the rectangles of a group's targets."""
        for target, rect in spots:
            self._spots.append((name, target, rect))
            self._boxes.append((name, rect))

    def place_rows(
        self, name: G, box: pygame.Rect, rows: Iterable[tuple[T, pygame.Rect]], length: int, margin: int = 0
    ) -> None:
        """Sets the rectangles of a group's targets, measured from the top of a list that scrolls in `box`.

        Scrolls to the current target if that has moved, with `margin` pixels around it; the first and the last target
        come with everything before and after them. `length` is the height of the whole list.
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
        """The rectangle of the target in focus; None if less than half of it is visible."""
        if self.target in self._cut:
            return None
        rects = (rect for name, target, rect in self._spots if name == self.group and target == self.target)
        return next(rects, None)

    def at(self, position: tuple[int, int]) -> T | None:
        """The target at a position, if there is one."""
        for name, target, rect in self._spots:
            if rect.collidepoint(position) and target in self._groups[name].targets:
                return target
        return None

    def point(self, position: tuple[int, int]) -> None:
        """Follows the mouse, which does not move the focus while text is being typed."""
        self.pointed = self.at(position)
        if self.pointed is not None and not self.typing:
            for name, group in self._groups.items():
                if group.hover and self.pointed in group.targets:
                    self.group, self._current[name] = name, self.pointed

    def wheel(self, position: tuple[int, int], notches: int) -> None:
        """Scrolls the list or text at a position; down if `notches` is positive."""
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


def _updated(target: T, before: Group[G, T], now: Group[G, T]) -> T:
    """The target as it is now, or its replacement."""
    if target in now.targets:
        return now.targets[now.targets.index(target)]
    replacement = now.replacement(target) if now.replacement is not None else None
    place = min(before.targets.index(target), len(now.targets) - 1)
    return replacement if replacement is not None else now.targets[place]
