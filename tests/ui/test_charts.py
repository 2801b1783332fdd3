"""What charts must not lose or get wrong, whatever their data and their size; and their keys and mouse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.containers import VerticalScroll
from textual.pilot import Pilot
from textual.widgets import Static

from tests.ui import seeded
from tests.ui.screens import on_screen, text_of
from tests.ui.test_golden import curves, fleet, forecast, load, mix, price
from voltadesk.ui.axes import NO_VALUE, View, extremes, nice_ticks, time_ticks
from voltadesk.ui.canvas import Canvas
from voltadesk.ui.cells import Cells, dots_from_top, eighths_from_top, row_from_top, runs
from voltadesk.ui.charts.candles import NO_PRICE_TICK, Prices
from voltadesk.ui.charts.curves import Curves, Point, crossing
from voltadesk.ui.charts.price import PriceChart
from voltadesk.ui.picture import screen_text

PRICES = st.lists(st.none() | st.integers(-50_000, 400_000), min_size=1, max_size=120)


def of_list(values: list[int | None]) -> Prices:
    ticks = np.array([NO_PRICE_TICK if value is None else value for value in values], np.int64)
    return Prices.of_auction(ticks, np.arange(len(ticks), dtype=np.int64))


@given(PRICES, st.integers(1, 9), st.sampled_from([2, 4]), st.integers(1, 60), st.integers(0, 40))
def test_grouped_candles_lose_no_extreme(
    values: list[int | None], group: int, pitch: int, columns: int, n: int
) -> None:
    prices = of_list(values)
    view = View(min(n, (len(values) - 1) // group) * group, group, pitch, columns * pitch, len(values))
    candles = prices.grouped(view)
    assert len(candles.open_tick) == len(view.starts)
    for i, start in enumerate(view.starts.tolist()):
        traded = [k for k in range(start, min(start + group, len(values))) if values[k] is not None]
        if not traded:
            assert candles.close_tick[i] == NO_PRICE_TICK
            continue
        assert candles.high_tick[i] == max(int(prices.high_tick[k]) for k in traded)
        assert candles.low_tick[i] == min(int(prices.low_tick[k]) for k in traded)
        assert candles.open_tick[i] == prices.open_tick[traded[0]]
        assert candles.close_tick[i] == values[traded[-1]]
        assert candles.volume_wh[i] == sum(range(start, min(start + group, len(values))))


@given(PRICES, st.integers(1, 300))
def test_thinned_lines_keep_every_extreme(values: list[int | None], columns: int) -> None:
    series = np.array([NO_VALUE if value is None else value for value in values], np.int64)
    view = View(0, len(values), columns, columns, len(values))
    least, most = extremes(series, view.edges(2), view.end, NO_VALUE)
    known = [value for value in values if value is not None]
    assert not known or (least[least <= most].min(), most[least <= most].max()) == (min(known), max(known))
    assert known or (least > most).all()


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=50))
def test_lines_have_no_gaps(values: list[int]) -> None:
    at = dots_from_top(np.array(values), 0, 1000, 10)
    dots = runs(at, at, 40)
    for left, right in zip(dots.T[:-1], dots.T[1:], strict=True):
        reach = np.flatnonzero(right)
        assert any(left[max(0, row - 1) : row + 2].any() for row in (reach[0], reach[-1]))
    assert all(dots[row, column] for column, row in enumerate(at))


@given(st.integers(-(10**15), 10**15), st.integers(0, 10**15), st.integers(1, 12))
def test_ticks_are_round_and_in_range(low: int, span: int, most: int) -> None:
    ticks = nice_ticks(low, low + span, most)
    assert len(ticks) <= most
    assert all(low <= tick <= low + span for tick in ticks)
    if len(ticks) > 1:
        step = ticks[1] - ticks[0]
        assert str(step).rstrip("0") in ("1", "2", "5")
        assert all(tick % step == 0 for tick in ticks)


def test_time_ticks_through_both_clock_changes() -> None:
    autumn = time_ticks(1_729_983_600 + 300 * np.arange(60), seeded.BERLIN)
    assert [tick.text for tick in autumn] == ["01:00", "02A:00", "02B:00", "03:00", "04:00"]
    spring = time_ticks(1_711_839_600 + 300 * np.arange(48), seeded.BERLIN)
    assert [tick.text for tick in spring] == ["Sun 31", "01:00", "03:00", "04:00"]


@given(st.integers(1, 500), st.integers(1, 200), st.integers(0, 499))
def test_fitted_views_show_everything_and_find_it_again(count: int, columns: int, n: int) -> None:
    view = View(0, count, columns, columns, count)
    interval = n % count
    column = view.column_of(interval)
    assert 0 <= column < columns
    first = view.interval_at(column)
    last = view.interval_at(column + 1) if column + 1 < columns else count
    assert first <= interval < max(first + 1, last)
    assert view.end == count


STEPS = st.lists(st.tuples(st.integers(-500, 4000), st.integers(1, 900)), min_size=1, max_size=25)


@given(st.integers(-(10**9), 10**9), st.integers(0, 10**9), st.integers(-(10**9), 2 * 10**9), st.integers(1, 80))
def test_the_row_of_one_value_is_that_of_many(low: int, span: int, value: int, rows: int) -> None:
    many = eighths_from_top([value], low, low + span, rows)
    assert row_from_top(value, low, low + span, rows) == int(many[0]) // 8


@given(STEPS, STEPS, st.integers(-3000, 3000))
def test_crossing_is_the_last_unit_worth_trading(offers: list[Any], bids: list[Any], shift: int) -> None:
    offers, bids = sorted(offers), sorted(bids, reverse=True)
    ask = [tick for tick, power in offers for _ in range(power)]
    want: list[float] = [tick for tick, power in bids for _ in range(power)]
    want = [float("inf")] * shift + want if shift > 0 else want[-shift:]
    met = sum(1 for a, b in zip(ask, want, strict=False) if b >= a)
    columns = [np.array(values, np.int64) for pair in (offers, bids) for values in zip(*pair, strict=True)]
    assert crossing(Curves(*columns), shift) == (Point(ask[met - 1], met) if met else None)


@pytest.mark.parametrize("text", ["日本", "e\u0301x", "\x1b[2J", "a\u202eb", "𝕏👍"])
def test_cells_hold_one_harmless_character_each(text: str) -> None:
    cells = Cells.blank(4, 1)
    cells.put(0, 0, text)
    assert cells.text() == "".join("�" if (not c.isascii() and c != "𝕏") or c == "\x1b" else c for c in text)[:4]


@given(st.integers(-5, 12), st.integers(-3, 4), st.text("abc", max_size=9))
def test_writing_never_leaves_the_cells(x: int, y: int, text: str) -> None:
    cells = Cells.blank(6, 2)
    cells.put(x, y, text)
    for n, c in enumerate(text):
        if 0 <= x + n < 6 and 0 <= y < 2:
            assert cells.glyph[y, x + n] == ord(c)


# Keys and mouse -------------------------------------------------------------------------------------------------------
def test_cursor_by_keys_and_by_mouse() -> None:
    chart = price()

    async def act(pilot: Pilot[Any]) -> None:
        chart.focus()
        await pilot.press("left")
        assert chart.place == (57, 0), "the first press shows the cursor where the read-out is"
        await pilot.press("left", "h", "l")
        assert chart.place == (56, 0)
        await pilot.press("home")
        assert chart.place == (0, 0)
        assert chart.view().begin == 0
        await pilot.press("end", "escape")
        assert chart.place is None
        await pilot.hover(chart, offset=(40, 8))
        assert chart.place is not None
        seen = chart.place[0]
        await pilot.click(chart, offset=(44, 8))
        assert chart.place == (seen + 2, 0)
        assert chart.copy_text().startswith("0") or chart.copy_text().startswith("1")

    on_screen(chart, (80, 20), act)


def test_zoom_pan_and_following() -> None:
    chart = price(count=600)

    async def act(pilot: Pilot[Any]) -> None:
        chart.focus()
        usual = chart.view()
        assert usual.end == 600
        await pilot.press("minus", "minus")
        assert chart.view().end - chart.view().begin > usual.end - usual.begin
        await pilot.press("0", "0")
        assert chart.view().begin == 0
        await pilot.press("0", "plus")
        close = chart.view()
        assert close.end - close.begin < usual.end - usual.begin
        await pilot.press("shift+left")
        assert chart.view().end < 600
        held = chart.view()
        prices = seeded.prices(700)
        chart.show(seeded.starts(700), prices)
        assert chart.view().begin == held.begin, "panned back, it does not jump when more arrive"
        await pilot.press(*["greater_than_sign"] * 60)
        assert chart.view().end == 700
        chart.show(seeded.starts(701), seeded.prices(701))
        assert chart.view().end == 701, "at the newest end it follows"
        await pilot.press("c")
        assert chart.form == "line"

    on_screen(chart, (80, 20), act)


def test_zooming_out_ends_and_comes_back() -> None:
    chart = mix()

    async def act(pilot: Pilot[Any]) -> None:
        chart.focus()
        await pilot.press("plus")
        assert chart.scale is not None
        await pilot.press(*["minus"] * 20)
        assert chart.scale is None
        await pilot.press(*["plus"] * 20)
        assert chart.scale == (1, chart.PITCHES[0])

    on_screen(chart, (80, 20), act)


def test_what_if_says_what_it_would_change() -> None:
    chart = curves()

    async def act(pilot: Pilot[Any]) -> None:
        chart.focus()
        await pilot.press("plus", "plus", "plus")
        assert chart.shift_w == 900_000_000
        assert "MW demand" in chart.copy_text()
        await pilot.press("0")
        assert chart.shift_w == 0
        assert "MW demand" not in chart.copy_text()

    on_screen(chart, (80, 20), act)


def test_fleet_scrolls_with_its_cursor() -> None:
    chart = fleet()

    async def act(pilot: Pilot[Any]) -> None:
        chart.focus()
        await pilot.press("right", *["down"] * 13)
        assert chart.place == (95, 13)
        assert chart.top == 14 - chart.rows
        await pilot.click(chart, offset=(2, 1))
        assert chart.place == (95, chart.top)

    on_screen(chart, (80, 10), act)


def test_what_comes_in_sight_is_as_it_is_now() -> None:
    chart = price()
    chart.styles.height = 20

    async def act(pilot: Pilot[Any]) -> None:
        async def scrolled(y: int) -> str:
            pilot.app.query_one(VerticalScroll).scroll_to(y=y, animate=False)
            await pilot.pause(0.1)
            return screen_text(pilot.app)

        before = await scrolled(0)
        await scrolled(40)
        chart.move_to((2, 0))  # out of sight
        await pilot.pause(0.1)
        after = await scrolled(0)
        assert after != before
        chart.forget_look()
        chart.refresh()  # all of it
        assert await scrolled(0) == after

    on_screen(VerticalScroll(chart, Static("\n" * 60)), (80, 20), act)


def test_only_changed_lines_are_drawn_again() -> None:
    chart = price()
    drawn: list[int] = []

    async def act(pilot: Pilot[Any]) -> None:
        original = chart.render_line

        def counted(y: int) -> Any:
            drawn.append(y)
            return original(y)

        chart.render_line = counted  # type: ignore[method-assign]
        chart.refresh()
        await pilot.pause()
        assert drawn == []
        chart.show(chart.starts_utc, chart.prices)  # no fills any more
        await pilot.pause()
        assert 0 < len(drawn) < 12

    on_screen(chart, (80, 20), act)


def test_a_picture_is_painted_once_however_often_it_is_asked_for() -> None:
    chart = price()
    painted: list[Cells] = []

    async def act(pilot: Pilot[Any]) -> None:
        paint, before = chart.paint, chart.cells
        chart.blur()
        await pilot.pause()
        chart.paint = lambda cells: (painted.append(cells), paint(cells))[1]  # type: ignore[method-assign]
        chart.move_to((40, 0))
        chart.focus()  # its style and its frame's ask for it, too
        chart.refresh()
        assert not painted  # not before it is drawn
        await pilot.pause()
        assert 1 <= len(painted) <= 2  # the second one is of what came in after the first
        assert chart.cells is painted[-1] is not before

    on_screen(chart, (80, 20), act)


@given(st.integers(0, 30), st.integers(0, 12), st.integers(0, 40))
@settings(max_examples=60)
def test_charts_bear_any_size(w: int, h: int, count: int) -> None:
    for chart in (price(count=max(1, count)), curves(), fleet(), mix(), load(), forecast(), PriceChart()):
        assert isinstance(chart, Canvas)
        chart._size = chart.size.__class__(w, h)
        chart._repaint(w, h)
        assert (chart.cells.w, chart.cells.h) == (w, h)


def test_read_outs_say_the_datum() -> None:
    text = text_of(fleet(), (100, 12), "right", "left")
    assert "BT-01" in text.splitlines()[0]
    assert "62.37 > value 58.0" in text.splitlines()[0]
