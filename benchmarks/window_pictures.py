"""Makes the pictures of the window in docs/ again.

    xvfb-run -a -s "-screen 0 1280x800x24 -noreset" python benchmarks/window_pictures.py [FOLDER [NAME...]]

It drives the window itself, with the shipped models and the tests' own Hub. Matches have fixed seeds, so the pictures
change only if the app does.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import pygame
from local_hub import LocalHub

from agents.pong import FRAMES_PER_SECOND
from app.game.levels import LEVELS
from app.game.lineup import Lineup, Policy, Rom, Script
from app.game.session import Session
from app.game.snapshot import State
from app.library.screen import LibraryScreen
from app.play.film import filming
from app.play.screen import MatchScreen
from app.screen import OpenLibrary
from app.settings import PanelName, Settings
from app.ui import theme
from app.ui.bindings import Command
from app.ui.display import open_display
from app.window import Window
from models import card, catalog
from models.files import CARD_FILE
from models.hub import publishing
from models.run_directory import read_metrics
from training.presets import training_settings
from training.run import RunDirectory

FRAME = 1 / FRAMES_PER_SECOND
SEED = 3
CLOSE_SEED = 1
"""Of a close game between two that are nearly equal."""
LINEUP = Lineup(Script("casual"), Policy("champion"))
PATIENCE = 2000
"""Frames of the window, for what is loaded or worked out on another thread."""


def main() -> None:
    """Makes all of them, or those named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parents[1] / "docs", metavar="FOLDER")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which of them (default: all)")
    arguments = parser.parse_args()
    folder: Path = arguments.folder.absolute()
    (folder / "panels").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        os.chdir(home)
        os.environ |= {"VOLLEY_CONFIG": home, "VOLLEY_DATA": home, "SDL_AUDIODRIVER": "dummy"}
        for make in (film, menu, models, ending, review, thinking, panels, learning):
            if not arguments.names or make.__name__ in arguments.names:
                make(folder)
                print(make.__name__, flush=True)


def film(folder: Path) -> None:
    """Ten seconds of a match, moving."""
    session = Session(LINEUP, seed=SEED)
    session.begin_now()
    advance(session, 700)
    with filming(folder / "match.gif", frozenset({PanelName.MOVES, PanelName.TIMELINE, PanelName.SALIENCY})) as film:
        for _ in range(600):
            session.match.advance()
            film.add(session.match.snapshot(), FRAME)


