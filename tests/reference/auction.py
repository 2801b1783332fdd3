"""The auctions of `voltadesk.engine.auction` once more, to be read in a minute: sort, walk, Python integers.

An order is a pair (limit price, energy), the energy positive for a bid and negative for an offer; orders stand in the
order of their ids. Nothing here is shared with the kernels but the roundings that `units` names.
"""

from typing import NamedTuple

from voltadesk import units

Order = tuple[int, int]


class Outcome(NamedTuple):
    """What an auction says; all 0 where nothing trades."""

    fills: list[int]
    volume: int = 0
    price: int = 0
    low: int = 0
    high: int = 0
    welfare: int = 0


def clear(orders: list[Order], floor: int, cap: int, rule: str) -> Outcome:
    """One price for all: walk down the bids and up the offers while they meet."""
    best_bids, best_offers = _bids(orders), _offers(orders)
    volume = _crossing_volume(best_bids, best_offers)
    if volume == 0:
        return Outcome([0] * len(orders))
    fills = _fill(orders, volume)
    low, high = _price_range(orders, fills, floor, cap)
    price = {"lowest": low, "highest": high, "midpoint": units.midpoint_tick(low, high)}[rule]
    return Outcome(fills, volume, price, low, high, _welfare(orders, fills))


def clear_vertical_demand(orders: list[Order], cap: int) -> Outcome:
    """The price is where offers, cheapest first, cover all bids; then only bids that can pay it are served."""
    bids, offers = _bids(orders), _offers(orders)
    nothing = Outcome([0] * len(orders))
    if not bids or not offers:
        return nothing
    demand = sum(energy for _, energy in bids)
    price, offered = cap, 0
    for limit, energy in offers:
        offered += energy
        if offered >= demand:
            price = limit
            break
    able = sum(energy for limit, energy in bids if limit >= price)
    volume = min(able, sum(energy for _, energy in offers))
    if volume == 0:
        return nothing
    # Bids below the price are out; all that are left weigh the same, whatever their limit is, unless energy is short,
    # which happens at the cap only.
    fills = _fill([(limit, energy if energy < 0 or limit >= price else 0) for limit, energy in orders], volume)
    return Outcome(fills, volume, price, price, price, _welfare(orders, fills))


def clear_pay_as_bid(orders: list[Order], floor: int, cap: int) -> tuple[Outcome, list[int]]:
    """Filled as with one price; sellers get their own limits, buyers pay the average, rounded up to the tick.

    Returns the outcome and what each seller is paid per MWh (0 for all others).
    """
    outcome = clear(orders, floor, cap, "midpoint")
    sellers = [limit if energy < 0 < fill else 0 for (limit, energy), fill in zip(orders, outcome.fills, strict=True)]
    if outcome.volume == 0:
        return outcome, sellers
    paid = sum(limit * fill for limit, fill in zip(sellers, outcome.fills, strict=True))
    price = units.average_price_up_tick(paid, outcome.volume)
    return outcome._replace(price=price, low=price, high=price), sellers


def _bids(orders: list[Order]) -> list[Order]:
    """Dearest first."""
    return sorted(((limit, energy) for limit, energy in orders if energy > 0), reverse=True)


def _offers(orders: list[Order]) -> list[Order]:
    """Cheapest first, energy positive."""
    return sorted((limit, -energy) for limit, energy in orders if energy < 0)


def _crossing_volume(bids: list[Order], offers: list[Order]) -> int:
    """Energy that trades when best meets best for as long as the bid pays what the offer asks."""
    bids, offers, volume = list(bids), list(offers), 0
    while bids and offers and bids[0][0] >= offers[0][0]:
        (bid_limit, bid), (offer_limit, offer) = bids.pop(0), offers.pop(0)
        traded = min(bid, offer)
        volume += traded
        if bid > traded:
            bids.insert(0, (bid_limit, bid - traded))
        if offer > traded:
            offers.insert(0, (offer_limit, offer - traded))
    return volume


def _fill(orders: list[Order], volume: int) -> list[int]:
    """Each side takes the volume, best price first; orders with the same limit share by largest remainder."""
    fills = [0] * len(orders)
    for side in (1, -1):
        levels: dict[int, list[int]] = {}  # which orders have this limit
        for i, (limit, energy) in enumerate(orders):
            if side * energy > 0:
                levels.setdefault(limit, []).append(i)
        left = volume
        for limit in sorted(levels, reverse=side > 0):
            here = levels[limit]
            wanted = [abs(orders[i][1]) for i in here]
            taken = min(left, sum(wanted))
            for i, share in zip(here, units.share_out(taken, wanted), strict=True):
                fills[i] = share
            left -= taken
    return fills


def _price_range(orders: list[Order], fills: list[int], floor: int, cap: int) -> tuple[int, int]:
    """Between the dearest that must not want to buy more or sell less, and the cheapest the other way round."""
    low, high = [floor], [cap]
    for (limit, energy), fill in zip(orders, fills, strict=True):
        accepted, rejected = fill > 0, fill < abs(energy)
        if energy < 0 and accepted:
            low.append(limit)
        if energy > 0 and rejected:
            low.append(limit)
        if energy > 0 and accepted:
            high.append(limit)
        if energy < 0 and rejected:
            high.append(limit)
    return max(low), min(high)


def _welfare(orders: list[Order], fills: list[int]) -> int:
    """What the energy is worth to its buyers less what it costs its sellers."""
    return sum(limit * fill * (1 if energy > 0 else -1) for (limit, energy), fill in zip(orders, fills, strict=True))
