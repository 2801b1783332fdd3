"""Budgets of energy sold: kept to the last Wh, and next to nothing lost against a linear program."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from voltadesk.engine.storage import schedule, terms
from voltadesk.engine.storage_budget import schedule_within
from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.report.backtest import battery

SEEDS = st.integers(0, 2**32 - 1)
POWER_WH, ENERGY_WH, THROUGH = 1_000_000, 2_000_000, 860_000


def best_e8(price_tick: np.ndarray, period: np.ndarray, most_wh: np.ndarray) -> float:
    """What a linear program earns: bought, sold and fill of each hour."""
    count, way = len(price_tick), float(np.sqrt(THROUGH / 1e6))
    balance, used = np.zeros((count, 3 * count)), np.zeros((len(most_wh), 3 * count))
    for t in range(count):
        balance[t, t], balance[t, count + t], balance[t, 2 * count + t] = -way, 1 / way, 1
        if t:
            balance[t, 2 * count + t - 1] = -1
        used[period[t], count + t] = 1
    cost = np.concatenate([price_tick, -price_tick, np.zeros(count)])
    bounds = [(0, POWER_WH)] * (2 * count) + [(0, ENERGY_WH)] * count
    return -float(linprog(cost, used, most_wh, balance, np.zeros(count), bounds).fun)


def draw(seed: int, days: int) -> tuple[np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return np.rint(rng.gamma(3, 2000, 24 * days)).astype(np.int64), rng


@pytest.mark.parametrize(("periods", "share"), [(1, 0.99), (4, 0.93)])
@settings(max_examples=20)
@given(seed=SEEDS)
def test_a_budget_is_kept_and_well_used(periods: int, share: float, seed: int) -> None:
    price_tick, rng = draw(seed, 4)
    period = np.arange(96) * periods // 96
    most_wh = np.full(periods, int(rng.integers(500_000, 3_500_000)) * 4 // periods)
    unit = battery(POWER_WH, ENERGY_WH, THROUGH)
    done = schedule_within(unit.battery, terms(price_tick), 0, 3600, period, most_wh)
    assert np.all(np.bincount(period, done.sold_wh, periods) <= most_wh)
    row = done.battery[0]
    earned_e8 = int(row["sold_e8"] + row["bought_e8"])
    assert earned_e8 == int((done.sold_wh - done.bought_wh) @ price_tick)
    best = best_e8(price_tick, period, most_wh)
    assert earned_e8 <= best * (1 + 1e-9) <= done.bound_e8 * (1 + 2e-9)
    assert earned_e8 >= share * best


def test_a_budget_that_is_never_reached_changes_nothing() -> None:
    price_tick, _ = draw(1, 10)
    unit = battery(POWER_WH, ENERGY_WH, THROUGH, 500)
    free = schedule(unit.battery, terms(price_tick), 0, 3600)
    done = schedule_within(unit.battery, terms(price_tick), 0, 3600, np.zeros(240, np.int64), np.array([10**9]))
    assert np.array_equal(done.sold_wh, free.sold_wh)
    assert np.array_equal(done.fill_wh, free.fill_wh)
    assert done.multiplier_tick.tolist() == [0]


def test_no_budget_at_all_sells_nothing() -> None:
    price_tick, _ = draw(2, 3)
    price_tick[5:9], price_tick[20] = -9000, NO_PRICE_TICK
    unit = battery(POWER_WH, ENERGY_WH, THROUGH)
    done = schedule_within(unit.battery, terms(price_tick), 0, 3600, np.arange(72) // 24, np.zeros(3, np.int64))
    assert done.sold_wh.sum() == 0


def test_a_multiplier_is_what_more_would_earn() -> None:
    price_tick, _ = draw(3, 60)
    unit, period = battery(POWER_WH, ENERGY_WH, THROUGH), np.zeros(24 * 60, np.int64)
    less, more = (
        schedule_within(unit.battery, terms(price_tick), 0, 3600, period, np.array([most_wh]))
        for most_wh in (40_000_000, 42_000_000)
    )
    earned = [int(done.battery["sold_e8"][0] + done.battery["bought_e8"][0]) for done in (less, more)]
    a_mwh = (earned[1] - earned[0]) / 2_000_000
    assert more.multiplier_tick[0] * 0.98 <= a_mwh <= less.multiplier_tick[0] * 1.02


def test_steps_are_refused() -> None:
    unit = battery(POWER_WH, ENERGY_WH)
    with pytest.raises(ValueError, match="steps"):
        schedule_within(unit.battery, terms([1, 2], steps=[(0, 1, 5)]), 0, 3600, np.zeros(2, np.int64), np.array([1]))
