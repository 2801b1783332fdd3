"""The scroll bar of a table: Textual's, with its cells taken as they are made.

Textual prints them to a console and cuts what came out into lines, by which a bar took as long as the table beside it.
"""

from __future__ import annotations

from rich.style import Style
from textual.geometry import Region
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.strip import Strip

from voltadesk.ui.inks import TrueColored


class TableBar(ScrollBar, TrueColored):
    """A vertical bar."""

    def render_lines(self, crop: Region) -> list[Strip]:
        if self.opacity != 1 or self.get_line_filters():
            return super().render_lines(crop)
        w, h = self.outer_size
        h = max(h, crop.bottom)  # it may stand in another place than it has been told of
        bar = self.render()
        assert isinstance(bar, ScrollBarRender)
        assert isinstance(bar.style, Style)
        assert bar.style.bgcolor is not None
        assert bar.style.color is not None
        made = bar.render_bar(
            h, bar.virtual_size, bar.window_size, bar.position, w, True, bar.style.bgcolor, bar.style.color
        )
        strips = [Strip([made.segments[y]], w) for y in crop.line_range]
        return strips if crop.column_span == (0, w) else [strip.crop(*crop.column_span) for strip in strips]
