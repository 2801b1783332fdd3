"""The base of every chart: cells painted once per change, encoded as runs of one style, with a cursor that can be read.

A chart says how it fills `Cells` (`paint`), how far its cursor goes (`extent`), which datum a cell shows (`locate`) and
what it says about a datum (`readout`). Moving, hovering and clicking only move the cursor; nothing here trades.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from voltadesk.ui.cells import SPACE, Cells, Words
from voltadesk.ui.inks import Inked

Place = tuple[int, int]  # (column, row) of a datum, counted in the chart's own data


class Canvas(Inked, can_focus=True):
    """A chart. `refresh` after a change of data; only lines that look different are sent to the terminal."""

    DEFAULT_CSS = "Canvas { width: 1fr; height: 1fr; }"
    ALLOW_SELECT = False
    ALLOW_MAXIMIZE = False  # its pane is what grows
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "cursor(-1, 0)", "Cursor left", show=False, id="chart.left"),
        Binding("right,l", "cursor(1, 0)", "Cursor right", show=False, id="chart.right"),
        Binding("up,k", "cursor(0, -1)", "Cursor up", show=False, id="chart.up"),
        Binding("down,j", "cursor(0, 1)", "Cursor down", show=False, id="chart.down"),
        Binding("home", "cursor(-1_000_000_000, 0)", "First", show=False, id="chart.first"),
        Binding("end", "cursor(1_000_000_000, 0)", "Last", show=False, id="chart.last"),
        Binding("escape", "leave", "Cursor off", show=False, id="chart.leave"),
    ]

    class Moved(Message):
        """The cursor stands on another datum, or on none."""

        def __init__(self, canvas: Canvas, place: Place | None) -> None:
            super().__init__()
            self.canvas, self.place = canvas, place

        @property
        def control(self) -> Canvas:
            return self.canvas

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.cells = Cells.blank(0, 0)
        self.place: Place | None = None
        self._is_dirty = True  # all of it
        self._is_behind = False  # to be painted, and compared with what it was
        self._codes = np.zeros((0, 0), np.uint16)
        self._text = ""  # all lines in one
        self._runs: list[list[tuple[int, int, int]]] = []  # of each line: stretches of one style, from, to, code

    # What a chart fills in --------------------------------------------------------------------------------------------
    def paint(self, cells: Cells) -> None:
        """Fill blank cells with the whole picture."""

    def extent(self) -> Place:
        """How many columns and rows of data the cursor can stand on."""
        return 0, 0

    def locate(self, x: int, y: int) -> Place | None:
        """The datum that a cell shows."""
        return None

    def step(self) -> int:
        """How many data one press moves the cursor by: those that share a column."""
        return 1

    def readout(self, place: Place | None) -> Words:
        """What to say about a datum, or with no cursor about the latest: most important first, cut to fit."""
        return []

    def csv_rows(self) -> Iterator[tuple[object, ...]]:
        """The data shown, a line of titles first."""
        return iter(())

    # Drawing ----------------------------------------------------------------------------------------------------------
    @property
    def size(self) -> Size:
        """All of its place, as it was laid out. Textual would look it up, and for that lay out what is about to be."""
        return self.outer_size

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Paint anew when it is next drawn, and draw those lines that changed; all, where more than that is asked."""
        if self._is_dirty or not self.is_mounted or not repaint or regions or layout or recompose:
            self._is_dirty = self._is_dirty or (repaint and not (regions or layout or recompose))
            return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
        self._is_behind = self._repaint_required = True
        self.check_idle()
        return self

    def _exchange_repaint_regions(self) -> Collection[Region]:
        self._paint_asked()
        return super()._exchange_repaint_regions()

    def _paint_asked(self) -> None:
        """Paint what was asked for since it was last drawn."""
        if self._is_behind:
            self._is_behind = False
            w, h = self.size
            if self._is_dirty or (w, h) != (self.cells.w, self.cells.h):
                self._set_dirty()
            elif regions := self._changed_lines(w, h):
                self._set_dirty(*regions)

    def _changed_lines(self, w: int, h: int) -> tuple[Region, ...]:
        """Paint, and tell which stretches of lines look different."""
        before, codes = self.cells, self._codes
        self._repaint(w, h)
        differs = ((before.glyph != self.cells.glyph) | (codes != self._codes)).any(axis=1).tolist()
        edges = [y for y, (above, here) in enumerate(pairwise([False, *differs, False])) if above != here]
        return tuple(Region(0, y, w, end - y) for y, end in zip(edges[::2], edges[1::2], strict=True))

    def forget_look(self) -> None:
        super().forget_look()
        self._is_dirty = True

    def _repaint(self, w: int, h: int) -> None:
        self.cells = Cells.blank(w, h)
        self._is_dirty = False
        if w and h:
            self.paint(self.cells)
            self._codes = self._encode()
            self._text = self.cells.glyph.tobytes().decode("utf-32-le")
            self._runs = _runs(self._codes)

    def render_lines(self, crop: Region) -> list[Strip]:
        self._paint_asked()  # it was out of sight
        w, h = self.size
        if self._is_dirty or (w, h) != (self.cells.w, self.cells.h):
            self._repaint(w, h)
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        w = self.cells.w
        if y >= self.cells.h or not w:
            return Strip.blank(w, self.style_of(1))
        text, known, style_of_code = self._text, self._styles_of, self.style_of_code
        runs = self._runs[y]
        return Strip([Segment(text[at:to], known.get(code) or style_of_code(code)) for at, to, code in runs], w)

    def _encode(self) -> NDArray[np.uint16]:
        """Ink and paper of each cell as one number; a blank takes the ink before it, which makes runs longer."""
        cells = self.cells
        begins = np.arange(0, cells.h * cells.w, cells.w, dtype=np.int32)[:, None]  # of lines, counted through all
        at = np.arange(cells.h * cells.w, dtype=np.int32).reshape(cells.h, cells.w)
        at = np.maximum.accumulate(np.where(cells.glyph == SPACE, begins, at), axis=1)
        codes: NDArray[np.uint16] = np.left_shift(cells.paper, 8, dtype=np.uint16)
        codes |= cells.ink.take(at)
        return codes

    def copy_text(self) -> str:
        """What the clipboard gets: the whole read-out."""
        return "  ".join(text for text, _ in self.readout(self.place))

    # The cursor -------------------------------------------------------------------------------------------------------
    def move_to(self, place: Place | None) -> None:
        """Put the cursor on a datum (clipped to what there is) or take it away."""
        columns, rows = self.extent()
        if place is not None:
            inside = columns > 0 and rows > 0
            place = (max(0, min(columns - 1, place[0])), max(0, min(rows - 1, place[1]))) if inside else None
        if place != self.place:
            self.place = place
            self.refresh()
            self.post_message(self.Moved(self, place))

    def action_cursor(self, right: int, down: int) -> None:
        columns, _ = self.extent()
        x, y = self.place if self.place is not None else (columns - 1, 0)
        if self.place is None and abs(right) <= 1:
            right = down = 0  # the first press shows the cursor where the read-out already is
        self.move_to((x + right * self.step(), y + down))

    def action_leave(self) -> None:
        self.move_to(None)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        at = event.get_content_offset(self)
        if at is not None and (place := self.locate(at.x, at.y)) is not None:
            self.move_to(place)

    def on_click(self, event: events.Click) -> None:
        self.on_mouse_move(event)  # type: ignore[arg-type]  # both carry a position

    def on_leave(self, event: events.Leave) -> None:
        if not self.has_focus:
            self.move_to(None)


def _runs(codes: NDArray[np.uint16]) -> list[list[tuple[int, int, int]]]:
    """Stretches of one code on each line: from and to, counted through all lines, and the code."""
    h, w = codes.shape
    begins = np.ones((h, w), np.bool_)
    np.not_equal(codes[:, 1:], codes[:, :-1], out=begins[:, 1:])
    at = np.flatnonzero(begins).tolist()
    runs = list(zip(at, [*at[1:], h * w], codes[begins].tolist(), strict=True))
    bounds = [0, *begins.sum(axis=1).cumsum().tolist()]
    return [runs[first:end] for first, end in pairwise(bounds)]
