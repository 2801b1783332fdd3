"""Numbers and times as the screen writes them: exact from integers, digits grouped thinly, a true minus.

Whatever is missing is `·`. A change carries its sign, and where there is room an arrow, so that colour never
tells a direction alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from voltadesk.units import decimal_text

THIN = "\u202f"  # narrow and no-break: a number is never torn in two at the end of a line
MINUS = "−"
NO_DATA = "·"
CUT = "…"
SPARKS = "▁▂▃▄▅▆▇█"
SHOWN_AGAIN = 4096  # texts that are kept: most of a picture was in the one before
_EIGHTHS = " ▏▎▍▌▋▊▉█"


@dataclass(frozen=True)
class Number:
    """How an integer count of 10**-`scale` is written with `decimals` places; `signed` for changes and positions."""

    scale: int
    decimals: int
    signed: bool = False

    def show(self, value: int | None) -> str:
        """For people. Halves of what is not shown go to the even digit; nothing that rounds to zero has a sign."""
        return NO_DATA if value is None else _number_text(self.scale, self.decimals, self.signed, value)

    def plain(self, value: int | None) -> str:
        """For files: exact, with a dot and a hyphen; nothing for a missing one."""
        return "" if value is None else decimal_text(int(value), self.scale, min(self.decimals, self.scale))


@lru_cache(SHOWN_AGAIN)
def _number_text(scale: int, decimals: int, signed: bool, value: int) -> str:
    count = abs(int(value))
    if (dropped := scale - decimals) > 0:
        count = _halves_to_even(count, 10**dropped)
    else:
        count *= 10**-dropped
    text = f"{count // 10**decimals:,}".replace(",", THIN)
    if decimals:
        text += f".{count % 10**decimals:0{decimals}d}"
    if count == 0 or (value > 0 and not signed):
        return text
    return (MINUS if value < 0 else "+") + text


def _halves_to_even(count: int, divisor: int) -> int:
    whole, rest = divmod(count, divisor)
    return whole + (2 * rest + (whole & 1) > divisor)


PRICE = Number(2, 2)  # from ticks to currency/MWh
PRICE_CHANGE = Number(2, 2, signed=True)
MONEY = Number(8, 2)  # from 1e-8 of the currency
MONEY_CHANGE = Number(8, 2, signed=True)
MONEY_EXACT = Number(8, 8)
MWH = Number(6, 3)  # from Wh
KWH = Number(3, 1)
MW = Number(6, 1)  # from W
MW_CHANGE = Number(6, 1, signed=True)
KW = Number(3, 1)
KW_CHANGE = Number(3, 1, signed=True)
PERCENT = Number(4, 1)  # from parts per million
PERCENT_CHANGE = Number(4, 1, signed=True)
COUNT = Number(0, 0)


def arrow(value: int | None) -> str:
    """▲ for more, ▼ for less, = for no change, · for no data."""
    if value is None:
        return NO_DATA
    return "▲" if value > 0 else "▼" if value < 0 else "="


def change_text(value: int | None, number: Number) -> str:
    """▲ +1.84"""
    return NO_DATA if value is None else f"{arrow(value)} {number.show(value)}"


def percent_text(part: int, whole: int, signed: bool = False) -> str:
    """`part` of `whole` in per cent with one decimal; · when there is no whole. A negative whole counts by its size."""
    if whole == 0:
        return NO_DATA
    tenths = _halves_to_even(abs(part) * 1000, abs(whole))
    return Number(1, 1, signed).show(-tenths if part < 0 else tenths) + "%"


def _sized(value: int, unit: str) -> str:
    """Three or more figures with the prefix that fits: 850 kW, 4.200 MW, 13.220 GW."""
    for scale, prefix in ((9, "G"), (6, "M"), (3, "k")):
        if abs(value) >= 10**scale:
            return f"{Number(scale, 1 if scale == 3 else 3).show(value)} {prefix}{unit}"
    return f"{COUNT.show(value)} {unit}"


def power_text(power_w: int) -> str:
    """Power [W] with the unit that fits."""
    return _sized(power_w, "W")


def energy_text(energy_wh: int) -> str:
    """Energy [Wh] with the unit that fits."""
    return _sized(energy_wh, "Wh")


# Times ----------------------------------------------------------------------------------------------------------------
def hour_text(local: datetime) -> str:
    """02, or 02A and 02B for the hour that autumn's clock change repeats. `local` stems from an instant."""
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return f"{local.hour:02d}" + ("" if not twice else "B" if local.fold else "A")


@lru_cache(SHOWN_AGAIN)
def clock_text(second_utc: int, zone: ZoneInfo, seconds: bool = False) -> str:
    """14:15 or 14:15:28 on the market's clock; 02A:15 and 02B:15 in the repeated hour."""
    local = datetime.fromtimestamp(int(second_utc), zone)
    return f"{hour_text(local)}:{local:%M:%S}" if seconds else f"{hour_text(local)}:{local:%M}"


def stamp_text(second_utc: int, zone: ZoneInfo) -> str:
    """2026-10-25 02B:15 +01:00 (01:15Z)"""
    local = datetime.fromtimestamp(int(second_utc), zone)
    utc = datetime.fromtimestamp(int(second_utc), UTC)
    offset = f"{local:%z}"
    return f"{local:%Y-%m-%d} {clock_text(second_utc, zone)} {offset[:3]}:{offset[3:5]} ({utc:%H:%M}Z)"


def day_clock_text(second_utc: int, zone: ZoneInfo) -> str:
    """2026-10-25 02B:15 on the market's clock"""
    return f"{datetime.fromtimestamp(int(second_utc), zone):%Y-%m-%d} {clock_text(second_utc, zone)}"


def duration_text(seconds: int) -> str:
    """04:32, 1:04:32, −00:05"""
    hours, rest = divmod(abs(int(seconds)), 3600)
    text = f"{rest // 60:02d}:{rest % 60:02d}"
    return (MINUS if seconds < 0 else "") + (f"{hours}:{text}" if hours else text)


# Words ----------------------------------------------------------------------------------------------------------------
def clean(text: object) -> str:
    """Text from outside as one harmless line: whatever steers a terminal or turns the reading direction becomes ?."""
    words = str(text)
    if words.isprintable():
        return words
    return "".join(c if c.isprintable() or c in "\u202f\u2009\u00a0" else "�" for c in words)


# Little pictures for the cells of a table -----------------------------------------------------------------------------
def spark_text(values: list[int | None], width: int) -> str:
    """The last `width` values as ▁▂▃▄▅▆▇█ between their least and greatest; · where there is none."""
    shown = values[-width:] if width > 0 else []
    known = [value for value in shown if value is not None]
    low, high = (min(known), max(known)) if known else (0, 0)
    steps = max(1, high - low)
    return "".join(NO_DATA if value is None else SPARKS[(value - low) * 7 // steps] for value in shown).rjust(width)


def bar_text(value: int, whole: int, width: int) -> str:
    """A bar of `value` out of `whole` in `width` cells, to an eighth of a cell."""
    eighths = max(0, min(8 * width, value * 8 * width // whole)) if whole > 0 else 0
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()).ljust(width)
