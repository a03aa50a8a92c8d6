from __future__ import annotations

from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

CHECKOUT = Path(__file__).parent.parent


def test_packages_import_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """models <- agents <- training, agents <- app: the contracts are in pyproject.toml."""
    monkeypatch.chdir(CHECKOUT)
    assert lint_imports(no_cache=True) == EXIT_STATUS_SUCCESS
