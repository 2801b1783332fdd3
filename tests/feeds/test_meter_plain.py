"""Plain meter files are read by column to the same readings as their text is; what is not plain is left to that."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.feeds.test_meter_files import BERLIN, BEGIN, lines, local_month
from voltadesk.errors import BadInput
from voltadesk.feeds import meter_files
from voltadesk.feeds.meter_files import DELIMITERS, MeterFile, read_meter_file, read_text_file
from voltadesk.feeds.meter_plain import exact_numbers, read_plain
from voltadesk.feeds.meter_scan import NotPlain
from voltadesk.feeds.meter_series import Stamps


def write(folder: Path, text: str, name: str = "m.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def is_plain(path: Path, timezone: str | None = None, stamps: Stamps = "start") -> bool:
    """Whether a file is plain; then it holds what its text does, to the last line's number."""
    try:
        plain = read_plain(path, timezone, stamps, DELIMITERS)
    except NotPlain:
        return False
    text = read_text_file(path, timezone, stamps)
    assert not text.problems
    assert plain.rows == text.rows
    assert meter_files._notes(plain.header, plain.said) == text.notes
    assert [(r.meter, r.register) for r in plain.readings] == [(r.meter, r.register) for r in text.readings]
    for one, other in zip(plain.readings, text.readings, strict=True):
        assert (one.start_utc, one.step_s, one.place) == (other.start_utc, other.step_s, other.place)
        assert one.energy_wh.dtype == other.energy_wh.dtype
        assert one.energy_wh.tolist() == other.energy_wh.tolist()
        assert one.quality.tolist() == other.quality.tolist()
        assert list(one.line) == list(other.line)
    return True


# Plain ----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("time,anna import [kWh],anna_export_wh,flat_2 import kWh,remark", ["0.1,20,3,x", "0.2,30,4,y z", "0,0,0,"]),
        ("time,import_kwh,export_kwh,solar_kwh,load_kwh", ["1,2,3,4"] * 3),
        ("time,meter_id,direction,value,unit", ["a,1-1:1.29.0,1.5,kWh", "a,1-1:1.29.0,2,kWh"]),
        ("time,direction,value,unit", ["export,1,kWh", "export,2,kWh"]),
        ("time,meter,import_kwh,export_kwh", ["a,1,0.0004", "a,2,0.0006"]),
        ("time,a counter kwh", ["100.5", "100.7504", "100.7504", "", "101", "103"]),
        ("time,a kwh,quality", ["1,measured", "2,E", "3,missing", ",measured", "nan,L2", "5,", "NA,ok"]),
        ("time;a Bezug kWh;a Einspeisung kWh", ["0,25;1,5", "1,5;0,001"]),
        ("time\ta kWh", ["\t1.5", " 2 ", "+3"]),
        ("time,a kW,b power W", ["1.001,7", "2,8", "3.3333,9"]),
        ("time,a kwh", ["0.30000000000000004", "0.1", "1e-3", "12345678.123456", "0.000000000001"]),
        ("time,a Wh", ["2147483648", "1"]),
    ],
)
def test_all_forms_are_read_as_their_text(tmp_path: Path, header: str, cells: list[str]) -> None:
    separator = "\t" if "\t" in header else ";" if ";" in header else ","
    text = lines(header, [cell.lstrip("\t") for cell in cells]).replace("Z,", f"Z{separator}")
    assert is_plain(write(tmp_path, text))
    assert is_plain(write(tmp_path, text.rstrip("\n")))
    assert is_plain(write(tmp_path, "\ufeff" + text.replace("\n", "\r\n")))


@pytest.mark.parametrize(("month", "count"), [(1, 2_976), (3, 2_972), (10, 2_980)])
@pytest.mark.parametrize("order", ["by time", "by meter", "wide"])
def test_clock_changes(tmp_path: Path, month: int, count: int, order: str) -> None:
    times = local_month(2026, month, BERLIN)
    rows = [f"{time},{name},{n % 7}.001" for n, time in enumerate(times) for name in "ba"]
    if order == "by meter":
        rows.sort(key=lambda row: row.split(",")[1])
    text = "\n".join(["time,meter,kwh", *rows])
    if order == "wide":
        text = "\n".join(["time,a kwh", *(f"{time},{n % 9}" for n, time in enumerate(times))])
    for stamps in ("start", "end"):
        assert is_plain(write(tmp_path, text), "Europe/Berlin", stamps)  # type: ignore[arg-type]
    assert {len(reading.energy_wh) for reading in read_plain(tmp_path / "m.csv", "Europe/Berlin", "start", ",").readings} == {count}
    assert is_plain(write(tmp_path, text.replace(f"2026-{month:02d}-", f"{month:02d}.2026 ").replace("x", "y"))) is False


def test_days_first_and_unix_seconds(tmp_path: Path) -> None:
    assert is_plain(write(tmp_path, "Zeit;a kWh\n01.01.2026 00:00;0,25\n01.01.2026 00:15;1,5\n"), "Europe/Berlin")
    assert is_plain(write(tmp_path, f"t,a kWh\n{BEGIN},1\n{BEGIN + 900},2\n"))
    assert is_plain(write(tmp_path, "t,a kWh\n2026-01-01T01:00+0100,1\n2026-01-01T01:15+01:00,2\n"))
