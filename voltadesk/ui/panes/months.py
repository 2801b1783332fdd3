"""The months that a community's meters cover, and what came of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import on

from voltadesk.ui.actions import BY_ID
from voltadesk.ui.community_frame import FAULT as IS_FAULTY
from voltadesk.ui.community_frame import SETTLED, CommunityFrame, MonthLine
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.inks import BAND, FAINT, FAULT
from voltadesk.ui.pane import Standing
from voltadesk.ui.rows import Column, ListRows, Row, number_column
from voltadesk.ui.table import Table
from voltadesk.ui.table_pane import TablePane
from voltadesk.ui.text import KWH, MONEY_CHANGE, PERCENT

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase


def _state_ink(state: str) -> int:
    return BAND if state.startswith(SETTLED) else FAULT if state.startswith("✗") else FAINT


def columns(currency: str) -> tuple[Column, ...]:
    """The table's columns; money in that currency."""
    return (
        Column("month", "month", show=" ".join, plain=lambda month: str(month[0])),
        number_column("shared", "shared", "kWh", KWH),
        number_column("saving", "saving", currency, MONEY_CHANGE),
        number_column("sufficiency", "self-suff.", "%", PERCENT),
        number_column("consumption", "self-cons.", "%", PERCENT),
        number_column("community", "community", "", MONEY_CHANGE),
        Column("state", "state", ink=_state_ink),
    )


class MonthsPane(TablePane):
    """A row for each; the one under the cursor is looked at."""

    HELP = (
        "Every month that the meters cover: what was shared; self-sufficiency, the part of all that was used that came "
        "from own roofs and the community; self-consumption, the part of all that was made that stayed; what the "
        "members save together against what they would have paid without the community; and what is left to the "
        "community itself. The month under the cursor is settled first, the others after it. Where one can't be "
        "settled, the state says why. Enter reads the manager's report."
    )

    def __init__(self) -> None:
        self._currency, self._columns = "", columns("")
        self._lines: tuple[MonthLine, ...] = ()
        super().__init__(None, "Months", Table(self._columns), id="months")

    @property
    def _app(self) -> DeskBase:
        return cast("DeskBase", self.app)

    def feed(self, frame: DeskFrame) -> None:
        seen = self._app.settler.frame
        currency = seen.facts.currency
        if currency and currency != self._currency:
            self._currency, self._columns = currency, columns(currency)
            self.table.reword(self._columns)
        if seen.months != self._lines:
            self._lines = seen.months
            self.table.show(ListRows(self._columns, [_row(line) for line in seen.months]))
        self._find(seen)
        title = seen.facts.title or seen.facts.name
        key = self._app.key_of(BY_ID["community.open"])
        self.retitle(title if seen.is_open or seen.busy else f"{key} opens a community")
        done = sum(line.state in (SETTLED, IS_FAULTY) for line in seen.months)
        progress = f"settled {done} of {len(seen.months)} …" if done < len(seen.months) else ""
        self.stand(Standing(note=seen.busy or progress))

    def _find(self, seen: CommunityFrame) -> None:
        """Keep the cursor on the month that is looked at, wherever order and filter put it."""
        view = self.table.view
        names = [row[0][0] for row in view.rows(0, len(view))]
        if seen.is_open and seen.line.name in names:  # a day on may have led to another one
            self.table.move_to(names.index(seen.line.name))
        elif self.table.row is not None:
            self._choose(self.table.row)

    def _choose(self, row: Row) -> None:
        names = [line.name for line in self._lines]
        self._app.settler.choose_month(names.index(row[0][0]))

    @on(Table.Arranged)
    def _found(self) -> None:
        self._find(self._app.settler.frame)

    @on(Table.Moved)
    def _moved(self, event: Table.Moved) -> None:
        if event.row is not None and not isinstance(event, Table.Selected):
            self._choose(event.row)

    @on(Table.Selected)
    def _read(self) -> None:
        self._app.settler.read_statement("")


def _row(line: MonthLine) -> Row:
    notes = f", {len(line.notes)} note{'s' if len(line.notes) > 1 else ''}" if line.notes else ""
    state = f"✗ {line.fault}" if line.fault else line.state + notes
    mark = ("✗",) if line.fault else ()
    return (
        (line.name, *mark),
        line.shared_wh,
        line.saving_e8,
        line.self_sufficiency_ppm,
        line.self_consumption_ppm,
        line.community_e8,
        state,
    )
