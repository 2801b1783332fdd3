"""Orders to plants, delivery and settlement: steps 4 to 6 of an interval. The rules are `docs/market-rules.md`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.arena import (
    GIVEN,
    IMBALANCE,
    OWN_FLEXIBLE,
    SHORT,
    SURPLUS,
    TAKEN,
    Arena,
    Market,
    Receipts,
    Solution,
)
from voltadesk.engine.auction import PRICING_PAY_AS_BID
from voltadesk.engine.batteries import charge, discharge, reason
from voltadesk.engine.compiled import lean_part, part
from voltadesk.engine.orders import paid_tick
from voltadesk.engine.plants import ASKED, FREEDOM, LOWER, MUST_RUN, RUN, TOLD, UNIT_SHORT, hold
from voltadesk.engine.receipts import receipt, receipts_at_average
from voltadesk.engine.tables import (
    KIND_BATTERY,
    KIND_HOME,
    KIND_PLANT,
    KIND_UPSTREAM,
    MARKET_AUCTION,
    MARKET_IMBALANCE,
    NO_PRICE_TICK,
    Conditions,
)

NO_FEES, THE_ONE = np.int64(0), np.int64(0)  # typed: literals compile `receipt` again for each value


@part
def add_delivery(
    totals: Any, load_wh: int, flexible_wh: int, shed_wh: int, solar_wh: int, curtailed_wh: int, own_use_wh: int
) -> None:
    """Add what a home used, went without and made to its own totals or to the interval's."""
    totals.load_wh += load_wh
    totals.flexible_wh += flexible_wh
    totals.shed_wh += shed_wh
    totals.solar_wh += solar_wh
    totals.curtailed_wh += curtailed_wh
    totals.own_use_wh += own_use_wh


@part
def settle_homes(
    i: int,
    market: Market,
    load_metered_wh: NDArray[np.int64],
    solar_metered_wh: NDArray[np.int64],
    arena: Arena,
    solution: Solution,
    receipts: Receipts,
) -> int:
    """Deliver and settle what homes traded; returns how much all together are short [Wh]."""
    rules, accounts, result = market.rules[0], market.accounts[0], market.intervals[i]
    homes, home_wh, fill, quantity = market.home.shape[0], arena.home_wh, arena.fill_wh, arena.quantity_wh
    flexible_orders = arena.first_plant > homes
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
        metered = load_metered_wh[h]
        served = max(0, metered - shed)
        flexible = home_wh[OWN_FLEXIBLE, h] + taken - to_inelastic + flexible_bought
        row.flexible_waiting_wh -= flexible
        potential = solar_metered_wh[h]
        made = max(0, potential - (home_wh[SURPLUS, h] - given - sold))
        imbalance = served + flexible - made - (taken + bought - given - sold)
        home_wh[IMBALANCE, h] = imbalance
        imbalance_all += imbalance
        own_use = min(made, served + flexible)
        # Settlement.
        add_delivery(row, served + flexible, flexible, metered - served, made, potential - made, own_use)
        add_delivery(result, served + flexible, flexible, metered - served, made, potential - made, own_use)
        broker += settle_home_in_community(i, market, arena, h, receipts)
        settle_home_in_auction(i, market, arena, h, bought, sold, solution, receipts)
        bought_all += bought
        taken_all += taken
    accounts.operator_e8 += rules.margin_tick * bought_all
    accounts.network_e8 += rules.grid_fee_tick * bought_all + rules.community_grid_fee_tick * taken_all
    accounts.levies_e8 += rules.levy_tick * bought_all + rules.community_levy_tick * taken_all
    accounts.broker_e8 += broker
    return imbalance_all


@lean_part
def settle_home_in_community(i: int, market: Market, arena: Arena, h: int, receipts: Receipts) -> int:
    """Settle what a home traded in the community; returns the broker's fees [1e-8 currency], which a seller bears."""
    rules, row, taken, given = market.rules[0], market.home[h], arena.home_wh[TAKEN, h], arena.home_wh[GIVEN, h]
    if taken == 0 and given == 0:
        return 0
    row.community_bought_wh += taken
    row.community_sold_wh += given
    row.community_e8 += arena.home_e8[h]
    fees_tick = rules.community_grid_fee_tick + rules.community_levy_tick
    fees = receipts_at_average(
        receipts, i, KIND_HOME, h, taken - given, arena.home_e8[h], fees_tick, rules.community_fee_bp
    )
    row.fees_e8 -= fees
    return fees if given > 0 else 0


@lean_part
def settle_home_in_auction(
    i: int, market: Market, arena: Arena, h: int, bought_wh: int, sold_wh: int, solution: Solution, receipts: Receipts
) -> None:
    """Settle what a home bought, inelastic and flexible load together, or sold in the auction."""
    if bought_wh == 0 and sold_wh == 0:
        return
    rules, row = market.rules[0], market.home[h]
    sold_tick = paid_tick(rules, arena, h, solution)
    fees = (rules.grid_fee_tick + rules.levy_tick + rules.margin_tick) * bought_wh
    row.auction_bought_wh += bought_wh
    row.auction_sold_wh += sold_wh
    row.auction_e8 += sold_tick * sold_wh - solution.price_tick * bought_wh
    row.fees_e8 -= fees
    receipt(receipts, i, KIND_HOME, h, MARKET_AUCTION, bought_wh, solution.price_tick, fees)
    receipt(receipts, i, KIND_HOME, h, MARKET_AUCTION, -sold_wh, sold_tick, NO_FEES)


