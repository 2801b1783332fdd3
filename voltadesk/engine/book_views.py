"""What an order book holds, as rows: its orders, its depth, the place of an order; and the way back from rows.

`where` is `book_levels.addresses` of the book's memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine import book_events as ev
from voltadesk.engine import book_levels as lv
from voltadesk.engine.book_call import open_orders
from voltadesk.engine.compiled import kernel


@kernel
def order_rows(where: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
    """Writes all open orders as rows of ORDER: bids, then offers, from the best on, first come first."""
    ladder, written = lv.opened(where), rows.view(ev.ORDER)
    numbers = open_orders(ladder)
    for k in range(len(numbers)):
        order, row = ladder.orders[numbers[k]], written[k]
        row.id, row.owner, row.kind = order.id, order.owner, order.kind
        row.side, row.price_tick = lv.side_of(ladder, order.level), lv.price_of(ladder, order.level)
        row.shown_wh, row.hidden_wh = order.shown_wh, order.hidden_wh
        row.display_wh, row.expiry_utc = order.display_wh, order.expiry_utc


@kernel
def put_orders(where: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
    """Puts rows of ORDER into a book that has none, in their order."""
    ladder, orders = lv.opened(where), rows.view(ev.ORDER)
    for k in range(len(orders)):
        row = orders[k]
        level = lv.level_of(ladder, row.side, row.price_tick)
        open_wh = row.shown_wh + row.hidden_wh
        lv.add_order(ladder, row.id, row.owner, row.kind, level, open_wh, row.display_wh, row.expiry_utc)
        # What an iceberg shows may be less than it began to show.
        order = ladder.orders[ladder.place[row.id]]
        order.shown_wh, order.hidden_wh = row.shown_wh, row.hidden_wh


@kernel
def depth_rows(where: NDArray[np.int64], side: int, rows: NDArray[np.int64]) -> int:
    """Writes the best prices of a side as rows of DEPTH, as many as there is room for; returns how many."""
    ladder, written = lv.opened(where), rows.view(ev.DEPTH)
    level, count = ladder.state[lv.BEST + side], 0
    while level != lv.NO_LEVEL and count < len(written):
        row = written[count]
        row.price_tick, row.shown_wh, row.hidden_wh, row.orders = lv.price_of(ladder, level), 0, 0, 0
        number = ladder.levels[level].first
        while number != 0:
            order = ladder.orders[number]
            row.shown_wh += order.shown_wh
            row.hidden_wh += order.hidden_wh
            row.orders += 1
            number = order.next
        count += 1
        level = lv.next_level(ladder, level)
    return count


@kernel
def queue_place(where: NDArray[np.int64], id: int) -> tuple[int, int]:
    """How many orders stand before one at its price, and what they show [Wh]; (-1, 0) where it is not open."""
    ladder = lv.opened(where)
    if id <= 0 or id >= len(ladder.place) or ladder.place[id] <= 0:
        return -1, 0
    orders, shown_wh = 0, 0
    number = ladder.orders[ladder.place[id]].previous
    while number != 0:
        orders += 1
        shown_wh += ladder.orders[number].shown_wh
        number = ladder.orders[number].previous
    return orders, shown_wh
