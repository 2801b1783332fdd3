"""The top lines: what is traded at which price, what is played and how fast, and in red what has stopped it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from textual.reactive import reactive

from voltadesk.ui.canvas import Canvas
from voltadesk.ui.cells import Cells, Words
from voltadesk.ui.inks import (
    BAND,
    BAR,
    DOWN,
    FAINT,
    FAULT,
    GROUND,
    LIVE,
    OWN,
    REPLAY,
    STRONG,
    TEXT,
    UP,
    change_ink,
)
from voltadesk.ui.text import (
    COUNT,
    KW_CHANGE,
    MONEY_CHANGE,
    MW_CHANGE,
    NO_DATA,
    PRICE,
    PRICE_CHANGE,
    arrow,
    change_text,
    clean,
    clock_text,
    duration_text,
    percent_text,
)

WIDE = 120  # cells from which a banner is told in full


@dataclass(frozen=True)
class Status:
    """All that the top lines say. None where there is nothing to say."""

    now_utc: int  # on the market's clock
    zone: ZoneInfo
    product: str = ""
    price_tick: int | None = None
    before_tick: int | None = None  # the price that the change is measured from
    references: tuple[tuple[str, str], ...] = ()  # other prices and quantities: label and text
    net_w: int | None = None  # own position
    gain_e8: int | None = None  # of the fund, since it began
    actor: str = ""  # who acts here
    currency: str = "€"
    gate_closes_s: int | None = None
    is_live: bool = False
    is_paused: bool = False
    speed: str = ""  # 60×
    sequence: int = 0
    of_sequence: int | None = None  # the last there will be
    hint: str = ""  # said last in the mode line: keys, or that orders are simulated
    banner: str = ""  # what kind of desk this is, when it is not the user's own
    halted: str = ""  # by whom, when and why; empty: not halted
    fault: str = ""  # why nothing that is shown goes on; empty: it does

    @property
    def alarm(self) -> Words:
        """The red line; empty: there is none."""
        if self.fault:
            return [(f"■ {clean(self.fault)}", GROUND)]
        if self.halted:
            return [(f"■ HALTED  {clean(self.halted)}", GROUND), ("·  nothing trades until resumed", GROUND)]
        return []


class StatusLines(Canvas, can_focus=False):
    """Two lines, or three with the red one. What doesn't fit is left out whole, the least important first."""

    DEFAULT_CSS = "StatusLines { height: 2; dock: top; } StatusLines.-alarm { height: 3; }"
    status: reactive[Status | None] = reactive(None, repaint=False)

    def watch_status(self, status: Status | None) -> None:
        self.set_class(status is not None and bool(status.alarm), "-alarm")
        self.refresh()

    def paint(self, cells: Cells) -> None:
        cells.paper[0] = BAR
        if (status := self.status) is None:
            cells.put(1, 0, "VOLTADESK", STRONG)
            return
        left, right = _market_parts(status, cells.w), _clock_parts(status)
        _lay(cells, 0, left, right)
        if cells.h > 1:
            cells.paper[1] = LIVE if status.is_live else REPLAY
            _paint_mode(cells, status)
        if cells.h > 2 and status.alarm:
            cells.ink[2], cells.paper[2] = GROUND, FAULT
            cells.put_words(1, 2, status.alarm)


# Each part with its rank: the higher, the sooner it is left out.
Parts = list[tuple[int, Words]]


