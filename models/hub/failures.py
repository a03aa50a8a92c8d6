"""Failures of the Hub and of the network in words: what is wrong, and what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub.errors import (  # type: ignore[attr-defined] # HTTPError, of whichever transport there is
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from models.errors import UserError, one_line


class Unreachable(UserError):  # noqa: N818 - shown to the user in a line, as any other
    """The Hub cannot be reached now, so that nothing is known of what it has."""


_SERVER_FAULT = 500
MAY_NOT_WRITE = "this token does not allow that; log in with one that can write, by: hf auth login"
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (GatedRepoError, "its author gives access on request; ask on its page, and log in by: hf auth login"),
    (RepositoryNotFoundError, "there is no such repository, or it is private; check the name, or: hf auth login"),
    (RevisionNotFoundError, "it has no such revision; leave it out for the newest"),
    (EntryNotFoundError, "one of its files is gone; try again"),
    (LocalTokenNotFoundError, "nobody is logged in; do so by: hf auth login"),
    # Of a header, and the token is all of the user's that a header holds.
    (UnicodeEncodeError, "malformed token; log in again by: hf auth login"),
    (OfflineModeIsEnabled, "offline, because HF_HUB_OFFLINE is set; unset it to reach the Hub"),
)
_REASONS_BY_STATUS = {
    401: "the Hub does not know this token; log in again by: hf auth login",
    403: MAY_NOT_WRITE,
    409: "somebody else was changing it at the same time; try again",
    412: "somebody else changed it meanwhile; look at it, and publish again",
    429: "the Hub limits how often it may be asked; try again in a few minutes",
}


@contextmanager
def explaining_failures(action: str) -> Iterator[None]:
    """Turns a failure of the Hub's client in the block into a `UserError`: why the action failed, and what to do."""
    try:
        yield
    except (HTTPError, OSError, EntryNotFoundError, HFValidationError, RuntimeError, UnicodeEncodeError) as error:
        # The client raises some failures from another error that says more.
        original = error.__cause__ if isinstance(error, LocalEntryNotFoundError | RuntimeError) else None
        cause = original or error
        kind = Unreachable if _is_unreachable(cause) else UserError
        raise kind(f"cannot {action}: {_reason(cause)}") from error


def _is_unreachable(error: BaseException) -> bool:
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code >= _SERVER_FAULT
    return isinstance(error, HTTPError | OfflineModeIsEnabled)


def _reason(error: BaseException) -> str:
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        return _REASONS_BY_STATUS.get(status, f"the Hub answered with error {status}; try again later")
    if isinstance(error, HFValidationError):
        return f"a repository's name is USER/REPO ({one_line(error, 80)})"
    if isinstance(error, HTTPError):
        return f"the Hub does not answer ({type(error).__name__}); check the connection, and try again"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "the disk is full; make room and try again"
    return f"{one_line(error, 120)}; try again"
