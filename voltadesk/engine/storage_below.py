"""The value of stored energy below a battery's break-even price, where it is not concave.

At a price below -wear x efficiency / (1 - efficiency) a battery would earn by charging and discharging at once. It
can't, so an interval is the better of charging and discharging:

    W(z) = max(C(z), D(z)),  C(z) = max over a in [0, A] of V(z + a) - worth x a,  D likewise the other way.

C is the maximum of V(y) - worth x y over a window that slides with z. On a piecewise-linear V it is, between the places
where a break of V enters or leaves the window, the highest of three lines: keep still, charge at full power, charge up
to the best break inside (a monotone queue knows it). Slopes are copied, never computed, so that a function that has
become concave again is known by them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from voltadesk.engine.compiled import part
from voltadesk.engine.storage_value import ENERGY, MISSING_TICK, TINY_WH, WORTH, Floats, Integers, fence

CONCAVE = 1e-9  # slopes that rise by less, relative to their size, don't rise


class Curve(NamedTuple):
    """A piecewise-linear function: n + 1 breaks with their values, n slopes between them."""

    x: Floats  # [Wh]
    v: Floats  # [1e-8 of the currency]
    k: Floats  # [tick per MWh]


class Drawing(NamedTuple):
    """A curve that grows from the left."""

    x: Floats
    v: Floats
    k: Floats
    pieces: Integers  # (1,) so far


@part
def curve_of(slope: Floats, until: Floats, low: float) -> Curve:
    """The curve of segments that begin at the least fill; extended to an empty battery."""
    first = 1 if low > 0.0 else 0
    count = len(slope) + first
    curve = Curve(np.empty(count + 1), np.empty(count + 1), np.empty(count))
    curve.x[0], curve.v[0] = 0.0, -MISSING_TICK * low
    if first:
        curve.x[1], curve.v[1], curve.k[0] = low, 0.0, MISSING_TICK
    for i in range(len(slope)):
        j = i + first
        curve.k[j] = slope[i]
        curve.x[j + 1] = until[i]
        curve.v[j + 1] = curve.v[j] + slope[i] * (until[i] - curve.x[j])
    return curve


@part
def _begin(x: float, v: float, most: int) -> Drawing:
    drawing = Drawing(np.empty(most + 1), np.empty(most + 1), np.empty(most), np.zeros(1, np.int64))
    drawing.x[0], drawing.v[0] = x, v
    return drawing


@part
def _draw(drawing: Drawing, x: float, v: float, slope: float) -> None:
    """A piece up to x; one of no length is left out, one of the same slope prolongs the last."""
    n = drawing.pieces[0]
    if x - drawing.x[n] <= TINY_WH:
        return
    if n > 0 and drawing.k[n - 1] == slope:
        n -= 1
    drawing.k[n] = slope
    drawing.x[n + 1], drawing.v[n + 1] = x, v
    drawing.pieces[0] = n + 1


@part
def _end(drawing: Drawing, x: float) -> Curve:
    n = drawing.pieces[0]
    drawing.x[n] = x if n > 0 else drawing.x[n]
    return Curve(drawing.x[: n + 1].copy(), drawing.v[: n + 1].copy(), drawing.k[:n].copy())


@part
def _draw_highest(drawing: Drawing, begin: float, end: float, v: Floats, k: Floats) -> None:
    """The highest of some lines, given by their values at `begin` and slopes, from `begin` to `end`."""
    best = 0
    for i in range(1, len(v)):
        if v[i] > v[best] or (v[i] == v[best] and k[i] > k[best]):
            best = i
    x = begin
    while x < end:
        cross, other = end, best
        for i in range(len(v)):
            if k[i] > k[best]:
                at = begin + max((v[best] - v[i]) / (k[i] - k[best]), x - begin)
                if at < cross or (at == cross and at < end and k[i] > k[other]):
                    cross, other = at, i
        _draw(drawing, cross, v[best] + k[best] * (cross - begin), k[best])
        if other == best:
            break
        x, best = cross, other


@part
def charged(curve: Curve, worth: float, energy: float) -> Curve:
    """C(z) on the curve's own range: the best of charging 0 to `energy` at `worth`."""
    x, v, k = curve.x, curve.v, curve.k
    n = len(k)
    drawing = _begin(x[0], v[0], 6 * n + 8)
    queue, front, back = np.empty(n + 1, np.int64), 0, 0  # breaks in the window, the best first
    line_v, line_k = np.empty(3), np.empty(3)
    i, j = 0, 0  # the last breaks at or before the window's ends
    z = x[0]
    while i < n:
        while j < n and x[j + 1] - energy <= z:
            j += 1
            while back > front and v[queue[back - 1]] - worth * x[queue[back - 1]] <= v[j] - worth * x[j]:
                back -= 1
            queue[back] = j
            back += 1
        while back > front and queue[front] <= i:
            front += 1
        until = x[i + 1] if j == n else min(x[i + 1], x[j + 1] - energy)
        line_v[0], line_k[0] = v[i] + k[i] * (z - x[i]), k[i]
        line_v[1], line_v[2] = -np.inf, -np.inf
        line_k[1], line_k[2] = worth, k[i]
        if back > front:
            line_v[1] = v[queue[front]] - worth * (x[queue[front]] - z)
        if j < n:
            line_v[2], line_k[2] = v[j] + k[j] * (z + energy - x[j]) - worth * energy, k[j]
        if drawing.pieces[0] == 0:
            drawing.v[0] = max(line_v[0], line_v[1], line_v[2])
        _draw_highest(drawing, z, until, line_v, line_k)
        z = until
        if z >= x[i + 1]:
            i += 1
    return _end(drawing, x[n])


