from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.interruption import all_as_ctrl_c, interruption

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends a process there, whatever the signal")

ENDS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", ENDS)
def test_the_first_signal_is_an_answer(number: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in ENDS]
    with interruption() as interrupted:
        assert not interrupted()
        os.kill(os.getpid(), number)
        assert interrupted()
    assert [signal.getsignal(each) for each in ENDS] == before


def test_the_first_signal_is_answered_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    with interruption("stopping soon"):
        os.kill(os.getpid(), signal.SIGTERM)
    assert capfd.readouterr().err == "stopping soon\n"


def test_the_second_one_has_its_usual_effect() -> None:
    with interruption():
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("number", ENDS)
def test_every_signal_to_end_can_mean_ctrl_c(number: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in ENDS]
    with pytest.raises(KeyboardInterrupt), all_as_ctrl_c():
        os.kill(os.getpid(), number)
    assert [signal.getsignal(each) for each in ENDS] == before


def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruption() as interrupted:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not interrupted()
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_another_thread_is_not_asked() -> None:
    def answer() -> bool:
        with interruption() as interrupted:
            return interrupted()

    with ThreadPoolExecutor(1) as elsewhere:
        assert elsewhere.submit(answer).result() is False
