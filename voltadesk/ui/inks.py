"""The inks that charts and tables draw with: names here, colours in the themes.

Each ink is the theme's variable `$ink-NAME`, so a widget never names a colour. They are no component classes: Textual
goes through all of a widget's whenever its state changes, and with thirty-odd a desktop took half a second to open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.color import Color
from rich.style import Style
from textual.filter import ANSIToTruecolor, LineFilter
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

NAMES = (
    "ground",  # the widget's own background
    "text",
    "faint",  # axes, units, what is not urgent
    "grid",
    "up",
    "down",
    "up-dim",
    "down-dim",
    "own",  # what is ours: fills, orders, the cursor's mark
    "band",  # within limits
    "fault",
    "forecast",
    "fan",  # tone under a wide range
    "fan-inner",
    "cursor",  # tone under the cursor
    "strong",
    "bar",  # tone under the status line
    "live",  # tones under the line that says what is played
    "replay",
    "charge-1",
    "charge-2",
    "charge-3",
    "charge-4",
    "discharge-1",
    "discharge-2",
    "discharge-3",
    "discharge-4",
    "mix-1",
    "mix-2",
    "mix-3",
    "mix-4",
    "mix-5",
    "mix-6",
    "mix-7",
    "mix-8",
)
(GROUND, TEXT, FAINT, GRID, UP, DOWN, UP_DIM, DOWN_DIM, OWN, BAND, FAULT, FORECAST, FAN, FAN_INNER, CURSOR) = range(15)
STRONG, BAR, LIVE, REPLAY = range(15, 19)
CHARGE, DISCHARGE, MIX = tuple(range(19, 23)), tuple(range(23, 27)), tuple(range(27, 35))


def change_ink(value: int | None) -> int:
    """The ink of a change: up, down, or plain."""
    return TEXT if not value else UP if value > 0 else DOWN


class TrueColored(Widget):
    """A widget whose colours are true ones: the pass that would make the terminal's named ones such is spared.

    What only looks different goes straight into its screen's next update. Textual sends two messages for each widget,
    through its queue and the screen's, which for all that a picture changes took as long as the charts.
    """

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [each for each in super().get_line_filters() if not isinstance(each, ANSIToTruecolor)]

    def check_idle(self) -> None:
        is_more = self._layout_required or self._scroll_required or self._refresh_styles_required
        if not self._repaint_required or is_more or not self.is_mounted or self._closing or not self.is_attached:
            super().check_idle()
            return
        self._repaint_required = False
        screen = self.screen
        if self.display and screen in screen._compositor:
            screen._dirty_widgets.add(self)
            screen.check_idle()


class Inked(TrueColored):
    """A widget that draws in inks, in the whole of its place: it has neither border nor padding.

    Styles are combined with its background once, not in each line, and its lines are shown as they are drawn: the pass
    that would lay a border, padding and tint over each took more than drawing them.
    """

    def __init__(self, *children: Widget, **named: Any) -> None:
        super().__init__(*children, **named)
        self._styles_of: dict[int, Style] = {}
        self._drawn: dict[int, Strip] = {}  # lines that still look so
        self._look: tuple[str, float, Color | None] | None = None  # what styles and lines were made with

    def notify_style_update(self) -> None:
        super().notify_style_update()
        look = (self.app.theme, self.opacity, self.rich_style.bgcolor) if self.is_attached else None
        if look is None or look != self._look:  # told of far more often: with every focus, for one
            self._look = look
            self.forget_look()
            self.refresh()  # what asked for it before could not know yet

    def forget_look(self) -> None:
        """Have everything drawn anew: it looks different."""
        self._styles_of.clear()
        self._drawn.clear()

    def _set_dirty(self, *regions: Region) -> None:
        for y in {y for region in regions for y in region.line_range} if regions else list(self._drawn):
            self._drawn.pop(y, None)
        if not regions:
            self._repaint_regions.clear()
        self._repaint_regions.update(regions or (self.outer_size.region,))

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of `crop`, drawn anew where they changed."""
        if self.opacity != 1 or self.get_line_filters():
            self._styles_cache.clear()  # it isn't told what changes
            return super().render_lines(crop)
        width, drawn = self.outer_size.width, self._drawn
        for y in crop.line_range:
            if y not in drawn:
                drawn[y] = self.render_line(y).adjust_cell_length(width, self.style_of(TEXT))
        lines = [drawn[y] for y in crop.line_range]
        return lines if crop.column_span == (0, width) else [line.crop(*crop.column_span) for line in lines]

    def style_of(self, ink: int, paper: int = GROUND) -> Style:
        """The style of `ink` on `paper`, with no colour left to the terminal."""
        return self.style_of_code(ink | paper << 8)

    def style_of_code(self, code: int) -> Style:
        """The same for ink + 256 x paper."""
        if (found := self._styles_of.get(code)) is None:
            ink, paper = code & 0xFF, code >> 8
            ground = self.rich_style.bgcolor
            front = ground if ink == GROUND else self._color(ink)
            back = self._color(paper) if paper else ground
            found = self._styles_of[code] = Style(color=front, bgcolor=back, bold=ink == STRONG)
        return found

    def _color(self, ink: int) -> Color:
        return Color.parse(self.app.theme_variables[f"ink-{NAMES[ink]}"])
