"""Carrying out a whole journal again: to check it, and to make anew the tables that hold what its entries did."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from voltadesk.desk.book import Made
from voltadesk.errors import BadInput, CheckFailed, NoAnswer, VoltaDeskError
from voltadesk.store import projection, snapshot
from voltadesk.store.database import database_path, set_projected
from voltadesk.store.files import read_file
from voltadesk.store.journal import CHUNK, Entry, Journal
from voltadesk.store.machine import Machine
from voltadesk.store.note import Checkpoint
from voltadesk.store.tables import PROJECTIONS

INTERVALS = 50  # entries of a market that are carried out together: each can make thousands of rows
Use = Callable[[Connection, Made, int, int], None]  # what was made by the entries from one number to another


@dataclass(frozen=True, slots=True)
class Verified:
    """What a re-execution of the whole journal found."""

    entries: int
    done: int
    rejected: int
    denied: int
    state_root: str


def verify(
    folder: Path,
    against: Checkpoint | None = None,
    with_tables: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> Verified:
    """Carry out the whole journal of a desk again in a new book, signatures too, and compare every state root.

    `against` is an old checkpoint that the journal must go on from. The snapshot's tree is checked too; with tables,
    so are those that hold what entries did. `on_progress` is told how many entries are done. Raises CheckFailed naming
    the first bad entry.
    """
    rows = {table.name: 0 for table in PROJECTIONS}

    def compare(connection: Connection, made: Made, first: int, last: int) -> None:
        found = projection.difference(connection, made, first, last)
        if found:
            raise CheckFailed(found)
        for table, held in projection.rows_of(made).items():
            rows[table.name] += len(held)

    with Journal.open(database_path(folder)) as journal:
        verified = _carry_out(journal, compare if with_tables else None, against, on_progress=on_progress)
        if with_tables:
            with journal.reading() as connection:
                held = projection.sizes(connection, verified.entries - 1)
            for name, count in rows.items():
                if held[name] != count:
                    raise CheckFailed(f"table {name} has {held[name]} rows, the journal makes {count}")
    return verified


def elsewhere(folder: Path) -> tuple[str, ...]:
    """The command that runs `verify` in a process that knows nothing but the folder; `heard` reads its lines."""
    return sys.executable, "-m", "voltadesk.store.audit", str(folder)


def heard(line: str | bytes) -> int | Verified:
    """What that process says: how many entries are done, in the end what was found.

    Raises CheckFailed as `verify` does, BadInput when there is no desk, NoAnswer when its database doesn't answer.
    """
    told: dict[str, Any] = json.loads(line)
    if "error" in told:
        if told["exit_code"] == BadInput.exit_code:
            raise BadInput("desk", None, told["error"])
        raise (NoAnswer if told["exit_code"] == NoAnswer.exit_code else CheckFailed)(told["error"])
    return Verified(**told) if "state_root" in told else int(told["done_to"])


def rebuild(folder: Path) -> Verified:
    """Drop the tables that hold what entries did and make them again, in one transaction.

    Raises CheckFailed as `verify` does; the tables are then as they were.
    """

    def insert(connection: Connection, made: Made, first: int, last: int) -> None:
        projection.store(connection, made)

    with Journal.open(database_path(folder)) as journal, journal.writing() as batch:
        batch.connection.exec_driver_sql("DELETE FROM snapshot")
        projection.clear(batch.connection)
        verified = _carry_out(journal, insert, connection=batch.connection)
        set_projected(batch.connection)
    return verified


def _carry_out(
    journal: Journal,
    use: Use | None,
    against: Checkpoint | None = None,
    connection: Connection | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Verified:
    def by() -> AbstractContextManager[Connection]:
        return journal.reading() if connection is None else nullcontext(connection)

    def from_table(digest: str) -> bytes:
        with by() as reading:
            return read_file(reading, digest)

    machine = Machine(from_table, keeps=use is not None)
    waiting: list[Entry] = []

    def apply() -> None:
        machine.replay_many(waiting)
        if use is not None and waiting:
            with by() as reading:
                use(reading, machine.drain(), waiting[0].seq, waiting[-1].seq)
        if on_progress is not None and waiting:
            on_progress(waiting[-1].seq + 1)
        waiting.clear()

    with by() as reading:
        check_tree = snapshot.check(reading)

    def each(entry: Entry) -> None:
        check_tree(entry)
        waiting.append(entry)
        if len(waiting) == (CHUNK if machine.source is None else INTERVALS) or entry.seq == 0:
            apply()

    entries = journal.verify(against, each, connection)
    apply()
    if not entries:
        raise CheckFailed(f"{journal.path}: the desk has no beginning: making it was cut short")
    machine.finish()
    count = machine.outcomes.get
    return Verified(entries, count("done", 0), count("rejected", 0), count("denied", 0), machine.root())


def _tell(found: dict[str, Any]) -> None:
    print(json.dumps(found), flush=True)


def main() -> None:
    """What `elsewhere` runs: one JSON object to a line."""
    try:
        _tell(asdict(verify(Path(sys.argv[1]), on_progress=lambda done: _tell({"done_to": done}))))
    except VoltaDeskError as error:
        _tell({"error": str(error), "exit_code": error.exit_code})
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
