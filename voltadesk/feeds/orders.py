"""Orders of one auction from a CSV file: `side,price,quantity` and, where given, `id,participant`."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from voltadesk.errors import BadInput
from voltadesk.units import PRICE_LIMIT_TICK, parse_energy_mwh, parse_price_tick

SIDES = ("buy", "sell")
SIDE_WORDS = {"buy": "buy", "bid": "buy", "sell": "sell", "offer": "sell", "ask": "sell"}
REQUIRED = ("side", "price", "quantity")
OPTIONAL = ("id", "participant")
TOTAL_LIMIT_WH = 1 << 55  # of all orders of one auction


@dataclass(frozen=True)
class OrderLine:
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
    # A comment becomes an empty line, so that a quote in it means nothing and the count of lines stays the file's.
    lines = io.StringIO(text.removeprefix("\ufeff"), newline="")
    reader = csv.reader(("\n" if line.lstrip().startswith("#") else line for line in lines), strict=True)
    orders: list[OrderLine] = []
    header: list[str] = []
    try:
        for row in reader:
            if not row:
                continue
            where = f"{name}: line {reader.line_num}"
            if not header:
                header = _header(row, where)
                continue
            if len(row) != len(header):
                raise BadInput("columns", len(row), f"must be {len(header)}, as in the header", where)
            try:
                orders.append(parse_order(dict(zip(header, row, strict=True)), len(orders) + 1, limits))
            except BadInput as error:
                raise error.at(where) from None
    except csv.Error as error:
        raise BadInput("row", str(error), "must be CSV", f"{name}: line {reader.line_num}") from None
    if not header:
        raise BadInput("orders", "", f"must begin with a header: {','.join(REQUIRED)}", name)
    _check_book(orders, name, limits)
    return orders


def _header(row: Sequence[str], where: str) -> list[str]:
    header = [cell.strip().lower() for cell in row]
    for column in REQUIRED:
        if column not in header:
            raise BadInput("header", ",".join(row), f"must have the column {column}", where)
    for column in header:
        if column not in REQUIRED + OPTIONAL:
            raise BadInput("header", column, f"must be one of {', '.join(REQUIRED + OPTIONAL)}", where)
        if header.count(column) > 1:
            raise BadInput("header", column, "must not be given twice", where)
    return header


def parse_order(cells: dict[str, str], number: int, limits: OrderLimits) -> OrderLine:
    """One order from its texts. Raises BadInput for a wrong side, price or quantity."""
    side = SIDE_WORDS.get(cells["side"].strip().lower())
    if side is None:
        raise BadInput("side", cells["side"], "must be buy or sell")
    price = cells["price"].strip()
    price_tick = parse_price_tick(price, "price", limits.floor_tick, limits.cap_tick) if price else None
    quantity_wh = parse_energy_mwh(cells["quantity"], "quantity", low=1)
    own_id, participant = cells.get("id", "").strip(), cells.get("participant", "").strip()
    return OrderLine(own_id or str(number), participant, side, price_tick, quantity_wh, bool(own_id))


def _check_book(orders: Sequence[OrderLine], name: str, limits: OrderLimits) -> None:
    seen: set[str] = set()
    steps: dict[tuple[str, str, str], int] = {}
    for order in orders:
        if order.id in seen:
            raise BadInput("id", order.id, "must not be given twice", name)
        seen.add(order.id)
        # An order in nobody's name is a participant of its own.
        key = (order.participant, "" if order.participant else order.id, order.side)
        steps[key] = steps.get(key, 0) + 1
        if limits.steps is not None and steps[key] > limits.steps:
            owner = order.participant or order.id
            raise BadInput("steps", f"{order.side} {owner}: {steps[key]}", f"must be at most {limits.steps}", name)
    participants = len({key[:2] for key in steps})
    if limits.participants is not None and participants > limits.participants:
        raise BadInput("participants", participants, f"must be at most {limits.participants}", name)
    total = sum(order.quantity_wh for order in orders)
    if total >= TOTAL_LIMIT_WH:
        raise BadInput("quantity", total // 10**6, f"must be below {TOTAL_LIMIT_WH // 10**6:,} MWh in all", name)
