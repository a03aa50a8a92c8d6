"""Formats numbers for the screen."""

from __future__ import annotations


def millions(steps: int) -> str:
    """Agent steps in millions: 0.13M."""
    return f"{steps / 1e6:.2f}M"


def signed(number: float) -> str:
    """A number with its sign and one decimal."""
    return f"{number:+.1f}".replace("-", "\N{MINUS SIGN}")
