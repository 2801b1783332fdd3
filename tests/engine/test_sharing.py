"""The sharing kernels: worked by hand, against their slow twins, and what must hold in every interval."""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.engine.market_cases import homes_of, rules_of
from tests.reference import sharing as twin
from voltadesk.engine import book_events as ev
from voltadesk.engine.arena import GIVEN, HOME_ROWS, SHORT, SURPLUS, TAKEN
from voltadesk.engine.book import Book
from voltadesk.engine.orders import share_community
from voltadesk.engine.sharing import add_up, match_by_nearness, share_by_book, share_by_keys, share_by_want

Ints = NDArray[np.int64]
energies = st.one_of(st.integers(0, 3), st.integers(0, 5_000), st.integers(0, 10**10))


@st.composite
def intervals(draw: st.DrawFn) -> tuple[Ints, Ints, Ints, int]:
    """What is offered and wanted in some intervals, the members' keys, and the first interval's number."""
    members, count = draw(st.integers(1, 7)), draw(st.integers(1, 4))

    def rows() -> list[list[int]]:
        return [[draw(energies) for _ in range(members)] for _ in range(count)]

    offer, want = np.array(rows(), np.int64), np.array(rows(), np.int64)
    key = np.array([draw(st.integers(0, 1_000_000)) for _ in range(members)], np.int64)
    return offer, want, key, draw(st.integers(0, 10**7))


def by_want(turn: int, offer: Ints, want: Ints) -> tuple[Ints, Ints]:
    taken, given_ = np.full_like(want, -7), np.full_like(offer, -7)
    share_by_want(turn, offer, want, taken, given_)
    return taken, given_


def by_keys(turn: int, rounds: int, key: Ints, offer: Ints, want: Ints, whole: bool = False) -> tuple[Ints, Ints]:
    taken, given_ = np.full_like(want, -7), np.full_like(offer, -7)
    share_by_keys(turn, rounds, whole, key, offer, want, taken, given_)
    return taken, given_


def by_book(turn: int, bid: Ints, ask: Ints, offer: Ints, want: Ints) -> tuple[Ints, Ints]:
    taken, given_ = np.full_like(want, -7), np.full_like(offer, -7)
    share_by_book(turn, bid, ask, offer, want, taken, given_)
    return taken, given_


def tiers_of(members: int, groups: Sequence[Sequence[Sequence[int]]]) -> tuple[Ints, Ints]:
    """Groups as the kernel takes them."""
    order, bound = np.zeros((len(groups), members), np.int64), np.full((len(groups), members + 1), -1, np.int64)
    for tier, parts in enumerate(groups):
        bound[tier, 0] = 0
        flat = [m for part in parts for m in part]
        order[tier, : len(flat)] = flat
        bound[tier, 1 : len(parts) + 1] = np.cumsum([len(part) for part in parts])
    return order, bound


def by_nearness(turn: int, groups: Sequence[Sequence[Sequence[int]]], offer: Ints, want: Ints) -> tuple[Ints, Ints]:
    """What is taken and given by tier and interval, each interval by itself; a fee on the last tier is added up."""
    intervals, members = want.shape
    near_taken, near_given = (np.zeros((len(groups), intervals, members), np.int64) for _ in range(2))
    zone, tick = np.arange(intervals)[None] % 2, np.arange(intervals)[None] - 1
    fee_wh, fee_e8 = (np.zeros((1, 2, members), np.int64) for _ in range(2))
    for t in range(intervals):
        offered, wanted = offer[t : t + 1].copy(), want[t : t + 1].copy()
        match_by_nearness(
            turn + t, *tiers_of(members, groups), np.array([len(groups) - 1]), zone, tick, t, offered, wanted,
            near_taken[:, t], near_given[:, t], fee_wh, fee_e8,
        )  # fmt: skip
        assert (wanted == near_taken[:, t].sum(0)).all()
        assert (offered == near_given[:, t].sum(0)).all()
    for z in range(2):
        assert (fee_wh[0, z] == near_taken[-1, z::2].sum(0)).all()
        assert (fee_e8[0, z] == (near_taken[-1, z::2] * tick[0, z::2, None]).sum(0)).all()
    return near_taken, near_given


def row(*values: int) -> Ints:
    return np.array([values], np.int64)


# Worked by hand -------------------------------------------------------------------------------------------------------
# One roof (the last member) offers 1,000 Wh; anna wants 200, ben 600, carla 800.
ROOF, WANT = row(0, 0, 0, 1_000), row(200, 600, 800, 0)


def test_dynamic_divides_by_what_is_wanted() -> None:
    taken, gave = by_want(0, ROOF, WANT)
    assert taken.tolist() == [[125, 375, 500, 0]]  # 1000/1600 of each
    assert gave.tolist() == [[0, 0, 0, 1_000]]


