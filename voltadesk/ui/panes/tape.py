"""The receipts of the last intervals, the latest first."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from voltadesk.store.projection import TradeRow
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.pane import Standing
from voltadesk.ui.receipts import ReceiptRows, receipt_columns
from voltadesk.ui.table import Table
from voltadesk.ui.table_pane import TablePane

UTC = ZoneInfo("UTC")


class TapePane(TablePane):
    """What everybody bought and sold in the last intervals."""

    HELP = (
        "Every receipt of the last two intervals, the latest first: who bought or sold how much, in which market and "
        "at what price, and the money it brought (+) or cost (−), without fees. A trade in an order book is one line: "
        "its product, whoever came later, and under kind with whom. / filters: a participant's name, a market, "
        "a kind such as plant, buy or sell. Earlier ones are on the Ledger desktop."
    )

    def __init__(self) -> None:
        self._zone, self._currency = UTC, ""
        self._shown: tuple[tuple[TradeRow, ...], tuple[TradeRow, ...]] | None = None
        super().__init__(None, "Tape", Table(receipt_columns("", UTC)), id="tape")

    def feed(self, frame: DeskFrame) -> None:
        if (frame.currency, frame.zone) != (self._currency, self._zone):
            self._currency, self._zone = frame.currency, frame.zone
            self.table.reword(receipt_columns(frame.currency, frame.zone))
        parts = frame.since, frame.tape
        if self._shown is None or parts[0] is not self._shown[0] or parts[1] is not self._shown[1]:
            self._shown = parts
            self.table.show(ReceiptRows(self.table.all_columns, frame.since + frame.tape))
        self.retitle(f"the last 2 intervals, {frame.currency}/MWh" if any(parts) else "no trades yet")
        self.stand(Standing(sequence=frame.seen_sequence))
