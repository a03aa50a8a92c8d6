"""Formats numbers for the screen."""

from __future__ import annotations


def millions(steps: int) -> str:
    """Agent steps in millions: 0.13M."""
    return f"{steps / 1e6:.2f}M"


def signed(number: float) -> str:
    """A number with its sign and one decimal."""
    return with_minus(number, "+z.1f")


def with_minus(number: float, form: str) -> str:
    """A number in Python's format `form`, with a real minus sign; with a `z` in `form`, never a negative zero."""
    return format(number, form).replace("-", "\N{MINUS SIGN}")
