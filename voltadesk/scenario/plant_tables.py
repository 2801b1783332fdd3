"""Tables of power plants in the forms in which they are published, each known by its header.

- PyPSA: a folder of CSV files, or its `generators.csv` alone (PyPSA, "Components": Generator, Storage Unit, Carrier).
- NEM: the operator's list "Generators and Scheduled Loads" (AEMO, NEM Registration and Exemption List), and the table
  of units of Xenophon & Hill, Open grid model of Australia's National Electricity Market, Scientific Data 5 (2018).
- RTS-GMLC: `gen.csv` (Barrows et al., The IEEE Reliability Test System: a proposed 2019 update, 2020).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from voltadesk.errors import BadInput
from voltadesk.feeds.table import Table, read_table
from voltadesk.scenario.plant_rows import Cells, Found, Numbers, each, kind_of, thousand

KG_PER_LB = Fraction(45_359_237, 100_000_000)
MUST_RUN_HOURS = 8_760
ROOFS, ABOVE, UNSERVED = "home roofs", "grid above", "load not served"  # carriers that no plant of a scenario has


def read_plants(path: Path) -> Found:
    """The plants, and of a network the batteries, of a table. Raises BadInput with file, line and column."""
    if path.is_dir():
        return _network(path)
    table = read_table(path, "plants", ",;\t", least=1)
    for header, read in _KINDS:
        if all(column in table.columns for column in header):
            return read(table)
    headers = "; ".join(", ".join(header) for header, _ in _KINDS)
    raise BadInput(
        "header", ", ".join(table.columns), f"must have the columns of a known table: {headers}", table.place
    )


# PyPSA ----------------------------------------------------------------------------------------------------------------
def _network(folder: Path) -> Found:
    path = folder / "generators.csv"
    has_generators, storage = path.is_file(), folder / "storage_units.csv"
    if not has_generators and not storage.is_file():
        raise BadInput("plants", folder, "must hold generators.csv or storage_units.csv, as a network of PyPSA does")
    found = _generators(read_table(path, "plants", least=1), folder) if has_generators else Found("PyPSA")
    if storage.is_file():
        table = read_table(storage, "plants", least=1)
        if (folder / "storage_units-inflow.csv").is_file():
            inflows = set(read_table(folder / "storage_units-inflow.csv", "plants", least=1).columns)
        else:
            inflows = set()
        each(table, lambda cells: _add_storage(found, cells, inflows))
    return found


def _generators(table: Table, folder: Path | None = None) -> Found:
    found = Found("PyPSA")
    hours, emissions = Fraction(1), dict[str, Fraction]()
    series: dict[str, set[str]] = {"p_max_pu": set(), "p_min_pu": set(), "marginal_cost": set()}
    if folder is not None:
        hours = _snapshot_hours(folder)
        if (folder / "carriers.csv").is_file():
            carriers = read_table(folder / "carriers.csv", "plants", least=0)
            rows = (Cells(carriers, row) for row in range(len(carriers.rows)))
            emissions = {cells.text("name"): cells.number("co2_emissions") or Fraction(0) for cells in rows}
        for attribute in series:
            if (file := folder / f"generators-{attribute}.csv").is_file():
                series[attribute] = set(read_table(file, "plants", least=1).columns[1:])
    seen: dict[str, int] = {}
    each(table, lambda cells: _add_generator(found, cells, hours, emissions, series, seen))
    return found


def _add_generator(
    found: Found,
    cells: Cells,
    hours: Fraction,
    emissions: dict[str, Fraction],
    series: dict[str, set[str]],
    seen: dict[str, int],
) -> None:
    name, carrier, type_ = cells.text("name"), cells.text("carrier"), cells.text("type")
    _require_new(cells, name, seen)
    power = cells.number("p_nom") or Fraction(0)
    least, most = cells.number("p_min_pu") or Fraction(0), cells.number("p_max_pu")
    if carrier in (ROOFS, ABOVE, UNSERVED):
        return found.note(f"left out, as they are no plants: {carrier}")
    if least < 0 or cells.number("sign") == -1 or not cells.is_true("active", True):
        return found.note("left out, as they take power or are not active")
    for attribute, names in series.items():
        if name in names:
            found.note(f"plants whose series {attribute} is not read")
    is_committable = cells.is_true("committable", False)
    efficiency = cells.number("efficiency") or Fraction(1)
    capacity = thousand(power, 1 if most is None else most)
    numbers: Numbers = {
        "capacity_kw": capacity,
        "minimum_kw": thousand(power, least) or None,
        "marginal_cost": cells.number("marginal_cost"),
        "initial_kw": thousand(cells.number("p_init")),
        "emissions_kg_per_mwh": thousand(emissions.get(carrier, Fraction(0)) / efficiency) or None,
    }
    for key, column in (("ramp_up_kw_per_hour", "ramp_limit_up"), ("ramp_down_kw_per_hour", "ramp_limit_down")):
        ramp = cells.number(column)
        numbers[key] = None if ramp is None else thousand(power, ramp / hours)
    if is_committable:
        for key, column in (("minimum_up_hours", "min_up_time"), ("minimum_down_hours", "min_down_time")):
            snapshots = cells.number(column)
            numbers[key] = snapshots * hours if snapshots else None
        numbers["start_cost"], numbers["stop_cost"] = cells.number("start_up_cost"), cells.number("shut_down_cost")
    elif least > 0:
        found.note("plants with a minimum that are not committable: always on")
        numbers |= {"initial_kw": numbers["minimum_kw"], "minimum_up_hours": Fraction(MUST_RUN_HOURS)}
    kind = type_ if type_ in ("thermal", "solar", "wind") else kind_of(carrier)
    return found.add_plant(cells, name, kind, "" if carrier == kind else carrier, numbers)


def _add_storage(found: Found, cells: Cells, inflows: set[str]) -> None:
    name, power = cells.text("name"), cells.number("p_nom") or Fraction(0)
    least, most = cells.number("p_min_pu"), cells.number("p_max_pu")
    charge, discharge = (Fraction(1) if share is None else share for share in (None if least is None else -least, most))
    hours = cells.number("max_hours")
    capacity = power * (Fraction(1) if hours is None else hours)
    if name in inflows or cells.number("inflow"):
        return found.note("storage units left out, as water flows into them")
    if min(capacity, power * charge, power * discharge) <= 0:
        return found.note("storage units left out, as they can't be both charged and discharged")
    loss = cells.number("standing_loss")
    numbers: Numbers = {
        "capacity_kwh": thousand(capacity),
        "charge_kw": thousand(power, charge),
        "discharge_kw": thousand(power, discharge),
        "charge_efficiency": cells.number("efficiency_store"),
        "discharge_efficiency": cells.number("efficiency_dispatch"),
        "standing_loss_percent_per_hour": None if loss is None else loss * 100,
        "initial_fill_kwh": thousand(cells.number("state_of_charge_initial") or Fraction(0)),
        "wear_cost": cells.number("marginal_cost"),
    }
    return found.add_battery(cells, name, numbers)


def _snapshot_hours(folder: Path) -> Fraction:
    """From one snapshot to the next; an hour, PyPSA's own default, where nothing tells."""
    path = folder / "snapshots.csv"
    if not path.is_file():
        return Fraction(1)
    table = read_table(path, "plants", least=1)
    column = table.columns.index("snapshot") if "snapshot" in table.columns else 0
    try:
        first, second = (datetime.fromisoformat(row[column].strip()) for row in table.rows[:2])
    except (ValueError, TypeError):  # no stamps, or one of them with an offset
        return Fraction(1)
    return Fraction(int((second - first).total_seconds()), 3600) or Fraction(1)


