"""The grid of intervals in UTC, and what local clocks make of it.

An interval is named by its start. Local days have 23, 24 or 25 hours; the grid has no such thing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from voltadesk.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

INTERVAL_MINUTES = (5, 10, 15, 30, 60)


def time_zone(name: str, field: str = "timezone") -> ZoneInfo:
    """The zone of that IANA name. Raises BadInput when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(field, name, "must be an IANA time zone such as Europe/Berlin") from None


def day_of(text: str, field: str) -> date:
    """A day as text. Raises BadInput."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadInput(field, text, "must be a day such as 2026-05-25") from None
    if not 1971 <= day.year <= 2199:
        raise BadInput(field, text, "must lie between 1971 and 2199")
    return day


def local_midnight_utc(day: date, zone: ZoneInfo) -> int:
    """UTC seconds of the first instant of a local day."""
    return int(datetime.combine(day, time(), zone).timestamp())


def utc_text(second_utc: int) -> str:
    """2026-05-25T00:00Z"""
    return datetime.fromtimestamp(int(second_utc), UTC).strftime("%Y-%m-%dT%H:%MZ")


def local_text(second_utc: int, zone: ZoneInfo) -> str:
    """2026-05-25 02:00+02:00"""
    return datetime.fromtimestamp(int(second_utc), zone).strftime("%Y-%m-%d %H:%M%z")


def offsets(zone: ZoneInfo, first_utc: int, last_utc: int) -> list[tuple[int, int]]:
    """The zone's offsets from UTC [s] from one moment to another, each with the moment at which it ends [s].

    The last one holds on. Clock changes on the same day are taken for one.
    """

    def offset_s(moment: int) -> int:
        return int((datetime.fromtimestamp(moment, zone).utcoffset() or timedelta()).total_seconds())

    found: list[tuple[int, int]] = []
    known = offset_s(first_utc)
    for day in range(first_utc, last_utc, 86_400):
        low, high = day, day + 86_400
        if (later := offset_s(high)) == known:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset_s(middle) == known else (low, middle)
        found.append((high, known))
        known = later
    return [*found, (last_utc, known)]


@dataclass(frozen=True)
class IntervalGrid:
    """`count` intervals of `step_s` seconds from `start_utc`, read on the clock of `zone`."""

    start_utc: int
    step_s: int
    count: int
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if self.step_s % 60 or self.step_s // 60 not in INTERVAL_MINUTES:
            raise BadInput("interval_minutes", self.step_s // 60, "must be one of 5, 10, 15, 30, 60")
        if self.count < 1:
            raise BadInput("count", self.count, "must be at least 1 interval")
        if self.start_utc % self.step_s:
            raise BadInput(
                "start", utc_text(self.start_utc), f"must lie on the UTC grid of {self.step_s // 60} minutes"
            )

    @property
    def end_utc(self) -> int:
        return self.start_utc + self.count * self.step_s

    def part(self, held: range) -> IntervalGrid:
        """The intervals of these numbers."""
        return IntervalGrid(self.start_utc + held.start * self.step_s, self.step_s, len(held), self.zone)

    def interval_at(self, text: str, field: str) -> int:
        """The interval that begins at a time on the local clock. Raises BadInput where none does."""
        try:
            moment = datetime.fromisoformat(text)
            second = (moment if moment.tzinfo else moment.replace(tzinfo=self.zone)).timestamp()
        except (ValueError, OverflowError):
            raise BadInput(field, text, "must be a time such as 2024-07-01 or 2024-07-01T12:00") from None
        if not self.start_utc <= second < self.end_utc:
            span = f"{local_text(self.start_utc, self.zone)} and {local_text(self.end_utc - self.step_s, self.zone)}"
            raise BadInput(field, text, f"must lie between {span}")
        interval, rest = divmod(second - self.start_utc, self.step_s)
        if rest:
            raise BadInput(field, text, f"must be the begin of an interval of {self.step_s // 60} minutes")
        return int(interval)

    @cached_property
    def starts_utc(self) -> NDArray[np.int64]:
        """Start of each interval [s], shape (count,)."""
        import numpy as np

        return self.start_utc + np.arange(self.count, dtype=np.int64) * self.step_s

    @cached_property
    def offsets_s(self) -> NDArray[np.int64]:
        """Offset of the local clock from UTC at the start of each interval [s], shape (count,)."""
        import numpy as np

        offsets = np.empty(self.count, np.int64)
        per_day = 86_400 // self.step_s
        for first in range(0, self.count, per_day):
            last = min(first + per_day, self.count) - 1
            begin, end = self._offset_s(first), self._offset_s(last)
            if begin == end:  # a day without a clock change: one look-up serves it
                offsets[first : last + 1] = begin
            else:
                for i in range(first, last + 1):
                    offsets[i] = self._offset_s(i)
        return offsets

    def _offset_s(self, interval: int) -> int:
        offset = datetime.fromtimestamp(self.start_utc + interval * self.step_s, self.zone).utcoffset()
        return int((offset or timedelta()).total_seconds())

    def local_fields(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Local month (1 to 12), weekday (Monday 0) and second of the day at each interval's start, each (count,)."""
        import numpy as np

        local = self.starts_utc + self.offsets_s
        day = local // 86_400
        month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1
        return month, (day + 3) % 7, local % 86_400
