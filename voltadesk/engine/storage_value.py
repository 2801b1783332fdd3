"""The value of stored energy as a list of slopes, and how one interval changes it while it is concave.

V(y) is what the energy y in a battery at the end of an interval will earn from there on. It is piecewise linear on the
window from the least to the most fill, and kept as segments from the left: slope [tick per stored MWh], and the fill
where it ends [Wh]. Below the least fill it falls by `MISSING_TICK`: what standing loss takes from there is bought back
at any price.

An interval offers ways to charge, each at a worth of price / efficiency, and ways to discharge, each at a worth of
(price - wear) x efficiency. With z the fill after standing loss,

    W(z) = max over y of V(y) + f(z - y),

f being the concave function made of the offers in descending worth. So W is the merge of both lists of segments, cut
to the window at both ends (sup-convolution), and the best y lies between two levels: charge up to where V is steeper
than the charge, discharge down to where it is flatter than the discharge.

Sources: J. Cruise, L. Flatley, R. Gibbens, S. Zachary, arXiv 1406.3653; M. U. Hashmi, A. Mukhopadhyay, A. Busic,
J. Elias, D. Kiedanski, arXiv 2002.01524; B. Xu, M. Korpas, A. Botterud, arXiv 1910.09149; N. Zheng, J. Jaworski,
B. Xu, arXiv 2108.06000.

Parts take single arrays, not tuples of them: numba counts references of each array of a tuple at each call, which
would cost more than the work.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.compiled import part
from voltadesk.engine.rounding import energy_of_power_wh
from voltadesk.engine.tables import NO_PRICE_TICK

MISSING_TICK = 1e9  # slope below the least fill: above every price over any sensible efficiency
TINY_WH = 1e-7  # shorter segments are roundings

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Rows of an interval's offers (4, n), in descending worth while that is concave: charges, then discharges.
WORTH, ENERGY, TICK, WH = range(4)  # [tick per stored MWh], [stored Wh], price, [Wh at the grid's side]; all float64
# Rows of the shares of T intervals (4, T|1), in ppm.
CHARGE_POWER, DISCHARGE_POWER, CHARGE_EFFICIENCY, DISCHARGE_EFFICIENCY = range(4)
OWN = -1  # an efficiency: the battery's own


class Terms(NamedTuple):
    """What T intervals offer a battery; `storage.terms` makes and explains it."""

    buy_tick: Integers  # (T,) NO_PRICE_TICK: nothing to be had but from steps
    sell_tick: Integers  # (T,) NO_PRICE_TICK: no sale but to steps
    share_ppm: Integers  # (4, T|1) shares of power, and efficiencies
    step_from: Integers  # (T + 1|0,) where the steps of an interval begin
    steps: Integers  # (E, 2) price and energy: to be bought (above 0), cheapest first, then to be sold, dearest first
    end: Floats  # (n, 2) slopes of the value after the last interval, descending, and their lengths


class Budget(NamedTuple):
    """How much may still be sold in each of some periods; what is sold is taken off as it happens."""

    period: Integers  # (T,) of each interval, from 0 to P - 1; (0,): there is no limit
    left_wh: Integers  # (P,) at the grid's side


NO_BUDGET = Budget(np.empty(0, np.int64), np.empty(0, np.int64))


# What an interval offers ----------------------------------------------------------------------------------------------
@part
def most_offers(step_from: Integers) -> int:
    """Most offers of an interval: its two prices and its steps."""
    most = 0
    for t in range(len(step_from) - 1):
        most = max(most, step_from[t + 1] - step_from[t])
    return most + 2


@part
def steps_of(step_from: Integers, t: int) -> tuple[int, int]:
    """Begin and end of an interval's steps."""
    if len(step_from) == 0:
        return 0, 0
    return step_from[t], step_from[t + 1]


@part
def keep_of(row: Any, step_s: int) -> float:
    """Share of the fill that an interval's standing loss leaves."""
    return 1.0 - row.standing_loss_ppm_per_hour * step_s / 3.6e9


