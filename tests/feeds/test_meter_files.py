"""Meter files of many meters: every shape, unit and kind reads to the same watt-hours; faults are named."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltadesk.errors import BadInput
from voltadesk.feeds.meter_columns import ESTIMATED, MEASURED, MISSING
from voltadesk.feeds.meter_files import MeterFile, read_meter_file
from voltadesk.feeds.meter_series import Reading, Stamps

BEGIN = 1_767_225_600  # 2026-01-01T00:00Z
BERLIN = ZoneInfo("Europe/Berlin")


def read(
    folder: Path, text: str, name: str = "m.csv", timezone: str | None = None, stamps: Stamps = "start"
) -> MeterFile:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_meter_file(path, timezone, stamps)


def lines(header: str, cells: Sequence[str], minutes: int = 15) -> str:
    start = datetime.fromtimestamp(BEGIN, UTC)
    rows = [f"{start + timedelta(minutes=minutes * n):%Y-%m-%dT%H:%MZ},{cell}" for n, cell in enumerate(cells)]
    return "\n".join([header, *rows]) + "\n"


def found(file: MeterFile) -> dict[tuple[str, str], list[int]]:
    assert not file.problems, file.problems
    return {(reading.meter, reading.register): reading.energy_wh.tolist() for reading in file.readings}


# Shapes, units, kinds -------------------------------------------------------------------------------------------------
def test_wide_with_a_column_for_each_meter_and_register(tmp_path: Path) -> None:
    text = lines("time,anna import [kWh],anna_export_wh,flat_2 import kWh,remark", ["0.1,20,3,x", "0.2,30,4,y"])
    file = read(tmp_path, text)
    assert found(file) == {
        ("anna", "import"): [100, 200],
        ("anna", "export"): [20, 30],
        ("flat_2", "import"): [3_000, 4_000],
    }
    assert (file.shape, file.rows) == ("wide", 2)
    assert file.notes == ("wide, energy per interval, Wh and kWh", "ignored, as they name no unit: remark")
    reading = file.readings[0]
    assert (reading.start_utc, reading.step_s, reading.end_utc) == (BEGIN, 900, BEGIN + 1_800)


def test_a_column_without_a_meter_is_of_the_meter_that_the_file_is_named_by(tmp_path: Path) -> None:
    file = read(tmp_path, lines("time,import_kwh,export_kwh,solar_kwh,load_kwh", ["1,2,3,4"] * 2), "ben.csv")
    assert set(found(file)) == {("ben", register) for register in ("import", "export", "production", "load")}


def test_long_with_a_row_for_each_meter(tmp_path: Path) -> None:
    text = (
        "time,meter_id,direction,value,unit\n"
        "2026-01-01 00:00Z,a,1-1:1.29.0,1.5,kWh\n"
        "2026-01-01 00:00Z,a,export,250,Wh\n"
        "2026-01-01 00:00Z,b,import,2,kWh\n"
        "2026-01-01 00:15Z,a,1-1:1.29.0,1,kWh\n"
        "2026-01-01 00:15Z,a,export,0,Wh\n"
        "2026-01-01 00:15Z,b,import,0.001,kWh\n"
    )
    file = read(tmp_path, text)
    assert found(file) == {("a", "import"): [1500, 1000], ("a", "export"): [250, 0], ("b", "import"): [2000, 1]}
    assert file.notes[0] == "long, energy per interval, Wh and kWh"


def test_rows_that_tell_register_and_unit_of_the_files_own_meter(tmp_path: Path) -> None:
    text = lines("time,direction,value,unit", ["export,1,kWh", "export,2,kWh"])
    assert found(read(tmp_path, text, "anna.csv")) == {("anna", "export"): [1000, 2000]}
    assert found(read(tmp_path, lines("time,value,unit", ["1,kWh"] * 2), "ben.csv")) == {("ben", "import"): [1000] * 2}


def test_long_with_a_column_for_each_register(tmp_path: Path) -> None:
    text = lines("time,meter,import_kwh,export_kwh", ["a,1,0", "a,2,1"])
    assert found(read(tmp_path, text)) == {("a", "import"): [1000, 2000], ("a", "export"): [0, 1000]}


@pytest.mark.parametrize("header", ["a counter kwh", "a 1.8.0 kWh", "a_cumulative_import_kwh"])
def test_counters_make_an_interval_of_two_readings(tmp_path: Path, header: str) -> None:
    file = read(tmp_path, lines(f"time,{header}", ["100.5", "100.7504", "100.7504", "101"]))
    assert found(file) == {("a", "import"): [250, 0, 250]}
    assert file.notes[0] == "wide, counter readings, kWh"


def test_decimal_commas_semicolons_and_days_first(tmp_path: Path) -> None:
    text = "Zeit;a Bezug kWh;a Einspeisung kWh\n01.01.2026 00:00;0,25;1\n01.01.2026 00:15;1,5;0,001\n"
    assert found(read(tmp_path, text)) == {("a", "import"): [250, 1500], ("a", "export"): [1000, 1]}


def test_parquet_is_read_as_exactly(tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    rows = "SELECT TIMESTAMPTZ '2026-01-01 00:00Z' + n * INTERVAL 15 MINUTE AS time, 'a' AS meter, "
    for value in ("n * 0.1::DOUBLE", "(n * 0.1)::DECIMAL(9, 3)"):
        duckdb.execute(f"COPY ({rows} {value} AS import_kwh FROM range(4) t(n)) TO '{path}' (FORMAT parquet)")
        assert found(read_meter_file(path)) == {("a", "import"): [0, 100, 200, 300]}
    with pytest.raises(BadInput, match=r"meters = .*none.parquet: no such file or directory, must be a Parquet file"):
        read_meter_file(tmp_path / "none.parquet")


@given(st.lists(st.decimals(0, 50, allow_nan=False, places=7), min_size=2, max_size=20))
def test_no_watt_hour_is_lost_whatever_the_shape(
    tmp_path_factory: pytest.TempPathFactory, values: list[object]
) -> None:
    folder, cells = tmp_path_factory.mktemp("m"), [f"{value:f}" for value in values]
    wide = found(read(folder, lines("time,a kwh", cells)))
    long = found(read(folder, lines("time,meter,kwh", [f"a,{cell}" for cell in cells])))
    assert wide == long
    total = sum(int(cell.replace(".", "")) for cell in cells) // 10**4
    assert sum(wide["a", "import"]) == total


# Quality and gaps -----------------------------------------------------------------------------------------------------
def test_flags_blanks_and_rows_that_are_not_there(tmp_path: Path) -> None:
    text = lines("time,a kwh,quality", ["1,measured", "2,E", "3,missing", ",measured", "4,L2", "5,"])
    rows = text.splitlines()
    del rows[5]
    reading = read(tmp_path, "\n".join(rows)).readings[0]
    assert reading.energy_wh.tolist() == [1000, 2000, 0, 0, 0, 5000]
    assert reading.quality.tolist() == [MEASURED, ESTIMATED, MISSING, MISSING, MISSING, MEASURED]
    assert reading.line.tolist() == [2, 3, 4, 5, 6, 6]


def test_a_missing_reading_of_a_counter_takes_both_its_intervals(tmp_path: Path) -> None:
    reading = read(tmp_path, lines("time,a counter kwh", ["1", "2", "", "4", "6"])).readings[0]
    assert reading.quality.tolist() == [MEASURED, MISSING, MISSING, MEASURED]
    assert reading.energy_wh.tolist() == [1000, 0, 0, 2000]


# Clocks ---------------------------------------------------------------------------------------------------------------
def local_month(year: int, month: int, zone: ZoneInfo) -> list[str]:
    first, last = (datetime(year + m // 13, (m - 1) % 12 + 1, 1, tzinfo=zone).timestamp() for m in (month, month + 1))
    return [f"{datetime.fromtimestamp(s, zone):%Y-%m-%d %H:%M}" for s in range(int(first), int(last), 900)]


@pytest.mark.parametrize(("month", "count"), [(1, 2_976), (3, 2_972), (10, 2_980)])
@pytest.mark.parametrize("shape", ["wide", "long"])
def test_months_with_a_clock_change_on_the_local_clock(tmp_path: Path, month: int, count: int, shape: str) -> None:
    times = local_month(2026, month, BERLIN)
    if shape == "wide":
        text = "\n".join(["time,a kwh", *(f"{time},0.001" for time in times)])
    else:
        text = "\n".join(["time,meter,kwh", *(f"{time},{name},0.001" for time in times for name in "ab")])
    file = read(tmp_path, text, timezone="Europe/Berlin")
    for reading in file.readings:
        assert len(reading.energy_wh) == reading.energy_wh.sum() == count
        assert reading.start_utc == datetime(2026, month, 1, tzinfo=BERLIN).timestamp()
    assert "times read on the clock of Europe/Berlin" in file.notes


def test_times_may_be_the_ends_of_intervals(tmp_path: Path) -> None:
    reading = read(tmp_path, lines("time,a kwh", ["1", "2"]), stamps="end").readings[0]
    assert reading.start_utc == BEGIN - 900


# Faults ---------------------------------------------------------------------------------------------------------------
def problem(folder: Path, text: str) -> str:
    file = read(folder, text)
    assert len(file.problems) == 1
    return str(file.problems[0]).removeprefix(f"{folder}/")


@pytest.mark.parametrize(
    ("header", "cells", "said"),
    [
        ("time,a kwh", ["1", "-0.5", "1"], "m.csv: line 3: a import at 2026-01-01T00:15Z = -0.5: must not be negative"),
        (
            "time,a counter kwh",
            ["5", "6", "5.5"],
            "m.csv: line 4: a import at 2026-01-01T00:30Z = 5.5: must not be less than the reading before it (6): it "
            "runs backwards",
        ),
        (
            "time,a kwh",
            ["1", "99999999999999999"],
            "m.csv: line 3: a import at 2026-01-01T00:15Z = 99999999999999999: makes more than 100000000000000000 Wh "
            "in all",
        ),
        (
            "time,a kwh",
            ["1", "1e11"],
            "m.csv: line 3: a import = 100000000000000 Wh: must be at most 10000000000000 Wh",
        ),
        ("time,a kwh", ["1", "x", "1"], "m.csv: line 3: a import = x: must be a number"),
        (
            "time,a kwh,quality",
            ["1,ok", "2,perhaps"],
            "m.csv: line 3: a import: quality = perhaps: must be measured, estimated or missing",
        ),
        (
            "time,a kwh,a import kwh",
            ["1,1"] * 2,
            "m.csv: line 1: column = a import kwh: is read as a import, as a kwh is: there may be one of it",
        ),
        (
            "time,meter,import_kwh,consumption_kwh",
            ["a,1,1"] * 2,
            "m.csv: line 1: column = consumption_kwh: is read as import, as import_kwh is: there may be one of it",
        ),
        (
            "time,meter,register,value kwh,other kwh",
            ["a,import,1,1"] * 2,
            "m.csv: line 1: column = other kwh: is read as the row's register, as value kwh is: there may be one of it",
        ),
        ("time,meter,kwh", ["a,1", ",1", "a,1"], "m.csv: line 3: meter = '': must be named in every row"),
        (
            "time,meter,register,kwh",
            ["a,import,1", "a,import,2", "a,sideways,1"],
            "m.csv: line 4: register = sideways: must be import, export, production or load, or such an OBIS code",
        ),
    ],
)
def test_a_series_that_cannot_be_read_is_named(tmp_path: Path, header: str, cells: list[str], said: str) -> None:
    assert problem(tmp_path, lines(header, cells)) == said


def test_intervals_that_overlap(tmp_path: Path) -> None:
    text = lines("time,a kwh", ["1"] * 4)
    twice = text + text.splitlines()[-1] + "\n"
    assert problem(tmp_path, twice) == (
        "m.csv: line 6: a import: time = 2026-01-01T00:45Z: is given twice, first at line 5"
    )
    again = text + "".join(text.splitlines(keepends=True)[2:])
    assert problem(tmp_path, again) == (
        "m.csv: line 6: a import: time = 2026-01-01T00:15Z: is given twice, first at line 3"
    )
    header, *rows = lines("time,meter,kwh", ["b,1"] * 4).splitlines()
    apart = [row.replace(",b,", ",a,") for row in rows]
    mixed = [row for both in zip(rows, apart, strict=True) for row in both]
    assert problem(tmp_path, "\n".join([header, *mixed, apart[1]])) == (
        "m.csv: line 10: a import: time = 2026-01-01T00:15Z: is given twice, first at line 5"
    )
    between = text.replace("00:45Z", "00:37Z")
    assert "line 5: a import: time = 2026-01-01T00:37Z: comes 7 minutes after the row before" in problem(
        tmp_path, between
    )
    back = text.replace("00:45Z", "00:05Z")
    assert "must come after 2026-01-01T00:30Z" in problem(tmp_path, back)


def test_one_bad_series_does_not_hide_the_others(tmp_path: Path) -> None:
    file = read(tmp_path, lines("time,a kwh,b kwh,c kwh", ["1,-1,1", "1,1,1"]))
    assert [reading.meter for reading in file.readings] == ["a", "c"]
    assert len(file.problems) == 1


def test_decimal_commas_in_a_file_separated_by_commas(tmp_path: Path) -> None:
    def said(header: str, row: str) -> str:
        with pytest.raises(BadInput) as caught:
            read(tmp_path, lines(header, [row] * 2))
        return str(caught.value).partition("has ")[2]

    write = "as a decimal comma parts a number such as"
    assert said("time,a kwh", "0,4") == f"3, {write} 0,4: write 0.4, or separate columns by semicolons"
    assert said("time,a kwh,b kwh", "1,0,25") == f"4, {write} 1,0: write 1.0, or separate columns by semicolons"
    assert said("time,a kwh,b kwh", "-1,5,12,25").startswith(f"5, {write} 12,25: write 12.25")
    assert said("time,a kwh,b kwh", "1") == "2"
    assert said("time,a kwh", "1,x") == "3"
    # In quotes it is a number.
    assert found(read(tmp_path, lines("time,a kwh", ['"0,4"'] * 2))) == {("a", "import"): [400, 400]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,anna\n2026-01-01 00:00,1\n2026-01-01 00:15,1\n", "must name a column of values with its unit"),
        ("a kwh,b kwh\n1,2\n3,4\n", "no column among a kwh, b kwh holds times"),
        ("time,a kwh\n2026-01-01 00:00,1\n", "m.csv: rows = 1: must be at least 2, below a header"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(tmp_path, text)
    assert said in str(caught.value)
    with pytest.raises(BadInput, match="must be an IANA time zone"):
        read(tmp_path, "time,a kwh\n2026-01-01 00:00,1\n2026-01-01 00:15,1\n", timezone="Europe/Bern")


@pytest.mark.parametrize(
    ("header", "cells", "unknown"),
    [
        ("time,meter,exprt_kwh", "a,1", "exprt_kwh"),
        ("time,meter,import_kwh,delivered_kwh", "a,1,2", "delivered_kwh"),
        ("time,import_kwh,exprt_kwh", "1,2", "exprt_kwh"),
        ("time,anna import kWh,anna exprt kWh,ben kWh", "1,2,3", "anna exprt kWh, ben kWh"),
    ],
)
def test_a_word_that_is_no_register_is_refused(tmp_path: Path, header: str, cells: str, unknown: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(tmp_path, lines(header, [cells] * 2))
    assert str(caught.value).startswith(
        f"{tmp_path}/m.csv: line 1: column = {unknown}: must say which register, by one of the known words (import: "
        "import, imported, "
    )
    assert str(caught.value).endswith("or be plain value or energy")


@pytest.mark.parametrize(
    ("header", "unitless"),
    [
        ("time,import_kwh,export", "export"),
        ("time,anna import kWh,ben,anna feed in", "anna feed in"),
        ("time,meter,import_kwh,energy", "energy"),
    ],
)
def test_a_column_of_energy_names_its_unit(tmp_path: Path, header: str, unitless: str) -> None:
    cells = ",".join("a" * (header.count(",")))
    with pytest.raises(BadInput) as caught:
        read(tmp_path, lines(header, [cells] * 2))
    said = f"line 1: column = {unitless}: must name its unit, Wh, kWh or MWh: such as export_kwh"
    assert str(caught.value) == f"{tmp_path}/m.csv: {said}"
    file = read(tmp_path, lines("time,import_kwh,load_kw,export price", ["1,2,3"] * 2))
    assert file.notes[1:] == (
        "ignored, as they name no unit: export price",
        "ignored, as energy stands beside them: load_kw",
    )


@pytest.mark.parametrize(
    ("header", "registers"),
    [
        ("time,import_kwh,returned_kwh", {("m", "import"), ("m", "export")}),
        ("time,energy_kwh,feed_in_kwh", {("m", "import"), ("m", "export")}),
        ("time,anna kWh,anna solar kWh", {("anna", "import"), ("anna", "production")}),
        ("time,anna kWh,ben kWh", {("anna", "import"), ("ben", "import")}),
    ],
)
def test_words_that_are_known(tmp_path: Path, header: str, registers: set[tuple[str, str]]) -> None:
    assert set(found(read(tmp_path, lines(header, ["1,2"] * 2)))) == registers


@pytest.mark.parametrize(("most", "kind"), [("32", np.int16), ("33", np.int32), ("2147484", np.int64)])
def test_readings_are_whole_and_held_in_few_bits(tmp_path: Path, most: str, kind: type) -> None:
    reading: Reading = read(tmp_path, lines("time,a kwh", ["1", most])).readings[0]
    assert reading.energy_wh.dtype == kind
    assert reading.energy_wh.tolist() == [1000, int(most) * 1000]
    assert list(reading.line) == [2, 3]


# Power ----------------------------------------------------------------------------------------------------------------
def test_mean_power_of_an_interval_is_its_energy(tmp_path: Path) -> None:
    file = read(tmp_path, lines("time,anna import kW,anna export power W,ben Bezug Leistung [MW]", ["1,6,0.0001"] * 4))
    assert found(file) == {
        ("anna", "import"): [250] * 4, ("anna", "export"): [1, 2, 1, 2], ("ben", "import"): [25] * 4,
    }  # fmt: skip
    # 1 W over a quarter of an hour is a quarter of a Wh: parts are carried on.
    file = read(tmp_path, lines("time,a W", ["1", "1", "1", "1", "7.5", "0.5"]))
    assert found(file) == {("a", "import"): [0, 0, 0, 1, 1, 1]}
    assert file.notes[0] == "wide, mean power of each interval, W"
    hours = read(tmp_path, lines("time,a kW", ["0.4", "0.0006", "0.0005"], minutes=60))
    assert found(hours) == {("a", "import"): [400, 0, 1]}


def test_power_by_the_unit_of_the_rows(tmp_path: Path) -> None:
    text = lines("time,meter,value,unit", ["a,2,kW", "a,4,kW"]) + lines("", ["b,2,kWh", "b,4,kWh"])[1:]
    file = read(tmp_path, text)
    assert found(file) == {("a", "import"): [500, 1000], ("b", "import"): [2000, 4000]}
    assert file.notes[0] == "long, energy per interval and mean power of each interval, kWh and kW"


def test_a_counter_is_not_one_of_power(tmp_path: Path) -> None:
    said = "m.csv: line 1: column = a counter kW: is a counter of a, and must be in Wh, kWh or MWh, not in kW"
    assert problem(tmp_path, lines("time,a counter kW", ["1", "2"])) == said


@given(st.lists(st.decimals(0, 50, allow_nan=False, places=5), min_size=2, max_size=20), st.sampled_from([5, 15, 60]))
def test_no_part_of_power_is_lost(tmp_path_factory: pytest.TempPathFactory, values: list[object], minutes: int) -> None:
    text = lines("time,a kw", [f"{value:f}" for value in values], minutes)
    energy_wh = found(read(tmp_path_factory.mktemp("m"), text))["a", "import"]
    total = Fraction(0)
    for value, wh in zip(values, energy_wh, strict=True):
        before, total = total, total + Fraction(str(value)) * 1000 * minutes / 60
        assert wh == total.__floor__() - before.__floor__()
