"""How a table is drawn: a fixed header and first column, and of the rows only those in sight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.strip import Strip

from voltadesk.ui.inks import FAINT, GROUND, TEXT, Inked
from voltadesk.ui.rows import Column, ListRows, Row, Rows
from voltadesk.ui.scroll_bar import TableBar
from voltadesk.ui.text import CUT

_HELD = 500  # lines that are kept as they were drawn


class Line(NamedTuple):
    """A row as it is seen: what stands in each column, and in which ink."""

    texts: tuple[str, ...]
    inks: tuple[int, ...]


class Window(NamedTuple):
    """The rows in sight, from place `first` on."""

    first: int
    rows: Sequence[Row]
    lines: Sequence[Line]


NOWHERE = Window(0, (), ())


class TableView(ScrollView, Inked, can_focus=True):
    """Rows of a source under a header, one of them marked; each column keeps the place it has among all columns."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--header",
        "table--chosen",
        "table--cursor",
        "table--blurred",
        "table--stripe",
    }
    DEFAULT_CSS = """
    TableView { width: 1fr; height: 1fr; scrollbar-size-vertical: 1; overflow-x: hidden; }
    TableView > .table--header { background: $header; color: $ink-text; text-style: bold; }
    TableView > .table--chosen { background: $header; color: $ink-up; text-style: bold underline; }
    TableView > .table--cursor { background: $block-cursor-background; color: $block-cursor-foreground; }
    TableView > .table--blurred { background: $ink-cursor; }
    TableView > .table--stripe { background: $stripe; }
    """
    ALLOW_SELECT = False
    ALLOW_MAXIMIZE = False

    def __init__(self, columns: Sequence[Column], *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.all_columns = self.columns = tuple(columns)
        self.view: Rows = ListRows(columns, ())
        self._places = list(range(len(self.columns)))  # of the columns seen in a row of the source
        self.cursor, self.chosen = 0, 0
        self.left = 1  # the first column drawn beside the fixed one
        self.order_key: str | None = None
        self.descending = False
        self._widths: list[int] = []
        self._room, self._lines = 0, 1  # cells across and rows that fit
        self._seen = [0]
        self._spread: tuple[int, list[tuple[int, int]]] = (0, [])  # the room, columns seen and their widths
        self._is_focused = False
        self._window = NOWHERE
        self._row_styles: dict[tuple[str, int], Style] = {}
        self._strips: dict[tuple[str, Line], Strip] = {}  # the same line looks the same wherever it stands

    def forget_look(self) -> None:
        self._row_styles.clear()
        self._strips.clear()
        super().forget_look()

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        if self._vertical_scrollbar is None:
            self._vertical_scrollbar = bar = TableBar(name="vertical", thickness=self.scrollbar_size_vertical)
            bar.display = False
            self.app._start_widget(self, bar)
        return self._vertical_scrollbar

    # Layout -----------------------------------------------------------------------------------------------------------
    def on_mount(self) -> None:
        self._measure()

    def on_resize(self) -> None:
        self._window = NOWHERE
        self._measure()
        self.refresh()  # lines drawn before it was known that they are in sight

    def _measure(self) -> None:
        """Columns grow with what is seen and never shrink while they stay, so that nothing jumps."""
        space = self.scrollable_content_region.size
        self._room, self._lines = space.width, max(1, space.height - 1)
        lines = self._in_sight().lines
        widths = self._widths or [max(c.width, cell_len(c.heading) + 2) for c in self.columns]
        for n, column in enumerate(self.columns):
            if (column.width == 0 or column.right) and lines:  # a number is never cut
                longest = max(cell_len(line.texts[n]) for line in lines)
                widths[n] = max(widths[n], longest if column.right else min(40, longest))
        self._widths = widths
        self._see()
        size = Size(self._room, len(self.view) + 1)
        if size != self.virtual_size:
            self._resize(size)

    def _resize(self, size: Size) -> None:
        """Tell the scroll bar. Where it is there before and after, the screen need not be laid out anew for it."""
        if min(size.height, self.virtual_size.height) > self._lines + 1 and size.width == self.virtual_size.width:
            self.set_reactive(TableView.virtual_size, size)
            bar = self.vertical_scrollbar
            if self._thumb(size.height) != self._thumb(bar.window_virtual_size):
                bar.window_virtual_size = size.height
        else:
            self.virtual_size = size

    def _thumb(self, lines: int) -> tuple[int, int]:
        """Length and place of the bar's thumb, as finely as it is drawn [cells / 8], with so many lines in all."""
        eighths = 8 * self._lines
        return eighths * self._lines // max(1, lines), eighths * self.scroll_offset.y // max(1, lines)

    def _see(self) -> None:
        """Find the columns that are drawn; with others, or wider ones, every line looks different."""
        self._seen = self.seen_columns()
        spread = self._room, [(n, self._widths[n]) for n in self._seen]
        if spread != self._spread or len(self._strips) > _HELD:
            self._spread = spread
            self._strips.clear()

    def seen_columns(self) -> list[int]:
        """Columns drawn: the first, and from `left` on as many as fit whole, so that no number is cut."""
        room = self._room - self._widths[0] - 2
        if sum(self._widths) + 2 * len(self._widths) > self._room:
            room -= 2  # for the marks that there is more
        seen = [0]
        for n in range(max(1, self.left), len(self._widths)):
            room -= self._widths[n] + 2
            if room < 0:
                break
            seen.append(n)
        return seen

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._measure()

    def watch_show_vertical_scrollbar(self) -> None:
        """The bar takes a column away or gives it back."""
        self.call_after_refresh(self._measure)

    def _in_sight(self) -> Window:
        """The rows in sight, asked for and put into words once per picture."""
        first, held = self.scroll_offset.y, self._window
        if held.first != first or len(held.rows) < min(self._lines, len(self.view) - first):
            rows = self.view.rows(first, min(len(self.view), first + self._lines))
            self._window = Window(first, rows, [self._line(row) for row in rows])
        return self._window

    def _line(self, row: Row) -> Line:
        texts, inks = [], []
        for place, column in zip(self._places, self.columns, strict=True):
            value = row[place]
            texts.append(column.show(value))
            inks.append(FAINT if value is None else column.ink(value) if column.ink else TEXT)
        return Line(tuple(texts), tuple(inks))

    # Drawing ----------------------------------------------------------------------------------------------------------
    def render_line(self, y: int) -> Strip:
        if y == 0:
            strip = self._header()
        else:
            first, _, lines = self._in_sight()
            if y > len(lines):
                return Strip.blank(self._room, self.style_of(TEXT))
            strip = self._row(first + y - 1, lines[y - 1])
        return strip.adjust_cell_length(self._room, self.style_of(TEXT))

    def _header(self) -> Strip:
        segments = []
        for n in self._seen:
            column = self.columns[n]
            mark = "" if column.key != self.order_key else " ▼" if self.descending else " ▲"
            style = self._style("table--chosen" if n == self.chosen and self._is_focused else "table--header", TEXT)
            segments.append(Segment(_cell(column.heading + mark, self._widths[n], column.right), style))
        more = ("‹" if self.left > 1 else "") + ("›" if self._seen[-1] < len(self.columns) - 1 else "")
        return self._filled(segments, "table--header", more)

    def _row(self, index: int, line: Line) -> Strip:
        here = index == self.cursor
        kind = ("table--cursor" if self._is_focused else "table--blurred") if here else ("", "table--stripe")[index % 2]
        if (found := self._strips.get((kind, line))) is None:
            segments = [
                Segment(
                    _cell(line.texts[n], self._widths[n], self.columns[n].right), self._style(kind, line.inks[n])
                )
                for n in self._seen
            ]  # fmt: skip
            found = self._strips[kind, line] = self._filled(segments, kind)
        return found

    def _filled(self, segments: list[Segment], kind: str, words: str = "") -> Strip:
        """Drawn on to the right edge, so that a stripe never stops short; `words` stand at its end."""
        room = self._room - sum(self._widths[n] + 2 for n in self._seen)
        if room > 0:
            segments.append(Segment(words.rjust(room), self._style(kind, TEXT)))
        return Strip(segments, self._room + max(0, -room))

    def _style(self, kind: str, ink: int) -> Style:
        if (found := self._row_styles.get((kind, ink))) is None:
            style = self.style_of(ink, GROUND)
            if kind in ("table--stripe", "table--blurred"):
                style += Style(bgcolor=self.get_component_rich_style(kind, partial=True).bgcolor)
            elif kind:
                style = self.get_component_rich_style(kind)
            found = self._row_styles[kind, ink] = style
        return found


def _cell(text: str, width: int, right: bool) -> str:
    """A text in `width` cells and two blanks to the next column; what is too long ends in …"""
    if text.isascii():
        length = len(text)
    else:
        length = cell_len(text)
    if length > width:
        text, length = set_cell_size(text, width - 1) + CUT, width
    pad = " " * (width - length)
    return f" {pad}{text} " if right else f" {text}{pad} "
