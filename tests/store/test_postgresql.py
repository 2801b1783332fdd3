"""What is a server's alone: its URL, its settings, losing it, and that nothing of it shows in what a desk says."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.cli.answers import refused, tree
from tests.cli.conftest import asking
from tests.desk.town import TOWN
from tests.store import crash, story
from tests.store.crash import FOUNDER, KEY, signed
from tests.store.server import POSTGRESQL, Server
from tests.store.test_journal import change
from tests.store.test_tables import dump
from voltadesk.desk.source import Source
from voltadesk.errors import BadInput, CheckFailed, MissingExtra, NoAnswer, VoltaDeskError
from voltadesk.store import database, postgresql
from voltadesk.store import desk as desk_module
from voltadesk.store.audit import elsewhere, heard, rebuild, verify
from voltadesk.store.database import DATABASE, NAMED, database_path, discard
from voltadesk.store.desk import Desk, OutcomeUnknown
from voltadesk.store.journal import Journal
from voltadesk.store.keep import backup, doctor, restore
from voltadesk.store.keys import Refused
from voltadesk.store.machine import key_text

pytestmark = POSTGRESQL


def tables(server: Server, url: str) -> set[object]:
    query = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    return {row[0] for row in server.execute(query, url)}


def set_by(url: str, name: str, value: str) -> str:
    """The URL with a setting of the server's."""
    return f"{url}{'&' if '?' in url else '?'}options=-c{name}%3D{value}"


def end_connections(server: Server) -> None:
    """As a server does that is stopped at once."""
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'voltadesk'")


# The same as in a file ------------------------------------------------------------------------------------------------
def told(folder: Path) -> list[Any]:
    """All that a desk says of itself."""
    with Desk.open(folder) as desk:
        coop, last = desk.book.actors.by_name["coop"].name, desk.journal.head().seq
        return [
            desk.journal.head(), desk.journal.root(), desk.state_root(), list(desk.journal.tail()),
            list(desk.postings()), list(desk.postings(5, "fund:", 20)), list(desk.trades()), list(desk.trades(coop)),
            list(desk.intervals()), list(desk.battery_intervals()), desk.tape(), desk.tape(limit=3),
            desk.flows(-1, last), desk.fund_changes(-1, last), desk.statement(coop), desk.checkpoint(KEY),
            desk.journal.given("ann", "order.", -1, last),
        ]  # fmt: skip


def test_the_same_story_gives_the_same_bytes_and_moves_both_ways(tmp_path: Path, url: str, server: Server) -> None:
    holders, source = {"coop": key_text(story.KEYS["coop"].public)}, Source(TOWN, {})
    for name, given in (("file", ""), ("served", url)):
        Desk.create(
            tmp_path / name, "olga", story.KEYS["olga"], time_utc=story.START_UTC, desk_id=story.DESK_ID,
            source=source, holders=holders, database=given,
        ).close()  # fmt: skip
        story.tell(tmp_path / name)
    assert {path.name for path in (tmp_path / "served").iterdir()} == {"desk.anchor", NAMED}
    found = told(tmp_path / "file")
    assert told(tmp_path / "served") == found
    root = verify(tmp_path / "served", with_tables=True).state_root
    assert rebuild(tmp_path / "served").state_root == root
    assert backup(tmp_path / "served", tmp_path / "copy") == verify(tmp_path / "file")
    assert dump(tmp_path / "copy") == dump(tmp_path / "file")
    with server.database() as other:
        restore(tmp_path / "copy", tmp_path / "again", other)
        assert told(tmp_path / "again") == found
        with pytest.raises(BadInput, match=r"database = voltadesk_\w+, schema public: holds a desk already"):
            restore(tmp_path / "copy", tmp_path / "once more", other)
        with pytest.raises(BadInput, match="holds a desk already"):
            Desk.create(tmp_path / "anew", "olga", KEY, database=other)
        assert told(tmp_path / "again") == found
        assert not (tmp_path / "once more").exists()


def test_text_is_ordered_by_its_bytes(desk: Desk) -> None:
    """Whatever order the server's own language has."""
    names = ["b", "B", "a", "Z", "_", "é", "\U0001f50b", "\ufb33"]
    for name in names:
        row = (9, 0, 0, "", name, "EUR", 1)
        with database.writing(desk.journal._engine) as connection:
            database.insert(connection, "posting", [row])
    assert [row.account for row in desk.postings(8)] == sorted(names)
    assert [row.account for row in desk.postings(8, "\ufb33")] == ["\ufb33"]


