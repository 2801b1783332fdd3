"""The order ticket: what an order would come to while it is typed, its review, and then a key that sends it.

The market goes on beneath it: every frame makes its figures anew. Clicks move between fields and go to the review;
nothing but a key sends.
"""

from __future__ import annotations

import time
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from voltadesk.errors import VoltaDeskError
from voltadesk.ui.canvas import Canvas
from voltadesk.ui.cells import Cells
from voltadesk.ui.draft import FIELDS, Draft, draft_of, typed_moment
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.inks import BAR, DOWN, FAINT, GRID, GROUND, UP
from voltadesk.ui.text import clean
from voltadesk.ui.ticket_figures import TicketFigures

WORDS = {"buy": "▲ BUY", "sell": "▼ SELL"}
INKS = {"buy": UP, "sell": DOWN}


class SideChoice(Canvas, inherit_bindings=False):
    """Buy or sell: an arrow key or a click changes it."""

    DEFAULT_CSS = "SideChoice { width: 22; height: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "choose('buy')", "Buy", show=False, id="side.buy"),
        Binding("right,l", "choose('sell')", "Sell", show=False, id="side.sell"),
        Binding("space", "choose('')", "The other side", show=False, id="side.other"),
    ]
    side: reactive[str] = reactive("buy", repaint=False)

    class Chosen(Message):
        """The side is another."""

    def watch_side(self) -> None:
        self.redraw()
        self.post_message(self.Chosen())

    def paint(self, cells: Cells) -> None:
        for x, side in ((0, "buy"), (11, "sell")):
            words = f" {WORDS[side]} ".center(10)
            if side == self.side:
                cells.put(x, 0, words, GROUND, INKS[side])
            else:
                cells.put(x, 0, words, FAINT, GRID if self.has_focus else BAR)

    def action_choose(self, side: str) -> None:
        self.side = side or ("sell" if self.side == "buy" else "buy")

    def on_click(self, event: events.Click) -> None:
        self.side = "buy" if event.x < 11 else "sell"

    def on_focus(self) -> None:
        self.redraw()

    def on_blur(self) -> None:
        self.redraw()


class ReviewButton(Static):
    """A click here goes to the review, and never further."""

    class Pressed(Message):
        """It was clicked."""

    def on_click(self) -> None:
        self.post_message(self.Pressed())


