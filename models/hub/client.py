"""The Hub's client, configured for Volley. Its settings are global in huggingface_hub, so they are set only on use."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeAlias

from huggingface_hub import HfApi, constants, get_session
from huggingface_hub.utils.tqdm import disable_progress_bars

from models.errors import UserError, one_line, without_secrets
from models.hub_variables import check_variables

ANSWER_SECONDS = 20
"""How long to wait for an answer of the Hub. The client retries listings up to five times."""
MOST_REQUESTS = 300
"""For one action; the largest, a publication, needs a few for each of its files."""
LONGEST_WAIT = 60
"""Seconds that the Hub may ask the client to wait before it tries again."""
_CHUNK_BYTES = 64 * 1024

_PROXIES = tuple(name for kind in ("ALL", "HTTPS", "HTTP") for name in (f"{kind}_PROXY", f"{kind.lower()}_proxy"))
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_KEY_LOG = "SSLKEYLOGFILE"
"""Environment variables that the transport reads."""

Token: TypeAlias = str | bool | None
"""The token for the Hub: None uses the client's login, False uses none."""


def api(token: Token = None) -> HfApi:
    """Returns the client, configured by `configure`."""
    configure()
    return HfApi(token=token)


def configure() -> None:
    """Makes huggingface_hub download in small chunks, print nothing, and time out if the Hub does not answer.

    Changes its global state for the whole process; further calls change nothing. `UserError` if environment variables
    about proxies, certificates, timeouts or the Hub's address cannot be used.
    """
    check_variables()
    # Plain HTTP in small chunks allows progress reports and cancelling.
    constants.HF_HUB_DISABLE_XET = True
    constants.DOWNLOAD_CHUNK_SIZE = _CHUNK_BYTES
    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)  # Exceptions already say what failed.
    session = _session()
    if _limit_silence not in session.event_hooks["request"]:
        before, after = session.event_hooks["request"], session.event_hooks["response"]
        session.event_hooks = {
            "request": [*before, _limit_silence, _count_request],
            "response": [*after, _limit_waiting],
        }


def _session() -> Any:  # noqa: ANN401 - of whichever transport the client has
    """The client's connection; `UserError` if the environment asks for one that cannot be made."""
    try:
        return get_session()
    except Exception as error:  # each transport has errors of its own, and libraries that may be missing
        kind, names = _wrong_variables(error)
        reason = one_line(without_secrets(str(error)), 80)
        if not names:
            raise UserError(f"cannot use the Hub: {reason}") from error
        # Without its value: a proxy's may hold a password.
        raise UserError(f"cannot use the Hub: {names} is not {kind} that it can use ({reason}); correct it") from error


def _wrong_variables(error: Exception) -> tuple[str, str]:
    """What the environment variables at fault should be, and their names, if any are set."""
    if isinstance(error, OSError):
        # An error of certificates does not say which file.
        if error.filename is not None and error.filename == os.environ.get(_KEY_LOG):
            return "a file", _KEY_LOG
        return "a file of certificates", next((name for name in _CERTIFICATES if name in os.environ), "")
    return "a proxy", " or ".join(name for name in _PROXIES if name in os.environ)


_requests_left: ContextVar[Iterator[int] | None] = ContextVar("requests_left", default=None)


@contextmanager
def limited_requests() -> Iterator[None]:
    """In the block, and in this thread, `UserError` after `MOST_REQUESTS`: some list goes round in a circle."""
    before = _requests_left.set(iter(range(MOST_REQUESTS)))
    try:
        yield
    finally:
        _requests_left.reset(before)


class _Request(Protocol):
    """A request to the Hub, at the transport level."""

    extensions: MutableMapping[str, Any]


def _limit_silence(request: _Request) -> None:
    """Sets a timeout of `ANSWER_SECONDS` if the client would wait forever, as it does for most requests."""
    timeouts = request.extensions.get("timeout", {})
    request.extensions["timeout"] = {
        kind: ANSWER_SECONDS if timeout is None else timeout for kind, timeout in timeouts.items()
    }


def _count_request(_request: _Request) -> None:
    left = _requests_left.get()
    if left is not None and next(left, None) is None:
        raise UserError("the Hub's answer has no end; try again later")


class _Response(Protocol):
    """An answer of the Hub, at the transport level."""

    headers: MutableMapping[str, str]


def _limit_waiting(response: _Response) -> None:
    """Lets the client fail after its own few tries where the Hub asks for a longer wait, which it would do unseen."""
    for name in ("Retry-After", "RateLimit"):
        if any(float(number) > LONGEST_WAIT for number in re.findall(r"\d+", response.headers.get(name, ""))):
            del response.headers[name]
