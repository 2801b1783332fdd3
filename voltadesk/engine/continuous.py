"""A community that trades on an order book: in each interval all quote in turn, until its gate closes.

Who quotes by ZIC, "zero intelligence, constrained", draws each price evenly from those at which it can't lose and that
somebody could take; who quotes by value asks what it would just accept. Source: Gode & Sunder, "Allocative efficiency
of markets with zero-intelligence traders", Journal of Political Economy 101, 1993. Trades are those of `book_trading`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from voltadesk.engine import book_levels as lv
from voltadesk.engine.arena import GIVEN, TAKEN, Arena, Market, Measured, Quotes
from voltadesk.engine.book_events import FOR_SESSION, KIND_LIMIT, NEVER_UTC, NOBODY
from voltadesk.engine.book_levels import Ladder
from voltadesk.engine.book_trading import trade
from voltadesk.engine.compiled import lean_part, part
from voltadesk.engine.homes import random_bits
from voltadesk.engine.quotes import add_trade, put_equilibrium, put_values
from voltadesk.engine.rounding import average_price_up_tick
from voltadesk.engine.tables import Conditions, Table

STREAM_QUOTE = np.int64(-5)  # of round 0, which needs no draws; each round has the one below
TURNS_BITS = 22  # more turns than a round can have
_LOW_HALF = uint64(0xFFFF_FFFF)


@part
def trade_continuous(
    k: int,
    i: int,
    market: Market,
    conditions: Conditions,
    arena: Arena,
    measured: Measured,
    row: Any,
    second_from: int,
) -> None:
    """Trade on the book of interval `i`; what was traded is written to the arena and taken off batteries' orders."""
    rules, quotes, result = market.rules[0], measured.quotes, market.intervals[i]
    low, high = put_values(k, market, conditions, arena, quotes, result.quote_tick)
    if low > high:
        return
    put_equilibrium(quotes, low, high, row)
    if row.possible_wh > 0:
        quotes.fill_wh[:] = 0
        quotes.amount_e8[:] = 0
        first_index = second_from // rules.step_s << TURNS_BITS
        _run_rounds(rules, quotes, arena.first_plant, measured.opening[k], low, high, first_index, row)
        _hand_over(market, arena, quotes, row)
    result.community_wh = row.traded_wh
    if row.traded_wh > 0:
        result.community_price_tick = average_price_up_tick(row.amount_e8, row.traded_wh)


@part
def _run_rounds(
    rules: Any,
    quotes: Quotes,
    first_bid: int,
    opening: NDArray[np.int64],
    low: int,
    high: int,
    first_index: int,
    row: Any,
) -> None:
    """First batteries' and people's orders, then all rounds of homes: in each every order has one turn, as drawn.

    `first_bid` is the slot of the first battery's bid. Ends when one side has nothing left.
    """
    ladder, reports, open_wh = _fresh_book(quotes, low, high), lv.report_rows(quotes.where), np.zeros(2, np.int64)
    for s in range(quotes.quantity_wh.shape[0]):
        quotes.left_wh[s] = abs(quotes.quantity_wh[s])
        open_wh[int(quotes.quantity_wh[s] < 0)] += quotes.left_wh[s]
    turns = opening.shape[0]
    quotes.turn[:turns] = first_bid + opening
    for r in range(rules.community_rounds + 1):
        for n in range(turns):
            if open_wh[0] == 0 or open_wh[1] == 0:
                return
            bits = random_bits(rules.community_seed, STREAM_QUOTE - r, first_index + n)
            if r > 0:
                # Forward Fisher-Yates: each of those whose turn is still to come is next with the same chance.
                other = n + (np.int64(bits & _LOW_HALF) * (turns - n) >> 32)
                quotes.turn[n], quotes.turn[other] = quotes.turn[other], quotes.turn[n]
            s = quotes.turn[n]
            if quotes.left_wh[s] > 0:
                price = quotes.value_tick[s]
                if quotes.is_drawn[s]:
                    price = _drawn_tick(np.int64(bits >> uint64(32)), price, quotes.quantity_wh[s] > 0, low, high)
                _take_turn(ladder, reports, quotes, s, price, first_bid, open_wh, row)
        turns = _who_comes(quotes, first_bid) if r == 0 else _who_goes_on(quotes, turns)


@lean_part
def _take_turn(
    ladder: Ladder,
    reports: Table,
    quotes: Quotes,
    slot: int,
    price_tick: int,
    first_bid: int,
    open_wh: NDArray[np.int64],
    row: Any,
) -> None:
    """Quote a price, and count in what that trades."""
    first_report = ladder.state[lv.SEQUENCE]
    row.quotes += 1
    _quote(ladder, reports, quotes, slot, price_tick)
    for n in range(first_report, ladder.state[lv.SEQUENCE]):
        traded = reports[n]
        other = traded.other_id - 1
        _post(quotes, slot, other, traded.price_tick, traded.quantity_wh, open_wh, row)
        for each in (slot, other):
            if each >= first_bid:
                _leave_other_side(ladder, quotes, each, first_bid, open_wh)


@part
def _fresh_book(quotes: Quotes, low_tick: int, high_tick: int) -> Ladder:
    """An empty book from the lowest to the highest price."""
    quotes.memory[:] = 0
    quotes.place[:] = 0
    state = quotes.memory
    state[lv.FLOOR_TICK] = low_tick
    state[lv.CAP_TICK] = high_tick
    state[lv.SPAN] = high_tick - low_tick + 1
    state[lv.BEST] = lv.NO_LEVEL
    state[lv.BEST_OFFER] = lv.NO_LEVEL
    state[lv.FRESH] = 1
    state[lv.EXPIRY_UTC] = NEVER_UTC
    return lv.opened(quotes.where)


