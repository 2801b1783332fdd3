"""The fund's net asset value over time."""

from __future__ import annotations

from voltadesk.ui.charts.lines import LineChart, Series
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.inks import UP
from voltadesk.ui.pane import Pane, Standing
from voltadesk.ui.text import MONEY, MONEY_CHANGE, change_text


class NavPane(Pane):
    """Net asset value after each interval."""

    HELP = (
        "Cash, batteries at cost less wear, and stored energy at the lower of cost and price, less dividends owed. It "
        "also moves when investors put money in or take it out. + and - zoom, < and > pan, 0 fits all."
    )

    def __init__(self) -> None:
        self._chart = LineChart(MONEY.show)
        super().__init__(None, "Net asset value", self._chart, id="nav")

    def feed(self, frame: DeskFrame) -> None:
        history, chart = frame.history, self._chart
        chart.zone, chart.unit = frame.zone, frame.currency
        chart.show(history.starts_utc, [Series("net asset value", history.nav_e8, UP)])
        self.retitle(self._words(frame))
        self.stand(Standing(sequence=frame.seen_sequence, note="earlier not held" if history.is_cut else ""))

    def _words(self, frame: DeskFrame) -> str:
        history = frame.history
        is_then = frame.clock.is_replay and len(history) > 0
        nav_e8 = int(history.nav_e8[-1]) if is_then else frame.fund.nav_e8
        words = f"{MONEY.show(nav_e8)} {frame.currency}"
        # Not by how much it moved: what investors put in and take out is no gain.
        return words if is_then else f"{words} · earned {change_text(frame.fund.gain_e8, MONEY_CHANGE)}"
