"""The real price files beside the repository: what is known of each, and its traps told or refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import call
from tests.feeds import SHARED_DATA, needs_shared_data

pytestmark = needs_shared_data

BERLIN, NEW_YORK = ("--timezone", "Europe/Berlin"), ("--timezone", "America/New_York")
NEM_END = ("--timezone", "Etc/GMT-10", "--stamps", "end")
CLOCK = "rows left out: the clock has their time never, or twice"
CHECKED = [  # file, options, intervals with a price, begin, hours without one, some of what is told
    ("ercot_rt15_hubavg_2024.csv", (), 35_136, "2024-01-01T00:00Z", 0, ""),
    ("ercot_da_hubavg_2024.csv", (), 8_784, "2024-01-01T00:00Z", 0, ""),
    ("nyiso_rt5_nyc_north_2017_2018.csv", ("--column", "NYC", *NEW_YORK, "--fill", "none"), 207_208,
     "2017-01-01T05:00Z", 3032 / 12, "2,984 rows without a price"),
    ("nyiso_da_rt_hourly_nyc_north_2015_2018.csv", ("--column", "NORTH_rt_usd_mwh"), 35_059, "2015-01-01T05:00Z", 0,
     ""),
    ("nem30_sa_2018_2019.csv", NEM_END, 35_040, "2017-12-31T13:30Z", 0, ""),
    ("nem30_nsw_2018_2019.csv", NEM_END, 35_040, "2017-12-31T13:30Z", 0, ""),
    ("nem5_dispatchprice_2021_01.csv", ("--zone", "SA1"), 8_928, "2020-12-31T14:00Z", 0,
     "7,433 values rounded"),
    ("nem5_dispatchprice_2021_01.csv", ("--zone", "TAS1"), 8_928, "2020-12-31T14:00Z", 0, ""),
    ("hourly_DE-LU_2022_2023.csv", (*BERLIN, "--fill", "none"), 17_492, "2021-12-31T23:00Z", 28, f"4 {CLOCK}"),
    ("hourly_DE-LU_2022_2023.csv", (*BERLIN, "--fill", "previous"), 17_520, "2021-12-31T23:00Z", 0, f"4 {CLOCK}"),
    ("hourly_FR_2022_2023.csv", ("--timezone", "Europe/Paris", "--fill", "none"), 17_468, "2021-12-31T23:00Z", 52,
     "52 intervals without a row"),
    ("epf_da_hourly_DE.csv", ("--column", "OT", *BERLIN, "--fill", "none"), 52_404, "2012-01-08T23:00Z", 12,
     f"12 {CLOCK}"),
]  # fmt: skip
REFUSED = [
    ("nyiso_rt5_nyc_north_2017_2018.csv", NEW_YORK, "prices: no column chosen"),
    ("nyiso_rt5_nyc_north_2017_2018.csv", ("--column", "NYC", *NEW_YORK), "line 1225: prices = '': is blank"),
    ("nem5_dispatchprice_2021_01.csv", (), "zone: must be chosen by --zone: the file has NSW1, QLD1, SA1, TAS1, VIC1"),
    ("hourly_DE-LU_2022_2023.csv", BERLIN, "line 2044: time = 2022-03-27 02:00:00: does not exist on the clock of"),
    ("hourly_FR_2022_2023.csv", (), "line 5882: time = 2022-09-04 00:00:00: 2022-09-03T00:00Z is missing before it"),
    ("epf_da_hourly_DE.csv", BERLIN, "prices: no column chosen"),
    ("nem_predispatch_price_2021_01_nsw_sa.csv", (), "REGIONID: must be chosen by --where REGIONID=TEXT"),
    ("nem_regional_load_30min_2017_06.csv", (), "prices: no column chosen"),
    ("household_opsd_60min.csv", (), "prices: no column chosen"),
    ("fleet_nem_generators_egrimod.csv", (), "no column among DUID"),
]


@pytest.mark.parametrize(
    ("name", "options", "intervals", "start", "missing_h", "told"), CHECKED, ids=lambda value: str(value)[:24]
)
def test_checked(name: str, options: tuple[str, ...], intervals: int, start: str, missing_h: float, told: str) -> None:
    done = call("prices", "check", SHARED_DATA / name, *options, "--json")
    assert done.code == 0, done.err
    tree = json.loads(done.out)
    assert (tree["intervals"], tree["start_utc"]) == (intervals, start)
    assert tree["seconds_without_price"] == missing_h * 3600
    assert told in "; ".join(tree["found"])


@pytest.mark.parametrize(("name", "options", "said"), REFUSED, ids=lambda value: str(value)[:24])
def test_refused(
    name: str, options: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOLTADESK_PRICES", str(tmp_path / "shelf"))
    done = call("prices", "import", SHARED_DATA / name, *options, "--json")
    assert done.code == 3
    assert said in done.err
    assert not (tmp_path / "shelf").exists()
