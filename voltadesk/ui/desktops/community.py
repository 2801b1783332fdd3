"""The community desktop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import BindingType
from textual.widget import Widget

from voltadesk.ui.actions import bindings
from voltadesk.ui.desktop import Desktop
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.panes.compared import ComparedPane
from voltadesk.ui.panes.explained import ExplainedPane
from voltadesk.ui.panes.members import MembersPane
from voltadesk.ui.panes.months import MonthsPane
from voltadesk.ui.panes.opening import OpeningPane
from voltadesk.ui.panes.sharing import SharingPane

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase


class CommunityDesktop(Desktop):
    NAME = "community"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("community")]
    # Narrow terminals scroll from pane to pane as the focus goes: none is hidden.
    DEFAULT_CSS = """
    CommunityDesktop Grid { scrollbar-size-vertical: 1; }
    CommunityDesktop.-w200 Grid { grid-size: 2 3; grid-columns: 1fr 1fr; grid-rows: 15fr 14fr 23fr; }
    CommunityDesktop.-w200 #members { column-span: 2; }
    CommunityDesktop.-w140 Grid { grid-size: 2 3; grid-columns: 1fr 1fr; grid-rows: 10fr 12fr 14fr; }
    CommunityDesktop.-w140 #members { column-span: 2; }
    CommunityDesktop.-w100 Grid { grid-size: 1; grid-rows: 10 10 14 14 20; overflow-y: auto; }
    CommunityDesktop.-w80 Grid { grid-size: 1; grid-rows: 9 9 12 12 18; overflow-y: auto; }
    CommunityDesktop.-closed Grid { grid-size: 1 1; grid-columns: 1fr; grid-rows: 1fr; }
    """

    def panes(self) -> Iterable[Widget]:
        yield OpeningPane()
        yield MonthsPane()
        yield ComparedPane()
        yield MembersPane()
        yield SharingPane()
        yield ExplainedPane()

    async def feed(self, frame: DeskFrame) -> None:
        app = cast("DeskBase", self.app)
        app.settler.visit()
        self._open(app.settler.frame.is_open)
        await super().feed(frame)

    def tick(self, frame: DeskFrame) -> None:
        cast("DeskBase", self.app).settler.tick()
        super().tick(frame)

    def _open(self, is_open: bool) -> None:
        """Show the panes, or before there is something in them how to come by it."""
        self.set_class(not is_open, "-closed")
        for pane in self._panes:
            pane.display = is_open is not isinstance(pane, OpeningPane)
        focused = self.focused_pane
        if (focused is not None and not focused.display) or self.focused is None:
            shown = next((pane for pane in self._panes if pane.display), None)
            self.set_focus(None if shown is None else next((w for w in shown.query("*") if w.focusable), None))
