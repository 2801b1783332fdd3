"""Candles: many intervals to one, and the glyphs they are made of.

A candle that rose is hollow or thin, one that fell is filled, so that direction can be read without colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voltadesk.ui.axes import Ints64, View
from voltadesk.ui.cells import SPACE, Cells, Mask, eighths_from_top
from voltadesk.ui.inks import DOWN, UP

NO_PRICE_TICK = -(1 << 40)  # and anything below: no trade in this interval

# Half cells of a wick (1) or a body (2): [upper half, lower half].
_STROKES = np.array([[ord(c) for c in row] for row in (" ╷╻", "╵│╽", "╹╿┃")], np.uint32)


@dataclass(frozen=True)
class Prices:
    """Open, high, low and close [0.01 currency/MWh] and volume [Wh] of each interval, all of shape (n,).

    Where nothing was traded the prices are NO_PRICE_TICK.
    """

    open_tick: Ints64
    high_tick: Ints64
    low_tick: Ints64
    close_tick: Ints64
    volume_wh: Ints64

    @classmethod
    def of_auction(cls, price_tick: Ints64, volume_wh: Ints64) -> Prices:
        """One price an interval: each candle opens where the last price before it stood."""
        at = np.where(price_tick > NO_PRICE_TICK, np.arange(len(price_tick)), -1)
        before = np.concatenate([[-1], np.maximum.accumulate(at)[:-1]]) if len(at) else at
        open_tick = np.where(before < 0, price_tick, price_tick[before])
        open_tick = np.where(at < 0, NO_PRICE_TICK, open_tick)
        return cls(
            open_tick, np.maximum(open_tick, price_tick), np.minimum(open_tick, price_tick), price_tick, volume_wh
        )

    @property
    def traded(self) -> Mask:
        return self.close_tick > NO_PRICE_TICK

    def grouped(self, view: View) -> Prices:
        """One candle for each group of a view: first open, greatest high, least low, last close, summed volume."""
        starts, end = view.starts, view.end
        part = slice(view.begin, end)
        if view.group == 1 or not len(starts):
            return Prices(*(getattr(self, name)[part] for name in self.__dataclass_fields__))
        at = starts - view.begin
        volume_wh = np.add.reduceat(self.volume_wh[part], at)
        traded = self.traded[part]
        if traded.all():
            last = np.append(starts[1:], end) - 1
            high, low = np.maximum.reduceat(self.high_tick[part], at), np.minimum.reduceat(self.low_tick[part], at)
            return Prices(self.open_tick[starts], high, low, self.close_tick[last], volume_wh)
        index = np.arange(view.begin, end)
        first = np.minimum.reduceat(np.where(traded, index, end), at)
        last = np.maximum.reduceat(np.where(traded, index, -1), at)
        none = last < 0
        first, last = np.where(none, starts, first), np.where(none, starts, last)
        low = np.minimum.reduceat(np.where(traded, self.low_tick[part], np.iinfo(np.int64).max), at)
        return Prices(
            np.where(none, NO_PRICE_TICK, self.open_tick[first]),
            np.where(none, NO_PRICE_TICK, np.maximum.reduceat(self.high_tick[part], at)),
            np.where(none, NO_PRICE_TICK, low),
            np.where(none, NO_PRICE_TICK, self.close_tick[last]),
            volume_wh,
        )


def middle_of(pitch: int) -> int:
    """The middle cell of a candle, from its left edge; what is over stays free between candles."""
    return (pitch - 1) // 2


def every(plot: Cells, first: int, pitch: int, n: int) -> Cells:
    """At most `n` single columns `pitch` cells apart, from column `first` on, as cells side by side."""
    at = np.s_[:, first : first + n * pitch : pitch]
    return Cells(plot.glyph[at], plot.ink[at], plot.paper[at])


def draw_candles(plot: Cells, prices: Prices, pitch: int, low_tick: int, high_tick: int) -> None:
    """Candles `pitch` cells apart; from 4 cells on their bodies are 3 cells wide."""
    middle = every(plot, middle_of(pitch), pitch, len(prices.open_tick))
    prices = Prices(*(getattr(prices, name)[: middle.w] for name in prices.__dataclass_fields__))
    traded, rose = prices.traded, prices.close_tick >= prices.open_tick
    ink = np.where(rose, UP, DOWN).astype(np.uint8)

    def at(values: Ints64) -> Ints64:
        return eighths_from_top(values, low_tick, high_tick, plot.h)

    body_top = at(np.maximum(prices.open_tick, prices.close_tick))
    body_bottom = at(np.minimum(prices.open_tick, prices.close_tick))
    half = 4 * np.arange(2 * plot.h)[:, None]  # eighths at the upper edge of each half cell
    wick = (half + 3 >= at(prices.high_tick)) & (half <= at(prices.low_tick)) & traded
    body = (half + 3 >= body_top) & (half <= body_bottom) & traded
    strokes = np.maximum(wick.astype(np.int64), 2 * (body & (rose | (body_top // 8 == body_bottom // 8))))
    strokes = strokes.reshape(plot.h, 2, middle.w)
    middle.draw((strokes > 0).any(axis=1), _STROKES[strokes[:, 0], strokes[:, 1]], ink)
    fell = ~rose & traded & (body_top // 8 != body_bottom // 8)
    sides = (0,) if pitch < 4 else (-1, 0, 1)
    for side in sides:
        column = every(plot, middle_of(pitch) + side, pitch, middle.w)
        bottom = np.where(fell[: column.w], body_bottom[: column.w] + 1, 0)
        column.spans(body_top[: column.w], bottom, ink[: column.w])
    if pitch >= 4:
        _draw_boxes(plot, pitch, body_top // 8, body_bottom // 8, traded & ~fell, ink, wick)


def _draw_boxes(
    plot: Cells, pitch: int, top: Ints64, bottom: Ints64, hollow: Mask, ink: NDArray[np.uint8], wick: Mask
) -> None:
    """Hollow bodies three cells wide, to a whole cell; a body within one row is a bar."""
    row = np.arange(plot.h)[:, None]
    first, last = (row == top) & hollow, (row == bottom) & hollow
    inside = (row > top) & (row < bottom) & hollow
    above, below = wick[0::2], wick[1::2]
    # A wick ends where the body begins, but for the cap's stub.
    above_cap, below_cap = np.roll(below, 1, axis=0), np.roll(above, -1, axis=0)
    above_cap[0], below_cap[-1] = False, False
    cap, floor, bar = (
        np.where(above_cap, ord("┷"), ord("━")),
        np.where(below_cap, ord("┯"), ord("━")),
        np.where(above_cap, np.where(below_cap, ord("┿"), ord("┷")), np.where(below_cap, ord("┯"), ord("━"))),
    )
    same = np.ones_like(cap)
    sides = (
        (-1, (ord("┏") * same, ord("┃") * same, ord("┗") * same, ord("╺") * same)),
        (0, (cap, SPACE * same, floor, bar)),
        (1, (ord("┓") * same, ord("┃") * same, ord("┛") * same, ord("╸") * same)),
    )
    places = (first & ~last, inside, last & ~first, first & last)
    for side, glyphs in sides:
        column = every(plot, middle_of(pitch) + side, pitch, len(top))
        for where, glyph in zip(places, glyphs, strict=True):
            column.draw(where[:, : column.w], glyph[:, : column.w], ink[: column.w])
