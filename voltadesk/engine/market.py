"""The six steps of an interval, for as many intervals as the conditions bring.

`run_intervals` is the one entry; nothing between two intervals leaves compiled code.
"""

from __future__ import annotations

from voltadesk.engine.arena import GIVEN, TAKEN, Arena, Market, Measured, Receipts
from voltadesk.engine.community import community_price_tick
from voltadesk.engine.compiled import kernel, part
from voltadesk.engine.continuous import trade_continuous
from voltadesk.engine.orders import clear_whole, nominate, place_homes, place_others, share_community
from voltadesk.engine.quotes import measure_pool
from voltadesk.engine.settlement import (
    pay_as_bid_rest_e8,
    settle_fleet,
    settle_homes,
    settle_imbalance,
    settle_plants,
    settle_upstream,
    turn_over,
)
from voltadesk.engine.tables import COMMUNITY_CONTINUOUS, COMMUNITY_NONE, NO_PRICE_TICK, Conditions

TURNOVER_LIMIT_E8 = 8 * 10**18  # leaves room for the dearest interval there can be


@part
def trade_pool(i: int, market: Market, arena: Arena, supply_wh: int, demand_wh: int) -> None:
    """Trade among homes at one price from the interval's quote."""
    rules, result = market.rules[0], market.intervals[i]
    price = community_price_tick(rules, result.quote_tick, supply_wh, demand_wh)
    result.community_price_tick = price
    result.community_wh = share_community(rules, market.home, price, arena.home_wh)
    if result.community_wh > 0:
        for h in range(market.home.shape[0]):
            arena.home_e8[h] = price * (arena.home_wh[GIVEN, h] - arena.home_wh[TAKEN, h])
        fees = rules.community_grid_fee_tick + rules.community_levy_tick
        arena.turnover_e8[0] += 2 * result.community_wh * (abs(price) + fees)


@part
def trade_in_community(
    k: int,
    i: int,
    market: Market,
    conditions: Conditions,
    arena: Arena,
    measured: Measured | None,
    supply_wh: int,
    demand_wh: int,
) -> None:
    """Trade in the community after its quote: in a pool, or on its order book."""
    rules, result = market.rules[0], market.intervals[i]
    if measured is None:
        trade_pool(i, market, arena, supply_wh, demand_wh)
    else:
        row = measured.rows[i]
        if rules.community_rule == COMMUNITY_CONTINUOUS:
            trade_continuous(k, i, market, conditions, arena, measured, row, rules.start_utc + i * rules.step_s)
        else:
            trade_pool(i, market, arena, supply_wh, demand_wh)
            measure_pool(k, market, conditions, arena, measured.quotes, result.quote_tick, row)


@kernel
def run_intervals(
    first: int, market: Market, conditions: Conditions, arena: Arena, measured: Measured | None, receipts: Receipts
) -> bool:
    """Run the C intervals of the conditions, the first of which is number `first` of the market.

    Without `measured` the kernel is compiled without the order book, which most markets don't need; a community may be
    a pool then.

    False where the run's turnover leaves what 64 bits can count; the tables are then of no use.
    """
    rules, accounts = market.rules[0], market.accounts[0]
    homes, fleet = market.home.shape[0], market.battery.shape[0]
    for k in range(conditions.upstream_sell_tick.shape[0]):
        i = first + k
        result = market.intervals[i]
        second_from = rules.start_utc + i * rules.step_s
        supply, demand = nominate(
            rules,
            market.home,
            conditions.load_forecast_wh[k],
            conditions.solar_forecast_wh[k],
            conditions.flexible_wh[k],
            second_from,
            arena.home_wh,
        )
        arena.home_e8[:] = 0
        arena.battery_wh[:] = 0
        arena.battery_e8[:] = 0
        place_others(k, market, conditions, second_from, arena)
        result.quote_tick = NO_PRICE_TICK
        result.community_price_tick = NO_PRICE_TICK
        is_quote = rules.community_rule != COMMUNITY_NONE
        # Once for the quote, where there is a community, and once for the auction itself: one call, compiled once.
        while True:
            place_homes(rules, market.home, arena)
            solution, result.clearings = clear_whole(rules, arena, homes, fleet, is_quote)
            if not is_quote:
                break
            is_quote = False
            result.quote_tick = solution.price_tick
            if result.quote_tick != NO_PRICE_TICK:
                trade_in_community(k, i, market, conditions, arena, measured, supply, demand)
        result.price_tick = solution.price_tick
        result.price_low_tick = solution.price_low_tick
        result.price_high_tick = solution.price_high_tick
        result.auction_wh = solution.volume_wh
        result.welfare_e8 = solution.welfare_e8
        accounts.operator_e8 += pay_as_bid_rest_e8(rules, arena, solution)
        short = settle_homes(
            i,
            market,
            conditions.load_metered_wh[k],
            conditions.solar_metered_wh[k],
            arena,
            solution,
            receipts,
        )
        short += settle_plants(i, market, conditions.plant_metered_wh[k], arena, solution, receipts)
        settle_upstream(i, market, arena, solution, receipts)
        settle_fleet(k, i, market, conditions, arena, solution, receipts)
        settle_imbalance(i, market, arena, short, receipts)
        turn_over(rules, result, arena)
        if not 0 <= arena.turnover_e8[0] < TURNOVER_LIMIT_E8:
            return False
    return True
