"""The admin desktop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from voltadesk.ui.actions import bindings
from voltadesk.ui.desktop import Desktop
from voltadesk.ui.panes.actors import ActorsPane
from voltadesk.ui.panes.rules import RulesPane


class AdminDesktop(Desktop):
    NAME = "admin"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("admin")]
    DEFAULT_CSS = """
    AdminDesktop Grid { grid-size: 2 1; grid-columns: 1fr 1fr; }
    AdminDesktop.-w80 Grid { grid-size: 1 2; grid-columns: 1fr; grid-rows: 1fr 1fr; }
    """

    def panes(self) -> Iterable[Widget]:
        yield ActorsPane()
        yield RulesPane()
