"""What a MWh is worth to those who trade in a community, and what their trades come to together.

A home that its neighbours don't serve buys in the auction, where it pays the price, margin, grid fee and levy; what it
does not sell to them it sells there. The operator's quote says at what price, so no one gains by paying more than that,
or by taking less. Within these ends each has its own limits. Rules: `docs/market-rules.md`, "On the order book".
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import uint64

from voltadesk.engine.arena import FLEXIBLE, GIVEN, SHORT, SURPLUS, TAKEN, Arena, Market, Quotes
from voltadesk.engine.auction import RULE_MIDPOINT, clear
from voltadesk.engine.compiled import lean_part, part
from voltadesk.engine.homes import random_bits
from voltadesk.engine.tables import COMMUNITY_CONTINUOUS, NO_PRICE_TICK, Conditions

NEVER_TICK = 1 << 40  # a cost that no price covers
SUM_LIMIT = 1 << 62
STREAM_POLICY = np.int64(-5)  # beside those of the weather, and of the rounds of quotes
MIDPOINT: Any = np.int64(RULE_MIDPOINT)  # typed: a literal compiles `clear` once more
_BP = uint64(10_000)


@part
def cost_tick(least_tick: int, fee_bp: int) -> int:
    """The lowest price of which `least_tick` is left after the broker's fee [0.01/MWh]."""
    if least_tick <= 0:
        return least_tick
    if fee_bp >= 10_000:
        return NEVER_TICK
    return -(-least_tick * 10_000 // (10_000 - fee_bp))


@part
def put_values(
    k: int, market: Market, conditions: Conditions, arena: Arena, quotes: Quotes, quote_tick: int
) -> tuple[int, int]:
    """What each could trade and what it is worth to it; returns the lowest cost and the highest value there can be.

    Who could trade with nobody does not quote. Batteries take part with the orders that they have in the auction, but
    in no pool.
    """
    rules = market.rules[0]
    with_fleet = rules.community_rule == COMMUNITY_CONTINUOUS
    community_fees = rules.community_grid_fee_tick + rules.community_levy_tick
    home_tick = quote_tick + rules.margin_tick + rules.grid_fee_tick + rules.levy_tick - community_fees
    battery_tick = quote_tick + rules.margin_tick
    low, high = cost_tick(quote_tick, rules.community_fee_bp), max(home_tick, battery_tick)
    _put_homes(rules, market, arena, quotes, quote_tick, home_tick, community_fees)
    fleet, at = market.battery.shape[0], arena.first_plant + 2 * market.plant.shape[0] + 2
    for b in range(fleet):
        bid, offer = arena.first_plant + b, arena.first_plant + fleet + b
        quotes.value_tick[bid] = min(conditions.battery_buy_limit_tick[k, b], battery_tick)
        least_tick = max(conditions.battery_sell_limit_tick[k, b], quote_tick)
        quotes.value_tick[offer] = cost_tick(least_tick, rules.community_fee_bp)
        quotes.quantity_wh[bid] = arena.quantity_wh[at + b] if with_fleet else 0
        quotes.quantity_wh[offer] = arena.quantity_wh[at + fleet + b] if with_fleet else 0
        meets_itself = quotes.value_tick[bid] >= quotes.value_tick[offer]
        if meets_itself and quotes.quantity_wh[bid] > 0 and quotes.quantity_wh[offer] < 0:
            quotes.quantity_wh[bid] = 0
            quotes.quantity_wh[offer] = 0
    for s in range(quotes.quantity_wh.shape[0]):
        value, quantity = quotes.value_tick[s], quotes.quantity_wh[s]
        if (quantity > 0 and value < low) or (quantity < 0 and value > high):
            quotes.quantity_wh[s] = 0
    return low, high


@part
def _put_homes(
    rules: Any, market: Market, arena: Arena, quotes: Quotes, quote_tick: int, home_tick: int, community_fees_tick: int
) -> None:
    """Values and energy of homes, and which of them quote by ZIC."""
    home_wh, homes = arena.home_wh, market.home.shape[0]
    has_flexible = arena.first_plant > homes
    for h in range(homes):
        row = market.home[h]
        quotes.is_drawn[h] = int(
            random_bits(rules.community_seed, STREAM_POLICY, h) % _BP < uint64(rules.community_zic_bp)
        )
        quotes.value_tick[h] = home_tick
        quotes.quantity_wh[h] = home_wh[SHORT, h]
        if home_wh[SURPLUS, h] > 0:
            quotes.value_tick[h] = cost_tick(max(row.offer_limit_tick, quote_tick), rules.community_fee_bp)
            quotes.quantity_wh[h] = -home_wh[SURPLUS, h]
        if not row.in_community:
            quotes.quantity_wh[h] = 0
        if has_flexible:
            s = homes + h
            quotes.is_drawn[s] = quotes.is_drawn[h]
            quotes.value_tick[s] = min(row.flexible_limit_tick - community_fees_tick, home_tick)
            quotes.quantity_wh[s] = home_wh[FLEXIBLE, h] if row.in_community else 0


@part
def put_equilibrium(quotes: Quotes, low_tick: int, high_tick: int, row: Any) -> None:
    """The competitive equilibrium of all values: its price and energy, and the most that trading could be worth."""
    for s in range(quotes.price_tick.shape[0]):
        quotes.price_tick[s] = min(max(quotes.value_tick[s], low_tick), high_tick)
    volume, price, _, _, welfare = clear(
        quotes.price_tick, quotes.quantity_wh, low_tick, high_tick, MIDPOINT, quotes.fill_wh
    )
    row.equilibrium_tick = price if volume > 0 else NO_PRICE_TICK
    row.possible_wh = volume
    row.possible_e8 = welfare


@lean_part
def add_trade(row: Any, price_tick: int, energy_wh: int) -> None:
    """Count a trade in."""
    row.trades += 1
    row.traded_wh += energy_wh
    row.amount_e8 += price_tick * energy_wh
    if row.lowest_tick == NO_PRICE_TICK:
        row.lowest_tick, row.highest_tick = price_tick, price_tick
    row.lowest_tick = min(row.lowest_tick, price_tick)
    row.highest_tick = max(row.highest_tick, price_tick)
    if row.equilibrium_tick != NO_PRICE_TICK:
        square = (price_tick - row.equilibrium_tick) * (price_tick - row.equilibrium_tick)
        if square > (SUM_LIMIT - row.square_deviation) // energy_wh:
            row.square_deviation = SUM_LIMIT
        else:
            row.square_deviation += square * energy_wh


@part
def measure_pool(
    k: int, market: Market, conditions: Conditions, arena: Arena, quotes: Quotes, quote_tick: int, row: Any
) -> None:
    """What the trades of a pool were worth, all at one price."""
    low, high = put_values(k, market, conditions, arena, quotes, quote_tick)
    homes = market.home.shape[0]
    if low <= high:
        put_equilibrium(quotes, low, high, row)
    amount, traded = 0, 0
    for h in range(homes):
        taken, given = arena.home_wh[TAKEN, h], arena.home_wh[GIVEN, h]
        to_short = min(taken, arena.home_wh[SHORT, h])
        # Where the broker takes all, no price covers a cost; then what the auction would pay stands for it.
        value = quote_tick if quotes.value_tick[h] == NEVER_TICK else quotes.value_tick[h]
        amount += arena.home_e8[h] if given > 0 else 0
        traded += given
        row.welfare_e8 += value * (to_short - given)
        if taken > to_short:
            row.welfare_e8 += quotes.value_tick[homes + h] * (taken - to_short)
    if traded > 0:
        add_trade(row, amount // traded, traded)
