"""A command's values asked in a form, reviewed, and where the action says so confirmed by a typed word.

Only a key sends: clicks move between fields and to the review, never further.
"""

from __future__ import annotations

from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from voltadesk.desk.fields import Field, body_of, fields_of
from voltadesk.desk.refusal import Refusal
from voltadesk.ui.actions import TYPED, Action
from voltadesk.ui.text import clean


class Form(ModalScreen[dict[str, Any] | None]):
    """Dismissed with the command's values, or with None when it was left."""

    DEFAULT_CSS = """
    Form { align: center middle; }
    Form > Vertical { width: 76; max-width: 100%; height: auto; max-height: 100%; border: round $border;
                      background: $surface; padding: 0 1; border-title-color: $ink-up; border-title-style: bold;
                      border-subtitle-color: $ink-faint; }
    Form VerticalScroll { height: auto; max-height: 60vh; }
    Form Horizontal { height: 1; }
    Form .label { width: 20; color: $ink-faint; }
    Form .-required { color: $ink-text; }
    Form .unit { width: 24; color: $ink-faint; }
    Form Input { width: 1fr; border: none; height: 1; padding: 0 1; background: $header; margin-right: 1; }
    Form Input:focus { border: none; background: $ink-cursor; }
    Form #about { color: $ink-faint; height: auto; margin-bottom: 1; }
    Form #wrong { color: $ink-fault; height: auto; }
    Form #review { height: auto; margin-top: 1; display: none; }
    Form.-review #review { display: block; }
    Form.-review VerticalScroll { opacity: 60%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="form.back"),
        Binding("up", "app.focus_previous", "Field before", show=False, id="form.up"),
        Binding("down", "app.focus_next", "Next field", show=False, id="form.down"),
        Binding("enter", "send", "Send", show=False, id="form.send"),
    ]

    def __init__(self, action: Action, given: dict[str, str], currency: str, summary: str = "") -> None:
        """`given` fills the fields in. With a `summary` there are none: it is reviewed, and the answer is empty."""
        super().__init__()
        self.action, self.given, self.summary = action, given, summary
        self.fields = () if summary else fields_of(action.kind, currency, action.fields)
        self.body: dict[str, Any] | None = None

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content(f"{self.action.title}  {self.action.kind}")
            yield Static(Content(self.action.help), id="about")
            with VerticalScroll(can_focus=False):
                for field in self.fields:
                    yield from self._line(field)
            yield Static(id="review")
            if self.action.confirm == TYPED:
                with Horizontal(id="typed"):
                    yield Static(Content("to confirm, type"), classes="label -required")
                    yield Input(id="word", compact=True)
                    yield Static(Content(self.action.word), classes="unit")
            yield Static(id="wrong")
        self._box = box

    def _line(self, field: Field) -> ComposeResult:
        with Horizontal():
            yield Static(Content(field.label), classes="label -required" if field.is_required else "label")
            choices = SuggestFromList(field.choices) if field.choices else None
            yield Input(clean(self.given.get(field.name, "")), suggester=choices, id=field.name, compact=True)
            hint = " ".join([field.unit, "|".join(field.choices)]).strip()
            hint = hint or ("10:00-15:00, 22:00-23:00" if field.is_list else "" if field.is_required else "optional")
            yield Static(Content(hint), classes="unit")

    def on_mount(self) -> None:
        if not self.fields:  # nothing to be asked: straight to the review
            self._review()
        else:
            self._say("enter reviews · esc leaves")

    def _say(self, words: str) -> None:
        self._box.border_subtitle = Content(words)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self.query_one("#wrong", Static).update("")
        if self.body is not None and event.input.id != "word":
            self._unreview()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        if self.body is None:
            self._review()
        else:
            self._send()

    def action_send(self) -> None:
        """Enter where no field has the focus."""
        if self.body is not None:
            self._send()

    def action_back(self) -> None:
        if self.body is not None and self.fields:
            self._unreview()
            self.screen.set_focus(self.query_one(f"#{self.fields[0].name}", Input))  # seen to be left, with its word
        else:
            self.dismiss(None)

    def _review(self) -> None:
        """Show what would be sent, or what is wrong with it."""
        if self.summary:
            self._show_review({}, self.summary)
            return
        texts = {field.name: self.query_one(f"#{field.name}", Input).value for field in self.fields}
        try:
            body = body_of(self.action.kind, self.fields, texts, self.given)
        except Refusal as refusal:
            self.query_one("#wrong", Static).update(Content(clean(str(refusal))))
            with_field = [field for field in self.fields if field.name == refusal.field.partition(".")[0]]
            if with_field:
                self.screen.set_focus(self.query_one(f"#{with_field[0].name}", Input))
            return
        told = ", ".join(f"{name} {_told(value)}" for name, value in body.items()) or "as it is"
        self._show_review(body, f"{self.action.kind}: {told}")

    def _show_review(self, body: dict[str, Any], words: str) -> None:
        self.body = body
        self.query_one("#review", Static).update(Content(clean(words)))
        self.add_class("-review")
        self._say("enter sends · esc goes back")
        if self.action.confirm == TYPED and self.query_one("#word", Input).value != self.action.word:
            self.screen.set_focus(self.query_one("#word", Input))

    def _unreview(self) -> None:
        self.body = None
        self.remove_class("-review")
        self._say("enter reviews · esc leaves")

    def _send(self) -> None:
        if self.action.confirm == TYPED:
            word = self.query_one("#word", Input)
            if word.value.strip() != self.action.word:
                self.query_one("#wrong", Static).update(Content(f"type {self.action.word} to confirm"))
                self.screen.set_focus(word)
                return
        self.dismiss(self.body)


def _told(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else {True: "yes", False: "no"}.get(value, str(value))  # type: ignore[call-overload]
