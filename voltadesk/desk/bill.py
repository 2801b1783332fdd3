"""A community's statement to a member, and what was posted of a period."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from voltadesk.desk.refusal import Refusal

COMMUNITY = "community"  # the party that is the community itself

_PERIOD = re.compile(r"(\d{4}-\d\d)|(\d{4}-\d\d-\d\d)(?:_(\d{4}-\d\d-\d\d))?", re.ASCII)
_NOT_WORD = re.compile(r"[^\w.-]+")
Billed = Mapping[str, int]  # by party [1e-8 currency]


class Bill(NamedTuple):
    """A member's statement [1e-8 currency]: `billed` is all of the period, `payable_e8` what this one asks for."""

    number: str
    community: str
    period: str
    member: str
    entry: int
    corrects: str  # number of the one before it, "" for an original
    billed: dict[str, int]
    payable_e8: int
    paid_e8: int = 0
    corrected_by: str = ""

    @property
    def open_e8(self) -> int:
        """What is still to be paid, below 0: paid out."""
        return self.payable_e8 - self.paid_e8


@dataclass
class Period:
    """What was posted of a community's period."""

    entries: dict[str, int] = field(default_factory=dict)  # by the SHA-256 of the settlement
    own: dict[str, int] = field(default_factory=dict)  # what the community's own plants are billed, by party
    numbers: list[str] = field(default_factory=list)
    last: dict[str, str] = field(default_factory=dict)  # number of each member's last statement


def difference(before: Billed, now: Billed) -> dict[str, int]:
    """By how much each party's amount changes, in the order of names; without zeros."""
    changes = {party: now.get(party, 0) - before.get(party, 0) for party in sorted(before.keys() | now.keys())}
    return {party: amount_e8 for party, amount_e8 in changes.items() if amount_e8}


def others_of(billed: Billed) -> Iterator[tuple[str, int]]:
    """What reaches others than the community [1e-8 currency], by the party's name as a part of an account."""
    for party, amount_e8 in billed.items():
        if party != COMMUNITY:
            yield _NOT_WORD.sub("-", unicodedata.normalize("NFC", party)), amount_e8


def days_of(period: str) -> tuple[date, date]:
    """The first and the last day of a period, by its name. Raises Refusal BAD_VALUE."""
    found = _PERIOD.fullmatch(period)
    month, first, last = found.groups() if found else (None, "", None)
    try:
        if month:
            begin = date.fromisoformat(f"{month}-01")
            return begin, date(begin.year + begin.month // 12, begin.month % 12 + 1, 1) - timedelta(days=1)
        begin, end = date.fromisoformat(first), date.fromisoformat(last or first)
        if begin <= end:
            return begin, end
    except ValueError:
        pass
    limit = "must be a month such as 2026-01, a day, or days such as 2026-01-01_2026-01-15"
    raise Refusal("BAD_VALUE", "period", period, limit)
