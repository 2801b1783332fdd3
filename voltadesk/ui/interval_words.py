"""An interval in words: when it was, and what the whole community did in it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from voltadesk.ui.cells import Words
from voltadesk.ui.inks import FAINT, STRONG, TEXT
from voltadesk.ui.text import Number, clock_text, percent_text

if TYPE_CHECKING:
    from voltadesk.ui.community_frame import OpenMonth

KWH = Number(3, 3)  # from Wh


def kwh(energy_wh: int) -> str:
    """0.412 kWh"""
    return f"{KWH.show(energy_wh)} kWh"


def moment_text(start_utc: int, end_utc: int, zone: ZoneInfo) -> str:
    """Sunday 14 June 2026, 12:15 to 12:30"""
    local = datetime.fromtimestamp(start_utc, zone)
    return f"{local:%A} {local.day} {local:%B %Y}, {clock_text(start_utc, zone)} to {clock_text(end_utc, zone)}"


def said(text: str) -> Words:
    """A paragraph."""
    return [(text, TEXT)]


def of_all(month: OpenMonth, interval: int) -> list[Words]:
    """What the whole community did in an interval."""
    grid = month.grid
    start_utc = int(grid.starts_utc[interval])
    wanted, offered, shared = (int(each[interval]) for each in (month.wanted_wh, month.offered_wh, month.shared_wh))
    part = f" ({percent_text(shared, wanted)} of what was wanted)" if wanted else ""
    return [
        [("All members", STRONG), (f" on {moment_text(start_utc, start_utc + grid.step_s, grid.zone)}", TEXT)],
        [],
        said(f"They used {kwh(wanted)} and fed in {kwh(offered)}. {kwh(shared)} were shared{part}."),
        said(f"From the grid came {kwh(wanted - shared)}, to the grid went {kwh(offered - shared)}."),
        [],
        [("Put the cursor of Members on one of them to see its part.", FAINT)],
    ]