def test_numbers_have_64_bits_and_sums_do_not_wrap(desk: Desk) -> None:
    most = 2**63 - 1
    with database.writing(desk.journal._engine) as connection:
        rows = [(9, n, 0, "", "fund:cash:a", "EUR", most) for n in range(2)]
        database.insert(connection, "posting", rows)
    assert [row.amount for row in desk.postings(8)] == [most, most]
    with pytest.raises(VoltaDeskError, match="out of range"):
        desk.fund_changes(8, 9)
    with pytest.raises(VoltaDeskError, match=r"nothing was written: .*out of range"), desk.journal.writing() as batch:
        database.insert(batch.connection, "posting", [(most + 1, 0, 0, "", "", "", 0)])


def test_a_character_that_it_can_not_hold_is_told(desk: Desk) -> None:
    """No name, key or account may hold one, and what else is said stands in the entries' bytes."""
    with pytest.raises(VoltaDeskError, match=r"nothing was written: .*NUL"), desk.journal.writing() as batch:
        database.insert(batch.connection, "posting", [(9, 0, 0, "a\0b", "", "", 0)])
    receipt = desk.execute(signed("k", "market.halt", reason="a\0b"))
    assert desk.find(FOUNDER, "k") == receipt
    desk.execute(signed("ä€🔋", "fund.invest", amount="5"))
    assert verify(desk.journal.path.parent, with_tables=True).entries == 3


# Where it is ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("postgresql://ann:secret@/desk", "must hold no password: PGPASSWORD"),
        ("postgresql:///desk?password=secret", "must hold no password"),
        ("postgresql:///desk?secret=secret", "must be postgresql://USER@HOST/DATABASE: invalid URI query parameter"),
        ("mysql://ann:secret@host/desk", "must be postgresql://USER@HOST/DATABASE"),
        ("host=host user=ann password=secret", "must be postgresql://USER@HOST/DATABASE"),
        ("postgres:ann:a@secret@host/desk", "must be postgresql://USER@HOST/DATABASE"),
        ("postgresql://ann:secret%zz@host/desk", "invalid percent-encoded token: …"),
        ('postgresql://ann:"secret%zz@host/desk', "invalid percent-encoded token: …"),
        ("postgresql://ann:secret@[::1]x/desk", "must be postgresql://USER@HOST/DATABASE: unexpected character …"),
        ("postgresql://ann:secret/word@host/desk", "with a number as its port if it has one"),
        ("postgresql://host/a\nb", "must be postgresql://USER@HOST/DATABASE"),
    ],
)
def test_a_url_that_will_not_do(tmp_path: Path, url: str, wrong: str, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        Desk.create(tmp_path / "desk", FOUNDER, KEY, database=wrong)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)
    assert not list((tmp_path / "desk").iterdir())


def test_a_file_with_a_password_is_refused_too(folder: Path, url: str) -> None:
    (folder / NAMED).write_text("postgresql://voltadesk:secret@/desk")
    with pytest.raises(BadInput, match=f"{NAMED}: database: must hold no password"):
        Desk.open(folder)
    (folder / DATABASE).touch()
    with pytest.raises(BadInput, match="one is too many"):
        Desk.open(folder)


def test_without_the_library(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"pip install 'voltadesk\[postgres\]'"):
        Desk.create(tmp_path / "desk", FOUNDER, KEY, database=url)


def test_nobody_answers(folder: Path, tmp_path: Path, url: str) -> None:
    nowhere = f"postgresql:///desk?host={tmp_path}"
    with pytest.raises(NoAnswer, match=r"no answer: .*No such file"):
        Desk.create(tmp_path / "other", FOUNDER, KEY, database=nowhere)
    assert not list((tmp_path / "other").iterdir())
    (folder / NAMED).write_text(nowhere)
    for look in (Desk.open, verify, doctor, rebuild):
        with pytest.raises(NoAnswer):
            look(folder)  # type: ignore[operator]
    done = subprocess.run(elsewhere(folder), capture_output=True, text=True, check=False)
    with pytest.raises(NoAnswer):
        heard(done.stdout)


