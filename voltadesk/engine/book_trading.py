"""What happens in an order book: trades by price, then time; orders that leave. Each is reported."""

from __future__ import annotations

from voltadesk.engine import book_events as ev
from voltadesk.engine import book_levels as lv
from voltadesk.engine.book_levels import Ladder
from voltadesk.engine.compiled import lean_part
from voltadesk.engine.tables import Table


# Reports --------------------------------------------------------------------------------------------------------------
@lean_part
def report(
    ladder: Ladder,
    reports: Table,
    event: int,
    rule: int,
    id: int,
    other_id: int,
    side: int,
    price_tick: int,
    quantity_wh: int,
) -> None:
    """Writes the next row of REPORT, for which there must be room."""
    state = ladder.state
    row = reports[state[lv.SEQUENCE] - state[lv.BEGIN]]
    state[lv.SEQUENCE] += 1
    row.sequence = state[lv.SEQUENCE]
    row.message = state[lv.MESSAGE_INDEX]
    row.event, row.rule, row.id, row.other_id = event, rule, id, other_id
    row.side, row.price_tick, row.quantity_wh = side, price_tick, quantity_wh


@lean_part
def has_room(ladder: Ladder, reports: Table, count: int) -> bool:
    """Whether so many more reports can be written; if not, says that they are wanted."""
    state = ladder.state
    if len(reports) - (state[lv.SEQUENCE] - state[lv.BEGIN]) >= count:
        return True
    state[lv.WANTED] = lv.WANTED_REPORTS
    return False


# Trades ---------------------------------------------------------------------------------------------------------------
@lean_part
def reach(ladder: Ladder, owner: int, best: int, worst: int, open_wh: int) -> tuple[int, int, bool]:
    """What an order would meet from a level on up to another: what it would leave (or less than 0), the most trades
    that takes, and whether one of its owner's orders is among them."""
    trades = 0
    level = best
    while open_wh > 0 and level <= worst:
        hidden_wh = 0
        number = ladder.levels[level].first
        while open_wh > 0 and number != 0:
            order = ladder.orders[number]
            if owner != ev.NOBODY and order.owner == owner:
                return open_wh, trades, True
            open_wh -= order.shown_wh
            trades += 1
            if order.hidden_wh > 0:
                hidden_wh += order.hidden_wh
                trades += order.hidden_wh // order.display_wh + 1
            number = order.next
        # What icebergs hide comes behind all that is shown at their price.
        open_wh -= hidden_wh
        level = lv.next_level(ladder, level)
    return open_wh, trades, False


@lean_part
def trade(ladder: Ladder, reports: Table, id: int, side: int, worst: int, open_wh: int) -> int:
    """Trades an order with the other side up to its level `worst`; returns what stays open [Wh]."""
    state = ladder.state
    best = lv.BEST + 1 - side
    while open_wh > 0 and state[best] <= worst:
        level = state[best]
        number = ladder.levels[level].first
        resting = ladder.orders[number]
        traded_wh = min(open_wh, resting.shown_wh)
        report(ladder, reports, ev.EVENT_TRADED, 0, id, resting.id, side, lv.price_of(ladder, level), traded_wh)
        open_wh -= traded_wh
        resting.shown_wh -= traded_wh
        state[lv.OPEN_WH] -= traded_wh
        if resting.shown_wh == 0:
            lv.unlink(ladder, number)
            if resting.hidden_wh == 0:
                lv.release(ladder, number)
            else:
                lv.show(ladder, number, resting.hidden_wh)
                lv.append(ladder, number, level)
    return open_wh


# Leaving --------------------------------------------------------------------------------------------------------------
@lean_part
def remove(ladder: Ladder, reports: Table, event: int, number: int) -> None:
    """Takes an open order out of the book."""
    order = ladder.orders[number]
    open_wh = order.shown_wh + order.hidden_wh
    side, price_tick = lv.side_of(ladder, order.level), lv.price_of(ladder, order.level)
    ladder.state[lv.OPEN_WH] -= open_wh
    lv.unlink(ladder, number)
    lv.release(ladder, number)
    report(ladder, reports, event, 0, order.id, 0, side, price_tick, open_wh)


@lean_part
def remove_all(ladder: Ladder, reports: Table, event: int, owner: int, due_utc: int) -> None:
    """Takes out an owner's orders, NOBODY for everybody's; with a time only those that expire up to then.

    Bids from the best on, then offers from the best on, each price in the order of its queue.
    """
    next_expiry_utc = ev.NEVER_UTC
    for side in range(2):
        level = ladder.state[lv.BEST + side]
        while level != lv.NO_LEVEL:
            number = ladder.levels[level].first
            behind = lv.next_level(ladder, level)
            while number != 0:
                order = ladder.orders[number]
                following = order.next
                expiry_utc = order.expiry_utc
                is_meant = owner == ev.NOBODY or order.owner == owner
                if is_meant and (due_utc == ev.NEVER_UTC or ev.FOR_SESSION < expiry_utc <= due_utc):
                    remove(ladder, reports, event, number)
                elif expiry_utc != ev.FOR_SESSION:
                    next_expiry_utc = min(next_expiry_utc, expiry_utc)
                number = following
            level = behind
    ladder.state[lv.EXPIRY_UTC] = next_expiry_utc
