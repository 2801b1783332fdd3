"""One of a few: words beside each other, of which an arrow key or a click chooses one. What doesn't fit is dimmed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from voltadesk.ui.canvas import Canvas
from voltadesk.ui.cells import Cells
from voltadesk.ui.inks import BAR, CURSOR, FAINT, GRID, GROUND, OWN, TEXT


class Choice(Canvas, inherit_bindings=False):
    """`options` are the words by their keys; `barred` are keys that can't be chosen now."""

    DEFAULT_CSS = "Choice { height: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1)", "The one before", show=False, id="choice.before"),
        Binding("right,l,space", "move(1)", "The next one", show=False, id="choice.next"),
    ]

    class Chosen(Message):
        """Another one was chosen."""

    def __init__(self, options: Mapping[str, str], *, id: str) -> None:
        super().__init__(id=id)
        self.options = dict(options)
        self.value = next(iter(options))
        self.styles.width = sum(len(words) + 3 for words in self.options.values())
        self.barred: frozenset[str] = frozenset()

    def bar(self, barred: frozenset[str]) -> None:
        """Let these not be chosen; what is chosen and can't be any more gives way to the first that can."""
        if barred != self.barred:
            self.barred = barred
            if self.value in barred:
                self.value = next(key for key in self.options if key not in barred)
            self.refresh()

    def choose(self, key: str) -> None:
        if key in self.options and key not in self.barred and key != self.value:
            self.value = key
            self.refresh()
            self.post_message(self.Chosen())

    def action_move(self, by: int) -> None:
        able = [key for key in self.options if key not in self.barred]
        self.choose(able[(able.index(self.value) + by) % len(able)])

    def paint(self, cells: Cells) -> None:
        for key, (x, words) in self._places().items():
            if key == self.value:
                cells.put(x, 0, f"•{words[1:]}", GROUND, OWN if self.has_focus else FAINT)
            else:
                cells.put(x, 0, words, GRID if key in self.barred else TEXT, CURSOR if self.has_focus else BAR)

    def _places(self) -> dict[str, tuple[int, str]]:
        """Where each is written, and what."""
        found, x = {}, 0
        for key, words in self.options.items():
            found[key] = x, f" {words} "
            x += len(words) + 3
        return found

    def on_click(self, event: events.Click) -> None:
        for key, (x, words) in self._places().items():
            if x <= event.x < x + len(words):
                self.choose(key)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """There is nothing to point at."""

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()
