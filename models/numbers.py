"""Formats numbers for people."""

from __future__ import annotations


def with_minus(number: float, form: str) -> str:
    """A number in Python's format `form`, with a real minus sign; with a `z` in `form`, never a negative zero."""
    return format(number, form).replace("-", "\N{MINUS SIGN}")
