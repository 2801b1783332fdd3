"""Whatever a price file holds, it is read or refused in one line with a documented exit code; nothing is half kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.commands import call
from voltadesk.errors import BadInput
from voltadesk.feeds.prices.layout import Layout
from voltadesk.feeds.prices.rows import rows_of
from voltadesk.feeds.prices.series import checked, on_grid

FILES = sorted((Path(__file__).parent / "price_files").iterdir())
HEADER, ROW = "time,price", "2025-01-01T00:00Z,1"
ROWS = (ROW, "2025-01-01T01:00Z,2", "2025-01-01T02:00Z,3")
XML = next(path for path in FILES if path.name == "a44_a01.xml").read_text("utf-8")
CHARTS = '{"unix_seconds": [1735689600, 1735693200], "price": [1, 2], "unit": "EUR/MWh"}'


def table(*rows: str, header: str = HEADER) -> str:
    return "\n".join((header, *rows)) + "\n"


def entries(**change: object) -> str:
    one = {"start_timestamp": 1735689600000, "end_timestamp": 1735693200000, "marketprice": 1, "unit": "Eur/MWh"}
    return json.dumps(
        {"data": [one | change, one | {"start_timestamp": 1735693200000, "end_timestamp": 1735696800000}]}
    )


MALFORMED: list[str | bytes] = [
    "", " ", "\n\n\n", "\ufeff", "time", "time,price\n", table(ROW), table(*ROWS).replace(",", ""), "\x00" * 100,
    b"\xff\xfe" + table(*ROWS).encode("utf-16-le"), table(*ROWS).encode()[:-20] + b"\xe4\n", b"PAR1",
    b"PAR1" + b"x" * 999, b"PAR1" + b"\x00" * 4000 + b"PAR1", b"\x1f\x8b\x08\x00junk", b"PK\x03\x04junk",
    table(*ROWS, '"2025-01-01T03:00Z,1'), table(*ROWS, "2025-01-01T03:00Z"), table(*ROWS, "2025-01-01T03:00Z,1,2"),
    table(*ROWS, "yesterday,1"), table(*ROWS, ",1"), table(*ROWS, "2025-13-01T03:00Z,1"),
    table(*ROWS, "2025-01-01T25:00Z,1"), table(*ROWS, "9999-12-31T23:00Z,1"), table(*ROWS, "0001-01-01T00:00Z,1"),
    table(*ROWS, "2025-01-01 03:00,1"), table(*ROWS, "2025-01-01T03:00+99:99,1"), table(*ROWS, "2025-01-01T03:00Z,x"),
    table(*ROWS, "2025-01-01T03:00Z,1e999"), table(*ROWS, "2025-01-01T03:00Z,1e-999"),
    table(*ROWS, "2025-01-01T03:00Z,inf"), table(*ROWS, "2025-01-01T03:00Z,1_0"), table(*ROWS, "2025-01-01T03:00Z,١"),
    table(*ROWS, "2025-01-01T03:00Z,30000.01"), table(*ROWS, "2025-01-01T03:00Z,--1"),
    table(*ROWS, "2025-01-01T03:00Z," + "9" * 5000), table(*ROWS, "2025-01-01T02:00Z,4"),
    table(*ROWS, "2025-01-01T05:00Z,4"), table(*ROWS, "2025-01-01T02:30Z,4"), table(*ROWS, "2025-01-01T03:00Z,"),
    table(*ROWS, HEADER), table(*(f"2025-01-0{n}T00:00Z,1" for n in range(1, 8))),
    table(*(f"2025-01-01T00:{n}0Z,1" for n in (0, 2, 4))),
    table(*(row.replace(",1", ",") for row in (ROW, ROW.replace("T00", "T01")))), "A" * 200_000,
    table(*ROWS, '2025-01-01T03:00Z,"' + "x" * 200_000 + '"'), "time;price\n1;2\n3;4\n", "{", "[]", "[1, 2]", "{}",
    "null", "123", '"text"', "[" * 100_000, '{"a":' * 100_000, '{"unix_seconds": []}',
    CHARTS.replace("1735693200]", "1735693200, 1735696800]"), CHARTS.replace("[1, 2]", "[1, 2, 3]"),
    CHARTS.replace("[1, 2]", "null"), CHARTS.replace("[1, 2]", "[[1], {}]"), CHARTS.replace("EUR/MWh", "barrels"),
    CHARTS.replace("1735693200", '"noon"'), CHARTS.replace("1735693200", "1" * 400),
    CHARTS.replace("[1, 2]", "[NaN, Infinity]"), CHARTS.replace("[1, 2]", '["\\ud800", 2]'), entries(end_timestamp=1),
    entries(marketprice={}), entries(start_timestamp="x"), entries(start_timestamp=-1), entries(unit="Eur/barrel"),
    entries(unit=7), '{"data": {"a": 1}}', '{"data": [1]}', '{"data": [[]]}', '{"data": [{}]}',
    '{"multiAreaEntries": [{}]}', '{"multiAreaEntries": [{"entryPerArea": 3}]}',
    '{"multiAreaEntries": [{"entryPerArea": {"A": 1}}]}', '{"prices": [3]}', "<", "<a/>", "<?xml version='1.0'?>",
    XML[:400].replace("utf-8", "bogus"),
    XML[:400], XML.replace("A44", "A65"), XML.replace("A01</curve", "A02</curve"), XML.replace("PT60M", "P1D"),
    XML.replace("PT60M", "PT60M" * 2), XML.replace("<position>1<", "<position>0<"),
    XML.replace("<position>1<", "<position>x<"), XML.replace("<position>1<", "<position>99999999999<"),
    XML.replace("2025-09-30T22:00Z", "2025-09-30T18:00Z"), XML.replace("2025-09-30T22:00Z", "2025-09-30T22:07Z"),
    XML.replace("2025-09-30T22:00Z", "9999-09-30T22:00Z"), XML.replace("2025-09-30T22:00Z", "noon"),
    XML.replace("Period", "Era"), XML.replace("<price.amount>2<", "<price.amount>two<"),
    XML.replace("<position>2<", "<position>1<"), '<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>' + XML,
    XML.replace("EUR", "EUR</currency_Unit.name><currency_Unit.name>"),
    "C,x\nI,DISPATCH,PRICE,4,SETTLEMENTDATE,RRP\n", 'C,x\nD,DISPATCH,PRICE,4,"2021/01/01 00:05:00",1\n',
    "I,A,B,1,SETTLEMENTDATE,RRP\nD,A,B,1,2021/01/01 00:05:00,1\nI,C,D,1,SETTLEMENTDATE,RRP\nD,C,D,1,x,1\n",
    "I,A,B,1,SETTLEMENTDATE,RRP\nD,A,B,1\n", 'I,A,"B\n',
]  # fmt: skip


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VOLTADESK_PRICES", str(tmp_path / "shelf"))
    return tmp_path / "shelf"


@pytest.mark.parametrize("content", MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_file_is_refused_in_one_line(content: str | bytes, tmp_path: Path, shelf: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    done = call("prices", "import", path, "--name", "x", "--json")
    assert done.code == 3, done
    assert done.err.count("\n") == 1
    assert done.err.startswith("voltadesk: ")
    assert str(path) in done.err
    assert not shelf.exists()
    assert call("prices", "check", path).code in (3, 4)
    assert call("headless", "backtest", path, "-q").code == 3


def test_there_are_enough_of_them() -> None:
    assert len({str(content) for content in MALFORMED}) == len(MALFORMED) >= 60


def tried(path: Path, layout: Layout) -> None:
    """Read as the program does: a series, or BadInput; anything else is a fault."""
    try:
        series = checked([rows_of(path, layout)], layout.gaps, suspects="gap")
        if not series.faults("gap", layout.gaps):
            on_grid(series)
    except BadInput:
        pass


layouts = st.builds(
    Layout,
    column=st.sampled_from([None, None, "price", "RRP", "value_inc_vat"]),
    timezone=st.sampled_from([None, "Europe/Berlin", "America/New_York"]),
    stamps=st.sampled_from([None, "start", "end"]),
    gaps=st.sampled_from(["refuse", "skip", "previous", "interpolate"]),
    zone=st.sampled_from([None, "DE-LU", "SA1", "DK1", "SE3", "AUT", "CAPITL"]),
    currency=st.sampled_from([None, "EUR", "DKK"]),
    unit=st.sampled_from([None, "ct/kWh"]),
)
bits = st.sampled_from(
    [
        "",
        ",",
        ";",
        "\n",
        '"',
        "0",
        "-",
        "9" * 20,
        "NaN",
        "null",
        "Z",
        "+02:00",
        "2025-03-30 02:30",
        "<",
        ">",
        "{",
        "]",
        "\x00",
        "é",
    ]
)
edits = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 60), bits), min_size=1, max_size=6)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(FILES), edits, layouts)
def test_a_file_with_some_of_it_changed(
    tmp_path: Path, source: Path, changes: list[tuple[float, int, str]], layout: Layout
) -> None:
    text = source.read_text("utf-8")
    for where, length, new in changes:
        at = int(where * len(text))
        text = text[:at] + new + text[at + length :]
    path = tmp_path / "changed"
    path.write_text(text, "utf-8")
    tried(path, layout)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(FILES), st.data(), layouts)
def test_a_file_with_its_lines_in_disorder(tmp_path: Path, source: Path, data: st.DataObject, layout: Layout) -> None:
    lines = source.read_text("utf-8").splitlines()
    first, rest = lines[:1], lines[1:]
    chosen = data.draw(st.lists(st.sampled_from(rest or first), max_size=2 * len(rest)))
    path = tmp_path / "disorder"
    path.write_text("\n".join(first + chosen) + "\n", "utf-8")
    tried(path, layout)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.sampled_from([b"", b"PAR1", b"{", b"<", b"I,", b"time,price\n"]))
def test_any_bytes(tmp_path: Path, body: bytes, begin: bytes) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(begin + body)
    tried(path, Layout())
