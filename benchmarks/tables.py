"""What writing a run's tables takes, as a share of the replay that they are of."""

from __future__ import annotations

import tempfile
import time
from datetime import date
from pathlib import Path

from benchmarks.replay import Row, resized
from voltadesk.report.files import RunFiles
from voltadesk.report.tables import FORMATS, Format
from voltadesk.scenario.model import Scenario
from voltadesk.scenario.read import find_scenario, read_scenario
from voltadesk.scenario.replay import replay
from voltadesk.scenario.world import World


def seconds_of(scenario: Scenario, folder: Path, form: Format, with_trades: bool) -> tuple[float, float, int, int]:
    """Seconds of the replay and of writing its tables, receipts made, and bytes written."""
    world = World(scenario, folder)
    spent, receipts = 0.0, 0
    with tempfile.TemporaryDirectory() as out:
        files = RunFiles(Path(out), world, form)
        files.begin()

        def on_trades(trades: object) -> None:
            nonlocal spent, receipts
            begun = time.perf_counter()
            receipts += len(trades)  # type: ignore[arg-type]
            files.add_trades(trades)  # type: ignore[arg-type]
            spent += time.perf_counter() - begun

        begun = time.perf_counter()
        exchange = replay(world, on_trades=on_trades if with_trades else None)
        ran = time.perf_counter() - begun - spent
        begun = time.perf_counter()
        files.write(exchange, {})
        spent += time.perf_counter() - begun
        size = sum(path.stat().st_size for path in Path(out).iterdir())
        files.close()
    return ran, spent, receipts, size


def run() -> list[Row]:
    """The table of this page."""
    path = find_scenario("city")
    city = read_scenario(path)
    rows: list[Row] = []
    seconds_of(resized(city, 100, 1), path.parent, "parquet", True)  # kernels loaded
    year = resized(city, 1_000, 365)
    year = year.model_copy(update={"time": year.time.model_copy(update={"start": date(2025, 1, 1)})})
    ran, spent = map(min, *(seconds_of(year, path.parent, "parquet", False)[:2] for _ in range(3)))
    rows.append(("a year of 1,000 homes as Parquet, without receipts", f"{spent / ran:.1%} of the replay", "<= 10 %"))
    for form in FORMATS:
        ran, spent, receipts, size = seconds_of(resized(city, 1_000, 30), path.parent, form, True)
        told = f"{spent / ran:.0%} of the replay, {spent / receipts * 1e6:.2f} µs and {size / receipts:.0f} bytes each"
        rows.append((f"30 days of 1,000 homes as {form}, {receipts:,} receipts", told, ""))
    return rows
