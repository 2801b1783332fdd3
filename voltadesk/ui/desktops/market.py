"""The market desktop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from voltadesk.ui.actions import bindings
from voltadesk.ui.desktop import Desktop
from voltadesk.ui.own_trades import OwnTrades
from voltadesk.ui.panes.auction import AuctionPane
from voltadesk.ui.panes.blotter import BlotterPane
from voltadesk.ui.panes.board import BoardPane
from voltadesk.ui.panes.community import CommunityPane
from voltadesk.ui.panes.load import LoadPane
from voltadesk.ui.panes.mix import MixPane
from voltadesk.ui.panes.network import NetworkPane
from voltadesk.ui.panes.price import PricePane
from voltadesk.ui.panes.tape import TapePane


class MarketDesktop(Desktop):
    NAME = "market"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("market")]
    # Narrow terminals scroll from pane to pane as the focus goes: none is hidden.
    DEFAULT_CSS = """
    MarketDesktop Grid { scrollbar-size-vertical: 1; }
    MarketDesktop.-w200 Grid { grid-size: 4 3; grid-columns: 42fr 42fr 60fr 56fr; grid-rows: 24fr 14fr 14fr; }
    MarketDesktop.-w200 #price { column-span: 2; }
    MarketDesktop.-w200 #mix { column-span: 2; }
    MarketDesktop.-w200 #network { row-span: 2; }
    MarketDesktop.-w140 Grid { grid-size: 2; grid-rows: 19 17 17 13 16; overflow-y: auto; }
    MarketDesktop.-w100 Grid { grid-size: 1; grid-rows: 15 11 12 14 18 12 12 12 12; overflow-y: auto; }
    MarketDesktop.-w80 Grid { grid-size: 1; grid-rows: 20 14 12 14 18 12 12 12 12; overflow-y: auto; }
    """

    def panes(self) -> Iterable[Widget]:
        own = OwnTrades()
        yield PricePane(own)
        yield AuctionPane()
        yield BoardPane(own)
        yield MixPane()
        yield NetworkPane()
        yield TapePane()
        yield LoadPane()
        yield CommunityPane()
        yield BlotterPane()
