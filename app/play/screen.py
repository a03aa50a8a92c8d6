"""A match in the window, from the loading of its players to its end screen."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import partial
from typing import TYPE_CHECKING

import pygame
from msgspec.structs import replace

from agents.base import Control
from agents.pong import Side
from app.follow.follower import Follower
from app.game.lineup import Policy
from app.game.match import SPEEDS, Snapshot, State
from app.game.seats import PersonSeat
from app.game.session import Session
from app.play import ending
from app.play import keep as keepsakes
from app.play.ending import EndingModel, EndingScene
from app.play.panels.learning import LearningPanel
from app.play.panels.names import FILMED, PanelName
from app.play.panels.stages import StagesPanel, stages_of
from app.play.scene import MatchScene
from app.ui import bindings as controls
from app.ui.bindings import Action, Command, Context, Held
from app.ui.court import ROWS
from models.errors import UserError

if TYPE_CHECKING:
    from app.window import Window

_IN_MENUS = frozenset({Command.UP, Command.DOWN, Command.LEFT, Command.RIGHT, Command.CONFIRM, Command.BACK})


_WORDS_FOR_CREDIT: dict[Action, str] = {Command.CREDIT_WAY: "another way", Command.CREDIT_LARGEST: "largest push"}
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
    """Lets a match go on, and people's hands into it.

    One that was `asked_for` on the command line closes the window where it cannot be loaded, and after its last game.
    """

    def __init__(
        self,
        window: Window,
        session: Session,
        *,
        record: Callable[[Snapshot, float], None] | None = None,
        asked_for: bool = False,
    ) -> None:
        self._window = window
        self._session = session
        self._record = record
        self._asked_for = asked_for
        self._scene = MatchScene(executor=window.thinker)
        self._ending: EndingScene | None = None
        self._film = keepsakes.FilmRecorder()
        self._court = pygame.Rect(0, 0, 1, 1)
        """Where the court was last drawn."""
        self._fire_held = False
        self._begun = self._furnished = False
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
            Command.SAVE: self._save_replay,
            Command.FILM: self._toggle_film,
            Command.CREDIT_WAY: self._scene.credit.model.next_way,
            Command.CREDIT_BACK: lambda: self._scene.credit.model.step(-1),
            Command.CREDIT_ON: lambda: self._scene.credit.model.step(+1),
            Command.CREDIT_LARGEST: self._scene.credit.model.jump_to_largest,
            Command.CREDIT_PASS: self._scene.credit.model.next_pass,
            Command.EARLIER_STAGE: lambda: self._choose_stage(later=False),
            Command.LATER_STAGE: lambda: self._choose_stage(later=True),
            Command.BACK: window.open_menu,
        }
        for command, name in PANEL_COMMANDS.items():
            self._commands[command] = partial(self._toggle_panel, name)

    @property
    def context(self) -> Context:
        """A menu's at the match's end; else whether someone here plays."""
        if self._ending is not None:
            return Context.MENU
        return Context.PLAY if self._people else Context.WATCH

    @property
    def _people(self) -> frozenset[Side]:
        """Who plays here, or will."""
        session = self._session
        waiting = session.match.state is State.WAITING and not session.is_replay
        return session.lineup.people if waiting else session.match.people

    def command(self, command: Command) -> None:
        """Does what was asked for."""
        if self._ending is not None and command in _IN_MENUS:
            self._end_with(self._ending.model.command(command))
        elif (do := self._commands.get(command)) is not None:
            do()

    def mouse(self, event: pygame.Event, position: tuple[int, int]) -> None:
        """Points or clicks at the end screen or a panel; a paddle is the devices' business."""
        if self._ending is None:
            self._scene.point(position, pressed=event.type == pygame.MOUSEBUTTONDOWN)
        elif event.type == pygame.MOUSEMOTION:
            self._ending.point(position, self._window.size)
        elif event.button == pygame.BUTTON_LEFT:
            self._end_with(self._ending.click(position, self._window.size))

    def lose_focus(self) -> None:
        """Holds a match whose player has looked away."""
        if self._session.match.people and self._session.match.state is State.PLAYING:
            self._session.match.toggle_pause()

    def frame(self, surface: pygame.Surface, elapsed: float) -> None:
        """Lets the match go on, and draws it."""
        if not self._get_ready():
            return
        if self._follower is not None:
            self._follower.update(elapsed)
        self._move_hands()
        self._move_time(elapsed)
        now = self._session.match.snapshot()
        self._see_ending(now)
        self._draw(surface, now, elapsed)
        if self._record is not None:
            self._record(now, elapsed)
        if said := self._film.add(now, elapsed, self._scene):
            self._window.toast.show(said)
        if self._asked_for and self._session.match.finished and not self._session.is_replay:
            self._window.closed = True

    def close(self) -> None:
        """Ends the film, if there is one."""
        if said := self._film.stop():
            self._window.toast.show(said)

    def _get_ready(self) -> bool:
        """Loads the players, once the screen has been drawn; whether the match stands."""
        try:
            self._session.poll()
        except UserError as error:
            if self._asked_for:
                raise
            self._window.open_menu()
            self._window.toast.show(str(error))
            return False
        if not self._furnished and self._session.match.seats:
            self._furnish()
        if self._session.notice:
            self._window.toast.show(self._session.notice)
            self._session.notice = ""
        return True

    def _furnish(self) -> None:
        """Puts up the panels that need the players."""
        self._furnished = True
        window, policies = self._window, self._session.match.snapshot().policies
        if self._session.follows is not None:
            self._follower = Follower(self._session.follows, policies[Side.RIGHT], window.loader)
            self._scene.panels[PanelName.LEARNING] = LearningPanel(self._follower)
        for player in (self._session.lineup.right, self._session.lineup.left):
            if isinstance(player, Policy) and self._follower is None and stages_of(player.model):
                self._stages = StagesPanel(player.model, window.loader)
                self._scene.panels[PanelName.STAGES] = self._stages
                break

    def _choose_stage(self, *, later: bool) -> None:
        if self._stages is not None:
            (self._stages.later if later else self._stages.earlier)()

    def _move_hands(self) -> None:
        """Gives people's hands to their paddles; who presses their button goes on with a match that is paused."""
        match, devices, fire = self._session.match, self._window.devices, False
        for side in match.people:
            seat, hand = match.seats[side], devices.hand(side, match.people)
            assert isinstance(seat, PersonSeat)
            if hand.pointer is None:
                seat.hold(Control(hand.move, hand.fire))
            else:
                _, pointer = self._window.in_pixels((0, hand.pointer))
                seat.point_at((pointer - self._court.top) * ROWS / self._court.height, fire=hand.fire)
            fire = fire or hand.fire
        if fire and not self._fire_held and match.state is State.PAUSED and self._ending is None:
            match.toggle_pause()
        self._fire_held = fire

    def _move_time(self, elapsed: float) -> None:
        match = self._session.match
        if self._window.devices.rewinding:
            self._ending = None
            match.rewind(elapsed)
        else:
            match.stop_rewinding()
            match.update(elapsed)
        for samples in match.take_sound():
            self._window.speaker.play(samples)

    def _see_ending(self, now: Snapshot) -> None:
        """Opens the end screen where a game of people, or a replay, has ended."""
        if not now.over:
            self._ending = None
        elif self._ending is None and (now.people or self._session.is_replay):
            again = "Watch again" if self._session.is_replay else "Rematch"
            model = EndingModel(now.names, now.score, now.story, seconds=now.seconds, again=again)
            self._ending = EndingScene(model, self._window.table)

    def _draw(self, surface: pygame.Surface, now: Snapshot, elapsed: float) -> None:
        self._scene.whole_pixels = self._window.settings.whole_pixels
        self._scene.shown = self._panels
        self._scene.update(now, elapsed)
        if self._ending is None:
            self._scene.draw(surface, now, self._hints(now))
            self._court = self._scene.layout(surface.size, now).court
        else:
            self._ending.draw(surface, now.picture)
        if not self._begun:
            self._begun = True
            self._session.begin(self._window.loader)

    def _hints(self, now: Snapshot) -> list[tuple[str, str]]:
        """The keys worth knowing now."""
        words: dict[Action, str] = {}
        if now.state is not State.WAITING:
            words = {Command.PAUSE: "go on" if now.state is State.PAUSED else "pause", Held.REWIND: "hold: back"}
            words |= {Command.FILM: "end the film"} if self._film.running else {}
            words |= _words_for_watching(now) if not now.people else {}
            words |= _words_for_taking_over(now)
            words |= _WORDS_FOR_CREDIT if PanelName.CREDIT in self._panels and now.mind is not None else {}
        words |= {Command.BACK: "menu", Command.HELP: "help"}
        if now.state is not State.WAITING:
            words[Command.SAVE] = "save"  # Last, so that where there is no room for all it is not the help that is cut.
        return [*self._hints_for_hands(now), *controls.hints(self._window.table, self.context, words)]

    def _hints_for_hands(self, now: Snapshot) -> list[tuple[str, str]]:
        """Which keys move whose paddle."""
        people = sorted(now.people)
        if not people or now.state is State.PAUSED:
            return []
        words = ("left", "right") if len(people) == 2 else ("you", "you")
        hints = []
        for side in Side if len(people) == 2 else (Side.RIGHT,):
            up, down = ((Held.LEFT_UP, Held.LEFT_DOWN), (Held.RIGHT_UP, Held.RIGHT_DOWN))[side]
            keys = controls.hints(self._window.table, self.context, {up: "", down: ""})
            hints.append((" ".join(key for key, _ in keys), words[side]))
        return hints

    def _end_with(self, choice: ending.Action | None) -> None:
        """What was chosen on the end screen."""
        match choice:
            case ending.Action.AGAIN:
                self._rematch()
            case ending.Action.SAVE:
                self._save_replay()
            case ending.Action.MENU:
                self._window.open_menu()

    def _rematch(self) -> None:
        """The same players again, from 0 : 0; a replay from its start."""
        self._ending = None
        self._session.match.restart()

    def _take_over(self, side: Side) -> None:
        match = self._session.match
        if not match.take_over(side) and side not in match.people:
            self._window.toast.show("the Atari CPU plays the left only")

    @property
    def _panels(self) -> frozenset[PanelName]:
        """Those that are switched on: remembered apart for playing and for watching."""
        now = self._window.settings
        return now.panels_playing if self._people else now.panels_watching

    def _toggle_panel(self, name: PanelName) -> None:
        shown = self._panels ^ {name}
        field = "panels_playing" if self._people else "panels_watching"
        self._window.keep(replace(self._window.settings, **{field: shown}))
        self._scene.shown = shown
        if self._scene.folds(name, self._window.size, self._session.match.snapshot()):
            self._window.toast.show("no room for one more panel here: switch another off, or make the window larger")

    def _toggle_film(self) -> None:
        """A film draws panels anew; those that follow the players know what they show from the window's."""
        panels = self._scene.panels
        further = {name: copy(panel) for name, panel in panels.items() if name not in FILMED}
        self._window.toast.show(self._film.stop() if self._film.running else self._film.start(further))

    def _save_replay(self) -> None:
        recorded = self._session.replay()
        if recorded is not None:
            self._window.toast.show(keepsakes.save_replay(recorded))


def _words_for_watching(now: Snapshot) -> dict[Action, str]:
    words: dict[Action, str] = {Command.STEP: "step"}
    if now.speed < SPEEDS[-1]:
        words[Command.FASTER] = "faster"
    if now.speed > SPEEDS[0]:
        words[Command.SLOWER] = "slower"
    words[Command.GREEDY] = "sample" if now.greedy else "greedy"
    return words


def _words_for_taking_over(now: Snapshot) -> dict[Action, str]:
    """While nobody is busy playing."""
    if now.people and now.state is not State.PAUSED:
        return {}
    words: dict[Action, str] = {}
    for side, command in zip(Side, (Command.TAKE_LEFT, Command.TAKE_RIGHT), strict=True):
        if side not in now.people or side in now.substitutes:
            words[command] = f"{'leave' if side in now.substitutes else 'take'} {side.name.lower()}"
    return words
