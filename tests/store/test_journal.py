"""The journal alone: what is kept, what is found out, and what a chain can't find out by itself."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, inspect
from sqlalchemy.exc import OperationalError
from sqlmodel import SQLModel

from tests.store.server import BOTH
from voltadesk.errors import BadInput, CheckFailed, VoltaDeskError
from voltadesk.store import database, merkle, sqlite
from voltadesk.store.anchor import Anchor, Head, anchor_path
from voltadesk.store.canonical import canonical
from voltadesk.store.database import NAMED, SCHEMA, reading, writing
from voltadesk.store.journal import Draft, Journal
from voltadesk.store.keys import Key
from voltadesk.store.note import Verifier, verify_checkpoint
from voltadesk.store.sqlite import safe_mode

KEY = Key.from_seed(bytes(range(32)))


def draft(number: int, outcome: str = "done", **fields: Any) -> Draft:
    given = {"time_utc": number, "kind": "test", "actor": "ann", "command": {"n": str(number)}, "key": f"k{number}"}
    rest = {"signature": "", "outcome": outcome, "effects": b"{}", "state_root": "00"}
    return Draft(**(given | rest | fields))


def append(journal: Journal, *numbers: int) -> None:
    with journal.writing() as batch:
        for number in numbers:
            batch.append(draft(number))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a journal without entries: making the tables takes longer than copying them."""
    folder = tmp_path_factory.mktemp("journal")
    Journal.create(folder / "j.db").close()
    return folder


@pytest.fixture
def path(empty: Path, tmp_path: Path, url: str) -> Path:
    if url:
        Journal.create(tmp_path / NAMED, url).close()
        return tmp_path / NAMED
    shutil.copytree(empty, tmp_path, dirs_exist_ok=True)
    return tmp_path / "j.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with Journal.open(path) as opened:
        yield opened


def change(path: Path, *statements: tuple[str, tuple[object, ...]]) -> None:
    """Change the database as somebody does who has it, anchor or no anchor."""
    if path.name == NAMED:
        with psycopg.connect(path.read_text().strip()) as server:
            server.execute("ALTER TABLE effect DROP CONSTRAINT IF EXISTS effect_seq_fkey")
            for statement, values in statements:
                server.execute(statement.replace("?", "%s").encode(), values)
        return
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for statement, values in statements:
            connection.execute(statement, values)
    connection.close()


# The file -------------------------------------------------------------------------------------------------------------
def test_the_file_is_private_strict_and_durable(path: Path, journal: Journal) -> None:
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(anchor_path(path)).st_mode) == 0o600
    with reading(journal._engine) as connection:
        journal_mode, synchronous = safe_mode(sqlite3.sqlite_version_info)
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == journal_mode
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == {"full": 2, "extra": 3}[synchronous]
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        tables = connection.exec_driver_sql("SELECT name, strict FROM pragma_table_list").all()
        assert {name for name, strict in tables if strict} == set(SQLModel.metadata.tables)
    with pytest.raises(sqlite3.IntegrityError, match="TEXT"), sqlite3.connect(path) as raw:
        raw.execute("INSERT INTO entry VALUES (0, x'00', x'00', x'00', 'k')")
    raw.close()


def test_wal_only_where_it_is_safe() -> None:
    assert safe_mode((3, 40, 1)) == safe_mode((3, 51, 2)) == ("truncate", "extra")
    assert safe_mode((3, 51, 3)) == safe_mode((4, 0, 0)) == ("wal", "full")


