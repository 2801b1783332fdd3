"""A community's files read, months settled, statements written: in a process of its own.

A process has one interpreter: while modules are imported, kernels loaded and files gone through in it, no key would be
answered. This is the only module of the screen that knows the community's own code. `settler` starts the process and
asks it by the names of `Community`'s methods; answers come in the order of what was asked.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import partial
from io import StringIO
from multiprocessing.connection import Connection
from pathlib import Path
from textwrap import wrap

import numpy as np
from rich.console import Console

from voltadesk.clock import local_midnight_utc, time_zone
from voltadesk.community.check import read_all
from voltadesk.community.comparison import Outcome, compare
from voltadesk.community.energy import Registers, energy_of, grid_of
from voltadesk.community.explanation import explain
from voltadesk.community.rules import Community as Rules
from voltadesk.community.rules import read_rules
from voltadesk.community.settlement import Settlement, Statement, months, settle
from voltadesk.community.shipped import find_folder_rules, meters_beside
from voltadesk.community.tariffs import Tariffs
from voltadesk.errors import BadInput, VoltaDeskError
from voltadesk.feeds.meter_files import MeterFile
from voltadesk.report.community_bank import with_payments
from voltadesk.report.community_document import settled_sections, statement_sections
from voltadesk.report.community_figures import FLOWS, Period, ratios, settled
from voltadesk.report.document import Section, show
from voltadesk.ui.community_frame import DONE, FAILED, FAULT, SETTLED, TOLD, Facts, MonthLine, OpenMonth, RuleLine, Told
from voltadesk.ui.explained_words import of_member
from voltadesk.ui.rows import Row
from voltadesk.units import BP_PER_UNIT, PPM_PER_UNIT

NICE = 5  # as the market: where all want the processor, the screen has most of it


class Community:
    """One community. Of its periods the one that is looked at is held, with its arrays."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        """`tell` is told which file is being read."""
        self._tell = tell
        self._rules: Rules | None = None
        self._folder = Path()
        self._files: list[MeterFile] = []
        self._registers = Registers(())
        self._periods: list[tuple[str, date, date]] = []  # name, first day, the day after the last
        self._held: tuple[int, Settlement, Tariffs] | None = None  # which period, settled

    def open(self, name: str) -> Facts:
        """Read the rules and meters of a folder, or of a community that is shipped."""
        faults: list[BadInput] = []
        path = Path(name)
        try:
            path = find_folder_rules(path.expanduser())
            self._rules = rules = read_rules(path)
            self._folder = path.parent
            paths = meters_beside(path, rules)
            for n, meters in enumerate(paths, start=1):
                size_mb = meters.stat().st_size / 1e6
                of = f", {n} of {len(paths)}" if len(paths) > 1 else ""
                self._tell(f"reading {meters.name} ({size_mb:.1f} MB){of} …")
                found, wrong = read_all([meters], rules.timezone, rules.meters.stamps)
                self._files += found
                faults += wrong
            self._registers = Registers(self._files)
            faults += self._registers.overlaps()
            self._periods = covered(rules, self._files)
        except BadInput as error:
            faults.append(error)
        return _facts(self._rules, tuple(name for name, _, _ in self._periods), tuple(map(str, faults)))

    def settle(self, n: int, is_looked_at: bool) -> tuple[MonthLine, OpenMonth | None]:
        """The n-th period, settled, and held if it is looked at; only its fault where it can't be."""
        name = self._periods[n][0]
        try:
            done, tariffs, notes = self._settled(n)
        except VoltaDeskError as error:
            return MonthLine(name, FAULT, fault=str(error)), None
        if is_looked_at:
            self._held = n, done, tariffs
        return _month_line(name, done, notes), _open_month(name, done)

    def explain(self, n: int, interval: int, member: str) -> Told:
        """What a member got in an interval of the n-th period, and why."""
        done, tariffs = self._month(n)
        energy, m = done.energy, done.energy.names.index(member)
        found = explain(done, tariffs, interval, m)
        got_wh, gave_wh = (energy_wh[:, m].astype(np.int64) for energy_wh in (done.taken_wh, done.given_wh))
        words = of_member(found, done.rules.currency, energy.grid.zone)
        return Told(member, found.start_utc, words, got_wh, gave_wh)

    def compare(self, n: int) -> tuple[RuleLine, ...]:
        """The n-th period under every sharing rule."""
        assert self._rules is not None
        done, tariffs = self._month(n)
        return tuple(map(_rule_line, compare(self._rules, [(done.energy, tariffs)])))

    def statement(self, n: int, member: str, width: int) -> str:
        """A member's statement in lines of `width` cells; the manager's report where none is named."""
        assert self._rules is not None
        tree = settled(self._rules, self._files, [Period(self._periods[n][0], self._month(n)[0])])
        tree = with_payments(tree, self._rules, None)
        if not member:
            return _text(settled_sections(tree), width)
        period = tree["periods"][0]
        found = next(each for each in period["members"] if each["name"] == member)
        return _text(statement_sections(tree, period, found), width)

    def _month(self, n: int) -> tuple[Settlement, Tariffs]:
        """The n-th period: as it is held, or settled again."""
        if self._held is None or self._held[0] != n:
            self._held = n, *self._settled(n)[:2]
        return self._held[1:]

    def _settled(self, n: int) -> tuple[Settlement, Tariffs, tuple[str, ...]]:
        """With what there is to note about the meters. Raises VoltaDeskError."""
        assert self._rules is not None
        rules, (_, first, after) = self._rules, self._periods[n]
        zone = time_zone(rules.timezone)
        grid = grid_of(rules, local_midnight_utc(first, zone), local_midnight_utc(after, zone))
        energy, tariffs = energy_of(rules, self._registers, grid), Tariffs(rules, grid, self._folder)
        return settle(rules, energy, tariffs), tariffs, energy.notes


