"""Questions that take the desk's state or the actor's key: they are answered where the market is run."""

from __future__ import annotations

from itertools import islice, takewhile
from pathlib import Path
from typing import NamedTuple

from voltadesk.desk.fund import Statement
from voltadesk.desk.source import Feed, feeds
from voltadesk.errors import VoltaDeskError
from voltadesk.store import merkle
from voltadesk.store.journal import Entry
from voltadesk.store.projection import PostingRow
from voltadesk.store.seat import Seat

MOST_POSTINGS = 500  # an interval of a large market has thousands


class Found(NamedTuple):
    """An entry with all that is told of it."""

    entry: Entry
    postings: tuple[PostingRow, ...]
    is_cut: bool  # there are more
    size: int  # entries of the journal
    root: bytes
    proof: tuple[bytes, ...]

    @property
    def is_proved(self) -> bool:
        """Whether the entry's own bytes, by the proof, lead to the root of the whole journal."""
        leaf = merkle.leaf_hash(self.entry.body)
        return merkle.verify_inclusion(leaf, self.entry.seq, self.size, self.proof, self.root)


def find(seq: int, seat: Seat) -> Found:
    """Read an entry and prove it."""
    desk = seat.desk
    entry = desk.journal.entry(seq)
    moved = takewhile(lambda row: row.entry == seq, desk.postings(seq - 1))
    postings = tuple(islice(moved, MOST_POSTINGS + 1))
    size, root, proof = desk.journal.proof(seq)
    return Found(entry, postings[:MOST_POSTINGS], len(postings) > MOST_POSTINGS, size, root, proof)


def save_proof(seq: int, path: Path, seat: Seat) -> None:
    """Write the signed proof that an entry is in the journal. Raises VoltaDeskError where the file can't be made."""
    text = seat.desk.inclusion(seq, seat.private()).text
    try:
        with open(path, "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise VoltaDeskError(f"{path}: {(error.strerror or str(error)).lower()}") from None


def statement(actor: str, seat: Seat) -> Statement:
    """All that an investor has in the fund. Raises as `Desk.statement` does."""
    return seat.desk.statement(actor)


def known_feeds(seat: Seat) -> list[Feed]:
    """The files that the market's outside comes from."""
    source = seat.desk.source
    return feeds(source) if source else []
