"""The way back through a battery's intervals, which finds the levels, and the ways forward that follow them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from voltadesk.engine.batteries import charge, charge_room_wh, discharge, discharge_room_wh, stand
from voltadesk.engine.compiled import part
from voltadesk.engine.storage_below import Curve, best_fill, curve_of, reward, step_below, value_at
from voltadesk.engine.storage_value import (
    ENERGY,
    MISSING_TICK,
    TICK,
    WH,
    WORTH,
    Floats,
    Integers,
    Terms,
    find_levels,
    gather,
    has_room,
    is_concave,
    keep_of,
    merge,
    merge_plain,
    most_offers,
    plain_offers,
    restart,
    steps_of,
    take_shares,
    with_room,
)

EDGE_WH = 1e-6  # nearer than this to a break is at the break


class Way(NamedTuple):
    """What the way back leaves behind: levels, and the value itself where two levels don't say it all.

    Where an interval's first level is negative, it is -1 less the place of its segments in `slope` and `until`, and
    its second level is their number.
    """

    level: Floats  # interval t's begin at 2 t + its first step: two for its prices, one for each step [Wh]
    slope: Floats
    until: Floats


class Start(NamedTuple):
    """The value before the first interval: segments as in `storage_value`."""

    slope: Floats
    until: Floats


@part
def back_while_plain(
    row: Any, buy_tick: Integers, sell_tick: Integers, share_ppm: Integers, start_utc: int, step_s: int,
    slope: Floats, until: Floats, head: int, tail: int, t: int, level: Floats,
) -> tuple[int, int, int]:  # fmt: skip
    """Way back from t as long as there is room and offers are concave, without steps; returns head, tail and t.

    A loop of its own, in which no array is ever replaced: numba then counts no references.
    """
    keep, low, high = keep_of(row, step_s), float(row.minimum_fill_wh), float(row.maximum_fill_wh)
    while t >= 0 and has_room(slope, head, tail, 3):
        charge_wh, discharge_wh = take_shares(row, share_ppm, t, start_utc + t * step_s, step_s)
        buy_worth, stored, sell_worth, taken = plain_offers(row, buy_tick[t], sell_tick[t], charge_wh, discharge_wh)
        if stored > 0.0 and taken > 0.0 and buy_worth < sell_worth:
            break
        head, tail, level[2 * t], level[2 * t + 1] = merge_plain(
            slope, until, head, tail, buy_worth, stored, sell_worth, taken, keep, low, high
        )
        t -= 1
    return head, tail, t


@part
def go_back(row: Any, terms: Terms, start_utc: int, step_s: int, level: Floats) -> tuple[Start, Way]:
    """From the value after the last interval to that before the first. `level` (2 T + E,) becomes the way's."""
    buy_tick, sell_tick, share_ppm, step_from, steps, end = terms
    keep, low, high = keep_of(row, step_s), float(row.minimum_fill_wh), float(row.maximum_fill_wh)
    most = most_offers(step_from)
    offers, place = np.empty((4, most)), np.empty(most, np.int64)
    slope, until = np.empty(4 * len(end) + 256), np.empty(4 * len(end) + 256)
    head, tail = restart(slope, until, end, low, high)
    kept_slope, kept_until, kept, concave = np.empty(0), np.empty(0), 0, True
    t = len(buy_tick) - 1
    while t >= 0:
        begin, stop = steps_of(step_from, t)
        if not has_room(slope, head, tail, stop - begin + 3):
            slope, until, head, tail = with_room(slope, until, head, tail, stop - begin + 3)
        if len(steps) == 0 and concave:
            head, tail, t = back_while_plain(
                row, buy_tick, sell_tick, share_ppm, start_utc, step_s, slope, until, head, tail, t, level
            )
            if t < 0 or not has_room(slope, head, tail, 3):
                continue
        slot = 2 * t + begin
        level[slot] = 0.0
        charge_wh, discharge_wh = take_shares(row, share_ppm, t, start_utc + t * step_s, step_s)
        charges, count = gather(row, buy_tick[t], sell_tick[t], charge_wh, discharge_wh, steps, begin, stop, offers)
        t -= 1
        if concave and is_concave(offers, charges, count):
            find_levels(slope, until, head, offers, charges, count, place, level, slot)
            head, tail = merge(slope, until, head, tail, offers, charges, count, keep, low, high, place)
            continue
        pieces = tail - head
        if kept + pieces > len(kept_slope):
            kept_slope, kept_until = longer(kept_slope, kept, pieces), longer(kept_until, kept, pieces)
        kept_slope[kept : kept + pieces], kept_until[kept : kept + pieces] = slope[head:tail], until[head:tail]
        level[slot], level[slot + 1] = -1.0 - kept, pieces
        kept += pieces
        slope, until, head, tail, concave = step_below(
            slope, until, head, tail, offers, charges, count, keep, low, high
        )
    return Start(slope[head:tail].copy(), until[head:tail].copy()), Way(level, kept_slope, kept_until)


@part
def longer(values: Floats, used: int, more: int) -> Floats:
    wide = np.empty(2 * (used + more) + 1000)
    wide[:used] = values[:used]
    return wide


