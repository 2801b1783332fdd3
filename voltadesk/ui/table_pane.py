"""A table in its frame, with a line to filter by and a choice of columns."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, SelectionList
from textual.widgets.selection_list import Selection

from voltadesk.ui.pane import Pane, Standing
from voltadesk.ui.rows import Column
from voltadesk.ui.table import Table


class ColumnChoice(ModalScreen[list[str]]):
    """Which columns are seen: space turns one on or off, Enter and Escape close."""

    DEFAULT_CSS = """
    ColumnChoice { align: center middle; }
    ColumnChoice SelectionList { width: 44; height: auto; max-height: 80%; border: round $border; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter", "done", "Done", priority=True, id="columns.done"),
    ]

    def __init__(self, columns: tuple[Column, ...], seen: tuple[Column, ...]) -> None:
        super().__init__()
        self._columns, self._seen = columns, seen

    def compose(self) -> ComposeResult:
        options = [Selection(Content(c.heading), c.key, c in self._seen) for c in self._columns]
        choice: SelectionList[str] = SelectionList(*options)
        choice.border_title = Content("Columns")
        choice.border_subtitle = Content("space toggles · enter closes")
        yield choice

    def action_done(self) -> None:
        chosen = set(self.query_one(SelectionList).selected)
        self.dismiss([column.key for column in self._columns if column.key in chosen])


class TablePane(Pane):
    """`/` filters, `c` chooses columns; the subtitle tells what is seen of what there is."""

    DEFAULT_CSS = """
    TablePane > Input { height: 1; border: none; padding: 0; background: $header; display: none; }
    TablePane > Input:focus { border: none; }
    TablePane.-filtering > Input { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", id="table.filter"),
        Binding("c", "columns", "Columns", id="table.columns"),
        Binding("escape", "unfilter", "No filter", show=False, id="table.unfilter"),
    ]

    def __init__(
        self, number: int | None, title: str, table: Table, *, id: str | None = None, classes: str | None = None
    ) -> None:
        self.table = table
        self._line = Input(placeholder="filter: words that must all be in a row", compact=True)
        super().__init__(number, title, table, self._line, id=id, classes=classes)

    def on_mount(self) -> None:
        self._tell()

    def stand(self, standing: Standing) -> None:
        """As of which sequence, how stale, and a note; what the table itself knows is filled in."""
        view = self.table
        super().stand(
            replace(
                standing,
                shown=self.rows_shown(),
                total=view.source.total,
                held=view.source.held,
                words=view.words,
                is_ordered=view.order_key is not None,
                is_busy=view.is_arranging,
            )
        )

    def rows_shown(self) -> int:
        """Rows after the filter."""
        return len(self.table.view)

    def _tell(self) -> None:
        self.stand(self.standing)

    @on(Table.Arranged)
    def _arranged(self, event: Table.Arranged) -> None:
        event.stop()
        self._tell()

    def action_filter(self) -> None:
        self.add_class("-filtering")
        self.screen.set_focus(self._line)

    def action_unfilter(self) -> None:
        self._line.value = ""
        self.table.filter("")
        self.remove_class("-filtering")
        self.screen.set_focus(self.table)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.table.filter(event.value)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.set_class(bool(event.value), "-filtering")
        self.screen.set_focus(self.table)

    def action_columns(self) -> None:
        def chosen(keys: list[str] | None) -> None:
            if keys is not None:
                self.table.choose_columns(keys)

        self.app.push_screen(ColumnChoice(self.table.all_columns, self.table.columns), chosen)
