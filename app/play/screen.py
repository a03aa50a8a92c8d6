"""A match on screen, from the loading of its players to its end screen."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import partial

import pygame
from msgspec.structs import replace

from agents.base import Control
from agents.pong import Side
from app.follow.follower import Follower
from app.game.lineup import Policy
from app.game.rating import History, RatingChange
from app.game.seats import PersonSeat, RomSeat
from app.game.session import Session
from app.game.snapshot import Snapshot, State
from app.play import keep, rated
from app.play.ending import EndingChoice, EndingModel
from app.play.ending_view import EndingView
from app.play.film import FILM_PANELS
from app.play.hints import hints
from app.play.panels.learning import LearningPanel
from app.play.panels.stages import StagesPanel, stages_of
from app.play.review import ReviewChoice, ReviewModel
from app.play.review_view import ReviewView, side_to_review
from app.play.scene import MatchScene
from app.screen import OpenMenu, Origin, Quit, Request
from app.services import Services
from app.settings import PanelName
from app.ui import bindings
from app.ui.bindings import Command, Context
from models.errors import UserError
from models.screen import SCREEN_ROWS

HEEDLESS_SECONDS = 0.6
"""After a match has ended: a key that serves also chooses, and may have been meant to serve."""
_IN_MENUS = frozenset({Command.UP, Command.DOWN, Command.LEFT, Command.RIGHT, Command.CONFIRM, Command.BACK})
PANEL_COMMANDS = {
    Command.SHOW_MOVES: PanelName.MOVES,
    Command.SHOW_TIMELINE: PanelName.TIMELINE,
    Command.SHOW_SEEN: PanelName.SEEN,
    Command.SHOW_SALIENCY: PanelName.SALIENCY,
    Command.SHOW_CREDIT: PanelName.CREDIT,
    Command.SHOW_STAGES: PanelName.STAGES,
    Command.SHOW_LEARNING: PanelName.LEARNING,
    Command.SHOW_FACTS: PanelName.FACTS,
}


class MatchScreen:
    """Runs a match and passes players' hands to it. Leads to `back`, by default the menu.

    `only` is for a match that the command line opened: the window closes after its last game, and if it cannot be
    loaded, `frame` raises the `UserError`; otherwise it goes back, with the error as a message.
    """

    def __init__(
        self,
        services: Services,
        session: Session,
        *,
        record: Callable[[Snapshot, float], None] | None = None,
        only: bool = False,
        back: Origin | None = None,
    ) -> None:
        self._services = services
        self._session = session
        self._record = record
        self._only = only
        self._back = back or OpenMenu()
        self._scene = MatchScene(executor=services.thinker)
        self._ending: EndingView | None = None
        self._ended_for = 0.0
        """Seconds for which the end screen has been open."""
        self._review: ReviewView | None = None
        self._film = keep.FilmRecorder()
        self._court = pygame.Rect(0, 0, 1, 1)
        """Where the court was last drawn."""
        self._fire_held = False
        self._begun = self._panels_added = self._begins_paused = False
        self._history = History()
        self._follower: Follower | None = None
        self._stages: StagesPanel | None = None
        match = session.match
        self._commands: dict[Command, Callable[[], None]] = {
            Command.PAUSE: match.toggle_pause,
            Command.STEP: match.step_decision,
            Command.FASTER: lambda: match.change_speed(+1),
            Command.SLOWER: lambda: match.change_speed(-1),
            Command.GREEDY: match.toggle_greedy,
            Command.TAKE_LEFT: lambda: self._take_over(Side.LEFT),
            Command.TAKE_RIGHT: lambda: self._take_over(Side.RIGHT),
            Command.REMATCH: self._rematch,
            Command.REVIEW: self._open_review,
            Command.SAVE: self._save_replay,
            Command.FILM: self._toggle_film,
            Command.CREDIT_METHOD: self._scene.credit.model.next_method,
            Command.CREDIT_PREVIOUS: lambda: self._scene.credit.model.step(-1),
            Command.CREDIT_NEXT: lambda: self._scene.credit.model.step(+1),
            Command.CREDIT_LARGEST: self._scene.credit.model.jump_to_largest,
            Command.CREDIT_PASS: self._scene.credit.model.next_pass,
            Command.EARLIER_STAGE: lambda: self._choose_stage(later=False),
            Command.LATER_STAGE: lambda: self._choose_stage(later=True),
        }
        for command, name in PANEL_COMMANDS.items():
            self._commands[command] = partial(self._toggle_panel, name)

    @property
    def context(self) -> Context:
        """The match's end or a review; else whether someone here plays."""
        if self._ending is not None or self._review is not None:
            return Context.ENDING
        return Context.PLAY if self._people else Context.WATCH

    @property
    def _people(self) -> frozenset[Side]:
        """Who plays here, or will."""
        session = self._session
        waiting = session.match.state is State.WAITING and not session.is_replay
        return session.lineup.people if waiting else session.match.people

    def command(self, command: Command) -> Request | None:
        """Does what a key asks for."""
        if self._review is not None and command in _IN_MENUS:
            self._after_review(self._review.model.command(command))
            return None
        if self._ending is not None and command in _IN_MENUS:
            heedless = command is Command.CONFIRM and self._ended_for < HEEDLESS_SECONDS
            return None if heedless else self._after_ending(self._ending.model.command(command))
        if command is Command.BACK:
            return self._back
        try:
            if (do := self._commands.get(command)) is not None:
                do()
        except UserError as error:
            return self._failed(error)
        return None

    def mouse(self, event: pygame.Event, position: tuple[int, int]) -> Request | None:
        """Points or clicks at the end screen or a panel; `Devices` moves paddles."""
        size = self._services.display.size
        pressed = event.type == pygame.MOUSEBUTTONDOWN and event.button == pygame.BUTTON_LEFT
        if self._review is not None:
            if pressed:
                self._review.click(position, size)
        elif self._ending is None:
            if self._scene.point(position, pressed=pressed) and pressed:
                self._services.devices.forget_click()
        elif event.type == pygame.MOUSEMOTION:
            self._ending.point(position, size)
        elif pressed and self._ended_for >= HEEDLESS_SECONDS:
            return self._after_ending(self._ending.click(position, size))
        return None

    def lose_focus(self) -> None:
        """Pauses a match that someone here plays, or will: then as it begins."""
        if self._people and self._session.match.state is State.WAITING:
            self._begins_paused = True
        elif self._session.match.people and self._session.match.state is State.PLAYING:
            self._session.match.toggle_pause()

    def frame(self, surface: pygame.Surface, elapsed: float) -> Request | None:
        """Runs the match for `elapsed` seconds, and draws it."""
        try:
            self._session.poll()
            self._use_players()
            if self._follower is not None:
                self._follower.update(elapsed)
            self._move_hands()
            self._move_time(elapsed)
        except UserError as error:
            return self._failed(error)
        now = self._session.match.snapshot()
        self._open_ending(now)
        self._draw(surface, now, elapsed)
        self._add_to_recording(now, elapsed)
        if message := self._film.add(now, elapsed, self._scene):
            self._services.toast.show(message)
        finished = self._session.match.finished and not self._session.is_replay
        return Quit() if self._only and finished else None

    def _failed(self, error: UserError) -> Request:
        """A player cannot be loaded, or cannot go on: keeps the match, and leaves it."""
        told = ". ".join(filter(None, (str(error), self.rescue())))
        if self._only:
            raise UserError(told) from error
        self._services.toast.show(told)
        return self._back

    def _add_to_recording(self, now: Snapshot, elapsed: float) -> None:
        """Passes a frame to who records the match; the match goes on without, if the disk takes no more."""
        if self._record is None:
            return
        try:
            self._record(now, elapsed)
        except OSError as error:
            self._record = None
            self._services.toast.show(f"recording stopped: {error.strerror}")

    def close(self) -> None:
        """Ends the film, if one is being made."""
        if message := self._film.stop():
            self._services.toast.show(message)

    def rescue(self) -> str:
        """Keeps the newest game so far."""
        recorded = None if self._session.is_replay else self._session.replay()
        return "" if recorded is None else keep.save_replay(recorded)

    def _use_players(self) -> None:
        """Adds the panels that depend on the players, once these are loaded, and shows what loading reported."""
        if not self._panels_added and self._session.match.seats:
            self._add_panels()
            if self._begins_paused:
                self.lose_focus()
        if self._session.notice:
            self._services.toast.show(self._session.notice)
            self._session.notice = ""

    def _add_panels(self) -> None:
        self._panels_added = True
        loader, policies = self._services.loader, self._session.match.snapshot().policies
        if self._session.follows is not None:
            self._follower = Follower(self._session.follows, policies[Side.RIGHT], loader)
            self._scene.panels[PanelName.LEARNING] = LearningPanel(self._follower)
        for player in (self._session.lineup.right, self._session.lineup.left):
            if isinstance(player, Policy) and self._follower is None and stages_of(player.model):
                side = Side.RIGHT if player is self._session.lineup.right else Side.LEFT
                self._stages = StagesPanel(player.model, side, loader, on_change=self._session.network_changed)
                self._stages.update(self._session.match.snapshot(), 0.0)  # before anybody changes sides
                self._scene.panels[PanelName.STAGES] = self._stages
                break

    def _choose_stage(self, *, later: bool) -> None:
        if self._stages is None:
            return
        if PanelName.STAGES not in self._panels:
            self._toggle_panel(PanelName.STAGES)  # so that it is seen who plays
        (self._stages.later if later else self._stages.earlier)()

    def _move_hands(self) -> None:
        """Passes players' hands to their paddles; the fire button resumes a paused match."""
        match, devices, fire = self._session.match, self._services.devices, False
        for side in match.people:
            seat, hand = match.seats[side], devices.hand(side, match.people)
            assert isinstance(seat, PersonSeat)
            if hand.pointer is None:
                seat.hold(Control(hand.move, hand.fire))
            else:
                _, pointer = self._services.display.in_pixels((0, hand.pointer))
                seat.point_at((pointer - self._court.top) * SCREEN_ROWS / self._court.height, fire=hand.fire)
            fire = fire or hand.fire
        if fire and not self._fire_held and match.state is State.PAUSED and self._ending is None and not self._review:
            match.toggle_pause()
        self._fire_held = fire

    def _move_time(self, elapsed: float) -> None:
        match = self._session.match
        self._ended_for += elapsed
        if self._services.devices.rewinding:
            self._ending = self._review = None
            match.rewind(elapsed)
        elif self._review is not None:
            self._review.model.update(elapsed)
        else:
            match.stop_rewinding()
            match.update(elapsed)
        for samples in match.take_sound():
            self._services.speaker.play(samples)

    def _open_ending(self, now: Snapshot) -> None:
        """Opens the end screen when a game with players here, or a replay, has ended."""
        if not now.over:
            self._ending = None
        elif self._ending is None and (now.people or self._session.is_replay):
            again = "Watch again" if self._session.is_replay else "Rematch"
            rating = self._rate(now)
            model = EndingModel(
                now.names,
                now.score,
                now.story,
                seconds=now.seconds,
                cut=now.cut,
                again=again,
                back=self._back.place,
                rating=rating,
            )
            self._ending, self._ended_for = EndingView(model, self._services.bindings), 0.0

    def _rate(self, now: Snapshot) -> RatingChange | str:
        """Remembers the game that has ended, if it counts; if not, says so, where it might have."""
        try:
            change = rated.remember(self._session, now, self._history)
        except UserError as error:
            self._services.toast.show(str(error))
            return ""
        return change or ("not counted" if rated.measured(self._session, now) else "")

    def _draw(self, surface: pygame.Surface, now: Snapshot, elapsed: float) -> None:
        self._scene.whole_pixels = self._services.settings.whole_pixels
        self._scene.shown = self._panels
        self._scene.update(now, elapsed)
        if self._review is not None:
            self._review.draw(surface)
        elif self._ending is None:
            self._scene.draw(surface, now, self._hints(now))
            self._court = self._scene.layout(surface.size, now).court
        else:
            self._ending.draw(surface, now.picture)
        if not self._begun:
            self._begun = True
            self._session.begin(self._services.loader)

    def _hints(self, now: Snapshot) -> list[tuple[str, str]]:
        """The keys worth knowing now, with their labels."""
        credit = PanelName.CREDIT in self._panels and now.mind is not None
        return hints(
            now,
            self._services.bindings,
            self.context,
            back=self._back.place,
            filming=self._film.running,
            credit=credit,
        )

    def _after_ending(self, choice: EndingChoice | None) -> Request | None:
        """What was chosen on the end screen."""
        match choice:
            case EndingChoice.AGAIN:
                self._rematch()
            case EndingChoice.REVIEW:
                self._open_review()
            case EndingChoice.SAVE:
                self._save_replay()
            case EndingChoice.LEAVE:
                return self._back
        return None

    def _open_review(self) -> None:
        """Shows the moments of this game that cost most, and pauses it meanwhile; or closes the review."""
        match = self._session.match
        if self._review is not None:
            self._review = None
            return
        if match.state is State.WAITING:
            return
        now = match.snapshot()
        side = side_to_review(now.people, *match.score)
        moments = match.costliest(side)
        if not moments:
            self._services.toast.show("nothing to review: no lost point has mattered yet")
            return
        if match.state is State.PLAYING:
            match.toggle_pause()
        model = ReviewModel(
            now.names, side, moments, match.chances.chances, frames=match.timeline.newest, clip=match.clip
        )
        model.update(0.0)
        self._review = ReviewView(model, self._services.bindings)

    def _after_review(self, choice: ReviewChoice | None) -> None:
        if choice is ReviewChoice.TRY_AGAIN and self._review is not None:
            self._session.match.go_to(self._review.model.moment.clip[0])
            self._ending = self._review = None
            how = f"{self._key(Command.PAUSE)} plays on"
            if not self._session.match.people:
                how += f", {self._key(Command.TAKE_LEFT)} or {self._key(Command.TAKE_RIGHT)} takes a paddle"
            self._services.toast.show(f"back at that moment: {how}")
        if choice is not None:
            self._review = None

    def _key(self, command: Command) -> str:
        """The name of the first key for a command now; empty if it has none."""
        return next((key for key, _ in bindings.hints(self._services.bindings, self.context, {command: ""})), "")

    def _rematch(self) -> None:
        """Starts again from 0 : 0 with the same players; a replay from its start."""
        self._ending = self._review = None
        self._session.match.restart()

    def _take_over(self, side: Side) -> None:
        match = self._session.match
        if not match.take_over(side) and match.seats and isinstance(match.seats[side], RomSeat):
            self._services.toast.show("the Atari CPU can only play on the left")

    @property
    def _panels(self) -> frozenset[PanelName]:
        """Those switched on; playing and watching are remembered separately."""
        now = self._services.settings
        return now.panels_playing if self._people else now.panels_watching

    def _toggle_panel(self, name: PanelName) -> None:
        shown = self._panels ^ {name}
        field = "panels_playing" if self._people else "panels_watching"
        self._services.keep(replace(self._services.settings, **{field: shown}))
        self._scene.shown = shown
        (width, height), now = self._services.display.size, self._session.match.snapshot()
        if self._scene.folds(name, (width, height), now):
            larger_helps = not self._scene.folds(name, (2 * width, 2 * height), now)
            advice = "switch one off, or enlarge the window" if larger_helps else "switch one off first"
            self._services.toast.show(f"no room for another panel: {advice}")

    def _toggle_film(self) -> None:
        """A film has panels of its own; those that depend on the players copy the models of the window's."""
        panels = self._scene.panels
        further = {name: copy(panel) for name, panel in panels.items() if name not in FILM_PANELS}
        self._services.toast.show(self._film.stop() if self._film.running else self._film.start(further))

    def _save_replay(self) -> None:
        recorded = self._session.replay()
        if recorded is not None:
            self._services.toast.show(keep.save_replay(recorded))
