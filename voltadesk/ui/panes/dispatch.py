"""What every battery did in every interval, and why."""

from __future__ import annotations

from typing import Any

import numpy as np

from voltadesk.strategy.limits import shown, worth_tick
from voltadesk.ui.axes import Ints64
from voltadesk.ui.charts.candles import NO_PRICE_TICK
from voltadesk.ui.charts.fleet import Fleet, FleetChart
from voltadesk.ui.frame import BatteryLine, DeskFrame
from voltadesk.ui.pane import Pane, Standing
from voltadesk.ui.panes.batteries import alarms_of, settings_of
from voltadesk.ui.text import KWH, PRICE
from voltadesk.ui.turnover import is_there, seen_fill_wh


class NetPower:
    """Power [W] (batteries, intervals), positive when charging: made of the energies only for what is looked at."""

    def __init__(self, charge_wh: Ints64, discharge_wh: Ints64, step_s: int) -> None:
        self._charge_wh, self._discharge_wh, self._step_s = charge_wh, discharge_wh, step_s

    def __getitem__(self, at: Any) -> Any:
        return (self._charge_wh[at] - self._discharge_wh[at]) * 3600 // self._step_s


class DispatchPane(Pane):
    """Gauges and the heat-map of batteries by intervals."""

    HELP = (
        "A row for each battery, a column for each interval: the stronger the colour, the more of its power it charged "
        "(blue, +) or discharged (orange, −) with; ·: it kept still. The cursor says how much, at which price and why: "
        "the limits it bid at, what they say a stored MWh more is worth and one less, and the fill it ended with. "
        "The gauges at the left are the fill now. + and - zoom, < and > pan, 0 fits all."
    )

    def __init__(self) -> None:
        self._chart = FleetChart(why=self._why)
        self._frame: DeskFrame | None = None
        self._lines: dict[str, BatteryLine] = {}
        super().__init__(None, "Dispatch", self._chart, id="dispatch")

    def feed(self, frame: DeskFrame) -> None:
        history, chart = frame.history, self._chart
        self._frame, self._lines = frame, {line.battery.id: line for line in frame.batteries}
        # Before the first interval there are gauges only.
        names = history.batteries if len(history) else tuple(self._lines)
        lines = [self._lines[name] for name in names]
        fills_wh, alarms = seen_fill_wh(frame), alarms_of(frame)
        power = NetPower(history.charge_wh, history.discharge_wh, frame.step_s)
        fleet = Fleet(
            names,
            np.array([fills_wh.get(line.battery.id, 0) for line in lines], np.int64),
            np.array([line.battery.capacity_wh for line in lines], np.int64),
            np.array([max(line.battery.charge_power_w, line.battery.discharge_power_w) for line in lines], np.int64),
            power,
            np.array([bool(alarms[line.battery.id]) for line in lines], bool),
        )
        chart.zone = frame.zone
        chart.day = 86_400 // frame.step_s
        chart.show(history.starts_utc, fleet)
        self.retitle(f"{frame.step_s // 60} min")
        note = "tones by the power limits as of now" if frame.clock.is_replay else ""
        self.stand(Standing(sequence=frame.seen_sequence, note=note))

    def _why(self, n: int, interval: int) -> list[str]:
        """134.90 EUR/MWh, discharged, buys ≤ 41.20, sells ≥ 96.70, a stored MWh more 43.36, less 81.60, 7.1 kWh"""
        frame = self._frame
        if frame is None:
            return []
        history = frame.history
        if not is_there(self._lines[history.batteries[n]], int(history["entry"][interval])):
            return ["not in service"]
        tick = int(history["price_tick"][interval])
        price = "no price" if tick <= NO_PRICE_TICK else f"{PRICE.show(tick)} {frame.currency}/MWh"
        parts = [price, history.reasons[history.reason[n, interval]]]
        buy, sell = (shown(int(limit[n, interval])) for limit in (history.buy_limit_tick, history.sell_limit_tick))
        parts.append(_both("buys ≤", buy, "sells ≥", sell))
        battery = self._lines[history.batteries[n]].battery
        more, less = worth_tick(
            buy, sell, battery.charge_efficiency_ppm, battery.discharge_efficiency_ppm, battery.wear_cost_tick
        )
        parts.append(_both("a stored MWh more", more, "less", less))
        parts.append(f"{KWH.show(int(history.fill_wh[n, interval]))} kWh")
        return [part for part in parts if part]

    def prefill(self, kind: str) -> dict[str, str]:
        place, names = self._chart.place, self._chart.fleet.names
        if place is None or place[1] >= len(names):
            return {}
        return settings_of(self._lines.get(names[place[1]]), kind)


def _both(first: str, first_tick: int | None, second: str, second_tick: int | None) -> str:
    """buys ≤ 41.20, sells ≥ 96.70; as far as there are such."""
    told = [(words, tick) for words, tick in ((first, first_tick), (second, second_tick)) if tick is not None]
    return ", ".join(f"{words} {PRICE.show(tick)}" for words, tick in told)
