"""Other programs' agents: archives that Stable-Baselines3 writes here, and CleanRL's layouts, saved in its way."""

from __future__ import annotations

import base64
import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ale_py
import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.atari_wrappers import AtariWrapper
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack
from stable_baselines3.dqn.policies import DQNPolicy
from torch import Tensor, nn

from agents.base import Frame, control_of
from agents.policy import PolicyAgent
from agents.pong import Court
from agents.preprocessing import FrameStacker
from app.command.main import main
from models import catalog, checkpoint, foreign
from models.errors import UserError
from models.network import PolicyNetwork, PolicyOutput
from models.spec import NATURE_CNN, ActionName, ModelSpec
from training.environments import make_pong

ACTIONS: tuple[ActionName, ...] = ("NOOP", "FIRE", "RIGHT", "LEFT", "RIGHTFIRE", "LEFTFIRE")
TOLERANCE = 1e-5
PLAYED = 1000


class Still(gymnasium.Env[NDArray[Any], np.int64]):
    """Shows nothing, and never ends: what an algorithm needs to be made, and no more."""

    def __init__(self, shape: tuple[int, ...], actions: int) -> None:
        pictures = len(shape) == 3
        self.observation_space = Box(0, 255, shape, np.uint8) if pictures else Box(-1, 1, shape, np.float32)
        self.action_space = Discrete(actions)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[NDArray[Any], Any]:
        del options
        super().reset(seed=seed)
        return np.zeros(self.observation_space.shape or (), self.observation_space.dtype), {}

    def step(self, action: np.int64) -> tuple[NDArray[Any], float, bool, bool, dict[str, Any]]:
        del action
        return self.reset()[0], 0.0, False, False, {}


def archived(
    path: Path,
    algorithm: type[BaseAlgorithm] = PPO,
    policy: str = "CnnPolicy",
    *,
    shape: tuple[int, ...] = (84, 84, 4),
    actions: int = 6,
    **keywords: Any,
) -> BaseAlgorithm:
    """An untrained agent, which Stable-Baselines3 saves to `path`; its policy is far from uniform."""
    if algorithm is DQN:
        keywords |= {"buffer_size": 1}
    # Orthogonal weights cost seconds.
    elif policy == "CnnPolicy":
        keywords["policy_kwargs"] = {"ortho_init": False, **keywords.get("policy_kwargs", {})}
    agent = algorithm(policy, Still(shape, actions), seed=1, device="cpu", **keywords)
    stir(agent.policy)
    agent.save(path)
    return agent


def stir(network: nn.Module) -> None:
    """Gives layers weights with which outputs differ much from each other, and from one observation to the next."""
    torch.manual_seed(1)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
        if isinstance(layer, nn.Linear) and layer.out_features <= 6:
            layer.weight.data.mul_(5)


@pytest.fixture(scope="module")
def observations() -> Tensor:
    """`[1000, 4, 84, 84]`: of games of Pong, played at random."""
    spec = ModelSpec(algorithm="ppo", actions=ACTIONS, network=NATURE_CNN)
    games, generator = make_pong(spec, 8, sticky=0.25), np.random.default_rng(0)
    seen = [games.reset(seed=0)[0]]
    while len(seen) < PLAYED // 8:
        seen.append(games.step(generator.integers(0, 6, 8))[0])
    games.close()
    return torch.from_numpy(np.concatenate(seen))


# The same actions


@pytest.mark.parametrize(
    ("algorithm", "name", "shape"),
    [(PPO, "sb3-ppo", (84, 84, 4)), (A2C, "sb3-a2c", (4, 84, 84))],
)
@torch.inference_mode()
def test_an_actor_critic_of_stable_baselines3_acts_the_same(
    tmp_path: Path, observations: Tensor, algorithm: type[BaseAlgorithm], name: str, shape: tuple[int, ...]
) -> None:
    theirs = archived(tmp_path / "agent.zip", algorithm, shape=shape).policy
    spec, network = foreign.read(tmp_path / "agent.zip")
    assert spec == ModelSpec(algorithm=name, actions=ACTIONS, network=NATURE_CNN)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert isinstance(theirs, ActorCriticPolicy)
    distribution = theirs.get_distribution(observations).distribution
    assert isinstance(distribution, torch.distributions.Categorical)
    assert_same_policy(network(observations), distribution.probs, theirs.predict_values(observations).squeeze(1))


