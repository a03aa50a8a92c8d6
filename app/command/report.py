"""What `volley doctor` reports: what this machine has, whether Volley can play on it, and how to fix the rest."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from typing import Literal, NamedTuple

import msgspec
import numpy as np
import torch
from ale_py import roms

from agents.base import control_of
from agents.policy import PolicyAgent
from agents.pong import Court
from models import __version__, catalog, checkpoint
from models.device import cpu_features, pick_device, processor_name, supports_fast_bfloat16
from models.errors import UserError
from models.files import is_file
from models.hub_variables import check_variables, offline_variable
from models.machine import usable_cores

DEPENDENCIES = (
    "torch",
    "gymnasium",
    "ale-py",
    "pygame-ce",
    "opencv-python-headless",
    "numpy",
    "huggingface_hub",
)
PONG_MD5 = "60e0ea3cbe0913d39803477945e9e5ec"
DECISIONS = 300
WARM_UP_DECISIONS = 20
PROBE_SECONDS = 10.0

WINDOWLESS_DRIVERS = frozenset({"dummy", "evdev", "offscreen"})
"""SDL's video drivers that show nothing."""

_SDL_VERSION = "print('.'.join(map(str, pygame.get_sdl_version())))"
_DISPLAY = "pygame.display.init(); print(pygame.display.get_driver(), *pygame.display.get_desktop_sizes()[0])"
_SOUND = "pygame.mixer.init(); print(pygame.mixer.get_driver())"


class Processor(msgspec.Struct, frozen=True):
    """The processor and the memory."""

    name: str
    cores: int
    """How many this process may use."""
    memory_gib: float | None
    avx2: bool
    avx512: bool
    fast_bfloat16: bool


class Device(msgspec.Struct, frozen=True):
    """The device that `--device auto` picks."""

    type: str
    name: str
    fast_bfloat16: bool


class Display(msgspec.Struct, frozen=True):
    """Where a window would open: SDL's driver and the desktop's size in pixels, or why none can open."""

    driver: str | None = None
    width: int = 0
    height: int = 0
    error: str | None = None


class Sound(msgspec.Struct, frozen=True):
    """SDL's audio driver, or why there is no sound."""

    driver: str | None = None
    error: str | None = None


class Weights(msgspec.Struct, frozen=True):
    """A bundled model, and why it does not load (None if it does)."""

    name: str
    error: str | None = None


class DecisionTime(msgspec.Struct, frozen=True):
    """How long a decision takes with one thread, from a frame to a `Decision`, in milliseconds."""

    model: str
    decisions: int
    p50_ms: float
    p99_ms: float


class Report(msgspec.Struct, frozen=True):
    """What `examine` found."""

    platform: str
    python: str
    sdl: str | None
    versions: dict[str, str | None]
    device: Device
    processor: Processor
    display: Display
    sound: Sound
    rom_md5: str | None
    weights: list[Weights]
    decision: DecisionTime | None
    hub_offline: str
    """The variable that says so; empty if none does."""

    @property
    def can_play(self) -> bool:
        """Whether the ROM and the default model are there. Without a display, Volley can still record films."""
        loads = [weights.name for weights in self.weights if weights.error is None]
        return self.rom_md5 == PONG_MD5 and catalog.DEFAULT_MODEL in loads

    def as_dict(self) -> dict[str, object]:
        """The report for `--json`: numbers, strings, lists and dictionaries, with `can_play` first."""
        return {"can_play": self.can_play, **msgspec.to_builtins(self)}


def examine() -> Report:
    """Examines this machine for a few seconds. Opens no window, plays no sound and uses no network.

    `UserError` if the environment has what the Hub's client cannot use.
    """
    check_variables()
    report = Report(
        platform=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        sdl=_probe(_SDL_VERSION).answer or None,
        versions={"volley": __version__, **{name: _version(name) for name in DEPENDENCIES}},
        device=_device(),
        processor=_processor(),
        display=_display(),
        sound=_sound(),
        rom_md5=_rom_md5(),
        weights=[_try_weights(name) for name in catalog.bundled_names()],
        decision=None,
        hub_offline=offline_variable(),
    )
    if not report.can_play:
        return report
    agent = PolicyAgent.load(catalog.PRETRAINED / catalog.DEFAULT_MODEL)
    return msgspec.structs.replace(report, decision=time_decisions(agent, DECISIONS))


def time_decisions(agent: PolicyAgent, decisions: int) -> DecisionTime:
    """Times `agent` with one thread over so many decisions of a game."""
    court, seconds = Court(), list[float]()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        agent.reset()
        decision = None
        while len(seconds) < decisions + WARM_UP_DECISIONS:
            frame = court.grey()
            start = time.perf_counter()
            newest = agent.observe(frame)
            elapsed = time.perf_counter() - start
            if newest is not decision:
                seconds.append(elapsed)
            decision = newest
            court.step(control_of(decision.action))
    finally:
        torch.set_num_threads(threads)
    p50, p99 = np.percentile(seconds[WARM_UP_DECISIONS:], [50, 99]) * 1000
    return DecisionTime(agent.name, decisions, round(float(p50), 3), round(float(p99), 3))


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _device() -> Device:
    device = pick_device("auto")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor_name()
    return Device(device.type, name, supports_fast_bfloat16(device))


def _processor() -> Processor:
    features = cpu_features()
    return Processor(
        name=processor_name(),
        cores=usable_cores(),
        memory_gib=_memory_gib(),
        avx2=bool(features.get("avx2")),
        avx512=bool(features.get("avx512_f")),
        fast_bfloat16=supports_fast_bfloat16(torch.device("cpu")),
    )


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None


class _Probe(NamedTuple):
    answer: str
    error: str | None


