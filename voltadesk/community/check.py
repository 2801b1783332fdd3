"""What is wrong with meter files, before anything is settled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from voltadesk.clock import utc_text
from voltadesk.community.energy import Registers, by_meter, grid_of, is_member, missing_faults
from voltadesk.community.rules import Community
from voltadesk.errors import BadInput
from voltadesk.feeds.meter_columns import MISSING
from voltadesk.feeds.meter_files import MeterFile, read_meter_file
from voltadesk.feeds.meter_series import Reading, Stamps


def read_all(
    paths: Sequence[Path], timezone: str | None, stamps: Stamps = "start"
) -> tuple[list[MeterFile], list[BadInput]]:
    """The files that can be read, and every fault in them and in those that can't."""
    files: list[MeterFile] = []
    faults: list[BadInput] = []
    for n, path in enumerate(paths):
        if path.resolve() in [other.resolve() for other in paths[:n]]:
            faults.append(BadInput("meters", path, "must not be given twice"))
            continue
        try:
            files.append(read_meter_file(path, timezone, stamps))
        except BadInput as error:
            faults.append(error)
    faults += [fault for file in files for fault in file.problems]
    return files, faults


def faults_of(
    files: Sequence[MeterFile], rules: Community | None = None, span: tuple[int, int] | None = None
) -> list[BadInput]:
    """What speaks against settling these readings: intervals that overlap or are missing.

    With rules it is asked what the community needs in the span [UTC s], or in all that the files cover: a meter of each
    member, on the interval of the community, without a gap while it is one. Without them, gaps within a register.
    """
    registers = Registers(files)
    faults = list(registers.overlaps())
    readings = [reading for file in files for reading in file.readings]
    if rules is None:
        gaps = ((r.meter, r.register, _gap(r)) for r in readings if (r.quality == MISSING).any())
        return faults + by_meter(gaps)
    if not readings:
        return faults
    step_s = rules.interval_minutes * 60
    begin, end = span or (min(r.start_utc for r in readings), max(r.end_utc for r in readings))
    unread = {meter for file in files for meter in file.unread}  # whose fault is told already
    grid = grid_of(rules, begin - begin % step_s, end + -end % step_s)
    for member in sorted(rules.members, key=lambda member: member.name):
        active = is_member(member, grid)
        for meter in member.meter_names:
            if meter not in registers.by_meter and meter not in unread and active.any():
                faults.append(registers.absent(member, meter))
        try:
            found = missing_faults(member, registers, grid, active)
            faults += found if rules.meters.missing == "refuse" else []
        except BadInput as error:
            faults.append(error)
    return faults


def _gap(reading: Reading) -> BadInput:
    places = np.flatnonzero(reading.quality == MISSING)
    when = utc_text(reading.start_utc + int(places[0]) * reading.step_s)
    more = f", and {len(places) - 1:,} more" if len(places) > 1 else ""
    where = f"{reading.place}: line {reading.line[places[0]]}"
    return BadInput("", when, f"is missing{more}", where)
