"""What an order book does with a message: which rules it must keep, and what it brings about.

Nothing is changed before a message is known to keep all rules and to find room for its order and its reports. One that
lacks room is given back undone, and is carried out once the caller has made some.
"""

from __future__ import annotations

import numpy as np
from numba import carray  # type: ignore[attr-defined]  # not in its stubs

from voltadesk.engine import book_events as ev
from voltadesk.engine import book_levels as lv
from voltadesk.engine.book_levels import Ladder
from voltadesk.engine.book_trading import has_room, reach, remove, remove_all, report, trade
from voltadesk.engine.compiled import kernel, lean_part, pointer, short_kernel
from voltadesk.engine.tables import NO_PRICE_TICK, Table

_PLAIN_REPORTS = 3  # that any message may need, trades and leaving orders aside
_NO_ROOM = -1


# The kernel for Python -----------------------------------------------------------------------------------------------
@kernel
def run_messages(where_at: int, messages_at: int, count: int, first: int, begin: int) -> tuple[int, int]:
    """Carries out messages from number `first` on, writing the book's reports from row `begin` on.

    where_at     address of `book_levels.addresses`: a single message is handed over in less time without any array
    messages_at  address of `count` rows of MESSAGE

    Returns the number of the first message that was not carried out, for lack of what `state[WANTED]` says, or `count`;
    and the first row of reports that was not written.
    """
    where = carray(pointer(where_at), lv.WHERE_WORDS, np.int64)
    rows = carray(pointer(messages_at), count, ev.MESSAGE)
    ladder, written = lv.opened(where), lv.report_rows(where)
    state = ladder.state
    state[lv.BEGIN] = state[lv.SEQUENCE] - begin
    done = first
    while done < count and _carry_out_row(ladder, written, rows, done):
        done += 1
    return done, state[lv.SEQUENCE] - state[lv.BEGIN]


@short_kernel
def run_message(where_at: int, message_at: int, begin: int) -> int:
    """Carries out one message, as `run_messages` does; returns the first row of reports that was not written.

    -1 where the message was not carried out, for lack of what `state[WANTED]` says.
    """
    where = carray(pointer(where_at), lv.WHERE_WORDS, np.int64)
    rows = carray(pointer(message_at), 1, ev.MESSAGE)
    ladder, written = lv.opened(where), lv.report_rows(where)
    state = ladder.state
    state[lv.BEGIN] = state[lv.SEQUENCE] - begin
    if not _carry_out_row(ladder, written, rows, 0):
        return -1
    return state[lv.SEQUENCE] - state[lv.BEGIN]


# One message ----------------------------------------------------------------------------------------------------------
@lean_part
def _carry_out_row(ladder: Ladder, reports: Table, messages: Table, index: int) -> bool:
    m = messages[index]
    ladder.state[lv.MESSAGE_INDEX] = index
    return carry_out(
        ladder,
        reports,
        m.type,
        m.id,
        m.owner,
        m.side,
        m.kind,
        m.price_tick,
        m.quantity_wh,
        m.display_wh,
        m.time_utc,
    )


@lean_part
def carry_out(
    ladder: Ladder,
    reports: Table,
    type: int,
    id: int,
    owner: int,
    side: int,
    kind: int,
    price_tick: int,
    quantity_wh: int,
    display_wh: int,
    time_utc: int,
) -> bool:
    """Does what a message asks, or reports the rule that it breaks; False where there is no room to."""
    if not has_room(ladder, reports, _PLAIN_REPORTS):
        return False
    rule = 0
    if ladder.state[lv.PHASE] == ev.PHASE_CLOSED and ev.TYPE_NEW <= type <= ev.TYPE_CLOSE and type != ev.TYPE_CLOCK:
        rule = ev.RULE_CLOSED
    elif type == ev.TYPE_NEW:
        rule = _new(ladder, reports, id, owner, side, kind, price_tick, quantity_wh, display_wh, time_utc)
    elif type == ev.TYPE_CANCEL:
        rule = _cancel(ladder, reports, id, owner)
    elif type == ev.TYPE_AMEND:
        rule = _amend(ladder, reports, id, owner, price_tick, quantity_wh)
    else:
        rule = _conduct(ladder, reports, type, owner, time_utc)
    if rule > 0:
        report(ladder, reports, ev.EVENT_REJECTED, rule, id, 0, ev.SIDE_NONE, NO_PRICE_TICK, 0)
    return rule != _NO_ROOM


