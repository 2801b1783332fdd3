"""What power plants offer, and the set-points the auction's result becomes. Rules: `docs/market-rules.md`, "Plants"."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.compiled import part

ABSENT, MUST_RUN, CAN_STOP = 0, 1, 2  # a unit's freedom in an interval
UNDECIDED, RUN, REST, REST_FOR_GOOD = 0, 1, 2, 3  # what the operator told a unit that can stop


@part
def plant_bounds(row: Any, available_wh: int) -> tuple[int, int, int]:
    """(freedom, lower, upper): what a unit may make in the interval when it runs [Wh]."""
    if available_wh < max(row.minimum_wh, 1):
        return ABSENT, 0, 0
    if row.output_wh > 0:
        upper = min(available_wh, row.output_wh + row.ramp_up_wh)
        lower = min(max(row.minimum_wh, row.output_wh - row.ramp_down_wh), upper)
        stops = row.held_intervals >= row.minimum_up_intervals and row.output_wh - row.ramp_down_wh <= row.minimum_wh
        return (CAN_STOP if stops else MUST_RUN), lower, upper
    if row.held_intervals < row.minimum_down_intervals:
        return ABSENT, 0, 0
    return CAN_STOP, row.minimum_wh, min(available_wh, max(row.minimum_wh, row.ramp_up_wh))


@part
def plant_offers(
    rules: Any,
    plant: Any,
    available_wh: NDArray[np.int64],
    price_tick: NDArray[np.int64],
    quantity_wh: NDArray[np.int64],
    freedom: NDArray[np.int64],
    lower_wh: NDArray[np.int64],
    asked_tick: NDArray[np.int64],
    block_wh: NDArray[np.int64],
) -> None:
    """Each unit's two blocks.

    `available_wh`, `freedom`, `lower_wh`, `asked_tick` are (P,); `price_tick` and `quantity_wh` (2 P,) are written:
    first blocks, then second blocks (offers are negative). `asked_tick` is what the first block would ask
    if it were free,
    `block_wh` (2 P,) a copy of the quantities.
    """
    units = plant.shape[0]
    for p in range(units):
        row = plant[p]
        freedom[p], lower, upper = plant_bounds(row, available_wh[p])
        lower_wh[p] = lower
        first, second = row.marginal_cost_tick, row.marginal_cost_tick
        if row.output_wh == 0:
            first += row.start_adder_tick
            second = first
        elif freedom[p] == CAN_STOP:
            first -= row.stop_discount_tick
        asked_tick[p] = first
        if freedom[p] == MUST_RUN:
            first = rules.floor_tick
        offer(rules, price_tick, quantity_wh, p, first, lower)
        offer(rules, price_tick, quantity_wh, units + p, second, upper - lower)
    for slot in range(2 * units):  # as a slice assignment this alone takes seconds to compile
        block_wh[slot] = quantity_wh[slot]


@part
def offer(
    rules: Any,
    price_tick: NDArray[np.int64],
    quantity_wh: NDArray[np.int64],
    slot: int,
    limit_tick: int,
    energy_wh: int,
) -> None:
    """Place an offer: above the cap it stays away, below the floor it stands at the floor."""
    if limit_tick > rules.cap_tick:
        price_tick[slot] = rules.cap_tick
        quantity_wh[slot] = 0
    else:
        price_tick[slot] = max(limit_tick, rules.floor_tick)
        quantity_wh[slot] = -energy_wh


@part
def decide_next(
    rules: Any,
    short: bool,
    price_tick: NDArray[np.int64],
    quantity_wh: NDArray[np.int64],
    fill_wh: NDArray[np.int64],
    block_wh: NDArray[np.int64],
    freedom: NDArray[np.int64],
    lower_wh: NDArray[np.int64],
    asked_tick: NDArray[np.int64],
    decided: NDArray[np.int64],
) -> bool:
    """Tell one more unit to run or to rest, so that set-points become whole. False when no unit needs telling.

    `short`: inelastic load goes short as things stand. Arrays as in `plant_offers`, `fill_wh` (2 P,) and `decided`
    (P,); orders and `decided` are changed.
    """
    units = freedom.shape[0]
    for p in range(units):
        if decided[p] == RUN and fill_wh[p] + fill_wh[units + p] < lower_wh[p]:
            decided[p] = REST_FOR_GOOD
            quantity_wh[p] = 0
            quantity_wh[units + p] = 0
            return True
    for p in range(units):
        cleared = fill_wh[p] + fill_wh[units + p]
        if freedom[p] == CAN_STOP and decided[p] == UNDECIDED and 0 < cleared < lower_wh[p]:
            if 2 * cleared >= lower_wh[p]:
                decided[p] = RUN
                price_tick[p] = rules.floor_tick
            else:
                decided[p] = REST
                quantity_wh[p] = 0
                quantity_wh[units + p] = 0
            return True
    cheapest = -1
    if short:
        for p in range(units):
            if decided[p] == REST and (cheapest < 0 or asked_tick[p] < asked_tick[cheapest]):
                cheapest = p
    if cheapest < 0:
        return False
    decided[cheapest] = RUN
    price_tick[cheapest] = rules.floor_tick
    quantity_wh[cheapest] = block_wh[cheapest]
    quantity_wh[units + cheapest] = block_wh[units + cheapest]
    return True


@part
def hold(row: Any, made_wh: int) -> None:
    """Take an interval's output into a unit's state: how long it has been on or off, starts, stops."""
    was_on, is_on = row.output_wh > 0, made_wh > 0
    if was_on == is_on:
        row.held_intervals += 1
    else:
        row.held_intervals = 1
        if is_on:
            row.starts += 1
        else:
            row.stops += 1
    if is_on:
        row.running_intervals += 1
    row.output_wh = made_wh
    row.energy_wh += made_wh
