"""The order book of one product, with the actor's own orders and position in it."""

from __future__ import annotations

import time

from textual import on

from voltadesk.clock import utc_text
from voltadesk.ui.books import LEVELS, Books
from voltadesk.ui.charts.ladder import Ladder
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.gates import closure_text
from voltadesk.ui.pane import Pane, Standing
from voltadesk.ui.text import clock_text
from voltadesk.units import decimal_text

_TICK_S = 0.5


class LadderPane(Pane):
    """A depth ladder; which product it shows stays until it is settled."""

    HELP = (
        "What is bid (left) and offered (right) in the order book of one interval to come, with last price, average "
        "price by volume (VWAP) and what was traded. Yours is yellow: 2.500 #3 is the third in the queue of its price. "
        "In a call orders are only collected: what it would trade now, and at which price, stands above. "
        "Left and right go to another product, < and > to another one that somebody ordered in, up and down to "
        "a price, + and - a tick from it. b and s order there, x cancels your order under the cursor, E amends it."
    )

    def __init__(self) -> None:
        self._ladder = Ladder()
        self._frame: DeskFrame | None = None
        self._start_utc: int | None = None
        super().__init__(None, "Order book", self._ladder, id="ladder")

    def on_mount(self) -> None:
        self.set_interval(_TICK_S, self._tell_gate)

    def feed(self, frame: DeskFrame) -> None:
        self._frame, books = frame, frame.books
        self._ladder.currency = frame.currency
        self._ladder.nothing = "known of now only: L goes live" if frame.clock.is_replay else "no product is open"
        if books is None or not books.starts:
            self._ladder.show(None, frame.actor)
            self.retitle()
            self.stand(Standing(sequence=frame.seen_sequence))
            return
        self._start_utc = chosen_utc(books, self._start_utc)
        product, starts = books.of(self._start_utc), books.starts
        self._ladder.show(product, frame.actor)
        self._tell_gate()
        cut = f"CUT to {LEVELS} prices · " if LEVELS in (len(product.bids), len(product.asks)) else ""
        which = f"product {starts.index(self._start_utc) + 1} of {len(starts)}"
        self.stand(Standing(sequence=frame.seen_sequence, note=cut + which))

    def _tell_gate(self) -> None:
        """The gate comes nearer without a new frame."""
        frame, product = self._frame, self._ladder.product
        if frame is not None and product is not None and self.display:
            gate = closure_text(frame, product.call_utc or product.closure_utc, time.monotonic())
            gate = gate if gate == "closed" else f"{product.call + ' held' if product.call else 'closes'} {gate}"
            self.retitle(f"{clock_text(product.start_utc, frame.zone)} {gate}")

    def choose(self, start_utc: int) -> None:
        """Show that product."""
        self._start_utc = start_utc
        if self._frame is not None:
            self.feed(self._frame)

    @on(Ladder.Turned)
    def _turn(self, event: Ladder.Turned) -> None:
        books = None if self._frame is None else self._frame.books
        if books is None or self._start_utc is None:
            return
        before = self._start_utc
        starts = sorted(books.products) if event.is_traded else books.starts
        beyond = [start for start in starts if (start - before) * event.by > 0]
        if event.by < 0:
            beyond.reverse()
        if beyond:
            self.choose(beyond[min(len(beyond), abs(event.by)) - 1])

    def prefill(self, kind: str) -> dict[str, str]:
        """Product and price for the ticket, or which of one's own orders stands under the cursor."""
        ladder = self._ladder
        product, tick = ladder.product, ladder.price_tick
        if product is None or not ladder.has_focus:
            return {}
        if kind in ("order.cancel", "order.amend"):
            own = () if tick is None else product.own_at(tick)
            return {"order": own[0].id if own else ""}
        if kind != "order.place":
            return {}
        given = {"product": utc_text(product.start_utc)}
        return given if tick is None else given | {"price": decimal_text(tick, 2, 2)}


def chosen_utc(books: Books, before: int | None) -> int:
    """The product to show: as before while there is one, else the next; at first one that somebody ordered in."""
    starts = books.starts
    if before is None:
        return next(iter(books.products), starts[0])
    return next((start for start in starts if start >= before), starts[-1])
