"""What a desktop draws of an update: the cells that changed, from what stands in front until they are full.

Textual's own compositor asks every widget on the lines between the first and the last change for all of its lines,
cuts them at every edge of the screen, and throws away what something in front has covered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import cast

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.strip import Strip

Spans = dict[int, list[tuple[int, int]]]  # by line: from and to, in cells
Chops = list[dict[int, Strip | None]]  # of each line, by where they begin; None: not asked for


class FrontCompositor(Compositor):
    """Textual's compositor, which looks at nothing that isn't seen. Pictures are the same."""

    def render_partial_update(self) -> ChopsUpdate | None:
        regions = [region.intersection(self.size.region) for region in self._dirty_regions]
        spans = list(self._regions_to_spans(regions))
        self._dirty_regions.clear()
        if not spans:
            return None
        wanted: Spans = {}
        for y, first, end in spans:
            wanted.setdefault(y, []).append((first, end))
        return ChopsUpdate(self._front(wanted), spans, [line[1:] for line in self.cuts])

    def _render_chops(self, crop: Region, is_rendered_line: Callable[[int], bool]) -> Sequence[Mapping[int, Strip]]:
        chops = self._front({y: [crop.column_span] for y in crop.line_range if is_rendered_line(y)})
        return cast("Sequence[Mapping[int, Strip]]", chops)

    def _front(self, wanted: Spans) -> Chops:
        """The parts between two edges on each line that touch what is wanted."""
        cuts = self.cuts
        chops: Chops = [dict.fromkeys(line[:-1]) for line in cuts]
        missing = {y: _touched(cuts[y], spans) for y, spans in wanted.items()}
        for widget, (region, clip) in self.visible_widgets.items():
            seen = region.intersection(clip)
            left, right = seen.column_span
            rows = [y for y in seen.line_range if y in missing and any(left <= x < right for x in missing[y])]
            if not rows:
                continue
            first = rows[0]
            lines = Region(left - region.x, first - region.y, right - left, rows[-1] + 1 - first)
            strips = widget.render_lines(lines)
            for y in rows:
                edges, strip = [x for x in cuts[y] if left <= x <= right], strips[y - first]
                parts = strip.divide([x - left for x in edges[1:]]) if len(edges) > 2 else [strip]
                open_here = missing[y]
                for x, part in zip(edges, parts, strict=False):
                    if x in open_here:
                        open_here.remove(x)
                        chops[y][x] = part
                if not open_here:
                    del missing[y]
            if not missing:
                break
        return chops


def _touched(cuts: list[int], spans: list[tuple[int, int]]) -> set[int]:
    """Where the parts begin that have cells in one of the spans."""
    return {x for x, end in pairwise(cuts) if any(x < to and end > at for at, to in spans)}
