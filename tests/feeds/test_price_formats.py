"""A small file of every format, with its traps: several zones, auctions and currencies, clock changes, units, order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from voltadesk.clock import utc_text
from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.errors import BadInput
from voltadesk.feeds.prices.formats import FORMATS
from voltadesk.feeds.prices.layout import Layout
from voltadesk.feeds.prices.rows import rows_of
from voltadesk.feeds.prices.series import PriceSeries, checked, on_grid

FILES = Path(__file__).parent / "price_files"


def series(name: str, **asked: Any) -> PriceSeries:
    layout = Layout(**asked)
    return checked([rows_of(FILES / name, layout)], layout.gaps)


READ = [  # file, what is asked, format, zone, currency, first instant, minutes of the rows, ticks
    ("gridstatus_lmp.csv", {"zone": "capitl", "where": (("Market", "DAY_AHEAD_HOURLY"),)}, "gridstatus-lmp", "CAPITL",
     "USD", "2024-03-10T04:00Z", [60] * 6, [2502, 2602, 2702, 2802, 2902, 3002]),
    ("gridstatus_spp.csv", {"zone": "LZ_WEST"}, "gridstatus-spp", "LZ_WEST", "USD", "2024-11-03T05:00Z", [15] * 12,
     [-325 - 100 * n for n in range(12)]),
    ("entsoe_py.csv", {}, "entsoe-py", "", "EUR", "2025-09-30T10:00Z", [60] * 12 + [15] * 12,
     [4050 + 100 * n for n in range(12)] + [-225, -125] + [25 + 100 * n for n in range(10)]),
    ("entsoe_library.csv", {"zone": "FR"}, "entsoe-library", "FR", "EUR", "2024-01-01T00:00Z", [60] * 4,
     [77, 177, 277, 377]),
    ("entsoe_library.csv", {"zone": "10Y1001A1001A82H", "where": (("Sequence", "2"),)}, "entsoe-library", "DE-LU",
     "EUR", "2024-01-01T00:00Z", [15] * 16, [11 + 1000 * h + 100 * q for h in range(4) for q in range(4)]),
    ("entsoe_web.csv", {"where": (("Sequence", "Sequence 1"),)}, "entsoe-web", "DE-LU", "EUR", "2025-10-25T22:00Z",
     [60] * 6, [5010, 5110, 5210, 5310, 5410, 5510]),
    ("entsoe_web_2022.csv", {"gaps": "skip"}, "entsoe-web", "", "EUR", "2021-12-31T23:00Z", [60] * 2, [8906, 7848]),
    ("a44.xml", {"where": (("sequence", "1"),)}, "entsoe-a44", "DE-LU", "EUR", "2025-09-30T18:00Z", [60] * 4 + [15] * 8,
     [9150, 8000, 8000, -125, 5000, 5000, 6000, 6155, 6155, 6155, 6155, 0]),
    ("a44_a01.xml", {"gaps": "skip"}, "entsoe-a44", "FR", "EUR", "2025-09-30T18:00Z", [60] * 3, [100, 200, 400]),
    ("nemosis_dispatchprice.csv", {"zone": "SA1"}, "aemo", "SA1", "AUD", "2020-12-31T14:00Z", [5] * 8,
     [-4912 + 100 * n for n in range(8)]),
    ("aemo_dispatchprice.csv", {"zone": "SA1"}, "aemo", "SA1", "AUD", "2020-12-31T14:00Z", [5] * 4,
     [-510, -520, -530, -540]),
    ("price_and_demand.csv", {}, "aemo", "NSW1", "AUD", "2021-09-30T10:00Z", [30] * 8 + [5] * 8,
     [3050 + 100 * n for n in range(8)] + [-125 - 100 * n for n in range(8)]),
    ("energy_charts.json", {"gaps": "skip"}, "energy-charts", "", "EUR", "2025-09-30T18:00Z", [60] * 6 + [15] * 8,
     [8050, -1, 0, 1234, 900, 10_000, *range(100, 900, 100)]),
    ("awattar.json", {}, "awattar", "", "EUR", "2025-09-30T18:00Z", [60] * 3, [4209, 3850, -512]),
    ("octopus.json", {"column": "value_inc_vat"}, "octopus", "", "GBP", "2024-01-05T22:00Z", [30] * 4,
     [0, -1213, 16_538, 18_302]),
    ("octopus.json", {"column": "value_exc_vat"}, "octopus", "", "GBP", "2024-01-05T22:00Z", [30] * 4,
     [0, -1155, 15_750, 17_430]),
    ("smard.csv", {"zone": "DE-LU"}, "smard", "DE-LU", "EUR", "2025-10-25T22:00Z", [60] * 8,
     [123_450, -501, 0, 1230, 999, 800, 700, 600]),
    ("smard_english.csv", {}, "smard", "DE-LU", "EUR", "2024-12-31T23:00Z", [60] * 4, [123_450, -501, 0, 215]),
    ("energi_data_service.json", {"zone": "DK2", "currency": "DKK"}, "energi-data-service", "DK2", "DKK",
     "2022-10-30T00:00Z", [60] * 4, [74_305, 74_405, 74_505, 74_605]),
    ("energi_data_service.csv", {"currency": "EUR"}, "energi-data-service", "DK1", "EUR", "2025-10-01T00:00Z", [15] * 4,
     [95, 195, 295, 395]),
    ("nord_pool.json", {"zone": "SE3"}, "nord-pool", "SE3", "EUR", "2024-12-03T23:00Z", [60] * 3, [4050, 3950, 3850]),
    ("nord_pool.csv", {"zone": "SE4"}, "nord-pool-csv", "SE4", "EUR", "2024-12-31T23:00Z", [60] * 3, [75, 175, 275]),
    ("ember.csv", {"zone": "AUT"}, "ember", "AUT", "EUR", "2024-01-01T00:00Z", [60] * 3, [7, 107, 207]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "asked", "known", "zone", "currency", "start", "minutes", "ticks"), READ, ids=lambda value: str(value)[:25]
)
def test_read(
    name: str, asked: dict[str, Any], known: str, zone: str, currency: str, start: str, minutes: list[int],
    ticks: list[int],
) -> None:  # fmt: skip
    read = series(name, **asked)
    assert read.formats == (known,)
    assert (read.zone, read.currency) == (zone, currency)
    assert utc_text(int(read.start_utc[0])) == start
    assert (read.step_s // 60).tolist() == minutes
    assert read.price_tick.tolist() == ticks
    assert not read.faults("refuse", asked.get("gaps", "refuse"))


def test_there_is_a_file_of_every_format_and_it_can_be_named() -> None:
    without = {"table", "voltadesk", "voltadesk-replay"}
    assert {row[2] for row in READ} == {known.name for known in FORMATS} - without
    for name, asked, known, *_ in READ:
        assert series(name, **asked, format=known).formats == (known,)


@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        ("gridstatus_lmp.csv", {}, "zone: must be chosen by --zone: the file has CAPITL, N.Y.C."),
        ("gridstatus_lmp.csv", {"zone": "CAPITL"}, "Market: must be chosen by --where Market=TEXT: the file has DAY_"),
        ("gridstatus_lmp.csv", {"zone": "WEST"}, "zone = WEST: is not in the file, which has CAPITL, N.Y.C."),
        ("entsoe_library.csv", {"zone": "DE-LU"}, "Sequence: must be chosen by --where Sequence=TEXT: the file has"),
        ("entsoe_web.csv", {}, "Sequence: must be chosen by --where Sequence=TEXT: the file has Sequence 1,"),
        ("a44.xml", {}, "sequence: must be chosen by --where sequence=TEXT: the file has 1, 2"),
        ("octopus.json", {}, "column: must be chosen by --column: the file has value_exc_vat, value_inc_vat"),
        ("smard.csv", {}, "zone: must be chosen by --zone: the file has Deutschland/Luxemburg, Frankreich"),
        ("energi_data_service.json", {"zone": "DK1"}, "currency: must be chosen by --currency: the file has DKK, EUR"),
        ("energi_data_service.json", {"zone": "DK1", "currency": "GBP"}, "currency = GBP: is not in the file"),
        ("nord_pool.json", {}, "zone: must be chosen by --zone: the file has NO1, SE3"),
        ("nord_pool.json", {"zone": "SE3", "currency": "SEK"}, "currency = SEK: is not what the file says: EUR"),
        ("energy_charts.json", {"unit": "ct/kWh"}, "unit = ct/kWh: is not what the file says: EUR/MWh"),
        ("ember.csv", {"zone": "AUT", "format": "smard"}, "format = smard: lacks the columns Datum von|Start date"),
        ("ember.csv", {"zone": "AUT", "format": "x"}, "format = x: must be one of gridstatus-lmp, "),
    ],
)  # fmt: skip
def test_what_must_be_chosen_is_listed(name: str, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput) as caught:
        series(name, **asked)
    assert said in str(caught.value)


def test_a_blank_position_and_a_missing_one_are_told() -> None:
    (blank,) = series("energy_charts.json").faults("refuse", "refuse")
    assert (blank.kind, blank.where.rpartition(": ")[2], blank.count) == ("blank", "entry 5", 1)
    (gap,) = series("a44_a01.xml").faults("refuse", "refuse")
    assert (gap.kind, gap.where.rpartition(": ")[2], gap.count) == ("gap", "price 3", 1)


def test_rows_of_an_intervention_are_left_out_and_counted() -> None:
    assert "rows with INTERVENTION=0: 8 of 9" in series("nemosis_dispatchprice.csv", zone="SA1").notes


def test_a_finer_stretch_stands_on_one_grid_with_a_coarser() -> None:
    read = series("entsoe_py.csv")
    grid, price_tick = on_grid(read)
    assert (grid.step_s, grid.count) == (900, 48 + 12)
    assert (price_tick != NO_PRICE_TICK).all()
    assert price_tick[:48].reshape(12, 4).tolist() == [[tick] * 4 for tick in read.price_tick[:12].tolist()]


def test_a_local_column_that_does_not_go_with_utc_is_suspect(tmp_path: Path) -> None:
    text = (FILES / "energi_data_service.json").read_text("utf-8")
    path = tmp_path / "shifted.json"
    path.write_text(text.replace('"HourDK": "2022-10-30T02:00:00"', '"HourDK": "2022-10-30T01:00:00"'), "utf-8")
    read = checked([rows_of(path, Layout(zone="DK1", currency="EUR"))], "refuse")
    (fault,) = read.faults("refuse", "refuse")
    assert (fault.kind, fault.weight) == ("offset", "suspect")
    assert "is not what the clock of Europe/Copenhagen reads then" in fault.limit
    assert not read.faults("keep", "refuse")


def test_offsets_that_a_clock_never_has_are_suspect(tmp_path: Path) -> None:
    rows = [f"2024-07-01 {hour:02d}:00:00+01:00,{hour}" for hour in range(8)]
    path = tmp_path / "winter.csv"
    path.write_text("\n".join([",0", *rows]) + "\n", "utf-8")
    assert not checked([rows_of(path, Layout())], "refuse").faults("refuse", "refuse")
    (fault,) = checked([rows_of(path, Layout(timezone="Europe/Berlin"))], "refuse").faults("refuse", "refuse")
    assert (fault.kind, fault.count) == ("offset", 8)
    assert not checked([rows_of(path, Layout(timezone="Europe/London"))], "refuse").faults("refuse", "refuse")
