"""Which parts of the court a policy's choice depends on, found by occlusion.

The method is that of Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks" (2014), with the
distance of Greydanus et al., "Visualizing and Understanding Atari Agents" (2018). A patch of the court is emptied in
all frames of the stack, as if no ball, paddle or digit had been there; the further that moves the logits, the more they
depend on the patch. Emptying an empty patch changes nothing: its result is exactly 0, and is not computed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.base import Frame
from agents.preprocessing import shrunk
from models.network import PolicyNetwork
from models.screen import BALL_GREY, FIELD_GREY, FIELD_ROWS, SCREEN_SHAPE, WALL_TOP, Region, score_rows
from models.spec import FrameObservation

SaliencyMap: TypeAlias = NDArray[np.float32]
"""`[height, width]` of the observation, over what it shows of the screen; never negative."""

PATCHES_ACROSS = 14
"""How many patches fit side by side. They overlap by half; of 84 x 84 pixels, one is 6 x 6."""


@torch.inference_mode()
def occlusion_map(network: PolicyNetwork, observation: Frame) -> SaliencyMap:
    """How much the policy depends on each pixel of an observation `[stack, height, width]`.

    For each patch, that is half the squared distance between the logits with and without its content; for a pixel, the
    mean over the patches that cover it, or 0 if it is empty in every frame. Only differences between logits count, as
    for probabilities.
    """
    frames, empty, rows = _as_seen(network, observation)
    down, across = _windows(frames.shape[1]), _windows(frames.shape[2])
    shown = (frames != empty).any(0).float()
    row, column = (down @ shown @ across.T).nonzero(as_tuple=True)
    patches = torch.einsum("nh,nw->nhw", down[row], across[column])
    distances = torch.zeros(len(down), len(across))
    distances[row, column] = _distances(network, frames, empty, patches)
    saliency = torch.empty_like(shown)
    saliency[rows] = shown * (down.T @ distances @ across) / torch.outer(down.sum(0), across.sum(0))
    return np.asarray(saliency.numpy(), np.float32)


def _distances(network: PolicyNetwork, frames: Tensor, empty: Tensor, patches: Tensor) -> Tensor:
    """How far emptying each patch moves the logits: half the squared distance, `[N]`.

    `patches` are `[N, height, width]`, 1 inside and 0 outside.
    """
    none = torch.zeros(1, *patches.shape[1:])
    places = torch.cat((none, patches)).unsqueeze(1)
    whole = network.pixels(frames)
    occluded = torch.addcmul(whole, places, network.pixels(empty) - whole)
    logits = network.preferences(network.body(occluded))
    logits -= logits.mean(1, keepdim=True)
    return (logits[1:] - logits[0]).square().sum(1) / 2


def turned_about(saliency: SaliencyMap, region: Region) -> SaliencyMap:
    """The map of a policy on the left, which sees the court mirrored, turned to lie over `region` itself."""
    score = score_rows(region, len(saliency))
    turned = np.fliplr(saliency).copy()
    turned[:score] = np.roll(saliency[:score], saliency.shape[1] // 2, axis=1)
    return turned


def _as_seen(network: PolicyNetwork, observation: Frame) -> tuple[Tensor, Tensor, Tensor]:
    """The frames as the network's body sees them, and the same frames empty: both `[stack, height, width]` of uint8.

    The third tensor says which row of the observation each row was, `[height]`: the network may turn the court upside
    down.
    """
    _, height, width = observation.shape
    rows = torch.arange(height, dtype=torch.uint8)[:, None].expand(1, height, width)
    together = torch.cat((rows, _empty_court(network.observation), torch.from_numpy(observation)))
    rows, empty, frames = network.frames_as_seen(together.unsqueeze(0))[0].split((1, 1, len(observation)))
    before_the_game = frames == 0
    return frames, torch.where(before_the_game, frames, empty), rows[0, :, 0].long()


@lru_cache(maxsize=8)
def _empty_court(observation: FrameObservation) -> Tensor:
    """An empty court as a frame of an observation: `[1, height, width]` of uint8."""
    court = np.full(SCREEN_SHAPE, FIELD_GREY, np.uint8)
    court[WALL_TOP:] = BALL_GREY
    court[FIELD_ROWS] = FIELD_GREY
    court[0, :8] = 0  # The ROM leaves a black mark in the corner.
    return torch.from_numpy(shrunk(court, observation)).unsqueeze(0)


@lru_cache(maxsize=8)
def _windows(size: int) -> Tensor:
    """Where the patches lie along a side of `size` pixels: `[patches, size]`, 1 inside a patch and 0 outside."""
    length = max(size // PATCHES_ACROSS, 2)
    starts = sorted({*range(0, size - length, length // 2), size - length})
    windows = torch.zeros(len(starts), size)
    for window, start in zip(windows, starts, strict=True):
        window[start : start + length] = 1
    return windows
