"""`voltadesk.backtest`: what batteries would have earned at known prices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voltadesk.api.series import FilePath, path_of, prices
from voltadesk.api.storage import battery
from voltadesk.engine import arguments
from voltadesk.errors import BadInput
from voltadesk.feeds.prices.kept import name_of
from voltadesk.feeds.prices.layout import Layout
from voltadesk.feeds.prices.published import PublishedFile, read_published
from voltadesk.feeds.prices.published import day_ahead as known_at_noon
from voltadesk.feeds.prices.series import PriceFile
from voltadesk.report import backtest as report
from voltadesk.report.backtest import Run, Unit
from voltadesk.report.backtest_figures import figures
from voltadesk.report.backtest_prices import DAY_AHEAD, FORECAST, price_file, prices_with
from voltadesk.report.summary import Tree
from voltadesk.strategy.cycles import parse_cycles
from voltadesk.strategy.strategies import strategies_named
from voltadesk.units import POWER_LIMIT_W


@dataclass(frozen=True, eq=False)
class Backtested:
    """What batteries did in the n intervals that were traded, by each strategy.

    A `Run` holds `bought_wh`, `sold_wh`, `fill_wh`, `earned_e8` and `wear_e8`, each (n,), of all batteries together.
    """

    figures: Tree  # what --json writes; docs/backtest.md
    start_utc: NDArray[np.int64]  # (n,) begin of each interval [s]
    price_tick: NDArray[np.int64]  # (n,) [0.01/MWh]
    runs: dict[str, Run]  # by the strategy's name
    perfect: Run  # with perfect foresight: the most that could have been earned


def backtest(
    prices: PriceFile | FilePath,
    batteries: Unit | Sequence[Unit] | None = None,
    strategies: Sequence[str] | None = None,
    *,
    day_ahead: PriceFile | FilePath | None = None,
    forecast: FilePath | None = None,
    train_until: str | None = None,
    cycles: str | None = None,
    connection_w: int | None = None,
) -> Backtested:
    """Trade batteries at known prices by each strategy, as `voltadesk headless backtest` does.

    prices        as from `prices` or `series`, or what `prices` reads
    batteries     as from `battery`; without them one of 1 MW and 2 MWh
    strategies    names as `docs/strategies.md` has them; else all that can be run
    day_ahead     prices known from noon of the day before
    forecast      a file of prices expected, with a column that says from when on
    train_until   trade from there on: a time on the prices' clock. Prices before are only learnt from
    cycles        most full cycles, such as "1/day" or "365/year"
    connection_w  of all batteries together, in and out [W]

    Files are read on the clock of the prices. Raises BadInput, and CheckFailed for a strategy that did what no battery
    can do.
    """
    arguments.texts(train_until=train_until, cycles=cycles)
    if isinstance(strategies, str) or not isinstance(strategies, Iterable | None):
        raise BadInput("strategies", strategies, "must be a list of names")
    file = _read(prices)
    ahead: dict[str, tuple[str, PublishedFile]] = {}
    if isinstance(day_ahead, PriceFile):
        ahead[DAY_AHEAD] = day_ahead.name, known_at_noon(day_ahead)
    elif day_ahead is not None:
        ahead[DAY_AHEAD] = _published(DAY_AHEAD, day_ahead, file)
    if forecast is not None:
        ahead[FORECAST] = _published(FORECAST, forecast, file)
    seen, notes = prices_with(file, ahead)
    begin = 0 if train_until is None else file.grid.interval_at(train_until, "train_until")
    result = report.backtest(
        seen,
        _units(batteries),
        strategies_named(strategies, seen),
        begin,
        cycles=None if cycles is None else parse_cycles(cycles),
        connection_w=None if connection_w is None else arguments.number("connection_w", connection_w, 1, POWER_LIMIT_W),
    )
    tree = figures(result, notes=notes)
    runs = {run.name: run for run in result.runs}
    return Backtested(tree, file.grid.starts_utc[begin:], file.price_tick[begin:], runs, result.perfect)


def _read(source: PriceFile | FilePath) -> PriceFile:
    return source if isinstance(source, PriceFile) else prices(source)


def _published(name: str, source: FilePath, file: PriceFile) -> tuple[str, PublishedFile]:
    """What a file says was published ahead, with its name, or that of the series."""
    path = price_file(path_of(name, source), name)
    return name_of(path), read_published(path, Layout(timezone=file.grid.zone.key), name)


def _units(given: Unit | Sequence[Unit] | None) -> list[Unit]:
    units = [battery()] if given is None else list(given) if isinstance(given, Iterable) else [given]
    for unit in units:
        if not isinstance(unit, Unit):
            raise BadInput("batteries", type(unit).__name__, "must be batteries, as from voltadesk.battery")
    # Names tell batteries apart in what is reported.
    return units if len(units) == 1 else [replace(unit, name=f"{unit.name}-{n}") for n, unit in enumerate(units, 1)]
