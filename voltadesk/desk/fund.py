"""The fund: who owns the fleet and its cash, and who may take out what.

Net asset value (NAV) = cash + batteries at cost less wear + stored energy at the lower of cost and price - what is owed.
Stored energy is one pool, as a Wh is a Wh: its cost is compared with its worth as a whole. A price below 0 counts as 0,
because nobody is made to sell.

Realised profit = received for energy sold - what that energy cost (average of its battery) - fees - wear
+ or - what was gained or lost on batteries retired, less what dividends and redemptions have taken of it. Gains of
price on energy still stored are no profit, and neither are gifts.

Shares are counted in 1e-8 of a share, so that the first investor's shares equal the amount. With S shares issued:
an investment buys `amount * (S + 1) // (NAV + 1)` and shares are worth `shares * (NAV + 1) // (S + 1)`. The one share
and the one unit more than there are belong to nobody: they make pushing up the price of a share by gifts a loss.
(OpenZeppelin, ERC-4626 "virtual shares", tells the same.) Both round down, so that no round trip earns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from voltadesk.desk.ledger import BALANCE_LIMIT, NAME, SHARE, WH, Entry, Ledger, LedgerError, Posting, flow
from voltadesk.desk.refusal import Refusal
from voltadesk.units import BP_PER_UNIT, E8_PER_CURRENCY, MONEY_LIMIT_E8, PRICE_LIMIT_TICK, money_decimal, share_out

FREE, RESERVED, HELD = "fund:cash:free", "fund:cash:reserved", "fund:cash:dividends"
CAPITAL, RETAINED = "equity:capital", "equity:retained"
MINIMUM_FIRST_E8 = E8_PER_CURRENCY
RESERVE_BP = 300
ROUNDING_LIMIT_BP = 1  # most of an investment that rounding to whole share units may cost


class Investment(NamedTuple):
    """Money put in [1e-8 currency] and the shares it bought [1e-8 share]."""

    entry: int
    amount_e8: int
    shares: int


class Redemption(NamedTuple):
    """A request to be paid for shares [1e-8 share]; `shares` are those still waiting."""

    number: int
    entry: int
    actor: str
    shares: int


class Payout(NamedTuple):
    """What one turn of the queue paid [1e-8 currency] for how many shares [1e-8 share]."""

    number: int
    actor: str
    shares: int
    amount_e8: int


class Dividend(NamedTuple):
    """A declared distribution [1e-8 currency], and each holder's part of it by id."""

    number: int
    entry: int
    amount_e8: int
    return_of_capital: bool
    parts: tuple[tuple[str, int], ...]


class Statement(NamedTuple):
    """All that an investor has in the fund: money in 1e-8 of the currency, shares in 1e-8 of a share."""

    actor: str
    investments: tuple[Investment, ...]
    shares: int
    shares_waiting: int
    worth_e8: int
    invested_e8: int
    redeemed_e8: int
    declared_e8: int
    withdrawn_e8: int
    due_e8: int


@dataclass
class Investor:
    """What is remembered of an investor beside the ledger's balances."""

    investments: list[Investment] = field(default_factory=list)
    redeemed_e8: int = 0
    declared_e8: int = 0
    withdrawn_e8: int = 0
    due: dict[int, int] = field(default_factory=dict)  # number of the dividend: money [1e-8 currency]


def require_int(name: str, value: object, low: int, high: int, is_money: bool = False) -> None:
    """Raises Refusal BAD_VALUE unless `value` is an int within [low, high]."""
    if type(value) is not int or not low <= value <= high:
        shown = money_decimal(value) if is_money and type(value) is int else value
        least, most = (money_decimal(low), money_decimal(high)) if is_money else (low, high)
        raise Refusal("BAD_VALUE", name, shown, f"must lie between {least} and {most}")


def require_name(name: str, value: object) -> None:
    """Raises Refusal BAD_VALUE unless `value` is a name that an account can carry."""
    if type(value) is not str or not NAME.fullmatch(value):
        raise Refusal("BAD_VALUE", name, value, "must be 1 to 40 letters, digits, '.', '_' or '-'")


