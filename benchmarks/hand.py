"""How fine a hand must be: a player who knows the ball's path, with several sets of moves, against scripts and the ROM.

    python benchmarks/hand.py --games 4

A decision holds for a number of frames. The fewer moves there are to choose from, and the longer each is held, the less
often the paddle can stand where it should. What this player loses, no training can win.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from itertools import product
from multiprocessing import Pool
from typing import NamedTuple

from agents import named
from agents.base import Control
from agents.pong import LONGEST_RALLY, Court, Side
from agents.preprocessing import mirrored
from models.machine import cores
from training.arena.coach import Coach

FAST = (0, -100, 100)
OPPONENTS = ("tracker", "predictor", "casual", "cpu")


class Hand(NamedTuple):
    """The moves that a player has, in percent of full speed, and for how many frames each is held."""

    frames: int
    moves: tuple[int, ...]

    def __str__(self) -> str:
        slow = sorted({abs(move) for move in self.moves} - {0, 100})
        also = f" and at {' and '.join(map(str, slow))}%" if slow else ""
        return f"{self.frames} frames, full speed{also}"


HANDS = (
    Hand(4, FAST),
    Hand(3, FAST),
    Hand(2, FAST),
    Hand(4, (*FAST, -50, 50)),
    Hand(4, (*FAST, -40, 40)),
    Hand(4, (*FAST, -30, 30)),
    Hand(4, (*FAST, -20, 20)),
    Hand(4, (*FAST, -25, 25, -50, 50)),
)


class Game(NamedTuple):
    """Who meets whom, and the seed; with odd seeds on the left."""

    hand: Hand
    opponent: str
    seed: int


def play(game: Game) -> tuple[Game, tuple[int, int]]:
    """The points of the hand and of its opponent in a full game, or until a rally of a minute."""
    court = Court(seed=game.seed)
    opponent = named.agent(game.opponent, seed=game.seed)
    side = Side.LEFT if game.seed % 2 and opponent is not None else Side.RIGHT
    controls = [Control(move, fire=True) for move in game.hand.moves]
    coach = Coach(controls, game.hand.frames)
    if opponent is not None:
        opponent.reset()
    score, served, control = court.score, 0, controls[0]
    while not court.over and court.frames - served < LONGEST_RALLY:
        if court.frames % game.hand.frames == 0:
            control = controls[int(coach.costs(court, side).argmin())]
        grey = court.grey()
        if opponent is None:
            court.step(control)
        elif side is Side.RIGHT:
            court.step(control, opponent.observe(mirrored(grey)).control)
        else:
            court.step(opponent.observe(grey).control, control)
        if court.score != score:
            score, served = court.score, court.frames
    return game, (court.score[side], court.score[side.other])


def main(arguments: Sequence[str] | None = None) -> None:
    """Plays, and prints the shares of the points."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--games", type=int, default=4, help="per hand and opponent (default: %(default)s)")
    games = parser.parse_args(arguments).games
    fixtures = [Game(hand, opponent, seed) for hand, opponent, seed in product(HANDS, OPPONENTS, range(games))]
    won, lost = Counter[tuple[Hand, str]](), Counter[tuple[Hand, str]]()
    with Pool(cores()) as pool:
        for game, (own, other) in pool.imap_unordered(play, fixtures):
            won[game.hand, game.opponent] += own
            lost[game.hand, game.opponent] += other
    print("| hand |", " | ".join(OPPONENTS), "|")
    print("| --- |" + " --- |" * len(OPPONENTS))
    for hand in HANDS:
        pairs = [(won[hand, name], lost[hand, name]) for name in OPPONENTS]
        print(
            f"| {hand} |", " | ".join(f"{own / max(own + other, 1):.0%} ({own}:{other})" for own, other in pairs), "|"
        )


if __name__ == "__main__":
    main()
