"""The credit panel: how a policy gradient would push each decision of the last point, by five methods."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING

import pygame

from agents.handicap import reaction_frames
from agents.pong import FRAMES_PER_SECOND
from app.game.rallies import PolicyRally
from app.game.snapshot import Snapshot
from app.play.panels.credit_model import (
    NO_GRADIENT,
    NO_POINT,
    PPO_PASSES,
    CreditMethod,
    CreditModel,
    PlayingNetwork,
    PointCredit,
    PpoPass,
    ppo_passes,
    weigh,
)
from app.play.panels.credit_view import CreditView
from models.errors import UserError

if TYPE_CHECKING:
    from agents.policy import PolicyAgent

_PAUSE = 60
"""Frames after a point in which nothing is at stake: the next serve comes later."""


class CreditPanel:
    """Weighs each new point on `executor`; PPO's passes one at a time, so that other work there gets its turn."""

    min_height = 200
    wide = True

    def __init__(self, executor: Executor) -> None:
        self.model = CreditModel()
        self._executor = executor
        self._taken: PolicyRally | None = None
        """The point that is shown, or being weighed."""
        self._player: PlayingNetwork | None = None
        """What plays now."""
        self._learner: PlayingNetwork | None = None
        """What played the point taken: on a ladder, another network may play by now."""
        self._weighing: Future[PointCredit] | None = None
        self._passes: Iterator[PpoPass] | None = None
        self._passing: Future[PpoPass] | None = None
        self._view = CreditView()

    def update(self, now: Snapshot, elapsed: float) -> None:
        """Takes in a point that has just ended, and what has been worked out about it."""
        del elapsed
        side = now.mind if now.mind is None or now.policies[now.mind] is not None else now.mind.other
        policy = None if side is None else now.policies[side]
        by_value = policy is not None and policy.network.acts_by_value
        self.model.show_placeholder(NO_GRADIENT if by_value else NO_POINT)
        rallies = () if side is None or by_value else now.rallies[side]
        newest = rallies[-1] if rallies else None
        if newest is None:
            self._forget()
        elif newest is not self._taken and policy is not None:
            self._take(now, rallies, policy)
        if newest is self._taken and policy is not None and not by_value:
            self._player = PlayingNetwork.of(policy)
        try:
            self._collect()
        except UserError:  # reported where it failed; the next point is another try
            self._drop_work()

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float) -> None:
        """Draws the panel to fill `rect`."""
        self._view.draw(surface, rect, scale, self.model)

    def point(self, position: tuple[int, int] | None, *, pressed: bool) -> None:
        """Selects the decision under the mouse; a click on a method's name changes to it."""
        if position is None:
            return
        place, method = self._view.decision_at(position, self.model), self._view.method_at(position, self.model)
        if place is not None and place != self.model.selected:
            self.model.select(place)
        if pressed and method is not None:
            self.model.change_method(method)

    def _forget(self) -> None:
        if self._taken is not None:
            self._taken = None
            self._drop_work()
            self.model.show(None)

    def _take(self, now: Snapshot, rallies: tuple[PolicyRally, ...], policy: PolicyAgent) -> None:
        """Starts to weigh the newest point, once it is known what the network expected after it."""
        rally = rallies[-1]
        expected = 0.0 if now.over else _value_after(rally, now)
        if expected is None:
            return
        self._drop_work()
        self._taken = rally
        self._learner = self._player or PlayingNetwork.of(policy)
        self._weighing = self._executor.submit(weigh, rallies, now.names[rally.side], expected, over=now.over)

    def _drop_work(self) -> None:
        """Drops what is under way; a pass that has started is the last."""
        for work in (self._weighing, self._passing):
            if work is not None:
                work.cancel()
        self._weighing = self._passing = self._passes = None

    def _collect(self) -> None:
        """Shows results, and asks for PPO's next pass if that is the method shown."""
        model = self.model
        if self._weighing is not None and self._weighing.done():
            point, self._weighing = self._weighing.result(), None
            model.show(point)
            assert self._learner is not None
            self._passes = ppo_passes(point, self._learner) if self._learner.chose_in(point.rally) else None
        if self._passing is not None and self._passing.done():
            model.add_pass(self._passing.result())
            self._passing = None
        wanted = model.method is CreditMethod.PPO and len(model.passes) <= PPO_PASSES
        if wanted and self._passes and self._passing is None:
            self._passing = self._executor.submit(next, self._passes)


def _value_after(rally: PolicyRally, now: Snapshot) -> float | None:
    """What the network expected at its first decision after the point; None until it has decided again.

    If that was longer ago than history reaches, or comes after the frame shown, what it expected at the start of the
    point: between points all is as it was before.
    """
    first, last = rally.steps[0], rally.steps[-1]
    policy, past = now.policies[rally.side], now.history[rally.side]
    in_force = last.frame + reaction_frames(now.reactions[rally.side] or 0)
    if past and past[0].frame <= in_force < past[-1].frame:
        return next(estimate.value for estimate in past if estimate.frame > in_force)
    if now.undone or now.seconds * FRAMES_PER_SECOND > last.frame + _PAUSE:
        return first.decision.value
    decision = None if policy is None else policy.decision
    return None if decision is None or decision is last.decision else decision.value
