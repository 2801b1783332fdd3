"""The order book's rules, one by one, as `docs/book.md` tells them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.engine.book_cases import book_of, messages, orders_in_words, reports_in_words
from tests.reference import book as twin
from voltadesk.engine import book_events as ev
from voltadesk.engine.book import Book
from voltadesk.engine.tables import Table

SIZES = "must lie between 0.000002 and 0.00005 MWh"
SLICES = "must lie between 1/100 of the quantity and all of it, of an iceberg only"


def new(book: Book, id: int, side: str, price: int, quantity: int, owner: int = 0, **fields: int) -> list[str]:
    """Sends a new order; returns what happened in short words."""
    code = ev.SIDES.index(side)
    return told(book.send(ev.TYPE_NEW, id, owner, code, price_tick=price, quantity_wh=quantity, **fields))


def told(rows: Table) -> list[str]:
    """Reports in short words."""
    words = []
    for report in reports_in_words(rows):
        match report.event:
            case "traded":
                words.append(f"{report.id} x {report.other_id}: {report.quantity} at {report.price}")
            case "rejected":
                words.append(f"rejected {report.rule}")
            case "uncrossed":
                words.append(f"uncrossed {report.quantity}")
            case event:
                words.append(f"{event} {report.id}: {report.quantity}" if report.id else event)
    return words


def test_price_comes_first_then_time_and_a_trade_is_at_the_resting_price() -> None:
    book = book_of()
    new(book, 1, "sell", 12, 10)
    new(book, 2, "sell", 11, 10)
    new(book, 3, "sell", 11, 10)
    assert new(book, 4, "buy", 12, 25) == ["accepted 4: 25", "4 x 2: 10 at 11", "4 x 3: 10 at 11", "4 x 1: 5 at 12"]
    assert book.depth(ev.SIDE_SELL).tolist() == [(12, 5, 0, 1)]
    assert book.depth(ev.SIDE_BUY).tolist() == []


def test_a_smaller_quantity_keeps_its_place_and_all_else_loses_it() -> None:
    book = book_of()
    for id in (1, 2, 3):
        new(book, id, "buy", 5, 10)
    assert told(book.send(ev.TYPE_AMEND, 1, quantity_wh=6)) == ["amended 1: 6"]
    assert book.ahead(1) == (0, 0)
    assert book.ahead(3) == (2, 16)
    book.send(ev.TYPE_AMEND, 1, quantity_wh=7)
    assert book.ahead(1) == (2, 20)
    book.send(ev.TYPE_AMEND, 2, price_tick=4)
    book.send(ev.TYPE_AMEND, 2, price_tick=5)
    assert book.ahead(2) == (2, 17)
    new(book, 4, "sell", 8, 10)
    assert told(book.send(ev.TYPE_AMEND, 3, price_tick=9, quantity_wh=12)) == ["amended 3: 12", "3 x 4: 10 at 8"]
    assert book.ahead(4) is None


def test_an_iceberg_shows_a_part_at_a_time_behind_the_others() -> None:
    book = book_of()
    assert new(book, 1, "sell", 5, 25, kind=ev.KIND_ICEBERG, display_wh=10) == ["accepted 1: 25"]
    new(book, 2, "sell", 5, 10)
    assert book.depth(ev.SIDE_SELL).tolist() == [(5, 20, 15, 2)]
    assert new(book, 3, "buy", 5, 22)[1:] == ["3 x 1: 10 at 5", "3 x 2: 10 at 5", "3 x 1: 2 at 5"]
    assert book.depth(ev.SIDE_SELL).tolist() == [(5, 8, 5, 1)]


def test_what_does_not_stay() -> None:
    book = book_of()
    new(book, 1, "sell", 5, 10)
    assert new(book, 2, "buy", 5, 11, kind=ev.KIND_FOK) == ["rejected fok"]
    assert new(book, 3, "buy", 5, 11, kind=ev.KIND_POST_ONLY) == ["rejected post-only"]
    assert new(book, 4, "buy", 4, 11, kind=ev.KIND_POST_ONLY) == ["accepted 4: 11"]
    assert new(book, 5, "buy", 5, 6, kind=ev.KIND_IOC) == ["accepted 5: 6", "5 x 1: 6 at 5"]
    assert new(book, 6, "buy", 9, 6, kind=ev.KIND_IOC) == ["accepted 6: 6", "6 x 1: 4 at 5", "cancelled 6: 2"]
    assert new(book, 7, "buy", 0, 6, kind=ev.KIND_MARKET) == ["accepted 7: 6", "cancelled 7: 6"]
    assert new(book, 8, "sell", 0, 6, kind=ev.KIND_MARKET) == ["accepted 8: 6", "8 x 4: 6 at 4"]


def test_nobody_trades_with_himself() -> None:
    book = book_of()
    new(book, 1, "sell", 5, 10, owner=7)
    new(book, 2, "sell", 6, 10, owner=8)
    assert new(book, 3, "buy", 6, 10, owner=8) == ["accepted 3: 10", "3 x 1: 10 at 5"]  # does not get as far
    new(book, 4, "sell", 5, 9, owner=7)
    assert new(book, 5, "buy", 6, 10, owner=8) == ["rejected self-trade"]
    assert [order.id for order in orders_in_words(book)] == [4, 2]
    new(book, 6, "sell", 4, 3)
    assert new(book, 7, "buy", 4, 3) == ["accepted 7: 3", "7 x 6: 3 at 4"]  # nobody may


def test_a_call_collects_and_trades_at_one_price_by_time() -> None:
    book = book_of()
    new(book, 1, "buy", 3, 10, owner=1)
    assert told(book.send(ev.TYPE_CALL)) == ["called"]
    assert new(book, 2, "buy", 9, 10, owner=2) == ["accepted 2: 10"]
    assert new(book, 3, "sell", 5, 6, owner=3) == ["accepted 3: 6"]
    assert new(book, 4, "sell", 5, 30, owner=4, kind=ev.KIND_ICEBERG, display_wh=2) == ["accepted 4: 30"]
    assert new(book, 5, "sell", 9, 2, owner=2) == ["rejected self-trade"]
    assert new(book, 6, "buy", 9, 2, kind=ev.KIND_IOC) == ["rejected call"]
    assert told(book.send(ev.TYPE_CALL)) == ["rejected phase"]
    rows = book.send(ev.TYPE_UNCROSS)
    assert told(rows) == ["2 x 3: 6 at 5", "2 x 4: 4 at 5", "uncrossed 10"]
    assert rows["side"].tolist() == [ev.SIDE_NONE] * 3
    assert [(order.id, order.left, order.shown) for order in orders_in_words(book)] == [(1, 10, 10), (4, 26, 2)]
    assert told(book.send(ev.TYPE_UNCROSS)) == ["rejected phase"]
    assert new(book, 7, "buy", 5, 3)[1:] == ["7 x 4: 2 at 5", "7 x 4: 1 at 5"]


def test_time_runs_out() -> None:
    book = book_of(closure=100)
    new(book, 1, "buy", 3, 10, time_utc=50)
    new(book, 2, "buy", 4, 10)
    new(book, 3, "buy", 4, 10, time_utc=60)
    assert told(book.send(ev.TYPE_CLOCK, time_utc=49)) == []
    assert told(book.send(ev.TYPE_CLOCK, time_utc=60)) == ["expired 3: 10", "expired 1: 10"]
    assert new(book, 4, "buy", 3, 10, time_utc=60) == ["rejected expiry"]
    assert told(book.send(ev.TYPE_CLOCK, time_utc=59)) == ["rejected clock"]
    assert told(book.send(ev.TYPE_CLOCK, time_utc=100)) == ["expired 2: 10", "closed"]
    assert new(book, 5, "buy", 3, 10) == ["rejected closed"]
    assert told(book.send(ev.TYPE_CLOSE)) == ["rejected closed"]
    assert book.phase == ev.PHASE_CLOSED


def test_mass_cancel_takes_an_owners_orders_only() -> None:
    book = book_of()
    for id in range(1, 7):
        new(book, id, "buy" if id < 4 else "sell", id, 10, owner=1 + id % 2)
    assert told(book.send(ev.TYPE_CANCEL_ALL, owner=2)) == ["cancelled 3: 10", "cancelled 1: 10", "cancelled 5: 10"]
    assert told(book.send(ev.TYPE_CANCEL_ALL, owner=3)) == []
    assert told(book.send(ev.TYPE_CANCEL_ALL)) == ["cancelled 2: 10", "cancelled 4: 10", "cancelled 6: 10"]


@pytest.mark.parametrize(
    ("fields", "rejection"),
    [
        ({"id": 0}, ("id", "id", "must lie between 1 and 67,108,863")),
        ({"id": 1}, ("double-id", "id", "must be new")),
        ({"id": 2}, ("double-id", "id", "must be new")),
        ({"side": 2}, ("side", "side", "must be buy or sell")),
        ({"kind": 6}, ("kind", "kind", "must be one of limit, market, ioc, fok, post-only, iceberg")),
        ({"quantity_wh": 0}, ("quantity", "quantity", SIZES)),
        ({"quantity_wh": -3}, ("quantity", "quantity", SIZES)),
        ({"quantity_wh": 51}, ("quantity", "quantity", SIZES)),
        ({"quantity_wh": ev.UNEVEN}, ("quantity-step", "quantity", "must have at most 6 decimals")),
        ({"price_tick": ev.UNEVEN}, ("off-tick", "price", "must have at most 2 decimals")),
        ({"price_tick": 31}, ("price-band", "price", "must lie between -0.20 and 0.30 per MWh")),
        ({"display_wh": 3}, ("display", "display", SLICES)),
        ({"type": ev.TYPE_CANCEL}, ("unknown-id", "id", "must be that of an open order")),
        ({"type": ev.TYPE_CANCEL, "id": 2}, ("unknown-id", "id", "must be that of an open order")),
        ({"type": ev.TYPE_CANCEL, "id": 1, "owner": 4}, ("owner", "owner", "must be the order's own")),
        ({"type": ev.TYPE_AMEND, "id": 1, "owner": 4}, ("owner", "owner", "must be the order's own")),
        ({"type": ev.TYPE_AMEND, "id": 1, "quantity_wh": 0}, ("quantity", "quantity", SIZES)),
        ({"type": 8}, ("type", "type", "must be one of new, cancel, amend, cancel-all, clock, call, uncross, close")),
    ],
)  # fmt: skip
def test_a_refused_message_changes_nothing_and_names_field_and_limit(
    fields: dict[str, int], rejection: tuple[str, str, str]
) -> None:
    book = book_of()
    new(book, 1, "buy", 3, 10, owner=3)
    new(book, 2, "buy", 3, 10, owner=3)
    book.send(ev.TYPE_CANCEL, 2)
    before = orders_in_words(book)
    order = {"type": ev.TYPE_NEW, "id": 9, "owner": 0, "price_tick": 3, "quantity_wh": 5, **fields}
    (report,) = book.send(**order)
    assert report["event"] == ev.EVENT_REJECTED
    assert report["sequence"] == book.sequence == 4
    assert book.rejection(report) == (order["id"], *rejection)
    assert orders_in_words(book) == before
    assert new(book, 9, "buy", 3, 5) == ["accepted 9: 5"]  # its id is not spent


def test_the_guide_lists_every_rule() -> None:
    page = (Path(__file__).parents[2] / "docs" / "book.md").read_text("utf-8").partition("## Rules")[2]
    limits = {"least": "0.000001", "most": "10000000", "floor": "the floor", "cap": "the cap"}
    rows = re.findall(r"^\| `(\S+)` \| (\w+) \| (.+) \|$", page, re.MULTILINE)
    assert rows == [(rule.name, rule.field, rule.limit.format(**limits)) for rule in ev.RULES[1:-1]]
    assert f"`{ev.RULES[ev.RULE_NOT_FILLED].name}`" in page


# Room -----------------------------------------------------------------------------------------------------------------
def test_pools_grow_and_a_sweep_finds_room_for_its_reports() -> None:
    book = Book()
    rows = np.zeros(50_000, ev.MESSAGE)
    rows["id"], rows["side"] = np.arange(50_000) + 1, ev.SIDE_SELL
    rows["price_tick"], rows["quantity_wh"] = np.arange(50_000) * 7919 % 3_000_000, 3
    assert len(book.execute(rows)) == 50_000
    kept = book.send(ev.TYPE_NEW, 50_001, price_tick=-5, quantity_wh=1)
    swept = book.send(ev.TYPE_NEW, 60_000, price_tick=3_000_000, quantity_wh=150_000)
    assert len(swept) == 50_001
    assert (np.diff(swept["price_tick"][1:]) >= 0).all()
    assert told(kept) == ["accepted 50001: 1"]  # rows are nobody else's
    assert orders_in_words(book) == [twin.Order(50_001, 0, "buy", "limit", -5, 1, 1, 0, 0)]


def test_the_highest_id_and_the_farthest_prices_have_room() -> None:
    book = Book()
    new(book, ev.ID_LIMIT - 1, "sell", 3_000_000, 10)
    new(book, 1, "buy", -3_000_000, 10)
    book = Book.restore(book.snapshot())
    assert new(book, 1, "buy", 0, 10) == new(book, ev.ID_LIMIT - 1, "buy", 0, 10) == ["rejected double-id"]
    assert new(book, 2, "buy", 3_000_000, 4)[1:] == [f"2 x {ev.ID_LIMIT - 1}: 4 at 3000000"]


def test_all_open_orders_have_a_limit_together() -> None:
    book = Book()
    rows = np.zeros(4_000, ev.MESSAGE)
    rows["id"], rows["quantity_wh"] = np.arange(4_000) + 1, 10**13
    reports = book.execute(rows)
    open_wh = 10**13 * int((reports["event"] == ev.EVENT_ACCEPTED).sum())
    assert open_wh < ev.TOTAL_LIMIT_WH <= open_wh + 10**13
    assert set(reports["rule"].tolist()) == {0, ev.RULE_TOTAL}


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ((5, 5), "price band = 5 to 5: must rise within"),
        ((-3_000_001, 5), "price band = -3000001 to 5: must rise within"),
        ((0, 5, 0), "sizes = 0 to 10000000000000: must rise within"),
        ((0, 5, 3, 2), "sizes = 3 to 2: must rise within"),
        ((0, 5, 1, 2, 0), "gate_closure_utc = 0: must be above 0"),
    ],
)
def test_limits_that_make_no_sense_are_refused(limits: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Book(*limits)


# Refusals taken back --------------------------------------------------------------------------------------------------
def test_a_refusal_taken_back_leaves_the_book_as_it_was() -> None:
    """Message by message: as if those that were refused had never come."""
    book, calm = book_of(), book_of()
    for row in messages(3, 2_000):
        before = book.digest()
        rows = book.execute(row.reshape(1))
        if len(rows) and rows[-1]["event"] == ev.EVENT_REJECTED:
            assert len(rows) == 1
            book.retract()
            assert book.digest() == before
        else:
            again = calm.execute(row.reshape(1))
            assert again.tolist() == rows.tolist()
    assert calm.digest() == book.digest()
    assert 500 < book.sequence < 3_000


def test_nothing_but_a_refusal_is_taken_back() -> None:
    book = book_of()
    for _ in range(2):
        with pytest.raises(ValueError, match="the last report must be a rejection"):
            book.retract()
        new(book, 1, "buy", 5, 10)
    book.retract()  # the second was refused, as its id was used
    with pytest.raises(ValueError, match="must be a rejection"):
        book.retract()
    assert book.sequence == 1
