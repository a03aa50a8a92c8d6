from __future__ import annotations

import errno
import inspect
import os
import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ale_py
import gymnasium
import local_hub
import msgspec
import numpy as np
import pytest
import torch
from ale_py.vector_env import AtariVectorEnv
from huggingface_hub import CommitInfo, HfApi, ModelHubMixin
from local_hub import Fault, LocalHub
from safetensors.torch import save_file

from models import checkpoint, store
from models.control import ControlSpec, DiscreteActions
from models.errors import UserError
from models.files import CONFIG_FILE, WEIGHTS_FILE
from models.hub import reading
from models.mlp import build
from models.network import PolicyNetwork
from models.policy import PongPolicy
from models.spec import ACTIONS, MINIMAL_ACTIONS, ActionName, ModelSpec

hub = local_hub.hub
README = Path(__file__).parent.parent / "README.md"
REPOSITORY = "tester/tiny-pong"
RIGHTFIRE = 4
"""In gymnasium's numbering."""


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VOLLEY_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def policy(spec: ModelSpec, network: PolicyNetwork) -> PongPolicy:
    return PongPolicy(spec, network.eval().requires_grad_(requires_grad=False))


def program() -> str:
    """The README's."""
    section = README.read_text().split("## Use it from Python")[1].split("\n## ")[0]
    (found,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    return str(found)


def left_by(source: str) -> dict[str, Any]:
    """The variables that a program leaves behind."""
    left: dict[str, Any] = {}
    exec(source, left)  # noqa: S102 - it is of our own README
    return left


@pytest.fixture
def readme() -> Iterator[dict[str, Any]]:
    """What the README's program has left behind."""
    left = left_by(program())
    yield left
    left["env"].close()


def noise(*shape: int) -> Any:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def fetched(hub: LocalHub) -> list[str]:
    """The files that were downloaded."""
    return [r.path.rpartition("/")[2] for r in hub.requests if r.method == "GET" and "/resolve/" in r.path]


def test_the_readmes_program_wins_points(readme: dict[str, Any]) -> None:
    env, policy, observation = readme["env"], readme["policy"], readme["observation"]
    assert observation.shape == (4, 84, 84)
    generator = torch.Generator().manual_seed(0)
    points: list[float] = []
    while len(points) < 20:
        observation, reward, *_ = env.step(policy.act(observation, generator=generator))
        points += [reward] if reward else []
    # Its games end 21 : 0 or 21 : 1 on the average: 17 of 20 is far below that, and far above what chance wins.
    assert sum(point > 0 for point in points) >= 17


def test_the_readmes_wrappers_give_what_training_saw() -> None:
    # Both begin after idle frames as many as chance would have it: here, none.
    making = program().partition("policy =")[0].replace("frame_skip=4", "frame_skip=4, noop_max=0")
    assert "noop_max" in making
    alone = left_by(making)["env"]
    trained = AtariVectorEnv(
        "pong", 1, noop_max=0, repeat_action_probability=0.0, use_fire_reset=False, reward_clipping=False
    )
    actions = np.random.default_rng(0).integers(0, 6, 300)
    seen, _ = alone.reset(seed=0)
    wanted, _ = trained.reset(seed=0)
    assert np.array_equal(seen, wanted[0])
    lost = 0.0
    for action in actions:
        seen, reward, *_ = alone.step(int(action))
        wanted, rewards, *_ = trained.step(np.array([action]))
        assert np.array_equal(seen, wanted[0])
        assert reward == rewards[0]
        lost -= float(reward)
    assert lost > 2, "no point was played"
    alone.close()
    trained.close()


def test_actions_are_numbered_as_gymnasium_does() -> None:
    gymnasium.register_envs(ale_py)
    env = gymnasium.make("ALE/Pong-v5")
    assert tuple(env.unwrapped.get_action_meanings()) == MINIMAL_ACTIONS  # type: ignore[attr-defined]
    env.close()


def test_an_action_for_one_observation_or_for_each_of_a_batch(policy: PongPolicy) -> None:
    with torch.no_grad():
        policy.network.policy_head.bias.copy_(torch.tensor([0.0, 50.0, 0.0]))
    single = policy.act(noise(2, 20, 16))
    assert type(single) is int
    assert single == RIGHTFIRE
    batch = policy.act(noise(3, 2, 20, 16))
    assert isinstance(batch, np.ndarray)
    assert batch.tolist() == [RIGHTFIRE] * 3


def test_sampling_is_the_generators_and_follows_the_probabilities(policy: PongPolicy) -> None:
    with torch.no_grad():
        policy.network.policy_head.weight.zero_()
        policy.network.policy_head.bias.copy_(torch.tensor([0.5, 0.2, 0.3]).log())
    batch = np.repeat(noise(1, 2, 20, 16), 4000, axis=0)

    def drawn(seed: int) -> Any:
        return policy.act(batch, generator=torch.Generator().manual_seed(seed))

    assert np.array_equal(drawn(1), drawn(1))
    assert not np.array_equal(drawn(1), drawn(2))
    shares = np.bincount(drawn(1), minlength=6) / 4000
    wanted = policy.estimate(batch[0]).probabilities
    assert wanted == pytest.approx([0, 0.5, 0, 0, 0.2, 0.3])
    # Four standard errors: 4 sqrt(0.25 / 4000) = 0.032.
    assert shares == pytest.approx(wanted, abs=0.032)
    assert set(np.atleast_1d(policy.act(batch, greedy=True))) == {1}


def test_an_estimate_is_the_networks(policy: PongPolicy) -> None:
    observations = noise(5, 2, 20, 16)
    probabilities, values = policy.estimate(observations)
    output = policy.network(torch.from_numpy(observations))
    assert probabilities.shape == (5, 6)
    assert probabilities[:, [1, 4, 5]] == pytest.approx(output.logits.softmax(-1).numpy(), abs=1e-6)
    assert values == pytest.approx(output.value.numpy())
    assert policy.estimate(observations[2]).value == pytest.approx(values[2], abs=1e-6)


@pytest.mark.parametrize(
    "observation",
    [
        noise(20, 16),
        noise(1, 20, 16),
        noise(2, 16, 20),
        noise(0, 2, 20, 16),
        noise(1, 1, 2, 20, 16),
        noise(2, 20, 16).astype(np.float32),
        noise(2, 20, 16).astype(np.int64),
    ],
)
def test_what_it_was_not_trained_to_see(policy: PongPolicy, observation: Any) -> None:
    for ask in (policy.act, policy.estimate):
        with pytest.raises(UserError, match=r"this policy takes uint8 \[2, 20, 16\]") as caught:
            ask(observation)
        assert "\n" not in str(caught.value)


def test_weights_that_overflow(policy: PongPolicy) -> None:
    with torch.no_grad():
        policy.network.policy_head.weight.fill_(3e38)
    with pytest.raises(UserError, match="overflow"):
        policy.act(noise(2, 20, 16))


def test_saved_and_loaded_it_is_the_same(policy: PongPolicy, tmp_path: Path) -> None:
    folder = tmp_path / "some" / "model"
    assert policy.save_pretrained(folder) is None
    assert {path.name for path in folder.iterdir()} == {CONFIG_FILE, WEIGHTS_FILE}
    loaded = PongPolicy.from_pretrained(folder)
    assert loaded.spec == policy.spec
    saved = policy.network.state_dict()
    assert all(torch.equal(tensor, saved[name]) for name, tensor in loaded.network.state_dict().items())


def test_loading_is_strict_and_knows_no_pickle(policy: PongPolicy, tmp_path: Path) -> None:
    policy.save_pretrained(tmp_path / "model")
    weights = tmp_path / "model" / WEIGHTS_FILE
    (tmp_path / "model" / "pytorch_model.bin").write_bytes(pickle.dumps(policy.network.state_dict()))
    weights.unlink()
    with pytest.raises(UserError):
        PongPolicy.from_pretrained(tmp_path / "model")
    save_file({name: tensor for name, tensor in policy.network.state_dict().items() if "head" not in name}, weights)
    with pytest.raises(UserError, match="lack tensor"):
        PongPolicy.from_pretrained(tmp_path / "model")


@pytest.mark.parametrize("name", ["from_pretrained", "save_pretrained", "push_to_hub"])
def test_the_arguments_are_the_hubs_own(name: str) -> None:
    theirs = dict(inspect.signature(getattr(ModelHubMixin, name)).parameters)
    ours = dict(inspect.signature(getattr(PongPolicy, name)).parameters)
    # A specification is no free choice, and the card is written from what is known.
    assert set(theirs) - set(ours) <= {"config", "model_card_kwargs", "model_kwargs"}
    for argument, parameter in ours.items():
        assert (parameter.default, parameter.kind) == (theirs[argument].default, theirs[argument].kind), argument


def test_published_and_loaded_from_the_hub(policy: PongPolicy, hub: LocalHub, tmp_path: Path) -> None:
    url = policy.push_to_hub(REPOSITORY, private=True)
    commit = hub.repositories[REPOSITORY].commits[-1]
    assert url == f"{hub.url}/{REPOSITORY}/commit/{commit.id}"
    assert (commit.title, hub.repositories[REPOSITORY].private) == ("Push model using huggingface_hub.", True)
    assert set(commit.files) == {".gitattributes", "README.md", CONFIG_FILE, WEIGHTS_FILE}
    loaded = PongPolicy.from_pretrained(REPOSITORY)
    observation = noise(2, 20, 16)
    assert loaded.estimate(observation).value == policy.estimate(observation).value
    assert policy.save_pretrained(tmp_path / "other-pong", push_to_hub=True, commit_message="Second") is not None
    assert hub.repositories["tester/other-pong"].commits[-1].title == "Second"


@pytest.mark.usefixtures("hub")
def test_a_revision_stays_what_it_was(policy: PongPolicy) -> None:
    first = policy.push_to_hub(REPOSITORY).rpartition("/")[2]
    with torch.no_grad():
        policy.network.value_head.bias.fill_(5.0)
    policy.push_to_hub(REPOSITORY, commit_message="Another")
    assert float(PongPolicy.from_pretrained(REPOSITORY).network.value_head.bias) == 5.0
    for old in (
        PongPolicy.from_pretrained(REPOSITORY, revision=first),
        PongPolicy.from_pretrained(f"{REPOSITORY}@{first}"),
    ):
        assert float(old.network.value_head.bias) == 0.0


@pytest.mark.usefixtures("hub")
def test_what_others_play_stays_pinned(policy: PongPolicy) -> None:
    first = policy.push_to_hub(REPOSITORY).rpartition("/")[2]
    with torch.no_grad():
        policy.network.value_head.bias.fill_(5.0)
    second = policy.push_to_hub(REPOSITORY, commit_message="Another").rpartition("/")[2]
    reading.pull(REPOSITORY)
    PongPolicy.from_pretrained(REPOSITORY, revision=first)
    assert store.find(REPOSITORY).name == second
    assert store.find(REPOSITORY, first).name == first


@pytest.mark.usefixtures("hub")
def test_what_is_here_is_loaded_from_a_folder_that_cannot_be_written(
    policy: PongPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy.push_to_hub(REPOSITORY)
    PongPolicy.from_pretrained(REPOSITORY)

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("models.store.atomic_write", refuse)
    PongPolicy.from_pretrained(REPOSITORY)


def test_what_is_here_is_fetched_again_only_if_asked(policy: PongPolicy, hub: LocalHub) -> None:
    policy.push_to_hub(REPOSITORY)
    PongPolicy.from_pretrained(REPOSITORY)
    once = fetched(hub)
    assert WEIGHTS_FILE in once
    PongPolicy.from_pretrained(REPOSITORY)
    assert fetched(hub) == once
    PongPolicy.from_pretrained(REPOSITORY, force_download=True)
    assert fetched(hub) == once * 2


def test_without_the_network_what_is_here_is_taken(policy: PongPolicy, hub: LocalHub) -> None:
    with pytest.raises(UserError, match="is not downloaded"):
        PongPolicy.from_pretrained(REPOSITORY, local_files_only=True)
    assert not hub.requests
    policy.push_to_hub(REPOSITORY)
    PongPolicy.from_pretrained(REPOSITORY)
    asked = len(hub.requests)
    PongPolicy.from_pretrained(REPOSITORY, local_files_only=True)
    assert len(hub.requests) == asked
    hub.fail(Fault.BROKEN)
    PongPolicy.from_pretrained(REPOSITORY)
    with pytest.raises(UserError, match="cannot find"):
        PongPolicy.from_pretrained("tester/other")
    hub.fail(Fault.NOT_FOUND)
    with pytest.raises(UserError, match="no such repository"):
        PongPolicy.from_pretrained(REPOSITORY)


@pytest.mark.usefixtures("hub")
def test_downloads_in_a_folder_of_ones_own(policy: PongPolicy, tmp_path: Path, data: Path) -> None:
    policy.push_to_hub(REPOSITORY)
    PongPolicy.from_pretrained(REPOSITORY, cache_dir=tmp_path / "mine")
    assert list((tmp_path / "mine").glob(f"{REPOSITORY}/*/{WEIGHTS_FILE}"))
    assert store.downloads() == []
    assert not (data / "downloads" / REPOSITORY).exists()
    PongPolicy.from_pretrained(REPOSITORY, cache_dir=tmp_path / "mine", local_files_only=True)
    with pytest.raises(UserError, match="is not downloaded"):
        PongPolicy.from_pretrained(REPOSITORY, local_files_only=True)


def test_a_token_of_ones_own(policy: PongPolicy, hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    policy.push_to_hub(REPOSITORY, private=True)
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(UserError, match="private"):
        PongPolicy.from_pretrained(REPOSITORY)
    PongPolicy.from_pretrained(REPOSITORY, token=hub.token)
    with pytest.raises(UserError, match="hf auth login"):
        policy.push_to_hub("nobody")
    assert policy.push_to_hub("third", token=hub.token).startswith(f"{hub.url}/tester/third/commit/")


def test_a_branch_is_asked_for(policy: PongPolicy, hub: LocalHub) -> None:
    policy.push_to_hub(REPOSITORY)
    with pytest.raises(UserError, match="no such revision"):
        policy.push_to_hub(REPOSITORY, branch="next")
    assert any("/revision/next" in request.path for request in hub.requests)


def test_a_request_to_take_it_up(policy: PongPolicy, hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    passed: dict[str, Any] = {}

    def upload_folder(_: HfApi, **words: Any) -> CommitInfo:
        passed.update(words)
        url, oid = f"{hub.url}/{REPOSITORY}", 40 * "0"
        return CommitInfo(
            commit_url=f"{url}/commit/{oid}",
            commit_message="",
            commit_description="",
            oid=oid,
            pr_url=f"{url}/discussions/1",
            _endpoint=hub.url,
        )

    policy.push_to_hub(REPOSITORY)
    monkeypatch.setattr(HfApi, "upload_folder", upload_folder)
    assert policy.push_to_hub(REPOSITORY, create_pr=True, branch="main") == f"{hub.url}/{REPOSITORY}/discussions/1"
    assert (passed["create_pr"], passed["revision"]) == (True, "main")


def test_patterns_say_what_is_published_and_what_goes(policy: PongPolicy, hub: LocalHub) -> None:
    policy.push_to_hub(REPOSITORY)
    hub.commit(REPOSITORY, {"notes.txt": b"old"})
    with torch.no_grad():
        policy.network.value_head.bias.fill_(1.0)
    policy.push_to_hub(REPOSITORY, ignore_patterns="README.md", delete_patterns="*.txt")
    assert hub.repositories[REPOSITORY].commits[-1].changed == (WEIGHTS_FILE, "notes.txt")


def test_a_control_problems_policy_is_refused(tmp_path: Path) -> None:
    spec = ControlSpec(algorithm="ppo", environment="CartPole-v1", observation_size=4, actions=DiscreteActions(2))
    checkpoint.save(tmp_path / "cart", spec, build(spec))
    with pytest.raises(UserError, match="CartPole"):
        PongPolicy.from_pretrained(tmp_path / "cart")


def test_slow_moves_come_after_gymnasiums_actions(spec: ModelSpec) -> None:
    actions: tuple[ActionName, ...] = ("FIRE", "SLOWRIGHTFIRE", "SLOWLEFTFIRE")
    slow = msgspec.structs.replace(spec, actions=actions)
    network = PolicyNetwork(slow)
    with torch.no_grad():
        network.policy_head.bias.copy_(torch.tensor([0.0, 0.0, 50.0]))
    policy = PongPolicy(slow, network)
    assert policy.actions == ACTIONS
    assert policy.act(noise(2, 20, 16)) == 9
    assert policy.estimate(noise(2, 20, 16)).probabilities == pytest.approx([0] * 9 + [1], abs=1e-6)