def _facts(rules: Rules | None, periods: tuple[str, ...], faults: tuple[str, ...]) -> Facts:
    if rules is None:
        return Facts(faults=faults)
    sharing = {pool.rule for pool in rules.all_pools}
    rule = next(iter(sharing)) if len(sharing) == 1 else "as they stand"
    return Facts(rules.name, rules.title, rules.currency, rule, periods, faults)


def covered(rules: Rules, files: list[MeterFile]) -> list[tuple[str, date, date]]:
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


def _month_line(name: str, done: Settlement, notes: tuple[str, ...]) -> MonthLine:
    shares = ratios(done.statements)
    sufficiency_ppm, consumption_ppm = (
        None if shares[key] is None else int(shares[key] * PPM_PER_UNIT)
        for key in ("self_sufficiency", "self_consumption")
    )
    return MonthLine(
        name,
        SETTLED,
        int(done.taken_wh.sum()),
        sufficiency_ppm,
        consumption_ppm,
        sum(statement.saving_e8 for statement in done.statements if not statement.shared),
        done.community_e8,
        notes,
    )


def _open_month(name: str, done: Settlement) -> OpenMonth:
    energy, rows = done.energy, [_row(statement) for statement in done.statements]
    wanted_wh, offered_wh, shared_wh = (
        each.sum(axis=1) for each in (energy.import_wh, energy.export_wh, done.taken_wh)
    )  # fmt: skip
    return OpenMonth(name, energy.grid, done.taken_wh.size, rows, wanted_wh, offered_wh, shared_wh)


def _row(statement: Statement) -> Row:
    """Who, its flows, cost, cost alone, saving and what is payable; a plant of the community itself has no bill."""
    money = (statement.cost_e8, statement.cost_alone_e8, statement.saving_e8, statement.payable_e8)
    return (
        (statement.name, statement.title),
        *(getattr(statement, f"{key}_wh") for key in FLOWS),
        *((None,) * len(money) if statement.shared else money),
    )


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


def _text(parts: list[Section], width: int) -> str:
    file = StringIO()
    show(parts, Console(file=file, width=width, color_system=None, legacy_windows=False))
    lines = file.getvalue().strip().splitlines()
    return "\n".join(part for line in lines for part in wrap(line, width, drop_whitespace=False) or [""])


# The process ----------------------------------------------------------------------------------------------------------
def run(pipe: Connection) -> None:
    """Answer what is asked, until the screen is gone."""
    os.nice(NICE)

    def say(kind: int, said: object) -> None:
        pipe.send_bytes(pickle.dumps((kind, said), pickle.HIGHEST_PROTOCOL))

    community = Community(partial(say, TOLD))
    with suppress(EOFError, OSError):
        while True:
            name, given = pickle.loads(pipe.recv_bytes())  # noqa: S301  # it is this program's own
            if name == "open":  # another one: nothing is left of the one before
                community = Community(partial(say, TOLD))
            try:
                answer = getattr(community, name)(*given)
            except Exception as error:
                say(FAILED, (str(error) or type(error).__name__, isinstance(error, VoltaDeskError)))
            else:
                say(DONE, answer)


if __name__ == "__main__":
    run(Connection(int(sys.argv[1])))