def test_dynamic_serves_everybody_when_there_is_enough_and_asks_the_same_part_of_each_roof() -> None:
    taken, gave = by_want(0, row(0, 3_000, 1_000), row(500, 0, 0))
    assert (taken.tolist(), gave.tolist()) == ([[500, 0, 0]], [[0, 375, 125]])


def test_static_leaves_to_the_grid_what_a_member_cannot_use() -> None:
    # 50, 30 and 20 % are 500, 300 and 200 Wh; anna can use 200 of her 500.
    taken, gave = by_keys(0, 1, np.array([50, 30, 20, 0]), ROOF, WANT)
    assert taken.tolist() == [[200, 300, 200, 0]]
    assert gave.tolist() == [[0, 0, 0, 700]]


def test_hybrid_divides_the_rest_again() -> None:
    # The 300 Wh that anna left go to ben and carla as 30 to 20: 180 and 120.
    taken, gave = by_keys(0, 2, np.array([50, 30, 20, 0]), ROOF, WANT)
    assert taken.tolist() == [[200, 480, 320, 0]]
    assert gave.tolist() == [[0, 0, 0, 1_000]]


def test_iterative_divides_the_rest_by_the_keys_of_all() -> None:
    # Of the 300 Wh that anna left, half is anna's again: 90 and 60 go to ben and carla, and 150 to the grid.
    taken, gave = by_keys(0, 2, np.array([50, 30, 20, 0]), ROOF, WANT, whole=True)
    assert taken.tolist() == [[200, 390, 260, 0]]
    assert gave.tolist() == [[0, 0, 0, 850]]


def test_equal_gives_all_the_same_until_they_have_enough() -> None:
    # 250 each of four fills the roof's own want of 0 and anna's 200; 800 are left for two, 400 each.
    taken, gave = by_keys(0, 0, np.ones(4, np.int64), ROOF, WANT)
    assert taken.tolist() == [[200, 400, 400, 0]]
    assert gave.tolist() == [[0, 0, 0, 1_000]]


def test_priority_serves_the_near_first() -> None:
    # 0 and 1 live in one house with a roof (0), 2 next door on the same feeder, 3 beyond it.
    groups = [[[0], [1], [2], [3]], [[0, 1], [2], [3]], [[0, 1, 2], [3]], [[0, 1, 2, 3]]]
    taken, gave = by_nearness(0, groups, row(1_000, 0, 0, 0), row(100, 300, 400, 500))
    assert taken[:, 0].tolist() == [[100, 0, 0, 0], [0, 300, 0, 0], [0, 0, 400, 0], [0, 0, 0, 200]]
    assert gave[:, 0].tolist() == [[100, 0, 0, 0], [300, 0, 0, 0], [400, 0, 0, 0], [200, 0, 0, 0]]


def test_book_serves_the_dearest_bid_from_the_cheapest_offer() -> None:
    # Of two roofs the second asks less; the third of the bids is less than the first roof asks.
    bid, ask = row(30_000, 34_000, 9_000, 0, 0), row(0, 0, 0, 10_000, 8_000)
    taken, gave = by_book(0, bid, ask, row(0, 0, 0, 500, 400), row(200, 600, 800, 0, 0))
    assert taken.tolist() == [[200, 600, 0, 0, 0]]
    assert gave.tolist() == [[0, 0, 0, 400, 400]]
    taken, gave = by_book(0, bid, ask, row(0, 0, 0, 500, 1_000), row(200, 600, 800, 0, 0))
    assert taken.tolist() == [[200, 600, 200, 0, 0]]
    assert gave.tolist() == [[0, 0, 0, 0, 1_000]]


def test_book_serves_equal_bids_in_turn() -> None:
    offer, want, price = (np.repeat(row(*values), 4, 0) for values in ((0, 0, 0, 7), (5, 5, 5, 0), (9, 9, 9, 9)))
    taken, _ = by_book(1, price, price, offer, want)
    assert taken[:, :3].tolist() == [[0, 5, 2], [2, 0, 5], [5, 2, 0], [0, 5, 2]]


def test_a_watt_hour_that_cannot_be_divided_goes_round() -> None:
    offer, want = np.repeat(row(0, 0, 0, 1), 6, 0), np.repeat(row(5, 5, 5, 0), 6, 0)
    taken, _ = by_keys(2, 1, np.array([1, 1, 1, 0]), offer, want)
    assert taken.argmax(1).tolist() == [2, 0, 1, 2, 0, 1]
    assert taken.sum() == 6


