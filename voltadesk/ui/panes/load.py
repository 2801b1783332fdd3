"""What homes use, and what their roofs make."""

from __future__ import annotations

import numpy as np

from voltadesk.ui.axes import Ints64
from voltadesk.ui.charts.lines import LineChart, Series
from voltadesk.ui.derived import Derived
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.history import History
from voltadesk.ui.inks import FORECAST, OWN, UP
from voltadesk.ui.magnitude import unit_for
from voltadesk.ui.pane import Pane, Standing
from voltadesk.ui.text import power_text

_LINES = (("load", "load_wh", UP), ("solar", "solar_wh", OWN), ("flex", "flexible_wh", FORECAST))


class LoadPane(Pane):
    """Load, the part of it that waits for a price, and solar."""

    HELP = (
        "What all homes use, which part of that is load that waits for a price (cars, heat pumps), and what their "
        "roofs make. Load that could not be served is told in the line below."
    )

    def __init__(self) -> None:
        self._chart = LineChart(str, from_zero=True)
        self._derived = Derived(self._made)
        super().__init__(None, "Homes", self._chart, id="load")

    def feed(self, frame: DeskFrame) -> None:
        chart, history = self._chart, frame.history
        chart.zone, chart.recent = frame.zone, 86_400 // frame.step_s
        self._step_s = frame.step_s
        power_w = self._derived.of(history, frame.step_s)
        unit = unit_for(int(power_w.max(initial=0)), "W")
        chart.show_value, chart.unit = unit.show, unit.name
        series = [Series(name, values, ink) for (name, _, ink), values in zip(_LINES, power_w, strict=True)]
        chart.show(history.starts_utc, series)
        self.retitle("load and solar")
        notes = []
        if len(history):
            told = (("curtailed", "curtailed_wh"), ("NOT SERVED", "shed_wh"))
            amounts = ((word, int(history[name][-1]) * 3600 // frame.step_s) for word, name in told)
            notes = [f"{word} {power_text(watts)}" for word, watts in amounts if watts]
        self.stand(Standing(sequence=frame.seen_sequence, note=" · ".join(notes)))

    def _made(self, history: History, begin: int) -> Ints64:
        """Power of each line [W]."""
        return np.stack([history[name][begin:] for _, name, _ in _LINES]) * 3600 // self._step_s
