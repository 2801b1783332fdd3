"""What the next auction would come to if it were held now: the orders there are, and the price they make.

Nothing is changed by asking. Homes and plants take part as they would, with what is forecast for them, and people's
orders and the fleet's limits as they stand; so the answer holds until one of these changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voltadesk.desk.fleet import Fleet
from voltadesk.desk.interval import battery_rows, bids_of, run
from voltadesk.desk.market import BatteryRow, Market
from voltadesk.engine.tables import NO_PRICE_TICK


@dataclass(frozen=True)
class Indicative:
    """The auction of the interval that starts at `start_utc`: its orders by price, offers rising, bids falling."""

    start_utc: int
    price_tick: int | None  # None: nothing would trade
    volume_wh: int
    offer_tick: NDArray[np.int64]  # (n,)
    offer_wh: NDArray[np.int64]
    bid_tick: NDArray[np.int64]  # (m,)
    bid_wh: NDArray[np.int64]
    own_wh: dict[str, int]  # what each open order would buy (above 0) or sell
    fleet: tuple[BatteryRow, ...] = ()  # what each active battery would do, and why


def indicative(market: Market, fleet: Fleet) -> Indicative:
    """The next auction as it stands. Raises BadInput where the scenario's files do not reach the interval."""
    orders = sorted(market.orders.values(), key=lambda order: order.entry)
    bids, _ = bids_of(market, fleet)
    exchange, _ = run(market, fleet, bids, orders)
    price_tick, quantity_wh = exchange.orders()
    offers, wanted = quantity_wh < 0, quantity_wh > 0
    offer_tick, offer_wh = _steps(price_tick[offers], -quantity_wh[offers])
    bid_tick, bid_wh = _steps(price_tick[wanted], quantity_wh[wanted])
    cleared_tick = int(exchange.intervals[0]["price_tick"])
    rows = exchange.battery_rows[0][len(bids) :]
    return Indicative(
        start_utc=market.next_utc,
        price_tick=None if cleared_tick == NO_PRICE_TICK else cleared_tick,
        volume_wh=int(exchange.intervals[0]["auction_wh"]),
        offer_tick=offer_tick,
        offer_wh=offer_wh,
        bid_tick=bid_tick[::-1],
        bid_wh=bid_wh[::-1],
        own_wh={order.id: int(row["charge_wh"] - row["discharge_wh"]) for order, row in zip(orders, rows, strict=True)},
        fleet=battery_rows(bids, exchange),
    )


def _steps(
    price_tick: NDArray[np.int64], quantity_wh: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Quantities added up by price, which rises."""
    prices, which = np.unique(price_tick, return_inverse=True)
    sums = np.zeros(len(prices), np.int64)
    np.add.at(sums, which, quantity_wh)
    return prices, sums
