"""The price over time, with one's own fills among it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from voltadesk.ui.axes import Ints64
from voltadesk.ui.charts.candles import NO_PRICE_TICK, Prices
from voltadesk.ui.charts.price import PriceChart
from voltadesk.ui.derived import Derived
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.history import History
from voltadesk.ui.own_trades import OwnTrades
from voltadesk.ui.pane import Pane, Standing
from voltadesk.ui.text import COUNT
from voltadesk.units import decimal_text

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase


class PricePane(Pane):
    """The clearing price of each interval; a candle spans what bids and offers left open, or several intervals."""

    HELP = (
        "The clearing price of every auction. A candle begins at the price before and ends at its own; wide views put "
        "several intervals into one. Bars below are the energy traded, ▲ and ▼ your own fills."
    )

    def __init__(self, own: OwnTrades) -> None:
        self._chart, self._own, self._candles = PriceChart(), own, Derived(candles)
        self._frame: DeskFrame | None = None
        own.listen(self._again)
        super().__init__(None, "Price", self._chart, id="price")

    def feed(self, frame: DeskFrame) -> None:
        chart, history, self._frame = self._chart, frame.history, frame
        chart.zone = frame.zone
        if frame.market is not None:
            rules = frame.market.scenario.market
            chart.floor_tick, chart.cap_tick = rules.floor, rules.cap
        self._own.follow(frame, cast("DeskBase", self.app))
        fills = self._own.fills(history)
        chart.show(history.starts_utc, Prices(*self._candles.of(history)), fills)
        self.retitle(f"{frame.currency}/MWh · {frame.step_s // 60} min")
        count = len(fills.interval)
        notes = [f"{COUNT.show(count)} own fill{'s'[: count != 1]} ▲▼"] if count else []
        notes += ["earlier ones are in the journal"] if history.is_cut else []
        self.stand(Standing(sequence=frame.seen_sequence, note=" · ".join(notes)))

    def _again(self) -> None:
        """Own trades were read."""
        if self.is_mounted and self._frame is not None:
            self.feed(self._frame)

    def prefill(self, kind: str) -> dict[str, str]:
        """The price under the cursor, or the latest."""
        if kind != "order.place":
            return {}
        prices, place = self._chart.prices, self._chart.place
        tick = prices.close_tick[: len(prices.close_tick) if place is None else place[0] + 1]
        known = tick[tick > NO_PRICE_TICK]
        return {"auction_price": decimal_text(int(known[-1]), 2, 2)} if len(known) else {}


def candles(history: History, begin: int) -> Ints64:
    """Intervals from `begin` on as candles: each opens at the last price before it and closes at its own.

    Open, high, low, close [tick] and volume [Wh] (5, n), as `Prices` has them.
    """
    before = history["price_tick"][:begin]
    before = before[before > NO_PRICE_TICK][-1:]
    close, volume_wh = history["price_tick"][begin:], history["auction_wh"][begin:]
    if not len(close):
        return np.empty((5, 0), np.int64)
    priced = np.concatenate([before, close])
    at = np.maximum.accumulate(np.where(priced > NO_PRICE_TICK, np.arange(len(priced)), -1))
    last = np.concatenate([[-1], at])[len(before) : -1]
    opened = np.where(last >= 0, priced[np.maximum(last, 0)], close)
    opened = np.where(close > NO_PRICE_TICK, opened, NO_PRICE_TICK)
    return np.stack([opened, np.maximum(opened, close), np.minimum(opened, close), close, volume_wh])
