"""What the others leave to a battery, and the battery among them.

It comes after everybody else: it charges from what the pools leave over, gives to those who would still buy from the
grid, by the rule of the last pool, and otherwise trades with the grid as any shared member does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voltadesk import units
from voltadesk.community.battery import BUY, LEFT, SELL, WANTED, Openings
from voltadesk.community.energy import Energy
from voltadesk.community.nearness import Nearness
from voltadesk.community.price_rules import TIERS
from voltadesk.community.rules import BY_KEYS, Community, Member
from voltadesk.community.settlement import Settlement
from voltadesk.community.sharing import shared_out
from voltadesk.community.tariffs import Tariffs

Ints = NDArray[np.int64]


# Among the others -----------------------------------------------------------------------------------------------------
def with_battery(rules: Community, energy: Energy, taken_wh: Ints, given_wh: Ints) -> tuple[Community, Energy]:
    """The rules and the energy with one more shared member, and two pools behind the others.

    From the one it takes what is left over; what it gives goes by the rule of the last pool, also where that has keys:
    then what one can't use goes on to the others, as a battery needn't give what nobody takes.
    """
    energy = energy.widened()
    place = {key: _common(energy.members, key) for key in ("building", "feeder")}
    member = Member(name=_free_name(energy), shared=True, **place)
    column = sorted([*energy.names, member.name]).index(member.name)
    present = np.ones(energy.grid.count, bool)
    takes = bool(taken_wh.any())

    def put(array: NDArray[Any], value: Any) -> NDArray[Any]:
        return np.insert(array, column, value, axis=array.ndim - 1)

    return _with_pools(rules, energy, member), replace(
        energy,
        members=(*energy.members[:column], member, *energy.members[column:]),
        import_wh=put(energy.import_wh, taken_wh),
        export_wh=put(energy.export_wh, given_wh),
        takes=put(energy.takes, takes),
        own_use_wh=put(energy.own_use_wh, 0),
        active=put(energy.active, present),
        estimated=put(energy.estimated, 0),
    )


def _with_pools(rules: Community, energy: Energy, battery: Member) -> Community:
    pools, names = rules.all_pools, list(energy.names)
    # Who is in a pool because everybody is, is named, so that the battery is not.
    closed = [
        pool.model_copy(
            update={"producers": _or_all(pool.producers, names), "consumers": _or_all(pool.consumers, names)}
        )
        for pool in pools
    ]
    last = closed[-1]
    by_keys = last.rule in (*BY_KEYS, "optimal")
    giving = {"rule": "hybrid" if by_keys else last.rule, "rounds": None, "producers": [battery.name]}
    taking = {"rule": "dynamic", "rounds": None, "keys": [], "consumers": [battery.name]}
    behind = [
        last.model_copy(update={"name": f"{battery.name} {way}", **update})
        for way, update in (("takes", taking), ("gives", giving))
    ]
    return rules.model_copy(update={"members": [*rules.members, battery], "sharing": None, "pools": [*closed, *behind]})


def _or_all(given: list[str] | None, names: list[str]) -> list[str]:
    return names if given is None else given


def _free_name(energy: Energy) -> str:
    name, taken = "new-battery", {name.lower() for name in energy.names}
    while name in taken:
        name += "-2"
    return name


def _common(members: Sequence[Member], key: str) -> Any:
    """The building or the feeder that all have in common, if they have: then the battery stands there, too."""
    places = {getattr(member, key) for member in members}
    return places.pop() if len(places) == 1 else None


# What there is to do --------------------------------------------------------------------------------------------------
def openings_of(done: Settlement, tariffs: Tariffs) -> Openings:
    """What a settled period without the battery leaves to it."""
    rules, energy = done.rules, done.energy
    rest = replace(energy, import_wh=energy.import_wh - done.taken_wh, export_wh=energy.export_wh - done.given_wh)
    # A battery that takes and gives everything shows how far the rules let it.
    all_rules, all_energy = with_battery(rules, rest, rest.export_wh.sum(axis=1), rest.import_wh.sum(axis=1))
    last_two = all_rules.model_copy(update={"pools": all_rules.pools[-2:]})
    others = [name in energy.names for name in all_energy.names]
    left, wanted = np.zeros_like(rest.import_wh), np.zeros_like(rest.import_wh)
    for stretch in shared_out(last_two, all_energy, tariffs, Nearness(all_energy.members, [], energy.grid.count)):
        (_, given), (taken, _) = stretch.moved
        left[stretch.span], wanted[stretch.span] = given[:, others], taken[:, others]
    worth = _Worth(rules, energy, tariffs, next(m for m in all_energy.members if m.name not in energy.names))
    sellers, buyers = energy.export_wh.any(axis=0), energy.takes
    return Openings(
        left.sum(axis=1),
        wanted.sum(axis=1),
        worth.prices_tick(left, wanted),
        worth.prices_tick(sellers * energy.active, buyers * energy.active),
    )


class _Worth:
    """What a watt-hour that a battery takes costs, and one that it gives saves, all of the community together."""

    def __init__(self, rules: Community, energy: Energy, tariffs: Tariffs, battery: Member) -> None:
        self.rules, self.energy, self.tariffs = rules, energy, tariffs
        tier = TIERS[1] if battery.building else TIERS[2] if battery.feeder else TIERS[3]
        last = rules.all_pools[-1]
        buyer, seller = last.buyer or rules.prices.buyer, last.seller or rules.prices.seller
        # What buyers pay the community stays in it, but for the tax on it.
        self.within_tick = self._fee_tick(tier) + self._tax_tick(buyer) - self._tax_tick(seller)
        self.grid_tick = self._fee_tick("grid")

    def prices_tick(self, left: NDArray[np.generic], wanted: NDArray[np.generic]) -> Ints:
        """The prices of `Openings`, (4, T), each a mean weighted by whose energy it is, (T, members)."""
        prices = np.stack(
            [
                self._mean_tick("feed_in", left) + self.within_tick,
                self._mean_tick("supply", wanted) + self.grid_tick - self.within_tick,
                self._gross_tick(self.rules.prices.supply) + self.grid_tick,
                self._gross_tick(self.rules.prices.feed_in),
            ]
        )
        # It is served from within first, also where the grid would be cheaper.
        prices[BUY] = np.maximum(prices[BUY], np.where(left.any(axis=1), prices[LEFT], prices[BUY]))
        prices[SELL] = np.minimum(prices[SELL], np.where(wanted.any(axis=1), prices[WANTED], prices[SELL]))
        clipped: Ints = np.clip(prices, -units.PRICE_LIMIT_TICK, units.PRICE_LIMIT_TICK)
        return clipped

    def _mean_tick(self, key: str, weights: NDArray[np.generic]) -> Ints:
        """The members' own tariffs of a kind."""
        total, weight = np.zeros(self.energy.grid.count), np.zeros(self.energy.grid.count)
        columns: dict[str | None, list[int]] = {}
        for m, member in enumerate(self.energy.members):
            columns.setdefault(getattr(member, key) or getattr(self.rules.prices, key), []).append(m)
        for tariff, members in columns.items():
            part = weights[:, members].sum(axis=1).astype(np.float64)
            total += part * self._gross_tick(tariff)
            weight += part
        # Advice, not money: what is billed comes out of the settlement.
        return np.rint(total / np.maximum(weight, 1)).astype(np.int64)

    def _gross_tick(self, tariff: str | None) -> Ints:
        if tariff is None:
            return np.zeros(self.energy.grid.count, np.int64)
        return self.tariffs.price(tariff).price_tick + self._tax_tick(tariff)

    def _tax_tick(self, tariff: str) -> Ints:
        vat_bp = self.tariffs.terms(tariff).vat_percent
        return self.tariffs.price(tariff).price_tick * vat_bp // units.BP_PER_UNIT

    def _fee_tick(self, tier: str) -> Ints:
        total = np.zeros(self.energy.grid.count, np.int64)
        for fee in self.rules.fees:
            value = getattr(fee, tier)
            price = self.tariffs.price(value) if isinstance(value, str) else self.tariffs.flat(value)
            total += price.price_tick * (units.BP_PER_UNIT + fee.vat_percent) // units.BP_PER_UNIT
        return total
