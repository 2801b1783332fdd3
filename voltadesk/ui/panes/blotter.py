"""The acting actor's orders: working, filled, cancelled, over, and refused with the rule that refused them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from textual import on, work
from textual.content import Content

from voltadesk.clock import utc_text
from voltadesk.store.projection import TradeRow
from voltadesk.ui.blotter import (
    ANY_TICK,
    CANCELLED,
    ENTRY,
    EXPIRED,
    FILLED,
    LIMIT_TICK,
    OPEN,
    ORDER,
    ORDERED,
    PRODUCT,
    REFUSED,
    RULE,
    STATE,
    Blotter,
    Lines,
    Moment,
)
from voltadesk.ui.dialogs.reading import Reading
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.inks import BAND, DOWN, FAINT, FAULT, OWN, UP
from voltadesk.ui.inquiry import Inquiry
from voltadesk.ui.pane import Standing
from voltadesk.ui.rows import Column, ListRows, Row, number_column
from voltadesk.ui.table import Table
from voltadesk.ui.table_pane import TablePane
from voltadesk.ui.text import COUNT, MONEY, MONEY_CHANGE, NO_DATA, PRICE, Number, clock_text
from voltadesk.units import decimal_text

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase

UTC = ZoneInfo("UTC")
ENERGY = Number(3, 3)  # to the Wh, as orders are given
SIDES = {"buy": "▲ BUY", "sell": "▼ SELL", "cancel": "CANCEL"}


class BlotterPane(TablePane):
    """Newest first. The cursor stays on its order when others come in above."""

    HELP = (
        "Your orders, newest first: in the auction (·) or in which product's book, what was ordered and filled, at "
        "which limit and average price (with the operator's margin), what it cost or brought, what is held for it, "
        "and why one was refused. Enter shows an order's fills, x cancels the working order under the cursor, E "
        "amends it, X cancels all of them. b and s order the same again."
    )

    def __init__(self, number: int | None = None) -> None:
        self._zone, self._today, self._currency = UTC, "", ""
        self._blotter = Blotter("")
        self._lines: Lines | None = None
        self._wanted: Moment | None = None
        self._inquiry = Inquiry[tuple[Blotter, Lines]](self._followed, self._failed)
        self._at: int | None = None  # entry of the row that the cursor stays on
        self._columns = self._make_columns()
        super().__init__(number, "Blotter", Table(self._columns), id="blotter")

    def _make_columns(self) -> tuple[Column, ...]:
        return (
            Column("time", "time", show=self._time, plain=_time_plain),
            Column("side", "side", show=lambda side: SIDES.get(side, NO_DATA), ink=lambda side: _SIDE_INKS[side]),
            Column("product", "book", show=self._time, plain=_time_plain),
            Column("state", "state", ink=lambda state: _STATE_INKS.get(state, FAULT)),
            number_column("ordered", "kWh", "", ENERGY),
            number_column("filled", "filled", "", ENERGY),
            Column("limit", "limit", "", _limit, _limit_plain, True),
            Column("kind", "kind"),
            number_column("average", "avg", "", PRICE),
            Column("until", "until", show=self._time, plain=_time_plain, right=True),
            Column("order", "order"),
            number_column("cash", "cash", "", MONEY_CHANGE),
            number_column("held", "held", "", MONEY),
            Column("rule", "refused by", ink=lambda rule: FAULT),
            number_column("entry", "entry", "", COUNT),
        )

    # Frames -----------------------------------------------------------------------------------------------------------
    def feed(self, frame: DeskFrame) -> None:
        if frame.actor != self._blotter.actor:
            self._blotter, self._lines, self._at = Blotter(frame.actor), None, None
            self.table.show(ListRows(self._columns, ()))
        today = f"{datetime.fromtimestamp(frame.next_utc, frame.zone):%m-%d}"
        if (frame.zone, today) != (self._zone, self._today):
            self._zone, self._today = frame.zone, today
            self.table.refresh()
        entry = frame.sequence
        if frame.clock.is_replay:
            entry = int(frame.history["entry"][-1]) if len(frame.history) else -1
        self._wanted = Moment(frame.sequence, entry, frame.next_utc)
        if frame.currency != self._currency:
            self._currency = frame.currency
            self._headline(self.table.row)
        self._ask()

    def _headline(self, row: Row | None) -> None:
        """Say above in which currency, and by which rule the order under the cursor was refused."""
        self.retitle(" · ".join(filter(None, [f"{self._currency}, {self._currency}/MWh", row[RULE] if row else ""])))

    def _ask(self) -> None:
        """Have the reader go on to where the frame is, one question at a time."""
        shown = self._lines
        if self._wanted is None or (shown is not None and shown.moment == self._wanted):
            return
        blotter, moment = self._blotter, self._wanted
        self._inquiry.ask(cast("DeskBase", self.app), lambda records: (blotter, blotter.follow(records, moment)))

    def _followed(self, found: tuple[Blotter, Lines]) -> None:
        blotter, lines = found
        if blotter is self._blotter and self.is_mounted:
            self._show(lines)
            self._ask()

    def _failed(self, error: Exception) -> None:
        self.stand(Standing(note=f"can't be read: {error or type(error).__name__}"))

    def _show(self, lines: Lines) -> None:
        before, self._lines = self._lines, lines
        if lines.read < lines.moment.sequence:
            self._lines = before
            of = COUNT.show(lines.moment.sequence)
            self.stand(Standing(note=f"reading the journal … {COUNT.show(lines.read)} of {of}"))
            return
        if before is None or before.rows is not lines.rows:
            self._hold()
            self.table.show(ListRows(self._columns, lines.rows, lines.total))
            self._go_back()
            self._headline(self.table.row)
        self.stand(Standing(sequence=lines.moment.entry, note=_counted(lines.counts)))

    # The cursor -------------------------------------------------------------------------------------------------------
    def _go_back(self) -> None:
        """Put the cursor where its order is now. Nobody's cursor, on the first row, stays there."""
        table = self.table
        if self._at is None or (table.row is not None and table.row[ENTRY] == self._at):
            return
        rows = table.view.rows(0, len(table.view))
        index = next((n for n, row in enumerate(rows) if row[ENTRY] == self._at), None)
        if index is None:
            return
        top, moved = table.scroll_offset.y, index - table.cursor
        if top > 0:  # what is looked at stays where it is
            table.scroll_to(y=top + moved, animate=False, force=True)
            table.cursor = index
            table.refresh()
        else:
            table.move_to(index)

    def _hold(self) -> None:
        """Remember whose row the cursor is on, if it is somebody's: focused, or moved from the first row."""
        row = self.table.row
        self._at = row[ENTRY] if row is not None and (self.table.cursor > 0 or self.table.has_focus) else None

    @on(Table.Moved)
    def _moved(self, event: Table.Moved) -> None:
        self._hold()
        self._headline(event.row)

    @on(Table.Arranged)
    def _rearranged(self) -> None:
        self._go_back()

    @on(Table.Selected)
    def _selected(self, event: Table.Selected) -> None:
        if event.row is not None and self._wanted is not None:
            self._open(event.row, self._wanted.entry)

    @work
    async def _open(self, row: Row, until: int) -> None:
        """Show an order with all its fills."""
        blotter, runner = self._blotter, cast("DeskBase", self.app).runner
        fills = await asyncio.wrap_future(runner.read(lambda records: blotter.fills(row[ENTRY], until)))
        title = row[ORDER] or f"entry {row[ENTRY]}"
        self.app.push_screen(Reading(title, self._told(row, fills)))

    def _told(self, row: Row, fills: tuple[TradeRow, ...]) -> Content:
        cells = [(column.heading, column.show(value)) for column, value in zip(self._columns, row, strict=True)]
        lines = [f"{heading:<12}{shown}" for heading, shown in cells if shown != NO_DATA]
        if fills:
            lines += ["", f"{'fill at':<12}{'kWh':>12}{'price':>12}{'money':>14}{'margin':>10}"]
        lines += [
            f"{self._time(fill.start_utc):<12}{ENERGY.show(abs(fill.energy_wh)):>12}{PRICE.show(fill.price_tick):>12}"
            f"{MONEY_CHANGE.show(fill.amount_e8):>14}{MONEY_CHANGE.show(fill.fees_e8):>10}"
            for fill in fills
        ]
        return Content("\n".join(lines))

    # For commands -----------------------------------------------------------------------------------------------------
    @property
    def working(self) -> tuple[str, ...]:
        """Ids of the actor's open orders, oldest first."""
        return () if self._lines is None else self._lines.working

    def cancel_body(self) -> dict[str, str]:
        """The command's values for cancelling the order under the cursor; none where it isn't working."""
        row = self.table.row
        return {"order": row[ORDER]} if row is not None and row[STATE] in OPEN else {}

    def prefill(self, kind: str) -> dict[str, str]:
        if kind in ("order.cancel", "order.amend"):
            return self.cancel_body()
        row = self.table.row
        if kind != "order.place" or row is None or not self.table.has_focus or row[ORDERED] is None:
            return {}
        again = {"quantity_kwh": decimal_text(row[ORDERED], 3)}
        if row[PRODUCT] is not None:
            again["product"] = utc_text(row[PRODUCT])
        return again if row[LIMIT_TICK] in (None, ANY_TICK) else again | {"price": decimal_text(row[LIMIT_TICK], 2, 2)}

    # Words ------------------------------------------------------------------------------------------------------------
    def _time(self, moment_utc: int | None) -> str:
        """14:15, with the day before it where it isn't the market's."""
        if moment_utc is None:
            return NO_DATA
        day = f"{datetime.fromtimestamp(moment_utc, self._zone):%m-%d}"
        clock = clock_text(moment_utc, self._zone)
        return clock if day == self._today else f"{day} {clock}"


_SIDE_INKS: Mapping[str, int] = {"buy": UP, "sell": DOWN, "cancel": FAINT}
_STATE_INKS: Mapping[str, int] = {FILLED: BAND, CANCELLED: FAINT, EXPIRED: FAINT} | dict.fromkeys(OPEN, OWN)


def _limit(tick: int | None) -> str:
    return "any" if tick == ANY_TICK else PRICE.show(tick)


def _limit_plain(tick: int | None) -> str:
    return "" if tick == ANY_TICK else PRICE.plain(tick)


def _time_plain(moment_utc: int | None) -> str:
    """In UTC, for files."""
    return "" if moment_utc is None else utc_text(moment_utc)


def _counted(counts: Mapping[str, int]) -> str:
    """3 working · 12 filled · 1 rejected"""
    working, refused = sum(counts.get(state, 0) for state in OPEN), sum(counts.get(state, 0) for state in REFUSED)
    parts = [(working, "working"), (counts.get(FILLED, 0), "filled"), (refused, "rejected")]
    parts += [(counts[state], state) for state in (CANCELLED, EXPIRED) if counts.get(state)]
    return " · ".join(f"{COUNT.show(count)} {word}" for count, word in parts)
