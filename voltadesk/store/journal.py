"""The history of a desk: entries that are only ever added, each with the hash of the one before.

An entry's body is canonical JSON; its RFC 6962 leaf hash is what the next entry names as `prev` and what the Merkle
tree over the journal is made of. Effects stand beside the entries, which hold their hashes.

A commit is on disk before it is acknowledged, and so is the anchor: a small file that names the last acknowledged
entry. A journal that ends before its anchor, or holds another entry there, was rolled back or written anew, and is
refused. One that goes on after it is fine: that is a crash between commit and anchor.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from dataclasses import fields as fields_of
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine
from sqlalchemy.exc import DBAPIError

from voltadesk.errors import BadInput, CheckFailed, VoltaDeskError
from voltadesk.store import merkle
from voltadesk.store.anchor import NOTHING, Anchor, Head, anchor_path
from voltadesk.store.canonical import canonical
from voltadesk.store.database import DATABASE as DATABASE
from voltadesk.store.database import (
    create_database,
    damage_found,
    dialect_of,
    insert,
    not_written,
    open_database,
    reading,
    writing,
)
from voltadesk.store.dialect import cause_of
from voltadesk.store.keys import Key
from voltadesk.store.note import Checkpoint, ConsistencyProof, InclusionProof, sign_checkpoint
from voltadesk.store.transfer import copy_database

KEYLESS = ("denied:BAD_ACTOR", "denied:UNKNOWN_ACTOR")  # outcomes that use up nobody's idempotency key
CHUNK = 1000  # entries in one reading transaction

_WRITER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)

# Written out, because SQLAlchemy's own conversions of values take longer than SQLite does. See `dialect`.
_ROWS = """
    SELECT entry.seq, leaf, entry.body, effect.body, actor, idempotency_key
    FROM entry LEFT JOIN effect ON effect.seq = entry.seq
"""
_AFTER = f"{_ROWS} WHERE entry.seq > ? ORDER BY entry.seq LIMIT ?"
# `||` keeps SQLite from going through all of the actor's entries by their keys.
_GIVEN = f"{_ROWS} WHERE entry.seq > ? AND entry.seq <= ? AND actor || '' = ? AND {{}} ORDER BY entry.seq"
_USED = f"{_ROWS} WHERE actor = ? AND idempotency_key IN ({{}})"


class CommitFailed(VoltaDeskError):
    """Something went wrong at or after a commit: what was to be written may be there or not."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry before it has its place; `command` has been through `canonical`, which is stricter than the journal."""

    time_utc: int
    kind: str
    actor: str
    command: dict[str, Any]
    key: str
    signature: str
    outcome: str
    effects: bytes
    state_root: str


_FIELDS = {field.name for field in fields_of(Draft)} - {"effects"} | {"seq", "prev", "effects_hash"}


@dataclass(frozen=True)
class Entry:
    """An entry as it is stored, with what it did."""

    seq: int
    leaf: bytes
    body: bytes
    effects: bytes

    @cached_property
    def fields(self) -> dict[str, Any]:
        """seq, prev, time_utc, kind, actor, command, key, signature, outcome, effects_hash, state_root."""
        fields: dict[str, Any] = json.loads(self.body)
        return fields


class Batch:
    """Entries that are committed together. Made by `Journal.writing`."""

    def __init__(self, journal: Journal, connection: Connection) -> None:
        self._journal, self.connection = journal, connection
        self._rows: list[tuple[Entry, str, str | None]] = []

    def find_all(self, used: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Entry]:
        """The entries before this batch that used up these pairs of actor and idempotency key."""
        by_actor: dict[str, list[str]] = {}
        for actor, key in used:
            by_actor.setdefault(actor, []).append(key)
        found: dict[tuple[str, str], Entry] = {}
        for actor, keys in by_actor.items():
            found |= {(actor, row.idempotency_key): _entry(row) for row in _used(self.connection, actor, keys)}
        return found

    def append(self, draft: Draft) -> Entry:
        """Add an entry; it is there once the batch is committed."""
        head = self._journal.head()
        fields = {
            "seq": head.seq + 1,
            "prev": head.leaf.hex(),
            "time_utc": draft.time_utc,
            "kind": draft.kind,
            "actor": draft.actor,
            "command": draft.command,
            "key": draft.key,
            "signature": draft.signature,
            "outcome": draft.outcome,
            "effects_hash": sha256(draft.effects).hexdigest(),
            "state_root": draft.state_root,
        }
        body = plain_canonical(fields)
        entry = Entry(head.seq + 1, merkle.leaf_hash(body), body, draft.effects)
        self._rows.append((entry, draft.actor, None if draft.outcome in KEYLESS else draft.key))
        self._journal._advance(entry)
        return entry

    def flush(self) -> None:
        """Hand the entries to the database, within its transaction."""
        if self._rows:
            entries = [(e.seq, e.leaf, e.body, actor, key) for e, actor, key in self._rows]
            insert(self.connection, "entry", entries)
            insert(self.connection, "effect", [(e.seq, e.effects) for e, _, _ in self._rows])


