"""How fast the desk takes commands, checks its history and opens, beside what no desk could do without.

Rivals, in the same run: checking the signatures alone; SQLite alone, with the same settings and rows; syncing a file
alone; hashing and parsing the entries alone. A quarter-hour's rival is the exchange without any books.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from benchmarks.auction import time_text
from voltadesk.clock import utc_text
from voltadesk.desk import interval
from voltadesk.desk.source import Source
from voltadesk.scenario.read import find_scenario
from voltadesk.store import projection, snapshot
from voltadesk.store.audit import verify
from voltadesk.store.desk import Desk
from voltadesk.store.journal import DATABASE, Draft, Journal
from voltadesk.store.keys import Key
from voltadesk.store.machine import SignedCommand, key_text
from voltadesk.store.signatures import is_good

Row = tuple[str, str, str]
KEY = Key.from_seed(bytes(range(32)))
DESK_ID = "0" * 32
BATCH = 1_000


def run() -> list[Row]:
    """The table of this page."""
    with tempfile.TemporaryDirectory(prefix="voltadesk-") as made:
        folder = Path(made)
        return [
            *batches(folder / "batches", 20_000),
            *singles(folder / "few", 10),
            *singles(folder / "many", 10_000),
            structure(folder / "long", 100_000),
            opening(folder / "million", 1_000_000),
            *quarter_hour(folder / "market", 40),
        ]


def signed(key: str, kind: str, body: dict[str, str], actor: str = "olga", private: Key = KEY) -> SignedCommand:
    return SignedCommand.sign(private, DESK_ID, actor, key, kind, body)


def batches(folder: Path, count: int) -> list[Row]:
    """Commands in batches, each batch on disk before it is acknowledged; then all of them verified."""
    commands = [signed(f"k{n}", "fund.invest", {"amount": "100"}) for n in range(count)]
    messages = [command.message(DESK_ID) for command in commands]
    with Desk.create(folder, "olga", KEY, desk_id=DESK_ID) as desk:
        desk.execute_many(commands[:BATCH])  # helpers started
        begun = time.perf_counter()
        for at in range(BATCH, count, BATCH):
            desk.execute_many(commands[at : at + BATCH])
        each_s = (time.perf_counter() - begun) / (count - BATCH)
    begun, text = time.perf_counter(), key_text(KEY.public)
    assert all(is_good(text, commands[n].signature, messages[n]) for n in range(2_000))
    check_s = (time.perf_counter() - begun) / 2_000
    begun = time.perf_counter()
    verify(folder)
    verify_s = (time.perf_counter() - begun) / count
    insert_s = bare_inserts(folder)
    beside = f"{each_s / check_s:.1f} x a signature check, {each_s / insert_s:.1f} x bare inserts"
    return [
        (f"commands in batches of {BATCH:,}, acknowledged", f"{1 / each_s:,.0f}/s, {beside}", ">= 5,000/s"),
        ("verify, carrying everything out", f"{1 / verify_s:,.0f}/s, {verify_s / check_s:.1f} x a signature check", ""),
    ]


def bare_inserts(folder: Path) -> float:
    """Seconds that SQLite alone takes for the rows of one command, in commits like the desk's."""
    tables = ("entry", "effect", "posting")
    with closing(sqlite3.connect(folder / DATABASE)) as source:
        schema = [row[0] for row in source.execute("SELECT sql FROM sqlite_schema WHERE sql <> '' ORDER BY rootpage")]
        rows = {name: source.execute(f"SELECT * FROM {name}").fetchall() for name in tables}  # noqa: S608
    count = len(rows["entry"])
    with closing(sqlite3.connect(folder / "bare.sqlite3", isolation_level=None)) as bare:
        bare.execute("PRAGMA journal_mode = truncate")
        bare.execute("PRAGMA synchronous = extra")
        for statement in schema:
            bare.execute(statement)
        begun = time.perf_counter()
        for at in range(0, count, BATCH):
            bare.execute("BEGIN IMMEDIATE")
            for name in tables:
                step = BATCH * len(rows[name]) // count
                part = rows[name][at // BATCH * step : (at // BATCH + 1) * step]
                marks = ", ".join("?" * len(part[0]))
                bare.executemany(f"INSERT INTO {name} VALUES ({marks})", part)  # noqa: S608
            bare.execute("COMMIT")
        return (time.perf_counter() - begun) / count


def investors_of(desk: Desk, count: int) -> list[Key]:
    """Keys of so many investors `i0`, `i1` …, each taken in by three commands."""
    keys = [Key.from_seed(n.to_bytes(4, "big") * 8) for n in range(count)]
    setup = []
    for n, key in enumerate(keys):
        setup.append(signed(f"a{n}", "actor.add", {"name": f"i{n}", "public_key": key_text(key.public)}))
        setup.append(signed(f"g{n}", "role.grant", {"actor": f"i{n}", "role": "investor"}))
        setup.append(signed(f"v{n}", "fund.invest", {"amount": "100"}, f"i{n}", key))
    for at in range(0, len(setup), 3 * BATCH):
        desk.execute_many(setup[at : at + 3 * BATCH])
    return keys


def singles(folder: Path, investors: int) -> list[Row]:
    """One durable command after another, at so many investors."""
    with Desk.create(folder, "olga", KEY, desk_id=DESK_ID) as desk:
        keys, times = investors_of(desk, investors), []
        for n in range(500):
            command = signed(f"s{n}", "fund.invest", {"amount": "1"}, f"i{n * 7 % investors}", keys[n * 7 % investors])
            begun = time.perf_counter()
            desk.execute(command)
            times.append(time.perf_counter() - begun)
    times.sort()
    p50_s, p99_s, sync_s = times[250], times[494], bare_sync(folder)
    measured = f"p50 {time_text(p50_s)}, p99 {time_text(p99_s)}, p50 {p50_s / sync_s:.1f} x a bare fdatasync"
    return [(f"a durable command, {investors:,} investors", measured, "p99 <= 20 ms")]


def bare_sync(folder: Path) -> float:
    """Seconds that writing 200 bytes and syncing them takes, at the median."""
    file, times = os.open(folder / "sync", os.O_RDWR | os.O_CREAT), []
    for _ in range(200):
        begun = time.perf_counter()
        os.pwrite(file, os.urandom(200), 0)
        os.fdatasync(file)
        times.append(time.perf_counter() - begun)
    os.close(file)
    return sorted(times)[100]


def fill(folder: Path, count: int, investors: int) -> None:
    """A desk with so many entries, most of them refused: those are quick to make, and nobody reads what they say."""
    with Desk.create(folder, "olga", KEY, desk_id=DESK_ID) as desk:
        investors_of(desk, investors)
        root, signature = desk.state_root(), "A" * 86 + "=="
        for at in range(desk.journal.head().seq + 1, count, 20_000):
            with desk.journal.writing() as batch:
                for n in range(at, min(at + 20_000, count)):
                    given = {"amount": "nothing"}
                    batch.append(
                        Draft(0, "fund.invest", "olga", given, f"r{n}", signature, "rejected:BAD_VALUE", b"{}", root)
                    )
        with desk.journal.writing() as batch:
            snapshot.save(batch.connection, desk._machine, desk.journal.head(), desk.journal.tree)


def structure(folder: Path, count: int) -> Row:
    """Every hash, the chain and the tree; the rival parses and hashes the same entries."""
    fill(folder, count, 10)
    with Journal.open(folder / DATABASE) as journal:
        bodies = [entry.body for entry in journal.tail()]
        begun = time.perf_counter()
        assert journal.verify() == count
        own_s = time.perf_counter() - begun
    begun = time.perf_counter()
    for body in bodies:
        sha256(body).digest()
        json.loads(body)
    rival_s = time.perf_counter() - begun
    measured = f"{count / own_s:,.0f}/s, {own_s / rival_s:.1f} x hashing and parsing alone"
    return f"verify the structure of {count:,} entries", measured, ">= 20,000/s"


def opening(folder: Path, count: int) -> Row:
    """Opening a desk from its snapshot; the file's size doesn't matter."""
    fill(folder, count, 1_000)
    begun = time.perf_counter()
    with Desk.open(folder) as desk:
        own_s = time.perf_counter() - begun
        assert desk.journal.head().seq == count - 1
    size = (folder / DATABASE).stat().st_size >> 20
    shutil.rmtree(folder)
    return f"open a desk of {count:,} entries and 1,000 investors, {size} MiB", time_text(own_s), "<= 1 s"


def quarter_hour(folder: Path, count: int) -> list[Row]:
    """A market of 1,000 homes: one interval as a command, and what settling and storing take of it."""
    path = find_scenario("city")
    source = Source.gather(path)
    text = re.sub(r"(\[\[homes\]\]\nname = [^\n]*\ncount = )(\d+)0\n", r"\1\2\n", source.text)
    source = Source(text, source.files)
    holders = {
        holder.name: key_text(Key.from_seed(holder.name.encode().ljust(32, b".")).public)
        for holder in source.scenario().money_holders
    }
    spent = {"exchange": 0.0, "store": 0.0}
    with (
        Desk.create(folder, "olga", KEY, desk_id=DESK_ID, source=source, holders=holders) as desk,
        timed(interval, "run", spent, "exchange"),
        timed(projection, "store", spent, "store"),
    ):
        assert desk.book.market is not None
        homes, times = len(desk.book.market.home_names), []
        for _ in range(count):
            now = utc_text(desk.book.now_utc)
            command = signed(now, "market.advance", {"interval": now})
            spent["exchange"] = spent["store"] = 0.0
            begun = time.perf_counter()
            assert desk.execute(command).outcome == "done"
            whole_s = time.perf_counter() - begun
            times.append((whole_s - spent["exchange"], spent["store"], spent["exchange"]))
        rows = sum(1 for _ in desk.postings(after=count - 1)) + sum(1 for _ in desk.trades(after=count - 1))
    settled_s, stored_s, run_s = (sorted(part)[count // 2] for part in zip(*times, strict=True))
    return [
        (
            f"settle and store a quarter-hour of {homes:,} homes, {rows:,} rows",
            f"{time_text(settled_s)}, {settled_s / run_s:.1f} x the exchange alone",
            "<= 50 ms",
        ),
        ("of which: writing its rows", time_text(stored_s), "<= 15 ms"),
    ]


@contextmanager
def timed(place: ModuleType, name: str, spent: dict[str, float], key: str) -> Iterator[None]:
    """Add the seconds of every call of a function to `spent`."""
    function = getattr(place, name)

    def call(*given: object) -> object:
        begun = time.perf_counter()
        try:
            return function(*given)
        finally:
            spent[key] += time.perf_counter() - begun

    setattr(place, name, call)
    try:
        yield
    finally:
        setattr(place, name, function)


if __name__ == "__main__":
    from benchmarks.__main__ import show

    show(run())
