"""Listings: any page of any filter is what one would find by reading everything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ui.desks import make_desk, seat_of
from voltadesk.desk.refusal import Refusal
from voltadesk.store import listing
from voltadesk.store.database import dialect_of
from voltadesk.store.desk import Desk
from voltadesk.store.keep import restore
from voltadesk.store.listing import ENTRIES, HALTS, POSTINGS, Index, Listing
from voltadesk.store.machine import SignedCommand

BERLIN = ZoneInfo("Europe/Berlin")
WORDS = ("", "advance", "order.place", "ADVANCE owner", "rejected", "12", "2026-05-25 00:15", "fees:", "−0.0", "ext WH",
         "%", "_", '"', "\\", "nothing-like-it", "ÉÄ", "u0000", "u0041")  # fmt: skip


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few intervals, orders, a halt and something refused."""
    folder = tmp_path_factory.mktemp("listing") / "desk"
    with make_desk(folder) as made:
        seat = seat_of(made)
        for n in range(5):
            seat.advance(2)
            seat.execute("order.place", {"side": "buy", "quantity_kwh": "1", "price": str(50 + n)}, f"o{n}")
        with pytest.raises(Refusal):
            seat.execute("fund.declare", {"amount": "100000"}, "too-much")
        seat.execute("market.halt", {"reason": 'a %_ "storm" \\ comes'}, "halt")
        seat.execute("market.resume", {}, "go-on")
        body = {"reason": "ÉÄ\0 \\u0000 Ω"}
        odd = SignedCommand.sign(seat.private(), made.id, seat.actor, "odd", "no.such", body)
        assert made.execute(odd).outcome == "rejected:BAD_VALUE"
    return folder


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, filled: Path) -> Iterator[Desk]:
    """That desk in a file, and in PostgreSQL."""
    if request.param == "sqlite":
        with Desk.open(filled) as made:
            yield made
        return
    with request.getfixturevalue("server").database() as url:
        restore(filled, filled.with_name("moved"), url)
        with Desk.open(filled.with_name("moved")) as made:
            yield made


def every(desk: Desk, which: Listing) -> list[tuple[Any, ...]]:
    """All rows, by one query."""
    order = f"ORDER BY {which.order}"
    with desk.journal.reading() as connection:
        which = which.by(dialect_of(connection))
        query = f"SELECT {which.columns} FROM {which.tables} WHERE {which.where} {order}"  # noqa: S608
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def holds(which: Listing, row: tuple[Any, ...], words: str) -> bool:
    """Whether a reader would see every word in the row; short ones are not looked for in hashes."""
    for word in words.replace("−", "-").casefold().split():
        if which is POSTINGS:
            entry, _, time_utc, text, account, commodity, amount = row
            figure = f"{abs(amount)}" if commodity == "WH" else f"{abs(amount) // 10**8}.{abs(amount) % 10**8:08d}"
            seen = [str(entry), text, account, commodity, ("-" if amount < 0 else "+") + figure]
        else:
            fields = json.loads(row[2])
            time_utc = fields["time_utc"]
            told = json.dumps([fields[name] for name in ("kind", "outcome", "actor", "command")], ensure_ascii=False)
            seen = [str(row[0]), row[1].hex() if len(word) >= 8 else ""]
            if json.dumps(word, ensure_ascii=False)[1:-1] in told.replace(": ", ":").replace(", ", ",").casefold():
                continue
        seen.append(f"{datetime.fromtimestamp(time_utc, BERLIN):%Y-%m-%d %H:%M}")
        if word not in "\n".join(seen).casefold():
            return False
    return True


def built(desk: Desk, which: Listing, words: str = "", head: int | None = None) -> Index:
    index = Index(which, words, BERLIN)
    while index.step(desk.journal, desk.journal.head().seq if head is None else head):
        pass
    return index


@pytest.mark.parametrize("span", [3, 1024])
@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("which", [ENTRIES, POSTINGS, HALTS], ids=["entries", "postings", "halts"])
def test_a_filter_finds_what_reading_everything_finds(
    desk: Desk, which: Listing, words: str, span: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "SPAN", span)
    wanted = [row for row in every(desk, which) if holds(which, row, words)]
    index = built(desk, which, words)
    assert index.page(desk.journal, index.low, index.high) == wanted
    assert index.high - index.low == len(wanted)


@settings(max_examples=60)
@given(data=st.data())
def test_any_page_while_the_journal_grows(desk: Desk, data: st.DataObject) -> None:
    which = data.draw(st.sampled_from([ENTRIES, POSTINGS]))
    words = data.draw(st.sampled_from(["", "owner", "ext", "1"]))
    last = desk.journal.head().seq
    heads = sorted(data.draw(st.lists(st.integers(0, last), min_size=1, max_size=4)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "SPAN", data.draw(st.integers(1, 6)))
        index = Index(which, words, BERLIN)
        for head in heads:
            for _ in range(data.draw(st.integers(1, 4))):
                index.step(desk.journal, head)
        while index.step(desk.journal, heads[-1]):
            pass
    wanted = [row for row in every(desk, which) if row[0] <= heads[-1] and holds(which, row, words)]
    assert index.is_whole
    assert index.high - index.low == len(wanted)
    first = data.draw(st.integers(index.low - 2, index.high))
    end = data.draw(st.integers(first, index.high + 2))
    begin = max(first, index.low)
    assert index.page(desk.journal, first, end) == wanted[begin - index.low : max(begin, end) - index.low]


def test_halts_tell_what_stopped_the_market(desk: Desk) -> None:
    index = built(desk, HALTS)
    kinds = [json.loads(row[2])["kind"] for row in index.page(desk.journal, index.low, index.high)]
    assert kinds == ["market.halt", "market.resume"]