class Journal:
    """One journal: the file `path`, which is its database or names it, and the anchor beside it.

    What it knows (`head`, `root`) is as new as the last `catch_up` or `writing`.
    """

    def __init__(self, path: Path, engine: Engine, anchor: Anchor) -> None:
        self.path = path
        self._engine, self._anchor = engine, anchor
        self._head = Head(-1, NOTHING)
        self._tree = merkle.Tree()
        self._lock = threading.RLock()

    @classmethod
    def create(cls, path: Path, url: str = "") -> Journal:
        """A new journal without entries, see `create_database`. Raises BadInput when there is one already."""
        engine = create_database(path, url)
        return cls(path, engine, Anchor.create(anchor_path(path)))

    @classmethod
    def open(cls, path: Path) -> Journal:
        """A journal as it was left. Raises CheckFailed when it was rolled back behind its anchor, or rewritten."""
        anchor = None
        engine = open_database(path)
        try:
            anchor = Anchor(anchor_path(path))
            journal = cls(path, engine, anchor)
            journal.check_anchor()
        except BaseException:
            engine.dispose()
            if anchor is not None:
                anchor.close()
            raise
        return journal

    def reopened(self) -> Journal:
        """Another object on the same file, which knows as much. Raises as `open` does."""
        journal = Journal.open(self.path)
        journal.resume(self._head, self.tree)
        return journal

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()
        self._anchor.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # Reading ----------------------------------------------------------------------------------------------------------
    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A short transaction that only reads.

        Raises CheckFailed when the database is damaged, NoAnswer when no server answers.
        """
        with damage_found(self.path), reading(self._engine) as connection:
            yield connection

    def head(self) -> Head:
        """The last entry that is known."""
        return self._head

    def check_anchor(self) -> None:
        """Raises CheckFailed unless the journal holds the last acknowledged entry."""
        anchored = self._anchor.read()
        if anchored.seq < 0:
            return
        with self.reading() as connection:
            leaf = connection.exec_driver_sql("SELECT leaf FROM entry WHERE seq = ?", (anchored.seq,)).scalar()
            last = connection.exec_driver_sql("SELECT max(seq) FROM entry").scalar()
        if leaf is None:
            ends = f"ends at entry {-1 if last is None else last}, {anchored.seq} was acknowledged"
            raise CheckFailed(f"{self.path}: rolled back: the journal {ends}")
        if leaf != anchored.leaf:
            raise CheckFailed(f"{self.path}: rewritten: entry {anchored.seq} is not the one that was acknowledged")

    def tail(self, after: int = -1, limit: int | None = None) -> Iterator[Entry]:
        """Entries after that one, oldest first, unchecked; reads a few at a time and keeps no lock in between."""
        for row in self._stream(after):
            if limit is not None:
                if limit <= 0:
                    return
                limit -= 1
            yield _entry(row)

    def find(self, actor: str, key: str) -> Entry | None:
        """The entry that used up an actor's idempotency key."""
        with self.reading() as connection:
            row = _used(connection, actor, [key]).first()
        return None if row is None else _entry(row)

    def entry(self, seq: int) -> Entry:
        """The entry of that number, unchecked. Raises BadInput when there is none."""
        for found in self.tail(seq - 1, 1):
            if found.seq == seq:
                return found
        raise BadInput("entry", seq, "must be an entry of the journal")

    def given(self, actor: str, kinds: str, after: int, until: int) -> list[Entry]:
        """An actor's entries after one, up to another, of the kinds that begin so; all of them at once, unchecked."""
        with self.reading() as connection:
            query = _GIVEN.format(dialect_of(connection).holds("entry.body", "?"))
            rows = connection.exec_driver_sql(query, (after, until, actor, f'"kind":"{kinds}')).all()
        return [_entry(row) for row in rows]

    def is_behind(self) -> bool:
        """Whether others have written, as far as they have acknowledged it; costs no look at the database."""
        return self._anchor.read().seq > self._head.seq

    def copy_to(self, target: Path, url: str = "") -> Head:
        """Copy the database as it is at one moment into a new one; returns the last entry there. See `transfer.copy`.

        Raises CheckFailed when it can't be read whole.
        """
        anchored = self._anchor.read()
        with damage_found(self.path):
            head = copy_database(self._engine, target, url)
        if head.seq < anchored.seq:
            raise CheckFailed(f"{self.path}: the copy ends at entry {head.seq}, {anchored.seq} was acknowledged")
        return head

    def resume(self, head: Head, tree: merkle.Tree) -> None:
        """Know what stood there after an entry, instead of reading everything before it."""
        with self._lock:
            self._head, self._tree = head, tree

    def catch_up(self, apply: Callable[[Entry], None] | None = None) -> int:
        """Learn of the entries that others wrote, in order; returns how many.

        Raises CheckFailed at one that does not follow from what is known.
        """
        with self._lock:
            count = 0
            while True:
                with self.reading() as connection:
                    got = self._learn(connection, apply)
                count += got
                if got < CHUNK - 1:
                    return count

    # Writing ----------------------------------------------------------------------------------------------------------
    @contextmanager
    def writing(self, apply: Callable[[Entry], None] | None = None) -> Iterator[Batch]:
        """Add entries, after those that others wrote (`apply` is given them): committed and anchored at the end.

        An exception inside: nothing was written. Raises CommitFailed when that can't be known, VoltaDeskError when
        the database can't be written. What is known of the journal is then as before.
        """
        with self._lock, self._anchor.lock():
            before, is_committing = None, False
            try:
                with writing(self._engine) as connection:
                    while self._learn(connection, apply) >= CHUNK - 1:
                        pass
                    before = self._head, self._tree.size, self._tree.range
                    batch = Batch(self, connection)
                    yield batch
                    batch.flush()
                    is_committing = True
                self._anchor.write(self._head)
            except BaseException as error:
                if before is not None:
                    self._head, self._tree = before[0], merkle.Tree.from_range(*before[1:])
                if is_committing and isinstance(error, Exception):
                    raise CommitFailed(f"{self.path}: {cause_of(error)}") from error
                if isinstance(error, DBAPIError):
                    raise not_written(self.path, error) from error
                raise

    def settle(self) -> None:
        """Commit once more after a commit that failed, without changing anything.

        A commit whose last step failed can be read and yet be undone by a power cut, until another one goes through.
        """
        with self.writing() as batch:
            dialect_of(batch.connection).settle(batch.connection)

    # Proofs -----------------------------------------------------------------------------------------------------------
    @property
    def tree(self) -> merkle.Tree:
        """The tree over all known entries, a copy."""
        return merkle.Tree.from_range(self._tree.size, self._tree.range)

    def root(self, size: int | None = None) -> bytes:
        """The Merkle root of all known entries, or of the first `size`."""
        return self._tree.root() if size is None else merkle.root(self._leaves(size))

    def checkpoint(self, origin: str, key: Key) -> str:
        """A signed note of size and root (see `note`): who keeps it can prove later that nothing was changed."""
        return sign_checkpoint(origin, self._tree.size, self._tree.root(), key)

    def inclusion(self, seq: int, checkpoint: str) -> InclusionProof:
        """That an entry is in the journal of a checkpoint of this journal."""
        leaves = self._leaves(_size_of(checkpoint))
        hashes = tuple(merkle.inclusion_proof(leaves, seq))
        body = next(self.tail(seq - 1, 1)).body
        return InclusionProof(seq, hashes, checkpoint, body)

    def proof(self, seq: int) -> tuple[int, bytes, tuple[bytes, ...]]:
        """The size and the root of the journal as it is, and the hashes that lead to it from an entry."""
        with self._lock:  # while a batch is being written, the tree has entries that are not there yet
            tree = self.tree
        return tree.size, tree.root(), tuple(merkle.inclusion_proof(self._leaves(tree.size), seq))

    def consistency(self, old_size: int, checkpoint: str) -> ConsistencyProof:
        """That the journal of a checkpoint goes on from its first `old_size` entries."""
        hashes = merkle.consistency_proof(self._leaves(_size_of(checkpoint)), old_size)
        return ConsistencyProof(old_size, tuple(hashes), checkpoint)

    def verify(
        self,
        against: Checkpoint | None = None,
        each: Callable[[Entry], None] | None = None,
        connection: Connection | None = None,
    ) -> int:
        """Check every entry, the chain, the anchor and an old checkpoint; returns the number of entries.

        `each` is given the entries that are found whole. Within a writing transaction, that is what to read by.
        Raises CheckFailed naming the first entry that is not whole.
        """
        head, tree = Head(-1, NOTHING), merkle.Tree()
        old_root = merkle.EMPTY_ROOT
        with damage_found(self.path):
            for row in self._stream(-1, connection):
                entry = checked(row, head)
                tree.append_leaf(entry.leaf)
                if against is not None and tree.size == against.size:
                    old_root = tree.root()
                if each is not None:
                    each(entry)
                head = Head(entry.seq, entry.leaf)
        if connection is None:
            self.check_anchor()
        if against is not None:
            if tree.size < against.size:
                raise CheckFailed(f"the journal holds {tree.size} entries, the checkpoint {against.size}")
            if old_root != against.root:
                raise CheckFailed(f"the first {against.size} entries are not those of the checkpoint")
        return tree.size

    def _stream(self, after: int, connection: Connection | None = None) -> Iterator[Sequence[Any]]:
        while True:
            with self.reading() if connection is None else nullcontext(connection) as by:
                rows = by.exec_driver_sql(_AFTER, (after, CHUNK)).all()
            yield from rows
            if len(rows) < CHUNK:
                return
            after = rows[-1][0]

    def _learn(self, connection: Connection, apply: Callable[[Entry], None] | None) -> int:
        """Read on from the head, whose own row must still be there; returns the number of entries that are new."""
        rows = connection.exec_driver_sql(_AFTER, (self._head.seq - 1, CHUNK)).all()
        if self._head.seq >= 0:
            if not rows or (rows[0][0], rows[0][1]) != self._head:
                raise CheckFailed(f"{self.path}: rolled back or rewritten: entry {self._head.seq} is gone")
            rows = rows[1:]
        for row in rows:
            entry = checked(row, self._head)
            if apply is not None:
                apply(entry)
            self._advance(entry)
        return len(rows)

    def _advance(self, entry: Entry) -> None:
        self._tree.append_leaf(entry.leaf)
        self._head = Head(entry.seq, entry.leaf)

    def _leaves(self, size: int) -> list[bytes]:
        with self.reading() as connection:
            query = "SELECT leaf FROM entry WHERE seq < ? ORDER BY seq"
            leaves = list(connection.exec_driver_sql(query, (size,)).scalars())
        if len(leaves) != size:
            raise BadInput("size", size, f"must be within 0 and the entries held, {len(leaves)}")
        return leaves


