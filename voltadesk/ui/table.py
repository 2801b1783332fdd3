"""A table of any length: only the rows in sight are asked for and drawn.

Its header stays, its first column too; a click on a header, or `o`, orders by that column. Filtering and ordering of
more than a few rows run beside the loop, so that the screen never waits for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from textual import events, work
from textual.binding import Binding, BindingType
from textual.message import Message

from voltadesk.ui.rows import Column, Row, Rows
from voltadesk.ui.table_view import NOWHERE, TableView

_AT_ONCE = 2000  # rows that are arranged without leaving the loop
_PAGE = 10_000  # rows an export reads at a time


class Table(TableView):
    """Columns over a source of rows, a cursor row, a chosen column."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="table.up"),
        Binding("down,j", "move(1)", "Down", show=False, id="table.down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="table.page-up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="table.page-down"),
        Binding("home", "move(-1_000_000_000)", "First row", show=False, id="table.first"),
        Binding("end,G", "move(1_000_000_000)", "Last row", show=False, id="table.last"),
        Binding("left,h", "choose(-1)", "Column left", show=False, id="table.left"),
        Binding("right,l", "choose(1)", "Column right", show=False, id="table.right"),
        Binding("enter", "select", "Open", show=False, id="table.open"),
        Binding("o", "order", "Order by column", id="table.order"),
    ]

    class Moved(Message):
        """The cursor stands on another row."""

        def __init__(self, table: Table, row: Row | None) -> None:
            super().__init__()
            self.table, self.row = table, row

        @property
        def control(self) -> Table:
            return self.table

    class Selected(Moved):
        """A row was opened: by Enter or a double click."""

    class Arranged(Message):
        """Rows, filter, order or columns are others now."""

        def __init__(self, table: Table) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> Table:
            return self.table

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        newest_first: bool = False,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(columns, id=id, classes=classes)
        self.newest_first = newest_first  # new rows come in above: the cursor stays on its row
        self.source: Rows = self.view
        self.words = ""
        self.is_arranging = False

    # Data -------------------------------------------------------------------------------------------------------------
    def show(self, source: Rows) -> None:
        """Other rows, in the filter and order that hold."""
        self.source = source
        self._arrange()

    def filter(self, words: str) -> None:
        """Only rows that hold every one of `words`."""
        if words != self.words:
            self.words = words
            self._arrange()

    def order_by(self, key: str | None, descending: bool = False) -> None:
        self.order_key, self.descending = key, descending
        self._arrange()

    def choose_columns(self, keys: Sequence[str]) -> None:
        """Which columns are seen, in that order; unknown keys are passed over, and with none left all are seen."""
        by_key = {column.key: column for column in self.all_columns}
        self.columns = tuple(by_key[key] for key in dict.fromkeys(keys) if key in by_key) or self.all_columns
        self._places = [self.all_columns.index(column) for column in self.columns]
        self.chosen, self.left = min(self.chosen, len(self.columns) - 1), 1
        self._widths = []
        self._settled(self.view)

    def reword(self, columns: Sequence[Column]) -> None:
        """The same columns, by their keys, with other headings or units."""
        by_key = {column.key: column for column in columns}
        self.all_columns = tuple(by_key[column.key] for column in self.all_columns)
        self.columns = tuple(by_key[column.key] for column in self.columns)
        self._widths = []
        self._settled(self.view)

    def _arrange(self) -> None:
        if not self.words and self.order_key is None:
            self._settled(self.source)
        elif self.source.held <= _AT_ONCE:
            self._settled(self.source.arranged(self.words, self.order_key, self.descending))
        else:
            self.is_arranging = True
            self._arrange_beside()
            self.post_message(self.Arranged(self))

    @work(thread=True, exclusive=True, group="arrange")
    def _arrange_beside(self) -> None:
        wanted = (self.source, self.words, self.order_key, self.descending)
        view = self.source.arranged(*wanted[1:])
        self.app.call_from_thread(self._arranged, wanted, view)

    def _arranged(self, wanted: tuple[Rows, str, str | None, bool], view: Rows) -> None:
        # An answer to a question asked before the last one is of no use.
        if wanted[1:] == (self.words, self.order_key, self.descending):
            self._settled(view)

    def _settled(self, view: Rows) -> None:
        grown = self._grown(view)
        moves = self.newest_first and self.order_key is None and self.cursor > 0 and grown > 0 and len(self.view) > 0
        self.view, self.is_arranging = view, False
        self._window = NOWHERE
        self.cursor = max(0, min(len(view) - 1, self.cursor + (grown if moves else 0)))
        if self.is_mounted:
            self._measure()
            top = self.scroll_offset.y + (grown if moves else 0)
            top = max(0, min(top, len(view) - self._lines))  # fewer rows must not leave an empty screen
            if top != self.scroll_offset.y:
                self.scroll_to(y=top, animate=False, force=True)
        self.refresh()
        self.post_message(self.Arranged(self))

    def _grown(self, view: Rows) -> int:
        """How many rows a view has more than the one before, above it where the newest come first."""
        return len(view) - len(self.view)

    # Cursor -----------------------------------------------------------------------------------------------------------
    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        found = self.view.rows(self.cursor, self.cursor + 1) if len(self.view) else ()
        return found[0] if found else None

    def move_to(self, index: int) -> None:
        """Put the cursor on a row, and the row in sight."""
        index = max(0, min(len(self.view) - 1, index))
        if index == self.cursor:
            return
        self.cursor = index
        top, count = self.scroll_offset.y, self._lines
        if not top <= index < top + count:
            self.scroll_to(y=index if index < top else index - count + 1, animate=False)
        self.refresh()
        self.post_message(self.Moved(self, self.row))

    def action_move(self, by: int) -> None:
        self.move_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        self.move_to(self.cursor + by * max(1, self._lines - 1))

    def action_select(self) -> None:
        if (row := self.row) is not None:
            self.post_message(self.Selected(self, row))

    def action_choose(self, by: int) -> None:
        """Choose the next column, and bring it in sight."""
        self.chosen = max(0, min(len(self.columns) - 1, self.chosen + by))
        self.left = max(1, min(self.left, self.chosen))
        while self.chosen > self.seen_columns()[-1] and self.left < self.chosen:
            self.left += 1
        self._see()
        self.refresh()

    def action_order(self) -> None:
        """By the chosen column: up, then down, then as it came."""
        key = self.columns[self.chosen].key
        if key != self.order_key:
            self.order_by(key)
        else:
            self.order_by(*((None, False) if self.descending else (key, True)))

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        if at is None:
            return
        if at.y > 0:
            if at.y <= len(self._in_sight().rows):
                self.move_to(self.scroll_offset.y + at.y - 1)
                if event.chain == 2:
                    self.action_select()
            return
        x = at.x
        for n in self._seen:
            if x < self._widths[n] + 2:
                self.chosen = n
                self.action_order()
                return
            x -= self._widths[n] + 2

    def on_focus(self) -> None:
        self._is_focused = True
        self.refresh()

    def on_blur(self) -> None:
        self._is_focused = False
        self.refresh()

    def remember(self) -> dict[str, Any]:
        """Order and columns, as the user chose them."""
        columns = [] if self.columns == self.all_columns else [column.key for column in self.columns]
        return {"order": self.order_key, "descending": self.descending, "columns": columns}

    def recall(self, memory: dict[str, Any]) -> None:
        keys = {column.key for column in self.all_columns}
        if memory.get("order") in keys:
            self.order_by(memory["order"], memory.get("descending") is True)
        if isinstance(memory.get("columns"), list) and memory["columns"]:
            self.choose_columns([str(key) for key in memory["columns"]])

    # Out --------------------------------------------------------------------------------------------------------------
    def copy_text(self) -> str:
        """The cursor's row for the clipboard: cells as shown, tabs between."""
        row = self.row
        return (
            ""
            if row is None
            else "\t".join(column.show(row[n]) for n, column in zip(self._places, self.columns, strict=True))
        )

    def csv_rows(self) -> Iterator[tuple[object, ...]]:
        """All rows of this filter and order, in the columns seen, exact."""
        yield tuple(column.heading for column in self.columns)
        at, view = self._places, self.view
        for first in range(0, len(view), _PAGE):
            for row in view.rows(first, first + _PAGE):
                yield tuple(column.plain(row[n]) for n, column in zip(at, self.columns, strict=True))
