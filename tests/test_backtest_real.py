"""Every real price file beside the repository is read with its traps told or handled, and pays a battery."""

from __future__ import annotations

import numpy as np
import pytest

from tests.feeds import SHARED_DATA, needs_shared_data
from voltadesk.clock import utc_text
from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.errors import BadInput
from voltadesk.feeds.prices.layout import Layout
from voltadesk.feeds.prices.published import read_published
from voltadesk.feeds.prices.series import read_prices
from voltadesk.report.backtest import backtest, battery
from voltadesk.report.backtest_figures import figures
from voltadesk.report.backtest_prices import prices_of_files
from voltadesk.strategy.strategies import Perfect

pytestmark = needs_shared_data

NEM = "Etc/GMT-10"  # UTC+10 all year
NEM_END, TEXAS = Layout(timezone=NEM, stamps="end"), Layout(timezone="America/Chicago")
SA = (("REGIONID", "SA1"), ("INTERVENTION", "0"))
READ = [  # file, layout, first and last instant, intervals, of them without a price
    ("ercot_rt15_hubavg_2024.csv", TEXAS, "2024-01-01T00:00Z", "2025-01-01T00:00Z", 35_136, 0),
    ("ercot_da_hubavg_2024.csv", Layout(), "2024-01-01T00:00Z", "2025-01-01T00:00Z", 8784, 0),
    ("nyiso_rt5_nyc_north_2017_2018.csv", Layout("NYC", "America/New_York", gaps="skip"),
     "2017-01-01T05:00Z", "2019-01-01T05:00Z", 210_240, 3032),
    ("nyiso_da_rt_hourly_nyc_north_2015_2018.csv", Layout("NORTH_da_usd_mwh", "America/New_York"),
     "2015-01-01T05:00Z", "2019-01-01T00:00Z", 35_059, 0),
    ("nem30_sa_2018_2019.csv", NEM_END, "2017-12-31T13:30Z", "2019-12-31T13:30Z", 35_040, 0),
    ("nem30_nsw_2018_2019.csv", NEM_END, "2017-12-31T13:30Z", "2019-12-31T13:30Z", 35_040, 0),
    ("nem5_dispatchprice_2021_01.csv", Layout("RRP", NEM, "end", where=SA),
     "2020-12-31T14:00Z", "2021-01-31T14:00Z", 8928, 0),
    ("hourly_DE-LU_2022_2023.csv", Layout(timezone="Europe/Berlin", gaps="skip"),
     "2021-12-31T23:00Z", "2023-12-31T23:00Z", 17_520, 28),
    ("hourly_FR_2022_2023.csv", Layout(timezone="Europe/Paris", gaps="skip"),
     "2021-12-31T23:00Z", "2023-12-31T23:00Z", 17_520, 52),
    ("epf_da_hourly_DE.csv", Layout("OT", "Europe/Berlin", gaps="skip"),
     "2012-01-08T23:00Z", "2017-12-31T23:00Z", 52_416, 12),
]  # fmt: skip
REFUSED = [  # file, layout, what is said
    ("nyiso_rt5_nyc_north_2017_2018.csv", Layout(), "no column chosen"),
    ("nyiso_rt5_nyc_north_2017_2018.csv", Layout("NYC"), "line 1225: prices = '': is blank"),
    (
        "nyiso_rt5_nyc_north_2017_2018.csv",
        Layout("NYC", "America/New_York"),
        "line 1225: prices = '': is blank",
    ),
    (
        "nem5_dispatchprice_2021_01.csv",
        Layout("RRP", NEM, "end"),
        "zone: must be chosen by --zone: the file has NSW1, QLD1",
    ),
    ("hourly_DE-LU_2022_2023.csv", Layout(), "line 5882: time = 2022-09-04 00:00:00: 2022-09-03T00:00Z is missing"),
    (
        "hourly_FR_2022_2023.csv",
        Layout(timezone="Europe/Paris"),
        "line 2044: time = 2022-03-27 02:00:00: does not exist",
    ),
    ("epf_da_hourly_DE.csv", Layout(), "no column chosen"),
    ("epf_da_hourly_DE.csv", Layout("OT", "Europe/Berlin"), "line 1828: time = 2012-03-25 02:00: does not exist"),
    ("household_opsd_60min.csv", Layout(), "no column chosen"),
]


@pytest.mark.parametrize(
    ("name", "layout", "start", "end", "count", "missing"), READ, ids=lambda value: str(value)[:20]
)
def test_read(name: str, layout: Layout, start: str, end: str, count: int, missing: int) -> None:
    file = read_prices(SHARED_DATA / name, layout)
    assert (utc_text(file.grid.start_utc), utc_text(file.grid.end_utc), file.grid.count) == (start, end, count)
    assert int((file.price_tick == NO_PRICE_TICK).sum()) == missing
    if missing:
        assert any(f"{missing:,} of {count:,} intervals have no price" in note for note in file.notes)


@pytest.mark.parametrize(("name", "layout", "said"), REFUSED, ids=lambda value: str(value)[:20])
def test_refused(name: str, layout: Layout, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_prices(SHARED_DATA / name, layout)
    assert said in str(caught.value)


def test_an_operators_forecasts_are_known_before_what_they_speak_of() -> None:
    layout = Layout("RRP", NEM, "end", where=SA)
    file = read_published(SHARED_DATA / "nem_predispatch_price_2021_01_nsw_sa.csv", layout)
    ahead_s = file.target_utc - file.known_utc
    assert file.step_s == 1800
    assert ahead_s.min() == 0
    assert ahead_s.max() == 78 * 1800  # from one in the afternoon on, the next market day is spoken of to its end
    assert np.all(np.diff(file.known_utc) >= 0)


def test_published_series_lie_on_the_grid_of_the_prices() -> None:
    ahead = SHARED_DATA / "nem_predispatch_price_2021_01_nsw_sa.csv"
    layout = Layout("RRP", NEM, "end", where=SA)
    prices, _ = prices_of_files(SHARED_DATA / "nem5_dispatchprice_2021_01.csv", layout, {"forecast": (ahead, layout)})
    (published,) = prices.published
    starts = prices.grid.start_utc + published.interval * prices.grid.step_s
    assert np.all(starts >= published.known_utc)
    assert np.all(np.diff(published.known_utc) >= 0)
    # The last forecast of each half-hour is near to what its six prices came to.
    assert published.interval.min() >= 0
    last = {int(i): int(v) for i, v in zip(published.interval, published.value_tick, strict=True)}
    inside = [i for i in last if i < prices.grid.count]
    error = np.array([last[i] - int(prices.buy_tick[i]) for i in inside])
    assert np.median(np.abs(error)) < 2000


def test_a_year_pays_a_battery() -> None:
    ahead = {"day-ahead": (SHARED_DATA / "ercot_da_hubavg_2024.csv", TEXAS)}
    prices, notes = prices_of_files(SHARED_DATA / "ercot_rt15_hubavg_2024.csv", TEXAS, ahead)
    tree = figures(backtest(prices, [battery(10**6, 2 * 10**6, 860_000)], [Perfect()]), notes=notes)
    assert tree["series"]["published"] == ["day-ahead"]
    (line,) = tree["strategies"]
    assert line["capture_ratio"] == 1
    assert 50_000 < line["revenue_per_mw_year_low"] < line["revenue_per_mw_year"] < line["revenue_per_mw_year_high"]
    assert 1 < line["cycles_per_day"] < 6
