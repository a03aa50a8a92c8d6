from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from agents.base import control_of
from agents.pong import Court
from agents.preprocessing import FrameStacker
from models.network import CourtMirror, PixelNormalizer, PolicyNetwork, PolicyOutput, ValueNormalizer
from models.spec import ActionName, FrameObservation, ModelSpec


def some_observations(spec: ModelSpec, count: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, *spec.observation.shape), dtype=torch.uint8, generator=generator)


def test_shapes_and_precision(spec: ModelSpec, network: PolicyNetwork) -> None:
    output = network(some_observations(spec, 5))
    assert output.logits.shape == (5, 3)
    assert output.value.shape == (5,)
    assert output.logits.dtype == output.value.dtype == torch.float32


def test_the_initial_policy_is_near_uniform(spec: ModelSpec, network: PolicyNetwork) -> None:
    probabilities = network(some_observations(spec, 64)).logits.softmax(-1)
    assert (probabilities - 1 / 3).abs().max() < 0.01
    # Near, not exactly: the head does look at the frames.
    assert probabilities.std(dim=0).min() > 0


def test_distribution() -> None:
    # softmax(ln 1, ln 2, ln 5) = 1/8, 2/8, 5/8
    output = PolicyOutput(torch.tensor([[1.0, 2.0, 5.0]]).log(), torch.zeros(1))
    assert output.distribution.logits.softmax(-1).tolist() == [pytest.approx([0.125, 0.25, 0.625])]


