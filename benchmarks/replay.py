"""A replay end to end, and how its time grows with homes and with intervals; the program's start and first picture."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from voltadesk.report.summary import summarise
from voltadesk.scenario.model import Scenario
from voltadesk.scenario.read import find_scenario, read_scenario
from voltadesk.scenario.replay import replay
from voltadesk.scenario.world import World

Row = tuple[str, str, str]
PROGRAM = [sys.executable, "-c", "from voltadesk.cli import main; main()"]


def resized(scenario: Scenario, homes: int, days: int) -> Scenario:
    """The scenario with about that many homes, the plants and batteries as they are."""
    total = sum(group.count for group in scenario.homes)
    groups = [
        group.model_copy(update={"count": max(1, round(group.count * homes / total))}) for group in scenario.homes
    ]
    return scenario.model_copy(
        update={"homes": groups, "time": scenario.time.model_copy(update={"days": days, "start": date(2025, 5, 1)})}
    )


def seconds_of(scenario: Scenario, folder: Path, threads: int = 1) -> tuple[float, int]:
    """Seconds from scenario to report, and home-intervals run."""
    begun = time.perf_counter()
    world = World(scenario, folder)
    exchange = replay(world, threads=threads)
    summarise(world, exchange)
    return time.perf_counter() - begun, len(exchange.homes) * exchange.next_interval


def run() -> list[Row]:
    """The table of this page."""
    path = find_scenario("city")
    city = read_scenario(path)
    seconds_of(resized(city, 100, 1), path.parent)  # kernels loaded
    rows: list[Row] = []
    for homes, days in ((1_000, 30), (10_000, 10), (10_000, 30), (30_000, 10)):
        seconds, cells = min(seconds_of(resized(city, homes, days), path.parent) for _ in range(2))
        rows.append(
            (f"replay, {homes:,} homes x {days} days, one thread", f"{cells / seconds / 1e6:.1f} M home-intervals/s",
             ">= 5 M" if homes >= 10_000 else "")
        )  # fmt: skip
    one, _ = seconds_of(resized(city, 10_000, 20), path.parent)
    two, _ = seconds_of(resized(city, 10_000, 20), path.parent, threads=2)
    rows.append(("replay, two threads against one", f"{one / two:.2f} x", ""))
    return rows + curve(city, path.parent) + starts() + year()


def curve(city: Scenario, folder: Path) -> list[Row]:
    """Time a home-interval takes as homes and days double: flat where growth is linear."""
    rows = []
    for what, sizes in (
        ("homes", [(n, 10) for n in (1_250, 2_500, 5_000, 10_000, 20_000)]),
        ("days", [(5_000, n) for n in (5, 10, 20, 40)]),
    ):
        per_cell = []
        for homes, days in sizes:
            seconds, cells = min(seconds_of(resized(city, homes, days), folder) for _ in range(2))
            per_cell.append(f"{seconds / cells * 1e9:.0f}")
        labels = ", ".join(f"{homes if what == 'homes' else days:,}" for homes, days in sizes)
        rows.append((f"ns per home-interval at {labels} {what}", " ".join(per_cell), "flat"))
    return rows


def starts() -> list[Row]:
    """Whole processes: help, the quickstart warm, and the quickstart with nothing compiled."""

    def process(arguments: list[str], environment: dict[str, str] | None = None, runs: int = 5) -> float:
        best = float("inf")
        for _ in range(runs):
            begun = time.perf_counter()
            subprocess.run(
                [*PROGRAM, *arguments], check=True, capture_output=True, env=os.environ | (environment or {})
            )
            best = min(best, time.perf_counter() - begun)
        return best

    bare = float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        bare = min(bare, time.perf_counter() - begun)
    with tempfile.TemporaryDirectory() as folder:
        cold = process(["headless", "replay", "-q"], {"NUMBA_CACHE_DIR": folder}, runs=1)
    helped, warm = process(["--help"]), process(["headless", "replay", "-q"])
    return [
        ("voltadesk --help", f"{helped:.2f} s ({helped / bare:.0f} x an empty Python)", "<= 0.3 s"),
        ("quickstart from the shell, warm", f"{warm:.2f} s", "<= 3 s"),
        ("quickstart from the shell, nothing compiled", f"{cold:.1f} s", "<= 30 s"),
    ]


def year() -> list[Row]:
    """The city as it is shipped, in a process of its own, whose memory is told when it ends."""
    begun = time.perf_counter()
    process = subprocess.Popen([*PROGRAM, "headless", "replay", "city", "-q"], stdout=subprocess.DEVNULL)
    _, process.returncode, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    assert process.returncode == 0
    return [("city from the shell: 10,000 homes, a year", f"{seconds:.0f} s, {used.ru_maxrss / 2**20:.1f} GB", "")]


if __name__ == "__main__":
    from benchmarks.__main__ import show

    show(run())