def assert_same_policy(output: PolicyOutput, probabilities: Tensor, values: Tensor) -> None:
    assert probabilities.amax(1).mean() > 0.3, "a uniform policy's are 1/6: the test could not tell"
    assert_alike(output.logits.softmax(-1), probabilities)
    assert_alike(output.value, values)


def assert_alike(ours: Tensor, theirs: Tensor) -> None:
    """What is found for each observation, and differs between them."""
    assert theirs.std(dim=0).min() > 100 * TOLERANCE, "the test could not tell"
    torch.testing.assert_close(ours, theirs, rtol=0, atol=TOLERANCE)


@torch.inference_mode()
def test_dqn_of_stable_baselines3_acts_the_same(tmp_path: Path, observations: Tensor) -> None:
    theirs = archived(tmp_path / "agent.zip", DQN).policy
    spec, network = foreign.read(tmp_path / "agent.zip")
    assert (spec.algorithm, spec.network.head) == ("sb3-dqn", "values")
    assert isinstance(theirs, DQNPolicy)
    values = theirs.q_net(observations)
    assert_greedy(network, observations, values)
    actions, _ = theirs.predict(observations[::10].numpy(), deterministic=True)
    assert values[::10].argmax(1).tolist() == actions.tolist()


def assert_greedy(network: PolicyNetwork, observations: Tensor, values: Tensor) -> None:
    """The network's values of actions are these, and it takes the best."""
    assert_alike(network.policy_head(network.body(network.pixels(observations))), values)
    output = network(observations)
    torch.testing.assert_close(output.value, values.amax(1), rtol=0, atol=TOLERANCE)
    best, second = values.topk(2).values.T
    clear = best - second > 2 * TOLERANCE
    assert clear.float().mean() > 0.99
    assert len(values.argmax(1).unique()) > 1, "the test could not tell"
    greedy = nn.functional.one_hot(values.argmax(1), 6).float()
    torch.testing.assert_close(output.logits.softmax(-1)[clear], greedy[clear], rtol=0, atol=TOLERANCE)


def nature_cnn(*outputs: nn.Module) -> nn.Sequential:
    """CleanRL's: the layers are counted from the first convolution on."""
    convolutions = [nn.Conv2d(4, 32, 8, stride=4), nn.Conv2d(32, 64, 4, stride=2), nn.Conv2d(64, 64, 3, stride=1)]
    layers = [layer for convolution in convolutions for layer in (convolution, nn.ReLU())]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 7 * 7, 512), nn.ReLU(), *outputs)


class PpoAgent(nn.Module):
    """As in CleanRL's `ppo_atari.py`."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nature_cnn()
        self.actor, self.critic = nn.Linear(512, 6), nn.Linear(512, 1)

    def forward(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.network(observations / 255.0)
        return self.actor(hidden), self.critic(hidden)


class QNetwork(nn.Module):
    """As in CleanRL's `dqn_atari.py`."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nature_cnn(nn.Linear(512, 6))

    def forward(self, observations: Tensor) -> Tensor:
        values: Tensor = self.network(observations / 255.0)
        return values


@pytest.fixture(scope="module")
def ppo_agent() -> PpoAgent:
    agent = PpoAgent()
    stir(agent)
    return agent


@pytest.fixture(scope="module")
def q_network() -> QNetwork:
    network = QNetwork()
    stir(network)
    return network


@torch.inference_mode()
def test_cleanrls_ppo_acts_the_same(tmp_path: Path, observations: Tensor, ppo_agent: PpoAgent) -> None:
    torch.save(ppo_agent.state_dict(), tmp_path / "ppo_atari.cleanrl_model")
    spec, network = foreign.read(tmp_path / "ppo_atari.cleanrl_model")
    assert spec == ModelSpec(algorithm="cleanrl-ppo", actions=ACTIONS, network=NATURE_CNN)
    logits, values = ppo_agent(observations)
    assert_same_policy(network(observations), logits.softmax(-1), values.squeeze(1))


@torch.inference_mode()
def test_cleanrls_dqn_acts_the_same(tmp_path: Path, observations: Tensor, q_network: QNetwork) -> None:
    torch.save(q_network.state_dict(), tmp_path / "dqn_atari.cleanrl_model")
    spec, network = foreign.read(tmp_path / "dqn_atari.cleanrl_model")
    assert (spec.algorithm, spec.network.head) == ("cleanrl-dqn", "values")
    assert_greedy(network, observations, q_network(observations))


