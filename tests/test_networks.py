"""Scenarios out as networks of PyPSA, and plants in from networks and tables of units."""

from __future__ import annotations

import csv
import json
import logging
import warnings
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.commands import call, refusal
from tests.feeds import SHARED_DATA, needs_shared_data
from tests.scenario import TOWN, changed, world_of
from voltadesk.errors import BadInput
from voltadesk.report.plants_document import plants_toml
from voltadesk.scenario.model import Plant
from voltadesk.scenario.plant_tables import read_plants
from voltadesk.scenario.read import find_scenario, parse_scenario, read_scenario

MILL = """\
capacity_kw = 5
minimum_kw = 1
marginal_cost = 60.00
"""
RICH_MILL = """\
fuel = "gas"
capacity_kw = 5.5
minimum_kw = 1.25
ramp_up_kw_per_hour = 3
ramp_down_kw_per_hour = 22
marginal_cost = -60.05
start_cost = 0.12345678
stop_cost = 2
minimum_up_hours = 3
minimum_down_hours = 2
initial_kw = 2.5
emissions_kg_per_mwh = 404.123
outages = [{ begin = 2026-03-28T12:00:00, end = 2026-03-28T18:00:00, available_kw = 2 }]
"""
RICH = changed(
    (MILL, RICH_MILL), ("discharge_kw = 2\n", "discharge_kw = 3\nminimum_fill_percent = 10\nwear_cost = 4\n")
)


def exported(folder: Path, text: str) -> Path:
    (folder / "town.toml").write_text(text, "utf-8")
    out = folder / "network"
    done = call("scenario", "export", folder / "town.toml", "--out", out, "--json")
    assert (done.code, done.err) == (0, ""), done.err
    return out


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def column(path: Path, name: str) -> list[Decimal]:
    return [Decimal(row[name]) for row in rows(path)]


# Out ------------------------------------------------------------------------------------------------------------------
def test_a_network_holds_what_the_scenario_brings(tmp_path: Path) -> None:
    out, world = exported(tmp_path, RICH), world_of(RICH)
    given = world.conditions(0, world.grid.count)
    stamps = [row["snapshot"] for row in rows(out / "snapshots.csv")]
    assert (stamps[0], stamps[-1], len(stamps)) == ("2026-03-27 23:00:00", "2026-03-29 21:45:00", 4 * 47)
    assert set(column(out / "snapshots.csv", "objective")) == {Decimal("0.25")}
    load_wh = (given.load_metered_wh + given.flexible_wh)[:, :3].sum(axis=1)
    assert column(out / "loads-p_set.csv", "flats") == [Decimal(4 * int(wh)) / 10**6 for wh in load_wh]
    generators = {row["name"]: row for row in rows(out / "generators.csv")}
    peak = Decimal(generators["houses roofs"]["p_nom"])
    sun = [share * peak * 250_000 for share in column(out / "generators-p_max_pu.csv", "houses roofs")]
    assert np.rint(np.array(sun, float)).tolist() == given.solar_metered_wh[:, 3:].sum(axis=1).tolist()
    field = [share * Decimal("0.004") * 250_000 for share in column(out / "generators-p_max_pu.csv", "field")]
    assert np.rint(np.array(field, float)).tolist() == given.plant_metered_wh[:, 1].tolist()
    assert min(column(out / "generators-p_max_pu.csv", "mill")) == Decimal("0.363636363636")
    mill = generators["mill"]
    assert (mill["p_nom"], mill["p_min_pu"], mill["marginal_cost"], mill["committable"]) == (
        "0.0055", "0.227272727273", "-60.05", "True",
    )  # fmt: skip
    assert (mill["min_up_time"], mill["min_down_time"], mill["up_time_before"], mill["p_init"]) == (
        "12", "8", "12", "0.0025",
    )  # fmt: skip
    assert (generators["grid above sells"]["marginal_cost"], generators["grid above sells"]["p_nom"]) == (
        "80.0",
        "0.05",
    )
    assert generators["grid above buys"]["p_min_pu"] == "-1.0"
    assert generators["load not served"]["marginal_cost"] == "4000.0"
    (cellar,) = rows(out / "storage_units.csv")
    assert {name: cellar[name] for name in ("p_nom", "p_min_pu", "p_max_pu", "max_hours")} == {
        "p_nom": "0.006", "p_min_pu": "-0.666666666667", "p_max_pu": "1.0", "max_hours": "3.0",
    }  # fmt: skip
    assert (cellar["efficiency_store"], cellar["state_of_charge_initial"]) == ("0.95", "0.009")
    assert {row["name"]: row["co2_emissions"] for row in rows(out / "carriers.csv")}["gas"] == "0.404123"


