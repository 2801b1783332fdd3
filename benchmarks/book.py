"""The order book: a tape of 2,000,000 messages on four price paths, single calls, and other books on the same tape.

Times are the processor's, so that what runs beside counts for less. Other books run where they are installed:
pip install limit-order-book lightmatchingengine
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Callable, Iterable
from functools import cache
from time import thread_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine import book_events as ev
from voltadesk.engine import book_levels as lv
from voltadesk.engine.book import Book
from voltadesk.engine.book_messages import carry_out
from voltadesk.engine.compiled import kernel
from voltadesk.engine.tables import Table

MESSAGES, BATCH, REPEATS = 2_000_000, 8_192, 3
FEW = 200_000  # messages for what is slower
OWNERS = 1_000
DEEP, CHUNK = (
    5_000,
    32,
)  # the tape cancels nothing before so many orders have come; it sees trades after so many messages
PATHS = ("quiet", "normal", "swinging", "crashing")
FLOOR_TICK, CAP_TICK = -50_000, 400_000

_CLOCK = ctypes.CDLL(None).clock_gettime
_CLOCK.argtypes, _CLOCK.restype = [ctypes.c_int, ctypes.c_void_p], ctypes.c_int
KIND_IOC, TYPE_CANCEL, TYPE_AMEND, KEEP = ev.KIND_IOC, ev.TYPE_CANCEL, ev.TYPE_AMEND, ev.KEEP
MESSAGE, REPORT = ev.MESSAGE, ev.REPORT


# The tape -------------------------------------------------------------------------------------------------------------
def middle_tick(path: str, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The price that quotes lie around."""
    part, walk = np.arange(count) / count, np.cumsum(rng.normal(0, 1, count))
    tick = {
        "quiet": 5_000 + 0.005 * walk,
        "normal": 5_000 + 0.2 * walk,
        "swinging": 7_000 + 1_500 * np.sin(part * 40 * np.pi) + 0.2 * walk,
        "crashing": 30_000 * (1 - part) ** 3 + 1_000 * np.floor(6 * (1 - part)) + 2_000 + 0.3 * walk,
    }[path]
    return np.maximum(tick, 200).astype(np.int64)


@kernel
def _draw(
    rows: Table, draws: NDArray[np.int64], middle: NDArray[np.int64], live: NDArray[np.int64], where: NDArray[np.int64]
) -> None:
    """Messages of one chunk: 50 % new, of which 15 % IOC; 41 % cancel, 9 % amend, mostly of what came lately.

    live  orders that are believed to stand; their count and the last id come first
    """
    place, count, newest = lv.opened(where).place, live[0], live[1]
    for k in range(len(rows)):
        row, draw = rows[k], draws[k]
        what, id = draw[0] % 100, 0
        while what >= 50 and newest > DEEP and count > 0 and id == 0:
            chosen = 1 + count - draw[1] % count * (draw[2] % 1024 + 1) // 1024
            id = live[chosen]
            if id < len(place) and place[id] == lv.SPENT:  # filled meanwhile
                live[chosen] = live[1 + count]
                count, id = count - 1, 0
        if id == 0:
            newest += 1
            is_ioc = draw[3] % 100 < 15
            away = -4 if is_ioc else 1 + draw[1] % 64 * (draw[2] % 16) // 16
            row.id, row.owner, row.side = newest, 1 + draw[4] % OWNERS, draw[5] % 2
            row.kind = KIND_IOC if is_ioc else 0
            row.price_tick = middle[k] + (away if row.side == 1 else -away)
            row.quantity_wh = 1 + draw[4] % 12 if is_ioc else 40 + draw[4] % 97
            if not is_ioc:
                count += 1
                live[1 + count] = newest
        elif what < 91:
            row.type, row.id = TYPE_CANCEL, id
        else:
            row.type, row.id, row.price_tick, row.quantity_wh = TYPE_AMEND, id, KEEP, 40 + draw[3] % 97
            if draw[4] % 2 == 0:
                away = 1 + draw[3] % 40
                row.price_tick = middle[k] + (away if draw[5] % 2 == 1 else -away)
    live[0], live[1] = count, newest


