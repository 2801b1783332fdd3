"""Something to read over the desktop: help, or what a command line answered."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static


class Reading(ModalScreen[None]):
    """Text with a title; Escape closes it. It is read as it stands: no markup."""

    DEFAULT_CSS = """
    Reading { align: center middle; }
    Reading VerticalScroll { width: 90%; max-width: 110; height: auto; max-height: 90%; border: round $border;
                             background: $surface; padding: 0 1; border-title-color: $ink-up;
                             border-subtitle-color: $ink-faint; }
    Reading Static { height: auto; width: auto; }
    Reading.-wrapped Static { width: 100%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,question_mark", "close", "Close", id="reading.close"),
        Binding("y", "copy", "Copy", id="reading.copy"),
        Binding("j", "scroll_by(1)", "Down", show=False, id="reading.down"),
        Binding("k", "scroll_by(-1)", "Up", show=False, id="reading.up"),
    ]

    def __init__(self, title: str, text: str | Content, keys: str = "esc closes · y copies") -> None:
        super().__init__()
        self.keys = keys
        self.heading, self.text = title, text if isinstance(text, Content) else Content(text)
        self.set_class(isinstance(text, Content), "-wrapped")  # a program's answer has columns

    def compose(self) -> ComposeResult:
        with VerticalScroll() as box:
            box.border_title, box.border_subtitle = Content(self.heading), Content(self.keys)
            yield Static(self.text)

    def action_close(self) -> None:
        self.dismiss(None)

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self.text.plain)

    def action_scroll_by(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