@part
def take_shares(row: Any, share_ppm: Integers, t: int, second: int, step_s: int) -> tuple[int, int]:
    """Most to be bought and sold in an interval [Wh]; the row gets the interval's efficiencies, if it has any."""
    t = t if share_ppm.shape[1] > 1 else 0
    if share_ppm[CHARGE_EFFICIENCY, t] != OWN:
        row.charge_efficiency_ppm = share_ppm[CHARGE_EFFICIENCY, t]
    if share_ppm[DISCHARGE_EFFICIENCY, t] != OWN:
        row.discharge_efficiency_ppm = share_ppm[DISCHARGE_EFFICIENCY, t]
    charge_w = row.charge_power_w * share_ppm[CHARGE_POWER, t] // 1_000_000
    discharge_w = row.discharge_power_w * share_ppm[DISCHARGE_POWER, t] // 1_000_000
    return (
        energy_of_power_wh(charge_w, second, second + step_s),
        energy_of_power_wh(discharge_w, second, second + step_s),
    )


@part
def left_of(budget: Budget, t: int, wh: int) -> int:
    """As much of an energy as may still be sold in the interval [Wh]."""
    period, left_wh = budget
    return wh if len(period) == 0 else min(wh, left_wh[period[t]])


@part
def is_used_up(budget: Budget, t: int) -> bool:
    """Whether nothing can be sold any more, in the interval or later."""
    period, left_wh = budget
    return len(period) > 0 and period[t] == len(left_wh) - 1 and left_wh[period[t]] == 0


@part
def spent(budget: Budget, t: int, wh: int) -> int:
    """The same, and it is taken off."""
    period, left_wh = budget
    sold = left_of(budget, t, wh)
    if len(period):
        left_wh[period[t]] -= sold
    return sold


@part
def gather(
    row: Any, buy_tick: int, sell_tick: int, charge_wh: int, discharge_wh: int,
    steps: Integers, begin: int, end: int, offers: Floats,
) -> tuple[int, int]:  # fmt: skip
    """Fill `offers` with what an interval offers within the battery's power; returns how many charges, how many all.

    Charges stand dearest first, so that worth descends.
    """
    count, left_wh = 0, charge_wh
    at = begin
    while at < end and steps[at, 1] > 0:
        if left_wh > 0 and (buy_tick == NO_PRICE_TICK or steps[at, 0] < buy_tick):
            left_wh -= _offer(offers, count, steps[at, 0], min(steps[at, 1], left_wh))
            count += 1
        at += 1
    if buy_tick != NO_PRICE_TICK and left_wh > 0:
        _offer(offers, count, buy_tick, left_wh)
        count += 1
    if count > 1:
        offers[:, :count] = offers[:, :count][:, ::-1].copy()
    charges, left_wh = count, discharge_wh
    while at < end:
        if left_wh > 0 and (sell_tick == NO_PRICE_TICK or steps[at, 0] > sell_tick):
            left_wh -= _offer(offers, count, steps[at, 0], min(-steps[at, 1], left_wh))
            count += 1
        at += 1
    if sell_tick != NO_PRICE_TICK and left_wh > 0:
        _offer(offers, count, sell_tick, left_wh)
        count += 1
    _weigh(row, offers, charges, count)
    return charges, count


@part
def _offer(offers: Floats, place: int, tick: int, wh: int) -> int:
    offers[TICK, place], offers[WH, place] = tick, wh
    return wh


@part
def _weigh(row: Any, offers: Floats, charges: int, count: int) -> None:
    """Prices and energies of the offers as the battery's inside sees them."""
    charge, discharge = row.charge_efficiency_ppm * 1e-6, row.discharge_efficiency_ppm * 1e-6
    for j in range(charges):
        offers[WORTH, j] = offers[TICK, j] / charge
        offers[ENERGY, j] = offers[WH, j] * charge
    for j in range(charges, count):
        offers[WORTH, j] = (offers[TICK, j] - row.wear_cost_tick) * discharge
        offers[ENERGY, j] = offers[WH, j] / discharge