def schema_of(connection: Connection) -> dict[str, Any]:
    """All that is said of each table: to its words in a file, and on a server by what it finds in them."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        found: dict[str, Any] = {name: "".join(sql.split()) for name, sql in rows}
    else:
        look = inspect(connection)
        asked = (look.get_columns, look.get_pk_constraint, look.get_foreign_keys, look.get_indexes,
                 look.get_unique_constraints, look.get_check_constraints)  # fmt: skip
        found = {name: [str(ask(name)) for ask in asked] for name in look.get_table_names()}
    found["version"] = connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
    return found


@BOTH
def test_tables_in_code_are_those_of_the_migrations(path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    engine = database.open_database(path)
    with writing(engine) as connection:
        made = schema_of(connection)
        SQLModel.metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE alembic_version")
        database._migrate(connection)
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []
        assert schema_of(connection) == made
    engine.dispose()
    scripts = ScriptDirectory(str(Path(database.__file__).parent / "migrations"))
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == SCHEMA


def test_what_is_no_desk_is_refused(path: Path, tmp_path: Path) -> None:
    for name, data in (("empty", b""), ("text", b"no database at all" * 100)):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(BadInput, match="is no desk"):
            Journal.open(tmp_path / name)
        assert (tmp_path / name).read_bytes() == data
    change(tmp_path / "other", ("CREATE TABLE entry (x)", ()))
    with pytest.raises(BadInput, match="is no desk"):
        Journal.open(tmp_path / "other")
    with pytest.raises(BadInput, match="is not there"):
        Journal.open(tmp_path / "nothing")
    with pytest.raises(BadInput, match="is there already"):
        Journal.create(path)


@BOTH
def test_a_newer_schema_is_refused(path: Path) -> None:
    change(path, ("UPDATE alembic_version SET version_num = '9999'", ()))
    with pytest.raises(BadInput, match=r"schema = 9999: .*newer"):
        Journal.open(path)


def test_a_writing_transaction_locks_at_its_beginning(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_MS", 50)
    one, two = database.open_database(path), database.open_database(path)
    with writing(one):
        with reading(two) as connection:
            connection.exec_driver_sql("SELECT * FROM entry").all()
        with pytest.raises(OperationalError, match="locked"), writing(two):
            pass
    one.dispose()
    two.dispose()


# Writing --------------------------------------------------------------------------------------------------------------
@BOTH
def test_entries_are_read_as_they_were_written(path: Path, journal: Journal) -> None:
    append(journal, 0)
    append(journal, 1, 2)
    journal.close()
    journal = Journal.open(path)
    assert journal.catch_up() == 3
    assert [entry.fields["command"]["n"] for entry in journal.tail()] == ["0", "1", "2"]
    assert [entry.seq for entry in journal.tail(0, limit=1)] == [1]
    entries = list(journal.tail())
    assert [e.leaf for e in entries] == [merkle.leaf_hash(e.body) for e in entries]
    assert [e.fields["prev"] for e in entries] == [bytes(32).hex(), entries[0].leaf.hex(), entries[1].leaf.hex()]
    assert all(canonical(e.fields) == e.body for e in entries)
    assert journal.root() == journal.root(3) == merkle.root([e.leaf for e in entries])
    assert journal.head() == (2, entries[2].leaf) == Anchor(anchor_path(path)).read()
    assert journal.find("ann", "k1") == entries[1]
    assert journal.find("ann", "k9") is None
    assert journal.verify() == 3
    journal.close()


@BOTH
def test_text_beyond_ascii_is_written_canonically(journal: Journal) -> None:
    command = {"\U0001f50b": "1", "\ufb33": "é\n"}  # these two keys stand the other way round in UTF-16
    with journal.writing() as batch:
        body = batch.append(draft(0, command=command)).body
    assert body == canonical(json.loads(body))


@BOTH
def test_an_exception_in_a_batch_writes_nothing(journal: Journal) -> None:
    append(journal, 0)
    before = journal.head(), journal.root()
    with pytest.raises(ValueError, match="not JSON compliant"):
        append_then_fail(journal)
    assert (journal.head(), journal.root()) == before
    with pytest.raises(VoltaDeskError, match="nothing was written"):
        append(journal, 0)  # a key used twice
    append(journal, 1)
    assert journal.verify() == 2


def append_then_fail(journal: Journal) -> None:
    with journal.writing() as batch:
        batch.append(draft(1))
        batch.append(draft(2, command={"n": float("nan")}))


@BOTH
def test_a_denial_of_someone_unknown_uses_up_no_key(journal: Journal) -> None:
    with journal.writing() as batch:
        for outcome in ("denied:BAD_ACTOR", "denied:BAD_ACTOR", "denied:UNKNOWN_ACTOR", "done"):
            batch.append(draft(0, outcome))
    found = journal.find("ann", "k0")
    assert found is not None
    assert found.seq == 3
    assert journal.verify() == 4


@BOTH
def test_two_journals_on_one_file_take_turns(path: Path) -> None:
    with Journal.open(path) as one, Journal.open(path) as two:
        for number in range(0, 10, 2):
            append(one, number)
            append(two, number + 1)
        seen: list[int] = []
        assert one.catch_up(lambda entry: seen.append(entry.seq)) == 1
        assert seen == [9]
        assert one.head() == two.head()
        assert one.root() == two.root()
        assert one.verify() == 10


@BOTH
def test_reading_goes_on_over_many_chunks(path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voltadesk.store.journal.CHUNK", 3)
    append(journal, *range(10))
    assert [entry.seq for entry in journal.tail()] == list(range(10))
    with Journal.open(path) as other:
        assert other.catch_up() == 10
        assert other.root() == journal.root()
    with Journal.open(path) as other:
        append(other, 10)
        assert other.verify() == 11


# The anchor -----------------------------------------------------------------------------------------------------------
def test_the_anchor_outlives_a_record_cut_short(path: Path, journal: Journal) -> None:
    append(journal, 0)
    append(journal, 1)
    file = anchor_path(path)
    whole = file.read_bytes()
    for at in (0, 4096):  # one of the two is the newest
        file.write_bytes(whole[:at] + b"x" * 60 + whole[at + 60 :])
        assert Anchor(file).read().seq in (0, 1)
        journal.check_anchor()
    file.write_bytes(b"")
    with pytest.raises(CheckFailed, match="damaged"):
        Journal.open(path)
    file.unlink()
    with pytest.raises(CheckFailed, match="anchor can't be read"):
        Journal.open(path)


def test_the_anchor_does_not_go_back(tmp_path: Path) -> None:
    anchor = Anchor.create(tmp_path / "a")
    for seq in (5, 3, 7, 8, 2):
        anchor.write(Head(seq, bytes([seq]) * 32))
    assert anchor.read() == (8, bytes([8]) * 32)
    anchor.close()


def test_a_journal_rolled_back_is_refused(path: Path, tmp_path: Path) -> None:
    with Journal.open(path) as journal:
        append(journal, 0, 1)
    shutil.copy(path, tmp_path / "old")
    with Journal.open(path) as journal:
        append(journal, 2)
    shutil.copy(tmp_path / "old", path)
    with pytest.raises(CheckFailed, match="rolled back: the journal ends at entry 1, 2 was acknowledged"):
        Journal.open(path)


@BOTH
def test_a_journal_ahead_of_its_anchor_is_fine(path: Path, tmp_path: Path) -> None:
    with Journal.open(path) as journal:
        append(journal, 0)
        shutil.copy(anchor_path(path), tmp_path / "old")
        append(journal, 1)
    shutil.copy(tmp_path / "old", anchor_path(path))
    with Journal.open(path) as journal:
        append(journal, 2)
        assert journal.verify() == 3
    assert Anchor(anchor_path(path)).read().seq == 2


@BOTH
def test_a_journal_that_changes_while_it_is_open_is_noticed(path: Path, journal: Journal) -> None:
    append(journal, 0, 1)
    change(path, ("DELETE FROM effect WHERE seq = 1", ()), ("DELETE FROM entry WHERE seq = 1", ()))
    with pytest.raises(CheckFailed, match="entry 1 is gone"):
        append(journal, 2)


# Damage ---------------------------------------------------------------------------------------------------------------
def test_every_single_bit_is_watched(path: Path, journal: Journal) -> None:
    append(journal, 0, 1)
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("PRAGMA synchronous = OFF")
    flips = 0
    for table, column in (("entry", "body"), ("entry", "leaf"), ("effect", "body")):
        for seq, data in raw.execute(f"SELECT seq, {column} FROM {table}").fetchall():  # noqa: S608
            for bit in range(8 * len(data)):
                flipped = bytearray(data)
                flipped[bit // 8] ^= 1 << bit % 8
                raw.execute(f"UPDATE {table} SET {column} = ? WHERE seq = ?", (bytes(flipped), seq))  # noqa: S608
                with pytest.raises(CheckFailed, match=f"entry {seq}"):
                    journal.verify()
                flips += 1
            raw.execute(f"UPDATE {table} SET {column} = ? WHERE seq = ?", (data, seq))  # noqa: S608
    raw.close()
    assert journal.verify() == 2
    assert flips > 5000


@BOTH
@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE entry SET actor = 'bob' WHERE seq = 1", "entry 1: the columns"),
        ("UPDATE entry SET idempotency_key = 'z' WHERE seq = 1", "entry 1: the columns"),
        ("UPDATE entry SET idempotency_key = NULL WHERE seq = 1", "entry 1: the columns"),
        ("DELETE FROM effect WHERE seq = 1", "entry 1: what it did"),
        ("UPDATE entry SET seq = 7 WHERE seq = 1", "entry 1 is missing"),
        ("DELETE FROM entry WHERE seq = 1", "entry 1 is missing"),
        ("DELETE FROM entry WHERE seq = 2", "rolled back"),
    ],
)
def test_rows_changed_are_found(path: Path, journal: Journal, statement: str, problem: str) -> None:
    append(journal, 0, 1, 2)
    change(path, (statement, ()))
    with pytest.raises(CheckFailed, match=problem):
        journal.verify()


def rehash(path: Path, changed: int) -> None:
    """Write history anew from one entry on, hashes, chain and anchor: what one can do who has all the files."""
    raw = sqlite3.connect(path)
    prev = bytes(32)
    for seq, body in raw.execute("SELECT seq, body FROM entry ORDER BY seq").fetchall():
        fields = json.loads(body) | {"prev": prev.hex()}
        if seq == changed:
            fields["command"] = {"n": "other"}
        body = canonical(fields)
        prev = merkle.leaf_hash(body)
        raw.execute("UPDATE entry SET body = ?, leaf = ? WHERE seq = ?", (body, prev, seq))
    raw.commit()
    raw.close()
    record = f"{seq + 1:020d} {prev.hex()}"
    data = f"{record} {sha256(record.encode()).hexdigest()}\n".encode()
    anchor_path(path).write_bytes(data.ljust(4096, b"\0") + data)


@pytest.mark.parametrize("changed", [0, 3, 6])
def test_a_history_written_anew_is_found_by_an_old_checkpoint_only(path: Path, changed: int) -> None:
    verifier = Verifier("desk", KEY.public)
    with Journal.open(path) as journal:
        append(journal, *range(7))
        old_text = journal.checkpoint("desk", KEY)
        append(journal, *range(7, 12))
        old = verify_checkpoint(old_text, verifier)
        assert journal.verify(old) == 12
        assert journal.consistency(7, journal.checkpoint("desk", KEY)).verify(old, verifier).size == 12
    rehash(path, changed)
    with Journal.open(path) as journal:
        journal.catch_up()
        assert journal.verify() == 12  # the control: the chain alone is content
        with pytest.raises(CheckFailed, match="first 7 entries are not those"):
            journal.verify(old)
        with pytest.raises(CheckFailed, match="first 7 entries"):
            journal.consistency(7, journal.checkpoint("desk", KEY)).verify(old, verifier)


def test_proofs_hold_for_every_entry_and_size(journal: Journal) -> None:
    verifier = Verifier("desk", KEY.public)
    append(journal, *range(6))
    text = journal.checkpoint("desk", KEY)
    append(journal, 6)
    for entry in journal.tail(limit=6):
        assert journal.inclusion(entry.seq, text).verify(verifier, entry.body).size == 6
    with pytest.raises(BadInput, match="index"):
        journal.inclusion(6, text)
    shorter = verify_checkpoint(journal.checkpoint("desk", KEY), verifier)
    with pytest.raises(CheckFailed, match="holds 6 entries, the checkpoint 7"):
        append_fewer(journal, shorter)


def append_fewer(journal: Journal, checkpoint: Any) -> None:
    change(journal.path, ("DELETE FROM effect WHERE seq = 6", ()), ("DELETE FROM entry WHERE seq = 6", ()))
    anchor_path(journal.path).unlink()
    Anchor.create(anchor_path(journal.path)).close()
    with Journal.open(journal.path) as shorter:
        shorter.verify(checkpoint)