def _probe(code: str) -> _Probe:
    """Runs `code` after importing pygame, in a process of its own, because SDL can hang or crash.

    Returns the last line that it prints; if it fails, an empty answer and the last line on standard error.
    """
    # -P: a pygame.py in the current folder must not be taken for pygame.
    command = [sys.executable, "-P", "-c", f"import pygame; {code}"]
    environment = os.environ | {"PYGAME_HIDE_SUPPORT_PROMPT": "1"}
    try:
        done = subprocess.run(  # noqa: S603 - the command is ours
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _Probe("", f"no answer within {PROBE_SECONDS:.0f} s")
    if done.returncode != 0:
        complaint = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return _Probe("", complaint[-1].removeprefix("pygame.error: "))
    return _Probe(done.stdout.strip().splitlines()[-1], None)


def _display() -> Display:
    answer, error = _probe(_DISPLAY)
    if error is not None:
        return Display(error=error)
    driver, width, height = answer.split()
    if driver in WINDOWLESS_DRIVERS:
        return Display(error=f"SDL uses its {driver} driver, which shows nothing")
    return Display(driver, int(width), int(height))


def _sound() -> Sound:
    answer, error = _probe(_SOUND)
    if error is None and answer == "dummy":
        error = "SDL uses its dummy driver, which plays nothing"
    return Sound(error=error) if error is not None else Sound(answer)


def _rom_md5() -> str | None:
    path = roms.get_rom_path("pong")
    if path is None or not is_file(path):
        return None
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def _try_weights(name: str) -> Weights:
    try:
        checkpoint.load(catalog.PRETRAINED / name)
    except UserError as error:
        return Weights(name, str(error))
    return Weights(name)


class _Row(NamedTuple):
    sign: Literal["ok", "warn", "FAIL"]
    name: str
    text: str
    advice: str = ""


def render(report: Report) -> str:
    """The report as a table, with advice below each line where something is missing."""
    rows = list(_rows(report))
    width = max(len(row.name) for row in rows)
    lines = [f"Volley {report.versions['volley']} on {report.platform}", ""]
    for row in rows:
        lines.append(f"{row.sign:4}  {row.name:{width}}  {row.text}")
        if row.advice:
            lines.append(f"{'':4}  {'':{width}}  -> {row.advice}")
    verdict = "Volley can play here." if report.can_play else "Volley cannot play here: see FAIL above."
    return "\n".join([*lines, "", verdict])


def _rows(report: Report) -> Iterator[_Row]:
    yield _Row("ok", "Python", report.python)
    for name, version in report.versions.items():
        if name == "volley":
            continue  # already in the heading
        if version is None:
            yield _Row("warn", name, "not installed", f"run: pip install {name}")
        elif name == "pygame-ce":
            yield _Row("ok", name, f"{version}, SDL {report.sdl or 'does not respond'}")
        else:
            yield _Row("ok", name, version)
    yield from _hardware_rows(report)
    yield from _screen_and_sound_rows(report)
    yield from _game_rows(report)
    yield _Row("ok", "Hub", f"offline: {report.hub_offline} is set" if report.hub_offline else "not checked")


def _hardware_rows(report: Report) -> Iterator[_Row]:
    processor, device = report.processor, report.device
    memory = "" if processor.memory_gib is None else f", {processor.memory_gib:g} GiB memory"
    cores = "1 core" if processor.cores == 1 else f"{processor.cores} cores"
    yield _Row("ok", "processor", f"{processor.name}, {cores}{memory}")
    features = (("AVX2", processor.avx2), ("AVX-512", processor.avx512), ("bfloat16", processor.fast_bfloat16))
    yield _Row("ok", "features", ", ".join(f"{name} {'yes' if has else 'no'}" for name, has in features))
    precision = "bfloat16" if device.fast_bfloat16 else "float32, as bfloat16 is slow here"
    yield _Row("ok", "--device auto", f"{device.type} ({device.name}), trains in {precision}")


def _screen_and_sound_rows(report: Report) -> Iterator[_Row]:
    display, sound = report.display, report.sound
    if display.error is None:
        yield _Row("ok", "display", f"{display.driver}, {display.width}x{display.height}")
    else:
        film = "start Volley on a desktop, or record a film: volley watch --headless --record game.mp4"
        yield _Row("warn", "display", display.error, film)
    if sound.error is None:
        yield _Row("ok", "sound", f"{sound.driver}")
    else:
        yield _Row("warn", "sound", sound.error, "the game plays silently; connect a sound device to hear it")


def _game_rows(report: Report) -> Iterator[_Row]:
    reinstall = "reinstall Volley as its README says"
    if report.rom_md5 == PONG_MD5:
        yield _Row("ok", "ROM", f"Pong, md5 {report.rom_md5}")
    else:
        found = "missing" if report.rom_md5 is None else f"a different game or version, md5 {report.rom_md5}"
        yield _Row("FAIL", "ROM", found, "run: pip install --force-reinstall --no-deps ale-py")
    for weights in report.weights:
        if weights.error is None:
            yield _Row("ok", f"model {weights.name}", "loads")
        else:
            essential = weights.name == catalog.DEFAULT_MODEL
            yield _Row("FAIL" if essential else "warn", f"model {weights.name}", weights.error, reinstall)
    if catalog.DEFAULT_MODEL not in [weights.name for weights in report.weights]:
        yield _Row("FAIL", f"model {catalog.DEFAULT_MODEL}", "missing", reinstall)
    if report.decision is not None:
        cost = f"p50 {report.decision.p50_ms:.2f} ms, p99 {report.decision.p99_ms:.2f} ms"
        yield _Row(
            "ok", "a decision", f"{cost} ({report.decision.model}, {report.decision.decisions} decisions, one thread)"
        )
