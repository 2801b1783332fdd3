"""Re-solving: at every interval a battery's value of stored energy is worked out anew from what prices are expected.

The value after an interval comes from the prices expected for the H intervals that follow; what it is worth there
decides about the interval's own price. So the same value gives the limits to bid at before that price is known
(`limits_of_fleet`), and the trade once it is (`resolve`). One step of the way back costs some 100 ns, so nothing is
kept from one interval to the next.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from voltadesk.engine.arguments import within
from voltadesk.engine.batteries import stand
from voltadesk.engine.compiled import kernel, part
from voltadesk.engine.storage import checked_battery
from voltadesk.engine.storage_below import best_fill, curve_of, step_below
from voltadesk.engine.storage_path import go_back, target_of, trade
from voltadesk.engine.storage_value import (
    ENERGY,
    MISSING_TICK,
    NO_BUDGET,
    WORTH,
    Budget,
    Floats,
    Integers,
    Terms,
    find_levels,
    gather,
    has_room,
    is_concave,
    is_used_up,
    keep_of,
    left_of,
    merge_plain,
    most_offers,
    restart,
    spent,
    steps_of,
    take_shares,
    with_room,
)
from voltadesk.engine.tables import NO_PRICE_TICK, Table
from voltadesk.errors import BadInput
from voltadesk.units import PRICE_LIMIT_TICK


class Resolved(NamedTuple):
    """What was done in T intervals."""

    bought_wh: Integers  # (T,) at the grid's side [Wh]
    sold_wh: Integers  # (T,)
    fill_wh: Integers  # (T,) at the end of the interval
    limit_tick: Integers  # (2, T) what to buy and to sell at, before the interval's price is known; NO_PRICE_TICK: not
    worth_tick: Floats  # (2, T) of a MWh more and less than the fill before trading [tick per stored MWh]
    battery: Table  # (1,) the battery's row afterwards, with its totals


class Outlook(NamedTuple):
    """What is expected, seen from each of T intervals."""

    forecast_tick: Floats  # flat; interval t's begins at first + t x stride
    first: int
    stride: int
    shift_tick: Floats  # (T,) added to interval t's forecast ...
    fading: Floats  # (H,) ... by this share
    buy_adder_tick: float
    sell_adder_tick: float
    end_tick: Floats  # (T,) worth of energy beyond the horizon [tick per stored MWh]


# Limits ---------------------------------------------------------------------------------------------------------------
@part
def chords(slope: Floats, until: Floats, low: float, fill: float) -> tuple[float, float, float, float]:
    """Most that a MWh more can be worth, and least that one less can, at a fill; and up and down to which fill.

    Of a concave value these are the slopes right and left of it. Minus infinity when full, infinity when empty.
    """
    curve = curve_of(slope, until, low)
    n = len(curve.k)
    i = 0
    while i < n - 1 and curve.x[i + 1] <= fill:
        i += 1
    value = curve.v[i] + curve.k[i] * (fill - curve.x[i])
    more, more_to, less, less_to = -np.inf, fill, np.inf, fill
    for j in range(i + 1, n + 1):
        if curve.x[j] > fill:
            chord = (curve.v[j] - value) / (curve.x[j] - fill)
            if chord > more:
                more, more_to = chord, curve.x[j]
    for j in range(i, -1, -1):
        if max(low, 0.0) <= curve.x[j] < fill:
            chord = (value - curve.v[j]) / (fill - curve.x[j])
            if chord < less:
                less, less_to = chord, curve.x[j]
    return more, more_to, less, less_to


@part
def limits(row: Any, more: float, less: float) -> tuple[int, int]:
    """The highest price at which buying earns something, and the lowest at which selling does."""
    buy, sell = NO_PRICE_TICK, NO_PRICE_TICK
    if more > -np.inf:
        tick = int(np.ceil(more * row.charge_efficiency_ppm * 1e-6 - 1e-6)) - 1
        buy = min(max(tick, -PRICE_LIMIT_TICK), PRICE_LIMIT_TICK)
    if less < np.inf:
        tick = int(np.floor(less / (row.discharge_efficiency_ppm * 1e-6) + row.wear_cost_tick + 1e-6)) + 1
        sell = min(max(tick, -PRICE_LIMIT_TICK), PRICE_LIMIT_TICK)
    return buy, sell


@kernel
def _limits_of_fleet(
    battery: Any, terms: Terms, end_tick: Floats, start_utc: int, step_s: int, limit_tick: Integers, worth_tick: Floats
) -> None:
    level = np.empty(2 * len(terms.buy_tick) + len(terms.steps))
    for b in range(len(battery)):
        row = battery[b]
        stand(row, step_s)
        own = Terms(
            terms.buy_tick, terms.sell_tick, terms.share_ppm, terms.step_from, terms.steps,
            np.array([[end_tick[b], np.inf]]),
        )  # fmt: skip
        value, _ = go_back(row, own, start_utc + step_s, step_s, level)
        more, _, less, _ = chords(value.slope, value.until, float(row.minimum_fill_wh), float(row.fill_wh))
        worth_tick[0, b], worth_tick[1, b] = more, less
        limit_tick[0, b], limit_tick[1, b] = limits(row, more, less)


def limits_of_fleet(
    battery: Table, expected: Terms, end_tick: ArrayLike, start_utc: int, step_s: int
) -> tuple[Integers, Floats]:
    """The limits at which each of B batteries does well to buy and to sell in an interval, and why.

    battery     (B,) of `tables.BATTERY` with their fill before the interval; not changed
    expected    as from `storage.terms`, for the intervals that follow it; its end plays no part
    end_tick    (B,) or one: worth of energy after those [0.01 per stored MWh]
    start_utc   begin of the interval itself [s]

    Returns limits (2, B) [0.01/MWh]: the most to pay for a MWh and the least to take, NO_PRICE_TICK when full or
    empty; and what a MWh more and the last one held are worth (2, B) [0.01 per stored MWh], minus infinity when full
    and infinity when empty. Between its limits a battery keeps still. Raises BadInput as `storage.schedule`.
    """
    rows = checked_battery(battery, len(battery), step_s)
    limit_tick, worth_tick = np.empty((2, len(rows)), np.int64), np.empty((2, len(rows)))
    ends = _each("end_tick", end_tick, len(rows), MISSING_TICK / 10)
    _limits_of_fleet(rows, expected, ends, start_utc, step_s, limit_tick, worth_tick)
    return limit_tick, worth_tick


# Re-solving -----------------------------------------------------------------------------------------------------------
@part
def back_while_plain(
    slope: Floats, until: Floats, head: int, tail: int, buy_worth: Floats, sell_worth: Floats, h: int,
    stored: float, taken: float, keep: float, low: float, high: float,
) -> tuple[int, int, int]:  # fmt: skip
    """Steps back from h on, as long as offers are concave and there is room; returns head, tail and where it stopped.

    A loop of its own, in which no array is ever replaced: numba then counts no references.
    """
    both = stored > 0.0 and taken > 0.0
    while h >= 0 and has_room(slope, head, tail, 3) and not (both and buy_worth[h] < sell_worth[h]):
        head, tail, _, _ = merge_plain(
            slope, until, head, tail, buy_worth[h], stored, sell_worth[h], taken, keep, low, high
        )
        h -= 1
    return head, tail, h


@part
def look_ahead(
    row: Any, outlook: Outlook, t: int, step_s: int, slope: Floats, until: Floats, offers: Floats, worth: Floats
) -> tuple[Floats, Floats, int, int, bool]:
    """The value of stored energy at the end of interval t, from what is expected there; at full power.

    `worth` (2, H) is scratch.
    """
    forecast_tick, first, stride, shift_tick, fading, buy_adder, sell_adder, end_tick = outlook
    keep, low, high = keep_of(row, step_s), float(row.minimum_fill_wh), float(row.maximum_fill_wh)
    charge, discharge = row.charge_efficiency_ppm * 1e-6, row.discharge_efficiency_ppm * 1e-6
    shift, base, wear = shift_tick[t], first + t * stride, float(row.wear_cost_tick)
    stored = row.charge_power_w * step_s / 3600.0 * charge
    taken = row.discharge_power_w * step_s / 3600.0 / discharge
    for h in range(len(fading)):
        tick = forecast_tick[base + h] + shift * fading[h]
        worth[0, h], worth[1, h] = (tick + buy_adder) / charge, (tick - sell_adder - wear) * discharge
    head, tail = restart(slope, until, np.array([[end_tick[t], np.inf]]), low, high)
    concave, h = True, len(fading) - 1
    charges = 1 if stored > 0.0 else 0
    count = charges + (1 if taken > 0.0 else 0)
    while h >= 0:
        if concave:
            head, tail, h = back_while_plain(
                slope, until, head, tail, worth[0], worth[1], h, stored, taken, keep, low, high
            )
            if h < 0:
                break
            if not has_room(slope, head, tail, 3):
                slope, until, head, tail = with_room(slope, until, head, tail, 3)
                continue
        offers[WORTH, 0], offers[ENERGY, 0] = worth[0, h], stored
        offers[WORTH, charges], offers[ENERGY, charges] = worth[1, h], taken
        slope, until, head, tail, concave = step_below(
            slope, until, head, tail, offers, charges, count, keep, low, high
        )
        h -= 1
    return slope, until, head, tail, concave


@part
def target_at(
    slope: Floats, until: Floats, head: int, tail: int, concave: bool,
    offers: Floats, charges: int, count: int, fill: float, low: float, place: Integers, level: Floats,
) -> float:  # fmt: skip
    """The fill to go to at an interval's offers."""
    if concave and is_concave(offers, charges, count):
        find_levels(slope, until, head, offers, charges, count, place, level, 0)
        return target_of(level, 0, slope, until, offers, charges, count, fill, low)
    return best_fill(curve_of(slope[head:tail], until[head:tail], low), offers, charges, count, fill)


