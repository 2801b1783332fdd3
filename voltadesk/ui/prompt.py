"""One line asked for at the foot of the desktop, with what is wrong with it said above."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input, Static

from voltadesk.errors import VoltaDeskError
from voltadesk.ui.text import clean


class Prompt(Vertical):
    """Without height until something is asked: a screen of its own, or hiding it, would have all else drawn again."""

    DEFAULT_CSS = """
    Prompt { dock: bottom; layer: over; width: 100%; height: 0; background: $header; padding: 0 1; }
    Prompt Input { border: none; height: 1; padding: 0; background: $header; }
    Prompt Input:focus { border: none; }
    Prompt Static { color: $ink-faint; height: auto; }
    Prompt.-wrong Static { color: $ink-fault; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", id="prompt.leave"),
        Binding("up", "recall(-1)", "Line before", show=False, id="prompt.before"),
        Binding("down", "recall(1)", "Next line", show=False, id="prompt.next"),
    ]

    def __init__(self) -> None:
        self._hint, self._line = Static(), Input(compact=True, select_on_focus=False)
        self._line.can_focus = self.is_asking = False  # what is hidden takes no keys
        super().__init__(self._hint, self._line)
        self._before: Widget | None = None  # what had the focus
        self._past: list[str] = []
        self._at = 0

    def ask(
        self,
        hint: str,
        check: Callable[[str], object],
        done: Callable[[str], object],
        *,
        words: tuple[str, ...] = (),
        past: list[str] | None = None,
    ) -> None:
        """Ask for a line. `check` raises what is wrong with it; `done` gets it, unless it is left with Escape."""
        self.hint, self.check, self.done = hint, check, done
        self._past = past if past is not None else []
        self._at = len(self._past)
        self._line.suggester = SuggestFromList(words) if words else None
        self._line.value = ""
        self._say(hint)
        if not self.is_asking:
            self._before = self.screen.focused
        self._line.can_focus = self.is_asking = True
        self.styles.height = "auto"  # by hand, as a class, like `disabled`, would have all of it styled anew
        self.screen.set_focus(self._line)

    def _say(self, words: str, is_wrong: bool = False) -> None:
        self.set_class(is_wrong, "-wrong")
        self._hint.update(Content(clean(words)))

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.has_class("-wrong"):
            self._say(self.hint)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        words = event.value.strip()
        if words:
            try:
                self.check(words)
            except VoltaDeskError as error:
                self._say(str(error), is_wrong=True)
                return
            if self._past[-1:] != [words]:
                self._past.append(words)
        self.action_leave()
        if words:
            self.done(words)

    def action_leave(self) -> None:
        """Hide, and give the focus back."""
        self._line.can_focus = self.is_asking = False
        self.styles.height = 0
        self.screen.set_focus(self._before if self._before is not None and self._before.is_attached else None)

    def action_recall(self, by: int) -> None:
        """A line given before."""
        if self._past:
            self._at = max(0, min(len(self._past), self._at + by))
            self._line.value = self._past[self._at] if self._at < len(self._past) else ""
            self._line.cursor_position = len(self._line.value)
