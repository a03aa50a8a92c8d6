"""Convolutional networks: from frames to a distribution over actions and a state value."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from models.distributions import Categorical
from models.screen import FIELD_BOTTOM, FIELD_GREY, FIELD_TOP, RIGHT_GREY, RIGHT_PADDLE
from models.spec import MIRRORED_ACTION, SLOW_ACTIONS, ActionName, FrameObservation, ModelSpec, feature_shapes

PIXEL_SCALE_FLOOR = 5.0
"""The smallest scale, in grey levels, so that the noise of a nearly constant pixel is not amplified."""

GREEDY_LOGIT = 100.0
"""The logit of the action with the highest value; the others have 0. Even at temperature 5 they share only 1e-8."""
SOFT_TEMPERATURE = 0.03
"""The temperature of the soft policy over values in points (Vieillard et al. 2020, "Munchausen RL")."""

WITHHELD_LOGIT = -20.0
"""Of an action that is not to be tried yet: with a probability of about 1e-9, its gradient moves nothing."""

RIGHT_PADDLE_CENTRE = (RIGHT_PADDLE.start + RIGHT_PADDLE.stop) // 2
PADDLE_THRESHOLD = (FIELD_GREY + RIGHT_GREY) // 2
"""Pixels of the paddle are brighter than this grey level."""


class PolicyOutput(NamedTuple):
    """A policy network's output for `B` observations."""

    logits: Tensor
    """`[B, A]` float32, one column per action of the specification."""
    value: Tensor
    """`[B]` float32: the expected return, in units of reward."""

    @property
    def distribution(self) -> Categorical:
        """The categorical distribution over actions."""
        return Categorical(self.logits)


class CourtMirror(nn.Module):
    """Flips the court so that the network always sees its own paddle in the upper half.

    Pong is the same game upside down. If the right paddle of the newest frame is in the lower half, the rows of the
    court are reversed and the logits of up and down are swapped. So the policy is symmetric by construction, and has
    half as many positions to learn.
    """

    def __init__(self, observation: FrameObservation, actions: tuple[ActionName, ...]) -> None:
        super().__init__()
        region = observation.region
        row_height, column_width = region.rows / observation.height, region.columns / observation.width
        self._first = int((FIELD_TOP - region.top) / row_height)
        self._last = round((FIELD_TOP + FIELD_BOTTOM - 2 * region.top) / row_height) - 1 - self._first
        self._half = (self._last + 1 - self._first) // 2
        self._column = round((RIGHT_PADDLE_CENTRE - region.left) / column_width - 0.5)
        self._swapped = [actions.index(MIRRORED_ACTION[name]) for name in actions]

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the frames `[B, stack, H, W]`, flipped as needed, and which of them were flipped, `[B]` bool."""
        batch, stack, height, width = frames.shape
        court = slice(self._first, self._last + 1)
        paddle = frames[:, -1, court, self._column] > PADDLE_THRESHOLD
        flipped = paddle[:, -self._half :].sum(1) > paddle[:, : self._half].sum(1)
        # To copy whole rows is ten times as fast as to choose between two pictures pixel by pixel.
        upright = torch.arange(height, device=frames.device)
        upside_down = torch.cat((upright[: court.start], upright[court].flip(0), upright[court.stop :]))
        order = torch.where(flipped[:, None], upside_down, upright)
        tops = height * torch.arange(batch * stack, device=frames.device).view(batch, stack, 1)
        rows = frames.reshape(-1, width).index_select(0, (tops + order[:, None]).flatten())
        return rows.view_as(frames), flipped

    def flip_back(self, logits: Tensor, flipped: Tensor) -> Tensor:
        """Converts logits `[B, A]` for the output of `forward` to logits for its input."""
        return torch.where(flipped[:, None], logits[:, self._swapped], logits)


class PixelNormalizer(nn.Module):
    """Normalises each pixel by its own mean and standard deviation.

    This removes the walls and the score, and makes the ball, rare at any one pixel, stand out. The statistics are
    buffers: they are saved with the weights, and constant once training has frozen them.
    """

    mean: Tensor
    scale: Tensor
    floor = PIXEL_SCALE_FLOOR

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(height, width))
        self.register_buffer("scale", torch.full((height, width), 255.0))

    def forward(self, frames: Tensor) -> Tensor:
        """Maps uint8 `[..., H, W]` to the same shape in the autocast precision: (frames - mean) / scale."""
        device = frames.device.type
        precision = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else torch.float32
        offset, factor = (-self.mean / self.scale).to(precision), (1 / self.scale).to(precision)
        return torch.addcmul(offset, frames.to(precision), factor)


class ValueNormalizer(nn.Module):
    """Scales returns to mean 0 and standard deviation 1, and back, so that the value head's targets do not drift."""

    mean: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))

    def normalize(self, returns: Tensor) -> Tensor:
        """Converts units of reward to standard deviations, same shape."""
        return (returns - self.mean) / self.scale

    def forward(self, normalized: Tensor) -> Tensor:
        """Converts standard deviations to units of reward, same shape."""
        return normalized * self.scale + self.mean


