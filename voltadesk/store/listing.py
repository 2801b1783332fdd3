"""The rows of a journal at any places among millions: counted span by span, read page by page, filtered in SQL.

An `Index` knows of every entry how many of a listing's rows it has. The newest entries are counted first, so that
their rows are there at once; older ones follow, and what is written later is added. A row's place never changes:
rows counted backwards from where the index began have -1, -2 …, those written since 0, 1 ….
"""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from voltadesk.clock import offsets
from voltadesk.store.database import dialect_of
from voltadesk.store.dialect import Dialect
from voltadesk.store.journal import Journal

SPAN = 1024  # entries that are counted in one transaction, which may keep a writer's commit waiting
_LEAST_HASH = 8  # letters of a word that is looked for in hashes


class Listing(NamedTuple):
    """Rows of a table that belong to the journal's entries.

    Every word of a filter is looked for in `texts`, one with a digit in `figures` and `moments` too. `raw` is what
    holds the texts, quicker to search; "" where they are columns of their own. What stands in braces is a database's.
    """

    tables: str
    entry: str  # column of the entry's number
    columns: str
    order: str
    texts: tuple[str, ...]
    figures: tuple[str, ...]
    moments: tuple[str, ...]  # SQL of moments [s UTC]
    hashes: tuple[str, ...] = ()
    raw: str = ""
    is_dense: bool = False  # every entry has one row
    where: str = "TRUE"  # which rows there are

    def by(self, dialect: Dialect) -> Listing:
        """In the words of a database."""
        return Listing._make(_said(part, dialect) for part in self)


def _said(part: Any, dialect: Dialect) -> Any:
    if isinstance(part, str):
        return part.format(sql=dialect, halts=_halts(dialect))
    return tuple(_said(each, dialect) for each in part) if isinstance(part, tuple) else part


def _halts(dialect: Dialect) -> str:
    """What stopped the market or let it go on; a price outside the band and a feed that ended do, too."""
    kinds = (dialect.holds("entry.body", f'\'"kind":"market.{kind}"\'') for kind in ("halt", "resume"))
    is_told = dialect.holds("effect.body", '\'"halted":"\'')
    is_empty = dialect.holds("effect.body", '\'"halted":""\'')
    return f"({' OR '.join(kinds)} OR ({is_told} AND NOT {is_empty}))"


ENTRIES = Listing(
    "entry JOIN effect ON effect.seq = entry.seq",
    "entry.seq",
    "entry.seq, entry.leaf, entry.body, effect.body",
    "entry.seq",
    ("{sql.said}",),
    ("CAST(entry.seq AS TEXT)",),
    ("{sql.time_utc}",),
    ("{sql.leaf}",),
    "{sql.body}",
    True,
)
HALTS = ENTRIES._replace(is_dense=False, where="{halts}")
POSTINGS = Listing(
    "posting",
    "entry",
    "entry, number, time_utc, text, account, commodity, amount",
    "entry, number, account, commodity",
    ("account", "text", "commodity"),
    (
        "CAST(entry AS TEXT)",
        "CASE WHEN amount < 0 THEN '-' ELSE '+' END || CASE WHEN commodity = 'WH' THEN CAST(abs(amount) AS TEXT) "
        "ELSE CAST(abs(amount) / 100000000 AS TEXT) || '.' "
        "|| substr(CAST(100000000 + abs(amount) % 100000000 AS TEXT), 2) END",
    ),
    ("time_utc",),
)


# Filters --------------------------------------------------------------------------------------------------------------
def condition(
    listing: Listing, dialect: Dialect, words: str, local: Sequence[tuple[int, int]]
) -> tuple[str, tuple[str, ...]]:
    """SQL, and its values, for rows that hold every one of the words; `local` as `clock.offsets` gives it."""
    like = dialect.like.format
    parts, given = [listing.where], list[str]()
    for word in words.replace("−", "-").split():
        sought = [like(text) for text in listing.texts]
        if listing.raw:  # where all of it is JSON, and so is the word
            sought = [f"({like(listing.raw)} AND {each})" for each in sought]
            values = [_pattern(json.dumps(word, ensure_ascii=False)[1:-1])] * (2 * len(sought))
        else:
            values = [_pattern(word)] * len(sought)
        more = list(listing.hashes) if len(word) >= _LEAST_HASH else []
        if any(c.isdigit() for c in word):
            more += [*listing.figures, *(dialect.minute(_local(each, local)) for each in listing.moments)]
        parts.append(f"({' OR '.join([*sought, *map(like, more)])})")
        given += [*values, *([_pattern(word)] * len(more))]
    return " AND ".join(parts), tuple(given)


def _pattern(word: str) -> str:
    return "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


def _local(moment: str, local: Sequence[tuple[int, int]]) -> str:
    """SQL for what the market's clock shows at a moment [s UTC], as seconds."""
    offset = str(local[-1][1])
    if len(local) > 1:
        cases = " ".join(f"WHEN {moment} < {until} THEN {shift}" for until, shift in local[:-1])
        offset = f"CASE {cases} ELSE {offset} END"
    return f"{moment} + {offset}"


# The index ------------------------------------------------------------------------------------------------------------
class Span(NamedTuple):
    """Entries that have rows, and how many these and those before them in the span have together."""

    first: int  # place of the span's first row
    entries: Sequence[int]
    until: Sequence[int]  # rows


