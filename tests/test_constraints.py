"""The versions in `.ci/constraints.txt` are of all that pyproject.toml asks for, and as it asks for them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parent.parent
PINNED = {
    canonicalize_name(pin.name): pin
    for pin in map(Requirement, (CHECKOUT / ".ci" / "constraints.txt").read_text().splitlines())
}
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
ASKED_FOR = [Requirement(each) for each in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"])]


def version_of(pin: Requirement) -> str:
    (only,) = pin.specifier
    assert only.operator == "=="
    return only.version


@pytest.mark.parametrize("asked", ASKED_FOR, ids=lambda asked: asked.name)
def test_what_the_project_asks_for_is_pinned_within_its_range(asked: Requirement) -> None:
    assert asked.specifier.contains(version_of(PINNED[canonicalize_name(asked.name)]))


def test_every_package_index_has_these_versions() -> None:
    for pin in PINNED.values():
        assert "+" not in version_of(pin), "a build that PyTorch's own index has"
        assert pin.url is None
