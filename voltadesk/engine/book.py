"""A limit order book: one product, price-time priority, integer ticks and watt-hours, arrays only.

`Book` keeps the memory and speaks Python; `book_messages` says what is done with a message, `book_trading` how orders
trade and leave, `book_levels` where they stand, `book_events` which codes and rules there are. `docs/book.md` tells the
rules in words.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from voltadesk.engine import book_events as ev
from voltadesk.engine import book_levels as lv
from voltadesk.engine.arguments import number
from voltadesk.engine.auction import RULE_MIDPOINT, clearing_price
from voltadesk.engine.book_call import run_uncross
from voltadesk.engine.book_messages import run_message, run_messages
from voltadesk.engine.book_views import depth_rows, order_rows, put_orders, queue_place
from voltadesk.engine.tables import NO_PRICE_TICK, Table
from voltadesk.errors import BadInput
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
_PLACES, _IDS, _REPORTS = 1 << 10, 1 << 12, 1 << 10  # room at first
_REPORTS_MOST = 1 << 16  # in one piece, unless a message takes more
_PACK = struct.Struct(f"{ev.MESSAGE.itemsize // 8}q").pack_into


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
    Kernels of one's own reach it by `where` (`book_levels.opened`), which changes when it grows.

    Ids are positive and each names one order for the life of the book; they should be dense, as memory grows with
    the highest. An owner of 0 is nobody: orders that may trade with each other, messages that may touch any order.

    Raises BadInput for limits that make no sense, and for what is no message. A message never raises: what breaks a
    rule is reported.
    """

    def __init__(
        self,
        floor_tick: int = -PRICE_LIMIT_TICK,
        cap_tick: int = PRICE_LIMIT_TICK,
        least_wh: int = 1,
        most_wh: int = ENERGY_LIMIT_WH,
        gate_closure_utc: int = ev.NEVER_UTC,
    ) -> None:
        given = {"floor_tick": floor_tick, "cap_tick": cap_tick, "least_wh": least_wh, "most_wh": most_wh}
        for field, value in (given | {"gate_closure_utc": gate_closure_utc}).items():
            number(field, value, -(1 << 63), (1 << 63) - 1)
        if not -PRICE_LIMIT_TICK <= floor_tick < cap_tick <= PRICE_LIMIT_TICK:
            raise BadInput("price band", f"{floor_tick} to {cap_tick}", f"must rise within ±{PRICE_LIMIT_TICK}")
        if not 0 < least_wh <= most_wh <= ENERGY_LIMIT_WH:
            raise BadInput("sizes", f"{least_wh} to {most_wh}", f"must rise within 1 to {ENERGY_LIMIT_WH}")
        if gate_closure_utc <= 0:
            raise BadInput("gate_closure_utc", gate_closure_utc, "must be above 0")
        self._memory = np.zeros(lv.memory_words(cap_tick - floor_tick + 1), np.int64)
        self._memory[: lv.STATE_WORDS] = lv.fresh_state(floor_tick, cap_tick, least_wh, most_wh, gate_closure_utc)
        self._pool = np.zeros(_PLACES * lv.PLACE_WORDS, np.int64)
        self._place = np.zeros(_IDS, np.int32)
        self._message = np.zeros(1, ev.MESSAGE)
        self._inbox, self._message_at = self._message.view(np.int64).data, self._message.ctypes.data
        self._written = 0
        self._take_rows(_REPORTS)

    # Messages --------------------------------------------------------------------------------------------------------
    def execute(self, messages: Table) -> Table:
        """Carry out a batch of messages (MESSAGE); returns all that happened (REPORT), in order."""
        if not isinstance(messages, np.ndarray):
            raise BadInput("messages", type(messages).__name__, "must be rows of book_events.MESSAGE")
        if messages.dtype != ev.MESSAGE or messages.ndim != 1:
            given = f"{messages.shape} of {messages.dtype.kind}"
            raise BadInput("messages", given, "must be rows of book_events.MESSAGE")
        messages = np.ascontiguousarray(messages)
        if len(self._rows) - self._written < 2 * len(messages):
            self._take_rows(2 * len(messages))
        done, parts = 0, []
        while True:
            begin = self._written
            done, self._written = run_messages(self._where_at, messages.ctypes.data, len(messages), done, begin)
            parts.append(self._rows[begin : self._written])
            if done == len(messages):
                return parts[0] if len(parts) == 1 else np.concatenate(parts)
            if self._word(lv.WANTED) == lv.WANTED_UNCROSS:
                parts.append(self._uncross())
                done += 1
            else:
                self._make_room(int(messages["id"][done]))

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
        try:
            _PACK(self._inbox, 0, type, id, owner, side, kind, price_tick, quantity_wh, display_wh, time_utc)
        except struct.error as error:
            raise BadInput("message", str(error), "must be whole numbers of 64 bits") from None
        while (end := self._run_message(self._where_at, self._message_at, self._written)) < 0:
            if self._word(lv.WANTED) == lv.WANTED_UNCROSS:
                return self._uncross()
            self._make_room(id)
        begin, self._written = self._written, end
        return self._rows[begin:end]

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

    def retract(self) -> None:
        """Take back the last report, which refused a message: the book is as it was before that was sent.

        For a keeper of books who counts refusals elsewhere. Raises BadInput when the last report is no refusal.
        """
        if not self._written or self._rows[self._written - 1]["event"] != ev.EVENT_REJECTED:
            raise BadInput("retract", None, "the last report must be a rejection")
        self._written -= 1
        self._memory[lv.SEQUENCE] -= 1

    @cached_property
    def _run_message(self) -> Callable[[int, int, int], int]:
        """`run_message` without what stands before it, which looks at types and takes longer than the message."""
        found: Callable[[int, int, int], int] = run_message.compile((types.int64,) * 3)
        return found

    def _uncross(self) -> Table:
        """Hold the auction of a call; there is room for its reports."""
        (volume_wh, price_tick), begin = self.indicative(), self._written
        self._written = run_uncross(self.where, volume_wh, price_tick, begin)
        return self._rows[begin : self._written]

    # Looking at it ---------------------------------------------------------------------------------------------------
    def indicative(self) -> tuple[int, int]:
        """What an auction over all open orders would trade now [Wh], and its price; NO_PRICE_TICK where it is 0 Wh."""
        orders = self.orders()
        open_wh = orders["shown_wh"] + orders["hidden_wh"]
        volume_wh, price_tick, _, _ = clearing_price(
            np.ascontiguousarray(orders["price_tick"]),
            np.where(orders["side"] == ev.SIDE_BUY, open_wh, -open_wh),
            self._word(lv.FLOOR_TICK),
            self._word(lv.CAP_TICK),
            RULE_MIDPOINT,
        )
        return volume_wh, price_tick if volume_wh else NO_PRICE_TICK

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
        order_rows(self.where, rows.view(np.int64))
        return rows

    def depth(self, side: int, levels: int = 10) -> Table:
        """The best prices of a side (DEPTH), at most so many, the best first."""
        rows = np.empty(levels, ev.DEPTH)
        return rows[: depth_rows(self.where, side, rows.view(np.int64))]

    def ahead(self, id: int) -> tuple[int, int] | None:
        """How many orders, and what they show [Wh], stand before an order at its price; None: it is not open."""
        orders, shown_wh = queue_place(self.where, id)
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
        """The book of a snapshot; it goes on as the first would have. Raises BadInput for what is no snapshot."""
        head = np.frombuffer(snapshot[: 8 * _HEAD_WORDS].ljust(8 * _HEAD_WORDS, b"\0"), "<i8").tolist()
        if head[0] != SNAPSHOT_VERSION:
            raise BadInput("snapshot", None, f"must begin with version {SNAPSHOT_VERSION}")
        kept, count = dict(zip(_KEPT, head[1:-1], strict=True)), head[-1]
        begin, end = 8 * _HEAD_WORDS, 8 * _HEAD_WORDS + ev.ORDER.itemsize * count
        if (
            count < 0
            or not 0 <= kept[lv.HIGHEST_ID] < ev.ID_LIMIT
            or len(snapshot) != end + kept[lv.HIGHEST_ID] // 8 + 1
        ):
            raise BadInput("snapshot: length", len(snapshot), f"must fit its {count} orders and its ids")
        orders = np.frombuffer(snapshot[begin:end], "<i8").astype(np.int64)
        book = cls(*(kept[word] for word in (lv.FLOOR_TICK, lv.CAP_TICK, lv.LEAST_WH, lv.MOST_WH, lv.CLOSURE_UTC)))
        for word, value in kept.items():
            book._memory[word] = value
        used = np.unpackbits(np.frombuffer(snapshot[end:], np.uint8), bitorder="little")
        book._grow((count + 2) * lv.PLACE_WORDS, len(used))
        book._place[: len(used)][used == 1] = lv.SPENT
        _require_orders(orders.view(ev.ORDER), used, kept[lv.FLOOR_TICK], kept[lv.CAP_TICK])
        put_orders(book.where, orders)
        return book

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy has memory of its own, and addresses of that.
        return Book.restore, (self.snapshot(),)

    def digest(self) -> str:
        """SHA-256 of the snapshot."""
        return hashlib.sha256(self.snapshot()).hexdigest()

    # Memory ----------------------------------------------------------------------------------------------------------
    def _make_room(self, id: int) -> None:
        """Make room of the kind that a message with that id lacked."""
        wanted = self._word(lv.WANTED)
        if wanted == lv.WANTED_REPORTS:
            room = 2 * len(self._rows)
            self._take_rows(min(room, _REPORTS_MOST) if self._written else room)
        elif wanted == lv.WANTED_ORDERS:
            self._grow(2 * len(self._pool), 0)
        else:
            self._grow(0, max(2 * len(self._place), id + 1))

    def _grow(self, pool_words: int, ids: int) -> None:
        """Make room for orders and ids."""
        self._pool, self._place = _grown(self._pool, pool_words), _grown(self._place, ids)
        self._tell_where()

    def _take_rows(self, count: int) -> None:
        """Take new memory for reports; the old belongs to those who hold its rows."""
        self._rows = np.empty(max(count, _REPORTS), ev.REPORT)
        self._written = 0
        self._tell_where()

    def _tell_where(self) -> None:
        self.where = lv.addresses(self._memory, self._pool, self._place, self._rows)
        self._where_at = self.where.ctypes.data

    def _word(self, word: int) -> int:
        return int(self._memory[word])


