"""Continuous trading: the products that are open, what each actor has at stake in them, and how they are settled.

Every trade is firm. Whoever bought 1 kWh pays its price and is paid the interval's own price for it when the interval
has been run, and whoever sold it the other way round; so the two together neither make nor lose anything, and one who
takes the energy in the auction has in the end paid what was agreed. For the worst that can come of it money is held,
from the actor's bank, product by product.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from voltadesk.clock import utc_text
from voltadesk.desk.calls import Calls, calls_of
from voltadesk.desk.commands import moment_utc
from voltadesk.desk.ledger import WH, Ledger, Posting
from voltadesk.desk.outcome import Held, Passed, Result
from voltadesk.desk.position import Position
from voltadesk.desk.product import QUANTITY_LIMIT_WH, Product, Report, Terms, Ticket
from voltadesk.desk.product_order import ProductOrder, book_kind
from voltadesk.desk.receipt import Trade, Trades
from voltadesk.desk.refusal import Refusal, money_text, price_text
from voltadesk.engine import book_events as ev
from voltadesk.units import decimal_text

if TYPE_CHECKING:
    from voltadesk.desk.market import Market

ORDERS_LIMIT = 1_000  # open orders of one actor in one product
CONTINUOUS, DELIVERY = "continuous", "delivery"  # the markets that receipts name


class Found(NamedTuple):
    """An open order: its product, its number in the book, and whose it is."""

    product: Product
    number: int
    ticket: Ticket


class Continuous:
    """All products of a market that have been traded and are not settled yet."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.products: dict[int, Product] = {}  # by start
        self.held_e8 = 0  # of all actors in all products
        self._where: dict[str, tuple[int, int]] = {}  # start and number in the book of each open order
        self._made: list[Trades] = []

    # Which are open ---------------------------------------------------------------------------------------------------
    def closure_utc(self, start_utc: int) -> int:
        """Gate closure of a product [s UTC]."""
        return start_utc - 60 * self.market.founded.continuous.gate_closure_minutes

    def calls(self, start_utc: int) -> Calls:
        """The call auctions of a product."""
        market = self.market
        return calls_of(market.founded.continuous, start_utc, market.step_s, market.start_utc)

    def phase(self, start_utc: int) -> str:
        """Open, opening call, closing call, or closed."""
        if start_utc not in self.open_starts():
            return "closed"
        return self.calls(start_utc).name(self.market.next_utc) or "open"

    def open_starts(self) -> range:
        """Starts of the products that are open now [s UTC]."""
        market, rules = self.market, self.market.founded.continuous
        last_utc = market.next_utc + rules.open_intervals * market.step_s
        first_utc = market.next_utc + market.step_s
        while first_utc <= last_utc and self.closure_utc(first_utc) <= market.next_utc:
            first_utc += market.step_s
        return range(first_utc, last_utc + 1, market.step_s)

    def product(self, start_utc: int) -> Product:
        """A product to be looked at: one that is open, or that is closed and not settled.

        Raises Refusal CLOSED for any other, BAD_VALUE where no interval begins then.
        """
        if start_utc not in self.products:
            self._require_open(start_utc)
            return self._new(start_utc)
        return self.products[start_utc]

    def _require_open(self, start_utc: int) -> None:
        opened, step_s = self.open_starts(), self.market.step_s
        if past_s := (start_utc - self.market.start_utc) % step_s:
            nearest = f"{utc_text(start_utc - past_s)} or {utc_text(start_utc - past_s + step_s)}"
            raise Refusal("BAD_VALUE", "product", utc_text(start_utc), f"must be the start of an interval: {nearest}")
        if not opened:
            raise Refusal("CLOSED", "product", utc_text(start_utc), "is not open: no product is")
        if start_utc not in opened:
            limit = f"must begin an interval that is open, {utc_text(opened[0])} to {utc_text(opened[-1])}"
            raise Refusal("CLOSED", "product", utc_text(start_utc), limit)

    def _new(self, start_utc: int) -> Product:
        """A product in which nobody has ordered yet."""
        rules = self.market.scenario.market
        return Product(start_utc, self.closure_utc(start_utc), rules.floor, rules.cap)

    def find(self, order: str) -> Found | None:
        """Where an open order is; None: it is not open."""
        if order not in self._where:
            return None
        start_utc, number = self._where[order]
        product = self.products[start_utc]
        return Found(product, number, product.tickets[number])

    # Commands ---------------------------------------------------------------------------------------------------------
    def place(self, ledger: Ledger, entry: int, actor: str, asked: ProductOrder) -> Result:
        """An order of an actor: traded at once as far as it can be, the rest as its kind and time in force have it.

        Raises Refusal BAD_VALUE, CLOSED, TOO_MANY, INSUFFICIENT_FUNDS, SELF_TRADE, POST_ONLY, NOT_FILLED, IN_CALL.
        """
        self._require_open(asked.start_utc)
        kind = book_kind(asked)
        product = self.products.get(asked.start_utc)
        if product is None:  # it is kept once it has an order
            product = self._new(asked.start_utc)
            product.pass_time(self.market.next_utc, self.calls(asked.start_utc))
        side = ev.SIDES.index(asked.side)
        price_tick = asked.price_tick
        if price_tick is None:
            price_tick = product.cap_tick if side == ev.SIDE_BUY else product.floor_tick
        _require_in_band(product, price_tick)
        if actor in product.actors and len(product.orders_of(actor)) >= ORDERS_LIMIT:
            raise Refusal("TOO_MANY", "orders", ORDERS_LIMIT, "are open in the product already: cancel one first")
        self._require_funds(ledger, actor, product, Terms(side, asked.quantity_wh, price_tick))
        reports = product.send(
            ev.TYPE_NEW,
            asked.told(actor) | {"order_kind": ev.KINDS[kind]},
            id=product.placed + 1,
            owner=product.owner(actor),
            side=side,
            kind=kind,
            price_tick=price_tick,
            quantity_wh=asked.quantity_wh,
            display_wh=asked.display_wh or 0,
            time_utc=ev.FOR_SESSION if asked.until_utc is None else asked.until_utc,
        )
        self.products[asked.start_utc] = product
        order = product.add(actor, entry)
        self._where[order] = asked.start_utc, product.placed
        return self._follow(ledger, entry, product, product.placed, reports)

    def amend(
        self, ledger: Ledger, entry: int, found: Found, price_tick: int | None, quantity_wh: int | None
    ) -> Result:
        """New terms for an open order: a limit, a quantity that is to be open from now on.

        Raises Refusal as `place` does; the order is as it was then.
        """
        product, number, (_, actor) = found
        order = product.order(number)
        terms = Terms(
            int(order["side"]),
            int(order["shown_wh"] + order["hidden_wh"]) if quantity_wh is None else quantity_wh,
            int(order["price_tick"]) if price_tick is None else price_tick,
        )
        _require_in_band(product, terms.price_tick)
        self._require_funds(ledger, actor, product, terms, number)
        reports = product.send(
            ev.TYPE_AMEND,
            {"owner": actor, "price": price_text(terms.price_tick), "quantity_kwh": decimal_text(terms.quantity_wh, 3)},
            id=number,
            owner=product.owner(actor),
            price_tick=terms.price_tick,
            quantity_wh=terms.quantity_wh,
        )
        return self._follow(ledger, entry, product, number, reports)

    def cancel(self, ledger: Ledger, entry: int, found: Found) -> Result:
        """Take an open order out."""
        product, number, (_, actor) = found
        reports = product.send(ev.TYPE_CANCEL, id=number, owner=product.owner(actor))
        return self._follow(ledger, entry, product, number, reports)

    def cancel_all(self, ledger: Ledger, entry: int, actor: str, start_utc: int | None = None) -> list[str]:
        """Take all open orders of an actor out, or those in one product; returns which, oldest first."""
        gone: list[Ticket] = []
        for product in self._in_order():
            is_meant = start_utc in (None, product.start_utc)
            if is_meant and any(ticket.actor == actor for ticket in product.tickets.values()):
                reports = product.send(ev.TYPE_CANCEL_ALL, owner=product.owner(actor))
                gone += self._take_in(ledger, entry, product, reports)[0]
        return [ticket.id for ticket in sorted(gone)]

    # Time -------------------------------------------------------------------------------------------------------------
    def pass_time(self, ledger: Ledger, entry: int) -> Passed:
        """Let orders expire at the market's clock, and hold the calls that are due."""
        gone, held, trades = list[Ticket](), list[Held](), list[Trade]()
        for product in self._in_order():
            reports = product.pass_time(self.market.next_utc, self.calls(product.start_utc))
            gone += [product.tickets[report.id] for report in reports if report.event == ev.EVENT_EXPIRED]
            trades += self._take_in(ledger, entry, product, reports)[1]
            held += [
                Held(product.start_utc, report.quantity_wh, report.price_tick)
                for report in reports
                if report.event == ev.EVENT_UNCROSSED and report.quantity_wh
            ]
        return Passed([ticket.id for ticket in sorted(gone)], held, trades)

    def settle(self, ledger: Ledger, entry: int, start_utc: int, price_tick: int) -> tuple[Trade, ...]:
        """Settle all positions in the product of an interval that has been run, at its price; returns the receipts."""
        product = self.products.pop(start_utc, None)
        if product is None:
            return ()
        assert not product.tickets, "orders are open after gate closure"
        postings, receipts, tick = list[Posting](), list[Trade](), product.settlement_tick(price_tick)
        currency = ledger.currency
        for actor, position in sorted(product.positions.items()):
            worth_e8 = position.net_wh * tick
            postings += [
                Posting(f"ext:position:{actor}", currency, -position.cash_e8),
                Posting(f"ext:position:{actor}", WH, -position.net_wh),
                Posting(f"ext:bank:{actor}", currency, position.cash_e8 + worth_e8),
                *_margin(actor, -position.held_e8, currency),
            ]
            self.held_e8 -= position.held_e8
            if position.net_wh:
                receipts.append(Trade(f"position:{actor}", actor, DELIVERY, -position.net_wh, tick, worth_e8, 0))
        ledger.post(entry, postings, start_utc, f"settle {_name(product)}")
        return tuple(receipts)

    # What a message brought about -------------------------------------------------------------------------------------
    def _follow(self, ledger: Ledger, entry: int, product: Product, number: int, reports: Sequence[Report]) -> Result:
        """Post what came of a message about one order, and tell it."""
        ticket = product.tickets[number]
        _, trades = self._take_in(ledger, entry, product, reports)
        own = [trade for trade in trades if trade.participant == f"order:{ticket.id}"]
        open_wh, until_utc = 0, product.closure_utc
        if number in product.tickets:
            order = product.order(number)
            open_wh = int(order["shown_wh"] + order["hidden_wh"])
            until_utc = min(int(order["expiry_utc"]) or until_utc, until_utc)
        held_e8 = product.positions.get(ticket.actor, Position()).held_e8
        filled_wh, amount_e8 = sum(abs(trade.energy_wh) for trade in own), sum(trade.amount_e8 for trade in own)
        return Result(ticket.id, product, until_utc, open_wh, filled_wh, amount_e8, held_e8, trades)

    def _take_in(
        self, ledger: Ledger, entry: int, product: Product, reports: Sequence[Report]
    ) -> tuple[list[Ticket], tuple[Trade, ...]]:
        """Post trades and what is held now of all who are concerned; returns orders that are over, and receipts."""
        postings, receipts = list[Posting](), list[Trade]()
        concerned = {product.tickets[report.id].actor for report in reports if report.id}
        for report in reports:
            if report.event != ev.EVENT_TRADED:
                continue
            tickets = product.tickets[report.id], product.tickets[report.other_id]
            buyer, seller = tickets[::-1] if report.side == ev.SIDE_SELL else tickets
            product.trade(report.quantity_wh, report.price_tick, buyer.actor, seller.actor)
            for ticket in tickets:  # the aggressor first, in a call the buyer
                energy_wh = report.quantity_wh if ticket is buyer else -report.quantity_wh
                amount_e8 = -energy_wh * report.price_tick
                participant = f"order:{ticket.id}"
                receipts.append(
                    Trade(participant, ticket.actor, CONTINUOUS, energy_wh, report.price_tick, amount_e8, 0)
                )
                postings += [
                    Posting(f"ext:position:{ticket.actor}", ledger.currency, amount_e8),
                    Posting(f"ext:position:{ticket.actor}", WH, energy_wh),
                ]
                concerned.add(ticket.actor)
        over = product.forget(number for report in reports for number in (report.id, report.other_id))
        for ticket in over:
            del self._where[ticket.id]
        for actor in sorted(concerned):
            postings += self._hold(product, actor, ledger.currency)
        if postings:
            ledger.post(entry, postings, self.market.next_utc, f"product {_name(product)}")
        if receipts:
            self._made.append(Trades(entry, product.start_utc, tuple(receipts)))
        return over, tuple(receipts)

    def _hold(self, product: Product, actor: str, currency: str) -> Sequence[Posting]:
        """Postings that make what is held of an actor what it can lose in a product."""
        position = product.position(actor)
        worst_e8, _ = product.at_stake(actor)
        more_e8, position.held_e8 = worst_e8 - position.held_e8, worst_e8
        self.held_e8 += more_e8
        if position.is_over:
            del product.positions[actor]
        return _margin(actor, more_e8, currency)

    def _require_funds(self, ledger: Ledger, actor: str, product: Product, terms: Terms, instead_of: int = 0) -> None:
        """Raises Refusal unless the worst of an order is within its owner's limit, and the position within bounds."""
        worst_e8, largest_wh = product.at_stake(actor, terms, instead_of)
        quantity = decimal_text(terms.quantity_wh, 3)
        if largest_wh > QUANTITY_LIMIT_WH:
            limit = f"must leave the position within {decimal_text(QUANTITY_LIMIT_WH, 3)} kWh either way"
            raise Refusal("BAD_VALUE", "quantity_kwh", quantity, limit)
        now_e8 = product.positions.get(actor, Position()).held_e8
        free_e8 = self.free_e8(ledger, actor)
        if worst_e8 - now_e8 > max(free_e8, 0):
            limit = (
                f"may lose {money_text(worst_e8 - now_e8)} more, which must be at most what is free of the trading "
                f"limit, {money_text(free_e8)}"
            )
            raise Refusal("INSUFFICIENT_FUNDS", "quantity_kwh", quantity, limit)

    def free_e8(self, ledger: Ledger, actor: str) -> int:
        """What an actor may still have held [1e-8 currency]; below 0 after the trading limit was lowered."""
        limit_e8 = self.market.scenario.continuous.trading_limit
        return limit_e8 - ledger.balance(f"ext:margin:{actor}", ledger.currency)

    def _in_order(self) -> list[Product]:
        return [product for _, product in sorted(self.products.items())]

    def drain(self) -> list[Trades]:
        """The receipts of trades since the last call, in order."""
        made, self._made = self._made, []
        return made

    # Plain values -----------------------------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """The products as texts, by their start."""
        return {utc_text(product.start_utc): product.text() for product in self._in_order()}

    def take_state(self, state: dict[str, str]) -> None:
        """Become what `state` was taken of."""
        starts = {moment_utc(name): text for name, text in state.items()}
        self.products = {start_utc: Product.from_text(start_utc, text) for start_utc, text in sorted(starts.items())}
        positions = (position for product in self.products.values() for position in product.positions.values())
        self.held_e8 = sum(position.held_e8 for position in positions)
        self._where = {
            ticket.id: (product.start_utc, number)
            for product in self.products.values()
            for number, ticket in product.tickets.items()
        }


def _require_in_band(product: Product, price_tick: int) -> None:
    if not product.floor_tick <= price_tick <= product.cap_tick:
        limit = f"must lie between {price_text(product.floor_tick)} and {price_text(product.cap_tick)}"
        raise Refusal("BAD_VALUE", "price", price_text(price_tick), limit)


def _name(product: Product) -> str:
    return utc_text(product.start_utc)


def _margin(actor: str, amount_e8: int, currency: str) -> Sequence[Posting]:
    """Money [1e-8 currency] from an actor's bank to what is held for continuous trading, or back."""
    return [Posting(f"ext:bank:{actor}", currency, -amount_e8), Posting(f"ext:margin:{actor}", currency, amount_e8)]
