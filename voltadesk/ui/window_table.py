"""A table over millions of the journal's rows: those in sight are read beside the loop, the newest first.

Places and filters are the store's (`store.listing`); here is what of it is on the screen.
"""

from __future__ import annotations

import time
from asyncio import wrap_future
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

from voltadesk.store.listing import Index, Listing
from voltadesk.store.records import Records
from voltadesk.ui.inquiry import Inquiry
from voltadesk.ui.rows import Column, ListRows, Row, Rows
from voltadesk.ui.table import Table
from voltadesk.ui.table_view import NOWHERE

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase

HELD = 20_000  # rows that are kept after they were in sight
ORDERED = 10_000  # newest rows that an order by a column reaches
STEP_S = 0.012  # how long the index is built in one go, while others wait for the reader
SHOWN_S = 0.1  # between two pictures of a growing index
_EXPORTED = 5_000  # rows an export reads at a time


class WindowRows:
    """Rows from place `low` to `high` - 1, newest first; those that aren't read yet are empty."""

    def __init__(self, table: WindowTable, low: int, high: int) -> None:
        self._table, self.low, self.high = table, low, high

    @property
    def total(self) -> int:
        return self._table.count_all

    @property
    def held(self) -> int:
        return self._table.count_all

    def __len__(self) -> int:
        return self.high - self.low

    def rows(self, first: int, last: int) -> Sequence[Row]:
        return self._table.at(max(self.low, self.high - last), self.high - first)

    def arranged(self, words: str, key: str | None, descending: bool) -> Rows:
        """As the table has its own way to filter and to order, these very rows."""
        return self


