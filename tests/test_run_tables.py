"""A run's tables of receipts and batteries against plain lists made from the same replay, row by row."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.replays import scenario_file
from tests.scenario import TOWN
from voltadesk.engine.exchange import Exchange
from voltadesk.engine.tables import BATTERY_REASONS, KINDS, MARKETS, NO_PRICE_TICK, Table
from voltadesk.report import files as run_files
from voltadesk.report.files import RunFiles
from voltadesk.scenario.read import read_scenario
from voltadesk.scenario.replay import replay
from voltadesk.scenario.world import World


def written(folder: Path, out: Path) -> tuple[World, Exchange, list[tuple[int, ...]]]:
    """Run the scenario, write its tables into `out`, and return its receipts as tuples."""
    world = World(read_scenario(scenario_file(folder, TOWN)), folder)
    receipts: list[tuple[int, ...]] = []
    files = RunFiles(out, world)
    files.begin()
    try:

        def take(trades: Table) -> None:
            receipts.extend(trades.tolist())
            files.add_trades(trades)

        exchange = replay(world, on_trades=take)
        files.write(exchange, {})
    finally:
        files.close()
    return world, exchange, receipts


def table(path: Path) -> list[tuple[object, ...]]:
    with duckdb.connect() as database:
        return database.execute("FROM read_parquet($1)", [str(path)]).fetchall()


@pytest.mark.parametrize(("in_memory", "many"), [(1 << 20, 1 << 15), (50, 1 << 15), (50, 2)])
def test_tables_are_the_replay_row_by_row(
    in_memory: int, many: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_files, "TRADES_IN_MEMORY", in_memory)
    monkeypatch.setattr(run_files, "MANY_NAMES", many)
    monkeypatch.setattr("voltadesk.scenario.replay.CELLS_PER_CHUNK", 500)
    world, exchange, receipts = written(tmp_path, tmp_path / "out")
    names = [
        ["flats-1", "flats-2", "flats-3", "houses-1", "houses-2"],
        ["mill", "field"],
        ["cellar-1", "cellar-2"],
        ["upstream"],
    ]
    start, step = world.grid.start_utc, world.grid.step_s
    assert len(receipts) > 192
    assert table(tmp_path / "out" / "trades.parquet") == [
        (interval, start + interval * step, names[kind][who], KINDS[kind], MARKETS[market], *amounts)
        for interval, kind, who, market, *amounts in receipts
    ]
    assert table(tmp_path / "out" / "batteries.parquet") == [
        (interval, start + interval * step, name, *energies, BATTERY_REASONS[reason], *limits)
        for interval, lines in enumerate(exchange.battery_rows.tolist())
        for name, (*energies, reason, buy, sell) in zip(names[2], lines, strict=True)
        for limits in [[None if limit == NO_PRICE_TICK else limit for limit in (buy, sell)]]
    ]


def test_the_same_run_makes_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_files, "TRADES_IN_MEMORY", 50)
    for out in ("a", "b"):
        written(tmp_path, tmp_path / out)
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
