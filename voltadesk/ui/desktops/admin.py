"""The admin desktop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from voltadesk.ui.actions import BY_ID, bindings
from voltadesk.ui.desktop import Desktop
from voltadesk.ui.panes.actors import ActorsPane
from voltadesk.ui.panes.batteries import BatteriesPane
from voltadesk.ui.panes.feeds import FeedsPane
from voltadesk.ui.panes.halts import HaltsPane
from voltadesk.ui.panes.rules import RulesPane


class RegisterPane(BatteriesPane):
    """The fleet's register with its keys, as they are on the fleet's own desktop."""

    BINDINGS: ClassVar[list[BindingType]] = [
        BY_ID[id].binding for id in ("battery.add", "battery.buy", "battery.set", "battery.retire")
    ]


class AdminDesktop(Desktop):
    NAME = "admin"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("admin")]
    # Narrow terminals scroll from pane to pane as the focus goes: none is hidden.
    DEFAULT_CSS = """
    AdminDesktop Grid { scrollbar-size-vertical: 1; }
    AdminDesktop.-w200 Grid { grid-size: 6 2; grid-rows: 20 1fr; }
    AdminDesktop.-w200 #actors { column-span: 2; }
    AdminDesktop.-w200 #rules { column-span: 2; }
    AdminDesktop.-w200 #halts { column-span: 2; }
    AdminDesktop.-w200 #feeds { column-span: 2; }
    AdminDesktop.-w200 #batteries { column-span: 4; }
    AdminDesktop.-w140 Grid { grid-size: 2 3; grid-columns: 1fr 1fr; grid-rows: 12fr 11fr 12fr; }
    AdminDesktop.-w140 #batteries { column-span: 2; }
    AdminDesktop.-w100 Grid { grid-size: 1; grid-rows: 10 14 9 8 12; overflow-y: auto; }
    AdminDesktop.-w80 Grid { grid-size: 1; grid-rows: 8 12 9 8 10; overflow-y: auto; }
    """

    def panes(self) -> Iterable[Widget]:
        yield ActorsPane()
        yield RulesPane()
        yield HaltsPane()
        yield FeedsPane()
        yield RegisterPane()
