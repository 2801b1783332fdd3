"""Green Button files (NAESB REQ.21, Energy Services Provider Interface, ESPI) as rows of text.

An Atom feed holds usage points, their meter readings, a reading type for each of these, and blocks of intervals. What
belongs together is told by the entries' links: a block's address begins with that of its meter reading, which names its
reading type as related. A value counts 10^powerOfTenMultiplier watt-hours (uom 72); its time is UTC seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from voltadesk.errors import BadInput
from voltadesk.feeds.table import Table

LINE = "}line"  # of an element in its file; no document's own attribute has such a name
WATT_HOURS = "72"
REGISTERS = {"": "import", "0": "import", "1": "import", "19": "export"}  # flowDirection: forward, reverse
KINDS = {"": "interval", "0": "interval", "4": "interval", "1": "counter", "2": "counter", "3": "counter"}
OBIS = {"import": "1.8.0", "export": "2.8.0"}  # counters are told so, where rows name their register
ESTIMATED = {"7", "8", "9", "10", "11", "12", "13"}  # quality: edited by hand, estimated, questionable, derived …
VALUE_DIGITS, POWERS = 15, range(-12, 13)


@dataclass(frozen=True)
class Told:
    """One value of a register."""

    meter: str  # "" where the file has only one usage point
    register: str
    is_counter: bool
    start_utc: int
    duration_s: int
    energy_wh: str
    quality: str
    line: int


@dataclass(frozen=True)
class Entry:
    """An entry of the feed: what it holds, its address, that of the collection it is of, and those it names."""

    kind: str
    content: Element
    address: str
    up: str
    related: tuple[str, ...]


def is_xml(text: str) -> bool:
    """Whether a text begins as XML does."""
    return text.lstrip()[:1] == "<"


def register_table(text: str, place: str, field: str) -> tuple[Table, list[str]]:
    """A row for each value with time, meter, register, energy and quality, by register and time; and notes.

    Raises BadInput, naming the line, where it is no Green Button file or holds no energy.
    """
    told, notes = _told(text, place, field)
    columns = ["time", "meter", "register", "energy_wh", "quality"]
    rows = [
        [
            str(each.start_utc),
            each.meter or Path(place).stem,
            OBIS[each.register] if each.is_counter else each.register,
            each.energy_wh,
            each.quality,
        ]
        for each in told
    ]
    return Table(place, columns, rows, [each.line for each in told]), notes


def home_table(text: str, place: str, register: str, kind: str) -> Table:
    """The values of one register of the file's only usage point: columns time and the register's name [Wh].

    Raises BadInput as `register_table`, and where there is no such register.
    """
    told, _ = _told(text, place, "meter")
    found = [each for each in told if each.register == register and each.is_counter == (kind == "cumulative")]
    if len({each.meter for each in told}) > 1:
        raise BadInput("meter", len({each.meter for each in told}), "must be the file's only usage point", place)
    if len(found) < 2:
        names = sorted({f"{each.register} ({'cumulative' if each.is_counter else 'interval'})" for each in told})
        raise BadInput("column", register, f"must be a register of the file, with its kind: {', '.join(names)}", place)
    rows = [[str(each.start_utc), each.energy_wh] for each in found]
    return Table(place, ["time", register], rows, [each.line for each in found])


def _told(text: str, place: str, field: str) -> tuple[list[Told], list[str]]:
    root = _tree(text, place, field)
    entries = list(_entries(root))
    blocks = [entry for entry in entries if entry.kind == "IntervalBlock"]
    if not blocks:
        raise BadInput(field, _name(root), "must be a Green Button feed with an IntervalBlock", place)
    points = {_point(entry.address) for entry in blocks if _point(entry.address)}
    readings, types = ([entry for entry in entries if entry.kind == kind] for kind in ("MeterReading", "ReadingType"))
    told: list[Told] = []
    left: dict[str, None] = {}
    for block in blocks:
        kind = _type_of(block, readings, types, place)
        if (why := _other(kind)) is not None:
            left[why] = None
            continue
        meter = _point(block.address) if len(points) > 1 else ""
        told += [_value(reading, kind, meter, place) for reading in _below(block.content, "IntervalReading")]
    notes = [f"ignored, as it is no energy of one direction: {', '.join(left)}"] if left else []
    if not told:
        limit = "must hold energy in Wh (uom 72) of one direction (flowDirection 1 or 19)"
        raise BadInput(field, ", ".join(left) or "no IntervalReading", limit, place)
    told.sort(key=lambda each: (each.meter, each.register, each.is_counter, each.start_utc))
    for _, same in groupby(told, lambda each: (each.meter, each.register, each.is_counter)):
        _require_even(list(same), place)
    return told, notes


# The document ---------------------------------------------------------------------------------------------------------
def _tree(text: str, place: str, field: str) -> Element:
    """The document's elements, each with its line. No entity is expanded, as a DOCTYPE is refused."""
    builder, parser = TreeBuilder(), expat.ParserCreate("utf-8", "}")

    def refuse(*_: Any) -> NoReturn:
        raise BadInput(field, "a DOCTYPE", "must not be in a meter file", f"{place}: line {parser.CurrentLineNumber}")

    def start(name: str, attributes: dict[str, str]) -> None:
        builder.start(name, attributes | {LINE: str(parser.CurrentLineNumber)})

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = start, builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError as error:
        where = f"{place}: line {error.lineno}"
        raise BadInput(field, expat.ErrorString(error.code), "must be XML", where) from None
    return builder.close()


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _children(element: Element, name: str) -> Iterator[Element]:
    return (child for child in element if _name(child) == name)


