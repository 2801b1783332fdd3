"""The six steps of an interval, from nomination to settlement, for as many intervals as the conditions bring.

The rules are `docs/market-rules.md`; the functions here follow its headings and are named by them. `run_intervals` is
the one entry; nothing between two intervals leaves compiled code.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.auction import PRICING_PAY_AS_BID, PRICING_VERTICAL_DEMAND, _clear_vertical, clear
from voltadesk.engine.batteries import charge, discharge, fleet_orders, reason
from voltadesk.engine.community import community_price_tick, take_part
from voltadesk.engine.compiled import kernel, part
from voltadesk.engine.plants import MUST_RUN, RUN, decide_next, hold, plant_offers
from voltadesk.engine.pro_rata import share_out
from voltadesk.engine.rounding import average_price_up_tick, energy_of_power_wh, fee_e8
from voltadesk.engine.tables import (
    COMMUNITY_NONE,
    KIND_BATTERY,
    KIND_HOME,
    KIND_PLANT,
    KIND_UPSTREAM,
    MARKET_AUCTION,
    MARKET_COMMUNITY,
    MARKET_IMBALANCE,
    NO_PRICE_TICK,
    Conditions,
    Table,
)

# Rows of `Arena.home_wh`, one column a home.
SHORT, FLEXIBLE, SURPLUS, OWN_FLEXIBLE, OFFERED, WANTED, TAKEN, GIVEN, IMBALANCE, HOME_ROWS = range(10)


class Market(NamedTuple):
    """The tables of a market (`tables.py`) and the rows its results go to."""

    rules: Table  # (1,)
    home: Table  # (H,)
    plant: Table  # (P,)
    battery: Table  # (B,)
    accounts: Table  # (1,)
    intervals: Table  # (T,)
    plant_output_wh: NDArray[np.int64]  # (T, P)
    battery_rows: Table  # (T, B)


class Arena(NamedTuple):
    """Scratch of one interval: the auction's orders in the order of their ids, and what homes are about to do."""

    price_tick: NDArray[np.int64]  # (n,)
    quantity_wh: NDArray[np.int64]  # (n,) bid positive, offer negative
    fill_wh: NDArray[np.int64]  # (n,)
    home_wh: NDArray[np.int64]  # (HOME_ROWS, H)
    freedom: NDArray[np.int64]  # (P,)
    lower_wh: NDArray[np.int64]  # (P,)
    asked_tick: NDArray[np.int64]  # (P,)
    block_wh: NDArray[np.int64]  # (2 P,)
    decided: NDArray[np.int64]  # (P,)
    plant_imbalance_wh: NDArray[np.int64]  # (P,)
    lost_wh: NDArray[np.int64]  # (B,)
    first_plant: int  # slot of the first plant's first block; homes' orders stand before it


class Receipts(NamedTuple):
    """Where receipts go; an empty `rows` keeps none."""

    rows: Table
    count: NDArray[np.int64]  # (1,)


class Solution(NamedTuple):
    """What an auction came to; `price_tick` is NO_PRICE_TICK without a trade."""

    volume_wh: int
    price_tick: int
    price_low_tick: int
    price_high_tick: int
    welfare_e8: int


@part
def receipt(
    receipts: Receipts,
    interval: int,
    kind: int,
    participant: int,
    market: int,
    energy_wh: int,
    price_tick: int,
    fees_e8: int,
) -> None:
    """Write the receipt of a trade: `energy_wh` bought positive, sold negative."""
    if receipts.rows.shape[0] == 0 or energy_wh == 0:
        return
    row = receipts.rows[receipts.count[0]]
    row.interval = interval
    row.kind = kind
    row.participant = participant
    row.market = market
    row.energy_wh = energy_wh
    row.price_tick = price_tick
    row.amount_e8 = -energy_wh * price_tick
    row.fees_e8 = -fees_e8
    receipts.count[0] += 1


