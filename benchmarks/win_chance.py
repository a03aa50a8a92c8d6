"""Trains and checks the chance of winning: `python benchmarks/win_chance.py [--games N] [--seed N] [--write]`.

Plays games between many kinds of players, and learns from most of them who wins a point from which scene. On the rest,
between players of which at least one is in no game that it learned from, it measures whether what it says comes true:
the reliability of its chances of the point and of the game (picture in docs/), and their Brier scores. `--write`
replaces the model that ships.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import combinations
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import nn

from agents.pong import LONGEST_RALLY, Court
from agents.preprocessing import mirrored
from app.game.cast import load_agent
from app.game.chances import (
    EVEN_POINTS,
    WEIGHTS,
    PointModel,
    Scene,
    chance_of_the_game,
    features,
    share_so_far,
    win_chance,
)
from app.game.lineup import Rom
from app.league.entrants import Entrant, entrant

mpl.use("Agg")
LEARNED_FROM = (
    *("tracker", "casual", "predictor", "lunger", "cpu"),
    *("ppo", "ppo:230ms", "ppo@454656:230ms", "ppo@153600"),
    *("champion", "champion:230ms", "champion@107520", "champion@35840:230ms"),
)
HELD_OUT = ("edger", "reinforce", "tracker:230ms", "ppo@301056:230ms", "champion:150ms", "champion@245760:230ms")
EVERY = 4
"""Frames from one scene to the next."""
HIDDEN, EPOCHS = 24, 60
EVEN_POINTS_TRIED = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)
PICTURE = Path(__file__).parent.parent / "docs" / "win-chance.png"


class Moment(NamedTuple):
    """A scene of a game, with what came of it."""

    scene: Scene
    score: tuple[int, int]
    point: bool
    """Whether the right player won this point."""


class Played(NamedTuple):
    """A game: its scenes, and whether the right player won."""

    moments: list[Moment]
    won: bool


def play(left: Entrant, right: Entrant, seed: int) -> Played | None:
    """A game; None if nobody won it."""
    court = Court(seed=3 * seed)
    players = [
        None if isinstance(e.player, Rom) else load_agent(e.player, seed=seed + s) for s, e in enumerate((left, right))
    ]
    for player in players:
        if player is not None:
            player.reset()
    score, served = court.score, 0
    rally: list[Scene] = []
    moments: list[Moment] = []
    while not court.over:
        grey = court.grey()
        one, other = players
        assert other is not None
        court.step(other.observe(grey).control, None if one is None else one.observe(mirrored(grey)).control)
        if court.score != score:
            moments += [Moment(scene, (score.left, score.right), court.score.right > score.right) for scene in rally]
            score, served, rally = court.score, court.frames, []
        elif court.frames % EVERY == 0 and (scene := Scene.of(court)) is not None:
            rally.append(scene)
        if court.frames - served > LONGEST_RALLY:
            return None
    return Played(moments, score.right > score.left)


def _play(fixture: tuple[Entrant, Entrant, int]) -> Played | None:
    return play(*fixture)


def pairs(games: int, seed: int) -> tuple[list[tuple[Entrant, Entrant, int]], list[tuple[Entrant, Entrant, int]]]:
    """The games to learn from, and the others."""
    known, strangers = [entrant(name) for name in LEARNED_FROM], [entrant(name) for name in HELD_OUT]
    learned = list(combinations(known, 2))
    others = [(one, other) for one in known for other in strangers] + list(combinations(strangers, 2))
    return _games(learned, games, seed), _games(others, games // 2, seed + 10_000)


def _games(matchups: Sequence[tuple[Entrant, Entrant]], games: int, seed: int) -> list[tuple[Entrant, Entrant, int]]:
    chosen = []
    for number in range(games):
        one, other = matchups[number % len(matchups)]
        swap = isinstance(other.player, Rom) or (not isinstance(one.player, Rom) and number // len(matchups) % 2 == 1)
        chosen.append((other, one, seed + number) if swap else (one, other, seed + number))
    return chosen


def learn(games: Sequence[Played]) -> PointModel:
    """The model that explains these games best, by gradient descent on the log loss."""
    moments = [moment for game in games for moment in game.moments]
    here = torch.tensor([features(moment.scene) for moment in moments])
    there = torch.tensor([features(moment.scene.mirrored) for moment in moments])
    share = torch.tensor([share_so_far(right, left) for (left, right) in (moment.score for moment in moments)])
    won = torch.tensor([float(moment.point) for moment in moments])
    torch.manual_seed(0)
    hidden, output, strength = (
        nn.Linear(here.shape[1], HIDDEN),
        nn.Linear(HIDDEN, 1, bias=False),
        nn.Parameter(torch.ones(())),
    )
    parameters = [*hidden.parameters(), *output.parameters(), strength]
    optimizer = torch.optim.Adam(parameters, lr=3e-3)
    for epoch in range(EPOCHS):
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * (1 - epoch / EPOCHS)
        total = 0.0
        for batch in torch.randperm(len(won)).split(512):
            g = output(torch.tanh(hidden(here[batch]))) - output(torch.tanh(hidden(there[batch])))
            logits = strength * torch.logit(share[batch]) + g.squeeze(1)
            loss = nn.functional.binary_cross_entropy_with_logits(logits, won[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        if epoch % 10 == 9:
            print(f"pass {epoch + 1}: log loss {total / len(won):.4f}", flush=True)
    return PointModel(
        hidden=hidden.weight.round(decimals=4).tolist(),
        hidden_bias=hidden.bias.round(decimals=4).tolist(),
        output=output.weight[0].round(decimals=4).tolist(),
        strength=round(strength.item(), 4),
    )


class Reliability(NamedTuple):
    """How often what was given these chances came true."""

    name: str
    said: NDArray[np.float64]
    """`[N]`: the chances."""
    came_true: NDArray[np.bool_]

    @property
    def brier(self) -> float:
        """The mean squared error of the chances; 0.25 for always saying one half."""
        return float(np.mean((self.said - self.came_true) ** 2))

    @property
    def bins(self) -> list[tuple[float, float, int]]:
        """By tenths of the chance: the mean that was said, the share that came true, and how many there were."""
        which = np.minimum((self.said * 10).astype(int), 9)
        return [
            (float(self.said[which == k].mean()), float(self.came_true[which == k].mean()), int((which == k).sum()))
            for k in range(10)
            if (which == k).any()
        ]

    @property
    def calibration_error(self) -> float:
        """The mean distance of said and came true over the bins, by their size."""
        return sum(abs(said - true) * count for said, true, count in self.bins) / len(self.said)


def reliabilities(games: Sequence[Played], model: PointModel) -> list[Reliability]:
    """Of the chances of the point and of the game, each for both players: which of them is on the right is chance."""
    point_said, point_true, game_said, game_true, plain = [], [], [], [], []
    for game in games:
        for scene, (left, right), point in game.moments:
            point_said.append(model.chance(scene, share_so_far(right, left)))
            point_true.append(point)
            game_said.append(win_chance(scene, left, right, model))
            game_true.append(game.won)
            plain.append(chance_of_the_game(right, left))
    return [
        _for_both("the point", point_said, point_true),
        _for_both("the game", game_said, game_true),
        _for_both("the game, by the score alone", plain, game_true),
    ]


def _for_both(name: str, said: Sequence[float], came_true: Sequence[bool]) -> Reliability:
    right, true = np.array(said), np.array(came_true)
    return Reliability(name, np.concatenate((right, 1 - right)), np.concatenate((true, ~true)))


def best_even_points(games: Sequence[Played]) -> float:
    """The number of imagined points with which the score alone says best who won these games, by Brier score."""
    scores = [(moment.score, game.won) for game in games for moment in game.moments]
    errors = {
        even: float(np.mean([(chance_of_the_game(right, left, even) - won) ** 2 for (left, right), won in scores]))
        for even in EVEN_POINTS_TRIED
    }
    print("imagined points each: " + "  ".join(f"{even:g}: Brier {error:.4f}" for even, error in errors.items()))
    return min(errors, key=errors.__getitem__)


def draw(found: Sequence[Reliability], path: Path) -> None:
    """Saves the reliability plot."""
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the backend is chosen

    background, text = "#12100E", "#ECECEC"
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.4), facecolor=background, layout="constrained")
    for one, axis in zip(found, axes, strict=False):
        axis.set_facecolor(background)
        axis.plot([0, 1], [0, 1], color="#A8A29E", linewidth=1, linestyle="--")
        said, true, counts = zip(*one.bins, strict=True)
        axis.plot(said, true, color="#F2C14E", linewidth=1.5)
        axis.scatter(said, true, s=20 + 300 * np.array(counts) / max(counts), color="#F2C14E", alpha=0.8)
        axis.set_title(f"Chance of {one.name}", color=text, fontsize=11)
        axis.set_xlabel("predicted", color=text)
        axis.set_ylabel("how often it came true", color=text)
        axis.tick_params(colors=text)
        for spine in axis.spines.values():
            spine.set_color("#3A342E")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Plays, learns, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--games", type=int, default=144, help="to learn from; half as many to measure on (default: 144)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="replace the model that ships, and the picture in docs/")
    arguments = parser.parse_args()
    learned, others = pairs(arguments.games, arguments.seed)
    with get_context("spawn").Pool(initializer=torch.set_num_threads, initargs=(1,)) as pool:
        played = list(track(pool.imap(_play, learned + others), "games", total=len(learned) + len(others)))
    games = [game for game in played[: len(learned)] if game is not None]
    strangers = [game for game in played[len(learned) :] if game is not None]
    print(f"{len(games)} games to learn from, {len(strangers)} to measure on")
    print(f"best for EVEN_POINTS: {best_even_points(games):g} (now {EVEN_POINTS:g})")
    model = learn(games)
    for label, these in (("learned from", games), ("held out", strangers)):
        for found in reliabilities(these, model):
            error = found.calibration_error
            print(f"{label}: chance of {found.name}: Brier {found.brier:.4f}, calibration error {error:.3f}")
            if label == "held out":
                print("   " + "  ".join(f"{said:.2f}:{true:.2f} ({count})" for said, true, count in found.bins))
    if arguments.write:
        WEIGHTS.write_bytes(msgspec.json.encode(model) + b"\n")
        draw(reliabilities(strangers, model), PICTURE)


if __name__ == "__main__":
    main()
