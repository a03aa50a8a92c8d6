"""What the map of what a policy depends on costs: `python benchmarks/saliency.py`.

Prints one JSON object: milliseconds a map takes on one thread, and how many patches are emptied for it; then, of a match
between two agents at normal speed that is drawn 60 times a second with the maps made beside it: how many maps are shown
in a second, how old the newest is when it is (since its decision), and milliseconds to follow and to draw it.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pygame
import torch

from agents import saliency
from agents.base import Frame
from agents.policy import PolicyAgent
from agents.pong import Side
from app.lineup import Lineup, Policy
from app.match import Match
from app.panels.court import CourtView
from app.panels.saliency import SaliencyOverlay
from app.session import Session
from models import catalog

COURT = pygame.Rect(0, 0, 832, 624)
"""As large as in a window of 1280 x 800."""
FRAME = 1 / 60
"""Seconds."""
