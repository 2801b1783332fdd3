"""`voltadesk headless match`: event files, what comes of them, and what is said of those that can't be read."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.clearings import result_of
from tests.commands import Done, call, refusal
from tests.engine.book_cases import CAP, FLOOR, in_words, messages
from tests.reference import book as twin
from voltadesk.engine import book_events as ev
from voltadesk.units import ENERGY_LIMIT_WH, decimal_text

D = Decimal
EVENTS: list[dict[str, Any]] = [
    {"type": "new", "id": 1, "owner": "ann", "side": "sell", "price": 50.25, "quantity": 2},
    {"type": "new", "id": 2, "owner": "bob", "side": "sell", "price": 50, "quantity": 1.5},
    {"type": "new", "id": 3, "owner": "cleo", "side": "buy", "price": 50.3, "quantity": 2},
    {"type": "new", "id": 4, "owner": "cleo", "side": "buy", "price": 49, "quantity": 1},
    {"type": "amend", "id": 4, "quantity": 0.75},
    {"type": "cancel", "id": 9},
]
TRADES = [
    {"product": "one", "buy_id": 3, "sell_id": 2, "aggressor": "buy", "price": D("50.00"), "quantity_mwh": D("1.5")},
    {"product": "one", "buy_id": 3, "sell_id": 1, "aggressor": "buy", "price": D("50.25"), "quantity_mwh": D("0.5")},
]


def ndjson(*events: dict[str, Any]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


def table(*events: dict[str, Any]) -> str:
    """The same as CSV, with the columns that are there."""
    columns = list(dict.fromkeys(key for event in events for key in event))
    rows = [[str(event.get(column, "")) for column in columns] for event in events]
    return "\n".join(",".join(row) for row in [columns, *rows]) + "\n"


def match(text: str | bytes, *options: str) -> Done:
    return call("headless", "match", "-", *options, stdin=text)


def matched(*events: dict[str, Any]) -> dict[str, Any]:
    return result_of(match(ndjson(*events), "--json"))


# What comes of it -----------------------------------------------------------------------------------------------------
def test_trades_refusals_book_and_digest() -> None:
    result = matched(*EVENTS)
    assert list(result) == ["schema", "trades", "rejected", "book", "digest"]
    assert [trade.pop("seq") for trade in result["trades"]] == [4, 5]
    assert result["trades"] == TRADES
    assert result["rejected"] == [{"id": 9, "rule": "unknown-id"}]
    assert result["book"] == {"bids": [[D("49.00"), D("0.75")]], "asks": [[D("50.25"), D("1.5")]]}
    assert len(result["digest"]) == 64


def test_csv_says_the_same_with_ids_as_text() -> None:
    from_json, from_csv = matched(*EVENTS), result_of(match(table(*EVENTS), "--json"))
    assert from_csv["digest"] == from_json["digest"]
    assert from_csv["book"] == from_json["book"]
    assert [trade["buy_id"] for trade in from_csv["trades"]] == ["3", "3"]


def test_numbers_may_be_text_and_ids_are_told_as_they_were() -> None:
    events = [{**EVENTS[0], "id": "1", "price": "50.25"}, {**EVENTS[2], "kind": "IOC", "side": "bid"}]
    (trade,) = matched(*events)["trades"]
    assert (trade["buy_id"], trade["sell_id"]) == (3, "1")


def test_products_have_books_of_their_own_and_one_sequence() -> None:
    events = [
        {**EVENTS[0], "product": "h13"},
        {**EVENTS[2], "product": "h14"},
        {**EVENTS[1], "product": "h14"},
        {"type": "cancel", "id": 1},  # is of h13
    ]
    result = matched(*events)
    assert [(trade["seq"], trade["product"], trade["aggressor"]) for trade in result["trades"]] == [(4, "h14", "sell")]
    assert result["rejected"] == []
    assert result["book"] == result["books"]["h13"] == {"bids": [], "asks": []}
    assert result["books"]["h14"] == {"bids": [[D("50.30"), D("0.5")]], "asks": []}


def test_a_session_with_calls_icebergs_and_time() -> None:
    result = matched(
        {"type": "call"},
        {"type": "new", "id": "a", "side": "buy", "price": 60, "quantity": 3},
        {"type": "new", "id": "b", "side": "sell", "price": 40, "quantity": 9, "kind": "iceberg", "display": 1},
        {"type": "uncross"},
        {"type": "new", "id": "c", "side": "buy", "price": 39, "quantity": 1, "until": "2026-05-25T12:00Z"},
        {"type": "new", "id": "d", "side": "buy", "price": 38, "quantity": 1, "owner": "dora"},
        {"type": "clock", "time": 1779710400},
        {"type": "cancel-all", "owner": "dora"},
        {"type": "amend", "id": "b", "quantity": 5.5},
    )
    (trade,) = result["trades"]
    assert (trade["aggressor"], trade["price"], trade["quantity_mwh"]) == (None, D("40.00"), D(3))
    assert result["book"] == {"bids": [], "asks": [[D("40.00"), D("5.5")]]}


def test_no_events_are_an_empty_book() -> None:
    result = result_of(match("type,id\n", "--json"))
    assert (result["trades"], result["rejected"], result["book"]) == ([], [], {"bids": [], "asks": []})


def test_what_people_see() -> None:
    done = match(ndjson(*EVENTS))
    assert (done.code, done.err) == (0, "")
    for words in ("6 messages, 2 trades, 1 rejected", "unknown-id", "id: must be that of an open order", "50.25"):
        assert words in done.out


def test_files_hold_every_report(tmp_path: Path) -> None:
    source = tmp_path / "day.ndjson"
    source.write_text(ndjson(*EVENTS))
    done = call("headless", "match", source, "--json", "--out", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["match.json", "match.md", "reports.csv"]
    assert json.loads((tmp_path / "out" / "match.json").read_text()) == json.loads(done.out)
    with open(tmp_path / "out" / "reports.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["event"] for row in rows] == ["accepted"] * 3 + ["traded"] * 2 + ["accepted", "amended", "rejected"]
    assert rows[3]["other_id"] == "2"
    assert [int(row["seq"]) for row in rows] == list(range(1, 9))
    assert (rows[-1]["line"], rows[-1]["rule"]) == ("6", "unknown-id")


# Against the twin -----------------------------------------------------------------------------------------------------
def as_event(m: twin.Message) -> dict[str, Any]:
    """A message as a file has it."""
    event: dict[str, Any] = {"type": m.type, "id": m.id, "owner": str(m.owner) if m.owner else ""}
    for name, value, decimals in (("price", m.price, 2), ("quantity", m.quantity, 6)):
        if m.type != "cancel" and value != ev.KEEP:
            event[name] = f"0.{1:0{decimals + 1}}" if value == ev.UNEVEN else decimal_text(value, decimals)
    if m.type == "new":
        event |= {"side": m.side, "kind": m.kind, "display": decimal_text(m.display, 6)}
    return event


def can_be_said(m: twin.Message) -> bool:
    """Whether a file can hold the message; it can't lack what a new order needs."""
    is_whole = m.side and m.kind and ev.KEEP not in (m.price, m.quantity)
    return m.id > 0 and (m.type in ("amend", "cancel") or (m.type == "new" and bool(is_whole)))


