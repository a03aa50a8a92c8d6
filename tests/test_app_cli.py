from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import av
import pytest

from agents.pong import FRAMES_PER_SECOND
from app.command.main import main
from app.game.match import Match
from app.play.film_formats import Mp4

COMMAND = [sys.executable, "-m", "volley"]
CHECKOUT = Path(__file__).parent.parent


def volley(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in a process of its own, without a display."""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "SDL_VIDEODRIVER")
    clean = {name: value for name, value in os.environ.items() if name not in hidden}
    return subprocess.run(
        [*COMMAND, *arguments], check=False, capture_output=True, text=True, cwd=CHECKOUT, env=clean | environment
    )


def mistake(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that these arguments lead to."""
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["swim"], "invalid choice: 'swim'"),
        (["--loud"], "--loud"),
        (["watch", "--games", "0"], "'0' is not a whole number of 1 or more"),
        (["watch", "--games", "many"], "'many'"),
        (["watch", "--seed", "-1"], "--seed"),
        (["watch", "--seed", str(2**31)], "not a whole number from 0 to"),
        (["watch", "no-such-model"], "'no-such-model' is neither a model's name nor a directory"),
        (["watch", "no-such-model", "--headless"], "'no-such-model'"),
        (["watch", "ppo", "--versus", "casul"], "or a script: tracker, predictor, casual"),
        (["play", "trackr"], "or cpu, the Atari CPU"),
        (["watch", "tracker"], "give a model, and --versus tracker for its opponent"),
        (["watch", "", "--headless"], "'' holds no model"),
        (["watch", "--versus", "", "--headless"], "'' holds no model"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in mistake(capsys, *arguments)


def test_a_broken_model_is_one_line(model_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (model_directory / "model.safetensors").write_bytes(b"nothing of the kind")
    assert "cannot load the model" in mistake(capsys, "watch", str(model_directory), "--headless")


@pytest.mark.parametrize("name", ["game.avi", "no-such-folder/game.mp4"])
def test_an_impossible_film_is_one_line(
    model_directory: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    film = str(tmp_path / name)
    assert "cannot record to" in mistake(capsys, "watch", str(model_directory), "--headless", "--record", film)


@pytest.fixture
def short_games(monkeypatch: pytest.MonkeyPatch) -> None:
    """Games that end after a few points."""
    monkeypatch.setattr("app.game.match.MAX_GAME_FRAMES", 600)


@pytest.mark.usefixtures("short_games")
def test_headless_json_is_one_object_that_adds_up(model_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", str(model_directory), "--headless", "--games", "2", "--json"]) == 0
    out, _ = capsys.readouterr()
    totals = json.loads(out)
    assert list(totals) == [
        "games",
        "points_left",
        "points_right",
        "games_left",
        "games_right",
        "frames",
        "seconds",
    ]
    # An untrained network loses every game.
    assert (totals["games"], totals["games_left"], totals["games_right"], totals["frames"]) == (2, 2, 0, 1200)
    assert 0 <= totals["points_right"] < totals["points_left"] <= 1200 / 60
    assert totals["seconds"] > 0


def test_headless_says_how_each_game_ended_and_plays_one(
    model_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", str(model_directory), "--headless"]) == 0
    out, _ = capsys.readouterr()
    assert out.startswith("game 1: Atari CPU 21 : ")
    assert out.endswith(" tiny\n")
    assert out.count("\n") == 1


@pytest.mark.usefixtures("short_games")
def test_the_same_seed_gives_the_same_games(model_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points = []
    for seed in ("3", "3", "4"):
        main(["watch", str(model_directory), "--headless", "--json", "--games", "3", "--seed", seed])
        totals = json.loads(capsys.readouterr().out)
        points.append((totals["points_left"], totals["points_right"]))
    assert points[0] == points[1] != points[2]


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends a process there, whatever the signal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "kill"])
def test_a_signal_to_end_is_quiet_and_keeps_the_film(
    model_directory: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    advance = Match.advance

    def interrupted(match: Match) -> None:
        advance(match)
        if match.frames == 6:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(Match, "advance", interrupted)
    film = tmp_path / "game.mp4"
    assert main(["watch", str(model_directory), "--headless", "--record", str(film)]) == 130
    assert capsys.readouterr() == ("", "")
    with av.open(film) as container:
        assert sum(1 for _ in container.decode(video=0)) == pytest.approx(6 * Mp4.rate / FRAMES_PER_SECOND, abs=1)


def test_a_film_shows_a_whole_game(model_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.game.match.MAX_GAME_FRAMES", 60)
    film = tmp_path / "game.mp4"
    assert main(["watch", str(model_directory), "--headless", "--json", "--record", str(film)]) == 0
    with av.open(film) as container:
        # Its 60 frames, and the 2.5 s of 59.92 Hz in which the result is shown.
        assert sum(1 for _ in container.decode(video=0)) == 60 + 150


def test_without_a_display_it_says_what_to_do(model_directory: Path) -> None:
    run = volley("watch", str(model_directory))
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.count("\n") == 1
    assert "no display" in run.stderr
    assert "volley watch --headless" in run.stderr


@pytest.mark.parametrize("words", [["train", "ppo", "--fro", "/a/model"], ["watch", "ppo", "--head"]])
def test_options_are_written_in_full(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What is published of a training's command is without paths by the names of its options."""
    assert main(words) == 2
    assert f"unrecognized arguments: {words[2]}" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--greedy"], ["--temperature", "2"], ["--reaction", "100"], ["--seed", "0"]])
def test_a_replay_plays_as_it_was(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "--replay", "game.volley", *option]) == 2
    assert "--replay shows a saved game as it was" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["cpu", "casual", "tracker"])
@pytest.mark.parametrize("option", [["--greedy"], ["--temperature", "2"], ["--reaction", "100"]])
def test_how_well_to_play_is_asked_only_of_who_can_play_otherwise(
    name: str, option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    if (name, option[0]) != ("tracker", "--reaction"):
        assert f"leave {'it' if option[0] == '--reaction' else 'them'} out for {name}" in mistake(
            capsys, "play", name, *option
        )


COMMANDS = (
    *("play", "watch", "train", "evaluate", "plot", "league", "rating"),
    *("models", "pull", "publish", "import", "doctor"),
)
HELP_PROGRAM = """
import sys
import volley
try:
    volley.main()
except SystemExit as end:
    assert end.code == 0
heavy = {"torch", "numpy", "pygame", "ale_py", "gymnasium", "huggingface_hub", "rich", "av"} & set(sys.modules)
assert not heavy, heavy
assert not [name for name in sys.modules if name.startswith("training.")]
"""


@pytest.mark.parametrize("words", [["--help"], *([command, "--help"] for command in COMMANDS)])
def test_help_has_an_example_and_loads_nothing_heavy(words: list[str]) -> None:
    run = subprocess.run(
        [sys.executable, "-c", HELP_PROGRAM, *words], check=False, capture_output=True, text=True, cwd=CHECKOUT
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert "Example:" in run.stdout
    assert " ".join(["volley", *words[:-1]]) in run.stdout


def test_the_help_lists_every_command() -> None:
    commands = volley("--help").stdout.partition("COMMAND\n")[2].splitlines()
    assert tuple(line.split()[0] for line in commands if line.startswith("    ") and line[4].strip()) == COMMANDS