class Index:
    """How many of a listing's rows that hold every one of `words` each entry has. For one thread at a time."""

    def __init__(self, listing: Listing, words: str = "", zone: ZoneInfo | None = None) -> None:
        self.listing, self.words, self._zone = listing, words, zone or ZoneInfo("UTC")
        self.low = self.high = 0  # places that are known are at least the one and below the other
        self.oldest = self.newest = -1  # entries: those after the one, up to the other are counted
        self._is_begun = False
        self._ahead: list[Span] = []  # places rise
        self._behind: list[Span] = []  # places fall
        self._where, self._given, self._listed = "TRUE", tuple[str, ...](), ""

    @property
    def is_whole(self) -> bool:
        """Whether no older entries are left to be counted."""
        return self._is_begun and self.oldest < 0

    def step(self, journal: Journal, head: int) -> bool:
        """Count one more span: of what was written since, up to that entry, else of older entries.

        Returns whether there is more to be counted.
        """
        with journal.reading() as connection:
            if not self._is_begun:
                self._begin(connection, head)
            if self.newest < head:
                self._go_forward(connection, min(head, self.newest + SPAN))
            elif self.oldest >= 0:
                self._go_back(connection, max(-1, self.oldest - SPAN))
        return self.newest < head or self.oldest >= 0

    def _begin(self, connection: Connection, head: int) -> None:
        dialect = dialect_of(connection)
        self.listing, self._listed = self.listing.by(dialect), dialect.listed_numbers
        time = dialect.time_utc
        query = f"SELECT min({time}), max({time}) FROM entry WHERE seq IN (0, ?)"  # noqa: S608
        first, last = connection.exec_driver_sql(query, (head,)).one()
        # The newest entries may come to lie behind a later change of the clock.
        local = offsets(self._zone, first or 0, (last or 0) + 400 * 86_400)
        self._where, self._given = condition(self.listing, dialect, self.words, local)
        self.oldest = self.newest = head
        self._is_begun = True

    def _go_forward(self, connection: Connection, until: int) -> None:
        entries, rows = self._count(connection, self.newest, until)
        self.newest = until
        if not entries:
            return
        if self._ahead and len(self._ahead[-1].entries) < SPAN:  # so that there are not as many spans as steps
            span = self._ahead.pop()
            so_far = span.until[-1]
            entries = array("q", [*span.entries, *entries])
            until_rows = array("q", [*span.until, *(so_far + each for each in accumulate(rows))])
            span = Span(span.first, entries, until_rows)
        else:
            span = Span(self.high, entries, array("q", accumulate(rows)))
        self._ahead.append(span)
        self.high = span.first + span.until[-1]

    def _go_back(self, connection: Connection, after: int) -> None:
        entries, rows = self._count(connection, after, self.oldest)
        self.oldest = after
        if entries:
            until = array("q", accumulate(rows))
            self.low -= until[-1]
            self._behind.append(Span(self.low, entries, until))

    def _count(self, connection: Connection, after: int, until: int) -> tuple[Sequence[int], Iterable[int]]:
        """Entries after one, up to another, that have rows, and how many."""
        listing = self.listing
        if listing.is_dense and not self.words.split():
            return array("q", range(after + 1, until + 1)), [1] * (until - after)
        query = (
            f"SELECT {listing.entry}, count(*) FROM {listing.tables} WHERE {self._within()} "  # noqa: S608
            f"GROUP BY {listing.entry} ORDER BY {listing.entry}"
        )
        found = connection.exec_driver_sql(query, (after, until, *self._given)).all()
        return array("q", [row[0] for row in found]), [row[1] for row in found]

    def page(self, journal: Journal, first: int, last: int) -> list[tuple[Any, ...]]:
        """The rows at places `first` to `last` - 1, oldest first; places that aren't known are left out."""
        first, last = max(first, self.low), min(last, self.high)
        if first >= last:
            return []
        entries, skipped = self._entries(first, last)
        listing = self.listing
        # They are named one by one: of a range, all that the filter leaves out would have to be gone through.
        query = (
            f"SELECT {listing.columns} FROM {listing.tables} "  # noqa: S608
            f"WHERE {listing.entry} IN ({self._listed}) AND {self._where} "
            f"ORDER BY {listing.order} LIMIT {last - first} OFFSET {skipped}"
        )
        with journal.reading() as connection:
            found = connection.exec_driver_sql(query, (json.dumps(entries), *self._given)).all()
        return [tuple(row) for row in found]

    def _entries(self, first: int, last: int) -> tuple[list[int], int]:
        """The entries whose rows are at those places, and how many rows of the first one come before."""
        found: list[int] = []
        skipped, place = 0, first
        while place < last:
            span = self._span(place)
            begin, end = bisect_right(span.until, place - span.first), bisect_left(span.until, last - span.first)
            if place == first:
                skipped = place - span.first - (span.until[begin - 1] if begin else 0)
            found += span.entries[begin : end + 1]
            place = span.first + span.until[-1]
        return found, skipped

    def _span(self, place: int) -> Span:
        """The one that has the row at that place."""
        if place < 0:
            return self._behind[bisect_left(self._behind, -place, key=lambda span: -span.first)]  # places fall
        return self._ahead[bisect_right(self._ahead, place, key=lambda span: span.first) - 1]

    def _within(self) -> str:
        return f"{self.listing.entry} > ? AND {self.listing.entry} <= ? AND {self._where}"