@kernel
def _resolve(
    battery: Any, terms: Terms, outlook: Outlook, start_utc: int, step_s: int, budget: Budget,
    rows: Integers, limit_tick: Integers, worth_tick: Floats,
) -> None:  # fmt: skip
    row = battery[0]
    buy_tick, sell_tick, share_ppm, step_from, steps, _ = terms
    low, most = float(row.minimum_fill_wh), most_offers(step_from)
    offers, place, level = np.empty((4, most)), np.empty(most, np.int64), np.zeros(most)
    slope, until, worth = np.empty(1024), np.empty(1024), np.empty((2, len(outlook.fading)))
    for t in range(len(buy_tick)):
        lost, second = stand(row, step_s), start_utc + t * step_s
        charge_wh, discharge_wh = take_shares(row, share_ppm, t, second, step_s)
        discharge_wh = left_of(budget, t, discharge_wh)
        if is_used_up(budget, t) and buy_tick[t] > 0:
            charge_wh = 0
        slope, until, head, tail, concave = look_ahead(row, outlook, t, step_s, slope, until, offers, worth)
        fill = float(row.fill_wh)
        more, _, less, _ = chords(slope[head:tail], until[head:tail], low, fill)
        worth_tick[0, t], worth_tick[1, t] = more, less
        limit_tick[0, t], limit_tick[1, t] = limits(row, more, less)
        begin, stop = steps_of(step_from, t)
        charges, count = gather(row, buy_tick[t], sell_tick[t], charge_wh, discharge_wh, steps, begin, stop, offers)
        target = target_at(slope, until, head, tail, concave, offers, charges, count, fill, low, place, level)
        bought, sold = trade(row, offers, charges, count, target, lost)
        spent(budget, t, sold)
        rows[0, t], rows[1, t], rows[2, t] = bought, sold, row.fill_wh


