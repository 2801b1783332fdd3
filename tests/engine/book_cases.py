"""Messages for order books, drawn from a counter; and books in the words of their twin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.reference import book as twin
from voltadesk.engine import book_events as ev
from voltadesk.engine.book import Book
from voltadesk.engine.tables import Table

FLOOR, CAP, LEAST, MOST = -20, 30, 2, 50


class Draws:
    """Whole numbers by (seed, what, index): SplitMix64 (Steele, Lea & Flood 2014), the same for ever."""

    def __init__(self, seed: int, count: int) -> None:
        self.seed, self.index, self.what = seed, np.arange(count, dtype=np.uint64), 0

    def below(self, limit: int) -> NDArray[np.int64]:
        """Numbers from 0 to limit - 1."""
        self.what += 1
        stream = (self.seed * 64 + self.what) * 0xD1342543DE82EF95 % 2**64
        start = self.index * np.uint64(0x9E3779B97F4A7C15) + np.uint64(stream)
        z = (start ^ (start >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
        return ((z >> np.uint64(32)).astype(np.int64) * limit) >> 32

    def choice(self, weights: dict[int, int]) -> NDArray[np.int64]:
        """Codes, each as often as its weight says."""
        return np.repeat(list(weights), list(weights.values()))[self.below(sum(weights.values()))]


TYPE_WEIGHTS = {
    ev.TYPE_NEW: 600,
    ev.TYPE_CANCEL: 200,
    ev.TYPE_AMEND: 160,
    ev.TYPE_CANCEL_ALL: 6,
    ev.TYPE_CLOCK: 16,
    ev.TYPE_CALL: 8,
    ev.TYPE_UNCROSS: 30,
    9: 1,
    -1: 1,
}
KIND_WEIGHTS = {
    ev.KIND_LIMIT: 50,
    ev.KIND_MARKET: 8,
    ev.KIND_IOC: 10,
    ev.KIND_FOK: 8,
    ev.KIND_POST_ONLY: 10,
    ev.KIND_ICEBERG: 30,
    6: 1,
}


def messages(seed: int, count: int, step: int = 1) -> Table:
    """Messages of every kind, good and bad, that meet often: few prices, `step` ticks apart, few owners, ids again."""
    draw = Draws(seed, count)
    rows = np.zeros(count, ev.MESSAGE)
    rows["type"] = draw.choice(TYPE_WEIGHTS)
    is_new, is_amend = rows["type"] == ev.TYPE_NEW, rows["type"] == ev.TYPE_AMEND
    newest = np.cumsum(is_new)
    rows["id"] = np.where(is_new & (draw.below(50) > 0), newest, newest - draw.below(40) + 1)
    rows["owner"] = np.where(~is_new & (draw.below(3) > 0), ev.NOBODY, draw.below(8))
    rows["side"] = draw.choice({ev.SIDE_BUY: 100, ev.SIDE_SELL: 100, 2: 1})
    rows["kind"] = draw.choice(KIND_WEIGHTS)
    # Bids a little below offers, so that some rest and some trade.
    rows["price_tick"] = (draw.below(13) + 4 * rows["side"]) * step
    rows["quantity_wh"] = draw.below(MOST) + 1 + (draw.below(20) == 0)
    icebergs = (rows["kind"] == ev.KIND_ICEBERG) | (draw.below(200) == 0)
    rows["display_wh"] = np.where(icebergs, draw.below(9) - (draw.below(30) == 0), 0)
    rows["time_utc"] = np.where(is_new, np.where(draw.below(4) > 0, 0, newest + draw.below(90) - 2), newest)
    rows["time_utc"] -= np.where(draw.below(60) == 0, 90, 0)
    for field, odd in (
        ("price_tick", [FLOOR * step, CAP * step, FLOOR * step - 1, CAP * step + 1, ev.UNEVEN, ev.KEEP]),
        ("quantity_wh", [0, -1, LEAST, MOST + 1, ev.UNEVEN, ev.KEEP, 1 << 62]),
        ("id", [0, -1, ev.ID_LIMIT, 70_000, 1 << 62]),
    ):
        chosen = np.array(odd)[draw.below(len(odd))]
        rows[field] = np.where(draw.below(60) == 0, chosen, rows[field])
        if field != "id":
            rows[field] = np.where(is_amend & (draw.below(3) == 0), ev.KEEP, rows[field])
    return rows


def book_of(closure: int = ev.NEVER_UTC, step: int = 1) -> Book:
    return Book(FLOOR * step, CAP * step, LEAST, MOST, closure)


def twin_of(closure: int = ev.NEVER_UTC, step: int = 1) -> twin.Book:
    return twin.Book(FLOOR * step, CAP * step, LEAST, MOST, closure)


# In words -------------------------------------------------------------------------------------------------------------
def word(words: tuple[str, ...], code: int) -> str:
    return words[code] if 0 <= code < len(words) else ""


def in_words(rows: Table) -> list[twin.Message]:
    return [
        twin.Message(word(ev.TYPES, kind), id, owner, word(ev.SIDES, side), word(ev.KINDS, kind_of_order), *rest)
        for kind, id, owner, side, kind_of_order, *rest in rows.tolist()
    ]


def reports_in_words(rows: Table) -> list[twin.Report]:
    return [
        twin.Report(sequence, message, ev.EVENTS[event], ev.RULES[rule].name, id, other, word(ev.SIDES, side), *rest)
        for sequence, message, event, rule, id, other, side, *rest in rows.tolist()
    ]


def orders_in_words(book: Book) -> list[twin.Order]:
    return [
        twin.Order(id, owner, ev.SIDES[side], ev.KINDS[kind], price, shown + hidden, shown, display, expiry)
        for id, owner, side, kind, price, shown, hidden, display, expiry in book.orders().tolist()
    ]
