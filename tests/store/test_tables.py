"""What entries did, as tables: written with them, read by others, made again from the journal to the last byte."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.desk.town import TOWN
from tests.store.crash import DESK_ID, FOUNDER, KEY, signed
from tests.store.test_journal import change
from voltadesk.clock import utc_text
from voltadesk.desk.export import export
from voltadesk.desk.source import Source
from voltadesk.engine import tables as engine_tables
from voltadesk.errors import CheckFailed
from voltadesk.store import audit, database, tables
from voltadesk.store.audit import rebuild, verify
from voltadesk.store.desk import Desk
from voltadesk.store.journal import DATABASE
from voltadesk.store.keys import Key
from voltadesk.store.machine import SignedCommand, key_text
from voltadesk.store.tables import FIGURES, PROJECTIONS

COOP = Key.from_seed(b"c" * 32)
INTERVALS = 6


def advance(desk: Desk) -> SignedCommand:
    now = utc_text(desk.book.now_utc)
    return signed(now, "market.advance", interval=now)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk whose market has run for a few hours, with an order of its holder and a second investment."""
    folder = tmp_path_factory.mktemp("town") / "desk"
    source = Source(TOWN, {})
    holders = {"coop": key_text(COOP.public)}
    with Desk.create(folder, FOUNDER, KEY, desk_id=DESK_ID, source=source, holders=holders) as desk:
        order = {"side": "buy", "quantity_kwh": "1", "price": "4000"}
        desk.execute(signed("order", "order.place", by="coop", private=COOP, **order))
        for _ in range(INTERVALS):
            desk.execute(advance(desk))
        desk.execute(signed("more", "fund.invest", by="coop", private=COOP, amount="10"))
    return folder


def dump(folder: Path) -> dict[str, list[Any]]:
    """All rows of the tables that hold what entries did."""
    with closing(sqlite3.connect(folder / DATABASE)) as raw:
        return {table.name: raw.execute(f"SELECT * FROM {table.name}").fetchall() for table in PROJECTIONS}  # noqa: S608


def test_the_tables_hold_what_the_market_made(folder: Path, desk: Desk) -> None:
    rows = list(desk.postings())
    assert rows == sorted(rows, key=lambda row: (*row[:2], *row[4:6]))
    assert {sum(row.amount for row in rows if row.commodity == name) for name in ("EUR", "WH", "SHARE")} == {0}
    balances: dict[tuple[str, str], int] = {}
    for row in rows:
        balances[row[4:6]] = balances.get(row[4:6], 0) + row.amount
    assert {key: held for key, held in balances.items() if held} == {
        (row.account, row.commodity): row.amount for row in desk.book.ledger.balances()
    }
    times = [row["start_utc"] for row in desk.intervals()]
    assert len(times) == INTERVALS
    assert [row["start_utc"] for row in desk.intervals(after_utc=times[1], limit=2)] == times[2:4]
    assert [row.start_utc for row in desk.battery_intervals(battery="cellar-1")] == times
    assert len(list(desk.battery_intervals(after_utc=times[-2]))) == 2
    trades = list(desk.trades())
    assert {row.start_utc for row in trades} == set(times)
    assert [row for row in trades if row.actor == "coop"] == list(desk.trades("coop"))
    assert next(desk.trades("coop")).participant == "order:o-1"
    assert list(desk.trades("")) == []
    assert verify(folder, with_tables=True).entries == INTERVALS + 3


def test_rows_are_told_in_parts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, trades = list(desk.postings()), list(desk.trades())
    monkeypatch.setattr("voltadesk.store.projection.CHUNK", 3)
    assert list(desk.postings()) == rows
    assert list(desk.trades()) == trades
    assert list(desk.postings(after=2)) == [row for row in rows if row.entry > 2]
    homes = [row for row in rows if row.account.startswith("ext:home:")]
    assert list(desk.postings(account_prefix="ext:home:")) == homes != []
    assert len(list(desk.postings(limit=4))) == 4


def test_a_statement_lists_each_investment(folder: Path, desk: Desk) -> None:
    told = desk.statement("coop")
    assert [row.amount_e8 for row in told.investments] == [1_000 * 10**8, 10 * 10**8]
    assert told.invested_e8 == 1_010 * 10**8
    change(folder / DATABASE, ("UPDATE posting SET amount = -5 WHERE account = 'ext:bank:coop' AND entry = 0", ()))
    with pytest.raises(CheckFailed, match="investments of coop differ"):
        desk.statement("coop")


