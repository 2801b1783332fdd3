"""The desk on the screen while its market runs as fast as it goes: keys, stalls, processor, memory.

Keys are timed on a pseudo-terminal of 200 x 56 cells, from the byte that is sent to the text that comes back;
stalls and the time of the loop's thread are taken inside the app.
"""

import asyncio
import fcntl
import os
import pty
import resource
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from tests.ui.desks import beside, make_desk, running, shown
from voltadesk.ui.app import DeskApp
from voltadesk.ui.frame import AS_FAST_AS_IT_GOES

SIZE = (200, 56)
SECONDS = 48.0
COMMUNITY, OPENING_S = "village", 5.0
KEYS = 60
STEP_S = 900
DESKTOPS = ((b"2", b"Batteries"), (b"3", b"Net asset value"), (b"1", b"Supply and demand"))


def run() -> list[tuple[str, str, str]]:
    """(what, measured, target) for each figure."""
    return [*_keys(), *asyncio.run(_inside())]


def _keys() -> list[tuple[str, str, str]]:
    """Time from a key to what it opens."""
    with tempfile.TemporaryDirectory() as folder:
        main, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))
        homes = {f"XDG_{name}_HOME": folder for name in ("STATE", "CONFIG", "DATA")}
        process = subprocess.Popen(
            [sys.executable, "-m", "voltadesk", "tui", "--speed", "max"],
            stdin=child, stdout=child, stderr=child, env=os.environ | homes | {"TERM": "xterm-256color"},
        )  # fmt: skip
        began = time.perf_counter()
        _read_until(main, b"VOLTADESK")
        first = time.perf_counter() - began
        _drain(main, 4.0)  # the day ahead is run
        for key, words in DESKTOPS:  # each is made when it is first opened
            _timed(main, key, words)
        switched = [_timed(main, *DESKTOPS[n % len(DESKTOPS)]) for n in range(KEYS)]
        asked = [
            _timed(main, *((b":", b"a command as in the shell"), (b"\x1b", b"palette"))[n % 2]) for n in range(KEYS)
        ]
        process.kill()  # one that ends politely would wait for its last picture to be read
        process.wait()
        os.close(main)
        os.close(child)
    return [
        ("voltadesk tui: first picture", f"{first:.2f} s", "2 s"),
        ("key to the line it opens, market at full speed", _spread(asked[::2]), "p95 50 ms"),
        ("key to another whole desktop, market at full speed", _spread(switched), "p95 50 ms"),
    ]


def _timed(main: int, key: bytes, words: bytes) -> float:
    """Time from a key to words on the screen, at a random moment of the market's own pictures."""
    _drain(main, 0.15 + 0.01 * (time.perf_counter_ns() % 10))
    began = time.perf_counter()
    os.write(main, key)
    _read_until(main, words)
    return time.perf_counter() - began


def _spread(taken: list[float]) -> str:
    taken = sorted(taken)
    return f"median {1000 * taken[len(taken) // 2]:.0f} ms, p95 {1000 * taken[int(0.95 * len(taken))]:.0f} ms"


def _read_until(file: int, words: bytes, timeout_s: float = 60.0) -> None:
    held, until = b"", time.perf_counter() + timeout_s
    while words not in held:
        if not select.select([file], [], [], max(0.0, until - time.perf_counter()))[0]:
            raise TimeoutError(f"{words!r} was not shown")
        held = held[-4096:] + os.read(file, 65_536)


def _drain(file: int, seconds: float) -> None:
    until = time.perf_counter() + seconds
    while (left := until - time.perf_counter()) > 0:
        if select.select([file], [], [], left)[0]:
            os.read(file, 65_536)


async def _inside() -> list[tuple[str, str, str]]:
    """Stalls of the loop, its thread's time and memory while a thousand intervals and more go by."""
    with (
        tempfile.TemporaryDirectory() as folder,
        make_desk(Path(folder) / "desk") as desk,
        running(desk, 96),
        beside(desk) as runner,
    ):
        app = DeskApp(runner, community=COMMUNITY)
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            while len(app.opened) < len(app.MODES):  # desktops are made in the first two seconds
                await asyncio.sleep(0.1)
            runner.set_speed(AS_FAST_AS_IT_GOES)
            runner.play()
            rows = []
            app.switch_mode("community")  # first seen: its meters are read, twelve months settled, and rules compared
            opening = await _stall(OPENING_S)
            for key in "123456":
                await pilot.press(key)
                await shown(pilot)
                await asyncio.sleep(0.5)
                rows.append((*await _load(app, SECONDS / 12), await _stall(SECONDS / 12)))
            processes = os.getpid(), runner.process
            memory_before = [_memory_mib(process) for process in processes]
            before = _next_utc(app)
            while _next_utc(app) < before + 86_400:
                await asyncio.sleep(0.05)
            memory = [_memory_mib(process) - mib for process, mib in zip(processes, memory_before, strict=True)]
    names = ("market", "fleet", "fund", "ledger", "admin", "community")
    return [
        (f"desktop community, while {COMMUNITY} is read and settled: longest stall",
         f"{1000 * opening:.0f} ms", "30 ms"),
    ] + [
        (f"desktop {name}: the loop's thread; pictures of the market; intervals run; longest stall",
         f"{100 * share:.0f} % of a core; {pictures:.1f}/s; {rate:.0f}/s; {1000 * stall:.0f} ms", "25 % at 10/s; 30 ms")
        for name, (share, pictures, rate, stall) in zip(names, rows, strict=True)
    ] + [("memory over 24 simulated hours: the screen's process; the market's",
           "; ".join(f"{mib:+.1f} MiB" for mib in memory), "flat")]  # fmt: skip


async def _load(app: DeskApp, seconds: float) -> tuple[float, float, float]:
    """Share of a core that the loop's thread takes, frames and intervals in a second."""
    assert app.frame is not None
    number, ran = app.frame.number, _next_utc(app)
    began, cpu = time.perf_counter(), time.thread_time()
    await asyncio.sleep(seconds)
    passed = time.perf_counter() - began
    share = (time.thread_time() - cpu) / passed
    return share, (app.frame.number - number) / passed, (_next_utc(app) - ran) / STEP_S / passed


async def _stall(seconds: float) -> float:
    """The longest time that the loop let nothing else come in [s]; to ask so often is a load of its own."""
    worst, until = 0.0, time.perf_counter() + seconds
    while (asked := time.perf_counter()) < until:
        await asyncio.sleep(0.002)
        worst = max(worst, time.perf_counter() - asked - 0.002)
    return worst


def _next_utc(app: DeskApp) -> int:
    assert app.frame is not None
    return app.frame.next_utc


def _memory_mib(process: int) -> float:
    """What a process has for itself."""
    with open(f"/proc/{process}/statm", encoding="ascii") as file:
        resident, shared = map(int, file.read().split()[1:3])
        return (resident - shared) * resource.getpagesize() / 2**20
