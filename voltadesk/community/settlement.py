"""One period of a community settled: each member's energy, its lines of money, and the books of all parties.

Money is in 1e-8 of the currency. A line is seen from the member: what it pays is positive, what it gets negative. The
accounts are seen from their holders: received is positive. Every line is posted to the member, to the party it names
and, as far as it is tax, to the tax office, so that all accounts sum to 0.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import numpy as np

from voltadesk import units
from voltadesk.community.books import COMMUNITY, Books, Line
from voltadesk.community.energy import Energy
from voltadesk.community.optimal import with_optimal_keys
from voltadesk.community.rules import Community
from voltadesk.community.sharing import shared_out
from voltadesk.community.tariffs import Tariffs
from voltadesk.errors import CheckFailed
from voltadesk.feeds.meter_series import Wh

TAX = "tax"


@dataclass(frozen=True)
class Statement:
    """What one member used, made and owes in a period."""

    name: str
    title: str
    shared: bool
    joined: date | None
    left: date | None
    own_use_wh: int | None  # None: it feeds in, and its production is not metered
    from_community_wh: int
    from_grid_wh: int
    to_community_wh: int
    to_grid_wh: int
    from_tier_wh: tuple[int, ...]  # of `TIERS`
    to_tier_wh: tuple[int, ...]
    estimated_intervals: int
    lines: tuple[Line, ...]
    alone: tuple[Line, ...]  # what it would have cost without the community

    @property
    def cost_e8(self) -> int:
        return sum(line.gross_e8 for line in self.lines)

    @property
    def cost_alone_e8(self) -> int:
        return sum(line.gross_e8 for line in self.alone)

    @property
    def saving_e8(self) -> int:
        return self.cost_alone_e8 - self.cost_e8

    @property
    def billed_e8(self) -> int:
        return sum(line.gross_e8 for line in self.lines if line.billed)

    @property
    def payable_e8(self) -> int:
        """What is billed, in whole cents."""
        return units.whole_cents_e8(self.billed_e8)


@dataclass(frozen=True, eq=False)
class Settlement:
    """A period of a community, settled. The arrays are (intervals, members) [Wh]."""

    rules: Community  # by which it was settled: with static keys where the best ones were asked for
    energy: Energy
    taken_wh: Wh
    given_wh: Wh
    statements: tuple[Statement, ...]  # by name; of all who were a member on some day of the period
    received_e8: dict[str, int]  # by party: what the community, the tax office and others got; sums to 0 with members

    @property
    def community_e8(self) -> int:
        """What is left to the community itself."""
        return self.received_e8.get(COMMUNITY, 0)


def settle(rules: Community, energy: Energy, tariffs: Tariffs) -> Settlement:
    """Share out and price the energy of one period. Raises BadInput, and CheckFailed if the sums don't agree."""
    rules = with_optimal_keys(rules, energy, tariffs)
    books = Books(rules, energy, tariffs)
    taken, given = np.empty_like(energy.import_wh), np.empty_like(energy.export_wh)
    for stretch in shared_out(rules, energy, tariffs, books.nearness):
        books.add(stretch)
        taken[stretch.span] = stretch.wanted_wh - stretch.from_grid_wh
        given[stretch.span] = stretch.offered_wh - stretch.to_grid_wh
    with _uncollected():
        statements = _statements(books)
    settlement = Settlement(rules, energy, taken, given, statements, _received(statements))
    _check(settlement)
    return settlement


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keeps Python from looking for cycles among many new objects, which have none: it takes as long as making them."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _statements(books: Books) -> tuple[Statement, ...]:
    """The statements of all who were a member on some day, by name."""
    energy = books.energy
    near_taken, near_given = books.nearness.taken_wh, books.nearness.given_wh
    used, fed, from_community, to_community = (
        array.tolist() for array in (books.used_wh, books.fed_wh, near_taken.sum(axis=0), near_given.sum(axis=0))
    )
    from_tier, to_tier = near_taken.T.tolist(), near_given.T.tolist()
    present = np.flatnonzero(energy.present).tolist()
    return tuple(
        Statement(
            name=energy.names[m],
            title=energy.members[m].title,
            shared=energy.members[m].shared,
            joined=energy.members[m].joined,
            left=energy.members[m].left,
            own_use_wh=None if energy.names[m] in energy.unmetered else int(energy.own_use_wh[m]),
            from_community_wh=from_community[m],
            from_grid_wh=used[m] - from_community[m],
            to_community_wh=to_community[m],
            to_grid_wh=fed[m] - to_community[m],
            from_tier_wh=tuple(from_tier[m]),
            to_tier_wh=tuple(to_tier[m]),
            estimated_intervals=int(energy.estimated[m]),
            lines=tuple(books.lines(m)),
            alone=tuple(books.alone(m)),
        )
        for m in present
    )


def _received(statements: Sequence[Statement]) -> dict[str, int]:
    """What each party but the members got; a shared plant's account is the community's."""
    received = {COMMUNITY: 0}
    for statement in statements:
        for line in statement.lines:
            received[line.party] = received.get(line.party, 0) + line.net_e8
            received[TAX] = received.get(TAX, 0) + line.tax_e8
            if statement.shared:
                received[COMMUNITY] -= line.gross_e8
    return received


def _check(settlement: Settlement) -> None:
    """Whether the sums agree, to the last unit."""
    statements = settlement.statements
    taken, given = (sum(getattr(s, key) for s in statements) for key in ("from_community_wh", "to_community_wh"))
    if taken != given:
        raise CheckFailed(f"energy: {taken} Wh from the community, {given} Wh to it")
    paid = sum(statement.cost_e8 for statement in statements if not statement.shared)
    received = sum(settlement.received_e8.values())
    if paid != received:
        raise CheckFailed(f"money: members paid {paid}e-8, others received {received}e-8")


# Periods --------------------------------------------------------------------------------------------------------------
def months(begin: date, end: date) -> list[tuple[str, date, date]]:
    """The periods of a span of days, `end` not included: its months, each with its name and days.

    A period that is no whole month is named by its first and last day.
    """
    periods = []
    while begin < end:
        following = date(begin.year + begin.month // 12, begin.month % 12 + 1, 1)
        stop = min(following, end)
        last = date.fromordinal(stop.toordinal() - 1)
        whole = begin.day == 1 and stop == following
        name = f"{begin:%Y-%m}" if whole else f"{begin}_{last}" if begin < last else f"{begin}"
        periods.append((name, begin, stop))
        begin = stop
    return periods
