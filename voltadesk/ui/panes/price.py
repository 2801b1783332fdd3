"""The price over time, with one's own fills among it."""

from __future__ import annotations

import numpy as np

from voltadesk.ui.charts.candles import NO_PRICE_TICK, Prices
from voltadesk.ui.charts.price import PriceChart
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.history import History
from voltadesk.ui.pane import Pane, Standing


class PricePane(Pane):
    """The clearing price of each interval; a candle spans what bids and offers left open, or several intervals."""

    HELP = (
        "The clearing price of every auction. A candle begins at the price before and ends at its own; wide views put "
        "several intervals into one. Bars below are the energy traded, ▲ and ▼ your own fills."
    )

    def __init__(self) -> None:
        self._chart = PriceChart()
        super().__init__(None, "Price", self._chart, id="price")

    def feed(self, frame: DeskFrame) -> None:
        chart, history = self._chart, frame.history
        chart.zone = frame.zone
        if frame.market is not None:
            rules = frame.market.scenario.market
            chart.floor_tick, chart.cap_tick = rules.floor, rules.cap
        chart.show(history.starts_utc, prices_of(history), None)
        self.retitle(f"{frame.currency}/MWh · {frame.step_s // 60} min")
        self.stand(Standing(sequence=frame.sequence, note="earlier ones are in the journal" if history.is_cut else ""))

    def prefill(self, kind: str) -> dict[str, str]:
        return {}


def prices_of(history: History) -> Prices:
    """An interval as a candle: it opens at the last price before it and closes at its own."""
    close = history["price_tick"]
    if not len(close):
        return Prices(close, close, close, close, close)
    at = np.maximum.accumulate(np.where(close > NO_PRICE_TICK, np.arange(len(close)), -1))
    before = np.concatenate([[-1], at[:-1]])
    opened = np.where(before >= 0, close[np.maximum(before, 0)], close)
    opened = np.where(close > NO_PRICE_TICK, opened, NO_PRICE_TICK)
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    return Prices(opened, high, low, close, history["auction_wh"])
