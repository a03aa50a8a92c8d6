"""What every screen is given: the display, settings, devices, sound, messages, background work."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import cached_property
from typing import Self

from app import settings
from app.follow.trainer import Trainer
from app.follow.tutor import Tutor
from app.hub.library import Library
from app.hub.publishing import outcome_of
from app.settings import Settings
from app.trouble import Guarded, told_last_time
from app.ui.bindings import with_overrides
from app.ui.devices import Devices
from app.ui.display import Display
from app.ui.executor import BetweenFrames, DaemonExecutor
from app.ui.sound import Speaker
from app.ui.widgets import Toast

THINKER_NICENESS = 10


class Services:
    """One of each, shared by all screens. Leaving its `with` block ends what still runs, and loses nothing."""

    def __init__(self, display: Display) -> None:
        self.display = display
        self.settings, warning = settings.load()
        self.bindings, clashes = with_overrides(self.settings.keys)
        self.devices = Devices(self.bindings)
        self.speaker = Speaker()
        self.toast = Toast()
        self.loader: Executor = Guarded(ThreadPoolExecutor(1, "loading"))
        """Loads players and checkpoints."""
        self._thoughts = BetweenFrames(ThreadPoolExecutor(2, "thinking", initializer=_yield_to_the_loop))
        self.thinker: Executor = Guarded(self._thoughts)
        """Works out what panels show of a network: one thread for each moment's, one for what takes longer."""
        self.questions: Executor = Guarded(DaemonExecutor())
        """Asks the Hub."""
        self.transfers: Executor = Guarded(ThreadPoolExecutor(4, "transferring"))
        """Moves files from and to the Hub; the program ends only when none is half done."""
        self.trainer = Trainer(self.loader)
        self._uploads: list[Future[str]] = []
        self._tutor: Tutor | None = None
        self.toast.show(". ".join(filter(None, (warning, *clashes, told_last_time()))))

    @cached_property
    def library(self) -> Library:
        """The models here and on the Hub; first looked for when a screen asks for it."""
        return Library(self.questions, self.transfers)

    def tutor(self) -> Tutor:
        """Runs the lessons; started when it is first asked for. `UserError` if it cannot start."""
        if self._tutor is not None and self._tutor.ended:
            self._tutor.close()
            self._tutor = None
        if self._tutor is None:
            self._tutor = Tutor()
        return self._tutor

    def keep(self, new: Settings) -> None:
        """Makes these the settings, now and next time."""
        if new == self.settings:
            return
        before, self.settings = self.settings, new
        self.apply_settings()
        if (problem := settings.save_changes(before, new)) is not None:
            self.toast.show(problem)

    def apply_settings(self) -> None:
        """Sets volume and full screen as the settings say."""
        self.speaker.volume, self.speaker.muted = self.settings.volume, self.settings.muted
        self.display.set_full_screen(full_screen=self.settings.full_screen)

    def finish_in_background(self, upload: Future[str]) -> None:
        """Lets an upload go on when its screen closes; `update` shows how it ended."""
        self._uploads.append(upload)

    def update(self, elapsed: float) -> None:
        """Shows the news of trainings, downloads and uploads; call it once a frame."""
        news = [self.trainer.update(elapsed)]
        if "library" in self.__dict__:
            news.append(self.library.update(elapsed))
        for upload in [upload for upload in self._uploads if upload.done()]:
            self._uploads.remove(upload)
            news.append(outcome_of(upload))
            if "library" in self.__dict__:
                self.library.search_again()
        for message in filter(None, news):
            self.toast.show(message)

    def frame_shown(self) -> None:
        """Lets the thinker begin with what this frame asked of it; call it once the frame is on the display."""
        self._thoughts.frame_shown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the display first, so that nobody looks at a frozen window; then waits for what must be saved."""
        with self.loader, self.thinker, self.transfers, ExitStack() as last:
            last.callback(self._end_uploads)
            last.callback(self._end_training)
            if self._tutor is not None:
                last.callback(self._tutor.close)
            last.callback(self.display.close)
            last.callback(self.speaker.close)
            if "library" in self.__dict__:
                last.callback(self.library.close)

    # The window is gone by now: messages go to the terminal that it was opened from.

    def _end_training(self) -> None:
        if self.trainer.now is not None:
            print("saving the training run …", file=sys.stderr, flush=True)  # noqa: T201
            print(self.trainer.close(), file=sys.stderr)  # noqa: T201

    def _end_uploads(self) -> None:
        if self._uploads:
            print("finishing the upload …", file=sys.stderr, flush=True)  # noqa: T201
        for upload in self._uploads:
            print(outcome_of(upload), file=sys.stderr)  # noqa: T201


def _yield_to_the_loop() -> None:
    """Gives the window's thread priority over this one; only Linux has priorities of threads."""
    if sys.platform == "linux":
        # The window itself may have been started as nicer than that; nobody may lower what they have.
        niceness = max(THINKER_NICENESS, os.getpriority(os.PRIO_PROCESS, 0))
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
