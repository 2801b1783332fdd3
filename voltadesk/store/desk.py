"""The desk as it is used: signed commands in, receipts out, history on disk.

`Desk.execute` is the only way to change anything. Under the writers' lock it learns what others wrote, authenticates,
looks for the command's idempotency key, applies the command to the `Book`, and journals what came of it; the receipt
is given when all that is on disk. A command that is refused changes nothing and is journaled too, so that its key
answers the same for ever. Only a command that isn't its actor's uses up no key: nobody can spend another's.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import urandom
from pathlib import Path
from typing import Any

from voltadesk.desk.book import Book
from voltadesk.desk.refusal import Refusal, require_name
from voltadesk.errors import BadInput, CheckFailed, VoltaDeskError
from voltadesk.store.canonical import INT_LIMIT, canonical
from voltadesk.store.journal import CHUNK, KEYLESS, Batch, CommitFailed, Draft, Entry, Journal
from voltadesk.store.keys import Key, base64_text
from voltadesk.store.machine import FOUNDING, Machine, SignedCommand, key_text, plain_bytes
from voltadesk.store.note import Checkpoint, ConsistencyProof, InclusionProof

DATABASE = "desk.sqlite3"


class OutcomeUnknown(VoltaDeskError):
    """The command may have been carried out or not: ask again with the same key."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a command: `done`, `rejected:CODE` or `denied:CODE`, and where that stands in the journal.

    `state_root` is the root of the desk's state after the entry; empty inside a batch, whose last entry has it.
    """

    seq: int
    outcome: str
    effects: dict[str, Any]
    leaf: str
    state_root: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a re-execution of the whole journal found."""

    entries: int
    done: int
    rejected: int
    denied: int
    state_root: str