def test_the_same_scenario_makes_the_same_files_and_another_seed_others(tmp_path: Path) -> None:
    out = exported(tmp_path, TOWN)
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    assert {path.name: path.read_bytes() for path in exported(tmp_path, TOWN).iterdir()} == first
    assert call("scenario", "export", tmp_path / "town.toml", "--seed", "8", "--out", out).code == 0
    assert (out / "loads-p_set.csv").read_bytes() != first["loads-p_set.csv"]


def test_nothing_of_an_earlier_network_stays_and_other_tables_are_left_alone(tmp_path: Path) -> None:
    out = exported(tmp_path, RICH)
    assert (out / "storage_units.csv").is_file()
    exported(tmp_path, RICH.partition("[[fleet]]")[0])
    assert not (out / "storage_units.csv").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "lines.csv").write_text("name\n", "utf-8")
    line = refusal(call("scenario", "export", tmp_path / "town.toml", "--out", tmp_path / "mine"))
    assert line.endswith("as all tables of a folder are its network: lines.csv")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["lines.csv"]


def test_prices_of_the_grid_above_are_a_series(tmp_path: Path) -> None:
    lines = [f"2026-03-{27 + n // 24:02d}T{n % 24:02d}:00Z,{n}.50" for n in range(96)]
    (tmp_path / "p.csv").write_text("\n".join(["time,price", *lines]) + "\n", "utf-8")
    out = exported(tmp_path, changed(("price = 80.00", 'prices = { file = "p.csv" }\nfee = 1.25')))
    prices = column(out / "generators-marginal_cost.csv", "grid above sells")
    assert prices[:5] == [Decimal("24.75")] * 4 + [Decimal("25.75")]
    assert column(out / "generators-marginal_cost.csv", "grid above buys")[0] == Decimal("22.25")


@pytest.mark.parametrize("scenario", [TOWN, RICH])
def test_pypsa_reads_a_network(tmp_path: Path, scenario: str, caplog: pytest.LogCaptureFixture) -> None:
    pypsa = pytest.importorskip("pypsa")
    out = exported(tmp_path, scenario)
    with caplog.at_level(logging.WARNING), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own libraries
        network = pypsa.Network(str(out))
        network.consistency_check()
    assert not [record for record in caplog.records if "Importing network from" not in record.getMessage()]
    assert len(network.snapshots) == 4 * 47
    assert network.loads_t.p_set["flats"].iloc[0] == float(rows(out / "loads-p_set.csv")[0]["flats"])


# Out and in -----------------------------------------------------------------------------------------------------------
def test_plants_come_back_as_they_were(tmp_path: Path) -> None:
    found = read_plants(exported(tmp_path, RICH))
    before, after = parse_scenario(RICH, "town.toml").plants, [Plant.model_validate(values) for values in found.plants]
    # What a network can't say: outages, and which way a solar farm looks.
    assert after == [plant.model_copy(update={"outages": []}) for plant in before]


@pytest.mark.parametrize("name", ["quickstart", "village", "upstream"])
def test_plants_of_shipped_scenarios_come_back(tmp_path: Path, name: str) -> None:
    assert call("scenario", "export", name, "--out", tmp_path / "n").code == 0
    found, scenario = read_plants(tmp_path / "n"), read_scenario(find_scenario(name))
    after = [Plant.model_validate(values) for values in found.plants]
    lost = {"outages": [], "orientation": "south"}
    assert [plant.model_copy(update={"fuel": None}) for plant in after] == [
        plant.model_copy(update={"fuel": None} | lost) for plant in scenario.plants
    ]
    assert len(found.batteries) == len(scenario.fleet)


