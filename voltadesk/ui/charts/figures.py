"""Figures with their names, one to a line: totals, what something consists of, a statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from voltadesk.ui.canvas import Canvas
from voltadesk.ui.cells import Cells
from voltadesk.ui.inks import BAND, FAINT, STRONG, TEXT
from voltadesk.ui.text import Number, bar_text, clean

_BETWEEN, _BAR_LEAST, _BAR_MOST = 3, 10, 40  # cells


@dataclass(frozen=True)
class Figure:
    """A line. Without a value it is the heading of those below it; `share` [ppm] is drawn as a bar."""

    label: str
    value: str = ""
    unit: str = ""
    plain: str = ""  # the value for files
    ink: int = TEXT
    share: int | None = None


def figure(
    label: str, value: int | None, number: Number, unit: str = "", ink: int = TEXT, share: int | None = None
) -> Figure:
    """A line of an exact integer."""
    return Figure(label, number.show(value), unit, number.plain(value), FAINT if value is None else ink, share)


class Figures(Canvas):
    """Lines in as many columns as are needed and fit; what is below the edge is scrolled to."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.lines: Sequence[Figure] = ()
        self.top = 0  # first line in sight

    def show(self, lines: Sequence[Figure]) -> None:
        if lines != self.lines:
            self.lines = lines
            self.refresh()

    def action_cursor(self, right: int, down: int) -> None:
        """There is nothing to point at: up and down scroll."""
        self.top = max(0, self.top + down)
        self.refresh()

    # Picture ----------------------------------------------------------------------------------------------------------
    def paint(self, cells: Cells) -> None:
        if not self.lines:
            cells.put(max(0, cells.w // 2 - 4), cells.h // 2, "no data yet", FAINT)
            return
        label, value, unit, bar = self._widths(cells.w)
        needed = -(-len(self.lines) // cells.h)
        if needed > 1:
            bar = 0  # what is said in figures goes before what is drawn
        widths = label, value, unit, bar
        width = sum(widths) + _BETWEEN
        columns = max(1, min(needed, (cells.w + _BETWEEN) // width))
        in_sight = columns * cells.h
        is_cut = in_sight < len(self.lines)
        if is_cut:
            in_sight -= 1  # the line that says so
        self.top = max(0, min(self.top, len(self.lines) - in_sight))
        for place, line in zip(self._places(columns, cells.h), self.lines[self.top :][:in_sight], strict=False):
            column, y = divmod(place, cells.h)
            self._paint_line(cells.part(column * width, y, sum(widths), 1), line, widths)
        if is_cut:
            below = len(self.lines) - self.top - in_sight
            words = [f"↑ {self.top} above" if self.top else "", f"↓ {below} more" if below else ""]
            cells.put((columns - 1) * width, cells.h - 1, "  ".join(filter(None, words)), FAINT)

    def _places(self, columns: int, rows: int) -> Sequence[int]:
        """Where each line goes, counted down one column after the other: a section in one column, if all fit so."""
        heads = [n for n, line in enumerate(self.lines) if not line.value and n]
        places: list[int] = []
        for first, end in zip([0, *heads], [*heads, len(self.lines)], strict=True):
            at = places[-1] + 1 if places else 0
            if at % rows + end - first > rows:
                at += rows - at % rows
            places += range(at, at + end - first)
        return places if places and places[-1] < columns * rows else range(columns * rows)

    def _widths(self, room: int) -> tuple[int, int, int, int]:
        """Of label, value, unit and bar; the bar only where there is room, the label gives way last."""
        shown = [line for line in self.lines if line.value]
        value = max((cell_len(line.value) for line in shown), default=0)
        unit = max((1 + cell_len(line.unit) for line in shown if line.unit), default=0)
        label = max((cell_len(line.label) + 2 for line in shown), default=0)
        heading = max((cell_len(line.label) for line in self.lines if not line.value), default=0)
        label = min(max(label, heading - value - unit), max(0, room - value - unit))
        left = room - label - value - unit - 2
        has_bar = any(line.share is not None for line in shown) and left >= _BAR_LEAST
        return label, value, unit, 1 + min(_BAR_MOST, left) if has_bar else 0

    def _paint_line(self, cells: Cells, line: Figure, widths: tuple[int, int, int, int]) -> None:
        label, value, unit, bar = widths
        if not line.value:
            cells.put(0, 0, line.label, STRONG)
            return
        cells.put(0, 0, line.label, FAINT)
        cells.put_right(label + value, 0, line.value, line.ink)
        cells.put(label + value + 1, 0, line.unit, FAINT)
        if bar and line.share is not None:
            cells.put(label + value + unit + 1, 0, bar_text(line.share, 1_000_000, bar - 1), BAND)

    # Out --------------------------------------------------------------------------------------------------------------
    def copy_text(self) -> str:
        """All lines, tabs between."""
        return "\n".join("\t".join(filter(None, (clean(line.label), line.value, line.unit))) for line in self.lines)

    def csv_rows(self) -> Iterator[tuple[object, ...]]:
        heading = ""
        yield ("about", "figure", "value", "unit")
        for line in self.lines:
            if line.value:
                yield (heading, line.label, line.plain, line.unit)
            else:
                heading = line.label
