"""A fleet's plan as a calendar: iCalendar, RFC 5545, an event for each block.

The same plan makes the same text: an event's identification is a digest of its battery, action and beginning, so a
plan that is imported again takes the place of what it said before, and its stamp is when the plan begins. Written here,
as an event in UTC takes three rules of the standard (3.1 lines of at most 75 octets, 3.3.11 escaped text, 3.3.5 times).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256

from voltadesk.feeds.schedules import Schedule
from voltadesk.report.plan import Block, blocks, kilo

OCTETS = 75
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def plan_calendar(schedules: Sequence[Schedule]) -> str:
    """The plan's blocks as events."""
    stamp = _moment(min(int(schedule.start_utc[0]) for schedule in schedules))
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//VoltaDesk//fleet plan//EN", "CALSCALE:GREGORIAN"]
    for block in blocks(schedules):
        lines += _event(block, stamp)
    return "".join(f"{part}\r\n" for line in [*lines, "END:VCALENDAR"] for part in _folded(line))


def _event(block: Block, stamp: str) -> list[str]:
    identity = sha256(f"{block.battery}\n{block.action}\n{block.start_utc}".encode()).hexdigest()[:32]
    energy, power, fill = kilo(abs(block.energy_wh)), kilo(block.power_w), kilo(block.fill_wh)
    return [
        "BEGIN:VEVENT",
        f"UID:{identity}@voltadesk",
        f"DTSTAMP:{stamp}",
        f"DTSTART:{_moment(block.start_utc)}",
        f"DTEND:{_moment(block.end_utc)}",
        f"SUMMARY:{_text(f'{block.battery}: {block.action} {energy} kWh')}",
        f"DESCRIPTION:{_text(f'{power} kW on average, {fill} kWh in it at the end')}",
        f"CATEGORIES:{block.action.upper()}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _moment(second_utc: int) -> str:
    return datetime.fromtimestamp(second_utc, UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(text: str) -> str:
    """Text as the standard has it; a control character, which it has no way to write, is told as one."""
    for mark in ("\\", ";", ","):
        text = text.replace(mark, f"\\{mark}")
    return "\\n".join(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", line) for line in text.splitlines())


def _folded(line: str) -> Iterator[str]:
    """A line in parts of at most 75 octets, each but the first behind a blank; no character is cut."""
    part, size = "", 0
    for character in line:
        width = len(character.encode())
        if size + width > OCTETS:
            yield part
            part, size = " ", 1
        part, size = part + character, size + width
    yield part
