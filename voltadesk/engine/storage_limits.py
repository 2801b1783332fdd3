"""What a battery does that buys and sells at limits: all it can at or below the one, at or above the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from voltadesk.engine.batteries import charge_room_wh, discharge_room_wh, stand
from voltadesk.engine.compiled import kernel
from voltadesk.engine.storage import checked_battery
from voltadesk.engine.storage_path import book
from voltadesk.engine.storage_value import NO_BUDGET, Budget, is_used_up, spent
from voltadesk.engine.tables import NO_PRICE_TICK, Table

Integers = NDArray[np.int64]


@kernel
def _at_limits(
    battery: Any,
    price_tick: Integers,
    limit_tick: Integers,
    available_ppm: Integers,
    start_utc: int,
    step_s: int,
    budget: Budget,
    rows: Integers,
) -> None:
    row = battery[0]
    for t in range(price_tick.shape[1]):
        lost, second = stand(row, step_s), start_utc + t * step_s
        buy, sell = price_tick[0, t], price_tick[1, t]
        bought, sold = 0, 0
        if buy != NO_PRICE_TICK and limit_tick[0, t] != NO_PRICE_TICK and buy <= limit_tick[0, t]:
            bought = charge_room_wh(row, row.charge_power_w * available_ppm[0, t] // 1_000_000, second, second + step_s)
        elif sell != NO_PRICE_TICK and limit_tick[1, t] != NO_PRICE_TICK and sell >= limit_tick[1, t]:
            sold = discharge_room_wh(
                row, row.discharge_power_w * available_ppm[1, t] // 1_000_000, second, second + step_s
            )
        if is_used_up(budget, t) and buy > 0:
            bought = 0
        sold = spent(budget, t, sold)
        book(row, bought, sold, bought * buy if bought else 0, sold * sell if sold else 0, lost)
        rows[0, t], rows[1, t], rows[2, t] = bought, sold, row.fill_wh


def at_limits(
    battery: Table,
    price_tick: ArrayLike,
    limit_tick: ArrayLike,
    available_ppm: ArrayLike,
    start_utc: int,
    step_s: int,
    budget: Budget = NO_BUDGET,
) -> tuple[Integers, Table]:
    """Bought, sold and fill (3, T) [Wh], and the battery's row afterwards.

    battery     (1,) of `tables.BATTERY`, not changed
    price_tick  (2, T) at which it buys and sells [0.01/MWh]; NO_PRICE_TICK where it can't
    limit_tick  (2, T) at or below which it buys, at or above which it sells; NO_PRICE_TICK: not at all

    available   (2, T) share of its power to charge and to discharge with [ppm]
    budget      what may be sold in all, and is then taken off

    Buying comes first where both limits are met. Raises ValueError for a battery out of range.
    """
    after = checked_battery(battery, 1, step_s)
    price, limit = np.array(price_tick, np.int64), np.array(limit_tick, np.int64)
    rows = np.empty((3, price.shape[1]), np.int64)
    available = np.array(available_ppm, np.int64)
    _at_limits(after, price, limit, available, start_utc, step_s, budget, rows)
    return rows, after
