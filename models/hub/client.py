"""The Hub's client, configured for Volley. Its settings are global in huggingface_hub, so they are set only on use."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any, Protocol, TypeAlias

from huggingface_hub import HfApi, constants, get_session
from huggingface_hub.utils.tqdm import disable_progress_bars

ANSWER_SECONDS = 20
"""How long to wait for an answer of the Hub. The client retries listings up to five times."""
_CHUNK_BYTES = 64 * 1024

Token: TypeAlias = str | bool | None
"""The token for the Hub: None uses the client's login, False uses none."""


def api(token: Token = None) -> HfApi:
    """Returns the client, configured by `configure`."""
    configure()
    return HfApi(token=token)


def configure() -> None:
    """Makes huggingface_hub download in small chunks, print nothing, and time out if the Hub does not answer.

    Changes its global state for the whole process; further calls change nothing.
    """
    # Plain HTTP in small chunks allows progress reports and cancelling.
    constants.HF_HUB_DISABLE_XET = True
    constants.DOWNLOAD_CHUNK_SIZE = _CHUNK_BYTES
    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)  # Exceptions already say what failed.
    session = get_session()
    if _limit_silence not in (hooks := session.event_hooks["request"]):
        session.event_hooks = {**session.event_hooks, "request": [*hooks, _limit_silence]}


class _Request(Protocol):
    """A request to the Hub, at the transport level."""

    extensions: MutableMapping[str, Any]


def _limit_silence(request: _Request) -> None:
    """Sets a timeout of `ANSWER_SECONDS` if the client would wait forever, as it does for most requests."""
    timeouts = request.extensions.get("timeout", {})
    request.extensions["timeout"] = {
        kind: ANSWER_SECONDS if timeout is None else timeout for kind, timeout in timeouts.items()
    }
