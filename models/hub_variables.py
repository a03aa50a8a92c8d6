"""Environment variables that huggingface_hub reads as it is imported. With some it would fail with a traceback."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from models.errors import UserError

_TIMEOUTS = ("HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT")
_LONGEST_TIMEOUT = 24 * 60 * 60
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_YES = frozenset({"1", "ON", "YES", "TRUE"})


def offline_variable() -> str:
    """The variable by which the user keeps huggingface_hub from using the network; empty if there is none."""
    # The first that is not empty counts, whatever it says.
    name = next((name for name in _OFFLINE if os.environ.get(name)), "")
    return name if os.environ.get(name, "").upper() in _YES else ""


def check_variables() -> None:
    """`UserError` if one of them cannot be used; to be called before huggingface_hub is imported."""
    # Without its value, which may hold a password.
    if not _is_address(os.environ.get("HF_ENDPOINT", "https://huggingface.co")):
        raise UserError("cannot use the Hub: HF_ENDPOINT is no address; it should look like https://huggingface.co")
    for name in _TIMEOUTS:
        if not _is_timeout(os.environ.get(name, "10")):
            raise UserError(f"cannot use the Hub: {name} is not a whole number of seconds, such as 10; correct it")


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_timeout(text: str) -> bool:
    try:
        return 0 <= int(text) <= _LONGEST_TIMEOUT
    except ValueError:
        return False
