"""The price a call auction would clear at if the gate closed now, kept up to date order by order.

By the D-quantile of the merged orders (see `auction`) the sides need not be told apart to find the price: one ladder
holds the energy of all orders at each tick, with sums over 64, 4,096 and 262,144 ticks, and a second one that of the
bids, for the volume. An order costs four additions to each, a query four walks of at most 64 sums, however many orders
there are.

A ladder is one int64 array of two columns, all orders and bids; the levels stand one behind the other, finest first.
"""

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.auction import price_by_rule
from voltadesk.engine.compiled import kernel, part

_BITS = 6  # 64 sums of one level make one of the next
_LEVELS = 4  # 64**4 = 16.8 million ticks are walked in 4 x 64 steps at most
_ALL, _BIDS = 0, 1


def empty_ladder(floor_tick: int, cap_tick: int) -> NDArray[np.int64]:
    """A ladder without orders for prices in [floor_tick, cap_tick]: int64[size, 2] [Wh]."""
    size, ticks = 0, cap_tick - floor_tick + 1
    for _ in range(_LEVELS):
        size += ticks
        ticks = (ticks + 63) >> _BITS
    return np.zeros((size, 2), np.int64)


@kernel
def add(ladder: NDArray[np.int64], floor_tick: int, cap_tick: int, price_tick: int, quantity_wh: int) -> None:
    """Enters an order: quantity_wh > 0 a bid, < 0 an offer [Wh]; price_tick in [floor_tick, cap_tick]."""
    _change(ladder, floor_tick, cap_tick, price_tick, abs(quantity_wh), max(quantity_wh, 0))


@kernel
def remove(ladder: NDArray[np.int64], floor_tick: int, cap_tick: int, price_tick: int, quantity_wh: int) -> None:
    """Takes out an order, or a part of one, that was entered at this price and on this side."""
    _change(ladder, floor_tick, cap_tick, price_tick, -abs(quantity_wh), -max(quantity_wh, 0))


@kernel
def query(ladder: NDArray[np.int64], floor_tick: int, cap_tick: int, rule: int) -> tuple[int, int, int, int]:
    """What `auction.clearing_price` says of the orders now in the ladder.

    Returns (volume_wh, price_tick, price_low_tick, price_high_tick); volume 0 means no trade and no price: all is 0.
    """
    demand, total = _level_sums(ladder, cap_tick - floor_tick + 1)
    if demand == 0 or demand == total:
        return 0, 0, 0, 0
    at, all_below, bids_below = _walk(ladder, cap_tick - floor_tick + 1, demand)
    all_to = all_below + ladder[at, _ALL]
    low = floor_tick + at
    high = low
    if all_to == demand:
        # Every price up to the next order's clears as well, at the same volume.
        high = min(floor_tick + _next_occupied(ladder, cap_tick - floor_tick + 1, at), cap_tick)
    offers_to = all_to - bids_below - ladder[at, _BIDS]
    volume = min(demand - bids_below, offers_to)
    if volume == 0:
        return 0, 0, 0, 0
    return volume, price_by_rule(low, high, rule), low, high


@part
def _change(
    ladder: NDArray[np.int64], floor_tick: int, cap_tick: int, price_tick: int, all_wh: int, bids_wh: int
) -> None:
    """Adds to the sums that a price is part of."""
    start, ticks, slot = 0, cap_tick - floor_tick + 1, price_tick - floor_tick
    for _ in range(_LEVELS):
        ladder[start + slot, _ALL] += all_wh
        ladder[start + slot, _BIDS] += bids_wh
        start += ticks
        ticks = (ticks + 63) >> _BITS
        slot >>= _BITS


@part
def _level(ticks: int, level: int) -> tuple[int, int]:
    """Where a level begins, and how many sums it has."""
    start = 0
    for _ in range(level):
        start += ticks
        ticks = (ticks + 63) >> _BITS
    return start, ticks


@part
def _level_sums(ladder: NDArray[np.int64], ticks: int) -> tuple[int, int]:
    """Energy of the bids, and of all orders, from the coarsest sums."""
    start, count = _level(ticks, _LEVELS - 1)
    demand, total = 0, 0
    for i in range(start, start + count):
        demand += ladder[i, _BIDS]
        total += ladder[i, _ALL]
    return demand, total


@part
def _walk(ladder: NDArray[np.int64], ticks: int, target_wh: int) -> tuple[int, int, int]:
    """The lowest slot up to which all orders come to the target, with all and bids below it; 0 < target <= total."""
    slot, all_below, bids_below = 0, 0, 0
    for down in range(_LEVELS):
        start, _ = _level(ticks, _LEVELS - 1 - down)
        slot = start + (slot << _BITS if down else 0)
        while all_below + ladder[slot, _ALL] < target_wh:
            all_below += ladder[slot, _ALL]
            bids_below += ladder[slot, _BIDS]
            slot += 1
        slot -= start
    return slot, all_below, bids_below


@part
def _next_occupied(ladder: NDArray[np.int64], ticks: int, slot: int) -> int:
    """The lowest slot above this one with an order; one past the last where there is none."""
    level, slot = 0, slot + 1
    start, count = _level(ticks, 0)
    # Up, until a sum to the right is not empty ...
    while slot < count and ladder[start + slot, _ALL] == 0:
        slot += 1
        if slot & 63 == 0 and level < _LEVELS - 1:
            level += 1
            slot >>= _BITS
            start, count = _level(ticks, level)
    if slot >= count:
        return ticks
    # ... and down again to its first tick.
    while level > 0:
        level -= 1
        slot <<= _BITS
        start, count = _level(ticks, level)
        while ladder[start + slot, _ALL] == 0:
            slot += 1
    return slot
