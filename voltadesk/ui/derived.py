"""What panes work out of the history, interval by interval, and gone on with: a frame costs what is new in it."""

from __future__ import annotations

from collections.abc import Callable

from voltadesk.ui.axes import Ints64
from voltadesk.ui.history import Columns, History


class Derived:
    """Rows of integers over a history; `make` gives those of its intervals from a number on (rows, n)."""

    def __init__(self, make: Callable[[History, int], Ints64]) -> None:
        self._make = make
        self._key: tuple[object, ...] = ()
        self._first_utc = 0  # start of the first interval
        self._columns = Columns()

    def of(self, history: History, *key: object) -> Ints64:
        """All of them (rows, n). They are made anew for a history that begins earlier, or another `key`."""
        if not len(history):
            return self._make(history, 0)
        starts_utc, columns = history.starts_utc, self._columns
        first_utc = int(starts_utc[0])
        gone = (first_utc - self._first_utc) // int(starts_utc[1] - starts_utc[0]) if len(starts_utc) > 1 else -1
        if key == self._key and 0 < gone < columns.count:
            columns.drop(gone)  # the history has forgotten them
        elif key != self._key or first_utc != self._first_utc:
            self._key, self._columns = key, (columns := Columns())
        self._first_utc = first_utc
        if len(history) > columns.count:
            columns.append(self._make(history, columns.count))
        return columns.values[:, : len(history)]
