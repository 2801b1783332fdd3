"""The physics of a fleet of batteries, and the two orders each places. Rules: `docs/market-rules.md`, "Batteries".

Fill is kept in whole Wh. Losses are what does not arrive: bought = added to the fill + lost, taken from the fill =
sold + lost, to the last Wh.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.compiled import part
from voltadesk.engine.rounding import energy_of_power_wh
from voltadesk.engine.tables import (
    NO_PRICE_TICK,
    REASON_BETWEEN_LIMITS,
    REASON_CHARGED,
    REASON_DISCHARGED,
    REASON_EMPTY,
    REASON_FULL,
    REASON_NO_ORDER,
    REASON_NO_PRICE,
    REASON_NOT_FILLED,
    REASON_OUTAGE,
)


@part
def stand(row: Any, step_s: int) -> int:
    """Take the standing loss of an interval from a battery's fill; returns it [Wh]. Parts of a Wh are carried on."""
    numerator = row.fill_wh * row.standing_loss_ppm_per_hour * step_s + row.standing_loss_rest
    loss = numerator // 3_600_000_000
    row.standing_loss_rest = numerator - loss * 3_600_000_000
    loss = min(loss, row.fill_wh)
    row.fill_wh -= loss
    return loss


@part
def charge_room_wh(row: Any, power_w: int, second_from: int, second_to: int) -> int:
    """Most a battery can buy in the interval [Wh]."""
    room = row.maximum_fill_wh - row.fill_wh
    if room <= 0:
        return 0
    most = ((room + 1) * 1_000_000 - 1) // row.charge_efficiency_ppm
    return min(energy_of_power_wh(power_w, second_from, second_to), most)


@part
def discharge_room_wh(row: Any, power_w: int, second_from: int, second_to: int) -> int:
    """Most a battery can sell in the interval [Wh]."""
    stored = row.fill_wh - row.minimum_fill_wh
    if stored <= 0:
        return 0
    most = stored * row.discharge_efficiency_ppm // 1_000_000
    return min(energy_of_power_wh(power_w, second_from, second_to), most)


@part
def charge(row: Any, bought_wh: int) -> int:
    """Put bought energy into a battery; returns what was lost on the way [Wh]."""
    stored = bought_wh * row.charge_efficiency_ppm // 1_000_000
    row.fill_wh += stored
    return bought_wh - stored


@part
def discharge(row: Any, sold_wh: int) -> int:
    """Take energy for a sale out of a battery; returns what was lost on the way [Wh]."""
    taken = -(-sold_wh * 1_000_000 // row.discharge_efficiency_ppm)
    row.fill_wh -= taken
    return taken - sold_wh


@part
def fleet_orders(
    rules: Any,
    battery: Any,
    available_ppm: NDArray[np.int64],
    buy_limit_tick: NDArray[np.int64],
    sell_limit_tick: NDArray[np.int64],
    second_from: int,
    price_tick: NDArray[np.int64],
    quantity_wh: NDArray[np.int64],
    lost_wh: NDArray[np.int64],
) -> None:
    """Standing losses of the interval, then each battery's bid and offer.

    Arrays (B,); `price_tick` and `quantity_wh` (2 B,) are written: bids first (positive), then offers (negative).
    `lost_wh` (B,) is set to the standing loss [Wh].
    """
    fleet = battery.shape[0]
    second_to = second_from + rules.step_s
    for b in range(fleet):
        row = battery[b]
        lost_wh[b] = stand(row, rules.step_s)
        bid, offer = b, fleet + b
        quantity_wh[bid] = 0
        quantity_wh[offer] = 0
        price_tick[bid] = rules.floor_tick
        price_tick[offer] = rules.cap_tick
        if buy_limit_tick[b] != NO_PRICE_TICK:
            limit = buy_limit_tick[b] - rules.margin_tick
            if limit >= rules.floor_tick:
                price_tick[bid] = min(limit, rules.cap_tick)
                power = row.charge_power_w * available_ppm[b] // 1_000_000
                quantity_wh[bid] = charge_room_wh(row, power, second_from, second_to)
        if sell_limit_tick[b] != NO_PRICE_TICK and sell_limit_tick[b] <= rules.cap_tick:
            price_tick[offer] = max(sell_limit_tick[b], rules.floor_tick)
            power = row.discharge_power_w * available_ppm[b] // 1_000_000
            quantity_wh[offer] = -discharge_room_wh(row, power, second_from, second_to)


@part
def reason(
    rules: Any,
    available_ppm: int,
    buy_limit_tick: int,
    sell_limit_tick: int,
    bid_wh: int,
    offer_wh: int,
    bought_wh: int,
    sold_wh: int,
    price_tick: int,
) -> int:
    """Why a battery did what it did in an interval (a REASON code)."""
    if bought_wh > 0:
        return REASON_CHARGED
    if sold_wh > 0:
        return REASON_DISCHARGED
    if available_ppm == 0:
        return REASON_OUTAGE
    bids, offers = buy_limit_tick != NO_PRICE_TICK, sell_limit_tick != NO_PRICE_TICK
    if not bids and not offers:
        return REASON_NO_ORDER
    if price_tick == NO_PRICE_TICK:
        return REASON_NO_PRICE
    cheap = bids and price_tick <= buy_limit_tick - rules.margin_tick
    dear = offers and price_tick >= sell_limit_tick
    if cheap and bid_wh == 0:
        return REASON_FULL
    if dear and offer_wh == 0:
        return REASON_EMPTY
    return REASON_NOT_FILLED if cheap or dear else REASON_BETWEEN_LIMITS