def test_a_long_file_against_the_twin() -> None:
    rows = messages(11, 8_000)
    rows["time_utc"] = 0
    story = [m for m in in_words(rows) if can_be_said(m) and m.id < ev.ID_LIMIT]
    book = twin.Book(FLOOR, CAP, 1, ENERGY_LIMIT_WH)
    for at, message in enumerate(story):
        book.take(at, message)
    band = ("--floor", decimal_text(FLOOR, 2), "--cap", decimal_text(CAP, 2))
    result = result_of(match(ndjson(*map(as_event, story)), "--json", *band))
    trades = [
        (r.sequence, *((r.id, r.other_id) if r.side == "buy" else (r.other_id, r.id)), r.side, r.price, r.quantity)
        for r in book.reports
        if r.event == "traded"
    ]
    assert len(trades) > 300
    assert [
        (t["seq"], t["buy_id"], t["sell_id"], t["aggressor"], t["price"] * 100, t["quantity_mwh"] * 10**6)
        for t in result["trades"]
    ] == trades
    refused = [(r.id, r.rule) for r in book.reports if r.event == "rejected"]
    assert [(r["id"], r["rule"]) for r in result["rejected"]] == refused
    assert {rule for _, rule in refused} >= {
        "off-tick",
        "quantity-step",
        "quantity",
        "price-band",
        "double-id",
        "owner",
    }
    left = [(order.side, order.price, order.left) for order in book.in_order()]
    assert sum(energy for *_, energy in left) == 10**6 * sum(
        energy for side in result["book"].values() for _, energy in side
    )