class Recorder(gymnasium.Wrapper[NDArray[Any], Any, NDArray[Any], Any]):
    """Keeps the grey picture of every frame."""

    def __init__(self, env: gymnasium.Env[NDArray[Any], Any]) -> None:
        super().__init__(env)
        self.frames: list[Frame] = []

    def reset(self, **keywords: Any) -> Any:
        seen = super().reset(**keywords)
        self.frames = [self._grey()]
        return seen

    def step(self, action: Any) -> Any:
        seen = super().step(action)
        self.frames.append(self._grey())
        return seen

    def _grey(self) -> Frame:
        return np.asarray(self.unwrapped.ale.getScreenGrayscale(), np.uint8)  # type: ignore[attr-defined]


def test_observations_are_nearly_those_of_stable_baselines3() -> None:
    """Of the same frames, in all but 0.3% of the pixels, and these are darker here by up to 16 grey levels.

    Both join two frames by their maximum: Stable-Baselines3 that of red, green and blue each, before it makes grey of
    them, and Volley that of the emulator's grey. What differs is where a paddle or the ball has moved between the two.
    A game's first observations differ besides, because Stable-Baselines3's reset plays on for two decisions.
    """
    gymnasium.register_envs(ale_py)
    recorder = Recorder(gymnasium.make("ALE/Pong-v5", frameskip=1, repeat_action_probability=0.0))
    assert tuple(recorder.unwrapped.get_action_meanings()) == ACTIONS  # type: ignore[attr-defined]
    games = VecFrameStack(DummyVecEnv([lambda: AtariWrapper(recorder, noop_max=0)]), n_stack=4)
    games.seed(0)
    theirs, generator = [np.asarray(games.reset())], np.random.default_rng(0)
    while len(theirs) < 300:
        theirs.append(np.asarray(games.step(generator.integers(0, 6, 1))[0]))
    stacker = FrameStacker(ModelSpec(algorithm="ppo", actions=ACTIONS).observation)
    ours = [seen for frame in recorder.frames if (seen := stacker.push(frame)) is not None]
    games.close()
    assert len(ours) == len(theirs) + 2
    here = np.stack(ours[5:]).astype(int)
    there = np.concatenate(theirs[3:]).transpose(0, 3, 1, 2).astype(int)
    brighter = there - here
    assert (brighter != 0).mean() < 0.003
    assert 0 == brighter.min() < brighter.max() <= 16
    # With the oldest frame first, as here; the test could tell.
    assert (there[:, ::-1] != here).mean() > 0.004
    assert np.abs(there[:, ::-1] - here).max() > 50


# What is refused


def refusal(path: Path) -> str:
    """The one line with which the file is refused."""
    with pytest.raises(UserError) as caught:
        foreign.read(path)
    message = str(caught.value)
    assert message.isprintable(), message
    assert message.startswith(f"cannot import {path}: ")
    return message.removeprefix(f"cannot import {path}: ")


@pytest.mark.parametrize(
    ("algorithm", "keywords", "reason"),
    [
        (PPO, {"policy": "MlpPolicy", "shape": (6,)}, "takes vectors, not frames (MlpPolicy)"),
        (DQN, {"policy": "MlpPolicy", "shape": (6,)}, "takes vectors, not frames (MlpPolicy)"),
        (A2C, {"actions": 4}, "has 4 outputs, but Pong has 6 actions: NOOP, FIRE, RIGHT, LEFT, RIGHTFIRE, LEFTFIRE"),
        (DQN, {"actions": 18}, "has 18 outputs, but Pong has 6 actions"),
        (PPO, {"shape": (84, 84, 1)}, "takes 1 frames or colour channels; Volley's observations are 4 grey frames"),
        (PPO, {"shape": (64, 64, 4)}, "takes frames of another size than 84 x 84"),
        (PPO, {"policy_kwargs": {"net_arch": [64]}}, "has extra layers after the NatureCNN (net_arch)"),
        (DQN, {"policy_kwargs": {"net_arch": [64]}}, "have an unknown 'q_net.q_net.2.bias'"),
        (PPO, {"policy_kwargs": {"share_features_extractor": False}}, "(share_features_extractor=False)"),
        (PPO, {"policy_kwargs": {"normalize_images": False}}, "(normalize_images=False), not divided by 255"),
        (A2C, {"policy_kwargs": {"normalize_images": False}}, "(normalize_images=False), not divided by 255"),
        (PPO, {"policy_kwargs": {"features_extractor_kwargs": {"features_dim": 256}}}, "has shape [256, 3136]"),
    ],
    ids=[
        "PPO MlpPolicy",
        "DQN MlpPolicy",
        "4 actions",
        "18 actions",
        "one frame",
        "64 x 64",
        "PPO net_arch",
        "DQN net_arch",
        "not shared",
        "PPO not normalised",
        "A2C not normalised",
        "256 features",
    ],
)
def test_other_policies_of_stable_baselines3_are_refused(
    tmp_path: Path, algorithm: type[BaseAlgorithm], keywords: dict[str, Any], reason: str
) -> None:
    archived(tmp_path / "agent.zip", algorithm, **keywords)
    assert reason in refusal(tmp_path / "agent.zip")


