"""By which strategy each battery of a scenario trades."""

from __future__ import annotations

from voltadesk.scenario.model import BatteryGroup, Scenario
from voltadesk.strategy.limits import Threshold, Timetable, span_of_day
from voltadesk.strategy.rolling import Rolling


def strategies(group: BatteryGroup, scenario: Scenario) -> list[Threshold | Timetable | Rolling]:
    """One strategy for each battery of a group; spans of limits are spread evenly over it."""
    chosen = group.strategy
    made: list[Threshold | Timetable | Rolling] = []
    for n in range(group.count):
        if chosen.threshold is not None:
            made.append(Threshold.around(_spread(chosen.threshold, n, group.count)))
            continue
        # Without a limit of its own it takes any price but the cap, where homes would go without.
        buy = _spread(chosen.buy_limit or (scenario.market.cap - 1,) * 2, n, group.count)
        sell = _spread(chosen.sell_limit or (scenario.market.floor,) * 2, n, group.count)
        if chosen.name == "threshold":
            made.append(Threshold(buy, sell))
        elif chosen.name != "timetable":
            made.append(Rolling(chosen.name, buy, sell))
        else:
            charge, discharge = (tuple(map(span_of_day, spans)) for spans in (chosen.charge, chosen.discharge))
            made.append(Timetable(charge, discharge, buy, sell))
    return made


def _spread(span: tuple[int, int], n: int, count: int) -> int:
    return span[0] if count == 1 else span[0] + (span[1] - span[0]) * n // (count - 1)
