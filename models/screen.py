"""Pong's screen: where things are in an emulator frame, and their grey levels. Rows and columns start at the top left.

A bottom is the first row below an object, like the end of a slice.
"""

from __future__ import annotations

SCREEN_ROWS, SCREEN_COLUMNS = SCREEN_SHAPE = 210, 160
WALL_TOP = 24
"""The top of the upper wall; the score is above it."""
FIELD_TOP, FIELD_BOTTOM = 34, 194
"""The field between the walls."""
FIELD_ROWS = slice(FIELD_TOP, FIELD_BOTTOM)
LEFT_PADDLE, RIGHT_PADDLE = slice(16, 20), slice(140, 144)
"""The paddles' columns."""
BALL_HEIGHT, BALL_WIDTH, PADDLE_HEIGHT = 4, 2, 16

BALL_GREY, LEFT_GREY, RIGHT_GREY, FIELD_GREY = 236, 148, 147, 87
"""The walls are as grey as the ball."""
