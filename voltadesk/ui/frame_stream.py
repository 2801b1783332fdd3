"""Frames on their way from one process to another: what of a frame is as in the one before isn't sent again.

Parts are compared by identity, as `framing` keeps those that did not change. Of the history only intervals are sent
that the other side does not have: it keeps columns of its own, which grow as those here do.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np

from voltadesk.ui.books import Books, ProductFigures
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.history import ARRAYS, Columns, History, Ints64

_WORDS = ("sources", "batteries", "reasons", "is_cut")  # of a history
_PLAIN = tuple(field.name for field in fields(DeskFrame) if field.name not in ("history", "books"))


@dataclass(frozen=True)
class Growth:
    """What has become of the columns: so many intervals were forgotten (None: all), others were added."""

    gone: int | None
    blocks: dict[str, Ints64]  # (rows, n); without any there may be more rows
    words: dict[str, Any]
    seen: int  # intervals of which the frame is


class BookChanges(NamedTuple):
    """Order books, without the products that are as they were."""

    rules: Books  # without products
    starts: tuple[int, ...]  # of all products
    changed: dict[int, ProductFigures]


class Changes(NamedTuple):
    """A frame, without what is as in the one before."""

    plain: dict[str, Any]
    history: Growth
    books: BookChanges | None
    is_booked: bool  # whether `books` is another one than before


class FrameSender:
    """Makes `Changes` of one frame after the other."""

    def __init__(self) -> None:
        self._frame: DeskFrame | None = None
        self._starts_utc: Ints64 = np.empty(0, np.int64)  # of the intervals that the other side holds

    def changes(self, frame: DeskFrame) -> Changes:
        """What the other side needs to have this frame, after all those before."""
        before, self._frame = self._frame, frame
        plain = {
            name: value
            for name in _PLAIN
            if (value := getattr(frame, name)) is not getattr(before, name, None) or before is None
        }
        known = None if before is None else before.books
        books = frame.books
        told = None if books is None or books is known else _book_changes(books, known)
        return Changes(plain, self._growth(frame.history), told, books is not known)

    def _growth(self, history: History) -> Growth:
        starts_utc, count, gone = self._starts_utc, len(history), None
        if count and len(starts_utc):
            first = int(np.searchsorted(starts_utc, history.starts_utc[0]))
            if first < len(starts_utc) and starts_utc[first] == history.starts_utc[0]:
                gone = first
        held = 0 if gone is None else len(starts_utc) - gone
        self._starts_utc = history.starts_utc if gone is None or count > held else starts_utc[gone:]
        blocks = {name: _rows(getattr(history, name))[:, held:] for name in ARRAYS}
        return Growth(gone, blocks, {name: getattr(history, name) for name in _WORDS}, count)


class FrameReceiver:
    """Makes frames of their `Changes`."""

    def __init__(self) -> None:
        self._frame: DeskFrame | None = None
        self._columns: dict[str, Columns] = {}

    def frame(self, changes: Changes) -> DeskFrame:
        """The next frame; its parts that did not change are those of the one before."""
        before, given = self._frame, dict(changes.plain)
        given["history"] = self._history(changes.history)
        if changes.is_booked:
            given["books"] = _books(changes.books, None if before is None else before.books)
        self._frame = DeskFrame(**given) if before is None else replace(before, **given)
        return self._frame

    def _history(self, growth: Growth) -> History:
        if growth.gone is None:
            self._columns = {name: Columns() for name in ARRAYS}
        for name, columns in self._columns.items():
            if growth.gone:
                columns.drop(growth.gone)
            columns.append(growth.blocks[name])
        arrays: dict[str, Any] = {name: columns.values[:, : growth.seen] for name, columns in self._columns.items()}
        arrays["mark_tick"] = arrays["mark_tick"][0]
        return History(**arrays, **growth.words)


def _rows(array: Ints64) -> Ints64:
    return array if array.ndim == 2 else array[None, :]


def _book_changes(books: Books, known: Books | None) -> BookChanges:
    held = {} if known is None else known.products
    changed = {start: product for start, product in books.products.items() if held.get(start) is not product}
    return BookChanges(replace(books, products={}), tuple(books.products), changed)


def _books(told: BookChanges | None, known: Books | None) -> Books | None:
    if told is None:
        return None
    held = {} if known is None else known.products
    return replace(told.rules, products={s: told.changed.get(s) or held[s] for s in told.starts})
