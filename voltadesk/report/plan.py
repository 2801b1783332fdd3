"""A fleet's plan: schedules as blocks of charging and discharging, for people and programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

import numpy as np

from voltadesk.clock import utc_text
from voltadesk.feeds.schedules import Schedule
from voltadesk.report.document import Section, number
from voltadesk.report.summary import Tree
from voltadesk.units import decimal_text, half_even


@dataclass(frozen=True)
class Block:
    """Consecutive intervals in which a battery does one thing."""

    battery: str
    start_utc: int
    end_utc: int
    energy_wh: int  # at the grid's side; taken in, given out negative
    fill_wh: int  # at the end

    @property
    def action(self) -> str:
        return "charge" if self.energy_wh > 0 else "discharge"

    @property
    def power_w(self) -> int:
        """Its mean, without a sign, to the nearest watt, halves to even."""
        return half_even(abs(self.energy_wh) * 3600, self.end_utc - self.start_utc)


def blocks(schedules: Sequence[Schedule]) -> Iterator[Block]:
    """All blocks in the order of the schedules and of time; where a battery rests there is none."""
    for schedule in schedules:
        net_wh = schedule.charge_wh - schedule.discharge_wh
        way = np.sign(net_wh)
        cuts = [*np.flatnonzero(np.append(True, way[1:] != way[:-1])).tolist(), len(way)]
        for first, last in pairwise(cuts):
            if way[first]:
                start, end = int(schedule.start_utc[first]), int(schedule.start_utc[last - 1]) + schedule.step_s
                energy_wh = int(net_wh[first:last].sum())
                yield Block(schedule.name, start, end, energy_wh, int(schedule.fill_wh[last - 1]))


def kilo(value: int) -> Decimal:
    """Kilowatt-hours of Wh, kilowatts of W."""
    return Decimal(decimal_text(value, 3, 3))


def plan_tree(schedules: Sequence[Schedule]) -> Tree:
    """The plan with its blocks; energy at the grid's side, without a sign."""
    return {
        "start_utc": utc_text(min(int(each.start_utc[0]) for each in schedules)),
        "end_utc": utc_text(max(int(each.start_utc[-1]) + each.step_s for each in schedules)),
        "batteries": [schedule.name for schedule in schedules],
        "blocks": [
            {
                "battery": block.battery,
                "start_utc": utc_text(block.start_utc),
                "end_utc": utc_text(block.end_utc),
                "action": block.action,
                "energy_kwh": kilo(abs(block.energy_wh)),
                "mean_power_kw": kilo(block.power_w),
                "fill_kwh": kilo(block.fill_wh),
            }
            for block in blocks(schedules)
        ],
    }


def plan_sections(tree: Tree) -> list[Section]:
    """The plan for people."""
    rows = [
        (
            block["battery"],
            block["start_utc"],
            block["end_utc"],
            block["action"],
            *(number(block[key], 3) for key in ("energy_kwh", "mean_power_kw", "fill_kwh")),
        )
        for block in tree["blocks"]
    ]
    columns = ("battery", "from", "to", "does", "kWh", "mean kW", "fill kWh")
    title = f"plan from {tree['start_utc']} to {tree['end_utc']}"
    return [Section(title, columns, rows, 4, () if rows else ("nobody charges or discharges",))]
