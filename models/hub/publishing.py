"""Publishing a model on the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from huggingface_hub.errors import LocalTokenNotFoundError

from models import store
from models.errors import UserError, one_line
from models.hub.client import Token, api
from models.hub.failures import MAY_NOT_WRITE, explaining_failures
from models.hub.reading import RemoteFile, files_of, is_same


class Published(NamedTuple):
    """A publication that succeeded."""

    repository: str
    commit: str
    url: str
    """Of the model's page."""
    commit_url: str
    """Of the commit, or of the pull request."""
    uploaded: tuple[str, ...] = ()
    """The files that were new or had changed."""


def check_login(repository: str) -> None:
    """`UserError` unless somebody is logged in who may publish under that name, as far as the Hub says beforehand.

    That fails where the name is malformed or somebody else's, or nobody is logged in with a token that can write.
    """
    check_name(repository)
    who = _who()
    names = [str(who.get("name")), *(str(of.get("name")) for of in who.get("orgs") or ())]
    owner = repository.partition("/")[0]
    if owner not in names:
        yours = one_line(", ".join(f"{name}/" for name in names))
        raise UserError(f"cannot publish to {repository}: {owner}/ is not yours; you may publish under {yours}")
    if (who.get("auth") or {}).get("accessToken", {}).get("role") == "read":
        raise UserError(f"cannot publish to {repository}: {MAY_NOT_WRITE}")


def user(token: Token = None) -> str:
    """The name of the token's owner, as it stands before the `/` of a repository; `UserError` without a valid token."""
    return str(_who(token).get("name"))


def _who(token: Token = None) -> dict[str, Any]:
    with explaining_failures("publish"):
        if token is False:
            raise LocalTokenNotFoundError
        return api().whoami(token)


def check_name(repository: str) -> None:
    """`UserError` where that is not a valid name for a repository."""
    if (named := store.split(repository)) is None or named[1] is not None:
        raise UserError(f"{one_line(repository, 80)!r} is not a repository's name: give USER/REPO")


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
    """Uploads what is in `folder` as one commit, and makes the repository where there is none.

    Only new and changed files are uploaded. Other files in the repository stay, unless `delete_patterns` matches them.
    Where nothing has changed, there is no commit. `private` is for a new repository; an existing one stays as it is.
    The other arguments are those of huggingface_hub.
    """
    check_name(repository)
    with explaining_failures(f"publish to {repository}"):
        client = api(token)
        client.create_repo(repository, private=private, exist_ok=True)
        before = client.model_info(repository, revision=branch, files_metadata=True)
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
        url = commit.pr_url or commit.commit_url
        return Published(
            repository, commit.oid, f"{client.endpoint}/{repository}", url, _changed(folder, files_of(before))
        )


def _changed(folder: Path, there: dict[str, RemoteFile]) -> tuple[str, ...]:
    """The files of a folder, by their paths in it, that are missing `there` or different."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return tuple(name for name, path in files.items() if name not in there or not is_same(path, there[name]))
