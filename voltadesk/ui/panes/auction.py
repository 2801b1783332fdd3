"""The coming auction: supply and demand as they stand, where they cross, and where they would with some kW more."""

from __future__ import annotations

import numpy as np
from textual import on

from voltadesk.desk.indicative import Indicative
from voltadesk.ui.charts.curves import CurveChart, Curves, Point
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.pane import Pane, Standing
from voltadesk.ui.text import PRICE, clock_text
from voltadesk.units import decimal_text


class AuctionPane(Pane):
    """Supply and demand of the next interval."""

    HELP = (
        "All offers by rising and all bids by falling price, as they stand for the coming auction, and the price they "
        "would make now. + and - ask what it would be with more or less demand, 0 takes that back. Only what is near "
        "the clearing is seen at first, arrows tell the prices beyond the edges; c shows all of it."
    )

    def __init__(self) -> None:
        self._chart = CurveChart()
        self._frame: DeskFrame | None = None
        super().__init__(None, "Supply and demand", self._chart, id="auction")

    def feed(self, frame: DeskFrame) -> None:
        chart, coming = self._chart, frame.coming
        self._frame = frame
        if frame.market is not None:
            rules = frame.market.scenario.market
            chart.floor_tick, chart.cap_tick = rules.floor, rules.cap
        chart.nothing = "known of the coming auction only: L goes live" if frame.clock.is_replay else "no offers yet"
        if coming is None:
            chart.show(Curves(*np.empty((4, 0), np.int64)))
            self.retitle()
        else:
            chart.step_w = step_w(coming, frame.step_s)
            chart.show(curves_of(coming, frame.step_s))
            price = "no price" if coming.price_tick is None else PRICE.show(coming.price_tick)
            self.retitle(f"{clock_text(coming.start_utc, frame.zone)} · {price}")
        self._stand()

    @on(CurveChart.Scaled)
    def _stand(self) -> None:
        chart, frame = self._chart, self._frame
        if frame is not None:
            cut = "" if chart.most_w >= chart.all_w else "CUT at the right: c shows all"
            self.stand(Standing(sequence=frame.seen_sequence, note=cut))

    def prefill(self, kind: str) -> dict[str, str]:
        """The price that the coming auction would make now."""
        now = self._chart.curves.clearing
        is_asked = kind == "order.place" and now is not None and self._chart.has_focus
        return {"auction_price": decimal_text(now.price_tick, 2, 2)} if is_asked and now is not None else {}


def curves_of(coming: Indicative, step_s: int) -> Curves:
    """The auction's orders as power over the interval."""
    clearing = None
    if coming.price_tick is not None:
        clearing = Point(coming.price_tick, coming.volume_wh * 3600 // step_s)
    return Curves(
        coming.offer_tick,
        (coming.offer_wh * 3600) // step_s,
        coming.bid_tick,
        (coming.bid_wh * 3600) // step_s,
        clearing,
    )


def step_w(coming: Indicative, step_s: int) -> int:
    """A step of "what if": about a fiftieth of all that is offered, in whole decades."""
    offered_w = int(coming.offer_wh.sum()) * 3600 // step_s
    step = 1
    while step * 50 < offered_w:
        step *= 10
    return step
