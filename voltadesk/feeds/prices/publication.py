"""Price documents of ENTSO-E (type A44, IEC 62325-451-3 Publication_MarketDocument) as a table of text.

A period says from when to when it lasts and how long a position of it is. With curve type A03 a position that is left
out holds the price of the one before; with A01 nothing is known of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from xml.etree import ElementTree  # a DOCTYPE is refused, so no entity is expanded
from xml.etree.ElementTree import Element

from voltadesk.clock import utc_text
from voltadesk.errors import BadInput
from voltadesk.feeds.table import Table

COLUMNS = ["start", "end", "price", "in_Domain", "contract", "sequence", "currency", "unit"]
MINUTES = {"PT5M": 5, "PT10M": 10, "PT15M": 15, "PT30M": 30, "PT60M": 60, "PT1H": 60}
POSITIONS_LIMIT = 2_200_000
_PRICES_LIMIT = "must be a price document of ENTSO-E (type A44)"
_LEADING_ZEROS = re.compile(r"0*(\d{1,7})", re.ASCII)


def publication_table(text: str, place: str, field: str) -> Table:
    """A row for every position of every period. Raises BadInput naming the time series and the position."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise BadInput(field, "a DOCTYPE", "must not be in a price document", place)
    try:
        # Whatever encoding the document names: the text was read as UTF-8.
        root = ElementTree.fromstring(text.encode(), ElementTree.XMLParser(encoding="utf-8"))  # noqa: S314
    except ElementTree.ParseError as error:
        raise BadInput(field, str(error), "must be XML", f"{place}: line {error.position[0]}") from None
    if _tag(root) != "Publication_MarketDocument":
        raise BadInput(field, _tag(root), _PRICES_LIMIT, place)
    if (kind := _said(root, "type")) not in ("A44", ""):
        raise BadInput("type", kind, _PRICES_LIMIT, place)
    rows: list[list[str]] = []
    for n, series in enumerate(_all(root, "TimeSeries"), 1):
        for row in _series_rows(series, f"{place}: time series {n}"):
            rows.append(row)
            if len(rows) > POSITIONS_LIMIT:
                raise BadInput("positions", len(rows), f"must be at most {POSITIONS_LIMIT:,}", place)
    if not rows:
        raise BadInput(field, "no prices", "must hold at least one", place)
    return Table(place, COLUMNS, rows, list(range(1, len(rows) + 1)), "price")


def _series_rows(series: Element, where: str) -> Iterator[list[str]]:
    curve = _said(series, "curveType") or "A01"
    if curve not in ("A01", "A03"):
        raise BadInput("curveType", curve, "must be A01 or A03", where)
    told = [
        _said(series, "in_Domain.mRID"),
        _said(series, "contract_MarketAgreement.type"),
        _said(series, "classificationSequence_AttributeInstanceComponent.position"),
        _said(series, "currency_Unit.name"),
        _said(series, "price_Measure_Unit.name"),
    ]
    for n, period in enumerate(_all(series, "Period"), 1):
        for start, end, price in _period_rows(period, curve == "A03", f"{where}: period {n}"):
            yield [utc_text(start), utc_text(end), price, *told]


def _period_rows(period: Element, repeats: bool, where: str) -> Iterator[tuple[int, int, str]]:
    """Begin and end [s] and price of every position that the period speaks of."""
    interval = next(_all(period, "timeInterval"), period)
    begin, end = (_second(_said(interval, name), name, where) for name in ("start", "end"))
    resolution = _said(period, "resolution")
    if resolution not in MINUTES:
        raise BadInput("resolution", resolution, f"must be one of {', '.join(MINUTES)}", where)
    step_s = MINUTES[resolution] * 60
    count, rest = divmod(end - begin, step_s)
    if not 1 <= count <= POSITIONS_LIMIT or rest:
        limit = f"must end a whole number of {resolution} after it starts, at {utc_text(begin)}"
        raise BadInput("end", utc_text(end), limit, where)
    prices = _points(period, count, where)
    price: str | None = None
    for position in range(1, count + 1):
        price = prices.get(position, price if repeats else None)
        if price is None and repeats:
            raise BadInput("position", 1, "must be there: there is none before it to repeat", where)
        if price is not None:
            yield begin + (position - 1) * step_s, begin + position * step_s, price


def _points(period: Element, count: int, where: str) -> dict[int, str]:
    prices: dict[int, str] = {}
    for point in _all(period, "Point"):
        text = _said(point, "position")
        match = _LEADING_ZEROS.fullmatch(text)
        position = int(match[1]) if match else 0
        if not 1 <= position <= count:
            raise BadInput("position", text, f"must lie between 1 and {count}", where)
        price = _said(point, "price.amount")
        if prices.setdefault(position, price) != price:
            raise BadInput("position", text, f"stands twice, with {prices[position]} and {price}", where)
    return prices


def _second(text: str, name: str, where: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None or not 1971 <= moment.year <= 2199:
            raise ValueError
    except ValueError:
        raise BadInput(name, text, "must be a time such as 2025-01-31T14:00Z", where) from None
    return int(moment.timestamp())


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _all(element: Element, name: str) -> Iterator[Element]:
    """Children of that name in whatever name space the document has."""
    return (child for child in element if _tag(child).lower() == name.lower())


def _said(element: Element, name: str) -> str:
    return next(((child.text or "").strip() for child in _all(element, name)), "")
