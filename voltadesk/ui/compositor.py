"""What a desktop draws of an update: the cells that changed, from what stands in front until they are full.

Textual's own compositor asks every widget on the lines between the first and the last change for all of its lines,
cuts them at every edge of the screen, and throws away what something in front has covered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, cast

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

Spans = dict[int, list[tuple[int, int]]]  # by line: from and to, in cells
Chops = list[dict[int, Strip | None]]  # of each line, by where they begin; None: not asked for


class Part(NamedTuple):
    """What a widget has of a line."""

    widget: Widget
    begins: list[int]  # of the stretches between edges that it lies in, in cells of the screen
    ends: list[int]  # of them, in its own cells
    seen: list[tuple[int, int]]  # those before which nothing stands: from and to


class FrontCompositor(Compositor):
    """Textual's compositor, which looks at nothing that isn't seen. Pictures are the same."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[int, list[Part]] = {}  # what is seen, by line
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
        """The parts between two edges on each line that touch what is wanted."""
        asked: dict[Widget, list[tuple[int, Part, set[int]]]] = {}
        chops: Chops = [{}] * len(self.cuts)  # nobody looks at other lines
        for y, spans in wanted.items():
            chops[y] = dict.fromkeys(self.cuts[y][:-1])
            for part in self._parts_of(y):
                touched = {x for at, to in spans for x, end in part.seen if x < to and end > at}
                if touched:
                    asked.setdefault(part.widget, []).append((y, part, touched))
        for widget, lines in asked.items():
            region, clip = self.visible_widgets[widget]
            left, right = region.intersection(clip).column_span
            first, last = min(y for y, _, _ in lines), max(y for y, _, _ in lines)
            strips = widget.render_lines(Region(left - region.x, first - region.y, right - left, last + 1 - first))
            for y, part, touched in lines:
                strip = strips[y - first]
                pieces = strip.divide(part.ends) if len(part.ends) > 1 else [strip]
                for x, piece in zip(part.begins, pieces, strict=False):
                    if x in touched:
                        chops[y][x] = piece
        return chops

    def _parts_of(self, y: int) -> list[Part]:
        """What is seen on a line, from the front; found once, until something stands elsewhere."""
        edges, widgets = self.cuts, self.visible_widgets
        if self._known_with[0] is not edges or self._known_with[1] is not widgets:
            self._known_with, self._known = (edges, widgets), {}
            places = ((widget, region.intersection(clip)) for widget, (region, clip) in widgets.items())
            self._places = [(widget, place.column_span, place.y, place.bottom) for widget, place in places]
            self._ends = [line[1:] for line in edges]
        if (found := self._known.get(y)) is None:
            found, free = [], set(edges[y][:-1])
            for widget, (left, right), top, bottom in self._places:
                if free and top <= y < bottom:
                    own = [x for x in edges[y] if left <= x <= right]
                    if seen := [(x, end) for x, end in pairwise(own) if x in free]:
                        free.difference_update(x for x, _ in seen)
                        found.append(Part(widget, own[:-1], [x - left for x in own[1:]], seen))
            self._known[y] = found
        return found
