"""How near to each other the two ends of a shared watt-hour are: the groups of each tier, and a period's sums."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from voltadesk.community.price_rules import TIERS
from voltadesk.community.rules import Member
from voltadesk.community.tariffs import Price
from voltadesk.engine.sharing import match_by_nearness

Ints = NDArray[np.int64]


class Nearness:
    """Tells by tier what is moved, and adds it up for each member, with the fees that are due on it.

    taken_wh, given_wh  (tiers, members) [Wh]
    fee_wh, fee_e8      (fees, zones, members) [Wh], [1e-8 currency]
    """

    def __init__(self, members: Sequence[Member], fees: Sequence[tuple[str, Price]], intervals: int) -> None:
        """`fees` are prices with the tier whose energy they are due on, on a grid of so many intervals."""
        self._order, self._bound = _tiers(members)
        self.taken_wh, self.given_wh = (np.zeros((len(TIERS), len(members)), np.int64) for _ in range(2))
        self._fee_tier = np.array([TIERS.index(tier) for tier, _ in fees], np.int64)
        self._fee_zone, self._fee_tick = (np.zeros((len(fees), intervals), np.int64) for _ in range(2))
        for k, (_, price) in enumerate(fees):
            self._fee_zone[k], self._fee_tick[k] = price.zone, price.price_tick
        zones = max((len(price.zones) for _, price in fees), default=1)
        self.fee_wh, self.fee_e8 = (np.zeros((len(fees), zones, len(members)), np.int64) for _ in range(2))

    def match(self, turn: int, first: int, offered: Ints, wanted: Ints) -> None:
        """Match what is offered and wanted from the `first` interval on, (intervals, members) [Wh].

        Of both arrays only that is left which is given and taken: all of it, where a rule has shared it out before.
        """
        match_by_nearness(
            turn, self._order, self._bound, self._fee_tier, self._fee_zone, self._fee_tick, first, offered, wanted,
            self.taken_wh, self.given_wh, self.fee_wh, self.fee_e8,
        )  # fmt: skip


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
