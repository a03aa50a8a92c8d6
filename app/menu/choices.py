"""The choices in the menu: an agent and how it plays, a training, the settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from agents.named import ScriptName
from app.game.levels import HUMAN_REACTION, Level, name_of, nearest
from app.game.lineup import Ladder, Policy, Script, Tracker
from app.game.rating import PersonRating
from app.ui.widgets import Choice
from models.card import algorithm_name
from models.catalog import short_name
from models.errors import UserError, volley
from models.numbers import with_minus
from models.run_directory import read_config, read_curve
from models.spec import PONG

REACTIONS = (0, 50, 100, 150, 230, 300, 400)
"""Milliseconds."""
TEMPERATURES = (0.5, 1.0, 1.5, 2.0)
ALGORITHMS = ("ppo", "a2c", "reinforce")
STEPS = (200_000, 1_000_000, 6_000_000)
"""Agent steps of a training."""

SCRIPTS: dict[ScriptName, str] = {
    "beginner": "Plays like someone who never has before: follows the ball late, and with a slow hand.",
    "casual": "Plays like a person: sees a hit after 230 ms, has a slow hand, and misjudges a little.",
    "tracker": "Follows the ball with its paddle.",
    "lunger": "Waits until the ball has crossed half the court, then runs.",
    "predictor": "Works out where the ball will arrive, and is there.",
    "edger": "Meets the ball with the paddle's edges, for steep angles.",
    "still": "Stands where it is.",
}
"""The scripted opponents, in words."""

AgentPlayer: TypeAlias = Policy | Tracker | Script | Ladder


class OpponentKind(Enum):
    """The opponents besides the levels."""

    LADDER = "Adaptive ladder"
    SCRIPT = "Script"
    CUSTOM = "Custom"


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the settings page changes."""

    volume: int = 60
    """0 to 100."""
    muted: bool = False
    whole_pixels: bool = False
    full_screen: bool = False


class AgentChoice:
    """Which agent plays, and how."""

    def __init__(
        self,
        player: AgentPlayer,
        models: Sequence[str],
        levels: Sequence[Level],
        *,
        measured_against: Script,
        person: PersonRating | None = None,
    ) -> None:
        custom = player if isinstance(player, Policy) else Policy(models[0])
        reaction = player.reaction_ms if isinstance(player, Policy | Tracker) else HUMAN_REACTION
        named: ScriptName = player.persona if isinstance(player, Script) else "tracker"
        fair = None if person is None else nearest(person.value, levels)
        first = 0 if fair is None else fair
        if isinstance(player, Ladder) and fair is None:
            first = min(player.level, len(levels) - 1)
        self._measured_against = measured_against
        self._fair = None if fair is None else levels[fair]
        self.kind: Choice[Level | OpponentKind] = Choice(
            "", (*levels, *OpponentKind), _kind_of(player, levels), _name_of
        )
        self._first = Choice("Starts as", range(len(levels)), first, lambda place: levels[place].name)
        self._script = Choice("", tuple(SCRIPTS), named, str.capitalize)
        self._model = Choice("", tuple(dict.fromkeys((*models, custom.model))), custom.model, short_name)
        self._reaction = Choice("Reaction", sorted({*REACTIONS, reaction}), reaction, "{} ms".format)
        self._greedy = Choice("Actions", (False, True), custom.greedy, lambda greedy: "greedy" if greedy else "sampled")
        temperatures = sorted({*TEMPERATURES, custom.temperature})
        self._temperature = Choice("Temperature", temperatures, custom.temperature, "{:.3g}".format)

    @property
    def rows(self) -> tuple[Choice[Any], ...]:
        """The choices shown now, from the top."""
        match self.kind.value:
            case OpponentKind.LADDER:
                return self.kind, self._first
            case OpponentKind.SCRIPT:
                late = (self._reaction,) if self._script.value == "tracker" else ()
                return self.kind, self._script, *late
            case OpponentKind.CUSTOM:
                heat = () if self._greedy.value else (self._temperature,)
                return self.kind, self._model, self._reaction, self._greedy, *heat
            case _:
                return (self.kind,)

    @property
    def player(self) -> AgentPlayer:
        """The chosen agent."""
        match self.kind.value:
            case OpponentKind.LADDER:
                return Ladder(self._first.value)
            case OpponentKind.SCRIPT:
                name = self._script.value
                return Tracker(self._reaction.value) if name == "tracker" else Script(name)
            case OpponentKind.CUSTOM:
                return Policy(
                    self._model.value, self._temperature.value, self._greedy.value, reaction_ms=self._reaction.value
                )
            case level:
                return level.player

    @property
    def about(self) -> tuple[str, ...]:
        """The chosen agent in words, in a paragraph or two."""
        match self.kind.value:
            case OpponentKind.LADDER:
                return ("Gets stronger when behind and weaker when ahead, to keep the match close.",)
            case OpponentKind.SCRIPT:
                return (SCRIPTS[self._script.value],)
            case OpponentKind.CUSTOM:
                return (f"People react in about {HUMAN_REACTION} ms.",)
            case level:
                rival = f"{name_of(self._measured_against)}, a human-like script"
                won = f"Wins {level.points_won:.0%} of the points against {rival}."
                fair = " Nearest to your level." if level is self._fair else ""
                return level.description, f"Rating {level.rating:.0f}. {won}{fair}"

    @property
    def strength(self) -> float | None:
        """The measured share of points won, 0 to 1; None if it was not measured."""
        kind = self.kind.value
        return None if isinstance(kind, OpponentKind) else kind.points_won


