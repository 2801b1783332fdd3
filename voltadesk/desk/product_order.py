"""An order in the book of a product, as a person gives it: what fits together, and which of the book's kinds it is."""

from __future__ import annotations

from typing import NamedTuple

from voltadesk.clock import utc_text
from voltadesk.desk.refusal import Refusal, price_text
from voltadesk.engine import book_events as ev
from voltadesk.units import decimal_text


class ProductOrder(NamedTuple):
    """What a person orders in a product; `order_kind` and `tif` follow from the rest where they are not given."""

    start_utc: int
    side: str
    quantity_wh: int
    price_tick: int | None = None
    order_kind: str | None = None
    tif: str | None = None
    display_wh: int | None = None
    until_utc: int | None = None

    def told(self, actor: str) -> dict[str, str]:
        """The order's values by their fields, as a refusal names them."""
        return {
            "owner": actor,
            "price": "" if self.price_tick is None else price_text(self.price_tick),
            "quantity_kwh": decimal_text(self.quantity_wh, 3),
            "display_kwh": "" if self.display_wh is None else decimal_text(self.display_wh, 3),
            "until": "" if self.until_utc is None else utc_text(self.until_utc),
        }


def book_kind(asked: ProductOrder) -> int:
    """The book's kind of an order. Raises Refusal BAD_VALUE where what was given doesn't fit together."""

    def require(holds: bool, field: str, value: object, limit: str) -> None:
        if not holds:
            raise Refusal("BAD_VALUE", field, "" if value is None else value, limit)

    kind = asked.order_kind or ("market" if asked.price_tick is None else "limit")
    tif = asked.tif or ("ioc" if kind == "market" else "gfs" if asked.until_utc is None else "gtt")
    price = "" if asked.price_tick is None else price_text(asked.price_tick)
    named = f"{'an' if kind == 'iceberg' else 'a'} {kind} order"
    if kind == "market":
        require(asked.price_tick is None, "price", price, "must not be given for a market order")
        require(tif in ("ioc", "fok"), "tif", tif, "must be ioc or fok for a market order")
    else:
        require(asked.price_tick is not None, "price", None, f"must be given for {named}")
        require(kind == "limit" or tif in ("gfs", "gtt"), "tif", tif, f"must be gfs or gtt for {named}")
    until = None if asked.until_utc is None else utc_text(asked.until_utc)
    if tif == "gtt":
        require(until is not None, "until", until, "must be given with gtt")
    else:
        require(until is None, "until", until, f"must not be given with {tif}")
    if kind == "iceberg":
        require(asked.display_wh is not None, "display_kwh", None, "must be given for an iceberg order")
    else:
        display = None if asked.display_wh is None else decimal_text(asked.display_wh, 3)
        require(display is None, "display_kwh", display, "must be given for an iceberg order only")
    if tif == "fok":
        return ev.KIND_FOK
    if tif == "ioc" and kind == "limit":
        return ev.KIND_IOC
    return ev.KINDS.index(kind)