class Fund:
    """Investors, shares, dividends, redemptions and reservations over one ledger.

    Every change checks first, then posts once, then remembers: a refusal leaves all as it was.
    """

    def __init__(self, ledger: Ledger, reserve_bp: int = RESERVE_BP) -> None:
        require_int("reserve_bp", reserve_bp, 0, BP_PER_UNIT)
        self.ledger, self.reserve_bp = ledger, reserve_bp
        self.price_tick: int | None = None
        self.investors: dict[str, Investor] = {}
        self.orders: dict[str, int] = {}  # money held for each open order [1e-8 currency]
        self.queue: list[Redemption] = []
        self.dividends = 0
        self.redemptions = 0

    # What there is -----------------------------------------------------------------------------------------------------
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
        cost_e8 = self.ledger.total("fund:battery:*:energy", self.ledger.currency)
        if self.price_tick is None:
            return cost_e8
        return min(cost_e8, max(self.price_tick, 0) * self.ledger.total("fund:battery:*:wh", WH))

    @property
    def nav_e8(self) -> int:
        """Net asset value [1e-8 currency]. Cash held for dividends and what is owed for them cancel out."""
        total, currency = self.ledger.total, self.ledger.currency
        cash_e8 = self.free_e8 + self.money_e8(RESERVED) + self.money_e8(HELD)
        assets_e8 = cash_e8 + total("fund:battery:*:book", currency) + self.energy_worth_e8
        return assets_e8 + total("owed:dividend:*:*", currency)

    @property
    def shares_issued(self) -> int:
        """All shares there are [1e-8 share]."""
        return -self.ledger.balance(CAPITAL, SHARE)

    @property
    def reserve_e8(self) -> int:
        """Free cash that dividends must leave: a part of what is invested, rounded up [1e-8 currency]."""
        return -(-max(self.capital_e8, 0) * self.reserve_bp // BP_PER_UNIT)

    @property
    def distributable_e8(self) -> int:
        """Free cash above the reserve [1e-8 currency], without money that was got for taking energy still stored."""
        return max(self.free_e8 + min(self.energy_worth_e8, 0) - self.reserve_e8, 0)

    def holding(self, actor: str) -> int:
        """Shares of an investor [1e-8 share], those waiting to be redeemed with them."""
        return self.ledger.balance(f"shares:{actor}", SHARE)

    def worth_e8(self, shares: int) -> int:
        """What shares [1e-8 share] are worth now, rounded down [1e-8 currency]."""
        return shares * (max(self.nav_e8, 0) + 1) // (self.shares_issued + 1)

    def waiting(self, actor: str) -> int:
        """Shares of an investor in the queue [1e-8 share]."""
        return sum(request.shares for request in self.queue if request.actor == actor)

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
            limit = f"must be at most the free cash, {money_decimal(self.free_e8)}"
            raise Refusal("INSUFFICIENT_FUNDS", name, money_decimal(amount_e8), limit)

    # In and out --------------------------------------------------------------------------------------------------------
    def invest(self, entry: int, actor: str, amount_e8: int, time_utc: int = 0) -> Investment:
        """Put money in [1e-8 currency] for shares at net asset value.

        Raises Refusal BAD_VALUE: below 1 currency when nobody holds shares, too few share units for a fair price, or more
        shares than can be counted.
        """
        require_name("actor", actor)
        nav_e8, issued = max(self.nav_e8, 0), self.shares_issued
        require_int("amount", amount_e8, 1 if issued else MINIMUM_FIRST_E8, MONEY_LIMIT_E8, is_money=True)
        shares = amount_e8 * (issued + 1) // (nav_e8 + 1)
        lost_e8 = amount_e8 - shares * (nav_e8 + amount_e8 + 1) // (issued + shares + 1)
        if lost_e8 * BP_PER_UNIT > amount_e8 * ROUNDING_LIMIT_BP:
            limit = f"is too little: rounding to whole share units would cost {money_decimal(lost_e8)} of it"
            raise Refusal("BAD_VALUE", "amount", money_decimal(amount_e8), limit)
        if max(nav_e8 + amount_e8, issued + shares) > MONEY_LIMIT_E8:
            raise Refusal("BAD_VALUE", "amount", money_decimal(amount_e8), "is more than the fund can count")
        currency = self.ledger.currency
        postings = [
            Posting(FREE, currency, amount_e8),
            Posting(CAPITAL, currency, -amount_e8),
            Posting(f"shares:{actor}", SHARE, shares),
            Posting(CAPITAL, SHARE, -shares),
            *flow(f"ext:bank:{actor}", -amount_e8, currency),
        ]
        self.ledger.post(entry, postings, time_utc, f"invest {actor}")
        investment = Investment(entry, amount_e8, shares)
        self.investors.setdefault(actor, Investor()).investments.append(investment)
        return investment