def _market_parts(status: Status, width: int) -> Parts:
    parts: Parts = [(1, [("VOLTADESK", STRONG)])]
    if status.banner:
        words = clean(status.banner) if width >= WIDE else clean(status.banner).partition(":")[0]
        parts.append((0, [(f"[{words}]", OWN)]))
    if status.product:
        price = NO_DATA if status.price_tick is None else PRICE.show(status.price_tick)
        parts.append((0, [(clean(status.product), UP), (" " + price, STRONG)]))
        parts.append((3, _change_words(status)))
    parts += [(6, [(clean(label) + " ", FAINT), (clean(text), TEXT)]) for label, text in status.references]
    if status.net_w is not None:
        is_small = abs(status.net_w) < 1_000_000
        net = f"{KW_CHANGE.show(status.net_w)} kW" if is_small else f"{MW_CHANGE.show(status.net_w)} MW"
        parts.append((4, [("NET ", FAINT), (net, STRONG)]))
    if status.gain_e8 is not None:
        money = f"{arrow(status.gain_e8)} {MONEY_CHANGE.show(status.gain_e8)} {clean(status.currency)}"
        parts.append((2, [("fund P&L ", FAINT), (money, change_ink(status.gain_e8))]))
    return parts


def _change_words(status: Status) -> Words:
    if status.price_tick is None or status.before_tick is None:
        return [(NO_DATA, FAINT)]
    change = status.price_tick - status.before_tick
    share = percent_text(change, abs(status.before_tick), signed=True)
    return [(f"{change_text(change, PRICE_CHANGE)} ({share})", change_ink(change))]


def _clock_parts(status: Status) -> Parts:
    parts: Parts = []
    if status.gate_closes_s is not None:
        soon = status.gate_closes_s < 60
        parts.append((1, [("gate ", FAINT), (duration_text(status.gate_closes_s), DOWN if soon else STRONG)]))
    local = clock_text(status.now_utc, status.zone, seconds=True)
    zone = f"{_local(status):%Z}"
    parts.append((0, [(local, STRONG), (f" {zone}", FAINT)]))
    return [*parts, (5, [(clock_text(status.now_utc, ZoneInfo("UTC"), seconds=True) + "Z", FAINT)])]


def _lay(cells: Cells, y: int, left: Parts, right: Parts, gap: int = 3) -> None:
    """Write parts from both sides; while they don't fit, the one of the highest rank goes, the last of these first."""

    def length(parts: Parts) -> int:
        return sum(gap + sum(len(text) for text, _ in words) for _, words in parts)

    left, right = list(left), list(right)
    while length(left) + length(right) > cells.w - 1 and len(left) + len(right) > 1:
        rank = max(rank for rank, _ in left + right)
        side = next(side for side in (left, right) if any(part[0] == rank for part in side))
        side.remove([part for part in side if part[0] == rank][-1])
    x = 1
    for _, words in left:
        x = _write(cells, x, y, words) + gap
    x = cells.w + gap - 1 - length(right)
    for _, words in right:
        x = _write(cells, x, y, words) + gap


def _write(cells: Cells, x: int, y: int, words: Words) -> int:
    for text, ink in words:
        cells.put(x, y, text, ink)
        x += len(text)
    return x


def _paint_mode(cells: Cells, status: Status) -> None:
    ink = BAND if status.is_live else OWN
    name = "● LIVE" if status.is_live else "↺ REPLAY"
    pace = "‖ paused" if status.is_paused else f"► {clean(status.speed)}" if status.speed else "►"
    day = f"{_local(status):%a %Y-%m-%d}"
    sequence = f"seq {COUNT.show(status.sequence)}"
    if status.of_sequence is not None:
        sequence += f"/{COUNT.show(status.of_sequence)}"
    parts: Parts = [(0, [(name, ink)]), (2, [(day, ink)]), (1, [(pace, ink)]), (3, [(sequence, ink)])]
    if status.actor:
        parts.append((1, [("as ", FAINT), (clean(status.actor), ink)]))
    tail: Parts = [(4, [(clean(status.hint), FAINT)])] if status.hint else []
    used = sum(3 + sum(len(text) for text, _ in words) for _, words in parts + tail)
    width = min(40, cells.w - used - 4)
    if status.of_sequence and width >= 8:
        done = max(0, min(width, width * status.sequence // status.of_sequence))
        parts.append((5, [("━" * done, ink), ("─" * (width - done), FAINT)]))
    _lay(cells, 1, parts, tail)


def _local(status: Status) -> datetime:
    return datetime.fromtimestamp(status.now_utc, status.zone)
