"""A call auction in an order book: all that crosses trades at one price; then trading goes on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine import book_events as ev
from voltadesk.engine import book_levels as lv
from voltadesk.engine.book_levels import Ladder
from voltadesk.engine.book_trading import report
from voltadesk.engine.compiled import kernel, lean_part, part
from voltadesk.engine.tables import NO_PRICE_TICK


@kernel
def run_uncross(
    where: NDArray[np.int64],
    volume_wh: int,
    price_tick: int,
    begin: int,
) -> int:
    """Trades what an auction over all orders came to, at its price, and goes back to continuous trading.

    Better limits are served before worse ones and, at one limit, those who came first; icebergs with all they have.
    What is left keeps its place. Nobody's orders cross each other (`book_messages`), so nobody trades with himself.

    where                  `book_levels.addresses` of the book's memory
    volume_wh, price_tick  what `auction.clearing_price` says of all open orders [Wh], [0.01/MWh]

    Writes the book's reports from row `begin` on, for which there must be room: one more than there are orders. Returns
    the first row that was not written.
    """
    ladder, written = lv.opened(where), lv.report_rows(where)
    state = ladder.state
    state[lv.BEGIN] = state[lv.SEQUENCE] - begin
    left_wh = volume_wh
    while left_wh > 0:
        buyer = ladder.levels[state[lv.BEST]].first
        seller = ladder.levels[state[lv.BEST_OFFER]].first
        bid, offer = ladder.orders[buyer], ladder.orders[seller]
        traded_wh = min(left_wh, bid.shown_wh + bid.hidden_wh, offer.shown_wh + offer.hidden_wh)
        report(ladder, written, ev.EVENT_TRADED, 0, bid.id, offer.id, ev.SIDE_NONE, price_tick, traded_wh)
        left_wh -= traded_wh
        _fill(ladder, buyer, traded_wh)
        _fill(ladder, seller, traded_wh)
    told_tick = price_tick if volume_wh > 0 else NO_PRICE_TICK
    report(ladder, written, ev.EVENT_UNCROSSED, 0, 0, 0, ev.SIDE_NONE, told_tick, volume_wh)
    state[lv.PHASE] = ev.PHASE_CONTINUOUS
    return state[lv.SEQUENCE] - state[lv.BEGIN]


@part
def open_orders(ladder: Ladder) -> NDArray[np.int64]:
    """Numbers of all orders: bids from the best on, then offers from the best on, each price as its queue stands."""
    numbers = np.empty(ladder.state[lv.OPEN_ORDERS], np.int64)
    count = 0
    for side in range(2):
        level = ladder.state[lv.BEST + side]
        while level != lv.NO_LEVEL:
            number = ladder.levels[level].first
            while number != 0:
                numbers[count] = number
                count += 1
                number = ladder.orders[number].next
            level = lv.next_level(ladder, level)
    return numbers


@lean_part
def _fill(ladder: Ladder, number: int, traded_wh: int) -> None:
    """Takes a trade off an order, which keeps its place."""
    order = ladder.orders[number]
    open_wh = order.shown_wh + order.hidden_wh - traded_wh
    ladder.state[lv.OPEN_WH] -= traded_wh
    if open_wh == 0:
        lv.unlink(ladder, number)
        lv.release(ladder, number)
    else:
        lv.show(ladder, number, open_wh)