class WindowTable(Table):
    """`follow` tells it how far the journal goes."""

    def __init__(
        self,
        columns: Sequence[Column],
        listing: Listing,
        make: Callable[[tuple[Any, ...], ZoneInfo], Row],
        *,
        id: str | None = None,
    ) -> None:
        """`make` turns what the listing reads into a row of the columns."""
        super().__init__(columns, newest_first=True, id=id)
        self._listing, self._make = listing, make
        self._zone = ZoneInfo("UTC")
        self._every = self._index = Index(listing)
        self._head = -1
        self._read: dict[int, Row] = {}  # by place
        self._is_building = False
        self._inquiry = Inquiry[dict[int, Row]](self._got)
        self._ordering = Inquiry[list[Row]](self._ordered)
        self._ordered_s = 0.0

    # What there is ----------------------------------------------------------------------------------------------------
    @property
    def count_all(self) -> int:
        """Rows there are without the filter, as far as they are counted."""
        return self._every.high - self._every.low

    @property
    def progress(self) -> str:
        """How far the older entries are gone through; empty when all are."""
        index = self._index
        if index.is_whole or self._head < 0 or index.newest < 0:
            return ""
        return f"older rows: {100 * (index.newest - index.oldest) // (index.newest + 1)} % gone through"

    def follow(self, head: int, zone: ZoneInfo) -> None:
        """The journal has entries up to that one, all of them committed."""
        self._zone = zone
        if head > self._head:
            self._head = head
        if not self._is_building and (head > self._index.newest or not self._every.is_whole):
            self._is_building = True
            self.run_worker(self._build(), exit_on_error=False)

    async def _build(self) -> None:
        app, shown_s, is_more = cast("DeskBase", self.app), 0.0, True
        try:
            while is_more and self.is_attached:
                index = self._index
                question = partial(self._step, index, self._every, self._head, self._top_rows())
                is_more, read = await wrap_future(app.runner.read(question))
                if index is not self._index:  # another filter, meanwhile
                    is_more = True
                    continue
                self._read |= read
                if not is_more or time.monotonic() - shown_s > SHOWN_S:
                    shown_s = time.monotonic()
                    self._show()
        except RuntimeError:  # the desk is being closed: nothing is read any more
            return
        except Exception as error:  # as with every pane: its fault must not take the desk away
            app.faults.append(error)
        finally:
            self._is_building = False

    def _step(self, index: Index, every: Index, head: int, top: int, records: Records) -> tuple[bool, dict[int, Row]]:
        """Count on for a moment; the newest rows are read with it, so that they are not seen empty first."""
        until_s, is_more, before = time.perf_counter() + STEP_S, True, index.high
        while is_more and time.perf_counter() < until_s:
            is_more = index.step(records.journal, head) or (every is not index and every.step(records.journal, head))
        if index.high == before and index.low < -top:
            return is_more, {}
        return is_more, self._page(index, index.high - top, index.high, records)

    def _page(self, index: Index, low: int, high: int, records: Records) -> dict[int, Row]:
        low = max(low, index.low)
        rows = index.page(records.journal, low, high)
        return {low + n: self._make(row, self._zone) for n, row in enumerate(rows)}

    def _top_rows(self) -> int:
        """How many of the newest rows are in sight, or soon will be."""
        return self._lines + 8 if self.scroll_offset.y <= self._lines else 0

    def _show(self) -> None:
        if self.order_key is not None:
            if time.monotonic() - self._ordered_s > 1:
                self._ask_ordered()
            return
        view = WindowRows(self, self._index.low, self._index.high)
        self.source = view
        self._settled(view)

    def _grown(self, view: Rows) -> int:
        known = self.view
        return view.high - known.high if isinstance(view, WindowRows) and isinstance(known, WindowRows) else 0

    # Rows in sight ----------------------------------------------------------------------------------------------------
    def at(self, low: int, high: int) -> Sequence[Row]:
        """Rows at places `high` - 1 down to `low`; those not held are asked for."""
        held, empty = self._read, (None,) * len(self.all_columns)
        rows = [held.get(place, empty) for place in range(high - 1, low - 1, -1)]
        if empty in rows and self.is_attached:
            more = self._lines
            question = partial(self._page, self._index, low - more, high + more)
            self._inquiry.ask(cast("DeskBase", self.app), question)
        return rows

    def _got(self, read: dict[int, Row]) -> None:
        if len(self._read) > HELD:
            self._read = {}
        self._read |= read
        self._window = NOWHERE
        self._measure()
        self.refresh()

    # Filter and order -------------------------------------------------------------------------------------------------
    def filter(self, words: str) -> None:
        if words == self.words:
            return
        self.words = words
        self._index = Index(self._listing, words, self._zone) if words.split() else self._every
        self._read, self.cursor = {}, 0
        self.view = WindowRows(self, 0, 0)
        self.follow(self._head, self._zone)
        self._show()

    def order_by(self, key: str | None, descending: bool = False) -> None:
        self.order_key, self.descending = key, descending
        self._show() if key is None else self._ask_ordered()

    def _ask_ordered(self) -> None:
        index = self._index

        def newest(records: Records) -> list[Row]:
            return list(self._page(index, index.high - ORDERED, index.high, records).values())[::-1]

        self._ordered_s = time.monotonic()
        self._ordering.ask(cast("DeskBase", self.app), newest)

    def _ordered(self, rows: list[Row]) -> None:
        if self.order_key is not None:
            held = ListRows(self.all_columns, rows, self._index.high - self._index.low)
            self.source = held
            self._settled(held.arranged("", self.order_key, self.descending))

    # Out --------------------------------------------------------------------------------------------------------------
    def csv_rows(self) -> Iterator[tuple[object, ...]]:
        """All rows of this filter, newest first, in the columns seen; for a thread that may wait."""
        view = self.view
        if not isinstance(view, WindowRows):
            yield from super().csv_rows()
            return
        yield tuple(column.heading for column in self.columns)
        app, index = cast("DeskBase", self.app), self._index
        count = partial(self._step, index, self._every, self._head, 0)
        while app.runner.read(count).result()[0]:  # all of them, also those that are still to be gone through
            pass
        for high in range(index.high, index.low, -_EXPORTED):
            low = max(index.low, high - _EXPORTED)
            page = app.runner.read(partial(self._page, index, low, high)).result()
            for place in range(high - 1, low - 1, -1):
                row = page[place]
                yield tuple(c.plain(row[n]) for n, c in zip(self._places, self.columns, strict=True))