# What can't be read ---------------------------------------------------------------------------------------------------
NEW = '{"type":"new","id":1,"side":"buy","price":1,"quantity":1}\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "stdin: events = '': must begin with a header, or be JSON objects line by line"),
        ("id,side\n", "stdin: line 1: header = id,side: must have the column type"),
        ("type;id\ncancel;1\n", "stdin: line 1: header = type;id: must be separated by commas"),
        (NEW.replace("1,", "1.5,", 1), "stdin: line 1: id = 1.5: must be text or a whole number"),
        ("type,colour\n", "stdin: line 1: header = colour: must be one of type, id, owner, product"),
        ("type,id,type\n", "stdin: line 1: header = type: must not be given twice"),
        ("type,id\ncancel\n", "stdin: line 2: columns = 1: must be 2, as in the header"),
        ("# one\ntype,id\n\nhold,1\n", "stdin: line 4: type = hold: must be one of new, cancel, amend, cancel-all"),
        ('type,id\ncancel,"1\n', "stdin: line 2: row = unexpected end of data: must be CSV"),
        ("type,id,side,price,quantity\nnew,1,up,1,1\n", "stdin: line 2: side = up: must be buy or sell"),
        ("type,id,side,price,quantity\nnew,,buy,1,1\n", "stdin: line 2: id: must be given"),
        ("type,id,side,price,quantity\nnew,1,,1,1\n", "stdin: line 2: side: must be given"),
        ("type,id,side,price,quantity\nnew,1,buy,,1\n", "stdin: line 2: price: must be given"),
        ("type,id,side,price,quantity\nnew,1,buy,1,\n", "stdin: line 2: quantity: must be given"),
        ("type,id,side,price,quantity\nnew,1,buy,dear,1\n", "stdin: line 2: price = dear: must be a number"),
        ("type,id,side,price,quantity\nnew,1,buy,1,nan\n", "stdin: line 2: quantity = nan: must be a finite number"),
        ("type,time\nclock,\n", "stdin: line 2: time: must be given"),
        ("type,time\nclock,noon\n", "stdin: line 2: time = noon: must be seconds since 1970 or a time such as"),
        (NEW + '{"type":\n', 'stdin: line 2: row = {"type":: must be a JSON object'),
        (NEW + "\n[1]\n", "stdin: line 3: row = [1]: must be a JSON object"),
        (NEW + '{"type":"new","size":1}\n', "stdin: line 2: key = size: must be one of type, id, owner, product"),
        (NEW + '{"type":"new","type":"new"}\n', "stdin: line 2: key = type: must not be given twice"),
        (NEW + '{"type":"cancel","id":true}\n', "stdin: line 2: id = true: must be text or a number"),
        (NEW + '{"type":"cancel","id":[1]}\n', "stdin: line 2: id = [1]: must be text or a number"),
        (NEW.replace('price":1', 'price":NaN'), "stdin: line 1: row = NaN: must be a finite number"),
        (NEW.replace("buy", "hold"), "stdin: line 1: side = hold: must be buy or sell"),
        (NEW.replace("}", ',"kind":"stop"}'), "stdin: line 1: kind = stop: must be one of limit, market, ioc"),
        (b'{"type":"cancel","id":"\xff"}\n', "events = stdin: must be UTF-8 text"),
    ],
)  # fmt: skip
def test_files_that_are_no_events(text: str | bytes, message: str) -> None:
    assert refusal(match(text, "--json")).startswith(message)


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"price": 50.005}, "off-tick"),
        ({"price": 31_000}, "price-band"),
        ({"price": "-1e29"}, "price-band"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": -1}, "quantity"),
        ({"quantity": 1e30}, "quantity"),
        ({"quantity": "0.0000001"}, "quantity-step"),
        ({"display": 2}, "display"),
        ({"kind": "iceberg"}, "display"),
        ({"kind": "fok"}, "fok"),
        ({"until": 0, "id": 8}, None),
    ],
)
def test_what_breaks_a_rule_of_the_market_is_no_error_of_the_file(fields: dict[str, Any], rule: str | None) -> None:
    result = matched({"type": "new", "id": 7, "side": "buy", "price": 5, "quantity": 1, **fields})
    assert [refused["rule"] for refused in result["rejected"]] == ([] if rule is None else [rule])


def test_products_have_a_limit() -> None:
    rows = "".join(f"cancel,1,{product}\n" for product in range(1_001))
    assert refusal(match(f"type,id,product\n{rows}")) == "stdin: line 1002: products = 1001: must be at most 1,000"


def test_options_that_make_no_sense() -> None:
    assert refusal(match(NEW, "--floor", "5", "--cap", "5")) == "floor = 5: must be below the cap (5)"
    assert refusal(match(NEW, "--out", "")) == "out = '': must be a folder"
    assert refusal(call("headless", "match", "nowhere.csv")) == "events = nowhere.csv: no such file or directory"


def test_the_shape_of_a_file_does_not_change_what_comes_of_it() -> None:
    plain = ndjson(*EVENTS)
    for other in ("\ufeff" + plain, plain.replace("\n", "\r\n"), plain.replace("\n", "\n\n"), plain.rstrip("\n")):
        assert match(other, "--json") == match(plain, "--json")
