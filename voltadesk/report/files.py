"""A run's files: its tables, every number an exact integer with its unit in the column's name, and its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.exchange import Exchange
from voltadesk.engine.tables import BATTERY_REASONS, COMMUNITY_ROW, KINDS, MARKETS, NO_PRICE_TICK, TRADE, Table
from voltadesk.feeds.parquet import sql_file, sql_text
from voltadesk.report.folder import OutFolder
from voltadesk.report.run_report import DRAWN
from voltadesk.report.tables import DATABASE, FORMATS, TEXT, WRITE, Columns, Format
from voltadesk.scenario.model import numbered
from voltadesk.scenario.world import World

TRADES_IN_MEMORY = 1 << 20  # receipts gathered before a part is written
BATTERY_COLUMNS = ("fill_wh", "charge_wh", "discharge_wh", "loss_wh", "buy_limit_tick", "sell_limit_tick")
TABLES = ("intervals", "trades", "batteries", "participants")
PARQUET = "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 1"
# Numbers as differences from row to row (DELTA_BINARY_PACKED) instead of a dictionary of them: half the time and size,
# but not of receipts, whose numbers come again and again. What is of an ENUM type has its dictionary all the same.
DIFFERENCES = f"{PARQUET}, DICTIONARY_SIZE_LIMIT 1"
PART = "(FORMAT parquet, PARQUET_VERSION v2, COMPRESSION lz4_raw, DICTIONARY_SIZE_LIMIT 1)"
MANY_NAMES = 1 << 15  # every row group of some 120,000 rows holds all names of an ENUM


class RunFiles(OutFolder):
    """Writes a run's files into a folder, all or none: they are made beside it and moved in when the run is done.

    `begin` comes first; `add_trades` takes the receipts of each chunk, `write` writes the other tables and texts;
    `close` comes last.
    """

    def __init__(self, folder: Path, world: World, form: Format = "parquet") -> None:
        super().__init__(folder)
        self.world, self.form = world, form
        self._trades: list[Table] = []
        self._parts: list[Path] = []
        self._writer = ThreadPoolExecutor(1)
        # Its thread is started now: one that a ctrl+c cuts off in starting would not be waited for by `close`.
        self._writer.submit(int).result()
        self._database = duckdb.connect(config=DATABASE)
        self._names = _participants(world)
        self._writing: Future[None] = self._writer.submit(self._add_names)

    def close(self) -> None:
        """Remove whatever was not finished, and folders that were made for it and hold nothing."""
        self._database.interrupt()
        self._writer.shutdown()
        super().close()
        self._database.close()

    def add_trades(self, trades: Table) -> None:
        """Take the receipts of a chunk (TRADE)."""
        self._trades.append(trades)
        if sum(map(len, self._trades)) >= TRADES_IN_MEMORY:
            self._flush_trades()  # while the market goes on

    def write(self, exchange: Exchange, report: Mapping[str, str | bytes]) -> None:
        """Write all tables and the report's files (by name), then move everything into the folder."""
        if self._trades or not self._parts:
            self._flush_trades()
        self._writing.result()
        self._merge_trades()
        for part in self._parts:
            part.unlink()
        self._write("intervals", "SELECT * FROM columns_now", self._intervals(exchange))
        self._write_batteries(exchange)
        self._write("participants", "SELECT * FROM columns_now", self._participants(exchange))
        self.write_all(report)
        # What an earlier run left in the other formats would not be of this run.
        self.finish([*DRAWN, *(f"{table}.{form}" for table in TABLES for form in FORMATS)])

    def _write(self, name: str, select: str, columns: Columns | None = None) -> None:
        """Write what is selected, from the columns where there are some, as the table of that name."""
        parquet = PARQUET if name == "trades" else DIFFERENCES
        how = f"({parquet})" if self.form == "parquet" else WRITE[self.form]
        target = sql_text(self.path(f"{name}.{self.form}"))
        # In a thread of its own, as the database would take a ctrl+c of this one for itself.
        self._writer.submit(self._copy, f"COPY ({select}) TO {target} {how}", columns).result()

    def _copy(self, statement: str, columns: Columns | None) -> None:
        if columns is not None:
            self._database.register("columns_now", columns)
        self._database.execute(statement)
        self._database.unregister("columns_now")

    def _add_names(self) -> None:
        """Set lists of the names that numbers in rows stand for."""
        first, last = self._first_of_kind[2:]
        names = {
            "participants": self._names.tolist(),
            "batteries": self._names[first:last].tolist(),
            "kinds": KINDS,
            "markets": MARKETS,
            "reasons": BATTERY_REASONS,
        }
        for name, some in names.items():
            self._database.execute(f"SET VARIABLE {name} = $1::{_kind(some)}[]", [list(some)])

    def _flush_trades(self) -> None:
        """Have the receipts gathered so far written as a part, numbers only; the part before is waited for."""
        self._writing.result()
        self._parts.append(self.work / f"part-{len(self._parts):06d}.parquet")
        self._writing = self._writer.submit(self._write_part, self._parts[-1], self._trades)
        self._trades = []

    def _write_part(self, part: Path, trades: list[Table]) -> None:
        trades = trades or [np.zeros(0, TRADE)]
        columns: Columns = {name: np.concatenate([some[name] for some in trades]) for name in TRADE.names or ()}
        columns["participant"] += self._first_of_kind[columns["kind"]]
        self._copy(f"COPY (SELECT * FROM columns_now) TO {sql_text(part)} {PART}", columns)  # noqa: S608

    def _merge_trades(self) -> None:
        """Write all parts as one table, with names for participants, kinds and markets."""
        grid = self.world.grid
        parts = ", ".join(sql_file(part) for part in self._parts)
        select = f"""
            SELECT interval, {grid.start_utc} + interval * {grid.step_s} AS start_utc_s,
                getvariable('participants')[participant + 1] AS participant,
                getvariable('kinds')[kind + 1] AS kind, getvariable('markets')[market + 1] AS market,
                energy_wh, price_tick, amount_e8, fees_e8
            FROM read_parquet([{parts}])"""  # noqa: S608
        self._write("trades", select)

    @property
    def _first_of_kind(self) -> NDArray[np.int64]:
        world = self.world
        counts = [len(world.home_group), len(world.scenario.plants), len(world.battery_group)]
        return np.cumsum([0, *counts])

    def _intervals(self, exchange: Exchange) -> Columns:
        rows, grid = exchange.intervals[: exchange.next_interval], self.world.grid
        columns: Columns = {
            "interval": np.arange(len(rows), dtype=np.int64),
            "start_utc_s": np.ascontiguousarray(grid.starts_utc[: len(rows)]),
        }
        for name in rows.dtype.names or ():
            values = np.ascontiguousarray(rows[name])
            columns[name] = np.ma.masked_equal(values, NO_PRICE_TICK) if name.endswith("_tick") else values
        if exchange.is_continuous:
            for name in COMMUNITY_ROW.names or ():
                values = np.ascontiguousarray(exchange.community_rows[name][: len(rows)])
                is_price = name.endswith("_tick")
                columns[f"community_{name}"] = np.ma.masked_equal(values, NO_PRICE_TICK) if is_price else values
        for p, plant in enumerate(self.world.scenario.plants):
            columns[f"plant_{plant.name}_wh"] = np.ascontiguousarray(exchange.plant_output_wh[: len(rows), p])
        return columns

    def _write_batteries(self, exchange: Exchange) -> None:
        """A row for each interval and battery."""
        lines = exchange.battery_rows[: exchange.next_interval]
        count, fleet = lines.shape
        grid, flat = self.world.grid, lines.reshape(-1)
        columns: Columns = {name: flat[name] for name in (*BATTERY_COLUMNS, "reason")}
        columns["interval"] = np.repeat(np.arange(count, dtype=np.int64), fleet)
        columns["battery"] = np.tile(np.arange(fleet, dtype=np.int64), count)
        ticks = ", ".join(f"nullif({name}, {NO_PRICE_TICK}) AS {name}" for name in BATTERY_COLUMNS if "_tick" in name)
        select = f"""
            SELECT interval, {grid.start_utc} + interval * {grid.step_s} AS start_utc_s,
                getvariable('batteries')[battery + 1] AS battery, fill_wh, charge_wh, discharge_wh, loss_wh,
                getvariable('reasons')[reason + 1] AS reason, {ticks}
            FROM columns_now"""  # noqa: S608
        self._write("batteries", select, columns)

    def _participants(self, exchange: Exchange) -> Columns:
        """One row a participant, with what it bought, sold and received in each market."""
        homes, plants, fleet = exchange.homes, exchange.plants, exchange.batteries
        accounts, share = exchange.accounts, exchange.battery_share
        nothing = [np.zeros(len(table), np.int64) for table in (homes, plants, fleet, accounts)]
        upstream_bought, upstream_sold = accounts["upstream_bought_wh"], accounts["upstream_sold_wh"]
        by_column = {
            "community_bought_wh": [homes["community_bought_wh"], nothing[1], share["bought_wh"], nothing[3]],
            "community_sold_wh": [homes["community_sold_wh"], nothing[1], share["sold_wh"], nothing[3]],
            "auction_bought_wh": [
                homes["auction_bought_wh"], nothing[1], fleet["charged_wh"] - share["bought_wh"], upstream_bought,
            ],
            "auction_sold_wh": [
                homes["auction_sold_wh"], plants["auction_sold_wh"], fleet["discharged_wh"] - share["sold_wh"],
                upstream_sold,
            ],
            "imbalance_short_wh": [homes["imbalance_short_wh"], plants["imbalance_short_wh"], *nothing[2:]],
            "imbalance_long_wh": [homes["imbalance_long_wh"], plants["imbalance_long_wh"], *nothing[2:]],
            "community_e8": [homes["community_e8"], nothing[1], share["amount_e8"], nothing[3]],
            "auction_e8": [
                homes["auction_e8"], plants["auction_e8"],
                fleet["bought_e8"] + fleet["sold_e8"] - share["amount_e8"], accounts["upstream_e8"],
            ],
            "imbalance_e8": [homes["imbalance_e8"], plants["imbalance_e8"], *nothing[2:]],
            "fees_e8": [homes["fees_e8"], nothing[1], fleet["fees_e8"], accounts["upstream_fees_e8"]],
            "load_wh": [homes["load_wh"], *nothing[1:]],
            "shed_wh": [homes["shed_wh"], *nothing[1:]],
            "solar_wh": [homes["solar_wh"], *nothing[1:]],
            "curtailed_wh": [homes["curtailed_wh"], *nothing[1:]],
        }  # fmt: skip
        kinds = np.repeat(np.array(KINDS), [len(homes), len(plants), len(fleet), 1])
        columns: Columns = {"participant": self._names, "kind": kinds}
        return columns | {name: np.concatenate(parts) for name, parts in by_column.items()}


def _participants(world: World) -> NDArray[Any]:
    """Names of all participants: homes, plants, batteries, upstream."""
    names = [
        *numbered(world.scenario.homes),
        *(plant.name for plant in world.scenario.plants),
        *numbered(world.scenario.fleet),
        "upstream",
    ]
    return np.array(names)


def _kind(names: Sequence[str]) -> str:
    """The type of a column of such names: ENUM, which costs a row no more than a number, unless there are many."""
    if not 0 < len(names) <= MANY_NAMES:
        return TEXT
    return "ENUM (" + ", ".join(sql_text(name) for name in dict.fromkeys(names)) + ")"
