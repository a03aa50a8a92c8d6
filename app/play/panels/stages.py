"""The stages panel: earlier checkpoints of the policy's own training, which can take its place in mid-match."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import pygame

from agents.pong import Side
from app.follow.follower import load_matching
from app.game.snapshot import Snapshot
from app.ui import theme
from app.ui.numbers import millions, signed
from models import catalog
from models.errors import UserError
from models.run_directory import CurvePoint, read_curve, trained_steps
from models.spec import POINTS_TO_WIN

if TYPE_CHECKING:
    from agents.policy import PolicyAgent
    from models.network import PolicyNetwork
    from models.spec import ModelSpec

    _Model: TypeAlias = tuple[ModelSpec, PolicyNetwork]


class Stage(NamedTuple):
    """A policy at some time of its training."""

    steps: int
    """Agent steps."""
    model: str
    """What `models.catalog.resolve` takes."""
    mean_return: float | None
    """Of the training games then; None if it was not kept."""


def stages_of(model: str) -> tuple[Stage, ...]:
    """The stages of the training that `model` comes from, fewest steps first, the final policy last.

    Only the final policy if no others were kept; empty if there is no such model.
    """
    try:
        home = catalog.home(model)
        kept = catalog.stages(str(home))
    except UserError:
        return ()
    curve = read_curve(home)
    last = trained_steps(home, curve) or max(kept, default=0)
    return (
        *(Stage(steps, f"{home}@{steps}", _return_at(curve, steps)) for steps in kept if steps < last),
        Stage(last, str(home), _return_at(curve, last)),
    )


def _return_at(curve: tuple[CurvePoint, ...], steps: int) -> float | None:
    if not curve:
        return None
    return min(curve, key=lambda point: abs(point.steps - steps)).mean_return


class StagesModel:
    """Which stage plays, and which was chosen.

    Networks are loaded on `executor`, and `update` lets them play. While one loads, another can be chosen.
    """

    def __init__(self, stages: tuple[Stage, ...], place: int, executor: Executor) -> None:
        self.stages = stages
        self.chosen = self.playing = place
        """Indices of `stages`."""
        self.problem = ""
        """Why the stage chosen last does not play; empty if it does."""
        self._executor = executor
        self._first = place
        self._first_name: str | None = None
        self._loading: tuple[int, Future[_Model]] | None = None

    def choose(self, place: int) -> None:
        """Chooses a stage; beyond the ends, the first or the last."""
        self.chosen, self.problem = min(max(place, 0), len(self.stages) - 1), ""

    def update(self, policy: PolicyAgent) -> None:
        """Continues the change from the stage that plays to the one chosen."""
        if self._first_name is None:
            self._first_name = policy.name
        if self._loading is not None and self._loading[1].done():
            (place, loaded), self._loading = self._loading, None
            self._change(policy, place, loaded)
        if self._loading is None and self.chosen != self.playing:
            self._loading = self.chosen, self._executor.submit(_load, self.stages[self.chosen].model, policy.spec)

    def _change(self, policy: PolicyAgent, place: int, loaded: Future[_Model]) -> None:
        """Lets the policy play as the stage at `place`; if that cannot be loaded, nothing changes."""
        try:
            spec, network = loaded.result()
        except UserError as error:
            self.problem = f"the stage at {millions(self.stages[place].steps)} cannot play: {error}"
            self.chosen = self.playing if self.chosen == place else self.chosen
            return
        name = self._first_name if place == self._first else None
        policy.change_network(spec, network, name=name or catalog.short_name(self.stages[place].model))
        self.playing = place


def _load(model: str, spec: ModelSpec) -> _Model:
    return load_matching(catalog.resolve(model), spec)


class StagesPanel:
    """A slider over the stages of `model`, which must have some: see `stages_of`. It changes the policy on `side`.

    Click it, drag along it, or call `earlier` and `later`. `on_change` is told the policy when its
    network has changed.
    """

    min_height = 170
    wide = False

    def __init__(
        self,
        model: str,
        side: Side,
        executor: Executor,
        *,
        on_change: Callable[[PolicyAgent], None] = lambda _policy: None,
    ) -> None:
        stages = stages_of(model)
        begins_with = catalog.resolve(model)
        same = (place for place, stage in enumerate(stages) if catalog.resolve(stage.model) == begins_with)
        self._model = StagesModel(stages, next(same, len(stages) - 1), executor)
        self._policy: PolicyAgent | None = None
        self._on_change = on_change
        self._side = side
        """Where it plays at first: sides may be changed."""
        self._colour = theme.PLAYERS[side]
        self._pointed: int | None = None
        self._dragging = False
        self._slider = self._box = pygame.Rect(0, 0, 0, 0)
        """Where the slider was last drawn: in the picture and on the surface."""
        self._drawn: tuple[object, ...] = ()
        self._picture = pygame.Surface((0, 0))

    def earlier(self) -> None:
        """Chooses the previous stage."""
        self._model.choose(self._model.chosen - 1)

    def later(self) -> None:
        """Chooses the next stage."""
        self._model.choose(self._model.chosen + 1)

    def update(self, now: Snapshot, elapsed: float) -> None:
        """Lets the chosen stage play, once it is loaded."""
        del elapsed
        if self._policy is None:
            self._policy = now.policies[self._side]
        if self._policy is None:
            return
        playing = self._model.playing
        self._model.update(self._policy)
        if self._model.playing != playing:
            self._on_change(self._policy)
        if self._policy in now.policies:
            self._colour = theme.PLAYERS[now.policies.index(self._policy)]

    def point(self, position: tuple[int, int] | None, *, pressed: bool) -> None:
        """Chooses the stage nearest to where the slider is clicked or dragged."""
        self._pointed = None
        if position is None:
            return
        inside = self._box.collidepoint(position)
        self._dragging = inside if pressed else self._dragging and pygame.mouse.get_pressed()[0]
        if inside or self._dragging:
            self._pointed = place_at(self._box, len(self._model.stages), position[0])
        if self._dragging and self._pointed is not None:
            self._model.choose(self._pointed)

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float) -> None:
        """Draws the panel to fill `rect`; keeps the picture until something changes."""
        model = self._model
        shown = (rect.size, scale, tuple(self._colour), self._pointed, model.chosen, model.playing, model.problem)
        if shown != self._drawn:
            self._drawn = shown
            self._picture = pygame.Surface(rect.size).convert(surface)
            self._picture.fill(theme.BACKGROUND)
            self._slider = draw(self._picture, self._picture.get_rect(), scale, model, (self._colour, self._pointed))
        self._box = self._slider.move(rect.topleft)
        surface.blit(self._picture, rect)


def stops(box: pygame.Rect, count: int) -> list[float]:
    """The columns of `count` stages in a slider."""
    inset = box.height / 4
    return [box.left + inset + (box.width - 2 * inset) * place / max(count - 1, 1) for place in range(count)]


def place_at(box: pygame.Rect, count: int, column: int) -> int:
    """The stage nearest to a column."""
    columns = stops(box, count)
    return min(range(count), key=lambda place: abs(columns[place] - column))


def draw(
    surface: pygame.Surface,
    rect: pygame.Rect,
    scale: float,
    model: StagesModel,
    look: tuple[pygame.Color, int | None],
) -> pygame.Rect:
    """Draws the panel to fill `rect`; returns the slider's place.

    `look` is the player's colour, and the stage that the mouse points at.
    """
    room = theme.draw_panel(surface, rect, scale)
    gap = round(6 * scale)
    top = _draw_chosen(surface, room, scale, model) + gap
    bottom = _draw_ends(surface, room, scale, model) - gap
    box = pygame.Rect(room.left, top, room.width, bottom - top)
    _draw_slider(surface, box, scale, model, look)
    return box


def _draw_chosen(surface: pygame.Surface, room: pygame.Rect, scale: float, model: StagesModel) -> int:
    """Draws the title and the chosen stage; returns the bottom."""
    small, size = round(theme.HINT_SIZE * scale), round(theme.HEADING_SIZE * scale)
    stage = model.stages[model.chosen]
    title = theme.draw_text(surface, "Training stages", size, topleft=room.topleft)
    place = "loading …" if model.chosen != model.playing else f"{model.chosen + 1} of {len(model.stages)}"
    theme.draw_text(surface, place, small, theme.QUIET, midright=(room.right, title.centery))
    words, left_top = f"{millions(stage.steps)} steps", (room.left, title.bottom)
    steps = theme.draw_text(surface, words, size, theme.TEXT, theme.Face.BOLD, topleft=left_top)
    score = "mean return unknown" if stage.mean_return is None else f"mean return {signed(stage.mean_return)}"
    score = theme.fitted(score, small, room.right - steps.right - small)
    theme.draw_text(surface, score, small, theme.QUIET, midright=(room.right, steps.centery))
    return steps.bottom


def _draw_ends(surface: pygame.Surface, room: pygame.Rect, scale: float, model: StagesModel) -> int:
    """The first and the last stage, or what went wrong, on the panel's lowest line; returns the top of that line."""
    small = round(theme.HINT_SIZE * scale)
    if model.problem:
        words = theme.fitted(model.problem, small, room.width)
        return theme.draw_text(surface, words, small, theme.TEXT, bottomleft=room.bottomleft).top
    first, last = millions(model.stages[0].steps), millions(model.stages[-1].steps)
    theme.draw_text(surface, first, small, theme.QUIET, bottomleft=room.bottomleft)
    return theme.draw_text(surface, last, small, theme.QUIET, bottomright=room.bottomright).top


