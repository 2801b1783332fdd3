"""All order books that somebody ordered in: best prices, what was traded, and the actor's positions."""

from __future__ import annotations

import time
from zoneinfo import ZoneInfo

from textual import on
from textual.message import Message

from voltadesk.clock import utc_text
from voltadesk.ui.books import Books, ProductFigures
from voltadesk.ui.charts.ladder import ENERGY, POSITION
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.gates import closure_text
from voltadesk.ui.pane import Standing
from voltadesk.ui.rows import Column, ListRows, Row, number_column
from voltadesk.ui.table import Table
from voltadesk.ui.table_pane import TablePane
from voltadesk.ui.text import COUNT, MONEY, MONEY_CHANGE, PRICE, clock_text

UTC = ZoneInfo("UTC")
START = 0


class BooksPane(TablePane):
    """A row for each product; Enter shows its ladder."""

    HELP = (
        "The order books of all intervals to come in which somebody ordered: best bid and offer, last price, your "
        "position with its average price, what it came to so far at the last price, what is held for the worst of it, "
        "and what was traded at which average. Enter shows one as a ladder; b and s order in it."
    )

    class Chosen(Message):
        """A product is to be shown as a ladder."""

        def __init__(self, start_utc: int) -> None:
            super().__init__()
            self.start_utc = start_utc

    def __init__(self) -> None:
        self._zone = UTC
        self._frame: DeskFrame | None = None
        self._books: Books | None = None
        columns = (
            Column("product", "time", show=self._time, plain=utc_text, width=5),
            number_column("bid", "bid", "", PRICE),
            number_column("offer", "offer", "", PRICE),
            number_column("net", "own", "", POSITION),
            number_column("average", "avg", "", PRICE),
            number_column("result", "result", "", MONEY_CHANGE),
            number_column("held", "held", "", MONEY),
            number_column("last", "last", "", PRICE),
            number_column("vwap", "VWAP", "", PRICE),
            number_column("traded", "traded", "", ENERGY),
            number_column("orders", "own orders", "", COUNT),
            Column("gate", "gate", right=True),
        )
        super().__init__(None, "Positions", Table(columns), id="books")

    def feed(self, frame: DeskFrame) -> None:
        books = frame.books
        if frame.zone != self._zone:
            self._zone = frame.zone
            self.table.refresh()
        if books is not self._books or self._frame is None or self._frame.next_utc != frame.next_utc:
            products = () if books is None else books.products.values()
            self.table.show(ListRows(self.table.all_columns, [_row(each, frame) for each in products]))
        self._books, self._frame = books, frame
        self.retitle(f"kWh, {frame.currency}, {frame.currency}/MWh")
        note = "known of now only: L goes live" if frame.clock.is_replay else ""
        if books is not None:
            held_e8 = books.limit_e8 - books.free_e8
            note = f"held {MONEY.show(held_e8)} of {MONEY.show(books.limit_e8)}"
        self.stand(Standing(sequence=frame.seen_sequence, note=note))

    @on(Table.Selected)
    def _selected(self, event: Table.Selected) -> None:
        if event.row is not None:
            self.post_message(self.Chosen(event.row[START]))

    def prefill(self, kind: str) -> dict[str, str]:
        row = self.table.row
        if kind != "order.place" or row is None or not self.table.has_focus:
            return {}
        return {"product": utc_text(row[START])}

    def _time(self, start_utc: int) -> str:
        return clock_text(start_utc, self._zone)


def _row(product: ProductFigures, frame: DeskFrame) -> Row:
    position = product.position
    is_mine = bool(position.net_wh or position.cash_e8)
    return (
        product.start_utc,
        product.bids[0].price_tick if product.bids else None,
        product.asks[0].price_tick if product.asks else None,
        position.net_wh if is_mine else None,
        position.average_tick,
        product.result_e8 if is_mine else None,
        position.held_e8 or None,
        product.last_tick,
        product.vwap_tick,
        product.volume_wh,
        len(product.own) or None,
        closure_text(frame, product.closure_utc, time.monotonic()),
    )
