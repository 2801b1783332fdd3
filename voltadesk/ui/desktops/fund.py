"""The fund desktop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from voltadesk.ui.actions import bindings
from voltadesk.ui.desktop import Desktop
from voltadesk.ui.panes.balance import BalancePane
from voltadesk.ui.panes.dividends import DividendsPane
from voltadesk.ui.panes.holdings import HoldingsPane
from voltadesk.ui.panes.nav import NavPane
from voltadesk.ui.panes.redemptions import RedemptionsPane
from voltadesk.ui.panes.statement import StatementPane


class FundDesktop(Desktop):
    NAME = "fund"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("fund")]
    # Narrow terminals scroll from pane to pane as the focus goes: none is hidden.
    DEFAULT_CSS = """
    FundDesktop Grid { scrollbar-size-vertical: 1; }
    FundDesktop.-w200 Grid { grid-size: 3 3; grid-columns: 3fr 4fr 3fr; grid-rows: 22fr 13fr 17fr; }
    FundDesktop.-w200 #nav { column-span: 2; }
    FundDesktop.-w200 #holdings { column-span: 3; }
    FundDesktop.-w140 Grid { grid-size: 2 4; grid-columns: 1fr 1fr; grid-rows: 14fr 8fr 7fr 7fr; }
    FundDesktop.-w140 #holdings { column-span: 2; }
    FundDesktop.-w140 #statement { row-span: 2; }
    FundDesktop.-w100 Grid { grid-size: 1; grid-rows: 11 15 10 13 10 9; overflow-y: auto; }
    FundDesktop.-w80 Grid { grid-size: 1; grid-rows: 10 10 9 12 9 8; overflow-y: auto; }
    """

    def panes(self) -> Iterable[Widget]:
        yield NavPane()
        yield BalancePane()
        yield HoldingsPane()
        yield StatementPane()
        yield DividendsPane()
        yield RedemptionsPane()