def tape(path: str, count: int, seed: int = 1) -> Table:
    """Messages around a price path; a book stands beside, so that cancels and amendments mostly find their order."""
    rng = np.random.default_rng(seed)
    middle, rows, book = middle_tick(path, count, rng), np.zeros(count, MESSAGE), Book(FLOOR_TICK, CAP_TICK)
    live = np.zeros(count + 2, np.int64)
    for begin in range(0, count, CHUNK):
        part = slice(begin, min(begin + CHUNK, count))
        draws = rng.integers(0, 1 << 30, (len(rows[part]), 6))
        _draw(rows[part], draws, middle[part], live, book.where)
        book.execute(rows[part])
    return rows


# This book ------------------------------------------------------------------------------------------------------------
def best_s(run: Callable[[], object], repeats: int = REPEATS) -> float:
    """Shortest processor time [s]."""
    times = []
    for _ in range(repeats):
        begin = thread_time()
        run()
        times.append(thread_time() - begin)
    return min(times)


def in_batches(rows: Table, size: int, book: Book | None = None) -> None:
    book = book or Book(FLOOR_TICK, CAP_TICK)
    for begin in range(0, len(rows), size):
        book.execute(rows[begin : begin + size])


def standing(count: int, first_id: int) -> Book:
    """A book in which so many orders stand, from 1.00 away from the tape's middle on."""
    rows = np.zeros(count, MESSAGE)
    rows["id"], rows["side"], rows["quantity_wh"] = np.arange(count) + first_id, np.arange(count) % 2, 100
    away = 100 + np.arange(count) * 7_919 % 3_000
    rows["price_tick"] = 5_000 + np.where(rows["side"] == 1, away, -away)
    book = Book(FLOOR_TICK, CAP_TICK)
    book.execute(rows)
    return book


def one_by_one(messages: Iterable[tuple[int, ...]]) -> None:
    send = Book(FLOOR_TICK, CAP_TICK).send
    for message in messages:
        send(*message)


