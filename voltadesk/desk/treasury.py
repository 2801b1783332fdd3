"""The money side of the fund: cash, what is held for open orders, and what everything is worth.

Net asset value (NAV) = cash + batteries at cost less wear + stored energy at the lower of cost and price - debts.
Stored energy is one pool, as a Wh is a Wh: its cost is compared with its worth as a whole. A price below 0 counts as 0,
because nobody is made to sell.
"""

from __future__ import annotations

from voltadesk.desk.buckets import Buckets
from voltadesk.desk.ledger import WH, Ledger, Posting
from voltadesk.desk.refusal import Refusal, money_text, require_int, require_money_e8, require_name
from voltadesk.units import PRICE_LIMIT_TICK

FREE, RESERVED, HELD = "fund:cash:free", "fund:cash:reserved", "fund:cash:dividends"
CAPITAL, RETAINED = "equity:capital", "equity:retained"
BOOKS, ENERGY, STORED = "fund:battery:*:book", "fund:battery:*:energy", "fund:battery:*:wh"
OWED = "owed:dividend:*:*"


class Treasury:
    """Cash, reservations and valuation over one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.price_tick: int | None = None
        self.orders: dict[str, int] = {}  # money held for each open order [1e-8 currency]
        self._reserved_e8 = 0  # the sum of them
        self._order_buckets = Buckets(self._order_line)

    def money_e8(self, account: str) -> int:
        """Balance of an account in money [1e-8 currency]."""
        return self.ledger.balance(account, self.ledger.currency)

    @property
    def free_e8(self) -> int:
        """Cash that may be spent [1e-8 currency]."""
        return self.money_e8(FREE)

    @property
    def capital_e8(self) -> int:
        """Paid in (gifts too) and not paid back [1e-8 currency]."""
        return -self.money_e8(CAPITAL)

    @property
    def realised_profit_e8(self) -> int:
        """Profit that may be distributed, or a loss below 0 [1e-8 currency]."""
        return -self.money_e8(RETAINED)

    @property
    def energy_worth_e8(self) -> int:
        """Stored energy at the lower of cost and price [1e-8 currency]; at cost before the first price."""
        cost_e8 = self.ledger.total(ENERGY, self.ledger.currency)
        if self.price_tick is None:
            return cost_e8
        return min(cost_e8, max(self.price_tick, 0) * self.ledger.total(STORED, WH))

    @property
    def nav_e8(self) -> int:
        """Net asset value [1e-8 currency]. Cash held for dividends and what is owed for them cancel out."""
        total, currency = self.ledger.total, self.ledger.currency
        cash_e8 = self.free_e8 + self.money_e8(RESERVED) + self.money_e8(HELD)
        assets_e8 = cash_e8 + total(BOOKS, currency) + self.energy_worth_e8
        return assets_e8 + total(OWED, currency)

    def mark(self, price_tick: int | None) -> None:
        """Set the price that stored energy is valued at [tick]; None values it at cost.

        Raises Refusal BAD_VALUE.
        """
        if price_tick is not None:
            require_int("price_tick", price_tick, -PRICE_LIMIT_TICK, PRICE_LIMIT_TICK)
        self.price_tick = price_tick

    def require_free(self, name: str, amount_e8: int) -> None:
        """Raises Refusal INSUFFICIENT_FUNDS when an amount [1e-8 currency] exceeds the free cash."""
        if amount_e8 > self.free_e8:
            limit = f"must be at most the free cash, {money_text(self.free_e8)}"
            raise Refusal("INSUFFICIENT_FUNDS", name, money_text(amount_e8), limit)

    # Open orders ------------------------------------------------------------------------------------------------------
    def reserve(self, entry: int, order: str, amount_e8: int, time_utc: int = 0) -> None:
        """Hold cash [1e-8 currency] for an open order, so that it can be settled whenever it is filled.

        Raises Refusal BAD_VALUE, DUPLICATE, INSUFFICIENT_FUNDS.
        """
        require_name("order", order)
        require_money_e8("amount", amount_e8)
        if order in self.orders:
            raise Refusal("DUPLICATE", "order", order, "has its reservation already")
        self.require_free("amount", amount_e8)
        currency = self.ledger.currency
        postings = [Posting(FREE, currency, -amount_e8), Posting(RESERVED, currency, amount_e8)]
        self.ledger.post(entry, postings, time_utc, f"reserve {order}")
        self._hold(order, amount_e8)

    def release(self, entry: int, order: str, time_utc: int = 0) -> int:
        """Free what was held for an order, before it is settled or when it is cancelled; returns it [1e-8 currency].

        Raises Refusal NOT_FOUND.
        """
        if order not in self.orders:
            raise Refusal("NOT_FOUND", "order", order, "has no reservation")
        amount_e8, currency = self.orders[order], self.ledger.currency
        postings = [Posting(FREE, currency, amount_e8), Posting(RESERVED, currency, -amount_e8)]
        self.ledger.post(entry, postings, time_utc, f"release {order}")
        del self.orders[order]
        self._reserved_e8 -= amount_e8
        self._order_buckets.touch(order)
        return amount_e8

    def _hold(self, order: str, amount_e8: int) -> None:
        self.orders[order] = amount_e8
        self._reserved_e8 += amount_e8
        self._order_buckets.touch(order)

    def _order_line(self, order: str) -> str:
        return f"{order} {self.orders[order]}" if order in self.orders else ""
