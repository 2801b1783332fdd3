"""What is drawn of an update is what Textual's own compositor draws; a frame looks as Textual's own border."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from rich.segment import Segment
from textual._compositor import ChopsUpdate, Compositor
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.geometry import Region
from textual.scrollbar import ScrollBar

from tests.ui.gallery import Gallery
from voltadesk.ui.charts.price import PriceChart
from voltadesk.ui.compositor import FrontCompositor
from voltadesk.ui.framed import Framed
from voltadesk.ui.pane import Pane, Standing
from voltadesk.ui.picture import screen_strips
from voltadesk.ui.scroll_bar import TableBar
from voltadesk.ui.themes import ThemedApp

SIZE = (140, 40)
Cells = dict[tuple[int, int], Segment]


def cells_of(update: ChopsUpdate | None) -> Cells:
    """Each cell that an update writes within its spans."""
    found: Cells = {}
    if update is None:
        return found
    for y, first, end in update.spans:
        for x, strip in update.chops[y].items():
            if strip is not None and x < end:
                letters = [(letter, style) for text, style, _ in strip for letter in text]
                for n, (letter, style) in enumerate(letters):
                    if first <= x + n < end:
                        found[x + n, y] = Segment(letter, style)
    return found


def drawn(kind: type[Compositor], app: App[None], regions: list[Region]) -> Cells:
    """What a compositor of that kind draws of the screen, where those regions changed."""
    made, own = kind(), app.screen._compositor
    made.__dict__.update(own.__dict__)
    made._dirty_regions = set(regions)
    update = made.render_update()
    assert update is None or isinstance(update, ChopsUpdate)
    return cells_of(update)


def test_updates_are_as_textual_draws_them() -> None:
    random_ = random.Random(1)

    def region() -> Region:
        x, y = random_.randrange(SIZE[0]), random_.randrange(SIZE[1])
        return Region(x, y, random_.randint(1, SIZE[0] - x), random_.randint(1, SIZE[1] - y))

    async def run() -> None:
        app = Gallery()
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            for _ in range(60):
                regions = [region() for _ in range(random_.randint(1, 5))]
                cells = drawn(FrontCompositor, app, regions)
                assert cells == drawn(Compositor, app, regions)
                assert len(cells) == len({cell for region in regions for y in region.line_range
                                          for cell in ((x, y) for x in range(*region.column_span))})  # fmt: skip
            assert drawn(FrontCompositor, app, []) == {}

    asyncio.run(run())


def test_what_a_terminal_no_longer_has_is_not_drawn() -> None:
    async def run() -> None:
        app = Gallery()
        async with app.run_test(size=SIZE):
            beyond = [Region(SIZE[0] - 2, SIZE[1] - 1, 9, 9), Region(500, 2, 3, 3)]
            assert set(drawn(FrontCompositor, app, beyond)) == {(SIZE[0] - 2, SIZE[1] - 1), (SIZE[0] - 1, SIZE[1] - 1)}

    asyncio.run(run())


class Frames(ThemedApp):
    """The same words in a frame and in a border of Textual's, one over the other, in several widths."""

    WORDS = ("", "Price", "7 Supply and demand · EUR/MWh", "漢字 wide", "x" * 80)
    CSS = """
    Framed, .border { height: 3; border: round $border; border-title-color: $ink-up; border-title-style: bold;
                      border-subtitle-color: $ink-fault; padding: 0 1; }
    """

    def __init__(self, width: int) -> None:
        super().__init__("dark")
        self.width = width

    def compose(self) -> ComposeResult:
        for words in self.WORDS:
            framed, border = Framed(), Vertical(classes="border")
            framed.styles.width = border.styles.width = self.width
            framed.say_above(words)
            framed.say_below(words)
            border.border_title = border.border_subtitle = Content(words)
            yield framed
            yield border


def test_a_frame_looks_as_textual_s_border() -> None:
    async def run(width: int) -> None:
        app = Frames(width)
        async with app.run_test(size=(100, 40)) as pilot:
            await pilot.pause()
            strips = screen_strips(app)
            lines = [[(letter, style) for text, style, _ in strip for letter in text] for strip in strips]
            for top in range(0, 6 * len(app.WORDS), 6):
                for y in range(top, top + 3):
                    mine, theirs = lines[y][:width], lines[y + 3][:width]
                    for (letter, style), (other, other_style) in zip(mine, theirs, strict=True):
                        assert letter == other
                        assert style is not None
                        assert other_style is not None
                        assert letter == " " or style.color == other_style.color
                        assert style.bgcolor == other_style.bgcolor

    for width in (2, 5, 8, 9, 40, 90):
        asyncio.run(run(width))


class Bars(ThemedApp):
    """A table's bar and Textual's, side by side."""

    CSS = "Horizontal { height: 9; } TableBar, ScrollBar { width: 2; height: 9; }"

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield TableBar(thickness=2)
            yield ScrollBar(thickness=2)


def test_a_table_s_bar_is_textual_s() -> None:
    random_ = random.Random(2)

    async def run(theme: str) -> None:
        app = Bars(theme)
        async with app.run_test(size=(10, 10)) as pilot:
            bars = list(app.query(ScrollBar))
            looks = set()
            for _ in range(60):
                rows, lines = random_.randint(1, 200), random_.randint(1, 20)
                place, is_over = random_.uniform(0, max(0, rows - lines)), random_.random() < 0.3
                for bar in bars:
                    bar.window_virtual_size, bar.window_size = rows, lines
                    bar.position, bar.mouse_over = place, is_over
                await pilot.pause()
                seen = [bar.render_lines(Region(0, 0, 2, 9)) for bar in bars]
                mine, theirs = ([[look(segment) for segment in strip] for strip in strips] for strips in seen)
                assert mine == theirs
                looks.add(str(mine))
                assert len(bars[0].render_lines(Region(0, 0, 2, 12))) == 12  # before it knows that it has shrunk
            assert len(looks) > 20

    def look(segment: Segment) -> tuple[object, ...]:
        """A cell and what a click on it does; what a blank is written with isn't seen."""
        text, style = segment.text, segment.style
        assert style is not None
        ground = style.color if style.reverse else style.bgcolor
        ink = style.bgcolor if style.reverse else style.color
        return text, ground, ink if text.strip() else None, style.meta

    for theme in ("dark", "light"):
        asyncio.run(run(theme))


class Watched(PriceChart):
    """A chart that counts how often all of it is asked to be drawn."""

    times = 0

    def _set_dirty(self, *regions: Region) -> None:
        self.times += not regions
        super()._set_dirty(*regions)


def test_a_chart_is_drawn_whole_where_it_looks_different_and_only_there() -> None:
    class Shown(ThemedApp):
        def compose(self) -> ComposeResult:
            yield Pane(None, "Price", Watched())

    async def run() -> None:
        app = Shown()
        async with app.run_test(size=(80, 24)) as pilot:
            chart, pane = app.query_one(Watched), app.query_one(Pane)

            async def drawn_by(change: Callable[[], object]) -> int:
                await pilot.pause()
                chart.times = 0
                change()
                await pilot.pause()
                await pilot.pause()
                return chart.times

            assert await drawn_by(lambda: app.set_focus(None)) == 0
            assert await drawn_by(chart.focus) == 0
            assert await drawn_by(lambda: pane.stand(Standing(sequence=3))) == 0
            assert await drawn_by(lambda: pane.stand(Standing(stale_s=90))) > 0
            assert await drawn_by(lambda: pane.stand(Standing())) > 0
            assert await drawn_by(lambda: setattr(app, "theme", "light")) > 0

    asyncio.run(run())
