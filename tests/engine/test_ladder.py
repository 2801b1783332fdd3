"""The ladder says after every order what a fresh auction over all orders would say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltadesk.engine import ladder
from voltadesk.engine.auction import RULE_HIGHEST, RULE_LOWEST, RULE_MIDPOINT, clearing_price

RULES = (RULE_MIDPOINT, RULE_LOWEST, RULE_HIGHEST)


def fresh(orders: list[tuple[int, int]], floor: int, cap: int, rule: int) -> tuple[int, int, int, int]:
    """The price by a whole auction."""
    price = np.array([limit for limit, _ in orders], np.int64)
    quantity = np.array([energy for _, energy in orders], np.int64)
    return clearing_price(price, quantity, floor, cap, rule)


@settings(max_examples=100)
@given(st.data(), st.sampled_from([(-3, 4), (0, 63), (-64, 64), (-5_000, 40_000), (-3_000_000, 3_000_000)]))
def test_every_step_agrees_with_a_fresh_auction(data: st.DataObject, limits: tuple[int, int]) -> None:
    floor, cap = limits
    prices = st.one_of(st.sampled_from([floor, floor + 1, 0, cap - 1, cap]), st.integers(floor, cap))
    energies = st.integers(-4, 4).filter(bool)
    levels = ladder.empty_ladder(floor, cap)
    orders: list[tuple[int, int]] = []
    for step in data.draw(st.lists(st.one_of(st.tuples(prices, energies), st.integers(0, 100)), max_size=25)):
        if isinstance(step, tuple):
            orders.append(step)
            ladder.add(levels, floor, cap, *step)
        elif orders:
            ladder.remove(levels, floor, cap, *orders.pop(step % len(orders)))
        for rule in RULES:
            assert ladder.query(levels, floor, cap, rule) == fresh(orders, floor, cap, rule)


@pytest.mark.parametrize(("floor", "cap"), [(0, 40), (-50_000, 400_000)])
def test_a_long_random_life(floor: int, cap: int) -> None:
    random = np.random.default_rng(11)
    levels = ladder.empty_ladder(floor, cap)
    orders: list[tuple[int, int]] = []
    for step in range(1_500):
        if len(orders) > 60:
            ladder.remove(levels, floor, cap, *orders.pop(int(random.integers(len(orders)))))
        order = (int(random.integers(floor, cap + 1)), int(random.integers(1, 10**12) * random.choice([-1, 1])))
        orders.append(order)
        ladder.add(levels, floor, cap, *order)
        rule = RULES[step % 3]
        assert ladder.query(levels, floor, cap, rule) == fresh(orders, floor, cap, rule)
    for order in orders:
        ladder.remove(levels, floor, cap, *order)
    assert not levels.any()


def test_a_part_of_an_order_can_be_taken_out() -> None:
    levels = ladder.empty_ladder(0, 100)
    ladder.add(levels, 0, 100, 70, -10)
    ladder.add(levels, 0, 100, 100, 10)
    assert ladder.query(levels, 0, 100, RULE_LOWEST) == (10, 70, 70, 100)
    ladder.remove(levels, 0, 100, 70, -4)
    assert ladder.query(levels, 0, 100, RULE_LOWEST) == (6, 100, 100, 100)


def test_one_side_alone_has_no_price() -> None:
    levels = ladder.empty_ladder(-10, 10)
    assert ladder.query(levels, -10, 10, RULE_MIDPOINT) == (0, 0, 0, 0)
    ladder.add(levels, -10, 10, 5, 3)
    assert ladder.query(levels, -10, 10, RULE_MIDPOINT) == (0, 0, 0, 0)
    ladder.add(levels, -10, 10, 6, -3)
    assert ladder.query(levels, -10, 10, RULE_MIDPOINT) == (0, 0, 0, 0)
