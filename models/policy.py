"""A Pong policy for use from Python, with the loading, saving and publishing methods of huggingface_hub.

    policy = PongPolicy.from_pretrained("ppo")
    action = policy.act(observation)

Loading is strict and never unpickles: a model that does not match its specification exactly is refused.
"""

from __future__ import annotations

import tempfile
from os import PathLike
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray

from models import catalog, checkpoint, store
from models.acting import choose
from models.card import card
from models.errors import UserError
from models.files import CARD_FILE, exists, expanded
from models.network import PolicyNetwork, PolicyOutput
from models.spec import ACTIONS, MINIMAL_ACTIONS, ModelSpec

Observation = NDArray[np.uint8]
"""`[stack, height, width]`, or a batch of them, `[B, stack, height, width]`."""


class Estimate(NamedTuple):
    """A policy's estimate for an observation; for a batch of `B`, each shape starts with `B`."""

    probabilities: NDArray[np.float64]
    """`[6]`, or with slow moves `[10]`: one for each of `PongPolicy.actions`; 0 for those that it does not have."""
    value: NDArray[np.float64]
    """`[]`: the expected return from here, in points."""


class PongPolicy:
    """A trained network that plays the right paddle.

    Observations are those of gymnasium's `AtariPreprocessing(env, frame_skip=4)` and
    `FrameStackObservation(env, 4, padding_type="zero")` around ALE/Pong-v5 with `frameskip=1`, bit for bit as in
    training. If a model uses other sizes, they are in `spec.observation`.
    """

    def __init__(self, spec: ModelSpec, network: PolicyNetwork) -> None:
        self.spec = spec
        self.network = network
        self.actions = MINIMAL_ACTIONS if set(spec.actions) <= set(MINIMAL_ACTIONS) else ACTIONS
        """What `act` chooses from: gymnasium's six, or with slow moves ten."""
        self._numbers = torch.tensor([self.actions.index(name) for name in spec.actions])

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | PathLike[str],
        *,
        force_download: bool = False,
        token: str | bool | None = None,
        cache_dir: str | PathLike[str] | None = None,
        local_files_only: bool = False,
        revision: str | None = None,
    ) -> Self:
        """Loads a policy from a directory, a model that ships with Volley, or a repository on the Hub, USER/REPO.

        A repository is downloaded unless that commit already is; if the Hub cannot be reached, an earlier download is
        used. What `volley play USER/REPO` plays stays as it was, unless nothing was downloaded before.

        Args:
            pretrained_model_name_or_path: A name that `models.catalog.resolve` accepts, or a repository.
            force_download: Whether to download again even if the commit is already on this machine.
            token: The Hub token; None uses the one of `hf auth login`, False uses none.
            cache_dir: The folder for downloads; None is the one that Volley's commands use.
            local_files_only: Whether to use only earlier downloads and never contact the Hub.
            revision: A branch, tag or commit of the repository; None is the newest on its main branch.

        `UserError` if there is no such model, it cannot be downloaded, or it is invalid.
        """
        name = str(pretrained_model_name_or_path)
        repository, named = (None, None) if _is_local(name) else store.parse_repository(name) or (None, None)
        if repository is None:
            return cls(*checkpoint.load(catalog.resolve(name)))
        with store.keeping_downloads_in(None if cache_dir is None else Path(cache_dir)):
            wanted = revision or named
            directory = (
                store.find(repository, wanted)
                if local_files_only
                else _pull_or_find(repository, wanted, force=force_download, token=token)
            )
            return cls(*checkpoint.load(directory))

    def save_pretrained(
        self,
        save_directory: str | PathLike[str],
        *,
        repo_id: str | None = None,
        push_to_hub: bool = False,
        **push_to_hub_kwargs: object,
    ) -> str | None:
        """Writes `config.json` and `model.safetensors` to a directory; publishes them if `push_to_hub`.

        Returns the URL of the commit, or None if not published. `repo_id` defaults to the directory's name.
        """
        directory = Path(save_directory)
        checkpoint.save(directory, self.spec, self.network)
        if not push_to_hub:
            return None
        return self.push_to_hub(repo_id or directory.name, **push_to_hub_kwargs)  # type: ignore[arg-type]

    def push_to_hub(
        self,
        repo_id: str,
        *,
        commit_message: str = "Push model using huggingface_hub.",
        private: bool | None = None,
        token: str | None = None,
        branch: str | None = None,
        create_pr: bool | None = None,
        allow_patterns: list[str] | str | None = None,
        ignore_patterns: list[str] | str | None = None,
        delete_patterns: list[str] | str | None = None,
    ) -> str:
        """Publishes the specification, the weights and a short card as one commit; returns the commit's URL.

        All other files in the repository stay, even the figures of earlier weights: `volley publish` measures again.
        The arguments are those of huggingface_hub. `UserError` if the Hub refuses.
        """
        from models.hub import publishing  # noqa: PLC0415 - the Hub's client is slow to import

        repository = repo_id if "/" in repo_id else f"{publishing.user(token)}/{repo_id}"
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "model"
            self.save_pretrained(folder)
            (folder / CARD_FILE).write_text(card(folder, repository), encoding="utf-8")
            return publishing.publish(
                folder,
                repository,
                private=private,
                message=commit_message,
                branch=branch,
                create_pr=create_pr,
                token=token,
                allow_patterns=allow_patterns,
                ignore_patterns=ignore_patterns,
                delete_patterns=delete_patterns,
            ).commit_url

    def act(
        self, observation: Observation, *, generator: torch.Generator | None = None, greedy: bool = False
    ) -> int | NDArray[np.int64]:
        """Returns the action to take, an index into `actions`: an integer, or `[B]` for a batch.

        Gymnasium's ALE/Pong-v5 numbers the first six in the same way. Slow moves come after them, for `CourtEnv`.

        It is sampled with `generator`, on the CPU (None: torch's default), or the most likely one if `greedy`.
        `UserError` if the observation has the wrong shape or type.
        """
        output, single = self._run_network(observation)
        chosen = choose(output.distribution, generator or torch.default_generator, greedy=greedy)
        actions: NDArray[np.int64] = self._numbers[chosen].numpy()
        return int(actions[0]) if single else actions

    def estimate(self, observation: Observation) -> Estimate:
        """Returns the probability of each action and the expected return; `UserError` as for `act`."""
        output, single = self._run_network(observation)
        probabilities = np.zeros((len(output.value), len(self.actions)))
        probabilities[:, self._numbers.numpy()] = output.logits.double().softmax(-1).numpy()
        values = output.value.double().numpy()
        return Estimate(probabilities[0], values[0]) if single else Estimate(probabilities, values)

    @torch.inference_mode()
    def _run_network(self, observation: Observation) -> tuple[PolicyOutput, bool]:
        """Returns the network's output on the CPU, and whether `observation` is a single one, not a batch."""
        shape = self.spec.observation.shape
        frames = np.asarray(observation)
        if frames.dtype != np.uint8 or frames.shape[-3:] != shape or frames.ndim not in {3, 4} or not frames.size:
            wanted = ", ".join(map(str, shape))
            raise UserError(
                f"the observation is {frames.dtype} {list(frames.shape)}, but this policy takes uint8 [{wanted}] or "
                f"[B, {wanted}]; use AtariPreprocessing, then FrameStackObservation"
            )
        device = self.network.policy_head.weight.device
        batch = torch.from_numpy(np.array(frames.reshape(-1, *shape))).to(device)
        output = self.network(batch)
        logits, value = output.logits.cpu(), output.value.cpu()
        if not (logits.isfinite().all() and value.isfinite().all()):
            raise UserError("the policy cannot act: its weights overflow")
        return PolicyOutput(logits, value), frames.ndim == 3


def _is_local(name: str) -> bool:
    """Whether a name is something on this machine other than a download."""
    whole = name.rpartition("@")[0] or name
    return exists(expanded(name)) or exists(expanded(whole)) or store.parse_repository(name) is None


def _pull_or_find(repository: str, revision: str | None, *, force: bool, token: str | bool | None) -> Path:
    """Downloads a repository, or finds an earlier download if the Hub cannot be reached; returns its directory."""
    from models.hub import failures, reading  # noqa: PLC0415 - as above

    try:
        return reading.pull(repository, revision, force=force, pin=False, token=token).directory
    except failures.Unreachable:
        try:
            return store.find(repository, revision)
        except UserError:
            pass
        raise