# 1. Nominate ----------------------------------------------------------------------------------------------------------
@part
def nominate(
    k: int, rules: Any, home: Table, conditions: Conditions, second_from: int, home_wh: NDArray[np.int64]
) -> tuple[int, int]:
    """Each home's bids and offer from its forecast; returns surplus and want of the whole community [Wh]."""
    supply, demand = 0, 0
    second_to = second_from + rules.step_s
    for h in range(home.shape[0]):
        row = home[h]
        load, solar = conditions.load_forecast_wh[k, h], conditions.solar_forecast_wh[k, h]
        wanted = 0
        coming = conditions.flexible_wh[k, h]
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
        arena.freedom,
        arena.lower_wh,
        arena.asked_tick,
        arena.block_wh,
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
    if 0 <= p < arena.freedom.shape[0] and (arena.freedom[p] == MUST_RUN or arena.decided[p] == RUN):
        return max(rules.floor_tick, min(arena.asked_tick[p], solution.price_low_tick))
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
        volume, price, welfare = _clear_vertical(arena.price_tick, arena.quantity_wh, floor, cap, arena.fill_wh)
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
def clear_whole(rules: Any, arena: Arena, fleet: int) -> tuple[Solution, int]:
    """Clear until every unit's set-point is whole, net own trades; returns the solution and how often it took."""
    units = arena.freedom.shape[0]
    at, middle = arena.first_plant, arena.first_plant + units
    arena.decided[:] = 0
    clearings = 1
    solution = solve(rules, arena)
    while decide_next(
        rules,
        solution.volume_wh == 0 or solution.price_tick >= rules.cap_tick,
        arena.price_tick[at : middle + units],
        arena.quantity_wh[at : middle + units],
        arena.fill_wh[at : middle + units],
        arena.block_wh,
        arena.freedom,
        arena.lower_wh,
        arena.asked_tick,
        arena.decided,
    ):
        solution = solve(rules, arena)
        clearings += 1
    volume = solution.volume_wh - net_own_trades(arena, fleet)
    if volume == 0:
        return Solution(0, NO_PRICE_TICK, NO_PRICE_TICK, NO_PRICE_TICK, 0), clearings
    netted = Solution(
        volume, solution.price_tick, solution.price_low_tick, solution.price_high_tick, solution.welfare_e8
    )
    return average(rules, arena, netted), clearings


