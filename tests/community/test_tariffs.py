"""Tariffs as prices of intervals, on both clocks' changes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.community import PRICES, house, member
from voltadesk.clock import local_midnight_utc
from voltadesk.community.energy import grid_of
from voltadesk.community.tariffs import Price, Tariffs
from voltadesk.errors import BadInput


def price_of(text: str, begin: date, end: date, folder: Path = Path(), name: str = "x") -> Price:
    rules = house(member("anna"), rest=f"{PRICES}\n{text}", head='timezone = "Europe/Vienna"\ninterval_minutes = 60')
    grid = grid_of(rules, 0, 3600)
    begin_utc, end_utc = (local_midnight_utc(day, grid.zone) for day in (begin, end))
    return Tariffs(rules, grid_of(rules, begin_utc, end_utc), folder).price(name)


DAY = (date(2026, 6, 15), date(2026, 6, 16))
X = '[[tariffs]]\nname = "x"\n'


def test_fixed_shares_and_midpoints() -> None:
    assert price_of(f"{X}price = 120.5", *DAY).price_tick.tolist() == [12_050] * 24
    assert price_of(f'{X}share = {{ of = "retail", percent = 33.33 }}', *DAY).price_tick.tolist() == [9_999] * 24
    # 300.00 and 80.00 meet at 190.00.
    assert price_of(f'{X}midpoint = ["retail", "feed-in"]', *DAY).price_tick.tolist() == [19_000] * 24


def test_zones_by_hour_day_and_month() -> None:
    text = f"""{X}zones = [
    {{ name = "winter", price = 3, months = [1, 2, 12] }},
    {{ name = "night", price = 1, hours = ["22:00-06:00"] }},
    {{ name = "weekend", price = 2, days = ["sat", "sun"] }},
    {{ name = "day", price = 4 }},
]"""
    monday = price_of(text, *DAY)
    assert monday.price_tick.tolist() == [100] * 6 + [400] * 16 + [100] * 2
    assert [monday.zones[z] for z in monday.zone] == ["night"] * 6 + ["day"] * 16 + ["night"] * 2
    assert (
        price_of(text, date(2026, 6, 14), date(2026, 6, 15)).price_tick.tolist() == [100] * 6 + [200] * 16 + [100] * 2
    )
    assert set(price_of(text, date(2026, 1, 4), date(2026, 1, 5)).price_tick.tolist()) == {300}


@pytest.mark.parametrize(("day", "nights"), [(date(2026, 3, 29), 5), (date(2026, 10, 25), 7)])
def test_a_night_is_an_hour_shorter_or_longer_when_the_clock_changes(day: date, nights: int) -> None:
    text = f'{X}zones = [{{ name = "night", price = 1, hours = "00:00-06:00" }}, {{ name = "day", price = 2 }}]'
    prices = price_of(text, day, date.fromordinal(day.toordinal() + 1)).price_tick.tolist()
    assert prices == [100] * nights + [200] * 18


def test_a_hole_is_named() -> None:
    with pytest.raises(BadInput, match=r"tariffs.x = 2026-06-15 20:00\+0200: has no price: the tariff has a hole"):
        price_of(f'{X}zones = [{{ name = "day", price = 2, hours = "00:00-20:00" }}]', *DAY)
    with pytest.raises(BadInput, match=r"tariffs.x = 2026-06-15 00:00\+0200: has no price"):
        price_of(f"{X}valid_from = 2026-06-16\nprice = 1", *DAY)


def test_prices_change_on_a_day() -> None:
    text = f"{X}price = 1\n{X}valid_from = 2026-06-16\nprice = 2"
    assert price_of(text, date(2026, 6, 15), date(2026, 6, 17)).price_tick.tolist() == [100] * 24 + [200] * 24


def test_an_indexed_price_follows_its_series(tmp_path: Path) -> None:
    rows = [f"2026-06-14T{22 + h:02d}:00Z,{price}" for h, price in ((0, "50.005"), (1, "-3.33"))]
    rows += [f"2026-06-15T{h:02d}:00Z,{h}" for h in range(22)]
    (tmp_path / "spot.csv").write_text("\n".join(["time,price", *rows]) + "\n")
    prices = price_of(
        f'{X}index = {{ file = "spot.csv", percent = 110, add = 2.5 }}', *DAY, tmp_path
    ).price_tick.tolist()
    # 50.00 (half to even) and -3.33 times 1.1, rounded down, and 2.50.
    assert prices[:4] == [5_500 + 250, -367 + 250, 250, 110 + 250]
    with pytest.raises(BadInput, match=r"must cover"):
        price_of(f'{X}index = {{ file = "spot.csv" }}', date(2026, 6, 15), date(2026, 6, 17), tmp_path)
