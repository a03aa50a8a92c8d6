"""The `doctor` command. What it finds out is in `report`."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import TYPE_CHECKING

from app.command.arguments import MISTAKE, add_command
from app.command.output import say

if TYPE_CHECKING:
    from app.command.arguments import Subparsers


def add_parsers(subparsers: Subparsers) -> None:
    """Adds `doctor`."""
    doctor = add_command(
        subparsers,
        "doctor",
        purpose="check this machine, and whether Volley can play on it",
        example="volley doctor --json",
    )
    doctor.add_argument("--json", action="store_true", help="print one JSON object")
    doctor.set_defaults(run=_doctor)


def _doctor(arguments: Namespace) -> int:
    from app.command import report

    found = report.examine()
    say(json.dumps(found.as_dict()) if arguments.json else report.render(found))
    return 0 if found.can_play else MISTAKE
