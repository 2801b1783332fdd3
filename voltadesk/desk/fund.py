"""The fund: who owns the fleet and its cash, and who may take out what.

Realised profit = received for energy sold - what that energy cost (average of its battery) - fees - wear
+ or - what was gained or lost on batteries retired, less what dividends and redemptions have taken of it. Gains of
price on energy still stored are no profit, and neither are gifts.

Shares are counted in 1e-8 of a share, so that the first investor's shares equal the amount. With S shares issued:
an investment buys `amount * (S + 1) // (NAV + 1)` and shares are worth `shares * (NAV + 1) // (S + 1)`. The one share
and the one unit more than there are belong to nobody: they make pushing up the price of a share by gifts a loss.
(OpenZeppelin, ERC-4626 "virtual shares", tells the same.) Both round down, so that no round trip earns.

No command but `declare` takes longer with more investors, orders or requests, and single investments are summed, not
kept: they stand among the ledger's postings.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from voltadesk.desk.buckets import Buckets, lines_of
from voltadesk.desk.ledger import SHARE, Ledger, LedgerError, Posting, flow
from voltadesk.desk.refusal import Refusal, money_text, require_int, require_money_e8, require_name, shares_text
from voltadesk.desk.treasury import BOOKS, CAPITAL, ENERGY, FREE, HELD, OWED, RESERVED, RETAINED, Treasury
from voltadesk.units import BP_PER_UNIT, E8_PER_CURRENCY, MONEY_LIMIT_E8, share_out

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
    """What is remembered of an investor beside the ledger's balances, and of those what is asked for often."""

    invested_e8: int = 0
    redeemed_e8: int = 0
    declared_e8: int = 0
    withdrawn_e8: int = 0
    shares_waiting: int = 0  # in the queue [1e-8 share]
    due: dict[int, int] = field(default_factory=dict)  # number of the dividend: money [1e-8 currency]