def checked(row: Sequence[Any], head: Head) -> Entry:
    """The entry of a row, once it is found to follow on `head`. Raises CheckFailed."""
    seq, leaf, body, effects, actor, key = row
    if not isinstance(body, bytes) or (effects is not None and not isinstance(effects, bytes)):
        raise CheckFailed(f"entry {head.seq + 1} is no entry")
    if seq != head.seq + 1:
        raise CheckFailed(f"entry {head.seq + 1} is missing: the next is {seq}")
    if merkle.leaf_hash(body) != leaf:
        raise CheckFailed(f"entry {seq} was changed: its hash does not fit")
    entry = Entry(seq, leaf, body, effects or b"")
    try:
        fields = entry.fields
        named, prev, by, outcome = fields["seq"], fields["prev"], fields["actor"], fields["outcome"]
        used, effects_hash = None if outcome in KEYLESS else fields["key"], fields["effects_hash"]
        if fields.keys() != _FIELDS:
            raise KeyError
    except (ValueError, KeyError, TypeError):
        raise CheckFailed(f"entry {seq} is no entry") from None
    if named != seq or prev != head.leaf.hex():
        raise CheckFailed(f"entry {seq} does not follow on the one before it")
    if by != actor or used != key:
        raise CheckFailed(f"entry {seq}: the columns beside it were changed")
    if effects is None or sha256(effects).hexdigest() != effects_hash:
        raise CheckFailed(f"entry {seq}: what it did was changed")
    return entry


def plain_canonical(value: object) -> bytes:
    """`canonical` of what is known to be plain values: where all is ASCII, Python's own writer gives the same bytes."""
    text = _WRITER.encode(value)
    return text.encode() if text.isascii() else canonical(value)


def _used(connection: Connection, actor: str, keys: list[str]) -> CursorResult[Any]:
    return connection.exec_driver_sql(_USED.format(dialect_of(connection).listed), (actor, json.dumps(keys)))


def _entry(row: Sequence[Any]) -> Entry:
    return Entry(row[0], row[1], row[2], row[3] or b"")


def _size_of(checkpoint: str) -> int:
    """The size in the text of one's own checkpoint."""
    return int(checkpoint.split("\n")[1])
