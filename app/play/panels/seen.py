"""What the network sees: the frames of its observation, as they go in and as it normalises them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pygame
from numpy.typing import NDArray

from agents.base import Frame
from agents.pong import FRAMES_PER_SECOND, Side
from app.game.snapshot import Snapshot
from app.play.panels.panel import Turn
from app.ui import theme

if TYPE_CHECKING:
    from agents.policy import PolicyAgent
    from models.network import PolicyNetwork

RANGE = 3.0
"""Standard deviations. A pixel further from its mean gets the scale's last colour; the ball is about 30 away."""

Picture = NDArray[np.uint8]
"""`[height, width]` in grey, or `[height, width, 3]` in colour."""


class SeenModel:
    """The newest observation of the network that plays, the right one if both do, `delay` frames after it changed."""

    def __init__(self, delay: int = 0) -> None:
        self.frames: Frame | None = None
        """As the network sees them, `[stack, height, width]`, oldest first. A new array whenever they change."""
        self.normalised: NDArray[np.float32] | None = None
        """The same in standard deviations from each pixel's own mean."""
        self.seconds: tuple[float, ...] = ()
        """How much older than the newest each frame is."""
        self.side = Side.RIGHT
        self.orientation = ""
        """How the network sees the court: mirrored, upside down, both, or empty."""
        self._shown: tuple[PolicyNetwork, Frame] | None = None
        self._turn = Turn(delay)
        self.undone = False
        """Whether the match has gone back since."""

    def update(self, now: Snapshot) -> None:
        """Takes in what the network was shown; while the match is rewound, what it saw last stays."""
        self.undone = bool(now.undone)
        side = next((side for side in reversed(Side) if now.policies[side] is not None), None)
        policy = None if side is None else now.policies[side]
        if side is None or policy is None or policy.observation is None:
            self.frames = self.normalised = self._shown = None
            return
        if self._shown is not None and (now.undone or not self._turn.comes(changed=not _same(policy, *self._shown))):
            return
        self._shown = policy.network, policy.observation
        self.frames, self.normalised, turned = as_seen(policy.network, policy.observation)
        self.side = side
        self.orientation = ", ".join(["mirrored"] * (side is Side.LEFT) + ["upside down"] * turned)
        observation = policy.spec.observation
        apart = observation.frame_skip / FRAMES_PER_SECOND
        self.seconds = tuple(apart * older for older in reversed(range(observation.stack)))


def _same(policy: PolicyAgent, network: PolicyNetwork, observation: Frame) -> bool:
    return policy.network is network and policy.observation is observation


def as_seen(network: PolicyNetwork, observation: Frame) -> tuple[Frame, NDArray[np.float32], bool]:
    """An observation as the network sees it, the same normalised, and whether it sees the court upside down."""
    # It is loaded by the time a network plays, but not before the first picture.
    import torch  # noqa: PLC0415

    with torch.inference_mode():
        shown = torch.from_numpy(observation).unsqueeze(0)
        seen = network.frames_as_seen(shown)
        return seen[0].numpy(), network.pixels(seen)[0].numpy(), not torch.equal(seen, shown)


def coloured(normalised: NDArray[np.float32]) -> Picture:
    """Deviations as colours, `[..., 3]`: blue above the mean, vermilion below, darker nearer to it."""
    ground, above, below = (np.array(colour[:3], np.float32) for colour in _COLOURS)
    share = np.clip(normalised / RANGE, -1, 1)[..., None]
    colours = ground + np.maximum(share, 0) * (above - ground) + np.maximum(-share, 0) * (below - ground)
    return np.asarray(np.rint(colours), np.uint8)


_COLOURS = (theme.BACKGROUND, theme.PUSHED_UP, theme.PUSHED_DOWN)