@part
def target_of(
    level: Floats, slot: int, kept_slope: Floats, kept_until: Floats,
    offers: Floats, charges: int, count: int, fill: float, low: float,
) -> float:  # fmt: skip
    """The fill to go to from `fill`, which standing loss has left."""
    if level[slot] < 0.0:
        begin = -int(level[slot]) - 1
        end = begin + int(level[slot + 1])
        return best_fill(curve_of(kept_slope[begin:end], kept_until[begin:end], low), offers, charges, count, fill)
    y = fill
    for j in range(charges - 1, -1, -1):  # the cheapest first
        if y < level[slot + j]:
            y = min(level[slot + j], y + offers[ENERGY, j])
    for j in range(charges, count):
        if y > level[slot + j]:
            y = max(level[slot + j], y - offers[ENERGY, j])
    return y


# In whole Wh ----------------------------------------------------------------------------------------------------------
@part
def bought_wh(row: Any, target: float, most_wh: int) -> int:
    """What to buy to come to a fill, as the settlement turns it into fill [Wh]; at full power where that is meant."""
    wanted = int(np.floor(target - row.fill_wh + EDGE_WH))
    if wanted <= 0:
        return 0
    if wanted < most_wh * row.charge_efficiency_ppm // 1_000_000:
        most_wh = -(-wanted * 1_000_000 // row.charge_efficiency_ppm)
    return charge_room_wh(row, most_wh, 0, 3600)  # a power for an hour is an energy


@part
def sold_wh(row: Any, target: float, most_wh: int) -> int:
    """What to sell to come to a fill [Wh]."""
    wanted = int(np.floor(row.fill_wh - target + EDGE_WH))
    if wanted <= 0:
        return 0
    if wanted < most_wh * 1_000_000 // row.discharge_efficiency_ppm:
        most_wh = wanted * row.discharge_efficiency_ppm // 1_000_000
    return discharge_room_wh(row, most_wh, 0, 3600)


@part
def price_of_e8(offers: Floats, begin: int, end: int, step: int, wh: int) -> int:
    """Money for so many Wh of the offers begin, begin + step, ... before end."""
    money = 0
    for j in range(begin, end, step):
        taken = min(wh, int(offers[WH, j]))
        money += taken * int(offers[TICK, j])
        wh -= taken
    return money


@part
def book(row: Any, bought: int, sold: int, paid_e8: int, got_e8: int, lost: int) -> None:
    """Let a battery charge or discharge, and add to its totals as the settlement does."""
    mode = 0
    if bought > 0:
        mode = 1
        lost += charge(row, bought)
        row.charged_wh += bought
        row.bought_e8 -= paid_e8
    if sold > 0:
        mode = -1
        lost += discharge(row, sold)
        row.discharged_wh += sold
        row.sold_e8 += got_e8
        row.wear_e8 += row.wear_cost_tick * sold
    if mode != 0 and mode != row.last_mode:
        row.mode_changes += 1 if row.last_mode != 0 else 0
        row.last_mode = mode
    row.loss_wh += lost


@part
def plain_target(charge_to: float, discharge_to: float, stored: float, taken: float, fill: float) -> float:
    """The fill to go to where there is one price to buy at and one to sell at."""
    if fill < charge_to:
        return min(charge_to, fill + stored)
    if fill > discharge_to:
        return max(discharge_to, fill - taken)
    return fill


@part
def follow(row: Any, terms: Terms, start_utc: int, step_s: int, way: Way, rows: Integers, path: Floats) -> float:
    """Follow the levels, with whole Wh as the settlement does and without rounding; returns what the latter earns.

    `rows` (3, T|0): bought, sold, fill; `path` (T|0,): fill without rounding. Puts two levels of each interval at the
    begin of `way.level`: room enough, as every interval has two slots or more.
    """
    buy_tick, sell_tick, share_ppm, step_from, steps, end = terms
    level, kept_slope, kept_until = way
    keep, low, smooth_fill, earned = keep_of(row, step_s), float(row.minimum_fill_wh), float(row.fill_wh), 0.0
    offers = np.empty((4, most_offers(step_from)))
    for t in range(len(buy_tick)):
        lost = stand(row, step_s)
        charge_wh, discharge_wh = take_shares(row, share_ppm, t, start_utc + t * step_s, step_s)
        begin, stop = steps_of(step_from, t)
        slot, fill, before = 2 * t + begin, float(row.fill_wh), smooth_fill * keep
        if len(steps) == 0 and level[slot] >= 0.0:
            buy, stored, sell, taken = plain_offers(row, buy_tick[t], sell_tick[t], charge_wh, discharge_wh)
            target = plain_target(level[slot], level[slot + 1], stored, taken, fill)
            smooth_fill = plain_target(level[slot], level[slot + 1], stored, taken, before)
            earned += (before - smooth_fill) * (buy if smooth_fill > before else sell)
            bought, sold = bought_wh(row, target, charge_wh), sold_wh(row, target, discharge_wh)
            book(row, bought, sold, bought * buy_tick[t], sold * sell_tick[t], lost)
            level[2 * t], level[2 * t + 1] = level[slot], level[slot + 1]
        else:
            charges, count = gather(row, buy_tick[t], sell_tick[t], charge_wh, discharge_wh, steps, begin, stop, offers)
            target = target_of(level, slot, kept_slope, kept_until, offers, charges, count, fill, low)
            smooth_fill = target_of(level, slot, kept_slope, kept_until, offers, charges, count, before, low)
            earned += reward(offers, charges, count, before - smooth_fill)
            bought, sold = trade(row, offers, charges, count, target, lost)
            level[2 * t], level[2 * t + 1] = _two_levels(level, slot, charges, count, target)
        if rows.shape[1]:
            rows[0, t], rows[1, t], rows[2, t] = bought, sold, row.fill_wh
        if len(path):
            path[t] = smooth_fill
    return earned + value_at(_end_curve(end, low, float(row.maximum_fill_wh)), smooth_fill)


@part
def trade(row: Any, offers: Floats, charges: int, count: int, target: float, lost: int) -> tuple[int, int]:
    """Buy or sell what brings a battery to a fill, and book it; returns both [Wh]."""
    bought = bought_wh(row, target, _energies(offers, 0, charges))
    sold = sold_wh(row, target, _energies(offers, charges, count))
    paid_e8 = price_of_e8(offers, charges - 1, -1, -1, bought)
    book(row, bought, sold, paid_e8, price_of_e8(offers, charges, count, 1, sold), lost)
    return bought, sold


@part
def _energies(offers: Floats, begin: int, end: int) -> int:
    """Energy of some offers [Wh at the grid's side]."""
    total = 0
    for j in range(begin, end):
        total += int(offers[WH, j])
    return total


@part
def _two_levels(level: Floats, slot: int, charges: int, count: int, target: float) -> tuple[float, float]:
    """The level of the cheapest charge and of the dearest discharge; where two levels don't say it all, the target."""
    if level[slot] < 0.0:
        return target, target
    return (
        level[slot + charges - 1] if charges > 0 else 0.0,
        level[slot + charges] if count > charges else np.inf,
    )


@part
def _end_curve(end: Floats, low: float, high: float) -> Curve:
    slope, until = np.empty(len(end) + 8), np.empty(len(end) + 8)
    head, tail = restart(slope, until, end, low, high)
    return curve_of(slope[head:tail], until[head:tail], low)


# Worth ----------------------------------------------------------------------------------------------------------------
@part
def _sides(slope: Floats, until: Floats, at: float, edge: float) -> tuple[float, float]:
    """Slopes left and right of a place among segments; +-infinite beyond their ends."""
    left, right, begin = np.inf, -np.inf, -np.inf
    for j in range(len(slope)):
        if begin < at - edge:
            left = slope[j]
        if until[j] > at + edge:
            return left, slope[j]
        begin = until[j]
    return left, right


@part
def margins(row: Any, terms: Terms, start_utc: int, step_s: int, path: Floats, worth: Floats) -> None:
    """Slopes of the value right and left of each fill of a path, into `worth` (T, 2) [tick per stored MWh].

    Backward along the path: a little more before an interval is either kept or traded in it, whichever is better.
    """
    buy_tick, sell_tick, share_ppm, step_from, steps, end = terms
    keep, low, high = keep_of(row, step_s), float(row.minimum_fill_wh), float(row.maximum_fill_wh)
    edge = EDGE_WH + 1e-10 * high
    curve, offers = _end_curve(end, low, high), np.empty((4, most_offers(step_from)))
    less, more = _sides(curve.k, curve.x[1:], path[-1], edge)
    for t in range(len(path) - 1, -1, -1):
        if path[t] >= high - edge:
            more = -np.inf
        if path[t] <= low + edge:
            less = np.inf if low == 0.0 else MISSING_TICK
            more = MISSING_TICK if path[t] < low - edge else more
        worth[t, 0], worth[t, 1] = more, less
        charge_wh, discharge_wh = take_shares(row, share_ppm, t, start_utc + t * step_s, step_s)
        begin, stop = steps_of(step_from, t)
        charges, count = gather(
            row, buy_tick[t], sell_tick[t], charge_wh, discharge_wh, steps, begin, stop, offers
        )  # fmt: skip
        before = (path[t - 1] if t > 0 else float(row.fill_wh)) * keep
        left, right = _offer_sides(offers, charges, count, before - path[t], edge)
        more, less = max(more, right) * keep, min(less, left) * keep


@part
def _offer_sides(offers: Floats, charges: int, count: int, taken: float, edge: float) -> tuple[float, float]:
    """What a little less and a little more taken out of the battery changes, per MWh; +-infinite where it can't be."""
    left, right, begin = np.inf, -np.inf, 0.0
    for j in range(charges):
        begin -= offers[ENERGY, j]
    for j in range(count):
        if begin < taken - edge:
            left = offers[WORTH, j]
        begin += offers[ENERGY, j]
        if begin > taken + edge:
            return left, offers[WORTH, j]
    return left, right
