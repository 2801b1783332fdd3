"""All widgets with seeded data: `python -m tests.ui.gallery [--theme light] [--svg FILE --size 200x56]`."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import ClassVar

import numpy as np
from textual.app import ComposeResult
from textual.containers import Grid
from textual.screen import Screen
from textual.widgets import Footer

from tests.ui import seeded
from voltadesk.ui.charts.curves import CurveChart
from voltadesk.ui.charts.fleet import FleetChart
from voltadesk.ui.charts.lines import LineChart, Series, fan
from voltadesk.ui.charts.mix import MixChart
from voltadesk.ui.charts.price import PriceChart
from voltadesk.ui.inks import OWN, UP
from voltadesk.ui.pane import Pane, Standing
from voltadesk.ui.picture import screen_svg
from voltadesk.ui.status import StatusLines
from voltadesk.ui.table import Table
from voltadesk.ui.table_pane import TablePane
from voltadesk.ui.text import MW, PRICE, Number
from voltadesk.ui.themes import ThemedApp


class GalleryScreen(Screen[None]):
    HORIZONTAL_BREAKPOINTS: ClassVar = [(0, "-tiny"), (96, "-narrow"), (130, "-medium"), (180, "-wide")]
    DEFAULT_CSS = """
    GalleryScreen Grid { grid-size: 4 3; grid-columns: 2fr 1fr 1fr 1fr; grid-rows: 5fr 4fr 4fr; }
    GalleryScreen.-wide #fleet { column-span: 2; }
    GalleryScreen.-wide #orders { column-span: 2; }
    GalleryScreen.-wide #price { column-span: 2; }
    GalleryScreen.-wide #curves { column-span: 2; }
    GalleryScreen.-medium Grid { grid-size: 3 3; grid-columns: 1fr 1fr 1fr; }
    GalleryScreen.-medium #price { column-span: 2; }
    GalleryScreen.-medium #orders { column-span: 2; }
    GalleryScreen.-medium #value { display: none; }
    GalleryScreen.-narrow Grid { grid-size: 2 2; grid-columns: 1fr 1fr; grid-rows: 1fr 1fr; }
    GalleryScreen.-narrow #price { column-span: 2; }
    GalleryScreen.-tiny Grid { grid-size: 1 2; grid-columns: 1fr; grid-rows: 3fr 2fr; }
    GalleryScreen.-narrow #mix, GalleryScreen.-narrow #value, GalleryScreen.-narrow #load { display: none; }
    GalleryScreen.-narrow #fan, GalleryScreen.-narrow #curves { display: none; }
    GalleryScreen.-tiny #mix, GalleryScreen.-tiny #value, GalleryScreen.-tiny #load { display: none; }
    GalleryScreen.-tiny #fan, GalleryScreen.-tiny #curves, GalleryScreen.-tiny #fleet { display: none; }
    """

    def compose(self) -> ComposeResult:
        yield StatusLines()
        with Grid():
            yield Pane(1, "Price", PriceChart(zone=seeded.BERLIN, cap_tick=400_000, floor_tick=-50_000), id="price")
            yield Pane(2, "Supply and demand", CurveChart(cap_tick=400_000, step_w=100_000_000), id="curves")
            yield Pane(3, "Fleet", FleetChart(zone=seeded.BERLIN, why=lambda n, i: ["62.37 > value 58.10"]), id="fleet")
            yield TablePane(4, "Orders", Table(seeded.ORDER_COLUMNS, newest_first=True), id="orders")
            yield Pane(5, "Generation", MixChart(zone=seeded.BERLIN), id="mix")
            yield Pane(6, "Load and solar", LineChart(MW.show, "MW", zone=seeded.BERLIN, from_zero=True), id="load")
            yield Pane(7, "Forecast", LineChart(PRICE.show, "€/MWh", zone=seeded.BERLIN), id="fan")
            yield Pane(8, "Net asset value", LineChart(Number(8, 0).show, "€", zone=seeded.BERLIN), id="value")
        yield Footer()

    def on_mount(self) -> None:
        self.feed(Frame(0))
        for pane in self.query(Pane):
            pane.stand(Standing(sequence=184_213))
        self.query_one("#price", Pane).retitle("QH 14:15 · 15 min")

    def feed(self, frame: Frame) -> None:
        """Give every widget its data."""
        self.query_one(StatusLines).status = frame.status
        self.query_one(PriceChart).show(frame.starts, frame.prices, seeded.fills(frame.prices))
        self.query_one(CurveChart).show(frame.curves)
        self.query_one(FleetChart).show(frame.day, frame.fleet)
        self.query_one(Table).show(frame.orders)
        power, co2 = frame.mix
        self.query_one(MixChart).show(frame.day, seeded.SOURCES, power, co2)
        lines = [Series("load", power.sum(axis=0) * 9 // 10, UP), Series("solar", power[3], OWN)]
        self.query_one("#load LineChart", LineChart).show(frame.day, lines)
        self.query_one("#fan LineChart", LineChart).show(frame.day, *frame.forecast)
        value = Series("net asset value", frame.worth, UP)
        self.query_one("#value LineChart", LineChart).show(frame.value_starts, [value])


class Frame:
    """The data of picture `n`."""

    def __init__(self, n: int) -> None:
        count = 58 + n
        self.status = seeded.status(sequence=184_213 + n)
        self.starts, self.prices = seeded.starts(count), seeded.prices(count)
        self.curves = seeded.curves(3 + n)
        self.day, self.fleet = seeded.starts(96), seeded.fleet(40, seed=5 + n)
        self.orders = seeded.Orders(1_000_000 + n)
        self.mix = seeded.mix(seed=9 + n)
        self.forecast = fan(*seeded.forecast())
        self.value_starts = seeded.starts(600 + n)
        self.worth = np.cumsum(np.random.default_rng(1).integers(-3, 5, 600 + n)) * 100_000_000_000 + 10**14


class Gallery(ThemedApp):
    def get_default_screen(self) -> GalleryScreen:
        return GalleryScreen()


async def draw(app: Gallery, size: tuple[int, int], path: Path, keys: list[str]) -> None:
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()
        path.write_text(screen_svg(app), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--theme", default="dark")
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--size", default="200x56")
    parser.add_argument("--keys", nargs="*", default=[])
    given = parser.parse_args()
    app = Gallery(given.theme)
    if given.svg is None:
        app.run()
    else:
        w, h = map(int, given.size.split("x"))
        asyncio.run(draw(app, (w, h), given.svg, given.keys))


if __name__ == "__main__":
    main()
