"""A sweep on two processes against one, for replays of more than a second each."""

from __future__ import annotations

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

COMBINATIONS = 16
SCENARIO = """
version = 1
name = "flats"
[time]
start = 2026-01-01
days = 200
[upstream]
limit_kw = 50000
price = 80.00
[[homes]]
name = "flats"
count = 1500
annual_kwh = [2000, 4000]
"""


def seconds_with(grid: Grid, count: int) -> float:
    """Seconds that `count` processes take for all combinations, from their start to their end."""
    outcomes: dict[int, Outcome] = {}
    begun = time.perf_counter()
    with LocalWorkers(count, is_cold=is_cold(run_intervals)) as workers:
        run_tasks(range(COMBINATIONS), grid.task, workers, outcomes.__setitem__)
    seconds = time.perf_counter() - begun
    assert all(outcome.digest for outcome in outcomes.values())
    return seconds


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
        ratios = []
        for _ in range(3):
            one, two = seconds_with(grid, 1), seconds_with(grid, 2)
            ratios.append((one / two, one, two))
    best, one, two = max(ratios)
    what = f"sweep of {COMBINATIONS} replays of {alone:.1f} s each: two processes against one"
    return [(what, f"{best:.2f} x ({one:.1f} s, {two:.1f} s)", ">= 1.8 x")]
