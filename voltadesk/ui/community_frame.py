"""What the community desktop shows at a moment: one community, its months, and what is looked at in one of them.

What is told of a community comes from a process of its own: its code is not imported here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from voltadesk.ui.axes import Ints64
from voltadesk.ui.rows import Row

if TYPE_CHECKING:
    from voltadesk.clock import IntervalGrid
    from voltadesk.ui.cells import Words

WAITING, SETTLING, SETTLED, FAULT = "waiting", "settling …", "settled", "fault"
TOLD, DONE, FAILED = range(3)  # how far it is; an answer; what hindered it, and whether that is the user's to mend


@dataclass(frozen=True)
class Facts:
    """What a community's files say at once; `faults` say why it can't be settled."""

    name: str = ""
    title: str = ""
    currency: str = ""
    sharing: str = ""  # the rule of all its pools; "as they stand" where they have several
    periods: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class MonthLine:
    """A period that the meters cover, and its figures once it is settled."""

    name: str
    state: str = WAITING
    shared_wh: int | None = None
    self_sufficiency_ppm: int | None = None
    self_consumption_ppm: int | None = None
    saving_e8: int | None = None  # of all members together
    community_e8: int | None = None  # what is left to the community itself
    notes: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True)
class RuleLine:
    """What came of a month under a sharing rule [Wh, 1e-8 currency]."""

    rule: str
    shared_wh: int
    saving_e8: int  # of all members together
    savings_e8: Mapping[str, int]  # of each
    smallest_e8: int
    largest_e8: int
    gini_bp: int | None
    community_e8: int


@dataclass(frozen=True, eq=False)
class OpenMonth:
    """The month that is looked at, with energy by interval."""

    name: str
    grid: IntervalGrid
    size: int  # intervals x members
    members: Sequence[Row]  # as the table of members has them, in the statements' order
    wanted_wh: Ints64  # (intervals,), of all members; likewise
    offered_wh: Ints64
    shared_wh: Ints64

    def interval_at(self, second_utc: int) -> int | None:
        """The interval of a moment; None where it lies in another month."""
        at = (second_utc - self.grid.start_utc) // self.grid.step_s
        return at if 0 <= at < self.grid.count else None

    def day_of(self, interval: int) -> tuple[int, int]:
        """The first interval of a local day, and the one after its last."""
        local = self._local(interval).replace(hour=0, minute=0, fold=0)
        bounds = [int(day.timestamp()) for day in (local, local + timedelta(days=1))]
        first, end = np.searchsorted(self.grid.starts_utc, bounds).tolist()
        return first, end

    def away_utc(self, interval: int, days: int) -> int:
        """The moment so many days later at the same time of day [s UTC]."""
        return int((self._local(interval) + timedelta(days=days)).timestamp())

    def _local(self, interval: int) -> datetime:
        return datetime.fromtimestamp(int(self.grid.starts_utc[interval]), self.grid.zone)


@dataclass(frozen=True, eq=False)
class Told:
    """What there is to say of a member in an interval, and what it got and gave in the whole month."""

    member: str
    start_utc: int
    words: list[Words]
    got_wh: Ints64  # (intervals,); likewise
    gave_wh: Ints64


@dataclass(frozen=True, eq=False)
class CommunityFrame:
    """Everything that the panes show; a new one for every change."""

    source: str = ""  # name or folder; "" where none is open
    busy: str = ""  # what is being done
    facts: Facts = Facts()
    months: tuple[MonthLine, ...] = ()
    chosen: int = 0  # which month
    month: OpenMonth | None = None  # it, once it is settled
    member: str | None = None  # "": all of them; None: none was chosen yet
    interval: int = 0
    told: Told | None = None  # of the last interval and member that was worked out
    outcomes: tuple[RuleLine, ...] = ()  # of the month under every rule
    is_comparing: bool = False

    @property
    def is_open(self) -> bool:
        return bool(self.months)

    @property
    def line(self) -> MonthLine:
        """The chosen month's."""
        return self.months[self.chosen]

    def with_line(self, n: int, line: MonthLine) -> CommunityFrame:
        """With another line for the n-th month."""
        return replace(self, months=(*self.months[:n], line, *self.months[n + 1 :]))
