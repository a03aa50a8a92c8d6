"""docs/course.md: its commands run, and its figures say where they come from. So do the lessons' commands."""

from __future__ import annotations

import math
import re
import shlex
from pathlib import Path

import pytest

from app.command.main import main
from app.learn.lesson import Lesson
from app.learn.lessons import lessons
from training.run import Progress, RunDirectory

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "course.md"


def commands() -> list[str]:
    """Those of the page, without what stands behind a # and without those on a run of one's own; then the lessons'."""
    page = [line.strip().partition("  #")[0].strip() for line in PAGE.read_text().split("\n") if line[:4] == " " * 4]
    found = [*page, *(lesson.command for lesson in lessons())]
    return list(dict.fromkeys(line for line in found if line.startswith("volley") and "RUN" not in line))


def made_short(words: list[str]) -> list[str]:
    """A training of one update, or an evaluation of one game."""
    option = {"train": "--steps", "evaluate": "--episodes"}[words[0]]
    if option in words:
        place = words.index(option)
        words = words[:place] + words[place + 2 :]
    return [*words, option, "1"]


@pytest.mark.parametrize("command", [line for line in commands() if " train " in line or " evaluate " in line])
def test_commands_run(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = made_short(shlex.split(command)[1:])
    monkeypatch.setattr("training.loop.keep_best", lambda *_: math.nan)
    if words[0] == "train":
        words += ["--run", str(tmp_path / "run")]
        if "--env" not in words:  # Pong, which takes a while: other tests train on it.
            monkeypatch.setattr("training.launch.train", lambda *_, **__: Progress(steps=1))
    assert main(words) == 0, capsys.readouterr().err
    if words[0] == "train":
        settings = RunDirectory.open(tmp_path / "run").settings
        assert (settings.model.algorithm, settings.steps) == (words[1], 1)


def variants(lesson: Lesson) -> list[str]:
    """The lesson's command for each value of each choice."""
    found = []
    for choice in lesson.choices:
        for _ in choice.values:
            found.append(lesson.command)
            choice.cycle()
    return list(dict.fromkeys(found))


def test_a_lessons_command_is_right_whatever_is_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.launch.train", lambda *_, **__: Progress(steps=1))
    commands = [command for lesson in lessons() for command in variants(lesson)]
    assert len(commands) > 35
    for number, command in enumerate(commands):
        words = shlex.split(command)[1:]
        assert words[0] in {"train", "watch"}
        if words[0] == "train":
            assert main([*words, "--steps", "1", "--run", str(tmp_path / str(number))]) == 0, command


def test_there_are_commands_to_run() -> None:
    assert len(commands()) > 12
    assert {line.split()[1] for line in commands()} == {"train", "evaluate", "watch"}


def numbers(text: str) -> list[tuple[float, int]]:
    """Numbers that stand alone or before an M, for a million, in what they count, without sign; and their decimals."""
    unsigned = re.sub("(?<!\\w)[-\N{MINUS SIGN}](?=\\d)", "", text)
    found = re.findall(r"(?<![\w.-])(\d[\d,]*)(\.\d+)?(M)?(?![\w])", unsigned)
    return [
        (float(whole.replace(",", "") + part) * (1e6 if million else 1), len(part) - 1 if part else 0)
        for whole, part, million in found
    ]


def tables() -> list[tuple[str, list[str]]]:
    """The results that the page names, each with the rows of the table that follows before the next heading."""
    found = []
    for part in PAGE.read_text().split("\n#"):
        for name, rest in re.findall(r"`python\s+benchmarks/(\w+)\.py`(.*)", part, re.DOTALL):
            rows = [line for line in rest.split("\n\n![")[0].split("\n") if line.startswith("|")]
            found.append((name, rows[2:]))
    return found


def test_benchmarks_say_where_their_figures_are() -> None:
    benchmarks = re.findall(r"`python\s+benchmarks/(\w+)\.py`(.{0,60})", PAGE.read_text())
    assert len(benchmarks) >= 6
    for name, after in benchmarks:
        link = re.match(r", \[figures\]\(([^)]+)\)", after)
        assert link is not None, name
        assert (DOCS / link[1]).exists(), name
        assert Path(link[1]).stem == name


@pytest.mark.parametrize(("name", "rows"), [table for table in tables() if table[1]], ids=lambda value: str(value)[:10])
def test_the_figures_of_a_table_are_in_its_file(name: str, rows: list[str]) -> None:
    (file,) = (DOCS.parent / "benchmarks" / "results").glob(f"{name}.*")
    known = [value for value, _ in numbers(file.read_text())]
    for row in rows:
        for value, decimals in numbers(row.partition("|")[2].partition("|")[2]):
            assert any(
                abs(value - each) <= 0.5001 * 10**-decimals or (value >= 1e4 and abs(value / each - 1) < 0.03)
                for each in known
                if each
            ), (value, row)


def test_the_page_names_every_lesson_and_its_code() -> None:
    text = PAGE.read_text()
    for lesson in lessons():
        assert f"| {lesson.title} |" in text
    named = re.findall(r"`(training/lessons/\w+\.py)`", text)
    assert len(set(named)) == len(lessons()) - 1, "the training beside the window has none"
    assert all((DOCS.parent / name).exists() for name in named)
