"""`voltadesk.settle`: months of an energy community, shared out and priced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voltadesk.api.series import FilePath, path_of
from voltadesk.community import settlement
from voltadesk.community.periods import read_periods
from voltadesk.engine import arguments
from voltadesk.report.community_bank import with_payments
from voltadesk.report.community_figures import Period, settled
from voltadesk.report.summary import Tree

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Settled:
    """A community's months: n intervals of all of them in order, m members in the order of their names."""

    figures: Tree  # what --json writes; docs/community.md
    members: tuple[str, ...]
    start_utc: Integers  # (n,) begin of each interval [s]
    import_wh: Integers  # (n, m) what each took from the grid and the community [Wh]
    export_wh: Integers  # (n, m) what each gave
    taken_wh: Integers  # (n, m) of what it took, what came from the community
    given_wh: Integers  # (n, m) of what it gave, what went to the community


def settle(meters: FilePath | Sequence[FilePath], rules: FilePath, begin: str, end: str | None = None) -> Settled:
    """Settle months of a community, as `voltadesk community settle` does.

    meters  files of readings, or the name of a community that is shipped: "flats", "village"
    rules   the file of its rules, or such a name
    begin   first month or day, as "2026-01" or "2026-01-15", on its clock
    end     last month or day; else that of `begin`

    All months are held in memory at once. Raises BadInput naming file and line, and CheckFailed should the sums not
    agree.
    """
    arguments.texts(begin=begin, end=end)
    given = meters if isinstance(meters, list | tuple) else [meters]
    known, files, _, periods = read_periods(
        [path_of("meters", each) for each in given], path_of("rules", rules), begin, end
    )
    done = [Period(name, settlement.settle(known, energy, tariffs), None) for name, energy, tariffs in periods]
    parts = [period.settlement for period in done]

    def joined(arrays: Sequence[NDArray[np.integer]]) -> Integers:
        return np.concatenate(arrays).astype(np.int64, copy=False)

    return Settled(
        with_payments(settled(known, files, done), known, None),
        parts[0].energy.names,
        joined([part.energy.grid.starts_utc for part in parts]),
        joined([part.energy.import_wh for part in parts]),
        joined([part.energy.export_wh for part in parts]),
        joined([part.taken_wh for part in parts]),
        joined([part.given_wh for part in parts]),
    )
