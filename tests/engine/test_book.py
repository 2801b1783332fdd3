"""The order book against its twin, event by event, and against what must hold in any book; snapshots and digests."""

from __future__ import annotations

import copy
import hashlib
import os
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.book_cases import (
    CAP,
    FLOOR,
    LEAST,
    MOST,
    book_of,
    in_words,
    messages,
    orders_in_words,
    reports_in_words,
    twin_of,
)
from tests.reference import book as twin
from voltadesk.engine import book_events as ev
from voltadesk.engine.book import Book
from voltadesk.engine.tables import Table

EVENTS = int(os.environ.get("VOLTADESK_BOOK_EVENTS", "200000"))  # random events set against the twin
SESSION = 4_000
GOLDEN = "f2ad50805aa78377fe5c62b174f56f7305bdc8359056ab5932bd8ec493304efb"


# What must hold in any book -------------------------------------------------------------------------------------------
class Watch:
    """Follows a twin by its reports, and checks after each message what holds in any book."""

    def __init__(self, book: twin.Book) -> None:
        self.book, self.seen = book, 0
        self.open: dict[int, int] = {}
        self.price: dict[int, int] = {}
        self.came: dict[int, int] = {}  # when an order last went to the end of its queue

    def check(self) -> None:
        book = self.book
        for report in book.reports[self.seen :]:
            self.seen += 1
            assert report.sequence == self.seen
            self.follow(report)
        assert {order.id: order.left for order in book.in_order()} == {
            id: left for id, left in self.open.items() if left
        }
        bids, offers = book.side["buy"], book.side["sell"]
        if book.phase == "continuous" and bids and offers:
            assert bids[0].price < offers[0].price
        for side, sign in ((bids, -1), (offers, 1)):
            ranks = [(sign * order.price, self.came[order.id]) for order in side if not order.display]
            assert ranks == sorted(ranks)
        for order in book.in_order():
            assert 0 < order.shown <= order.left
            assert not order.display or order.shown <= order.display

    def follow(self, report: twin.Report) -> None:
        """Takes a report into the sizes that must be left; each energy traded, cancelled or expired is there once."""
        match report.event:
            case "accepted":
                assert report.id not in self.open
                self.open[report.id], self.price[report.id] = report.quantity, report.price
                self.came[report.id] = report.sequence
            case "amended":
                if report.quantity > self.open[report.id] or report.price != self.price[report.id]:
                    self.came[report.id] = report.sequence
                self.open[report.id], self.price[report.id] = report.quantity, report.price
            case "traded":
                for id in (report.id, report.other_id):
                    self.leave(id, report.quantity)
            case "cancelled" | "expired":
                self.leave(report.id, report.quantity)
                assert report.id not in self.open

    def leave(self, id: int, energy: int) -> None:
        self.open[id] -= energy
        assert self.open[id] >= 0
        if self.open[id] == 0:
            del self.open[id]


def assert_same(rows: Table, sizes: list[int], closure: int, step: int) -> None:
    """Runs messages through both books, in batches of the sizes given; both say the same, and what must hold holds."""
    book, other = book_of(closure, step), twin_of(closure, step)
    watch, words, begin = Watch(other), in_words(rows), 0
    while begin < len(rows):
        end = begin + sizes[begin % len(sizes)]
        reported = len(other.reports)
        for number, message in enumerate(words[begin:end]):
            other.take(number, message)
            watch.check()
        assert reports_in_words(book.execute(rows[begin:end])) == other.reports[reported:]
        assert orders_in_words(book) == other.in_order()
        begin = end
    assert book.phase == ev.PHASES.index(other.phase)