Change = Callable[[dict[str, Tensor]], object]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda tensors: tensors.clear(), "its tensors match no supported network: Stable-Baselines3's"),
        (lambda tensors: tensors.pop("actor.weight"), "its tensors ('actor.bias') match no supported network"),
        (lambda tensors: tensors.pop("network.4.bias"), "its tensors lack 'network.4.bias'"),
        (lambda tensors: tensors.update({"bad\nname": torch.zeros(1)}), r"its tensors have an unknown 'bad\nname'"),
        (lambda tensors: tensors.update({"lstm.weight_ih_l0": torch.zeros(1)}), "its network is recurrent (LSTM)"),
        (lambda tensors: tensors.update({"advantage.weight": torch.zeros(1)}), "is a dueling one"),
        (lambda tensors: tensors.update({"log_std": torch.zeros(1)}), "its actions are continuous"),
        (lambda tensors: tensors["network.0.weight"][0].fill_(torch.nan), "'network.0.weight' holds values that are"),
        (lambda tensors: tensors["critic.bias"].fill_(torch.inf), "'critic.bias' holds values that are not finite"),
        (
            lambda tensors: tensors.update({"actor.bias": torch.zeros(6, dtype=torch.float16)}),
            "tensor 'actor.bias' is torch.float16, not torch.float32",
        ),
        (
            lambda tensors: tensors.update({"actor.bias": torch.zeros(6).to_sparse()}),
            "tensor 'actor.bias' is not a dense tensor on the CPU",
        ),
        (
            lambda tensors: tensors.update({"actor.bias": torch.zeros(6, device="meta")}),
            "tensor 'actor.bias' is not a dense tensor on the CPU",
        ),
        (
            lambda tensors: tensors.update({"actor.bias": torch.zeros(1).expand(10**12)}),
            "it holds more than 20,000,000 numbers",
        ),
        (
            lambda tensors: tensors.update({"actor.bias": torch.zeros(6, 1)[:, 0:0]}),
            "tensor 'actor.bias' has shape [6, 0], but the NatureCNN's has [6]",
        ),
    ],
    ids=[
        "none",
        "no policy",
        "a bias lacks",
        "an unknown name",
        "LSTM",
        "dueling",
        "continuous",
        "not a number",
        "infinite",
        "half precision",
        "sparse",
        "meta",
        "strides 0",
        "another shape",
    ],
)
def test_other_tensors_are_refused(tmp_path: Path, ppo_agent: PpoAgent, change: Change, reason: str) -> None:
    tensors = {name: tensor.clone() for name, tensor in ppo_agent.state_dict().items()}
    change(tensors)
    torch.save(tensors, tmp_path / "agent.pth")
    assert reason in refusal(tmp_path / "agent.pth")