def test_what_is_printed_goes_at_the_end_of_a_scenario(tmp_path: Path) -> None:
    out = exported(tmp_path, RICH)
    done = call("scenario", "plants", out)
    assert done.code == 0
    head = RICH.partition("[[plants]]")[0]
    scenario = parse_scenario(head + done.out, "new.toml")
    assert [plant.name for plant in scenario.plants] == ["mill", "field"]
    (cellar,) = scenario.fleet
    assert (cellar.capacity_kwh, cellar.charge_kw, cellar.discharge_kw) == (18_000, 4_000, 6_000)
    assert (cellar.initial_fill_wh, cellar.strategy.name, cellar.wear_cost) == (9_000, "rolling", 400)
    assert "# batteries, which no table has a strategy for: rolling: 1\n" in done.out
    assert "# left out, as they are no plants: grid above: 2\n" in done.out
    tree = json.loads(call("scenario", "plants", out, "--json").out, parse_float=Decimal)
    assert tree["format"] == "PyPSA"
    assert tree["plants"][0]["capacity_kw"] == Decimal("5.500")


# Tables ---------------------------------------------------------------------------------------------------------------
GENERATORS = """\
name,bus,p_nom,carrier,marginal_cost,p_min_pu,committable,min_up_time,ramp_limit_up,p_nom_extendable
1 Hard Coal,b1,272.0,Hard Coal,25.005,,,,,
old,b1,100,gas,50,0.4,True,3,0.25,False
base,b2,50,nuclear,8,0.5,False,9,,
1-Hard-Coal,b2,1,solar rooftop,0,,,,0.5,
none,b1,0,onwind,0,,,,,True
sink,b1,10,load,0,-1,,,,
"""

UNITS = """\
DUID,STATIONID,FUEL_TYPE,REG_CAP,MIN_GEN,RR_UP,RR_DOWN,MIN_ON_TIME,MIN_OFF_TIME,SU_COST_WARM,SRMC_2016-17,EMISSIONS
YW4,YALLOURN,Brown coal,380.0,228.0,260.0,130.5,16.0,16.5,45600.0,10.3646808534,1.44707
WR1,WR,Wind,175.0,0.0,900.0,180.0,1.0,1.0,525.0,0.0,0.0
"""

LIST = """\
Station Name,Dispatch Type,Fuel Source - Primary,Fuel Source - Descriptor,Technology Type - Primary,DUID,\
Reg Cap (MW),Max ROC/Min
Alpha,Generator,Fossil,Black Coal,Combustion,ALP1,420,5
Alpha,Generator,Fossil,Black Coal,Combustion,ALP1,-,5
Pump,Load,Hydro,Water,Renewable,PUMP1,240,60
Sun,Generating Unit,Solar,Solar,Photovoltaic,SUN1,53,-
Big,Bidirectional Unit,Battery Storage,Grid,Storage,BAT1,100,-
Small,Generator,Battery Storage,Grid,Storage,BAT2,30,-
None,Generator,Hydro,Water,Gravity,-,3,-
"""

RTS = """\
GEN UID,Bus ID,Unit Type,Category,Fuel,PMax MW,PMin MW,Min Down Time Hr,Min Up Time Hr,Ramp Rate MW/Min,\
Start Heat Warm MBTU,Non Fuel Start Cost $,Fuel Price $/MMBTU,Output_pct_0,Output_pct_1,Output_pct_2,\
HR_avg_0,HR_incr_1,HR_incr_2,VOM,Emissions CO2 Lbs/MMBTU
1_CT_1,1,CT,Gas CT,NG,50,20,2.2,2.2,3,100,10,4,0.4,0.6,1,12000,8000,9000,0.5,118
1_PV_1,1,PV,Solar PV,Solar,25,0,0,0,25,0,0,0,0,0,0,0,0,0,0,0
1_STORAGE_1,1,STORAGE,Storage,Storage,50,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0
1_SYNC_1,1,SYNC_COND,Sync_Cond,Sync_Cond,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0
"""


