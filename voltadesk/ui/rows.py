"""Where a table's rows come from: a window of them at a time, so that a million cost no more than a screenful."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from voltadesk.ui.inks import change_ink
from voltadesk.ui.text import NO_DATA, Number, clean

Row = tuple[Any, ...]


def _shown(value: Any) -> str:
    return NO_DATA if value is None else clean(value)


def _plain(value: Any) -> str:
    return "" if value is None else str(value)


@dataclass(frozen=True)
class Column:
    """A column: how its cells are written on the screen and in files, and in which ink.

    `width` is in cells; 0 is as wide as what has been seen. `unit` stands in the header, once.
    """

    key: str
    title: str
    unit: str = ""
    show: Callable[[Any], str] = _shown
    plain: Callable[[Any], str] = _plain
    right: bool = False
    width: int = 0
    ink: Callable[[Any], int] | None = None

    @property
    def heading(self) -> str:
        return f"{self.title} {self.unit}".rstrip()


def number_column(key: str, title: str, unit: str, number: Number, width: int = 0) -> Column:
    """A right-aligned column of integers; signed ones in the ink of their direction."""
    return Column(key, title, unit, number.show, number.plain, True, width, change_ink if number.signed else None)


class Rows(Protocol):
    """Rows in the order of the columns. `arranged` gives the same source filtered and ordered anew."""

    @property
    def total(self) -> int:
        """Rows there are, before any filter."""

    @property
    def held(self) -> int:
        """Rows that filter and order reach; fewer than `total` where the source is cut."""

    def __len__(self) -> int:
        """Rows in this arrangement."""

    def rows(self, first: int, last: int) -> Sequence[Row]:
        """Rows `first` to `last` - 1."""

    def arranged(self, words: str, key: str | None, descending: bool) -> Rows:
        """Those rows of which every one of `words` is somewhere in the text shown, ordered by a column's raw values.

        Equal values stay in their own order, missing ones come last; key None is the source's own order.
        """


class ListRows:
    """Rows held in memory. `total` tells how many there are where only some are held."""

    def __init__(self, columns: Sequence[Column], held: Sequence[Row], total: int | None = None) -> None:
        self._columns, self._all, self._view = columns, held, held
        self._total = total

    @property
    def total(self) -> int:
        return len(self._all) if self._total is None else self._total

    @property
    def held(self) -> int:
        return len(self._all)

    def __len__(self) -> int:
        return len(self._view)

    def rows(self, first: int, last: int) -> Sequence[Row]:
        return self._view[first:last]

    def arranged(self, words: str, key: str | None, descending: bool) -> ListRows:
        view = self._all
        if wanted := words.casefold().split():
            view = [row for row in view if _matches(self._columns, row, wanted)]
        if key is not None:
            at = next(n for n, column in enumerate(self._columns) if column.key == key)
            known = sorted((row for row in view if row[at] is not None), key=lambda row: row[at], reverse=descending)
            view = [*known, *(row for row in view if row[at] is None)]
        result = ListRows(self._columns, self._all, self._total)
        result._view = view
        return result


class SummedRows:
    """Rows with one more below them, which sums up those that the filter leaves; it stays there in every order."""

    def __init__(self, rows: Rows, sum_up: Callable[[Sequence[Row]], Row]) -> None:
        self._rows, self._sum_up = rows, sum_up
        self._sum = [sum_up(rows.rows(0, len(rows)))] if len(rows) else []

    @property
    def total(self) -> int:
        return self._rows.total

    @property
    def held(self) -> int:
        return self._rows.held

    def __len__(self) -> int:
        return len(self._rows) + len(self._sum)

    def rows(self, first: int, last: int) -> Sequence[Row]:
        end = len(self._rows)
        found = self._rows.rows(first, min(last, end))
        return [*found, *self._sum] if first <= end < last else found

    def arranged(self, words: str, key: str | None, descending: bool) -> SummedRows:
        return SummedRows(self._rows.arranged(words, key, descending), self._sum_up)


def _matches(columns: Sequence[Column], row: Row, wanted: list[str]) -> bool:
    text = "\n".join(column.show(value) for column, value in zip(columns, row, strict=True)).casefold()
    return all(word in text for word in wanted)
