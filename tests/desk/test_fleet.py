"""The register of batteries, and every Wh and unit of money that goes through one."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from tests.desk import Books, battery, eur
from voltadesk.desk.fleet import Dispatch
from voltadesk.desk.ledger import WH
from voltadesk.desk.refusal import Refusal


def refused(books: Books, code: str, call: Any, *given: Any, **named: Any) -> Refusal:
    """The refusal of a call that must change nothing."""
    before = books.state()
    with pytest.raises(Refusal) as caught:
        call(*given, **named)
    assert caught.value.code == code
    assert books.state() == before
    return caught.value


def test_a04_buying_batteries() -> None:
    books = Books(ann=2_000_000)
    fund, fleet = books.fund, books.fleet
    fleet.buy(books.next(), battery("one"), eur(1_300_000))
    assert fund.free_e8 == eur(700_000)
    assert fleet.book_e8("one") == eur(1_300_000)
    assert fund.nav_e8 == eur(2_000_000)
    said = refused(books, "DUPLICATE", fleet.buy, 9, battery("two", serial="SN-one"), eur(1))
    assert str(said) == "DUPLICATE: serial = SN-one: is in the register already"
    refused(books, "DUPLICATE", fleet.buy, 9, battery("one", serial="other"), eur(1))
    said = refused(books, "INSUFFICIENT_FUNDS", fleet.buy, 9, battery("two"), eur(700_001))
    assert str(said) == "INSUFFICIENT_FUNDS: cost = 700001.00: must be at most the free cash, 700000.00"
    assert said.exit_code == 7
    fleet.buy(books.next(), battery("two"), eur(700_000))
    assert (fund.free_e8, fund.nav_e8) == (0, eur(2_000_000))
    books.check()


@pytest.mark.parametrize(
    ("fields", "fill_wh", "message"),
    [
        ({"capacity_wh": 0}, 0, "capacity_kwh = 0: must lie between 0.001 and 100000000"),
        ({"charge_power_w": 0}, 0, "charge_kw = 0: must lie between 0.001 and 1000000000"),
        ({"discharge_power_w": -1}, 0, "discharge_kw = -0.001: must lie between 0.001 and 1000000000"),
        ({}, 100_001, "fill_kwh = 100.001: must lie between 0 and 100"),
        ({}, -1, "fill_kwh = -0.001: must lie between 0 and 100"),
        ({"maximum_fill_wh": 100_001}, 0, "maximum_fill_kwh = 100.001: must lie between 0.001 and 100"),
        ({"minimum_fill_wh": 100_000}, 0, "minimum_fill_kwh = 100: must lie between 0 and 99.999"),
        ({"charge_efficiency_ppm": 1_000_001}, 0, "charge_efficiency = 1.000001: must lie between 0.000001 and 1"),
        ({"capacity_wh": 1.5}, 0, "capacity_kwh = 1.5: must lie between 0.001 and 100000000"),
        ({"capacity_wh": True}, 0, "capacity_kwh = true: must lie between 0.001 and 100000000"),
        ({"serial": ""}, 0, "serial = '': must be 1 to 40 letters, digits, '.', '_' or '-'"),
        ({"id": "a:b"}, 0, "id = a:b: must be 1 to 40 letters, digits, '.', '_' or '-'"),
        ({"strategy": "luck"}, 0, "strategy = luck: must be one of threshold, timetable, rolling, day-ahead, dual"),
        ({"strategy": "timetable"}, 0, "charge = '': a timetable needs hours to charge or discharge"),
        ({"buy_limit_tick": 5, "sell_limit_tick": 4}, 0, "buy_limit = 0.05: must lie between -30000 and 0.04"),
        ({"charge": ((0, 90_000),)}, 0, "charge = 90000: must lie between 0 and 86400"),
        ({"charge": [[0, 1]]}, 0, "charge = [[0, 1]]: must be a tuple of spans of 2 whole numbers"),
        ({"outages": ((5, 5, 0),)}, 0, "outages = 5: must lie between 0 and 4"),
    ],
)
def test_a04_bad_values_are_refused_by_name_value_and_limit(fields: dict[str, Any], fill_wh: int, message: str) -> None:
    books = Books(ann=10)
    name = fields.pop("id", "one")
    said = refused(books, "BAD_VALUE", books.fleet.buy, 9, battery(name, **fields), eur(1), fill_wh)
    assert str(said) == f"BAD_VALUE: {message}"


def test_money_and_energy_of_a_trade_to_the_last_unit() -> None:
    books = Books(ann=1_000)
    fund, fleet = books.fund, books.fleet
    fleet.buy(books.next(), battery(wear_cost_tick=100), eur(100))
    # Bought 1,000 Wh at 50.00 per MWh; 100 of them are lost on the way in.
    fleet.dispatch(books.next(), [Dispatch("one", bought_wh=1_000, paid_e8=5_000_000, loss_wh=100, fee_e8=7)])
    assert (fleet.fill_wh("one"), fleet.energy_cost_e8("one")) == (900, 5_000_000)
    assert fund.free_e8 == eur(900) - 5_000_007
    assert fund.realised_profit_e8 == -7
    # 301 of 900 Wh go, one of them lost: their cost is the floor of 5,000,000 x 301 / 900.
    fleet.dispatch(books.next(), [Dispatch("one", sold_wh=300, received_e8=6_000_000, loss_wh=1)])
    cost = 1_672_222
    assert fleet.energy_cost_e8("one") == 5_000_000 - cost
    assert fleet.book_e8("one") == eur(100) - 30_000
    assert fund.realised_profit_e8 == 6_000_000 - cost - 30_000 - 7
    assert books.ledger.balance("ext:grid", WH) == -700
    assert books.ledger.balance("loss:wh", WH) == 101
    assert books.ledger.balance("ext:grid", "EUR") == -1_000_000
    # At the lower of cost and price: cost by default, then a price above and one below it.
    at_cost = fund.nav_e8
    fund.mark(10_000)
    assert fund.nav_e8 == at_cost
    fund.mark(1)
    assert fund.nav_e8 == at_cost - fleet.energy_cost_e8("one") + 599
    fund.mark(-1)
    assert fund.nav_e8 == at_cost - fleet.energy_cost_e8("one")
    # The last Wh are lost by standing: nothing of the cost remains.
    fleet.dispatch(books.next(), [Dispatch("one", loss_wh=599)])
    assert (fleet.fill_wh("one"), fleet.energy_cost_e8("one")) == (0, 0)
    assert fund.realised_profit_e8 == 1_000_000 - 30_000 - 7
    books.check()


def test_money_got_for_taking_energy_is_no_profit_until_the_energy_is_gone() -> None:
    books = Books(ann=100)
    books.fleet.add(books.next(), battery())
    books.fleet.dispatch(books.next(), [Dispatch("one", bought_wh=1_000, paid_e8=-2_000_000)])
    assert books.fund.nav_e8 == eur(100)
    assert books.fund.realised_profit_e8 == 0
    assert books.fund.distributable_e8 == eur(97)
    books.fleet.dispatch(books.next(), [Dispatch("one", sold_wh=1_000, received_e8=-500_000)])
    assert books.fund.realised_profit_e8 == 1_500_000
    books.check()


def test_wear_ends_where_the_book_value_does() -> None:
    books = Books(ann=100)
    books.fleet.buy(books.next(), battery(wear_cost_tick=3_000_000), 4_000_000, fill_wh=10)
    books.fleet.dispatch(books.next(), [Dispatch("one", sold_wh=2)])
    assert books.fleet.book_e8("one") == 0
    books.check()


@pytest.mark.parametrize(
    ("done", "code"),
    [
        ([Dispatch("two")], "NOT_FOUND"),
        ([Dispatch("one"), Dispatch("one")], "DUPLICATE"),
        ([Dispatch("one", sold_wh=51)], "BAD_VALUE"),
        ([Dispatch("one", sold_wh=50, loss_wh=1)], "BAD_VALUE"),
        ([Dispatch("one", bought_wh=99_951)], "BAD_VALUE"),
        ([Dispatch("one", bought_wh=1, sold_wh=1)], "BAD_VALUE"),
        ([Dispatch("one", bought_wh=1, loss_wh=52)], "BAD_VALUE"),
        ([Dispatch("one", paid_e8=1)], "BAD_VALUE"),
        ([Dispatch("one", fee_e8=-1)], "BAD_VALUE"),
        ([Dispatch("one", bought_wh=-1)], "BAD_VALUE"),
        (
            [Dispatch("one", bought_wh=100, paid_e8=2 * 10**8), Dispatch("poor", bought_wh=1, paid_e8=1)],
            "INSUFFICIENT_FUNDS",
        ),
    ],
)
def test_a_dispatch_that_can_not_be_changes_nothing(done: list[Dispatch], code: str) -> None:
    books = Books(ann=2)
    books.fleet.add(books.next(), battery("one"), fill_wh=50)
    books.fleet.add(books.next(), battery("poor"))
    refused(books, code, books.fleet.dispatch, 9, done)


def test_one_entry_settles_a_fleet_whose_sales_pay_for_its_purchases() -> None:
    books = Books()
    for name in ("a", "b"):
        books.fleet.add(books.next(), battery(name), fill_wh=100)
    books.fleet.dispatch(
        books.next(), [Dispatch("b", bought_wh=10, paid_e8=1_000), Dispatch("a", sold_wh=10, received_e8=1_000)]
    )
    assert (books.fund.free_e8, books.fleet.fill_wh("a"), books.fleet.fill_wh("b")) == (0, 90, 110)
    books.check()


def test_settings_change_and_are_checked() -> None:
    books = Books(ann=10)
    fleet = books.fleet
    fleet.add(books.next(), battery(), fill_wh=50_000)
    changed = fleet.set(
        "one",
        strategy="timetable",
        charge=((79_200, 18_000),),
        buy_limit_tick=9,
        sell_limit_tick=8,
        outages=((900, 1_800, 500_000), (1_500, 2_000, 0)),
    )
    assert fleet.get("one") == changed
    assert [fleet.available_ppm("one", t) for t in (0, 900, 1_500, 1_800, 2_000)] == [
        1_000_000,
        500_000,
        0,
        0,
        1_000_000,
    ]
    refused(books, "BAD_VALUE", fleet.set, "one", maximum_fill_wh=49_999)
    refused(books, "BAD_VALUE", fleet.set, "one", serial="new")
    refused(books, "BAD_VALUE", fleet.set, "one", charge_power_w=0)
    refused(books, "BAD_VALUE", fleet.set, "one", colour="red")
    refused(books, "NOT_FOUND", fleet.set, "two", charge_power_w=1)
    assert books.copy().state() == books.state()


def test_retiring_sells_or_writes_off_what_is_left() -> None:
    books = Books(ann=100)
    fund, fleet, ledger = books.fund, books.fleet, books.ledger
    for name in ("sold", "lost"):
        fleet.buy(books.next(), battery(name, discharge_efficiency_ppm=900_000), eur(10))
        fleet.dispatch(books.next(), [Dispatch(name, bought_wh=1_001, paid_e8=1_001_000)])
    fleet.retire(books.next(), "sold", price_tick=2_000, scrap_e8=eur(4))
    assert ledger.balance("ext:grid", WH) == -2_002 + 900
    assert ledger.balance("loss:wh", WH) == 101
    assert fund.realised_profit_e8 == 900 * 2_000 - 1_001_000 - eur(6)
    fleet.retire(books.next(), "lost")
    assert ledger.balance("loss:wh", WH) == 101 + 1_001
    assert fund.nav_e8 == fund.free_e8 == eur(84) - 2_002_000 + 1_800_000
    assert fleet.active() == ()
    refused(books, "NOT_FOUND", fleet.retire, 99, "lost")
    refused(books, "DUPLICATE", fleet.add, 99, battery("new", serial="SN-lost"))
    books.check()


def test_retiring_at_a_price_below_zero_needs_the_cash() -> None:
    books = Books(ann=1)
    books.fleet.add(books.next(), battery(), fill_wh=100_000)
    refused(books, "INSUFFICIENT_FUNDS", books.fleet.retire, 9, "one", price_tick=-3_000_000)
    books.fleet.retire(books.next(), "one", price_tick=-1_000)
    assert books.fund.free_e8 == 0
    books.check()


@pytest.mark.parametrize("order", list(permutations("abcde")), ids=lambda order: "".join(order))
def test_a13_retired_in_every_order(order: tuple[str, ...]) -> None:
    books = Books(ann=1_000)
    fleet, ledger = books.fleet, books.ledger
    for name in "abcde":
        fleet.buy(books.next(), battery(name, capacity_wh=1_000), eur(100), fill_wh=500)
    visits = dict.fromkeys("abcde", 0)
    for done, name in enumerate(order, start=1):
        active = fleet.active()
        assert active == tuple(sorted(set("abcde") - set(order[: done - 1])))
        for one in active:
            visits[one] += 1
        fleet.dispatch(
            books.next(), [Dispatch(one, bought_wh=10 * done, paid_e8=70_000 * done, loss_wh=1) for one in active]
        )
        fleet.retire(books.next(), name, price_tick=6_000 if done % 2 else None)
        assert fleet.fill_wh(name) == 0
        assert sum(row.amount for row in ledger.balances() if row.commodity == WH) == 0
        books.check()
    assert visits == {name: order.index(name) + 1 for name in "abcde"}
    assert fleet.active() == ()
    assert ledger.balance("ext:grid", WH) + ledger.balance("loss:wh", WH) == 0
    assert books.fund.nav_e8 == books.fund.free_e8
