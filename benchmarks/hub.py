"""How long it takes to publish, pull and load the bundled `ppo`: `python benchmarks/hub.py`.

Uses the tests' Hub on this machine, so there is no network delay. It publishes the model with a card, but without the
film and the fresh evaluation that `volley publish` makes first. Prints one JSON object with seconds, medians of
`ROUNDS`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import torch
from local_hub import LocalHub

from models import card, catalog, checkpoint, store
from models.files import CARD_FILE
from models.hub import publishing, reading

ROUNDS = 5
REPOSITORY = "tester/ppo-pong"


def seconds(act: Callable[[], object]) -> float:
    """How long `act` takes."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def measure(folder: Path, home: Path) -> dict[str, float]:
    """One round, on an empty Hub."""
    with LocalHub(home) as local, local.in_this_process():
        published = seconds(lambda: publishing.publish(folder, REPOSITORY))
        again = seconds(lambda: publishing.publish(folder, REPOSITORY))
        pulled = seconds(lambda: reading.pull(REPOSITORY))
        loaded = seconds(lambda: checkpoint.load(store.find(REPOSITORY)))
    return {"publish": published, "publish_unchanged": again, "pull": pulled, "load": loaded}


def main() -> None:
    """Measures and prints."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    torch.set_num_threads(1)
    rounds = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as place:
            os.environ["VOLLEY_DATA"] = place
            folder = Path(place) / "staged"
            shutil.copytree(catalog.PRETRAINED / "ppo", folder, ignore=shutil.ignore_patterns("stages"))
            (folder / CARD_FILE).write_text(card.card(folder, REPOSITORY))
            rounds.append(measure(folder, Path(place) / "home"))
    print(json.dumps({name: round(statistics.median(each[name] for each in rounds), 4) for name in rounds[0]}))


if __name__ == "__main__":
    main()
