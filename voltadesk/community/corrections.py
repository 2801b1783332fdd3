"""The bills of a settled period: originals, or corrections of what was billed before.

Nothing that was billed is ever taken back in silence: whoever's figures changed gets a new statement with the next
number of the period, which says what was payable before and asks for the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from voltadesk.community.billed import Billed, Issued
from voltadesk.community.books import Line
from voltadesk.community.price_rules import TIERS
from voltadesk.community.settlement import Statement
from voltadesk.errors import BadInput

NOTHING = Billed()


@dataclass(frozen=True)
class Bill:
    """What a member is told of a period now."""

    statement: Statement  # of the whole period, as it is right now
    number: str | None  # None for a shared plant, and where nothing changed
    before: Issued | None  # None: it was told nothing so far

    @property
    def corrects(self) -> str | None:
        """The number of the statement that this one corrects."""
        return self.before.number if self.before and self.number else None

    @cached_property
    def is_changed(self) -> bool:
        """Whether figures that were told before are others now."""
        return self.before is not None and _figures(self.before.statement) != _figures(self.statement)

    @property
    def payable_before_e8(self) -> int | None:
        """What all its statements so far made payable; None where it had none."""
        return self.before.payable_e8 if self.before and self.before.number else None

    @property
    def payable_e8(self) -> int | None:
        """What is to be paid now, beyond all that was payable before [whole cents]; None for a shared plant."""
        if self.statement.shared:
            return None
        if self.number is None:
            return 0
        return self.statement.payable_e8 - (self.payable_before_e8 or 0)

    @property
    def corrected_lines(self) -> list[tuple[Line, Line]]:
        """Each line as it is right now and as it was told before, those that are gone at the end."""
        now = _by_position(self.statement.lines)
        before = _by_position(self.before.statement.lines) if self.before else {}
        return [
            (now.get(key) or _nothing(before[key]), before.get(key) or _nothing(now[key]))
            for key in (*now, *(key for key in before if key not in now))
        ]


def bills_of(prefix: str, statements: Sequence[Statement], billed: Billed | None) -> list[Bill]:
    """A bill for everybody who has a statement now or was billed before, by name; `prefix` begins each number.

    Raises BadInput where somebody who was billed as a member is shared now, or is written in other letters.
    """
    billed = billed or NOTHING
    _require_same_names(statements, billed)
    names = {statement.name for statement in statements}
    gone = [_emptied(issued.statement) for name, issued in billed.members.items() if name not in names]
    drafts = [
        Bill(statement, None, _told(statement, billed))
        for statement in sorted([*statements, *gone], key=lambda statement: statement.name)
    ]
    due = [bill for bill in drafts if not bill.statement.shared and (bill.is_changed or not _has_statement(bill))]
    width = billed.width or max(3, len(str(len(due))))
    numbers = {bill.statement.name: f"{prefix}{n:0{width}d}" for n, bill in enumerate(due, start=billed.count + 1)}
    return [replace(bill, number=numbers.get(bill.statement.name)) for bill in drafts]


def _told(statement: Statement, billed: Billed) -> Issued | None:
    """What it was told before, if it was a member or a shared plant then as now."""
    before = billed.members.get(statement.name)
    return before if before is not None and before.statement.shared == statement.shared else None


def _has_statement(bill: Bill) -> bool:
    return bill.before is not None and bill.before.number is not None


def _require_same_names(statements: Sequence[Statement], billed: Billed) -> None:
    names = {statement.name for statement in statements}
    gone = {name.lower(): name for name in billed.members if name not in names}
    for statement in statements:
        before = billed.members.get(statement.name)
        if before is not None and before.number is not None and statement.shared:
            limit = f"must be false, as it was billed in {before.number}: give the plant a name of its own"
            raise BadInput(f"members.{statement.name}.shared", True, limit)
        if other := gone.get(statement.name.lower()):
            limit = f"must be written as it was billed before: {other}"
            raise BadInput(f"members.{statement.name}.name", statement.name, limit)


def _emptied(statement: Statement) -> Statement:
    """The statement of who has no part in the period any more."""
    nothing = (0,) * len(TIERS)
    return replace(
        statement, own_use_wh=0, from_community_wh=0, from_grid_wh=0, to_community_wh=0, to_grid_wh=0,
        from_tier_wh=nothing, to_tier_wh=nothing, lines=(), alone=(),
    )  # fmt: skip


# What stands on a statement -------------------------------------------------------------------------------------------
def _figures(statement: Statement) -> tuple[object, ...]:
    """All its energy and money."""
    return (
        statement.own_use_wh, statement.from_community_wh, statement.from_grid_wh, statement.to_community_wh,
        statement.to_grid_wh, statement.from_tier_wh, statement.to_tier_wh, _amounts(statement.lines),
        _amounts(statement.alone),
    )  # fmt: skip


Position = tuple[str, str, str, bool]  # item, detail, party, billed


def _amounts(lines: Sequence[Line]) -> dict[Position, tuple[int | None, int, int]]:
    return {key: (line.energy_wh, line.net_e8, line.tax_e8) for key, line in _by_position(lines).items()}


def _by_position(lines: Sequence[Line]) -> dict[Position, Line]:
    """The lines, those of one item, detail and party together."""
    found: dict[Position, Line] = {}
    for line in lines:
        key = (line.item, line.detail, line.party, line.billed)
        found[key] = _sum(found[key], line) if key in found else line
    return found


def _sum(one: Line, other: Line) -> Line:
    known = [line.energy_wh for line in (one, other) if line.energy_wh is not None]
    energy_wh = sum(known) if known else None
    return replace(one, energy_wh=energy_wh, net_e8=one.net_e8 + other.net_e8, tax_e8=one.tax_e8 + other.tax_e8)


def _nothing(line: Line) -> Line:
    """The same line with nothing in it."""
    return replace(line, energy_wh=None if line.energy_wh is None else 0, net_e8=0, tax_e8=0)
