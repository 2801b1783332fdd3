"""`voltadesk community compare`: the same months under other rules, and with something changed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voltadesk.cli.answers import Json, answer
from voltadesk.cli.community import From, Meters, Rules, To
from voltadesk.errors import BadInput

if TYPE_CHECKING:
    from datetime import date

    from voltadesk.community.battery import Battery
    from voltadesk.community.changes import Changes, Joining, Roof
    from voltadesk.community.comparison import Comparison
    from voltadesk.community.rules import Community
    from voltadesk.feeds.meter_files import MeterFile

HELP = (
    "Settle the same months under every sharing rule, and with something changed: what would each member save?\n\n"
    "Examples:\n\n"
    "  voltadesk community compare m.csv --rules r.toml --from 2026-01\n\n"
    "  voltadesk community compare m.csv --rules r.toml --also new.toml --from 2026-01\n\n"
    "  voltadesk community compare flats --rules flats --from 2026-06 --battery 9kWh\n\n"
    "What if, added to any of them:\n\n"
    "  --battery 20kWh             a battery of the community\n\n"
    "  --roof bakery=5kWp          a roof on the bakery\n\n"
    "  --roof bakery=house-3*1.5   one that makes 1.5 times what house-3's does\n\n"
    "  --with house-6=house-5      one more member, like house-5\n\n"
    "  --without school            one less\n\n"
    "All changes are made at once, and every rule is shown as it stands and with them, the community's own first. "
    "Static, hybrid and iterative use the keys of the rules, or the same key for everybody. What a roof or a battery "
    "costs is not counted."
)

_NUMBER = r"(\d+(?:\.\d+)?)"
_LIKE = re.compile(rf"([^=*]+)=([^=*]+?)(?:\*{_NUMBER})?")
_PEAK = re.compile(rf"([^=*]+)={_NUMBER}\s*kWp?", re.IGNORECASE)
_BATTERY = re.compile(rf"{_NUMBER}\s*kWh(?:,\s*{_NUMBER}\s*kW)?(?:,\s*{_NUMBER}\s*%)?", re.IGNORECASE)


def compare(
    meters: Meters,
    rules: Rules,
    begin: From,
    end: To = None,
    also: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Other rules for the same members; may be repeated.")
    ] = None,
    roof: Annotated[
        list[str] | None,
        typer.Option(metavar="MEMBER=LIKE", help="A roof more: as another's, LIKE*1.5 or 5kWp; may be repeated."),
    ] = None,
    battery: Annotated[
        str | None,
        typer.Option(metavar="KWH", help="A battery more, such as 20kWh; with its defaults 20kWh,10kW,86%."),
    ] = None,
    hindsight: Annotated[
        bool, typer.Option("--hindsight", help="The battery knows the future: the most that it could do.")
    ] = False,
    joining: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="NAME=LIKE", help="A member more, as another or LIKE*1.5; may be repeated."),
    ] = None,
    without: Annotated[list[str] | None, typer.Option(metavar="MEMBER", help="A member less; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    from voltadesk.community.changes import Changes
    from voltadesk.community.periods import days_between, read_meters
    from voltadesk.report.community_comparison import compared, compared_sections

    if hindsight and battery is None:
        raise BadInput("hindsight", None, "belongs to --battery")
    changes = Changes(
        tuple(without or ()),
        tuple(_joining(text) for text in joining or ()),
        tuple(_roof(text) for text in roof or ()),
        None if battery is None else _battery(battery),
        hindsight,
    )
    known = _read_rules([rules, *(also or ())])
    days = days_between(begin, end)
    files = read_meters(meters, known[rules])
    comparisons, periods = _compared(known, files, days, changes)
    tree = compared(known[rules], files, periods, comparisons, changes)
    answer(tree, compared_sections(tree), as_json)


def _read_rules(paths: list[Path]) -> dict[Path, Community]:
    """The rules of each file, which must be of one currency and one clock."""
    from voltadesk.community.rules import read_rules
    from voltadesk.community.shipped import find_rules

    known: dict[Path, Community] = {}
    for path in paths:
        if path in known:
            raise BadInput("also", str(path), "must not be given twice")
        known[path] = read_rules(find_rules(path))
    own = known[paths[0]]
    for path, other in known.items():
        for key, value, needed in (
            ("currency", other.currency, own.currency),
            ("timezone", other.timezone, own.timezone),
            ("meters.stamps", other.meters.stamps, own.meters.stamps),
        ):
            if value != needed:
                raise BadInput(key, value, f"must be that of {paths[0]}: {needed}", str(path))
    return known


def _compared(
    known: dict[Path, Community], files: list[MeterFile], days: tuple[date, date], changes: Changes
) -> tuple[dict[str, Comparison], list[str]]:
    """The comparison by each file of rules, the first under every rule, the others as they stand; and the periods."""
    from voltadesk.cli.progress import shown_compiling
    from voltadesk.community.comparison import compare_changed, rules_to_compare
    from voltadesk.community.energy import Registers
    from voltadesk.community.periods import grids_of, periods_of
    from voltadesk.community.shipped import find_rules
    from voltadesk.engine.sharing import match_by_nearness
    from voltadesk.engine.storage_rolling import resolve_intervals

    registers, names = Registers(files), list[str]()
    found: dict[str, Comparison] = {}
    for path, rules in known.items():
        grids = grids_of(rules, days)
        periods, names = list(periods_of(rules, registers, find_rules(path).parent, grids)), list(grids)
        candidates = list(rules_to_compare(rules).items())
        with shown_compiling(resolve_intervals if changes.battery else match_by_nearness):
            found[str(path)] = compare_changed(
                dict(candidates if not found else candidates[:1]),
                [(energy, tariffs) for _, energy, tariffs in periods],
                registers,
                changes,
            )
    return found, names


# Changes as they are written ------------------------------------------------------------------------------------------
def _joining(text: str) -> Joining:
    """One more member from NAME=LIKE or NAME=LIKE*FACTOR."""
    from voltadesk.community.changes import Joining

    match = _LIKE.fullmatch(text)
    if match is None:
        raise BadInput("with", text, "must be such as anna=ben or anna=ben*1.5")
    return Joining(match[1], match[2], _factor(match[3], "with"))


def _roof(text: str) -> Roof:
    """One more roof from MEMBER=LIKE, MEMBER=LIKE*FACTOR or MEMBER=5kWp."""
    from voltadesk.community.changes import PEAK_LIMIT_W, Roof
    from voltadesk.units import parse_scaled

    if match := _PEAK.fullmatch(text):
        return Roof(match[1], peak_w=parse_scaled(match[2], "roof", 3, 0, PEAK_LIMIT_W, "kWp"))
    match = _LIKE.fullmatch(text)
    if match is None:
        raise BadInput("roof", text, "must be such as anna=ben, anna=ben*1.5 or anna=5kWp")
    return Roof(match[1], match[2], _factor(match[3], "roof"))


def _factor(text: str | None, field: str) -> int:
    from voltadesk.community.changes import FACTOR_LIMIT, FACTOR_UNIT
    from voltadesk.units import parse_scaled

    return FACTOR_UNIT if text is None else parse_scaled(text, field, 4, 0, FACTOR_LIMIT)


def _battery(text: str) -> Battery:
    """A battery from 20kWh, 20kWh,10kW or 20kWh,10kW,86%."""
    from voltadesk.community.battery import EFFICIENCY_PPM, ENERGY_LIMIT_WH, Battery
    from voltadesk.units import parse_scaled

    match = _BATTERY.fullmatch(text)
    if match is None:
        raise BadInput("battery", text, "must be such as 20kWh, 20kWh,10kW or 20kWh,10kW,86%")
    energy_wh = parse_scaled(match[1], "battery", 3, 0, ENERGY_LIMIT_WH, "kWh")
    power_w = energy_wh // 2 if match[2] is None else parse_scaled(match[2], "battery", 3, 0, ENERGY_LIMIT_WH, "kW")
    efficiency_ppm = EFFICIENCY_PPM if match[3] is None else parse_scaled(match[3], "battery", 4, 1, 1_000_000, "%")
    return Battery(energy_wh, power_w, efficiency_ppm)
