"""What the header of a meter file says: which columns hold times, meters, registers, values and quality flags.

A column's name is taken apart into words; the ones known here say register, unit and kind, what is left is the meter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from voltadesk.errors import BadInput

Register = Literal["import", "export", "production", "load"]
Kind = Literal["interval", "cumulative"]

REGISTERS: dict[Register, tuple[str, ...]] = {
    "import": ("import", "imported", "consumption", "withdrawal", "bezug", "verbrauch", "a+"),
    "export": ("export", "exported", "feed-in", "feedin", "surplus", "injection", "returned", "einspeisung", "a-"),
    "production": ("production", "produced", "generation", "generated", "solar", "pv", "erzeugung"),
    "load": ("load",),  # all that is used behind the meter, before own production is taken off
}
PLAIN = ("value", "energy", "wert")  # say that a column holds energy, and no more
NO_ENERGY = ("w", "kw", "mw", "power", "price", "cost", "temperature", "irradiance", "type")  # load_kw, export price
POWER = ("power", "leistung")  # say no more than a unit of power does
CUMULATIVE = ("cumulative", "counter", "register", "reading", "zählerstand", "zaehlerstand")
METER_COLUMNS = ("meter", "meterid", "meteringpoint", "member", "zählpunkt", "zaehlpunkt", "mpan", "cups", "pod", "ean")
REGISTER_COLUMNS = ("register", "direction", "obis", "obiscode", "flow", "richtung")
UNIT_COLUMNS = ("unit", "einheit")
QUALITY_COLUMNS = ("quality", "status", "flag", "qualität")

MEASURED, ESTIMATED, MISSING = range(3)
QUALITIES = {
    **dict.fromkeys(("", "measured", "actual", "valid", "ok", "good", "l1", "w"), MEASURED),
    **dict.fromkeys(("estimated", "estimate", "substitute", "substituted", "ersatzwert", "l2", "l3", "e"), ESTIMATED),
    **dict.fromkeys(("missing", "invalid", "none", "faulty", "fehlt"), MISSING),
}

_OBIS = re.compile(r"(?:\d+-\d+:)?(\d+)\.(\d+)\.\d+(?:\*\d+)?")
_OBIS_REGISTERS: dict[str, Register] = {"1": "import", "2": "export"}
_OBIS_CUMULATIVE = ("8",)
_WORDS = re.compile(r"([\s_\[\](),;/]+)")
_FEED_IN = re.compile(r"feed[\s_]+in", re.IGNORECASE)  # one word, however it is written


class Unit(NamedTuple):
    """A unit of energy, or of the mean power of an interval."""

    name: str
    wh: int  # of power: in an hour
    is_power: bool = False


UNITS = {
    unit.name.lower(): unit
    for unit in (
        Unit("Wh", 1),
        Unit("kWh", 1_000),
        Unit("MWh", 1_000_000),
        Unit("W", 1, True),
        Unit("kW", 1_000, True),
        Unit("MW", 1_000_000, True),
    )
}


@dataclass(frozen=True)
class Column:
    """What a column of values holds; what its name doesn't say is None, an empty meter stands for the file's own."""

    place: int
    name: str
    meter: str
    register: Register | None
    unit: Unit | None
    kind: Kind


@dataclass(frozen=True)
class Header:
    """The columns of a meter file by what they hold."""

    time: int
    meter: int | None
    register: int | None
    unit: int | None
    values: tuple[Column, ...]
    quality: dict[str, int]  # by meter; "" is for all
    unitless: tuple[str, ...]  # ignored, as they name no unit
    power: tuple[str, ...]  # ignored, as energy stands beside them

    @property
    def shape(self) -> Literal["long", "wide"]:
        """Long where rows tell meter, register or unit; without a column of meters all are the file's own."""
        by_row = (self.register is not None or self.unit is not None) and not any(c.meter for c in self.values)
        return "long" if by_row or self.meter is not None else "wide"


def register_of(text: str) -> tuple[Register | None, bool]:
    """The register that a word or an OBIS code names, and whether it is surely a counter."""
    word = text.strip().lower()
    if match := _OBIS.fullmatch(word):
        return _OBIS_REGISTERS.get(match[1]), match[2] in _OBIS_CUMULATIVE
    return next((register for register, words in REGISTERS.items() if word in words), None), False


