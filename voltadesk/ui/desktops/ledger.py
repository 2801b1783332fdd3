"""The ledger desktop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from voltadesk.ui.actions import bindings
from voltadesk.ui.desktop import Desktop
from voltadesk.ui.panes.journal import EntriesPane, PostingsPane
from voltadesk.ui.panes.verification import VerificationPane


class LedgerDesktop(Desktop):
    NAME = "ledger"
    FIRST = "#entries"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("ledger")]
    DEFAULT_CSS = """
    LedgerDesktop Grid { grid-size: 1 3; grid-rows: 6 1fr 1fr; }
    LedgerDesktop.-w80 Grid { grid-rows: 4 1fr 1fr; }
    """

    def panes(self) -> Iterable[Widget]:
        yield VerificationPane()
        yield EntriesPane()
        yield PostingsPane()