# 4 to 6. Orders to plants, delivery, settlement -----------------------------------------------------------------------
@part
def settle_homes(
    k: int,
    i: int,
    market: Market,
    conditions: Conditions,
    arena: Arena,
    community_tick: int,
    solution: Solution,
    receipts: Receipts,
) -> int:
    """Deliver and settle what homes traded; returns how much all together are short [Wh]."""
    rules, accounts, result = market.rules[0], market.accounts[0], market.intervals[i]
    homes, home_wh, fill, quantity = market.home.shape[0], arena.home_wh, arena.fill_wh, arena.quantity_wh
    flexible_orders = arena.first_plant > homes
    grid_fees_tick, community_fees_tick = (
        rules.grid_fee_tick + rules.levy_tick,
        rules.community_grid_fee_tick + rules.community_levy_tick,
    )
    bought_all, taken_all, broker, imbalance_all = 0, 0, 0, 0
    for h in range(homes):
        row = market.home[h]
        taken, given = home_wh[TAKEN, h], home_wh[GIVEN, h]
        inelastic_bought, sold = (fill[h], 0) if quantity[h] >= 0 else (0, fill[h])
        flexible_bought = fill[homes + h] if flexible_orders else 0
        bought = inelastic_bought + flexible_bought
        # Delivery.
        to_inelastic = min(taken, home_wh[SHORT, h])
        shed = home_wh[SHORT, h] - to_inelastic - inelastic_bought
        metered = conditions.load_metered_wh[k, h]
        served = max(0, metered - shed)
        flexible = home_wh[OWN_FLEXIBLE, h] + taken - to_inelastic + flexible_bought
        row.flexible_waiting_wh -= flexible
        potential = conditions.solar_metered_wh[k, h]
        made = max(0, potential - (home_wh[SURPLUS, h] - given - sold))
        imbalance = served + flexible - made - (taken + bought - given - sold)
        home_wh[IMBALANCE, h] = imbalance
        imbalance_all += imbalance
        own_use = min(made, served + flexible)
        # Settlement.
        fees = (grid_fees_tick + rules.margin_tick) * bought + community_fees_tick * taken
        broker_fee = fee_e8(community_tick * given, rules.community_fee_bp) if given > 0 else 0
        row.load_wh += served + flexible
        row.flexible_wh += flexible
        row.shed_wh += metered - served
        row.solar_wh += made
        row.curtailed_wh += potential - made
        row.own_use_wh += own_use
        if taken > 0 or given > 0:
            row.community_bought_wh += taken
            row.community_sold_wh += given
            row.community_e8 += community_tick * (given - taken)
            receipt(receipts, i, KIND_HOME, h, MARKET_COMMUNITY, taken, community_tick, community_fees_tick * taken)
            receipt(receipts, i, KIND_HOME, h, MARKET_COMMUNITY, -given, community_tick, broker_fee)
        if bought > 0 or sold > 0:
            sold_tick = paid_tick(rules, arena, h, solution)
            row.auction_bought_wh += bought
            row.auction_sold_wh += sold
            row.auction_e8 += sold_tick * sold - solution.price_tick * bought
            auction_fees = (grid_fees_tick + rules.margin_tick) * bought
            receipt(receipts, i, KIND_HOME, h, MARKET_AUCTION, bought, solution.price_tick, auction_fees)
            receipt(receipts, i, KIND_HOME, h, MARKET_AUCTION, -sold, sold_tick, 0)
        row.fees_e8 -= fees + broker_fee
        bought_all += bought
        taken_all += taken
        broker += broker_fee
        result.load_wh += served + flexible
        result.flexible_wh += flexible
        result.shed_wh += metered - served
        result.solar_wh += made
        result.curtailed_wh += potential - made
        result.own_use_wh += own_use
    accounts.operator_e8 += rules.margin_tick * bought_all
    accounts.network_e8 += rules.grid_fee_tick * bought_all + rules.community_grid_fee_tick * taken_all
    accounts.levies_e8 += rules.levy_tick * bought_all + rules.community_levy_tick * taken_all
    accounts.broker_e8 += broker
    return imbalance_all


@part
def settle_plants(
    k: int,
    i: int,
    market: Market,
    conditions: Conditions,
    arena: Arena,
    solution: Solution,
    receipts: Receipts,
) -> int:
    """Turn cleared energy into set-points, deliver and settle; returns how much all together are short [Wh]."""
    result, units, imbalance_all = market.intervals[i], market.plant.shape[0], 0
    for p in range(units):
        row = market.plant[p]
        first, second = arena.first_plant + p, arena.first_plant + units + p
        cleared = arena.fill_wh[first] + arena.fill_wh[second]
        # A unit that can't stop makes its least even where the auction took less of it.
        order = max(cleared, arena.lower_wh[p]) if arena.freedom[p] == MUST_RUN else cleared
        made = min(order, conditions.plant_metered_wh[k, p])
        arena.plant_imbalance_wh[p] = cleared - made
        imbalance_all += cleared - made
        for slot in (first, second):
            sold = arena.fill_wh[slot]
            if sold > 0:
                price = paid_tick(market.rules[0], arena, slot, solution)
                if slot == first and arena.decided[p] == RUN and price < arena.asked_tick[p]:
                    uplift = (arena.asked_tick[p] - price) * sold
                    price = arena.asked_tick[p]
                    result.uplift_e8 += uplift
                    market.accounts[0].operator_e8 -= uplift
                row.auction_sold_wh += sold
                row.auction_e8 += price * sold
                receipt(receipts, i, KIND_PLANT, p, MARKET_AUCTION, -sold, price, 0)
        hold(row, made)
        market.plant_output_wh[i, p] = made
        result.plant_wh += made
        result.emissions_ug += made * row.emissions_g_per_mwh
    return imbalance_all


