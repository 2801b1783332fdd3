"""The acting actor's own trades in the auction, read from the receipts once and gone on with."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile
from typing import TYPE_CHECKING

import numpy as np

from voltadesk.store.projection import TradeRow
from voltadesk.store.records import Records
from voltadesk.ui.axes import Ints64
from voltadesk.ui.charts.price import Fills
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.history import History
from voltadesk.ui.inquiry import Inquiry

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase

OFTEN_PER_S = 2  # intervals: nobody waits then for the next frame
_NONE: Ints64 = np.empty((4, 0), np.int64)


class OwnTrades:
    """Shared by panes: each follows with its frames, and is called for what is new that no frame will bring soon."""

    def __init__(self) -> None:
        self.actor = ""
        self.is_read = False  # as far as the last frame goes
        self._is_followed = False  # by another frame within a moment
        self._read = self._wanted = self._first = -1  # entries of the journal
        self._rows = _NONE  # start [s UTC], entry, price [tick], energy [Wh, bought above 0]
        self._net_wh: dict[int, int] = {}
        self._listeners: list[Callable[[], None]] = []
        self._inquiry = Inquiry[tuple[str, int, list[TradeRow]]](self._take_in)

    def listen(self, changed: Callable[[], None]) -> None:
        self._listeners.append(changed)

    def follow(self, frame: DeskFrame, app: DeskBase) -> None:
        """Have what is new up to the frame's last interval read."""
        if not len(frame.history):
            return
        self._is_followed = frame.clock.is_playing and frame.clock.rate_per_s >= OFTEN_PER_S
        entries = frame.history["entry"]
        first, last = int(entries[0]) - 1, int(entries[-1])
        if frame.actor != self.actor or first < self._first:
            self.actor, self._rows, self._net_wh, self._first = frame.actor, _NONE, {}, first
            self._read = self._wanted = first
        self.is_read = last <= self._read
        if last > self._wanted:
            self._wanted = last
            self._inquiry.ask(app, self._question(self.actor, last))

    def _question(self, actor: str, last: int) -> Callable[[Records], tuple[str, int, list[TradeRow]]]:
        def ask(records: Records) -> tuple[str, int, list[TradeRow]]:
            new = takewhile(lambda row: row.entry <= last, records.trades(actor, self._read))
            return actor, last, [row for row in new if row.participant.startswith("order:")]

        return ask

    def _take_in(self, answer: tuple[str, int, list[TradeRow]]) -> None:
        actor, last, rows = answer
        if actor != self.actor:
            return
        self._read, was_read = last, self.is_read
        self.is_read = last >= self._wanted
        if rows:
            new = [(row.start_utc, row.entry, row.price_tick, row.energy_wh) for row in rows]
            self._rows = np.concatenate([self._rows, np.array(new, np.int64).T], axis=1)
            for row in rows:
                self._net_wh[row.start_utc] = self._net_wh.get(row.start_utc, 0) + row.energy_wh
        if (rows or not was_read) and not self._is_followed:
            for changed in self._listeners:
                changed()

    def net_wh(self, start_utc: int) -> int | None:
        """What all own orders together bought (above 0) or sold in an interval; None without a trade."""
        return self._net_wh.get(start_utc)

    def fills(self, history: History) -> Fills:
        """As the price chart marks them, in the intervals that are seen."""
        if not len(history):
            return Fills(*_NONE[:3])
        start_utc, entry, price_tick, energy_wh = self._rows
        seen = (entry <= history["entry"][-1]) & (start_utc >= history.starts_utc[0])
        seen &= start_utc <= history.starts_utc[-1]  # in an order book one trades ahead
        interval = np.searchsorted(history.starts_utc, start_utc[seen])
        return Fills(interval, price_tick[seen], np.sign(energy_wh[seen]))
