"""The grid of intervals and local clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from voltadesk.clock import IntervalGrid, local_midnight_utc, local_text, time_zone, utc_text
from voltadesk.errors import BadInput

BERLIN = ZoneInfo("Europe/Berlin")
HOUR_S = 3600


def day_grid(day: date, zone: ZoneInfo, step_minutes: int = 15) -> IntervalGrid:
    """The intervals of one local day."""
    begin, end = local_midnight_utc(day, zone), local_midnight_utc(date.fromordinal(day.toordinal() + 1), zone)
    return IntervalGrid(begin, step_minutes * 60, (end - begin) // (step_minutes * 60), zone)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 28), 24),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),  # midnight itself is skipped
        ("America/Havana", date(2026, 11, 1), 25),  # midnight comes twice
        ("Asia/Kolkata", date(2026, 6, 1), 24),
        ("UTC", date(2026, 3, 29), 24),
    ],
)
def test_days_are_as_long_as_they_are(zone: str, day: date, hours: float) -> None:
    assert day_grid(day, ZoneInfo(zone)).count == hours * 4


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25), date(2026, 7, 1)], ids=str)
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/New_York"])
def test_local_fields_are_those_of_the_calendar(zone: str, day: date) -> None:
    grid = day_grid(day, ZoneInfo(zone))
    month, weekday, second = grid.local_fields()
    local = [datetime.fromtimestamp(int(start), grid.zone) for start in grid.starts_utc]
    assert month.tolist() == [moment.month for moment in local]
    assert weekday.tolist() == [moment.weekday() for moment in local]
    assert second.tolist() == [moment.hour * 3600 + moment.minute * 60 for moment in local]
    assert grid.offsets_s.tolist() == [moment.utcoffset().total_seconds() for moment in local]


def test_hours_are_skipped_and_repeated() -> None:
    spring, autumn = day_grid(date(2026, 3, 29), BERLIN, 60), day_grid(date(2026, 10, 25), BERLIN, 60)
    assert (spring.local_fields()[2] // HOUR_S).tolist() == [0, 1, *range(3, 24)]
    assert (autumn.local_fields()[2] // HOUR_S).tolist() == [0, 1, 2, 2, *range(3, 24)]


def test_a_grid_is_even_in_utc() -> None:
    grid = day_grid(date(2026, 3, 29), BERLIN, 30)
    assert set(np.diff(grid.starts_utc).tolist()) == {1800}
    assert grid.end_utc == grid.start_utc + 23 * HOUR_S == int(grid.starts_utc[-1]) + 1800


def test_times_are_named_by_their_clock() -> None:
    noon = int(datetime(2026, 7, 1, 12, tzinfo=UTC).timestamp())
    assert utc_text(noon) == "2026-07-01T12:00Z"
    assert local_text(noon, BERLIN) == "2026-07-01 14:00+0200"
    assert local_text(noon, ZoneInfo("Asia/Kolkata")) == "2026-07-01 17:30+0530"


@pytest.mark.parametrize("minutes", [5, 10, 15, 30, 60])
def test_intervals_that_divide_the_hour(minutes: int) -> None:
    assert IntervalGrid(0, minutes * 60, 3, BERLIN).starts_utc.tolist() == [0, minutes * 60, minutes * 120]


@pytest.mark.parametrize(
    ("grid", "field"),
    [
        ((0, 7 * 60, 1), "interval_minutes"),
        ((0, 0, 1), "interval_minutes"),
        ((0, -900, 1), "interval_minutes"),
        ((0, 90 * 60, 1), "interval_minutes"),
        ((0, 901, 1), "interval_minutes"),
        ((0, 900, 0), "count"),
        ((0, 900, -1), "count"),
        ((60, 900, 1), "start"),
        ((1800, 3600, 1), "start"),
    ],
)
def test_a_grid_that_can_not_be_is_refused(grid: tuple[int, int, int], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        IntervalGrid(*grid, BERLIN)
    assert refused.value.field == field


def test_half_hour_zones_start_their_day_off_the_hour() -> None:
    kolkata = ZoneInfo("Asia/Kolkata")
    assert day_grid(date(2026, 1, 1), kolkata, 30).count == 48
    with pytest.raises(BadInput, match=r"start = 2025-12-31T18:30Z: must lie on the UTC grid of 60 minutes"):
        day_grid(date(2026, 1, 1), kolkata, 60)


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../etc/passwd", "/etc/passwd", "Europe", "\0", "Berlin\n", "x" * 999]
)
def test_unknown_zones_are_refused(name: str) -> None:
    with pytest.raises(BadInput, match="must be an IANA time zone") as refused:
        time_zone(name)
    assert refused.value.field == "timezone"
    assert "\n" not in str(refused.value)
