"""A Pong policy for programs of one's own: loaded, saved and published by the names that huggingface_hub uses.

    policy = PongPolicy.from_pretrained("ppo")
    action = policy.act(observation)

Loading is strict, and knows no pickle: what is not exactly the model that its specification names is refused.
"""

from __future__ import annotations

import tempfile
from os import PathLike
from pathlib import Path
from typing import NamedTuple, Self, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from models import catalog, checkpoint, store
from models.acting import choose
from models.card import card
from models.errors import UserError
from models.files import CARD_FILE
from models.network import PolicyNetwork, PolicyOutput
from models.spec import ActionName, ModelSpec

GYMNASIUM_ACTIONS: tuple[ActionName, ...] = get_args(ActionName)
"""Pong's minimal action set, as gymnasium's ALE/Pong-v5 numbers it."""

Observation = NDArray[np.uint8]
"""`[stack, height, width]`, or a batch of them, `[B, stack, height, width]`."""


class Estimate(NamedTuple):
    """What a policy makes of an observation; of `B` observations, with `B` in front of each shape."""

    probabilities: NDArray[np.float64]
    """`[6]`: of each action of `GYMNASIUM_ACTIONS`; 0 for those that it never takes."""
    value: NDArray[np.float64]
    """`[]`: the expected return from here, in points."""


class PongPolicy:
    """A trained network that plays the right paddle.

    Observations are those of gymnasium's `AtariPreprocessing(env, frame_skip=4)` and
    `FrameStackObservation(env, 4, padding_type="zero")` around ALE/Pong-v5 with `frameskip=1`: bit for bit what it was
    trained on. A model that sees other sizes says so in `spec.observation`.
    """

    def __init__(self, spec: ModelSpec, network: PolicyNetwork) -> None:
        self.spec = spec
        self.network = network
        self._numbers = torch.tensor([GYMNASIUM_ACTIONS.index(name) for name in spec.actions])

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
        """The policy in a directory, one that ships with Volley, or one of a repository on the Hub, USER/REPO.

        From the Hub it is downloaded, unless that commit is here already; where the Hub cannot be reached, what was
        downloaded before is taken.

        Args:
            pretrained_model_name_or_path: What `models.catalog.resolve` takes, or a repository.
            force_download: Whether to download again what is here.
            token: What opens the Hub; None is that of `hf auth login`, False is none at all.
            cache_dir: Where downloads are kept; None is where Volley's other commands look for them.
            local_files_only: Whether to take what was downloaded before, and never to ask the Hub.
            revision: A branch, a tag or a commit of the repository; None is the newest of its main branch.

        `UserError` where there is no such model, it cannot be had, or it is not as it should be.
        """
        name = str(pretrained_model_name_or_path)
        repository, named = (None, None) if _is_here(name) else store.split(name) or (None, None)
        if repository is None:
            return cls(*checkpoint.load(catalog.resolve(name)))
        with store.keeping_downloads_in(None if cache_dir is None else Path(cache_dir)):
            wanted = revision or named
            directory = (
                store.find(repository, wanted)
                if local_files_only
                else _pulled(repository, wanted, force=force_download, token=token)
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
        """Writes `config.json` and `model.safetensors` to a directory, and publishes them where asked.

        Gives the URL of the commit then. Without `repo_id`, the repository has the directory's name.
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
        """Publishes specification, weights and a short card as one commit; gives the commit's URL.

        What else the repository holds stays, figures of earlier weights among it: `volley publish` measures anew.
        The arguments are those of huggingface_hub. `UserError` where the Hub does not take it.
        """
        from models.hub import publishing  # noqa: PLC0415 - the Hub's client takes a second to import

        repository = repo_id if "/" in repo_id else f"{publishing.user(token)}/{repo_id}"
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "model"
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
        """The action to take, as gymnasium numbers it: an integer, or `[B]` for a batch.

        It is drawn from the policy with `generator`, a CPU's (None: torch's own), or is the likeliest if `greedy`.
        `UserError` where the observation has another shape or type.
        """
        output, single = self._look(observation)
        chosen = choose(output.distribution, generator or torch.default_generator, greedy=greedy)
        actions: NDArray[np.int64] = self._numbers[chosen].numpy()
        return int(actions[0]) if single else actions

    def estimate(self, observation: Observation) -> Estimate:
        """How likely the policy takes each action, and what it expects; `UserError` as for `act`."""
        output, single = self._look(observation)
        probabilities = np.zeros((len(output.value), len(GYMNASIUM_ACTIONS)))
        probabilities[:, self._numbers.numpy()] = output.logits.double().softmax(-1).numpy()
        values = output.value.double().numpy()
        return Estimate(probabilities[0], values[0]) if single else Estimate(probabilities, values)

    @torch.inference_mode()
    def _look(self, observation: Observation) -> tuple[PolicyOutput, bool]:
        """The network's output on the CPU, and whether it is of one observation that was in no batch."""
        shape = self.spec.observation.shape
        seen = np.asarray(observation)
        if seen.dtype != np.uint8 or seen.shape[-3:] != shape or seen.ndim not in {3, 4} or not seen.size:
            wanted = ", ".join(map(str, shape))
            raise UserError(
                f"the observation is {seen.dtype} {list(seen.shape)}; this policy sees uint8 [{wanted}] or "
                f"[B, {wanted}]: AtariPreprocessing, then FrameStackObservation"
            )
        device = self.network.policy_head.weight.device
        batch = torch.from_numpy(np.array(seen.reshape(-1, *shape))).to(device)
        output = self.network(batch)
        logits, value = output.logits.cpu(), output.value.cpu()
        if not (logits.isfinite().all() and value.isfinite().all()):
            raise UserError("the policy cannot act: its weights overflow")
        return PolicyOutput(logits, value), seen.ndim == 3


def _is_here(name: str) -> bool:
    """Whether a name stands for something on this machine that is no download."""
    whole = name.rpartition("@")[0] or name
    return Path(name).expanduser().exists() or Path(whole).expanduser().exists() or store.split(name) is None


def _pulled(repository: str, revision: str | None, *, force: bool, token: str | bool | None) -> Path:
    """The directory of a download: the Hub's, or what is here where the Hub cannot be reached."""
    from models.hub import failures, reading  # noqa: PLC0415 - as above

    try:
        return reading.pull(repository, revision, force=force, token=token).directory
    except failures.Unreachable:
        try:
            return store.find(repository, revision)
        except UserError:
            pass
        raise
