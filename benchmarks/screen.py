"""How long the screen's widgets take to paint and to encode, and what the whole of them cost at ten pictures a second.

Charts are 200 x 40 cells from 100,000 points; the table has a million rows, made as they are asked for.
"""

import asyncio
import time
from collections.abc import Callable, Iterator

import numpy as np
from textual.widget import Widget

from benchmarks.auction import best_s, time_text
from tests.ui import seeded
from tests.ui.gallery import Frame, Gallery
from voltadesk.ui.canvas import Canvas
from voltadesk.ui.charts.curves import CurveChart, Curves, Point
from voltadesk.ui.charts.fleet import FleetChart
from voltadesk.ui.charts.lines import LineChart, Series, fan
from voltadesk.ui.charts.mix import MixChart
from voltadesk.ui.charts.price import PriceChart
from voltadesk.ui.inks import UP
from voltadesk.ui.table import Table
from voltadesk.ui.text import PRICE
from voltadesk.ui.themes import ThemedApp

COUNT = 100_000
W, H = 200, 40


def run() -> list[tuple[str, str, str]]:
    """(what, measured, target) for each figure."""
    rows = [asyncio.run(_one(what, make)) for what, make in _charts()]
    return [*rows, *asyncio.run(_table()), *asyncio.run(_whole())]


def _charts() -> Iterator[tuple[str, Callable[[], Canvas]]]:
    starts, prices = seeded.starts(COUNT), seeded.prices(COUNT)
    draw = np.random.default_rng(2)

    def price(form: str, everything: bool) -> Canvas:
        chart = PriceChart()
        chart.form = form
        chart.scale = (2048, 2) if everything else None
        chart.show(starts, prices, seeded.fills(prices))
        return chart

    def curves() -> Canvas:
        ticks = np.sort(draw.integers(-5_000, 20_000, COUNT))
        power = draw.integers(1, 200_000, COUNT)
        chart = CurveChart()
        chart.show(Curves(ticks, power, ticks[::-1], power, Point(7_000, int(power.sum()) // 2)))
        return chart

    def lines() -> Canvas:
        chart = LineChart(PRICE.show)
        chart.show(starts, [Series("load", prices.close_tick, UP), Series("solar", prices.low_tick, UP)])
        return chart

    def ranges() -> Canvas:
        chart = LineChart(PRICE.show)
        chart.show(starts, *fan(prices.close_tick, prices.low_tick, prices.high_tick))
        return chart

    def mix() -> Canvas:
        chart = MixChart()
        chart.show(starts, seeded.SOURCES, np.tile(seeded.mix()[0], (1, COUNT // 96 + 1))[:, :COUNT])
        return chart

    def fleet() -> Canvas:
        chart = FleetChart()
        chart.show(seeded.starts(2_600), seeded.fleet(38, 2_600))
        return chart

    yield "price, candles, newest of 100,000", lambda: price("candles", False)
    yield "price, candles, all 100,000", lambda: price("candles", True)
    yield "price, line, all 100,000", lambda: price("line", True)
    yield "supply and demand, 100,000 steps each", curves
    yield "two lines of 100,000", lines
    yield "range of 100,000", ranges
    yield "mix, 8 sources x 100,000", mix
    yield "fleet map, 38 x 2,600", fleet


class Single(ThemedApp):
    """An app of one widget."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget

    def compose(self) -> Iterator[Widget]:
        yield self.widget


async def _one(what: str, make: Callable[[], Canvas]) -> tuple[str, str, str]:
    chart = make()
    async with Single(chart).run_test(size=(W, H)) as pilot:
        await pilot.pause()
        paint = best_s(lambda: chart._repaint(W, H), at_most_s=0.3)
        encode = best_s(lambda: [chart.render_line(y) for y in range(H)], at_most_s=0.3)
    return f"{what}: paint + encode", f"{time_text(paint)} + {time_text(encode)}", "<= 2 ms to paint"


async def _table() -> list[tuple[str, str, str]]:
    rows = []
    for count in (100, 1_000_000):
        table = Table(seeded.ORDER_COLUMNS)
        table.show(seeded.Orders(count))
        async with Single(table).run_test(size=(W, H)) as pilot:
            await pilot.pause()

            def repaint(table: Table = table, count: int = count) -> None:
                table._window = (0, ())
                table.scroll_to(y=(table.scroll_offset.y + 37) % max(1, count - H), animate=False)
                for y in range(H):
                    table.render_line(y)

            spent = best_s(repaint, at_most_s=0.3)
        rows.append((f"table of {count:,} rows: scroll and repaint", time_text(spent), "<= 2 ms"))
    return rows


async def _whole() -> list[tuple[str, str, str]]:
    """Every chart gets other data ten times a second, on 200 x 56 cells."""
    app = Gallery()
    async with app.run_test(size=(200, 56)) as pilot:
        await pilot.pause()
        longest, frames = 0.0, [Frame(n) for n in range(40)]
        begin, spent = time.perf_counter(), time.process_time()
        for n, frame in enumerate(frames):
            at = time.thread_time()
            app.screen.feed(frame)
            longest = max(longest, time.thread_time() - at)
            await asyncio.sleep(max(0.0, begin + (n + 1) / 10 - time.perf_counter()))
        share = (time.process_time() - spent) / (time.perf_counter() - begin)
    return [
        (
            "all widgets, every line other each time, 200 x 56, 10 pictures/s: share of a core",
            f"{share:.0%}",
            "<= 25 %",
        ),
        ("longest time to take and paint one picture's data (processor)", time_text(longest), "<= 30 ms"),
    ]
