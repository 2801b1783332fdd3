"""A community's files read, months settled, statements written: the long work, done beside the loop.

This is the only module of the screen that knows the community's own code; it is imported when one is first opened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path
from textwrap import wrap

from rich.console import Console

from voltadesk.clock import local_midnight_utc, time_zone
from voltadesk.community.check import read_all
from voltadesk.community.comparison import Outcome, compare
from voltadesk.community.energy import Registers, energy_of, grid_of
from voltadesk.community.explanation import Explanation, explain
from voltadesk.community.rules import Community, read_rules
from voltadesk.community.settlement import Statement, months, settle
from voltadesk.community.shipped import find_folder_rules, meters_beside
from voltadesk.community.tariffs import Tariffs
from voltadesk.errors import BadInput, VoltaDeskError
from voltadesk.feeds.meter_files import MeterFile
from voltadesk.report.community_bank import with_payments
from voltadesk.report.community_document import settled_sections, statement_sections
from voltadesk.report.community_figures import FLOWS, Period, ratios, settled
from voltadesk.report.document import Section, show
from voltadesk.ui.community_frame import FAULT, SETTLED, MonthLine, OpenMonth, RuleLine
from voltadesk.ui.rows import Row
from voltadesk.units import BP_PER_UNIT, PPM_PER_UNIT


@dataclass(frozen=True, eq=False)
class Opened:
    """A community as its files have it; `faults` say why it can't be settled."""

    rules: Community | None
    folder: Path
    files: list[MeterFile]
    registers: Registers
    periods: list[tuple[str, date, date]]  # name, first day, the day after the last
    faults: tuple[str, ...]


def open_community(name: str, tell: Callable[[str], object]) -> Opened:
    """Read the rules and meters of a folder, or of a community that is shipped; `tell` is told which file is read."""
    files: list[MeterFile] = []
    faults: list[BadInput] = []
    rules, path = None, Path(name)
    periods: list[tuple[str, date, date]] = []
    try:
        path = find_folder_rules(path.expanduser())
        rules = read_rules(path)
        paths = meters_beside(path, rules)
        for n, meters in enumerate(paths, start=1):
            size_mb = meters.stat().st_size / 1e6
            tell(f"reading {meters.name} ({size_mb:.1f} MB){f', {n} of {len(paths)}' if len(paths) > 1 else ''} …")
            found, wrong = read_all([meters], rules.timezone, rules.meters.stamps)
            files += found
            faults += wrong
        registers = Registers(files)
        faults += registers.overlaps()
        periods = covered(rules, files)
    except BadInput as error:
        registers = Registers(())
        faults.append(error)
    return Opened(rules, path.parent, files, registers, periods, tuple(map(str, faults)))


def covered(rules: Community, files: list[MeterFile]) -> list[tuple[str, date, date]]:
    """The months that the members' meters cover, the first and the last as far as there are whole days.

    Raises BadInput where there is no whole day.
    """
    names = {name for member in rules.members for name in member.meter_names}
    readings = [reading for file in files for reading in file.readings if reading.meter in names]
    if not readings:
        raise BadInput("meters", ", ".join(sorted(names)), "are in none of the meter files")
    zone = time_zone(rules.timezone)
    begin_utc, end_utc = min(r.start_utc for r in readings), max(r.end_utc for r in readings)
    first, after = (datetime.fromtimestamp(second, zone).date() for second in (begin_utc, end_utc))
    if local_midnight_utc(first, zone) < begin_utc:
        first += timedelta(days=1)
    if first >= after:
        raise BadInput("meters", str(first), "is not covered for a whole day")
    return months(first, after)


def settle_month(opened: Opened, n: int) -> tuple[MonthLine, OpenMonth | None]:
    """The n-th period, settled; only its fault where it can't be."""
    assert opened.rules is not None
    rules, (name, first, after) = opened.rules, opened.periods[n]
    zone = time_zone(rules.timezone)
    try:
        grid = grid_of(rules, local_midnight_utc(first, zone), local_midnight_utc(after, zone))
        energy, tariffs = energy_of(rules, opened.registers, grid), Tariffs(rules, grid, opened.folder)
        done = settle(rules, energy, tariffs)
    except VoltaDeskError as error:
        return MonthLine(name, FAULT, fault=str(error)), None
    shares = ratios(done.statements)
    sufficiency_ppm, consumption_ppm = (
        None if shares[key] is None else int(shares[key] * PPM_PER_UNIT)
        for key in ("self_sufficiency", "self_consumption")
    )
    shared_wh = done.taken_wh.sum(axis=1)
    line = MonthLine(
        name,
        SETTLED,
        int(shared_wh.sum()),
        sufficiency_ppm,
        consumption_ppm,
        sum(statement.saving_e8 for statement in done.statements if not statement.shared),
        done.community_e8,
        energy.notes,
    )
    wanted_wh, offered_wh = energy.import_wh.sum(axis=1), energy.export_wh.sum(axis=1)
    rows = [_row(statement) for statement in done.statements]
    return line, OpenMonth(name, done, tariffs, rows, wanted_wh, offered_wh, shared_wh)


def _row(statement: Statement) -> Row:
    """Who, its flows, cost, cost alone, saving and what is payable; a plant of the community itself has no bill."""
    money = (statement.cost_e8, statement.cost_alone_e8, statement.saving_e8, statement.payable_e8)
    return (
        (statement.name, statement.title),
        *(getattr(statement, f"{key}_wh") for key in FLOWS),
        *((None,) * len(money) if statement.shared else money),
    )


def explain_interval(month: OpenMonth, interval: int, member: str) -> Explanation:
    """What a member got in an interval, and why."""
    return explain(month.settlement, month.tariffs, interval, month.settlement.energy.names.index(member))


def compare_month(opened: Opened, month: OpenMonth) -> tuple[RuleLine, ...]:
    """The month under every sharing rule."""
    assert opened.rules is not None
    return tuple(map(_rule_line, compare(opened.rules, [(month.settlement.energy, month.tariffs)])))


def _rule_line(outcome: Outcome) -> RuleLine:
    savings, gini = outcome.saving_e8, outcome.gini
    return RuleLine(
        outcome.rule,
        outcome.shared_wh,
        outcome.total_e8,
        savings,
        min(savings.values(), default=0),
        max(savings.values(), default=0),
        None if gini is None else round(gini * BP_PER_UNIT),
        outcome.community_e8,
    )


def statement_text(opened: Opened, month: OpenMonth, member: str, width: int) -> str:
    """A member's statement in lines of `width` cells; the manager's report of the month where none is named."""
    assert opened.rules is not None
    tree = settled(opened.rules, opened.files, [Period(month.name, month.settlement)])
    tree = with_payments(tree, opened.rules, None)
    if not member:
        return _text(settled_sections(tree), width)
    period = tree["periods"][0]
    found = next(each for each in period["members"] if each["name"] == member)
    return _text(statement_sections(tree, period, found), width)


def _text(parts: list[Section], width: int) -> str:
    file = StringIO()
    show(parts, Console(file=file, width=width, color_system=None, legacy_windows=False))
    lines = file.getvalue().strip().splitlines()
    return "\n".join(part for line in lines for part in wrap(line, width, drop_whitespace=False) or [""])
