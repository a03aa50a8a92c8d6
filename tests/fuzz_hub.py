"""A Hub that answers nonsense, for `fuzz.py`: the real client asks it, over the network of this machine."""

from __future__ import annotations

import atexit
import json
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from email.message import Message
from pathlib import Path
from typing import Any, TypeAlias

from fuzz_models import tiny_model
from hub_answers import Fault, Reply
from local_hub import LocalHub
from mutations import MORE_EXTREMES, TEXT_MUTATIONS, Outcome, Trial, change, is_a_line, judged

from app.hub import remote
from app.hub.local import Entry, Section
from models import store
from models.files import CARD_FILE, CONFIG_FILE, CURVE_FILE, RESULTS_FILE, WEIGHTS_FILE
from models.hub import publishing, reading
from models.hub.reading import SearchResult

REPOSITORY, MINE = "ada/pong", "tester/pong"
CARD = """---
library_name: volley
tags: [reinforcement-learning, volley]
pipeline_tag: reinforcement-learning
model-index:
- name: ppo
  results:
  - task: {type: reinforcement-learning, name: rl}
    dataset: {name: ALE/Pong-v5, type: ALE/Pong-v5}
    metrics: [{type: mean_reward, value: 7.50 +/- 3.25, name: mean_reward, verified: false}]
---
# A card
"""
LONGEST_WAIT = 60
"""Seconds that Volley may let a user wait in silence because the Hub says so."""
MOST_REQUESTS = 400

VALUES: tuple[Any, ...] = (
    *MORE_EXTREMES,
    *("../../../outside", "/outside", "a/../../outside", "model.safetensors/x", "..\\outside", "CON", ".git/config"),
    *("0" * 40, "1" * 64, "main", "2026-11-26T00:00:00.000Z", "yesterday", "http://[::1", "file:///etc/passwd"),
    *([{"rfilename": "config.json", "size": "1"}], {"sha256": 3, "size": -5, "pointerSize": None}, -5, True),
)
STATUSES = (200, 201, 204, 206, 300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 409, 410, 412, 416, 418, 422)
SERVER_STATUSES = (429, 451, 500, 501, 502, 503, 504, 520, 599)
HEADERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Location",
        ("", "/", "?", "x", "//", "http://[", "file:///etc/passwd", "ftp://127.0.0.1/", "http://127.0.0.1:1/", "\xff"),
    ),
    ("Link", ('<{here}>; rel="next"', '<>; rel="next"', "<<<", '<file:///x>; rel="next"', '<http://[>; rel="next"')),
    ("Retry-After", ("0", "-1", "99999999", "x", "1e9", "9" * 400, "Fri, 31 Dec 2999 23:59:59 GMT")),
    ("RateLimit", ('"api";r=0;t=99999999', '"api";r=0;t=-5', "x", '"api";r=x;t=y')),
    ("RateLimit-Policy", ('"fixed window";"api";q=500;w=300', "x")),
    ("Content-Length", ("0", "1", "5", "99999999999", "-1", "x")),
    ("Content-Encoding", ("gzip", "br", "zstd", "identity", "x", "deflate")),
    ("Content-Type", ("text/html", "application/json; charset=x", "application/json; charset=utf-16", "")),
    ("X-Error-Code", ("RepoNotFound", "GatedRepo", "EntryNotFound", "RevisionNotFound", "DisabledRepo", "x\x1b[31m")),
    ("X-Error-Message", ("\x1b[31mred", "a" * 9000, "", "Invalid username or password.")),
    ("X-Request-Id", ("\x1b[2J", "a" * 9000)),
    ("X-Repo-Commit", ("", "../../outside", "0" * 40, "x" * 500, "\x1b[31m")),
    ("ETag", ("", '"../../../../outside"', 'W/"x"', '"' + "a" * 400 + '"', '"/outside"', "\x1b[31m")),
    ("X-Linked-Etag", ('"../../../../outside"', "", '"x"')),
    ("X-Linked-Size", ("-1", "x", "99999999999", "1e3", "")),
    ("Content-Range", ("bytes 0-0/1", "x", "bytes */0", "bytes 5-1/-3")),
    ("X-Xet-Hash", ("x", "0" * 64)),
    ("Set-Cookie", ("a=b; Domain=\x1b", "=" * 100)),
    ("Warning", ("\x1b[31m",)),
)