class Desk:
    """One desk, in a folder: its journal and the state that the journal makes.

    Several processes may have it open, and several threads may use one object.
    """

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._lock = threading.RLock()
        self._machine = Machine()
        self._is_stale = False

    @classmethod
    def create(
        cls, folder: Path, founder: str, key: Key, currency: str = "EUR", time_utc: int = 0, desk_id: str | None = None
    ) -> Desk:
        """A new desk, whose founder has that key. Its id is drawn at random unless given; no two desks have one."""
        require_name("founder", founder)
        desk_id = urandom(16).hex() if desk_id is None else desk_id
        body = {"currency": currency, "desk": desk_id, "public_key": key_text(key.public)}
        Book(founder, body["public_key"], currency)  # before anything is written
        signed = SignedCommand.sign(key, desk_id, founder, FOUNDING, FOUNDING, body)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        desk = cls(Journal.create(folder / DATABASE))
        machine = desk._machine
        machine.found(founder, body)
        machine.time_utc = time_utc
        with desk.journal.writing() as batch:
            batch.append(_draft(signed, time_utc, "done", {}, machine.root()))
        return desk

    @classmethod
    def open(cls, folder: Path) -> Desk:
        """The desk in a folder, its journal applied again and compared with what it says.

        Raises BadInput when there is none, CheckFailed when the journal is not what was acknowledged.
        """
        desk = cls(Journal.open(folder / DATABASE))
        try:
            desk._replay()
        except BaseException:
            desk.close()
            raise
        return desk

    def close(self) -> None:
        """Let go of the files."""
        self.journal.close()

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def id(self) -> str:
        """What every command of this desk is signed for."""
        return self._machine.desk_id

    @property
    def origin(self) -> str:
        """The desk's name in checkpoints."""
        return f"voltadesk/{self.id}"

    @property
    def book(self) -> Book:
        """The state, to be looked at only."""
        with self._lock:
            self._refresh_memory()
            assert self._machine.book is not None
            return self._machine.book

    def state_root(self) -> str:
        """Hash of all state as far as it is known here."""
        with self._lock:
            self._refresh_memory()
            return self._machine.root()

    # Commands ---------------------------------------------------------------------------------------------------------
    def execute(self, signed: SignedCommand, time_utc: int = 0) -> Receipt:
        """Carry out a command; it is on disk when this returns.

        Raises Refusal KEY_CONFLICT when the key was used for another command, BAD_VALUE when it could not have been
        signed (nothing is journaled then), OutcomeUnknown when storage failed at the commit.
        """
        (answer,) = self.execute_many([signed], time_utc)
        if isinstance(answer, Refusal):
            raise answer
        return answer

    def execute_many(self, commands: Sequence[SignedCommand], time_utc: int = 0) -> list[Receipt | Refusal]:
        """Carry out commands in order, with one commit. An answer is a Receipt, or a Refusal KEY_CONFLICT.

        Raises as `execute` does, for all of them. Time never goes back: the journal's last one counts if it is later.
        """
        if not 0 <= time_utc <= INT_LIMIT:
            raise BadInput("time", time_utc, f"must be within 0 and {INT_LIMIT}")
        messages = [signed.message(self.id) for signed in commands]
        with self._lock:
            self._refresh_memory()
            machine = self._machine
            machine.check_many(zip(commands, messages, strict=True))
            try:
                with self.journal.writing(machine.replay) as batch:
                    time_utc = max(time_utc, machine.time_utc)
                    past = batch.find_all((signed.actor, signed.key) for signed in commands)
                    work = _Work(machine, past, self.journal.head().seq + 1, time_utc)
                    for signed, message in zip(commands, messages, strict=True):
                        work.add(signed, message)
                    answers = work.finish(batch)
                machine.time_utc = time_utc if work.drafts else machine.time_utc
            except CommitFailed as error:
                self._is_stale = True
                return self._resolve(commands, error)
            except BaseException:
                self._is_stale = True
                raise
            return answers

    def find(self, actor: str, key: str) -> Receipt | None:
        """What came of the command with that idempotency key, None if there is none."""
        entry = self.journal.find(actor, key)
        return None if entry is None else _receipt(entry)

    def refresh(self) -> int:
        """Apply what other processes wrote; returns the number of entries."""
        with self._lock:
            self._refresh_memory()
            try:
                return self.journal.catch_up(self._machine.replay)
            except BaseException:
                self._is_stale = True
                raise

    # Proofs -----------------------------------------------------------------------------------------------------------
    def checkpoint(self, key: Key) -> str:
        """A signed note about the journal as it is now."""
        self.refresh()
        return self.journal.checkpoint(self.origin, key)

    def inclusion(self, seq: int, key: Key) -> InclusionProof:
        """That an entry is in the journal, against a new checkpoint."""
        return self.journal.inclusion(seq, self.checkpoint(key))

    def consistency(self, old_size: int, key: Key) -> ConsistencyProof:
        """That the journal goes on from its first `old_size` entries, against a new checkpoint."""
        return self.journal.consistency(old_size, self.checkpoint(key))

    # Memory -----------------------------------------------------------------------------------------------------------
    def _replay(self) -> None:
        machine = Machine()
        if not self.journal.catch_up(machine.replay):
            raise CheckFailed(f"{self.journal.path}: the desk has no beginning: making it was cut short")
        machine.finish()
        self._machine = machine

    def _refresh_memory(self) -> None:
        """Forget everything and read it again, if something went wrong before."""
        if self._is_stale:
            path = self.journal.path
            self.journal.close()
            self.journal = Journal.open(path)
            self._replay()
            self._is_stale = False

    def _resolve(self, commands: Sequence[SignedCommand], error: CommitFailed) -> list[Receipt | Refusal]:
        """After a failed commit: what the journal on disk says of the commands."""
        try:
            self._refresh_memory()
            entries = [self.journal.find(signed.actor, signed.key) for signed in commands]
            if all(entry and _has_content(entry, signed) for entry, signed in zip(entries, commands, strict=True)):
                with self.journal.writing(self._machine.replay):
                    pass  # sets the anchor
                return [_receipt(entry) for entry in entries if entry is not None]
        except Exception as second:
            raise OutcomeUnknown(f"outcome unknown, ask again with the same key: {error}; {second}") from error
        raise OutcomeUnknown(f"outcome unknown, ask again with the same key: {error}") from error


