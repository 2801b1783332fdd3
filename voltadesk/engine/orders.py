"""From nomination to the auction's result: steps 1 to 3 of an interval.

The rules are `docs/market-rules.md`; the functions follow its headings.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.arena import (
    FLEXIBLE,
    GIVEN,
    OFFERED,
    OWN_FLEXIBLE,
    SHORT,
    SURPLUS,
    TAKEN,
    WANTED,
    Arena,
    Market,
    Solution,
)
from voltadesk.engine.auction import PRICING_PAY_AS_BID, PRICING_VERTICAL_DEMAND, clear, clear_vertical
from voltadesk.engine.batteries import fleet_orders
from voltadesk.engine.community import take_part
from voltadesk.engine.compiled import part
from voltadesk.engine.plants import ASKED, FREEDOM, MUST_RUN, REST, RUN, TOLD, decide_next, plant_offers
from voltadesk.engine.pro_rata import share_out
from voltadesk.engine.rounding import average_price_up_tick, energy_of_power_wh
from voltadesk.engine.tables import NO_PRICE_TICK, Conditions, Table


# 1. Nominate ----------------------------------------------------------------------------------------------------------
@part
def nominate(
    rules: Any,
    home: Table,
    load_wh: NDArray[np.int64],
    solar_wh: NDArray[np.int64],
    flexible_wh: NDArray[np.int64],
    second_from: int,
    home_wh: NDArray[np.int64],
) -> tuple[int, int]:
    """Each home's bids and offer from its forecast; returns surplus and want of the whole community [Wh]."""
    supply, demand = 0, 0
    second_to = second_from + rules.step_s
    for h in range(home.shape[0]):
        row = home[h]
        load, solar = load_wh[h], solar_wh[h]
        wanted = 0
        coming = flexible_wh[h]
        if coming > 0 or row.flexible_waiting_wh > 0:
            waiting = row.flexible_waiting_wh + coming
            row.flexible_waiting_wh = min(waiting, row.flexible_waiting_limit_wh)
            row.flexible_forgone_wh += waiting - row.flexible_waiting_wh
            wanted = min(row.flexible_waiting_wh, energy_of_power_wh(row.flexible_power_w, second_from, second_to))
        left = max(0, solar - load)
        own_flexible = min(wanted, left)
        home_wh[SHORT, h] = max(0, load - solar)
        home_wh[FLEXIBLE, h] = wanted - own_flexible
        home_wh[SURPLUS, h] = left - own_flexible
        home_wh[OWN_FLEXIBLE, h] = own_flexible
        home_wh[TAKEN, h] = 0
        home_wh[GIVEN, h] = 0
        if row.in_community:
            supply += left - own_flexible
            demand += home_wh[SHORT, h] + wanted - own_flexible
    return supply, demand


# 2. Community market --------------------------------------------------------------------------------------------------
@part
def share_community(rules: Any, home: Table, price_tick: int, home_wh: NDArray[np.int64]) -> int:
    """Trade among homes at the community price; returns what was traded [Wh]."""
    offered, wanted = take_part(
        rules,
        home,
        price_tick,
        home_wh[SHORT],
        home_wh[FLEXIBLE],
        home_wh[SURPLUS],
        home_wh[OFFERED],
        home_wh[WANTED],
    )
    traded = min(offered, wanted)
    if traded > 0:
        share_out(traded, home_wh[WANTED], home_wh[TAKEN])
        share_out(traded, home_wh[OFFERED], home_wh[GIVEN])
    return traded


# 3. System auction ----------------------------------------------------------------------------------------------------
@part
def place_homes(rules: Any, home: Table, arena: Arena) -> None:
    """The homes' orders for what the community did not give or take."""
    homes = home.shape[0]
    home_wh, price, quantity = arena.home_wh, arena.price_tick, arena.quantity_wh
    fees_tick = rules.margin_tick + rules.grid_fee_tick + rules.levy_tick
    for h in range(homes):
        short = home_wh[SHORT, h] - min(home_wh[TAKEN, h], home_wh[SHORT, h])
        surplus = home_wh[SURPLUS, h] - home_wh[GIVEN, h]
        price[h] = rules.cap_tick
        quantity[h] = short
        if surplus > 0:
            limit = home[h].offer_limit_tick
            price[h] = min(max(limit, rules.floor_tick), rules.cap_tick)
            quantity[h] = 0 if limit > rules.cap_tick else -surplus
    if arena.first_plant > homes:
        for h in range(homes):
            limit = home[h].flexible_limit_tick - fees_tick
            bid = home_wh[FLEXIBLE, h] - max(0, home_wh[TAKEN, h] - home_wh[SHORT, h])
            price[homes + h] = min(max(limit, rules.floor_tick), rules.cap_tick)
            quantity[homes + h] = 0 if limit < rules.floor_tick else bid


