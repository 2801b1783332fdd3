"""The fleet desktop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from voltadesk.ui.actions import bindings
from voltadesk.ui.desktop import Desktop
from voltadesk.ui.panes.batteries import BatteriesPane
from voltadesk.ui.panes.dispatch import DispatchPane
from voltadesk.ui.panes.fleet_totals import FleetTotalsPane
from voltadesk.ui.panes.plan import PlanPane
from voltadesk.ui.panes.stored import StoredPane


class FleetDesktop(Desktop):
    NAME = "fleet"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("fleet")]
    # Narrow terminals scroll from pane to pane as the focus goes: none is hidden.
    DEFAULT_CSS = """
    FleetDesktop Grid { scrollbar-size-vertical: 1; }
    FleetDesktop.-w200 Grid { grid-size: 3 3; grid-columns: 9fr 11fr 11fr; grid-rows: 16fr 18fr 15fr; }
    FleetDesktop.-w200 #batteries { column-span: 3; }
    FleetDesktop.-w200 #dispatch { column-span: 2; }
    FleetDesktop.-w200 #stored { column-span: 2; }
    FleetDesktop.-w140 Grid { grid-size: 2 3; grid-columns: 1fr 1fr; grid-rows: 12fr 13fr 11fr; }
    FleetDesktop.-w140 #batteries { column-span: 2; }
    FleetDesktop.-w100 Grid { grid-size: 1; grid-rows: 12 14 12 10 12; overflow-y: auto; }
    FleetDesktop.-w80 Grid { grid-size: 1; grid-rows: 9 11 10 10 11; overflow-y: auto; }
    """

    def panes(self) -> Iterable[Widget]:
        yield BatteriesPane()
        yield DispatchPane()
        yield PlanPane()
        yield StoredPane()
        yield FleetTotalsPane()
