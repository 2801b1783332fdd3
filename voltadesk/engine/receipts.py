"""What each participant is told of its trades: one row of TRADE for each, where receipts are kept."""

from __future__ import annotations

from voltadesk.engine.arena import Receipts
from voltadesk.engine.compiled import part
from voltadesk.engine.rounding import fee_e8
from voltadesk.engine.tables import MARKET_COMMUNITY


@part
def receipt(
    receipts: Receipts,
    interval: int,
    kind: int,
    participant: int,
    market: int,
    energy_wh: int,
    price_tick: int,
    fees_e8: int,
) -> None:
    """Write the receipt of a trade: `energy_wh` bought positive, sold negative."""
    if receipts.rows.shape[0] == 0 or energy_wh == 0:
        return
    row = receipts.rows[receipts.written[0]]
    row.interval = interval
    row.kind = kind
    row.participant = participant
    row.market = market
    row.energy_wh = energy_wh
    row.price_tick = price_tick
    row.amount_e8 = -energy_wh * price_tick
    row.fees_e8 = -fees_e8
    receipts.written[0] += 1


@part
def receipts_at_average(
    receipts: Receipts,
    interval: int,
    kind: int,
    participant: int,
    energy_wh: int,
    received_e8: int,
    fees_tick: int,
    fee_bp: int,
) -> int:
    """Write the receipts of what a participant traded in the community, and return its fees [1e-8 currency].

    One at the average price; where that lies between two ticks, one at either, so that both add up exactly. A buyer
    bears `fees_tick` on its energy, a seller `fee_bp` of the amount on each receipt.
    """
    if energy_wh == 0:
        return 0
    size = abs(energy_wh)
    amount = received_e8 if energy_wh < 0 else -received_e8
    price = amount // size
    dearer = amount - price * size
    sign, fees_all = (1 if energy_wh > 0 else -1), 0
    for tick, part_wh in ((price, size - dearer), (price + 1, dearer)):
        fees = fees_tick * part_wh if sign > 0 else fee_e8(tick * part_wh, fee_bp)
        fees_all += fees
        receipt(receipts, interval, kind, participant, MARKET_COMMUNITY, sign * part_wh, tick, fees)
    return fees_all
