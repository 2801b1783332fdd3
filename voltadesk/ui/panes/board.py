"""The market's products: the interval that is auctioned next, and those before it, newest first."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from voltadesk.clock import utc_text
from voltadesk.ui.axes import Ints64
from voltadesk.ui.charts.candles import NO_PRICE_TICK
from voltadesk.ui.derived import Derived
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.inks import OWN, change_ink
from voltadesk.ui.magnitude import unit_for
from voltadesk.ui.own_trades import OwnTrades
from voltadesk.ui.pane import Standing
from voltadesk.ui.panes.price import candles
from voltadesk.ui.rows import Column, ListRows, Row, number_column
from voltadesk.ui.table import Table
from voltadesk.ui.table_pane import TablePane
from voltadesk.ui.text import (
    NO_DATA,
    PRICE,
    PRICE_CHANGE,
    Number,
    change_text,
    clock_text,
    duration_text,
)
from voltadesk.units import decimal_text

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase

UTC = ZoneInfo("UTC")
_OPEN = 1 << 40  # a gate that closes when somebody runs the market on
_TICK_S = 0.5
_DAY_S = 86_400
START, GATE, PRICE_TICK, CHANGE, VOLUME, OWN_WH = range(6)


class BoardRows:
    """The rows, made when they are asked for: START, GATE, PRICE_TICK, CHANGE, VOLUME, OWN_WH, community, imbalance."""

    def __init__(self, columns: Sequence[Column], frame: DeskFrame, opened_tick: Ints64, own: OwnTrades) -> None:
        self._columns, self._history, self._opened_tick, self._own = columns, frame.history, opened_tick, own
        self._next = _next_row(frame)

    def __len__(self) -> int:
        return len(self._history) + len(self._next)

    @property
    def total(self) -> int:
        return len(self)

    held = total

    def rows(self, first: int, last: int) -> Sequence[Row]:
        first, last, ahead = max(0, first), min(len(self), last), len(self._next)
        end = len(self._history) - max(0, first - ahead)
        begin = len(self._history) - max(0, last - ahead)
        return [*self._next[first:last], *self._past(begin, end)]

    def _past(self, begin: int, end: int) -> list[Row]:
        """Intervals `begin` to `end` - 1, the latest first."""
        history, part = self._history, slice(begin, end)
        names = ("start_utc", "price_tick", "auction_wh", "community_price_tick", "imbalance_price_tick")
        columns = [history[name][part].tolist() for name in names]
        rows: list[Row] = []
        for opened, start, tick, volume, community, imbalance in zip(
            self._opened_tick[part].tolist(), *columns, strict=True
        ):
            change = None if tick <= NO_PRICE_TICK else tick - opened
            prices = [None if each <= NO_PRICE_TICK else each for each in (tick, community, imbalance)]
            rows.append((start, None, prices[0], change, volume, self._own.net_wh(start), *prices[1:]))
        return rows[::-1]

    def arranged(self, words: str, key: str | None, descending: bool) -> ListRows:
        return ListRows(self._columns, self.rows(0, len(self))).arranged(words, key, descending)


def _next_row(frame: DeskFrame) -> list[Row]:
    """The coming auction, as it would clear now; in replay it is over and not known."""
    coming = frame.coming
    if coming is None:
        return []
    prices = frame.history["price_tick"]
    known = prices[prices > NO_PRICE_TICK][-1:]
    change = None if coming.price_tick is None or not len(known) else coming.price_tick - int(known[0])
    own = [order.id for order in frame.orders if order.actor == frame.actor]
    own_wh = sum(coming.own_wh.get(order, 0) for order in own) if own else None
    return [
        (coming.start_utc, _gate_s(frame), coming.price_tick, change, coming.volume_wh, own_wh, None, None)
    ]  # fmt: skip


def _gate_s(frame: DeskFrame) -> int:
    """Until the auction is held [s of the market's clock]."""
    clock = frame.clock
    if not clock.is_playing or clock.due_s is None or not clock.speed:
        return _OPEN
    return min(frame.step_s, max(0, round((clock.due_s - time.monotonic()) * clock.speed)))


class BoardPane(TablePane):
    """A row for each interval; the first one can still be traded."""

    HELP = (
        "The first row is the coming auction: the price and volume it would clear at now, what your orders in it would "
        "get, and how long it takes orders. Below it are the intervals before, with what you bought (+) or sold (−) in "
        "the auction, and prices of community and imbalance. b and s take the price of the row under the cursor."
    )

    def __init__(self, own: OwnTrades) -> None:
        self._own, self._zone, self._next_utc = own, UTC, 0
        self._frame: DeskFrame | None = None
        self._candles = Derived(candles)
        self._unit, self._currency = unit_for(0, "Wh", 4), ""
        self._columns = self._make_columns()
        own.listen(self._again)
        super().__init__(None, "Products", Table(self._columns, newest_first=True), id="board")

    def _make_columns(self) -> tuple[Column, ...]:
        number, unit = self._unit.number, self._unit.name
        position = Number(number.scale, number.decimals, signed=True)
        return (
            Column("product", "time", "", self._time, _utc, False, 5),
            Column("gate", "gate", "", _gate, _gate_plain, True, 5, lambda gate: OWN),
            number_column("price", "price", "", PRICE, 7),
            Column("change", "change", "", _change, PRICE_CHANGE.plain, True, 8, change_ink),
            number_column("volume", unit, "", number),
            number_column("own", "own", "", position),
            number_column("community", "community", "", PRICE),
            number_column("imbalance", "imbalance", "", PRICE),
        )

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(_TICK_S, self._tick)

    def feed(self, frame: DeskFrame) -> None:
        self._frame, history = frame, frame.history
        self._own.follow(frame, cast("DeskBase", self.app))
        self._zone, self._next_utc = frame.zone, frame.next_utc
        coming_wh = 0 if frame.coming is None else frame.coming.volume_wh
        unit = unit_for(int(history["auction_wh"].max(initial=coming_wh)), "Wh", 4)
        if unit != self._unit or frame.currency != self._currency:
            self._unit, self._currency = unit, frame.currency
            self._columns = self._make_columns()
            self.table.reword(self._columns)
        self._opened_tick = self._candles.of(history)[0]
        self._show(frame)
        self.retitle(f"{frame.currency}/MWh, {self._unit.name}")
        note = "what comes is not known in replay" if frame.clock.is_replay else ""
        self.stand(Standing(sequence=frame.seen_sequence, note=note))

    def _show(self, frame: DeskFrame) -> None:
        self.table.show(BoardRows(self._columns, frame, self._opened_tick, self._own))

    def _again(self) -> None:
        """Own trades were read."""
        if self._frame is not None and self.is_mounted:
            self._show(self._frame)

    def _tick(self) -> None:
        """The gate comes nearer without a new frame."""
        frame = self._frame
        if frame is not None and self.display and frame.coming is not None and _gate_s(frame) != _OPEN:
            self._show(frame)

    def prefill(self, kind: str) -> dict[str, str]:
        row = self.table.row
        if kind != "order.place" or row is None or row[PRICE_TICK] is None:
            return {}
        return {"auction_price": decimal_text(row[PRICE_TICK], 2, 2)}

    def _time(self, start_utc: int) -> str:
        """14:15, with the day before it where that is more than a day ago."""
        clock = clock_text(start_utc, self._zone)
        if start_utc > self._next_utc - _DAY_S:
            return clock
        return f"{datetime.fromtimestamp(start_utc, self._zone):%d %b} {clock}"


def _utc(start_utc: int) -> str:
    return utc_text(start_utc)


def _gate(gate_s: int | None) -> str:
    return NO_DATA if gate_s is None else "open" if gate_s == _OPEN else duration_text(gate_s)


def _gate_plain(gate_s: int | None) -> str:
    return "" if gate_s is None or gate_s == _OPEN else str(gate_s)


def _change(change_tick: int | None) -> str:
    return NO_DATA if change_tick is None else change_text(change_tick, PRICE_CHANGE)
