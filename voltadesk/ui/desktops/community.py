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
from voltadesk.ui.panes.sharing import SharingPane

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase


class CommunityDesktop(Desktop):
    NAME = "community"
    _was_open: bool | None = None  # None: not seen yet
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("community")]
    # Narrow terminals scroll from pane to pane as the focus goes: none is hidden.
    DEFAULT_CSS = """
    CommunityDesktop Grid { scrollbar-size-vertical: 1; }
    CommunityDesktop.-w200 Grid { grid-size: 2 3; grid-columns: 1fr 1fr; grid-rows: 15fr 14fr 23fr; }
    CommunityDesktop.-w200 #members { column-span: 2; }
    CommunityDesktop.-w140 Grid { grid-size: 2 3; grid-columns: 1fr 1fr; grid-rows: 11fr 12fr 13fr; }
    CommunityDesktop.-w140 #members { column-span: 2; }
    CommunityDesktop.-w100 Grid { grid-size: 1; grid-rows: 10 11 14 14 20; overflow-y: auto; }
    CommunityDesktop.-w80 Grid { grid-size: 1; grid-rows: 9 11 12 12 18; overflow-y: auto; }
    """

    def panes(self) -> Iterable[Widget]:
        yield MonthsPane()
        yield ComparedPane()
        yield MembersPane()
        yield SharingPane()
        yield ExplainedPane()

    async def feed(self, frame: DeskFrame, at_once: bool = False) -> None:
        app = cast("DeskBase", self.app)
        app.settler.visit()
        if app.settler.frame.is_open is not self._was_open:
            self._was_open = app.settler.frame.is_open
            left = app.memory.get(self.NAME, {}).get("focus")
            self._look_at(*((left, "months") if self._was_open else ("explained",)))
        await super().feed(frame, at_once)

    def _look_at(self, *names: object) -> None:
        """At the first of these panes that there is: the one that was left, or where there is something to be read."""
        pane = next(pane for name in names for pane in self._panes if pane.id == name)
        self.set_focus(next(widget for widget in pane.query("*") if widget.focusable))
        self.call_after_refresh(pane.scroll_visible, animate=False)  # before it is laid out it can't be scrolled to

    def tick(self, frame: DeskFrame) -> None:
        cast("DeskBase", self.app).settler.tick()
        super().tick(frame)
