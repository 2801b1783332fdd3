"""Who gets which watt-hour: the pools of a community, each shared out by its rule.

The kernels are `engine.sharing`; here the rules of the file become their arrays. Pools are served one after the other:
what a member still wants, and what a producer has left, goes on to the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from voltadesk.clock import local_midnight_utc
from voltadesk.community.energy import Energy
from voltadesk.community.nearness import Nearness
from voltadesk.community.rules import BY_KEYS, Community, Pool
from voltadesk.community.tariffs import Tariffs
from voltadesk.engine.sharing import share_by_book, share_by_keys, share_by_want
from voltadesk.errors import BadInput, CheckFailed
from voltadesk.units import BP_PER_UNIT, PPM_PER_UNIT

Ints = NDArray[np.int64]

ITERATIVE_ROUNDS = 5  # where the rules don't say
CELLS_AT_ONCE = 1 << 16  # intervals x members that are shared in one go: what stays near the processor


@dataclass(frozen=True, eq=False)
class Stretch:
    """What all pools moved in a stretch of intervals; arrays are (intervals, members) [Wh]."""

    span: slice  # intervals of the grid
    wanted_wh: Ints  # by members, of the community and the grid
    offered_wh: Ints
    moved: Sequence[tuple[Ints, Ints]]  # what is taken and given in each pool
    from_grid_wh: Ints  # what no pool served
    to_grid_wh: Ints  # what no pool took


@dataclass(frozen=True, eq=False)
class Limits:
    """The prices of a pool's order book: each member's own tariffs, and those of the pool [0.01/MWh]."""

    tariff_tick: Ints  # (tariffs, intervals); the first is 0, for those who have none
    bid: Ints  # (members,): the tariff that each is supplied by
    ask: Ints  # (members,): the tariff that each feeds in by
    buyer_tick: Ints  # (intervals,)
    seller_tick: Ints  # (intervals,)


@dataclass(eq=False)
class ShareOut:
    """How a pool is shared out: its rule as arrays over the members, and what it carries on from stretch to stretch."""

    rules: Pool
    is_producer: NDArray[np.bool_]
    is_consumer: NDArray[np.bool_]
    keys: list[tuple[int, Ints]]  # first interval, ppm of each member; empty: the same for all
    equal: NDArray[np.bool_]  # who has a key where none are given
    limits: Limits | None  # of the rule `book`
    part_bp: Ints | None  # how much of each member takes part
    want_left: Ints  # parts of a Wh that are carried on [1e-4 Wh]
    offer_left: Ints

    @property
    def is_iterative(self) -> bool:
        """Whether every round divides by the keys of all."""
        return self.rules.rule == "iterative"

    @property
    def rounds(self) -> int:
        """In how many rounds keys divide; 0: until nothing is left or nobody wants more."""
        if self.rules.rule == "static":
            return 1
        return self.rules.rounds or (ITERATIVE_ROUNDS if self.is_iterative else 0)

    def key(self, begin: int, active: NDArray[np.bool_]) -> Ints | None:
        """Each member's key from an interval on, `active` being the members then; None where no keys decide."""
        if self.rules.rule == "equal":
            return self.is_consumer.astype(np.int64)
        if self.rules.rule not in BY_KEYS:
            return None
        if not self.keys:
            return (self.equal & active).astype(np.int64)
        return [key for first, key in self.keys if first <= begin][-1]

    def taking_part(self, want: Ints, offer: Ints, wanted: Ints, offered: Ints) -> tuple[Ints, Ints]:
        """What takes part of what is still wanted and offered, (intervals, members) [Wh].

        `wanted` and `offered` are what was so before any pool; a part of that takes part, where the rules say so.
        """
        taking = _part(np.where(self.is_consumer, want, 0), wanted, self.part_bp, self.want_left)
        giving = _part(np.where(self.is_producer, offer, 0), offered, self.part_bp, self.offer_left)
        return taking, giving

    def share(self, turn: int, begin: int, active: NDArray[np.bool_], wanted: Ints, offered: Ints) -> tuple[Ints, Ints]:
        """What is taken and given of what takes part; under `priority` all of it, as `Nearness` matches it then."""
        rule = self.rules.rule
        assert rule != "optimal"  # made static before (`optimal`)
        if rule == "priority":
            return wanted.copy(), offered.copy()
        taken, given = np.empty_like(wanted), np.empty_like(offered)
        key = self.key(begin, active)
        if key is not None:
            share_by_keys(turn, self.rounds, self.is_iterative, key, offered, wanted, taken, given)
        elif self.limits is not None:
            _share_by_book(self.limits, turn, begin, offered, wanted, taken, given)
        else:
            share_by_want(turn, offered, wanted, taken, given)
        return taken, given