@part
def settle_plants(
    i: int,
    market: Market,
    metered_wh: NDArray[np.int64],
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
        order = max(cleared, arena.unit[LOWER, p]) if arena.unit[FREEDOM, p] == MUST_RUN else cleared
        made = min(order, metered_wh[p])
        arena.unit[UNIT_SHORT, p] = cleared - made
        imbalance_all += cleared - made
        lost = 0
        for slot in (first, second):
            sold = arena.fill_wh[slot]
            if sold > 0:
                price = paid_tick(market.rules[0], arena, slot, solution)
                if slot == first and arena.unit[TOLD, p] == RUN and price < arena.unit[ASKED, p]:
                    uplift = (arena.unit[ASKED, p] - price) * sold
                    price = arena.unit[ASKED, p]
                    result.uplift_e8 += uplift
                    market.accounts[0].operator_e8 -= uplift
                row.auction_sold_wh += sold
                row.auction_e8 += price * sold
                lost += (row.marginal_cost_tick - price) * sold
                receipt(receipts, i, KIND_PLANT, p, MARKET_AUCTION, -sold, price, NO_FEES)
        hold(row, made, lost)
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
        receipt(receipts, i, KIND_UPSTREAM, THE_ONE, MARKET_AUCTION, -sold, price, NO_FEES)
    if bought > 0:
        accounts.upstream_e8 -= solution.price_tick * bought
        accounts.upstream_fees_e8 -= rules.margin_tick * bought
        accounts.operator_e8 += rules.margin_tick * bought
        receipt(
            receipts, i, KIND_UPSTREAM, THE_ONE, MARKET_AUCTION, bought, solution.price_tick, rules.margin_tick * bought
        )
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
        auction_bought, auction_sold = arena.fill_wh[at + b], arena.fill_wh[at + fleet + b]
        bought, sold = auction_bought + arena.battery_wh[0, b], auction_sold + arena.battery_wh[1, b]
        lost, mode = arena.lost_wh[b], 0
        settle_store_in_community(i, market, arena, b, receipts)
        if bought > 0:
            mode = 1
            lost += charge(row, bought)
            fees = rules.margin_tick * auction_bought
            row.charged_wh += bought
            row.bought_e8 -= solution.price_tick * auction_bought
            row.fees_e8 -= fees
            accounts.operator_e8 += fees
            receipt(receipts, i, KIND_BATTERY, b, MARKET_AUCTION, auction_bought, solution.price_tick, fees)
        if sold > 0:
            mode = -1
            lost += discharge(row, sold)
            price = paid_tick(rules, arena, at + fleet + b, solution)
            row.discharged_wh += sold
            row.sold_e8 += price * auction_sold
            row.wear_e8 += row.wear_cost_tick * sold
            receipt(receipts, i, KIND_BATTERY, b, MARKET_AUCTION, -auction_sold, price, NO_FEES)
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
        line.buy_limit_tick = conditions.battery_buy_limit_tick[k, b]
        line.sell_limit_tick = conditions.battery_sell_limit_tick[k, b]
        result.battery_charge_wh += bought
        result.battery_discharge_wh += sold
        result.battery_loss_wh += lost


@part
def settle_store_in_community(i: int, market: Market, arena: Arena, b: int, receipts: Receipts) -> None:
    """Settle what a battery traded in the community: a buyer bears no fees there, a seller the broker's."""
    row, received = market.battery[b], arena.battery_e8[b]
    traded = arena.battery_wh[0, b] - arena.battery_wh[1, b]
    if traded == 0:
        return
    fees = receipts_at_average(
        receipts, i, KIND_BATTERY, b, traded, received, NO_FEES, market.rules[0].community_fee_bp
    )
    row.fees_e8 -= fees
    market.accounts[0].broker_e8 += fees
    share = market.battery_share[b]
    share.bought_wh += max(0, traded)
    share.sold_wh += max(0, -traded)
    share.amount_e8 += received
    if traded > 0:
        row.bought_e8 += received
    else:
        row.sold_e8 += received


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
    gross = 0
    for h in range(market.home.shape[0]):
        imbalance = arena.home_wh[IMBALANCE, h]
        if imbalance != 0:
            row = market.home[h]
            gross += abs(imbalance)
            row.imbalance_e8 -= price * imbalance
            row.imbalance_short_wh += max(0, imbalance)
            row.imbalance_long_wh += max(0, -imbalance)
            receipt(receipts, i, KIND_HOME, h, MARKET_IMBALANCE, imbalance, price, NO_FEES)
    for p in range(market.plant.shape[0]):
        imbalance = arena.unit[UNIT_SHORT, p]
        if imbalance != 0:
            unit = market.plant[p]
            gross += abs(imbalance)
            unit.imbalance_e8 -= price * imbalance
            unit.imbalance_short_wh += max(0, imbalance)
            unit.imbalance_long_wh += max(0, -imbalance)
            receipt(receipts, i, KIND_PLANT, p, MARKET_IMBALANCE, imbalance, price, NO_FEES)
    arena.turnover_e8[0] += gross * abs(price)


@part
def turn_over(rules: Any, result: Any, arena: Arena) -> None:
    """Add what the interval's auction turned over; no one's account can have moved by more."""
    fees = rules.margin_tick + rules.grid_fee_tick + rules.levy_tick
    if result.auction_wh > 0:
        arena.turnover_e8[0] += result.auction_wh * (abs(result.price_tick) + fees) + result.uplift_e8


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
