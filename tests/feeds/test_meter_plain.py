"""Plain meter files are read by column to the same readings as their text is; what is not plain is left to that."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from random import Random

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.feeds.test_meter_files import BEGIN, BERLIN, lines, local_month
from voltadesk.errors import BadInput
from voltadesk.feeds import meter_files
from voltadesk.feeds.meter_files import DELIMITERS, read_meter_file, read_text_file
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
        assert is_plain(write(tmp_path, text), "Europe/Berlin", stamps)
    readings = read_plain(tmp_path / "m.csv", "Europe/Berlin", "start", DELIMITERS).readings
    assert {len(reading.energy_wh) for reading in readings} == {count}


def test_days_first_and_unix_seconds(tmp_path: Path) -> None:
    assert is_plain(write(tmp_path, "Zeit;a kWh\n01.01.2026 00:00;0,25\n01.01.2026 00:15;1,5\n"), "Europe/Berlin")
    assert is_plain(write(tmp_path, f"t,a kWh\n{BEGIN},1\n{BEGIN + 900},2\n"))
    assert is_plain(write(tmp_path, "t,a kWh\n2026-01-01T01:00+0100,1\n2026-01-01T01:15+01:00,2\n"))


@settings(max_examples=40)
@given(st.randoms(use_true_random=False), st.booleans(), st.sampled_from([0, 3, 5, 12]))
def test_any_rows_are_read_as_their_text(
    tmp_path_factory: pytest.TempPathFactory, random: Random, is_long: bool, decimals: int
) -> None:
    folder, count = tmp_path_factory.mktemp("m"), random.randint(2, 40)
    times = sorted(random.sample(range(60), count))
    stamps = [f"{datetime.fromtimestamp(BEGIN + 900 * t, UTC):%Y-%m-%dT%H:%M}Z" for t in times]
    if not len({b - a for a, b in pairwise(times)} & {1}):
        stamps[1] = f"{datetime.fromtimestamp(BEGIN + 900 * (times[0] + 1), UTC):%Y-%m-%dT%H:%M}Z"

    def cell() -> str:
        return random.choice(["", f"{random.uniform(0, 5):.{decimals}f}", str(random.random()), "7", "0.1"])

    quality = ["", "measured", "E", "missing"]
    if is_long:
        meters = [
            (m, r) for m in ("AT001", "b-2", "c c") for r in ("import", "export", "1-1:2.29.0")[: random.randint(1, 2)]
        ]
        rows = [f"{s},{m},{r},{cell()},{random.choice(quality)}" for s in stamps for m, r in meters]
        text = "\n".join(["time,meter,register,value_kwh,quality", *rows])
    else:
        rows = [f"{s},{cell()},{cell()},{random.choice(quality)},{cell()}" for s in stamps]
        text = "\n".join(["time,a import Wh,a export kWh,a quality,b MWh", *rows])
    path = write(folder, text + "\n")
    try:
        has_fault = bool(read_text_file(path).problems)
    except BadInput:
        has_fault = True
    assert is_plain(path) is not has_fault


def test_parquet_of_every_type(tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    after = "n * INTERVAL 15 MINUTE"
    times = [
        f"TIMESTAMPTZ '2026-01-01 00:00Z' + {after}",
        f"TIMESTAMP '2026-01-01' + {after}",
        f"{BEGIN} + n * 900",
        f"strftime(TIMESTAMP '2026-01-01' + {after}, '%Y-%m-%d %H:%M')",
    ]
    values = ["n * 0.1::DOUBLE", "(n * 0.1)::FLOAT", "(n * 0.1)::DECIMAL(9, 3)", "n::UTINYINT", "n::BIGINT",
              "CASE WHEN n = 2 THEN NULL ELSE random() * n END", "(n * 1.000001)::DECIMAL(15, 6)"]  # fmt: skip
    for time in times:
        for value in values:
            rows = f"SELECT {time} AS time, m AS meter, {value} AS import_kwh, {value} AS export_kwh"
            duckdb.execute(
                f"COPY ({rows} FROM range(30) t(n), (VALUES ('a'), ('b')) u(m)) TO '{path}' (FORMAT parquet)"
            )
            assert is_plain(path, "Europe/Berlin"), (time, value)
    duckdb.execute(
        f"COPY (SELECT '5' AS a_kwh, {BEGIN} + n * 900 AS t FROM range(9) t(n)) TO '{path}' (FORMAT parquet)"  # noqa: S608
    )
    assert not is_plain(path)
    assert len(read_meter_file(path).readings) == 1


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_name_is_no_pattern_of_names(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "meters [1]"
    folder.mkdir()
    for n, name in enumerate(["a*[1]", "ab1", "ab[1]"]):
        rows = f"SELECT {BEGIN} + n * 900 AS time, {n + 1} AS a_kwh FROM range(3) t(n)"  # noqa: S608
        duckdb.execute(f"COPY ({rows}) TO '{folder}/{name}.{form}' (FORMAT {form})")
    for n, name in enumerate(["a*[1]", "ab1", "ab[1]"]):
        path = folder / f"{name}.{form}"
        assert is_plain(path)
        (reading,) = read_plain(path, None, "start", DELIMITERS).readings
        assert reading.energy_wh.tolist() == [1000 * (n + 1)] * 3


def test_a_parquet_file_with_more_columns_than_are_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    columns = ", ".join(f'(n * {m})::INTEGER AS "m{m:03d} Wh"' for m in range(600))
    duckdb.execute(
        f"COPY (SELECT {BEGIN} + n * 900 AS time, {columns} FROM range(5) t(n)) TO '{path}' (FORMAT parquet)"  # noqa: S608
    )
    assert is_plain(path)


# Not plain ------------------------------------------------------------------------------------------------------------
GOOD = lines("time,a kwh", ["1"] * 6)


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("00:30Z,1", "00:30Z,-1"),
        GOOD.replace("00:30Z,1", "00:30Z,x"),
        GOOD.replace("00:30Z,1", "00:30Z,inf"),
        GOOD.replace("00:30Z,1", "00:30Z,1_0"),
        GOOD.replace("00:30Z,1", "00:30Z,0.123456789012345678"),
        GOOD.replace("00:30Z,1", "00:30Z,1,2"),
        GOOD.replace("00:30Z", "00:15Z"),
        GOOD.replace("00:30Z", "00:31Z"),
        GOOD.replace("00:30Z", "00:30"),
        GOOD.replace("\n", "\n\n", 3),
        GOOD.replace("\n", "\n# a comment\n", 3),
        GOOD.replace("\n", "\n#,2\n", 3),
        "# about\n" + GOOD,
        GOOD.replace("time", '"time"'),
        lines("time,a counter kwh", ["3", "2", "4"]),
        lines("time,a kwh,quality", ["3,ok", "2,perhaps", "4,"]),
        lines("time,a kwh,quality", ["3,ok", "2,none", "4,"]),
        lines("time,meter,kwh", ["a,1", ",1", "a,1"]),
        lines("time,meter,kwh", ["a,1", "NA,1"]),
        lines("time,a kwh,a import kwh", ["1,1"] * 2),
        lines("time,a kwh", ["1", "1e11"]),
        lines("time,a", ["1", "2"]),
        "time,a kwh\n",
        "",
    ],
)
def test_what_is_not_plain_is_left_to_the_text(tmp_path: Path, text: str) -> None:
    with pytest.raises(NotPlain):
        read_plain(write(tmp_path, text), None, "start", DELIMITERS)


def test_large_files_are_read_by_column_and_their_faults_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter_files, "LARGE_BYTES", 1)
    monkeypatch.setattr(meter_files, "read_text_file", pytest.fail)
    file = read_meter_file(write(tmp_path, GOOD))
    assert [reading.energy_wh.tolist() for reading in file.readings] == [[1000] * 6]
    assert (file.shape, file.rows, file.notes) == ("wide", 6, ("wide, energy per interval, kWh",))
    monkeypatch.undo()
    monkeypatch.setattr(meter_files, "LARGE_BYTES", 1)
    file = read_meter_file(write(tmp_path, GOOD.replace("00:30Z,1", "00:30Z,-1")))
    assert str(file.problems[0]).endswith("line 4: a import at 2026-01-01T00:30Z = -1: must not be negative")


def test_ctrl_c_stops_the_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise RuntimeError("Query interrupted")

    monkeypatch.setattr("voltadesk.feeds.meter_scan.CsvScan.look", stopped)
    with pytest.raises(KeyboardInterrupt):
        read_plain(write(tmp_path, GOOD), None, "start", DELIMITERS)


# Numbers --------------------------------------------------------------------------------------------------------------
@given(st.lists(st.decimals(0, 10**8, allow_nan=False, places=6), min_size=1, max_size=20))
def test_decimal_numbers_are_had_back_from_floats(values: list[Decimal]) -> None:
    numbers, decimals = exact_numbers(np.array([float(value) for value in values]), None)
    assert [Decimal(int(number)).scaleb(-decimals) for number in numbers] == values


@given(st.lists(st.just(0.0) | st.floats(1e-10, 1e14), min_size=1, max_size=20))
def test_floats_are_what_they_are_written_as(values: list[float]) -> None:
    numbers, decimals = exact_numbers(np.array(values), None)
    assert [Fraction(int(number), 10**decimals) for number in numbers] == [Fraction(repr(value)) for value in values]


def test_too_large_numbers_are_not_plain() -> None:
    for floats, decimals in (([1e15], None), ([np.inf], None), ([0.1], 0)):
        with pytest.raises(NotPlain):
            exact_numbers(np.array(floats), decimals)
