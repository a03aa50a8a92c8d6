"""Formats numbers for the screen."""

from __future__ import annotations

from models.numbers import with_minus


def millions(steps: int) -> str:
    """Agent steps in millions: 0.13M."""
    return f"{steps / 1e6:.2f}M"


def signed(number: float) -> str:
    """A number with its sign and one decimal."""
    return with_minus(number, "+z.1f")
