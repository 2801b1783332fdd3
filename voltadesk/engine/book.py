"""A limit order book: one product, price-time priority, integer ticks and watt-hours, arrays only.

`Book` keeps the memory and speaks Python; `book_messages` says what is done with a message, `book_trading` how orders
trade and leave, `book_levels` where they stand, `book_events` which codes and rules there are. `docs/book.md` tells the
rules in words.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine import book_events as ev
from voltadesk.engine import book_levels as lv
from voltadesk.engine.book_call import run_uncross
from voltadesk.engine.book_messages import run_messages
from voltadesk.engine.book_views import depth_rows, order_rows, put_orders, queue_place
from voltadesk.engine.tables import Table
from voltadesk.units import ENERGY_LIMIT_WH, PRICE_LIMIT_TICK, decimal_text

SNAPSHOT_VERSION = 1
_KEPT = (  # words of the state that a snapshot keeps; the others follow from the orders
    lv.FLOOR_TICK,
    lv.CAP_TICK,
    lv.LEAST_WH,
    lv.MOST_WH,
    lv.CLOSURE_UTC,
    lv.PHASE,
    lv.CLOCK_UTC,
    lv.SEQUENCE,
    lv.HIGHEST_ID,
)
_HEAD_WORDS = len(_KEPT) + 2
_PLACES, _IDS, _REPORTS = 1 << 10, 1 << 12, 16  # room at first


class Rejection(NamedTuple):
    """A message that was refused: the rule's name, the field that was wrong, and what it may hold."""

    id: int
    rule: str
    field: str
    limit: str


