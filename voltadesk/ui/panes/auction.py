"""The coming auction: supply and demand as they stand, where they cross, and where they would with some kW more."""

from __future__ import annotations

from voltadesk.desk.indicative import Indicative
from voltadesk.ui.charts.curves import CurveChart, Curves, Point
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.pane import Pane, Standing
from voltadesk.ui.text import PRICE, clock_text


class AuctionPane(Pane):
    """Supply and demand of the next interval."""

    HELP = (
        "All offers by rising and all bids by falling price, as they stand for the coming auction, and the price they "
        "would make now. + and - ask what it would be with more or less demand, 0 takes that back."
    )

    def __init__(self) -> None:
        self._chart = CurveChart()
        super().__init__(None, "Supply and demand", self._chart, id="auction")

    def feed(self, frame: DeskFrame) -> None:
        coming = frame.coming
        if coming is None:
            self.stand(Standing(note="only of the coming auction: L goes live" if frame.clock.is_replay else ""))
            return
        if frame.market is not None:
            self._chart.cap_tick = frame.market.scenario.market.cap
        self._chart.step_w = step_w(coming, frame.step_s)
        self._chart.show(curves_of(coming, frame.step_s))
        price = "no price" if coming.price_tick is None else PRICE.show(coming.price_tick)
        self.retitle(f"{clock_text(coming.start_utc, frame.zone)} · {price}")
        self.stand(Standing(sequence=frame.sequence))


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
