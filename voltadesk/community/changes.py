"""What might be different in a community: a member less or more, a roof more; its rules and its energy, changed.

New roofs stand behind the meter: what they make serves their member's own use first, interval by interval, and only the
rest is fed in. What is copied from others is scaled by the floor of the running total, so that no part of a watt-hour
is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voltadesk import units
from voltadesk.clock import IntervalGrid
from voltadesk.community.battery import Battery
from voltadesk.community.energy import PERIOD_LIMIT_WH, Energy, Registers, checked_total
from voltadesk.community.rules import Community, Keys, Member, Pool
from voltadesk.engine.weather import draw_weather
from voltadesk.errors import BadInput
from voltadesk.feeds.meter_columns import MISSING, Register
from voltadesk.scenario.profiles import clear_sky_profile
from voltadesk.scenario.values import IDENTIFIER, IDENTIFIER_LIMIT

Ints = NDArray[np.int64]

FACTOR_UNIT = 10_000  # factors are counted in so many parts of one
FACTOR_LIMIT = 100 * FACTOR_UNIT
PEAK_LIMIT_W = 10**7  # above, a month's sums leave 64 bits

# A roof by its peak power: clear sky at 48 N 9 E, to the south at 30 degrees, less clouds that are drawn for each day.
# At a mean of one half it makes some 950 kWh a year and kW, amid the 816 to 1,049 that roofs in Germany made in the
# years 2012 to 2018 (te Heesen, Herbort, Rumpler, Solar Energy 194, 2019).
ROOF_LOOKS, ROOF_CLOUDS_BP, ROOF_SEED = "south", 5_000, 1


@dataclass(frozen=True)
class Joining:
    """One more member, like another: what it takes, makes and feeds in, where it is and what it pays."""

    name: str
    like: str
    factor: int = FACTOR_UNIT


@dataclass(frozen=True)
class Roof:
    """One more roof of a member: what another's makes, times a factor; or, without another, of a peak power."""

    member: str
    like: str | None = None
    factor: int = FACTOR_UNIT
    peak_w: int = 0


@dataclass(frozen=True)
class Changes:
    """All that might be different, in the order in which it is done."""

    without: tuple[str, ...] = ()
    joining: tuple[Joining, ...] = ()
    roofs: tuple[Roof, ...] = ()
    battery: Battery | None = None
    hindsight: bool = False  # the battery is run as one would have done who knew everything

    def __bool__(self) -> bool:
        return bool(self.without or self.joining or self.roofs or self.battery)


# Rules ----------------------------------------------------------------------------------------------------------------
def changed_rules(rules: Community, changes: Changes) -> Community:
    """The rules without those who leave and with those who join, who get all that the one they are like has.

    Keys keep their proportions and sum to 100 again; a new member's is that of the one it is like, times its factor.
    Raises BadInput for a member that is not there or is there already, and where nobody with a key is left.
    """
    members = {member.name: member for member in rules.members}
    for name in changes.without:
        _require(name in members, "without", name, members)
    for each in changes.joining:
        _require(each.like in members, "with", each.like, members)
    for n, name in enumerate(changes.without):
        if name in changes.without[:n]:
            raise BadInput("without", name, "must not be given twice")
    stay = [member for member in rules.members if member.name not in changes.without]
    for each in changes.joining:
        if not IDENTIFIER.fullmatch(each.name):
            raise BadInput("with", each.name, IDENTIFIER_LIMIT)
        if each.name.lower() in {member.name.lower() for member in stay}:
            raise BadInput("with", each.name, "is a member already")
        stay.append(members[each.like].model_copy(update={"name": each.name, "title": "", "meters": None}))
    for roof in changes.roofs:
        _require(roof.member in {member.name for member in stay}, "roof", roof.member, [m.name for m in stay])
        if roof.like is not None:
            _require(roof.like in members, "roof", roof.like, members, ", or a peak power such as 5kWp")
    if not any(not member.shared for member in stay):
        raise BadInput("without", ", ".join(changes.without), "must leave a member that is not shared")
    if not changes.without and not changes.joining:
        return rules
    return rules.model_copy(update=_parts(rules, changes) | {"members": stay})


def _require(holds: bool, field: str, name: str, known: Any, more: str = "") -> None:
    if not holds:
        listed = f": {', '.join(sorted(known))}" if len(known) <= 12 else ""
        raise BadInput(field, name, f"must be one of the members{listed}{more}")


def _parts(rules: Community, changes: Changes) -> dict[str, object]:
    """Pools and charges of those who are there now; pools that nobody is left in are gone."""

    def names(given: list[str] | None) -> list[str] | None:
        if given is None:
            return None
        return [n for n in given if n not in changes.without] + [j.name for j in changes.joining if j.like in given]

    pools = []
    for pool in rules.all_pools:
        producers, consumers = names(pool.producers), names(pool.consumers)
        if producers == [] or consumers == []:
            continue
        parts = pool.participation_percent
        kept = {name: part for name, part in parts.items() if name not in changes.without}
        kept |= {each.name: parts[each.like] for each in changes.joining if each.like in parts}
        keys = [_keys(pool, given, changes) for given in pool.keys]
        update = {"producers": producers, "consumers": consumers, "participation_percent": kept, "keys": keys}
        pools.append(pool.model_copy(update=update))
    if not pools:
        raise BadInput("without", ", ".join(changes.without), "must leave a pool that has producers and consumers")
    charges = [charge.model_copy(update={"members": names(charge.members)}) for charge in rules.charges]
    return {"sharing": None, "pools": pools, "charges": charges}


