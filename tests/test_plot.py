"""Learning curves: which runs are one, what is drawn of them, and how mistakes are told. All numbers are by hand."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import cv2
import msgspec
import numpy as np
import pytest
from rich.console import Console

from app.command.main import main
from models.spec import ModelSpec, encode
from training import plot, terminal_plot
from training.curves import Curve, caption, curves_of, read_run, summary
from training.environments import FAST_ACTIONS
from training.ppo import PpoSettings
from training.settings import TrainingSettings

Points = list[tuple[float, float, float | None]]
"""Agent steps, seconds, mean return."""
MakeRun = Callable[..., str]

RISING: Points = [(0, 0, -21), (1000, 60, -1), (2000, 120, 19)]


@pytest.fixture
def make_run(tmp_path: Path, spec: ModelSpec) -> MakeRun:
    """Writes a run; gives its path."""

    def make(name: str, points: Points = RISING, *, tail: str = "", **changes: Any) -> str:
        run = tmp_path / name
        run.mkdir()
        settings = msgspec.structs.replace(TrainingSettings(model=spec), **changes)
        (run / "config.json").write_bytes(encode(settings))
        (run / "provenance.json").write_text("{}")
        lines = [
            {"steps": steps, "updates": 1, "games": 0, "seconds": seconds, "entropy": 0.5, "mean_return": score}
            for steps, seconds, score in points
        ]
        (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + tail)
        return str(run)

    return make


def curves(*names: str, metric: str = "mean_return") -> list[Curve]:
    return curves_of([read_run(name) for name in names], metric)


def test_runs_that_differ_only_in_their_seeds_are_one_curve(make_run: MakeRun) -> None:
    names = [
        make_run("a", seed=0),
        make_run("other", seed=0, algorithm=PpoSettings(clip_epsilon=None)),
        make_run("b", seed=1),
        make_run("c", seed=2),
    ]
    one, other = curves(*names)
    assert [run.seed for run in one.runs] == [0, 1, 2]
    assert (one.title, other.title) == ("ppo (3 seeds)", "ppo, no clip epsilon")


def test_a_seed_that_was_run_twice_makes_two_curves(make_run: MakeRun) -> None:
    first, second = make_run("first"), make_run("second")
    assert [curve.label for curve in curves(first, second)] == [f"ppo in {first}", f"ppo in {second}"]


def test_labels_tell_what_sets_a_run_apart_from_most(make_run: MakeRun) -> None:
    changed = (PpoSettings(), PpoSettings(epochs=1), PpoSettings(gamma=0.5))
    names = [make_run(f"run-{place}", algorithm=settings) for place, settings in enumerate(changed)]
    names.append(make_run("all-else", steps=7, num_envs=3, rollout_length=2, sticky=0.5))
    assert [curve.label for curve in curves(*names)] == ["ppo", "ppo, epochs 1", "ppo, gamma 0.5", "ppo, all-else"]


def test_seeds_are_summed_up_between_points_as_far_as_all_go(make_run: MakeRun) -> None:
    """At 100: (0 + 20) / 2. At 150 the first is halfway from 0 to 10, the second still at 20. At 200: (10 + 20) / 2.

    Two seeds are too few for an interval: the band holds both.
    """
    first = make_run("a", [(0, 0, -10), (100, 60, 0), (200, 120, 10)], seed=0)
    second = make_run("b", [(100, 30, 20), (150, 60, 20), (300, 90, 20)], seed=1)
    (curve,) = curves(first, second)
    steps = curve.series["steps"]
    assert steps.at.tolist() == [100, 150, 200]
    assert steps.middle.tolist() == [10, 12.5, 15]
    assert steps.low.tolist() == [0, 5, 10]
    assert steps.high.tolist() == [20, 20, 20]
    # After 30 s, half a minute, the first is halfway from -10 to 0; the second ends after a minute and a half.
    minutes = curve.series["minutes"]
    assert minutes.at.tolist() == [0.5, 1, 1.5]
    assert minutes.low.tolist() == [-5, 0, 5]
    figures = summary(curve)
    assert (figures["last"], figures["last_ci95"], figures["last_range"]) == (15, None, [10, 20])
    assert (figures["highest"], figures["steps"], figures["minutes"]) == (15, 200, 1.5)


def test_one_seed_that_failed_hardly_moves_the_middle_of_five(make_run: MakeRun) -> None:
    """Without the lowest and the highest: (12 + 13 + 17) / 3. The interval is that of all 5^5 equally likely draws."""
    returns = (17, -20, 21, 12, 13)
    names = [make_run(f"run-{seed}", [(0, 0, value), (9, 1, value)], seed=seed) for seed, value in enumerate(returns)]
    (curve,) = curves(*names)
    steps = curve.series["steps"]
    assert steps.middle.tolist() == [14, 14]
    draws = [sum(sorted(drawn)[1:4]) / 3 for drawn in itertools.product(returns, repeat=5)]
    low, high = np.percentile(draws, (2.5, 97.5))
    assert steps.low == pytest.approx(low, abs=1.5)
    assert steps.high == pytest.approx(high, abs=0.5)


def test_the_caption_says_what_the_band_is(make_run: MakeRun) -> None:
    two = curves(*(make_run(f"two-{seed}", seed=seed) for seed in range(2)))
    five = curves(*(make_run(f"five-{seed}", seed=seed, algorithm=PpoSettings(epochs=1)) for seed in range(5)))
    said = [caption(some, "mean_return").partition("seeds, ")[2] for some in (two, five, [*two, *five])]
    assert said == [
        "lowest to highest seed",
        "95% interval",
        "lowest to highest seed, 95% interval from 5 seeds on",
    ]
    assert (summary(five[0])["last_ci95"], summary(five[0])["last_range"]) == ([19, 19], None)


def test_lines_that_are_none_are_passed_over(make_run: MakeRun) -> None:
    tail = '\n{"steps": "many"}\n{"mean_return": 3}\n[1]\nnull\n\x00\n{"steps": 3000, "seconds": 180, "mean_ret'
    name = make_run("run", [(0, 0, None), *RISING[1:]], tail=tail)
    with Path(name, "metrics.jsonl").open("ab") as file:
        file.write(b'\n"\xff"\n')
    (curve,) = curves(name)
    assert curve.series["steps"].middle.tolist() == [-1, 19]


def test_a_bundled_model_has_its_curve() -> None:
    (curve,) = curves("ppo")
    assert curve.label == "ppo"
    assert curve.series["steps"].at[-1] == 6002688  # the last line of its learning_curve.csv
    assert curve.series["minutes"].middle.tolist() == curve.series["steps"].middle.tolist()


def test_a_broken_learning_curve_is_read_as_far_as_it_goes(model_directory: Path) -> None:
    text = "steps,seconds,mean_return\n10,60,-20\n20,x,-19\n\n30,180,nan\n40,240,-18,9\n50,300,-17\n60,36"
    (model_directory / "learning_curve.csv").write_text(text)
    (curve,) = curves(str(model_directory))
    assert curve.series["minutes"].at.tolist() == [1, 5]


def test_a_searchs_curve_is_of_populations(make_run: MakeRun) -> None:
    searched = make_run("searched", model=ModelSpec(algorithm="evolution-strategies", actions=FAST_ACTIONS))
    assert caption(curves(searched), "mean_return") == "mean return of a population's games"
    assert caption(curves(make_run("trained")), "mean_return") == "mean return of the last 100 training games"


def test_mistakes_are_one_line(make_run: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole, empty, unmeasured = make_run("whole"), make_run("empty", []), make_run("unmeasured", [(1, 1, None)])
    early, late = make_run("early", RISING[:1], seed=8, steps=9), make_run("late", RISING[2:], seed=9, steps=9)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "metrics.jsonl").write_text("{}")
    odd = make_run("odd")
    Path(odd, "config.json").write_text('{"model": []}')
    for words, told in (
        ([], "RUN"),
        (["nowhere"], "known models: champion, ppo"),
        ([str(foreign)], "not a run of 'volley train'"),
        ([odd], "neither a run's nor a model's"),
        ([empty], "no learning curve yet"),
        ([unmeasured], "no mean_return yet"),
        ([early, late], "ends before another"),
        ([whole, "--metric", "score"], "it has: updates, games, entropy, mean_return"),
        ([whole, "--x", "days"], "invalid choice"),
        ([whole, "--out", "curve.jpg"], ".png or .svg"),
        ([whole, "--title", "Mine"], "add --out FILE"),
        ([whole, "--out", str(tmp_path / "no" / "curve.png")], "cannot write"),
    ):
        assert main(["plot", *words]) == 2
        out, error = capsys.readouterr()
        assert told in error
        assert error.count("\n") == 1
        assert not out


def test_json_is_one_object(make_run: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run("run", seed=4)
    assert main(["plot", run, run, "ppo", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["metric"] == "mean_return"
    mine, bundled = result["curves"]
    assert mine == {
        "label": f"ppo in {run}", "algorithm": "ppo", "environment": "ALE/Pong-v5", "runs": [run], "seeds": [4],
        "last": 19, "last_ci95": None, "last_range": [19, 19], "highest": 19, "steps": 2000, "minutes": 2,
    }  # fmt: skip
    assert (bundled["label"], bundled["seeds"]) == ("ppo", [None])


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_the_terminals_curves_keep_within_it(make_run: MakeRun, width: int) -> None:
    found = curves(make_run("a"), make_run("b", seed=1), make_run("c", steps=9, seed=2), "ppo")
    console = Console(width=width, file=io.StringIO())
    console.print(terminal_plot.draw(found, "mean_return", "steps", width=width))
    assert isinstance(console.file, io.StringIO)
    assert all(len(line) <= width for line in console.file.getvalue().splitlines())


def test_the_terminals_curve_rises_from_corner_to_corner(make_run: MakeRun) -> None:
    points: Points = [(0, 0, -21), (1000, 60, 21)]
    text = terminal_plot.draw(curves(make_run("run", points)), "mean_return", "minutes", width=80).plain
    heading, *chart, axis, figures = text.splitlines()
    assert heading == "ppo"
    assert len(chart) == terminal_plot.CHART_ROWS
    assert chart[0].startswith(" 21  ")
    # Braille's dots are bits: 0x08 the upper right one, 0x40 the lower left one.
    assert ord(chart[0][-1]) & 0x08
    assert ord(chart[-1][4]) & 0x40
    assert axis.split() == ["0", "1.0", "min"]
    assert figures == "last 21, highest 21, 1,000 steps, 1.0 min"


def test_without_braille_there_are_figures_in_ascii() -> None:
    assert terminal_plot.draw(curves("ppo"), "mean_return", "steps", width=80, braille=False).plain.isascii()


def pixels_near(picture: np.ndarray[Any, Any], colour: str) -> int:
    wanted = np.array([int(colour[place : place + 2], 16) for place in (5, 3, 1)])  # OpenCV's order: blue first
    return int((np.abs(picture[..., :3].astype(int) - wanted).max(axis=-1) <= 2).sum())


@pytest.mark.parametrize(("words", "panels"), [([], 2), (["--x", "minutes"], 1)])
def test_a_png_shows_each_curve(make_run: MakeRun, tmp_path: Path, words: list[str], panels: int) -> None:
    seeds = [make_run("a", seed=0), make_run("b", [(0, 0, -21), (2000, 110, 5)], seed=1)]
    out = tmp_path / "curve.png"
    assert main(["plot", "ppo", *seeds, "--out", str(out), *words]) == 0
    picture = cv2.imread(str(out))
    assert picture is not None
    height, width, _ = picture.shape
    assert width == 1600
    assert height >= 800
    # A line that goes through the panels is at least as long as they are high, and 3 pixels thick.
    for colour in plot.COLOURS[:2]:
        assert pixels_near(picture, colour) > 1000
    assert pixels_near(picture, plot.COLOURS[2]) < 50
    assert pixels_near(picture, plot.PANEL) + pixels_near(picture, plot.BACKGROUND) > picture[..., 0].size / 2
    # Between two panels, a column of the background goes from the axes' top to their bottom.
    middle = picture[200:600, 780:860].astype(int)
    background = (np.abs(middle - np.array([0x0E, 0x10, 0x12])).max(axis=-1) <= 2).all(axis=0)
    assert background.any() == (panels == 2)


def test_an_svg_is_the_same_each_time_and_shows_each_curve(make_run: MakeRun, tmp_path: Path) -> None:
    found = curves("ppo", make_run("a", seed=0), make_run("b", seed=1))
    files = [tmp_path / "one.svg", tmp_path / "two.SVG"]
    for file in files:
        plot.draw(found, "mean_return", file, title="By hand")
    assert files[0].read_bytes() == files[1].read_bytes()
    root = ET.fromstring(files[0].read_text())  # noqa: S314 - it is our own
    assert root.attrib["width"].startswith("576")  # 8 inches of 72 points
    text = files[0].read_text().lower()
    for colour in plot.COLOURS[:2]:
        assert f"stroke: {colour.lower()}" in text
    assert "by hand" in text
    assert "2 seeds" in text


def test_each_curve_gets_its_label_where_there_is_room_and_else_a_legend(make_run: MakeRun, tmp_path: Path) -> None:
    """Curves that end apart need no legend; five that end at the same place do, and the picture grows by it."""
    apart = [make_run(f"apart-{end}", [(0, 0, -20), (100, 60, end)], steps=end + 100) for end in (-15, 0, 15)]
    alike = [make_run(f"alike-{end}", [(0, 0, -20), (100, 60, end / 10)], steps=end + 100) for end in range(5)]
    heights = []
    for name, runs in (("apart", apart), ("alike", alike)):
        plot.draw(curves(*runs), "mean_return", tmp_path / f"{name}.png")
        picture = cv2.imread(str(tmp_path / f"{name}.png"))
        assert picture is not None
        heights.append(picture.shape[0])
    assert heights[0] == 800 < heights[1]


@pytest.mark.parametrize("colour", plot.COLOURS)
def test_labels_stand_out_from_the_ground(colour: str) -> None:
    """The contrast of the Web Content Accessibility Guidelines 2.1: at least 4.5 : 1 for text."""

    def luminance(hexadecimal: str) -> float:
        parts = np.array([int(hexadecimal[place : place + 2], 16) for place in (1, 3, 5)]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    assert (luminance(colour) + 0.05) / (luminance(plot.PANEL) + 0.05) >= 4.5


def test_other_commands_do_not_pay_for_pictures() -> None:
    code = "import sys; from training import plot, terminal_plot"
    code += "; sys.exit(any(name in sys.modules for name in ('matplotlib', 'torch')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_folders_name_does_nothing_to_the_terminal(make_run: MakeRun) -> None:
    (curve,) = curves_of([read_run(make_run("one"))], "mean_return")
    named = dataclasses.replace(curve, label="run\x1b]0;owned\x07")
    shown = terminal_plot.draw([named], "mean_return", "steps", width=80).plain
    assert shown.startswith("run ]0;owned \n")
