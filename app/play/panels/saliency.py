"""What the network's next move depends on, as light over the court."""

from __future__ import annotations

import math
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pygame
from numpy.typing import NDArray

from agents.base import Frame
from agents.pong import Side
from app.game.match import Snapshot

if TYPE_CHECKING:
    from agents.policy import PolicyAgent
    from agents.saliency import SaliencyMap
    from models.network import PolicyNetwork

HALF_LIT = 1.0
"""What of a map is drawn half as bright as can be. One scale for all moments: where little matters, little is lit."""
LEAST_INTERVAL = 0.06
"""Seconds from the beginning of one map to that of the next: one for each decision, at normal speed."""
SETTLE = 0.08
"""Seconds after which 95% of a change has been made: a map is old soon."""
_TIME_CONSTANT = SETTLE / 3
LIGHT = (72, 90, 40)
"""Added to a place that is as bright as can be: brown becomes amber, and a white ball on it still stands out."""
_REACH = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
_BLUR = 1.2
"""How far light goes beyond what it lights, and how soft its edge is, in pixels of an observation."""
_LEVELS = 255

Brightness = NDArray[np.float32]
"""`[height, width]` of an observation, over the whole picture of the court: 0 is dark, 1 as bright as can be."""


class SaliencyModel:
    """Follows the network agent that plays, the right one where both are; its maps are made on `executor`."""

    def __init__(self, executor: Executor) -> None:
        self.brightness: Brightness = np.zeros((1, 1), np.float32)
        """As shown: it glides from map to map. A new object whenever it has changed."""
        self._target = self.brightness
        self._executor = executor
        self._under_way: Future[SaliencyMap] | None = None
        self._asked: tuple[PolicyNetwork, Frame] | None = None
        self._since_asked = math.inf

    def update(self, now: Snapshot, elapsed: float) -> None:
        """Takes a map that is ready, asks for the next, and lets what is shown follow for `elapsed` seconds.

        Nothing is lit where no network plays, before its first decision, and while the match is gone back in, because
        the network then looks at another moment than the one on the screen.
        """
        self._since_asked += elapsed
        side = next((side for side in reversed(Side) if now.policies[side] is not None), None)
        policy = None if side is None or now.undone else now.policies[side]
        self._collect()
        if side is None or policy is None or policy.observation is None:
            self._target = np.zeros_like(self._target)
            self._asked = None
        elif self._under_way is None and self._since_asked >= LEAST_INTERVAL:
            self._ask(policy, policy.observation, side)
            self._collect()  # It may be there at once.
        self._glide(elapsed)

    def _collect(self) -> None:
        if self._under_way is not None and self._under_way.done():
            self._target = brightness(self._under_way.result())
            self._under_way = None

    def _ask(self, policy: PolicyAgent, observation: Frame, side: Side) -> None:
        """Begins the next map, unless it would be the same again."""
        if self._asked is not None and policy.network is self._asked[0] and observation is self._asked[1]:
            return
        self._asked, self._since_asked = (policy.network, observation), 0.0
        self._under_way = self._executor.submit(_map_over_court, policy.network, observation, side)

    def _glide(self, elapsed: float) -> None:
        if self._target.shape != self.brightness.shape:
            self.brightness = np.zeros_like(self._target)
        gap = self._target - self.brightness
        if np.abs(gap).max() * _LEVELS >= 1:
            self.brightness = self._target - gap * np.float32(math.exp(-elapsed / _TIME_CONSTANT))


def brightness(saliency: SaliencyMap) -> Brightness:
    """How bright each place is drawn: half at `HALF_LIT`, and never quite 1."""
    return saliency / (saliency + np.float32(HALF_LIT))


def _map_over_court(network: PolicyNetwork, observation: Frame, side: Side) -> SaliencyMap:
    # With it comes torch, which is there once a network plays, and not before the first picture.
    from agents.saliency import occlusion_map, turned_about  # noqa: PLC0415

    saliency = occlusion_map(network, observation)
    return turned_about(saliency) if side is Side.LEFT else saliency


class SaliencyOverlay:
    """The model as light over the court, soft, and a little wider than what it lights."""

    title = "What matters"

    def __init__(self, executor: Executor) -> None:
        self.model = SaliencyModel(executor)
        self._drawn: Brightness | None = None
        self._light = pygame.Surface((0, 0))

    def update(self, now: Snapshot, elapsed: float) -> None:
        """Takes in the match as it is now, `elapsed` seconds after the last time."""
        self.model.update(now, elapsed)

    def draw(self, surface: pygame.Surface, court: pygame.Rect) -> None:
        """Lights the court, which has been drawn to fill `court`."""
        if self.model.brightness is not self._drawn or self._light.size != court.size:
            self._drawn = self.model.brightness
            self._light = pygame.transform.smoothscale(_light(self._drawn), court.size)
        surface.blit(self._light, court, special_flags=pygame.BLEND_RGB_ADD)


def _light(shown: Brightness) -> pygame.Surface:
    """What is to be added to the court's colours, one pixel for each of the observation's."""
    soft = cv2.GaussianBlur(cv2.dilate(shown, _REACH), (0, 0), _BLUR)
    pixels = np.rint(soft[:, :, None] * np.array(LIGHT, np.float32)).astype(np.uint8)
    height, width = shown.shape
    return pygame.image.frombuffer(pixels.tobytes(), (width, height), "RGB").convert(32)