Spoiler: TypeAlias = Callable[[Reply, random.Random, str], Reply]


def spoil_json(reply: Reply, chance: random.Random, _here: str) -> Reply:
    """A value of the answer is another one."""
    document = json.loads(reply.body)
    change(document, chance, VALUES)
    return Reply(json.dumps(document).encode(), reply.status, reply.headers)


def spoil_body(reply: Reply, chance: random.Random, _here: str) -> Reply:
    """The answer's bytes are others."""
    part = {"body": reply.body or b"x"}
    with suppress(Exception):
        chance.choice(TEXT_MUTATIONS)(part, chance)
    return Reply(part["body"], reply.status, reply.headers)


def spoil_status(reply: Reply, chance: random.Random, here: str) -> Reply:
    """The answer says that something else has happened."""
    status = chance.choice((*STATUSES, *SERVER_STATUSES))
    redirected = {"Location": chance.choice((here, "/", "http://127.0.0.1:1/x"))} if 300 <= status < 400 else {}
    told = spoil_headers(reply, chance, here).headers if chance.random() < 0.5 else reply.headers
    return Reply(reply.body, status, {**told, **redirected})


def spoil_headers(reply: Reply, chance: random.Random, here: str) -> Reply:
    """A header says something else, is new, or is gone."""
    headers = dict(reply.headers)
    for _ in range(chance.choice((1, 1, 2))):
        name, values = chance.choice(HEADERS)
        headers[name] = chance.choice(values).replace("{here}", here)
    if chance.random() < 0.3:
        del headers[chance.choice(sorted(headers))]
    return Reply(reply.body, reply.status, headers)


def spoil_end(reply: Reply, chance: random.Random, _here: str) -> Reply:
    """The connection ends before the answer does."""
    length = str(len(reply.body) + chance.choice((1, 1000)))
    return Reply(
        reply.body[: chance.randrange(len(reply.body) + 1)], reply.status, {**reply.headers, "Content-Length": length}
    )


SPOILERS: tuple[Spoiler, ...] = (*[spoil_json] * 4, spoil_body, spoil_status, spoil_headers, spoil_headers, spoil_end)