def shared_out(rules: Community, energy: Energy, tariffs: Tariffs, nearness: Nearness) -> Iterator[Stretch]:
    """The energy that every pool moves, stretch by stretch in the order of time; `nearness` adds it up by tier.

    Raises BadInput where a pool has no keys on some day, or a tariff that the rule `book` needs has a hole.
    """
    pools = share_outs(rules, energy, tariffs)
    for begin, end in _stretches(pools, energy):
        # In 64 bits and in the order of the kernels, whatever they are held in.
        wanted, offered = (
            array[begin:end].astype(np.int64, order="C") for array in (energy.import_wh, energy.export_wh)
        )
        want, offer = wanted.copy(), offered.copy()
        moved = []
        for pool in pools:
            turn = energy.grid.start_utc // energy.grid.step_s + begin
            taking, giving = pool.taking_part(want, offer, wanted, offered)
            taken, given = pool.share(turn, begin, energy.active[begin], taking, giving)
            # Of what a rule moved, this tells how near the ends are; for `priority` it is the rule.
            nearness.match(turn, begin, given, taken)
            want -= taken
            offer -= given
            if (taken.sum(axis=1) != given.sum(axis=1)).any() or want.min() < 0 or offer.min() < 0:
                raise CheckFailed(f"pool {pool.rules.name}: what is taken is not what is given")
            moved.append((taken, given))
        yield Stretch(slice(begin, end), wanted, offered, moved, want, offer)


def _share_by_book(
    limits: Limits, turn: int, begin: int, offered: Ints, wanted: Ints, taken: Ints, given: Ints
) -> None:
    """Match a stretch of intervals as an order book would, at prices that are no worse than any order's limit."""
    span = slice(begin, begin + len(wanted))
    bid, ask = (np.ascontiguousarray(limits.tariff_tick[of, span].T) for of in (limits.bid, limits.ask))
    wanted = np.where(bid >= limits.buyer_tick[span, None], wanted, 0)
    offered = np.where(ask <= limits.seller_tick[span, None], offered, 0)
    share_by_book(turn, bid, ask, offered, wanted, taken, given)


def _part(open_wh: Ints, whole_wh: Ints, part_bp: Ints | None, left: Ints) -> Ints:
    """What takes part in a pool: a share of the whole by the floor of the running total, but no more than is open.

    `left` holds what the floor dropped so far, in 1e-4 Wh, and is brought up to date.
    """
    if part_bp is None:
        return open_wh
    totals = np.cumsum(whole_wh * part_bp, axis=0) + left
    floors = totals // BP_PER_UNIT
    part_wh = np.diff(floors, axis=0, prepend=0)
    left[:] = totals[-1] % BP_PER_UNIT
    return np.minimum(open_wh, part_wh)


# From the rules to arrays ---------------------------------------------------------------------------------------------
def share_outs(rules: Community, energy: Energy, tariffs: Tariffs) -> list[ShareOut]:
    """How each pool is shared out, in their order. Raises BadInput as `shared_out` does."""
    return [_share_out(n, pool, rules, energy, tariffs) for n, pool in enumerate(rules.all_pools)]


def _share_out(n: int, pool: Pool, rules: Community, energy: Energy, tariffs: Tariffs) -> ShareOut:
    names = energy.names

    def among(given: list[str] | None) -> NDArray[np.bool_]:
        return np.array([given is None or name in given for name in names])

    shares = pool.participation_percent
    part_bp = np.array([shares.get(name, BP_PER_UNIT) for name in names], np.int64) if shares else None
    keys = []
    for given in pool.keys:
        ppm = np.array([given.percent.get(name, 0) for name in names], np.int64)
        assert ppm.sum() == PPM_PER_UNIT
        day = given.valid_from
        since = 0 if day is None else local_midnight_utc(day, energy.grid.zone) - energy.grid.start_utc
        keys.append((max(0, -(-since // energy.grid.step_s)), ppm))
    if keys and keys[0][0] > 0:
        limit = "must not be after the first day that is settled: before it the pool has no keys"
        raise BadInput(f"pools[{n}].keys[0].valid_from", pool.keys[0].valid_from, limit)
    consumers = among(pool.consumers)
    equal = consumers & energy.takes
    limits = _limits(pool, rules, energy, tariffs) if pool.rule == "book" else None
    nothing = np.zeros((2, len(names)), np.int64)
    return ShareOut(pool, among(pool.producers), consumers, keys, equal, limits, part_bp, nothing[0], nothing[1])


def _limits(pool: Pool, rules: Community, energy: Energy, tariffs: Tariffs) -> Limits:
    rows: dict[str | None, int] = {None: 0}  # the place of each tariff; those who aren't members now need none

    def places(own: Sequence[str | None], default: str | None) -> Ints:
        names = [(name or default) if here else None for name, here in zip(own, energy.present, strict=True)]
        return np.array([rows.setdefault(name, len(rows)) for name in names], np.int64)

    bid = places([member.supply for member in energy.members], rules.prices.supply)
    ask = places([member.feed_in for member in energy.members], rules.prices.feed_in)
    prices = [tariffs.price(name).price_tick for name in rows if name is not None]
    nothing = np.zeros(energy.grid.count, np.int64)
    buyer, seller = (tariffs.price(getattr(pool, key) or getattr(rules.prices, key)) for key in ("buyer", "seller"))
    return Limits(np.stack([nothing, *prices]), bid, ask, buyer.price_tick, seller.price_tick)


def _stretches(pools: Sequence[ShareOut], energy: Energy) -> Iterator[tuple[int, int]]:
    """Stretches of intervals in which no key and no membership changes, short enough to be shared in one go."""
    count, members = energy.import_wh.shape
    changes = np.flatnonzero((energy.active[1:] != energy.active[:-1]).any(axis=1)) + 1
    cuts = {0, count, *changes.tolist(), *(first for pool in pools for first, _ in pool.keys if first < count)}
    at_once = max(1, CELLS_AT_ONCE // members)
    marks = sorted(cuts)
    for begin, end in pairwise(marks):
        for first in range(begin, end, at_once):
            yield first, min(first + at_once, end)
