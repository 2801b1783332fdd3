"""Where an order book keeps its orders: a queue for each price and side, and a bitmap of those that are not empty.

A level is a price of one side. Bids stand at cap - price, offers at span + price - floor, so on either side the lowest
occupied level is the best, and both halves share one search: levels are bits of 64-bit words, words that are not empty
are bits of the next stage, and so on for three stages, of which the last is walked.

Orders stand in a pool; an order's number there is never 0, so memory that is all zeros is an empty book. Free places
form a list, last in, first out, as their memory is still near.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import carray  # type: ignore[attr-defined]  # not in its stubs
from numpy.typing import NDArray

from voltadesk.engine.book_events import FOR_SESSION, NEVER_UTC, REPORT
from voltadesk.engine.compiled import lean_part, part, pointer
from voltadesk.engine.tables import Table

# Words of `Ladder.state`.
(
    FLOOR_TICK,
    CAP_TICK,
    LEAST_WH,
    MOST_WH,
    CLOSURE_UTC,
    PHASE,
    CLOCK_UTC,
    SEQUENCE,  # of the last report
    SPAN,  # levels of one side
    BEST,  # best level of the bids ...
    BEST_OFFER,  # ... and of the offers; NO_LEVEL where there is none
    FREE,  # first of the list of free places; 0: none
    FRESH,  # first place of the pool that was never used
    OPEN_ORDERS,
    OPEN_WH,
    EXPIRY_UTC,  # no order expires before
    HIGHEST_ID,
    BEGIN,  # sequence of the last report before those that are being written
    MESSAGE_INDEX,
    WANTED,  # what the next message wants room for: WANTED_*
    STATE_WORDS,
) = range(21)
WANTED_NOTHING, WANTED_REPORTS, WANTED_ORDERS, WANTED_IDS, WANTED_UNCROSS = range(5)

NO_LEVEL = 1 << 40
SPENT = -1  # in `Ladder.place`: an id that was used and is no longer open

LEVEL = np.dtype([("first", np.int32), ("last", np.int32)])
PLACE = np.dtype(  # an order in the pool: one line of a processor's cache
    [
        ("shown_wh", np.int64),
        ("hidden_wh", np.int64),
        ("display_wh", np.int64),
        ("expiry_utc", np.int64),
        ("owner", np.int64),
        ("id", np.int32),
        ("level", np.int32),
        ("next", np.int32),  # behind it in its queue, or in the list of free places
        ("previous", np.int32),
        ("kind", np.int32),
        ("", np.int32),
    ]
)
PLACE_WORDS = PLACE.itemsize // 8
WHERE_WORDS = 7

# De Bruijn's sequence finds the lowest bit of a word: Leiserson, Prokop & Randall, Using de Bruijn sequences to index a
# 1 in a computer word, 1998.
_DE_BRUIJN = 0x03F79D71B4CB0A89
_LOWEST = np.zeros(64, np.int64)
for _bit in range(64):
    _LOWEST[((_DE_BRUIJN << _bit) >> 58) & 63] = _bit


class Ladder(NamedTuple):
    """A book's memory as kernels see it."""

    state: NDArray[np.int64]
    bits: NDArray[np.int64]  # a bit for each level
    words: NDArray[np.int64]  # a bit for each of `bits`
    blocks: NDArray[np.int64]  # a bit for each of `words`
    levels: Table  # LEVEL
    orders: Table  # PLACE; number 0 is no order
    place: NDArray[np.int32]  # by id: its order's number; 0 never used; SPENT


def memory_words(ticks: int) -> int:
    """Words of memory for state, bitmap and levels of a band of so many ticks."""
    levels = 2 * ticks
    bits = (levels >> 6) + 1
    words = (bits >> 6) + 1
    return STATE_WORDS + bits + words + (words >> 6) + 1 + levels


