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
        self._columns = Columns()

    def of(self, history: History, *key: object) -> Ints64:
        """All of them (rows, n). They are made anew for a history that begins elsewhere, or another `key`."""
        if not len(history):
            return self._make(history, 0)
        key = int(history.starts_utc[0]), *key
        if key != self._key:
            self._key, self._columns = key, Columns()
        held = self._columns.count
        if len(history) > held:
            self._columns.append(self._make(history, held))
        return self._columns.values[:, : len(history)]