@lean_part
def _drawn_tick(share: int, value_tick: int, is_bid: bool, low_tick: int, high_tick: int) -> int:
    """A price from the lowest up to a buyer's value, or from a seller's cost up to the highest; `share` of 2^32."""
    if is_bid:
        return low_tick + (share * (value_tick - low_tick + 1) >> 32)
    return value_tick + (share * (high_tick - value_tick + 1) >> 32)


@lean_part
def _quote(ladder: Ladder, reports: Table, quotes: Quotes, slot: int, price_tick: int) -> None:
    """Place a limit order for all that is left, or give the one that is there another price, as an amendment does."""
    side = int(quotes.quantity_wh[slot] < 0)
    level = lv.level_of(ladder, side, price_tick)
    number = ladder.place[slot + 1]
    if number > 0:
        if ladder.orders[number].level == level:
            return  # the price that it had: it keeps its place
        lv.unlink(ladder, number)
    left_wh = trade(ladder, reports, slot + 1, side, lv.worst_met(ladder, level), quotes.left_wh[slot])
    if number > 0 and left_wh > 0:
        lv.show(ladder, number, left_wh)
        lv.append(ladder, number, level)
    elif number > 0:
        lv.release(ladder, number)
    elif left_wh > 0:
        lv.add_order(ladder, slot + 1, NOBODY, KIND_LIMIT, level, left_wh, 0, FOR_SESSION)


@lean_part
def _post(
    quotes: Quotes, mine: int, other: int, price_tick: int, energy_wh: int, open_wh: NDArray[np.int64], row: Any
) -> None:
    """Count a trade of two slots in: for both, for what their sides have left, and for the interval."""
    for slot in (mine, other):
        quotes.fill_wh[slot] += energy_wh
        quotes.amount_e8[slot] += energy_wh * price_tick
        quotes.left_wh[slot] -= energy_wh
    open_wh[0] -= energy_wh
    open_wh[1] -= energy_wh
    gain_tick = quotes.value_tick[mine] - quotes.value_tick[other]
    row.welfare_e8 += energy_wh * (gain_tick if quotes.quantity_wh[mine] > 0 else -gain_tick)
    add_trade(row, price_tick, energy_wh)


@lean_part
def _leave_other_side(ladder: Ladder, quotes: Quotes, slot: int, first_bid: int, open_wh: NDArray[np.int64]) -> None:
    """A battery that has traded either charges or discharges: its order of the other side leaves the book."""
    fleet = (quotes.left_wh.shape[0] - first_bid) // 2
    other = slot + fleet if slot < first_bid + fleet else slot - fleet
    if quotes.left_wh[other] > 0:
        open_wh[int(quotes.quantity_wh[other] < 0)] -= quotes.left_wh[other]
        quotes.left_wh[other] = 0
        number = ladder.place[other + 1]
        if number > 0:
            lv.unlink(ladder, number)
            lv.release(ladder, number)


@part
def _who_comes(quotes: Quotes, homes_slots: int) -> int:
    """Have all orders of homes that quote take turns; returns how many they are."""
    kept = 0
    for s in range(homes_slots):
        if quotes.left_wh[s] > 0:
            quotes.turn[kept] = s
            kept += 1
    return kept


@part
def _who_goes_on(quotes: Quotes, turns: int) -> int:
    """Keep those that will quote another price; a value stays what it was. Returns how many."""
    kept = 0
    for n in range(turns):
        s = quotes.turn[n]
        if quotes.left_wh[s] > 0 and quotes.is_drawn[s]:
            quotes.turn[kept] = s
            kept += 1
    return kept


@part
def _hand_over(market: Market, arena: Arena, quotes: Quotes, row: Any) -> None:
    """Write what homes and batteries traded to the arena, and take it off what batteries bid in the auction."""
    homes, fleet = market.home.shape[0], market.battery.shape[0]
    first = arena.first_plant
    for h in range(homes):
        sign = -1 if quotes.quantity_wh[h] < 0 else 1
        arena.home_wh[GIVEN if sign < 0 else TAKEN, h] = quotes.fill_wh[h]
        arena.home_e8[h] = -sign * quotes.amount_e8[h]
        if first > homes:
            arena.home_wh[TAKEN, h] += quotes.fill_wh[homes + h]
            arena.home_e8[h] -= quotes.amount_e8[homes + h]
    at = first + 2 * market.plant.shape[0] + 2
    for b in range(fleet):
        bought, sold = quotes.fill_wh[first + b], quotes.fill_wh[first + fleet + b]
        arena.battery_wh[0, b] = bought
        arena.battery_wh[1, b] = sold
        arena.battery_e8[b] = quotes.amount_e8[first + fleet + b] - quotes.amount_e8[first + b]
        if bought > 0 or sold > 0:
            arena.quantity_wh[at + b] = arena.quantity_wh[at + b] - bought if bought > 0 else 0
            arena.quantity_wh[at + fleet + b] = arena.quantity_wh[at + fleet + b] + sold if sold > 0 else 0
    fees = market.rules[0].community_grid_fee_tick + market.rules[0].community_levy_tick
    dearest = max(abs(row.lowest_tick), abs(row.highest_tick))
    arena.turnover_e8[0] += 2 * row.traded_wh * (dearest + fees)