class _Work:
    """The commands of one batch on their way through the desk."""

    def __init__(self, machine: Machine, past: dict[tuple[str, str], Entry], seq: int, time_utc: int) -> None:
        self.drafts: list[Draft] = []
        self._machine, self._past, self._seq, self._time_utc = machine, past, seq, time_utc
        self._answers: list[int | Receipt | Refusal] = []
        self._seen: dict[tuple[str, str], int] = {}  # key used up in this batch -> draft

    def add(self, signed: SignedCommand, message: bytes) -> None:
        """Answer a command, from the journal or by carrying it out."""
        used = (signed.actor, signed.key)
        before: int | Entry | None = self._seen.get(used)
        if before is None:
            before = self._past.get(used)
        if before is None:
            self._run(signed, message, used)
            return
        answer = before if isinstance(before, int) else _receipt(before)
        past = self.drafts[before] if isinstance(before, int) else before
        is_same = _has_content(past, signed)
        if is_same and _has_signature(past, signed):
            self._answers.append(answer)  # the very same: its key may have been changed since, by this command even
        elif not self._machine.is_signed(signed, message):
            self._run(signed, message, used)
        elif is_same:
            self._answers.append(answer)
        else:
            self._answers.append(Refusal("KEY_CONFLICT", "key", signed.key, "must be new: it was used otherwise"))

    def finish(self, batch: Batch) -> list[Receipt | Refusal]:
        """Hand the entries to the batch, the last with the state root; returns the answers in order."""
        if self.drafts:
            self.drafts[-1] = replace(self.drafts[-1], state_root=self._machine.root())
        made = []
        for draft in self.drafts:
            entry = batch.append(draft)
            effects = json.loads(entry.effects)
            made.append(Receipt(entry.seq, draft.outcome, effects, entry.leaf.hex(), draft.state_root))
        return [made[a] if isinstance(a, int) else a for a in self._answers]

    def _run(self, signed: SignedCommand, message: bytes, used: tuple[str, str]) -> None:
        seq = self._seq + len(self.drafts)
        outcome, effects = self._machine.run(seq, self._time_utc, signed, message)
        if outcome not in KEYLESS:
            self._seen[used] = len(self.drafts)
        self._answers.append(len(self.drafts))
        self.drafts.append(_draft(signed, self._time_utc, outcome, effects, ""))


def verify(folder: Path, against: Checkpoint | None = None) -> Verified:
    """Carry out the whole journal of a desk again in a new book, signatures too, and compare every state root.

    `against` is an old checkpoint that the journal must go on from. Raises CheckFailed naming the first bad entry.
    """
    machine = Machine()
    with Journal.open(folder / DATABASE) as journal:
        waiting: list[Entry] = []

        def each(entry: Entry) -> None:
            waiting.append(entry)
            if len(waiting) == CHUNK or entry.seq == 0:
                machine.replay_many(waiting)
                waiting.clear()

        entries = journal.verify(against, each)
        machine.replay_many(waiting)
        if not entries:
            raise CheckFailed(f"{journal.path}: the desk has no beginning: making it was cut short")
        machine.finish()
    count = machine.outcomes.get
    return Verified(entries, count("done", 0), count("rejected", 0), count("denied", 0), machine.root())


def _draft(signed: SignedCommand, time_utc: int, outcome: str, effects: dict[str, Any], state_root: str) -> Draft:
    return Draft(
        time_utc=time_utc,
        kind=signed.kind,
        actor=signed.actor,
        command=signed.body,
        key=signed.key,
        signature=base64_text(signed.signature),
        outcome=outcome,
        effects=plain_bytes(effects),
        state_root=state_root,
    )


def _receipt(entry: Entry) -> Receipt:
    fields = entry.fields
    return Receipt(entry.seq, fields["outcome"], json.loads(entry.effects), entry.leaf.hex(), fields["state_root"])


def _has_content(past: Entry | Draft, signed: SignedCommand) -> bool:
    """Whether an entry with the same actor and key is of the same command."""
    kind, body = (past.kind, past.command) if isinstance(past, Draft) else (past.fields["kind"], past.fields["command"])
    return bool(kind == signed.kind and canonical(body) == canonical(signed.body))


def _has_signature(past: Entry | Draft, signed: SignedCommand) -> bool:
    signature = past.signature if isinstance(past, Draft) else past.fields["signature"]
    return bool(signature == base64_text(signed.signature))
