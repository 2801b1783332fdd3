"""One line asked for, with what is wrong with it said below."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from voltadesk.errors import VoltaDeskError
from voltadesk.ui.text import clean


class Prompt(ModalScreen[str | None]):
    """Dismissed with the line, or None. `check` raises what is wrong with it; Enter and Escape close."""

    DEFAULT_CSS = """
    Prompt { align: center bottom; background: transparent; }
    Prompt > Vertical { width: 100%; height: auto; background: $header; padding: 0 1; }
    Prompt Input { border: none; height: 1; padding: 0; background: $header; }
    Prompt Input:focus { border: none; }
    Prompt #hint { color: $ink-faint; height: 1; }
    Prompt.-wrong #hint { color: $ink-fault; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", id="prompt.leave"),
        Binding("up", "recall(-1)", "Line before", show=False, id="prompt.before"),
        Binding("down", "recall(1)", "Next line", show=False, id="prompt.next"),
    ]

    def __init__(
        self,
        hint: str,
        check: Callable[[str], object],
        *,
        text: str = "",
        words: tuple[str, ...] = (),
        past: list[str] | None = None,
    ) -> None:
        super().__init__()
        self.hint, self.check, self.past = hint, check, past if past is not None else []
        self._at = len(self.past)
        self._line = Input(text, suggester=SuggestFromList(words) if words else None, select_on_focus=False)

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Content(self.hint), id="hint")
            yield self._line

    @on(Input.Changed)
    def _changed(self) -> None:
        self.remove_class("-wrong")
        self.query_one("#hint", Static).update(Content(self.hint))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        words = event.value.strip()
        if not words:
            self.dismiss(None)
            return
        try:
            self.check(words)
        except VoltaDeskError as error:
            self.add_class("-wrong")
            self.query_one("#hint", Static).update(Content(clean(error)))
            return
        if self.past[-1:] != [words]:
            self.past.append(words)
        self.dismiss(words)

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_recall(self, by: int) -> None:
        """A line given before."""
        if self.past:
            self._at = max(0, min(len(self.past), self._at + by))
            self._line.value = self.past[self._at] if self._at < len(self.past) else ""
            self._line.cursor_position = len(self._line.value)
