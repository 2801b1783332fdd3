"""The ledger desktop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from voltadesk.ui.actions import bindings
from voltadesk.ui.desktop import Desktop
from voltadesk.ui.panes.journal import EntriesPane, PostingsPane


class LedgerDesktop(Desktop):
    NAME = "ledger"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("ledger")]
    DEFAULT_CSS = """
    LedgerDesktop Grid { grid-size: 1 2; grid-rows: 1fr 1fr; }
    LedgerDesktop.-w80 Grid { grid-size: 1 2; grid-columns: 1fr; grid-rows: 1fr 1fr; }
    """

    def panes(self) -> Iterable[Widget]:
        yield EntriesPane()
        yield PostingsPane()
