"""A run's tables as files: Parquet or CSV, every number an exact integer with its unit in the column's name."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import duckdb
import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.exchange import Exchange
from voltadesk.engine.tables import BATTERY_REASONS, COMMUNITY_ROW, KINDS, MARKETS, NO_PRICE_TICK, TRADE, Table
from voltadesk.errors import BadInput
from voltadesk.scenario.model import numbered
from voltadesk.scenario.world import World

Format = Literal["parquet", "csv"]
Columns = dict[str, NDArray[Any]]
WRITE = {"parquet": "(FORMAT parquet, COMPRESSION zstd)", "csv": "(FORMAT csv, HEADER)"}
# Threads of its own for writing would wait for each other for ever when a statement is interrupted (DuckDB 2.0).
DATABASE: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "async_threads": 0,
    "autoinstall_known_extensions": False,
}
TRADES_IN_MEMORY = 1 << 20  # receipts gathered before a part is written


class RunFiles:
    """Writes a run's files into a folder, all or none: they are made beside it and moved in when the run is done.

    `begin` comes first; `add_trades` takes the receipts of each chunk, `finish` writes the other tables and texts;
    `close` comes last.
    """

    def __init__(self, folder: Path, world: World, form: Format = "parquet") -> None:
        self.folder, self.world, self.form = folder, world, form
        self._trades: list[Table] = []
        self._parts: list[Path] = []
        self._writer = ThreadPoolExecutor(1)
        # Its thread is started now: one that a ctrl+c cuts off in starting would not be waited for by `close`.
        self._writer.submit(int).result()
        self._database = duckdb.connect(config=DATABASE)
        self._names = _participants(world)
        self._made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        self._work = folder / f".voltadesk-{os.urandom(8).hex()}"

    def begin(self) -> None:
        """Make the folders. `close` removes them again: call this where it surely comes after. Raises BadInput."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._work.mkdir(0o700)
        except OSError as error:
            raise BadInput("out", str(self.folder), (error.strerror or "can't be written").lower()) from None

    def close(self) -> None:
        """Remove whatever was not finished, and folders that were made for it and hold nothing."""
        self._database.interrupt()
        self._writer.shutdown()
        shutil.rmtree(self._work, ignore_errors=True)
        with suppress(OSError):
            for made in self._made:
                made.rmdir()
        self._database.close()

    def add_trades(self, trades: Table) -> None:
        """Take the receipts of a chunk (TRADE)."""
        self._trades.append(trades)
        if sum(map(len, self._trades)) >= TRADES_IN_MEMORY:
            self._flush_trades()

    def finish(self, exchange: Exchange, texts: dict[str, str]) -> None:
        """Write all tables and the texts (file name to content), then move everything into the folder."""
        self._flush_trades()
        self._merge_trades()
        self._write("intervals", self._intervals(exchange))
        self._write("batteries", self._batteries(exchange))
        self._write("participants", self._participants(exchange))
        for name, text in texts.items():
            (self._work / name).write_text(text, encoding="utf-8", newline="\n")
        for made in sorted(self._work.iterdir()):
            if made not in self._parts:
                os.replace(made, self.folder / made.name)
                # What an earlier run left in the other format would not be of this run.
                for other in WRITE:
                    if made.suffix == f".{self.form}" and other != self.form:
                        (self.folder / f"{made.stem}.{other}").unlink(missing_ok=True)

    def _execute(self, statement: str, parameters: list[Any] | None = None) -> None:
        # In a thread of its own, as the database would take a ctrl+c of this one for itself.
        self._writer.submit(self._database.execute, statement, parameters).result()

    def _quoted(self, name: str) -> str:
        return str(self._work / f"{name}.{self.form}").replace("'", "''")

    def _write(self, name: str, columns: Columns) -> None:
        self._database.register("columns_now", columns)
        self._execute(
            f"COPY (SELECT * FROM columns_now) TO '{self._quoted(name)}' {WRITE[self.form]}"  # noqa: S608
        )
        self._database.unregister("columns_now")

    def _flush_trades(self) -> None:
        """Write the receipts gathered so far as a part, numbers only."""
        if not self._trades and self._parts:
            return
        rows = np.concatenate(self._trades) if self._trades else np.zeros(0, TRADE)
        self._trades = []
        part = self._work / f"part-{len(self._parts):06d}.parquet"
        columns: Columns = {name: np.ascontiguousarray(rows[name]) for name in rows.dtype.names or ()}
        self._database.register("columns_now", columns)
        target = str(part).replace("'", "''")
        self._execute(f"COPY (SELECT * FROM columns_now) TO '{target}' (FORMAT parquet)")  # noqa: S608
        self._database.unregister("columns_now")
        self._parts.append(part)

    def _merge_trades(self) -> None:
        """Write all parts as one table, with names for participants, kinds and markets."""
        grid = self.world.grid
        firsts = self._first_of_kind.tolist()
        self._execute("SET VARIABLE participants = $1::VARCHAR[]", [self._names.tolist()])
        self._execute("SET VARIABLE firsts = $1::BIGINT[]", [firsts])
        self._execute("SET VARIABLE kinds = $1::VARCHAR[]", [list(KINDS)])
        self._execute("SET VARIABLE markets = $1::VARCHAR[]", [list(MARKETS)])
        select = f"""
            SELECT interval, {grid.start_utc} + interval * {grid.step_s} AS start_utc_s,
                getvariable('participants')[getvariable('firsts')[kind + 1] + participant + 1] AS participant,
                getvariable('kinds')[kind + 1] AS kind, getvariable('markets')[market + 1] AS market,
                energy_wh, price_tick, amount_e8, fees_e8
            FROM read_parquet($1)"""  # noqa: S608
        parts = [str(part) for part in self._parts]
        self._execute(f"COPY ({select}) TO '{self._quoted('trades')}' {WRITE[self.form]}", [parts])

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

    def _batteries(self, exchange: Exchange) -> Columns:
        lines = exchange.battery_rows[: exchange.next_interval]
        count, fleet = lines.shape
        first = self._first_of_kind[2]
        interval = np.repeat(np.arange(count, dtype=np.int64), fleet)
        flat = lines.reshape(-1)
        return {
            "interval": interval,
            "start_utc_s": self.world.grid.start_utc + interval * self.world.grid.step_s,
            "battery": np.tile(self._names[first : first + fleet], count),
            **{name: np.ascontiguousarray(flat[name]) for name in ("fill_wh", "charge_wh", "discharge_wh", "loss_wh")},
            "reason": np.array(BATTERY_REASONS)[flat["reason"]],
            **{
                name: np.ma.masked_equal(np.ascontiguousarray(flat[name]), NO_PRICE_TICK)
                for name in ("buy_limit_tick", "sell_limit_tick")
            },
        }

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
