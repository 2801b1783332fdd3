"""What the electricity of a market is made from, in the order of what it costs, and how much of it there was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from voltadesk.scenario.model import Plant, Scenario
from voltadesk.ui.axes import Ints64
from voltadesk.ui.history import History
from voltadesk.ui.inks import MIX, TEXT, UP_DIM

GRID = "grid"  # as receipts name the grid above
_BATTERIES, _WIND, _HYDRO, _SOLAR, _BIOMASS, _UPSTREAM, _GAS, _OTHER = MIX
_INKS = {
    "batteries": _BATTERIES,
    "wind": _WIND,
    "hydro": _HYDRO,
    "solar": _SOLAR,
    "biomass": _BIOMASS,
    "upstream": _UPSTREAM,
    "gas": _GAS,
}
_MORE = (_OTHER, TEXT)  # for fuels that have no ink of their own, after those that the market leaves free


@dataclass(frozen=True)
class Source:
    """Something that electricity is made from: a plant, or all of a kind."""

    name: str
    ink: int
    plants: frozenset[str]  # as `History.sources` names them
    is_roofs: bool = False  # homes' roofs belong to it
    is_grid: bool = False
    is_batteries: bool = False


def sources_of(scenario: Scenario) -> tuple[Source, ...]:
    """By rising cost; batteries and the grid above come last. What nobody has is left out."""
    kinds: dict[str, list[Plant]] = {}
    for plant in sorted(scenario.plants, key=lambda plant: plant.marginal_cost):
        kinds.setdefault(_kind(plant), []).append(plant)
    has_roofs = any(group.solar or (group.meter and group.meter.solar) for group in scenario.homes)
    if has_roofs and "solar" not in kinds:
        kinds = {"solar": [], **kinds}
    inks = _inks(list(kinds), scenario.upstream is not None)
    found: list[Source] = []
    for kind, plants in kinds.items():
        is_roofs = kind == "solar" and has_roofs
        name = plants[0].name if len(plants) == 1 and not is_roofs else kind
        names = frozenset(f"plant:{plant.name}" for plant in plants)
        found.append(Source(name, inks[kind], names, is_roofs))
    found.append(Source("batteries", _BATTERIES, frozenset(), is_batteries=True))
    if scenario.upstream is not None:
        found.append(Source("grid above", _UPSTREAM, frozenset({GRID}), is_grid=True))
    return tuple(found)


def _kind(plant: Plant) -> str:
    return plant.kind if plant.kind != "thermal" else plant.fuel or "thermal"


def _inks(kinds: list[str], has_upstream: bool) -> Mapping[str, int]:
    """An ink for each kind, as far as there are; the last ones share one."""
    used = {*kinds, "batteries", *(["upstream"] if has_upstream else [])}
    free = [ink for kind, ink in _INKS.items() if kind not in used] + list(_MORE)
    inks: dict[str, int] = {}
    for kind in kinds:
        inks[kind] = _INKS[kind] if kind in _INKS else free.pop(0) if free else UP_DIM
    return inks


def energy_of(sources: tuple[Source, ...], history: History, begin: int = 0) -> Ints64:
    """Energy [Wh] that each source gave in the intervals from `begin` on (S, n)."""
    rows = {name: n for n, name in enumerate(history.sources)}
    found = np.zeros((len(sources), max(0, len(history) - begin)), np.int64)
    for n, source in enumerate(sources):
        if source.is_batteries:
            found[n] = history["battery_discharge_wh"][begin:]
        elif source.is_grid:
            found[n] = history["upstream_import_wh"][begin:]
        else:
            at = [rows[name] for name in source.plants if name in rows]
            found[n] = np.maximum(history.flow_wh[at, begin:], 0).sum(axis=0)
            if source.is_roofs:
                found[n] += history["solar_wh"][begin:]
    return found


def co2_g_per_kwh(energy_wh: Ints64, sources: tuple[Source, ...], emissions_ug: Ints64) -> Ints64:
    """CO2 for each kWh made or imported [g/kWh] (n,); what batteries give back was made before."""
    made_wh = energy_wh[[not source.is_batteries for source in sources]].sum(axis=0)
    rounded: Ints64 = (emissions_ug + 500 * made_wh) // np.maximum(1, 1000 * made_wh)
    return rounded