def read_header(names: Sequence[str], time: int, others: Sequence[int], where: str) -> Header:
    """The header's columns; `time` is that of the times, `others` hold times as well and are left alone.

    Columns of power count where none is of energy. Raises BadInput where no column holds values with a unit, and where
    one says neither which register it is of nor, as it would in a wide file without registers, which meter.
    """
    single: dict[str, int] = {}
    values: list[Column] = []
    quality: dict[str, int] = {}
    for place, name in enumerate(names):
        if place == time or place in others:
            continue
        plain = "".join(_WORDS.split(name.lower())[::2])
        kinds = {"meter": METER_COLUMNS, "register": REGISTER_COLUMNS, "unit": UNIT_COLUMNS}
        found = next((kind for kind, words in kinds.items() if plain in words), None)
        if found is not None and found not in single:
            single[found] = place
            continue
        column, is_quality = _column(place, name)
        if is_quality:
            quality[column.meter] = place
        else:
            values.append(column)
    known = [column for column in values if column.unit is not None and not column.unit.is_power]
    if "unit" in single:  # beside it stands one column of values, whatever it is called
        known += [column for column in values if column.unit is None and column.name.lower() in PLAIN]
        known.sort(key=lambda column: column.place)
    power = [column for column in values if column.unit is not None and column.unit.is_power]
    if not known:
        known, power = power, []
    places = {column.place for column in (*known, *power)}
    left = [column for column in values if column.place not in places]
    if not known:
        limit = "must name a column of values with its unit, such as import_kwh or anna_export_wh"
        raise BadInput("header", ", ".join(names), limit, where)
    if unitless := [column.name for column in left if _is_energy(column)]:
        limit = "must name its unit, Wh, kWh or MWh: such as export_kwh"
        if "unit" in single:
            limit = f"must name its unit, as the column {names[single['unit']]} is of a column value or energy alone"
        raise BadInput("column", ", ".join(unitless), limit, where)
    if not {"meter", "register"} <= set(single):
        _refuse_unknown(known, "meter" in single, where)
    return Header(time, single.get("meter"), single.get("register"), single.get("unit"), tuple(known), quality,
                  tuple(column.name for column in left), tuple(column.name for column in power))  # fmt: skip


def _is_energy(column: Column) -> bool:
    """Whether a column that names no unit looks like one of energy."""
    words = {word.lower() for word in _WORDS.split(column.name)[::2]}
    return words.isdisjoint(NO_ENERGY) and (column.register is not None or not words.isdisjoint(PLAIN))


def _refuse_unknown(values: Sequence[Column], is_long: bool, where: str) -> None:
    """Raises BadInput for columns with a word that is neither a register's nor a meter's.

    A meter stands in the rows of a long file. In a wide one that names registers, it is a meter if it has one.
    """
    meters = {column.meter for column in values if column.register is not None}
    if not is_long and not meters:
        return
    known = {""} if is_long else {"", *meters}
    unknown = [column.name for column in values if column.register is None and column.meter not in known]
    if unknown:
        words = "; ".join(f"{register}: {', '.join(words)}" for register, words in REGISTERS.items())
        limit = f"must say which register, by one of the known words ({words}), or be plain {' or '.join(PLAIN[:2])}"
        raise BadInput("column", ", ".join(unknown), limit, where)


def _column(place: int, name: str) -> tuple[Column, bool]:
    """What one column's name says, and whether it is one of quality flags."""
    parts = _WORDS.split(_FEED_IN.sub("feed-in", name))  # words, and between them what parts them
    register: Register | None = None
    unit: Unit | None = next((UNITS[word] for word in map(str.lower, parts[::2]) if word in UNITS), None)
    plain = (*PLAIN, *POWER) if unit is not None and unit.is_power else PLAIN
    kind: Kind = "interval"
    is_quality = False
    left: list[str] = []
    for n in range(0, len(parts), 2):
        word = parts[n].lower()
        found, counts = register_of(word)
        if not word:
            continue
        if word in UNITS:
            unit = UNITS[word]
        elif word in CUMULATIVE:
            kind = "cumulative"
        elif word in QUALITY_COLUMNS:
            is_quality = True
        elif found is not None:
            register, kind = found, "cumulative" if counts else kind
        elif word not in plain:
            left += [parts[n - 1] if n and left else "", parts[n]]
    return Column(place, name, "".join(left).strip(), register, unit, kind), is_quality
