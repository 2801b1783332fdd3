"""What the fleet is, holds, does and has done, all batteries together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from voltadesk.ui.charts.figures import Figure, Figures, figure
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.history import History
from voltadesk.ui.inks import STRONG, change_ink
from voltadesk.ui.pane import Pane, Standing
from voltadesk.ui.panes.batteries import CYCLES
from voltadesk.ui.text import COUNT, KW, KW_CHANGE, KWH, MONEY_CHANGE, arrow
from voltadesk.ui.turnover import Turnover, held_words, power_w, seen_fill_wh, seen_lines
from voltadesk.units import PPM_PER_UNIT


class FleetTotalsPane(Pane):
    """Sums over all batteries: now, today, and over the held history."""

    HELP = (
        "All batteries together. Today is the local day of the last interval. Losses are what charging, discharging "
        "and standing took. Margin is money received for energy less what was paid for it and fees; the energy still "
        "stored is not in it. Cycles are energy discharged by capacity."
    )

    def __init__(self) -> None:
        self._figures, self._turnover = Figures(), Turnover()
        super().__init__(None, "Totals", self._figures, id="fleet-totals")

    def feed(self, frame: DeskFrame) -> None:
        self._turnover.follow(frame.history)
        self._figures.show([*self._now(frame), *self._done(frame)])
        words = "power limits are known as of now only" if frame.clock.is_replay else ""
        self.stand(Standing(sequence=frame.seen_sequence, note=words))

    def _now(self, frame: DeskFrame) -> Sequence[Figure]:
        history, is_replay = frame.history, frame.clock.is_replay
        lines = [line for line in seen_lines(frame) if is_replay or not line.is_retired]
        batteries = [line.battery for line in lines]
        fills_wh = seen_fill_wh(frame)
        stored_wh = sum(fills_wh.get(each.id, 0) for each in batteries)
        capacity_wh = sum(each.capacity_wh for each in batteries)
        charge_w = None if is_replay else sum(each.charge_power_w for each in batteries)
        discharge_w = None if is_replay else sum(each.discharge_power_w for each in batteries)
        full_ppm = stored_wh * PPM_PER_UNIT // capacity_wh if capacity_wh else None
        return [
            figure("batteries", len(batteries), COUNT, ink=STRONG),
            figure("capacity", capacity_wh, KWH, "kWh"),
            figure("can charge", charge_w, KW, "kW"),
            figure("can discharge", discharge_w, KW, "kW"),
            figure("stored", stored_wh, KWH, "kWh", STRONG, full_ppm),
            _power(history, frame.step_s),
        ]

    def _done(self, frame: DeskFrame) -> Sequence[Figure]:
        history, turnover = frame.history, self._turnover
        if not len(history):
            return []
        first, day = first_of_today(frame)
        today = slice(first, None)
        capacity_wh = sum(line.battery.capacity_wh for line in seen_lines(frame))
        return [
            Figure(f"Today, {day}"),
            *_sums(
                frame,
                int(history.charge_wh[:, today].sum()),
                int(history.discharge_wh[:, today].sum()),
                int(history["battery_loss_wh"][today].sum()),
                int(history.money_e8[:, today].sum()),
                capacity_wh,
            ),
            Figure(held_words(frame).capitalize()),
            *_sums(
                frame,
                int(turnover.charge_wh.sum()),
                int(turnover.discharge_wh.sum()),
                int(history["battery_loss_wh"].sum()),
                int(turnover.money_e8.sum()),
                capacity_wh,
            ),
        ]


def _power(history: History, step_s: int) -> Figure:
    if not len(history):
        return figure("power", None, KW, "kW")
    now_w = power_w(int(history.charge_wh[:, -1].sum() - history.discharge_wh[:, -1].sum()), step_s)
    words = "charges with" if now_w > 0 else "discharges with" if now_w else "power"
    return figure(words, now_w, KW_CHANGE, f"kW {arrow(now_w)}", change_ink(now_w))


def _sums(
    frame: DeskFrame, charge_wh: int, discharge_wh: int, loss_wh: int, money_e8: int, capacity_wh: int
) -> Sequence[Figure]:
    cycles = discharge_wh * 100 // capacity_wh if capacity_wh else None
    return [
        figure("charged", charge_wh, KWH, "kWh"),
        figure("discharged", discharge_wh, KWH, "kWh"),
        figure("lost", loss_wh, KWH, "kWh"),
        figure("cycles", cycles, CYCLES),
        figure("margin", money_e8, MONEY_CHANGE, frame.currency, change_ink(money_e8)),
    ]


def first_of_today(frame: DeskFrame) -> tuple[int, str]:
    """The first interval of the local day of the last one, and that day in words."""
    history: History = frame.history
    last = datetime.fromtimestamp(int(history.starts_utc[-1]), frame.zone)
    midnight = last.replace(hour=0, minute=0, second=0, fold=0)
    first = int(history.starts_utc.searchsorted(int(midnight.timestamp())))
    return first, f"{last:%a} {last.day} {last:%b}"