@part
def settle_upstream(i: int, market: Market, arena: Arena, solution: Solution, receipts: Receipts) -> None:
    """Settle what the upstream grid traded."""
    rules, accounts, result = market.rules[0], market.accounts[0], market.intervals[i]
    slot = arena.first_plant + 2 * market.plant.shape[0]
    sold, bought = arena.fill_wh[slot], arena.fill_wh[slot + 1]
    if sold > 0:
        price = paid_tick(rules, arena, slot, solution)
        accounts.upstream_e8 += price * sold
        receipt(receipts, i, KIND_UPSTREAM, 0, MARKET_AUCTION, -sold, price, 0)
    if bought > 0:
        accounts.upstream_e8 -= solution.price_tick * bought
        accounts.upstream_fees_e8 -= rules.margin_tick * bought
        accounts.operator_e8 += rules.margin_tick * bought
        receipt(receipts, i, KIND_UPSTREAM, 0, MARKET_AUCTION, bought, solution.price_tick, rules.margin_tick * bought)
    accounts.upstream_sold_wh += sold
    accounts.upstream_bought_wh += bought
    result.upstream_import_wh = sold
    result.upstream_export_wh = bought
    result.emissions_ug += sold * rules.upstream_emissions_g_per_mwh


@part
def settle_fleet(
    k: int, i: int, market: Market, conditions: Conditions, arena: Arena, solution: Solution, receipts: Receipts
) -> None:
    """Charge and discharge what batteries traded, and settle it."""
    rules, accounts, result = market.rules[0], market.accounts[0], market.intervals[i]
    fleet = market.battery.shape[0]
    at = arena.first_plant + 2 * market.plant.shape[0] + 2
    for b in range(fleet):
        row, line = market.battery[b], market.battery_rows[i, b]
        bought, sold = arena.fill_wh[at + b], arena.fill_wh[at + fleet + b]
        lost, mode = arena.lost_wh[b], 0
        if bought > 0:
            mode = 1
            lost += charge(row, bought)
            fees = rules.margin_tick * bought
            row.charged_wh += bought
            row.bought_e8 -= solution.price_tick * bought
            row.fees_e8 -= fees
            accounts.operator_e8 += fees
            receipt(receipts, i, KIND_BATTERY, b, MARKET_AUCTION, bought, solution.price_tick, fees)
        if sold > 0:
            mode = -1
            lost += discharge(row, sold)
            price = paid_tick(rules, arena, at + fleet + b, solution)
            row.discharged_wh += sold
            row.sold_e8 += price * sold
            row.wear_e8 += row.wear_cost_tick * sold
            receipt(receipts, i, KIND_BATTERY, b, MARKET_AUCTION, -sold, price, 0)
        if mode != 0 and mode != row.last_mode:
            row.mode_changes += 1 if row.last_mode != 0 else 0
            row.last_mode = mode
        row.loss_wh += lost
        line.fill_wh = row.fill_wh
        line.charge_wh = bought
        line.discharge_wh = sold
        line.loss_wh = lost
        line.reason = reason(
            rules,
            conditions.battery_available_ppm[k, b],
            conditions.battery_buy_limit_tick[k, b],
            conditions.battery_sell_limit_tick[k, b],
            arena.quantity_wh[at + b],
            -arena.quantity_wh[at + fleet + b],
            bought,
            sold,
            solution.price_tick,
        )
        result.battery_charge_wh += bought
        result.battery_discharge_wh += sold
        result.battery_loss_wh += lost


