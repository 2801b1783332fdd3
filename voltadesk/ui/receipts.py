"""Receipts as the rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from voltadesk.clock import utc_text
from voltadesk.store.projection import TradeRow
from voltadesk.ui.inks import DOWN, UP
from voltadesk.ui.rows import Column, ListRows, Row, number_column
from voltadesk.ui.text import COUNT, PRICE, Number, clock_text

ENERGY = Number(3, 3)  # kWh, to the Wh
CENTS = Number(8, 4, signed=True)  # a home's receipt is a few cents


def receipt_row(trade: TradeRow) -> Row:
    """Time, participant, side, energy, price, market, money, fees, kind of participant, number of the entry."""
    kind, _, name = trade.participant.partition(":")
    return (
        trade.start_utc,
        name or kind,
        "▲ BUY" if trade.energy_wh > 0 else "▼ SELL",
        abs(trade.energy_wh),
        trade.price_tick,
        trade.market,
        trade.amount_e8,
        trade.fees_e8,
        kind,
        trade.entry,
    )


def receipt_columns(currency: str, zone: ZoneInfo) -> tuple[Column, ...]:
    """The columns of `receipt_row`."""
    return (
        Column("time", "time", "", lambda start_utc: clock_text(start_utc, zone), utc_text, False, 5),
        Column("participant", "who", width=15),
        Column("side", "side", width=6, ink=lambda side: UP if "BUY" in side else DOWN),
        number_column("energy", "kWh", "", ENERGY),
        number_column("price", "price", "", PRICE),
        Column("market", "market", width=9),
        number_column("money", currency, "", CENTS),
        number_column("fees", "fees", "", CENTS),
        Column("kind", "kind"),
        number_column("entry", "entry", "", COUNT),
    )


class ReceiptRows:
    """Rows of receipts, made when they are asked for."""

    def __init__(self, columns: Sequence[Column], trades: Sequence[TradeRow]) -> None:
        self._columns, self._trades = columns, trades
        self.total = self.held = len(trades)

    def __len__(self) -> int:
        return len(self._trades)

    def rows(self, first: int, last: int) -> Sequence[Row]:
        return [receipt_row(trade) for trade in self._trades[first:last]]

    def arranged(self, words: str, key: str | None, descending: bool) -> ListRows:
        return ListRows(self._columns, self.rows(0, len(self))).arranged(words, key, descending)
