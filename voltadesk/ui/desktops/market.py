"""The market desktop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from voltadesk.ui.actions import bindings
from voltadesk.ui.desktop import Desktop
from voltadesk.ui.panes.auction import AuctionPane
from voltadesk.ui.panes.price import PricePane


class MarketDesktop(Desktop):
    NAME = "market"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("market")]
    DEFAULT_CSS = """
    MarketDesktop.-w200 Grid { grid-size: 2 1; grid-columns: 2fr 1fr; }
    """

    def panes(self) -> Iterable[Widget]:
        yield PricePane()
        yield AuctionPane()
