"""The rules of `voltadesk.engine.sharing` once more, for one interval and with Python's integers.

Nothing here is shared with the kernels but the largest remainder, `units.share_out`.
"""

from __future__ import annotations

from collections.abc import Sequence

from voltadesk import units

Shares = tuple[list[int], list[int]]  # taken, given


def in_turn(total: int, weights: Sequence[int], turn: int) -> list[int]:
    """Largest remainder; of equal ones the first in a row that begins with the `turn`-th whose weight is positive."""
    positive = [m for m, weight in enumerate(weights) if weight > 0]
    first = positive[turn % len(positive)] if positive else 0
    row = sorted(range(len(weights)), key=lambda m: (m - first) % len(weights))
    shares = dict(zip(row, units.share_out(total, [weights[m] for m in row]), strict=True))
    return [shares[m] for m in range(len(weights))]


def dynamic(turn: int, offer: Sequence[int], want: Sequence[int]) -> Shares:
    """In proportion to what is wanted."""
    shared = min(sum(offer), sum(want))
    return in_turn(shared, want, turn), in_turn(shared, offer, turn)


def static(turn: int, key: Sequence[int], offer: Sequence[int], want: Sequence[int]) -> Shares:
    """By key; what a member can't use goes to the grid."""
    part = in_turn(sum(offer), key, turn)
    taken = [min(share, wanted) for share, wanted in zip(part, want, strict=True)]
    return taken, in_turn(sum(taken), offer, turn)


def hybrid(turn: int, rounds: int, key: Sequence[int], offer: Sequence[int], want: Sequence[int]) -> Shares:
    """By key; then the rest by the keys of those who still want some, `rounds` rounds in all."""
    taken, _ = static(turn, key, offer, want)
    for _ in range(rounds - 1):
        taken = _another_round(turn, key, offer, want, taken)
    return taken, in_turn(sum(taken), offer, turn)


def until_none_is_left(turn: int, key: Sequence[int], offer: Sequence[int], want: Sequence[int]) -> Shares:
    """By the keys of those who still want some, until a round changes nothing."""
    taken = [0] * len(want)
    while (more := _another_round(turn, key, offer, want, taken)) != taken:
        taken = more
    return taken, in_turn(sum(taken), offer, turn)


def _another_round(
    turn: int, key: Sequence[int], offer: Sequence[int], want: Sequence[int], taken: Sequence[int]
) -> list[int]:
    keys = [k if wanted > had else 0 for k, wanted, had in zip(key, want, taken, strict=True)]
    part = in_turn(sum(offer) - sum(taken), keys, turn)
    return [had + min(share, wanted - had) for had, share, wanted in zip(taken, part, want, strict=True)]


def iterative(turn: int, rounds: int, key: Sequence[int], offer: Sequence[int], want: Sequence[int]) -> Shares:
    """By key, and the rest by the keys of all again, `rounds` rounds in all."""
    taken = [0] * len(want)
    for _ in range(rounds):
        part = in_turn(sum(offer) - sum(taken), key, turn)
        taken = [had + min(share, wanted - had) for had, share, wanted in zip(taken, part, want, strict=True)]
    return taken, in_turn(sum(taken), offer, turn)


def book(turn: int, bid: Sequence[int], ask: Sequence[int], offer: Sequence[int], want: Sequence[int]) -> Shares:
    """The dearest bid and the cheapest offer trade, watt-hour by watt-hour, as long as the bid is not less."""
    taken, given = [0] * len(want), [0] * len(offer)
    buyers = [m for m in row_of(turn, want, [-price for price in bid]) for _ in range(want[m])]
    sellers = [m for m in row_of(turn, offer, ask) for _ in range(offer[m])]
    for buyer, seller in zip(buyers, sellers, strict=False):
        if bid[buyer] >= ask[seller]:
            taken[buyer] += 1
            given[seller] += 1
    return taken, given


def row_of(turn: int, energy: Sequence[int], price: Sequence[int]) -> list[int]:
    """Who has any energy, the lowest price first; the row begins with the `turn`-th of them where prices are equal."""
    some = [m for m, amount in enumerate(energy) if amount > 0]
    first = turn % len(some) if some else 0
    return sorted(some[first:] + some[:first], key=lambda m: price[m])


def nearness(
    turn: int, tiers: Sequence[Sequence[Sequence[int]]], offer: Sequence[int], want: Sequence[int]
) -> list[Shares]:
    """Tier by tier, group by group: what is offered in the group goes to those of it who want."""
    offer, want = list(offer), list(want)
    moved = []
    for groups in tiers:
        taken, given = [0] * len(want), [0] * len(want)
        for group in groups:
            took, gave = dynamic(turn, [offer[m] for m in group], [want[m] for m in group])
            for m, more, less in zip(group, took, gave, strict=True):
                taken[m], given[m] = more, less
                want[m] -= more
                offer[m] -= less
        moved.append((taken, given))
    return moved