def test_the_ledger_is_exported_from_its_postings(desk: Desk) -> None:
    entries = list(desk.ledger_entries())
    assert entries[0].text == "add cellar-1"
    assert sum(len(entry.postings) for entry in entries) == len(list(desk.postings()))
    assert export(entries, "hledger").startswith("commodity EUR")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE posting SET amount = amount + 1 WHERE entry = 3 AND account = 'fees:operator'",
        "UPDATE posting SET text = 'x' WHERE entry = 0",
        "DELETE FROM posting WHERE entry = 8",
        "INSERT INTO posting VALUES (1, 9, 0, '', 'ext:grid', 'EUR', 1)",
        "INSERT INTO posting VALUES (-1, 0, 0, '', 'ext:grid', 'EUR', 1)",
        "INSERT INTO posting VALUES (999, 0, 0, '', 'ext:grid', 'EUR', 1)",
        "UPDATE interval SET welfare_e8 = welfare_e8 - 1",
        f"INSERT INTO interval SELECT start_utc - 3600, entry, {', '.join(FIGURES)} FROM interval LIMIT 1",  # noqa: S608
        "DELETE FROM trade WHERE entry = 4 AND number = 0",
        "UPDATE trade SET actor = 'coop' WHERE entry = 4",
        "UPDATE battery_interval SET reason = 'full' WHERE battery = 'cellar-2'",
        "DELETE FROM battery_interval",
    ],
)
def test_rebuilding_gives_the_same_bytes_whatever_was_changed(made: Path, folder: Path, statement: str) -> None:
    change(folder / DATABASE, (statement, ()))
    assert dump(folder) != dump(made)
    with pytest.raises(CheckFailed, match="table "):
        verify(folder, with_tables=True)
    assert verify(folder).entries == INTERVALS + 3  # the journal is whole all the same
    rebuild(folder)
    assert dump(folder) == dump(made)
    assert verify(folder, with_tables=True).entries == INTERVALS + 3


def test_a_rebuild_that_fails_leaves_all_as_it_was(made: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(audit.projection, "store", lambda connection, made: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            rebuild(folder)
    assert dump(folder) == dump(made)
    change(folder / DATABASE, ("UPDATE effect SET body = x'7b7d' WHERE seq = 1", ()))
    with pytest.raises(CheckFailed, match="entry 1"):
        rebuild(folder)
    assert dump(folder) == dump(made)


def test_a_scenario_file_that_was_changed_is_found(tmp_path: Path) -> None:
    """Files are an input: they are kept by their hashes, which the founding entry names."""
    text = TOWN + '\n[upstream]\nprices = { file = "p.csv", column = "price" }\nlimit_kw = 5\n'
    rows = "".join(f"2026-06-{19 + hour // 24:02}T{hour % 24:02}:00Z,50.00\n" for hour in range(22, 72))
    files = {"p.csv": b"time,price\n" + rows.encode()}
    folder = tmp_path / "desk"
    holders = {"coop": key_text(COOP.public)}
    with Desk.create(folder, FOUNDER, KEY, desk_id=DESK_ID, source=Source(text, files), holders=holders) as desk:
        assert desk.execute(advance(desk)).outcome == "done"
        root = desk.state_root()
    with Desk.open(folder) as desk:
        assert desk.state_root() == root
    assert verify(folder, with_tables=True).state_root == root
    change(folder / DATABASE, ("UPDATE source SET body = zeroblob(length(body))", ()))
    for look in (Desk.open, verify):
        with pytest.raises(CheckFailed, match="the scenario's file"):
            look(folder)


# Schema ---------------------------------------------------------------------------------------------------------------
def to_first_schema(path: Path) -> None:
    """Take from a database what revision 0002 brought."""
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        for name in (*(table.name for table in PROJECTIONS), "source", "snapshot"):
            raw.execute(f"DROP TABLE {name}")
        raw.execute("UPDATE alembic_version SET version_num = '0001'")
        raw.execute("PRAGMA user_version = 0")


def to_second_schema(path: Path) -> None:
    """Take from a database what revision 0003 and those after it brought."""
    to_third_schema(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        for name in ("buy_limit_tick", "sell_limit_tick"):
            raw.execute(f"ALTER TABLE battery_interval DROP COLUMN {name}")
        raw.execute("UPDATE alembic_version SET version_num = '0002'")


def to_third_schema(path: Path) -> None:
    """Take from a database what revision 0004 brought."""
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("DROP INDEX trade_product")
        raw.execute("UPDATE alembic_version SET version_num = '0003'")


@pytest.mark.parametrize(
    ("to_earlier", "tables"), [(to_first_schema, 3), (to_second_schema, None), (to_third_schema, None)]
)
def test_a_file_of_an_earlier_schema_is_brought_up_to_date(
    to_earlier: Callable[[Path], None], tables: int | None, made: Path, folder: Path
) -> None:
    to_earlier(folder / DATABASE)
    assert len(dump_names(folder, "table")) == (tables or len(dump_names(made, "table")))
    with Desk.open(folder) as desk:  # fills the tables too
        assert len(list(desk.intervals())) == INTERVALS
    assert dump(folder) == dump(made)
    for kind in ("table", "index"):
        assert dump_names(folder, kind) == dump_names(made, kind)


def dump_names(folder: Path, kind: str) -> list[Any]:
    with closing(sqlite3.connect(folder / DATABASE)) as raw:
        return raw.execute("SELECT name, sql FROM sqlite_schema WHERE type = ? ORDER BY name", (kind,)).fetchall()


def test_filling_the_tables_cut_short_is_made_good_for(
    made: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to_first_schema(folder / DATABASE)
    database.open_database(folder / DATABASE).dispose()  # migrated, then the program ends
    assert not any(dump(folder).values())
    with Desk.open(folder):
        pass
    assert dump(folder) == dump(made)


def test_columns_of_intervals_are_the_engines() -> None:
    assert engine_tables.INTERVAL.names == tables.FIGURES
