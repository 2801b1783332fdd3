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
from voltadesk.community.price_rules import TIERS
from voltadesk.community.rules import Community, Member, Pool
from voltadesk.engine.sharing import match_by_nearness, share_by_keys, share_by_want
from voltadesk.errors import BadInput, CheckFailed
from voltadesk.units import BP_PER_UNIT, PPM_PER_UNIT

Ints = NDArray[np.int64]

CELLS_AT_ONCE = 1 << 18  # intervals x members that are shared in one go: what stays near the processor


@dataclass(frozen=True, eq=False)
class Flow:
    """What one pool moved in a stretch of intervals, by how near the two ends are (`rules.TIERS`)."""

    pool: int
    span: slice  # intervals of the grid
    near_taken_wh: Ints  # (tiers, intervals, members) [Wh]
    near_given_wh: Ints  # the same; in every tier and interval it sums to what is taken
    taken_wh: Ints  # (intervals, members), all tiers together [Wh]
    given_wh: Ints
    wanted_wh: Ints  # (intervals, members), what was still wanted and takes part in the pool [Wh]
    offered_wh: Ints  # likewise
    key: Ints | None  # (members,), by which it was divided; None where what is wanted decides


@dataclass(eq=False)
class _Pool:
    """A pool's rule as arrays over the members."""

    rules: Pool
    is_producer: NDArray[np.bool_]
    is_consumer: NDArray[np.bool_]
    keys: list[tuple[int, Ints]]  # first interval, ppm of each member; empty: the same for all
    equal: NDArray[np.bool_]  # who has a key where none are given
    part_bp: Ints | None  # how much of each member takes part
    want_left: Ints  # parts of a Wh that are carried on [1e-4 Wh]
    offer_left: Ints


def flows_of(rules: Community, energy: Energy) -> Iterator[Flow]:
    """The energy that every pool moves, stretch by stretch in the order of time, in each the pools in their order.

    Raises BadInput where a pool has no keys on some day.
    """
    names = energy.names
    pools = [_pool(n, pool, energy, names) for n, pool in enumerate(rules.all_pools)]
    order, bound = _tiers(energy.members)
    turn = energy.grid.start_utc // energy.grid.step_s
    for begin, end in _stretches(pools, energy):
        want, offer = energy.import_wh[begin:end].copy(), energy.export_wh[begin:end].copy()
        for n, pool in enumerate(pools):
            wanted = _part(
                np.where(pool.is_consumer, want, 0), energy.import_wh[begin:end], pool.part_bp, pool.want_left
            )
            offered = _part(
                np.where(pool.is_producer, offer, 0), energy.export_wh[begin:end], pool.part_bp, pool.offer_left
            )
            key = _key(pool, begin, energy.active[begin])
            near = _share(pool.rules, turn + begin, key, offered, wanted, order, bound)
            taken, given = (moved.sum(axis=0) for moved in near)
            want -= taken
            offer -= given
            if (taken.sum(axis=1) != given.sum(axis=1)).any() or want.min() < 0 or offer.min() < 0:
                raise CheckFailed(f"pool {pool.rules.name}: what is taken is not what is given")
            yield Flow(n, slice(begin, end), *near, taken, given, wanted, offered, key)


def _share(
    pool: Pool, turn: int, key: Ints | None, offered: Ints, wanted: Ints, order: Ints, bound: Ints
) -> tuple[Ints, Ints]:
    """What is taken and given of a pool, each (tiers, intervals, members)."""
    taken, given = np.empty_like(wanted), np.empty_like(offered)
    assert pool.rule != "optimal"  # made static before (`optimal`)
    if key is not None:
        share_by_keys(turn, rounds_of(pool), key, offered, wanted, taken, given)
    elif pool.rule == "dynamic":
        share_by_want(turn, offered, wanted, taken, given)
    else:
        taken, given = wanted, offered
    near_taken, near_given = (np.empty((len(TIERS), *wanted.shape), np.int64) for _ in range(2))
    # Of what a rule moved, this tells how near the ends are; for `priority` it is the rule.
    match_by_nearness(turn, order, bound, given, taken, near_taken, near_given)
    return near_taken, near_given


def rounds_of(pool: Pool) -> int:
    """How often what is left is divided by keys; 0: until nothing is left or nobody wants more."""
    return 1 if pool.rule == "static" else pool.rounds or 0


def _key(pool: _Pool, begin: int, active: NDArray[np.bool_]) -> Ints | None:
    if pool.rules.rule in ("dynamic", "priority"):
        return None
    if pool.rules.rule == "equal":
        return pool.is_consumer.astype(np.int64)
    if not pool.keys:
        return (pool.equal & active).astype(np.int64)
    return [key for first, key in pool.keys if first <= begin][-1]


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
def _pool(n: int, pool: Pool, energy: Energy, names: Sequence[str]) -> _Pool:
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
    nothing = np.zeros((2, len(names)), np.int64)
    return _Pool(pool, among(pool.producers), consumers, keys, equal, part_bp, nothing[0], nothing[1])


def _tiers(members: Sequence[Member]) -> tuple[Ints, Ints]:
    """The groups of each tier as `match_by_nearness` takes them: alone, of a building, of a feeder, everybody."""
    labels: tuple[list[object], ...] = (
        list(range(len(members))),
        [member.building for member in members],
        [member.feeder for member in members],
        [True] * len(members),
    )
    order, bound = np.zeros((len(TIERS), len(members)), np.int64), np.full((len(TIERS), len(members) + 1), -1)
    for tier, label in enumerate(labels):
        groups: dict[object, list[int]] = {}
        for m, name in enumerate(label):
            if name is not None:
                groups.setdefault(name, []).append(m)
        flat = [m for group in groups.values() for m in group]
        order[tier, : len(flat)] = flat
        bound[tier, : len(groups) + 1] = np.cumsum([0, *(len(group) for group in groups.values())])
    return order, bound.astype(np.int64)


def _stretches(pools: Sequence[_Pool], energy: Energy) -> Iterator[tuple[int, int]]:
    """Stretches of intervals in which no key and no membership changes, short enough to be shared in one go."""
    count, members = energy.import_wh.shape
    changes = np.flatnonzero((energy.active[1:] != energy.active[:-1]).any(axis=1)) + 1
    cuts = {0, count, *changes.tolist(), *(first for pool in pools for first, _ in pool.keys if first < count)}
    at_once = max(1, CELLS_AT_ONCE // members)
    marks = sorted(cuts)
    for begin, end in pairwise(marks):
        for first in range(begin, end, at_once):
            yield first, min(first + at_once, end)
