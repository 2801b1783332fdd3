"""Messages to order books from a file: CSV with a header, or one JSON object a line.

What can't be read is an error of the file, with its line. What can be read and breaks a rule of the market (a price
between two ticks, a quantity of 0, an id that nobody knows) is the book's to refuse.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn, TextIO

import numpy as np

from voltadesk.engine import book_events as ev
from voltadesk.engine.tables import NO_PRICE_TICK, Table
from voltadesk.errors import BadInput
from voltadesk.feeds.orders import SIDE_WORDS, without_comments
from voltadesk.units import parse_decimal, parse_scaled

FIELDS = ("type", "id", "owner", "product", "side", "price", "quantity", "kind", "display", "until", "time")
DEFAULT_PRODUCT = "one"
PRODUCTS_LIMIT = 1_000  # each has a book's memory
ID_DIGITS = 1_000  # of an id that is a number
BEYOND = 10**18  # a price or quantity that is farther out than this stands for all that are
Id = str | int | None


class Digits(str):
    """A whole number as it stood in a JSON file."""

    __slots__ = ()


class Broken(str):
    """A number with a point or an exponent as it stood in a JSON file."""

    __slots__ = ()


@dataclass(frozen=True, eq=False)
class BookEvents:
    """Messages in the order of a file.

    messages  MESSAGE; ids and owners are numbers of their names
    product   of each message, an index of `products`
    lines     of each message, the line of the file where it ends
    ids       names by number, as they stood in the file; number 0 is none
    """

    messages: Table
    product: list[int]
    lines: list[int]
    products: list[str]
    ids: list[Id]


def read_book_events(source: TextIO, name: str) -> BookEvents:
    """All messages of a file. Raises BadInput naming line, field, value and limit."""
    try:
        text = source.read().removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise BadInput("events", name, "must be UTF-8 text") from None
    is_json = text.lstrip().startswith("{") or name.endswith((".ndjson", ".jsonl"))
    reader = _Reader()
    line = 0
    try:
        for line, values in _json_rows(text) if is_json else _csv_rows(text):
            reader.add(line, values)
    except _Misread as error:
        raise error.cause.at(f"{name}: line {error.line}" if error.line else name) from None
    except BadInput as error:
        raise error.at(f"{name}: line {line}") from None
    return reader.events()


class _Misread(Exception):
    """A line that is no row at all."""

    def __init__(self, cause: BadInput, line: int) -> None:
        self.cause, self.line = cause, line


# Rows -----------------------------------------------------------------------------------------------------------------
def _csv_rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, field -> text) of each row; a blank cell is not given."""
    lines = io.StringIO(text, newline="")
    reader = csv.reader(without_comments(lines) if "#" in text else lines, strict=True)
    header: list[str] | None = None
    try:
        for row in reader:
            if not row:
                continue
            if header is None:
                header = _header(row, reader.line_num)
            elif len(row) != len(header):
                raise _Misread(
                    BadInput("columns", len(row), f"must be {len(header)}, as in the header"), reader.line_num
                )
            else:
                cells = zip(header, row, strict=True)
                yield reader.line_num, {field: text for field, cell in cells if (text := cell.strip())}
    except csv.Error as error:
        raise _Misread(BadInput("row", str(error), "must be CSV"), reader.line_num) from None
    if header is None:
        raise _Misread(BadInput("events", "", "must begin with a header, or be JSON objects line by line"), 0)


def _header(row: Sequence[str], line: int) -> list[str]:
    if len(row) == 1 and ";" in row[0]:
        raise _Misread(BadInput("header", row[0], "must be separated by commas"), line)
    header = [cell.strip().lower() for cell in row]
    for column in header:
        if column not in FIELDS:
            raise _Misread(BadInput("header", column, f"must be one of {', '.join(FIELDS)}"), line)
        if header.count(column) > 1:
            raise _Misread(BadInput("header", column, "must not be given twice"), line)
    if "type" not in header:
        raise _Misread(BadInput("header", ",".join(row), "must have the column type"), line)
    return header