@pytest.mark.parametrize("password", [None, "wrong"])
def test_a_password_that_will_not_do(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    if password:
        monkeypatch.setenv("PGPASSWORD", password)
    with asking_for_a_password() as port:
        wrong = f"postgresql://ann@127.0.0.1:{port}/desk?sslmode=disable&gssencmode=disable"
        said = refused(asking(tmp_path / "desk")("init", "--database", wrong), 7)
    assert said.startswith(f"database = {wrong}: connection failed: ")
    assert said.endswith('password authentication failed for user "ann"' if password else "no password supplied")
    assert not list(tmp_path.iterdir())


@contextmanager
def asking_for_a_password() -> Iterator[int]:
    """The port of a server that no password is right for: the server of these tests asks for none."""

    def answer(connection: socket.socket) -> None:
        with connection:
            connection.recv(1 << 12)
            connection.sendall(b"R" + struct.pack("!ii", 8, 3))  # AuthenticationCleartextPassword
            if connection.recv(1 << 12):
                fields = b'SFATAL\0C28P01\0Mpassword authentication failed for user "ann"\0\0'
                connection.sendall(b"E" + struct.pack("!i", 4 + len(fields)) + fields)

    def serve() -> None:
        with suppress(OSError):
            while True:
                answer(listening.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def test_a_database_of_something_else(tmp_path: Path, url: str, server: Server) -> None:
    server.execute("CREATE TABLE entry (x text); INSERT INTO entry VALUES ('theirs')", url)
    with pytest.raises(BadInput, match="database = entry: is a table there already"):
        Desk.create(tmp_path / "desk", FOUNDER, KEY, database=url)
    (tmp_path / "desk" / NAMED).write_text(url)
    with pytest.raises(BadInput, match="names a database that holds no desk"):
        Desk.open(tmp_path / "desk")
    assert server.execute("TABLE entry", url) == [("theirs",)]
    server.execute("CREATE SCHEMA ours", url)
    with Desk.create(tmp_path / "other", FOUNDER, KEY, database=set_by(url, "search_path", "ours")) as desk:
        assert desk.execute(crash.command(0, 0)).seq == 1


def test_a_user_without_the_right(tmp_path: Path, url: str, server: Server) -> None:
    server.execute("CREATE ROLE voltadesk_weak LOGIN")
    try:
        with pytest.raises(Refused, match="permission denied for schema public") as caught:
            Desk.create(tmp_path / "desk", FOUNDER, KEY, database=set_by(url, "role", "voltadesk_weak"))
        assert caught.value.exit_code == 7
        assert not list((tmp_path / "desk").iterdir())
    finally:
        server.execute("DROP ROLE voltadesk_weak")


def test_making_it_cut_short(tmp_path: Path, url: str, server: Server) -> None:
    Journal.create(tmp_path / NAMED, url).close()  # tables, and then the program ends
    folder = tmp_path / "desk"
    with Desk.create(folder, FOUNDER, KEY, database=url) as desk:
        desk.execute(crash.command(0, 0))
    assert verify(folder).entries == 2
    discard(folder)
    assert not folder.exists()
    assert tables(server, url) == set()


# What it promises -----------------------------------------------------------------------------------------------------
def test_a_server_that_could_lose_what_it_acknowledged(folder: Path, url: str, server: Server) -> None:
    ((name,),) = server.execute("SELECT current_database()", url)
    server.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    with Desk.open(folder) as desk, desk.journal.reading() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "repeatable read"
    query = postgresql._SERVER.replace("current_setting('fsync')", "'off'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgresql, "_SERVER", query)
        with pytest.raises(Refused, match="has fsync off: what it acknowledges a power cut could undo"):
            Desk.open(folder)
    with (
        server.database("ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0") as other,
        pytest.raises(Refused, match="encoding is LATIN1, a desk wants UTF8"),
    ):
        Desk.create(folder.with_name("other"), FOUNDER, KEY, database=other)


def test_a_writer_that_waits_too_long(desk: Desk, url: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer elsewhere, whom no file's lock keeps out; readers don't mind."""
    other = database._engine(desk.journal.path)
    with database.writing(other):
        assert desk.refresh() == 0
        monkeypatch.setattr(postgresql, "_SETTINGS", postgresql._SETTINGS.replace("10000", "50"))
        desk.journal._engine.dispose()
        with pytest.raises(VoltaDeskError, match="nothing was written: another process is writing; try again"):
            desk.execute(crash.command(0, 0))
    other.dispose()
    assert desk.execute(crash.command(0, 0)).seq == 1


def test_two_folders_of_one_database(folder: Path, tmp_path: Path, desk: Desk) -> None:
    """As two machines have it: what the other wrote comes first, and nothing is lost."""
    (tmp_path / "two").mkdir()
    for name in (NAMED, "desk.anchor"):
        (tmp_path / "two" / name).write_bytes((folder / name).read_bytes())
    with Desk.open(tmp_path / "two") as other:
        for number in range(6):
            assert (desk, other)[number % 2].execute(crash.command(0, number)).seq == number + 1
    assert verify(folder).entries == 7


def test_an_idle_connection_that_is_lost_is_made_again(desk: Desk, server: Server) -> None:
    desk.execute(crash.command(0, 0))
    end_connections(server)
    assert desk.execute(crash.command(0, 1)).seq == 2


@pytest.mark.parametrize("when", ["before the rows", "after the rows"])
def test_a_connection_lost_in_a_transaction(
    folder: Path, desk: Desk, server: Server, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    store: Callable[[Connection, Any], None] = desk_module.projection.store

    def lose(connection: Connection, made: Any) -> None:
        if when == "after the rows":
            store(connection, made)
        end_connections(server)
        store(connection, made)

    with monkeypatch.context() as patch:
        patch.setattr(desk_module.projection, "store", lose)
        with pytest.raises(NoAnswer, match=r"nothing was written: no answer: .*terminat"):
            desk.execute(crash.command(0, 0))
    assert desk.execute(crash.command(0, 0)).seq == 1
    assert verify(folder, with_tables=True).entries == 2


@pytest.mark.parametrize("is_back", [True, False])
def test_a_connection_lost_at_the_commit(
    folder: Path, desk: Desk, server: Server, monkeypatch: pytest.MonkeyPatch, is_back: bool
) -> None:
    """It took effect: found by its key where the server is there again, else unknown until it is asked for again."""
    import psycopg

    commit, url = psycopg.Connection.commit, (folder / NAMED).read_text()

    def lose(connection: psycopg.Connection[Any]) -> None:
        monkeypatch.setattr(psycopg.Connection, "commit", commit)
        commit(connection)
        end_connections(server)
        if not is_back:
            (folder / NAMED).write_text(f"postgresql:///desk?host={folder}")
        connection.execute("SELECT 1")

    monkeypatch.setattr(psycopg.Connection, "commit", lose)
    if is_back:
        assert desk.execute(crash.command(0, 0)).seq == 1
    else:
        with pytest.raises(OutcomeUnknown, match="ask again with the same key") as caught:
            desk.execute(crash.command(0, 0))
        assert caught.value.exit_code == NoAnswer.exit_code
        (folder / NAMED).write_text(url)
    assert desk.execute(crash.command(0, 0)).seq == 1
    assert verify(folder).entries == 2


@pytest.mark.parametrize(
    ("statement", "checks"),
    [
        ("UPDATE effect SET body = '\\x7b7d' WHERE seq = 1", {"journal", "tables"}),
        ("UPDATE posting SET amount = amount + 1", {"tables"}),
        ("ALTER TABLE trade RENAME TO gone", {"integrity", "tables"}),
        ("DELETE FROM effect; DELETE FROM entry", {"integrity", "schema", "anchor", "journal", "tables"}),
        ("COMMENT ON TABLE alembic_version IS 'VoltaDesk: tables to be filled'", {"schema"}),
    ],
)
def test_each_damage_has_its_finding(folder: Path, statement: str, checks: set[str]) -> None:
    with Desk.open(folder) as desk:
        desk.execute(crash.command(0, 0))
    assert {each.check for each in doctor(folder) if not each.ok} <= {"free disk"}
    for part in statement.split("; "):
        change(folder / NAMED, (part, ()))
    assert {each.check for each in doctor(folder) if not each.ok} - {"free disk"} == checks
    assert database_path(folder).stat().st_mode & 0o777 == 0o600
    if "tables" in checks:
        with pytest.raises(CheckFailed):
            verify(folder, with_tables=True)


# From the command line ------------------------------------------------------------------------------------------------
def test_commands_are_as_they_are_in_a_file(tmp_path: Path, url: str, server: Server) -> None:
    (tmp_path / "town.toml").write_text(TOWN)
    ask = asking(tmp_path / "desk")
    new = ("init", "--scenario", tmp_path / "town.toml", "--name", "olga")
    assert tree(ask(*new, "--database", url, "--json"))["database"] == url
    assert tree(ask("headless", "run", "--intervals", 3, "--as", "olga", "--json"))["intervals"] == 3
    ask("fund", "invest", "100", "--as", "olga", "--key", "k")
    nav, root = tree(ask("fund", "nav", "--json")), tree(ask("journal", "verify", "--json"))["state_root"]
    assert tree(ask("backup", tmp_path / "copy", "--with-keys", "--json"))["state_root"] == root
    assert "holds a desk already" in refused(asking(tmp_path / "two")(*new, "--database", url), 3)
    assert "must hold no password" in refused(asking(tmp_path / "two")(*new, "--database", "postgresql://a:b@/c"), 3)
    assert not (tmp_path / "two").exists()
    with server.database() as other:
        moved = asking(tmp_path / "moved")
        assert tree(moved("restore", tmp_path / "copy", "--database", other, "--json"))["state_root"] == root
        assert tree(moved("fund", "nav", "--json")) == nav
        assert moved("headless", "run", "--intervals", 1, "--as", "olga", "-q").code == 0
        (tmp_path / "moved" / NAMED).write_text(f"postgresql:///desk?host={tmp_path}\n")
        for words in (("fund", "nav"), ("journal", "verify"), ("doctor",)):
            assert "no answer" in refused(moved(*words), 6)