def _kind_of(player: AgentPlayer, levels: Sequence[Level]) -> Level | OpponentKind:
    if isinstance(player, Ladder):
        return OpponentKind.LADDER
    other = OpponentKind.SCRIPT if isinstance(player, Tracker | Script) else OpponentKind.CUSTOM
    return next((level for level in levels if level.player == player), other)


def _name_of(kind: Level | OpponentKind) -> str:
    return kind.value if isinstance(kind, OpponentKind) else kind.name


class TrainingChoice:
    """Which training to start, or which of `runs` to resume. Opens with the run `first`, or a new one if None."""

    def __init__(self, runs: Sequence[Path], first: Path | None = None) -> None:
        self.runs = tuple(runs)
        self._progress = cache(progress_of)
        self._run = Choice("Run", (None, *self.runs), first, lambda run: short_name(str(run)) if run else "new run")
        self._algorithm = Choice("Algorithm", ALGORITHMS, ALGORITHMS[0])
        self._steps = Choice("Steps", STEPS, STEPS[0], "{:,}".format)
        self._total = Choice("Total steps", (None, *STEPS), None, lambda steps: f"{steps:,}" if steps else "as before")

    @property
    def rows(self) -> tuple[Choice[Any], ...]:
        """The choices shown now, from the top."""
        return (self._run, self._algorithm, self._steps) if self._run.value is None else (self._run, self._total)

    @property
    def about(self) -> tuple[str, ...]:
        """What a training is, or how far the chosen run has got."""
        if self._run.value is not None:
            return (self._progress(self._run.value),)
        return (
            "Learns from pixels in the background, at low priority. You can stop it at any time and resume it later.",
            "On two cores, 200,000 steps take a few minutes, and 6 million more than an hour.",
        )

    @property
    def algorithm(self) -> str:
        """The algorithm of a new run."""
        return self._algorithm.value

    @property
    def steps(self) -> int | None:
        """Total agent steps; None keeps a resumed run's own."""
        return self._steps.value if self._run.value is None else self._total.value

    @property
    def run(self) -> Path | None:
        """The run to resume; None for a new one."""
        return self._run.value


def progress_of(run: Path) -> str:
    """How far a run has got, in words."""
    try:
        config = read_config(run)
    except UserError as error:
        return str(error)
    curve = read_curve(run)
    done, score = (curve[-1].steps, curve[-1].mean_return) if curve else (0, None)
    game = "Pong" if config.spec.environment == PONG else config.spec.environment
    what = f"{algorithm_name(config.spec.algorithm)} on {game}"
    if config.steps is not None and done >= config.steps:
        longer = (
            "choose more total steps" if config.steps < STEPS[-1] else volley("train", "--resume", run, "--steps", "N")
        )
        return f"{what}: all {config.steps:,} steps are done. To go on: {longer}."
    total = "" if config.steps is None else f" of {config.steps:,}"
    mean = "" if score is None else with_minus(score, "z.1f")
    so_far = f", with a mean return of {mean}" if mean else ""
    return f"{what}: {done:,}{total} steps done{so_far}."


class PreferencesChoice:
    """The settings, one row each."""

    def __init__(self, preferences: Preferences) -> None:
        volumes = sorted({*range(0, 101, 10), preferences.volume})
        self._volume = Choice("Volume", volumes, preferences.volume)
        self._muted = Choice("Sound", (True, False), preferences.muted, lambda muted: "off" if muted else "on")
        self._whole_pixels = Choice("Court", (False, True), preferences.whole_pixels, _fitted_or_whole)
        self._full_screen = Choice("Full screen", (False, True), preferences.full_screen, _on_or_off)
        self.rows: tuple[Choice[Any], ...] = (self._volume, self._muted, self._whole_pixels, self._full_screen)

    @property
    def preferences(self) -> Preferences:
        """The chosen settings."""
        return Preferences(self._volume.value, self._muted.value, self._whole_pixels.value, self._full_screen.value)


def _fitted_or_whole(whole_pixels: object) -> str:
    return "in whole pixels: sharper" if whole_pixels else "as large as it fits"


def _on_or_off(on: object) -> str:
    return "on" if on else "off"
