"""One interval of one member: what it wanted, what there was, by which rule it got its part, and what that cost.

Nothing is worked out a second way: the interval is shared once more by `flows_of`, and priced by `Books`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voltadesk.community.books import Books, Line
from voltadesk.community.energy import Energy
from voltadesk.community.price_rules import TIERS, Tariff
from voltadesk.community.rules import Member, Pool, Rule
from voltadesk.community.settlement import Settlement
from voltadesk.community.sharing import Flow, flows_of, rounds_of
from voltadesk.community.tariffs import Price, Tariffs
from voltadesk.engine.sharing import share_by_keys
from voltadesk.units import BP_PER_UNIT

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Step:
    """Energy that was divided in one go, and a member's part of it [Wh].

    `weight` of `weights` is what it was divided by: keys, or where those don't decide what is still wanted [Wh].
    """

    tier: str  # of `TIERS`, under `priority`; else ""
    offered_wh: int  # what there was, and
    wanted_wh: int  # what was still wanted, by those among whom it was divided
    weight: int
    weights: int
    part_wh: int
    taken_wh: int  # as much of the part as it could use


@dataclass(frozen=True)
class PoolShare:
    """What a pool had, and what a member got of it and gave to it [Wh]."""

    name: str
    rule: Rule  # as the rules' file has it: `optimal` is carried out as `static`
    has_keys: bool  # else those who share by keys have equal ones
    is_consumer: bool
    participation_bp: int  # which part of the member's energy takes part
    open_wh: int  # what the member still wanted; `wanted_wh` of it takes part
    wanted_wh: int
    all_wanted_wh: int
    all_offered_wh: int
    shared_wh: int
    steps: tuple[Step, ...]
    taken_wh: int
    near_taken_wh: tuple[int, ...]  # of `TIERS`: how near it was made
    offered_wh: int  # by the member
    given_wh: int
    near_given_wh: tuple[int, ...]


@dataclass(frozen=True)
class Explanation:
    """A member's interval. Energy in Wh; lines as on a statement, those of energy only."""

    member: Member
    start_utc: int
    end_utc: int
    is_active: bool  # a member at that time
    import_wh: int  # what it took through its meter
    export_wh: int  # what it fed in
    pools: tuple[PoolShare, ...]
    lines: tuple[Line, ...]
    alone: tuple[Line, ...]  # what it would have cost without the community

    @property
    def from_community_wh(self) -> int:
        return sum(pool.taken_wh for pool in self.pools)

    @property
    def to_community_wh(self) -> int:
        return sum(pool.given_wh for pool in self.pools)

    @property
    def cost_e8(self) -> int:
        """With tax, which is worked out here for the interval and on the statement for the period."""
        return sum(line.gross_e8 for line in self.lines)

    @property
    def cost_alone_e8(self) -> int:
        return sum(line.gross_e8 for line in self.alone)


class _IntervalTariffs(Tariffs):
    """A period's tariffs in one interval, on the terms of the period."""

    def __init__(self, whole: Tariffs, interval: int) -> None:
        held = range(interval, interval + 1)
        super().__init__(whole.rules, whole.grid.part(held), whole.folder)
        self._whole, self._held = whole, slice(held.start, held.stop)

    def price(self, name: str) -> Price:
        whole = self._whole.price(name)
        return Price(whole.price_tick[self._held], whole.zone[self._held], whole.zones)

    def terms(self, name: str) -> Tariff:
        return self._whole.terms(name)


def explain(settlement: Settlement, tariffs: Tariffs, interval: int, m: int) -> Explanation:
    """The `m`-th member's part in an interval of a settled period, whose tariffs these are."""
    rules, energy = settlement.rules, settlement.energy
    now = _part(energy, range(interval, interval + 1))
    prices = _IntervalTariffs(tariffs, interval)
    books, alone = Books(rules, now, prices), Books(rules, now, prices)
    want, offer = now.import_wh.copy(), now.export_wh.copy()
    pools = []
    for flow in _flows(settlement, interval):
        share = _pool_share(rules.all_pools[flow.pool], flow, int(want[0, m]), now, m)
        pools.append(replace(share, rule=tariffs.rules.all_pools[flow.pool].rule))
        books.add_flow(flow)
        want -= flow.taken_wh
        offer -= flow.given_wh
    books.add_rest(want, offer)
    alone.add_rest(now.import_wh, now.export_wh)
    return Explanation(
        member=energy.members[m],
        start_utc=now.grid.start_utc,
        end_utc=now.grid.end_utc,
        is_active=bool(now.active[0, m]),
        import_wh=int(now.import_wh[0, m]),
        export_wh=int(now.export_wh[0, m]),
        pools=tuple(pools),
        lines=tuple(line for line in books.lines(m) if line.energy_wh is not None),
        alone=tuple(line for line in alone.lines(m) if line.energy_wh is not None),
    )


def _part(energy: Energy, held: range) -> Energy:
    """Some of the intervals."""
    at = slice(held.start, held.stop)
    return replace(
        energy,
        grid=energy.grid.part(held),
        import_wh=energy.import_wh[at],
        export_wh=energy.export_wh[at],
        active=energy.active[at],
    )


