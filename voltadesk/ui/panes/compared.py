"""The month that is looked at under every sharing rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from voltadesk.ui.community_frame import RuleLine
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.pane import Standing
from voltadesk.ui.rows import Column, ListRows, Row, number_column
from voltadesk.ui.table import Table
from voltadesk.ui.table_pane import TablePane
from voltadesk.ui.text import KWH, MONEY_CHANGE, Number

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase

_GINI = Number(4, 4)


def columns(currency: str, member: str) -> tuple[Column, ...]:
    """The table's columns; savings in that currency, those of one member by its name."""
    return (
        Column("rule", "rule"),
        number_column("shared", "shared", "kWh", KWH),
        number_column("saving", "saving", currency, MONEY_CHANGE),
        number_column("member", member or "member", "", MONEY_CHANGE),
        number_column("smallest", "smallest", "", MONEY_CHANGE),
        number_column("largest", "largest", "", MONEY_CHANGE),
        number_column("gini", "Gini", "", _GINI),
        number_column("community", "community", "", MONEY_CHANGE),
    )


class ComparedPane(TablePane):
    """A row for each rule."""

    HELP = (
        "The same month settled under every sharing rule: what is shared, what the members save together, what the "
        "member under the cursor of Members saves, the smallest and the largest saving, Gini's coefficient of the "
        "savings (0: all save the same), and what the community itself receives. Static and hybrid use the keys of "
        "the rules, or equal ones. ◂ is the rule that holds. A large community is compared when r asks for it."
    )

    def __init__(self) -> None:
        self._columns = columns("", "")
        self._shown: tuple[object, ...] = ()
        super().__init__(None, "Rules compared", Table(self._columns), id="compared")

    def feed(self, frame: DeskFrame) -> None:
        seen = cast("DeskBase", self.app).settler.frame
        currency, held = seen.facts.currency, seen.facts.sharing
        shown = seen.outcomes, seen.member, currency
        if shown != self._shown:
            self._shown = shown
            self._columns = columns(currency, seen.member or "")
            self.table.reword(self._columns)
            rows = [_row(line, seen.member or "", held) for line in seen.outcomes]
            self.table.show(ListRows(self._columns, rows))
        self.retitle(seen.line.name if seen.is_open else "")
        is_asked = seen.month is not None and not seen.outcomes
        self.stand(Standing(note="comparing …" if seen.is_comparing else "r compares" if is_asked else ""))


def _row(line: RuleLine, member: str, held: str) -> Row:
    return (
        f"{line.rule} ◂" if line.rule == held else line.rule,
        line.shared_wh,
        line.saving_e8,
        line.savings_e8.get(member),
        line.smallest_e8,
        line.largest_e8,
        line.gini_bp,
        line.community_e8,
    )
