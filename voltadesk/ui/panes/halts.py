"""What stopped the market, and who let it go on."""

from __future__ import annotations

import json
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from voltadesk.store.listing import HALTS
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.inks import FAULT, TEXT, UP
from voltadesk.ui.panes.journal import JournalPane
from voltadesk.ui.rows import Column, Row, number_column
from voltadesk.ui.text import COUNT, day_clock_text
from voltadesk.ui.window_table import WindowTable

_INKS = {"✗ HALTED": FAULT, "✓ resumed": UP}


class HaltsPane(JournalPane):
    """Halts and resumptions, the newest first; the title tells how it is now."""

    HELP = (
        "Every halt and every resumption, also those that were refused. A price outside the band that the rules name, "
        "and prices or meters that end, halt the market by themselves. ctrl+k halts, ctrl+r resumes."
    )
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        number_column("entry", "entry", "", COUNT),
        Column("time", "time", width=16),
        Column("what", "what", width=10, ink=lambda what: _INKS.get(what, TEXT)),
        Column("actor", "who", width=12),
        Column("reason", "why"),
    )

    def __init__(self) -> None:
        super().__init__("Halt and resume", WindowTable(self.COLUMNS, HALTS, halt_row), "halts")

    def feed(self, frame: DeskFrame) -> None:
        super().feed(frame)
        self.retitle(f"HALTED: {frame.halted}" if frame.halted else "not halted")


def halt_row(found: tuple[Any, ...], zone: ZoneInfo) -> Row:
    """A row from one of the listing."""
    seq, _, body, effects = found
    fields, effect = json.loads(body), json.loads(effects)
    kind, stamp = fields["kind"], day_clock_text(fields["time_utc"], zone)
    if fields["outcome"] != "done":
        return seq, stamp, "refused", fields["actor"], f"{kind}: {fields['outcome']}"
    if kind == "market.resume":
        return seq, stamp, "✓ resumed", fields["actor"], ""
    who = fields["actor"] if kind == "market.halt" else "the market"
    return seq, stamp, "✗ HALTED", who, effect.get("halted", "")
