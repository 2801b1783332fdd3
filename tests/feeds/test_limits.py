"""Small files that stand for much more than they hold, and files that are too large: refused in one line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import duckdb
import pytest

from voltadesk.errors import BadInput
from voltadesk.feeds import meter_plain, meter_scan, parquet, table
from voltadesk.feeds.book_events import read_book_events
from voltadesk.feeds.meter_files import read_meter_file, read_text_file
from voltadesk.feeds.prices.tables import price_table


def write_parquet(path: Path, query: str) -> None:
    duckdb.execute(f"COPY (SELECT {query}) TO '{path}' (FORMAT parquet)")


def test_a_file_that_is_too_large_is_named_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "FILE_LIMIT_BYTES", 10)
    path = tmp_path / "prices.csv"
    path.write_text("time,price\n2026-01-01T00:00Z,1\n")
    with pytest.raises(BadInput) as refused:
        price_table(path, "prices")
    assert str(refused.value) == f"prices = {path}: must be at most 10 bytes, has 31"


@pytest.mark.parametrize("reader", [lambda path: price_table(path, "prices"), read_meter_file])
def test_entries_that_have_nothing_in_common_make_no_table(tmp_path: Path, reader: object) -> None:
    path = tmp_path / "entries.json"
    path.write_text(json.dumps([{f"a{n}": 1} for n in range(8_000)]))
    with pytest.raises(BadInput, match="rows = 8000 with 8000 columns: must be at most 60,000,000 cells"):
        reader(path)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("rows", "cell", "said"),
    [
        ("30_000_001", "1", "rows = 30000001 with 2 columns"),
        ("600", "repeat('x', 1_000_000)", "must be at most 536870912"),
    ],
)
def test_parquet_that_repeats_is_not_written_out(tmp_path: Path, rows: str, cell: str, said: str) -> None:
    path = tmp_path / "prices.parquet"
    write_parquet(path, f"0 AS time, {cell} AS price FROM range({rows})")
    assert path.stat().st_size < 4 << 20
    with pytest.raises(BadInput, match=said):
        parquet.read_parquet(path, "prices")


def test_meters_in_parquet_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "meters.parquet"
    start = "make_timestamptz(1767225600000000 + n * 900000000)"
    write_parquet(path, f"{start} AS time, 1.5 AS import_kwh FROM range(50) r(n)")
    assert read_meter_file(path).rows == 50
    monkeypatch.setattr(meter_scan, "CELLS_LIMIT", 99)
    monkeypatch.setattr(table, "CELLS_LIMIT", 99)
    with pytest.raises(BadInput, match="rows = 50 with 2 columns: must be at most 99 cells"):
        read_meter_file(path)


def test_names_that_hardly_stand_together_are_read_as_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(
        f"2026-01-01T0{n}:00Z,{meter},{register},0.{n}\n"
        for meter, register in (("ann", "import"), ("ben", "export"))
        for n in range(3)
    )
    path = tmp_path / "meters.csv"
    path.write_text(f"time,meter,register,energy_kwh\n{rows}")
    monkeypatch.setattr(meter_plain, "GROUPS_LIMIT", 3)
    with pytest.raises(meter_scan.NotPlain):
        meter_plain.read_plain(path, None, "start", ",")
    assert [reading.meter for reading in read_text_file(path).readings] == ["ann", "ben"]


def test_an_id_of_thousands_of_digits() -> None:
    line = '{"type": "new", "id": %s, "owner": "a", "side": "buy", "price": 1, "quantity": 1}'
    assert read_book_events(io.StringIO(line % ("1" * 1_000)), "e.ndjson").ids[1] == int("1" * 1_000)
    with pytest.raises(BadInput, match=r"e\.ndjson: line 1: id = 1+\.\.\.: must have at most 1000 digits, or be text"):
        read_book_events(io.StringIO(line % ("1" * 5_000)), "e.ndjson")
