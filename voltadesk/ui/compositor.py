"""What a desktop draws of an update: the cells that changed, from what stands in front until they are full.

Textual's own compositor asks every widget on the lines between the first and the last change for all of its lines,
cuts them at every edge of the screen, and throws away what something in front has covered.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

Spans = dict[int, list[tuple[int, int]]]  # by line, downwards: from and to, in cells
Chops = list[dict[int, Strip | None]]  # of each line, by where they begin; None: not asked for


class FrontCompositor(Compositor):
    """Textual's compositor, which looks at nothing that isn't seen. Pictures are the same."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[int, list[Widget | None]] = {}  # what is seen, by line, of each stretch between its edges
        self._known_with: tuple[object, object] = None, None  # the edges and the widgets with which that was found
        self._places: list[tuple[Widget, tuple[int, int], int, int]] = []  # of what can be seen, from the front
        self._ends: list[list[int]] = []  # where the stretches between the edges end

    def render_partial_update(self) -> ChopsUpdate | None:
        regions = [region.intersection(self.size.region) for region in self._dirty_regions]
        spans = list(self._regions_to_spans(regions))
        self._dirty_regions.clear()
        if not spans:
            return None
        wanted: Spans = {}
        for y, first, end in spans:
            wanted.setdefault(y, []).append((first, end))
        return ChopsUpdate(self._front(wanted), spans, self._ends)

    def _render_chops(self, crop: Region, is_rendered_line: Callable[[int], bool]) -> Sequence[Mapping[int, Strip]]:
        chops = self._front({y: [crop.column_span] for y in crop.line_range if is_rendered_line(y)})
        return cast("Sequence[Mapping[int, Strip]]", chops)

    def _front(self, wanted: Spans) -> Chops:
        """The stretches between two edges on each line that touch what is wanted."""
        asked: dict[Widget, list[tuple[int, int, int]]] = {}  # by what is seen there: line, from, to
        chops: Chops = [{}] * len(self.cuts)  # nobody looks at other lines
        for y, spans in wanted.items():
            edges, front = self.cuts[y], self._front_of(y)
            chops[y] = dict.fromkeys(edges[:-1])
            for at, to in spans:
                for n in range(bisect_right(edges, at) - 1, bisect_left(edges, to)):
                    if (widget := front[n]) is not None:
                        asked.setdefault(widget, []).append((y, edges[n], edges[n + 1]))
        for widget, stretches in asked.items():
            region, clip = self.visible_widgets[widget]
            left, right = region.intersection(clip).column_span
            first, last = stretches[0][0], stretches[-1][0]
            strips = widget.render_lines(Region(left - region.x, first - region.y, right - left, last + 1 - first))
            for y, x, end in stretches:
                chops[y][x] = strips[y - first].crop(x - left, end - left)
        return chops

    def _front_of(self, y: int) -> list[Widget | None]:
        """What is seen of each stretch of a line; found once, until something stands elsewhere."""
        all_edges, widgets = self.cuts, self.visible_widgets
        if self._known_with[0] is not all_edges or self._known_with[1] is not widgets:
            self._known_with, self._known = (all_edges, widgets), {}
            places = ((widget, region.intersection(clip)) for widget, (region, clip) in widgets.items())
            self._places = [(widget, place.column_span, place.y, place.bottom) for widget, place in places]
            self._ends = [edges[1:] for edges in all_edges]
        if (found := self._known.get(y)) is None:
            edges = all_edges[y]
            found = self._known[y] = [None] * (len(edges) - 1)
            for widget, (left, right), top, bottom in self._places:
                if top <= y < bottom:
                    for n in range(bisect_left(edges, left), bisect_left(edges, right)):
                        if found[n] is None:
                            found[n] = widget
        return found
