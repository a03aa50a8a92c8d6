from __future__ import annotations

import copy
import json
import resource
from pathlib import Path
from typing import Any

import pytest

from models import catalog, checkpoint
from models.errors import UserError
from models.files import CONFIG_FILE, WEIGHTS_FILE
from models.network import PolicyNetwork
from models.spec import (
    NATURE_CNN,
    ActionName,
    CnnSpec,
    ConvLayer,
    FrameObservation,
    ModelSpec,
    decode,
    encode,
    feature_shapes,
    parameter_count,
)

ALL_SIX: tuple[ActionName, ...] = ("NOOP", "FIRE", "RIGHT", "LEFT", "RIGHTFIRE", "LEFTFIRE")


def changed(spec: ModelSpec, path: str, value: object) -> bytes:
    """The specification's config.json with the field at `path`, such as `network/conv/0/1`, set to `value`."""
    config: Any = json.loads(encode(spec))
    *parents, last = [int(key) if key.isdigit() else key for key in path.split("/")]
    place = config
    for key in parents:
        place = place[key]
    place[last] = copy.deepcopy(value)
    return json.dumps(config).encode()


def refusal(config: bytes) -> str:
    """The one line with which `config` is refused."""
    with pytest.raises(UserError) as caught:
        decode(config)
    message = str(caught.value)
    assert message.isprintable(), message
    assert len(message) < 500
    return message


def test_round_trip(spec: ModelSpec) -> None:
    assert decode(encode(spec)) == spec
    nature = ModelSpec(algorithm="a2c", actions=ALL_SIX, network=NATURE_CNN)
    assert decode(encode(nature)) == nature
    values = ModelSpec(
        algorithm="dqn", actions=ALL_SIX, network=CnnSpec((ConvLayer(4, 8, 4),), mirror=False, head="values")
    )
    assert decode(encode(values)) == values


def test_json_is_what_the_documentation_shows(spec: ModelSpec) -> None:
    assert json.loads(encode(spec)) == {
        "kind": "pong",
        "format_version": 1,
        "algorithm": "ppo",
        "environment": "ALE/Pong-v5",
        "observation": {"height": 20, "width": 16, "stack": 2, "frame_skip": 4},
        "actions": ["FIRE", "RIGHTFIRE", "LEFTFIRE"],
        "network": {"conv": [[4, 4, 2], [6, 3, 1]], "hidden": 8, "activation": "elu", "mirror": False},
    }


def test_what_the_outputs_are_is_written_only_where_they_are_values(spec: ModelSpec) -> None:
    """A policy's config.json, and so its model's fingerprint, is what it was before there were others."""
    assert b"head" not in encode(spec)
    assert decode(changed(spec, "network/head", "values")).network.head == "values"


@pytest.mark.parametrize("name", catalog.bundled_names())
def test_bundled_specifications_are_written_as_they_were(name: str) -> None:
    config = (catalog.resolve(name) / CONFIG_FILE).read_bytes()
    # Some are older than the field that tells them from control problems.
    assert json.loads(encode(decode(config))) == {"kind": "pong"} | json.loads(config)


BOUNDS = {
    "observation/height": (16, 210),
    "observation/width": (16, 160),
    "observation/stack": (1, 8),
    "observation/frame_skip": (2, 8),
    "network/conv/0/0": (1, 256),
    "network/conv/0/1": (1, 16),
    "network/conv/0/2": (1, 8),
    "network/hidden": (1, 1024),
}


@pytest.mark.parametrize("path", BOUNDS)
def test_bounds(path: str) -> None:
    roomy = ModelSpec(
        algorithm="ppo",
        observation=FrameObservation(height=24, width=24),
        actions=ALL_SIX,
        network=CnnSpec(conv=(ConvLayer(4, 4, 4),)),
    )
    lowest, highest = BOUNDS[path]
    for allowed in (lowest, highest):
        decode(changed(roomy, path, allowed))
    assert f">= {lowest}" in refusal(changed(roomy, path, lowest - 1))
    assert f"<= {highest}" in refusal(changed(roomy, path, highest + 1))


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("format_version", 2, "format version 2; this Volley reads only 1"),
        ("format_version", "1", "format version '1'"),
        ("format_version", True, "bool"),
        ("format_version", "9" * 10_000, "format version"),
        ("surprise", 1, "unknown field `surprise`"),
        ("observation/surprise", 1, "unknown field `surprise`"),
        ("network/surprise", 1, "unknown field `surprise`"),
        ("bad\nname\x1b[31m", 1, "unknown field"),
        ("algorithm", "PPO with spaces", "matching regex"),
        ("algorithm", "ppo\n", "matching regex"),
        ("environment", "ALE/Breakout-v5", "Invalid enum value"),
        ("observation/height", "84", "Expected `int`"),
        ("observation/height", 84.5, "Expected `int`"),
        ("actions", ["FIRE"], "length >= 2"),
        ("actions", ["FIRE", "FIRE"], "listed twice"),
        ("actions", ["FIRE", "JUMP"], "Invalid enum value"),
        ("network/activation", "gelu", "Invalid enum value"),
        ("network/mirror", "yes", "Expected `bool`"),
        ("network/head", "policy", "Invalid enum value"),
        ("network/head", None, "Expected `str`"),
        ("network/conv", [], "length >= 1"),
        ("network/conv", [[1, 1, 1]] * 7, "length <= 6"),
        ("network/conv", [[4, 4]], "length 3"),
        ("network/conv", [[4, 4, 2, 1]], "length"),
        ("network/conv", [[4, 8, 1], [4, 16, 1]], "a kernel of 16 does not fit into 13 x 9"),
    ],
)
def test_refused(spec: ModelSpec, path: str, value: object, complaint: str) -> None:
    assert complaint in refusal(changed(spec, path, value))


