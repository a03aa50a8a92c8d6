"""A Hugging Face Hub on this machine: the real client talks to it, and it fails in the ways a test asks for.

A test module takes the fixture by `hub = local_hub.hub`.
"""

from __future__ import annotations

import importlib
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

import pytest
from hub_answers import Call, Fault, Holdings, Reply
from huggingface_hub import close_session, constants, hf_api

__all__ = ["Fault", "LocalHub", "hub"]

# The requests that a fault is about, unless a test names others.
FILES = r"^GET .*/resolve/"
USUAL = {Fault.STALE_PARENT: r"^POST .*/commit/", Fault.SLOW: FILES, Fault.CUT: FILES, Fault.CORRUPT: FILES}
# A slow body comes in so many.
PIECES = 40


class Request(NamedTuple):
    """A request as it came: the path with its query, and the bytes of its body."""

    method: str
    path: str
    received: int


class LocalHub(Holdings, ThreadingHTTPServer):
    """The server, and a test's hold on it."""

    daemon_threads = True
    request_queue_size = 64
    token = "hf_localToken"  # noqa: S105 - it opens nothing but this

    def __init__(self, home: Path) -> None:
        """Listen on a free port of this machine; `home` is where the client keeps its files."""
        Holdings.__init__(self)
        ThreadingHTTPServer.__init__(self, ("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.home = home
        self.pause = 0.05
        self.requests: list[Request] = []
        # The seconds that the client, in this process, would have waited before it tried again.
        self.waits: list[float] = []
        self._healed = threading.Event()
        self._fault: tuple[Fault, str, float] | None = None

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.heal()
        self.shutdown()
        self.server_close()

    def environment(self) -> dict[str, str]:
        """The variables that point a client in another process here, logged in, with a cache of its own."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_TOKEN": self.token,
            "HF_HOME": str(self.home),
            "HF_HUB_CACHE": str(self.home / "hub"),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            # Seconds; the client takes whole ones.
            "HF_HUB_ETAG_TIMEOUT": "1",
            "HF_HUB_DOWNLOAD_TIMEOUT": "1",
        }

    @contextmanager
    def in_this_process(self) -> Iterator[None]:
        """Points this process's client here, and lets it try again without waiting."""
        sleepless = SimpleNamespace(sleep=self.waits.append)
        before = dict(vars(constants))
        with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
            # The client's own, at every upload of a large file.
            warnings.filterwarnings("ignore", "Use 'content=", DeprecationWarning)
            for name, value in self.environment().items():
                patch.setenv(name, value)
            # The client reads its variables once, when it is imported.
            importlib.reload(constants)
            close_session()
            patch.setattr(hf_api.api, "endpoint", self.url)
            patch.setattr("huggingface_hub.utils._http.time", sleepless)
            patch.setattr("huggingface_hub.file_download.time", sleepless)
            patch.setattr("huggingface_hub.file_download._ETAG_RETRY_TIMEOUT", 1)
            try:
                yield
            finally:
                close_session()
                vars(constants).update(before)

    def fail(self, fault: Fault, at: str | None = None, times: float = float("inf")) -> None:
        """Let the next `times` requests go wrong whose "METHOD path" holds the regular expression `at`."""
        self._healed.clear()
        self._fault = (fault, USUAL.get(fault, "") if at is None else at, times)

    def heal(self) -> None:
        """Let nothing go wrong any more; what was silent is closed, and what was slow comes at once."""
        self._fault = None
        self._healed.set()

    def receive(self, method: str, target: str, headers: Message, body: bytes) -> tuple[Reply, Fault | None]:
        """What goes back for a request, and what shall become of it on its way."""
        with self._lock:
            self.requests.append(Request(method, target, len(body)))
            fault, url = self._next_fault(f"{method} {target}"), urlsplit(target)
        known = headers.get("Authorization") == f"Bearer {self.token}"
        return self.answer(Call(method, url.path, parse_qs(url.query), headers, body, known, fault)), fault

    def wait(self, seconds: float | None = None) -> None:
        """Wait that long, or until all is well again."""
        self._healed.wait(seconds)

    def _next_fault(self, request: str) -> Fault | None:
        if self._fault is None:
            return None
        fault, at, times = self._fault
        if times < 1 or not re.search(at, request):
            return None
        self._fault = (fault, at, times - 1)
        return fault


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: LocalHub

    def handle(self) -> None:
        # A client may go away at any time.
        with suppress(ConnectionError):
            super().handle()

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        reply, fault = self.server.receive(self.command, self.path, self.headers, body)
        if fault is Fault.SILENT:
            self.server.wait()
            self.close_connection = True
        else:
            self._send(reply, fault)

    do_GET = do_HEAD = do_POST = do_PUT = serve  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nothing: the requests are in the Hub's own list."""

    def _send(self, reply: Reply, fault: Fault | None) -> None:
        self.send_response(reply.status)
        for name, value in ({"Content-Length": str(len(reply.body))} | dict(reply.headers)).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault is Fault.CUT:
            self.wfile.write(reply.body[: len(reply.body) // 2])
            self.close_connection = True
        elif fault is Fault.SLOW:
            size = len(reply.body) // PIECES + 1
            for start in range(0, len(reply.body), size):
                self.wfile.write(reply.body[start : start + size])
                self.server.wait(self.server.pause)
        else:
            self.wfile.write(reply.body)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LocalHub]:
    """A Hub with nothing in it, that this process's client talks to."""
    with LocalHub(tmp_path / "huggingface") as hub, hub.in_this_process():
        yield hub