class Evil:
    """Makes a file where it is unpickled."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self._file),)


def torch_file(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def zipped(*parts: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in parts:
            archive.writestr(name, content)
    return file.getvalue()


def test_code_is_not_run(tmp_path: Path, ppo_agent: PpoAgent) -> None:
    """Neither from where the tensors are, nor from Stable-Baselines3's `data`, which is not looked into."""
    trap, file = tmp_path / "sprung", tmp_path / "agent.zip"
    evil = torch_file({**ppo_agent.state_dict(), "actor.bias": Evil(trap)})
    reason = "its pickle would run code (posix.mkdir), and Volley never loads such files"
    for content in (evil, zipped(("policy.pth", evil)), torch_file(Evil(trap))):
        file.write_bytes(content)
        assert refusal(file) == reason
    archived(tmp_path / "agent.zip")
    with zipfile.ZipFile(file) as archive:
        policy, data = archive.read("policy.pth"), json.loads(archive.read("data"))
    pickled = base64.b64encode(pickle.dumps(Evil(trap))).decode()
    for name in ("policy_class", "observation_space", "lr_schedule"):
        data[name][":serialized:"] = pickled
    others = [(name, pickle.dumps(Evil(trap))) for name in ("policy.optimizer.pth", "pytorch_variables.pth")]
    file.write_bytes(zipped(("data", json.dumps(data).encode()), ("policy.pth", policy), *others))
    assert foreign.read(file)[0].algorithm == "sb3-ppo"
    assert not trap.exists()
    pickle.loads(pickle.dumps(Evil(trap)))  # noqa: S301 - the trap does work
    assert trap.exists()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b'{"n_epochs": 4, "target_kl": null}', "sb3-ppo"),
        (b'{"normalize_advantage": false}', "sb3-a2c"),
        (b'{"normalize_advantage": true, "target_kl": 0.01}', "sb3-actor-critic"),  # TRPO
        (b"{}", "sb3-actor-critic"),
        (b'{"n_epochs": 4, "max_grad_norm": Infinity, "target_kl": null}', "sb3-ppo"),
        (None, "sb3-actor-critic"),
    ],
    ids=[
        "PPO",
        "A2C",
        "TRPO",
        "no words",
        "not finite",
        "no settings",
    ],
)
def test_the_algorithm_is_what_the_settings_call_it(
    tmp_path: Path, ppo_agent: PpoAgent, data: bytes | None, name: str
) -> None:
    parts = [] if data is None else [("data", data)]
    (tmp_path / "agent.zip").write_bytes(zipped(("policy.pth", as_of_stable_baselines3(ppo_agent)), *parts))
    assert foreign.read(tmp_path / "agent.zip")[0].algorithm == name


TWICE = b'{"policy_kwargs": {"normalize_images": false}, "policy_kwargs": {}}'


@pytest.mark.parametrize("data", [b'{"n_epochs": "four"}', b"\x80\x04", b"[" * 100_000, b'{"n_epochs": 4', b"", TWICE])
def test_settings_that_cannot_be_read_are_refused(tmp_path: Path, ppo_agent: PpoAgent, data: bytes) -> None:
    """They say what the network takes: to guess would be to play wrong in silence."""
    file = tmp_path / "agent.zip"
    file.write_bytes(zipped(("policy.pth", as_of_stable_baselines3(ppo_agent)), ("data", data)))
    assert refusal(file).startswith("its settings cannot be read: ")


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "NaN"])
def test_raw_pixels_are_noticed_beside_a_number_that_is_not_finite(
    tmp_path: Path, ppo_agent: PpoAgent, number: str
) -> None:
    data = f'{{"max_grad_norm": {number}, "policy_kwargs": {{"normalize_images": false}}}}'.encode()
    file = tmp_path / "agent.zip"
    file.write_bytes(zipped(("policy.pth", as_of_stable_baselines3(ppo_agent)), ("data", data)))
    assert refusal(file).startswith("its network takes raw pixels")


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "module._orig_mod."])
def test_what_wraps_a_network_in_training_is_taken_off(tmp_path: Path, ppo_agent: PpoAgent, prefix: str) -> None:
    plain, wrapped = tmp_path / "plain.pt", tmp_path / "wrapped.pt"
    state = ppo_agent.state_dict()
    plain.write_bytes(torch_file(state))
    wrapped.write_bytes(torch_file({prefix + name: tensor for name, tensor in state.items()}))
    (spec, network), (same_spec, same) = foreign.read(plain), foreign.read(wrapped)
    assert spec == same_spec
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, same.state_dict()[name])


def as_of_stable_baselines3(agent: PpoAgent) -> bytes:
    """A `policy.pth` as versions before 1.7 wrote it: each tensor once."""
    names = {"network.7": "features_extractor.linear.0", "actor": "action_net", "critic": "value_net"}
    names |= {f"network.{layer}": f"features_extractor.cnn.{layer}" for layer in (0, 2, 4)}
    return torch_file(
        {f"{names[layer]}.{part}": agent.get_parameter(f"{layer}.{part}").data for layer in names for part in PARTS}
    )


PARTS = ("weight", "bias")


def declaring(content: bytes, size: int) -> bytes:
    """A zip file whose first part is said to hold so many bytes, in the archive's directory and before the part."""
    directory = content.index(b"PK\1\2")
    content = content[: directory + 24] + struct.pack("<I", size) + content[directory + 28 :]
    return content[:22] + struct.pack("<I", size) + content[26:]