class SeenPanel:
    """The frames side by side, the oldest on the left: above as they go in, below normalised."""

    min_height = 250
    wide = False

    def __init__(self, delay: int = 0) -> None:
        self.model = SeenModel(delay)
        self._drawn: tuple[Frame | None, int] = (None, 0)
        self._pictures: tuple[list[pygame.Surface], ...] = ()
        self._made: dict[tuple[bytes, int, bool], pygame.Surface] = {}
        """What is shown: after a decision, most frames are those of before, one place to the left."""

    def update(self, now: Snapshot, elapsed: float) -> None:
        """Takes in what the network was shown."""
        del elapsed
        self.model.update(now)

    def point(self, position: tuple[int, int] | None, *, pressed: bool) -> None:
        """Nothing to point at."""

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float) -> None:
        """Draws the panel to fill `rect`, or only as far down as its pictures reach, which are no wider than it."""
        small, heading_size = round(theme.HINT_SIZE * scale), round(theme.HEADING_SIZE * scale)
        line, gap, padding = round(22 * scale), round(6 * scale), round(theme.PADDING * scale)
        title = theme.font(theme.Face.REGULAR, heading_size).get_linesize()
        frames = self.model.frames
        count = 4 if frames is None else len(frames)
        size = (rect.width - 2 * padding + gap) // count - gap
        needed = 2 * padding + title + 3 * line + 2 * size
        room = theme.draw_panel(surface, rect.move_to(height=min(rect.height, needed)), scale)
        heading = theme.draw_text(surface, "What the network sees", heading_size, topleft=room.topleft)
        if frames is None:
            theme.draw_text(surface, "no network is playing", small, theme.QUIET, midleft=room.midleft)
            return
        size = min(size, (room.bottom - heading.bottom - 3 * line) // 2)
        self._make_pictures(size)
        first = pygame.Rect(room.left, heading.bottom, room.width, line)
        second = first.move(0, line + size)
        last = second.move(0, line + size)
        height, width = frames.shape[1:]
        text = f"Input, {width} \N{MULTIPLICATION SIGN} {height}"
        theme.draw_text(surface, text, small, theme.QUIET, midleft=first.midleft)
        theme.draw_text(surface, self.model.orientation, small, midright=first.midright)
        theme.draw_text(surface, "Normalised", small, theme.QUIET, midleft=second.midleft)
        _draw_legend(surface, second, small)
        self._draw_row(surface, first, self._pictures[0])
        columns = self._draw_row(surface, second, self._pictures[1])
        for column, seconds in zip(columns, self.model.seconds, strict=True):
            age = f"\N{MINUS SIGN}{seconds:.2f} s" if seconds else "last" if self.model.undone else "now"
            theme.draw_text(surface, age, small, theme.QUIET, center=(column.centerx, last.centery))

    def _draw_row(
        self, surface: pygame.Surface, label: pygame.Rect, pictures: list[pygame.Surface]
    ) -> list[pygame.Rect]:
        """Draws pictures below a label, the newest framed in the player's colour; returns their places."""
        size = pictures[0].width
        apart = (label.width - size) / max(len(pictures) - 1, 1)
        places = [
            pygame.Rect(label.left + round(place * apart), label.bottom, size, size) for place in range(len(pictures))
        ]
        surface.fblits(list(zip(pictures, places, strict=True)))
        pygame.draw.rect(surface, theme.PLAYERS[self.model.side], places[-1].inflate(2, 2), width=2)
        return places

    def _make_pictures(self, size: int) -> None:
        """Makes the pictures again if the frames or the size have changed."""
        frames, normalised = self.model.frames, self.model.normalised
        assert frames is not None
        assert normalised is not None
        if self._drawn[0] is frames and self._drawn[1] == size:
            return
        self._drawn = frames, size
        before, self._made = self._made, {}
        self._pictures = (
            [self._made_of(frame, size, before, deviations=False) for frame in frames],
            [self._made_of(frame, size, before, deviations=True) for frame in _levels(normalised)],
        )

    def _made_of(
        self, levels: Frame, size: int, before: dict[tuple[bytes, int, bool], pygame.Surface], *, deviations: bool
    ) -> pygame.Surface:
        """The picture of a frame, if possible one of those made `before`."""
        key = levels.tobytes(), size, deviations
        picture = before.get(key) or _picture(levels, size, _DEVIATIONS if deviations else _GREYS)
        self._made[key] = picture
        return picture


def _levels(normalised: NDArray[np.float32]) -> Frame:
    """Indices into `_DEVIATIONS`."""
    return np.asarray(np.rint((np.clip(normalised / RANGE, -1, 1) + 1) * 127.5), np.uint8)


_GREYS = [(level, level, level) for level in range(256)]
_DEVIATIONS = [tuple(colour) for colour in coloured(np.linspace(-RANGE, RANGE, 256, dtype=np.float32)).tolist()]


def _picture(levels: Frame, size: int, palette: Sequence[tuple[int, ...]]) -> pygame.Surface:
    how = cv2.INTER_AREA if size < len(levels) else cv2.INTER_LINEAR
    scaled = np.asarray(cv2.resize(levels, (size, size), interpolation=how), np.uint8)
    picture = pygame.image.frombuffer(scaled.tobytes(), (size, size), "P")
    picture.set_palette(palette)
    return picture


def _draw_legend(surface: pygame.Surface, row: pygame.Rect, size: int) -> None:
    """The scale of colours, at the right end of `row`."""
    end = theme.draw_text(surface, f"+{RANGE:.0f} std. dev.", size, theme.QUIET, midright=row.midright)
    bar = pygame.Rect(0, 0, 4 * size, size // 2)
    bar.midright = (end.left - size // 3, row.centery)
    surface.blit(_colour_scale(bar.size), bar)
    start = f"\N{MINUS SIGN}{RANGE:.0f}"
    theme.draw_text(surface, start, size, theme.QUIET, midright=(bar.left - size // 3, row.centery))


@lru_cache(maxsize=4)
def _colour_scale(size: tuple[int, int]) -> pygame.Surface:
    width, height = size
    row = coloured(np.linspace(-RANGE, RANGE, width, dtype=np.float32))
    return pygame.image.frombuffer(np.tile(row, (height, 1, 1)).tobytes(), size, "RGB")
