"""The Hub's client where the environment asks for something that it cannot do."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator

import pytest
from huggingface_hub import close_session, constants

from models.errors import UserError
from models.hub import reading
from models.hub.client import configure
from models.hub_variables import offline_variable

PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "all_proxy", "https_proxy", "http_proxy")


@pytest.fixture(autouse=True)
def _a_session_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in (*PROXIES, "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    close_session()
    yield
    close_session()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1080"),
        ("HTTPS_PROXY", "socks4://127.0.0.1:1"),
        ("HTTPS_PROXY", "http://127.0.0.1:x"),
        ("http_proxy", "http://[::1"),
        ("SSL_CERT_FILE", "/nonexistent.pem"),
        ("SSL_CERT_FILE", __file__),
        ("SSLKEYLOGFILE", "/nonexistent/keys"),
        ("HF_HUB_DOWNLOAD_TIMEOUT", "abc"),
        ("HF_HUB_ETAG_TIMEOUT", "-1"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    if name == "SSLKEYLOGFILE":
        monkeypatch.setenv("SSL_CERT_DIR", "/")  # which is not at fault
    with pytest.raises(UserError, match=f"^cannot use the Hub: {name} is not a .*; correct it$"):
        reading.search("pong")


def test_a_proxys_password_stays_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks4://ada:hunter2@127.0.0.1:1")
    with pytest.raises(UserError) as caught:
        configure()
    assert "hunter2" not in str(caught.value)


ADDRESSES = ("huggingface.co", "ada:hunter2@127.0.0.1", "http://ada:hun/ter2@127.0.0.1", "https://ada:hunter2@[::1", "")


@pytest.mark.parametrize("address", ADDRESSES)
def test_what_is_no_address_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", address)
    with pytest.raises(UserError, match=r"HF_ENDPOINT is no address; it should look like https://hugg") as caught:
        configure()
    assert "hun" not in str(caught.value).replace("huggingface", "")


def test_other_failures_are_told_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ValueError("no transport")

    monkeypatch.setattr("models.hub.client.get_session", fail)
    with pytest.raises(UserError, match=r"^cannot use the Hub: no transport$"):
        configure()


@pytest.mark.parametrize(
    ("name", "value"),
    [("HF_ENDPOINT", "http://127.0.0.1:x"), ("HF_HUB_DOWNLOAD_TIMEOUT", "abc"), ("HF_HUB_ETAG_TIMEOUT", "")],
)
@pytest.mark.parametrize("code", ["main(['models', '--hub', 'pong'])", "main(['doctor'])", "remote.search('pong')"])
def test_a_variable_that_the_client_reads_as_it_is_imported_is_named(name: str, value: str, code: str) -> None:
    """In a process of its own, as the client is imported once; `remote` is what the window calls."""
    script = f"""
from app.command.main import main
from app.hub import remote
from models.errors import UserError
try:
    print({code})
except UserError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {name: value}, capture_output=True, text=True, check=True
    )
    answer = done.stdout + done.stderr
    assert re.fullmatch(rf"2?\n?(volley: )?cannot use the Hub: {name} is .*\n", answer), answer


@pytest.mark.parametrize("hub", [None, "", "0", "1", "true"])
@pytest.mark.parametrize("transformers", [None, "", "0", "Yes", "2"])
def test_the_variable_that_keeps_the_client_offline_is_named(
    monkeypatch: pytest.MonkeyPatch, hub: str | None, transformers: str | None
) -> None:
    for name, value in (("HF_HUB_OFFLINE", hub), ("TRANSFORMERS_OFFLINE", transformers)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert bool(offline_variable()) == runpy.run_path(constants.__file__)["HF_HUB_OFFLINE"], "as the client has it"
    assert offline_variable() in {"", "HF_HUB_OFFLINE" if hub else "TRANSFORMERS_OFFLINE"}
