"""The state after an entry, kept so that opening a desk need not read everything before it again.

A snapshot is a cache. It counts only while its checksum fits, the journal holds its entry, and the state that it gives
has the root that this entry names; else it is passed over and the journal is read from its beginning. It says nothing
of whether the entries before it are whole: that is for `verify`.

One is written when the entries since the last one, with the rows that they made, are `EVERY`: about seven thousand
investments, or eleven intervals of a thousand homes, which take a second to carry out again. The command that made them
so many pays for it, after it is on disk, or else who opens a desk and had to read them. Whoever closes a desk with more
than `AT_CLOSE` of them keeps one too: one interval of a market takes the next to open it a second, as the compiler has
to be brought in for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256

from sqlalchemy import Connection

from voltadesk.desk.book import Book
from voltadesk.errors import BadInput, CheckFailed, VoltaDeskError
from voltadesk.store.anchor import Head
from voltadesk.store.database import insert
from voltadesk.store.journal import Entry, Journal
from voltadesk.store.machine import Machine
from voltadesk.store.merkle import HASH_BYTES, Tree, leaf_hash
from voltadesk.store.work import DENIALS_LIMIT

EVERY = 50_000
AT_CLOSE = 100


def save(connection: Connection, machine: Machine, head: Head, tree: Tree) -> None:
    """Keep the state after the last entry in place of older ones."""
    assert machine.book is not None
    state, branches = json.dumps(machine.book.state()).encode(), b"".join(tree.range)
    connection.exec_driver_sql("DELETE FROM snapshot")
    insert(connection, "snapshot", [(head.seq, head.leaf, branches, state, _checksum(head, branches, state))])
    machine.weight = 0


def load(journal: Journal, read_file: Callable[[str], bytes]) -> Machine | None:
    """The machine after the entry of the newest snapshot that holds, with which the journal then goes on; else None."""
    try:
        with journal.reading() as connection:
            rows = connection.exec_driver_sql("SELECT * FROM snapshot ORDER BY seq DESC").all()
        for seq, leaf, branches, state, checksum in rows:
            head = Head(seq, leaf)
            if _checksum(head, branches, state) == checksum:
                entry = journal.entry(seq)
                machine = Machine(read_file)
                machine.prepare(journal.entry(0).fields["command"])
                machine.book = Book.from_state(json.loads(state), machine.source)
                if leaf_hash(entry.body) == leaf and machine.root() == entry.fields["state_root"]:
                    first = max(seq - DENIALS_LIMIT, -1)
                    for before in journal.tail(first, seq - first):
                        machine.count(before.fields["outcome"], before.fields["time_utc"])
                    machine.weight = 0
                    journal.resume(head, _tree(seq + 1, branches))
                    return machine
    except (VoltaDeskError, AssertionError, LookupError, TypeError, ValueError, AttributeError):
        pass  # whatever is wrong with it, the journal has it all
    return None


def check(connection: Connection) -> Callable[[Entry], None]:
    """What, given every entry of a journal in order, raises CheckFailed when the snapshot's tree is not theirs."""
    wanted = {row[0]: row[1] for row in connection.exec_driver_sql("SELECT seq, tree FROM snapshot")}
    tree = Tree()

    def each(entry: Entry) -> None:
        if wanted:
            tree.append_leaf(entry.leaf)
            if entry.seq in wanted and b"".join(tree.range) != wanted.pop(entry.seq):
                raise CheckFailed(f"the snapshot after entry {entry.seq} was changed: rebuild the desk")

    return each


def _tree(size: int, branches: bytes) -> Tree:
    if len(branches) % HASH_BYTES:
        raise BadInput("tree", f"{len(branches)} bytes", "must be hashes")
    return Tree.from_range(size, [branches[at : at + HASH_BYTES] for at in range(0, len(branches), HASH_BYTES)])


def _checksum(head: Head, branches: bytes, state: bytes) -> bytes:
    parts = (str(head.seq).encode(), head.leaf, branches, state)
    return sha256(b"".join(sha256(part).digest() for part in parts)).digest()
