"""The Hub's client, set up as Volley needs it. Its settings are huggingface_hub's own, so they are made at use only."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any, Protocol, TypeAlias

from huggingface_hub import HfApi, constants, get_session
from huggingface_hub.utils.tqdm import disable_progress_bars

ANSWER_SECONDS = 20
"""How long the Hub may be silent before it counts as gone. The client asks for a listing up to five times more."""
_CHUNK_BYTES = 64 * 1024

Token: TypeAlias = str | bool | None
"""What opens the Hub: None is that of the client's own login, False is none at all."""


def api(token: Token = None) -> HfApi:
    """The client, set up by `configure`."""
    configure()
    return HfApi(token=token)


def configure() -> None:
    """Lets huggingface_hub download in small pieces, print nothing, and give up on a Hub that does not answer.

    Changes its global state for the whole process; again and again, it changes nothing more.
    """
    # Plain HTTP in small pieces can be counted as it arrives, and cancelled in between.
    constants.HF_HUB_DISABLE_XET = True
    constants.DOWNLOAD_CHUNK_SIZE = _CHUNK_BYTES
    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)  # An error already says what failed.
    session = get_session()
    if _limit_silence not in (hooks := session.event_hooks["request"]):
        session.event_hooks = {**session.event_hooks, "request": [*hooks, _limit_silence]}


class _Request(Protocol):
    """A request to the Hub, as the transport sees it."""

    extensions: MutableMapping[str, Any]


def _limit_silence(request: _Request) -> None:
    """Lets the client wait `ANSWER_SECONDS` where it would wait forever, as it does for most requests."""
    waits = request.extensions.get("timeout", {})
    request.extensions["timeout"] = {kind: ANSWER_SECONDS if wait is None else wait for kind, wait in waits.items()}
