"""The desk as it is used: signed commands in, receipts out, history on disk.

`Desk.execute` is the only way to change anything. Under the writers' lock it learns what others wrote, authenticates,
looks for the command's idempotency key, applies the command to the `Book`, and journals what came of it; the receipt
is given when all that is on disk. A command that is refused changes nothing and is journaled too, so that its key
answers the same for ever. Only a command that isn't its actor's uses up no key: nobody can spend another's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from os import urandom
from pathlib import Path

from voltadesk.desk.book import Book
from voltadesk.desk.fund import Investment, Statement
from voltadesk.desk.ledger import LedgerError
from voltadesk.desk.refusal import Refusal, require_name
from voltadesk.desk.source import Source
from voltadesk.errors import BadInput, CheckFailed, NoAnswer, VoltaDeskError
from voltadesk.store import projection, snapshot
from voltadesk.store.audit import Verified as Verified
from voltadesk.store.audit import rebuild
from voltadesk.store.audit import verify as verify
from voltadesk.store.canonical import INT_LIMIT
from voltadesk.store.clock import held_clock, wait_until
from voltadesk.store.database import DATABASE as DATABASE
from voltadesk.store.database import NAMED, database_path, is_projected
from voltadesk.store.files import read_file, save_files
from voltadesk.store.journal import CommitFailed, Journal
from voltadesk.store.keys import Key
from voltadesk.store.machine import FOUNDING, Machine, SignedCommand, key_text
from voltadesk.store.note import ConsistencyProof, InclusionProof
from voltadesk.store.projection import FundRow
from voltadesk.store.records import Records
from voltadesk.store.work import Receipt as Receipt
from voltadesk.store.work import Work, draft_of, has_content, receipt_of


class OutcomeUnknown(VoltaDeskError):
    """The command may have been carried out or not: ask again with the same key."""


class InvariantBroken(CheckFailed):
    """Carrying out a command would have made the books wrong: a fault of the program. Nothing of it was written."""


class Desk(Records):
    """One desk, in a folder: its journal and the state that the journal makes.

    Several processes may have it open, and several threads may use one object.
    """

    def __init__(self, journal: Journal) -> None:
        super().__init__(journal)
        self._lock = threading.RLock()
        self._machine = Machine(self._read_file)
        self._is_stale, self._keeps_snapshots = False, True

    @classmethod
    def create(
        cls,
        folder: Path,
        founder: str,
        key: Key,
        currency: str = "EUR",
        time_utc: int = 0,
        desk_id: str | None = None,
        source: Source | None = None,
        holders: dict[str, str] | None = None,
        database: str = "",
    ) -> Desk:
        """A new desk, whose founder has that key. Its id is drawn at random unless given; no two desks have one.

        With a source it has a market; `holders` are the public keys of the scenario's holders of money, by name. It is
        kept in the PostgreSQL database of the URL `database`, if one is given, else in a file of the folder.
        Raises BadInput when there is a desk already or the scenario is none, Refusal for what can't be.
        """
        require_name("founder", founder)
        body = {
            "currency": currency,
            "desk": urandom(16).hex() if desk_id is None else desk_id,
            "files": {} if source is None else source.hashes(),
            "holders": holders or {},
            "public_key": key_text(key.public),
            "scenario": "" if source is None else source.text,
        }
        by_hash = {} if source is None else {source.hashes()[name]: data for name, data in source.files.items()}
        machine = Machine(by_hash.__getitem__)
        machine.found(founder, body)  # before anything is written
        machine.count("done", time_utc)
        signed = SignedCommand.sign(key, machine.desk_id, founder, FOUNDING, FOUNDING, body)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        desk = cls(Journal.create(folder / (NAMED if database else DATABASE), database))
        desk._machine = machine
        with desk.journal.writing() as batch:
            batch.append(draft_of(signed, time_utc, "done", {}, machine.root()))
            if source is not None:
                save_files(batch.connection, source)
            projection.store(batch.connection, machine.drain())
        return desk

    @classmethod
    def open(cls, folder: Path) -> Desk:
        """The desk in a folder, its journal applied from its snapshot on and compared with what it says.

        Raises BadInput when there is none, CheckFailed when the journal is not what was acknowledged.
        """
        desk = cls(Journal.open(database_path(folder)))
        try:
            with desk.journal.reading() as connection:
                is_ready = is_projected(connection)
            if not is_ready:
                desk.journal.close()
                rebuild(folder)
                desk.journal = Journal.open(database_path(folder))
            desk._replay()
        except BaseException:
            desk.journal.close()
            raise
        return desk

    def close(self) -> None:
        """Let go of the files; what took long to carry out is kept as a snapshot first."""
        with self._lock:
            self._save_snapshot(snapshot.AT_CLOSE)
            self.journal.close()

    def reopen(self) -> None:
        """Open the files anew: a process that was forked off must not share those of the one before."""
        self.journal.close()
        self.journal = self.journal.reopened()

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

    @property
    def source(self) -> Source | None:
        """Where its market comes from."""
        return self._machine.source

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

    def execute_many(
        self,
        commands: Sequence[SignedCommand],
        time_utc: int = 0,
        until_refused: bool = False,
        is_enough: Callable[[], bool] = lambda: False,
    ) -> list[Receipt | Refusal]:
        """Carry out commands in order, with one commit. An answer is a Receipt, or a Refusal KEY_CONFLICT.

        `until_refused` leaves out those after the first that is not done, and `is_enough`, asked after each, those that
        are left when it says so: there are fewer answers then.
        Raises as `execute` does, for all of them. Time never goes back: the journal's last one counts if it is later.
        """
        if not 0 <= time_utc <= INT_LIMIT:
            raise BadInput("time", time_utc, f"must be within 0 and {INT_LIMIT}")
        messages = [signed.message(self.id) for signed in commands]
        with self._lock:
            self._refresh_memory()
            machine = self._machine
            try:
                with self.journal.writing(machine.replay) as batch:
                    past = batch.find_all((signed.actor, signed.key) for signed in commands)
                    seq, now_utc = self.journal.head().seq + 1, max(time_utc, machine.time_utc)
                    work = Work(machine, past, seq, now_utc)
                    with machine.checking(zip(commands, messages, strict=True)):
                        for signed, message in zip(commands, messages, strict=True):
                            work.add(signed, message)
                            if (until_refused and work.is_refused) or is_enough():
                                break
                    answers = work.finish(batch)
                    projection.store(batch.connection, machine.drain())
            except CommitFailed as error:
                self._is_stale = True
                return self._resolve(commands[: len(work)], error)
            except LedgerError as error:
                self._is_stale = True
                raise InvariantBroken(f"nothing was written, the books would be wrong: {error}") from error
            except BaseException:
                self._is_stale = True
                raise
            self._save_snapshot(snapshot.EVERY)
            return answers

    def find(self, actor: str, key: str) -> Receipt | None:
        """What came of the command with that idempotency key, None if there is none."""
        entry = self.journal.find(actor, key)
        return None if entry is None else receipt_of(entry)

    def refresh(self) -> int:
        """Apply what other processes wrote; returns the number of entries."""
        with self._lock:
            self._refresh_memory()
            try:
                return self.journal.catch_up(self._machine.replay)
            except BaseException:
                self._is_stale = True
                raise

    def wait(self, timeout_s: float) -> int:
        """Wait for what other processes write, and apply it; returns the number of entries, 0 when the time is over."""

        def is_behind() -> bool:
            with self._lock:
                return self._is_stale or self.journal.is_behind()

        return self.refresh() if wait_until(is_behind, timeout_s) else 0

    def clock(self) -> AbstractContextManager[None]:
        """Hold the market's clock. Entering raises Refused, naming its process, when another one holds it."""
        return held_clock(self.journal.path.parent)

    # What entries did -------------------------------------------------------------------------------------------------
    def fund_changes(self, after: int, until: int) -> list[FundRow]:
        """What the entries after the first one, up to the last, changed in the fund."""
        return projection.fund_changes(self.journal, self.book.ledger.currency, after, until)

    def statement(self, actor: str) -> Statement:
        """All that an investor has in the fund, with each investment.

        Raises Refusal NOT_FOUND, CheckFailed when the table of postings does not hold what was invested.
        """
        self.refresh()
        book = self.book
        made = projection.investments(self.journal, actor, book.ledger.currency)
        try:
            return book.fund.statement(actor, [Investment(*row) for row in made])
        except LedgerError as error:
            raise CheckFailed(f"{error}: the tables were changed, rebuild them") from error

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
    def _read_file(self, digest: str) -> bytes:
        with self.journal.reading() as connection:
            return read_file(connection, digest)

    def _replay(self) -> None:
        found = snapshot.load(self.journal, self._read_file)
        machine = found or Machine(self._read_file)
        if not self.journal.catch_up(machine.replay) and not found:
            raise CheckFailed(f"{self.journal.path}: the desk has no beginning: making it was cut short")
        machine.finish()
        self._machine = machine
        self._save_snapshot(snapshot.EVERY)

    def _save_snapshot(self, weight: int) -> None:
        """Keep the state, if so much was done since. It is a cache: where that fails, the desk goes on without."""
        if self._is_stale or not self._keeps_snapshots or self._machine.weight < weight:
            return
        try:
            with self.journal.writing(self._machine.replay) as batch:
                snapshot.save(batch.connection, self._machine, self.journal.head(), self.journal.tree)
        except Exception:
            self._keeps_snapshots, self._is_stale = False, True  # what is known is read again, once

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
            if all(entry and has_content(entry, signed) for entry, signed in zip(entries, commands, strict=True)):
                self.journal.settle()  # sets the anchor, too
                return [receipt_of(entry) for entry in entries if entry is not None]
        except Exception as second:
            unknown = OutcomeUnknown(f"outcome unknown, ask again with the same key: {error}; {second}")
            if isinstance(second, NoAnswer):
                unknown.exit_code = second.exit_code
            raise unknown from error
        raise OutcomeUnknown(f"outcome unknown, ask again with the same key: {error}") from error