# NEM ------------------------------------------------------------------------------------------------------------------
def _units(table: Table) -> Found:
    found, seen = Found("NEM, table of units"), dict[str, int]()
    costs = [column for column in table.columns if column.startswith("SRMC")]

    def add(cells: Cells) -> None:
        _require_new(cells, cells.text("DUID"), seen)
        fuel = cells.text("FUEL_TYPE")
        numbers: Numbers = {
            "capacity_kw": thousand(cells.number("REG_CAP")),
            "minimum_kw": thousand(cells.number("MIN_GEN")),
            "ramp_up_kw_per_hour": thousand(cells.number("RR_UP")),
            "ramp_down_kw_per_hour": thousand(cells.number("RR_DOWN")),
            "marginal_cost": cells.number(costs[-1]) if costs else None,
            "start_cost": cells.number("SU_COST_WARM"),
            "minimum_up_hours": cells.number("MIN_ON_TIME"),
            "minimum_down_hours": cells.number("MIN_OFF_TIME"),
            "emissions_kg_per_mwh": thousand(cells.number("EMISSIONS")),
        }
        found.add_plant(cells, cells.text("DUID"), kind_of(fuel), fuel, numbers)

    each(table, add)
    return found


def _registrations(table: Table) -> Found:
    """Rows of physical units: one that repeats the capacity of its DUID, or has none, is no plant of its own."""
    found = Found("NEM, Generators and Scheduled Loads")
    capacities: dict[str, tuple[Fraction | None, int]] = {}

    def add(cells: Cells) -> None:
        name, capacity = cells.text("DUID"), cells.number("Reg Cap (MW)")
        if cells.text("Dispatch Type").lower() not in ("generator", "generating unit", ""):
            return found.note("left out, as they are no generators")
        fuel = cells.text("Fuel Source - Descriptor") or cells.text("Fuel Source - Primary")
        words = [cells.text(f"{what} - {rank}") for what in ("Fuel Source", "Technology Type")
                 for rank in ("Primary", "Descriptor")]  # fmt: skip
        if name in ("", "-"):
            return found.note("left out, as they have no DUID")
        if any(word.lower().startswith(("battery", "storage")) for word in words):
            return found.note("batteries left out, as the list doesn't say what they hold")
        if name in capacities:
            before, line = capacities[name]
            if capacity not in (None, before):
                raise BadInput("DUID", name, f"stands in line {line} too, with another capacity", cells.where)
            return found.note("further rows of a DUID, left out")
        capacities[name] = capacity, cells.table.lines[cells.row]
        rate = thousand(cells.number("Max ROC/Min"), 60) or None
        numbers: Numbers = {
            "capacity_kw": thousand(capacity),
            "ramp_up_kw_per_hour": rate,
            "ramp_down_kw_per_hour": rate,
        }
        return found.add_plant(cells, name, kind_of(words[0], words[2]), fuel, numbers)

    each(table, add)
    return found


