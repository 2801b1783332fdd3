"""Jump mode: a letter on every pane in sight, and the next key goes there."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from voltadesk.ui.pane import Pane

LETTERS = "asdfghjklqwertyuiop"


class Jump(ModalScreen[Pane | None]):
    """Dismissed with the pane of the letter that was pressed or clicked, None for any other key."""

    DEFAULT_CSS = """
    Jump { background: transparent; layers: marks; }
    Jump Static { layer: marks; position: absolute; width: 3; height: 1; background: $ink-own; color: $ink-ground;
                  text-style: bold; text-align: center; }
    """
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, panes: list[Pane]) -> None:
        super().__init__()
        self.panes = dict(zip(LETTERS, panes, strict=False))

    def compose(self) -> ComposeResult:
        for letter, pane in self.panes.items():
            mark = Static(Content(letter), name=letter)
            mark.styles.offset = (pane.region.x + 1, pane.region.y)
            yield mark

    def on_key(self, event: events.Key) -> None:
        event.stop()
        self.dismiss(self.panes.get(event.key))

    def on_click(self, event: events.Click) -> None:
        widget = event.widget
        self.dismiss(self.panes.get(widget.name or "") if isinstance(widget, Widget) else None)
