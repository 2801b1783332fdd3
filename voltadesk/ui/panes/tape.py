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
        "its product, buyer ← seller, and what the one did who came later. / filters: a participant's name, a market, "
        "a kind such as plant, book, buy or sell. Earlier ones are on the Ledger desktop."
    )

    def __init__(self) -> None:
        self._zone, self._currency = UTC, ""
        self._tape: tuple[TradeRow, ...] | None = None
        super().__init__(None, "Tape", Table(receipt_columns("", UTC)), id="tape")

    def feed(self, frame: DeskFrame) -> None:
        if (frame.currency, frame.zone) != (self._currency, self._zone):
            self._currency, self._zone = frame.currency, frame.zone
            self.table.reword(receipt_columns(frame.currency, frame.zone))
        if frame.tape is not self._tape:
            self._tape = frame.tape
            self.table.show(ReceiptRows(self.table.all_columns, frame.tape))
        self.retitle(f"the last 2 intervals, {frame.currency}/MWh" if frame.tape else "no trades yet")
        self.stand(Standing(sequence=frame.seen_sequence))