# RTS-GMLC -------------------------------------------------------------------------------------------------------------
def _reliability_units(table: Table) -> Found:
    found, seen = Found("RTS-GMLC"), dict[str, int]()

    def add(cells: Cells) -> None:
        name, unit = cells.text("GEN UID"), cells.text("Unit Type")
        _require_new(cells, name, seen)
        if unit.upper() == "STORAGE":
            return found.note("batteries left out, as the table doesn't say what they hold")
        rate = thousand(cells.number("Ramp Rate MW/Min"), 60) or None
        heat, price = _full_load_heat(cells), cells.number("Fuel Price $/MMBTU") or Fraction(0)
        cost = None if heat is None else heat * price + (cells.number("VOM") or 0)
        start_heat, start = cells.number("Start Heat Warm MBTU"), cells.number("Non Fuel Start Cost $")
        carbon = cells.number("Emissions CO2 Lbs/MMBTU")
        numbers: Numbers = {
            "capacity_kw": thousand(cells.number("PMax MW")),
            "minimum_kw": thousand(cells.number("PMin MW")),
            "ramp_up_kw_per_hour": rate,
            "ramp_down_kw_per_hour": rate,
            "marginal_cost": cost,
            "start_cost": None if start_heat is None else start_heat * price + (start or 0),
            "stop_cost": cells.number("Non Fuel Shutdown Cost $"),
            "minimum_up_hours": cells.number("Min Up Time Hr"),
            "minimum_down_hours": cells.number("Min Down Time Hr"),
            "emissions_kg_per_mwh": None if carbon is None or heat is None else carbon * heat * KG_PER_LB,
        }
        return found.add_plant(cells, name, kind_of(unit, cells.text("Category")), cells.text("Fuel"), numbers)

    each(table, add)
    return found


def _full_load_heat(cells: Cells) -> Fraction | None:
    """Mean heat rate at full load [MMBTU/MWh]: up to the first point its mean, from each to the next the increment."""
    done, heat = cells.number("Output_pct_0"), cells.number("HR_avg_0")
    if done is None or heat is None or done <= 0:
        return None
    total, point = done * heat, 1
    while (upto := cells.number(f"Output_pct_{point}")) is not None and upto > done:
        increment = cells.number(f"HR_incr_{point}")
        if increment is None:
            raise BadInput(f"HR_incr_{point}", None, f"must be given, as Output_pct_{point} is", cells.where)
        total, done, point = total + (upto - done) * increment, upto, point + 1
    return total / done / 1000


def _require_new(cells: Cells, name: str, seen: dict[str, int]) -> None:
    if name in seen:
        raise BadInput("name", name, f"stands in line {seen[name]} too", cells.where)
    seen[name] = cells.table.lines[cells.row]


_KINDS: tuple[tuple[tuple[str, ...], Callable[[Table], Found]], ...] = (
    (("name", "bus", "p_nom"), _generators),
    (("DUID", "REG_CAP"), _units),
    (("DUID", "Reg Cap (MW)"), _registrations),
    (("GEN UID", "PMax MW"), _reliability_units),
)
