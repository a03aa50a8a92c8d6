"""On a graphics card a policy decides, and learns, as on the processor, up to rounding."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.spec import FrameObservation, ModelSpec
from training.environments import FAST_ACTIONS
from training.gradient import Batch
from training.launch import new_run
from training.learner import Learner
from training.loop import Display, train
from training.ppo import PpoSettings, update
from training.run import RunDirectory

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU that torch can use")

SPEC = ModelSpec(
    algorithm="ppo", actions=FAST_ACTIONS, observation=FrameObservation(height=64, width=64, stack=2, view="court")
)
ROWS = 512


def learner(device: str) -> Learner:
    return Learner(SPEC, learning_rate=1e-3, seed=0, device=torch.device(device))


def observations() -> Tensor:
    """Random, but the same on every device."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (ROWS, *SPEC.observation.shape), dtype=torch.uint8, generator=generator)


def test_it_decides_as_on_the_processor() -> None:
    host, card = learner("cpu"), learner("cuda")
    card.network.load_state_dict(host.network.state_dict())
    for each in (host, card):
        each.update_input_statistics(observations().to(each.device))
    expected = host.evaluate(observations())
    found = card.evaluate(observations().to("cuda"))
    # bfloat16 keeps 8 bits: a relative error of 1 in 256, of logits that are near 0 before training.
    torch.testing.assert_close(found.value.cpu(), expected.value, rtol=0.05, atol=0.05)
    log_probs = [output.distribution.log_prob(torch.zeros(ROWS, dtype=torch.int64)) for output in (expected,)]
    on_card = found.distribution.log_prob(torch.zeros(ROWS, dtype=torch.int64, device="cuda")).cpu()
    torch.testing.assert_close(on_card, log_probs[0], rtol=0.05, atol=0.01)


def test_it_learns_as_on_the_processor() -> None:
    steps = []
    for device in ("cpu", "cuda"):
        one = learner(device)
        one.network.load_state_dict(learner("cpu").network.state_dict())
        before = torch.cat([weights.detach().flatten().cpu() for weights in one.network.parameters()])
        generator = torch.Generator().manual_seed(1)
        batch = Batch(
            observations(),
            torch.randint(len(FAST_ACTIONS), (ROWS,), generator=generator),
            torch.full((ROWS,), 1 / 3).log(),
            torch.randn(ROWS, generator=generator),
            torch.randn(ROWS, generator=generator),
        )
        moved = Batch(*(column.to(device) for column in batch if column is not None))
        update(one, moved, PpoSettings(minibatch_size=ROWS), 0.01)
        after = torch.cat([weights.detach().flatten().cpu() for weights in one.network.parameters()])
        steps.append(after - before)
    # Adam's first step is as long for every weight, and has the sign of its gradient, which only tiny ones lose.
    agreement = torch.nn.functional.cosine_similarity(steps[0], steps[1], dim=0)
    assert agreement > 0.9


class Notes(Display):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)


def test_a_resumed_run_says_that_its_end_is_another(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run", algorithm="ppo", steps=2 * 6144, device="cuda")
    train(run, Display(), stop=lambda: True)
    notes = Notes()
    train(RunDirectory.open(run.path), notes)
    assert any("a GPU adds numbers in a different order each time" in line for line in notes.lines)
    assert all(torch.isfinite(torch.tensor(line["kl"])) for line in run.metrics())