@part
def plain_offers(
    row: Any, buy_tick: int, sell_tick: int, charge_wh: int, discharge_wh: int
) -> tuple[float, float, float, float]:
    """Worth and energy of charging and of discharging in an interval without steps; no energy without a price."""
    charge, discharge = row.charge_efficiency_ppm * 1e-6, row.discharge_efficiency_ppm * 1e-6
    return (
        buy_tick / charge,
        charge_wh * charge if buy_tick != NO_PRICE_TICK else 0.0,
        (sell_tick - row.wear_cost_tick) * discharge,
        discharge_wh / discharge if sell_tick != NO_PRICE_TICK else 0.0,
    )


@part
def is_concave(offers: Floats, charges: int, count: int) -> bool:
    """Whether charging and selling at once would earn nothing."""
    return charges == 0 or charges == count or offers[WORTH, charges - 1] >= offers[WORTH, charges]


@part
def with_available(terms: Terms, available_ppm: Integers) -> Terms:
    """The same terms for a battery of which only a share (T|1,) of the power is there."""
    share_ppm = np.empty((4, len(available_ppm)), np.int64)
    share_ppm[:2], share_ppm[2:] = available_ppm, OWN
    return Terms(terms.buy_tick, terms.sell_tick, share_ppm, terms.step_from, terms.steps, terms.end)


# The value ------------------------------------------------------------------------------------------------------------
# Its segments are head .. tail of two arrays with room at both ends: slope [tick per stored MWh], and the fill `until`
# which it goes [Wh]. Before them stands an infinite slope that ends at the least fill, after them one of minus
# infinity: so no search needs to look for an end.
@part
def restart(slope: Floats, until: Floats, end: Floats, low: float, high: float) -> tuple[int, int]:
    """Set a value to what a list of slopes and lengths (n, 2) is on the window; the last is stretched to fit."""
    head = (len(slope) - len(end)) // 2
    tail, reached = head, low
    for i in range(len(end)):
        to = min(reached + end[i, 1], high) if i + 1 < len(end) else high
        if to > reached + TINY_WH:
            slope[tail], until[tail] = end[i, 0], to
            tail += 1
            reached = to
    until[tail - 1] = high
    fence(slope, until, head, tail, low)
    return head, tail


@part
def fence(slope: Floats, until: Floats, head: int, tail: int, low: float) -> None:
    slope[head - 1], until[head - 1] = np.inf, low
    slope[tail] = -np.inf


@part
def has_room(slope: Floats, head: int, tail: int, more: int) -> bool:
    """Whether `more` segments fit in at either end."""
    return head >= more + 2 and tail + more + 2 <= len(slope)


@part
def with_room(slope: Floats, until: Floats, head: int, tail: int, more: int) -> tuple[Floats, Floats, int, int]:
    """The value in arrays with room for `more` segments at either end."""
    count = tail - head + 2
    size = max(len(slope), 4 * (count + more + 2))
    wide_slope, wide_until = np.empty(size), np.empty(size)
    begin = (size - count) // 2
    wide_slope[begin : begin + count] = slope[head - 1 : tail + 1]
    wide_until[begin : begin + count] = until[head - 1 : tail + 1]
    return wide_slope, wide_until, begin + 1, begin + count - 1


@part
def find_levels(
    slope: Floats, until: Floats, head: int, offers: Floats, charges: int, count: int,
    place: Integers, level: Floats, slot: int,
) -> None:  # fmt: skip
    """The level up to which each charge pays, and down to which each discharge does; equal worth keeps still.

    Into `level` from `slot` on; `place` gets the segments that begin there.
    """
    at = head
    for j in range(charges):
        while slope[at] > offers[WORTH, j]:
            at += 1
        place[j] = at
        level[slot + j] = until[at - 1]
    for j in range(charges, count):
        while slope[at] >= offers[WORTH, j]:
            at += 1
        place[j] = at
        level[slot + j] = until[at - 1]


@part
def add_charge(
    slope: Floats, until: Floats, head: int, at: int, worth: float, energy: float, cut: float
) -> tuple[int, int]:
    """Put a charge before segment `at`: what stands before it moves left, and is cut off there.

    Returns the head, and by how many places that has moved.
    """
    if at <= head:
        return head, 0  # dearer than all
    level = until[at - 1]
    while head < at and until[head] - energy <= cut + TINY_WH:
        head += 1
    if slope[at] == worth:
        for i in range(head, at):
            until[i] -= energy
        return head, 0
    for i in range(head, at):
        slope[i - 1] = slope[i]
        until[i - 1] = until[i] - energy
    slope[at - 1], until[at - 1] = worth, level
    return head - 1, 1


