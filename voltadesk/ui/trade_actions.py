"""What the keys of trading do: the order ticket, cancelling, and the form of any other command of the desk."""

from __future__ import annotations

from typing import Any

from voltadesk.store.desk import Receipt
from voltadesk.ui.actions import Action
from voltadesk.ui.base import DeskBase
from voltadesk.ui.dialogs.form import Form
from voltadesk.ui.dialogs.ticket import OrderTicket
from voltadesk.units import decimal_text, parse_price_tick


class TradeActions(DeskBase):
    """The part of the app that does it."""

    def do_buy(self, action: Action) -> None:
        self._ticket("buy")

    def do_sell(self, action: Action) -> None:
        self._ticket("sell")

    def _ticket(self, side: str) -> None:
        if self.frame is not None:
            ticket = OrderTicket(side, self._limited(side, self.desktop.prefill("order.place")), self.frame)
            self.push_screen(ticket, lambda body: self.send("order.place", body))

    def _limited(self, side: str, given: dict[str, str]) -> dict[str, str]:
        """An auction's price becomes the limit that would trade at it: a buyer pays the margin on top."""
        market = None if self.frame is None else self.frame.market
        if "price" in given or "auction_price" not in given or market is None:
            return given
        scenario = market.scenario
        tick = parse_price_tick(given["auction_price"], "price") + (scenario.operator.margin if side == "buy" else 0)
        return given | {"price": decimal_text(min(tick, scenario.market.cap), 2, 2)}

    def do_cancel_order(self, action: Action) -> None:
        given = self.desktop.prefill("order.cancel")
        if "order" in given:
            self.push_screen(Form(action, given, self.currency), lambda body: self.send(action.kind, body))
        else:
            self.tell("refused", "Cancel: put the blotter's cursor on a working order of your own")

    def do_cancel_all(self, action: Action) -> None:
        frame = self.frame
        own = [] if frame is None else [order.id for order in frame.orders if order.actor == frame.actor]
        own += () if frame is None else frame.in_books
        if not own:
            self.tell("told", "Cancel all: no order of yours is open")
            return

        def cancel(body: dict[str, Any] | None) -> None:
            if body is not None:
                self.send("order.cancel", {"all": True})

        count = "one order" if len(own) == 1 else f"{len(own)} orders"
        self.push_screen(Form(action, {}, self.currency, f"cancels {count}: {', '.join(own)}"), cancel)

    def ask_form(self, action: Action) -> None:
        """Ask the values of a command, filled in from what is under the cursor."""
        given = self.prefill(action.kind)
        self.push_screen(Form(action, given, self.currency), lambda body: self.send(action.kind, body))

    def send(self, kind: str, body: dict[str, Any] | None) -> None:
        """Give a command, and tell what came of it."""
        if body is not None:
            self.tell("busy", f"{kind} …")
            self.after(self.runner.submit(kind, body), lambda receipt: self._received(kind, receipt))

    def _received(self, kind: str, receipt: Receipt) -> None:
        effects = ", ".join(f"{name} {value}" for name, value in receipt.effects.items() if value not in ("", []))
        self.tell("done", " · ".join(filter(None, (f"{kind}: entry {receipt.seq}", effects))))
