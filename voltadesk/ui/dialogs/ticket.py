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
from textual.widget import Widget
from textual.widgets import Input, Static

from voltadesk.errors import VoltaDeskError
from voltadesk.ui.canvas import Canvas
from voltadesk.ui.cells import Cells
from voltadesk.ui.choice import Choice
from voltadesk.ui.draft import FIELDS, KINDS, TIFS, Draft, barred_tifs, draft_of, product_of, typed_moment
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
        self.refresh()
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
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()


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
    OrderTicket #review { height: 3; margin-top: 1; content-align: left middle; background: $ink-up; color: $ink-ground;
                          text-style: bold; padding: 0 1; display: none; }
    OrderTicket.-sell #review { background: $ink-down; }
    OrderTicket.-review #review { display: block; }
    OrderTicket.-review #wrong { display: none; }
    OrderTicket #go { height: 1; width: 100%; margin-top: 1; content-align: center middle; background: $header;
                      color: $ink-faint; }
    OrderTicket.-ready #go { color: $ink-text; }
    OrderTicket.-review #go { display: none; }
    OrderTicket.-review .field { opacity: 60%; }
    OrderTicket .field.-out { display: none; }
    OrderTicket Input:disabled { opacity: 40%; }
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
        for name in ("until", "product"):
            self._given[name] = typed_moment(self._given[name], frame)
        self._wrong = self._missing = ""  # what is wrong, or the field that is still to be filled in

    # Fields -----------------------------------------------------------------------------------------------------------
    def compose(self) -> ComposeResult:
        with Vertical() as box:
            yield from self._row("side", "side", SideChoice(), "b buys, s sells")
            yield from self._input("product", "14:15 · empty: the coming auction")
            yield from self._input("quantity_kwh", "kWh")
            yield from self._input("price")
            yield from self._row("order_kind", "kind", Choice(KINDS, id="order_kind"), "")
            yield from self._row("tif", "time in force", Choice(TIFS, id="tif"), "")
            yield from self._input("display_kwh", "kWh at a time, the rest is hidden")
            yield from self._input("until")
            yield TicketFigures()
            yield Static(id="wrong")
            yield Static(id="review")
            yield ReviewButton(Content("Enter reviews the order"), id="go")
        self._box = box

    def _row(self, name: str, label: str, widget: Widget, hint: str) -> ComposeResult:
        """A line of the ticket: `#NAME-row`, its hint `#NAME-hint`."""
        with Horizontal(classes="field", id=f"{name}-row"):
            yield Static(label, classes="label")
            yield widget
            yield Static(Content(hint), classes="unit", id=f"{name}-hint")

    def _input(self, name: str, hint: str = "") -> ComposeResult:
        return self._row(name, FIELDS[name], Input(self._given[name], id=name, compact=True), hint)

    def on_mount(self) -> None:
        self.query_one(SideChoice).side = self._side
        self._refigure()
        self.set_interval(0.25, self._tick)

    @property
    def side(self) -> str:
        return self.query_one(SideChoice).side

    @property
    def texts(self) -> dict[str, str]:
        """What is typed or chosen, by field; nothing for those that are not asked."""
        found = {name: self.query_one(f"#{name}", Input) for name in FIELDS}
        asked = {name: "" if self._is_out(name) else field.value for name, field in found.items()}
        return asked | {name: self._chosen(name) for name in ("order_kind", "tif")}

    def _chosen(self, name: str) -> str:
        return self.query_one(f"#{name}", Choice).value

    def _is_out(self, name: str) -> bool:
        """Whether a field is not asked: it doesn't go with what was chosen in the others."""
        is_in_book, kind = bool(self.query_one("#product", Input).value.strip()), self._chosen("order_kind")
        if name in ("order_kind", "tif"):
            return not is_in_book
        if name == "display_kwh":
            return not (is_in_book and kind == "iceberg")
        if name == "until":
            return is_in_book and self._chosen("tif") != "gtt"
        return name == "price" and is_in_book and kind == "market"

    def _fit_fields(self) -> None:
        """Show the fields that are asked, with what goes into them; dim what doesn't fit, and say why."""
        currency, kind = self.frame.currency, self._chosen("order_kind")
        barred = barred_tifs(kind)
        self.query_one("#tif", Choice).bar(barred)
        is_in_book = not self._is_out("tif")
        for name in ("order_kind", "tif", "display_kwh", "until"):
            self.query_one(f"#{name}-row").set_class(self._is_out(name), "-out")
        self.query_one("#price", Input).disabled = self._is_out("price")
        price = f"{currency}/MWh" if is_in_book else f"{currency}/MWh · empty takes any price"
        hints = {
            "price": "market orders take any price" if self._is_out("price") else price,
            "until": "14:00 or +2h" if is_in_book else "12:00 or +2h · empty: next only",
            "tif": f"{kind} {'never stays' if kind == 'market' else 'must stay'}" if barred else "",
        }
        for name, hint in hints.items():
            self.query_one(f"#{name}-hint", Static).update(Content(hint))

    @on(Input.Changed)
    @on(SideChoice.Chosen)
    @on(Choice.Chosen)
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
        wrong_field = self._wrong = self._missing = ""
        self._fit_fields()
        try:
            self.draft = draft_of(self.side, self.texts, self.frame)
        except VoltaDeskError as error:
            product_utc = product_of(self.texts["product"], self.frame)
            self.draft, wrong_field = Draft(self.side, product_utc=product_utc), str(getattr(error, "field", ""))
            if wrong_field in FIELDS and not self.texts[wrong_field].strip():
                self._missing = wrong_field
            else:
                self._wrong = clean(error)
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
        return reason or ("" if self.draft.is_whole else f"{self._missing}: must be given")

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
            if self._missing:
                self.screen.set_focus(self.query_one(f"#{self._missing}", Input))
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
