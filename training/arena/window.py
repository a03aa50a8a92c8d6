"""A plain window that shows a court, for environments rendered for people."""

from __future__ import annotations

import numpy as np

from agents.base import Frame

SIZE = (640, 480)
"""The court's true shape on a television."""


class CourtWindow:
    """Opens with the first frame, and shows each one for as long as it lasts."""

    def __init__(self, frames_per_second: float) -> None:
        import pygame  # noqa: PLC0415 - only who asks for a window needs it

        self._pygame = pygame
        self._frames_per_second = frames_per_second
        pygame.display.init()
        self._surface = pygame.display.set_mode(SIZE)
        pygame.display.set_caption("Volley")
        self._clock = pygame.time.Clock()

    def show(self, colour: Frame) -> None:
        """Shows a frame `[210, 160, 3]`, and waits until the next one is due."""
        pygame = self._pygame
        picture = pygame.surfarray.make_surface(np.swapaxes(colour, 0, 1))
        pygame.transform.scale(picture, SIZE, self._surface)
        pygame.display.flip()
        pygame.event.pump()
        self._clock.tick(self._frames_per_second)

    def close(self) -> None:
        """Closes the window."""
        self._pygame.display.quit()
