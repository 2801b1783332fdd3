"""The last acknowledged entry of a journal, in a file of its own beside the database.

It tells a database that was rolled back, and it is what writers lock.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from voltadesk.errors import BadInput, CheckFailed, VoltaDeskError

NOTHING = bytes(32)  # what the first entry names as the one before
LOCK_S = 10  # how long a writer waits for another


class Head(NamedTuple):
    """The last entry of a journal; of an empty one, -1 and `NOTHING`."""

    seq: int
    leaf: bytes


class Anchor:
    """The last acknowledged entry in a file of its own, which is also what writers lock.

    Two records of fixed width are written in turn, so that a write cut short leaves the one before.
    """

    _SLOTS = (0, 4096)
    _WIDTH = 20 + 1 + 64 + 1 + 64 + 1

    def __init__(self, path: Path) -> None:
        self.path, self._is_new = path, True
        try:
            self._file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise CheckFailed(f"{path}: the anchor can't be read ({error.strerror}): is the journal whole?") from None

    @classmethod
    def create(cls, path: Path) -> Anchor:
        """The anchor of a journal without entries, on disk. Raises BadInput when there is one already."""
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise BadInput("anchor", path.name, "is there already", str(path.parent)) from None
        os.fchmod(file, 0o600)
        for slot in cls._SLOTS:
            os.pwrite(file, _record(Head(-1, NOTHING)), slot)
        os.fsync(file)
        os.close(file)
        return cls(path)

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only writer. Raises VoltaDeskError when another stays one for too long."""
        until = time.monotonic() + LOCK_S
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise VoltaDeskError(f"{self.path.parent}: another process is writing; try again") from None
                time.sleep(0.0005)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def read(self) -> Head:
        """The last acknowledged entry. Raises CheckFailed when no record is whole."""
        return self._records()[0][0]

    def write(self, head: Head) -> None:
        """Set the last acknowledged entry; on disk when this returns. An older one changes nothing.

        The first time, the same one is written again: what can be read is not on disk if a write failed before.
        """
        newest, place = self._records()[0]
        if head.seq > newest.seq or (self._is_new and head.seq == newest.seq):
            os.pwrite(self._file, _record(head), next(slot for slot in self._SLOTS if slot != place))
            os.fdatasync(self._file)
            self._is_new = False

    def _records(self) -> list[tuple[Head, int]]:
        """The whole records and where they stand, the newest first."""
        found = []
        for slot in self._SLOTS:
            data = os.pread(self._file, self._WIDTH, slot)
            size, leaf = data[:20], data[21:85]
            if size.isdigit() and all(c in b"0123456789abcdef" for c in leaf):
                head = Head(int(size) - 1, bytes.fromhex(leaf.decode()))
                if _record(head) == data:
                    found.append((head, slot))
        if not found:
            raise CheckFailed(f"{self.path}: the anchor is damaged")
        return sorted(found, reverse=True)


def anchor_path(path: Path) -> Path:
    """Where the anchor of a journal stands."""
    return path.with_suffix(".anchor")


def _record(head: Head) -> bytes:
    """An anchor's record: the number of entries, the last one's leaf hash, a checksum."""
    text = f"{head.seq + 1:020d} {head.leaf.hex()}"
    return f"{text} {sha256(text.encode()).hexdigest()}\n".encode()