def table(folder: Path, text: str, name: str = "gen.csv") -> Path:
    path = folder / name
    path.write_text(text, "utf-8", errors="replace", newline="")
    return path


def test_a_table_of_generators(tmp_path: Path) -> None:
    found = read_plants(table(tmp_path, GENERATORS))
    coal, old, base, roof = found.plants
    assert coal == {
        "name": "1-Hard-Coal",
        "fuel": "Hard-Coal",
        "capacity_kw": 272_000,
        "marginal_cost": Decimal("25.00"),
    }
    assert (old["minimum_kw"], old["minimum_up_hours"], old["ramp_up_kw_per_hour"]) == (40_000, 3, 25_000)
    assert (base["minimum_kw"], base["initial_kw"], base["minimum_up_hours"]) == (25_000, 25_000, 8_760)
    assert (roof["name"], roof["kind"], roof["fuel"]) == ("1-Hard-Coal-2", "solar", "solar-rooftop")
    assert "ramp_up_kw_per_hour" not in roof
    assert found.notes == [
        "names changed to what a scenario takes: 2",
        "marginal_cost rounded to 2 decimals: 1",
        "plants with a minimum that are not committable: always on: 1",
        "solar farms: minimum, ramps, times and costs of a start are not taken: 1",
        "left out, as they have no watt of capacity: 1",
        "left out, as they take power or are not active: 1",
        "the table has nothing for these, so a scenario's defaults hold: ramp_down_kw_per_hour free; start_cost 0.00; "
        "stop_cost 0.00; minimum_down_hours 0; emissions_kg_per_mwh 0",
    ]


def test_snapshots_tell_what_a_ramp_and_a_time_are_counted_in(tmp_path: Path) -> None:
    table(tmp_path, GENERATORS, "generators.csv")
    table(tmp_path, "snapshot,objective\n2026-01-01 00:00:00,0.5\n2026-01-01 00:30:00,0.5\n", "snapshots.csv")
    old = read_plants(tmp_path).plants[1]
    assert (old["minimum_up_hours"], old["ramp_up_kw_per_hour"]) == (2, 50_000)


def test_tables_of_the_nem(tmp_path: Path) -> None:
    found = read_plants(table(tmp_path, UNITS))
    assert found.plants == [
        {
            "name": "YW4", "fuel": "Brown-coal", "capacity_kw": 380_000, "minimum_kw": 228_000,
            "ramp_up_kw_per_hour": 260_000, "ramp_down_kw_per_hour": 130_500, "marginal_cost": Decimal("10.36"),
            "start_cost": 45_600, "minimum_up_hours": 16, "minimum_down_hours": 17,
            "emissions_kg_per_mwh": Decimal("1447.070"),
        },
        {"name": "WR1", "kind": "wind", "fuel": "Wind", "capacity_kw": 175_000, "marginal_cost": 0,
         "emissions_kg_per_mwh": 0},
    ]  # fmt: skip
    found = read_plants(table(tmp_path, LIST))
    assert [(row["name"], row["capacity_kw"], row.get("kind")) for row in found.plants] == [
        ("ALP1", 420_000, None), ("SUN1", 53_000, "solar"),
    ]  # fmt: skip
    assert found.plants[0]["ramp_up_kw_per_hour"] == 300_000
    assert found.notes[:4] == [
        "further rows of a DUID, left out: 1",
        "left out, as they are no generators: 2",
        "batteries left out, as the list doesn't say what they hold: 1",
        "left out, as they have no DUID: 1",
    ]


