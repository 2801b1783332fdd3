"""A scenario as a network of PyPSA, in the folder of CSV files that `pypsa.Network(folder)` reads.

One bus; a load for each group of homes; generators for plants, roofs and the grid above, and one that makes up for load
that is not served, at the cap; a storage unit for each group of batteries. Power is in MW, snapshots are in UTC. Names
with a blank are the exporter's own: no name of a scenario has one. (PyPSA, "Components" and "Import and export".)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voltadesk.errors import BadInput
from voltadesk.report.folder import OutFolder
from voltadesk.scenario.model import BatteryGroup, Plant
from voltadesk.scenario.plant_tables import ABOVE, ROOFS, UNSERVED
from voltadesk.scenario.replay import CELLS_PER_CHUNK
from voltadesk.scenario.world import World
from voltadesk.units import PPM_PER_UNIT, decimal_text, half_even

BUS = "market"
SHARE_DECIMALS = 12
HEADER = "name,pypsa_version,srid"  # of network.csv, which tells a network that was written here
WRITTEN_FOR = "1.4.0"  # the version whose tables of components these files follow

Ints = NDArray[np.int64]
Row = dict[str, str]


@dataclass
class Network:
    """Static rows of each component, and series by component and attribute: a column of texts for each name."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    series: dict[tuple[str, str], dict[str, list[str]]] = field(default_factory=dict)

    def add(self, component: str, **values: str) -> None:
        self.rows.setdefault(component, []).append(values)

    def set_series(self, component: str, attribute: str, name: str, texts: list[str]) -> None:
        self.series.setdefault((component, attribute), {})[name] = texts


@dataclass(frozen=True, eq=False)
class Flows:
    """What the outside brings, in the intervals of a world."""

    load_w: Ints  # (T, groups of homes) flexible load as it comes up
    roofs_w: Ints  # (T, groups of homes)
    plants_w: Ints  # (T, P) most that each can make
    available_ppm: Ints  # (T, groups of batteries) share of its power


def write_network(folder: OutFolder, world: World) -> dict[str, int]:
    """Write a scenario's network into a folder that was begun, and finish it; returns how many there are of what.

    Raises BadInput where the folder has tables of another network, which would become part of this one.
    """
    before = _tables_before(folder.folder)
    network = network_of(world, flows_of(world))
    starts = [_stamp(second) for second in world.grid.starts_utc.tolist()]
    hours = share(world.grid.step_s, 3600)
    name = world.scenario.name
    folder.write_text("network.csv", f"{HEADER}\n{name},{WRITTEN_FOR},4326\n")
    snapshots = (f"{start},{hours},{hours},{hours}" for start in starts)
    folder.write_text("snapshots.csv", _lines("snapshot,objective,stores,generators", snapshots))
    for component, rows in network.rows.items():
        columns = list(dict.fromkeys(key for row in rows for key in row))
        lines = (",".join(row.get(column, "") for column in columns) for row in rows)
        folder.write_text(f"{component}.csv", _lines(",".join(columns), lines))
    for (component, attribute), series in network.series.items():
        lines = (",".join(texts) for texts in zip(starts, *series.values(), strict=True))
        folder.write_text(f"{component}-{attribute}.csv", _lines(",".join(["snapshot", *series]), lines))
    stale = before - {path.name for path in folder.work.iterdir()}
    folder.finish()
    for name in stale:
        (folder.folder / name).unlink()
    return {component: len(rows) for component, rows in network.rows.items()} | {"snapshots": len(starts)}


def _tables_before(folder: Path) -> set[str]:
    """The tables of a network that was written here before, all of which are replaced. Raises BadInput for others."""
    tables = {path.name for path in folder.glob("*.csv")}
    network = folder / "network.csv"
    if tables and not (network.is_file() and network.read_text("utf-8", "replace").startswith(f"{HEADER}\n")):
        limit = f"must not hold tables of another kind, as all tables of a folder are its network: {min(tables)}"
        raise BadInput("out", folder, limit)
    return tables