class OrderTicket(ModalScreen[dict[str, str] | None]):
    """Dismissed with the values of `order.place`, or with None when it was left."""

    DEFAULT_CSS = """
    OrderTicket { align: center middle; }
    OrderTicket > Vertical { width: 78; max-width: 100%; height: auto; max-height: 100%; border: round $ink-up;
                             background: $surface; padding: 0 1; border-title-color: $ink-up;
                             border-title-style: bold; border-subtitle-color: $ink-faint; }
    OrderTicket.-sell > Vertical { border: round $ink-down; border-title-color: $ink-down; }
    OrderTicket Horizontal { height: 1; }
    OrderTicket .label { width: 17; color: $ink-text; }
    OrderTicket .unit { width: 1fr; color: $ink-faint; padding-left: 2; }
    OrderTicket Input { width: 22; border: none; height: 1; padding: 0 1; background: $header; }
    OrderTicket Input:focus { border: none; background: $ink-cursor; }
    OrderTicket Input.-wrong { color: $ink-fault; }
    OrderTicket TicketFigures { margin-top: 1; }
    OrderTicket #wrong { height: 2; color: $ink-fault; }
    OrderTicket #review { height: 2; content-align: left middle; background: $ink-up; color: $ink-ground;
                          text-style: bold; padding: 0 1; display: none; }
    OrderTicket.-sell #review { background: $ink-down; }
    OrderTicket.-review #review { display: block; }
    OrderTicket #go { height: 1; width: 100%; margin-top: 1; content-align: center middle; background: $header;
                      color: $ink-faint; }
    OrderTicket.-ready #go { color: $ink-text; }
    OrderTicket.-review #go { display: none; }
    OrderTicket.-review .field { opacity: 60%; }
    """
    AUTO_FOCUS = "#quantity_kwh"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="ticket.back"),
        # No number or time has these letters, so they can be keys in every field.
        Binding("b", "side('buy')", "Buy", priority=True, id="ticket.buy"),
        Binding("s", "side('sell')", "Sell", priority=True, id="ticket.sell"),
        Binding("up", "app.focus_previous", "Field before", show=False, id="ticket.up"),
        Binding("down", "app.focus_next", "Next field", show=False, id="ticket.down"),
        Binding("enter", "go_on", "Review, then send", show=False, id="ticket.go-on"),
    ]

    def __init__(self, side: str, prefill: dict[str, str], frame: DeskFrame) -> None:
        super().__init__()
        self.frame, self.draft = frame, Draft(side)
        self.is_review = False
        self._side = side
        self._given = {name: clean(prefill.get(name, "")) for name in FIELDS}
        self._given["until"] = typed_moment(self._given["until"], frame)
        self._wrong = ""

    # Fields -----------------------------------------------------------------------------------------------------------
    def compose(self) -> ComposeResult:
        currency = self.frame.currency
        hints = ("kWh", f"{currency}/MWh · empty takes any price", "12:00 or +2h · empty: next only")
        with Vertical() as box:
            with Horizontal(classes="field"):
                yield Static("side", classes="label")
                yield SideChoice()
                yield Static("b buys, s sells", classes="unit")
            for (name, label), hint in zip(FIELDS.items(), hints, strict=True):
                with Horizontal(classes="field"):
                    yield Static(label, classes="label")
                    yield Input(self._given[name], id=name, compact=True)
                    yield Static(Content(hint), classes="unit")
            yield TicketFigures()
            yield Static(id="wrong")
            yield Static(id="review")
            yield ReviewButton(Content("Enter reviews the order"), id="go")
        self._box = box

    def on_mount(self) -> None:
        self.query_one(SideChoice).side = self._side
        self._refigure()
        self.set_interval(0.25, self._tick)

    @property
    def side(self) -> str:
        return self.query_one(SideChoice).side

    @property
    def texts(self) -> dict[str, str]:
        """What is typed, by field."""
        return {name: self.query_one(f"#{name}", Input).value for name in FIELDS}

    @on(Input.Changed)
    @on(SideChoice.Chosen)
    def _changed(self) -> None:
        self._unreview()

    def action_side(self, side: str) -> None:
        self.query_one(SideChoice).side = side

    # What it comes to -------------------------------------------------------------------------------------------------
    def feed(self, frame: DeskFrame) -> None:
        """The market has gone on."""
        self.frame = frame
        if self.is_mounted:
            self._refigure()
            if self.is_review and self._hindrance():
                self._unreview()

    def _tick(self) -> None:
        """What moves without a new frame: the gate."""
        self.query_one(TicketFigures).tell(self.frame, self.draft, time.monotonic())

    def _refigure(self) -> None:
        """Read the fields and tell what it all comes to; a wrong one in one line."""
        wrong_field, self._wrong = "", ""
        try:
            self.draft = draft_of(self.side, self.texts, self.frame)
        except VoltaDeskError as error:
            self.draft, wrong_field = Draft(self.side), str(getattr(error, "field", ""))
            is_empty = wrong_field == "quantity_kwh" and not self.texts["quantity_kwh"].strip()
            self._wrong = "" if is_empty else clean(error)
        for name in FIELDS:
            self.query_one(f"#{name}", Input).set_class(bool(self._wrong) and name == wrong_field, "-wrong")
        self.set_class(self.side == "sell", "-sell")
        self.set_class(self.draft.is_whole and not self._hindrance(), "-ready")
        self._box.border_title = Content(f"Order ticket  {WORDS[self.side]}  {self.draft.auctions(self.frame)}")
        self._box.border_subtitle = Content(
            "Enter sends · Esc goes back" if self.is_review else "Enter reviews · Esc leaves"
        )
        self._say(self.frame.why_not("order.place") or self._wrong)
        if self.is_review:
            words = f"{self.draft.told(self.frame)}:\nEnter sends, Esc goes back"
            self.query_one("#review", Static).update(Content(words))
        self._tick()

    def _say(self, words: str) -> None:
        self.query_one("#wrong", Static).update(Content(words))

    def _hindrance(self) -> str:
        """Why it can't be sent now; empty when it can."""
        reason = self.frame.why_not("order.place") or self._wrong
        return reason or ("" if self.draft.is_whole else "quantity_kwh: must be given")

    # Review and send --------------------------------------------------------------------------------------------------
    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_go_on()

    def action_go_on(self) -> None:
        """Review, and from there send."""
        if self.is_review and not self._hindrance():
            self.dismiss(self.draft.body)
        else:
            self._review()

    @on(ReviewButton.Pressed)
    def _review(self) -> None:
        self._refigure()
        if reason := self._hindrance():
            self._say(reason)
            if not self.draft.is_whole and not self._wrong:
                self.screen.set_focus(self.query_one("#quantity_kwh", Input))
            return
        self.is_review = True
        self.add_class("-review")
        self._refigure()

    def _unreview(self) -> None:
        self.is_review = False
        self.remove_class("-review")
        self._refigure()

    def action_back(self) -> None:
        if self.is_review:
            self._unreview()
        else:
            self.dismiss(None)
