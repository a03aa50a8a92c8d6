"""Mutated settings and matches of the person, for `fuzz.py`."""

from __future__ import annotations

import contextlib
import io
import json
import math
import random
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import tomli_w
from mutations import (
    MORE_EXTREMES,
    TEXT_MUTATIONS,
    Files,
    Mutation,
    Outcome,
    Trial,
    as_json,
    change,
    change_json,
    is_a_line,
    judged,
    known_agree,
    mutated,
    write,
)

from app import settings
from app.command.main import main
from app.game.levels import FIXED_OPPONENT, LEVELS
from app.game.lineup import Lineup, Person, Policy
from app.game.rating import MAX_MATCHES, History, MatchRecord, rate
from app.settings import PanelName, Settings
from models.errors import UserError

SETTINGS_FILE, MATCHES_FILE = "settings.toml", "matches.json"
SETS = ("panels_playing", "panels_watching")

KEPT = Settings(
    volume=35,
    muted=True,
    panels_playing=frozenset({PanelName.MOVES, PanelName.FACTS}),
    last=Lineup(Person(), Policy("champion", temperature=0.7, greedy=True, reaction_ms=150, misjudgement=2.5)),
    keys={"pause": ["p", "space"], "step": ["f3"]},
)


def change_toml(files: Files, chance: random.Random) -> None:
    """A setting has another value, is gone, is new, or has changed places with another."""
    document = tomllib.loads(files[SETTINGS_FILE].decode())
    change(document, chance, MORE_EXTREMES)
    files[SETTINGS_FILE] = tomli_w.dumps(document).encode()


def said(content: bytes) -> dict[str, Any]:
    """The document, with what is a set there in the order of its names."""
    document = tomllib.loads(content.decode().removeprefix("\ufeff"))
    return {name: sorted(set(value)) if name in SETS else value for name, value in document.items()}


def built(found: Settings) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(found)
    return {name: sorted(value) if name in SETS else value for name, value in fields.items()}


def kept_settings(workplace: Path) -> Trial:
    """The trials of settings with every kind of value in them."""
    import pygame  # noqa: PLC0415 - with the variables that `fuzz.py` sets

    from app.menu.model import MenuModel  # noqa: PLC0415 - likewise
    from app.ui import bindings, theme  # noqa: PLC0415 - likewise

    pygame.display.init()
    pygame.font.init()
    pygame.display.set_mode((320, 240))
    folder = workplace / "config"
    file = folder / SETTINGS_FILE
    assert settings.save(KEPT) is None
    original = {SETTINGS_FILE: file.read_bytes()}

    def trial(chance: random.Random) -> Outcome:
        files, mutations = mutated(original, (*TEXT_MUTATIONS, *[change_toml] * 6), chance)
        write(files, folder)

        def read() -> Iterator[str]:
            found, warning = settings.load()
            if warning is not None:
                if not is_a_line(warning):
                    yield f"not a line: {warning!r}"[:400]
                if (
                    found != Settings()
                    or file.with_name(f"{SETTINGS_FILE}.broken").read_bytes() != files[SETTINGS_FILE]
                ):
                    yield "refused, and not put aside as it was"
                raise UserError(warning)
            if not known_agree(said(files[SETTINGS_FILE]), built(found)):
                yield "as something else than it says"
            _, warnings = bindings.with_overrides(found.keys)
            yield from (f"not a line: {line!r}"[:400] for line in warnings if not is_a_line(line))
            model = MenuModel(found.last, ["mine"], LEVELS, measured_against=FIXED_OPPONENT)
            for card in model.cards:
                theme.draw_text(pygame.Surface((200, 50)), theme.fitted(card.name, 20, 100), 20, topleft=(0, 0))
                for choice in card.rows:
                    theme.draw_text(pygame.Surface((200, 50)), theme.fitted(choice.text, 20, 100), 20, topleft=(0, 0))
            if settings.save(found) is not None or settings.load() != (found, None):
                yield "what was loaded cannot be saved and loaded"

        return Outcome(mutations, *judged(read))

    return trial


MATCHES = [
    MatchRecord("2026-11-25", "Casual", 1000.0, 15, 21),
    MatchRecord("2026-11-25", "Rookie", 650.0, 21, 3),
    MatchRecord("2026-11-26", "Atari CPU", 1174.0, 0, 21),
]
MATCH_MUTATIONS: tuple[Mutation, ...] = (*TEXT_MUTATIONS, *[change_json(MATCHES_FILE, MORE_EXTREMES)] * 6)


def matches(workplace: Path) -> Trial:
    """The trials of some matches."""
    folder = workplace / "data"
    history = History()
    history.add(MATCHES)
    original = {MATCHES_FILE: history.path.read_bytes()}

    def trial(chance: random.Random) -> Outcome:
        files, mutations = mutated(original, MATCH_MUTATIONS, chance)
        write(files, folder)

        def read() -> Iterator[str]:
            printed, told = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(told):
                code = main(["rating", "--json"])
            if code:
                raise UserError(told.getvalue().removesuffix("\n"))
            found = history.load()
            document = as_json(files[MATCHES_FILE])
            if document is not None and not known_agree(document, [msgspec.to_builtins(match) for match in found]):
                yield "as something else than it says"
            rating = rate(found)
            if rating is not None and not all(math.isfinite(number) for number in rating):
                yield f"a rating that is no number: {rating}"
            games = sum(not match.continued for match in found) or min(len(found), 1)
            if json.loads(printed.getvalue())["matches"] != games:
                yield "not all matches count"
            history.add(MATCHES[:1])
            if history.load() != [*found, MATCHES[0]][-MAX_MATCHES:]:
                yield "a match cannot be added"

        return Outcome(mutations, *judged(read))

    return trial