@part
def place_others(k: int, market: Market, conditions: Conditions, second_from: int, arena: Arena) -> None:
    """The orders of plants, upstream and batteries, in this order."""
    rules, plants, fleet = market.rules[0], market.plant.shape[0], market.battery.shape[0]
    price, quantity = arena.price_tick, arena.quantity_wh
    at = arena.first_plant
    end = at + 2 * plants
    plant_offers(
        rules,
        market.plant,
        conditions.plant_forecast_wh[k],
        price[at:end],
        quantity[at:end],
        arena.unit,
    )
    limit_wh = energy_of_power_wh(rules.upstream_limit_w, second_from, second_from + rules.step_s)
    sell, buy = conditions.upstream_sell_tick[k], conditions.upstream_buy_tick[k]
    sells = sell != NO_PRICE_TICK and sell <= rules.cap_tick
    price[end] = max(sell, rules.floor_tick) if sells else rules.cap_tick
    quantity[end] = -limit_wh if sells else 0
    buys = buy != NO_PRICE_TICK and buy - rules.margin_tick >= rules.floor_tick
    price[end + 1] = min(buy - rules.margin_tick, rules.cap_tick) if buys else rules.floor_tick
    quantity[end + 1] = limit_wh if buys else 0
    fleet_orders(
        rules,
        market.battery,
        conditions.battery_available_ppm[k],
        conditions.battery_buy_limit_tick[k],
        conditions.battery_sell_limit_tick[k],
        second_from,
        price[end + 2 : end + 2 + 2 * fleet],
        quantity[end + 2 : end + 2 + 2 * fleet],
        arena.lost_wh,
    )


@part
def paid_tick(rules: Any, arena: Arena, slot: int, solution: Solution) -> int:
    """What the seller in a slot is paid per MWh."""
    if rules.pricing != PRICING_PAY_AS_BID:
        return solution.price_tick
    p = slot - arena.first_plant
    if 0 <= p < arena.unit.shape[1] and (arena.unit[FREEDOM, p] == MUST_RUN or arena.unit[TOLD, p] == RUN):
        return max(rules.floor_tick, min(arena.unit[ASKED, p], solution.price_low_tick))
    return arena.price_tick[slot]


@part
def average(rules: Any, arena: Arena, solution: Solution) -> Solution:
    """Under pay-as-bid the price is the average of what the accepted offers get, rounded up."""
    if rules.pricing != PRICING_PAY_AS_BID or solution.volume_wh == 0:
        return solution
    paid = 0
    for slot in range(arena.price_tick.shape[0]):
        if arena.quantity_wh[slot] < 0 and arena.fill_wh[slot] > 0:
            paid += arena.fill_wh[slot] * paid_tick(rules, arena, slot, solution)
    price = average_price_up_tick(paid, solution.volume_wh)
    return Solution(solution.volume_wh, price, solution.price_low_tick, solution.price_high_tick, solution.welfare_e8)


@part
def solve(rules: Any, arena: Arena) -> Solution:
    """Clear the arena's orders by the pricing model in force."""
    floor, cap = rules.floor_tick, rules.cap_tick
    if rules.pricing == PRICING_VERTICAL_DEMAND:
        volume, price, welfare = clear_vertical(arena.price_tick, arena.quantity_wh, floor, cap, arena.fill_wh)
        low, high = price, price
    else:
        volume, price, low, high, welfare = clear(
            arena.price_tick, arena.quantity_wh, floor, cap, rules.price_rule, arena.fill_wh
        )
    if volume == 0:
        return Solution(0, NO_PRICE_TICK, NO_PRICE_TICK, NO_PRICE_TICK, 0)
    return Solution(volume, price, low, high, welfare)


@part
def net_own_trades(arena: Arena, fleet: int) -> int:
    """Take off what upstream or a battery sold to itself; returns how much [Wh]."""
    fill, netted = arena.fill_wh, 0
    first = fill.shape[0] - 2 * fleet - 2
    own = min(fill[first], fill[first + 1])
    fill[first] -= own
    fill[first + 1] -= own
    netted += own
    for b in range(first + 2, first + 2 + fleet):
        own = min(fill[b], fill[b + fleet])
        fill[b] -= own
        fill[b + fleet] -= own
        netted += own
    return netted


@part
def inelastic_short(arena: Arena, homes: int) -> bool:
    """Whether a unit rests while an inelastic bid is not filled in full."""
    resting = False
    for p in range(arena.unit.shape[1]):
        resting = resting or arena.unit[TOLD, p] == REST
    if resting:
        for h in range(homes):
            if arena.fill_wh[h] < arena.quantity_wh[h]:
                return True
    return False


@part
def clear_whole(rules: Any, arena: Arena, homes: int, fleet: int, is_quote: bool) -> tuple[Solution, int]:
    """Clear until every unit's set-point is whole, net own trades; returns the solution and how often it took.

    A quote is the first clearing as it comes.
    """
    units = arena.unit.shape[1]
    at, middle = arena.first_plant, arena.first_plant + units
    clearings, more = 0, True
    solution = Solution(0, NO_PRICE_TICK, NO_PRICE_TICK, NO_PRICE_TICK, 0)
    while more:
        solution = solve(rules, arena)
        clearings += 1
        more = not is_quote and decide_next(
            rules,
            inelastic_short(arena, homes),
            arena.price_tick[at : middle + units],
            arena.quantity_wh[at : middle + units],
            arena.fill_wh[at : middle + units],
            arena.unit,
        )
    volume = solution.volume_wh
    if not is_quote:
        volume -= net_own_trades(arena, fleet)
    if volume == 0:
        return Solution(0, NO_PRICE_TICK, NO_PRICE_TICK, NO_PRICE_TICK, 0), clearings
    netted = Solution(
        volume, solution.price_tick, solution.price_low_tick, solution.price_high_tick, solution.welfare_e8
    )
    return average(rules, arena, netted), clearings
