"""Pictures of a replay: prices, what made the energy, load and roofs, the community, the fleet."""

from __future__ import annotations

import numpy as np

from voltadesk.engine.exchange import Exchange
from voltadesk.engine.tables import Table
from voltadesk.report.charts import Chart, Floats, Timeline, axes, drawing, figure_of, name_parts, power_unit, say_unit
from voltadesk.report.colours import AMBER, BLUE, COLOURS, GREEN, GREY, INK, ORANGE, SKY, SOFT, YELLOW
from voltadesk.report.fleet_charts import fleet_charts
from voltadesk.report.price_charts import price_charts, prices_of
from voltadesk.report.summary import fuel_of
from voltadesk.scenario.world import World

FUELS_SHOWN = 6  # more are drawn as one
_KNOWN = {"roofs": YELLOW, "solar": AMBER, "wind": SKY, "batteries": BLUE, "upstream": GREY, "reserve": SOFT}


def replay_charts(world: World, exchange: Exchange) -> list[Chart]:
    """The pictures of a run, without those that would be empty."""
    rows = exchange.intervals[: exchange.next_interval]
    time = Timeline(world.grid, 0, len(rows))
    market, community = world.scenario.market, world.scenario.community.rule != "none"
    made = price_charts(
        prices_of(rows["price_tick"]),
        time,
        f"{world.scenario.currency}/MWh",
        (market.floor / 100, market.cap / 100),
        prices_of(rows["community_price_tick"]) if community else None,
    )
    with drawing():
        if sources := _sources(world, exchange, rows, time):
            made.append(_mix(sources, rows, time))
        if rows["load_wh"].any() or rows["solar_wh"].any():
            made.append(_load(rows, time))
        if rows["community_wh"].any():
            made.append(_community(rows, time))
        if exchange.battery_rows.size and (rows["battery_charge_wh"] + rows["battery_discharge_wh"]).any():
            made += _fleet(world, exchange, rows)
    return made


def _sources(world: World, exchange: Exchange, rows: Table, time: Timeline) -> dict[str, Floats]:
    """Mean power of each source [kW]: those that fall together first, the largest below."""
    by_fuel: dict[str, Floats] = {}
    for p, plant in enumerate(world.scenario.plants):
        power = time.power_kw(exchange.plant_output_wh[: len(rows), p])
        by_fuel[fuel_of(plant)] = by_fuel.get(fuel_of(plant), np.zeros(len(power))) + power
    ranked = sorted(by_fuel, key=lambda fuel: (-float(by_fuel[fuel].sum()), fuel))
    sources = {fuel: by_fuel[fuel] for fuel in ranked[:FUELS_SHOWN]}
    for fuel in ranked[FUELS_SHOWN:]:
        sources["other plants"] = sources.get("other plants", np.zeros(len(time.sizes))) + by_fuel[fuel]
    sources["roofs"] = time.power_kw(rows["solar_wh"])
    sources["batteries"] = time.power_kw(rows["battery_discharge_wh"])
    sources["upstream"] = time.power_kw(rows["upstream_import_wh"])
    sources["reserve"] = time.power_kw(rows["reserve_up_wh"])
    return {name: power for name, power in sources.items() if power.any()}


def _mix(sources: dict[str, Floats], rows: Table, time: Timeline) -> Chart:
    served, emitted = time.sums(rows["load_wh"]), time.sums(rows["emissions_ug"])
    kg_per_mwh = np.divide(emitted, served * 1000, out=np.full(len(served), np.nan), where=served > 0)
    axis, *below = axes(4.6, (3, 1)) if served.any() else axes(3.4)
    unit, divisor = power_unit(sum(sources.values(), np.zeros(len(time.sizes))))
    free = iter([colour for colour in COLOURS if colour not in _KNOWN.values()] * len(sources))
    bottom = np.zeros(len(time.sizes))
    for name, power in sources.items():
        top = bottom + power / divisor
        colour = _KNOWN.get(name) or next(free)
        axis.stairs(top, time.edges, baseline=bottom, fill=True, color=colour, label=name, linewidth=0)
        bottom = top
    axis.set_ylim(0)
    say_unit(axis, unit)
    time.label(axis)
    name_parts(axis, 8)
    text = f"mean power by source [{unit}], {time.words}"
    for low in below:
        low.stairs(kg_per_mwh, time.edges, baseline=None, color=INK, linewidth=1.1)
        low.set_ylim(0)
        say_unit(low, "CO2 kg/MWh")
        time.label(low)
        text += "; below, CO2 of each MWh that was served [kg/MWh]"
    return Chart("mix", "Where energy came from", text, figure_of(axis))


def _load(rows: Table, time: Timeline) -> Chart:
    (axis,) = axes(3.2)
    load, solar = time.power_kw(rows["load_wh"]), time.power_kw(rows["solar_wh"])
    shed = time.power_kw(rows["shed_wh"])
    unit, divisor = power_unit(load, solar)
    if solar.any():
        axis.stairs(solar / divisor, time.edges, fill=True, color=AMBER, alpha=0.6, linewidth=0, label="roofs")
    axis.stairs(load / divisor, time.edges, baseline=None, color=BLUE, label="load served", linewidth=1.3)
    if shed.any():
        top = (load + shed) / divisor
        axis.stairs(top, time.edges, baseline=load / divisor, fill=True, color=ORANGE, label="load shed", linewidth=0)
    axis.set_ylim(0)
    say_unit(axis, unit)
    time.label(axis)
    name_parts(axis)
    return Chart("load", "Load and roofs", f"mean power [{unit}], {time.words}", figure_of(axis))


def _community(rows: Table, time: Timeline) -> Chart:
    (axis,) = axes(2.8)
    shared, load = time.sums(rows["community_wh"]), time.sums(rows["load_wh"])
    share = np.divide(100 * shared, load, out=np.zeros(len(load)), where=load > 0)
    axis.stairs(share, time.edges, fill=True, color=GREEN, alpha=0.7, linewidth=0)
    axis.set_ylim(0)
    say_unit(axis, "% of the load")
    time.label(axis)
    text = f"share of the load that homes bought from each other [%], {time.words}"
    return Chart("community", "The community's share", text, figure_of(axis))


def _fleet(world: World, exchange: Exchange, rows: Table) -> list[Chart]:
    fill_wh = exchange.battery_rows["fill_wh"][: len(rows)].sum(axis=1)
    least, most = (int(exchange.batteries[f"{end}_fill_wh"].sum()) for end in ("minimum", "maximum"))
    flows = {"discharged": rows["battery_discharge_wh"], "charged": rows["battery_charge_wh"]}
    return fleet_charts(world.grid, 0, flows, fill_wh, (least, most))