@part
def settle_imbalance(i: int, market: Market, arena: Arena, short_wh: int, receipts: Receipts) -> None:
    """Price what all are short of, settle each one's part, and let the reserve be the other side."""
    rules, accounts, result = market.rules[0], market.accounts[0], market.intervals[i]
    if result.price_tick != NO_PRICE_TICK:
        accounts.reference_price_tick = result.price_tick
    price = accounts.reference_price_tick
    if short_wh > 0:
        price += rules.imbalance_spread_tick
        result.reserve_up_wh = short_wh
        accounts.reserve_up_wh += short_wh
    elif short_wh < 0:
        price -= rules.imbalance_spread_tick
        result.reserve_down_wh = -short_wh
        accounts.reserve_down_wh -= short_wh
    result.imbalance_price_tick = price
    accounts.reserve_e8 += price * short_wh
    for h in range(market.home.shape[0]):
        imbalance = arena.home_wh[IMBALANCE, h]
        if imbalance != 0:
            row = market.home[h]
            row.imbalance_e8 -= price * imbalance
            row.imbalance_short_wh += max(0, imbalance)
            row.imbalance_long_wh += max(0, -imbalance)
            receipt(receipts, i, KIND_HOME, h, MARKET_IMBALANCE, imbalance, price, 0)
    for p in range(market.plant.shape[0]):
        imbalance = arena.plant_imbalance_wh[p]
        if imbalance != 0:
            unit = market.plant[p]
            unit.imbalance_e8 -= price * imbalance
            unit.imbalance_short_wh += max(0, imbalance)
            unit.imbalance_long_wh += max(0, -imbalance)
            receipt(receipts, i, KIND_PLANT, p, MARKET_IMBALANCE, imbalance, price, 0)


@part
def pay_as_bid_rest_e8(rules: Any, arena: Arena, solution: Solution) -> int:
    """What the average price rounded up collects beyond what the offers get: the operator's."""
    if rules.pricing != PRICING_PAY_AS_BID or solution.volume_wh == 0:
        return 0
    rest = solution.volume_wh * solution.price_tick
    for slot in range(arena.price_tick.shape[0]):
        if arena.quantity_wh[slot] < 0 and arena.fill_wh[slot] > 0:
            rest -= arena.fill_wh[slot] * paid_tick(rules, arena, slot, solution)
    return rest


@part
def quote_tick(rules: Any, arena: Arena) -> int:
    """The operator's quote for all that homes nominated; NO_PRICE_TICK where nothing would trade."""
    arena.decided[:] = 0
    solution = solve(rules, arena)
    return average(rules, arena, solution).price_tick


@kernel
def run_intervals(first: int, market: Market, conditions: Conditions, arena: Arena, receipts: Receipts) -> None:
    """Run the C intervals of the conditions, the first of which is number `first` of the market."""
    rules, accounts, fleet = market.rules[0], market.accounts[0], market.battery.shape[0]
    for k in range(conditions.upstream_sell_tick.shape[0]):
        i = first + k
        result = market.intervals[i]
        second_from = rules.start_utc + i * rules.step_s
        supply, demand = nominate(k, rules, market.home, conditions, second_from, arena.home_wh)
        place_others(k, market, conditions, second_from, arena)
        place_homes(rules, market.home, arena)
        result.quote_tick = NO_PRICE_TICK
        result.community_price_tick = NO_PRICE_TICK
        community_tick = 0
        if rules.community_rule != COMMUNITY_NONE:
            result.quote_tick = quote_tick(rules, arena)
            if result.quote_tick != NO_PRICE_TICK:
                community_tick = community_price_tick(rules, result.quote_tick, supply, demand)
                result.community_price_tick = community_tick
                result.community_wh = share_community(rules, market.home, community_tick, arena.home_wh)
                if result.community_wh > 0:
                    place_homes(rules, market.home, arena)
        solution, result.clearings = clear_whole(rules, arena, fleet)
        result.price_tick = solution.price_tick
        result.price_low_tick = solution.price_low_tick
        result.price_high_tick = solution.price_high_tick
        result.auction_wh = solution.volume_wh
        result.welfare_e8 = solution.welfare_e8
        accounts.operator_e8 += pay_as_bid_rest_e8(rules, arena, solution)
        short = settle_homes(k, i, market, conditions, arena, community_tick, solution, receipts)
        short += settle_plants(k, i, market, conditions, arena, solution, receipts)
        settle_upstream(i, market, arena, solution, receipts)
        settle_fleet(k, i, market, conditions, arena, solution, receipts)
        settle_imbalance(i, market, arena, short, receipts)
