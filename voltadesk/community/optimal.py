"""Keys that make members and community together pay least to everybody else, under limits for each key.

Of an interval in which the producers offer O, a member with the key k takes min(want, k O), so what all save by a
period is a sum over members of concave functions of their keys, each made of straight pieces that end at want / O.
The best keys fill the steepest pieces first; that is the optimum of the linear programme, without one being solved.

Source: M. Manuel de Villena et al., Allocation of locally generated electricity in renewable energy communities,
arXiv 2009.05411, with one set of keys for the whole period.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from voltadesk import units
from voltadesk.community.energy import Energy
from voltadesk.community.rules import Community, Keys, Pool
from voltadesk.community.tariffs import Tariffs
from voltadesk.errors import BadInput
from voltadesk.feeds.meter_series import Wh

Ints = NDArray[np.int64]

WHOLE_PPM = units.PPM_PER_UNIT
GAIN_LIMIT = 1 << 62


def with_optimal_keys(rules: Community, energy: Energy, tariffs: Tariffs) -> Community:
    """The rules with `static` keys in place of every pool's `optimal` ones, each as if its pool were the only one.

    Raises BadInput where the limits of the keys leave no choice.
    """
    if all(pool.rule != "optimal" for pool in rules.all_pools):
        return rules
    pools = []
    for n, pool in enumerate(rules.all_pools):
        if pool.rule == "optimal":
            ppm = _keys(n, pool, rules, energy, tariffs)
            keys = Keys.model_construct(valid_from=None, percent=dict(zip(energy.names, ppm, strict=True)))
            pools.append(pool.model_copy(update={"rule": "static", "keys": [keys]}))
        else:
            pools.append(pool)
    return rules.model_copy(update={"sharing": None, "pools": pools})


def _keys(n: int, pool: Pool, rules: Community, energy: Energy, tariffs: Tariffs) -> list[int]:
    """Each member's key [ppm], in the order of the members."""
    names = energy.names
    takes_part = energy.present & np.array([pool.consumers is None or m in pool.consumers for m in names])
    takes_part &= energy.import_wh.any(axis=0)
    producers = np.array([pool.producers is None or m in pool.producers for m in names])
    offer = np.where(producers, energy.export_wh, 0)
    count = int(takes_part.sum())
    if count == 0:
        return units.share_out(WHOLE_PPM, [1] * len(names))
    least, most = pool.least_percent * 100, pool.most_percent * 100
    if not least * count <= WHOLE_PPM <= most * count:
        limit = f"and most_percent must leave a choice to {count} consumers"
        raise BadInput(f"pools[{n}].least_percent", units.decimal_text(pool.least_percent, 2), limit)
    worth = _worth_tick(pool, rules, energy, tariffs, offer)
    chosen = best_keys(offer.sum(axis=1), energy.import_wh[:, takes_part], worth[:, takes_part], least, most)
    keys = np.zeros(len(names), np.int64)
    keys[takes_part] = chosen
    return [int(key) for key in keys]


def best_keys(offer_wh: Ints, want_wh: Wh, worth_tick: Ints, least: int, most: int) -> list[int]:
    """Keys [ppm] that sum to a million and make the sum of worth x min(want, key x offer) largest.

    offer_wh    (intervals,) [Wh]; want_wh (intervals, members) [Wh]
    worth_tick  (intervals, members): what a shared watt-hour saves [0.01/MWh]; what costs counts as 0
    least, most limits of each key [ppm], least * members <= 1,000,000 <= most * members
    """
    sunny = offer_wh > 0
    offer, want, members = offer_wh[sunny], want_wh[sunny], want_wh.shape[1]
    worth = np.maximum(worth_tick[sunny], 0)
    if int(worth.max(initial=0)) * int(offer.sum()) >= GAIN_LIMIT:
        raise BadInput("energy", f"{int(offer.sum()) // 1_000} kWh", "is too large to be counted, times its price")
    # A million times what anyone can want would overflow; more than the whole offer changes nothing.
    ends = np.clip(np.minimum(want, offer[:, None]) * WHOLE_PPM // np.maximum(offer, 1)[:, None], least, most)
    gain = worth * offer[:, None]
    order = np.argsort(ends, axis=0, kind="stable")
    ends, gain = np.take_along_axis(ends, order, axis=0), np.take_along_axis(gain, order, axis=0)
    slope = np.cumsum(gain[::-1], axis=0)[::-1]  # before each end, what all that end later still gain
    length = np.diff(ends, axis=0, prepend=least)
    keys = np.full(members, least, np.int64)
    left = WHOLE_PPM - least * members
    by_slope = np.argsort(-slope, axis=None, kind="stable")
    reached = np.cumsum(length.reshape(-1)[by_slope])
    last = int(np.searchsorted(reached, left))
    margin = int(slope.reshape(-1)[by_slope[last]]) if last < len(reached) else 0
    keys += np.where(slope > max(margin, 0), length, 0).sum(axis=0)
    # What is left goes to those at the margin alike, and what nobody can use to all alike.
    for room in (np.where(slope == margin, length, 0).sum(axis=0), most - keys):
        room = np.minimum(room, most - keys)
        more = min(WHOLE_PPM - int(keys.sum()), int(room.sum()))
        keys += np.array(units.share_out(more, room.tolist()), np.int64)
    return [int(key) for key in keys]


def _worth_tick(pool: Pool, rules: Community, energy: Energy, tariffs: Tariffs, offer: Ints) -> Ints:
    """What a watt-hour that a member takes from the community saves all, in each interval, (intervals, members).

    Its own supply and the grid's fee are saved, the producers' feed-in is lost; the price between the two stays in the
    community, but for its tax. Fees are taken as those of the widest nearness.
    """

    @cache
    def gross(name: str | None) -> Ints:
        if name is None:
            return np.zeros(energy.grid.count, np.int64)
        return tariffs.price(name).price_tick * (units.BP_PER_UNIT + tariffs.terms(name).vat_percent)

    def tax(name: str) -> Ints:
        return tariffs.price(name).price_tick * tariffs.terms(name).vat_percent

    inside = tax(pool.seller or rules.prices.seller) - tax(pool.buyer or rules.prices.buyer)
    for fee in rules.fees:
        for value, sign in ((fee.grid, 1), (fee.community, -1)):
            price = tariffs.price(value) if isinstance(value, str) else tariffs.flat(value)
            inside = inside + sign * price.price_tick * (units.BP_PER_UNIT + fee.vat_percent)
    whole = offer.sum(axis=1)
    lost = np.zeros(energy.grid.count, np.int64)
    for m, member in enumerate(energy.members):
        if offer[:, m].any():
            lost += gross(member.feed_in or rules.prices.feed_in) // units.BP_PER_UNIT * offer[:, m]
    inside = inside // units.BP_PER_UNIT - lost // np.maximum(whole, 1)
    saved = [
        gross(member.supply or rules.prices.supply) // units.BP_PER_UNIT if energy.takes[m] else np.zeros_like(whole)
        for m, member in enumerate(energy.members)
    ]
    worth: Ints = np.stack(saved, axis=1) + inside[:, None]
    return worth