def _below(element: Element, name: str) -> Iterator[Element]:
    return (child for child in element.iter() if _name(child) == name)


def _said(element: Element, *names: str) -> str:
    """The text of an element that is reached by those names, or nothing."""
    for name in names:
        found = next(_children(element, name), None)
        if found is None:
            return ""
        element = found
    return (element.text or "").strip()


def _where(element: Element, place: str) -> str:
    return f"{place}: line {element.get(LINE)}"


def _entries(root: Element) -> Iterator[Entry]:
    """What the feed's entries hold; a content may have several blocks."""
    for entry in _below(root, "entry"):
        links: dict[str, list[str]] = {}
        for link in _children(entry, "link"):
            links.setdefault(link.get("rel", ""), []).append(link.get("href", "").rstrip("/"))
        address, up = (links.get(rel, [""])[0] for rel in ("self", "up"))
        for content in _children(entry, "content"):
            for held in content:
                yield Entry(_name(held), held, address or up, up, tuple(links.get("related", ())))


def _point(address: str) -> str:
    """The usage point that an address lies within."""
    return address.partition("UsagePoint/")[2].partition("/")[0]


# Values ---------------------------------------------------------------------------------------------------------------
def _type_of(block: Entry, readings: list[Entry], types: list[Entry], place: str) -> Element:
    """The reading type of a block. Raises BadInput where the links don't tell it."""
    addresses = {block.address, block.up}
    for reading in readings:
        is_within = reading.address and any(address.startswith(f"{reading.address}/") for address in addresses)
        if is_within or addresses & set(reading.related):
            for kind in types:
                if kind.address in reading.related or reading.address in kind.related:
                    return kind.content
    if len(types) == 1:
        return types[0].content
    limit = "must be linked to a MeterReading, and that to its ReadingType"
    raise BadInput("IntervalBlock", block.address, limit, _where(block.content, place))


def _other(kind: Element) -> str | None:
    """What a reading type is, if not energy of one direction."""
    unit, flow, way = (_said(kind, name) for name in ("uom", "flowDirection", "accumulationBehaviour"))
    if unit != WATT_HOURS:
        return f"uom {unit or '(none)'}"
    if flow not in REGISTERS:
        return f"flowDirection {flow}"
    return f"accumulationBehaviour {way}" if way not in KINDS else None


def _value(reading: Element, kind: Element, meter: str, place: str) -> Told:
    where = _where(reading, place)
    power = _whole(_said(kind, "powerOfTenMultiplier") or "0", "powerOfTenMultiplier", _where(kind, place))
    if power not in POWERS:
        limit = f"must lie between {POWERS[0]} and {POWERS[-1]}"
        raise BadInput("powerOfTenMultiplier", power, limit, _where(kind, place))
    value = _whole(_said(reading, "value"), "value", where)
    quality = _said(reading, "ReadingQuality", "quality") or _said(kind, "defaultQuality")
    return Told(
        meter,
        REGISTERS[_said(kind, "flowDirection")],
        KINDS[_said(kind, "accumulationBehaviour")] == "counter",
        _whole(_said(reading, "timePeriod", "start"), "start", where),
        _whole(_said(reading, "timePeriod", "duration") or _said(kind, "intervalLength") or "0", "duration", where),
        format(Decimal(value).scaleb(power), "f"),
        "estimated" if quality in ESTIMATED else "measured",
        int(reading.get(LINE, "0")),
    )


def _whole(text: str, name: str, where: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= VALUE_DIGITS):
        raise BadInput(name, text, f"must be a whole number of at most {VALUE_DIGITS} digits", where)
    return int(text)


def _require_even(values: list[Told], place: str) -> None:
    """Energies must last as long as their times are apart; counters are read, and last no time. Raises BadInput."""
    first = values[0]
    if first.is_counter:
        return
    for value in values:
        if value.duration_s != first.duration_s:
            limit = f"must be {first.duration_s}, as at line {first.line}"
            raise BadInput("duration", value.duration_s, limit, f"{place}: line {value.line}")
    steps = [after.start_utc - before.start_utc for before, after in pairwise(values)]
    least = min((step for step in steps if step > 0), default=first.duration_s)
    if first.duration_s and least > first.duration_s:
        limit = f"must be {least}, by which the times are apart"
        raise BadInput("duration", first.duration_s, limit, f"{place}: line {first.line}")
