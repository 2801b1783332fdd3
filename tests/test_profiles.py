"""The shipped tables, and the series they make."""

from __future__ import annotations

import csv
import runpy
from datetime import UTC, date, datetime
from importlib.util import find_spec
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from voltadesk.clock import IntervalGrid, local_midnight_utc
from voltadesk.errors import BadInput
from voltadesk.feeds.prices.series import read_series
from voltadesk.scenario.profiles import (
    clear_sky,
    clear_sky_profile,
    data_folder,
    load_profile,
    standard_load,
    wind_ppm,
    wind_profile,
)

BERLIN = ZoneInfo("Europe/Berlin")
MONTH_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def year_grid(year: int, step_s: int) -> IntervalGrid:
    start, end = (local_midnight_utc(date(y, 1, 1), BERLIN) for y in (year, year + 1))
    return IntervalGrid(start, step_s, (end - start) // step_s, BERLIN)


# The tables -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["H25", "G25", "L25", "P25", "S25"])
def test_a_year_of_load_is_a_gigawatt_hour(name: str) -> None:
    table = standard_load()[name]
    assert table.shape == (12, 3, 96)
    assert table.dtype == np.int64
    assert table.min() > 0
    days_of_seven = MONTH_DAYS[:, None] * np.array([5, 1, 1])
    year_of_seven = int((table.sum(axis=2) * days_of_seven).sum())
    most = int(days_of_seven.sum()) * 96 // 2  # half a watt-hour in every cell
    assert abs(year_of_seven - 7 * 10**9) <= most
    assert abs(year_of_seven - 7 * 10**9) < 7 * 1000  # a millionth
    # Months and weekdays fall otherwise in a real year, by less than a percent.
    assert load_profile(name, year_grid(2025, 900)).sum() == pytest.approx(10**9, rel=0.005)


def test_households_use_most_on_winter_evenings() -> None:
    table = standard_load()["H25"]
    assert table[0, 0, 76] > 2 * table[0, 0, 12]  # 19:00 against 03:00
    assert table[0].sum() > table[6].sum()


def test_tables_cannot_be_changed() -> None:
    for table in (standard_load()["H25"], clear_sky()["south"], wind_ppm()):
        with pytest.raises(ValueError, match="read-only"):
            table[0] = 1


def test_sun_rises_and_sets() -> None:
    tables = clear_sky()
    assert list(tables) == ["south", "east", "west", "flat", "facade"]
    for table in tables.values():
        assert table.shape == (12, 96)
        assert table.min() == 0
        assert not table[:, :12].any()  # until 03:00 UTC
        assert not table[:, 84:].any()  # from 21:00 UTC
        assert table[:, 46].min() > 40  # around 11:30 UTC
        assert table.max() <= 250  # 1 kW for a quarter-hour
    assert tables["south"][5].sum() > 2 * tables["south"][11].sum()
    assert tables["facade"][5].sum() < tables["south"][5].sum()
    assert tables["facade"][11].sum() > tables["flat"][11].sum()
    assert np.argmax(tables["east"][5]) < np.argmax(tables["south"][5]) < np.argmax(tables["west"][5])


def test_wind() -> None:
    factors = wind_ppm()
    assert factors.shape == (365, 24)
    assert factors.min() >= 0
    assert factors.max() <= 1_000_000
    assert 260_000 < factors.mean() < 300_000
    winter = np.concatenate([factors[:90], factors[-60:]])
    assert winter.mean() > factors[120:270].mean()
    hours = factors.reshape(-1)
    assert np.corrcoef(hours[1:], hours[:-1])[0, 1] > 0.9


def test_sample_prices_look_like_a_market() -> None:
    path = data_folder() / "prices" / "upstream_sample.csv"
    assert "Synthetic" in path.read_text().splitlines()[0]
    series = read_series(path)
    assert (series.start_utc, series.step_s, len(series.values)) == (1_735_689_600, 3600, 8760)
    prices, hour = series.values, np.arange(8760) % 24
    assert 0.04 < (prices < 0).mean() < 0.06
    assert prices.max() > 30_000
    assert prices[hour == 18].mean() > prices[hour == 7].mean() > prices[hour == 12].mean()
    weekend = (np.arange(8760) // 24 + 2) % 7 >= 5  # 1 January 2025 was a Wednesday
    assert (prices[weekend] < 0).mean() > 2 * (prices[~weekend] < 0).mean()


def test_plant_catalogue() -> None:
    text = (data_folder() / "plants" / "catalogue.csv").read_text().splitlines()
    rows = list(csv.DictReader(line for line in text if not line.startswith("#")))
    assert len(rows) >= 12
    assert len({row["name"] for row in rows}) == len(rows)
    for row in rows:
        number = {name: int(value) for name, value in row.items() if name not in ("name", "fuel")}
        assert 0 <= number["minimum_percent"] <= 100
        assert 0 < number["ramp_up_percent_per_hour"] <= 100
        assert 0 < number["ramp_down_percent_per_hour"] <= 100
        assert min(number.values()) >= 0


# The script that makes them -------------------------------------------------------------------------------------------
def script() -> dict[str, Any]:
    path = data_folder() / "make_profiles.py"
    return runpy.run_path(str(path))


def test_seeded_files_are_made_again_byte_for_byte() -> None:
    made = script()
    factors = made["wind_factors_ppm"]()
    folder = data_folder()
    assert (folder / "profiles" / "wind.csv").read_bytes() == made["wind"](factors).encode()
    prices = made["upstream_sample"](made["upstream_prices_tick"](factors))
    assert (folder / "prices" / "upstream_sample.csv").read_bytes() == prices.encode()


@pytest.mark.skipif(not (find_spec("pvlib") and find_spec("demandlib")), reason="needs the extra 'scenarios'")
@pytest.mark.filterwarnings("default")
def test_all_files_are_made_again() -> None:
    assert script()["main"](["--check"]) == 0


# Series on a grid -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("day", [date(2025, 3, 30), date(2025, 10, 26), date(2025, 6, 14), date(2025, 6, 13)])
def test_load_follows_the_local_clock(day: date) -> None:
    start, end = (local_midnight_utc(date.fromordinal(day.toordinal() + i), BERLIN) for i in (0, 1))
    grid = IntervalGrid(start, 900, (end - start) // 900, BERLIN)
    values = load_profile("H25", grid)
    table = standard_load()["H25"][day.month - 1, max(day.weekday() - 4, 0)]
    for i, value in enumerate(values):
        local = datetime.fromtimestamp(start + 900 * i, BERLIN)
        assert value == table[local.hour * 4 + local.minute // 15]


@pytest.mark.parametrize("step_s", [300, 600, 900, 1800, 3600])
def test_every_step_has_the_same_energy(step_s: int) -> None:
    start = local_midnight_utc(date(2025, 3, 29), BERLIN)
    quarters = IntervalGrid(start, 900, 2 * 96 - 4, BERLIN)
    grid = IntervalGrid(start, step_s, 47 * 3600 // step_s, BERLIN)
    whole, by_step = load_profile("G25", quarters), load_profile("G25", grid)
    sun, sun_by_step = clear_sky_profile("west", quarters), clear_sky_profile("west", grid)
    assert len(by_step) == len(sun_by_step) == grid.count
    for a, b in ((whole, by_step), (sun, sun_by_step)):
        hours = a.reshape(-1, 4).sum(axis=1)
        assert b.reshape(-1, 3600 // step_s).sum(axis=1).tolist() == hours.tolist()
    if step_s == 300:
        assert by_step[0:3].tolist() == [whole[0] // 3, whole[0] * 2 // 3 - whole[0] // 3, whole[0] - whole[0] * 2 // 3]


def test_pad_adds_the_intervals_around() -> None:
    grid = IntervalGrid(local_midnight_utc(date(2025, 7, 7), BERLIN), 3600, 24, BERLIN)
    wide = IntervalGrid(grid.start_utc - 5 * 3600, 3600, 34, BERLIN)
    padded = load_profile("L25", grid, 5)
    assert padded.tolist() == load_profile("L25", wide).tolist()
    assert padded[5:-5].tolist() == load_profile("L25", grid).tolist()
    with pytest.raises(BadInput, match="pad"):
        load_profile("L25", grid, -1)


def day_of_sun(day: date) -> list[int]:
    start = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    return list(clear_sky_profile("south", IntervalGrid(start, 900, 96, BERLIN)).tolist())


def test_sun_is_interpolated_between_mid_months() -> None:
    table = clear_sky()["south"] * 1000
    assert day_of_sun(date(2025, 1, 15)) == table[0].tolist()
    assert day_of_sun(date(2024, 12, 15)) == table[11].tolist()
    assert day_of_sun(date(2025, 1, 1)) == ((table[11] * 14 + table[0] * 17) // 31).tolist()
    assert day_of_sun(date(2024, 2, 29)) == ((table[1] * 15 + table[2] * 14) // 29).tolist()
    assert day_of_sun(date(2025, 3, 14)) == ((table[1] * 1 + table[2] * 27) // 28).tolist()


def test_wind_repeats_within_the_hour_and_on_the_leap_years_last_day() -> None:
    start = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
    factors = wind_profile(IntervalGrid(start, 900, 366 * 96, BERLIN)).reshape(366, 24, 4)
    assert (factors[:365] == wind_ppm()[:, :, None]).all()
    assert (factors[365] == wind_ppm()[364][:, None]).all()


def test_unknown_names() -> None:
    grid = IntervalGrid(0, 900, 96, BERLIN)
    with pytest.raises(BadInput, match="must be one of H25, G25, L25, P25, S25"):
        load_profile("H0", grid)
    with pytest.raises(BadInput, match="must be one of south, east, west, flat, facade"):
        clear_sky_profile("north", grid)
