"""`voltadesk headless backtest`: what batteries would have earned at known prices."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from voltadesk.cli.answers import Json, answer
from voltadesk.cli.backtest_options import Batteries, KnownAhead, PriceReading, Purchase, power_w
from voltadesk.cli.drawn import ReportFiles
from voltadesk.cli.option_groups import grouped

if TYPE_CHECKING:
    from voltadesk.report.backtest import Backtest, Unit
    from voltadesk.report.charts import Chart
    from voltadesk.strategy.cycles import Cycles
    from voltadesk.strategy.trader import Prices, Strategy

HELP = (
    "What batteries would have earned at known prices, by several strategies, beside perfect foresight.\n\n"
    "Examples:\n\n"
    "  voltadesk headless backtest sample --day-ahead sample\n\n"
    "  voltadesk headless backtest prices.csv --power 1MW --energy 4MWh --wear 5 --strategy rolling,threshold\n\n"
    "  voltadesk headless backtest sample --cycles 1/day --strategy rolling\n\n"
    "  voltadesk headless backtest nem.csv --zone SA1\n\n"
    "  voltadesk headless backtest sample --out results --html\n\n"
    "  voltadesk headless backtest real-time.csv --day-ahead auction.csv --train-until 2024-07-01 --json\n\n"
    "PRICES is a file of any format that `prices import` reads, or the name of a series that was imported. The word "
    "sample stands for one that is shipped, as prices and as day-ahead prices."
)


@grouped
def backtest(
    prices: Annotated[str, typer.Argument(metavar="PRICES", help="A file, an imported series, or sample.")],
    *,
    reading: PriceReading,
    batteries: Batteries,
    cycles: Annotated[
        str | None, typer.Option(metavar="N/day|N/year", help="Most full cycles, on the prices' clock.")
    ] = None,
    connection: Annotated[
        str | None, typer.Option(metavar="POWER", help="Of all batteries together, in and out.")
    ] = None,
    strategy: Annotated[str | None, typer.Option(metavar="A,B,…", help="Names; else all that can be run.")] = None,
    ahead: KnownAhead,
    train_until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Trade from there on; prices before are only learnt from.")
    ] = None,
    purchase: Purchase,
    report: ReportFiles,
    as_json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
) -> None:
    from voltadesk.report.backtest_document import sections
    from voltadesk.report.backtest_figures import figures
    from voltadesk.report.backtest_files import write_backtest
    from voltadesk.report.folder import OutFolder
    from voltadesk.strategy.cycles import parse_cycles
    from voltadesk.strategy.strategies import strategies_named

    out = report.folder()
    seen, notes = ahead.beside(prices, reading.layout())
    begin = 0 if train_until is None else seen.grid.interval_at(train_until, "train-until")
    units = batteries.units(seen.grid)
    invested = purchase.investment(units)
    chosen = strategies_named(None if strategy is None else [name.strip() for name in strategy.split(",")], seen)
    budget = None if cycles is None else parse_cycles(cycles)
    connection_w = None if connection is None else power_w(connection, "connection")
    files = None if out is None else OutFolder(out)
    try:
        if files is not None:
            files.begin()
        result = _run(seen, units, chosen, begin, budget, connection_w, quiet)
        tree = figures(result, invested, notes)
        parts = sections(tree)
        if files is not None:
            texts = report.written(tree, parts, "Backtest", lambda: _charts(result))
            write_backtest(files, result, texts, report.table_format)
    finally:
        if files is not None:
            files.close()
    answer(tree, parts, as_json)


def _charts(result: Backtest) -> Sequence[Chart]:
    from voltadesk.report.backtest_charts import backtest_charts

    return backtest_charts(result)


# Progress -------------------------------------------------------------------------------------------------------------
def _run(
    prices: Prices,
    units: Sequence[Unit],
    chosen: Sequence[Strategy],
    begin: int,
    cycles: Cycles | None,
    connection_w: int | None,
    quiet: bool,
) -> Backtest:
    """`report.backtest.backtest`, showing how far it is: a bar on a terminal, one line at the end elsewhere."""
    from rich.console import Console
    from rich.progress import Progress

    from voltadesk.cli.progress import COMPILING, is_cold
    from voltadesk.engine.storage import run_schedule
    from voltadesk.report.backtest import backtest

    if quiet:
        return backtest(prices, units, chosen, begin, None, cycles, connection_w)
    console, begun = Console(stderr=True), time.perf_counter()
    if is_cold(run_schedule):
        console.print(COMPILING, highlight=False)
    total = len(units) * len({strategy.name for strategy in chosen} | {"perfect"})
    with Progress(console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("backtest", total=total)
        on_done: Callable[[int], None] = lambda done: progress.update(task, completed=done)  # noqa: E731
        result = backtest(prices, units, chosen, begin, on_done, cycles, connection_w)
    count = prices.grid.count - begin
    seconds = time.perf_counter() - begun
    console.print(
        f"backtest: strategies {len(chosen)}, kinds of battery {len(units)}, intervals {count:,}, in {seconds:.2f} s",
        highlight=False,
    )
    return result