class Fund(Treasury):
    """Investors, shares, dividends and redemptions over the money of a treasury.

    Every change checks first, then posts once, then remembers: a refusal leaves all as it was.
    """

    def __init__(self, ledger: Ledger, reserve_bp: int = RESERVE_BP) -> None:
        require_int("reserve_bp", reserve_bp, 0, BP_PER_UNIT)
        super().__init__(ledger)
        self.reserve_bp = reserve_bp
        self.investors: dict[str, Investor] = {}
        self.dividends = 0
        self.redemptions = 0
        self._queue: dict[int, Redemption] = {}  # by number, which rises
        self._investor_buckets = Buckets(self._investor_line)
        self._queue_buckets = Buckets(self._request_line)

    # What there is ----------------------------------------------------------------------------------------------------
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

    @property
    def distributable_profit_e8(self) -> int:
        """The most that may be declared without returning capital [1e-8 currency]."""
        return max(0, min(self.realised_profit_e8, self.distributable_e8))

    def holding(self, actor: str) -> int:
        """Shares of an investor [1e-8 share], those waiting to be redeemed with them."""
        return self.ledger.balance(f"shares:{actor}", SHARE)

    def worth_e8(self, shares: int) -> int:
        """What shares [1e-8 share] are worth now, rounded down [1e-8 currency]."""
        return shares * (max(self.nav_e8, 0) + 1) // (self.shares_issued + 1)

    @property
    def queue(self) -> list[Redemption]:
        """Requests that wait to be paid, in their order."""
        return list(self._queue.values())

    def waiting(self, actor: str) -> int:
        """Shares of an investor in the queue [1e-8 share]."""
        return self.investors[actor].shares_waiting if actor in self.investors else 0

    # In and out -------------------------------------------------------------------------------------------------------
    def invest(self, entry: int, actor: str, amount_e8: int, time_utc: int = 0) -> Investment:
        """Put money in [1e-8 currency] for shares at net asset value.

        Raises Refusal BAD_VALUE: below 1 currency when nobody holds shares, too little for whole share units at a fair
        price, or more than can be counted.
        """
        require_name("actor", actor)
        nav_e8, issued = max(self.nav_e8, 0), self.shares_issued
        require_money_e8("amount", amount_e8, 1 if issued else MINIMUM_FIRST_E8)
        shares = amount_e8 * (issued + 1) // (nav_e8 + 1)
        lost_e8 = amount_e8 - shares * (nav_e8 + amount_e8 + 1) // (issued + shares + 1)
        if lost_e8 * BP_PER_UNIT > amount_e8 * ROUNDING_LIMIT_BP:
            limit = f"is too little: rounding to whole share units would cost {money_text(lost_e8)} of it"
            raise Refusal("BAD_VALUE", "amount", money_text(amount_e8), limit)
        if max(nav_e8 + amount_e8, issued + shares) > MONEY_LIMIT_E8:
            raise Refusal("BAD_VALUE", "amount", money_text(amount_e8), "is more than the fund can count")
        currency = self.ledger.currency
        postings = [
            Posting(FREE, currency, amount_e8),
            Posting(CAPITAL, currency, -amount_e8),
            Posting(f"shares:{actor}", SHARE, shares),
            Posting(CAPITAL, SHARE, -shares),
            *flow(f"ext:bank:{actor}", -amount_e8, currency),
        ]
        self.ledger.post(entry, postings, time_utc, f"invest {actor}")
        self.investors.setdefault(actor, Investor()).invested_e8 += amount_e8
        self._investor_buckets.touch(actor)
        return Investment(entry, amount_e8, shares)

    def gift(self, entry: int, actor: str, amount_e8: int, time_utc: int = 0) -> None:
        """Put money in [1e-8 currency] for nothing: all holders gain, as capital and not as profit.

        Raises Refusal BAD_VALUE; NO_HOLDERS when nobody would have it.
        """
        require_name("actor", actor)
        require_money_e8("amount", amount_e8)
        self._require_holders()
        if self.nav_e8 + amount_e8 > MONEY_LIMIT_E8:
            raise Refusal("BAD_VALUE", "amount", money_text(amount_e8), "is more than the fund can count")
        currency = self.ledger.currency
        postings = [Posting(FREE, currency, amount_e8), Posting(CAPITAL, currency, -amount_e8)]
        postings += flow(f"ext:bank:{actor}", -amount_e8, currency)
        self.ledger.post(entry, postings, time_utc, f"gift {actor}")

    def redeem(self, entry: int, actor: str, shares: int) -> Redemption:
        """Queue shares [1e-8 share] to be paid for; they stay the investor's until `pay_redemptions` pays.

        Raises Refusal BAD_VALUE, INSUFFICIENT_SHARES.
        """
        require_name("actor", actor)
        require_int("shares", shares, 1, MONEY_LIMIT_E8)
        free = self.holding(actor) - self.waiting(actor)
        if shares > free:
            limit = f"must be at most {shares_text(free)}, what {actor} holds freely"
            raise Refusal("INSUFFICIENT_SHARES", "shares", shares_text(shares), limit)
        self.redemptions += 1
        request = Redemption(self.redemptions, entry, actor, shares)
        self._enqueue(request)
        return request

    def cancel_redemption(self, actor: str, number: int) -> Redemption:
        """Take a request out of the queue. Raises Refusal NOT_FOUND when the investor has none of that number."""
        request = self._queue.get(number)
        if request is None or request.actor != actor:
            raise Refusal("NOT_FOUND", "redemption", number, f"{actor} has no such request waiting")
        self._take(request, request.shares)
        return request

    def _enqueue(self, request: Redemption) -> None:
        self._queue[request.number] = request
        self.investors[request.actor].shares_waiting += request.shares
        self._queue_buckets.touch(str(request.number))

    def _take(self, request: Redemption, shares: int) -> None:
        """Take shares out of a request, and the request out of the queue when it has none left."""
        if shares < request.shares:
            self._queue[request.number] = request._replace(shares=request.shares - shares)
        else:
            del self._queue[request.number]
        self.investors[request.actor].shares_waiting -= shares
        self._queue_buckets.touch(str(request.number))

    def pay_redemptions(self, entry: int, time_utc: int = 0) -> list[Payout]:
        """Pay the queue in order of request, as far as free cash goes; one entry for all of it.

        Each is worth `shares * (NAV + 1) // (S + 1)` when it is paid. Where cash falls short it is paid in part, for
        the fewest shares that the cash pays for, and those behind it wait. A request worth nothing waits and holds up
        nobody. Profit leaves in proportion to the shares; the rest of the payment is capital.
        """
        nav_e8, issued = max(self.nav_e8, 0), self.shares_issued
        free_e8, profit_e8 = self.free_e8, self.realised_profit_e8
        currency = self.ledger.currency
        payouts: list[Payout] = []
        postings: list[Posting] = []
        for request in self._queue.values():
            worth_e8 = request.shares * (nav_e8 + 1) // (issued + 1)
            shares, paid_e8, is_short = request.shares, worth_e8, worth_e8 > free_e8
            if is_short:
                most = ((free_e8 + 1) * (issued + 1) - 1) // (nav_e8 + 1)  # the most shares that cash pays for
                paid_e8 = most * (nav_e8 + 1) // (issued + 1)
                shares = -(-paid_e8 * (issued + 1) // (nav_e8 + 1))
            if paid_e8:
                gain_e8 = profit_e8 * shares // issued
                postings += [
                    Posting(FREE, currency, -paid_e8),
                    Posting(RETAINED, currency, gain_e8),
                    Posting(CAPITAL, currency, paid_e8 - gain_e8),
                    Posting(f"shares:{request.actor}", SHARE, -shares),
                    Posting(CAPITAL, SHARE, shares),
                    *flow(f"ext:bank:{request.actor}", paid_e8, currency),
                ]
                nav_e8, issued = nav_e8 - paid_e8, issued - shares
                free_e8, profit_e8 = free_e8 - paid_e8, profit_e8 - gain_e8
                payouts.append(Payout(request.number, request.actor, shares, paid_e8))
            if is_short:
                break
        if payouts:
            self.ledger.post(entry, postings, time_utc, "pay redemptions")
        for payout in payouts:
            self._take(self._queue[payout.number], payout.shares)
            self.investors[payout.actor].redeemed_e8 += payout.amount_e8
            self._investor_buckets.touch(payout.actor)
        return payouts

    # Dividends --------------------------------------------------------------------------------------------------------
    def declare(
        self,
        entry: int,
        amount_e8: int | None = None,
        share_bp: int | None = None,
        return_of_capital: bool = False,
        time_utc: int = 0,
    ) -> Dividend:
        """Share out an amount [1e-8 currency], or `share_bp` of the free cash above the reserve (rounded down).

        Holders of this moment get it in proportion to their shares, by largest remainder, then by id. The cash is held
        apart and owed to each.
        Raises Refusal BAD_VALUE, NO_HOLDERS, NO_PROFIT above the realised profit unless it is a return of capital, and
        INSUFFICIENT_FUNDS above the free cash over the reserve, or above the capital when that is returned.
        """
        if (amount_e8 is None) == (share_bp is None):
            raise Refusal("BAD_VALUE", "amount", amount_e8, "give either an amount or a percentage")
        self._require_holders()
        if share_bp is not None:
            require_int("share_bp", share_bp, 1, BP_PER_UNIT)
            amount_e8 = self.distributable_e8 * share_bp // BP_PER_UNIT
        assert amount_e8 is not None
        require_money_e8("amount", amount_e8)
        shown = money_text(amount_e8)
        if not return_of_capital and amount_e8 > self.realised_profit_e8:
            most = money_text(max(self.realised_profit_e8, 0))
            raise Refusal("NO_PROFIT", "amount", shown, f"must be at most the realised profit, {most}")
        if return_of_capital and amount_e8 > self.capital_e8:
            limit = f"must be at most the capital, {money_text(self.capital_e8)}"
            raise Refusal("INSUFFICIENT_FUNDS", "amount", shown, limit)
        if amount_e8 > self.distributable_e8:
            limit = f"must be at most the free cash above the reserve, {money_text(self.distributable_e8)}"
            raise Refusal("INSUFFICIENT_FUNDS", "amount", shown, limit)
        holders = [(actor, self.holding(actor)) for actor in sorted(self.investors) if self.holding(actor)]
        shared = share_out(amount_e8, [held for _, held in holders])
        parts = tuple((actor, part_e8) for (actor, _), part_e8 in zip(holders, shared, strict=True))
        number, currency = self.dividends + 1, self.ledger.currency
        postings = [Posting(FREE, currency, -amount_e8), Posting(HELD, currency, amount_e8)]
        postings.append(Posting(CAPITAL if return_of_capital else RETAINED, currency, amount_e8))
        postings += [Posting(f"owed:dividend:{number}:{actor}", currency, -part_e8) for actor, part_e8 in parts]
        self.ledger.post(entry, postings, time_utc, f"dividend {number}")
        self.dividends = number
        for actor, part_e8 in parts:
            if part_e8:
                self.investors[actor].declared_e8 += part_e8
                self.investors[actor].due[number] = part_e8
                self._investor_buckets.touch(actor)
        return Dividend(number, entry, amount_e8, return_of_capital, parts)

    def withdraw(self, entry: int, actor: str, time_utc: int = 0) -> int:
        """Pay an investor all dividends that are due; returns how much [1e-8 currency].

        Raises Refusal NOTHING_DUE.
        """
        investor = self.investors.get(actor)
        if investor is None or not investor.due:
            raise Refusal("NOTHING_DUE", "actor", actor, "no dividend is waiting to be withdrawn")
        paid_e8, currency = sum(investor.due.values()), self.ledger.currency
        postings = [Posting(f"owed:dividend:{n}:{actor}", currency, part_e8) for n, part_e8 in investor.due.items()]
        postings += [Posting(HELD, currency, -paid_e8), *flow(f"ext:bank:{actor}", paid_e8, currency)]
        self.ledger.post(entry, postings, time_utc, f"withdraw {actor}")
        investor.withdrawn_e8 += paid_e8
        investor.due = {}
        self._investor_buckets.touch(actor)
        return paid_e8

    def _require_holders(self) -> None:
        if not self.shares_issued:
            raise Refusal("NO_HOLDERS", "shares issued", 0, "somebody must hold shares first")

    # Told, checked, kept ----------------------------------------------------------------------------------------------
    def statement(self, actor: str, investments: Iterable[Investment] = ()) -> Statement:
        """All that an investor has in the fund; the single investments are brought by whoever keeps the postings.

        Raises Refusal NOT_FOUND; LedgerError when investments are given that are not all.
        """
        if actor not in self.investors:
            raise Refusal("NOT_FOUND", "actor", actor, "has never invested")
        investor, shares, rows = self.investors[actor], self.holding(actor), tuple(investments)
        if rows:
            _equal(f"investments of {actor}", sum(row.amount_e8 for row in rows), investor.invested_e8)
        return Statement(
            actor=actor,
            investments=rows,
            shares=shares,
            shares_waiting=self.waiting(actor),
            worth_e8=self.worth_e8(shares),
            invested_e8=investor.invested_e8,
            redeemed_e8=investor.redeemed_e8,
            declared_e8=investor.declared_e8,
            withdrawn_e8=investor.withdrawn_e8,
            due_e8=sum(investor.due.values()),
        )

    def check(self) -> None:
        """The invariants that hold after every command. Raises LedgerError naming the one that does not."""
        total, currency = self.ledger.total, self.ledger.currency
        _equal("dividends held and owed", self.money_e8(HELD), -total(OWED, currency))
        _equal("holdings and shares issued", total("shares:*", SHARE), self.shares_issued)
        _equal("reserved and open orders", self.money_e8(RESERVED), self._reserved_e8)
        cash_e8 = self.free_e8 + self.money_e8(RESERVED)
        at_cost_e8 = total(BOOKS, currency) + total(ENERGY, currency)
        _equal("assets - debts and equity", cash_e8 + at_cost_e8, self.capital_e8 + self.realised_profit_e8)

    def audit(self) -> None:
        """Check every investor too, and count the whole ledger again. Raises LedgerError."""
        self.ledger.audit()
        self.check()
        _equal("reserved and open orders", self._reserved_e8, sum(self.orders.values()))
        owed = {
            (f"owed:dividend:{number}:{actor}", -part_e8)
            for actor, investor in self.investors.items()
            for number, part_e8 in investor.due.items()
        }
        _equal("dividends due and owed", owed, {(row.account, row.amount) for row in self.ledger.balances("owed:")})
        waiting: dict[str, int] = {}
        for request in self.queue:
            waiting[request.actor] = waiting.get(request.actor, 0) + request.shares
        for actor, investor in self.investors.items():
            paid_e8 = investor.declared_e8 - sum(investor.due.values())
            _equal(f"dividends of {actor}", paid_e8, investor.withdrawn_e8)
            _equal(f"requests of {actor}", waiting.get(actor, 0), investor.shares_waiting)
            if investor.shares_waiting > self.holding(actor):
                raise LedgerError(f"{actor} wants to redeem more than it holds")

    def state(self) -> dict[str, Any]:
        """All of the fund beside the ledger in texts and integers, the same for the same fund, made from what changed.

        What is due to each investor is in the ledger, under `owed`.
        """
        return {
            "dividends": self.dividends,
            "investors": self._investor_buckets.state(),
            "orders": self._order_buckets.state(),
            "price_tick": [] if self.price_tick is None else [self.price_tick],
            "queue": self._queue_buckets.state(),
            "redemptions": self.redemptions,
            "reserve_bp": self.reserve_bp,
        }

    @classmethod
    def from_state(cls, ledger: Ledger, state: dict[str, Any]) -> Fund:
        """The fund that `state` describes, over its ledger. Raises LedgerError when they don't agree."""
        fund = cls(ledger, state["reserve_bp"])
        fund.dividends, fund.redemptions = state["dividends"], state["redemptions"]
        fund.price_tick = state["price_tick"][0] if state["price_tick"] else None
        for line in lines_of(state["investors"]):
            actor, *sums = line.split(" ")
            invested_e8, redeemed_e8, declared_e8, withdrawn_e8 = map(int, sums)
            fund.investors[actor] = Investor(invested_e8, redeemed_e8, declared_e8, withdrawn_e8)
            fund._investor_buckets.touch(actor)
        for row in ledger.balances("owed:"):
            _, _, number, actor = row.account.split(":")
            fund.investors[actor].due[int(number)] = -row.amount
        for line in lines_of(state["orders"]):
            order, amount_e8 = line.split(" ")
            fund._hold(order, int(amount_e8))
        requests = [line.split(" ") for line in lines_of(state["queue"])]
        for number, entry, actor, shares in sorted(requests, key=lambda request: int(request[0])):
            fund._enqueue(Redemption(int(number), int(entry), actor, int(shares)))
        if fund.state() != state:
            raise LedgerError("the state of the fund is not the one that its investors have")
        fund.check()
        return fund

    def _investor_line(self, actor: str) -> str:
        row = self.investors[actor]
        return f"{actor} {row.invested_e8} {row.redeemed_e8} {row.declared_e8} {row.withdrawn_e8}"

    def _request_line(self, number: str) -> str:
        request = self._queue.get(int(number))
        return f"{number} {request.entry} {request.actor} {request.shares}" if request else ""


def _equal(what: str, left: object, right: object) -> None:
    if left != right:
        raise LedgerError(f"{what} differ: {left} and {right}")