def flows_of(world: World) -> Flows:
    """Loads, roofs and plants of all intervals, homes added up by their groups."""
    groups, count = len(world.scenario.homes), world.grid.count
    batteries = np.searchsorted(world.battery_group, np.arange(len(world.scenario.fleet)))
    flows = Flows(
        np.zeros((count, groups), np.int64),
        np.zeros((count, groups), np.int64),
        world.plant_metered_wh * (3600 // world.grid.step_s),
        np.full((count, len(batteries)), PPM_PER_UNIT),
    )
    firsts = np.searchsorted(world.home_group, np.arange(groups))
    length = max(1, min(4_096, CELLS_PER_CHUNK // max(len(world.home_group), 1)))
    for first in range(0, count, length):
        span = slice(first, min(first + length, count))
        given = world.conditions(first, span.stop - first)
        if groups:
            load_wh = given.load_metered_wh + given.flexible_wh
            flows.load_w[span] = np.add.reduceat(load_wh, firsts, axis=1) * (3600 // world.grid.step_s)
            flows.roofs_w[span] = np.add.reduceat(given.solar_metered_wh, firsts, axis=1) * (3600 // world.grid.step_s)
        if len(batteries):
            flows.available_ppm[span] = given.battery_available_ppm[:, batteries]
    return flows


def network_of(world: World, flows: Flows) -> Network:
    """All components of a scenario."""
    network = Network()
    network.add("buses", name=BUS, carrier="AC")
    _add_homes(network, world, flows)
    fuels = fuel_carriers(world.scenario.plants)
    for p, plant in enumerate(world.scenario.plants):
        _add_plant(network, plant, fuels[p], world.grid.step_s, flows.plants_w[:, p])
    _add_upstream(network, world)
    for g, group in enumerate(world.scenario.fleet):
        _add_storage(network, group, flows.available_ppm[:, g])
    emissions = {
        carrier: plant.emissions_kg_per_mwh for carrier, plant in zip(fuels, world.scenario.plants, strict=True)
    }
    if world.scenario.upstream is not None:
        emissions[ABOVE] = world.scenario.upstream.emissions_kg_per_mwh
    used = [row["carrier"] for rows in network.rows.values() for row in rows if "carrier" in row]
    for carrier in dict.fromkeys(used):
        # g/MWh are millionths of t/MWh.
        network.add("carriers", name=carrier, co2_emissions=decimal_text(emissions.get(carrier, 0), 6, 1))
    return network


def fuel_carriers(plants: Sequence[Plant]) -> list[str]:
    """A carrier for each plant: its fuel, else its kind; with its emissions, where others of that name have others."""
    names = [plant.fuel or plant.kind for plant in plants]
    emissions: dict[str, set[int]] = {}
    for name, plant in zip(names, plants, strict=True):
        emissions.setdefault(name, set()).add(plant.emissions_kg_per_mwh)
    return [
        name if len(emissions[name]) == 1 else f"{name}-{decimal_text(plant.emissions_kg_per_mwh, 3)}"
        for name, plant in zip(names, plants, strict=True)
    ]


# Components -----------------------------------------------------------------------------------------------------------
def _add_homes(network: Network, world: World, flows: Flows) -> None:
    for g, group in enumerate(world.scenario.homes):
        network.add("loads", name=group.name, bus=BUS)
        network.set_series("loads", "p_set", group.name, _mw_column(flows.load_w[:, g]))
    for g, group in enumerate(world.scenario.homes):
        made_w = flows.roofs_w[:, g]
        peak_w = int(world.home_model["solar_peak_w"][world.home_group == g].sum()) or int(made_w.max())
        if peak_w:
            name = f"{group.name} roofs"
            network.add("generators", name=name, bus=BUS, carrier=ROOFS, p_nom=mw(peak_w),
                        marginal_cost=per_mwh(group.offer_limit))  # fmt: skip
            network.set_series("generators", "p_max_pu", name, _share_column(made_w, peak_w))
    if world.scenario.homes:
        most_w = int(flows.load_w.sum(axis=1).max())
        network.add("generators", name=UNSERVED, bus=BUS, carrier=UNSERVED, p_nom=mw(most_w),
                    marginal_cost=per_mwh(world.scenario.market.cap))  # fmt: skip


def _add_plant(network: Network, plant: Plant, carrier: str, step_s: int, most_w: Ints) -> None:
    per_hour, capacity_w = 3600 // step_s, plant.capacity_kw
    up, down = plant.minimum_up_hours * per_hour, plant.minimum_down_hours * per_hour
    values = {
        "name": plant.name,
        "bus": BUS,
        "type": plant.kind,
        "carrier": carrier,
        "p_nom": mw(capacity_w),
        "marginal_cost": per_mwh(plant.marginal_cost),
    }
    if plant.minimum_kw or plant.start_cost or plant.stop_cost or up or down:
        is_on = plant.initial_kw > 0
        values |= {
            "p_min_pu": share(plant.minimum_kw, capacity_w),
            "committable": "True",
            "start_up_cost": decimal_text(plant.start_cost, 8, 1),
            "shut_down_cost": decimal_text(plant.stop_cost, 8, 1),
            "min_up_time": str(up),
            "min_down_time": str(down),
            # It is free to start or stop in the first interval.
            "up_time_before": str(max(up, 1) if is_on else 0),
            "down_time_before": str(0 if is_on else max(down, 1)),
        }
    for attribute, ramp_w in (
        ("ramp_limit_up", plant.ramp_up_kw_per_hour), ("ramp_limit_down", plant.ramp_down_kw_per_hour),
    ):  # fmt: skip
        if ramp_w is not None:
            values[attribute] = share(ramp_w, capacity_w * per_hour)
    if plant.initial_kw:
        values["p_init"] = mw(plant.initial_kw)
    network.add("generators", **values)
    if plant.kind != "thermal" or plant.outages:
        network.set_series("generators", "p_max_pu", plant.name, _share_column(most_w, capacity_w))


def _add_upstream(network: Network, world: World) -> None:
    """The grid above, which sells at its price plus the fee and buys at its price less the fee."""
    upstream, price_tick = world.scenario.upstream, world.upstream_price_tick
    if upstream is None or price_tick is None:
        return
    for way, fee, least, most in (("sells", upstream.fee, "0.0", "1.0"), ("buys", -upstream.fee, "-1.0", "0.0")):
        name = f"{ABOVE} {way}"
        values = {"bus": BUS, "carrier": ABOVE, "p_nom": mw(upstream.limit_kw), "p_min_pu": least, "p_max_pu": most}
        if upstream.prices is None:
            values["marginal_cost"] = per_mwh(int(price_tick[0]) + fee)
        else:
            texts = list(map(per_mwh, (price_tick + fee).tolist()))
            network.set_series("generators", "marginal_cost", name, texts)
        network.add("generators", name=name, **values)


def _add_storage(network: Network, group: BatteryGroup, available_ppm: Ints) -> None:
    """Batteries of a group as one store, which holds what lies between their least and their most fill."""
    least, most = (group.capacity_kwh * share_bp // 10_000 for share_bp in
                   (group.minimum_fill_percent, group.maximum_fill_percent))  # fmt: skip
    power_w = max(group.charge_kw, group.discharge_kw)
    network.add(
        "storage_units",
        name=group.name,
        bus=BUS,
        carrier="battery",
        p_nom=mw(power_w * group.count),
        p_min_pu=share(-group.charge_kw, power_w),
        p_max_pu=share(group.discharge_kw, power_w),
        max_hours=share(most - least, power_w),
        efficiency_store=decimal_text(group.charge_efficiency, 6, 1),
        efficiency_dispatch=decimal_text(group.discharge_efficiency, 6, 1),
        standing_loss=decimal_text(group.standing_loss_percent_per_hour, 6, 1),
        state_of_charge_initial=mw((group.initial_fill_wh - least) * group.count),
        marginal_cost=per_mwh(group.wear_cost),
    )
    if group.outages:
        for attribute, signed_w in (("p_min_pu", -group.charge_kw), ("p_max_pu", group.discharge_kw)):
            texts = _share_column(available_ppm * signed_w, power_w * PPM_PER_UNIT)
            network.set_series("storage_units", attribute, group.name, texts)


# Numbers --------------------------------------------------------------------------------------------------------------
def mw(power_w: int) -> str:
    """Power [MW], or energy [MWh] of Wh, written exactly."""
    return decimal_text(power_w, 6, 1)


def per_mwh(price_tick: int) -> str:
    """A price per MWh, written exactly."""
    return decimal_text(price_tick, 2, 1)


def share(part: int, whole: int) -> str:
    """A quotient with twelve decimals, halves to even."""
    return decimal_text(half_even(part * 10**SHARE_DECIMALS, whole), SHARE_DECIMALS, 1)


def _mw_column(power_w: Ints) -> list[str]:
    return list(map(mw, power_w.tolist()))


def _share_column(part: Ints, whole: int) -> list[str]:
    known: dict[int, str] = {}
    return [known.get(one) or known.setdefault(one, share(one, whole)) for one in part.tolist()]


def _stamp(second_utc: int) -> str:
    return datetime.fromtimestamp(second_utc, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _lines(header: str, lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in (header, *lines))