def addresses(
    memory: NDArray[np.int64], pool: NDArray[np.int64], place: NDArray[np.int32], reports: Table
) -> NDArray[np.int64]:
    """Where a book's memory is, as kernels take it: Python hands over one array, or its address, faster than four.

    The arrays must outlive it: memory and pool as `memory_words` and PLACE say, place by id, reports as REPORT.
    """
    where = [memory.ctypes.data, pool.ctypes.data, len(pool) // PLACE_WORDS, place.ctypes.data, len(place)]
    return np.array([*where, reports.ctypes.data, len(reports)], np.int64)


@part
def opened(where: NDArray[np.int64]) -> Ladder:
    """The parts of a book's memory, as `memory_words` laid them out, from its `addresses`."""
    state = carray(pointer(where[0]), STATE_WORDS, np.int64)
    levels = 2 * state[SPAN]
    bits = (levels >> 6) + 1
    words = (bits >> 6) + 1
    blocks = (words >> 6) + 1
    at_bits = where[0] + 8 * STATE_WORDS
    at_words = at_bits + 8 * bits
    at_blocks = at_words + 8 * words
    return Ladder(
        state,
        carray(pointer(at_bits), bits, np.int64),
        carray(pointer(at_words), words, np.int64),
        carray(pointer(at_blocks), blocks, np.int64),
        carray(pointer(at_blocks + 8 * blocks), levels, LEVEL),
        carray(pointer(where[1]), where[2], PLACE),
        carray(pointer(where[3]), where[4], np.int32),
    )


@part
def report_rows(where: NDArray[np.int64]) -> Table:
    """The rows of REPORT that a book has at its `addresses`."""
    return carray(pointer(where[5]), where[6], REPORT)


# Prices and levels ----------------------------------------------------------------------------------------------------
@lean_part
def level_of(ladder: Ladder, side: int, price_tick: int) -> int:
    """The level of a price within the band."""
    if side == 0:
        return ladder.state[CAP_TICK] - price_tick
    return ladder.state[SPAN] + price_tick - ladder.state[FLOOR_TICK]


@lean_part
def price_of(ladder: Ladder, level: int) -> int:
    """The price of a level [tick]."""
    if level < ladder.state[SPAN]:
        return ladder.state[CAP_TICK] - level
    return ladder.state[FLOOR_TICK] + level - ladder.state[SPAN]


@lean_part
def worst_met(ladder: Ladder, level: int) -> int:
    """The worst level of the other side that an order at this level meets: the one of the same price."""
    return 2 * ladder.state[SPAN] - 1 - level


@lean_part
def side_of(ladder: Ladder, level: int) -> int:
    """SIDE_BUY or SIDE_SELL."""
    return int(level >= ladder.state[SPAN])


# The bitmap -----------------------------------------------------------------------------------------------------------
@lean_part
def _lowest_bit(word: int) -> int:
    return _LOWEST[(((word & -word) * _DE_BRUIJN) >> 58) & 63]


@lean_part
def _mark(ladder: Ladder, level: int) -> None:
    """Says that a level has orders."""
    ladder.bits[level >> 6] |= 1 << (level & 63)
    ladder.words[level >> 12] |= 1 << ((level >> 6) & 63)
    ladder.blocks[level >> 18] |= 1 << ((level >> 12) & 63)


@lean_part
def _unmark(ladder: Ladder, level: int) -> None:
    """Says that a level has none."""
    ladder.bits[level >> 6] &= ~(1 << (level & 63))
    if ladder.bits[level >> 6] == 0:
        ladder.words[level >> 12] &= ~(1 << ((level >> 6) & 63))
        if ladder.words[level >> 12] == 0:
            ladder.blocks[level >> 18] &= ~(1 << ((level >> 12) & 63))


@lean_part
def next_level(ladder: Ladder, level: int) -> int:
    """The next level with orders, behind this one on its side; NO_LEVEL where there is none."""
    found = _next_marked(ladder, level + 1)
    if level < ladder.state[SPAN] <= found:
        return NO_LEVEL
    return found


@lean_part
def _next_marked(ladder: Ladder, level: int) -> int:
    """The lowest level with orders that is not below this one."""
    word = level >> 6
    rest = ladder.bits[word] & (-1 << (level & 63))
    if rest != 0:
        return (word << 6) + _lowest_bit(rest)
    word += 1
    block = word >> 6
    if block >= len(ladder.words):
        return NO_LEVEL
    rest = ladder.words[block] & (-1 << (word & 63))
    if rest == 0:
        block += 1
        top = block >> 6
        if top >= len(ladder.blocks):
            return NO_LEVEL
        rest = ladder.blocks[top] & (-1 << (block & 63))
        while rest == 0:
            top += 1
            if top >= len(ladder.blocks):
                return NO_LEVEL
            rest = ladder.blocks[top]
        block = (top << 6) + _lowest_bit(rest)
        rest = ladder.words[block]
    word = (block << 6) + _lowest_bit(rest)
    return (word << 6) + _lowest_bit(ladder.bits[word])


# Queues ---------------------------------------------------------------------------------------------------------------
@lean_part
def append(ladder: Ladder, number: int, level: int) -> None:
    """Puts an order at the end of a level's queue."""
    queue = ladder.levels[level]
    order = ladder.orders[number]
    order.level, order.next, order.previous = level, 0, queue.last
    if queue.last == 0:
        queue.first = number
        _mark(ladder, level)
        side = side_of(ladder, level)
        ladder.state[BEST + side] = min(ladder.state[BEST + side], level)
    else:
        ladder.orders[queue.last].next = number
    queue.last = number


@lean_part
def unlink(ladder: Ladder, number: int) -> None:
    """Takes an order out of its queue."""
    order = ladder.orders[number]
    level = order.level
    queue = ladder.levels[level]
    before, behind = order.previous, order.next
    if before == 0:
        queue.first = behind
    else:
        ladder.orders[before].next = behind
    if behind == 0:
        queue.last = before
    else:
        ladder.orders[behind].previous = before
    if before == 0 and behind == 0:
        _unmark(ladder, level)
        side = side_of(ladder, level)
        if level == ladder.state[BEST + side]:
            ladder.state[BEST + side] = next_level(ladder, level)


# The pool -------------------------------------------------------------------------------------------------------------
@lean_part
def add_order(
    ladder: Ladder, id: int, owner: int, kind: int, level: int, open_wh: int, display_wh: int, expiry_utc: int
) -> None:
    """Makes an order in a free place, which there must be, and puts it at the end of a level's queue."""
    state = ladder.state
    number = state[FREE]
    if number != 0:
        state[FREE] = ladder.orders[number].next
    else:
        number = state[FRESH]
        state[FRESH] += 1
    order = ladder.orders[number]
    order.id, order.owner, order.kind = id, owner, kind
    order.display_wh, order.expiry_utc = display_wh, expiry_utc
    show(ladder, number, open_wh)
    state[OPEN_ORDERS] += 1
    state[OPEN_WH] += open_wh
    if expiry_utc != FOR_SESSION:
        state[EXPIRY_UTC] = min(state[EXPIRY_UTC], expiry_utc)
    ladder.place[id] = number
    append(ladder, number, level)


@lean_part
def show(ladder: Ladder, number: int, open_wh: int) -> None:
    """Sets what an order has open: an iceberg shows a part of it."""
    order = ladder.orders[number]
    order.shown_wh = open_wh if order.display_wh == 0 else min(order.display_wh, open_wh)
    order.hidden_wh = open_wh - order.shown_wh


@lean_part
def release(ladder: Ladder, number: int) -> None:
    """Frees the place of an order that stands in no queue any more; its id is spent."""
    order = ladder.orders[number]
    ladder.place[order.id] = SPENT
    order.next = ladder.state[FREE]
    ladder.state[FREE] = number
    ladder.state[OPEN_ORDERS] -= 1


def fresh_state(floor_tick: int, cap_tick: int, least_wh: int, most_wh: int, closure_utc: int) -> NDArray[np.int64]:
    """The words of a book in which nothing has happened."""
    state = np.zeros(STATE_WORDS, np.int64)
    state[[FLOOR_TICK, CAP_TICK, LEAST_WH, MOST_WH, CLOSURE_UTC]] = floor_tick, cap_tick, least_wh, most_wh, closure_utc
    state[SPAN] = cap_tick - floor_tick + 1
    state[[BEST, BEST_OFFER]] = NO_LEVEL
    state[FRESH] = 1
    state[EXPIRY_UTC] = NEVER_UTC
    return state