def test_the_table_of_the_reliability_system(tmp_path: Path) -> None:
    found = read_plants(table(tmp_path, RTS))
    turbine, sun = found.plants
    heat = Decimal("0.4") * 12 + Decimal("0.2") * 8 + Decimal("0.4") * 9  # MMBTU/MWh at full load
    assert turbine["marginal_cost"] == heat * 4 + Decimal("0.5")
    assert turbine["start_cost"] == 410
    assert turbine["emissions_kg_per_mwh"] == (118 * heat * Decimal("0.45359237")).quantize(Decimal("0.001"))
    assert (turbine["minimum_up_hours"], turbine["ramp_up_kw_per_hour"]) == (3, 180_000)
    assert (sun["kind"], sun["capacity_kw"]) == ("solar", 25_000)
    assert "batteries left out, as the table doesn't say what they hold: 1" in found.notes


@pytest.mark.parametrize(
    ("text", "old", "new", "said"),
    [
        (UNITS, "228.0", "428.0", "line 2: minimum_kw = 428000: must not exceed capacity_kw (380000)"),
        (UNITS, "260.0", "fast", "line 2: RR_UP = fast: must be a number"),
        (UNITS, "WR1", "YW4", "line 3: name = YW4: stands in line 2 too"),
        (UNITS, "YW4", "--", "line 2: name = --: must hold a letter or a digit"),
        (UNITS, "16.5,", "-3,", "line 2: minimum_down_hours = -3: must be at least 0"),
        (LIST, "ALP1,-", "ALP1,400", "line 3: DUID = ALP1: stands in line 2 too, with another capacity"),
        (RTS, "8000,9000", ",9000", "line 2: HR_incr_1: must be given, as Output_pct_1 is"),
        (GENERATORS, "p_nom,", "power,", "must have the columns of a known table: name, bus, p_nom; DUID,"),
        (GENERATORS, "100,gas", "100,1,gas", "line 3: row = old,b1,100,1,gas"),
        (GENERATORS, "272.0", "9e12", "line 2: capacity_kw = 9000000000000000: must lie between 0.001 and 1000000000"),
    ],
)  # fmt: skip
def test_a_bad_row_is_told_with_its_line(tmp_path: Path, text: str, old: str, new: str, said: str) -> None:
    path = table(tmp_path, text.replace(old, new, 1))
    target = tmp_path / "plants.toml"
    line = refusal(call("scenario", "plants", path, "--out", target))
    assert line.startswith(str(path))
    assert said in line
    assert not target.exists()


def test_what_is_no_table_is_told(tmp_path: Path) -> None:
    assert "must hold generators.csv or storage_units.csv" in refusal(call("scenario", "plants", tmp_path))
    assert "no such file" in refusal(call("scenario", "plants", tmp_path / "none.csv"))
    assert "rows = 0: must be at least 1" in refusal(call("scenario", "plants", table(tmp_path, "name,bus,p_nom\n")))
    assert "must be a TOML file or one of" in refusal(call("scenario", "export", "nowhere", "--out", tmp_path / "o"))
    assert not (tmp_path / "o").exists()


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([GENERATORS, UNITS, LIST, RTS]),
    st.integers(0, 1_200),
    st.integers(0, 12),
    st.one_of(st.text(max_size=8), st.sampled_from(["-1", "1e30", "nan", "inf", "0", "1e-99", ",", '"', "\n", "True"])),
)
def test_no_table_brings_the_program_down(
    tmp_path_factory: pytest.TempPathFactory, text: str, place: int, length: int, new: str
) -> None:
    path = table(tmp_path_factory.getbasetemp(), text[:place] + new + text[place + length :], "fuzzed.csv")
    with suppress(BadInput):  # anything else is a fault
        for values in read_plants(path).plants:
            Plant.model_validate(values)


@needs_shared_data
@pytest.mark.parametrize(
    ("name", "plants"), [("fleet_nem_generators_egrimod.csv", 203), ("fleet_pypsa_scigrid_de_generators.csv", 1_000)]
)
def test_real_tables(name: str, plants: int) -> None:
    found = read_plants(SHARED_DATA / name)
    assert len(found.plants) >= plants
    head = RICH.partition("[[plants]]")[0]
    assert len(parse_scenario(head + plants_toml(found, name), "big.toml").plants) == len(found.plants)
