"""What was billed before: folders that `community settle --out` wrote, read back and put in their order.

The statements of a period are numbered 1 to N through all its folders, the originals first. A folder in which a period
has no statement adds nothing to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from voltadesk import units
from voltadesk.clock import IntervalGrid, utc_text
from voltadesk.community.billed_files import BilledFile, BilledMember, BilledPeriod, read_billed_file
from voltadesk.community.rules import Community
from voltadesk.community.settlement import Statement
from voltadesk.errors import BadInput


@dataclass(frozen=True)
class Issued:
    """What one member was told of a period so far."""

    statement: Statement  # as it was settled last
    number: str | None  # of its last statement; None for a shared plant
    payable_e8: int  # of all its statements together


@dataclass(frozen=True)
class Billed:
    """What was billed of a period: its statements have the numbers 1 to `count`."""

    folders: tuple[str, ...] = ()
    count: int = 0
    width: int = 0  # digits of a number, with zeros in front
    members: Mapping[str, Issued] = field(default_factory=dict)  # by name


@dataclass(frozen=True)
class _Sheet:
    """A period as one folder has it; `key` is where in the file."""

    file: BilledFile
    key: str
    period: BilledPeriod
    numbers: tuple[int, ...]  # of its statements

    def fault(self, field: str, value: object, limit: str) -> BadInput:
        return BadInput(f"{self.key}.{field}", value, limit, self.file.place)


def read_billed(folders: Sequence[str], rules: Community, grids: Mapping[str, IntervalGrid]) -> dict[str, Billed]:
    """What was billed of the periods that are settled now, by their names; nothing of one that no folder has.

    Raises BadInput, naming file, key, value and limit, for a folder that is of another community or was changed, that
    holds none of the periods or other bounds of one; and where the folders of a period don't follow each other: one is
    missing, or two have the same statement.
    """
    sheets: dict[str, list[_Sheet]] = {name: [] for name in grids}
    for n, folder in enumerate(folders):
        if Path(folder).resolve() in [Path(other).resolve() for other in folders[:n]]:
            raise BadInput("billed", Path(folder), "must not be given twice")
        file = read_billed_file(folder)
        for key, held, wanted in (("name", file.name, rules.name), ("currency", file.currency, rules.currency)):
            if held != wanted:
                raise BadInput(f"community.{key}", held, f"must be {wanted}, as the rules say", file.place)
        found = [sheet for n in range(len(file.periods)) if (sheet := _sheet(file, n, rules, grids)) is not None]
        if not found:
            held, wanted = ", ".join(period.period for period in file.periods), ", ".join(grids)
            raise BadInput(
                "billed", Path(folder), f"must hold {wanted}, which is settled now, holds {held or 'no period'}"
            )
        for sheet in found:
            sheets[sheet.period.period].append(sheet)
    return {name: _billed(f"{rules.name}-{name}-", some) for name, some in sheets.items()}


def _sheet(file: BilledFile, n: int, rules: Community, grids: Mapping[str, IntervalGrid]) -> _Sheet | None:
    """A period of the file, if it is settled now; None where it is of another time."""
    period, key = file.periods[n], f"periods[{n}]"
    for name, grid in grids.items():
        begin, end = utc_text(grid.start_utc), utc_text(grid.end_utc)
        if (period.period, period.start_utc, period.end_utc) == (name, begin, end):
            return _Sheet(file, key, period, _numbers(file, key, period, f"{rules.name}-{name}-"))
        if period.start_utc < end and begin < period.end_utc:
            held = f"{period.period}, {period.start_utc} to {period.end_utc}"
            limit = f"must be the period that is settled now ({name}, {begin} to {end}) or lie outside of it"
            raise BadInput(f"{key}.period", held, limit, file.place)
    return None


def _numbers(file: BilledFile, key: str, period: BilledPeriod, prefix: str) -> tuple[int, ...]:
    numbers = []
    for m, member in enumerate(period.members):
        if member.statement is None:
            continue
        digits = member.statement.removeprefix(prefix)
        if digits == member.statement or not re.fullmatch("[0-9]{3,9}", digits):
            limit = f"must be {prefix}001 or a number after it"
            raise BadInput(f"{key}.members[{m}].statement", member.statement, limit, file.place)
        numbers.append(int(digits))
    return tuple(numbers)


# The chain of a period's folders --------------------------------------------------------------------------------------
def _billed(prefix: str, sheets: Sequence[_Sheet]) -> Billed:
    chain = sorted((sheet for sheet in sheets if sheet.numbers), key=lambda sheet: min(sheet.numbers))
    texts = [member.statement for sheet in chain for member in sheet.period.members if member.statement is not None]
    width = min(map(len, texts), default=len(prefix)) - len(prefix)
    _require_chain(prefix, width, chain)
    steps: list[dict[str, Issued]] = [{}]
    for sheet in chain:
        steps.append(_followed(steps[-1], sheet))
    for sheet in sheets:
        if not sheet.numbers and not any(_changed_nothing(sheet, step) for step in steps):
            limit = "has what was billed in a folder that is not given: --billed must name each folder of the period"
            raise BadInput("billed", Path(sheet.file.folder), limit)
    return Billed(tuple(sheet.file.folder for sheet in chain), len(texts), width, steps[-1])


def _require_chain(prefix: str, width: int, chain: Sequence[_Sheet]) -> None:
    """Numbers 1 to N, in each folder those after the folder before."""
    holder: dict[int, str] = {}
    after = 1
    for sheet in chain:
        folder = sheet.file.folder
        for number in sorted(sheet.numbers):
            text = f"{prefix}{number:0{width}d}"
            if number in holder:
                limit = f"has the statement {text}, as {holder[number]} has: only one of them can be of this chain"
                raise BadInput("billed", Path(folder), limit)
            if number > after:
                limit = f"has the statement {text}, and {prefix}{after:0{width}d} is in none of the folders before it"
                raise BadInput("billed", Path(folder), f"{limit}: --billed must name each folder of the period")
            holder[number] = folder
            after = number + 1


def _followed(known: Mapping[str, Issued], sheet: _Sheet) -> dict[str, Issued]:
    """What members were told, with one folder more. Raises BadInput where it does not follow from the ones before."""
    if gone := sorted(set(known) - {member.name for member in sheet.period.members}):
        raise sheet.fault("members", None, f"must hold {gone[0]}, which was billed before")
    issued = {}
    for m, member in enumerate(sheet.period.members):
        before = known.get(member.name)
        for key, held, wanted in _expected(member, before):
            if held != wanted:
                limit = f"must be {wanted}, by what {member.name} was told in the folders before"
                raise sheet.fault(f"members[{m}].{key}", held, limit)
        payable = (before.payable_e8 if before else 0) + (member.payable or 0)
        number = member.statement or (before.number if before else None)
        issued[member.name] = Issued(member.as_statement(), number, payable)
    return issued


def _expected(member: BilledMember, before: Issued | None) -> list[tuple[str, str, str]]:
    """Keys of a member, with what they hold and what they should."""
    number, paid_e8 = (before.number, before.payable_e8) if before else (None, 0)
    if member.shared:
        return [("shared", "true", "true" if number is None else "false")]
    if member.statement is None and before and number:
        return [
            ("billed", _amount(member.billed), _amount(before.statement.billed_e8)),
            ("payable", _amount(member.payable), _amount(0)),
        ]
    due_e8 = units.whole_cents_e8(member.billed) - paid_e8
    return [
        ("corrects", member.corrects or "null", number or "null"),
        ("payable_before", _amount(member.payable_before), _amount(paid_e8 if number else None)),
        ("payable", _amount(member.payable), _amount(due_e8)),
    ]


def _amount(amount_e8: int | None) -> str:
    """An amount as the file has it."""
    return "null" if amount_e8 is None else units.decimal_text(amount_e8, 8, 2)


def _changed_nothing(sheet: _Sheet, known: Mapping[str, Issued]) -> bool:
    """Whether a folder without statements is about what these were told."""
    return all(
        member.shared
        or (member.name in known and known[member.name].payable_e8 == member.payable_before
            and known[member.name].statement.billed_e8 == member.billed)
        for member in sheet.period.members
    )  # fmt: skip
