"""What the electricity is made from, and how much CO2 that brings."""

from __future__ import annotations

import numpy as np

from voltadesk.scenario.model import Scenario
from voltadesk.ui.axes import Ints64
from voltadesk.ui.charts.mix import MixChart
from voltadesk.ui.derived import Derived
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.history import History
from voltadesk.ui.pane import Pane, Standing
from voltadesk.ui.sources import Source, co2_g_per_kwh, energy_of, sources_of


class MixPane(Pane):
    """Sources stacked by what they cost, the cheapest at the bottom."""

    HELP = (
        "What the homes and everybody else were supplied from, cheapest sources at the bottom: plants by their names, "
        "or by their fuel where there are several, solar with the homes' roofs in it, what batteries gave back, and "
        "the grid above. CO2 is counted for each kWh made or imported. The reserve that balances is not in it."
    )

    def __init__(self) -> None:
        self._chart = MixChart()
        self._scenario: Scenario | None = None
        self._sources: tuple[Source, ...] = ()
        self._derived = Derived(self._made)
        super().__init__(None, "Generation", self._chart, id="mix")

    def feed(self, frame: DeskFrame) -> None:
        chart, history = self._chart, frame.history
        chart.zone, chart.recent = frame.zone, 86_400 // frame.step_s
        if frame.market is None:
            self.stand(Standing(note="the desk has no market"))
            return
        self._step_s = frame.step_s
        if frame.market.scenario is not self._scenario:
            self._scenario, self._sources = frame.market.scenario, sources_of(frame.market.scenario)
        *_, co2 = power_w = self._derived.of(history, self._sources, frame.step_s)
        names, inks = [source.name for source in self._sources], [source.ink for source in self._sources]
        chart.show(history.starts_utc, names, power_w[:-1], co2, inks)
        self.retitle("by cost" if not len(co2) else f"CO2 {int(co2[-1])} g/kWh")
        self.stand(
            Standing(sequence=frame.seen_sequence, note="earlier ones are in the journal" if history.is_cut else "")
        )

    def _made(self, history: History, begin: int) -> Ints64:
        """Power of each source [W], and in the last row CO2 [g/kWh]."""
        energy_wh = energy_of(self._sources, history, begin)
        co2 = co2_g_per_kwh(energy_wh, self._sources, history["emissions_ug"][begin:])
        return np.concatenate([energy_wh * 3600 // self._step_s, co2[None, :]])
