"""Supply and demand: stepwise curves over power, where they cross, and where they would with some MW more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
from textual.binding import Binding, BindingType

from voltadesk.ui.axes import Ints64, nice_ticks, value_axis, widened
from voltadesk.ui.canvas import Canvas, Place
from voltadesk.ui.cells import SPACE, Cells, Words, dots_from_top, eighths_from_top, runs
from voltadesk.ui.inks import CURSOR, DOWN, FAINT, FORECAST, GRID, OWN, STRONG, TEXT, UP
from voltadesk.ui.text import COUNT, MW, MW_CHANGE, NO_DATA, PRICE, PRICE_CHANGE, change_text, power_text


class Point(NamedTuple):
    """A crossing: price [tick] and power [W]."""

    price_tick: int
    power_w: int


@dataclass(frozen=True)
class Curves:
    """Offers by rising, bids by falling price: price [tick] and power [W] of each step; and where they cleared."""

    offer_tick: Ints64
    offer_w: Ints64
    bid_tick: Ints64
    bid_w: Ints64
    clearing: Point | None = None

    @cached_property
    def offered_w(self) -> Ints64:
        """Power offered up to and including each step."""
        return np.cumsum(self.offer_w)

    @cached_property
    def demanded_w(self) -> Ints64:
        return np.cumsum(self.bid_w)


def crossing(curves: Curves, shift_w: int) -> Point | None:
    """Where supply meets demand once that has moved by `shift_w`: so much more of it at any price, or less.

    A picture's answer: the price of the last offer that is met. The desk's own clearing may be given in its place.
    """
    if not len(curves.offer_tick) or not len(curves.bid_tick):
        return None
    moved_w = curves.demanded_w + shift_w
    most_w = min(int(curves.offered_w[-1]), int(moved_w[-1]))
    if most_w <= 0:
        return None
    ends = np.unique(np.concatenate([curves.offered_w, moved_w, [shift_w]]))
    ends = ends[(ends > 0) & (ends <= most_w)]
    ask_tick = curves.offer_tick[_step_at(curves.offered_w, ends - 1)]
    bid_tick = curves.bid_tick[_step_at(moved_w, ends - 1)]
    met = np.flatnonzero((bid_tick >= ask_tick) | (ends <= shift_w))
    return Point(int(ask_tick[met[-1]]), int(ends[met[-1]])) if len(met) else None


def _step_at(sums_w: Ints64, power_w: Ints64) -> Ints64:
    """Index of the step that holds the watt after `power_w`; the number of steps beyond the last."""
    return np.searchsorted(sums_w, power_w, side="right")


class CurveChart(Canvas):
    """`+` and `-` shift demand by `step_w`, `0` takes the shift back; the cursor reads both curves at a power."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,equals_sign", "shift(1)", "More demand", id="curves.more"),
        Binding("minus", "shift(-1)", "Less demand", id="curves.less"),
        Binding("0", "shift(0)", "No shift", show=False, id="curves.none"),
    ]

    def __init__(
        self,
        *,
        cross: Callable[[Curves, int], Point | None] = crossing,
        step_w: int = 1_000_000,
        cap_tick: int | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        none = np.empty(0, np.int64)
        self.curves = Curves(none, none, none, none)
        self.cross, self.step_w, self.cap_tick, self.shift_w = cross, step_w, cap_tick, 0

    def show(self, curves: Curves) -> None:
        self.curves = curves
        self.redraw()

    def action_shift(self, by: int) -> None:
        self.shift_w = self.shift_w + by * self.step_w if by else 0
        self.redraw()

    # Scales -----------------------------------------------------------------------------------------------------------
    @property
    def _plot_width(self) -> int:
        return max(1, self.size.width - 9)

    @property
    def most_w(self) -> int:
        """Right end of the axis."""
        ends = [int(sums[-1]) for sums in (self.curves.offered_w, self.curves.demanded_w) if len(sums)]
        return max([1, *ends, *(end + self.shift_w for end in ends[1:])])

    def _bounds(self) -> tuple[int, int]:
        """Prices in sight: all offers, and bids but for those at the cap, which would press the rest flat."""
        curves = self.curves
        bids = curves.bid_tick
        if self.cap_tick is not None and (bids < self.cap_tick).any():
            bids = bids[bids < self.cap_tick]
        elif len(curves.offer_tick):
            bids = bids[:0]
        ticks = [0, *((curves.clearing.price_tick,) if curves.clearing else ())]
        for part in (curves.offer_tick, bids):
            if len(part):
                ticks += [int(part.min()), int(part.max())]
        return widened(min(ticks), max(ticks))

    def extent(self) -> Place:
        return (self._plot_width, 1) if len(self.curves.offer_tick) else (0, 0)

    def locate(self, x: int, y: int) -> Place | None:
        return (x - 9, 0) if x >= 9 else None

    def _power_at(self, column: int) -> int:
        return self.most_w * (2 * column + 1) // (2 * self._plot_width)

    # Picture ----------------------------------------------------------------------------------------------------------
    def paint(self, cells: Cells) -> None:
        cells.put_words(0, 0, self.readout(self.place))
        plot = cells.part(9, 1, cells.w - 9, cells.h - 2)
        if not len(self.curves.offer_tick) or plot.h < 2 or plot.w < 4:
            cells.put(max(0, cells.w // 2 - 5), cells.h // 2, "no offers yet", FAINT)
            return
        low, high = self._bounds()
        value_axis(cells.part(0, 1, cells.w, plot.h), 9, low, high, PRICE.show)
        self._power_axis(cells)
        if self.place is not None:
            tone = plot.part(self.place[0], 0, 1, plot.h)
            tone.draw(tone.paper == 0, tone.glyph, tone.ink, CURSOR)
        self._paint_curve(plot, low, high, self.curves.offer_tick, self.curves.offered_w, DOWN)
        if self.shift_w:
            moved = self.curves.demanded_w + self.shift_w
            self._paint_curve(plot, low, high, self.curves.bid_tick, moved, FORECAST)
        self._paint_curve(plot, low, high, self.curves.bid_tick, self.curves.demanded_w, UP)
        self._paint_point(plot, low, high)

    def _power_axis(self, cells: Cells) -> None:
        free = 9
        for tick in nice_ticks(0, self.most_w, max(3, self._plot_width // 10)):
            words = COUNT.show(tick // 10**6) if self.most_w >= 10**7 else MW.show(tick)
            x = 9 + tick * (self._plot_width - 1) // self.most_w
            if x >= free and x + len(words) + 3 <= cells.w:
                cells.put(x, cells.h - 1, words, FAINT)
                free = x + len(words) + 2
        cells.put_right(cells.w, cells.h - 1, " MW", FAINT)

    def _paint_curve(self, plot: Cells, low: int, high: int, price_tick: Ints64, sums_w: Ints64, ink: int) -> None:
        if not len(price_tick):
            return
        n = 2 * plot.w
        power = np.arange(n + 1) * self.most_w // n
        begin, end = _step_at(sums_w, power[:-1]), _step_at(sums_w, np.maximum(power[1:] - 1, power[:-1]))
        seen = begin < len(sums_w)
        last = len(price_tick) - 1
        at = [dots_from_top(price_tick[np.minimum(index, last)], low, high, plot.h) for index in (begin, end)]
        top = np.where(seen, np.minimum(*at), 1 << 30)
        bottom = np.where(seen, np.maximum(*at), -1)
        plot.braille(runs(top, bottom, 4 * plot.h), ink)

    def _paint_point(self, plot: Cells, low: int, high: int) -> None:
        now = self.curves.clearing
        marks = [(now, "◆", OWN, "" if now is None else f"{PRICE.show(now.price_tick)} @ {power_text(now.power_w)}")]
        if self.shift_w and (then := self.cross(self.curves, self.shift_w)) is not None:
            marks.append((then, "◇", FORECAST, f"{MW_CHANGE.show(self.shift_w)} MW: {PRICE.show(then.price_tick)}"))
        for point, mark, ink, words in marks:
            if point is None:
                continue
            x = min(plot.w - 1, point.power_w * plot.w // self.most_w)
            y = int(eighths_from_top(point.price_tick, low, high, plot.h)) // 8
            below = plot.part(x, y + 1, 1, plot.h - y - 1)
            below.draw(below.glyph == 32, ord("┊"), ink)
            plot.put(x, y, mark, ink)
            _put_free(plot, x, words, ink)

    # Words ------------------------------------------------------------------------------------------------------------
    def readout(self, place: Place | None) -> Words:
        curves = self.curves
        if place is not None and len(curves.offer_tick):
            power = self._power_at(place[0])
            at = np.array([power])
            offer, bid = int(_step_at(curves.offered_w, at)[0]), int(_step_at(curves.demanded_w, at)[0])
            ask = PRICE.show(int(curves.offer_tick[offer])) if offer < len(curves.offer_tick) else NO_DATA
            want = PRICE.show(int(curves.bid_tick[bid])) if bid < len(curves.bid_tick) else NO_DATA
            return [(power_text(power), STRONG), (f"▼ offer {ask}", DOWN), (f"▲ bid {want}", UP)]
        now = curves.clearing
        parts = [("no clearing", STRONG)]
        if now is not None:
            parts = [(f"clears {PRICE.show(now.price_tick)}", STRONG), (power_text(now.power_w), TEXT)]
        if self.shift_w:
            then = self.cross(curves, self.shift_w)
            change = None if then is None or now is None else then.price_tick - now.price_tick
            words = f"◇ {MW_CHANGE.show(self.shift_w)} MW demand: {change_text(change, PRICE_CHANGE)}"
            parts.insert(1, (words, FORECAST))
        return [*parts, ("▼ supply", DOWN), ("▲ demand", UP)]

    def csv_rows(self) -> Iterator[tuple[object, ...]]:
        yield ("side", "price/MWh", "MW")
        sides = (
            ("offer", self.curves.offer_tick, self.curves.offer_w),
            ("bid", self.curves.bid_tick, self.curves.bid_w),
        )
        for side, prices, powers in sides:
            for price, power in zip(prices.tolist(), powers.tolist(), strict=True):
                yield (side, PRICE.plain(price), MW.plain(power))


def _put_free(plot: Cells, x: int, words: str, ink: int) -> None:
    """Write beside column `x`, at the foot or at the head of the plot: where it hides the least."""
    spots = [(at, row) for row in (plot.h - 1, plot.h - 2, 0, 1) for at in (x + 2, x - 1 - len(words))]
    spots = [(at, row) for at, row in spots if at >= 0 and at + len(words) <= plot.w and 0 <= row < plot.h]

    def hidden(spot: tuple[int, int]) -> int:
        part = plot.part(spot[0], spot[1], len(words), 1)
        return int(((part.glyph != SPACE) & (part.ink != GRID)).sum())

    if spots:
        plot.put(*min(spots, key=hidden), words, ink)