def _draw_slider(
    surface: pygame.Surface,
    box: pygame.Rect,
    scale: float,
    model: StagesModel,
    look: tuple[pygame.Color, int | None],
) -> None:
    """A dot for each stage, as high as its return, and a line through them; the stage that plays is large."""
    colour, pointed = look
    pygame.draw.rect(surface, theme.BACKGROUND, box, border_radius=round(4 * scale))
    inner = box.inflate(0, -round(20 * scale))
    returns = (-POINTS_TO_WIN if stage.mean_return is None else stage.mean_return for stage in model.stages)
    heights = [inner.bottom - (score + POINTS_TO_WIN) / (2 * POINTS_TO_WIN) * inner.height for score in returns]
    dots = list(zip(stops(box, len(heights)), heights, strict=True))
    pygame.draw.line(surface, theme.HAIRLINE, (box.left, inner.centery), (box.right - 1, inner.centery))
    if len(dots) > 1:
        pygame.draw.aalines(surface, theme.QUIET, points=dots, closed=False)
    for place, dot in enumerate(dots):
        pygame.draw.aacircle(surface, theme.TEXT if place == pointed else theme.QUIET, dot, 4 * scale)
    pygame.draw.aacircle(surface, colour, dots[model.playing], 7 * scale)
    ring = max(2, round(2 * scale))
    pygame.draw.aacircle(surface, theme.FOCUS, dots[model.chosen], 10 * scale, width=ring)
