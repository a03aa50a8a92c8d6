"""No test talks to another machine. 192.0.2.1 is nobody's: it is set aside for examples (RFC 5737)."""

from __future__ import annotations

import multiprocessing
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from local_hub import LocalHub

ELSEWHERE = ("192.0.2.1", 9)


@pytest.fixture
def refused(asked_for: Path) -> Iterator[Callable[[], list[str]]]:
    """Who was asked for in this test, which may do so."""
    yield lambda: asked_for.read_text().splitlines()
    asked_for.write_text("")


def connect() -> None:
    socket.create_connection(ELSEWHERE, timeout=1)


def send() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"hello", ELSEWHERE)


def ask() -> None:
    HTTPConnection("huggingface.co", timeout=1).request("GET", "/")


@pytest.mark.parametrize(("way", "host"), [(connect, ELSEWHERE[0]), (send, ELSEWHERE[0]), (ask, "huggingface.co")])
def test_every_way_out_is_closed(refused: Callable[[], list[str]], way: Callable[[], None], host: str) -> None:
    with pytest.raises(ConnectionRefusedError, match=f"tests talk to nobody but this machine, and not to {host}"):
        way()
    assert refused() == [host]


def test_also_to_processes_that_tests_start(refused: Callable[[], list[str]]) -> None:
    code = f"import socket; socket.create_connection({ELSEWHERE}, timeout=1)"
    again = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', {code!r}]).returncode)"
    done = subprocess.run([sys.executable, "-c", again], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "tests talk to nobody but this machine" in done.stderr
    assert refused() == [ELSEWHERE[0]]


def test_also_to_workers_as_training_has_them(refused: Callable[[], list[str]]) -> None:
    worker = multiprocessing.get_context("spawn").Process(target=send)
    worker.start()
    worker.join()
    assert worker.exitcode == 1
    assert refused() == [ELSEWHERE[0]]


def test_this_machine_answers(tmp_path: Path, refused: Callable[[], list[str]]) -> None:
    with LocalHub(tmp_path) as hub:
        for host in ("127.0.0.1", "localhost"):
            connection = HTTPConnection(host, hub.server_port, timeout=5)
            connection.request("GET", "/api/models")
            assert connection.getresponse().status == 200
            connection.close()
    assert refused() == []