def _timed(where: NDArray[np.int64], messages: Table, first: int, reports: Table, taken_ns: NDArray[np.int64]) -> int:
    """Carries out messages one by one, and how long each took, to the first that finds no room; returns its number."""
    ladder, now = lv.opened(where), np.zeros(4, np.int64)
    for k in range(first, len(messages)):
        m = messages[k]
        ladder.state[lv.BEGIN] = ladder.state[lv.SEQUENCE]
        _CLOCK(1, now.ctypes)
        done = carry_out(
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
        _CLOCK(1, now[2:].ctypes)
        taken_ns[k] = (now[2] - now[0]) * 1_000_000_000 + now[3] - now[1]
        if not done:
            return k
    return len(messages)


@cache
def _compiled_timed() -> Callable[..., int]:
    from numba import njit  # not kept on disk, as the clock's address isn't the same tomorrow

    compiled: Callable[..., int] = njit(nogil=True)(_timed)
    return compiled


def latencies_ns(rows: Table) -> tuple[float, float]:
    """Median and 99th percentile of a message's time, less that of an empty measurement [ns]."""
    timed = _compiled_timed()
    book, reports = Book(FLOOR_TICK, CAP_TICK), np.empty(100_000, REPORT)
    taken_ns, idle_ns = np.zeros(len(rows), np.int64), np.zeros(FEW, np.int64)
    idle = np.zeros(FEW, MESSAGE)
    idle["type"] = ev.TYPE_CLOCK
    timed(book.where, idle, 0, reports, idle_ns)
    done = timed(book.where, rows, 0, reports, taken_ns)
    while done < len(rows):
        book.execute(rows[done : done + 1])  # makes the room that was lacking
        done = timed(book.where, rows, done + 1, reports, taken_ns)
    middle, slow = np.percentile(taken_ns, (50, 99)) - np.median(idle_ns)
    return float(middle), float(slow)


# Other books ----------------------------------------------------------------------------------------------------------
def for_others(rows: Table) -> list[tuple[int, int, int, bool, int, int]]:
    """(type, id, side, is IOC, price, quantity) of what this book did not refuse; an amendment with all its terms."""
    reports = Book(FLOOR_TICK, CAP_TICK).execute(rows)
    done = np.isin(reports["event"], (ev.EVENT_ACCEPTED, ev.EVENT_CANCELLED, ev.EVENT_AMENDED)) & (reports["rule"] == 0)
    kinds = rows["kind"].tolist()
    return [
        (int(rows["type"][at]), id, side, kinds[at] == KIND_IOC, price, quantity)
        for at, id, side, price, quantity in zip(
            *(reports[done][name].tolist() for name in ("message", "id", "side", "price_tick", "quantity_wh")),
            strict=True,
        )
    ]


def limit_order_book(orders: list[tuple[int, int, int, bool, int, int]]) -> None:
    """C++ behind ctypes, without reports, and without IOC or amendments: these are a cancel and an order."""
    book = importlib.import_module("limit_order_book").LimitOrderBook()
    place = (book.limit_buy, book.limit_sell)
    for kind, id, side, is_ioc, price, quantity in orders:
        if kind != 0 and book.has(id):
            book.cancel(id)
        if kind != TYPE_CANCEL:
            place[side](id, quantity, price)
            if is_ioc and book.has(id):
                book.cancel(id)


def light_matching_engine(orders: list[tuple[int, int, int, bool, int, int]]) -> None:
    """Plain Python, with trades as objects; it gives the ids, and has no IOC or amendments either."""
    engine, ids = importlib.import_module("lightmatchingengine.lightmatchingengine").LightMatchingEngine(), {}
    for kind, id, side, is_ioc, price, quantity in orders:
        if kind != 0:
            engine.cancel_order(ids[id], "one")
        if kind != TYPE_CANCEL:
            order, _ = engine.add_order("one", price, quantity, side + 1)
            ids[id] = order.order_id
            if is_ioc:
                engine.cancel_order(order.order_id, "one")


OTHERS: tuple[tuple[str, str, Callable[[Any], None], str], ...] = (
    ("limit-order-book", "limit_order_book", limit_order_book, ">= 20 x"),
    ("lightmatchingengine", "lightmatchingengine", light_matching_engine, ">= 60 x"),
)


def against_others(rows: Table) -> list[tuple[str, str, str]]:
    """How much longer other books take for the same messages."""
    own_s, orders = best_s(lambda: in_batches(rows, BATCH)), for_others(rows)
    lines = []
    for name, module, run_other, target in OTHERS:
        said = f"not installed: pip install {name}"
        if importlib.util.find_spec(module) is not None:
            other_s = best_s(lambda run_other=run_other: run_other(orders), 1)  # type: ignore[misc]
            said = f"{other_s / own_s:.0f} x longer ({len(orders) / other_s:,.0f} messages/s)"
        lines.append((f"{name} on {len(rows):,} messages of it", said, target))
    return lines


def run() -> list[tuple[str, str, str]]:
    lines, speeds = [], {}
    in_batches(tape("normal", 10_000), BATCH)
    for path in PATHS:
        rows = tape(path, MESSAGES)
        speeds[path] = MESSAGES / best_s(lambda rows=rows: in_batches(rows, BATCH))  # type: ignore[misc]
        median_ns, slow_ns = latencies_ns(rows)
        measured = f"{speeds[path] / 1e6:.1f} million/s; one: median {median_ns:.0f} ns, p99 {slow_ns:.0f} ns"
        lines.append((f"{MESSAGES:,} messages in batches, {path}", measured, ">= 20 million/s; p99 <= 250 ns"))
    lines.append(
        ("the slowest path against the fastest", f"{min(speeds.values()) / max(speeds.values()):.0%}", ">= 50 %")
    )
    rows = tape("normal", FEW)
    deep = [standing(100_000, FEW + 1) for _ in range(REPEATS)]
    deep_s = best_s(lambda: in_batches(rows, BATCH, deep.pop()))
    lines.append((f"{FEW:,} messages where 100,000 orders stand", f"{FEW / deep_s / 1e6:.1f} million/s", "for scale"))
    lines += against_others(rows)
    few_s = best_s(lambda: in_batches(rows, 1_000))
    messages = rows.tolist()
    single_s = best_s(lambda: one_by_one(messages))
    lines.append(("a batch of 1,000 from Python", f"{few_s / FEW * 1e9:.0f} ns a message", "<= 80 ns"))
    lines.append(("a single call from Python", f"{single_s / FEW * 1e6:.2f} µs", "<= 1 µs"))
    return lines


if __name__ == "__main__":
    for name, measured, target in run():
        print(f"{name:<47} {measured:<60} {target}")
