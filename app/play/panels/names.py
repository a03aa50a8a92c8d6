"""The panels there are, by the names that the settings file remembers them by."""

from __future__ import annotations

from enum import Enum


class PanelName(Enum):
    """In the order in which they stand. Where there is no room for all that are on, the last fold away first."""

    MOVES = "moves"
    TIMELINE = "timeline"
    SEEN = "seen"
    STAGES = "stages"
    LEARNING = "learning"
    FACTS = "facts"
    CREDIT = "credit"
    SALIENCY = "saliency"


WHILE_PLAYING = (PanelName.MOVES,)
"""Shown unless the player chose others: little to look at."""
FILMED = tuple(name for name in PanelName if name not in (PanelName.STAGES, PanelName.LEARNING))
"""Those that can be asked for in a film: in the others a training is followed, or the policy is changed by hand."""
WHILE_WATCHING = (PanelName.MOVES, PanelName.TIMELINE, PanelName.LEARNING, PanelName.FACTS)
