"""Supply and demand: stepwise curves over power, where they cross, and where they would with some MW more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
from textual.binding import Binding, BindingType
from textual.message import Message

from voltadesk.ui.axes import Ints64, nice_ticks, value_axis, widened
from voltadesk.ui.canvas import Canvas, Place
from voltadesk.ui.cells import SPACE, Cells, Mask, Words, dots_from_top, row_from_top, runs
from voltadesk.ui.inks import CURSOR, DOWN, FAINT, FORECAST, GRID, OWN, STRONG, TEXT, UP
from voltadesk.ui.magnitude import Unit, unit_for
from voltadesk.ui.text import MW, NO_DATA, PRICE, PRICE_CHANGE, change_text, power_text

_SEEN = 3  # times the power that clears: what lies further right is too far from the money to be shown at first
_LABEL = 9  # cells left of the plot


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
    """`+` and `-` shift demand by `step_w`, `0` takes the shift back; the cursor reads both curves at a power.

    At first only what is near the clearing is seen, marked where a curve leaves the picture; `c` shows all of it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,equals_sign", "shift(1)", "More demand", id="curves.more"),
        Binding("minus", "shift(-1)", "Less demand", id="curves.less"),
        Binding("0", "shift(0)", "No shift", show=False, id="curves.none"),
        Binding("c", "whole", "All or near", id="curves.whole"),
    ]

    class Scaled(Message):
        """More or less of the curves is seen."""

    def __init__(
        self,
        *,
        cross: Callable[[Curves, int], Point | None] = crossing,
        step_w: int = 1_000_000,
        floor_tick: int | None = None,
        cap_tick: int | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        none = np.empty(0, np.int64)
        self.curves = Curves(none, none, none, none)
        self.cross, self.step_w, self.shift_w, self.is_whole = cross, step_w, 0, False
        self.floor_tick, self.cap_tick = floor_tick, cap_tick
        self.nothing = "no offers yet"  # what is said without any

    def show(self, curves: Curves) -> None:
        self.curves = curves
        self.refresh()

    def action_shift(self, by: int) -> None:
        self.shift_w = self.shift_w + by * self.step_w if by else 0
        self.refresh()
        self.post_message(self.Scaled())

    def action_whole(self) -> None:
        """All of the curves, or what is near the clearing."""
        self.is_whole = not self.is_whole
        self.refresh()
        self.post_message(self.Scaled())

    # Scales -----------------------------------------------------------------------------------------------------------
    @property
    def _plot_width(self) -> int:
        return max(1, self.size.width - _LABEL)

    @property
    def all_w(self) -> int:
        """Where the longer curve ends."""
        ends = [int(sums[-1]) for sums in (self.curves.offered_w, self.curves.demanded_w) if len(sums)]
        return max([1, *ends, *(end + self.shift_w for end in ends[1:])])

    @property
    def most_w(self) -> int:
        """Right end of the axis."""
        clearing = self.curves.clearing
        if self.is_whole or clearing is None or not clearing.power_w:
            return self.all_w
        return min(self.all_w, max(_SEEN * clearing.power_w, clearing.power_w + 2 * abs(self.shift_w)))

    @property
    def unit(self) -> Unit:
        """Of the power axis."""
        return unit_for(self.most_w, "W")

    def cut_words(self) -> str:
        """What of the curves is not seen; "" when all is."""
        most_w, all_w = self.most_w, self.all_w
        return "" if most_w >= all_w else f"to {power_text(most_w)} of {power_text(all_w)}, c all"

    def _bounds(self) -> tuple[int, int]:
        """Prices in sight: those of steps near the clearing, but for what stands at floor and cap."""
        curves, now = self.curves, self.curves.clearing
        first_w, last_w = 0, self.most_w
        if now is not None and not self.is_whole:
            first_w, last_w = now.power_w // 4, 2 * now.power_w
        ticks = [0, *((now.price_tick,) if now else ())]
        for price_tick, sums_w in ((curves.offer_tick, curves.offered_w), (curves.bid_tick, curves.demanded_w)):
            near = price_tick[_step_at(sums_w, np.array(first_w)) : int(_step_at(sums_w, np.array(last_w))) + 1]
            near = near[~np.isin(near, [tick for tick in (self.floor_tick, self.cap_tick) if tick is not None])]
            if len(near):
                ticks += [int(near.min()), int(near.max())]
        return widened(min(ticks), max(ticks))

    def extent(self) -> Place:
        return (self._plot_width, 1) if len(self.curves.offer_tick) else (0, 0)

    def locate(self, x: int, y: int) -> Place | None:
        return (x - _LABEL, 0) if x >= _LABEL else None

    def _power_at(self, column: int) -> int:
        return self.most_w * (2 * column + 1) // (2 * self._plot_width)

    # Picture ----------------------------------------------------------------------------------------------------------
    def paint(self, cells: Cells) -> None:
        cells.put_words(0, 0, self.readout(self.place))
        plot = cells.part(_LABEL, 1, cells.w - _LABEL, cells.h - 2)
        if not len(self.curves.offer_tick) or plot.h < 2 or plot.w < 4:
            cells.put(max(0, (cells.w - len(self.nothing)) // 2), cells.h // 2, self.nothing, FAINT)
            return
        low, high = self._bounds()
        value_axis(cells.part(0, 1, cells.w, plot.h), _LABEL, low, high, PRICE.show)
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
        free, unit, most_w = _LABEL, self.unit, self.most_w
        end = cells.w - len(unit.name) - 1
        for tick in nice_ticks(0, most_w, max(3, self._plot_width // (len(unit.show(most_w)) + 4))):
            words = unit.show(tick)
            x = _LABEL + tick * (self._plot_width - 1) // most_w
            if x >= free and x + len(words) < end:
                cells.put(x, cells.h - 1, words, FAINT)
                free = x + len(words) + 2
        cells.put_right(cells.w, cells.h - 1, f" {unit.name}", FAINT)

    def _paint_curve(self, plot: Cells, low: int, high: int, price_tick: Ints64, sums_w: Ints64, ink: int) -> None:
        if not len(price_tick):
            return
        n = 2 * plot.w
        power = np.arange(n + 1) * self.most_w // n
        begin, end = _step_at(sums_w, power[:-1]), _step_at(sums_w, np.maximum(power[1:] - 1, power[:-1]))
        seen = begin < len(sums_w)
        last = len(price_tick) - 1
        ticks = [price_tick[np.minimum(index, last)] for index in (begin, end)]
        at = [dots_from_top(tick, low, high, plot.h) for tick in ticks]
        least, most = np.minimum(*ticks), np.maximum(*ticks)
        above, below = seen & (least > high), seen & (most < low)
        drawn = seen & ~above & ~below
        top = np.where(drawn, np.minimum(*at), 1 << 30)
        bottom = np.where(drawn, np.maximum(*at), -1)
        # A step from what is in sight to what isn't goes up to the edge.
        top[1:] = np.where(drawn[1:] & above[:-1], 0, top[1:])
        top[:-1] = np.where(drawn[:-1] & above[1:], 0, top[:-1])
        bottom[1:] = np.where(drawn[1:] & below[:-1], 4 * plot.h - 1, bottom[1:])
        bottom[:-1] = np.where(drawn[:-1] & below[1:], 4 * plot.h - 1, bottom[:-1])
        plot.braille(runs(top, bottom, 4 * plot.h), ink)
        _mark_beyond(plot, above, least, 0, "↑", ink)
        _mark_beyond(plot, below, most, plot.h - 1, "↓", ink)

    def _paint_point(self, plot: Cells, low: int, high: int) -> None:
        now = self.curves.clearing
        marks = [(now, "◆", OWN, "" if now is None else f"{PRICE.show(now.price_tick)} @ {power_text(now.power_w)}")]
        if self.shift_w and (then := self.cross(self.curves, self.shift_w)) is not None:
            marks.append((then, "◇", FORECAST, f"{self._shift_text()}: {PRICE.show(then.price_tick)}"))
        for point, mark, ink, words in marks:
            if point is None:
                continue
            x = min(plot.w - 1, point.power_w * plot.w // self.most_w)
            y = row_from_top(point.price_tick, low, high, plot.h)
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
            words = f"◇ {self._shift_text()} demand: {change_text(change, PRICE_CHANGE)}"
            parts.insert(1, (words, FORECAST))
        parts += [("▼ supply", DOWN), ("▲ demand", UP)]
        return [*parts, (words, FAINT)] if (words := self.cut_words()) else parts

    def _shift_text(self) -> str:
        return ("+" if self.shift_w > 0 else "") + power_text(self.shift_w)

    def csv_rows(self) -> Iterator[tuple[object, ...]]:
        yield ("side", "price/MWh", "MW")
        sides = (
            ("offer", self.curves.offer_tick, self.curves.offer_w),
            ("bid", self.curves.bid_tick, self.curves.bid_w),
        )
        for side, prices, powers in sides:
            for price, power in zip(prices.tolist(), powers.tolist(), strict=True):
                yield (side, PRICE.plain(price), MW.plain(power))


def _mark_beyond(plot: Cells, beyond: Mask, price_tick: Ints64, row: int, arrow: str, ink: int) -> None:
    """Tell at the edge what the prices are where a curve runs outside; `beyond` has two places to a cell."""
    edges = np.flatnonzero(np.diff(beyond, prepend=False, append=False))
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        ticks = price_tick[first:end]
        prices = dict.fromkeys((PRICE.show(int(ticks[0])), PRICE.show(int(ticks[-1]))))
        x, room = first // 2, max(1, (end - first) // 2)
        fits = (words for words in (f"{arrow} {' … '.join(prices)}", arrow) if len(words) <= room)
        words = next(fits, arrow)
        plot.put(min(plot.w - 1, x + (room - len(words)) // 2), row, words, ink)


def _put_free(plot: Cells, x: int, words: str, ink: int) -> None:
    """Write beside column `x`, at the foot or at the head of the plot: where it hides the least."""
    spots = [(at, row) for row in (plot.h - 1, plot.h - 2, 0, 1) for at in (x + 2, x - 1 - len(words))]
    spots = [(at, row) for at, row in spots if at >= 0 and at + len(words) <= plot.w and 0 <= row < plot.h]

    def hidden(spot: tuple[int, int]) -> int:
        part = plot.part(spot[0], spot[1], len(words), 1)
        return int(((part.glyph != SPACE) & (part.ink != GRID)).sum())

    if spots:
        plot.put(*min(spots, key=hidden), words, ink)