class Book:
    """The order book of one product.

    floor_tick, cap_tick  the price band, both allowed [0.01/MWh]
    least_wh, most_wh     sizes of an order, also after an amendment [Wh]
    gate_closure_utc      when a clock message gets there, all orders expire and the book is closed for good

    A book begins empty, open, in continuous trading; a `call` message makes it collect orders for an auction instead.
    Ids are positive and each names one order for the life of the book; they should be dense, as memory grows with
    the highest. An owner of 0 is nobody: orders that may trade with each other, messages that may touch any order.

    Raises ValueError for limits that make no sense. A message never raises: what breaks a rule is reported.
    """

    def __init__(
        self,
        floor_tick: int = -PRICE_LIMIT_TICK,
        cap_tick: int = PRICE_LIMIT_TICK,
        least_wh: int = 1,
        most_wh: int = ENERGY_LIMIT_WH,
        gate_closure_utc: int = ev.NEVER_UTC,
    ) -> None:
        if not -PRICE_LIMIT_TICK <= floor_tick < cap_tick <= PRICE_LIMIT_TICK:
            raise ValueError(f"price band = {floor_tick} to {cap_tick}: must rise within ±{PRICE_LIMIT_TICK}")
        if not 0 < least_wh <= most_wh <= ENERGY_LIMIT_WH:
            raise ValueError(f"sizes = {least_wh} to {most_wh}: must rise within 1 to {ENERGY_LIMIT_WH}")
        if gate_closure_utc <= 0:
            raise ValueError(f"gate_closure_utc = {gate_closure_utc}: must be above 0")
        self._memory = np.zeros(lv.memory_words(cap_tick - floor_tick + 1), np.int64)
        self._memory[: lv.STATE_WORDS] = lv.fresh_state(floor_tick, cap_tick, least_wh, most_wh, gate_closure_utc)
        self._pool = np.zeros(_PLACES * lv.PLACE_WORDS, np.int64)
        self._place = np.zeros(_IDS, np.int32)
        self._room = _REPORTS

    # Messages --------------------------------------------------------------------------------------------------------
    def execute(self, messages: Table) -> Table:
        """Carry out a batch of messages (MESSAGE); returns all that happened (REPORT), in order."""
        words = np.ascontiguousarray(messages, ev.MESSAGE).view(np.int64)
        parts, done, room = [], 0, len(messages) + (len(messages) >> 1) + self._room
        while True:
            reports = np.empty(room, ev.REPORT)
            begin = self.sequence
            done = run_messages(self._memory, self._pool, self._place, words, done, reports.view(np.int64))
            parts.append(reports[: self.sequence - begin])
            if done == len(messages):
                return parts[0] if len(parts) == 1 else np.concatenate(parts)
            if self._word(lv.WANTED) == lv.WANTED_UNCROSS:
                parts.append(self._uncross())
                done += 1
            else:
                room = self._make_room(int(messages["id"][done]), room)

    def send(
        self,
        type: int,
        id: int = 0,
        owner: int = ev.NOBODY,
        side: int = ev.SIDE_BUY,
        kind: int = ev.KIND_LIMIT,
        price_tick: int = ev.KEEP,
        quantity_wh: int = ev.KEEP,
        display_wh: int = 0,
        time_utc: int = ev.FOR_SESSION,
    ) -> Table:
        """Carry out one message, given by the fields of MESSAGE; returns what happened (REPORT)."""
        message = np.array(
            [(type, id, owner, side, kind, price_tick, quantity_wh, display_wh, time_utc)], ev.MESSAGE
        )
        return self.execute(message)

    def rejection(self, report: Table) -> Rejection:
        """What a report of EVENT_REJECTED means in words."""
        rule = ev.RULES[int(report["rule"])]
        limit = rule.limit.format(
            floor=decimal_text(self._word(lv.FLOOR_TICK), 2, 2),
            cap=decimal_text(self._word(lv.CAP_TICK), 2, 2),
            least=decimal_text(self._word(lv.LEAST_WH), 6),
            most=decimal_text(self._word(lv.MOST_WH), 6),
        )
        return Rejection(int(report["id"]), rule.name, rule.field, limit)

    # Looking at it ---------------------------------------------------------------------------------------------------
    @property
    def sequence(self) -> int:
        """How many reports there have been."""
        return int(self._memory[lv.SEQUENCE])

    @property
    def phase(self) -> int:
        """PHASE_CONTINUOUS, PHASE_CALL or PHASE_CLOSED."""
        return self._word(lv.PHASE)

    @property
    def clock_utc(self) -> int:
        """The time of the last clock message."""
        return self._word(lv.CLOCK_UTC)

    def orders(self) -> Table:
        """All open orders (ORDER): bids from the best on, then offers from the best on, first come first."""
        rows = np.empty(self._word(lv.OPEN_ORDERS), ev.ORDER)
        order_rows(self._memory, self._pool, self._place, rows.view(np.int64))
        return rows

    def depth(self, side: int, levels: int = 10) -> Table:
        """The best prices of a side (DEPTH), at most so many, the best first."""
        rows = np.empty(levels, ev.DEPTH)
        return rows[: depth_rows(self._memory, self._pool, self._place, side, rows.view(np.int64))]

    def ahead(self, id: int) -> tuple[int, int] | None:
        """How many orders, and what they show [Wh], stand before an order at its price; None: it is not open."""
        orders, shown_wh = queue_place(self._memory, self._pool, self._place, id)
        return None if orders < 0 else (orders, shown_wh)

    # Keeping it ------------------------------------------------------------------------------------------------------
    def snapshot(self) -> bytes:
        """All that the book is: limits, clock, sequence, open orders in their order, ids that were used.

        The same state gives the same bytes on every machine, whatever way led to it.
        """
        orders, used = self.orders(), self._place[: self._word(lv.HIGHEST_ID) + 1] != 0
        head = [SNAPSHOT_VERSION, *(self._word(word) for word in _KEPT), len(orders)]
        return b"".join(
            (
                np.array(head, "<i8").tobytes(),
                orders.view(np.int64).astype("<i8").tobytes(),
                np.packbits(used, bitorder="little").tobytes(),
            )
        )

    @classmethod
    def restore(cls, snapshot: bytes) -> Book:
        """The book of a snapshot; it goes on as the first would have. Raises ValueError for what is no snapshot."""
        head = np.frombuffer(snapshot[: 8 * _HEAD_WORDS], "<i8").tolist()
        if len(head) != _HEAD_WORDS or head[0] != SNAPSHOT_VERSION:
            raise ValueError(f"snapshot: must begin with version {SNAPSHOT_VERSION}")
        kept, count = dict(zip(_KEPT, head[1:-1], strict=True)), head[-1]
        begin, end = 8 * _HEAD_WORDS, 8 * _HEAD_WORDS + ev.ORDER.itemsize * count
        if count < 0 or len(snapshot) != end + kept[lv.HIGHEST_ID] // 8 + 1:
            raise ValueError(f"snapshot: length = {len(snapshot)}: must fit its {count} orders and its ids")
        book = cls(*(kept[word] for word in (lv.FLOOR_TICK, lv.CAP_TICK, lv.LEAST_WH, lv.MOST_WH, lv.CLOSURE_UTC)))
        for word, value in kept.items():
            book._memory[word] = value
        used = np.unpackbits(np.frombuffer(snapshot[end:], np.uint8), bitorder="little")
        book._place = _grown(book._place, len(used))
        book._place[: len(used)][used == 1] = lv.SPENT
        book._pool = _grown(book._pool, (count + 2) * lv.PLACE_WORDS)
        put_orders(book._memory, book._pool, book._place, np.frombuffer(snapshot[begin:end], "<i8").astype(np.int64))
        return book

    def digest(self) -> str:
        """SHA-256 of the snapshot."""
        return hashlib.sha256(self.snapshot()).hexdigest()

    def _uncross(self) -> Table:
        """Hold the auction of a call; returns what happened."""
        reports = np.empty(self._word(lv.OPEN_ORDERS) + 1, ev.REPORT)
        begin = self.sequence
        run_uncross(self._memory, self._pool, self._place, reports.view(np.int64))
        return reports[: self.sequence - begin]

    # Memory ----------------------------------------------------------------------------------------------------------
    def _word(self, word: int) -> int:
        return int(self._memory[word])

    def _make_room(self, id: int, room: int) -> int:
        """Makes the room that a message lacked; returns that for reports."""
        wanted = self._word(lv.WANTED)
        if wanted == lv.WANTED_ORDERS:
            self._pool = _grown(self._pool, 2 * len(self._pool))
        elif wanted == lv.WANTED_IDS:
            self._place = _grown(self._place, max(2 * len(self._place), id + 1))
        else:
            room *= 2
        return room


def _grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    """The array with zeros behind it; memory that was never touched stays so."""
    if size <= len(array):
        return array
    grown = np.zeros(size, array.dtype)
    grown[: len(array)] = array
    return grown
