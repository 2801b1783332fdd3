"""Orders of one auction from a CSV file: `side,price,quantity` and, where given, `id,participant`."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TextIO

from voltadesk.errors import BadInput
from voltadesk.units import PRICE_LIMIT_TICK, parse_energy_mwh, parse_price_tick

SIDES = ("buy", "sell")
SIDE_WORDS = {"buy": "buy", "bid": "buy", "sell": "sell", "offer": "sell", "ask": "sell"}
REQUIRED = ("side", "price", "quantity")
OPTIONAL = ("id", "participant")
TOTAL_LIMIT_WH = 1 << 55  # of all orders of one auction


class OrderLine(NamedTuple):
    """An order as written: `price_tick` is None for one at any price; one without an id has its number as its id."""

    id: str
    participant: str
    side: str
    price_tick: int | None
    quantity_wh: int
    has_id: bool = True


@dataclass(frozen=True)
class OrderLimits:
    """What an auction accepts: prices from floor to cap, and how many orders and participants."""

    floor_tick: int = -PRICE_LIMIT_TICK
    cap_tick: int = PRICE_LIMIT_TICK
    steps: int | None = None  # orders of one side and participant
    participants: int | None = None


def read_orders(source: TextIO, name: str, limits: OrderLimits) -> list[OrderLine]:
    """All orders of a file, in its order. Raises BadInput naming line, field, value and limit."""
    try:
        text = source.read()
    except UnicodeDecodeError:
        raise BadInput("orders", name, "must be UTF-8 text") from None
    # A quote in a comment means nothing.
    lines = io.StringIO(text.removeprefix("\ufeff"), newline="")
    reader = csv.reader(without_comments(lines) if "#" in text else lines, strict=True)
    orders: list[OrderLine] = []
    parse: Callable[[list[str], int], OrderLine] | None = None
    width = 0
    try:
        for row in reader:
            if not row:
                continue
            try:
                if parse is None:
                    parse, width = _row_parser(_header(row), limits), len(row)
                elif len(row) != width:
                    raise BadInput("columns", len(row), f"must be {width}, as in the header")
                else:
                    orders.append(parse(row, len(orders) + 1))
            except BadInput as error:
                raise error.at(f"{name}: line {reader.line_num}") from None
    except csv.Error as error:
        raise BadInput("row", str(error), "must be CSV", f"{name}: line {reader.line_num}") from None
    if parse is None:
        raise BadInput("orders", "", f"must begin with a header: {','.join(REQUIRED)}", name)
    _check_book(orders, name, limits)
    return orders


def without_comments(lines: TextIO) -> Iterator[str]:
    """The lines with comments made empty, so that their count stays the file's."""
    return ("\n" if line.lstrip().startswith("#") else line for line in lines)


def _header(row: Sequence[str]) -> list[str]:
    header = [cell.strip().lower() for cell in row]
    for column in REQUIRED:
        if column not in header:
            raise BadInput("header", ",".join(row), f"must have the column {column}")
    for column in header:
        if column not in REQUIRED + OPTIONAL:
            raise BadInput("header", column, f"must be one of {', '.join(REQUIRED + OPTIONAL)}")
        if header.count(column) > 1:
            raise BadInput("header", column, "must not be given twice")
    return header


def _row_parser(header: list[str], limits: OrderLimits) -> Callable[[list[str], int], OrderLine]:
    """What makes an order of a row and its number. It raises BadInput for a wrong side, price or quantity."""
    side_at, price_at, quantity_at = (header.index(column) for column in REQUIRED)
    id_at, participant_at = (header.index(column) if column in header else None for column in OPTIONAL)
    # Sides and prices recur, so each text is understood once.
    sides: dict[str, str] = {}
    prices: dict[str, int | None] = {}

    def side_of(text: str) -> str:
        side = SIDE_WORDS.get(text.strip().lower())
        if side is None:
            raise BadInput("side", text, "must be buy or sell")
        sides[text] = side
        return side

    def price_of(text: str) -> int | None:
        price = text.strip()
        prices[text] = parse_price_tick(price, "price", limits.floor_tick, limits.cap_tick) if price else None
        return prices[text]

    def parse(row: list[str], number: int) -> OrderLine:
        side = sides.get(row[side_at]) or side_of(row[side_at])
        price = row[price_at]
        price_tick = prices[price] if price in prices else price_of(price)
        quantity_wh = parse_energy_mwh(row[quantity_at], "quantity", low=1)
        own_id = "" if id_at is None else row[id_at].strip()
        participant = "" if participant_at is None else row[participant_at].strip()
        return OrderLine(own_id or str(number), participant, side, price_tick, quantity_wh, bool(own_id))

    return parse


def _check_book(orders: Sequence[OrderLine], name: str, limits: OrderLimits) -> None:
    if len({order.id for order in orders}) < len(orders):
        raise _second_of_an_id(orders, name)
    if limits.steps is not None or limits.participants is not None:
        _check_participants(orders, name, limits)
    total = sum(order.quantity_wh for order in orders)
    if total >= TOTAL_LIMIT_WH:
        raise BadInput("quantity", total // 10**6, f"must be below {TOTAL_LIMIT_WH // 10**6:,} MWh in all", name)


def _second_of_an_id(orders: Sequence[OrderLine], name: str) -> BadInput:
    seen: dict[str, bool] = {}
    for order in orders:
        if order.id in seen:
            break
        seen[order.id] = order.has_id
    both = seen[order.id] and order.has_id
    limit = "must not be given twice" if both else "is an order's id and the number of one that has no id"
    return BadInput("id", order.id, limit, name)


def _check_participants(orders: Sequence[OrderLine], name: str, limits: OrderLimits) -> None:
    steps: dict[tuple[str, str, str], int] = {}
    for order in orders:
        # An order in nobody's name is a participant of its own.
        key = (order.participant, "" if order.participant else order.id, order.side)
        steps[key] = steps.get(key, 0) + 1
        if limits.steps is not None and steps[key] > limits.steps:
            owner = order.participant or order.id
            raise BadInput("steps", f"{order.side} {owner}: {steps[key]}", f"must be at most {limits.steps}", name)
    participants = len({key[:2] for key in steps})
    if limits.participants is not None and participants > limits.participants:
        raise BadInput("participants", participants, f"must be at most {limits.participants}", name)
