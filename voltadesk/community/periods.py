"""From what a user names, meters, rules and days, to what is settled: one period a month, each read when it is due."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from voltadesk.clock import IntervalGrid, local_midnight_utc, time_zone
from voltadesk.community.check import read_all
from voltadesk.community.energy import Energy, Registers, energy_of, grid_of
from voltadesk.community.rules import Community, read_rules
from voltadesk.community.settlement import months
from voltadesk.community.shipped import find_meters, find_rules
from voltadesk.community.tariffs import Tariffs
from voltadesk.errors import BadInput
from voltadesk.feeds.meter_files import MeterFile

Periods = Iterator[tuple[str, Energy, Tariffs]]

_MONTH = re.compile(r"(\d{4})-(\d\d)")


def read_periods(
    meters: Sequence[Path], rules: Path, begin: str, end: str | None
) -> tuple[Community, list[MeterFile], dict[str, IntervalGrid], Periods]:
    """The rules, the files, and the periods: their grids, and one by one their energy and tariffs.

    Raises BadInput for the first fault of the files.
    """
    rules = find_rules(rules)
    known = read_rules(rules)
    days = days_between(begin, end)
    files = read_meters(meters, known)
    grids = grids_of(known, days)
    return known, files, grids, periods_of(known, Registers(files), rules.parent, grids)


def read_meters(meters: Sequence[Path], rules: Community) -> list[MeterFile]:
    """Meter files, their times as the rules say. Raises BadInput for the first fault."""
    files, faults = read_all([find_meters(name) for name in meters], rules.timezone, rules.meters.stamps)
    if faults:
        raise faults[0]
    return files


def periods_of(rules: Community, registers: Registers, folder: Path, grids: dict[str, IntervalGrid]) -> Periods:
    """The name, energy and tariffs of each period; `folder` is where the rules' files stand."""
    return ((name, energy_of(rules, registers, grid), Tariffs(rules, grid, folder)) for name, grid in grids.items())


def grids_of(rules: Community, days: tuple[date, date]) -> dict[str, IntervalGrid]:
    """The periods of a span of days, by their names."""
    return {name: grid_of(rules, *seconds_of(rules, first, after)) for name, first, after in months(*days)}


def seconds_of(rules: Community, first: date, after: date) -> tuple[int, int]:
    """Begin and end [s UTC] of a span of days on a community's clock."""
    zone = time_zone(rules.timezone)
    return local_midnight_utc(first, zone), local_midnight_utc(after, zone)


# Days -----------------------------------------------------------------------------------------------------------------
def days_between(begin: str, end: str | None) -> tuple[date, date]:
    """The first day of a span and the one after its last, of months or days as text. Raises BadInput."""
    first, _ = _month_or_day(begin, "from")
    _, after = _month_or_day(begin if end is None else end, "to")
    if after <= first:
        raise BadInput("to", end, f"must not be before from ({begin})")
    return first, after


def _month_or_day(text: str, field: str) -> tuple[date, date]:
    try:
        if match := _MONTH.fullmatch(text):
            year, month = int(match[1]), int(match[2])
            first, after = date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
        else:
            first = date.fromisoformat(text)
            after = date.fromordinal(first.toordinal() + 1)
    except ValueError:
        raise BadInput(field, text, "must be a month such as 2026-01 or a day such as 2026-01-15") from None
    if not 1971 <= first.year <= 2199:
        raise BadInput(field, text, "must lie between 1971 and 2199")
    return first, after