# Each of these returns 0, the rule that the message breaks, or _NO_ROOM.
@lean_part
def _new(
    ladder: Ladder,
    reports: Table,
    id: int,
    owner: int,
    side: int,
    kind: int,
    price_tick: int,
    quantity_wh: int,
    display_wh: int,
    expiry_utc: int,
) -> int:
    state = ladder.state
    rule = _rule_of_identity(ladder, id, side, kind)
    if rule != 0:
        return rule
    limit_tick = price_tick
    if kind == ev.KIND_MARKET:
        price_tick = NO_PRICE_TICK
        limit_tick = state[lv.CAP_TICK] if side == ev.SIDE_BUY else state[lv.FLOOR_TICK]
    rule = _rule_of_terms(ladder, kind, limit_tick, quantity_wh, display_wh, 0)
    if rule == 0 and expiry_utc != ev.FOR_SESSION and expiry_utc <= state[lv.CLOCK_UTC]:
        rule = ev.RULE_EXPIRY
    if rule == 0 and state[lv.PHASE] == ev.PHASE_CALL and kind != ev.KIND_LIMIT and kind != ev.KIND_ICEBERG:
        rule = ev.RULE_CALL
    if rule != 0:
        return rule
    level = lv.level_of(ladder, side, limit_tick)
    rule, trades = _meeting(ladder, owner, side, kind, level, quantity_wh)
    if rule != 0:
        return rule
    if not (_has_place(ladder, id) and has_room(ladder, reports, trades + _PLAIN_REPORTS)):
        return _NO_ROOM
    report(ladder, reports, ev.EVENT_ACCEPTED, 0, id, 0, side, price_tick, quantity_wh)
    state[lv.HIGHEST_ID] = max(state[lv.HIGHEST_ID], id)
    left_wh = quantity_wh
    if trades > 0:
        left_wh = trade(ladder, reports, id, side, lv.worst_met(ladder, level), quantity_wh)
    if left_wh > 0 and kind != ev.KIND_MARKET and kind != ev.KIND_IOC:
        lv.add_order(ladder, id, owner, kind, level, left_wh, display_wh, expiry_utc)
        return 0
    ladder.place[id] = lv.SPENT
    if left_wh > 0:
        report(ladder, reports, ev.EVENT_CANCELLED, ev.RULE_NOT_FILLED, id, 0, side, price_tick, left_wh)
    return 0


@lean_part
def _cancel(ladder: Ladder, reports: Table, id: int, owner: int) -> int:
    rule, number = _found(ladder, id, owner)
    if rule != 0:
        return rule
    remove(ladder, reports, ev.EVENT_CANCELLED, number)
    return 0


