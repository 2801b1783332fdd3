"""The call auctions against their twins, against a linear programme, and against what was agreed."""

from itertools import permutations

import highspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.reference import auction as twin
from voltadesk import units
from voltadesk.engine import auction

RULES = {"midpoint": auction.RULE_MIDPOINT, "lowest": auction.RULE_LOWEST, "highest": auction.RULE_HIGHEST}
Orders = list[tuple[int, int]]


# Kernels on lists -----------------------------------------------------------------------------------------------------
def arrays(orders: Orders) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Prices, energies, and fills full of rubbish, as callers do not clear them."""
    price = np.array([limit for limit, _ in orders], np.int64)
    quantity = np.array([energy for _, energy in orders], np.int64)
    return price, quantity, np.full(len(orders), -7, np.int64)


def clear(orders: Orders, floor: int, cap: int, rule: str = "midpoint") -> twin.Outcome:
    price, quantity, fill = arrays(orders)
    outcome = auction.clear(price, quantity, floor, cap, RULES[rule], fill)
    assert auction.clearing_price(price, quantity, floor, cap, RULES[rule]) == outcome[:4]
    return twin.Outcome(fill.tolist(), *outcome)


def clear_by(pricing: int, orders: Orders, floor: int, cap: int) -> tuple[twin.Outcome, list[int], int]:
    """The outcome, what each seller is paid, and what buyers pay."""
    price, quantity, fill = arrays(orders)
    sellers = np.full(len(orders), -7, np.int64)
    *outcome, buyer = auction.clear_by(pricing, price, quantity, floor, cap, 0, fill, sellers)
    return twin.Outcome(fill.tolist(), *outcome), sellers.tolist(), buyer


def assert_same_by_every_model(orders: Orders, floor: int, cap: int) -> None:
    for rule in RULES:
        assert clear(orders, floor, cap, rule) == twin.clear(orders, floor, cap, rule)
    uniform, sellers, buyer = clear_by(auction.PRICING_UNIFORM, orders, floor, cap)
    assert uniform == twin.clear(orders, floor, cap, "midpoint")
    assert buyer == uniform.price
    assert sellers == [
        uniform.price if energy < 0 < fill else 0 for (_, energy), fill in zip(orders, uniform.fills, strict=True)
    ]
    vertical, _, buyer = clear_by(auction.PRICING_VERTICAL_DEMAND, orders, floor, cap)
    assert vertical == twin.clear_vertical_demand(orders, cap)
    assert buyer == vertical.price
    paid, sellers, buyer = clear_by(auction.PRICING_PAY_AS_BID, orders, floor, cap)
    assert (paid, sellers) == twin.clear_pay_as_bid(orders, floor, cap)
    assert buyer == paid.price


def assert_fair(orders: Orders, floor: int, cap: int, outcome: twin.Outcome) -> None:
    """What holds for any uniform auction, whatever its outcome is."""
    bought = sum(fill for (_, energy), fill in zip(orders, outcome.fills, strict=True) if energy > 0)
    sold = sum(fill for (_, energy), fill in zip(orders, outcome.fills, strict=True) if energy < 0)
    assert bought == sold == outcome.volume
    if outcome.volume:
        assert floor <= outcome.low <= outcome.price <= outcome.high <= cap
    for (limit, energy), fill in zip(orders, outcome.fills, strict=True):
        assert 0 <= fill <= abs(energy)
        if fill:
            assert limit >= outcome.price if energy > 0 else limit <= outcome.price
        if outcome.volume and fill < abs(energy):
            assert limit <= outcome.price if energy > 0 else limit >= outcome.price


# Small books, many ties -----------------------------------------------------------------------------------------------
@st.composite
def small_books(draw: st.DrawFn) -> tuple[Orders, int, int]:
    floor, cap = -draw(st.integers(0, 10)), draw(st.integers(1, 10))
    energies = st.one_of(st.integers(-5, 5), st.integers(-(10**12), 10**12))
    return draw(st.lists(st.tuples(st.integers(floor, cap), energies), max_size=14)), floor, cap


@settings(max_examples=250)
@given(small_books())
def test_kernels_and_twins_agree(book: tuple[Orders, int, int]) -> None:
    assert_same_by_every_model(*book)


@settings(max_examples=200)
@given(small_books())
def test_an_auction_is_fair(book: tuple[Orders, int, int]) -> None:
    for rule in RULES:
        assert_fair(*book, clear(*book, rule))


@settings(max_examples=200)
@given(small_books(), st.randoms(use_true_random=False))
def test_only_ties_depend_on_where_an_order_stands(book: tuple[Orders, int, int], random: object) -> None:
    orders, floor, cap = book
    outcome = clear(*book)
    order = list(range(len(orders)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = clear([orders[i] for i in order], floor, cap)
    assert shuffled[1:] == outcome[1:]
    for place, i in enumerate(order):
        assert abs(shuffled.fills[place] - outcome.fills[i]) <= 1  # who gets the last watt-hours of a shared margin
    arrived = sorted(zip(order, [orders[i] for i in order], strict=True))  # back in the order of their ids
    assert clear([placed for _, placed in arrived], floor, cap) == outcome


# Large books, on the way by samples -----------------------------------------------------------------------------------
def random_book(kind: str, count: int, seed: int, floor: int = -50_000, cap: int = 400_000) -> Orders:
    random = np.random.default_rng(seed)
    price = {
        "spread": lambda: random.integers(floor, cap + 1, count),
        "clustered": lambda: np.clip(random.normal(7_000, 150, count).astype(np.int64), floor, cap),
        "one price": lambda: np.full(count, 7_000),
        "two prices": lambda: random.choice([floor, cap], count),
        "homes": lambda: random.choice([cap, cap, cap, 0, 0, 6_999, 7_001], count),
        "sorted": lambda: np.sort(random.integers(floor, cap + 1, count)),
        "rhythm": lambda: np.resize([cap, 0, 7_000, 6_000, floor, 3], count),
        "powers": lambda: (2.0 ** random.uniform(0, 18, count)).astype(np.int64),
        "far ends": lambda: np.where(random.random(count) < 0.5, floor, cap - random.integers(0, 3, count)),
    }[kind]()
    quantity = random.integers(1, [10, 20_000, 10**10][seed % 3], count) * random.choice([-1, 1], count)
    quantity[random.random(count) < 0.05] = 0
    if kind == "homes":
        quantity = np.where(price == cap, np.abs(quantity), -np.abs(quantity))
    return list(zip(price.tolist(), quantity.tolist(), strict=True))


KINDS = ["spread", "clustered", "one price", "two prices", "homes", "sorted", "rhythm", "powers", "far ends"]


@pytest.mark.parametrize("count", [600, 1_500, 9_000])
@pytest.mark.parametrize("kind", KINDS)
def test_large_books_agree(kind: str, count: int) -> None:
    for seed in range(3):
        orders = random_book(kind, count, seed)
        rule = list(RULES)[seed]
        expected = twin.clear(orders, -50_000, 400_000, rule)
        assert clear(orders, -50_000, 400_000, rule) == expected
        assert_fair(orders, -50_000, 400_000, expected)
    vertical, *_ = clear_by(auction.PRICING_VERTICAL_DEMAND, orders, -50_000, 400_000)
    assert vertical == twin.clear_vertical_demand(orders, 400_000)


@pytest.mark.parametrize("kind", KINDS)
def test_very_large_books_agree(kind: str) -> None:
    orders = random_book(kind, 60_000, 1)
    assert clear(orders, -50_000, 400_000) == twin.clear(orders, -50_000, 400_000, "midpoint")


def test_a_sample_that_misled_costs_time_only() -> None:
    for count in (4_000, 60_000):
        orders = [(400_000, 10)] * (count // 2) + [(0, -1)] * (count - count // 2)
        orders[count // 3], orders[-1] = (7_000, -(10**9)), (6_999, -1)  # no sample sees the order that sets the price
        assert clear(orders, -50_000, 400_000) == twin.clear(orders, -50_000, 400_000, "midpoint")
        spread = random_book("spread", count, 1)
        spread[count // 3] = (300_000, 10**9)  # the price lies far from where a sample says
        assert clear(spread, -50_000, 400_000) == twin.clear(spread, -50_000, 400_000, "midpoint")


def test_a_few_giants_among_many_do_not_mislead_the_sample() -> None:
    for seed in range(20):
        orders = random_book("spread", 3_000, seed)
        for k in range(3):
            orders[seed * 100 + k * 37] = ((-40_000, 0, 300_000)[k], (-1) ** (seed + k) * 10**13)
        assert clear(orders, -50_000, 400_000) == twin.clear(orders, -50_000, 400_000, "midpoint")


@pytest.mark.parametrize("span", [3, 50, 3_000, 450_000])
def test_many_equal_energies_leave_a_range_of_prices(span: int) -> None:
    random = np.random.default_rng(span)
    for rule in RULES:
        orders = list(
            zip(random.integers(0, span, 3_001).tolist(), random.choice([-5, 5], 3_001).tolist(), strict=True)
        )
        assert clear(orders, 0, span, rule) == twin.clear(orders, 0, span, rule)


@pytest.mark.parametrize("kind", ["spread", "one price", "two prices", "homes"])
def test_energy_up_to_the_limit_stays_exact(kind: str) -> None:
    random = np.random.default_rng(5)
    floor, cap = -60, 60  # so that welfare, too, stays inside 64 bits
    book = random_book(kind, 2_000, 1, floor, cap) if kind == "spread" else random_book(kind, 2_000, 1)
    orders = [
        (max(floor, min(limit, cap)), int(random.integers(1, 2**55 // 2_000)) * (1 if energy > 0 else -1))
        for limit, energy in book
    ]
    assert sum(abs(energy) for _, energy in orders) > 2**53
    assert clear(orders, floor, cap) == twin.clear(orders, floor, cap, "midpoint")


def test_more_energy_than_the_limit_is_an_error() -> None:
    with pytest.raises(AssertionError):
        clear([(1, auction.ENERGY_LIMIT_WH - 1), (1, -1)], 0, 2)


def test_many_markets_at_once_are_as_one_by_one() -> None:
    books = [random_book(KINDS[k % len(KINDS)], 7 * k, k) for k in range(30)]
    price, quantity, fill = arrays([order for book in books for order in book])
    offset = np.cumsum([0, *(len(book) for book in books)])
    outcomes = np.full((5, len(books)), -7, np.int64)
    auction.clear_many(offset, price, quantity, -50_000, 400_000, auction.RULE_LOWEST, fill, *outcomes)
    for k, book in enumerate(books):
        outcome = twin.Outcome(fill[offset[k] : offset[k + 1]].tolist(), *outcomes[:, k].tolist())
        assert outcome == twin.clear(book, -50_000, 400_000, "lowest")


# Against a linear programme -------------------------------------------------------------------------------------------
def welfare_by_lp(orders: Orders) -> float:
    """max sum(limit x fill), bought = sold, 0 <= fill <= energy; one row: no presolve, dual simplex."""
    solver = highspy.Highs()
    solver.silent()
    solver.setOptionValue("presolve", "off")
    solver.setOptionValue("solver", "simplex")
    solver.setOptionValue("simplex_strategy", 1)
    count = len(orders)
    programme = highspy.HighsLp()
    programme.num_col_, programme.num_row_ = count, 1
    side = np.array([1.0 if energy > 0 else -1.0 for _, energy in orders])
    programme.col_cost_ = -side * np.array([limit for limit, _ in orders], float)
    programme.col_lower_ = np.zeros(count)
    programme.col_upper_ = np.array([abs(energy) for _, energy in orders], float)
    programme.row_lower_ = programme.row_upper_ = np.zeros(1)
    programme.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    programme.a_matrix_.start_ = np.array([0, count])
    programme.a_matrix_.index_ = np.arange(count)
    programme.a_matrix_.value_ = side
    solver.passModel(programme)
    solver.run()
    return -solver.getObjectiveValue()


@pytest.mark.parametrize("seed", range(12))
def test_no_allocation_has_more_welfare(seed: int) -> None:
    orders = random_book(KINDS[seed % len(KINDS)], 40 if seed % 2 else 1_200, seed)
    assert clear(orders, -50_000, 400_000).welfare == pytest.approx(welfare_by_lp(orders), rel=1e-9, abs=1e-3)


# What was agreed ------------------------------------------------------------------------------------------------------
MWH = units.WH_PER_MWH
NOTHING = 0


@pytest.mark.parametrize("pricing", [0, 1, 2])
@pytest.mark.parametrize("orders", [[], [(10, 5)], [(10, -5)], [(10, 5), (20, 7)], [(10, 0)]])
def test_a15_one_side_alone_does_not_trade(orders: Orders, pricing: int) -> None:
    outcome, sellers, buyer = clear_by(pricing, orders, 0, 100)
    assert outcome == twin.Outcome([NOTHING] * len(orders))
    assert sellers == [NOTHING] * len(orders)
    assert buyer == NOTHING
    assert clear(orders, 0, 100) == twin.Outcome([NOTHING] * len(orders))


def test_a16_shortage_goes_to_the_cap() -> None:
    cap = 100_00
    outcome = clear([(cap, 80 * MWH), (cap, 40 * MWH), (70_00, -100 * MWH)], 0, cap)
    assert (outcome.price, outcome.volume) == (cap, 100 * MWH)
    assert outcome.fills == [66_666_667, 33_333_333, 100 * MWH]


def test_a16_elastic_bids_share_a_shortage_by_price() -> None:
    outcome = clear([(100_00, 80 * MWH), (90_00, 40 * MWH), (70_00, -100 * MWH)], 0, 100_00)
    assert outcome.price == 90_00
    assert outcome.fills == [80 * MWH, 20 * MWH, 100 * MWH]


def test_surplus_goes_to_the_floor() -> None:
    outcome = clear([(100_00, 30), (-500_00, -40), (-500_00, -20)], -500_00, 100_00)
    assert (outcome.price, outcome.fills) == (-500_00, [30, 20, 10])


def test_a17_a_bid_below_the_offer_does_not_trade() -> None:
    assert clear([(5_00, 10), (70_00, -10)], 0, 100_00) == twin.Outcome([0, 0])


@pytest.mark.parametrize("rule", RULES)
def test_a17_bid_steps_meet_plenty_less_the_margin(rule: str) -> None:
    margin = 1_00
    bids = [(30_00 - margin, 2 * MWH), (20_00 - margin, 3 * MWH), (10_00 - margin, 5 * MWH)]
    outcome = clear([*bids, (14_00, -1_000 * MWH)], 0, 100_00, rule)
    assert outcome.volume == 5 * MWH
    assert (outcome.price, outcome.price + margin) == (14_00, 15_00)  # what the plant gets, what the buyer pays
    assert outcome.volume * margin == 5 * units.E8_PER_CURRENCY


def test_a18_equal_offers_share_whatever_the_order_of_input() -> None:
    orders = [(70_00, -10), (70_00, -10), (100_00, 10)]
    for arrangement in permutations(orders):
        outcome = clear(list(arrangement), 0, 100_00)
        assert outcome.price == 70_00
        assert outcome.fills == [5 if energy < 0 else 10 for _, energy in arrangement]


def test_a_price_is_chosen_within_the_range() -> None:
    orders = [(100, 10), (71, -10)]
    assert clear(orders, 0, 200, "lowest")[2:5] == (71, 71, 100)
    assert clear(orders, 0, 200, "highest")[2:5] == (100, 71, 100)
    assert clear(orders, 0, 200, "midpoint")[2:5] == (86, 71, 100)  # 85.5 goes to the even tick


def test_orders_at_the_margin_price_trade_with_each_other() -> None:
    outcome = clear([(50, 10), (50, -7)], 0, 100)
    assert (outcome.volume, outcome.price, outcome.welfare) == (7, 50, 0)


def test_vertical_demand_takes_the_step_that_covers_all_bids() -> None:
    # All bids together are 10: the offer at 60 covers them, although the bid at 50 cannot pay it.
    outcome, sellers, buyer = clear_by(auction.PRICING_VERTICAL_DEMAND, [(90, 6), (50, 4), (20, -8), (60, -8)], 0, 100)
    assert (outcome.price, outcome.fills, buyer) == (60, [6, 0, 6, 0], 60)
    assert sellers == [0, 0, 60, 0]
    assert outcome.welfare == 6 * (90 - 20)


def test_vertical_demand_short_of_energy_goes_to_the_cap() -> None:
    outcome, *_ = clear_by(auction.PRICING_VERTICAL_DEMAND, [(100, 6), (100, 3), (99, 9), (20, -6)], 0, 100)
    assert (outcome.price, outcome.fills) == (100, [4, 2, 0, 6])


def test_pay_as_bid_pays_offers_their_own_limits() -> None:
    outcome, sellers, buyer = clear_by(auction.PRICING_PAY_AS_BID, [(90, 10), (20, -7), (61, -7)], 0, 100)
    assert outcome.fills == [10, 7, 3]
    assert sellers == [0, 20, 61]
    assert buyer == outcome.price == 33  # 32.3, rounded up; the operator keeps 10 x 33 - 7 x 20 - 3 x 61
