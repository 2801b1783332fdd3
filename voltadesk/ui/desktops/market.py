"""The market desktop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.binding import BindingType
from textual.widget import Widget

from voltadesk.ui.actions import bindings
from voltadesk.ui.desktop import Desktop
from voltadesk.ui.memory import Memory
from voltadesk.ui.own_trades import OwnTrades
from voltadesk.ui.pane import Pane
from voltadesk.ui.panes.auction import AuctionPane
from voltadesk.ui.panes.blotter import BlotterPane
from voltadesk.ui.panes.board import BoardPane
from voltadesk.ui.panes.books import BooksPane
from voltadesk.ui.panes.community import CommunityPane
from voltadesk.ui.panes.ladder import LadderPane
from voltadesk.ui.panes.load import LoadPane
from voltadesk.ui.panes.mix import MixPane
from voltadesk.ui.panes.network import NetworkPane
from voltadesk.ui.panes.price import PricePane
from voltadesk.ui.panes.tape import TapePane

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase


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
    MarketDesktop.-w100 Grid { grid-size: 1; grid-rows: 15 11 15 14 18 12 12 12 12; overflow-y: auto; }
    MarketDesktop.-w80 Grid { grid-size: 1; grid-rows: 20 14 15 14 18 12 12 12 12; overflow-y: auto; }
    """

    SHARED = ("board", "ladder", "books")  # panes of one place, of which one is seen

    def panes(self) -> Iterable[Widget]:
        own = OwnTrades()
        yield PricePane(own)
        yield AuctionPane()
        yield BoardPane(own)
        for pane in (LadderPane(), BooksPane()):
            pane.display = False
            yield pane
        yield MixPane()
        yield NetworkPane()
        yield TapePane()
        yield LoadPane()
        yield CommunityPane()
        yield BlotterPane()

    @property
    def shared(self) -> str:
        """Which pane of the shared place is seen."""
        return next(name for name in self.SHARED if self.query_one(f"#{name}").display)

    def show_shared(self, name: str) -> None:
        """Show that one there instead, as large as the one before, and go to it."""
        before, pane = self.query_one(f"#{self.shared}"), self.query_one(f"#{name}", Pane)
        is_maximised = self.maximized is before
        before.display, pane.display = False, True
        if is_maximised:
            self.minimize()
            self.maximize(pane, container=False)
        if frame := cast("DeskBase", self.app).frame:  # at once: the next key may already be for what it shows
            self._feed(pane, frame)
        self.set_focus(next(widget for widget in pane.query("*") if widget.focusable), scroll_visible=False)
        self.call_after_refresh(pane.scroll_visible, animate=False)

    def turn(self) -> None:
        """Show the next of them."""
        names = self.SHARED
        self.show_shared(names[(names.index(self.shared) + 1) % len(names)])

    @on(BooksPane.Chosen)
    def _chosen(self, event: BooksPane.Chosen) -> None:
        self.query_one(LadderPane).choose(event.start_utc)
        self.show_shared("ladder")

    def remember(self) -> Memory:
        return super().remember() | {"shared": self.shared}

    def recall(self, memory: Memory) -> None:
        name = memory.get("shared")
        for each in self.SHARED if name in self.SHARED else ():
            self.query_one(f"#{each}").display = each == name
        super().recall(memory)
