"""What the databases that can hold a desk do each in its own way; all other SQL is the same for both.

Statements are written once, with `?` for values. Where the databases' words differ they take them from here: `sqlite`
and `postgresql` fill this in.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from voltadesk.errors import BadInput, VoltaDeskError
from voltadesk.store.anchor import LOCK_S

SCHEMA_MARK = 0x564F4C44  # "VOLD": what tells a desk from any other database
BUSY_MS = LOCK_S * 1000  # how long a writer waits for another


class Dialect(ABC):
    """One database's own words and ways."""

    # SQL; a listing names it as {sql.body}.
    like: ClassVar[str]  # a text of ours against a pattern: letters of ASCII match in either case, no others
    listed: ClassVar[str]  # the texts of a JSON list
    listed_numbers: ClassVar[str]
    body: ClassVar[str]  # an entry's body as text
    time_utc: ClassVar[str]  # when an entry was written [s UTC]
    said: ClassVar[str]  # kind, outcome, actor and command of an entry as they stand in its body
    leaf: ClassVar[str]  # an entry's hash as hexadecimal text

    @abstractmethod
    def holds(self, column: str, text: str) -> str:
        """SQL: whether bytes hold a text of ASCII, which is a literal or `?`."""

    @abstractmethod
    def minute(self, moment: str) -> str:
        """SQL: a moment [s UTC] as 2026-05-25 14:15."""

    # Files and connections --------------------------------------------------------------------------------------------
    @abstractmethod
    def place(self, path: Path, url: str) -> None:
        """Make the file that is the database, or names it. Raises BadInput when there is one already."""

    @abstractmethod
    def engine(self, path: Path, is_new: bool) -> Engine:
        """Connections that lose no acknowledged commit; of what is not new, nothing is touched before it is known to
        be a desk's.
        """

    @abstractmethod
    def begin(self, connection: Connection, is_reading: bool) -> None:
        """Begin a transaction, which sees one moment if it is reading, and is the only writer if not."""

    @abstractmethod
    def claim(self, connection: Connection) -> None:
        """Take a new database for a desk. Raises BadInput when it is something else's."""

    @abstractmethod
    def is_projected(self, connection: Connection) -> bool:
        """See `database.is_projected`."""

    @abstractmethod
    def set_projected(self, connection: Connection, is_so: bool) -> None:
        """See `database.set_projected`."""

    @abstractmethod
    def settle(self, connection: Connection) -> None:
        """Have this transaction's commit put on disk, and all before it, although it changes nothing."""

    # Check-up ---------------------------------------------------------------------------------------------------------
    @abstractmethod
    def fault(self, path: Path, error: DBAPIError) -> VoltaDeskError:
        """What the database says of itself while it is read, as one line."""

    @abstractmethod
    def not_written(self, path: Path, error: DBAPIError) -> VoltaDeskError:
        """Why a transaction was undone, as one line."""

    @abstractmethod
    def check(self, connection: Connection) -> None:
        """Raises CheckFailed for what the database itself finds wrong."""

    @abstractmethod
    def size(self, path: Path) -> int:
        """Bytes that the database takes, 0 where it can't tell."""


def cause_of(error: Exception) -> str:
    """What a database says, as one line."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return " ".join(str(cause).split())


def no_desk(path: Path, what: str) -> BadInput:
    """What is there is no desk."""
    return BadInput("desk", path.name, what, str(path.parent))