class WickedHub(LocalHub):
    """Spoils the answers to some requests of each trial."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.chance = random.Random(0)  # noqa: S311 - to repeat a case
        self.spoiled = 0
        """The request whose answer is spoiled, and with `stubborn` all after it."""
        self.stubborn = False
        self.spoiler: Spoiler = spoil_json
        self.asked = 0

    def receive(self, method: str, target: str, headers: Message, body: bytes) -> tuple[Reply, Fault | None]:
        reply, fault = super().receive(method, target, headers, body)
        with self._lock:
            self.asked += 1
            if self.asked == self.spoiled or (self.stubborn and self.asked > self.spoiled):
                with suppress(Exception):
                    reply = self.spoiler(reply, self.chance, f"{self.url}{target}")
                # What is left of an answer must not be taken for the next one's.
                reply = Reply(reply.body, reply.status, {**reply.headers, "Connection": "close"})
        return reply, fault

    def begin(self, chance: random.Random, requests: int) -> str:
        """The next trial, of about so many requests; returns what will be spoiled."""
        self.heal()
        self.requests.clear()
        self.waits.clear()
        self.chance, self.asked, self.stubborn = chance, 0, chance.random() < 0.4
        self.spoiled, self.spoiler = chance.randint(1, requests), chance.choice(SPOILERS)
        return f"{self.spoiler.__name__} from request {self.spoiled}"

    def handle_error(self, *_: object) -> None:
        """Nothing: some spoiled answers cannot even be sent."""


def drawable(*texts: str) -> Iterator[str]:
    """What of these cannot be shown."""
    yield from (f"cannot be shown: {text!r}"[:300] for text in texts if text and not is_a_line(text))


def searched() -> Iterator[str]:
    found = remote.search("pong")
    if len(found) > reading.MAX_RESULTS:
        yield "more than asked for"
    for entry in found:
        assert entry.found is not None
        facts = remote.details_from_search(entry.found).facts
        yield from drawable(entry.name, entry.about, *(text for fact in facts for text in fact))
        if not store.parse_repository(entry.repository):
            yield f"a name that is none: {entry.repository!r}"


def examined() -> Iterator[str]:
    found = SearchResult(REPOSITORY, "ppo", "", None, private=False)
    details = remote.examine(Entry(Section.HUB, REPOSITORY, REPOSITORY, found=found))
    card = (text for line in details.card for text in ([line] if isinstance(line, str) else line))
    yield from drawable(*(text for fact in details.facts for text in fact), *card, details.note)


def looked_back() -> Iterator[str]:
    for commit in remote.history(REPOSITORY):
        yield from drawable(commit.title)
        if not store.COMMIT.fullmatch(commit.id):
            yield f"a commit that is none: {commit.id!r}"
        if commit.date is not None:
            commit.date.astimezone()


def logged_in() -> Iterator[str]:
    publishing.check_login(MINE)
    yield from drawable(publishing.user())


def answers(workplace: Path) -> Trial:
    """The trials of all that Volley asks the Hub."""
    warnings.simplefilter("ignore")
    hub = WickedHub(workplace / "huggingface")
    stack = ExitStack()
    stack.enter_context(hub)
    stack.enter_context(hub.in_this_process())
    atexit.register(stack.close)
    tiny_model(workplace / "model")
    folder = workplace / "model"
    (folder / CARD_FILE).write_text(CARD)
    (folder / CURVE_FILE).write_text("steps,seconds,mean_return\n10,1,-20\n")
    (folder / RESULTS_FILE).write_text("{}")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    commits = [hub.commit(REPOSITORY, files, f"upload {number}") for number in range(3)]
    hub.tag(REPOSITORY, "v1", commits[0])
    outside = {path.name for path in workplace.iterdir()} | {"data"}

    def pulled() -> Iterator[str]:
        stored = reading.pull(REPOSITORY, hub.chance.choice((None, "v1", commits[1])), force=True)
        store.verify(stored.directory)
        found = {path.name: path.read_bytes() for path in stored.directory.iterdir() if path.name != store.RECORD_FILE}
        if found != {name: files[name] for name in found} or not {CONFIG_FILE, WEIGHTS_FILE} <= found.keys():
            yield "other files than the Hub's"
        if stored.download.commit not in commits:
            yield f"a commit that is not there: {stored.download.commit}"

    def published() -> Iterator[str]:
        hub.repositories.pop(MINE, None)
        hub.large.clear()
        done = publishing.publish(folder, MINE, delete_patterns=["*.json"])
        head = hub.repositories[MINE].commits[-1]
        there = {name: head.files[name].content for name in files if name in head.files}
        # The client leaves out what the Hub tells it to leave out.
        if not there.items() <= files.items() or (there != files and hub.spoiler is not spoil_json):
            yield "it says that it has published what it has not"
        yield from drawable(done.commit, done.url, done.commit_url, *done.uploaded)

    actions: tuple[tuple[Callable[[], Iterator[str]], int], ...] = (
        *((searched, 1), (searched, 1), (examined, 9), (examined, 1), (pulled, 13), (pulled, 1), (pulled, 5)),
        *((looked_back, 1), (logged_in, 1), (published, 9), (published, 4)),
    )

    def trial(chance: random.Random) -> Outcome:
        action, requests = chance.choice(actions)
        spoiled = f"{action.__name__}, {hub.begin(chance, requests)}"
        word, problem = judged(action)
        left = [path for path in (workplace / "data").rglob("*") if path.name.startswith(".unfinished")]
        strange = {path.name for path in workplace.iterdir()} - outside
        if not problem and (left or strange):
            problem = f"left behind: {left or strange}"
        if not problem and max(hub.waits, default=0) > LONGEST_WAIT:
            problem = f"waits {max(hub.waits):,.0f} seconds"
        if not problem and hub.asked > MOST_REQUESTS:
            problem = f"asks {hub.asked} times"
        return Outcome(spoiled, word, problem)

    return trial