# Against the twins ----------------------------------------------------------------------------------------------------
@settings(max_examples=150)
@given(intervals())
def test_dynamic_is_that_of_the_twin(case: tuple[Ints, Ints, Ints, int]) -> None:
    offer, want, _, turn = case
    taken, gave = by_want(turn, offer, want)
    for t in range(len(want)):
        assert (taken[t].tolist(), gave[t].tolist()) == twin.dynamic(turn + t, offer[t].tolist(), want[t].tolist())


@settings(max_examples=200)
@given(intervals(), st.integers(0, 4))
def test_keys_are_those_of_the_twin(case: tuple[Ints, Ints, Ints, int], rounds: int) -> None:
    offer, want, key, turn = case
    taken, gave = by_keys(turn, rounds, key, offer, want)
    for t in range(len(want)):
        line = key.tolist(), offer[t].tolist(), want[t].tolist()
        expected = twin.hybrid(turn + t, rounds, *line) if rounds else twin.until_none_is_left(turn + t, *line)
        assert (taken[t].tolist(), gave[t].tolist()) == expected


@pytest.mark.parametrize("members", [16, 17, 40])
def test_ties_take_turns_among_many_as_among_few(members: int) -> None:
    random = np.random.default_rng(members)
    offer, want = (random.integers(0, 4, (60, members)) * random.integers(0, 50, (60, 1)) for _ in range(2))
    key = random.integers(0, 3, members)
    taken, gave = by_want(5, offer, want)
    keyed, _ = by_keys(5, 2, key, offer, want)
    for t in range(60):
        row = offer[t].tolist(), want[t].tolist()
        assert (taken[t].tolist(), gave[t].tolist()) == twin.dynamic(5 + t, *row)
        assert keyed[t].tolist() == twin.hybrid(5 + t, 2, key.tolist(), *row)[0]


@settings(max_examples=100)
@given(intervals(), st.integers(1, 6))
def test_iterative_keys_are_those_of_the_twin(case: tuple[Ints, Ints, Ints, int], rounds: int) -> None:
    offer, want, key, turn = case
    taken, gave = by_keys(turn, rounds, key, offer, want, whole=True)
    require_sound(offer, want, taken, gave)
    for t in range(len(want)):
        expected = twin.iterative(turn + t, rounds, key.tolist(), offer[t].tolist(), want[t].tolist())
        assert (taken[t].tolist(), gave[t].tolist()) == expected


@st.composite
def books(draw: st.DrawFn) -> tuple[Ints, Ints, Ints, Ints, int]:
    """Limits of bids and offers, what is offered and wanted, and the first interval's number; many are equal."""
    shape = draw(st.integers(1, 3)), draw(st.integers(1, 7))
    drawn = [
        [[draw(values) for _ in range(shape[1])] for _ in range(shape[0])]
        for values in (st.integers(-2, 3), st.integers(-2, 3), st.integers(0, 9), st.integers(0, 9))
    ]
    bid, ask, offer, want = (np.array(rows, np.int64) for rows in drawn)
    return bid, ask, offer, want, draw(st.integers(0, 10**7))


@settings(max_examples=200)
@given(books())
def test_book_is_that_of_the_twin_and_conserves(case: tuple[Ints, Ints, Ints, Ints, int]) -> None:
    bid, ask, offer, want, turn = case
    taken, gave = by_book(turn, bid, ask, offer, want)
    for t in range(len(want)):
        line = bid[t].tolist(), ask[t].tolist(), offer[t].tolist(), want[t].tolist()
        assert (taken[t].tolist(), gave[t].tolist()) == twin.book(turn + t, *line)
    require_sound(offer, want, taken, gave)


@settings(max_examples=60)
@given(books())
def test_book_is_what_the_order_book_trades(case: tuple[Ints, Ints, Ints, Ints, int]) -> None:
    """Offers come first, then the bids, each side in its row and the dearest bid first."""
    bid, ask, offer, want, turn = case
    taken, gave = by_book(turn, bid, ask, offer, want)
    members = want.shape[1]
    for t in range(len(want)):
        book, traded = Book(), np.zeros((2, members), np.int64)
        for m in twin.row_of(turn + t, offer[t].tolist(), [0] * members):
            book.send(ev.TYPE_NEW, m + 1, side=ev.SIDE_SELL, price_tick=int(ask[t, m]), quantity_wh=int(offer[t, m]))
        for m in twin.row_of(turn + t, want[t].tolist(), (-bid[t]).tolist()):
            id = members + m + 1
            reports = book.send(ev.TYPE_NEW, id, price_tick=int(bid[t, m]), quantity_wh=int(want[t, m]))
            for trade in reports[reports["event"] == ev.EVENT_TRADED]:
                traded[0, m] += trade["quantity_wh"]
                traded[1, trade["other_id"] - 1] += trade["quantity_wh"]
        assert traded.tolist() == [taken[t].tolist(), gave[t].tolist()]


