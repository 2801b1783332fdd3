"""The exchange as its callers see it: one interval once, frozen receipts, and refusals that change nothing."""

from __future__ import annotations

import numpy as np
import pytest

from tests.engine.market_cases import MWH, batteries_of, case_of, homes_of, part_of, rules_of
from voltadesk.engine.exchange import Exchange
from voltadesk.errors import BadInput

BATTERY = {"charge_power_w": 4 * MWH, "discharge_power_w": 4 * MWH, "maximum_fill_wh": 100 * MWH, "fill_wh": 20 * MWH}


def grid_and_battery(count: int, price_tick: int = 5_000, **battery: int):
    """A battery that buys at any price, beside a grid that sells at one."""
    return case_of(
        count,
        rules=rules_of(upstream_limit_w=10**12),
        batteries=batteries_of(BATTERY | battery),
        battery_buy_limit_tick=300_000,
        upstream_sell_tick=price_tick,
    )


def exchange_of(case, keep_trades: bool = True) -> Exchange:
    return Exchange(case.rules, case.homes, case.plants, case.batteries, case.count, keep_trades=keep_trades)


def test_a14_dispatching_one_interval_four_times_is_one_trade_and_one_receipt() -> None:
    case = grid_and_battery(2)
    exchange = exchange_of(case)
    first = part_of(case.conditions, 0, 1)
    receipts = [exchange.dispatch(0, first) for _ in range(4)]
    assert all((receipt == receipts[0]).all() for receipt in receipts)
    assert exchange.batteries["fill_wh"].tolist() == [24 * MWH]
    assert exchange.batteries["bought_e8"].tolist() == [-4 * MWH * 5_000]
    exchange.dispatch(1, part_of(case.conditions, 1, 2))
    assert exchange.batteries["fill_wh"].tolist() == [28 * MWH]
    with pytest.raises(ValueError, match="interval = 0: must be 2"):
        exchange.dispatch(0, first)


def test_receipts_are_frozen() -> None:
    case = grid_and_battery(1)
    receipts = exchange_of(case).advance(case.conditions)
    with pytest.raises(ValueError, match="read-only"):
        receipts["energy_wh"][0] = 1


def test_conditions_that_do_not_fit_are_refused_and_change_nothing() -> None:
    case = grid_and_battery(2)
    exchange = exchange_of(case)
    before = exchange.digest()
    with pytest.raises(ValueError, match="battery_buy_limit_tick"):
        exchange.advance(case.conditions._replace(battery_buy_limit_tick=np.zeros((2, 3), np.int64)))
    with pytest.raises(ValueError, match="must be below 2"):
        exchange.advance(grid_and_battery(3).conditions)
    assert exchange.digest() == before
    assert exchange.next_interval == 0


def test_a_standing_loss_that_would_leave_64_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="standing_loss_ppm_per_hour"):
        exchange_of(grid_and_battery(1, maximum_fill_wh=6 * 10**9, standing_loss_ppm_per_hour=1_000_000))


def test_a_battery_beyond_what_64_bits_can_charge_is_refused() -> None:
    with pytest.raises(ValueError, match="maximum_fill_wh"):
        exchange_of(grid_and_battery(1, maximum_fill_wh=10**13))


def test_a_run_stops_before_money_leaves_64_bits() -> None:
    case = case_of(
        60,
        rules=rules_of(upstream_limit_w=10**12),
        homes=homes_of({}),
        load_forecast_wh=10**12,
        upstream_sell_tick=300_000,
    )
    with pytest.raises(BadInput, match=r"turnover: must stay below 80,000,000,000"):
        exchange_of(case).advance(case.conditions)


@pytest.mark.parametrize("order", ["C", "F"])
def test_any_layout_of_the_conditions_gives_the_same(order: str) -> None:
    case = grid_and_battery(5)
    straight, other = exchange_of(case), exchange_of(case)
    straight.advance(case.conditions)
    arrays = [np.array(array, order=order) for array in case.conditions]
    for array in arrays:
        array.flags.writeable = False
    other.advance(type(case.conditions)(*arrays))
    assert straight.digest() == other.digest()
