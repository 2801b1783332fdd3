"""A rectangle of character cells as three arrays, and the few ways charts fill it.

Everything is vectorised: a chart of 100,000 points costs what its columns cost. Heights and positions are counted in
eighths of a cell from the top, braille dots in quarters of a cell's height and halves of its width.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rich.cells import cell_len

from voltadesk.ui.inks import GROUND, TEXT
from voltadesk.ui.text import CUT, SHOWN_AGAIN, clean

Ints = NDArray[np.integer[Any]]
Mask = NDArray[np.bool_]
Words = list[tuple[str, int]]  # texts and their inks

SPACE = 32
LOWER = np.array([ord(c) for c in " ▁▂▃▄▅▆▇█"], np.uint32)  # filled from below by 0 to 8 eighths
FULL = LOWER[8]
# Dots of a braille cell [row, column] as bits above U+2800.
_DOTS = np.array([[1, 8], [2, 16], [4, 32], [64, 128]], np.uint8)


class Cells:
    """`glyph` code points, `ink` and `paper` indices of inks, each of shape (h, w); a part is a view of the whole."""

    def __init__(self, glyph: NDArray[np.uint32], ink: NDArray[np.uint8], paper: NDArray[np.uint8]) -> None:
        self.glyph, self.ink, self.paper = glyph, ink, paper
        self.h, self.w = glyph.shape

    @classmethod
    def blank(cls, w: int, h: int) -> Cells:
        """Blanks on the ground, `w` x `h` cells."""
        glyph, ink, paper = _blank(max(0, w), max(0, h))
        return cls(glyph.copy(), ink.copy(), paper.copy())

    def part(self, x: int, y: int, w: int, h: int) -> Cells:
        """The part from column `x`, row `y` on, clipped to what there is."""
        x, y = max(0, x), max(0, y)
        at = np.s_[y : y + max(0, h), x : x + max(0, w)]
        return Cells(self.glyph[at], self.ink[at], self.paper[at])

    def put(self, x: int, y: int, text: str, ink: int = TEXT, paper: int | None = None) -> None:
        """Write a text from cell (x, y) on, cut at the edges; one cell each, so a wide or combining character is ?."""
        if not 0 <= y < self.h:
            return
        letters = _letters(text)[max(0, -x) : max(0, self.w - x)]
        at = slice(max(0, x), max(0, x) + len(letters))
        self.glyph[y, at] = letters
        self.ink[y, at] = ink
        if paper is not None:
            self.paper[y, at] = paper

    def put_words(self, x: int, y: int, words: Words, between: int = 2) -> int:
        """Write texts in their inks, as many as fit whole, the first cut if even it doesn't; the column after them."""
        for n, (text, ink) in enumerate(words):
            if n and x + len(text) > self.w:
                break
            self.put(x, y, text if x + len(text) <= self.w else text[: max(0, self.w - x - 1)] + CUT, ink)
            x += len(text) + between
        return x

    def put_right(self, x: int, y: int, text: str, ink: int = TEXT, paper: int | None = None) -> None:
        """Write a text that ends just before column `x`."""
        self.put(x - len(text), y, text, ink, paper)

    def draw(self, where: Mask, glyph: ArrayLike, ink: ArrayLike, paper: ArrayLike | None = None) -> None:
        """Set the cells of a mask (h, w); the values are broadcast to it."""
        np.copyto(self.glyph, np.asarray(glyph, np.uint32), where=where)
        np.copyto(self.ink, np.asarray(ink, np.uint8), where=where)
        if paper is not None:
            np.copyto(self.paper, np.asarray(paper, np.uint8), where=where)

    def braille(self, dots: Mask, ink: int) -> None:
        """Draw dots (4h, 2w); cells without a dot keep what they hold, cells with braille gain dots."""
        bits = np.zeros((self.h, self.w), np.uint8)
        for (row, column), bit in np.ndenumerate(_DOTS):
            bits |= dots[row::4, column::2] * bit
        held = np.where((self.glyph >> 8) == 0x28, self.glyph & 0xFF, 0)
        self.draw(bits > 0, bits | held | 0x2800, ink)

    def spans(self, top: Ints, bottom: Ints, ink: ArrayLike, paper: ArrayLike = GROUND) -> None:
        """Fill each column from `top` down to `bottom` (w,), in eighths of a cell from the upper edge.

        A span that ends inside a cell shows the ground there, or `paper` below its upper edge's cell. What begins and
        ends inside one cell is drawn from its upper edge's eighth down to the cell's lower edge.
        """
        row = 8 * np.arange(self.h)[:, None]
        above = np.clip(top[None, :] - row, 0, 8)  # eighths free at the cell's upper edge
        below = np.clip(row + 8 - bottom[None, :], 0, 8)  # and at its lower edge
        some = (above + below < 8) & (bottom > top)[None, :]
        hangs = some & (above == 0) & (below > 0)  # the ink's cell is drawn as ground rising over ink
        ink = np.broadcast_to(np.asarray(ink, np.uint8), some.shape)
        self.draw(some & ~hangs, LOWER[8 - above], ink, paper)
        self.draw(hangs, LOWER[below], GROUND, ink)

    def bars(self, height: Ints, ink: ArrayLike, paper: ArrayLike = GROUND) -> None:
        """Bars (w,) rising from the lower edge, in eighths of a cell."""
        self.spans(8 * self.h - height, np.full(self.w, 8 * self.h), ink, paper)

    def text(self) -> str:
        """The glyphs as lines without trailing blanks: for tests and for the clipboard."""
        return "\n".join(row.tobytes().decode("utf-32-le").rstrip() for row in self.glyph)


