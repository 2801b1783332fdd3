"""Words in paragraphs, broken at the width there is; what is below the edge is scrolled to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from voltadesk.ui.canvas import Canvas
from voltadesk.ui.cells import Cells, Words
from voltadesk.ui.inks import FAINT
from voltadesk.ui.text import clean

_HANG = 2  # cells by which the lines after a paragraph's first are set in


class Prose(Canvas):
    """Paragraphs of words in their inks; an empty one is a blank line."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.paragraphs: Sequence[Words] = ()
        self.top = 0  # first line in sight

    def show(self, paragraphs: Sequence[Words]) -> None:
        if paragraphs != self.paragraphs:
            self.paragraphs = paragraphs
            self.refresh()

    def action_cursor(self, right: int, down: int) -> None:
        """There is nothing to point at: up and down scroll."""
        self.top = max(0, self.top + down)
        self.refresh()

    def paint(self, cells: Cells) -> None:
        lines = [line for paragraph in self.paragraphs for line in broken(paragraph, cells.w)]
        room = cells.h - (len(lines) > cells.h)  # a line for what is not in sight
        self.top = max(0, min(self.top, len(lines) - room))
        for y, line in enumerate(lines[self.top : self.top + room]):
            x = 0
            for text, ink in line:
                cells.put(x, y, text, ink)
                x += len(text)
        if room < cells.h:
            below = len(lines) - self.top - room
            words = [f"↑ {self.top} above" if self.top else "", f"↓ {below} more" if below else ""]
            cells.put(0, cells.h - 1, "  ".join(filter(None, words)), FAINT)

    def copy_text(self) -> str:
        return "\n".join("".join(clean(text) for text, _ in paragraph) for paragraph in self.paragraphs)

    def csv_rows(self) -> Iterator[tuple[object, ...]]:
        yield ("text",)
        for paragraph in self.paragraphs:
            if paragraph:
                yield ("".join(text for text, _ in paragraph),)


def broken(paragraph: Words, width: int) -> list[Words]:
    """A paragraph as lines of at most `width` cells, broken at blanks; a longer word is cut by the edge."""
    lines: list[Words] = [[]]
    used = 0
    for text, ink in paragraph:
        for part in re.findall(r" +|[^ ]+", clean(text)):
            is_blank = part[0] == " "
            if used + len(part) > width and used > _HANG and not is_blank:
                lines.append([(" " * _HANG, ink)])
                used = _HANG
            if not (is_blank and len(lines) > 1 and used == _HANG):  # no blank begins a line
                lines[-1].append((part, ink))
                used += len(part)
    return lines
