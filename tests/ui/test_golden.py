"""What each widget looks like, as text, at two sizes; and that a theme changes colours only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from textual.widget import Widget

from tests.ui import seeded
from tests.ui.gallery import Gallery
from tests.ui.screens import check_golden, text_of
from voltadesk.ui.charts.candles import NO_PRICE_TICK
from voltadesk.ui.charts.curves import CurveChart
from voltadesk.ui.charts.fleet import FleetChart
from voltadesk.ui.charts.lines import LineChart, Series, fan
from voltadesk.ui.charts.mix import MixChart
from voltadesk.ui.charts.price import PriceChart
from voltadesk.ui.inks import OWN, UP
from voltadesk.ui.pane import Pane, Standing
from voltadesk.ui.picture import screen_strips, screen_svg, screen_text
from voltadesk.ui.status import StatusLines
from voltadesk.ui.table import Table
from voltadesk.ui.table_pane import TablePane
from voltadesk.ui.text import MW, PRICE


def price(form: str = "candles", count: int = 58, gaps: bool = False) -> PriceChart:
    chart = PriceChart(zone=seeded.BERLIN, cap_tick=400_000, floor_tick=5_650)
    chart.form = form
    prices = seeded.prices(count)
    if gaps:
        for values in (prices.open_tick, prices.high_tick, prices.low_tick, prices.close_tick):
            values[10:20] = NO_PRICE_TICK
    chart.show(seeded.starts(count), prices, seeded.fills(seeded.prices(count)))
    return chart


def curves() -> CurveChart:
    chart = CurveChart(cap_tick=400_000, step_w=300_000_000)
    chart.show(seeded.curves())
    return chart


def fleet() -> FleetChart:
    chart = FleetChart(zone=seeded.BERLIN, why=lambda battery, interval: [f"62.37 > value 58.{battery}"])
    chart.show(seeded.starts(96), seeded.fleet(14))
    return chart


def mix() -> MixChart:
    chart = MixChart(zone=seeded.BERLIN)
    chart.show(seeded.starts(96), seeded.SOURCES, *seeded.mix())
    return chart


def load() -> LineChart:
    chart = LineChart(MW.show, "MW", zone=seeded.BERLIN, from_zero=True)
    power, _ = seeded.mix()
    chart.show(seeded.starts(96), [Series("load", power.sum(axis=0), UP), Series("solar", power[3], OWN)])
    return chart


def forecast() -> LineChart:
    chart = LineChart(PRICE.show, "€/MWh", zone=seeded.BERLIN)
    chart.show(seeded.starts(96), *fan(*seeded.forecast()), now=20)
    return chart


def clock_change() -> LineChart:
    """The night on which 02 o'clock comes twice, from 00:00 on."""
    chart = LineChart(PRICE.show, zone=seeded.BERLIN)
    chart.show(seeded.starts(24, 1_729_980_000), [Series("price", np.arange(24, dtype=np.int64), UP)])
    return chart


def table() -> Table:
    widget = Table(seeded.ORDER_COLUMNS)
    widget.show(seeded.Orders(1_000_000))
    return widget


def orders() -> TablePane:
    pane = TablePane(4, "Orders [b]of today[/b]", table())
    pane.stand(Standing(sequence=184_213, note="12 working"))
    return pane


def stale() -> Pane:
    pane = Pane(1, "Price", price())
    pane.stand(Standing(sequence=7, stale_s=75))
    return pane


def status(**changes: object) -> StatusLines:
    lines = StatusLines()
    lines.status = seeded.status(**changes)
    return lines


LOOKS: dict[str, tuple[Callable[[], Widget], tuple[str, ...]]] = {
    "price": (price, ()),
    "price-cursor": (price, ("right", "left", "left")),
    "price-close": (price, ("plus", "plus")),
    "price-line": (lambda: price("line", 4000), ()),
    "price-gaps": (lambda: price(gaps=True), ()),
    "curves": (curves, ()),
    "curves-what-if": (curves, ("plus", "plus")),
    "fleet": (fleet, ()),
    "fleet-cursor": (fleet, ("right", "left", "down", "down")),
    "mix": (mix, ()),
    "load": (load, ()),
    "forecast": (forecast, ()),
    "clock-change": (clock_change, ()),
    "table": (table, ("down", "down", "right", "right")),
    "orders": (orders, ()),
    "stale": (stale, ()),
    "status": (status, ()),
    "status-live": (lambda: status(is_live=True, of_sequence=None, hint="", banner="trial desk"), ()),
    "status-halted": (lambda: status(halted="by anna 14:05:02 · [test] fire drill", is_paused=True), ()),
    "status-ended": (lambda: status(fault="the market's process was ended by signal 9: open the desk again"), ()),
    "nothing-yet": (PriceChart, ()),
}


@pytest.mark.parametrize("size", [(100, 24), (48, 14)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", LOOKS)
def test_looks(name: str, size: tuple[int, int], is_update: bool) -> None:
    make, keys = LOOKS[name]
    check_golden(f"{name}-{size[0]}x{size[1]}", text_of(make(), size, *keys), is_update)


@pytest.mark.parametrize("size", [(200, 56), (80, 24)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_gallery_in_every_theme(size: tuple[int, int], is_update: bool) -> None:
    async def run() -> dict[str, tuple[str, set[str], str]]:
        seen = {}
        app = Gallery()
        async with app.run_test(size=size) as pilot:
            for theme in ("dark", "light", "high-contrast", "classic"):
                app.theme = theme
                await pilot.pause()
                await pilot.pause()
                colors = {str(segment.style) for strip in screen_strips(app) for segment in strip}
                seen[theme] = (screen_text(app), colors, screen_svg(app))
        return seen

    seen = asyncio.run(run())
    texts = {text for text, _, _ in seen.values()}
    assert len(texts) == 1, "a theme must not change a glyph"
    assert not set.intersection(*(colors for _, colors, _ in seen.values())), "each theme has colours of its own"
    check_golden(f"gallery-{size[0]}x{size[1]}", texts.pop(), is_update)
    for _, _, svg in seen.values():
        assert svg.startswith("<svg")
        assert "DE-LU" in svg


def test_every_line_is_as_wide_as_the_screen() -> None:
    async def run() -> None:
        app = Gallery()
        async with app.run_test(size=(200, 56)) as pilot:
            for size in ((140, 40), (100, 30), (80, 24), (33, 9), (12, 4), (200, 56)):
                await pilot.resize_terminal(*size)
                await pilot.pause()
                assert {strip.cell_length for strip in screen_strips(app)} == {size[0]}

    asyncio.run(run())


def test_markup_from_outside_is_shown_not_read() -> None:
    lines = StatusLines()
    lines.status = replace(seeded.status(), product="[red]A[/]\x1b[31m\n‮")
    assert "[red]A[/]�[31m��" in text_of(lines, (120, 3))
