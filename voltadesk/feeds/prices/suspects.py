"""Prices that look like none: long runs of exact zeros, and days that repeat the day before, as files are padded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from voltadesk.clock import utc_text
from voltadesk.feeds.prices.layout import Finding

Ints = NDArray[np.int64]
DAY_S = 86_400


def suspects(start: Ints, step: Ints, tick: Ints) -> list[tuple[int, int, Finding]]:
    """Runs of zeros and of repetitions that last a day or more, each with its first and last row.

    Where half of all days or more repeat, as those of a tariff by hours do, that is what the series is like.
    """
    found = [(first, last, _finding("zeros", start, first, last, "begins 24 hours or more of zeros")) for first, last in
             _lasting(tick == 0, start, step)]  # fmt: skip
    again = _as_a_day_before(start, step, tick)
    if 2 * int(again.sum()) < len(tick):
        found += [
            (first, last, _finding("repeated", start, first, last, "begins a day or more that repeats the day before"))
            for first, last in _lasting(again, start, step)
            if len(np.unique(tick[first : last + 1])) > 1
        ]
    return found


def _finding(kind: str, start: Ints, first: int, last: int, limit: str) -> Finding:
    limit = f"{limit}, to {utc_text(int(start[last]))}: no prices?"
    return Finding(kind, "suspect", "", "", limit, last - first + 1, int(start[first]))  # type: ignore[arg-type]


def _as_a_day_before(start: Ints, step: Ints, tick: Ints) -> NDArray[np.bool_]:
    """Rows whose price is that of 24 hours before, at the same resolution."""
    before = np.searchsorted(start, start - DAY_S)
    same: NDArray[np.bool_] = (start[before] == start - DAY_S) & (tick[before] == tick) & (step[before] == step)
    return same


def _lasting(holds: NDArray[np.bool_], start: Ints, step: Ints) -> Iterator[tuple[int, int]]:
    """First and last row of each run of rows without a gap that lasts a day or more."""
    rows = np.flatnonzero(holds)
    if not rows.size:
        return
    broken = (np.diff(rows) > 1) | (start[rows[1:]] > (start + step)[rows[:-1]])
    for run in np.split(rows, np.flatnonzero(broken) + 1):
        if int(start[run[-1]] + step[run[-1]] - start[run[0]]) >= DAY_S:
            yield int(run[0]), int(run[-1])