def test_random_events_against_the_twin() -> None:
    for seed in range(-(-EVENTS // SESSION)):
        closure = ev.NEVER_UTC if seed % 3 else SESSION // 3
        sizes = [[1], [1, 7, 40], [SESSION]][seed % 3]
        assert_same(messages(seed, SESSION), sizes, closure, step=59_999 if seed % 4 == 1 else 1)


# Any short story ------------------------------------------------------------------------------------------------------
IDS = st.one_of(st.integers(1, 12), st.sampled_from([0, -1, ev.ID_LIMIT, ev.ID_LIMIT - 1]))
PRICES = st.one_of(st.integers(-3, 3), st.sampled_from([FLOOR, CAP, FLOOR - 1, CAP + 1, ev.UNEVEN, ev.KEEP]))
SIZES = st.one_of(st.integers(LEAST, 9), st.sampled_from([0, -5, 1, MOST, MOST + 1, ev.UNEVEN, ev.KEEP]))
STORIES = st.lists(
    st.tuples(
        st.one_of(st.just(ev.TYPE_NEW), st.integers(-1, 8)),
        IDS,
        st.integers(0, 2),
        st.sampled_from([0, 1, 0, 1, 2]),
        st.integers(-1, 6),
        PRICES,
        SIZES,
        st.integers(-1, 5),
        st.integers(-1, 20),
    ),
    max_size=30,
)


@settings(max_examples=250)
@given(STORIES, st.integers(0, 30))
def test_any_story_against_the_twin_and_on_from_a_snapshot(story: list[tuple[int, ...]], cut: int) -> None:
    book, other = book_of(15), twin_of(15)
    watch = Watch(other)
    for number, row in enumerate(story):
        if number == cut:
            book = Book.restore(book.snapshot())
        (message,) = in_words(np.array([row], ev.MESSAGE))
        reported = len(other.reports)
        other.take(0, message)
        watch.check()
        assert reports_in_words(book.send(*row)) == other.reports[reported:]
        assert orders_in_words(book) == other.in_order()


# Snapshots and digests ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("cut", [0, 1, 1_234, 9_999])
def test_a_snapshot_goes_on_as_the_straight_run(cut: int) -> None:
    rows = messages(7, 10_000)
    straight, first = book_of(), book_of()
    whole = straight.execute(rows)
    early = first.execute(rows[:cut])
    second = Book.restore(first.snapshot())
    late = second.execute(rows[cut:])
    late["message"] += cut
    assert np.array_equal(np.concatenate([early, late]), whole)
    assert second.snapshot() == straight.snapshot()
    assert second.digest() == straight.digest() != first.digest()


def test_a_session_of_a_million_events_is_what_it_was() -> None:
    book, digest = book_of(), hashlib.sha256()
    rows = messages(2026, 1_000_000)
    for begin in range(0, len(rows), 10_000):
        digest.update(book.execute(rows[begin : begin + 10_000]).view(np.int64).astype("<i8").tobytes())
    digest.update(book.snapshot())
    assert digest.hexdigest() == GOLDEN


def test_digests_tell_states_apart_not_ways() -> None:
    straight, detour = book_of(), book_of()
    for book in (straight, detour):
        book.send(ev.TYPE_NEW, 1, price_tick=3, quantity_wh=5)
        book.send(ev.TYPE_NEW, 2, price_tick=3, quantity_wh=5)
    assert straight.digest() == detour.digest()
    straight.send(ev.TYPE_CANCEL, 1)
    detour.send(ev.TYPE_CANCEL, 2)
    assert straight.digest() != detour.digest()


def test_a_copy_has_a_life_of_its_own() -> None:
    book = book_of()
    book.send(ev.TYPE_NEW, 1, price_tick=3, quantity_wh=5)
    before = book.digest()
    for other in (copy.copy(book), copy.deepcopy(book), pickle.loads(pickle.dumps(book))):  # noqa: S301
        assert other.digest() == before
        other.send(ev.TYPE_CANCEL, 1)
        assert other.digest() != before == book.digest()


FIELDS = ("id", "side", "price_tick", "shown_wh", "hidden_wh", "display_wh")


@pytest.mark.parametrize(
    "spoil", ["empty", "short", "zeros", "cut", "more", "count", "twice", "unused", "hidden", *FIELDS]
)
def test_what_is_no_snapshot_is_refused(spoil: str) -> None:
    book = book_of()
    for id in (1, 2, 3):
        book.send(ev.TYPE_NEW, id, price_tick=3, quantity_wh=5)
    whole = book.snapshot()
    last = len(whole) - 1 - ev.ORDER.itemsize  # where the last order begins
    places = {name: last + offset for name, (_, offset) in (ev.ORDER.fields or {}).items()}
    spoilt = {
        "empty": b"",
        "short": b"x",
        "zeros": bytes(len(whole)),
        "cut": whole[:-1],
        "more": whole + b"\0",
        "count": whole[:80] + b"\7" + whole[81:],
        "twice": whole[:last] + b"\1" + whole[last + 1 :],
        "unused": whole[:-1] + b"\2",
        "hidden": whole[: places["hidden_wh"]] + b"\1" + whole[places["hidden_wh"] + 1 :],
        **{name: whole[: places[name]] + b"\x7f" * 8 + whole[places[name] + 8 :] for name in FIELDS},
    }
    assert Book.restore(whole).digest() == book.digest()
    with pytest.raises(ValueError, match="snapshot"):
        Book.restore(spoilt[spoil])