def _keys(pool: Pool, given: Keys, changes: Changes) -> Keys:
    weights = {name: key * FACTOR_UNIT for name, key in given.percent.items() if name not in changes.without}
    weights |= {each.name: given.percent.get(each.like, 0) * each.factor for each in changes.joining}
    if sum(weights.values()) == 0:
        raise BadInput("without", ", ".join(changes.without), f"must leave somebody with a key in the pool {pool.name}")
    names = sorted(weights)
    shares = units.share_out(units.PPM_PER_UNIT, [weights[name] for name in names])
    return Keys.model_construct(valid_from=given.valid_from, percent=dict(zip(names, shares, strict=True)))


# Energy ---------------------------------------------------------------------------------------------------------------
def with_members(rules: Community, energy: Energy, changes: Changes) -> Energy:
    """The energy of those who are there now, by rules from `changed_rules`."""
    if not changes.without and not changes.joining:
        return energy
    joining = {each.name: each for each in changes.joining}
    members = tuple(sorted(rules.members, key=lambda member: member.name))
    like = [joining[m.name].like if m.name in joining else m.name for m in members]
    columns = [energy.names.index(name) for name in like]
    imports, exports, own_use = (
        np.asarray(array[..., columns], np.int64) for array in (energy.import_wh, energy.export_wh, energy.own_use_wh)
    )
    for m, member in enumerate(members):
        if member.name in joining:
            factor = joining[member.name].factor
            imports[:, m], exports[:, m] = scaled(imports[:, m], factor), scaled(exports[:, m], factor)
            own_use[m] = own_use[m] * factor // FACTOR_UNIT
    changed = replace(
        energy,
        members=members,
        import_wh=imports,
        export_wh=exports,
        own_use_wh=own_use,
        takes=energy.takes[columns],
        active=energy.active[:, columns],
        estimated=energy.estimated[columns],
        unmetered=frozenset(m.name for m, name in zip(members, like, strict=True) if name in energy.unmetered),
    )
    return checked_total(changed)


def with_roofs(rules: Community, changed: Energy, energy: Energy, registers: Registers, changes: Changes) -> Energy:
    """The energy from `with_members` with what new roofs make; `energy` is as it stands, roofs are copied from there.

    Raises BadInput where nobody knows what a roof that is to be copied made.
    """
    if not changes.roofs:
        return changed
    changed = replace(changed.widened(), own_use_wh=changed.own_use_wh.copy())
    for roof in changes.roofs:
        m = changed.names.index(roof.member)
        active = changed.active[:, m]
        made = np.where(active, _made(roof, energy, registers, active, rules.meters.missing == "zero"), 0)
        own = np.minimum(changed.import_wh[:, m], made)
        changed.import_wh[:, m] -= own
        changed.export_wh[:, m] += made - own
        changed.own_use_wh[m] += own.sum()
    return checked_total(changed)


def scaled(energy_wh: Ints, factor: int) -> Ints:
    """An energy times a factor, by the floor of the running total, (T,) [Wh]."""
    return np.diff(np.cumsum(energy_wh) * factor // FACTOR_UNIT, prepend=0)


# Roofs ----------------------------------------------------------------------------------------------------------------
def _made(roof: Roof, energy: Energy, registers: Registers, active: NDArray[np.bool_], missing_as_zero: bool) -> Ints:
    """What a new roof makes, (T,) [Wh]."""
    if roof.like is None:
        return generic_roof_wh(energy.grid, roof.peak_w)
    member = energy.members[energy.names.index(roof.like)]
    made, missing = _production(member, registers, energy.grid)
    if int(made.sum()) > PERIOD_LIMIT_WH:
        raise BadInput("roof", roof.like, f"must have made at most {PERIOD_LIMIT_WH} Wh in a period")
    if not missing_as_zero and (missing & active).any():
        limit = f"has no production for {int((missing & active).sum()):,} intervals of the period"
        raise BadInput("roof", roof.like, f"{limit}: name another, or a peak power such as {roof.member}=5kWp")
    return scaled(made, roof.factor)


def _production(member: Member, registers: Registers, grid: IntervalGrid) -> tuple[Ints, NDArray[np.bool_]]:
    """What a member's roof made, (T,) [Wh], and where that is not known.

    Of a plant, which is shared or feeds in and nothing else, that is what it fed in. Anybody else uses some of it.
    """
    known = {register for meter in member.meter_names for register in registers.by_meter.get(meter, {})}
    is_plant = member.shared or known == {"export"}
    register: Register = "production" if "production" in known else "export"
    if register not in known or not (is_plant or register == "production"):
        limit = "has no roof whose production is metered: name another, or a peak power such as 5kWp"
        raise BadInput("roof", member.name, limit)
    made, missing = np.zeros(grid.count, np.int64), np.zeros(grid.count, bool)
    for meter in member.meter_names:
        if register in registers.by_meter.get(meter, {}):
            energy_wh, quality = registers.on_grid(meter, register, grid)
            made += energy_wh
            missing |= quality == MISSING
    return made, missing


def generic_roof_wh(grid: IntervalGrid, peak_w: int) -> Ints:
    """What a roof of a peak power [W] makes under weather that is drawn, not the period's own, (T,) [Wh]."""
    clear_ppm, metered_ppm, wind_ppm = (np.zeros(grid.count, np.int64) for _ in range(3))
    draw_weather(ROOF_SEED, grid.start_utc, grid.step_s, ROOF_CLOUDS_BP, 0, clear_ppm, metered_ppm, wind_ppm)
    clear = clear_sky_profile(ROOF_LOOKS, grid)  # thousandths of a Wh per kW
    # Millionths of a Wh at first, and carried on: small roofs make less than a watt-hour in many intervals.
    micro_wh = clear * metered_ppm // 1_000
    return np.diff(np.cumsum(micro_wh) * peak_w // 1_000_000_000, prepend=0)
