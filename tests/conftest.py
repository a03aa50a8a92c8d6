from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from at_start import sitecustomize

from models import checkpoint
from models.network import PolicyNetwork
from models.spec import CnnSpec, ConvLayer, FrameObservation, ModelSpec
from training.learner import Learner

# Whoever starts the tests in the background, or with nohup, has them ignore Ctrl-C or the end of the terminal, and so
# every process that a test starts.
for _name, _usual in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
    if (_number := getattr(signal, _name, None)) is not None and signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)

# Networks here are tiny: handing their work to a second thread costs more than it saves.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def asked_for(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Lists who was asked for beyond this machine, and in vain; also by processes that tests start."""
    log = tmp_path_factory.mktemp("network") / "asked-for"
    log.touch()
    guard = str(Path(sitecustomize.__file__).parent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(sitecustomize.LOG, str(log))
        patch.setenv("PYTHONPATH", guard, prepend=os.pathsep)
        yield log


@pytest.fixture(autouse=True)
def _nobody_else(asked_for: Path) -> Iterator[None]:
    """A test that talks to another machine fails."""
    yield
    assert asked_for.read_text() == ""


@pytest.fixture
def spec() -> ModelSpec:
    """A specification whose network is made in a millisecond."""
    return ModelSpec(
        algorithm="ppo",
        observation=FrameObservation(height=20, width=16, stack=2, frame_skip=4),
        actions=("FIRE", "RIGHTFIRE", "LEFTFIRE"),
        network=CnnSpec(conv=(ConvLayer(4, 4, 2), ConvLayer(6, 3, 1)), hidden=8, mirror=False),
    )


@pytest.fixture
def network(spec: ModelSpec) -> PolicyNetwork:
    torch.manual_seed(1)
    return PolicyNetwork(spec)


@pytest.fixture
def model_directory(tmp_path: Path, spec: ModelSpec, network: PolicyNetwork) -> Path:
    """A saved model, in a folder that holds nothing else."""
    directory = tmp_path / "models" / "tiny"
    checkpoint.save(directory, spec, network)
    return directory


@pytest.fixture
def learner(spec: ModelSpec) -> Learner:
    return Learner(spec, learning_rate=1e-3, seed=1, device=torch.device("cpu"))