def _json_rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, field -> text) of each object; null is not given."""
    decoder = json.JSONDecoder(
        object_pairs_hook=_once, parse_int=Digits, parse_float=Broken, parse_constant=_no_number, strict=True
    )
    for line, row in enumerate(text.split("\n"), 1):
        if not row.strip():
            continue
        try:
            found = decoder.decode(row)
        except (json.JSONDecodeError, RecursionError):
            raise _Misread(BadInput("row", row.strip(), "must be a JSON object"), line) from None
        except BadInput as error:
            raise _Misread(error, line) from None
        if not isinstance(found, dict):
            raise _Misread(BadInput("row", row.strip(), "must be a JSON object"), line)
        for field, value in found.items():
            if field not in FIELDS:
                raise _Misread(BadInput("key", field, f"must be one of {', '.join(FIELDS)}"), line)
            if value is not None and not isinstance(value, str):
                raise _Misread(BadInput(field, value, "must be text or a number"), line)
        yield line, {field: value for field, value in found.items() if value is not None and value != ""}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise BadInput("key", next(name for name in names if names.count(name) > 1), "must not be given twice")
    return found


def _no_number(text: str) -> NoReturn:
    raise BadInput("row", text, "must be a finite number")


# Messages -------------------------------------------------------------------------------------------------------------
class _Reader:
    """Makes rows messages; names become numbers in the order in which they come up."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, ...]] = []
        self.product: list[int] = []
        self.lines: list[int] = []
        self.names: list[Id] = [None]
        self.numbers: dict[str, int] = {}
        self.owners: dict[str, int] = {"": ev.NOBODY}
        self.products: dict[str, int] = {}
        self.home: dict[int, int] = {}  # the product that an id was last new in
        self.prices: dict[str, int] = {}  # prices recur, so each text is understood once

    def add(self, line: int, values: dict[str, str]) -> None:
        kind = _code(values, "type", ev.TYPES, None)
        is_new, is_amend = kind == ev.TYPE_NEW, kind == ev.TYPE_AMEND
        number = 0
        if is_new or is_amend or kind == ev.TYPE_CANCEL:
            number = self._number(_given(values, "id"))
        order_kind = _code(values, "kind", ev.KINDS, ev.KIND_LIMIT) if is_new else ev.KIND_LIMIT
        side, price, quantity, display, moment = ev.SIDE_BUY, ev.KEEP, ev.KEEP, 0, ev.FOR_SESSION
        if is_new:
            side = _side(values)
            quantity = _steps(_given(values, "quantity"), "quantity", 6)
            price = NO_PRICE_TICK
            if order_kind != ev.KIND_MARKET or "price" in values:
                price = self._price(_given(values, "price"))
            display = _steps(values["display"], "display", 6) if "display" in values else 0
            moment = _moment(values["until"], "until") if "until" in values else ev.FOR_SESSION
        elif is_amend:
            price = self._price(values["price"]) if "price" in values else ev.KEEP
            quantity = _steps(values["quantity"], "quantity", 6) if "quantity" in values else ev.KEEP
        elif kind == ev.TYPE_CLOCK:
            moment = _moment(_given(values, "time"), "time")
        owner = self.owners.setdefault(values.get("owner", ""), len(self.owners))
        self.product.append(self._product(values, number, is_new))
        self.lines.append(line)
        self.rows.append((kind, number, owner, side, order_kind, price, quantity, display, moment))

    def _number(self, name: str) -> int:
        if isinstance(name, Digits) and len(name) > ID_DIGITS:
            raise BadInput("id", name, f"must have at most {ID_DIGITS} digits, or be text")
        if isinstance(name, Broken):
            raise BadInput("id", name, "must be text or a whole number")
        number = self.numbers.setdefault(name, len(self.names))
        if number == len(self.names):
            self.names.append(int(name) if isinstance(name, Digits) else name)
        return number

    def _product(self, values: dict[str, str], number: int, is_new: bool) -> int:
        """The product a message is for: the one it names; where it names none, that of its order, or the default."""
        if "product" not in values and not is_new and number in self.home:
            return self.home[number]
        product = self.products.setdefault(values.get("product", DEFAULT_PRODUCT), len(self.products))
        if product >= PRODUCTS_LIMIT:
            raise BadInput("products", product + 1, f"must be at most {PRODUCTS_LIMIT:,}")
        if is_new:
            self.home[number] = product
        return product

    def _price(self, text: str) -> int:
        if text not in self.prices:
            self.prices[text] = _steps(text, "price", 2)
        return self.prices[text]

    def events(self) -> BookEvents:
        messages = np.array(self.rows, ev.MESSAGE)
        return BookEvents(messages, self.product, self.lines, list(self.products), self.names)


def _given(values: dict[str, str], field: str) -> str:
    if field not in values:
        raise BadInput(field, None, "must be given")
    return values[field]


def _code(values: dict[str, str], field: str, words: Sequence[str], default: int | None) -> int:
    if default is not None and field not in values:
        return default
    word = _given(values, field)
    if word.lower() not in words:
        raise BadInput(field, word, f"must be one of {', '.join(words)}")
    return words.index(word.lower())


def _side(values: dict[str, str]) -> int:
    word = _given(values, "side")
    side = SIDE_WORDS.get(word.lower())
    if side is None:
        raise BadInput("side", word, "must be buy or sell")
    return ev.SIDES.index(side)


def _steps(text: str, field: str, decimals: int) -> int:
    """A count of 10**-decimals; UNEVEN between two of them."""
    try:
        return parse_scaled(text, field, decimals, -BEYOND, BEYOND)
    except BadInput:
        number = parse_decimal(text, field)  # what is no number stays an error
    if abs(number) * 10**decimals > BEYOND:
        return BEYOND if number > 0 else -BEYOND
    return ev.UNEVEN


def _moment(text: str, field: str) -> int:
    """A time [UTC s] from whole seconds or from text such as 2026-05-25T12:00Z; without an offset it is UTC."""
    if text.isascii() and text.isdigit() and len(text) < 12:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return int(moment.timestamp())
    except (ValueError, OverflowError):
        raise BadInput(field, text, "must be seconds since 1970 or a time such as 2026-05-25T12:00Z") from None