@numba.njit
def in_the_pool(rules, home, home_wh):  # type: ignore[no-untyped-def]  # compiled as the market's own kernels are
    return share_community(rules[0], home, 0, home_wh)


@settings(max_examples=100)
@given(intervals())
def test_dynamic_is_what_the_pool_of_the_market_shares(case: tuple[Ints, Ints, Ints, int]) -> None:
    """At turn 0, that is: the pool gives the watt-hour that can't be divided to the first one always."""
    offer, want, _, _ = case
    home_wh = np.zeros((HOME_ROWS, want.shape[1]), np.int64)
    home_wh[SHORT], home_wh[SURPLUS] = want[0], offer[0]
    traded = in_the_pool(rules_of(), homes_of(*({} for _ in want[0])), home_wh)
    taken, gave = by_want(0, offer[:1], want[:1])
    assert traded == taken.sum()
    assert (taken[0] == home_wh[TAKEN]).all()
    assert (gave[0] == home_wh[GIVEN]).all()


@st.composite
def groupings(draw: st.DrawFn, members: int) -> list[list[list[int]]]:
    """Tiers: each member alone, some groups in which not everybody is, and all together."""
    tiers = [[[m] for m in range(members)]]
    for _ in range(2):
        label = [draw(st.integers(-1, 2)) for _ in range(members)]
        tiers.append([[m for m in range(members) if label[m] == g] for g in sorted(set(label) - {-1})])
    return [*tiers, [list(range(members))]]


@settings(max_examples=150)
@given(st.data(), intervals())
def test_priority_is_that_of_the_twin_and_conserves(data: st.DataObject, case: tuple[Ints, Ints, Ints, int]) -> None:
    offer, want, _, turn = case
    groups = data.draw(groupings(want.shape[1]))
    taken, gave = by_nearness(turn, groups, offer, want)
    for t in range(len(want)):
        expected = twin.nearness(turn + t, groups, offer[t].tolist(), want[t].tolist())
        assert [(taken[k, t].tolist(), gave[k, t].tolist()) for k in range(len(groups))] == expected
    assert (taken.sum(2) == gave.sum(2)).all()  # in every tier
    require_sound(offer, want, taken.sum(0), gave.sum(0))
    assert (taken.sum((0, 2)) == np.minimum(want.sum(1), offer.sum(1))).all()


# What must hold -------------------------------------------------------------------------------------------------------
def require_sound(offer: Ints, want: Ints, taken: Ints, gave: Ints) -> None:
    assert (taken >= 0).all()
    assert (taken <= want).all()
    assert (gave >= 0).all()
    assert (gave <= offer).all()
    assert (taken.sum(1) == gave.sum(1)).all()


@settings(max_examples=150)
@given(intervals(), st.integers(0, 3))
def test_every_watt_hour_is_conserved(case: tuple[Ints, Ints, Ints, int], rounds: int) -> None:
    offer, want, key, turn = case
    most = np.minimum(offer.sum(1), want.sum(1))
    taken, gave = by_want(turn, offer, want)
    require_sound(offer, want, taken, gave)
    assert (taken.sum(1) == most).all()
    taken, gave = by_keys(turn, rounds, key, offer, want)
    require_sound(offer, want, taken, gave)
    if rounds == 0 and key.all():
        assert (taken.sum(1) == most).all()


@settings(max_examples=60)
@given(intervals())
def test_nearness_finds_all_that_another_rule_moved(case: tuple[Ints, Ints, Ints, int]) -> None:
    offer, want, key, turn = case
    taken, gave = by_keys(turn, 2, key, offer, want)
    members = want.shape[1]
    near_taken, near_given = by_nearness(turn, [[[m] for m in range(members)], [list(range(members))]], gave, taken)
    assert (near_taken.sum(0) == taken).all()
    assert (near_given.sum(0) == gave).all()


def test_money_is_summed_by_zone() -> None:
    total_wh, total_e8 = np.zeros((2, 3), np.int64), np.zeros((2, 3), np.int64)
    energy = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    add_up(np.array([0, 2]), np.array([0, 1, 0]), np.array([10, 100, -1]), energy, total_wh, total_e8)
    assert total_wh.tolist() == [[8, 0, 12], [4, 0, 6]]
    assert total_e8.tolist() == [[10 - 7, 0, 30 - 9], [400, 0, 600]]


@pytest.mark.parametrize("rounds", [0, 1, 5])
def test_nobody_wants_or_nobody_offers(rounds: int) -> None:
    nothing, some = row(0, 0, 0), row(5, 0, 7)
    key = np.array([1, 2, 3])
    for offer, want in ((nothing, some), (some, nothing), (nothing, nothing)):
        assert not by_keys(3, rounds, key, offer, want)[0].any()
        assert not by_want(3, offer, want)[1].any()
