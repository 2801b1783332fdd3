"""A backtest's files: `report.json`, `report.md`, and `intervals.parquet`, a row for each interval and strategy."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np

from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.report.backtest import Backtest, Run
from voltadesk.report.files import DATABASE, WRITE, Columns
from voltadesk.report.folder import OutFolder


def write_backtest(folder: OutFolder, result: Backtest, texts: dict[str, str]) -> None:
    """Write a backtest's table and texts (file name to content) into a folder that was begun."""
    _write_intervals(result, folder.path("intervals.parquet"))
    for name, text in texts.items():
        folder.write_text(name, text)
    folder.finish()


def _write_intervals(result: Backtest, target: Path) -> None:
    tables = [_columns(result, run) for run in result.runs]
    columns: Columns = {
        name: np.ma.concatenate([table[name] for table in tables])  # type: ignore[no-untyped-call]
        for name in tables[0]
    }
    with duckdb.connect(config=DATABASE) as database:
        database.register("columns_now", columns)
        quoted = str(target).replace("'", "''")
        database.execute(f"COPY (SELECT * FROM columns_now) TO '{quoted}' {WRITE['parquet']}")  # noqa: S608


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
