"""A backtest's files: its report, and the table `intervals`, a row for each interval and strategy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.report.backtest import Backtest, Run
from voltadesk.report.folder import OutFolder
from voltadesk.report.run_report import DRAWN
from voltadesk.report.tables import FORMATS, Columns, Format, write_table


def write_backtest(
    folder: OutFolder, result: Backtest, report: Mapping[str, str | bytes], form: Format = "parquet"
) -> None:
    """Write a backtest's table and the report's files (by name) into a folder that was begun."""
    tables = [_columns(result, run) for run in result.runs]
    columns: Columns = {
        name: np.ma.concatenate([table[name] for table in tables])  # type: ignore[no-untyped-call]
        for name in tables[0]
    }
    write_table(columns, folder.path(f"intervals.{form}"), form)
    folder.write_all(report)
    folder.finish([*DRAWN, *(f"intervals.{form}" for form in FORMATS)])


def _columns(result: Backtest, run: Run) -> Columns:
    grid, prices, begin, count = result.prices.grid, result.prices, result.begin, len(run.fill_wh)
    limit = np.full((2, count), NO_PRICE_TICK) if run.only is None else run.only.limit_tick
    worth = np.full((2, count), np.nan) if run.only is None else run.only.worth_tick
    ticks = {
        "buy_price_tick": prices.buy_tick[begin:],
        "sell_price_tick": prices.sell_tick[begin:],
        "buy_limit_tick": limit[0],
        "sell_limit_tick": limit[1],
    }
    return {
        "strategy": np.full(count, run.name),
        "start_utc_s": grid.starts_utc[begin:],
        **{name: np.ma.masked_equal(tick, NO_PRICE_TICK) for name, tick in ticks.items()},
        "bought_wh": run.bought_wh,
        "sold_wh": run.sold_wh,
        "fill_wh": run.fill_wh,
        "earned_e8": run.earned_e8,
        "wear_e8": run.wear_e8,
        "worth_more_tick": np.ma.masked_invalid(worth[0]),
        "worth_less_tick": np.ma.masked_invalid(worth[1]),
    }