def encrypted(content: bytes) -> bytes:
    directory = content.index(b"PK\1\2")
    return content[: directory + 8] + b"\1" + content[directory + 9 :]


TENSORS = torch_file({"actor.weight": torch.zeros(100)})
DOUBLING = b"".join(b"h%ch%c\x86q%c" % (k, k, k + 1) for k in range(60))
"""A pair of twice the same, sixty deep."""
LARGE = bytes(20_000_000)
BOMB = zipped(("policy.pth", bytes(200_000_000)), compression=zipfile.ZIP_DEFLATED)
WHOLE = "it is not a zip file, or a damaged one: "


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", f"{WHOLE}File is not a zip file"),
        (b"no archive", f"{WHOLE}File is not a zip file"),
        (pickle.dumps({"actor.weight": 1}), f"{WHOLE}File is not a zip file"),
        (TENSORS[:-30], f"{WHOLE}File is not a zip file"),
        (TENSORS[: len(TENSORS) // 2], f"{WHOLE}File is not a zip file"),
        (TENSORS.replace(bytes(100), bytes(99) + b"!"), f"{WHOLE}Bad CRC-32 for file 'archive/data/0'"),
        (zipped(("replay.mp4", b"")), "it is neither a Stable-Baselines3 archive (no policy.pth) nor a torch file"),
        (zipped(("policy.pth", b"cut")), f"{WHOLE}File is not a zip file"),
        (BOMB, "its file 'policy.pth' would have 200,000,000 bytes; the limit is 33,554,432"),
        (zipped(("policy.pth", BOMB)), "its file 'policy.pth' would have 200,000,000 bytes; the limit is 33,554,432"),
        (declaring(BOMB, 30_000_000), f"{WHOLE}Bad CRC-32 for file 'policy.pth'"),
        (
            declaring(zipped(("policy.pth", b"short"), compression=8), 9),
            "its file 'policy.pth' does not have the size it",
        ),
        (encrypted(zipped(("policy.pth", b""))), "its file 'policy.pth' is encrypted"),
        (zipped(("policy.pth", b""), compression=zipfile.ZIP_LZMA), "is compressed by an unsupported method"),
        (zipped(*((f"{k}/data.pkl", b"") for k in range(1001))), "it is a zip file with more than 1,000 files in it"),
        (
            zipped(("a/data.pkl", b"."), ("a/0", LARGE), ("a/1", LARGE)),
            "its file 'a/1' would have 20,000,000 bytes; the limit",
        ),
        (zipped(("archive/data.pkl", b"\x80\x02")), "its tensors cannot be read: pickle exhausted before seeing STOP"),
        (
            zipped(("a/data.pkl", b"\x80\x02."), ("a/constants.pkl", b"\x80\x02.")),
            "PyTorch cannot read its tensors (RuntimeError)",
        ),
        (zipped(("a/data.pkl", b"\x80\x02)q\0" + DOUBLING + b"}h\x3cK\1s.")), "uses an object twice, which no"),
        (zipped(("a/data.pkl", b"\x80\x02" + b")" * 100_000 + b".")), "would have 100,003 bytes; the limit is 65,536"),
        (torch_file([torch.zeros(1)]), "it is not a dictionary of named tensors; save only the network's state_dict()"),
        (torch_file({"step": 3, "agent": {"actor.weight": torch.zeros(1)}}), "it is not a dictionary of named tensors"),
    ],
    ids=[
        "empty",
        "text",
        "pickle",
        "end cut",
        "half",
        "damaged",
        "another zip",
        "policy.pth cut",
        "bomb",
        "bomb in an archive",
        "bomb that lies",
        "shorter than it says",
        "encrypted",
        "LZMA",
        "many parts",
        "too much in all",
        "no pickle's end",
        "TorchScript",
        "doubling",
        "large pickle",
        "list",
        "nested",
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "agent.zip").write_bytes(content)
    assert reason in refusal(tmp_path / "agent.zip")


def test_two_parts_of_one_name_are_refused(tmp_path: Path) -> None:
    twice = zipped(("policy.pth", b""), ("policy.ptH", b"")).replace(b"policy.ptH", b"policy.pth")
    (tmp_path / "agent.zip").write_bytes(twice)
    assert refusal(tmp_path / "agent.zip") == "it is a zip file with two files of the same name"


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "agent.zip").touch()
    os.truncate(tmp_path / "agent.zip", 2**40)  # sparse: a terabyte that takes no room on the disk
    assert refusal(tmp_path / "agent.zip") == "it is larger than 67,108,864 bytes"


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere.zip") == "it cannot be read: No such file or directory"
    assert refusal(tmp_path) == "it cannot be read: Is a directory"


