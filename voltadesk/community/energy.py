"""What each member of a community used and fed in, interval by interval, from the registers of its meters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from voltadesk.clock import IntervalGrid, local_midnight_utc, local_text, time_zone
from voltadesk.community.member_columns import MemberColumns
from voltadesk.community.rules import Community, Member
from voltadesk.errors import BadInput
from voltadesk.feeds.meter_columns import ESTIMATED, MISSING, Register
from voltadesk.feeds.meter_files import MeterFile
from voltadesk.feeds.meter_series import Reading, Wh

Ints = NDArray[np.int64]
Flags = NDArray[np.int64] | NDArray[np.int8]

PERIOD_LIMIT_WH = 4 * 10**12  # times a million, as keys are counted, it stays inside 64 bits
METERS_TOLD = 8  # of those that files have, where another one is asked for


@dataclass(frozen=True, eq=False)
class Energy:
    """Energy of the members on a grid [Wh], members in the order of their names; 0 while one is no member.

    Of a month of ten thousand members there are sixty million values, so they are held in 32 bits where these are
    enough, and have to be widened before they are multiplied.
    """

    grid: IntervalGrid
    members: tuple[Member, ...]
    import_wh: Wh  # (count, members), taken from the grid
    export_wh: Wh  # (count, members), fed into it
    takes: NDArray[np.bool_]  # (members,): whether a meter of it counts what it takes
    own_use_wh: Ints  # (members,), made and used behind the meter, 0 where it is not known
    active: NDArray[np.bool_]  # (count, members): whether it is a member
    estimated: Ints  # (members,): intervals with an estimated value
    notes: tuple[str, ...]
    unmetered: frozenset[str] = frozenset()  # members that feed in, and whose own use is not known

    def widened(self) -> Energy:
        """The same in 64 bits, to be changed."""
        wide = {key: getattr(self, key).astype(np.int64) for key in ("import_wh", "export_wh")}
        return replace(self, **wide)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(member.name for member in self.members)

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """Whether each is a member at any time, shape (members,)."""
        return np.asarray(self.active.any(axis=0))


class Registers:
    """The readings of many files by meter and register."""

    def __init__(self, files: Iterable[MeterFile]) -> None:
        self.by_meter: dict[str, dict[Register, list[Reading]]] = {}
        for file in files:
            for reading in file.readings:
                self.by_meter.setdefault(reading.meter, {}).setdefault(reading.register, []).append(reading)

    def overlaps(self) -> Iterable[BadInput]:
        """A fault for each register whose readings stand in two files at once, registers of a meter together."""
        for meter, registers in self.by_meter.items():
            yield from by_meter((meter, name, fault) for name, some in registers.items() for fault in _overlaps(some))

    def absent(self, member: Member, meter: str) -> BadInput:
        """The fault of a meter that a member has, and no file; it names meters that are there."""
        found = sorted(self.by_meter)
        more = f" and {len(found) - METERS_TOLD:,} more" if len(found) > METERS_TOLD else ""
        told = f", which have {', '.join(found[:METERS_TOLD])}{more}" if found else ""
        return BadInput(f"members.{member.name}.meters", meter, f"is in none of the meter files{told}")

    def unnamed(self, rules: Community) -> list[str]:
        """A note on the meters that the rules don't name, if there are any."""
        unnamed = sorted(set(self.by_meter) - {name for member in rules.members for name in member.meter_names})
        return [f"meters that the rules don't name: {', '.join(unnamed)}"] if unnamed else []

    def on_grid(self, meter: str, register: Register, grid: IntervalGrid) -> tuple[Wh, Flags]:
        """Energy [Wh] and the worst quality of each interval, shapes (count,). Raises BadInput for a coarser step."""
        readings = self.by_meter[meter][register]
        if len(readings) == 1 and readings[0].step_s == grid.step_s:
            first = (grid.start_utc - readings[0].start_utc) // grid.step_s
            if 0 <= first <= len(readings[0].energy_wh) - grid.count:  # as mostly: all is there
                span = slice(first, first + grid.count)
                return readings[0].energy_wh[span], readings[0].quality[span]
        by_step: dict[int, tuple[Ints, Ints]] = {}  # energy and quality of the parts of each interval
        for reading in readings:
            if grid.step_s % reading.step_s:
                limit = f"must step by {grid.step_s // 60} minutes or a part of it, steps by {reading.step_s // 60}"
                raise BadInput(f"{meter} {register}", None, limit, reading.place)
            count = grid.count * (grid.step_s // reading.step_s)
            nothing = np.zeros(count, np.int64), np.full(count, MISSING, np.int64)
            part_wh, part_quality = by_step.setdefault(reading.step_s, nothing)
            first = (grid.start_utc - reading.start_utc) // reading.step_s
            begin, end = max(first, 0), min(first + count, len(reading.energy_wh))
            if begin < end:
                part_wh[begin - first : end - first] = reading.energy_wh[begin:end]
                part_quality[begin - first : end - first] = reading.quality[begin:end]
        energy_wh, quality = np.zeros(grid.count, np.int64), np.full(grid.count, MISSING, np.int64)
        for part_wh, part_quality in by_step.values():
            worst = part_quality.reshape(grid.count, -1).max(axis=1)
            energy_wh += np.where(worst == MISSING, 0, part_wh.reshape(grid.count, -1).sum(axis=1))
            quality = np.minimum(quality, worst)
        return energy_wh, quality

    def span_of(self, meter: str, register: Register) -> tuple[int, int]:
        """Begin and end of all that the files have of a register [UTC s]."""
        readings = self.by_meter[meter][register]
        return min(reading.start_utc for reading in readings), max(reading.end_utc for reading in readings)

    def line_of(self, meter: str, register: Register, second_utc: int) -> str:
        """Where in the files a moment stands, or should stand."""
        readings = self.by_meter[meter][register]
        for reading in readings:
            if reading.start_utc <= second_utc < reading.end_utc:
                return f"{reading.place}: line {reading.line[(second_utc - reading.start_utc) // reading.step_s]}"
        return readings[0].place


def by_meter(faults: Iterable[tuple[str, str, BadInput]]) -> list[BadInput]:
    """Faults without a field, each with its meter and register, named by them; the same ones of a meter once."""
    groups: dict[tuple[str, str], tuple[list[str], BadInput]] = {}
    for meter, register, fault in faults:
        groups.setdefault((meter, str(fault)), ([], fault))[0].append(register)
    return [
        BadInput(f"{meter} {', '.join(registers)}", fault.value, fault.limit, fault.where)
        for (meter, _), (registers, fault) in groups.items()
    ]


def _overlaps(readings: Sequence[Reading]) -> Iterator[BadInput]:
    ordered = sorted(readings, key=lambda reading: (reading.start_utc, reading.end_utc))
    for before, after in pairwise(ordered):
        if after.start_utc < before.end_utc:
            other = f"from line {before.line[0]} on" if after.place == before.place else f"in {before.place}"
            where = f"{after.place}: line {after.line[0]}"
            yield BadInput("", None, f"intervals overlap with those {other}", where)


def energy_of(rules: Community, registers: Registers, grid: IntervalGrid) -> Energy:
    """The members' energy on a grid.

    Raises BadInput, naming member, register, interval, file and line, for a meter that no file has, for readings that
    overlap, and for intervals that are missing while it is a member (unless the rules read them as zero).
    """
    for fault in registers.overlaps():
        raise fault
    members = tuple(sorted(rules.members, key=lambda member: member.name))
    imports, exports = MemberColumns(grid.count, len(members)), MemberColumns(grid.count, len(members))
    active = np.ones((grid.count, len(members)), bool)
    takes = np.zeros(len(members), bool)
    own_use, estimated = np.zeros(len(members), np.int64), np.zeros(len(members), np.int64)
    notes: list[str] = []
    unmetered: list[str] = []
    for m, member in enumerate(members):
        here = is_member(member, grid)
        if not here.all():
            active[:, m] = here
        if not here.any():
            continue
        known, flags = _registers_of(member, registers, grid)
        takes[m] = "import" in known or "load" in known
        if not member.shared and "export" in known and not {"production", "load"} & set(known):
            unmetered.append(member.name)
        missing = flags.pop("missing") & here
        if missing.any():
            if rules.meters.missing == "refuse":
                raise missing_faults(member, registers, grid, here)[0]
            notes += [
                f"{member.name} {register}: missing intervals read as zero: {len(places):,}"
                for _, register, places in _missing(member, registers, grid, here)
            ]
            known = {register: np.where(missing, 0, energy_wh) for register, energy_wh in known.items()}
        estimated[m] = np.count_nonzero(flags["estimated"] & here)
        import_wh, export_wh, own = _flows(known, grid.count)
        imports.put(m, np.where(here, import_wh, 0))
        exports.put(m, np.where(here, export_wh, 0))
        own_use[m] = own[here].sum()
    if unmetered:
        whose = ", ".join(unmetered)
        notes.append(f"own use not metered, left out of self-sufficiency and self-consumption: {whose}")
    notes += registers.unnamed(rules)
    taken, fed = imports.done(), exports.done()
    return checked_total(
        Energy(grid, members, taken, fed, takes, own_use, active, estimated, tuple(notes), frozenset(unmetered))
    )


def checked_total(energy: Energy) -> Energy:
    """The same energy. Raises BadInput where there is more of it than can be shared exactly."""
    for name, energy_wh in (("import", energy.import_wh), ("export", energy.export_wh)):
        if (total := sum(energy_wh.sum(axis=0).tolist())) > PERIOD_LIMIT_WH:
            raise BadInput(name, f"{total} Wh", f"must be at most {PERIOD_LIMIT_WH} Wh of all members in a period")
    return energy


def is_member(member: Member, grid: IntervalGrid) -> NDArray[np.bool_]:
    """Whether it is a member in each interval, shape (count,)."""
    starts = grid.starts_utc
    begin = grid.start_utc if member.joined is None else local_midnight_utc(member.joined, grid.zone)
    end = grid.end_utc if member.left is None else local_midnight_utc(member.left, grid.zone)
    return (starts >= begin) & (starts < end)


def _registers_of(
    member: Member, registers: Registers, grid: IntervalGrid
) -> tuple[dict[Register, Ints], dict[str, NDArray[np.bool_]]]:
    """A member's energy by register, summed over its meters, and which intervals are missing or estimated."""
    known: dict[Register, Ints] = {}
    missing, estimated = np.zeros(grid.count, bool), np.zeros(grid.count, bool)
    for meter in member.meter_names:
        if meter not in registers.by_meter:
            raise registers.absent(member, meter)
        for register in registers.by_meter[meter]:
            energy_wh, quality = registers.on_grid(meter, register, grid)
            known[register] = known.get(register, np.zeros(grid.count, np.int64)) + energy_wh
            missing |= quality == MISSING
            estimated |= quality == ESTIMATED
    return known, {"missing": missing, "estimated": estimated}


def missing_faults(
    member: Member, registers: Registers, grid: IntervalGrid, active: NDArray[np.bool_]
) -> list[BadInput]:
    """The faults of the intervals that are missing while it is a member, registers that lack the same together."""
    return by_meter(
        (
            member.name if member.name == meter else f"{member.name} (meter {meter})",
            register,
            _missing_fault(meter, register, places, registers, grid),
        )
        for meter, register, places in _missing(member, registers, grid, active)
    )


def _missing(
    member: Member, registers: Registers, grid: IntervalGrid, active: NDArray[np.bool_]
) -> Iterator[tuple[str, Register, Ints]]:
    """Meter, register and the intervals that are missing while it is a member, for each register that lacks any."""
    for meter in member.meter_names:
        for register in registers.by_meter.get(meter, {}):
            _, quality = registers.on_grid(meter, register, grid)
            if (places := np.flatnonzero((quality == MISSING) & active)).size:
                yield meter, register, places


def _missing_fault(meter: str, register: Register, places: Ints, registers: Registers, grid: IntervalGrid) -> BadInput:
    """The fault that names the first interval that is missing, how many more are, and what the files cover instead."""
    second = int(grid.starts_utc[places[0]])
    more = f", and {len(places) - 1:,} more" if len(places) > 1 else ""
    where = registers.line_of(meter, register, second)
    begin, end = registers.span_of(meter, register)
    covers = ""
    if not begin <= second <= int(grid.starts_utc[places[-1]]) < end:
        covers = f"; the files cover {local_text(begin, grid.zone)} to {local_text(end, grid.zone)}"
    return BadInput("", local_text(second, grid.zone), f"is missing{more}{covers}", where)


def _flows(known: dict[Register, Ints], count: int) -> tuple[Ints, Ints, Ints]:
    """What was taken from the grid, fed into it, and made and used behind the meter, each (count,) [Wh]."""
    nothing = np.zeros(count, np.int64)
    if set(known) == {"production"}:  # a plant without a load of its own
        return nothing, known["production"], nothing
    production, load = known.get("production", nothing), known.get("load")
    if load is None:
        exports = known.get("export", nothing)
        return (
            known.get("import", nothing),
            exports,
            np.maximum(production - exports, 0) if production.any() else nothing,
        )
    # A meter that counts load and production apart: own production serves own load first.
    own = np.minimum(load, production)
    return known.get("import", nothing) + load - own, known.get("export", nothing) + production - own, own


def grid_of(rules: Community, begin_utc: int, end_utc: int) -> IntervalGrid:
    """The grid of a span of time. Raises BadInput where it does not lie on whole intervals."""
    step_s = rules.interval_minutes * 60
    return IntervalGrid(begin_utc, step_s, (end_utc - begin_utc) // step_s, time_zone(rules.timezone))
