"""`from volley import …` and `python -m volley`, also beside folders named as Volley's packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import models
import volley
from models.errors import UserError
from models.policy import PongPolicy

CHECKOUT = Path(__file__).parent.parent
INSTALLED = Path(volley.__file__).parent
VERSION = f"volley {models.__version__}\n"
LOADS = "from volley import PongPolicy\nprint(PongPolicy.from_pretrained('ppo').spec.algorithm)\n"
IMPORTS = "from volley import UserError\nprint(UserError.__module__)\n"
"""Takes a tenth of the time of what loads a model."""
SCRIPT = "import sys\nfrom volley import main\nsys.exit(main())\n"
"""What the `volley` command that pip writes does."""
FOREIGN = "raise RuntimeError('this is not Volley')\n"


def python(folder: Path, *words: str, path: str = "") -> subprocess.CompletedProcess[str]:
    """Runs Python in `folder`, with `path` before Volley in PYTHONPATH."""
    search = os.pathsep.join([*filter(None, [path]), str(INSTALLED)])
    return subprocess.run(
        [sys.executable, *words],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": search},
    )


def script(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(text)
    return python(folder, "script.py")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with packages of the user's, under all names of Volley's, that complain once they are imported."""
    for name in ("agents", "app", "models", "training"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(FOREIGN)
    return tmp_path


def clash(run: subprocess.CompletedProcess[str], place: Path, package: str = "models") -> bool:
    """Whether a program ended with the one line about a clash with `place`."""
    last = run.stderr.splitlines()[-1]
    return (
        run.returncode == 1
        and last.startswith(f"ImportError: Volley's package {package!r} clashes with {place}: ")
        and "rename yours" in last
    )


def test_what_it_offers() -> None:
    assert volley.PongPolicy is PongPolicy
    assert volley.UserError is UserError
    assert volley.__version__ == models.__version__
    assert set(volley.__all__) <= set(dir(volley))
    with pytest.raises(AttributeError, match="'volley' has no attribute 'Pong'"):
        _ = volley.Pong


def test_without_the_optional_pettingzoo_all_else_can_be_imported(tmp_path: Path) -> None:
    text = """
import inspect, sys
sys.modules["pettingzoo"] = None
from volley import *
import volley
assert "CourtForTwo" not in dir(volley) and "CourtEnv" in dict(inspect.getmembers(volley))
try:
    volley.CourtForTwo
except ImportError as error:
    print(error)
"""
    run = script(tmp_path, text)
    assert (run.stdout, run.stderr) == ("CourtForTwo needs PettingZoo: pip install 'volley-pong[pettingzoo]'\n", "")


def test_to_import_it_costs_nothing(tmp_path: Path) -> None:
    run = script(tmp_path, "import sys, volley\nassert not {'torch', 'numpy', 'msgspec'} & set(sys.modules)\n")
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize("words", [("-m", "volley"), ("-P", "-m", "volley"), ("-c", SCRIPT), ("../bin/volley",)])
@pytest.mark.parametrize("path", ["", ".", os.pathsep, "FOLDER"])
def test_the_command_works_beside_packages_of_the_same_names(own: Path, words: tuple[str, ...], path: str) -> None:
    bin_folder, work = own / "bin", own / "work"
    bin_folder.mkdir()
    (bin_folder / "volley").write_text(SCRIPT)
    work.mkdir()
    for name in ("agents", "app", "models", "training"):
        (own / name).rename(work / name)
    run = python(work, *words, "--version", path=str(work) if path == "FOLDER" else path)
    assert (run.returncode, run.stdout, run.stderr) == (0, VERSION, "")


def test_the_command_reaches_all_of_volley_there(own: Path) -> None:
    run = python(own, "-m", "volley", "train", "--resume", "nowhere")
    assert run.returncode == 2
    assert run.stderr.startswith("volley: nowhere is not a run of 'volley train'")
    run = python(own, "-m", "volley", "watch", "nobody", "--headless")
    assert run.returncode == 2
    assert run.stderr.startswith("volley: 'nobody' is neither a model's name nor a directory")


@pytest.fixture
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Volley that prints only where a process that it spawns finds its packages."""
    folder = tmp_path_factory.mktemp("clone")
    for package in ("agents", "app", "app/command", "models", "training"):
        (folder / package).mkdir()
        (folder / package / "__init__.py").touch()
    shutil.copy(INSTALLED / "volley.py", folder)
    (folder / "training" / "place.py").write_text("def place():\n    return __file__\n")
    (folder / "app" / "command" / "main.py").write_text(
        "from multiprocessing import get_context\n"
        "from training.place import place\n"
        "def main():\n"
        "    with get_context('spawn').Pool(1) as pool:\n"
        "        print(pool.apply(place))\n"
    )
    return folder


@pytest.mark.timeout(60)  # a pool whose processes fail starts others for ever
@pytest.mark.parametrize("words", [("-m", "volley"), ("-c", SCRIPT)])
def test_what_it_spawns_is_of_the_same_volley(own: Path, clone: Path, words: tuple[str, ...]) -> None:
    """Of two Volleys, the one in the current folder; and beside packages of the same names."""
    here = python(clone, *words)
    assert (here.stdout, here.stderr) == (f"{clone / 'training' / 'place.py'}\n", "")
    beside = python(own, *words, path=os.pathsep.join([str(own), str(clone)]))
    assert (beside.stdout, beside.stderr) == (here.stdout, "")


@pytest.mark.parametrize("name", ["random.py", "torch.py", "msgspec.py", "models.py"])
def test_the_command_takes_no_module_from_the_current_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(FOREIGN)
    run = python(tmp_path, "-m", "volley", "watch", "nobody", "--headless")
    assert run.returncode == 2
    assert run.stderr.startswith("volley: 'nobody' is neither")


@pytest.mark.parametrize("text", [LOADS, f"{LOADS}import models\n", f"import models\n{LOADS}"])
@pytest.mark.parametrize("name", ["models/__init__.py", "models.py", "models/mine.py"])
def test_a_clash_is_told_in_a_line(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / name).write_text("mine = True\n")
    assert clash(script(tmp_path, text), tmp_path / name.removesuffix("/__init__.py").removesuffix("/mine.py"))


@pytest.mark.parametrize("words", [("-c", LOADS), ("-P", "-c", LOADS)])
def test_a_clash_on_pythonpath(own: Path, tmp_path_factory: pytest.TempPathFactory, words: tuple[str, ...]) -> None:
    assert clash(python(tmp_path_factory.mktemp("elsewhere"), *words, path=str(own)), own / "models")


@pytest.mark.parametrize("package", ["agents", "training"])
def test_a_clash_with_what_the_environments_need(tmp_path: Path, package: str) -> None:
    (tmp_path / f"{package}.py").write_text("mine = True\n")
    place = tmp_path / f"{package}.py"
    assert clash(script(tmp_path, "from volley import CourtEnv\n"), place, package)
    assert script(tmp_path, IMPORTS).returncode == 0


def test_a_clash_is_an_import_error_that_can_be_caught(own: Path) -> None:
    caught = "try:\n    from volley import PongPolicy\nexcept ImportError as error:\n    print(error.name)\n"
    (own / "models" / "__init__.py").write_text("mine = True\n")
    run = script(own, f"{caught}from models import mine\nprint(mine)\n")
    assert (run.stdout, run.stderr) == ("models\nTrue\n", "")


def test_a_folder_without_modules_is_no_clash(tmp_path: Path) -> None:
    (tmp_path / "models" / "mine").mkdir(parents=True)
    (tmp_path / "models" / "mine.safetensors").write_bytes(b"weights")
    (tmp_path / "models" / "mine" / "convert.py").write_text(FOREIGN)
    run = script(tmp_path, IMPORTS)
    assert (run.stdout, run.stderr) == ("models.errors\n", "")


def test_the_other_names_are_the_users(own: Path) -> None:
    (own / "models" / "__init__.py").unlink()
    for name in ("agents", "app", "training"):
        (own / name / "__init__.py").write_text("mine = True\n")
    run = script(own, f"{LOADS}import agents, app, training\nprint(agents.mine, app.mine, training.mine)\n")
    assert (run.stdout, run.stderr) == ("ppo\nTrue True True\n", "")


def test_from_volleys_own_folder() -> None:
    run = python(CHECKOUT, "-c", IMPORTS)
    assert (run.stdout, run.stderr) == ("models.errors\n", "")
