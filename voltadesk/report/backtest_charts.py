"""Pictures of a backtest: what strategies earned beside perfect foresight, what the best of them did, the prices."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from voltadesk.report.backtest import Backtest, Run
from voltadesk.report.backtest_document import money_words
from voltadesk.report.charts import Chart, Timeline, axes, drawing, figure_of, name_parts, say_unit
from voltadesk.report.colours import COLOURS, INK, SOFT
from voltadesk.report.fleet_charts import fleet_charts
from voltadesk.report.price_charts import price_charts, prices_of
from voltadesk.strategy.strategies import Perfect


def backtest_charts(result: Backtest) -> list[Chart]:
    """The pictures of a backtest, without those that would be empty."""
    time = Timeline(result.prices.grid, result.begin, result.prices.grid.count - result.begin)
    others = [run for run in result.runs if run.name != Perfect.name]
    best = max(others or [result.perfect], key=lambda run: int(run.earned_e8.sum() - run.wear_e8.sum()))
    with drawing():
        made = [_earned([result.perfect, *others], time, result.prices.currency)]
        if (best.bought_wh + best.sold_wh).any():
            made += _traded(result, best)
    return made + price_charts(prices_of(result.prices.sell_tick[result.begin :]), time, "per MWh")


def _earned(runs: list[Run], time: Timeline, currency: str | None) -> Chart:
    order = sorted(runs[1:], key=lambda run: -int(run.earned_e8.sum() - run.wear_e8.sum()))
    axis, *below = axes(4.8, (3, 2), is_shared=False) if order else axes(3.0)
    for run, colour in zip([runs[0], *order], [INK, *COLOURS * len(order)], strict=False):
        earned = np.cumsum((run.earned_e8 - run.wear_e8) / 1e8)
        line = (0, (4, 2)) if run is runs[0] else "-"
        ends = np.append(0, time.last(earned))
        axis.plot(time.edges, ends, color=colour, linestyle=line, label=run.name, linewidth=1.5)
    axis.axhline(0, color=SOFT, linewidth=0.8)
    say_unit(axis, "earned, after wear")
    time.label(axis)
    name_parts(axis)
    text = f"sales less purchases and wear, added up, in {money_words(currency)}"
    if below:
        _shares(below[0], runs[0], order)
        text += "; below, of what perfect foresight earns [%]"
    return Chart("earned", "Earned beside perfect foresight", text, figure_of(axis))


def _shares(axis: Axes, perfect: Run, runs: list[Run]) -> None:
    """What each earned as a share of what perfect foresight does."""
    whole, *parts = (float((run.earned_e8 - run.wear_e8).sum()) for run in (perfect, *runs))
    share = [100 * each / whole if whole > 0 else 0.0 for each in parts]
    places = np.arange(len(runs))
    axis.barh(places, share, color=[*COLOURS * len(runs)][: len(runs)], height=0.62)
    axis.set_yticks(places, [run.name for run in runs])
    axis.invert_yaxis()
    axis.grid(visible=False, axis="y")
    axis.axvline(0, color=SOFT, linewidth=0.8)
    for place, each in zip(places, share, strict=True):
        text = f"{each:.1f} %".replace("-", "−")
        axis.annotate(text, (max(each, 0), place), xytext=(4, 0), textcoords="offset points", va="center")
    axis.set_xlim(min(0, *share), max(108, *share))
    axis.set_xlabel("of what perfect foresight earns [%]")


def _traded(result: Backtest, run: Run) -> list[Chart]:
    least, most = (
        sum(unit.count * int(unit.battery[f"{end}_fill_wh"][0]) for unit in result.units)
        for end in ("minimum", "maximum")
    )
    flows = {"sold": run.sold_wh, "bought": run.bought_wh}
    return fleet_charts(result.prices.grid, result.begin, flows, run.fill_wh, (least, most), f"by {run.name}: ")