class PolicyNetwork(nn.Module):
    """A convolutional actor-critic with a shared body, as `spec` describes it.

    If the specification asks for action values, the policy head outputs them and there is no value head. The policy
    takes the action with the highest value, which is also the value of the state.

    Orthogonal initialisation, gain sqrt(2) in the body, 0.01 on the policy head so that it starts near uniform, 1 on
    the value head (Andrychowicz et al. 2021, "What Matters for On-Policy Deep Actor-Critic Methods?").
    """

    value_head: nn.Linear
    acts_by_value: bool
    """Whether the policy head outputs action values."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.observation = spec.observation
        """What it takes."""
        self.actions = spec.actions
        self.acts_by_value = spec.network.head == "values"
        activation = nn.ELU if spec.network.activation == "elu" else nn.ReLU
        self.mirror = CourtMirror(spec.observation, spec.actions) if spec.network.mirror else None
        self.pixels = PixelNormalizer(spec.observation.height, spec.observation.width)
        layers: list[nn.Module] = []
        channels = spec.observation.stack
        for layer in spec.network.conv:
            layers += [nn.Conv2d(channels, layer.channels, layer.kernel, layer.stride), activation()]
            channels = layer.channels
        features = math.prod(feature_shapes(spec)[-1])
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(features, spec.network.hidden), activation())
        self.policy_head = nn.Linear(spec.network.hidden, len(spec.actions))
        if not self.acts_by_value:
            self.value_head = nn.Linear(spec.network.hidden, 1)
        self.returns = ValueNormalizer()
        for module in self.body:
            initialize(module, math.sqrt(2))
        initialize(self.policy_head, 0.01)
        if not self.acts_by_value:
            initialize(self.value_head, 1.0)

    def forward(self, observations: Tensor) -> PolicyOutput:
        """Maps uint8 `[B, stack, H, W]` to a `PolicyOutput`.

        The heads run in float32 even under autocast: a bfloat16 logit near 8 is only accurate to 0.03, and the ratio
        of two policies is the exponential of the difference of their logits.
        """
        if self.mirror is None:
            return self._evaluate(observations)
        frames, flipped = self.mirror(observations)
        logits, value = self._evaluate(frames)
        return PolicyOutput(self.mirror.flip_back(logits, flipped), value)

    def _evaluate(self, frames: Tensor) -> PolicyOutput:
        hidden = self.body(self.pixels(frames)).float()
        with torch.autocast(hidden.device.type, enabled=False):
            outputs = self.policy_head(hidden)
            if not self.acts_by_value:
                return PolicyOutput(outputs, self.returns(self.value_head(hidden).squeeze(-1)))
            value, best = self.returns(outputs).max(1)
            return PolicyOutput(GREEDY_LOGIT * one_hot(best, outputs.shape[1]).to(outputs), value)

    def preferences(self, hidden: Tensor) -> Tensor:
        """Maps the body's output `[B, hidden]` to logits `[B, A]` that say how much each action is preferred.

        The logits of a policy that takes the highest value do not say by how much it is the highest. Its preferences
        are those of the soft policy over the same values.
        """
        outputs: Tensor = self.policy_head(hidden)
        return self.returns(outputs) / SOFT_TEMPERATURE if self.acts_by_value else outputs

    def frames_as_seen(self, observations: Tensor) -> Tensor:
        """Returns uint8 `[B, stack, H, W]` as the body sees them, flipped if it mirrors, before normalisation."""
        return observations if self.mirror is None else self.mirror(observations)[0]

    @property
    def inputs(self) -> PixelNormalizer:
        """The normaliser of the inputs."""
        return self.pixels

    def input_samples(self, observations: Tensor) -> Tensor:
        """Returns the samples for the input statistics: the newest frame of each observation, `[B, H, W]`."""
        return self.frames_as_seen(observations)[:, -1]


@torch.no_grad()
def with_slow_moves(network: PolicyNetwork, wider: ModelSpec) -> PolicyNetwork:
    """A network like the given one, for the actions of `wider`: its own, and slow moves, which are offered."""
    wide = PolicyNetwork(wider)
    kept = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith("policy_head")}
    wide.load_state_dict(kept, strict=False)
    rows = [wider.actions.index(action) for action in network.actions]
    wide.policy_head.weight[rows] = network.policy_head.weight
    wide.policy_head.bias[rows] = network.policy_head.bias
    offer_slow_moves(wide, set(wider.actions) - set(network.actions))
    return wide


@torch.no_grad()
def offer_slow_moves(network: PolicyNetwork, moves: Collection[ActionName] = tuple(SLOW_ACTIONS)) -> None:
    """Lets the policy begin to take those of its slow moves that are among `moves`.

    The logit of each begins half-way between those of staying and of the same move at full speed.
    """
    for row, action in enumerate(network.actions):
        if action in SLOW_ACTIONS and action in moves:
            full = SLOW_ACTIONS[action]
            stay: ActionName = "FIRE" if full.endswith("FIRE") else "NOOP"
            alike = [network.actions.index(stay), network.actions.index(full)]
            network.policy_head.weight[row] = network.policy_head.weight[alike].mean(0)
            network.policy_head.bias[row] = network.policy_head.bias[alike].mean(0)


@torch.no_grad()
def withhold_slow_moves(network: PolicyNetwork) -> None:
    """Makes the policy's slow moves so improbable that they are neither taken nor learned."""
    for row, action in enumerate(network.actions):
        if action in SLOW_ACTIONS:
            network.policy_head.weight[row] = 0
            network.policy_head.bias[row] = WITHHELD_LOGIT


def withholds_slow_moves(network: PolicyNetwork) -> bool:
    """Whether its slow moves are withheld, as early in a training that will offer them later."""
    slow = [row for row, action in enumerate(network.actions) if action in SLOW_ACTIONS]
    return bool(slow) and bool((network.policy_head.bias[slow] == WITHHELD_LOGIT).all())


def initialize(module: nn.Module, gain: float) -> None:
    """Initialises a layer with orthogonal weights, scaled by `gain`, and zero biases; skips layers without weights."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.orthogonal_(module.weight, gain)
        assert module.bias is not None
        nn.init.zeros_(module.bias)