def _flows(settlement: Settlement, interval: int) -> Iterator[Flow]:
    """What each pool moved in the interval alone."""
    rules = settlement.rules
    # Parts of a watt-hour that a participation carries on come from all intervals before.
    first = 0 if any(pool.participation_percent for pool in rules.all_pools) else interval
    part = _part(settlement.energy, range(first, interval + 1))
    for flow in flows_of(rules, part):
        if flow.span.stop == part.grid.count:
            yield Flow(
                flow.pool,
                slice(0, 1),
                _last(flow.near_taken_wh),
                _last(flow.near_given_wh),
                _last(flow.taken_wh),
                _last(flow.given_wh),
                _last(flow.wanted_wh),
                _last(flow.offered_wh),
                flow.key,
            )


def _last(energy_wh: Ints) -> Ints:
    """The last interval's, as kernels take it."""
    return np.ascontiguousarray(energy_wh[..., -1:, :])


def _pool_share(pool: Pool, flow: Flow, open_wh: int, now: Energy, m: int) -> PoolShare:
    wanted, offered = flow.wanted_wh[0], flow.offered_wh[0]
    name = now.names[m]
    return PoolShare(
        name=pool.name,
        rule=pool.rule,
        has_keys=bool(pool.keys),
        is_consumer=pool.consumers is None or name in pool.consumers,
        participation_bp=pool.participation_percent.get(name, BP_PER_UNIT),
        open_wh=open_wh,
        wanted_wh=int(wanted[m]),
        all_wanted_wh=int(wanted.sum()),
        all_offered_wh=int(offered.sum()),
        shared_wh=int(flow.taken_wh.sum()),
        steps=tuple(_steps(pool, flow, now, m)),
        taken_wh=int(flow.taken_wh[0, m]),
        near_taken_wh=tuple(flow.near_taken_wh[:, 0, m].tolist()),
        offered_wh=int(offered[m]),
        given_wh=int(flow.given_wh[0, m]),
        near_given_wh=tuple(flow.near_given_wh[:, 0, m].tolist()),
    )


def _steps(pool: Pool, flow: Flow, now: Energy, m: int) -> Iterator[Step]:
    if flow.wanted_wh[0, m] == 0:
        return
    if flow.key is not None:
        yield from _rounds(rounds_of(pool), flow, flow.key, now.grid.start_utc // now.grid.step_s, m)
    elif pool.rule == "priority":
        yield from _tiers(flow, now.members, m)
    elif pool.rule == "dynamic":
        wanted, taken = flow.wanted_wh[0], int(flow.taken_wh[0, m])
        total = int(wanted.sum())
        yield Step("", int(flow.offered_wh.sum()), total, int(wanted[m]), total, taken, taken)


def _rounds(rounds: int, flow: Flow, key: Ints, turn: int, m: int) -> Iterator[Step]:
    """Round by round, as `share_by_keys` goes."""
    wanted, left = flow.wanted_wh[0], int(flow.offered_wh.sum())
    taken, done = np.zeros_like(wanted), 0
    while left > 0 and (rounds == 0 or done < rounds):
        weight = key if done == 0 and rounds > 0 else np.where(wanted > taken, key, 0)
        if not weight[wanted > taken].any():
            return
        part = _divided(left, weight, turn)
        more = np.minimum(part, wanted - taken)
        if wanted[m] > taken[m] and (weight[m] or done == 0):
            still = int((wanted - taken)[weight > 0].sum())
            yield Step("", left, still, int(weight[m]), int(weight.sum()), int(part[m]), int(more[m]))
        taken += more
        left -= int(more.sum())
        done += 1


def _divided(total: int, weight: Ints, turn: int) -> Ints:
    """Energy divided by weights, as if everybody could use all of it."""
    offer = np.zeros((1, len(weight)), np.int64)
    offer[0, 0] = total
    part, given = np.zeros_like(offer), np.zeros_like(offer)
    share_by_keys(turn, 1, weight, offer, np.full_like(offer, total), part, given)
    return part.reshape(-1)


def _tiers(flow: Flow, members: Sequence[Member], m: int) -> Iterator[Step]:
    """Tier by tier, among those who are so near to the member."""
    want, offer = flow.wanted_wh[0].copy(), flow.offered_wh[0].copy()
    for tier, taken, given in zip(TIERS, flow.near_taken_wh[:, 0], flow.near_given_wh[:, 0], strict=True):
        group = _group(tier, members, m)
        offered, wanted, own = int(offer[group].sum()), int(want[group].sum()), int(want[m])
        if own and offered:
            yield Step(tier, offered, wanted, own, wanted, int(taken[m]), int(taken[m]))
        want -= taken
        offer -= given


def _group(tier: str, members: Sequence[Member], m: int) -> NDArray[np.bool_]:
    """Who is so near to the member: itself, those of its building, of its feeder, everybody."""
    own = members[m]

    def is_near(n: int, other: Member) -> bool:
        if tier == "building":
            return own.building is not None and other.building == own.building
        if tier == "feeder":
            return own.feeder is not None and other.feeder == own.feeder
        return tier == "community" or n == m

    return np.array([is_near(n, other) for n, other in enumerate(members)], bool)
