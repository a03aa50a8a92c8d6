"""What saliency maps cost: `python benchmarks/saliency.py`.

Prints one JSON object: milliseconds per map on one thread; then, for a match of two agents drawn 60 times a second
with maps computed in the background, maps per second, milliseconds from requesting a map to receiving it, and
milliseconds of work per frame, with the overlay and without.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pygame
import torch

from agents.base import Frame, control_of
from agents.policy import PolicyAgent
from agents.pong import Court
from agents.saliency import occlusion_map
from app.game.lineup import Lineup, Policy
from app.game.session import Session
from app.play.panels.saliency import SaliencyOverlay
from app.ui.court import CourtView
from app.ui.executor import BetweenFrames
from models import catalog

COURT = pygame.Rect(0, 0, 832, 624)
"""Its size in a window of 1280 x 800."""
FRAME = 1 / 60
"""Seconds."""
MAPS = 300


class Stopwatch(BetweenFrames):
    """One thread, as in the window, that times each task from its submission to its result."""

    def __init__(self) -> None:
        super().__init__(ThreadPoolExecutor(1))
        self.milliseconds: list[float] = []

    def submit(self, task: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:  # noqa: ANN401
        """Runs a task in the background once the frame is shown, and times it."""
        start = time.perf_counter()
        future = super().submit(task, *arguments, **options)
        future.add_done_callback(lambda _: self.milliseconds.append(1000 * (time.perf_counter() - start)))
        return future


def observations(model: str) -> list[Frame]:
    """What the model sees in a game against the ROM's opponent."""
    court, agent = Court(seed=0), PolicyAgent.load(catalog.resolve(model))
    seen: list[Frame] = []
    while len(seen) < MAPS:
        decision = agent.observe(court.grey())
        if not seen or agent.observation is not seen[-1]:
            assert agent.observation is not None
            seen.append(agent.observation)
        court.step(control_of(decision.action))
    return seen


def measure_maps(model: str) -> dict[str, float]:
    """Computes maps one after the other."""
    network = PolicyAgent.load(catalog.resolve(model)).network
    milliseconds = []
    for observation in observations(model):
        start = time.perf_counter()
        occlusion_map(network, observation)
        milliseconds.append(1000 * (time.perf_counter() - start))
    return percentiles("map", milliseconds)


def measure_match(model: str, seconds: float, *, overlaid: bool) -> dict[str, float]:
    """Draws a match off screen, at a window's frame rate, with the saliency overlay or without."""
    session = Session(Lineup(Policy(model), Policy(model)), seed=0)
    session.begin_now()
    surface, view = pygame.Surface(COURT.size, depth=32), CourtView()
    work: list[float] = []
    with Stopwatch() as executor:
        overlay = SaliencyOverlay(executor, spread=True)
        for _ in range(round(seconds / FRAME)):
            start = time.perf_counter()
            session.match.update(FRAME)
            now = session.match.snapshot()
            view.draw(surface, COURT, now.picture)
            if overlaid:
                overlay.update(now, FRAME)
                overlay.draw(surface, COURT)
                executor.frame_shown()
            work.append(1000 * (time.perf_counter() - start))
            time.sleep(max(FRAME - work[-1] / 1000, 0))
    if not overlaid:
        return percentiles("frame_without", work)
    rate = {"maps_per_second": round(len(executor.milliseconds) / seconds, 1)}
    return rate | percentiles("map_beside", executor.milliseconds) | percentiles("frame_with", work)


def percentiles(name: str, milliseconds: list[float]) -> dict[str, float]:
    """The median and the 99th percentile."""
    p50, p99 = np.percentile(milliseconds, [50, 99])
    return {f"{name}_ms_p50": round(float(p50), 2), f"{name}_ms_p99": round(float(p99), 2)}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default=catalog.DEFAULT_MODEL, help="who plays (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each match (default: 20)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    figures = measure_maps(arguments.model)
    for overlaid in (False, True):
        figures |= measure_match(arguments.model, arguments.seconds, overlaid=overlaid)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