@lean_part
def _amend(ladder: Ladder, reports: Table, id: int, owner: int, price_tick: int, quantity_wh: int) -> int:
    """A smaller quantity at the same price keeps its place; all else leaves the book and comes anew."""
    rule, number = _found(ladder, id, owner)
    if rule != 0:
        return rule
    order = ladder.orders[number]
    open_wh = order.shown_wh + order.hidden_wh
    side, own_tick = lv.side_of(ladder, order.level), lv.price_of(ladder, order.level)
    wanted_wh = open_wh if quantity_wh == ev.KEEP else quantity_wh
    wanted_tick = own_tick if price_tick == ev.KEEP else price_tick
    display_wh = min(order.display_wh, wanted_wh)
    rule = _rule_of_terms(ladder, order.kind, wanted_tick, wanted_wh, display_wh, open_wh)
    if rule != 0:
        return rule
    level = lv.level_of(ladder, side, wanted_tick)
    trades = 0
    stays = level == order.level and wanted_wh <= open_wh
    if not stays:
        rule, trades = _meeting(ladder, order.owner, side, order.kind, level, wanted_wh)
        if rule != 0:
            return rule
        if not has_room(ladder, reports, trades + _PLAIN_REPORTS):
            return _NO_ROOM
    report(ladder, reports, ev.EVENT_AMENDED, 0, id, 0, side, wanted_tick, wanted_wh)
    ladder.state[lv.OPEN_WH] += wanted_wh - open_wh
    if stays:
        order.shown_wh = min(order.shown_wh, wanted_wh)
        order.hidden_wh = wanted_wh - order.shown_wh
        return 0
    lv.unlink(ladder, number)
    if trades > 0:
        left_wh = trade(ladder, reports, id, side, lv.worst_met(ladder, level), wanted_wh)
        ladder.state[lv.OPEN_WH] -= wanted_wh - left_wh
        wanted_wh = left_wh
    if wanted_wh == 0:
        lv.release(ladder, number)
    else:
        lv.show(ladder, number, wanted_wh)
        lv.append(ladder, number, level)
    return 0


@lean_part
def _conduct(ladder: Ladder, reports: Table, type: int, owner: int, time_utc: int) -> int:
    """What concerns more than one order: mass cancel, time, phases."""
    state = ladder.state
    if not has_room(ladder, reports, state[lv.OPEN_ORDERS] + _PLAIN_REPORTS):
        return _NO_ROOM
    rule = _rule_of_conduct(ladder, type, time_utc)
    if rule != 0:
        return rule
    if type == ev.TYPE_CANCEL_ALL:
        remove_all(ladder, reports, ev.EVENT_CANCELLED, owner, ev.NEVER_UTC)
    elif type == ev.TYPE_CALL:
        state[lv.PHASE] = ev.PHASE_CALL
        report(ladder, reports, ev.EVENT_CALLED, 0, 0, 0, ev.SIDE_NONE, NO_PRICE_TICK, 0)
    elif type == ev.TYPE_UNCROSS:
        state[lv.WANTED] = lv.WANTED_UNCROSS
        return _NO_ROOM
    elif type == ev.TYPE_CLOCK:
        state[lv.CLOCK_UTC] = time_utc
        if state[lv.EXPIRY_UTC] <= time_utc:
            remove_all(ladder, reports, ev.EVENT_EXPIRED, ev.NOBODY, time_utc)
    is_over = type == ev.TYPE_CLOSE or (type == ev.TYPE_CLOCK and time_utc >= state[lv.CLOSURE_UTC])
    if is_over and state[lv.PHASE] != ev.PHASE_CLOSED:
        remove_all(ladder, reports, ev.EVENT_EXPIRED, ev.NOBODY, ev.NEVER_UTC)
        state[lv.PHASE] = ev.PHASE_CLOSED
        report(ladder, reports, ev.EVENT_CLOSED, 0, 0, 0, ev.SIDE_NONE, NO_PRICE_TICK, 0)
    return 0


# Rules ----------------------------------------------------------------------------------------------------------------
@lean_part
def _rule_of_identity(ladder: Ladder, id: int, side: int, kind: int) -> int:
    """The first rule that a new order breaks by its id, side or kind; 0: none."""
    if id <= 0 or id >= ev.ID_LIMIT:
        return ev.RULE_ID
    if id < len(ladder.place) and ladder.place[id] != 0:
        return ev.RULE_DOUBLE_ID
    if side != ev.SIDE_BUY and side != ev.SIDE_SELL:
        return ev.RULE_SIDE
    if kind < ev.KIND_LIMIT or kind > ev.KIND_ICEBERG:
        return ev.RULE_KIND
    return 0