def menu(folder: Path) -> None:
    """The menu, with a match behind it."""
    with opened() as window:
        for _ in range(PATIENCE // 4):
            window.frame(FRAME)
        save(window, folder / "menu.png")


def models(folder: Path) -> None:
    """The models, with what a Hub has."""
    with LocalHub(Path("hub")) as hub, hub.in_this_process():
        for model, repository in (("ppo", "ada/ppo-pong"), ("reinforce", "zoe/reinforce-pong")):
            shutil.copytree(catalog.PRETRAINED / model, model, ignore=shutil.ignore_patterns("stages"))
            (Path(model) / CARD_FILE).write_text(card.card(Path(model), repository), encoding="utf-8")
            publishing.publish(Path(model), repository)
        with opened() as window:
            window._act(OpenLibrary("reinforce"))  # noqa: SLF001 - as a screen would ask
            screen = window._screen  # noqa: SLF001
            assert isinstance(screen, LibraryScreen)
            until(window, lambda: not window.services.library.hub_status)
            for _ in range(2):  # to the second on the Hub
                screen.command(Command.DOWN)
            until(window, lambda: bool(screen._view.model.details.card))  # noqa: SLF001
            for _ in range(50):
                window.frame(FRAME)
            save(window, folder / "models.png")


def ending(folder: Path) -> None:
    """The end of a match."""
    session = Session(LINEUP, seed=SEED)
    session.begin_now()
    while not session.match.game_over:
        session.match.advance()
    replay = session.replay()
    assert replay is not None
    with playing(Session(LINEUP, seed=SEED, games=1, replay=replay)) as window:
        match = match_screen(window)._session.match  # noqa: SLF001
        while not match.game_over:
            match.advance()
        window.frame(FRAME)
        save(window, folder / "ending.png")


def review(folder: Path) -> None:
    """The review of a close match."""
    expert = next(level.player for level in LEVELS if level.name == "Expert")
    session = Session(Lineup(Script("casual"), expert), seed=CLOSE_SEED)
    with playing(session) as window:
        while not session.match.game_over:
            session.match.advance()
        match_screen(window).command(Command.REVIEW)
        for _ in range(110):
            window.frame(FRAME)
        save(window, folder / "review.png")


def thinking(folder: Path) -> None:
    """A match with panels."""
    shown = frozenset({PanelName.SALIENCY, PanelName.SEEN, PanelName.STAGES, PanelName.CREDIT})
    with playing(Session(LINEUP, seed=SEED), shown) as window:
        after_a_point(window)
        for _ in range(3):
            match_screen(window).command(Command.CREDIT_METHOD)
        for _ in range(100):
            window.frame(0.0)
            pygame.time.wait(10)
        save(window, folder / "thinking.png")


def panels(folder: Path) -> None:
    """Each panel alone, cut out."""
    for name in (PanelName.MOVES, PanelName.TIMELINE, PanelName.SEEN, PanelName.STAGES, PanelName.CREDIT):
        with playing(Session(LINEUP, seed=SEED), frozenset({name})) as window:
            after_a_point(window)
            if name is PanelName.CREDIT:
                for _ in range(3):
                    match_screen(window).command(Command.CREDIT_METHOD)
            for _ in range(100):
                window.frame(0.0)
                pygame.time.wait(5)
            save(window, folder / "panels" / f"{name.value}.png", panel_of(window))
    with playing(Session(LINEUP, seed=SEED), frozenset({PanelName.SALIENCY, PanelName.CREDIT})) as window:
        after_a_point(window)
        for _ in range(200):
            window.frame(0.0)
            pygame.time.wait(5)
        save(window, folder / "panels" / "saliency.png", match_screen(window)._court)  # noqa: SLF001


def learning(folder: Path) -> None:
    """The panel of a training that is followed: a run that has the first million steps of `ppo`'s curve."""
    run = RunDirectory.create(Path("runs/first"), training_settings("ppo", "Pong"))
    with (run.path / "metrics.jsonl").open("w") as file:
        for line in read_metrics(catalog.PRETRAINED / "ppo"):
            if line["steps"] <= 1_000_000:
                file.write(json.dumps(line | {"steps": int(line["steps"])}) + "\n")
    shutil.copytree(catalog.resolve("ppo@1050624"), run.path / "model")
    session = Session(Lineup(Rom(), Policy(str(run.path))), seed=SEED, follow=run.path)
    with playing(session, frozenset({PanelName.LEARNING})) as window:
        for _ in range(200):
            window.frame(FRAME)
            pygame.time.wait(5)
        save(window, folder / "panels" / "learning.png", panel_of(window))


@contextmanager
def opened(session: Session | None = None) -> Iterator[Window]:
    """A window that nobody sees."""
    window = Window(open_display(), session)
    with window.services:
        window.frame(0.0)
        yield window


@contextmanager
def playing(session: Session, shown: frozenset[PanelName] = frozenset()) -> Iterator[Window]:
    """A window with a match that has begun, and these panels."""
    with opened(session) as window:
        window.services.keep(Settings(panels_watching=shown))
        until(window, lambda: session.match.state is not State.WAITING)
        yield window


def after_a_point(window: Window) -> None:
    """Plays into the rally after the second point, slowly enough for the light to keep up."""
    match = match_screen(window)._session.match  # noqa: SLF001
    while sum(match.score) < 2:
        match.advance()
    for _ in range(150):
        window.frame(FRAME)
        pygame.time.wait(30)


def panel_of(window: Window) -> pygame.Rect:
    """Where the only panel was drawn."""
    screen = match_screen(window)
    now = screen._session.match.snapshot()  # noqa: SLF001
    layout = screen._scene.layout(window.services.display.size, now)  # noqa: SLF001
    return (*layout.column, *layout.strips)[0]


def match_screen(window: Window) -> MatchScreen:
    """The screen that is open."""
    screen = window._screen  # noqa: SLF001
    assert isinstance(screen, MatchScreen)
    return screen


def advance(session: Session, frames: int) -> None:
    """Plays so many frames."""
    for _ in range(frames):
        session.match.advance()


def until(window: Window, ready: Callable[[], bool]) -> None:
    """Shows frames until something is loaded."""
    for _ in range(PATIENCE):
        if ready():
            return
        window.frame(FRAME)
        pygame.time.wait(5)
    raise TimeoutError


def save(window: Window, file: Path, part: pygame.Rect | None = None) -> None:
    """Saves what the window shows, or what is drawn in a part of it."""
    surface = window.services.display.surface
    if part is not None:
        surface = surface.subsurface(part).copy()
        surface.set_colorkey(theme.BACKGROUND)  # A panel may not fill its place.
        drawn = surface.get_bounding_rect()
        surface.set_colorkey(None)
        surface = surface.subsurface(drawn)
    pygame.image.save(surface, file)


if __name__ == "__main__":
    main()
