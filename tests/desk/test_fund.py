"""Who owns what, and what may be paid out: to the last unit."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.desk import Books, battery, eur
from voltadesk.desk.fleet import Dispatch
from voltadesk.desk.fund import Fund, Payout
from voltadesk.desk.ledger import SHARE, WH, Ledger, LedgerError, Posting, flow
from voltadesk.desk.refusal import CODES, Refusal


def refused(books: Books, code: str, call: Any, *given: Any, **named: Any) -> str:
    """The text of the refusal of a call that must change nothing."""
    before = books.state()
    with pytest.raises(Refusal) as caught:
        call(*given, **named)
    assert caught.value.code == code
    assert books.state() == before
    return str(caught.value)


def due(books: Books) -> dict[str, int]:
    return {actor: books.fund.statement(actor).due_e8 for actor in sorted(books.fund.investors)}


# Dividends ------------------------------------------------------------------------------------------------------------
def test_a05_a_dividend_is_withdrawn_once() -> None:
    books = Books(ann=1_000_000)
    books.earn(eur(10_000))
    assert books.fund.realised_profit_e8 == eur(10_000)
    books.fund.declare(books.next(), eur(10_000))
    assert due(books) == {"ann": eur(10_000)}
    assert books.fund.nav_e8 == eur(1_000_000)
    assert books.fund.withdraw(books.next(), "ann") == eur(10_000)
    assert refused(books, "NOTHING_DUE", books.fund.withdraw, 99, "ann").startswith("NOTHING_DUE: actor = ann: ")
    refused(books, "NOTHING_DUE", books.fund.withdraw, 99, "stranger")
    assert books.ledger.balance("ext:bank:ann", "EUR") == -eur(990_000)
    books.check()


@pytest.mark.parametrize("order", list(permutations(["ann", "bob"])))
def test_a06_withdrawn_in_any_order(order: tuple[str, str]) -> None:
    books = Books(ann=1_000_000, bob=1_000_000)
    books.earn(eur(20_000))
    books.fund.declare(books.next(), eur(20_000))
    assert [books.fund.withdraw(books.next(), actor) for actor in order] == [eur(10_000)] * 2
    books.check()


def test_a06_who_never_withdraws_holds_up_nobody() -> None:
    books = Books(ann=1_000_000, bob=1_000_000)
    for n in range(1, 4):
        books.earn(eur(20_000))
        assert books.fund.declare(books.next(), eur(20_000)).number == n
        books.fund.withdraw(books.next(), "ann")
        assert due(books) == {"ann": 0, "bob": eur(10_000) * n}
        books.check()
    assert books.fund.withdraw(books.next(), "bob") == eur(30_000)
    books.check()


def test_a07_who_invests_after_the_declaration_gets_nothing_of_it() -> None:
    books = Books(ann=1_000_000, bob=1_000_000)
    books.earn(eur(20_000))
    books.fund.declare(books.next(), eur(20_000))
    books.fund.invest(books.next(), "cid", eur(2_000_000))
    assert due(books) == {"ann": eur(10_000), "bob": eur(10_000), "cid": 0}
    assert books.fund.holding("cid") == eur(2_000_000)


def test_a08_shared_by_largest_remainder_then_by_id() -> None:
    books = Books(ann=1_000_000, bob=999_999, cid=1)
    books.earn(20_000)
    books.fund.declare(books.next(), 20_000)
    assert due(books) == {"ann": 10_000, "bob": 10_000, "cid": 0}
    equal = Books(cid=5, bob=5, ann=5)
    equal.earn(100)
    dividend = equal.fund.declare(equal.next(), 100)
    assert dividend.parts == (("ann", 34), ("bob", 33), ("cid", 33))
    assert due(equal) == dict(dividend.parts)
    equal.check()


def test_a09_no_profit_no_dividend_unless_it_is_a_return_of_capital() -> None:
    books = Books(ann=100)
    said = refused(books, "NO_PROFIT", books.fund.declare, 9, 1)
    assert said == "NO_PROFIT: amount = 0.00000001: must be at most the realised profit, 0.00"
    dividend = books.fund.declare(books.next(), 1, return_of_capital=True)
    assert dividend.return_of_capital
    assert (books.fund.capital_e8, books.fund.realised_profit_e8, due(books)) == (eur(100) - 1, 0, {"ann": 1})
    # A gift is no profit, and neither is a higher price of what is stored.
    books.fund.gift(books.next(), "bob", eur(50))
    books.fleet.add(books.next(), battery(), fill_wh=1_000)
    books.fund.mark(1_000)
    refused(books, "NO_PROFIT", books.fund.declare, 9, 1)
    books.check()


def test_a10_shares_are_bought_at_net_asset_value() -> None:
    books = Books(ann=1_000_000)
    books.earn(eur(1_000_000))
    assert books.fund.nav_e8 == eur(2_000_000)
    books.fund.invest(books.next(), "bob", eur(1_000_000))
    assert books.fund.holding("ann") == eur(1_000_000)
    assert books.fund.holding("bob") == eur(500_000)
    books.fund.declare(books.next(), eur(300_000))
    assert due(books) == {"ann": eur(200_000), "bob": eur(100_000)}
    books.check()


def test_a_percentage_is_of_the_free_cash_above_the_reserve() -> None:
    books = Books(ann=1_000)
    books.earn(eur(130))
    assert (books.fund.reserve_e8, books.fund.distributable_e8) == (eur(30), eur(1_100))
    refused(books, "NO_PROFIT", books.fund.declare, 9, share_bp=1_182)
    assert books.fund.declare(books.next(), share_bp=1_000).amount_e8 == eur(110)
    books.fund.declare(books.next(), share_bp=10_000, return_of_capital=True)
    assert books.fund.free_e8 == eur(30)
    books.check()


def test_a_dividend_leaves_the_reserve() -> None:
    books = Books(ann=1_000)
    books.fleet.buy(books.next(), battery(), eur(960))
    books.earn(eur(10))
    said = refused(books, "INSUFFICIENT_FUNDS", books.fund.declare, 9, eur(20) + 1, return_of_capital=True)
    assert said.endswith("must be at most the free cash above the reserve, 20.00")
    assert books.fund.distributable_e8 == eur(20)
    books.fund.declare(books.next(), eur(10))
    refused(books, "INSUFFICIENT_FUNDS", books.fund.declare, 9, eur(10) + 1, return_of_capital=True)


def test_what_can_not_be_declared() -> None:
    books = Books()
    refused(books, "NO_HOLDERS", books.fund.declare, 9, 1)
    refused(books, "NO_HOLDERS", books.fund.gift, 9, "ann", 1)
    books.fund.invest(books.next(), "ann", eur(10))
    for amount, share in ((None, None), (1, 1), (0, None), (-1, None), (None, 0), (None, 10_001), (1.0, None)):
        refused(books, "BAD_VALUE", books.fund.declare, 9, amount, share)
    books.fund.gift(books.next(), "ann", eur(10))
    refused(books, "INSUFFICIENT_FUNDS", books.fund.declare, 9, eur(20) + 1, return_of_capital=True)


# Shares ---------------------------------------------------------------------------------------------------------------
def test_a11_the_first_investor_gains_nothing_by_a_gift() -> None:
    books = Books()
    said = refused(books, "BAD_VALUE", books.fund.invest, 1, "eve", eur(1) - 1)
    assert said.startswith("BAD_VALUE: amount = 0.99999999: must lie between 1.00 and ")
    books.fund.invest(books.next(), "eve", eur(1))
    books.fund.gift(books.next(), "eve", eur(1_000_000))
    books.fund.invest(books.next(), "bob", eur(1_000_000))
    assert 0 <= eur(1_000_000) - books.fund.worth_e8(books.fund.holding("bob")) < 100
    for actor in ("eve", "bob"):
        books.fund.redeem(books.next(), actor, books.fund.holding(actor))
    eve, bob = books.fund.pay_redemptions(books.next())
    assert eve.amount_e8 < eur(1_000_001)
    assert eur(1_000_000) - bob.amount_e8 < 100
    books.check()


@settings(max_examples=200)
@given(st.integers(eur(1), eur(100)), st.integers(1, eur(10**7)), st.integers(1, eur(10**7)))
def test_a11_a_gift_never_comes_back_with_more(first: int, gift: int, later: int) -> None:
    books = Books()
    books.fund.invest(books.next(), "eve", first)
    books.fund.gift(books.next(), "eve", gift)
    try:
        books.fund.invest(books.next(), "bob", later)
    except Refusal:  # rather than rounding away more than 0.01 %
        return
    books.fund.redeem(books.next(), "eve", books.fund.holding("eve"))
    [payout] = books.fund.pay_redemptions(books.next())
    assert payout.amount_e8 <= first + gift
    assert (later - books.fund.worth_e8(books.fund.holding("bob"))) * 10_000 <= later


@settings(max_examples=200)
@given(
    st.integers(eur(1), eur(10**6)),
    st.integers(0, eur(10**6)),
    st.integers(0, eur(10**6)),
    st.integers(1, eur(10**6)),
)
def test_a11_no_round_trip_earns(first: int, gift: int, spent: int, amount: int) -> None:
    books = Books()
    books.fund.invest(books.next(), "ann", first)
    if gift:
        books.fund.gift(books.next(), "ann", gift)
    if 0 < spent <= books.fund.free_e8:
        books.fleet.buy(books.next(), battery(wear_cost_tick=3_000_000), spent, fill_wh=100_000)
        books.fleet.dispatch(books.next(), [Dispatch("one", sold_wh=99_999)])
    nav, issued, cash = books.fund.nav_e8, books.fund.shares_issued, books.fund.free_e8
    try:
        shares = books.fund.invest(books.next(), "bob", amount).shares
    except Refusal:
        return
    books.fund.redeem(books.next(), "bob", shares)
    [payout] = books.fund.pay_redemptions(books.next())
    assert payout.amount_e8 <= amount
    assert books.fund.free_e8 >= cash
    if payout.shares == shares:
        assert (books.fund.nav_e8 + 1) * (issued + 1) >= (nav + 1) * (books.fund.shares_issued + 1)
    books.check()


def test_an_investment_that_can_not_be_counted_is_refused() -> None:
    books = Books(ann=1_000)
    books.fleet.buy(books.next(), battery(wear_cost_tick=3_000_000), eur(1_000), fill_wh=100_000)
    books.fleet.dispatch(books.next(), [Dispatch("one", sold_wh=100_000)])
    assert books.fund.nav_e8 == 0
    assert refused(books, "BAD_VALUE", books.fund.invest, 9, "bob", eur(1_000)).endswith(
        "is more than the fund can count"
    )
    refused(books, "BAD_VALUE", books.fund.invest, 9, "bob", 9 * 10**18 + 1)
    refused(books, "BAD_VALUE", books.fund.invest, 9, "b b", 1)
    refused(books, "BAD_VALUE", books.fund.gift, 9, "bob", 0)


# Redemptions ----------------------------------------------------------------------------------------------------------
def test_redemptions_are_paid_in_order_as_far_as_cash_goes() -> None:
    books = Books(ann=500, bob=300, cid=200)
    fund = books.fund
    books.fleet.buy(books.next(), battery(), eur(600))
    first = fund.redeem(books.next(), "bob", eur(300))
    second = fund.redeem(books.next(), "ann", eur(200))
    third = fund.redeem(books.next(), "cid", eur(200))
    refused(books, "INSUFFICIENT_SHARES", fund.redeem, 9, "bob", 1)
    refused(books, "INSUFFICIENT_SHARES", fund.redeem, 9, "ann", eur(300) + 1)
    refused(books, "INSUFFICIENT_SHARES", fund.redeem, 9, "stranger", 1)
    refused(books, "BAD_VALUE", fund.redeem, 9, "ann", 0)
    payouts = fund.pay_redemptions(books.next())
    assert payouts == [
        Payout(first.number, "bob", eur(300), eur(300)),
        Payout(second.number, "ann", eur(100), eur(100)),
    ]
    assert fund.queue == [second._replace(shares=eur(100)), third]
    assert fund.pay_redemptions(books.next()) == []
    assert (fund.free_e8, fund.statement("ann").shares_waiting) == (0, eur(100))
    refused(books, "NOT_FOUND", fund.cancel_redemption, "cid", second.number)
    fund.cancel_redemption("ann", second.number)
    fund.gift(books.next(), "bob", eur(60))
    [payout] = fund.pay_redemptions(books.next())
    assert (payout.actor, payout.amount_e8) == ("cid", eur(60))
    assert fund.queue[0].shares == eur(200) - payout.shares
    books.check()


def test_cash_left_by_a_part_payment_does_not_go_to_those_behind() -> None:
    books = Books(ann=1, bob=1)
    fund = books.fund
    fund.gift(books.next(), "ann", eur(3) + eur(1) // 5)  # a share unit is worth a little less than 2.6
    fund.reserve(books.next(), "o1", fund.free_e8 - 4)
    fund.redeem(books.next(), "ann", 2)
    fund.redeem(books.next(), "bob", 1)
    [payout] = fund.pay_redemptions(books.next())
    assert (payout.actor, payout.shares, payout.amount_e8) == ("ann", 1, 2)
    assert fund.free_e8 == 2
    assert [(request.actor, request.shares) for request in fund.queue] == [("ann", 1), ("bob", 1)]
    books.check()


def test_a_part_payment_takes_the_fewest_shares() -> None:
    books = Books(ann=100)
    books.fleet.buy(books.next(), battery(wear_cost_tick=3_000_000), eur(100) - 1_000, fill_wh=100_000)
    books.fleet.dispatch(books.next(), [Dispatch("one", sold_wh=100_000)])
    books.fund.reserve(books.next(), "o1", 993)
    books.fund.redeem(books.next(), "ann", eur(1))
    [payout] = books.fund.pay_redemptions(books.next())
    assert (payout.amount_e8, payout.shares) == (7, -(-7 * (eur(100) + 1) // 1_001))
    books.check()


def test_who_redeems_takes_a_part_of_the_profit_and_none_of_the_others() -> None:
    books = Books(ann=300, bob=100)
    books.earn(eur(100))
    books.fund.redeem(books.next(), "bob", books.fund.holding("bob"))
    books.fund.pay_redemptions(books.next())
    assert books.fund.statement("bob").redeemed_e8 == eur(125) - 1  # rounded down: the others keep the unit
    assert (books.fund.capital_e8, books.fund.realised_profit_e8) == (eur(300) + 1, eur(75))
    # Leaving when stored energy is worth less than it cost makes no profit for those who stay.
    books.fund.invest(books.next(), "bob", eur(125))
    books.fleet.add(books.next(), battery())
    books.fleet.dispatch(books.next(), [Dispatch("one", bought_wh=1_000, paid_e8=10**9)])
    books.fund.mark(0)
    profit, issued = books.fund.realised_profit_e8, books.fund.shares_issued
    [payout] = [books.fund.redeem(books.next(), "bob", eur(50))] and books.fund.pay_redemptions(books.next())
    assert books.fund.realised_profit_e8 == profit - profit * eur(50) // issued
    assert payout.amount_e8 < eur(50) * (eur(500) + 1) // (issued + 1)
    books.check()


def test_shares_worth_nothing_wait_and_hold_up_nobody() -> None:
    books = Books(ann=100, bob=100)
    books.fleet.buy(books.next(), battery(wear_cost_tick=3_000_000), eur(200) - 150, fill_wh=100_000)
    books.fleet.dispatch(books.next(), [Dispatch("one", sold_wh=100_000)])
    assert books.fund.nav_e8 == 150
    books.fund.redeem(books.next(), "ann", 1)
    books.fund.redeem(books.next(), "bob", eur(100))
    [payout] = books.fund.pay_redemptions(books.next())
    assert (payout.actor, payout.amount_e8) == ("bob", 75)
    assert [request.actor for request in books.fund.queue] == ["ann"]
    books.check()


# Orders, statements, state --------------------------------------------------------------------------------------------
def test_cash_is_reserved_for_open_orders() -> None:
    books = Books(ann=100)
    fund = books.fund
    fund.reserve(books.next(), "o1", eur(60))
    assert (fund.free_e8, fund.nav_e8) == (eur(40), eur(100))
    refused(books, "INSUFFICIENT_FUNDS", fund.reserve, 9, "o2", eur(40) + 1)
    refused(books, "DUPLICATE", fund.reserve, 9, "o1", 1)
    refused(books, "INSUFFICIENT_FUNDS", books.fleet.buy, 9, battery(), eur(41))
    refused(books, "NOT_FOUND", fund.release, 9, "o2")
    refused(books, "BAD_VALUE", fund.reserve, 9, "o2", 0)
    assert fund.release(books.next(), "o1") == eur(60)
    assert fund.free_e8 == eur(100)
    books.check()


def test_a_statement_tells_all() -> None:
    books = Books()
    first = books.fund.invest(books.next(), "ann", eur(100))
    books.earn(eur(20))
    second = books.fund.invest(books.next(), "ann", eur(60))
    books.fund.declare(books.next(), eur(4))
    books.fund.withdraw(books.next(), "ann")
    books.fund.declare(books.next(), eur(2))
    books.fund.redeem(books.next(), "ann", eur(30))
    books.fund.pay_redemptions(books.next())
    books.fund.redeem(books.next(), "ann", eur(20))
    told = books.fund.statement("ann", [first, second])
    assert [(row.amount_e8, row.shares) for row in told.investments] == [(eur(100), eur(100)), (eur(60), eur(50))]
    assert books.fund.statement("ann") == told._replace(investments=())
    with pytest.raises(LedgerError, match="investments of ann differ"):
        books.fund.statement("ann", [second])
    assert (told.shares, told.shares_waiting) == (eur(120), eur(20))
    assert (told.invested_e8, told.redeemed_e8) == (eur(160), eur(174) * eur(30) // eur(150) - 1)
    assert (told.declared_e8, told.withdrawn_e8, told.due_e8) == (eur(6), eur(4), eur(2))
    assert told.worth_e8 == books.fund.worth_e8(eur(120))
    refused(books, "NOT_FOUND", books.fund.statement, "stranger")


def test_broken_books_are_noticed() -> None:
    books = Books(ann=100)
    books.fund.reserve(books.next(), "o1", 5)
    books.fund.orders["o1"] = 4
    with pytest.raises(LedgerError, match="reserved and open orders differ: 5 and 4"):
        books.fund.audit()
    books = Books(ann=100)
    books.ledger.post(
        9, [Posting("shares:bob", SHARE, 1), Posting("ext:world", "EUR", 0), Posting("equity:capital", SHARE, -1)]
    )
    state = books.fund.state()
    ledger = Ledger()
    ledger.post(
        1,
        [Posting("fund:cash:dividends", "EUR", 1), Posting("equity:retained", "EUR", -1), *flow("ext:grid", 0, "EUR")],
    )
    with pytest.raises(LedgerError, match="dividends held and owed differ: 1 and 0"):
        Fund.from_state(ledger, state)


def test_every_code_has_a_meaning_and_no_other_is_used() -> None:
    assert all(code.isupper() and meaning for code, meaning in CODES.items())
    with pytest.raises(AssertionError):
        Refusal("NO_SUCH_CODE", "field", 1, "limit")


# All together ---------------------------------------------------------------------------------------------------------
ACTORS = st.sampled_from(["ann", "bob", "cid"])
NAMES = st.sampled_from(["b1", "b2", "b3"])
MONEY = st.one_of(st.integers(1, 20), st.integers(1, eur(1_000)), st.integers(eur(1), eur(10)))
ENERGY = st.integers(0, 3_000)
PRICES = st.integers(-30_000, 300_000)


class History(RuleBasedStateMachine):
    """Any history of commands: a refusal changes nothing, and the books are right after every one."""

    def __init__(self) -> None:
        super().__init__()
        self.books = Books()
        self.paid_in = 0
        self.paid_out = 0

    def attempt(self, call: Any, *given: Any, **named: Any) -> Any:
        before = self.books.state()
        try:
            return call(self.books.next(), *given, **named)
        except Refusal:
            assert self.books.state() == before
            return None

    @rule(actor=ACTORS, amount=MONEY)
    def invest(self, actor: str, amount: int) -> None:
        fund = self.books.fund
        nav, issued = max(fund.nav_e8, 0), fund.shares_issued
        if investment := self.attempt(fund.invest, actor, amount):
            assert investment.shares == amount * (issued + 1) // (nav + 1)

    @precondition(lambda self: self.books.fund.shares_issued)
    @rule(actor=ACTORS, amount=MONEY)
    def gift(self, actor: str, amount: int) -> None:
        self.attempt(self.books.fund.gift, actor, amount)

    @rule(actor=ACTORS, share=st.integers(1, 4))
    def redeem(self, actor: str, share: int) -> None:
        self.attempt(self.books.fund.redeem, actor, self.books.fund.holding(actor) // share)

    @precondition(lambda self: self.books.fund.queue)
    @rule()
    def pay_redemptions(self) -> None:
        fund = self.books.fund
        nav, issued, free, queue = fund.nav_e8, fund.shares_issued, fund.free_e8, list(fund.queue)
        payouts = self.attempt(fund.pay_redemptions)
        assert fund.free_e8 == free - sum(payout.amount_e8 for payout in payouts)
        if payouts:
            # Who stays loses nothing, and nobody was passed over.
            assert (fund.nav_e8 + 1) * (issued + 1) >= (nav + 1) * (fund.shares_issued + 1)
            numbers = [payout.number for payout in payouts]
            assert numbers == [request.number for request in queue if request.number in numbers]

    @rule(number=st.integers(1, 5), actor=ACTORS)
    def cancel(self, number: int, actor: str) -> None:
        self.attempt(lambda _: self.books.fund.cancel_redemption(actor, number))

    @rule(amount=MONEY, capital=st.booleans())
    def declare(self, amount: int, capital: bool) -> None:
        self.declared(self.attempt(self.books.fund.declare, amount, return_of_capital=capital))

    @rule(share=st.integers(1, 10_000), capital=st.booleans())
    def declare_share(self, share: int, capital: bool) -> None:
        self.declared(self.attempt(self.books.fund.declare, share_bp=share, return_of_capital=capital))

    def declared(self, dividend: Any) -> None:
        if dividend:
            assert sum(part for _, part in dividend.parts) == dividend.amount_e8
            assert self.books.fund.free_e8 >= self.books.fund.reserve_e8
            assert self.books.fund.nav_e8 >= 0

    @rule(actor=ACTORS)
    def withdraw(self, actor: str) -> None:
        self.attempt(self.books.fund.withdraw, actor)

    @rule(order=NAMES, amount=MONEY)
    def reserve(self, order: str, amount: int) -> None:
        self.attempt(self.books.fund.reserve, order, amount)

    @rule(order=NAMES)
    def release(self, order: str) -> None:
        self.attempt(self.books.fund.release, order)

    @rule(name=NAMES, cost=MONEY, fill=ENERGY, wear=st.integers(0, 50_000))
    def buy(self, name: str, cost: int, fill: int, wear: int) -> None:
        one = battery(name, capacity_wh=3_000, wear_cost_tick=wear, discharge_efficiency_ppm=900_001)
        self.attempt(self.books.fleet.buy, one, cost, fill)

    @rule(name=NAMES, fill=ENERGY)
    def add(self, name: str, fill: int) -> None:
        self.attempt(self.books.fleet.add, battery(name, capacity_wh=3_000), fill)

    @rule(
        wh=st.lists(st.integers(-3_000, 3_000), max_size=3), price=PRICES, loss=st.integers(0, 9), fee=st.integers(0, 9)
    )
    def dispatch(self, wh: list[int], price: int, loss: int, fee: int) -> None:
        done = []
        for name, energy in zip(self.books.fleet.active(), wh, strict=False):
            bought, sold = max(energy, 0), max(-energy, 0)
            done.append(Dispatch(name, bought, bought * price, sold, sold * price, loss, fee))
        self.attempt(self.books.fleet.dispatch, done)

    @rule(name=NAMES, price=st.one_of(st.none(), PRICES), scrap=st.integers(0, 100))
    def retire(self, name: str, price: int | None, scrap: int) -> None:
        self.attempt(self.books.fleet.retire, name, price, scrap)

    @rule(price=st.one_of(st.none(), PRICES))
    def mark(self, price: int | None) -> None:
        self.books.fund.mark(price)

    @invariant()
    def the_books_are_right(self) -> None:
        books, ledger, fund = self.books, self.books.ledger, self.books.fund
        books.check()
        sums: dict[str, int] = {}
        for row in ledger.balances():
            sums[row.commodity] = sums.get(row.commodity, 0) + row.amount
        assert not any(sums.values())
        held = {account: ledger.balance(f"fund:cash:{account}", "EUR") for account in ("free", "reserved", "dividends")}
        assert min(held.values()) >= 0
        assert held["dividends"] == -sum(row.amount for row in ledger.balances("owed:"))
        assert fund.shares_issued == sum(row.amount for row in ledger.balances("shares:"))
        # All cash there is came from outside and has not gone back.
        outside = [row for prefix in ("ext:", "fees:") for row in ledger.balances(prefix)]
        paid = sum(row.amount for row in outside if row.commodity == "EUR" and row.account != "ext:world")
        assert sum(held.values()) == -paid
        assert sum(row.amount for row in ledger.balances("fund:battery:") if row.commodity == WH) == sum(
            books.fleet.fill_wh(name) for name in books.fleet.active()
        )

    @invariant()
    def the_value_is_what_there_is_less_what_is_owed(self) -> None:
        ledger, fund, fleet = self.books.ledger, self.books.fund, self.books.fleet
        cash = sum(row.amount for row in ledger.balances("fund:cash:"))
        debts = -sum(row.amount for row in ledger.balances("owed:"))
        cost = sum(fleet.energy_cost_e8(name) for name in fleet.active())
        worth = cost
        if fund.price_tick is not None:
            worth = min(cost, max(fund.price_tick, 0) * sum(fleet.fill_wh(name) for name in fleet.active()))
        assert fund.nav_e8 == cash + sum(fleet.book_e8(name) for name in fleet.active()) + worth - debts

    @invariant()
    def in_and_out_at_once_earns_nothing(self) -> None:
        books = self.books.copy()
        assert json.loads(json.dumps(books.state())) == self.books.state()
        fund = books.fund
        for request in fund.queue:
            fund.cancel_redemption(request.actor, request.number)
        try:
            shares = fund.invest(books.next(), "eve", eur(7) + 1).shares
        except Refusal:
            return
        fund.redeem(books.next(), "eve", shares)
        paid = sum(payout.amount_e8 for payout in fund.pay_redemptions(books.next()))
        assert paid + fund.worth_e8(fund.holding("eve")) <= eur(7) + 1


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=60, stateful_step_count=40, suppress_health_check=list(HealthCheck))
