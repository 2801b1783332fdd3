"""Order files, and what `voltadesk headless clear` makes of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import simplejson

from tests.commands import Done, call

PRICINGS = ("uniform", "vertical-demand", "pay-as-bid")
HEADER = "side,price,quantity"
Row = tuple[str, str, str]


def orders(*rows: Row | str, header: str = HEADER) -> str:
    """The text of an order file."""
    return "\n".join([header, *(row if isinstance(row, str) else ",".join(row) for row in rows), ""])


def clear(text: str | bytes, *options: str) -> Done:
    """Clear orders that come by stdin."""
    return call("headless", "clear", "-", *options, stdin=text)


def result_of(done: Done) -> dict[str, Any]:
    """The JSON object that a command wrote, its numbers as they stand there."""
    assert (done.code, done.err) == (0, ""), done
    return simplejson.loads(done.out, parse_float=Decimal, parse_int=Decimal)


def cleared(text: str, *options: str) -> dict[str, Any]:
    return result_of(clear(text, "--json", *options))


def fills(result: dict[str, Any]) -> list[Decimal]:
    return [order["filled_mwh"] for order in result["orders"]]


PLAIN = orders(("buy", "", "5"), ("sell", "50", "8"))
NAMED = orders(("buy", "", "5", "mühle"), ("sell", "50", "8", "wind, west"[:4]), header=f"{HEADER},id")
