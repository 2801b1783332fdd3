"""`voltadesk headless backtest`: what batteries would have earned at known prices."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from voltadesk.cli.answers import Json, answer
from voltadesk.cli.drawn import Html, Png, TableFormat, require_drawing
from voltadesk.errors import BadInput

if TYPE_CHECKING:
    from voltadesk.clock import IntervalGrid
    from voltadesk.feeds.prices.layout import Layout
    from voltadesk.report.backtest import Backtest, Unit
    from voltadesk.report.backtest_investment import Investment
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

_QUANTITY = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)\s*([kMG]?)(Wh?)")
_DECIMALS = {"": 0, "k": 3, "M": 6, "G": 9}

Column = Annotated[str | None, typer.Option(metavar="NAME", help="Of that file, where more than one could be meant.")]


def backtest(
    prices: Annotated[str, typer.Argument(metavar="PRICES", help="A file, an imported series, or sample.")],
    column: Annotated[str | None, typer.Option(metavar="NAME", help="Of the prices, per MWh.")] = None,
    timezone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Whose clock tells days, and times without an offset; else UTC.")
    ] = None,
    stamps: Annotated[
        Literal["start", "end"] | None,
        typer.Option(help="What part of its interval a time is; else as the format has it."),
    ] = None,
    gaps: Annotated[Literal["refuse", "skip"], typer.Option(help="Skip: nobody trades where no price is.")] = "refuse",
    where: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN=TEXT", help="Read only such rows; more than once.")
    ] = None,
    zone: Annotated[str | None, typer.Option(metavar="ZONE", help="Of the prices, where a file has several.")] = None,
    power: Annotated[str, typer.Option(metavar="POWER", help="In and out, at the grid's side.")] = "1MW",
    energy: Annotated[str, typer.Option(metavar="ENERGY", help="That the battery can hold.")] = "2MWh",
    efficiency: Annotated[str, typer.Option(metavar="SHARE", help="Of a whole cycle.")] = "0.86",
    wear: Annotated[str, typer.Option(metavar="PRICE", help="Cost of a MWh sold.")] = "0",
    fleet: Annotated[
        str | None, typer.Option(metavar="FILE", help="TOML with [[fleet]] as in a scenario, instead of one battery.")
    ] = None,
    cycles: Annotated[
        str | None, typer.Option(metavar="N/day|N/year", help="Most full cycles, on the prices' clock.")
    ] = None,
    connection: Annotated[
        str | None, typer.Option(metavar="POWER", help="Of all batteries together, in and out.")
    ] = None,
    strategy: Annotated[str | None, typer.Option(metavar="A,B,…", help="Names; else all that can be run.")] = None,
    day_ahead: Annotated[
        str | None, typer.Option(metavar="FILE", help="Prices known from noon of the day before.")
    ] = None,
    day_ahead_column: Column = None,
    forecast: Annotated[
        str | None, typer.Option(metavar="FILE", help="Prices expected, with a column that says from when on.")
    ] = None,
    forecast_column: Column = None,
    train_until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Trade from there on; prices before are only learnt from.")
    ] = None,
    cost: Annotated[
        str | None, typer.Option(metavar="AMOUNT[/MWh]", help="Purchase price, of all or of each MWh: adds its return.")
    ] = None,
    years: Annotated[int, typer.Option(min=1, max=100, help="That the purchase lasts.")] = 15,
    discount_rate: Annotated[str, typer.Option(metavar="SHARE", help="Of a year.")] = "0.08",
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="Write the report and the table of all intervals here.")
    ] = None,
    table_format: TableFormat = "parquet",
    html: Html = False,
    png: Png = False,
    as_json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
) -> None:
    from voltadesk.feeds.prices.layout import Layout
    from voltadesk.report.backtest_document import sections
    from voltadesk.report.backtest_figures import figures
    from voltadesk.report.backtest_files import write_backtest
    from voltadesk.report.folder import OutFolder
    from voltadesk.report.run_report import report_files
    from voltadesk.strategy.cycles import parse_cycles
    from voltadesk.strategy.strategies import strategies_named

    if out == "":
        raise BadInput("out", out, "must be a folder")
    require_drawing(out, html, png)
    layout = Layout(column, timezone, stamps, gaps, where_of(where or []), zone)
    seen, notes = _prices(prices, layout, (day_ahead, day_ahead_column), (forecast, forecast_column))
    begin = 0 if train_until is None else seen.grid.interval_at(train_until, "train-until")
    units = _units(fleet, (power, energy, efficiency, wear), seen.grid)
    invested = None if cost is None else _investment(cost, years, discount_rate, units)
    chosen = strategies_named(None if strategy is None else [name.strip() for name in strategy.split(",")], seen)
    budget = None if cycles is None else parse_cycles(cycles)
    connection_w = None if connection is None else _power(connection, "connection")
    files = None if out is None else OutFolder(Path(out))
    try:
        if files is not None:
            files.begin()
        result = _run(seen, units, chosen, begin, budget, connection_w, quiet)
        tree = figures(result, invested, notes)
        parts = sections(tree)
        if files is not None:
            charts = _charts(result) if html or png else []
            report = report_files(tree, parts, charts, "Backtest", html=html, png=png)
            write_backtest(files, result, report, table_format)
    finally:
        if files is not None:
            files.close()
    answer(tree, parts, as_json)


def _charts(result: Backtest) -> Sequence[Chart]:
    from voltadesk.report.backtest_charts import backtest_charts

    return backtest_charts(result)


# What was asked for ---------------------------------------------------------------------------------------------------
def where_of(given: Sequence[str]) -> tuple[tuple[str, str], ...]:
    pairs = []
    for text in given:
        name, equals, wanted = text.partition("=")
        if not equals or not name.strip():
            raise BadInput("where", text, "must be COLUMN=TEXT, such as REGIONID=SA1")
        pairs.append((name.strip(), wanted.strip()))
    return tuple(pairs)


def _prices(
    path: str, layout: Layout, day_ahead: tuple[str | None, str | None], forecast: tuple[str | None, str | None]
) -> tuple[Prices, tuple[str, ...]]:
    from dataclasses import replace

    from voltadesk.report.backtest_prices import DAY_AHEAD, FORECAST, price_file, prices_of_files

    published = {
        name: (price_file(file, name), replace(layout, column=column))
        for name, (file, column) in ((DAY_AHEAD, day_ahead), (FORECAST, forecast))
        if file is not None
    }
    return prices_of_files(price_file(path), layout, published)


def _quantity(text: str, field: str, unit: str, example: str, most: int) -> int:
    """Watts or watt-hours of a number with its unit."""
    from voltadesk.units import parse_scaled

    match = _QUANTITY.fullmatch(text.strip())
    if match is None or match[3] != unit:
        raise BadInput(field, text, f"must be a number and its unit, such as {example}")
    try:
        return parse_scaled(match[1], field, _DECIMALS[match[2]], 1, most)
    except BadInput as error:
        limit = f"must be whole {unit}, from 1 {unit} to {most // 10**9:,} G{unit}"
        raise BadInput(field, text, limit) from error


def _power(text: str, field: str) -> int:
    from voltadesk.units import POWER_LIMIT_W

    return _quantity(text, field, "W", "1MW or 500kW", POWER_LIMIT_W)


def _units(fleet: str | None, given: tuple[str, str, str, str], grid: IntervalGrid) -> list[Unit]:
    from voltadesk.report.backtest import ENERGY_LIMIT_WH, battery
    from voltadesk.report.backtest_fleet import read_fleet
    from voltadesk.units import PPM_PER_UNIT, parse_price_tick, parse_scaled

    if fleet is not None:
        return read_fleet(Path(fleet), grid)
    power, energy, efficiency, wear = given
    return [
        battery(
            _power(power, "power"),
            _quantity(energy, "energy", "Wh", "2MWh or 500kWh", ENERGY_LIMIT_WH),
            parse_scaled(efficiency, "efficiency", 6, 1, PPM_PER_UNIT),
            parse_price_tick(wear, "wear", low=0),
        )
    ]


def _investment(cost: str, years: int, rate: str, units: Sequence[Unit]) -> Investment:
    from voltadesk.report.backtest_investment import Investment
    from voltadesk.units import parse_money_e8, parse_scaled

    amount, slash, unit = cost.partition("/")
    if slash and unit.strip().lower() != "mwh":
        raise BadInput("cost", cost, "must be an amount for all, or for each MWh such as 250000/MWh")
    cost_e8 = parse_money_e8(amount.strip(), "cost", low=1)
    if slash:
        windows = (
            unit.count * int(unit.battery["maximum_fill_wh"][0] - unit.battery["minimum_fill_wh"][0]) for unit in units
        )
        cost_e8 = cost_e8 * sum(windows) // 10**6
    return Investment(cost_e8, years, Decimal(parse_scaled(rate, "discount-rate", 6, 0, 10**6)) / 10**6)


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
    from voltadesk.engine.storage import _schedule
    from voltadesk.report.backtest import backtest

    if quiet:
        return backtest(prices, units, chosen, begin, None, cycles, connection_w)
    console, begun = Console(stderr=True), time.perf_counter()
    if is_cold(_schedule):
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
