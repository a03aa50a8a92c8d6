"""Policies for control problems: their specification, network, environment, and how they are kept."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models import checkpoint
from models.control import ContinuousActions, ControlSpec, DiscreteActions, PolicySpec, decode_any
from models.distributions import Categorical, Gaussian, TanhGaussian
from models.errors import UserError
from models.mlp import FIRST_LOG_DEVIATION, INPUT_LIMIT, ControlNetwork, build
from models.spec import ModelSpec, encode
from training.environments import ActionBounds, make, specification

CART = ControlSpec(algorithm="ppo", environment="CartPole-v1", observation_size=4, actions=DiscreteActions(2))
ARM = ControlSpec(
    algorithm="a2c",
    environment="Pendulum-v1",
    observation_size=3,
    actions=ContinuousActions((-2.0, 0.0), (2.0, 1.0), "tanh-gaussian"),
    hidden=(),
)


@pytest.mark.parametrize("policy", [CART, ARM])
def test_round_trip(policy: PolicySpec) -> None:
    assert decode_any(encode(policy)) == policy


def test_a_policy_for_pong_is_told_apart(spec: ModelSpec) -> None:
    assert decode_any(encode(spec)) == spec
    # As it was written before there were others.
    fields = json.loads(encode(spec))
    del fields["kind"]
    assert decode_any(json.dumps(fields).encode()) == spec


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"observation_size": 0}, "observation_size"),
        ({"hidden": [2000]}, "hidden"),
        ({"hidden": [1] * 5}, "hidden"),
        ({"environment": "a b"}, "environment"),
        ({"actions": {"kind": "discrete", "count": 1}}, "count"),
        ({"actions": {"kind": "continuous", "low": [1.0], "high": [1.0]}}, "bound"),
        ({"actions": {"kind": "continuous", "low": [0.0, 0.0], "high": [1.0]}}, "bound"),
        ({"actions": {"kind": "other"}}, "kind"),
        ({"depth": 3}, "depth"),
        ({"format_version": 2}, "format version 2"),
        ({"kind": "pong"}, "not a model's"),
        ({"observation_size": 4096, "hidden": [1024] * 4 + [1024]}, "hidden"),
    ],
)
def test_what_is_out_of_bounds_is_refused_in_one_line(change: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as caught:
        decode_any(json.dumps(json.loads(encode(CART)) | change).encode())
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_each_spec_gets_its_distribution() -> None:
    plain = ContinuousActions((-1.0,), (1.0,))
    gaussian = ControlSpec(algorithm="ppo", environment="X-v0", observation_size=3, actions=plain)
    for spec, kind, shape in ((CART, Categorical, (5,)), (ARM, TanhGaussian, (5, 2)), (gaussian, Gaussian, (5, 1))):
        output = build(spec)(torch.zeros(5, spec.observation_size))
        assert isinstance(output.distribution, kind)
        assert output.distribution.sample(torch.Generator().manual_seed(0)).shape == shape
        assert output.value.shape == (5,)


def test_a_new_policy_is_near_uniform_or_the_middle() -> None:
    torch.manual_seed(0)
    seen = torch.randn(64, 4)
    logits = ControlNetwork(CART)(seen).distribution.logits
    assert (logits.softmax(-1) - 0.5).abs().max() < 0.05
    assert logits.std(0).min() > 0, "it does look at the observation"
    gaussian = ControlNetwork(ARM)(torch.randn(64, 3)).distribution.gaussian
    assert gaussian.mean.abs().max() < 0.1
    torch.testing.assert_close(gaussian.log_deviation, torch.full((64, 2), FIRST_LOG_DEVIATION))


def test_inputs_are_normalised_and_limited() -> None:
    network = ControlNetwork(ARM)
    network.inputs.mean.copy_(torch.tensor([1.0, 0.0, 0.0]))
    network.inputs.scale.copy_(torch.tensor([2.0, 1.0, 1e-4]))
    assert network.inputs(torch.tensor([[5.0, -3.0, 1.0]])).tolist() == [[2.0, -3.0, INPUT_LIMIT]]


def test_policy_and_value_share_no_weights() -> None:
    network = ControlNetwork(CART)
    network(torch.ones(3, 4)).value.sum().backward()
    assert all(parameter.grad is None for parameter in network.policy.parameters())
    assert any(
        parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in network.value.parameters()
    )


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    for spec in (CART, ARM):
        network = build(spec)
        checkpoint.save(tmp_path / spec.algorithm, spec, network)
        found, loaded = checkpoint.load_policy(tmp_path / spec.algorithm)
        assert found == spec
        assert loaded.state_dict().keys() == network.state_dict().keys()
        seen = torch.randn(3, spec.observation_size)
        torch.testing.assert_close(loaded(seen).value, network(seen).value)


def test_where_pong_is_played_no_other_policy_is_loaded(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "cart", CART, build(CART))
    with pytest.raises(UserError, match="it was trained for CartPole-v1, not for Pong"):
        checkpoint.load(tmp_path / "cart")


def test_specifications_are_read_off_the_environment() -> None:
    assert specification("CartPole-v1", algorithm="ppo") == CART
    pendulum = specification("Pendulum-v1", algorithm="a2c", head="tanh-gaussian")
    assert isinstance(pendulum, ControlSpec)
    assert pendulum.actions == ContinuousActions((-2.0,), (2.0,), "tanh-gaussian")
    assert isinstance(specification("pong", algorithm="ppo"), ModelSpec)


@pytest.mark.parametrize(
    ("head", "drawn", "done"),
    [
        # Half of the way between the bounds is 2 and 0.5, the middle 0 and 0.5.
        ("gaussian", [[0.5, 0.0], [-9.0, 9.0]], [[1.0, 0.5], [-2.0, 1.0]]),
        ("tanh-gaussian", [[0.0, 1.0], [-99.0, 99.0]], [[0.0, 0.5 + 0.5 * math.tanh(1)], [-2.0, 1.0]]),
    ],
)
def test_actions_stay_within_their_bounds(head: Any, drawn: list[list[float]], done: list[list[float]]) -> None:
    within = ActionBounds(ContinuousActions((-2.0, 0.0), (2.0, 1.0), head))
    np.testing.assert_allclose(within(np.array(drawn)), done, rtol=1e-6)


def test_an_environment_takes_what_the_policy_draws() -> None:
    for spec in (CART, specification("Pendulum-v1", algorithm="ppo")):
        environments = make(spec, 3)
        observations, _ = environments.reset(seed=0)
        with torch.no_grad():
            drawn = build(spec)(torch.from_numpy(observations)).distribution.sample(torch.Generator().manual_seed(0))
        observations, rewards, *_ = environments.step(drawn.numpy())
        environments.close()
        assert isinstance(spec, ControlSpec)
        assert observations.shape == (3, spec.observation_size)
        assert rewards.shape == (3,)
