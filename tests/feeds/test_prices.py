"""Prices as they come: gaps, local clocks, ends of intervals, rows of other regions; and what was published ahead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltadesk.clock import utc_text
from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.errors import BadInput
from voltadesk.feeds.prices.layout import Layout
from voltadesk.feeds.prices.published import read_published
from voltadesk.feeds.prices.series import read_prices

BERLIN = ZoneInfo("Europe/Berlin")


def written(folder: Path, *lines: str, name: str = "prices.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def refusal(path: Path, layout: Layout = Layout(), published: bool = False) -> BadInput:  # noqa: B008
    with pytest.raises(BadInput) as caught:
        (read_published if published else read_prices)(path, layout)
    return caught.value


HOURS = ("time,price", "2025-01-01T00:00Z,1.5", "2025-01-01T01:00Z,-2", "2025-01-01T02:00Z,3")


# Prices ---------------------------------------------------------------------------------------------------------------
def test_plain_file(tmp_path: Path) -> None:
    file = read_prices(written(tmp_path, *HOURS))
    assert (file.grid.start_utc, file.grid.step_s, file.grid.count) == (1_735_689_600, 3600, 3)
    assert file.price_tick.tolist() == [150, -200, 300]
    assert (file.column, file.notes, file.grid.zone.key) == ("price", (), "UTC")


def test_a_name_is_no_pattern_of_names(tmp_path: Path) -> None:
    for price, name in ((1, "b*[1].parquet"), (2, "bats1.parquet")):
        rows = f"SELECT 1735689600 + 3600 * n AS time, {price} AS price FROM range(3) t(n)"  # noqa: S608
        duckdb.execute(f"COPY ({rows}) TO '{tmp_path / name}' (FORMAT parquet)")
    assert read_prices(tmp_path / "b*[1].parquet").price_tick.tolist() == [100] * 3


def test_stamps_at_the_end(tmp_path: Path) -> None:
    file = read_prices(written(tmp_path, *HOURS), Layout(stamps="end"))
    assert utc_text(file.grid.start_utc) == "2024-12-31T23:00Z"
    assert file.price_tick.tolist() == [150, -200, 300]


def test_the_zone_tells_days_also_of_times_in_utc(tmp_path: Path) -> None:
    file = read_prices(written(tmp_path, *HOURS), Layout(timezone="America/Chicago"))
    assert (file.grid.zone.key, file.grid.start_utc) == ("America/Chicago", 1_735_689_600)


def test_gaps_are_refused_or_counted(tmp_path: Path) -> None:
    path = written(tmp_path, *HOURS[:3], "2025-01-01T04:00Z,", "2025-01-01T05:00Z,7")
    assert refusal(path).where == f"{path}: line 4"
    file = read_prices(path, Layout(gaps="skip"))
    assert file.price_tick.tolist() == [150, -200, NO_PRICE_TICK, NO_PRICE_TICK, NO_PRICE_TICK, 700]
    told = ("2 intervals without a row", "1 rows without a price", "3 of 6 intervals have no price")
    assert file.notes == told


def test_a_blank_cell_names_its_line(tmp_path: Path) -> None:
    error = refusal(path := written(tmp_path, *HOURS[:2], "2025-01-01T01:00Z,", HOURS[3]))
    assert (error.field, error.where) == ("prices", f"{path}: line 3")
    assert "is blank" in str(error)


def test_a_missing_row_names_its_time_and_line(tmp_path: Path) -> None:
    path = written(tmp_path, *HOURS[:3], "2025-01-01T03:00Z,3")
    error = refusal(path)
    assert (error.field, error.value, error.where) == ("time", "2025-01-01T03:00Z", f"{path}: line 4")
    assert "2025-01-01T02:00Z is missing before it" in str(error)


@pytest.mark.parametrize("gaps", ["refuse", "skip"])
@pytest.mark.parametrize(
    ("row", "limit"),
    [
        ("2025-01-01T02:00Z,9", "is given twice: 3.00 in prices.csv: line 4, 9.00 here"),
        ("2025-01-01T01:00Z,9", "is given twice: -2.00 in prices.csv: line 3, 9.00 here"),
        ("2025-01-01T02:20Z,9", "must lie on the UTC grid of 60 minutes"),
        ("yesterday,9", "must be a date and time"),
        ("2025-01-01T03:00Z,x", "must be a number"),
        ("2025-01-01T03:00Z,30000.01", "must lie between -30000 and 30000"),
    ],
)
def test_rows_that_are_wrong_whatever_gaps_are(tmp_path: Path, gaps: str, row: str, limit: str) -> None:
    path = written(tmp_path, *HOURS, row)
    error = refusal(path, Layout(gaps=gaps))  # type: ignore[arg-type]
    assert error.where == f"{path}: line 5"
    assert limit in str(error)


def test_local_days_of_23_and_25_hours(tmp_path: Path) -> None:
    for day, hours in ((datetime(2025, 3, 30, tzinfo=BERLIN), 23), (datetime(2025, 10, 26, tzinfo=BERLIN), 25)):
        instants = [day.astimezone(UTC) + timedelta(hours=hour) for hour in range(hours)]
        rows = [f"{instant.astimezone(BERLIN):%Y-%m-%d %H:%M},{hour}" for hour, instant in enumerate(instants)]
        file = read_prices(written(tmp_path, "time,price", *rows), Layout(timezone="Europe/Berlin"))
        assert file.price_tick.tolist() == [100 * hour for hour in range(hours)]
        assert file.grid.start_utc == instants[0].timestamp()


def test_days_forced_to_24_hours(tmp_path: Path) -> None:
    spring = [f"2025-03-30 {hour:02d}:00,{hour}" for hour in range(24)]
    path = written(tmp_path, "time,price", *spring)
    assert "does not exist on the clock of Europe/Berlin" in str(refusal(path, Layout(timezone="Europe/Berlin")))
    file = read_prices(path, Layout(timezone="Europe/Berlin", gaps="skip"))
    assert file.price_tick.tolist() == [100 * hour for hour in range(24) if hour != 2]  # 02:00 was skipped
    autumn = [f"2025-10-26 {hour:02d}:00,{hour}" for hour in range(24)]
    path = written(tmp_path, "time,price", *autumn)
    assert "is ambiguous" in str(refusal(path, Layout(timezone="Europe/Berlin")))
    file = read_prices(path, Layout(timezone="Europe/Berlin", gaps="skip"))
    hours = [0, 100, NO_PRICE_TICK, NO_PRICE_TICK, *range(300, 2400, 100)]  # which of the two 02:00 it was, who knows
    assert file.price_tick.tolist() == hours
    assert any("1 rows left out" in note for note in file.notes)


@pytest.mark.parametrize(
    "stamp", ["{:%Y/%m/%d %H:%M:%S}", "{0:%Y}/{0.month}/{0.day} {0.hour}:{0:%M}", "{:%Y-%m-%d %H:%M}"]
)
def test_dates_with_slashes(tmp_path: Path, stamp: str) -> None:
    times = [datetime(2012, 1, 31, 8, tzinfo=UTC) + timedelta(hours=hour) for hour in range(30)]
    rows = [f"{stamp.format(time)},{hour}" for hour, time in enumerate(times)]
    file = read_prices(written(tmp_path, "date, OT", *rows), Layout(column="OT"))
    assert (file.grid.start_utc, file.grid.count) == (times[0].timestamp(), 30)


def test_rows_of_one_region(tmp_path: Path) -> None:
    path = written(tmp_path, "time,region,price", *(f"{row.split(',')[0]},{r},{n}" for n, row in enumerate(HOURS[1:])
                                                    for r in "AB"))  # fmt: skip
    assert "region: must be chosen by --where region=TEXT: the file has A, B" in str(
        refusal(path, Layout(column="price"))
    )
    file = read_prices(path, Layout(column="price", where=(("region", "B"), ("not a column", "x"))))
    assert file.price_tick.tolist() == [0, 100, 200]
    assert file.notes == ("rows with region=B: 3 of 6",)
    error = refusal(path, Layout(column="price", where=(("region", "C"),)))
    assert "must leave at least 2 rows, leaves 0" in str(error)


@given(st.lists(st.one_of(st.none(), st.integers(-3_000_000, 3_000_000)), min_size=2, max_size=40))
def test_any_series_with_holes_comes_back(tmp_path_factory: pytest.TempPathFactory, ticks: list[int | None]) -> None:
    ticks = [*range(50), *ticks, 5]  # a step can be told from the many
    rows = [
        f"{1_735_689_600 + 900 * n},{'' if tick is None else f'{tick}e-2'}"
        for n, tick in enumerate(ticks)
        if tick is not None or n % 3
    ]
    file = read_prices(written(tmp_path_factory.mktemp("p"), "time,price", *rows), Layout(gaps="skip"))
    assert file.price_tick.tolist() == [NO_PRICE_TICK if tick is None else tick for tick in ticks]


# Published ahead ------------------------------------------------------------------------------------------------------
def test_day_ahead_prices_are_known_at_noon_of_the_day_before(tmp_path: Path) -> None:
    start = datetime(2025, 3, 29, tzinfo=BERLIN).astimezone(UTC)
    rows = [f"{start + timedelta(hours=hour):%Y-%m-%dT%H:%MZ},{hour}" for hour in range(60)]
    file = read_published(written(tmp_path, "time,price", *rows), Layout(timezone="Europe/Berlin"))
    assert file.step_s == 3600
    for known, target in zip(file.known_utc.tolist(), file.target_utc.tolist(), strict=True):
        day = datetime.fromtimestamp(target, BERLIN)
        noon = datetime.fromtimestamp(known, BERLIN)
        assert (noon.hour, noon.minute, noon.second) == (12, 0, 0)
        assert noon.date() == (day - timedelta(days=1)).date()


def test_a_column_says_when_a_row_was_known(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "target,published_at,price",
        "2025-01-01T02:00Z,2024-12-31T23:30Z,",
        "2025-01-01T01:00Z,2025-01-01T00:30Z,2",
        "2025-01-01T02:00Z,2025-01-01T00:30Z,3",
        "2025-01-01T00:00Z,2024-12-31T23:30Z,0",
        "2025-01-01T01:00Z,2024-12-31T23:30Z,1",
    )
    assert "is blank" in str(refusal(path, published=True))
    file = read_published(path, Layout(gaps="skip"))
    assert file.value_tick.tolist() == [0, 100, 200, 300]
    assert np.all(np.diff(file.known_utc) >= 0)
    assert [utc_text(second) for second in file.target_utc[:2].tolist()] == ["2025-01-01T00:00Z", "2025-01-01T01:00Z"]


def test_a_value_published_twice_at_one_time_is_refused(tmp_path: Path) -> None:
    rows = ["2025-01-01T01:00Z,2025-01-01T00:30Z,2", "2025-01-01T02:00Z,2025-01-01T00:30Z,2"]
    error = refusal(written(tmp_path, "time,known,price", *rows, rows[0]), published=True)
    assert "stands twice for one time of publication" in str(error)
    assert error.where.endswith("line 4")


def test_runs_of_a_predispatch(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "PREDISPATCHSEQNO,REGIONID,DATETIME,RRP",
        "2021010101,NSW1,2021-01-01 04:30:00,31.89",
        "2021010101,NSW1,2021-01-01 05:00:00,31.9",
        "2021010148,NSW1,2021-01-02 04:00:00,32",
    )
    file = read_published(path, Layout("RRP", "Etc/GMT-10", "end"))
    market = ZoneInfo("Etc/GMT-10")
    known = [datetime.fromtimestamp(second, market).strftime("%d %H:%M") for second in file.known_utc.tolist()]
    target = [datetime.fromtimestamp(second, market).strftime("%d %H:%M") for second in file.target_utc.tolist()]
    assert known == ["01 04:00", "01 04:00", "02 03:30"]
    assert target == ["01 04:00", "01 04:30", "02 03:30"]
    path = written(tmp_path, "PREDISPATCHSEQNO,DATETIME,RRP", "x,2021-01-01 04:30:00,1", "x,2021-01-01 05:00:00,2")
    assert "must be a day and a run such as 2021010101" in str(refusal(path, Layout("RRP"), published=True))


def test_a_time_of_publication_that_repeats_is_the_later_one(tmp_path: Path) -> None:
    rows = [f"2025-10-26 02:30,2025-10-27 {hour:02d}:00,{hour}" for hour in range(3)]
    file = read_published(written(tmp_path, "known,time,price", *rows), Layout(timezone="Europe/Berlin"))
    assert {utc_text(second) for second in file.known_utc.tolist()} == {"2025-10-26T01:30Z"}
