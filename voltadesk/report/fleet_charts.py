"""Pictures of batteries: what they took and gave in the course of time and of a mean day, and how full they were."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from voltadesk.clock import IntervalGrid
from voltadesk.report.charts import Chart, Floats, Timeline, axes, drawing, figure_of, name_parts, power_unit, say_unit
from voltadesk.report.colours import BLUE, ORANGE, SKY, SOFT

Integers = NDArray[np.int64]
LONG_S, DAYS = 21 * 86_400, 400  # from there on days are drawn, up to so many of them
_COLOURS = (BLUE, ORANGE)


def fleet_charts(
    grid: IntervalGrid,
    first: int,
    flows_wh: Mapping[str, Integers],
    fill_wh: Integers,
    window_wh: tuple[int, int],
    of: str = "",
) -> list[Chart]:
    """What batteries gave (up) and took (down) and how full they were; of more than three weeks, also of a mean day.

    flows_wh   given and taken in each interval from `first` on, by the names that are shown
    fill_wh    at the end of each
    window_wh  least and most that they may hold together
    of         what to say of whose it is
    """
    count = len(fill_wh)
    is_long = count * grid.step_s > LONG_S
    time = Timeline(grid, first, count)
    with drawing():
        if not is_long:
            return [_course(time, flows_wh, fill_wh, window_wh, of)]
        days = Timeline(grid, first, count, min(DAYS, -(-count * grid.step_s // 86_400)))
        return [_course(days, flows_wh, fill_wh, window_wh, of), _mean_day(time, flows_wh, fill_wh, window_wh, of)]


def _course(
    time: Timeline, flows_wh: Mapping[str, Integers], fill_wh: Integers, window_wh: tuple[int, int], of: str
) -> Chart:
    axis, below = axes(4.2, (3, 2))
    unit = _draw(axis, time.edges, {name: time.power_kw(flow) for name, flow in flows_wh.items()})
    percent = _percent(fill_wh, window_wh)
    if time.is_gathered:
        low, high = time.lowest(percent), time.highest(percent)
        below.stairs(high, time.edges, baseline=low, fill=True, color=SKY, alpha=0.5, linewidth=0)
    _draw_fill(below, time.edges, time.means(percent), window_wh)
    time.label(below)
    up, down = flows_wh
    text = f"{of}{up} (up) and {down} (down), mean power [{unit}], {time.words}; below, how full they are [%]"
    text += ", from the least to the most" if time.is_gathered else ""
    return Chart("fleet", "Batteries", text, figure_of(axis))


def _mean_day(
    time: Timeline, flows_wh: Mapping[str, Integers], fill_wh: Integers, window_wh: tuple[int, int], of: str
) -> Chart:
    """Means over all days, for each interval of the local day."""
    axis, below = axes(4.2, (3, 2))
    place = time.local_s % 86_400 // time.step_s
    steps = 86_400 // time.step_s
    counted = np.maximum(np.bincount(place, minlength=steps), 1)
    edges = np.arange(steps + 1) * time.step_s / 3600

    def mean(values: Floats | Integers) -> Floats:
        return np.asarray(np.bincount(place, np.asarray(values, np.float64), steps) / counted)

    unit = _draw(axis, edges, {name: mean(flow) * 3.6 / time.step_s for name, flow in flows_wh.items()})
    _draw_fill(below, edges, mean(_percent(fill_wh, window_wh)), window_wh)
    below.set_xlim(0, 24)
    below.set_xticks(range(0, 25, 3), [f"{n:02}:00" for n in range(0, 25, 3)])
    up, down = flows_wh
    text = f"{of}{up} (up) and {down} (down) on a mean day of the local clock, mean power [{unit}]; below, how full [%]"
    return Chart("day", "Batteries on a mean day", text, figure_of(axis))


def _draw(axis: Axes, edges: Floats, powers_kw: Mapping[str, Floats]) -> str:
    """Draws powers up and down, and tells their unit."""
    unit, divisor = power_unit(*powers_kw.values())
    for (name, power), sign, colour in zip(powers_kw.items(), (1, -1), _COLOURS, strict=True):
        axis.stairs(sign * power / divisor, edges, fill=True, color=colour, label=name, linewidth=0)
    axis.axhline(0, color=SOFT, linewidth=0.8)
    say_unit(axis, unit)
    name_parts(axis)
    return unit


def _percent(fill_wh: Integers, window_wh: tuple[int, int]) -> Floats:
    """How full, as a share of the most that they may hold."""
    return 100 * np.asarray(fill_wh, np.float64) / max(window_wh[1], 1)


def _draw_fill(axis: Axes, edges: Floats, percent: Floats, window_wh: tuple[int, int]) -> None:
    axis.stairs(percent, edges, baseline=None, color=BLUE, linewidth=1.1)
    if window_wh[0]:
        axis.axhline(100 * window_wh[0] / window_wh[1], color=SOFT, linewidth=0.8, linestyle=(0, (4, 3)))
    axis.set_ylim(0, 102)
    say_unit(axis, "full [%]")
