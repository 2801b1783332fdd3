"""Re-solving where intervals offer steps: a connection's own surplus and need, an order book.

`storage_horizon` expects one price for any quantity in each interval ahead. Where only so much can be had or is wanted
at a price, how much is expected counts as well; then what follows an interval is laid out as whole terms, and its value
is worked out by the way back of `storage`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.batteries import stand
from voltadesk.engine.compiled import kernel
from voltadesk.engine.storage import checked_battery
from voltadesk.engine.storage_below import best_fill, curve_of
from voltadesk.engine.storage_path import go_back, trade
from voltadesk.engine.storage_value import Terms, gather, most_offers, steps_of, take_shares
from voltadesk.engine.tables import Table

Integers = NDArray[np.int64]


@kernel
def resolve_intervals(
    battery: Any, offered: Terms, expected: Terms, horizon: int, start_utc: int, step_s: int, rows: Integers
) -> None:
    row = battery[0]
    low, offers = float(row.minimum_fill_wh), np.empty((4, most_offers(offered.step_from)))
    level = np.empty(2 * horizon + len(expected.steps))
    for t in range(len(offered.buy_tick)):
        lost, second = stand(row, step_s), start_utc + t * step_s
        # The steps stay whole: their places are counted from the first of all, and so are the levels'.
        ahead = Terms(
            expected.buy_tick[t + 1 : t + 1 + horizon], expected.sell_tick[t + 1 : t + 1 + horizon],
            expected.share_ppm, expected.step_from[t + 1 : t + 2 + horizon], expected.steps, expected.end,
        )  # fmt: skip
        value, _ = go_back(row, ahead, second + step_s, step_s, level)
        charge_wh, discharge_wh = take_shares(row, offered.share_ppm, t, second, step_s)
        begin, stop = steps_of(offered.step_from, t)
        charges, count = gather(
            row, offered.buy_tick[t], offered.sell_tick[t], charge_wh, discharge_wh, offered.steps, begin, stop, offers
        )
        target = best_fill(curve_of(value.slope, value.until, low), offers, charges, count, float(row.fill_wh))
        bought, sold = trade(row, offers, charges, count, target, lost)
        rows[0, t], rows[1, t], rows[2, t] = bought, sold, row.fill_wh


def resolve_terms(
    battery: Table, offered: Terms, expected: Terms, horizon: int, start_utc: int, step_s: int
) -> tuple[Integers, Table]:
    """Bought, sold and fill (3, T) [Wh], and the battery's row afterwards, of one that solves anew in each interval.

    battery    (1,) of `tables.BATTERY`, not changed
    offered    T intervals as from `storage.terms`: what each turns out to offer, known when it trades; its end plays no
               part
    expected   T + horizon intervals, of which interval t sees t + 1 to t + horizon; its end is that of every horizon.
               The same shares of power throughout
    start_utc  begin of the first interval [s]; step_s its length [s], at most an hour

    Raises ValueError for shapes that don't fit and a battery out of range.
    """
    after = checked_battery(battery, 1, step_s)
    count = len(offered.buy_tick)
    if horizon < 1 or len(expected.buy_tick) < count + horizon:
        raise ValueError(f"expected = {len(expected.buy_tick)}: must have {count} entries and those of a horizon >= 1")
    if expected.share_ppm.shape[1] != 1:
        raise ValueError("expected: must have the same shares of power throughout")
    if len(expected.step_from) == 0:
        expected = expected._replace(step_from=np.zeros(len(expected.buy_tick) + 1, np.int64))
    rows = np.empty((3, count), np.int64)
    resolve_intervals(after, offered, expected, horizon, start_utc, step_s, rows)
    return rows, after
