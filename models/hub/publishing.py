"""Publishes models on the Hub."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import msgspec
from huggingface_hub.errors import HFValidationError, LocalTokenNotFoundError
from huggingface_hub.utils._validators import validate_repo_id
from msgspec import Struct, field

from models import store
from models.errors import UserError, one_line
from models.files import files_below
from models.hub.client import Token, api
from models.hub.failures import NO_WRITE_ACCESS, explaining_failures
from models.hub.reading import RemoteFile, files_of, is_same


class Published(NamedTuple):
    """A successful publication."""

    repository: str
    commit: str
    url: str
    """The model's page."""
    commit_url: str
    """The page of the commit or the pull request."""
    uploaded: tuple[str, ...]
    """The new and changed files."""


def check_login(repository: str) -> None:
    """`UserError` if the user cannot publish to `repository`, as far as the Hub can tell beforehand.

    The name must be well-formed and the user's own, and the user logged in with a token that has write access.
    """
    check_name(repository)
    account = _whoami()
    names = [account.name, *(organisation.name for organisation in account.orgs or ())]
    owner = repository.partition("/")[0]
    if owner not in names:
        yours = one_line(", ".join(f"{name}/" for name in names))
        raise UserError(f"cannot publish to {repository}: {owner}/ is not yours; you can publish under {yours}")
    if account.auth is not None and account.auth.token is not None and account.auth.token.role == "read":
        raise UserError(f"cannot publish to {repository}: {NO_WRITE_ACCESS}")


def user(token: Token = None) -> str:
    """Returns the user name of the token's owner; `UserError` without a valid token."""
    return _whoami(token).name


class _Owner(Struct):
    name: str


class _AccessToken(Struct):
    role: str = ""


class _Login(Struct):
    token: _AccessToken | None = field(default=None, name="accessToken")


class _Account(_Owner):
    """What the Hub says of who is logged in."""

    orgs: list[_Owner] | None = None
    auth: _Login | None = None


def _whoami(token: Token = None) -> _Account:
    with explaining_failures("publish"):
        if token is False:
            raise LocalTokenNotFoundError
        return msgspec.convert(api().whoami(token), _Account)


def check_name(repository: str) -> None:
    """`UserError` if that is not a valid repository name."""
    if (parsed := store.parse_repository(repository)) is None or parsed[1] is not None:
        raise UserError(f"{one_line(repository, 80)!r} is not a valid repository name; give USER/REPO")
    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise UserError(f"the Hub does not take the name {repository}: {one_line(error, 200)}") from error


def publish(
    folder: Path,
    repository: str,
    *,
    private: bool | None = False,
    message: str | None = None,
    branch: str | None = None,
    create_pr: bool | None = None,
    token: Token = None,
    allow_patterns: list[str] | str | None = None,
    ignore_patterns: list[str] | str | None = None,
    delete_patterns: list[str] | str | None = None,
) -> Published:
    """Uploads the files in `folder` as one commit; creates the repository if it does not exist.

    Uploads only new and changed files, and makes no commit if there are none. Other files in the repository stay,
    unless `delete_patterns` matches them. `private` is for a new repository: `UserError`, and no upload, if it is true
    and the repository exists and is public. The other arguments are those of huggingface_hub.
    """
    check_name(repository)
    with explaining_failures(f"publish to {repository}"):
        client = api(token)
        client.create_repo(repository, private=private, exist_ok=True)
        before = client.model_info(repository, revision=branch, files_metadata=True)
        if private and before.private is False:
            raise UserError(
                f"cannot publish to {repository} as private: it exists and is public; "
                "make it private on its page, or publish it as public"
            )
        commit = client.upload_folder(
            repo_id=repository,
            folder_path=folder,
            commit_message=message or "Publish from Volley",
            parent_commit=before.sha,
            revision=branch,
            create_pr=create_pr,
            allow_patterns=allow_patterns,
            ignore_patterns=ignore_patterns,
            delete_patterns=delete_patterns,
        )
        page = _without_login(f"{client.endpoint}/{repository}")
        commit_page = _without_login(commit.pr_url or commit.commit_url)
        changed = _changed(folder, files_of(before))
        return Published(repository, one_line(commit.oid, 40), page, commit_page, changed)


def _without_login(address: str) -> str:
    """An address to show, without the user and password that HF_ENDPOINT may hold."""
    return re.sub(r"(?<=://)[^/]*@", "", one_line(address))


def _changed(folder: Path, remote: dict[str, RemoteFile]) -> tuple[str, ...]:
    """Returns the relative paths of the files in a folder that are new or different from the remote ones."""
    files = {path.relative_to(folder).as_posix(): path for path in files_below(folder)}
    return tuple(name for name, path in files.items() if name not in remote or not is_same(path, remote[name]))
