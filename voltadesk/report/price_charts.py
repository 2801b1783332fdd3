"""Pictures of prices: their course, how often each was reached, and at which hours of which days."""

from __future__ import annotations

from datetime import UTC

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.report.charts import Chart, Floats, Timeline, axes, drawing, figure_of, name_parts, say_dates, say_unit
from voltadesk.report.colours import BLUE, GREEN, INK, ORANGE, SKY, SOFT

FEW_DAYS = 3  # with fewer, days and hours make no map
_COLOURS = 11  # of the map


def prices_of(ticks: NDArray[np.int64]) -> Floats:
    """Prices per MWh; not a number where there is none."""
    return np.where(ticks == NO_PRICE_TICK, np.nan, ticks / 100)


def price_charts(
    price: Floats, time: Timeline, unit: str, band: tuple[float, float] | None = None, community: Floats | None = None
) -> list[Chart]:
    """The pictures of a price [per MWh], shape (time.count,); none where there was never one.

    unit       such as EUR/MWh
    band       floor and cap
    community  what was paid within a community
    """
    if np.isnan(price).all():
        return []
    with drawing():
        made = [_course(price, time, unit, band, community), _duration(price, unit)]
        days = (time.local_s[-1] // 86_400) - (time.local_s[0] // 86_400) + 1
        if days >= FEW_DAYS:
            made.append(_map(price, time, unit))
        return made


def _course(
    price: Floats, time: Timeline, unit: str, band: tuple[float, float] | None, community: Floats | None
) -> Chart:
    (axis,) = axes(3.4)
    line, low, high = time.means(price), time.lowest(price), time.highest(price)
    words = time.words
    if time.is_gathered:
        axis.stairs(high, time.edges, baseline=low, fill=True, color=SKY, alpha=0.45, label="lowest to highest")
        words += ", and from the lowest to the highest of them"
    axis.stairs(line, time.edges, baseline=None, color=BLUE, linewidth=1.3, label="price")
    if community is not None and not np.isnan(community).all():
        paid = time.means(community)
        axis.stairs(paid, time.edges, baseline=None, color=GREEN, linewidth=1.1, label="within the community")
    limits = _limits(price if community is None else np.append(price, community))
    beyond = _mark_beyond(axis, low, high, time, limits)
    axis.set_ylim(*limits)
    notes = [beyond] if beyond else []
    if band is not None:
        for name, value in zip(("floor", "cap"), band, strict=True):
            if limits[0] <= value <= limits[1]:
                axis.axhline(value, color=ORANGE, linewidth=1, linestyle=(0, (4, 3)), label=name)
        outside = [
            f"{name} {value:,.2f}".replace("-", "−")
            for name, value in zip(("floor", "cap"), band, strict=True)
            if not limits[0] <= value <= limits[1]
        ]
        notes += [f"outside the picture: {' and '.join(outside)}"] if outside else []
    say_unit(axis, unit)
    time.label(axis)
    name_parts(axis)
    return Chart("price", "Price", "; ".join([f"{unit}, {words}", *notes]), figure_of(axis))


def _limits(price: Floats) -> tuple[float, float]:
    """From where to where the picture goes: as far as prices do, unless a few would press all others flat."""
    known = price[~np.isnan(price)]
    low, high = float(known.min()), float(known.max())
    first, last = (float(value) for value in np.quantile(known, (0.01, 0.99)))
    if high - low > 4 * max(last - first, 1):
        low, high = max(low, first - 0.5 * (last - first)), min(high, last + 0.5 * (last - first))
    margin = max(0.05 * (high - low), 0.5)
    return low - margin, high + margin


def _mark_beyond(axis: Axes, low: Floats, high: Floats, time: Timeline, limits: tuple[float, float]) -> str:
    """Marks where prices leave the picture, and what to say of it."""
    middles = (time.edges[1:] + time.edges[:-1]) / 2
    for beyond, edge, mark in ((high > limits[1], limits[1], "^"), (low < limits[0], limits[0], "v")):
        if beyond.any():
            places = middles[beyond]
            axis.plot(places, np.full(len(places), edge), mark, color=ORANGE, markersize=5, clip_on=False)
    if not (high > limits[1]).any() and not (low < limits[0]).any():
        return ""
    ends = f"{np.nanmin(low):,.2f} and {np.nanmax(high):,.2f}".replace("-", "−")
    return f"triangles mark prices beyond the picture, which lie between {ends}"


def _duration(price: Floats, unit: str) -> Chart:
    (axis,) = axes(3.0)
    known = np.sort(price[~np.isnan(price)])[::-1]
    share = np.linspace(0, 100, len(known) + 1)
    if len(known) > 1000:  # every step of a long one could not be seen
        kept = np.unique(np.linspace(0, len(known) - 1, 1000).astype(np.int64))
        known, share = known[kept], np.append(share[kept], 100)
    limits = _limits(price)
    axis.stairs(known, share, baseline=None, color=BLUE, linewidth=1.6)
    axis.axhline(0, color=SOFT, linewidth=0.8)
    middle = float(np.median(price[~np.isnan(price)]))
    axis.plot([50], [middle], "o", color=ORANGE, markersize=5)
    text = f"median {middle:,.2f}".replace("-", "−")
    axis.annotate(text, (50, middle), xytext=(6, 8), textcoords="offset points", color=INK)
    axis.set_ylim(*limits)
    axis.set_xlim(0, 100)
    axis.set_xlabel("share of the time with a price [%]")
    say_unit(axis, unit)
    return Chart(
        "duration", "Price duration", f"{unit}: how much of the time the price was at least that", figure_of(axis)
    )


def _map(price: Floats, time: Timeline, unit: str) -> Chart:
    (axis,) = axes(3.4)
    day, second = time.local_s // 86_400, time.local_s % 86_400
    hour, first = second // 3600, int(day[0])
    cells = np.full((2, 24, int(day[-1]) - first + 1), 0.0)
    known = ~np.isnan(price)
    np.add.at(cells[0], (hour[known], day[known] - first), price[known])
    np.add.at(cells[1], (hour[known], day[known] - first), 1)
    means = np.divide(cells[0], cells[1], out=np.full(cells[0].shape, np.nan), where=cells[1] > 0)
    first_part, low_part, high_part, last_part = (float(q) for q in np.nanquantile(means, (0.02, 0.25, 0.75, 0.98)))
    reach = 3 * (high_part - low_part)  # so that a few dear hours don't make all others look alike
    low, high = max(first_part, low_part - reach), min(last_part, high_part + reach)
    if high - low < 1:
        low, high = low - 0.5, high + 0.5
    colours = mpl.colormaps["cividis"].resampled(_COLOURS)
    extent = (first, first + cells.shape[2], 24, 0)
    picture = axis.imshow(means, cmap=colours, vmin=low, vmax=high, aspect="auto", interpolation="none", extent=extent)
    axis.grid(visible=False)
    say_dates(axis, UTC)  # days are those of the local clock already
    axis.set_yticks(range(0, 25, 6), [f"{n:02}:00" for n in range(0, 25, 6)])
    bar = figure_of(axis).colorbar(picture, ax=axis, extend="both", pad=0.015, fraction=0.05)
    bar.set_label(unit)
    bar.outline.set_visible(False)
    say = f"{unit}, mean of each hour of each day on the local clock; blank where there is no price"
    return Chart("hours", "Price by day and hour", say, figure_of(axis))
