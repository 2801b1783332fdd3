"""The slow twin of `voltadesk.community.battery`: plain loops over intervals, and the greedy run."""

from __future__ import annotations

from math import isqrt
from typing import NamedTuple


class Opening(NamedTuple):
    """An interval: what is left over and wanted [Wh], and the prices of both, of the grid's offer and its bid."""

    left: int
    wanted: int
    left_tick: int
    wanted_tick: int
    buy_tick: int
    sell_tick: int


class Cell:
    """A battery that counts whole watt-hours and money [1e-8]."""

    def __init__(self, energy_wh: int, most_wh: int, efficiency_ppm: int) -> None:
        self.energy_wh, self.most_wh = energy_wh, most_wh
        self.way_ppm = (isqrt(4 * efficiency_ppm * 1_000_000) + 1) // 2
        self.fill_wh = self.saved_e8 = 0

    def take(self, wanted_wh: int) -> int:
        """Charge with at most so much; returns what was taken."""
        room = self.energy_wh - self.fill_wh
        taken = max(0, min(wanted_wh, self.most_wh, ((room + 1) * 1_000_000 - 1) // self.way_ppm if room else 0))
        self.fill_wh += taken * self.way_ppm // 1_000_000
        return taken

    def give(self, wanted_wh: int) -> int:
        """Discharge at most so much; returns what was given."""
        given = max(0, min(wanted_wh, self.most_wh, self.fill_wh * self.way_ppm // 1_000_000))
        self.fill_wh -= -(-given * 1_000_000 // self.way_ppm)
        return given


def worth_e8(opening: Opening, taken: int, given: int) -> int:
    """What an interval's trade is worth: from within first, the rest with the grid."""
    within, out = min(taken, opening.left), min(given, opening.wanted)
    return (
        out * opening.wanted_tick
        + (given - out) * opening.sell_tick
        - within * opening.left_tick
        - (taken - within) * opening.buy_tick
    )


def greedy(cell: Cell, openings: list[Opening]) -> int:
    """Take what is left over, else give what is wanted; what that is worth."""
    for opening in openings:
        taken = cell.take(opening.left)
        given = 0 if taken else cell.give(opening.wanted)
        cell.saved_e8 += worth_e8(opening, taken, given)
    return cell.saved_e8
