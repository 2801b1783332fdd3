"""What power plants offer, and the set-points the auction's result becomes. Rules: `docs/market-rules.md`, "Plants"."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.compiled import part

ABSENT, MUST_RUN, CAN_STOP = 0, 1, 2  # a unit's freedom in an interval
UNDECIDED, RUN, REST, REST_FOR_GOOD = 0, 1, 2, 3  # what the operator told a unit that can stop

# Rows of the units' scratch, one column a unit: freedom; least energy when it runs; what its first block asks, or would
# ask if it were free; what it was told; the quantities it offered; how much it is short of what it sold.
FREEDOM, LOWER, ASKED, TOLD, FIRST_BLOCK, SECOND_BLOCK, UNIT_SHORT, UNIT_ROWS = range(8)


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
    unit: NDArray[np.int64],
) -> None:
    """Each unit's two blocks.

    `available_wh` (P,); `price_tick` and `quantity_wh` (2 P,) are written: first blocks, then second blocks (offers are
    negative), and the scratch `unit` (UNIT_ROWS, P) up to SECOND_BLOCK.
    """
    units = plant.shape[0]
    for p in range(units):
        row = plant[p]
        freedom, lower, upper = plant_bounds(row, available_wh[p])
        own = row.marginal_cost_tick
        if row.output_wh == 0 or row.held_intervals < row.minimum_up_intervals:
            own += row.start_adder_tick
        first = own
        if row.output_wh > 0 and freedom == CAN_STOP and lower > 0:
            # What staying on avoids is spent only once.
            unspent = max(0, row.start_cost_e8 + row.stop_cost_e8 - row.standby_e8)
            first -= min(row.stop_discount_tick, unspent // lower)
        unit[ASKED, p] = first
        if freedom == MUST_RUN:
            first = rules.floor_tick
        offer(rules, price_tick, quantity_wh, p, first, lower)
        offer(rules, price_tick, quantity_wh, units + p, own, upper - lower)
        unit[FREEDOM, p] = freedom
        unit[LOWER, p] = lower
        unit[TOLD, p] = UNDECIDED
        unit[FIRST_BLOCK, p] = quantity_wh[p]
        unit[SECOND_BLOCK, p] = quantity_wh[units + p]


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
    unit: NDArray[np.int64],
) -> bool:
    """Tell one more unit to run or to rest, so that set-points become whole. False when no unit needs telling.

    `short`: inelastic load goes short as things stand. Arrays as in `plant_offers`, `fill_wh` (2 P,) what was cleared;
    orders and what units are told are changed.
    """
    units = unit.shape[1]
    for p in range(units):
        if unit[TOLD, p] == RUN and fill_wh[p] + fill_wh[units + p] < unit[LOWER, p]:
            rest(quantity_wh, unit, p, REST_FOR_GOOD)
            return True
    for p in range(units):
        cleared = fill_wh[p] + fill_wh[units + p]
        if unit[FREEDOM, p] == CAN_STOP and unit[TOLD, p] == UNDECIDED and 0 < cleared < unit[LOWER, p]:
            if 2 * cleared >= unit[LOWER, p]:
                unit[TOLD, p] = RUN
                price_tick[p] = rules.floor_tick
            else:
                rest(quantity_wh, unit, p, REST)
            return True
    cheapest = -1
    if short:
        for p in range(units):
            if unit[TOLD, p] == REST and (cheapest < 0 or unit[ASKED, p] < unit[ASKED, cheapest]):
                cheapest = p
    if cheapest < 0:
        return False
    unit[TOLD, cheapest] = RUN
    price_tick[cheapest] = rules.floor_tick
    quantity_wh[cheapest] = unit[FIRST_BLOCK, cheapest]
    quantity_wh[units + cheapest] = unit[SECOND_BLOCK, cheapest]
    return True


@part
def rest(quantity_wh: NDArray[np.int64], unit: NDArray[np.int64], p: int, told: int) -> None:
    """Tell a unit to rest: it offers nothing."""
    unit[TOLD, p] = told
    quantity_wh[p] = 0
    quantity_wh[unit.shape[1] + p] = 0


@part
def hold(row: Any, made_wh: int, lost_e8: int) -> None:
    """Take an interval's output into a unit's state: how long it has been on or off, starts, stops, standby.

    `lost_e8`: how much less than its marginal cost it got for what it sold.
    """
    was_on, is_on = row.output_wh > 0, made_wh > 0
    row.standby_e8 = max(0, row.standby_e8 + lost_e8) if was_on and is_on else 0
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