@part
def mirrored(curve: Curve) -> Curve:
    """The curve with left and right changed: discharging becomes charging."""
    return Curve(-curve.x[::-1].copy(), curve.v[::-1].copy(), -curve.k[::-1].copy())


@part
def highest(one: Curve, other: Curve) -> Curve:
    """The higher of two curves on one range."""
    n, m = len(one.k), len(other.k)
    drawing = _begin(one.x[0], max(one.v[0], other.v[0]), 2 * (n + m) + 4)
    line_v, line_k = np.empty(2), np.empty(2)
    i, j, z = 0, 0, one.x[0]
    while i < n and j < m:
        until = min(one.x[i + 1], other.x[j + 1])
        line_v[0], line_k[0] = one.v[i] + one.k[i] * (z - one.x[i]), one.k[i]
        line_v[1], line_k[1] = other.v[j] + other.k[j] * (z - other.x[j]), other.k[j]
        _draw_highest(drawing, z, until, line_v, line_k)
        z = until
        if one.x[i + 1] <= z:
            i += 1
        if other.x[j + 1] <= z:
            j += 1
    return _end(drawing, one.x[n])


@part
def best_of_offers(curve: Curve, offers: Floats, charges: int, count: int) -> Curve:
    """W(z): the better of charging and discharging."""
    charging = curve
    for j in range(charges - 1, -1, -1):
        charging = charged(charging, offers[WORTH, j], offers[ENERGY, j])
    if charges == count:
        return charging
    discharging = mirrored(curve)
    for j in range(charges, count):
        discharging = charged(discharging, -offers[WORTH, j], offers[ENERGY, j])
    return highest(charging, mirrored(discharging))


@part
def step_below(
    slope: Floats, until: Floats, head: int, tail: int, offers: Floats, charges: int, count: int,
    keep: float, low: float, high: float,
) -> tuple[Floats, Floats, int, int, bool]:  # fmt: skip
    """V of the interval's end to V of its begin, whatever their shape; says whether that is concave now."""
    curve = best_of_offers(curve_of(slope[head:tail], until[head:tail], low), offers, charges, count)
    pieces = len(curve.k)
    if len(slope) < 2 * pieces + 8:
        slope, until = np.empty(4 * pieces), np.empty(4 * pieces)
    head = (len(slope) - pieces) // 2
    tail = head
    for i in range(pieces):
        to = min(curve.x[i + 1], keep * high)
        if to - max(curve.x[i], keep * low) > TINY_WH:
            slope[tail], until[tail] = curve.k[i] * keep, to / keep
            tail += 1
    until[tail - 1] = high
    tail, concave = smooth(slope, until, head, tail, low)
    fence(slope, until, head, tail, low)
    return slope, until, head, tail, concave


@part
def smooth(slope: Floats, until: Floats, head: int, tail: int, low: float) -> tuple[int, bool]:
    """Where segments are concave but for roundings, take those away; returns the tail, and whether they are."""
    for i in range(head + 1, tail):
        if slope[i] - slope[i - 1] > CONCAVE * (1.0 + abs(slope[i])):
            return tail, False
    last = head
    for i in range(head + 1, tail):
        last += 1
        slope[last], until[last] = slope[i], until[i]
        while last > head and slope[last] >= slope[last - 1]:
            begin = until[last - 2] if last - 1 > head else low
            part_right = (until[last] - until[last - 1]) / (until[last] - begin)
            slope[last - 1] += (slope[last] - slope[last - 1]) * part_right
            until[last - 1] = until[last]
            last -= 1
    return last + 1, True


# The decision ---------------------------------------------------------------------------------------------------------
@part
def value_at(curve: Curve, x: float) -> float:
    """The curve's value at x, prolonged beyond its ends."""
    i, last = 0, len(curve.k) - 1
    while i < last and curve.x[i + 1] < x:
        i += 1
    return curve.v[i] + curve.k[i] * (x - curve.x[i])


@part
def reward(offers: Floats, charges: int, count: int, taken: float) -> float:
    """What taking so much out of a battery earns at once (negative: putting in) [1e-8 of the currency]."""
    earned = 0.0
    for j in range(charges - 1, -1, -1):
        step = min(max(-taken, 0.0), offers[ENERGY, j])
        earned -= step * offers[WORTH, j]
        taken += step
    for j in range(charges, count):
        step = min(max(taken, 0.0), offers[ENERGY, j])
        earned += step * offers[WORTH, j]
        taken -= step
    return earned


@part
def best_fill(curve: Curve, offers: Floats, charges: int, count: int, z: float) -> float:
    """The fill to go to from z; z itself where nothing is better by more than roundings."""
    charge, discharge = 0.0, 0.0
    for j in range(count):
        if j < charges:
            charge += offers[ENERGY, j]
        else:
            discharge += offers[ENERGY, j]
    best, earned = z, value_at(curve, z)
    slack = 1e-12 * max(abs(curve.v[-1]), abs(earned)) + 1e-3
    left, right = max(z - discharge, curve.x[0]), min(z + charge, curve.x[-1])
    for i in range(len(curve.x)):
        if left <= curve.x[i] <= right:
            now = curve.v[i] + reward(offers, charges, count, z - curve.x[i])
            if now > earned + slack:
                best, earned = curve.x[i], now
    for j in range(count):
        y = min(max(z + _reach(offers, charges, count, j), left), right)
        now = value_at(curve, y) + reward(offers, charges, count, z - y)
        if now > earned + slack:
            best, earned = y, now
    return best


@part
def _reach(offers: Floats, charges: int, count: int, j: int) -> float:
    """How far offer j and the better ones of its kind change the fill [Wh]."""
    reach = 0.0
    if j < charges:
        for i in range(j, charges):
            reach += offers[ENERGY, i]
        return reach
    for i in range(charges, j + 1):
        reach -= offers[ENERGY, i]
    return reach
