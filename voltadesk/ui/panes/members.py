"""The members of a community in the month that is looked at: their energy and money, and the sum of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from textual import on

from voltadesk.ui.community_frame import FAULT as IS_FAULTY
from voltadesk.ui.community_frame import CommunityFrame, OpenMonth
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.pane import Standing
from voltadesk.ui.rows import Column, ListRows, Row, SummedRows, number_column
from voltadesk.ui.table import Table
from voltadesk.ui.table_pane import TablePane
from voltadesk.ui.text import KWH, MONEY, MONEY_CHANGE, clean

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase

_SUM = ""  # name of the row that sums up


def _who_text(who: tuple[str, str]) -> str:
    name, title = who
    return clean(f"{name} · {title}" if name and title else name or title)


def columns(currency: str) -> tuple[Column, ...]:
    """The table's columns; money in that currency."""
    return (
        Column("member", "member", show=_who_text, plain=lambda who: who[0] or who[1]),
        number_column("own", "own use", "kWh", KWH),
        number_column("from-community", "from community", "", KWH),
        number_column("from-grid", "from grid", "", KWH),
        number_column("to-community", "to community", "", KWH),
        number_column("to-grid", "to grid", "", KWH),
        number_column("cost", "cost", currency, MONEY),
        number_column("alone", "alone", "", MONEY),
        number_column("saving", "saving", "", MONEY_CHANGE),
        number_column("payable", "payable", "", MONEY),
    )


class MembersPane(TablePane):
    """A row for each member of the month, and one for all."""

    HELP = (
        "What each member used of its own roof behind its meter, took from and gave to the community and the grid; "
        "what it all cost, what it would have cost alone, what it saved, and what the community bills. Money that a "
        "member gets is below zero. A plant or battery of the community itself has no bill: its money is on the "
        "community's own account. The last row sums up those that the filter leaves. The chart beside shows the part "
        "of the member under the cursor, and Explained says how it came about. Enter reads its statement."
    )

    def __init__(self) -> None:
        self._currency, self._columns = "", columns("")
        self._month: OpenMonth | None = None
        super().__init__(None, "Members", Table(self._columns), id="members")

    @property
    def _app(self) -> DeskBase:
        return cast("DeskBase", self.app)

    def feed(self, frame: DeskFrame) -> None:
        seen = self._app.settler.frame
        currency = seen.facts.currency
        if currency and currency != self._currency:
            self._currency, self._columns = currency, columns(currency)
            self.table.reword(self._columns)
        if seen.month is not self._month:
            self._month = seen.month
            rows = () if seen.month is None else seen.month.members
            self.table.show(SummedRows(ListRows(self._columns, rows), _sum_up))
        self._find(seen)
        self.retitle(seen.line.name if seen.is_open else "")
        is_faulty = seen.is_open and seen.line.state == IS_FAULTY
        self.stand(Standing(note="can't be settled" if is_faulty else "" if seen.month else "settling …"))

    def rows_shown(self) -> int:
        return max(0, super().rows_shown() - 1)  # without the sum

    def _find(self, seen: CommunityFrame) -> None:
        """Keep the cursor on the member that is looked at, wherever order and filter put it."""
        view, row = self.table.view, self.table.row
        if seen.month is None or seen.month is not self._month or (row is not None and row[0][0] == seen.member):
            return
        names = [row[0][0] for row in view.rows(0, len(view))]
        if seen.member in names:
            self.table.move_to(names.index(seen.member))
        elif names:
            self.table.move_to(0)  # not to the sum, which was below one that the filter took away
            self._choose(view.rows(0, 1)[0])

    def _choose(self, row: Row) -> None:
        self._app.settler.choose_member(row[0][0])

    @on(Table.Arranged)
    def _found(self) -> None:
        self._find(self._app.settler.frame)

    @on(Table.Moved)
    def _moved(self, event: Table.Moved) -> None:
        if event.row is not None and not isinstance(event, Table.Selected):
            self._choose(event.row)

    @on(Table.Selected)
    def _read(self, event: Table.Selected) -> None:
        if event.row is not None:
            self._app.settler.read_statement(event.row[0][0])


def _sum_up(rows: Sequence[Row]) -> Row:
    """Own use is not known where somebody's isn't; the bills that there are not are none."""
    _, own, *others = zip(*rows, strict=True)
    what = "1 member" if len(rows) == 1 else f"{len(rows)} together"
    known = (sum(value for value in column if value is not None) for column in others)
    return ((_SUM, what), None if None in own else sum(own), *known)