@lru_cache(64)  # charts in sight, and as many of the terminal's sizes
def _blank(w: int, h: int) -> tuple[NDArray[np.uint32], NDArray[np.uint8], NDArray[np.uint8]]:
    return np.full((h, w), SPACE, np.uint32), np.full((h, w), TEXT, np.uint8), np.zeros((h, w), np.uint8)


@lru_cache(SHOWN_AGAIN)
def _letters(text: str) -> NDArray[np.uint32]:
    """Code points, one for each cell."""
    text = clean(text)
    if not text.isascii():
        text = "".join(c if cell_len(c) == 1 else "�" for c in text)
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


def eighths_from_top(values: ArrayLike, low: int, high: int, rows: int) -> NDArray[np.int64]:
    """Where values lie between `high` (0) and `low` (8 x rows - 1), clipped; for pictures only, so floats do."""
    return _position(values, low, high, 8 * rows)


def row_from_top(value: int, low: int, high: int, rows: int) -> int:
    """The row of one value, likewise; by itself it takes a tenth of what an array of one does."""
    share = (float(high) - value) / max(1.0, float(high) - float(low))
    return max(0, min(8 * rows - 1, round(share * (8 * rows - 1)))) // 8


def dots_from_top(values: ArrayLike, low: int, high: int, rows: int) -> NDArray[np.int64]:
    """The same in braille dots: `high` is 0, `low` is 4 x rows - 1."""
    return _position(values, low, high, 4 * rows)


def _position(values: ArrayLike, low: int, high: int, steps: int) -> NDArray[np.int64]:
    share = (float(high) - np.asarray(values, np.float64)) / max(1.0, float(high) - float(low))
    return np.clip(np.rint(share * (steps - 1)), 0, steps - 1).astype(np.int64)


def runs(top: Ints, bottom: Ints, rows: int, joined: bool = True) -> Mask:
    """Dots (rows, n) from `top` to `bottom` of each column; none where top > bottom. `joined`: no gap to the left."""
    top, bottom = np.array(top), np.array(bottom)
    if joined and len(top) > 1:
        both = (top[1:] <= bottom[1:]) & (top[:-1] <= bottom[:-1])
        left_top, left_bottom = top[:-1].copy(), bottom[:-1].copy()
        bottom[1:] = np.where(both, np.maximum(bottom[1:], left_top), bottom[1:])
        top[1:] = np.where(both, np.minimum(top[1:], left_bottom), top[1:])
    row = np.arange(rows)[:, None]
    return (row >= top[None, :]) & (row <= bottom[None, :])
