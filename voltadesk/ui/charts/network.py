"""Who delivers and who takes: a line for each, bars to the left and to the right, in the inks of the markets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from voltadesk.ui.canvas import Canvas, Place
from voltadesk.ui.cells import FULL, Cells, Words
from voltadesk.ui.deliveries import MARKETS, NOTHING, RESERVE, Energies, Party, all_sold, delivered_wh
from voltadesk.ui.inks import BAND, CURSOR, FAINT, FORECAST, GRID, GROUND, OWN, STRONG, TEXT, UP
from voltadesk.ui.magnitude import unit_for
from voltadesk.ui.text import CUT, KW, NO_DATA, clean

INKS = dict(zip(MARKETS, (UP, BAND, FORECAST), strict=True))
WORDS = {"auction": "auction", "community": "community", "imbalance": RESERVE}
_NUMBER, _RELATION, _HEAD = 6, 8, 2  # cells; lines above the first party
_LEFT, _RIGHT = ord("▌"), ord("▐")  # halves of a cell


class NetworkChart(Canvas):
    """Up and down choose a party, and show what of the others' energy comes from it or goes to it; Enter opens it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", id="network.open"),
        Binding("home", "cursor(0, -1_000_000_000)", "First", show=False, id="network.first"),
        Binding("end,G", "cursor(0, 1_000_000_000)", "Last", show=False, id="network.last"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="network.page-up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="network.page-down"),
    ]

    class Opened(Message):
        """A party was opened: by Enter or a double click."""

        def __init__(self, party: Party) -> None:
            super().__init__()
            self.party = party

    def __init__(self) -> None:
        super().__init__()
        self.rows: Sequence[Party] = ()
        self.opened: frozenset[str] = frozenset()  # keys of groups
        self.step_s, self.top = 3600, 0
        self.words: Words = []  # below the lines: the markets
        self.unit = unit_for(0, "W")  # in which all powers are told
        self._sold_wh, self._most_wh = NOTHING, 1

    def show(self, rows: Sequence[Party], step_s: int, words: Words, opened: frozenset[str]) -> None:
        """Parties in their order, what to say of each market, and which groups are open; the cursor stays put."""
        chosen = self.party
        self.rows, self.step_s, self.words, self.opened = rows, step_s, words, opened
        if chosen is not None:
            at = next((n for n, row in enumerate(rows) if row.key == chosen.key), None)
            self.place = None if at is None else (0, at)
        self._sold_wh = all_sold(rows)
        self._most_wh = max([1, *(max(sum(row.sold_wh), sum(row.bought_wh)) for row in rows)])
        self.unit = unit_for(self._w(self._most_wh), "W")
        self.refresh()

    @property
    def party(self) -> Party | None:
        """The one under the cursor."""
        return self.rows[self.place[1]] if self.place is not None and self.place[1] < len(self.rows) else None

    def extent(self) -> Place:
        return 1, len(self.rows)

    def locate(self, x: int, y: int) -> Place | None:
        row = self.top + y - _HEAD
        return (0, row) if y >= _HEAD and row < min(len(self.rows), self.top + self._lines) else None

    @property
    def _lines(self) -> int:
        return max(1, self.size.height - _HEAD - 1)

    def action_page(self, by: int) -> None:
        self.action_cursor(0, by * max(1, self._lines - 1))

    def action_open(self) -> None:
        if (party := self.party) is not None:
            self.post_message(self.Opened(party))

    def on_click(self, event: events.Click) -> None:
        super().on_click(event)
        if event.chain == 2:
            self.action_open()

    # Picture ----------------------------------------------------------------------------------------------------------
    def paint(self, cells: Cells) -> None:
        if not self.rows:
            cells.put(max(0, cells.w // 2 - 5), cells.h // 2, "no trades yet", FAINT)
            return
        cells.put_words(0, 0, self.readout(self.place))
        self._scroll()
        name = min(max(len(self._label(row)) for row in self.rows[:200]), max(8, 2 * cells.w // 5)) + 1
        relation = _RELATION if self.place is not None else 0
        bar = max(2, (cells.w - name - 2 * _NUMBER - relation - 2) // 2)
        unit = self.unit
        cells.put_right(name + _NUMBER, 1, f"◂ delivers {unit.name}", FAINT)
        cells.put_right(name + 2 * _NUMBER + 2 * bar + 2, 1, f"takes {unit.name} ▸", FAINT)
        for y, row in enumerate(self.rows[self.top : self.top + self._lines]):
            self._paint_row(cells.part(0, _HEAD + y, cells.w, 1), row, (name, bar))
        below = len(self.rows) - self.top - self._lines
        more = [f"↑ {self.top}" if self.top else "", f"↓ {below} more" if below > 0 else ""]
        words = "  ".join(filter(None, more))
        cells.put_right(cells.w, cells.h - 1, words, FAINT)
        cells.part(0, cells.h - 1, cells.w - len(words) - 1, 1).put_words(0, 0, self.words)

    def _scroll(self) -> None:
        """Keep the cursor in sight."""
        lines = self._lines
        if self.place is not None:
            self.top = max(self.place[1] - lines + 1, min(self.top, self.place[1]))
        self.top = max(0, min(self.top, len(self.rows) - lines))

    def _w(self, energy_wh: int) -> int:
        return energy_wh * 3600 // self.step_s

    def _label(self, row: Party) -> str:
        mark = "  " if row.is_member else "" if not row.of else "▾ " if row.key in self.opened else "▸ "
        return f"{mark}{clean(row.name)}{f' {row.of}' if row.of else ''}"

    def _paint_row(self, line: Cells, row: Party, widths: tuple[int, int]) -> None:
        (name, bar), unit, most = widths, self.unit, self._most_wh
        chosen = self.party
        if row is chosen:
            line.draw(line.glyph >= 0, line.glyph, line.ink, CURSOR)
        label = self._label(row)
        sold, bought = sum(row.sold_wh), sum(row.bought_wh)
        ink = FAINT if not sold and not bought else TEXT
        line.put(0, 0, label if len(label) < name else label[: name - 2] + CUT, STRONG if row is chosen else ink)
        middle = name + _NUMBER + 1 + bar
        for energy_wh, end in ((sold, name + _NUMBER), (bought, middle + 1 + bar + _NUMBER)):
            words = unit.show(self._w(energy_wh)) if energy_wh else NO_DATA
            line.put_right(end, 0, words, TEXT if energy_wh else FAINT)
        paper = CURSOR if row is chosen else GROUND
        _paint_bar(line.part(middle - bar, 0, bar, 1), row.sold_wh, most, True, paper)
        line.put(middle, 0, "│", GRID)
        _paint_bar(line.part(middle + 1, 0, bar, 1), row.bought_wh, most, False, paper)
        if chosen is not None and row is not chosen:
            words = self._relation(chosen, row)
            line.put_right(line.w, 0, words, OWN)

    def _relation(self, chosen: Party, row: Party) -> str:
        """→ what of the chosen one's energy goes here, or ← comes from here."""
        given, got = delivered_wh(self._sold_wh, chosen, row), delivered_wh(self._sold_wh, row, chosen)
        if not given and not got:
            return ""
        show = self.unit.show
        return f"→ {show(self._w(given))}" if given >= got else f"← {show(self._w(got))}"

    # Words ------------------------------------------------------------------------------------------------------------
    def readout(self, place: Place | None) -> Words:
        if place is None or place[1] >= len(self.rows):
            total = self._w(sum(self._sold_wh))
            return [(f"{self.unit.text(total)} traded", STRONG), ("↑↓ choose, enter opens", FAINT)]
        row, words = self.rows[place[1]], []
        for arrow, energies in (("◂", row.sold_wh), ("▸", row.bought_wh)):
            for market, energy_wh in zip(MARKETS, energies, strict=True):
                if energy_wh:
                    words.append((f"{arrow} {self.unit.text(self._w(energy_wh))} {WORDS[market]}", INKS[market]))
        return [(clean(row.name), STRONG), *(words or [("nothing traded", FAINT)])]

    def csv_rows(self) -> Iterator[tuple[object, ...]]:
        yield ("participant", *(f"{verb} {market} kW" for verb in ("delivers", "takes") for market in MARKETS))
        for row in self.rows:
            yield (row.key, *(KW.plain(self._w(each)) for each in (*row.sold_wh, *row.bought_wh)))


def _paint_bar(area: Cells, energies: Energies, most: int, is_left: bool, paper: int) -> None:
    """Energies one after the other from the middle outwards, to half a cell."""
    if not any(energies):
        return
    halves = np.full(2 * area.w, paper)
    begin = sum_wh = 0
    for energy_wh, ink in zip(energies, INKS.values(), strict=True):
        sum_wh += energy_wh
        end = -(-sum_wh * 2 * area.w // most)
        halves[begin:end] = ink
        begin = end
    if is_left:
        halves = halves[::-1]
    left, right = halves[None, ::2], halves[None, 1::2]
    is_right = left == paper
    glyph = np.where(left == right, FULL, np.where(is_right, _RIGHT, _LEFT))
    area.draw(
        (left != paper) | (right != paper), glyph, np.where(is_right, right, left), np.where(is_right, left, right)
    )
