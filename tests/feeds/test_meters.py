"""Meters keep every watt-hour, whatever unit and decimals their file has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import floor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.feeds import SHARED_DATA, needs_shared_data
from voltadesk.errors import BadInput
from voltadesk.feeds.meters import Kind, Unit, read_meter

UNITS: dict[Unit, Fraction] = {
    "kWh": Fraction(1000),
    "Wh": Fraction(1),
    "kW": Fraction(250),  # for a quarter-hour
    "W": Fraction(1, 4),
}


def written(folder: Path, values: Sequence[str], header: str = "time,load", minutes: int = 15) -> Path:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    rows = [f"{(start + timedelta(minutes=minutes * i)).isoformat()},{value}" for i, value in enumerate(values)]
    path = folder / "meter.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_three_decimals_of_a_kwh_are_exact(tmp_path: Path) -> None:
    meter = read_meter(
        written(tmp_path, ["0.123,0", "1,0.5", "0.000,2.25"], "time,load,solar"),
        load_column="load",
        solar_column="solar",
    )
    assert meter.load_wh.tolist() == [123, 1000, 0]
    assert meter.solar_wh.tolist() == [0, 500, 2250]
    assert (meter.start_utc, meter.step_s, meter.notes) == (1_735_689_600, 900, ())
    assert meter.load_wh.dtype == meter.solar_wh.dtype == np.int64
    assert meter.end_utc == meter.start_utc + 2700


def test_no_solar_column_means_no_solar(tmp_path: Path) -> None:
    meter = read_meter(written(tmp_path, ["1", "2"]), load_column="load")
    assert meter.solar_wh.tolist() == [0, 0]


def test_parts_of_a_watt_hour_are_carried(tmp_path: Path) -> None:
    meter = read_meter(written(tmp_path, ["0.0004"] * 5), load_column="load")
    assert meter.load_wh.tolist() == [0, 0, 1, 0, 1]
    assert meter.notes == ("load: parts of a watt-hour are carried to the next interval",)
    assert read_meter(written(tmp_path, ["1", "1", "1", "1"]), load_column="load", unit="W").load_wh.tolist() == [
        0,
        0,
        0,
        1,
    ]
    hourly = read_meter(written(tmp_path, ["546", "7"], minutes=60), load_column="load", unit="W")
    assert hourly.load_wh.tolist() == [546, 7]


@given(
    st.sampled_from(sorted(UNITS)),
    st.lists(st.decimals(0, 10_000, allow_nan=False, places=17), min_size=2, max_size=30),
)
def test_running_total_is_floored_and_nothing_lost(
    tmp_path_factory: pytest.TempPathFactory, unit: Unit, numbers: list[object]
) -> None:
    cells = [f"{number:f}" for number in numbers]
    meter = read_meter(written(tmp_path_factory.mktemp("m"), cells), load_column="load", unit=unit)
    total = Fraction(0)
    for cell, so_far in zip(cells, np.cumsum(meter.load_wh).tolist(), strict=True):
        total += Fraction(cell) * UNITS[unit]
        assert so_far == floor(total)
    assert meter.load_wh.min() >= 0


@given(st.lists(st.integers(0, 10**9), min_size=2, max_size=30), st.integers(0, 10**12))
def test_cumulative_is_the_difference_of_readings(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], first: int
) -> None:
    readings = np.cumsum([first, *steps]).tolist()
    cells = [f"{reading // 10**6}.{reading % 10**6:06d}" for reading in readings]
    meter = read_meter(written(tmp_path_factory.mktemp("m"), cells), load_column="load", kind="cumulative")
    assert len(meter.load_wh) == len(steps)
    assert np.cumsum(meter.load_wh).tolist() == [(reading - first) // 1000 for reading in readings[1:]]


@pytest.mark.parametrize(
    ("values", "kind", "line", "limit"),
    [
        (["1", "-0.001", "1"], "interval", 3, "must not be negative"),
        (["1", "", "1"], "interval", 3, "is blank"),
        (["1", "nan", "1"], "interval", 3, "finite"),
        (["1", "2", "1.999"], "cumulative", 4, "must not be less than the reading before it (2)"),
        (["1", "2", "1e13"], "interval", 4, "in one interval"),
    ],
)
def test_refused_with_its_line(tmp_path: Path, values: list[str], kind: Kind, line: int, limit: str) -> None:
    path = written(tmp_path, values)
    with pytest.raises(BadInput) as caught:
        read_meter(path, load_column="load", kind=kind)
    assert (caught.value.field, caught.value.where) == ("load", f"{path}: line {line}")
    assert limit in str(caught.value)


def test_options_that_make_no_sense(tmp_path: Path) -> None:
    path = written(tmp_path, ["1", "2"])
    with pytest.raises(BadInput, match=r"unit = MWh: must be one of kWh, Wh, W, kW"):
        read_meter(path, load_column="load", unit="MWh")  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="must be kWh or Wh"):
        read_meter(path, load_column="load", unit="kW", kind="cumulative")
    with pytest.raises(BadInput, match="kind = daily"):
        read_meter(path, load_column="load", kind="daily")  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=r"not among the columns time, load"):
        read_meter(path, load_column="load", solar_column="solar")


# Real meters ----------------------------------------------------------------------------------------------------------
@needs_shared_data
def test_lemlab_home_in_watts() -> None:
    meter = read_meter(SHARED_DATA / "household_lemlab_hh_3216_0.csv", load_column="power", unit="W")
    assert (meter.start_utc, meter.step_s, len(meter.load_wh)) == (1_613_343_600, 900, 4316)
    assert meter.load_wh[:3].tolist() == [
        546 // 4,
        (546 + 528) // 4 - 546 // 4,
        (546 + 528 + 506) // 4 - (546 + 528) // 4,
    ]


@needs_shared_data
def test_ausgrid_home_with_noisy_decimals() -> None:
    path = SHARED_DATA / "household_ausgrid_customer12_2011_2012.csv"
    meter = read_meter(path, load_column="GC", solar_column="GG", unit="kW")
    rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
    assert int(meter.load_wh.sum()) == floor(sum(Fraction(row[1]) for row in rows) * 500)
    assert int(meter.solar_wh.sum()) == floor(sum(Fraction(row[2]) for row in rows) * 500)
    # Its wall clock was forced to 48 half-hours a day.
    with pytest.raises(BadInput, match=r"line 4470: time = 2011-10-02 02:00:00: does not exist"):
        read_meter(path, load_column="GC", unit="kW", timezone="Australia/Sydney")


@needs_shared_data
def test_opsd_counter(tmp_path: Path) -> None:
    path = SHARED_DATA / "household_opsd_60min.csv"
    column = "DE_KN_residential4_grid_import"
    with pytest.raises(BadInput, match=r"line 2: .*is blank"):
        read_meter(path, load_column=column, kind="cumulative")
    lines = path.read_text().splitlines()
    place = lines[0].split(",").index(column)
    whole = [line for line in lines[1:] if line.split(",")[place]]
    copy = tmp_path / "opsd.csv"
    copy.write_text("\n".join([lines[0], *whole]) + "\n")
    with pytest.raises(BadInput, match=r"line 625: .* 2015-11-06T18:00Z is missing"):
        read_meter(copy, load_column=column, kind="cumulative")
    whole = lines[4893:9202]  # the longest stretch without a gap
    copy.write_text("\n".join([lines[0], *whole]) + "\n")
    meter = read_meter(copy, load_column=column, kind="cumulative")
    first, last = (line.split(",")[place] for line in (whole[0], whole[-1]))
    assert int(meter.load_wh.sum()) == (Fraction(last) - Fraction(first)) * 1000
    assert (len(meter.load_wh), meter.step_s) == (len(whole) - 1, 3600)


def test_a_span_of_a_meter_needs_no_row_beyond_it_but_a_counter_one(tmp_path: Path) -> None:
    begin = 1_735_689_600 + 900
    path = written(tmp_path, ["1", "2", "4", "8", "bad"])
    assert read_meter(path, load_column="load", span=(begin, begin + 2700)).load_wh.tolist() == [2000, 4000, 8000]
    span = (begin, begin + 1800)
    counter = read_meter(path, load_column="load", kind="cumulative", span=span)
    assert (counter.start_utc, counter.load_wh.tolist()) == (begin, [2000, 4000])
    path = written(tmp_path, ["1", "2", "4"])
    with pytest.raises(BadInput, match="2025-01-01T00:00Z to 2025-01-01T00:30Z: must cover"):
        read_meter(path, load_column="load", kind="cumulative", span=span)
