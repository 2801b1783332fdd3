"""What batteries did over the history that is held, summed up once and gone on with, and since when they are there."""

from __future__ import annotations

import numpy as np

from voltadesk.ui.axes import Ints64
from voltadesk.ui.frame import BatteryLine, DeskFrame
from voltadesk.ui.history import History

DAY_S = 86_400


class Turnover:
    """Energy charged and discharged [Wh] and money earned [1e-8 currency] of each of the history's batteries, (B,)."""

    def __init__(self) -> None:
        self._first_utc, self._count = -1, 0
        self._sums: Ints64 = np.zeros((3, 0), np.int64)

    def follow(self, history: History) -> None:
        """Take in what is new; begin again where the history is another one, or shorter."""
        count, rows = len(history), len(history.batteries)
        first_utc = int(history.starts_utc[0]) if count else -1
        if first_utc != self._first_utc or count < self._count:
            self._first_utc, self._count = first_utc, 0
            self._sums = np.zeros((3, rows), np.int64)
        elif rows > self._sums.shape[1]:
            self._sums = np.pad(self._sums, ((0, 0), (0, rows - self._sums.shape[1])))
        if count > self._count:
            new = np.s_[:, self._count : count]
            for row, array in zip(self._sums, (history.charge_wh, history.discharge_wh, history.money_e8), strict=True):
                row += array[new].sum(axis=1)
            self._count = count

    @property
    def charge_wh(self) -> Ints64:
        return self._row(0)

    @property
    def discharge_wh(self) -> Ints64:
        return self._row(1)

    @property
    def money_e8(self) -> Ints64:
        return self._row(2)

    def _row(self, n: int) -> Ints64:
        row: Ints64 = self._sums[n]
        return row


def is_there(line: BatteryLine, entry: int) -> bool:
    """Whether a battery was in service at an entry of the journal."""
    return line.bought_entry < entry and (not line.retired_entry or entry < line.retired_entry)


def seen_lines(frame: DeskFrame) -> tuple[BatteryLine, ...]:
    """The batteries of the moment that is seen: all of the register, in replay those that were in service then."""
    if not frame.clock.is_replay:
        return frame.batteries
    if not len(frame.history):
        return ()
    entry = int(frame.history["entry"][-1])
    return tuple(line for line in frame.batteries if is_there(line, entry))


def seen_fill_wh(frame: DeskFrame) -> dict[str, int]:
    """What each of them holds at that moment [Wh]."""
    if not frame.clock.is_replay:
        return {line.battery.id: line.fill_wh for line in frame.batteries}
    if not len(frame.history):
        return {}
    return dict(zip(frame.history.batteries, frame.history.fill_wh[:, -1].tolist(), strict=True))


def power_w(energy_wh: int, step_s: int) -> int:
    """Mean power [W] of an interval of so many seconds, towards 0."""
    power = abs(energy_wh) * 3600 // step_s
    return -power if energy_wh < 0 else power


def span_words(seconds: int) -> str:
    """7 d 02 h, 5 h, 45 min"""
    days, rest = divmod(seconds, DAY_S)
    if days:
        return f"{days} d {rest // 3600:02d} h" if rest >= 3600 else f"{days} d"
    return f"{rest // 3600} h" if rest >= 3600 else f"{rest // 60} min"


def held_words(frame: DeskFrame) -> str:
    """Over which time sums of the held history are."""
    history = frame.history
    words = f"over {span_words(len(history) * frame.step_s)}"
    return f"{words}, earlier not held" if history.is_cut else f"{words}, all there is"