@lean_part
def _rule_of_terms(
    ladder: Ladder, kind: int, price_tick: int, quantity_wh: int, display_wh: int, standing_wh: int
) -> int:
    """The first rule that an order breaks by its size or price; `standing_wh` of it is in the book already."""
    state = ladder.state
    if quantity_wh < state[lv.LEAST_WH] or quantity_wh > state[lv.MOST_WH]:
        return ev.RULE_QUANTITY_STEP if quantity_wh == ev.UNEVEN else ev.RULE_QUANTITY
    if price_tick < state[lv.FLOOR_TICK] or price_tick > state[lv.CAP_TICK]:
        return ev.RULE_OFF_TICK if price_tick == ev.UNEVEN else ev.RULE_PRICE_BAND
    if kind == ev.KIND_ICEBERG:
        if display_wh <= 0 or display_wh > quantity_wh or (quantity_wh - 1) // ev.SLICES_LIMIT >= display_wh:
            return ev.RULE_DISPLAY
    elif display_wh != 0:
        return ev.RULE_DISPLAY
    if state[lv.OPEN_WH] - standing_wh + quantity_wh >= ev.TOTAL_LIMIT_WH:
        return ev.RULE_TOTAL
    return 0


@lean_part
def _rule_of_conduct(ladder: Ladder, type: int, time_utc: int) -> int:
    """The rule that a message breaks that concerns more than one order; 0: none."""
    phase = ladder.state[lv.PHASE]
    if type < ev.TYPE_NEW or type > ev.TYPE_CLOSE:
        return ev.RULE_TYPE
    if type == ev.TYPE_CLOCK and time_utc < ladder.state[lv.CLOCK_UTC]:
        return ev.RULE_CLOCK
    if type == ev.TYPE_CALL and phase != ev.PHASE_CONTINUOUS:
        return ev.RULE_PHASE
    if type == ev.TYPE_UNCROSS and phase != ev.PHASE_CALL:
        return ev.RULE_PHASE
    return 0


@lean_part
def _meeting(ladder: Ladder, owner: int, side: int, kind: int, level: int, quantity_wh: int) -> tuple[int, int]:
    """The rule that an order breaks by what it would meet, and the most trades that it makes at once."""
    best, worst = ladder.state[lv.BEST + 1 - side], lv.worst_met(ladder, level)
    if best > worst:
        return (ev.RULE_FOK if kind == ev.KIND_FOK else 0), 0
    if ladder.state[lv.PHASE] == ev.PHASE_CALL:
        _, _, meets_own = reach(ladder, owner, best, worst, ev.TOTAL_LIMIT_WH)
        return (ev.RULE_SELF_TRADE if meets_own else 0), 0
    if kind == ev.KIND_POST_ONLY:
        return ev.RULE_POST_ONLY, 0
    left_wh, trades, meets_own = reach(ladder, owner, best, worst, quantity_wh)
    if meets_own:
        return ev.RULE_SELF_TRADE, 0
    if kind == ev.KIND_FOK and left_wh > 0:
        return ev.RULE_FOK, 0
    return 0, trades


@lean_part
def _found(ladder: Ladder, id: int, owner: int) -> tuple[int, int]:
    """The number of the open order that a message means, or the rule that it breaks."""
    if id <= 0 or id >= len(ladder.place) or ladder.place[id] <= 0:
        return ev.RULE_UNKNOWN_ID, 0
    number = ladder.place[id]
    if owner != ev.NOBODY and ladder.orders[number].owner != owner:
        return ev.RULE_OWNER, 0
    return 0, int(number)


@lean_part
def _has_place(ladder: Ladder, id: int) -> bool:
    """Whether a new order finds a place in the pool and its id one in the map; if not, says what is wanted."""
    state = ladder.state
    if id >= len(ladder.place):
        state[lv.WANTED] = lv.WANTED_IDS
        return False
    if state[lv.FREE] == 0 and state[lv.FRESH] == len(ladder.orders):
        state[lv.WANTED] = lv.WANTED_ORDERS
        return False
    return True