def frames_along_a_game(observation: FrameObservation, count: int) -> tuple[Tensor, list[int]]:
    """Observations `[count, stack, H, W]` of a game, and the screen row of each one's right paddle's centre."""
    court, stacker = Court(), FrameStacker(observation)
    observations, centres = [], []
    actions: tuple[ActionName, ...] = ("RIGHT", "LEFT")
    for frame in range(count * observation.frame_skip):
        seen = stacker.push(court.grey())
        if seen is not None:
            rows = np.flatnonzero(court.grey()[34:194, 140] == 147)
            observations.append(torch.from_numpy(seen))
            centres.append(34 + int(rows.mean()))
        court.step(control_of(actions[frame // 60 % 2]))
    return torch.stack(observations), centres


COURT_ALONE = FrameObservation(height=64, width=64, stack=2, view="court")


@pytest.mark.parametrize(
    "observation", [FrameObservation(), FrameObservation(height=42, width=40, frame_skip=2), COURT_ALONE]
)
def test_the_mirror_turns_courts_whose_paddle_is_in_the_lower_half(observation: FrameObservation) -> None:
    frames, centres = frames_along_a_game(observation, 100)
    as_seen, turned = CourtMirror(observation, ("NOOP", "RIGHT", "LEFT"))(frames)
    middle = (34 + 193) / 2
    clear = [(centre, bool(flag)) for centre, flag in zip(centres, turned, strict=True) if abs(centre - middle) > 12]
    assert all(flag == (centre > middle) for centre, flag in clear)
    assert {flag for _, flag in clear} == {False, True}
    torch.testing.assert_close(as_seen[~turned], frames[~turned], rtol=0, atol=0)
    # Walls and score stay where they are; of the court, each turned row is some row of the original.
    above = 0 if observation.view == "court" else observation.height * 34 // 210
    torch.testing.assert_close(as_seen[:, :, :above], frames[:, :, :above], rtol=0, atol=0)
    assert torch.equal(as_seen.sort(dim=2).values, frames.sort(dim=2).values)
    assert not torch.equal(as_seen[turned], frames[turned])


def test_the_mirror_treats_a_single_court_as_one_of_many() -> None:
    frames, _ = frames_along_a_game(FrameObservation(), 100)
    mirror = CourtMirror(FrameObservation(), ("NOOP", "RIGHT", "LEFT"))
    as_seen, turned = mirror(frames)
    for place in range(len(frames)):
        one, its = mirror(frames[place : place + 1])
        assert torch.equal(one[0], as_seen[place])
        assert its.tolist() == [bool(turned[place])]


@pytest.mark.parametrize(
    ("observation", "court"),
    [
        # The court's rows 34..193 are 13.6..77.6 of 84, so its middle row is 45: row r goes to 90 - r.
        (FrameObservation(), range(13, 78)),
        (COURT_ALONE, range(64)),
    ],
    ids=["screen", "court"],
)
def test_a_mirroring_policy_is_symmetric(spec: ModelSpec, observation: FrameObservation, court: range) -> None:
    """On a court turned upside down, up and down change places and the value stays."""
    actions = ("NOOP", "FIRE", "RIGHT", "LEFT", "RIGHTFIRE", "LEFTFIRE")
    network = msgspec.structs.replace(spec.network, mirror=True)
    spec = msgspec.structs.replace(spec, observation=observation, actions=actions, network=network)
    policy = PolicyNetwork(spec)
    torch.nn.init.normal_(policy.policy_head.weight)
    frames, centres = frames_along_a_game(observation, 100)
    clear = torch.tensor([abs(centre - 114) > 12 for centre in centres])
    frames = frames[clear]
    upside_down = frames.clone()
    upside_down[:, :, court.start : court.stop] = frames[:, :, list(reversed(court))]
    straight, mirrored = policy(frames), policy(upside_down)
    torch.testing.assert_close(mirrored.value, straight.value)
    up_and_down_changed = straight.logits[:, [0, 1, 3, 2, 5, 4]]
    torch.testing.assert_close(mirrored.logits, up_and_down_changed)
    assert (straight.logits - up_and_down_changed).abs().max() > 0.1, "the test could not tell"


def test_pixels_are_normalised_each_by_its_own_mean_and_deviation() -> None:
    normalizer = PixelNormalizer(1, 3)
    normalizer.mean.copy_(torch.tensor([[87.0, 0.0, 200.0]]))
    normalizer.scale.copy_(torch.tensor([[5.0, 255.0, 40.0]]))
    frames = torch.tensor([[[[92, 255, 240]], [[77, 0, 180]]]], dtype=torch.uint8)  # [B=1, stack=2, H=1, W=3]
    # (92 - 87) / 5 = 1, (255 - 0) / 255 = 1, (240 - 200) / 40 = 1; (77 - 87) / 5 = -2, 0, (180 - 200) / 40 = -1/2
    expected = torch.tensor([[[[1.0, 1.0, 1.0]], [[-2.0, 0.0, -0.5]]]])
    torch.testing.assert_close(normalizer(frames), expected, rtol=0, atol=1e-5)


def test_pixels_take_the_working_precision() -> None:
    frames = torch.zeros(1, 1, 2, 2, dtype=torch.uint8)
    assert PixelNormalizer(2, 2)(frames).dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        assert PixelNormalizer(2, 2)(frames).dtype == torch.bfloat16


def test_returns_are_normalised_and_back() -> None:
    normalizer = ValueNormalizer()
    normalizer.mean.fill_(2.0)
    normalizer.scale.fill_(4.0)
    assert normalizer.normalize(torch.tensor([10.0, 2.0, -2.0])).tolist() == [2.0, 0.0, -1.0]
    assert normalizer(torch.tensor([2.0, 0.0, -1.0])).tolist() == [10.0, 2.0, -2.0]


def test_the_value_is_in_units_of_reward(spec: ModelSpec, network: PolicyNetwork) -> None:
    observations = some_observations(spec, 4)
    normalized = network(observations).value  # mean 0 and scale 1 so far
    network.returns.mean.fill_(3.0)
    network.returns.scale.fill_(2.0)
    torch.testing.assert_close(network(observations).value, 2 * normalized + 3)


def valuing(spec: ModelSpec, *values: float) -> PolicyNetwork:
    """A network whose actions have these values, whatever it sees, and whose returns have mean 3 and deviation 2."""
    network = PolicyNetwork(msgspec.structs.replace(spec, network=msgspec.structs.replace(spec.network, head="values")))
    torch.nn.init.zeros_(network.policy_head.weight)
    with torch.no_grad():
        network.policy_head.bias.copy_((torch.tensor(values) - 3) / 2)
    network.returns.mean.fill_(3.0)
    network.returns.scale.fill_(2.0)
    return network


@pytest.mark.parametrize("temperature", [0.05, 1.0, 5.0])
@pytest.mark.parametrize("values", [(0.1, 0.1001, -7.0), (-3e4, 2e4, 1e4), (0.0, 1e-6, 0.0)])
def test_a_network_of_action_values_takes_the_highest(
    spec: ModelSpec, values: tuple[float, ...], temperature: float
) -> None:
    output = valuing(spec, *values)(some_observations(spec, 2))
    probabilities = (output.logits / temperature).softmax(-1)
    torch.testing.assert_close(probabilities, torch.tensor([[0.0, 1.0, 0.0]] * 2), rtol=0, atol=1e-5)
    torch.testing.assert_close(output.value, torch.tensor([values[1]] * 2), rtol=1e-5, atol=1e-5)


def test_a_network_of_action_values_has_no_value_head(spec: ModelSpec, network: PolicyNetwork) -> None:
    names = valuing(spec, 0.0, 0.0, 0.0).state_dict().keys()
    assert network.state_dict().keys() - names == {"value_head.weight", "value_head.bias"}
    assert names < network.state_dict().keys()


def test_preferences_are_logits_or_what_values_stand_for(spec: ModelSpec, network: PolicyNetwork) -> None:
    hidden = torch.rand(4, 8)
    assert torch.equal(network.preferences(hidden), network.policy_head(hidden))
    # Values 0.03 apart are e times as preferable.
    soft = valuing(spec, 0.5, 0.53, 0.47).preferences(hidden).softmax(-1)
    expected = torch.tensor([1.0, math.e, 1 / math.e]) / (1 + math.e + 1 / math.e)
    torch.testing.assert_close(soft, expected.expand(4, 3), rtol=1e-4, atol=0)


def test_a_mirroring_network_of_action_values_turns_its_choice(spec: ModelSpec) -> None:
    observation, head = FrameObservation(), msgspec.structs.replace(spec.network, mirror=True)
    spec = msgspec.structs.replace(spec, observation=observation, network=head)
    network = valuing(spec, 0.0, 1.0, 0.0)  # up
    frames, centres = frames_along_a_game(observation, 100)
    clear = [place for place, centre in enumerate(centres) if abs(centre - 114) > 12]
    best = network(frames[clear]).logits.argmax(1).tolist()
    assert best == [2 if centres[place] > 114 else 1 for place in clear]
    assert {1, 2} == set(best)


def test_the_heads_work_in_float32_under_autocast(spec: ModelSpec, network: PolicyNetwork) -> None:
    with torch.no_grad():
        network.policy_head.weight.mul_(1000)  # logits of some size, where bfloat16 would be coarse
    seen: list[Tensor] = []
    network.policy_head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    with torch.autocast("cpu", torch.bfloat16):
        output = network(some_observations(spec, 16))
    assert output.logits.dtype == output.value.dtype == torch.float32
    for head, found in ((network.policy_head, output.logits), (network.value_head, output.value.unsqueeze(-1))):
        exact = functional.linear(seen[0].double(), head.weight.double(), head.bias.double())
        torch.testing.assert_close(found.double(), exact, rtol=1e-5, atol=1e-5)
        coarse = functional.linear(seen[0].bfloat16(), head.weight.bfloat16(), head.bias.bfloat16())
        assert (coarse.double() - exact).abs().max() > 1e-3 * exact.abs().max(), "the test could not tell"


def test_the_body_works_in_bfloat16_under_autocast(spec: ModelSpec, network: PolicyNetwork) -> None:
    precisions: list[torch.dtype] = []
    network.body.register_forward_hook(lambda _module, _inputs, hidden: precisions.append(hidden.dtype))
    network(some_observations(spec, 1))
    with torch.autocast("cpu", torch.bfloat16):
        network(some_observations(spec, 1))
    assert precisions == [torch.float32, torch.bfloat16]


def test_initial_weights_are_orthogonal(network: PolicyNetwork) -> None:
    gains = [(module, math.sqrt(2)) for module in network.body if isinstance(module, nn.Conv2d | nn.Linear)]
    gains += [(network.policy_head, 0.01), (network.value_head, 1.0)]
    assert len(gains) == 5
    for module, gain in gains:
        rows = module.weight.detach().flatten(1)  # fewer rows than columns in each of these layers
        torch.testing.assert_close(rows @ rows.T, gain**2 * torch.eye(len(rows)), rtol=0, atol=1e-5 * gain**2)
        assert module.bias is not None
        assert not module.bias.any()


def test_normaliser_statistics_are_saved_but_not_trained(network: PolicyNetwork) -> None:
    statistics = {"pixels.mean", "pixels.scale", "returns.mean", "returns.scale"}
    assert statistics <= network.state_dict().keys()
    assert not statistics & dict(network.named_parameters()).keys()