@part
def add_discharge(slope: Floats, until: Floats, tail: int, at: int, worth: float, energy: float, top: float) -> int:
    """Put a discharge before segment `at`: what stands from there on moves right, and is cut off at `top`.

    Returns the tail.
    """
    if at >= tail:
        return tail  # cheaper than all
    level = until[at - 1]
    while tail > at and (until[tail - 2] if tail > at + 1 else level) + energy >= top - TINY_WH:
        tail -= 1
    if slope[at - 1] == worth:
        for i in range(at - 1, tail):
            until[i] += energy
    else:
        for i in range(tail, at, -1):
            slope[i] = slope[i - 1]
            until[i] = until[i - 1] + energy
        slope[at], until[at] = worth, level + energy
        tail += 1
    until[tail - 1] = top
    return tail


@part
def merge(
    slope: Floats, until: Floats, head: int, tail: int, offers: Floats, charges: int, count: int,
    keep: float, low: float, high: float, place: Integers,
) -> tuple[int, int]:  # fmt: skip
    """V of the interval's end to V of its begin, both concave; `find_levels` has said where the offers belong."""
    cut, top, moved = keep * low, keep * high, 0
    head = begin_merge(slope, until, head, cut, low)
    for j in range(charges - 1, -1, -1):
        head, shifted = add_charge(slope, until, head, place[j] - moved, offers[WORTH, j], offers[ENERGY, j], cut)
        moved += shifted
    fence(slope, until, head, tail, cut)
    tail = cut_top(until, head, tail, top)
    for j in range(count - 1, charges - 1, -1):
        tail = add_discharge(slope, until, tail, place[j], offers[WORTH, j], offers[ENERGY, j], top)
    return end_merge(slope, until, head, tail, keep, low, high)


@part
def merge_plain(
    slope: Floats, until: Floats, head: int, tail: int,
    buy_worth: float, stored: float, sell_worth: float, taken: float, keep: float, low: float, high: float,
) -> tuple[int, int, float, float]:  # fmt: skip
    """`find_levels` and `merge` for one charge and one discharge; energy 0 means none. Returns the two levels, too."""
    charge_to, discharge_to = 0.0, np.inf
    cut, top = keep * low, keep * high
    at = head
    if stored > 0.0:
        while slope[at] > buy_worth:
            at += 1
        charge_to = until[at - 1]
    below = at
    if taken > 0.0:
        while slope[below] >= sell_worth:
            below += 1
        discharge_to = until[below - 1]
    if keep != 1.0:
        head = begin_merge(slope, until, head, cut, low)
    if stored > 0.0:
        head, _ = add_charge(slope, until, head, at, buy_worth, stored, cut)
    fence(slope, until, head, tail, cut)
    if keep != 1.0:
        tail = cut_top(until, head, tail, top)
    if taken > 0.0:
        tail = add_discharge(slope, until, tail, below, sell_worth, taken, top)
    head, tail = end_merge(slope, until, head, tail, keep, low, high)
    return head, tail, charge_to, discharge_to


@part
def begin_merge(slope: Floats, until: Floats, head: int, cut: float, low: float) -> int:
    """Make room for fills that standing loss takes below the least."""
    if cut < low:
        head -= 1
        slope[head], until[head] = MISSING_TICK, low
    return head


@part
def cut_top(until: Floats, head: int, tail: int, top: float) -> int:
    """Leave out what standing loss lets no battery reach but by charging."""
    while tail > head + 1 and until[tail - 2] >= top - TINY_WH:
        tail -= 1
    until[tail - 1] = top
    return tail


@part
def end_merge(
    slope: Floats, until: Floats, head: int, tail: int, keep: float, low: float, high: float
) -> tuple[int, int]:
    """From the fill after standing loss to the fill before."""
    if keep != 1.0:
        for i in range(head, tail):
            slope[i] *= keep
            until[i] /= keep
        until[tail - 1] = high
    fence(slope, until, head, tail, low)
    return head, tail