def _require_orders(orders: Table, used: NDArray[np.uint8], floor_tick: int, cap_tick: int) -> None:
    """Raises BadInput where orders of a snapshot would not fit into the memory of its book."""
    limits = {
        "id": (1, len(used) - 1),
        "side": (ev.SIDE_BUY, ev.SIDE_SELL),
        "price_tick": (floor_tick, cap_tick),
        "shown_wh": (1, ENERGY_LIMIT_WH),
        "hidden_wh": (0, ENERGY_LIMIT_WH),
        "display_wh": (0, ENERGY_LIMIT_WH),
    }
    for field, (low, high) in limits.items():
        if ((orders[field] < low) | (orders[field] > high)).any():
            raise BadInput(f"snapshot: {field}", None, f"must lie between {low} and {high}")
    if (orders["hidden_wh"] > 0)[orders["display_wh"] == 0].any():
        raise BadInput("snapshot: display_wh", None, "must be above 0 where something is hidden")
    if len(np.unique(orders["id"])) < len(orders) or not used[orders["id"]].all():
        raise BadInput("snapshot: id", None, "must be that of one order, and used")


def _grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    """The array with zeros behind it; memory that was never touched stays so."""
    if size <= len(array):
        return array
    grown = np.zeros(size, array.dtype)
    grown[: len(array)] = array
    return grown
