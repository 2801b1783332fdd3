"""Series read exactly or refused with file and line; grids that share, repeat and sum without loss."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.feeds import SHARED_DATA, needs_shared_data
from voltadesk.clock import IntervalGrid, local_midnight_utc
from voltadesk.errors import BadInput
from voltadesk.feeds.prices.series import read_series
from voltadesk.feeds.series import Series, resample, split_energy_wh

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YEAR_2025 = 1_735_689_600


def written(folder: Path, *lines: str) -> Path:
    path = folder / "prices.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def refusal(path: Path, **options: object) -> BadInput:
    with pytest.raises(BadInput) as caught:
        read_series(path, **options)  # type: ignore[arg-type]
    return caught.value


def series_of(values: list[int], step_s: int = 3600, start_utc: int = NEW_YEAR_2025) -> Series:
    return Series(start_utc, step_s, np.array(values, np.int64), "price")


# Values ---------------------------------------------------------------------------------------------------------------
def test_plain_file(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "# made up",
        "time,price",
        "2025-01-01T00:00Z,1.5",
        "# half",
        "2025-01-01T01:00Z, -0.07",
        "",
        '"2025-01-01T02:00Z",1e1',
    )
    series = read_series(path)
    assert (series.start_utc, series.step_s, series.column, series.notes) == (NEW_YEAR_2025, 3600, "price", ())
    assert series.values.tolist() == [150, -7, 1000]
    assert series.values.dtype == np.int64
    assert series.end_utc == NEW_YEAR_2025 + 3 * 3600
    assert not series.values.flags.writeable


@given(st.lists(st.decimals(-29_999, 29_999, places=5), min_size=2, max_size=20))
def test_half_even_is_the_decimal_modules(tmp_path_factory: pytest.TempPathFactory, numbers: list[Decimal]) -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    rows = [f"{(start + timedelta(hours=i)).isoformat()},{number:f}" for i, number in enumerate(numbers)]
    series = read_series(written(tmp_path_factory.mktemp("s"), "time,price", *rows), rounding="half-even")
    rounded = [number.quantize(Decimal("0.01"), ROUND_HALF_EVEN) for number in numbers]
    assert series.values.tolist() == [int(number * 100) for number in rounded]
    changed = sum(number != whole for number, whole in zip(numbers, rounded, strict=True))
    told = f"{changed} values rounded to 0.01, halves to even"
    assert series.notes == ((told,) if changed else ())


def test_more_decimals_than_the_tick(tmp_path: Path) -> None:
    path = written(
        tmp_path, "time,price", "2025-01-01T00:00Z,1.10000", "2025-01-01T01:00Z,25.6175", "2025-01-01T02:00Z,-0.005"
    )
    error = refusal(path)
    assert (error.field, error.value, error.where) == ("prices", "25.6175", f"{path}: line 3")
    assert "at most 2 decimals" in str(error)
    assert read_series(path, rounding="half-even").values.tolist() == [110, 2562, 0]


@pytest.mark.parametrize(
    ("cell", "limit"),
    [
        ("", "is blank"),
        ("  ", "is blank"),
        ("abc", "must be a number"),
        ("NaN", "is blank"),
        ("-inf", "finite"),
        ("1_000", "must be a number"),
        ("١", "must be a number"),
        ("0x10", "must be a number"),
        ("30000.01", "must lie between -30000 and 30000"),
        ("-1e9", "must lie between"),
        ("1e99", "too large"),
        ("1e-99", "at most 30 decimals"),
        ("0.010000000000000000000000000000009", "at most 30 decimals"),
    ],
)
def test_bad_cells_name_their_line(tmp_path: Path, cell: str, limit: str) -> None:
    path = written(tmp_path, "time,price", "2025-01-01T00:00Z,1", f"2025-01-01T01:00Z,{cell}", "2025-01-01T02:00Z,1")
    error = refusal(path, field="upstream prices", rounding="half-even")
    assert error.where == f"{path}: line 3"
    assert error.field == "upstream prices"
    assert limit in str(error)


# Files and columns ----------------------------------------------------------------------------------------------------
def test_files_that_are_none(tmp_path: Path) -> None:
    assert "no such file" in str(refusal(tmp_path / "absent.csv"))
    assert "absent.csv" in str(refusal(tmp_path / "absent.csv"))
    assert "a directory" in str(refusal(tmp_path))
    empty = written(tmp_path, "")
    assert "an empty file" in str(refusal(empty))
    assert "rows = 0: must be at least 1" in str(refusal(written(tmp_path, "time,price")))
    alone = written(tmp_path, "time,price", "2025-01-01T00:00Z,1")
    assert "time = 2025-01-01T00:00Z: must be at least two different times" in str(refusal(alone))
    latin = tmp_path / "latin.csv"
    latin.write_bytes("time,price\n2025-01-01T00:00Z,1\n2025-01-01T01:00Z,5 €\n".encode("cp1252"))
    assert refusal(latin).where == f"{latin}: line 3"
    assert "UTF-8" in str(refusal(latin))
    assert "2 columns" in str(refusal(written(tmp_path, "time,price", "2025-01-01T00:00Z,1,2", "2025-01-01T01:00Z,1")))
    assert "CSV" in str(refusal(written(tmp_path, "time,price", '2025-01-01T00:00Z,"1', "2025-01-01T01:00Z,1")))


def test_byte_order_mark_and_windows_lines(tmp_path: Path) -> None:
    path = tmp_path / "bom.csv"
    path.write_bytes(b"\xef\xbb\xbftime,price\r\n2025-01-01T00:00Z,1\r\n2025-01-01T01:00Z,2\r\n")
    assert read_series(path).values.tolist() == [100, 200]


def test_choice_of_column(tmp_path: Path) -> None:
    rows = ("2025-01-01T00:00Z,2025-01-01 01:00,1,2,3", "2025-01-01T01:00Z,2025-01-01 02:00,1,2,3")
    path = written(tmp_path, "utc,local,load,Spot price,wind", *rows)
    assert read_series(path).column == "Spot price"
    assert read_series(path, column="wind").values.tolist() == [300, 300]
    error = refusal(path, column="gas")
    assert "utc, local, load, Spot price, wind" in str(error)
    path = written(tmp_path, "utc,local,load,a price,b price", *rows)
    assert "load, a price, b price" in str(refusal(path))
    path = written(tmp_path, "utc,local,load,x,x", *rows)
    assert "more than once" in str(refusal(path, column="x"))


# Times ----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2025-01-01T00:00Z", "2025-01-01T00:15Z"),
        ("2025-01-01T00:00:00+00:00", "2025-01-01T01:15:00+01:00"),
        ("2024-12-31T19:00:00.000-0500", "2024-12-31T19:15:00.000-0500"),
        ("2025-01-01 00:00", "2025-01-01 00:15"),
        ("2025-01-01 00:00:00", "2025-01-01 00:15:00"),
        ("1735689600", "1735690500"),
        ("1735689600.0", "1735690500.0"),
    ],
)
def test_ways_to_write_a_time(tmp_path: Path, first: str, second: str) -> None:
    series = read_series(written(tmp_path, "when,price", f"{first},1", f"{second},2"))
    assert (series.start_utc, series.step_s) == (NEW_YEAR_2025, 900)
    naive = first.startswith("2025-01-01 ")
    assert series.notes == (("times have no zone: read as UTC",) if naive else ())


@pytest.mark.parametrize(
    ("times", "line", "limit"),
    [
        (["2025-01-01T00:00Z", "2025-01-01T01:00Z", "2025-01-01T03:00Z"], 4, "2025-01-01T02:00Z is missing"),
        (["2025-01-01T00:00Z", "2025-01-01T00:20Z", "2025-01-01T00:40Z"], 3, "steps by 20"),
        (["2025-01-01T00:00Z", "2025-01-02T00:00Z", "2025-01-03T00:00Z"], 3, "steps by 1440"),
        (["2025-01-01T00:00:01Z", "2025-01-01T01:00:01Z", "2025-01-01T02:00:01Z"], 2, "UTC grid of 60 minutes"),
        (["2025-01-01T00:00Z", "2025-01-01T01:00Z", "2025-01-01T02:00Z", "2025-01-01T02:15Z"], 5, "UTC grid of 60"),
        (["2025-01-01T00:00Z", "2025-01-01 01:00", "2025-01-01T02:00Z"], 3, "all rows alike"),
        (["2025-01-01T00:00Z", "2025-02-30T01:00Z", "2025-01-01T02:00Z"], 3, "must be a date"),
        (["2025-01-01T00:00Z", "2025-01-01T24:00Z", "2025-01-01T02:00Z"], 3, "must be a date"),
        (["2025-01-01T00:00Z", "2025-01-01T01:00+25:00", "2025-01-01T02:00Z"], 3, "must be a date"),
        (["2025-01-01T00:00Z", "", "2025-01-01T02:00Z"], 3, "must be a date"),
        (["0001-01-01T00:00", "0001-01-01T01:00", "0001-01-01T02:00"], 2, "must be a date"),
        (["1 May", "2 May", "3 May"], 2, "no column among"),
    ],
)
def test_bad_times_name_their_line(tmp_path: Path, times: list[str], line: int, limit: str) -> None:
    path = written(tmp_path, "when,price", *(f"{time},1" for time in times))
    error = refusal(path)
    assert error.where == f"{path}: line {line}"
    assert limit in str(error)
    assert error.field == "time"


def local_rows(day: date, minutes: int) -> list[str]:
    """A whole local day of Berlin as a wall clock writes it."""
    begin, end = local_midnight_utc(day, BERLIN), local_midnight_utc(day + timedelta(days=1), BERLIN)
    instants = range(begin, end, minutes * 60)
    return [f"{datetime.fromtimestamp(second, BERLIN):%Y-%m-%d %H:%M},{i}" for i, second in enumerate(instants)]


@pytest.mark.parametrize("minutes", [5, 15, 60])
@pytest.mark.parametrize(("day", "hours"), [(date(2025, 3, 30), 23), (date(2025, 10, 26), 25), (date(2025, 6, 1), 24)])
def test_local_days_of_23_24_and_25_hours(tmp_path: Path, day: date, hours: int, minutes: int) -> None:
    path = written(tmp_path, "time,price", *local_rows(day, minutes))
    series = read_series(path, timezone="Europe/Berlin")
    assert series.start_utc == local_midnight_utc(day, BERLIN)
    assert len(series.values) == hours * 60 // minutes
    assert series.values.tolist() == [100 * i for i in range(len(series.values))]
    assert series.notes == ("times read on the clock of Europe/Berlin",)


def test_hour_that_the_clock_skips(tmp_path: Path) -> None:
    rows = [f"2025-03-30 {hour:02d}:00,1" for hour in range(24)]
    path = written(tmp_path, "time,price", *rows)
    error = refusal(path, timezone="Europe/Berlin")
    assert (error.value, error.where) == ("2025-03-30 02:00", f"{path}: line 4")
    assert "does not exist on the clock of Europe/Berlin" in str(error)


def test_hour_that_the_clock_repeats_but_the_file_does_not(tmp_path: Path) -> None:
    path = written(tmp_path, "time,price", *(f"2025-10-26 {hour:02d}:00,1" for hour in range(24)))
    error = refusal(path, timezone="Europe/Berlin")
    assert (error.value, error.where) == ("2025-10-26 02:00", f"{path}: line 4")
    assert "ambiguous" in str(error)


def test_repeated_hour_out_of_order(tmp_path: Path) -> None:
    times = ["01:30", "01:45", "02:00", "02:00", "02:15", "02:15"]
    path = written(tmp_path, "time,price", *(f"2025-10-26 {time},1" for time in times))
    assert refusal(path, timezone="Europe/Berlin").field == "time"


def test_clock_change_at_midnight(tmp_path: Path) -> None:
    # Beirut's clocks go from 24:00 back to 23:00, and forward at 00:00.
    rows = ["2025-10-25 22:00,1", "2025-10-25 23:00,2", "2025-10-25 23:00,3", "2025-10-26 00:00,4"]
    assert read_series(written(tmp_path, "time,price", *rows), timezone="Asia/Beirut").values.tolist() == [
        100,
        200,
        300,
        400,
    ]
    rows = ["2025-03-29 23:00,1", "2025-03-30 00:00,2", "2025-03-30 01:00,3"]
    assert "does not exist" in str(refusal(written(tmp_path, "time,price", *rows), timezone="Asia/Beirut"))


def test_gap_is_told_on_the_files_clock(tmp_path: Path) -> None:
    rows = ["2025-06-01 00:00,1", "2025-06-01 01:00,1", "2025-06-01 03:00,1"]
    assert "2025-06-01 02:00+0200 is missing" in str(
        refusal(written(tmp_path, "time,price", *rows), timezone="Europe/Berlin")
    )


def test_unknown_zone(tmp_path: Path) -> None:
    path = written(tmp_path, "time,price", "2025-01-01 00:00,1", "2025-01-01 01:00,1")
    assert "IANA" in str(refusal(path, timezone="Mars/Olympus"))


# Onto a grid ----------------------------------------------------------------------------------------------------------
def test_prices_repeat_on_a_finer_grid() -> None:
    series = series_of([100, -200, 300])
    grid = IntervalGrid(NEW_YEAR_2025 + 2700, 900, 6, BERLIN)
    assert resample(series, grid, "price").tolist() == [100, -200, -200, -200, -200, 300]


def test_prices_are_never_averaged() -> None:
    grid = IntervalGrid(NEW_YEAR_2025, 3600, 2, BERLIN)
    steady = series_of([5, 5, 5, 5, 7, 7, 7, 7], 900)
    assert resample(steady, grid, "price").tolist() == [5, 7]
    with pytest.raises(BadInput, match=r"change within 60 minutes of 2025-01-01T01:00Z"):
        resample(series_of([5, 5, 5, 5, 7, 8, 7, 7], 900), grid, "price")


@pytest.mark.parametrize("kind", ["price", "energy"])
@pytest.mark.parametrize(("shift", "count"), [(-1, 2), (0, 4), (3, 1)])
def test_series_that_does_not_cover_the_grid(kind: str, shift: int, count: int) -> None:
    grid = IntervalGrid(NEW_YEAR_2025 + 3600 * shift, 3600, count, BERLIN)
    with pytest.raises(BadInput, match=r"covers 2025-01-01T00:00Z to 2025-01-01T03:00Z, needs .* to ") as caught:
        resample(series_of([1, 1, 1]), grid, kind)  # type: ignore[arg-type]
    assert caught.value.field == "series"


@given(
    st.sampled_from([300, 600, 900, 1800, 3600]),
    st.sampled_from([300, 600, 900, 1800, 3600]),
    st.lists(st.integers(0, 10**13), min_size=12, max_size=12),
)
def test_energy_is_kept_on_every_grid(from_s: int, to_s: int, energies: list[int]) -> None:
    series = series_of([energies[i % 12] for i in range(4 * 3600 // from_s)], from_s)
    grid = IntervalGrid(NEW_YEAR_2025, to_s, 4 * 3600 // to_s, BERLIN)
    moved = resample(series, grid, "energy")
    assert len(moved) == grid.count
    assert int(moved.sum()) == int(series.values.sum())
    if to_s % from_s == 0:
        assert moved.tolist() == series.values.reshape(grid.count, -1).sum(axis=1).tolist()


@given(st.lists(st.integers(0, 10**18), min_size=1, max_size=5), st.sampled_from([1, 2, 3, 4, 6, 12]))
def test_split_energy_is_the_floor_of_the_running_total(energies: list[int], parts: int) -> None:
    split = split_energy_wh(np.array(energies, np.int64), parts).tolist()
    assert split == [e * (k + 1) // parts - e * k // parts for e in energies for k in range(parts)]


# Real files and speed -------------------------------------------------------------------------------------------------
def test_a_year_of_five_local_minutes_reads_whole(tmp_path: Path) -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    stamps = [(start + timedelta(minutes=5 * i)).astimezone(BERLIN) for i in range(105_120)]
    path = written(tmp_path, "time,price", *(f"{at:%Y-%m-%d %H:%M},{i % 997 / 100}" for i, at in enumerate(stamps)))
    series = read_series(path, timezone="Europe/Berlin")
    assert series.values.tolist() == [i % 997 for i in range(105_120)]


@needs_shared_data
def test_ercot_real_time() -> None:
    series = read_series(SHARED_DATA / "ercot_rt15_hubavg_2024.csv")
    assert (series.start_utc, series.step_s, len(series.values)) == (1_704_067_200, 900, 35_136)
    assert series.values[:3].tolist() == [2855, 2349, 1848]
    assert series.values[-1] == 6209
    negative = float((series.values < 0).mean())
    assert 0.02 < negative < 0.03
    grid = IntervalGrid(series.start_utc, 300, 3 * 35_136, ZoneInfo("UTC"))
    assert resample(series, grid, "price")[::3].tolist() == series.values.tolist()
    assert read_series(SHARED_DATA / "ercot_da_hubavg_2024.csv").column == "price_usd_per_mwh"


@needs_shared_data
def test_days_forced_to_24_hours_are_refused() -> None:
    path = SHARED_DATA / "hourly_DE-LU_2022_2023.csv"
    error = refusal(path, timezone="Europe/Berlin")
    assert (error.value, error.where) == ("2022-03-27 02:00:00", f"{path}: line 2044")
    # Taken for UTC it gets as far as the first missing day.
    error = refusal(path, rounding="half-even")
    assert error.where == f"{path}: line 5882"
    assert "2022-09-03T00:00Z is missing" in str(error)


@needs_shared_data
def test_fixed_offset_zone_and_blank_cells() -> None:
    series = read_series(SHARED_DATA / "nem30_sa_2018_2019.csv", timezone="Etc/GMT-10")
    assert (series.step_s, len(series.values), series.column) == (1800, 35_040, "spot_price")
    path = SHARED_DATA / "nyiso_rt5_nyc_north_2017_2018.csv"
    assert "is blank" in str(refusal(path, column="NORTH"))


# A part of a file -----------------------------------------------------------------------------------------------------
@given(st.sampled_from([15, 30, 60]), st.integers(0, 72 * 4 - 4), st.integers(1, 60))
def test_a_span_of_a_file_is_that_part_of_it(
    tmp_path_factory: pytest.TempPathFactory, minutes: int, begin: int, count: int
) -> None:
    """Wherever it begins and ends, also on the day on which the clock falls back."""
    start = local_midnight_utc(date(2025, 10, 25), BERLIN)
    stamps = [datetime.fromtimestamp(start + second, BERLIN) for second in range(0, 73 * 3600, minutes * 60)]
    rows = [f"{stamp:%Y-%m-%d %H:%M},{i}" for i, stamp in enumerate(stamps)]
    path = written(tmp_path_factory.mktemp("s"), "time,price", *rows)
    grid = IntervalGrid(start + begin * 900, 900, min(count, 73 * 4 - begin), BERLIN)
    whole = read_series(path, timezone="Europe/Berlin")
    part = read_series(path, timezone="Europe/Berlin", span=(grid.start_utc, grid.end_utc))
    assert part.start_utc <= grid.start_utc < grid.end_utc <= part.end_utc
    assert len(part.values) <= max(grid.count * 15 // minutes + 2, 2)
    assert resample(part, grid, "price").tolist() == resample(whole, grid, "price").tolist()


def test_a_span_that_a_file_does_not_cover(tmp_path: Path) -> None:
    path = written(tmp_path, "time,price", *(f"2025-01-01T{hour:02d}:00Z,1" for hour in range(6, 12)))
    hour = NEW_YEAR_2025 + 6 * 3600
    for begin, end in (
        (hour - 900, hour + 3600),
        (hour, hour + 6 * 3600 + 1),
        (0, 900),
        (hour + 86_400, hour + 90_000),
    ):
        error = refusal(path, span=(begin, end))
        assert (error.field, error.value) == ("time", "2025-01-01T06:00Z to 2025-01-01T12:00Z")
        assert error.limit.startswith("must cover ")
    assert len(read_series(path, span=(hour, hour + 6 * 3600)).values) == 6