def resolve(
    battery: Table,
    offered: Terms,
    forecast_tick: ArrayLike,
    start_utc: int,
    step_s: int,
    *,
    horizon: int | None = None,
    buy_adder_tick: float = 0.0,
    sell_adder_tick: float = 0.0,
    shift_tick: ArrayLike | None = None,
    fading: ArrayLike | None = None,
    end_tick: ArrayLike = 0.0,
    budget: Budget = NO_BUDGET,
) -> Resolved:
    """What a battery does that solves its next H intervals anew in every one of T.

    battery         (1,) of `tables.BATTERY`; not changed
    offered         T intervals as from `storage.terms`: what they turn out to offer; its end plays no part
    forecast_tick   (T, H): row t what is expected, in interval t, for t + 1, t + 2, ...; or one series (T + H,) of
                    which interval t sees entries t + 1 to t + H, and then `horizon` is H [0.01/MWh]
    *_adder_tick    what buying costs above, and selling brings below the forecast [0.01/MWh]
    shift_tick      (T,) added to all that interval t expects, by a share `fading` (H,): the residual of its own price
    end_tick        (T,) or one number: worth of energy at the horizon's end [0.01 per stored MWh]

    budget          what may be sold in all, and is then taken off; look-ahead does not reckon with it

    Ahead a battery has its full power and own efficiencies, as outages are not known. The interval's own price is, when
    it trades. Raises BadInput for shapes that don't fit and numbers out of range.
    """
    after = checked_battery(battery, 1, step_s)
    count = len(offered.buy_tick)
    forecast = np.asarray(forecast_tick, np.float64)
    ahead = forecast.shape[1] if forecast.ndim == 2 else horizon or 0
    flat = forecast.ndim == 1
    if ahead < 1 or (forecast.shape[0] < count + ahead if flat else forecast.shape[0] != count):
        limit = f"must be ({count}, H), or ({count} + H,) with a horizon H"
        raise BadInput("forecast_tick", str(forecast.shape), limit)
    within("forecast_tick", forecast, -PRICE_LIMIT_TICK, PRICE_LIMIT_TICK)
    outlook = Outlook(
        np.ascontiguousarray(forecast).reshape(-1), 1 if flat else 0, 1 if flat else ahead,
        _each("shift_tick", 0.0 if shift_tick is None else shift_tick, count, PRICE_LIMIT_TICK),
        _each("fading", 0.0 if fading is None else fading, ahead, 1.0),
        float(buy_adder_tick), float(sell_adder_tick),
        _each("end_tick", end_tick, count, MISSING_TICK / 10),
    )  # fmt: skip
    rows, limit_tick, worth = np.empty((3, count), np.int64), np.empty((2, count), np.int64), np.empty((2, count))
    _resolve(after, offered, outlook, start_utc, step_s, budget, rows, limit_tick, worth)
    return Resolved(rows[0], rows[1], rows[2], limit_tick, worth, after)


def _each(field: str, values: ArrayLike, count: int, most: float) -> Floats:
    array = np.asarray(values, np.float64)
    if array.shape not in ((), (count,)):
        raise BadInput(field, str(array.shape), f"must be ({count},) or one number")
    within(field, array, -most, most)
    return np.array(np.broadcast_to(array, (count,)))
