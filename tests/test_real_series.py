"""Replays of real homes and of real plants against real load, where the public series stand beside the repository."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.feeds import SHARED_DATA, needs_shared_data
from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.report.summary import check, summarise
from voltadesk.scenario.read import parse_scenario
from voltadesk.scenario.replay import replay
from voltadesk.scenario.world import World

REGION = "NSW1"


def run(text: str, folder: Path):
    world = World(parse_scenario(text, "real.toml"), folder)
    exchange = replay(world)
    check(exchange)
    return world, exchange


@needs_shared_data
def test_two_real_homes_share_one_roof(tmp_path: Path) -> None:
    """A home without solar and a solar series (per unit of 5 kW) as its neighbour, a week of quarter-hours."""
    with (SHARED_DATA / "household_lemlab_pv_1_pu.csv").open(newline="") as source:
        lines = ["timestamp,load,solar"]
        for row in csv.DictReader(source):
            second = int(Decimal(row["timestamp"]))
            lines.append(f"{second},0,{Decimal(row['power']) * 5000:f}")
    (tmp_path / "roof.csv").write_text("\n".join(lines))
    start = datetime.fromtimestamp(1613343600, UTC).date() + timedelta(days=1)
    _, exchange = run(
        f"""
version = 1
name = "two-homes"
[time]
start = {start}
days = 7
[community]
rule = "mid-market"
[upstream]
limit_kw = 50
price = 80.00
fee = 10.00
[[homes]]
name = "home"
count = 1
meter = {{ file = "{SHARED_DATA / "household_lemlab_hh_3216_0.csv"}", load = "power", unit = "W" }}
[[homes]]
name = "roof"
count = 1
meter = {{ file = "roof.csv", load = "load", solar = "solar", unit = "W" }}
""",
        tmp_path,
    )
    home, roof = exchange.homes
    assert home["load_wh"] > 10_000
    assert home["community_bought_wh"] == roof["community_sold_wh"] > 0
    assert home["shed_wh"] == 0
    # Whatever the home used it bought: from the neighbour, from above, or as imbalance.
    bought = home["community_bought_wh"] + home["auction_bought_wh"]
    assert home["load_wh"] == bought + home["imbalance_short_wh"] - home["imbalance_long_wh"]


def nem_plants() -> list[str]:
    """The region's scheduled fossil and water units as tables of a scenario."""
    tables = []
    with (SHARED_DATA / "fleet_nem_generators_egrimod.csv").open(newline="") as source:
        for row in csv.DictReader(source):
            if row["NEM_REGION"] != REGION or row["FUEL_CAT"] not in {"Fossil", "Hydro"}:
                continue
            cost = Decimal(row["SRMC_2016-17"]).quantize(Decimal("0.01"))
            emissions = (Decimal(row["EMISSIONS"]) * 1000).quantize(Decimal("0.001"))
            capacity, minimum = (int(Decimal(row[key]) * 1000) for key in ("REG_CAP", "MIN_GEN"))
            name = row["DUID"].replace("/", "-").replace("#", "-")
            tables.append(f"""
[[plants]]
name = "{name}"
fuel = "{row["FUEL_TYPE"].split()[0]}"
capacity_kw = {capacity}
minimum_kw = {minimum}
ramp_up_kw_per_hour = {int(Decimal(row["RR_UP"]) * 1000)}
ramp_down_kw_per_hour = {int(Decimal(row["RR_DOWN"]) * 1000)}
marginal_cost = {cost}
start_cost = {Decimal(row["SU_COST_WARM"]):f}
minimum_up_hours = {int(Decimal(row["MIN_ON_TIME"]))}
minimum_down_hours = {int(Decimal(row["MIN_OFF_TIME"]))}
initial_kw = {max(minimum, capacity * 7 // 10)}
emissions_kg_per_mwh = {emissions}
""")
    return tables


@needs_shared_data
def test_real_plants_serve_a_real_region(tmp_path: Path) -> None:
    """The NEM's New South Wales units against its load of a week in June 2017; stamps are interval ends in UTC+10."""
    with (SHARED_DATA / "nem_regional_load_30min_2017_06.csv").open(newline="") as source:
        lines = ["time,load"]
        for row in csv.DictReader(source):
            end = datetime.fromisoformat(row["SETTLEMENTDATE"])
            lines.append(f"{end - timedelta(minutes=30)}+10:00,{Decimal(row[REGION]) * 1000:f}")
    (tmp_path / "load.csv").write_text("\n".join(lines))
    plants = nem_plants()
    world, exchange = run(
        f"""
version = 1
name = "nem"
[time]
start = 2017-06-05
days = 7
interval_minutes = 30
timezone = "Australia/Brisbane"
[market]
floor = -1000.00
cap = 14000.00
[[homes]]
name = "region"
count = 1
forecast_error_percent = 1
meter = {{ file = "load.csv", load = "load", unit = "kW" }}
{"".join(plants)}""",
        tmp_path,
    )
    report = summarise(world, exchange)
    assert len(plants) > 30
    assert report["load"]["shed_mwh"] == 0
    assert report["load"]["served_mwh"] > 1_000_000
    prices = exchange.intervals["price_tick"]
    assert (prices != NO_PRICE_TICK).all()
    assert Decimal(5) < report["price"]["median_per_mwh"] < Decimal(120)
    # Black coal carries the region.
    assert report["energy_mwh"]["sources"]["Black"] > report["energy_mwh"]["total"] / 2
    # Every unit makes nothing or at least its minimum.
    minimum = exchange.plants["minimum_wh"]
    assert ((exchange.plant_output_wh == 0) | (exchange.plant_output_wh >= minimum)).all()
