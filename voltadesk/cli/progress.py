"""Progress of a run on stderr: a bar with its rate on a terminal, one line at the end elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from voltadesk.engine.arena import Measured
from voltadesk.engine.exchange import Exchange
from voltadesk.engine.market import run_intervals
from voltadesk.engine.tables import Table
from voltadesk.scenario.replay import replay
from voltadesk.scenario.world import World

COMPILING = "compiling what this needs of the engine: once for this version, up to half a minute"


def is_cold(kernel: Any) -> bool:
    """Whether a kernel has still to be compiled."""
    return not _compiled(kernel, "nbc")


def _compiled(kernel: Any, ending: str) -> list[Path]:
    """What there is on disk of a kernel: a file for each kind of arguments (nbc), or what lists these (nbi)."""
    name = f"{kernel.py_func.__module__.rpartition('.')[2]}.{kernel.py_func.__name__}"
    return list(Path(kernel.stats.cache_path).glob(f"{name}-*.{ending}"))


def _is_cold(world: World) -> bool:
    """Whether the kernel of a run has still to be compiled; one that knows the order book is a kernel of its own."""
    is_known = any(Measured.__name__.encode() in path.read_bytes() for path in _compiled(run_intervals, "nbi"))
    if world.community_is_measured or world.scenario.community.rule == "continuous":
        return not is_known
    return len(_compiled(run_intervals, "nbc")) <= is_known


def shown_compiling(kernel: Any) -> AbstractContextManager[object]:
    """On a terminal, something that moves while a kernel is compiled; elsewhere, and when it has been, nothing."""
    if not sys.stderr.isatty() or not is_cold(kernel):
        return nullcontext()
    return Console(stderr=True).status(COMPILING)


@contextmanager
def counting(what: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """On a terminal a bar while something long is done; it is told how many of the total are."""
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(f"{what} {total:,} {unit}", total=total)
        yield lambda done: progress.update(task, completed=done)


def run_with_progress(
    world: World, intervals: int | None, threads: int, quiet: bool, on_trades: Callable[[Table], None] | None
) -> Exchange:
    """`replay`, showing how far it is."""
    if quiet:
        return replay(world, intervals=intervals, threads=threads, on_trades=on_trades)
    console = Console(stderr=True)
    cold = _is_cold(world)
    if cold:
        console.print(COMPILING, highlight=False)
    total = world.grid.count if intervals is None else intervals
    homes, begun = len(world.home_group), time.perf_counter()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn() if cold else TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        # Without a total the bar moves to and fro: how long the compiler will take isn't known.
        name = world.scenario.name
        task = progress.add_task("compiling" if cold else name, total=None if cold else total, rate="")

        def on_progress(done: int) -> None:
            rate = done / max(time.perf_counter() - begun, 1e-9)
            progress.update(task, description=name, total=total, completed=done, rate=f"{rate:,.0f} intervals/s")

        exchange = replay(world, intervals=intervals, threads=threads, on_trades=on_trades, on_progress=on_progress)
    seconds = max(time.perf_counter() - begun, 1e-9)
    rate = f"{homes * total / seconds:,.0f} home-intervals/s" if homes else f"{total / seconds:,.0f} intervals/s"
    rate = "most of it compiling" if cold else rate
    console.print(f"{world.scenario.name}: {total:,} intervals in {seconds:.2f} s, {rate}", highlight=False)
    return exchange
