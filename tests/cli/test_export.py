"""A desk's tables as files: the same rows in every format, those of the books, all of one moment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.cli.answers import refused, tree
from tests.cli.conftest import asking
from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.store.desk import Desk
from voltadesk.store.tables import FIGURES

TABLES = ("ledger", "journal", "intervals", "trades", "batteries")
UNITS = ("_wh", "_tick", "_e8", "_s", "_ug")
WITHOUT_UNIT = {
    "entry", "number", "text", "account", "commodity", "amount", "kind", "actor", "key", "outcome", "command",
    "effects", "signature", "prev", "state_root", "participant", "market", "battery", "reason", "clearings",
}  # fmt: skip


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file, by its own reader where Python has one."""
    if path.suffix == ".json":
        return list(json.loads(path.read_text("utf-8")))
    with duckdb.connect() as database:
        options = {"all_varchar": True} if path.suffix == ".csv" else {}
        read = database.read_csv if path.suffix == ".csv" else database.read_parquet
        found = read(str(path), **options)
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


@pytest.fixture
def desk(market: Path) -> Path:
    """A desk whose market has run for a while."""
    assert asking(market)("headless", "run", "--intervals", "6").code == 0
    return market


def test_every_table_in_every_format(desk: Path, tmp_path: Path) -> None:
    ask = asking(desk)
    found = {}
    for form in ("parquet", "csv", "json"):
        told = tree(ask("export", "--out", str(tmp_path / form), "--format", form, "--json"))
        assert sorted(path.name for path in (tmp_path / form).iterdir()) == sorted(f"{name}.{form}" for name in TABLES)
        found[form] = {name: rows(tmp_path / form / f"{name}.{form}") for name in TABLES}
        assert told["rows"] == {name: len(found[form][name]) for name in TABLES}
    for name in TABLES:
        assert found["json"][name] == found["parquet"][name] != []
        as_text = [{key: "" if cell is None else str(cell) for key, cell in row.items()} for row in found["json"][name]]
        assert [{key: cell or "" for key, cell in row.items()} for row in found["csv"][name]] == as_text
        for column in found["json"][name][0]:
            assert column.endswith(UNITS) or column in WITHOUT_UNIT, column


def test_the_rows_are_those_of_the_books(desk: Path, tmp_path: Path) -> None:
    assert asking(desk)("export", "--out", str(tmp_path), "--format", "json").code == 0
    tables = {name: rows(tmp_path / f"{name}.json") for name in TABLES}
    with Desk.open(desk) as opened:
        postings, trades, batteries = list(opened.postings()), list(opened.trades()), list(opened.battery_intervals())
        intervals, entries = list(opened.intervals()), list(opened.journal.tail())
    assert [tuple(row.values()) for row in tables["ledger"]] == postings

    def known(row: dict[str, Any]) -> list[Any]:
        return [NO_PRICE_TICK if key.endswith("_tick") and cell is None else cell for key, cell in row.items()]

    assert [tuple(known(row)) for row in tables["trades"]] == trades
    assert [tuple(known(row)) for row in tables["batteries"]] == batteries
    assert [known(row) for row in tables["intervals"]] == [
        [row[name] for name in ("start_utc", "entry", *FIGURES)] for row in intervals
    ]
    for row, entry in zip(tables["journal"], entries, strict=True):
        assert (row["entry"], row["outcome"]) == (entry.seq, entry.fields["outcome"])
        assert json.loads(row["command"]) == entry.fields["command"]
        assert row["effects"] == entry.effects.decode()


def test_some_tables_and_another_format_take_the_place_of_earlier_ones(market: Path, tmp_path: Path) -> None:
    ask, out = asking(market), tmp_path / "out"
    assert ask("export", "--out", str(out), "--format", "csv").code == 0
    assert "up to entry" in ask("export", "trades", "ledger", "--out", str(out)).out
    left = {path.name for path in out.iterdir()}
    assert left == {"trades.parquet", "ledger.parquet", "journal.csv", "intervals.csv", "batteries.csv"}


def test_what_can_not_be_exported(market: Path, tmp_path: Path) -> None:
    ask = asking(market)
    assert refused(ask("export"), 3).startswith("out: must be a folder")
    assert "table = orders: must be one of ledger" in refused(ask("export", "orders", "--out", str(tmp_path / "x")), 3)
    (tmp_path / "file").write_text("")
    assert refused(ask("export", "--out", str(tmp_path / "file")), 3).startswith("out = ")
    assert not (tmp_path / "x").exists()
