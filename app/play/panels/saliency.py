"""Saliency: light on the court, on what the network's next move depends on."""

from __future__ import annotations

import math
from concurrent.futures import Executor, Future
from contextlib import suppress
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pygame
from numpy.typing import NDArray

from agents.base import Frame
from agents.pong import Side
from app.game.snapshot import Snapshot
from app.ui.smoothing import gap_left
from models.errors import UserError
from models.screen import SCREEN, SCREEN_COLUMNS, SCREEN_ROWS, Region

if TYPE_CHECKING:
    from agents.base import Decision
    from agents.policy import PolicyAgent
    from agents.saliency import SaliencyMap
    from models.network import PolicyNetwork

HALF_LIT = 1.0
"""The saliency that is drawn at half brightness. The scale is always the same: when little matters, little is lit."""
MIN_INTERVAL = 0.06
"""Seconds from the start of one map to the start of the next: one for each decision at normal speed."""
SETTLE_SECONDS = 0.08
"""The time in which 95% of a change is made: short, because a map is soon out of date."""
LIGHT = (72, 90, 40)
"""The colour added at full brightness: brown becomes amber, and a white ball still stands out."""
_REACH = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
_BLUR = 1.2
"""How far the light spreads beyond what it lights, and how soft its edge is, in pixels of an observation."""
_LEVELS = 255
"""Of brightness: a smaller change is not visible."""

Brightness = NDArray[np.float32]
"""`[height, width]` of an observation, over what it shows of the screen: 0 is dark, 1 is full brightness."""


class SaliencyModel:
    """Follows the network that plays, the right one if both do; its maps are made on `executor`."""

    def __init__(self, executor: Executor) -> None:
        self.brightness: Brightness = np.zeros((1, 1), np.float32)
        """As shown: it moves smoothly from map to map. A new array whenever it changes."""
        self.region = SCREEN
        """What of the screen it lies over."""
        self._target = self.brightness
        self._executor = executor
        self._under_way: Future[SaliencyMap] | None = None
        self._asked: tuple[PolicyNetwork, Frame] | None = None
        self._since_asked = math.inf

    def update(self, now: Snapshot, elapsed: float) -> None:
        """Takes a map that is ready, asks for the next, and moves what is shown towards it for `elapsed` seconds.

        Nothing is lit when no network plays, before its first decision, and while the match is rewound: the network
        then sees another moment than the one on screen.
        """
        self._since_asked += elapsed
        side = next((side for side in reversed(Side) if now.policies[side] is not None), None)
        policy = None if side is None or now.undone else now.policies[side]
        self._collect()
        if side is None or policy is None or policy.observation is None:
            self._target = np.zeros_like(self._target)
            self._asked = None
        elif self._under_way is None and self._since_asked >= MIN_INTERVAL:
            self.region = policy.spec.observation.region
            self._ask(policy, policy.observation, side)
            self._collect()  # An executor without threads has it ready.
        self._smooth(elapsed)

    def _collect(self) -> None:
        if self._under_way is not None and self._under_way.done():
            with suppress(UserError):  # reported where it failed; the light stays as it was
                self._target = brightness(self._under_way.result())
            self._under_way = None

    def _ask(self, policy: PolicyAgent, observation: Frame, side: Side) -> None:
        """Starts the next map, unless it would be the same again."""
        if self._asked is not None and policy.network is self._asked[0] and observation is self._asked[1]:
            return
        self._asked, self._since_asked = (policy.network, observation), 0.0
        self._under_way = self._executor.submit(_map_over_court, policy.network, observation, side)

    def _smooth(self, elapsed: float) -> None:
        if self._target.shape != self.brightness.shape:
            self.brightness = np.zeros_like(self._target)
        gap = self._target - self.brightness
        if np.abs(gap).max() * _LEVELS >= 1:
            self.brightness = self._target - gap * np.float32(gap_left(elapsed, SETTLE_SECONDS))


def brightness(saliency: SaliencyMap) -> Brightness:
    """How brightly each place is drawn: half at `HALF_LIT`, never quite 1."""
    return saliency / (saliency + np.float32(HALF_LIT))


def _map_over_court(network: PolicyNetwork, observation: Frame, side: Side) -> SaliencyMap:
    # This imports torch, which is loaded by the time a network plays, but not before the first picture.
    from agents.saliency import occlusion_map, turned_about  # noqa: PLC0415

    saliency = occlusion_map(network, observation)
    return turned_about(saliency, network.observation.region) if side is Side.LEFT else saliency


class SaliencyOverlay:
    """Draws the model as soft light on the court, a little wider than what it lights.

    The light moves with every frame, or, if `spread`, with every second one: the others, among them those of decisions,
    have other things to draw.
    """

    def __init__(self, executor: Executor, *, spread: bool = False) -> None:
        self.model = SaliencyModel(executor)
        self._spread = spread
        self._decisions: tuple[Decision | None, Decision | None] = (None, None)
        self._since_decision = self._waited = 0
        """In frames."""
        self._drawn: Brightness | None = None
        self._light = pygame.Surface((0, 0))

    def update(self, now: Snapshot, elapsed: float) -> None:
        """Takes in the match as it is now, `elapsed` seconds after the last update."""
        self._since_decision = 0 if now.decisions != self._decisions else self._since_decision + 1
        self._decisions = now.decisions
        self.model.update(now, elapsed)

    def draw(self, surface: pygame.Surface, court: pygame.Rect) -> None:
        """Adds light to a picture of the screen that has been drawn to fill `court`."""
        lit = _place_on(court, self.model.region)
        changed = self.model.brightness is not self._drawn
        if self._light.size != lit.size or (changed and self._turn_comes()):
            self._drawn, self._waited = self.model.brightness, 0
            self._light = pygame.transform.smoothscale(_light(self._drawn), lit.size)
        surface.blit(self._light, lit, special_flags=pygame.BLEND_RGB_ADD)

    def _turn_comes(self) -> bool:
        self._waited += 1
        return not self._spread or self._since_decision % 2 == 1 or self._waited > 1


def _place_on(court: pygame.Rect, region: Region) -> pygame.Rect:
    """Where a region of the screen lies, if the screen fills `court`."""
    across, down = court.width / SCREEN_COLUMNS, court.height / SCREEN_ROWS
    place = pygame.Rect(0, 0, round(region.columns * across), round(region.rows * down))
    return place.move(court.left + round(region.left * across), court.top + round(region.top * down))


def _light(shown: Brightness) -> pygame.Surface:
    """What to add to the court's colours, one pixel for each of the observation's."""
    soft = cv2.GaussianBlur(cv2.dilate(shown, _REACH), (0, 0), _BLUR)
    pixels = np.rint(soft[:, :, None] * np.array(LIGHT, np.float32)).astype(np.uint8)
    height, width = shown.shape
    return pygame.image.frombuffer(pixels.tobytes(), (width, height), "RGB").convert(32)