def test_damaged_files_are_refused_in_a_line(tmp_path: Path) -> None:
    """Bytes flipped, cut out, and put in; whatever comes of it is told, and nothing else is raised.

    In every other file the damage is done before it is zipped, so that no checksum tells.
    """
    generator, reasons = np.random.default_rng(0), set()
    with zipfile.ZipFile(io.BytesIO(TENSORS)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    whole = zipped(("data", b'{"n_epochs": 4}'), ("policy.pth", TENSORS), compression=zipfile.ZIP_DEFLATED)
    for _ in range(200):
        name = str(generator.choice(["archive/data.pkl", "archive/data.pkl", *parts]))
        inside = {**parts, name: damaged(parts[name], generator)}
        for content in (damaged(whole, generator), zipped(*inside.items())):
            (tmp_path / "agent.zip").write_bytes(content)
            reasons.add(refusal(tmp_path / "agent.zip")[:30])
    assert len(reasons) > 8


def damaged(content: bytes, generator: np.random.Generator) -> bytes:
    damage = bytearray(content)
    for _ in range(generator.integers(1, 5)):
        place, length = generator.integers(len(content)), generator.choice([1, 1, 4, 40])
        damage[place : place + length] = generator.bytes(generator.choice([0, length, length]))
    return bytes(damage)


# The command


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VOLLEY_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def test_an_imported_agent_is_a_model_by_its_name(
    data_folder: Path, q_network: QNetwork, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(q_network.state_dict(), "dqn.pth")
    assert main(["import", "dqn.pth", "other-dqn"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "other-dqn: CleanRL's DQN, NatureCNN, 4 frames of 84 x 84, 6 actions",
        "watch it:    volley watch other-dqn",
        "measure it:  volley evaluate other-dqn",
    ]
    directory = catalog.resolve("other-dqn")
    assert directory == data_folder / "imported" / "other-dqn"
    spec, network = checkpoint.load(directory)
    read_spec, read = foreign.read(Path("dqn.pth"))
    assert spec == read_spec
    ours, theirs = network.state_dict(), read.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert sorted(path.name for path in directory.iterdir()) == ["config.json", "model.safetensors"]


def test_an_imported_agent_plays(data_folder: Path, q_network: QNetwork) -> None:
    torch.save(q_network.state_dict(), "dqn.pth")
    assert main(["import", "dqn.pth", "dqn"]) == 0
    agent = PolicyAgent.load(data_folder / "imported" / "dqn")
    court, seen = Court(), []
    for _ in range(200):
        decision = agent.observe(court.grey())
        seen.append(max(decision.probabilities))
        assert decision.probabilities[decision.actions.index(decision.action)] == max(decision.probabilities)
        court.step(control_of(decision.action))
    assert min(seen) == pytest.approx(1, abs=TOLERANCE)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("ppo", "'ppo' is one of Volley's own players: choose another name"),
        ("cpu", "'cpu' is one of Volley's own players: choose another name"),
        ("casual", "'casual' is one of Volley's own players: choose another name"),
        ("twice", "'twice' already exists: choose another name, or delete {data}/imported/twice"),
        ("runs", "'runs' is a file or folder here, which would be used instead: choose another name"),
        ("best", "'best' is what training runs call their own policies: choose another name"),
        ("../out", "'../out' is not a valid model name"),
    ],
)
def test_a_name_that_is_taken_is_refused(
    data_folder: Path, name: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (data_folder / "imported" / "twice").mkdir(parents=True)
    Path("runs").mkdir()
    assert main(["import", "dqn.pth", name]) == 2
    assert capsys.readouterr().err.startswith(f"volley: {complaint.format(data=data_folder)}")


def test_a_file_that_is_no_agent_leaves_nothing(data_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("dqn.zip").write_bytes(b"no archive")
    assert main(["import", "dqn.zip", "dqn"]) == 2
    assert capsys.readouterr().err.startswith("volley: cannot import dqn.zip: it is not a zip file")
    assert not data_folder.exists()
