from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pygame
import pytest
import torch

from agents.base import Decision
from agents.policy import PolicyAgent
from agents.pong import Court, Side
from app.game.match import Match
from app.game.snapshot import Snapshot
from app.play.panels.stages import Stage, StagesModel, StagesPanel, place_at, stages_of, stops
from app.ui import theme
from models import catalog, checkpoint
from models.network import PolicyNetwork
from models.spec import FrameObservation, ModelSpec

STEPS = (100_000, 400_000, 1_000_000)
CURVE = "steps,seconds,mean_return\n98000,60,-20\n402000,300,-5.5\n990000,900,12\n"
AREA = pygame.Rect(20, 30, 400, 170)
NOW = Match(Court(), names=("left", "right")).snapshot()
DECISION = Decision("FIRE", ("FIRE", "RIGHTFIRE", "LEFTFIRE"), (0.5, 0.25, 0.25), 0.0)


class Desk(Executor):
    """Keeps what it is told to do until `work`."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.jobs.append((future, lambda: fn(*args, **kwargs)))
        return future

    def work(self) -> None:
        for future, job in self.jobs:
            try:
                future.set_result(job())
            except Exception as error:  # noqa: BLE001 - as executors do
                future.set_exception(error)
        self.jobs.clear()


@pytest.fixture
def trained(tmp_path: Path, spec: ModelSpec) -> Path:
    """A model with two earlier stages and its learning curve; every network another."""
    directory = tmp_path / "mine"
    for place, folder in enumerate(("stages/000100000", "stages/000400000", ".")):
        torch.manual_seed(place)
        checkpoint.save(directory / folder, spec, PolicyNetwork(spec))
    (directory / "learning_curve.csv").write_text(CURVE)
    (directory / "provenance.json").write_text('{"steps": 1000000}')
    return directory


@pytest.fixture
def policy(trained: Path) -> PolicyAgent:
    return PolicyAgent.load(trained, name="Master")


def snapshot(policy: PolicyAgent | None, side: Side = Side.RIGHT) -> Snapshot:
    decision = None if policy is None else DECISION
    if side is Side.LEFT:
        return dataclasses.replace(NOW, policies=(policy, None), decisions=(decision, None))
    return dataclasses.replace(NOW, policies=(None, policy), decisions=(None, decision))


def plays(policy: PolicyAgent, directory: Path) -> bool:
    return torch.equal(policy.network.policy_head.weight, checkpoint.load(directory)[1].policy_head.weight)


def test_the_stages_of_a_training_with_their_returns(trained: Path) -> None:
    stages = (
        Stage(100_000, f"{trained}@100000", -20.0),
        Stage(400_000, f"{trained}@400000", -5.5),
        Stage(1_000_000, str(trained), 12.0),
    )
    assert stages_of(str(trained)) == stages
    assert stages_of(f"{trained}@400000") == stages
    assert stages_of(str(trained / "stages" / "000100000")) == stages


def test_stages_without_a_curve(trained: Path) -> None:
    for name in ("learning_curve.csv", "provenance.json"):
        (trained / name).unlink()
    assert [(stage.steps, stage.mean_return) for stage in stages_of(str(trained))] == [(100_000, None), (400_000, None)]


def test_a_run_tells_its_returns_by_its_metrics(trained: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    for folder in ("stages/000100000", "model", "best"):
        shutil.copytree(trained / "stages" / "000100000", run / folder)
    lines = [f'{{"steps": {steps}, "seconds": 1, "mean_return": {steps / 1e5 - 21}}}\n' for steps in (100_000, 300_000)]
    (run / "metrics.jsonl").write_text("".join(lines))
    assert stages_of(str(run)) == (Stage(100_000, f"{run}@100000", -20.0), Stage(300_000, str(run), -18.0))


def test_models_without_stages_have_fewer_than_two(model_directory: Path) -> None:
    assert len(stages_of(str(model_directory))) < 2
    assert stages_of("nobody") == ()


def test_the_default_model_has_six_stages_before_its_last() -> None:
    stages = stages_of(catalog.DEFAULT_MODEL)
    assert len(stages) == 7
    assert stages[-1].steps == 1_402_880


def test_a_bundled_model_has_all_its_stages() -> None:
    stages = stages_of("ppo")
    assert len(stages) == 7
    assert stages[-1].steps == 6_002_688
    assert [stage.mean_return for stage in stages] == sorted(stage.mean_return or 0.0 for stage in stages)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def panel(trained: Path, policy: PolicyAgent, desk: Desk) -> StagesPanel:
    panel = StagesPanel(str(trained), Side.RIGHT, desk)
    panel.update(snapshot(policy), 1 / 60)
    panel.draw(pygame.Surface((500, 300), depth=32), AREA, 1.0)
    return panel


def test_the_policy_changes_in_mid_match_and_back(
    panel: StagesPanel, trained: Path, policy: PolicyAgent, desk: Desk
) -> None:
    now = snapshot(policy)
    panel.earlier()
    panel.update(now, 1 / 60)
    assert plays(policy, trained), "it is still being loaded"
    desk.work()
    panel.update(now, 1 / 60)
    assert plays(policy, trained / "stages" / "000400000")
    assert policy.name == "mine at 0.40M"
    panel.later()
    for _ in range(2):
        panel.update(now, 1 / 60)
        desk.work()
    assert plays(policy, trained)
    assert policy.name == "Master"


def test_it_stops_at_both_ends(panel: StagesPanel, trained: Path, policy: PolicyAgent, desk: Desk) -> None:
    now = snapshot(policy)
    for _ in range(5):
        panel.earlier()
    for _ in range(3):
        panel.update(now, 1 / 60)
        desk.work()
    assert plays(policy, trained / "stages" / "000100000")
    for _ in range(9):
        panel.later()
    for _ in range(3):
        panel.update(now, 1 / 60)
        desk.work()
    assert plays(policy, trained)


def test_one_is_loaded_at_a_time_and_the_last_chosen_wins(
    trained: Path, policy: PolicyAgent, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = StagesModel(stages_of(str(trained)), 2, desk)
    loads: list[Path] = []
    load = checkpoint.load

    def note(directory: Path) -> tuple[ModelSpec, PolicyNetwork]:
        loads.append(directory)
        return load(directory)

    monkeypatch.setattr(checkpoint, "load", note)
    for place in (1, 0, 1, 0):
        model.choose(place)
        model.update(policy)
        assert len(desk.jobs) == 1
    for _ in range(3):
        desk.work()
        model.update(policy)
    assert [path.name for path in loads] == ["000400000", "000100000"]
    assert (model.chosen, model.playing) == (0, 0)


def test_a_stage_may_have_fewer_actions(panel: StagesPanel, trained: Path, policy: PolicyAgent, desk: Desk) -> None:
    fewer = msgspec.structs.replace(policy.spec, actions=policy.spec.actions[:2])
    checkpoint.save(trained / "stages" / "000400000", fewer, PolicyNetwork(fewer))
    now = snapshot(policy)
    panel.earlier()
    panel.update(now, 1 / 60)
    desk.work()
    panel.update(now, 1 / 60)
    assert policy.decide(np.zeros(fewer.observation.shape, np.uint8)).actions == fewer.actions
    panel.later()
    panel.update(now, 1 / 60)
    desk.work()
    panel.update(now, 1 / 60)
    assert plays(policy, trained)
    assert policy.spec.actions != fewer.actions


def test_a_stage_that_is_gone_or_of_another_kind_changes_nothing(
    panel: StagesPanel, trained: Path, policy: PolicyAgent, desk: Desk
) -> None:
    now, stage = snapshot(policy), trained / "stages" / "000400000"
    other = ModelSpec(algorithm="ppo", observation=FrameObservation(stack=2), actions=("NOOP", "RIGHT", "LEFT"))
    breaks: list[Callable[[], object]] = [
        lambda: checkpoint.save(stage, other, PolicyNetwork(other)),
        lambda: shutil.rmtree(stage),
    ]
    problems = []
    for break_it in breaks:
        break_it()
        panel.earlier()
        panel.update(now, 1 / 60)
        desk.work()
        panel.update(now, 1 / 60)
        assert plays(policy, trained)
        model = panel._model
        assert model.chosen == model.playing == 2
        problems.append(model.problem)
    assert problems[0] == "the stage at 0.40M cannot play: it is a different kind of model from the one playing"
    assert problems[1].startswith("the stage at 0.40M cannot play: ")
    panel.later()
    assert panel._model.problem == ""


def test_it_begins_at_the_stage_that_plays(trained: Path, policy: PolicyAgent, desk: Desk) -> None:
    for model, place in ((f"{trained}@100000", 0), (str(trained / "stages" / "000400000"), 1), (str(trained), 2)):
        panel = StagesPanel(model, Side.RIGHT, desk)
        panel.update(snapshot(policy), 1 / 60)
        assert panel._model.playing == place
    assert desk.jobs == []


def test_nothing_changes_before_a_policy_plays(trained: Path, desk: Desk) -> None:
    panel = StagesPanel(str(trained), Side.RIGHT, desk)
    panel.earlier()
    panel.update(snapshot(None), 1 / 60)
    assert desk.jobs == []


def test_it_changes_its_own_side_and_no_other(trained: Path, policy: PolicyAgent, desk: Desk) -> None:
    other = PolicyAgent(policy.spec, policy.network, name="other")
    now = dataclasses.replace(snapshot(policy), policies=(policy, other))
    panel = StagesPanel(str(trained), Side.LEFT, desk)
    panel.update(now, 1 / 60)
    panel.earlier()
    for _ in range(2):
        panel.update(now, 1 / 60)
        desk.work()
    panel.update(now, 1 / 60)
    assert other.name == "other"
    assert policy.name != "tiny"


def test_it_stays_with_its_policy_when_that_changes_sides(
    panel: StagesPanel, trained: Path, policy: PolicyAgent, desk: Desk
) -> None:
    panel.earlier()
    for _ in range(2):
        panel.update(snapshot(policy, Side.LEFT), 1 / 60)
        desk.work()
    assert plays(policy, trained / "stages" / "000400000")
    assert panel._colour == theme.LEFT_PLAYER


def test_the_stage_nearest_to_a_press_is_chosen_and_a_drag_goes_on(
    panel: StagesPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = [True, False, False]
    monkeypatch.setattr(pygame.mouse, "get_pressed", lambda: tuple(down))
    box, model = panel._box, panel._model
    assert AREA.contains(box)
    columns = [round(column) for column in stops(box, 3)]
    panel.point((columns[0] + 5, box.centery), pressed=False)
    assert model.chosen == 2, "to point is not to press"
    panel.point((columns[0] + 5, box.centery), pressed=True)
    assert model.chosen == 0
    panel.point((columns[1] - 5, box.bottom + 100), pressed=False)
    assert model.chosen == 1, "a drag may leave the slider"
    down[0] = False
    panel.point((columns[2], box.centery), pressed=False)
    assert model.chosen == 1, "the button was let go"
    panel.point((columns[2], box.top - 5), pressed=True)
    assert model.chosen == 1, "beside the slider"
    panel.point(None, pressed=False)


def test_stops_are_inside_and_the_nearest_is_found() -> None:
    box = pygame.Rect(10, 10, 300, 60)
    for count in (1, 2, 6, 40):
        columns = stops(box, count)
        assert all(box.left < column < box.right for column in columns)
        assert [place_at(box, count, round(column)) for column in columns] == list(range(count))
    assert (place_at(box, 6, -100), place_at(box, 6, 1000)) == (0, 5)


def picture_of(panel: StagesPanel) -> pygame.Surface:
    surface = pygame.Surface(AREA.size, depth=32)
    panel.draw(surface, surface.get_rect(), 1.0)
    return surface


def middle(surface: pygame.Surface, colour: pygame.Color) -> float:
    """Of the columns in which a pixel is of this colour."""
    pixels, wanted = pygame.PixelArray(surface), surface.map_rgb(colour)
    columns = [x for x in range(surface.width) if any(pixels[x, y] == wanted for y in range(surface.height))]
    return (columns[0] + columns[-1]) / 2


def test_the_stage_that_plays_is_large_and_the_chosen_one_ringed(panel: StagesPanel) -> None:
    _, second, last = stops(panel._slider, 3)
    surface = picture_of(panel)
    assert middle(surface, theme.RIGHT_PLAYER) == pytest.approx(last, abs=1)
    assert middle(surface, theme.FOCUS) == pytest.approx(last, abs=1)
    panel.earlier()
    surface = picture_of(panel)
    assert middle(surface, theme.RIGHT_PLAYER) == pytest.approx(last, abs=1)
    assert middle(surface, theme.FOCUS) == pytest.approx(second, abs=1)


def test_the_picture_is_kept_until_something_changes(panel: StagesPanel) -> None:
    picture_of(panel)
    kept = panel._picture
    picture_of(panel)
    assert panel._picture is kept
    panel.earlier()
    picture_of(panel)
    assert panel._picture is not kept
