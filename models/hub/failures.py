"""Explains failures of the Hub and the network: what is wrong, and what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub.errors import (  # type: ignore[attr-defined] # HTTPError of the installed transport
    DisabledRepoError,
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

from models.errors import UserError, one_line, without_secrets
from models.hub.client import limited_requests
from models.hub_variables import offline_variable


class Unreachable(UserError):  # noqa: N818 - a message for the user, like any `UserError`
    """The Hub cannot be reached now, so nothing is known about what it has."""


_OFFLINE_VARIABLE = offline_variable() or "HF_HUB_OFFLINE"  # when this is imported, as the client does
_FORBIDDEN, _SERVER_FAULT = 403, 500
NO_WRITE_ACCESS = "this token has no write access; log in with one that has: hf auth login"
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (DisabledRepoError, "the Hub has disabled this repository"),
    (GatedRepoError, "its author grants access on request; ask on its page, then log in with: hf auth login"),
    (RepositoryNotFoundError, "no such repository, or it is private; check the name, or log in with: hf auth login"),
    (RevisionNotFoundError, "it has no such revision; leave out the revision to get the newest"),
    (EntryNotFoundError, "one of its files is gone; try again"),
    (LocalTokenNotFoundError, "you are not logged in; log in with: hf auth login"),
    # From an HTTP header; the token is the only user input in one.
    (UnicodeEncodeError, "malformed token; log in again with: hf auth login"),
    (OfflineModeIsEnabled, f"offline, because {_OFFLINE_VARIABLE} is set; unset it to use the Hub"),
)
NONSENSE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""Raised where an answer is not what it should be: the client takes every answer on trust."""
_REASONS_BY_STATUS = {
    401: "the Hub does not accept this token; log in again with: hf auth login",
    _FORBIDDEN: "this token does not allow that; log in with one that does: hf auth login",
    409: "someone else was changing it at the same time; try again",
    412: "someone else has changed it in the meantime; look at the changes, then publish again",
    429: "too many requests to the Hub; try again in a few minutes",
}


@contextmanager
def explaining_failures(action: str) -> Iterator[None]:
    """Turns a failure of the Hub's client in the block into a `UserError`: why the action failed, and what to do."""
    try:
        with limited_requests():
            yield
    except (HTTPError, OSError, EntryNotFoundError, RuntimeError, *NONSENSE) as error:
        # The client wraps some errors; the original says more.
        original = error.__cause__ if isinstance(error, LocalEntryNotFoundError | RuntimeError) else None
        cause = original or error
        kind = Unreachable if _is_unreachable(cause) else UserError
        reason = NO_WRITE_ACCESS if action.startswith("publish") and _is_forbidden(cause) else _reason(cause)
        raise kind(f"cannot {action}: {reason}") from error


def _is_forbidden(error: BaseException) -> bool:
    return isinstance(error, HfHubHTTPError) and error.response.status_code == _FORBIDDEN


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
        return f"repository names have the form USER/REPO ({one_line(error, 80)})"
    if isinstance(error, HTTPError):
        return f"the Hub does not answer ({type(error).__name__}); check your connection and try again"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "the disk is full; free some space and try again"
    nonsense = f"the Hub's answer makes no sense ({type(error).__name__})"
    return f"{nonsense if isinstance(error, NONSENSE) else one_line(without_secrets(str(error)), 120)}; try again"
