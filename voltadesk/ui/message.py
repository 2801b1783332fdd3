"""The line above the keys: what came of the last thing that was asked for."""

from __future__ import annotations

from textual.reactive import reactive

from voltadesk.ui.canvas import Canvas
from voltadesk.ui.cells import Cells
from voltadesk.ui.inks import BAND, FAULT, TEXT
from voltadesk.ui.text import clean

_MARKS = {"done": ("✓", BAND), "refused": ("✗", FAULT), "busy": ("…", TEXT), "told": ("·", TEXT)}


class MessageLine(Canvas, can_focus=False):
    """One line, which stays until the next one."""

    DEFAULT_CSS = "MessageLine { height: 1; }"
    message: reactive[tuple[str, str]] = reactive(("told", ""), repaint=False)

    def watch_message(self) -> None:
        self.refresh()

    def paint(self, cells: Cells) -> None:
        kind, words = self.message
        if words:
            mark, ink = _MARKS[kind]
            cells.put(1, 0, mark, ink)
            cells.put(3, 0, clean(words), ink if kind == "refused" else TEXT)