def test_a_mirror_needs_up_and_down_alike(spec: ModelSpec) -> None:
    mirrored = changed(spec, "network/mirror", value=True)
    assert decode(mirrored).network.mirror
    assert "both upwards and downwards" in refusal(mirrored.replace(b"RIGHTFIRE", b"NOOP"))


@pytest.mark.parametrize("field", ["algorithm", "actions"])
def test_a_missing_field_is_refused(spec: ModelSpec, field: str) -> None:
    config = json.loads(encode(spec))
    del config[field]
    assert f"missing required field `{field}`" in refusal(json.dumps(config).encode())


@pytest.mark.parametrize("config", [b"", b"{", b"[]", b"null", b'{"format_version": 1}', b"\xff\xfe", b"[" * 60_000])
def test_what_is_no_specification_is_refused(config: bytes) -> None:
    refusal(config)


def test_a_config_that_asks_for_gigabytes_is_refused_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 256 channels of 195 x 145 into 1,024 units: 7.4 thousand million numbers, 30 GB.
    config = {
        "format_version": 1,
        "algorithm": "ppo",
        "observation": {"height": 210, "width": 160, "stack": 8, "frame_skip": 4},
        "actions": ["NOOP", "FIRE"],
        "network": {"conv": [[256, 16, 1]], "hidden": 1024, "activation": "elu"},
    }
    (tmp_path / CONFIG_FILE).write_text(json.dumps(config))
    (tmp_path / WEIGHTS_FILE).write_bytes(b"")
    monkeypatch.setattr(checkpoint, "PolicyNetwork", lambda _: pytest.fail("the network was built"))
    peak_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match=r"would have 7,412,[0-9,]+ parameters; the limit is 20,000,000"):
        checkpoint.load(tmp_path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_before < 32 * 1024  # KiB


def test_nature_cnn_by_hand() -> None:
    # 84 -(8, stride 4)-> 20 -(4, stride 2)-> 9 -(3, stride 1)-> 7, without padding.
    spec = ModelSpec(algorithm="ppo", actions=ALL_SIX, network=NATURE_CNN)
    assert feature_shapes(spec) == [(32, 20, 20), (64, 9, 9), (64, 7, 7)]
    # Each layer's weights, then its biases:
    #   conv 1:  32 x 4 x 8 x 8  =     8,192 +  32
    #   conv 2:  64 x 32 x 4 x 4 =    32,768 +  64
    #   conv 3:  64 x 64 x 3 x 3 =    36,864 +  64
    #   hidden:  512 x 3,136     = 1,605,632 + 512     (3,136 = 64 x 7 x 7)
    #   policy:  6 x 512         =     3,072 +   6
    #   value:   1 x 512         =       512 +   1
    assert parameter_count(spec) == 1_687_719


@pytest.mark.parametrize(
    ("observation", "network"),
    [
        (FrameObservation(), NATURE_CNN),
        (FrameObservation(), CnnSpec()),
        (FrameObservation(), CnnSpec(head="values")),
        (FrameObservation(42, 40, 2, 3), CnnSpec((ConvLayer(16, 4, 2), ConvLayer(32, 4, 2)), hidden=64)),
        (FrameObservation(210, 160, 1, 2), CnnSpec((ConvLayer(3, 16, 8),), hidden=5, activation="relu")),
        (
            FrameObservation(17, 23, 8, 8),
            CnnSpec((ConvLayer(2, 3, 2), ConvLayer(5, 2, 1), ConvLayer(1, 1, 3)), hidden=1),
        ),
    ],
)
@pytest.mark.parametrize("actions", [("NOOP", "FIRE"), ALL_SIX])
def test_parameter_count_is_that_of_the_network(
    observation: FrameObservation, network: CnnSpec, actions: tuple[Any, ...]
) -> None:
    spec = ModelSpec(algorithm="ppo", observation=observation, actions=actions, network=network)
    assert parameter_count(spec) == sum(parameter.numel() for parameter in PolicyNetwork(spec).parameters())


def test_a_field_that_is_there_twice_is_refused(spec: ModelSpec) -> None:
    """Programs differ in which of the two they take."""
    content = encode(spec).replace(b'"algorithm"', b'"algorithm": "other", "algorithm"', 1)
    with pytest.raises(UserError, match="it has 'algorithm' twice"):
        decode(content)
