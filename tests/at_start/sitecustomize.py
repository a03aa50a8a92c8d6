"""Refuses whatever would leave this machine: in the tests, and in every Python that they start.

Python loads a module of this name as it starts, if its folder is in PYTHONPATH.
"""

from __future__ import annotations

import os
import sys
from typing import Any

LOG = "VOLLEY_TESTS_NETWORK_LOG"
"""The variable that names the file in which a refusal is kept: the error itself may be taken for a lost connection."""
_TO_AN_ADDRESS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_BY_NAME = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _TO_AN_ADDRESS:
        # What is no pair is a file, or a connection that there is already.
        host = arguments[1][0] if isinstance(arguments[1], tuple) else None
    elif event in _BY_NAME:
        host = arguments[0]
    else:
        return
    if not _is_here(host):
        if LOG in os.environ:
            with open(os.environ[LOG], "a") as log:  # noqa: PTH123 - pathlib would take its time in every process
                log.write(f"{host}\n")
        raise ConnectionRefusedError(f"tests talk to nobody but this machine, and not to {host}")


def _is_here(host: str | bytes | None) -> bool:
    name = host.decode() if isinstance(host, bytes) else host or ""
    return name in ("", "localhost", "::1") or name.startswith("127.")


sys.addaudithook(_refuse)
