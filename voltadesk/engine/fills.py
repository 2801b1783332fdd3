"""Who trades how much in a call auction, once its price is known or nearly so."""

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.compiled import part
from voltadesk.engine.pro_rata import share_out

_BLOCK = 2_048  # orders filled in one go; prices, energies and fills of a block fit into the nearest cache


@part
def split(
    price_tick: NDArray[np.int64], quantity_wh: NDArray[np.int64], left: int, right: int, fill_wh: NDArray[np.int64]
) -> tuple[int, int, int, int, int, NDArray[np.int32]]:
    """Fills bids above `right` and offers below `left`, nothing else, and finds the orders from `left` to `right`.

    Returns the energy of all bids and of all orders, energy bought, energy sold and its welfare, and which orders lie
    from left to right.
    """
    n = len(price_tick)
    near = np.zeros(_BLOCK, np.uint8)
    eight = near.view(np.uint64)
    index = np.empty(n + 1, np.int32)
    demand, total, bought, sold, welfare, count = 0, 0, 0, 0, 0, 0
    for begin in range(0, n, _BLOCK):
        end = min(begin + _BLOCK, n)
        price, quantity = price_tick[begin:end], quantity_wh[begin:end]
        block = _fill_block(price, quantity, left, right, fill_wh[begin:end], near)
        demand += block[0]
        total += block[1]
        bought += block[2]
        sold += block[3]
        welfare += block[4]
        near[end - begin :] = 0
        for word in range((end - begin + 7) // 8):
            if eight[word] != 0:  # most often none of the eight is marked
                for i in range(word * 8, word * 8 + 8):
                    index[count] = begin + i
                    count += near[i]
    return demand, total, bought, sold, welfare, index[:count]


@part
def _fill_block(
    price_tick: NDArray[np.int64],
    quantity_wh: NDArray[np.int64],
    left: int,
    right: int,
    fill_wh: NDArray[np.int64],
    near: NDArray[np.uint8],
) -> tuple[int, int, int, int, int]:
    """Fills bids above `right` and offers below `left`, and marks orders from left to right in `near`.

    Returns the energy of bids and of all orders, energy bought and sold, and the welfare. No branches, so that it
    becomes vector code.
    """
    demand, total, bought, sold, welfare = 0, 0, 0, 0, 0
    for i in range(len(price_tick)):
        bid, energy = max(quantity_wh[i], 0), abs(quantity_wh[i])
        buys = bid if price_tick[i] > right else 0
        sells = energy - bid if price_tick[i] < left else 0
        fill_wh[i] = buys + sells
        demand += bid
        total += energy
        bought += buys
        sold += sells
        welfare += (buys - sells) * price_tick[i]
    for i in range(len(price_tick)):
        near[i] = np.uint8((price_tick[i] >= left) & (price_tick[i] <= right))
    return demand, total, bought, sold, welfare


@part
def settle(
    price_tick: NDArray[np.int64],
    quantity_wh: NDArray[np.int64],
    index: NDArray[np.int32],
    bid_tick: int,
    offer_tick: int,
    bought_wh: int,
    sold_wh: int,
    fill_wh: NDArray[np.int64],
) -> tuple[int, int]:
    """Fills, of the orders in `index`, bids at `bid_tick` and offers at `offer_tick` as far as can be.

    Their fills are 0 so far; `bought_wh` and `sold_wh` are filled already. The volume is the smaller of the two with
    what these orders could add.
    Returns (volume_wh, welfare_e8 of the orders in `index`).
    """
    bids_at, offers_at = 0, 0
    for k in range(len(index)):
        price, quantity = price_tick[index[k]], quantity_wh[index[k]]
        # Products instead of branches, which nothing could foretell here.
        bids_at += max(quantity, 0) * int(price == bid_tick)
        offers_at += max(-quantity, 0) * int(price == offer_tick)
    volume = min(bought_wh + bids_at, sold_wh + offers_at)
    one = 1 if volume - bought_wh == bids_at else -1
    welfare = 0
    for side in (one, -one):  # the side that is served in full goes first, as sharing out uses up the index
        at_tick, energy, wanted = bid_tick, volume - bought_wh, bids_at
        if side < 0:
            at_tick, energy, wanted = offer_tick, volume - sold_wh, offers_at
        if energy > 0:
            _fill_margin(price_tick, quantity_wh, index, at_tick, side, int(energy), int(wanted), fill_wh)
        welfare += side * at_tick * energy
    return volume, welfare


@part
def _fill_margin(
    price_tick: NDArray[np.int64],
    quantity_wh: NDArray[np.int64],
    index: NDArray[np.int32],
    at_tick: int,
    side: int,
    energy_wh: int,
    wanted_wh: int,
    fill_wh: NDArray[np.int64],
) -> None:
    """Shares out `energy_wh` among the orders of one side (1 bids, -1 offers) at exactly `at_tick`.

    Where that is less than `wanted_wh`, what they want, `index` is overwritten.
    """
    if energy_wh == wanted_wh:
        for k in range(len(index)):
            energy = side * quantity_wh[index[k]] * int(price_tick[index[k]] == at_tick)
            fill_wh[index[k]] += max(energy, 0)
        return
    weight = np.empty(len(index) + 1, np.int64)
    count = 0
    for k in range(len(index)):
        energy = side * quantity_wh[index[k]] * int(price_tick[index[k]] == at_tick)
        index[count] = index[k]
        weight[count] = energy
        count += int(energy > 0)
    if count == 1:
        fill_wh[index[0]] = energy_wh
        return
    share = np.empty(count, np.int64)
    share_out(energy_wh, weight[:count], share)
    for k in range(count):
        fill_wh[index[k]] = share[k]


@part
def share_at_one_price(
    price_tick: int, demand_wh: int, supply_wh: int, quantity_wh: NDArray[np.int64], fill_wh: NDArray[np.int64]
) -> tuple[int, int, int, int, int]:
    """Fills a book in which every order stands at one price; returns what `auction.clear` does.

    The shorter side is served in full, the longer by largest remainder. Nothing is gained, so welfare is 0.
    """
    volume = min(demand_wh, supply_wh)
    if volume == 0:
        fill_wh[:] = 0
        return 0, 0, 0, 0, 0
    short = 1 if demand_wh <= supply_wh else -1
    n = len(quantity_wh)
    weight, index = np.empty(n + 1, np.int64), np.empty(n + 1, np.int32)
    count = 0
    for i in range(n):
        index[count] = i
        weight[count] = -short * quantity_wh[i]
        count += int(weight[count] > 0)
    share = np.empty(count, np.int64)
    share_out(volume, weight[:count], share)
    for i in range(n):
        fill_wh[i] = max(short * quantity_wh[i], 0)
    for k in range(count):
        fill_wh[index[k]] = share[k]
    return volume, price_tick, price_tick, price_tick, 0
