"""Runs the lessons in a process of their own, so that the window stays smooth; keeps what it told last."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from threading import Lock, Thread
from typing import IO, TypeVar

import msgspec

from app.background import VOLLEY, launch
from models.errors import UserError
from models.lessons import Ask, Knobs, State, decode_tell, encode

S = TypeVar("S", bound=State)
COMMAND = (*VOLLEY, "lessons")
PATIENCE = 2.0
"""Seconds in which it may end by itself."""
_ENDED = "the process that runs the lessons has ended; open them again"


class Tutor:
    """One process for all lessons, started at once: it takes a moment to import what it needs.

    `UserError` if it cannot start. Call `close` before the program ends.
    """

    def __init__(self) -> None:
        self._number = 0
        self._told: dict[type, State] = {}
        self._turn = Lock()
        """Held while the number and what was told change, so that nothing told to an earlier question stays."""
        try:
            self._process = launch(COMMAND, subprocess.PIPE, questions=subprocess.PIPE, errors=subprocess.DEVNULL)
        except OSError as error:
            raise UserError(f"cannot start the lessons: {error.strerror}") from error
        assert self._process.stdout is not None
        self._listener = Thread(target=self._listen, args=(self._process.stdout,), daemon=True)
        self._listener.start()

    def ask(self, knobs: Knobs) -> None:
        """Begins a lesson with these knobs, in place of whatever runs; `UserError` if the process has ended."""
        self._say(encode(Ask(self._next_number(), knobs)))

    def rest(self) -> None:
        """Runs nothing until the next question."""
        with suppress(UserError):
            self._say(encode(Ask(self._next_number(), None)))

    def told(self, kind: type[S]) -> S | None:
        """The newest state of this kind since the last question; None if there is none yet."""
        state = self._told.get(kind)
        return state if isinstance(state, kind) else None

    @property
    def speaks(self) -> bool:
        """Whether it has told anything since the last question."""
        return bool(self._told)

    @property
    def ended(self) -> bool:
        """Whether the process is gone, which it should not be."""
        return self._process.poll() is not None

    def check(self) -> None:
        """`UserError` if the process has ended."""
        if self.ended:
            raise UserError(_ENDED)

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join()

    def _next_number(self) -> int:
        """The number of a new question; what was told to the one before is forgotten."""
        with self._turn:
            self._number += 1
            self._told = {}
            return self._number

    def _say(self, line: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except (OSError, ValueError) as error:  # a pipe that nobody reads, or one that is closed
            raise UserError(_ENDED) from error

    def _listen(self, lines: IO[bytes]) -> None:
        """In a thread of its own. What was told to an earlier question is late, and passed over."""
        with lines:
            for line in lines:
                with suppress(msgspec.DecodeError), self._turn:
                    told = decode_tell(line)
                    if told.number == self._number:
                        self._told = {**self._told, type(told.state): told.state}
