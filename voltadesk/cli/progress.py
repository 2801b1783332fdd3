"""Progress of a run on stderr: a bar with its rate on a terminal, one line at the end elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from voltadesk.engine.exchange import Exchange
from voltadesk.engine.tables import Table
from voltadesk.scenario.replay import replay
from voltadesk.scenario.world import World


def _is_cold() -> bool:
    """Whether the kernels have still to be compiled."""
    return not any(Path(os.environ["NUMBA_CACHE_DIR"]).glob("**/market.run_intervals*.nbc"))


def run_with_progress(
    world: World, intervals: int | None, threads: int, quiet: bool, on_trades: Callable[[Table], None] | None
) -> Exchange:
    """`replay`, showing how far it is."""
    if quiet:
        return replay(world, intervals=intervals, threads=threads, on_trades=on_trades)
    console = Console(stderr=True)
    cold = _is_cold()
    if cold:
        console.print("compiling the engine: once for this version, up to half a minute", highlight=False)
    total = world.grid.count if intervals is None else intervals
    homes, begun = len(world.home_group), time.perf_counter()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(world.scenario.name, total=total, rate="")

        def on_progress(done: int) -> None:
            rate = done / max(time.perf_counter() - begun, 1e-9)
            progress.update(task, completed=done, rate=f"{rate:,.0f} intervals/s")

        exchange = replay(world, intervals=intervals, threads=threads, on_trades=on_trades, on_progress=on_progress)
    seconds = max(time.perf_counter() - begun, 1e-9)
    rate = f"{homes * total / seconds:,.0f} home-intervals/s" if homes else f"{total / seconds:,.0f} intervals/s"
    rate = "most of it compiling" if cold else rate
    console.print(f"{world.scenario.name}: {total:,} intervals in {seconds:.2f} s, {rate}", highlight=False)
    return exchange
