"""The energy stored in all batteries, over time, and what it cost and is worth."""

from __future__ import annotations

from voltadesk.ui.charts.lines import LineChart, Series
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.history import FUND
from voltadesk.ui.inks import BAND
from voltadesk.ui.pane import Pane, Standing
from voltadesk.ui.text import KWH, MONEY

_STORED, _ENERGY = FUND.index("stored_wh"), FUND.index("energy_e8")


class StoredPane(Pane):
    """Stored energy [kWh] after each interval."""

    HELP = (
        "The energy in all batteries after each interval. In the title its worth: it counts in the net asset value at "
        "what it cost or at the last price, whichever is lower."
    )

    def __init__(self) -> None:
        self._chart = LineChart(KWH.show, "kWh", from_zero=True)
        super().__init__(None, "Stored", self._chart, id="stored")

    def feed(self, frame: DeskFrame) -> None:
        history, chart = frame.history, self._chart
        chart.zone = frame.zone
        chart.show(history.starts_utc, [Series("stored", history.fund[_STORED], BAND)])
        stored_wh, cost_e8, price_e8 = stored_value(frame)
        worth_e8 = cost_e8 if price_e8 is None else min(cost_e8, max(price_e8, 0))
        priced = "no price yet" if price_e8 is None else f"at price {MONEY.show(price_e8)}"
        worth = f"worth {MONEY.show(worth_e8)} {frame.currency}"
        self.retitle(f"{KWH.show(stored_wh)} kWh · {worth}: cost {MONEY.show(cost_e8)}, {priced}")
        self.stand(Standing(sequence=frame.seen_sequence, note="earlier not held" if history.is_cut else ""))


def stored_value(frame: DeskFrame) -> tuple[int, int, int | None]:
    """Energy stored [Wh], its cost and its value at the last price [1e-8 currency], of the moment that is seen."""
    history = frame.history
    if frame.clock.is_replay and len(history):
        stored_wh, cost_e8 = int(history.fund[_STORED, -1]), int(history.fund[_ENERGY, -1])
    else:
        stored_wh = sum(line.fill_wh for line in frame.batteries)
        cost_e8 = sum(line.energy_cost_e8 for line in frame.batteries)
    return stored_wh, cost_e8, stored_wh * int(history.mark_tick[-1]) if len(history) else None
