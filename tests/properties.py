"""How the property tests are run: what hypothesis draws is the same each time, and it leaves no files behind."""

from __future__ import annotations

import tempfile

from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

# It keeps notes of what it has read in the sources, even without a database of failures.
set_hypothesis_home_dir(tempfile.gettempdir() + "/volley-hypothesis")


def examples(count: int) -> settings:
    """A decorator: so many draws. How long one takes depends on who else is at work, so no draw has a deadline."""
    return settings(max_examples=count, derandomize=True, database=None, deadline=None)
