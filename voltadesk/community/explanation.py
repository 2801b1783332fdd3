"""One interval of one member: what it wanted, what there was, by which rule it got its part, and what that cost.

Nothing is worked out a second way: the interval is shared once more by the functions and kernels of `sharing`, and
priced by `Books`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voltadesk.community.books import Books, Line
from voltadesk.community.energy import Energy
from voltadesk.community.nearness import Nearness
from voltadesk.community.price_rules import TIERS, Tariff
from voltadesk.community.rules import Member, Rule
from voltadesk.community.settlement import Settlement
from voltadesk.community.sharing import ShareOut, Stretch, share_outs
from voltadesk.community.tariffs import Price, Tariffs
from voltadesk.engine.sharing import share_by_keys
from voltadesk.feeds.meter_series import Wh
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
class Bid:
    """A member's place in a pool's order book: its limit is what it would pay its supplier [0.01/MWh], energy in Wh."""

    price_tick: int
    buyer_tick: int  # what buyers pay; who bids less does not buy
    dearer_wh: int  # wanted by those who bid more
    equal_wh: int  # wanted by those who bid the same, the member among them
    offered_wh: int  # by those who ask neither more than that nor more than sellers get


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
    bid: Bid | None  # under `book`
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
    rules, now = settlement.rules, _only(settlement.energy, interval)
    prices = _IntervalTariffs(tariffs, interval)
    used, fed = _wide(now.import_wh), _wide(now.export_wh)
    books = Books(rules, now, prices)
    deals = list(_deals(settlement, interval, now, prices, books.nearness))
    taken, given = (sum(getattr(deal, key) for deal in deals) for key in ("taken_wh", "given_wh"))
    moved = [(deal.taken_wh[None], deal.given_wh[None]) for deal in deals]
    books.add(Stretch(slice(0, 1), used, fed, moved, used - taken, fed - given))
    pools, open_wh = [], int(now.import_wh[0, m])
    for rule, deal in zip(tariffs.rules.all_pools, deals, strict=True):
        pools.append(replace(_pool_share(deal, open_wh, now, m), rule=rule.rule))
        open_wh -= int(deal.taken_wh[m])
    return Explanation(
        member=now.members[m],
        start_utc=now.grid.start_utc,
        end_utc=now.grid.end_utc,
        is_active=bool(now.active[0, m]),
        import_wh=int(now.import_wh[0, m]),
        export_wh=int(now.export_wh[0, m]),
        pools=tuple(pools),
        lines=tuple(line for line in books.lines(m) if line.energy_wh is not None),
        alone=tuple(line for line in books.alone(m) if line.energy_wh is not None),
    )


def _only(energy: Energy, interval: int) -> Energy:
    """One of the intervals."""
    held = range(interval, interval + 1)
    at = slice(held.start, held.stop)
    return replace(
        energy,
        grid=energy.grid.part(held),
        import_wh=_wide(energy.import_wh[at]),
        export_wh=_wide(energy.export_wh[at]),
        active=energy.active[at],
    )


def _wide(energy_wh: Wh) -> Ints:
    """In 64 bits and in the order of the kernels, whatever it is held in."""
    return energy_wh.astype(np.int64, order="C")


@dataclass(frozen=True, eq=False)
class _Deal:
    """What one pool did in one interval; arrays are of the members."""

    pool: ShareOut
    near_taken_wh: Ints  # (tiers, members)
    near_given_wh: Ints
    wanted_wh: Ints  # what was still wanted and takes part
    offered_wh: Ints
    key: Ints | None  # by which it was divided; None where something else decides

    @property
    def taken_wh(self) -> Ints:
        return np.asarray(self.near_taken_wh.sum(axis=0))

    @property
    def given_wh(self) -> Ints:
        return np.asarray(self.near_given_wh.sum(axis=0))


def _deals(settlement: Settlement, interval: int, now: Energy, prices: Tariffs, nearness: Nearness) -> Iterator[_Deal]:
    """One pool after the other, as in `sharing.shared_out`."""
    rules, energy = settlement.rules, settlement.energy
    used, fed, active = _wide(now.import_wh), _wide(now.export_wh), now.active[0]
    want, offer = used.copy(), fed.copy()
    for pool in share_outs(rules, now, prices):
        if pool.part_bp is not None:  # the parts of a Wh that all intervals before have left
            pool.want_left[:] = energy.import_wh[:interval].sum(axis=0) * pool.part_bp % BP_PER_UNIT
            pool.offer_left[:] = energy.export_wh[:interval].sum(axis=0) * pool.part_bp % BP_PER_UNIT
        wanted, offered = pool.taking_part(want, offer, used, fed)
        taken, given = pool.share(_turn(now), 0, active, wanted, offered)
        taken_before, given_before = nearness.taken_wh.copy(), nearness.given_wh.copy()
        nearness.match(_turn(now), 0, given, taken)
        want -= taken
        offer -= given
        near_taken, near_given = nearness.taken_wh - taken_before, nearness.given_wh - given_before
        yield _Deal(pool, near_taken, near_given, wanted[0], offered[0], pool.key(0, active))


def _turn(now: Energy) -> int:
    return now.grid.start_utc // now.grid.step_s


def _pool_share(deal: _Deal, open_wh: int, now: Energy, m: int) -> PoolShare:
    pool, name = deal.pool.rules, now.names[m]
    return PoolShare(
        name=pool.name,
        rule=pool.rule,
        has_keys=bool(pool.keys),
        is_consumer=bool(deal.pool.is_consumer[m]),
        participation_bp=pool.participation_percent.get(name, BP_PER_UNIT),
        open_wh=open_wh,
        wanted_wh=int(deal.wanted_wh[m]),
        all_wanted_wh=int(deal.wanted_wh.sum()),
        all_offered_wh=int(deal.offered_wh.sum()),
        shared_wh=int(deal.taken_wh.sum()),
        steps=tuple(_steps(deal, now, m)),
        bid=_bid(deal, m),
        taken_wh=int(deal.taken_wh[m]),
        near_taken_wh=tuple(deal.near_taken_wh[:, m].tolist()),
        offered_wh=int(deal.offered_wh[m]),
        given_wh=int(deal.given_wh[m]),
        near_given_wh=tuple(deal.near_given_wh[:, m].tolist()),
    )


def _steps(deal: _Deal, now: Energy, m: int) -> Iterator[Step]:
    rule, wanted = deal.pool.rules.rule, deal.wanted_wh
    if wanted[m] == 0:
        return
    if deal.key is not None:
        yield from _rounds(deal, deal.key, _turn(now), m)
    elif rule == "priority":
        yield from _by_tier(deal, now.members, m)
    elif rule == "dynamic":
        total, taken = int(wanted.sum()), int(deal.taken_wh[m])
        yield Step("", int(deal.offered_wh.sum()), total, int(wanted[m]), total, taken, taken)


def _rounds(deal: _Deal, key: Ints, turn: int, m: int) -> Iterator[Step]:
    """Round by round, as `share_by_keys` goes."""
    wanted, left = deal.wanted_wh, int(deal.offered_wh.sum())
    of_all, rounds = deal.pool.is_iterative, deal.pool.rounds
    taken, done = np.zeros_like(wanted), 0
    while left > 0 and (rounds == 0 or done < rounds):
        weight = key if of_all or (done == 0 and rounds > 0) else np.where(wanted > taken, key, 0)
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
    share_by_keys(turn, 1, False, weight, offer, np.full_like(offer, total), part, given)
    return part.reshape(-1)


def _by_tier(deal: _Deal, members: Sequence[Member], m: int) -> Iterator[Step]:
    """Tier by tier, among those who are so near to the member."""
    want, offer = deal.wanted_wh.copy(), deal.offered_wh.copy()
    for tier, taken, given in zip(TIERS, deal.near_taken_wh, deal.near_given_wh, strict=True):
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


def _bid(deal: _Deal, m: int) -> Bid | None:
    """The member's place in the order book, where there is one."""
    limits = deal.pool.limits
    if limits is None or deal.wanted_wh[m] == 0:
        return None
    bid_tick, ask_tick = limits.tariff_tick[limits.bid, 0], limits.tariff_tick[limits.ask, 0]
    buyer_tick, seller_tick = int(limits.buyer_tick[0]), int(limits.seller_tick[0])
    stands = bid_tick >= buyer_tick
    for_sale = (ask_tick <= seller_tick) & (ask_tick <= bid_tick[m])
    return Bid(
        int(bid_tick[m]),
        buyer_tick,
        int(deal.wanted_wh[stands & (bid_tick > bid_tick[m])].sum()),
        int(deal.wanted_wh[stands & (bid_tick == bid_tick[m])].sum()),
        int(deal.offered_wh[for_sale].sum()),
    )
