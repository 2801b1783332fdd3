"""A frame of round lines with words above and below, drawn as runs of few styles.

Style sheets give its colours. Its words change with every picture, and a border that goes through markup, labels and
colours each time took as long as the chart inside.
"""

from __future__ import annotations

from typing import Self

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.containers import Vertical
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from voltadesk.ui.inks import TrueColored
from voltadesk.ui.text import CUT

_SIDE = 2  # cells: the line and a blank
_HELD = 8  # lines that are kept as they were drawn


class Framed(Vertical, TrueColored):
    """What it holds fills it, but for the frame and a blank at each side."""

    DEFAULT_CSS = "Framed { border: round $frame; padding: 0 1; }"

    def __init__(self, *children: Widget, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(*children, id=id, classes=classes)
        self.upper = self.lower = ""  # the words
        self._styles_of: tuple[Style, Style, Style] | None = None  # of the lines, of the upper and of the lower words
        self._frame_lines: dict[tuple[str, str, int], Strip] = {}  # by corners, words and cells

    def say_above(self, words: str) -> None:
        """Write into the upper line."""
        if words != self.upper:
            self.upper = words
            if self.is_mounted:
                super().refresh(self._edges()[0])

    def say_below(self, words: str) -> None:
        """Write into the lower line."""
        if words != self.lower:
            self.lower = words
            if self.is_mounted:
                super().refresh(self._edges()[1])

    def notify_style_update(self) -> None:
        self._styles_of = None
        self._frame_lines.clear()
        super().notify_style_update()

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """As any widget's, but of itself there is only the frame to draw."""
        if repaint and self.is_mounted and not (regions or layout or recompose):
            regions = self._edges()
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def _edges(self) -> tuple[Region, ...]:
        """What its content leaves of it: above, below, left, right; counted from the content."""
        w, h = self.outer_size
        return (
            Region(-_SIDE, -1, w, 1),
            Region(-_SIDE, h - 2, w, 1),
            Region(-_SIDE, 0, _SIDE, h - 2),
            Region(w - 2 * _SIDE, 0, _SIDE, h - 2),
        )

    # Drawing ----------------------------------------------------------------------------------------------------------
    def render_lines(self, crop: Region) -> list[Strip]:
        w, h = self.outer_size
        side, ends = ("││", "", w), {0: ("╭╮", self.upper, w), h - 1: ("╰╯", self.lower, w)}
        wanted = [ends.get(y, side) for y in crop.line_range]
        drawn = [self._frame_lines.get(each) or self._frame_line(*each) for each in wanted]
        return drawn if crop.column_span == (0, w) else [strip.crop(*crop.column_span) for strip in drawn]

    def _frame_line(self, corners: str, words: str, w: int) -> Strip:
        """A line of the frame, which is kept: what is made of a strip is kept with it."""
        lines, upper, lower = self._styles_of or self._make_styles()
        if corners == "││":
            strip = Strip([Segment("│", lines), Segment(" " * (w - 2), lines), Segment("│", lines)], w)
        else:
            is_lower = corners == "╰╯"
            strip = _edge(corners, words, w, lines, lower if is_lower else upper, is_right=is_lower)
        for each in self.get_line_filters():
            strip = strip.apply_filter(each, self.background_colors[1])
        if len(self._frame_lines) > _HELD:
            self._frame_lines.clear()
        self._frame_lines[corners, words, w] = strip
        return strip

    def _make_styles(self) -> tuple[Style, Style, Style]:
        ground, styles = self.background_colors[1], self.styles

        def style(ink: Color, more: Style | None = None) -> Style:
            made = Style(color=(ground + ink).rich_color, bgcolor=ground.rich_color)
            return made + more if more else made

        words = style(styles.border_title_color, styles.border_title_style)
        self._styles_of = style(styles.border_top[1]), words, style(styles.border_subtitle_color)
        return self._styles_of


def _edge(corners: str, words: str, w: int, lines: Style, style: Style, is_right: bool = False) -> Strip:
    """An upper or lower line with its words at one end."""
    if not words or w <= 6:
        return Strip([Segment(corners[0] + "─" * (w - 2) + corners[1], lines)], w)
    if cell_len(words) > w - 6:
        words = set_cell_size(words, w - 7) + CUT
    rest = w - 5 - cell_len(words)
    before, after = (rest, 1) if is_right else (1, rest)
    return Strip(
        [
            Segment(corners[0] + "─" * before, lines),
            Segment(f" {words} ", style),
            Segment("─" * after + corners[1], lines),
        ],
        w,
    )
