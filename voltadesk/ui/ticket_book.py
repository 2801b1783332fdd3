"""The lower half of the order ticket for an order in a product's book."""

from __future__ import annotations

from voltadesk.ui.book_outlook import BookOutlook, book_outlook
from voltadesk.ui.books import Books, ProductFigures
from voltadesk.ui.draft import ENERGY, Draft
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.gates import closure_text
from voltadesk.ui.inks import DOWN, FAULT, STRONG, TEXT, UP
from voltadesk.ui.text import COUNT, NO_DATA, PRICE, Number, bar_text, clock_text
from voltadesk.ui.ticket_figure import POSITION, Figure, money_text


def book_figures(frame: DeskFrame, draft: Draft) -> tuple[Figure, ...]:
    """All but the gate; as many lines as for the auction."""
    books = frame.books
    if books is None or draft.product_utc is None:
        return ()
    product = books.of(draft.product_utc)
    found = book_outlook(product, draft.side, draft.quantity_wh, draft.price_tick) if draft.is_whole else None
    return (
        *_fill(frame, draft, product, found),
        *_position(product, found),
        *_held(frame, books, product, found),
        _queue(draft, found),
        _market(frame, product),
    )


def product_gate_figure(frame: DeskFrame, product: ProductFigures, now_s: float) -> Figure:
    """How long orders are taken in a product's book."""
    closes = closure_text(frame, product.closure_utc, now_s)
    return Figure("gate closes", clock_text(product.closure_utc, frame.zone), "", closes, STRONG)


def _fill(frame: DeskFrame, draft: Draft, product: ProductFigures, found: BookOutlook | None) -> tuple[Figure, Figure]:
    """What would be traded at once, and what that costs or brings."""
    if found is None:
        return Figure("would fill now", NO_DATA, "kWh"), Figure("at a cost of", NO_DATA, frame.currency)
    sign, ink = (-1, UP) if draft.side == "buy" else (1, DOWN)
    share = f"{bar_text(found.fill_wh, draft.quantity_wh, 8).replace(' ', '░')} "
    share += f"{Number(1, 1).show(found.fill_wh * 1000 // draft.quantity_wh)}%"
    average = f"{PRICE.show(found.worth_e8 // found.fill_wh)} on average" if found.fill_wh else ""
    fate, tone = _fate(draft, product, found)
    return (
        Figure(
            "would fill now", ENERGY.show(found.fill_wh), "kWh", fate or share, ink if found.fill_wh else TEXT, tone
        ),
        Figure(
            "it costs now" if draft.side == "buy" else "it brings now",
            money_text(sign * found.worth_e8, signed=True),
            frame.currency,
            average,
            STRONG,
        ),
    )


def _fate(draft: Draft, product: ProductFigures, found: BookOutlook) -> tuple[str, int]:
    """Why it would be refused as the book stands, or what becomes of the rest."""
    left_wh = draft.quantity_wh - found.fill_wh
    if draft.order_kind == "post-only" and (found.fill_wh or found.meets):
        return "refused: it would trade at once", FAULT
    if found.meets:
        return f"refused: it would meet your {found.meets}", FAULT
    if draft.tif == "fok" and left_wh:
        return "refused unless hidden parts fill it", FAULT
    if left_wh and draft.tif == "ioc":
        return f"{ENERGY.show(left_wh)} is cancelled", FAULT
    return (f"collected for the {product.call}" if product.call else ""), TEXT


def _position(product: ProductFigures, found: BookOutlook | None) -> tuple[Figure, Figure]:
    now = product.position
    at = "" if now.average_tick is None else f" at {PRICE.show(now.average_tick)}"
    after_wh, furthest_wh = (None, None) if found is None else (found.position_wh, found.furthest_wh)
    return (
        Figure("position with it", POSITION.show(after_wh), "kWh", f"{POSITION.show(now.net_wh)}{at} now", STRONG),
        Figure("position, filled", POSITION.show(furthest_wh), "kWh", "with your orders of this side"),
    )


def _held(frame: DeskFrame, books: Books, product: ProductFigures, found: BookOutlook | None) -> tuple[Figure, Figure]:
    """What more is held for the worst that can come of it, and what would be free then."""
    more_e8 = None if found is None else found.more_e8
    now = f"{money_text(product.position.held_e8)} in this product now"
    free_e8 = books.free_e8 - (more_e8 or 0)
    return (
        Figure("held more", NO_DATA if more_e8 is None else money_text(more_e8, True), frame.currency, now, STRONG),
        Figure(
            "still free",
            money_text(free_e8),
            frame.currency,
            f"of the limit, {money_text(books.limit_e8)}",
            FAULT if free_e8 < 0 else TEXT,
        ),
    )


def _queue(draft: Draft, found: BookOutlook | None) -> Figure:
    if found is None or draft.price_tick is None or draft.tif in ("ioc", "fok"):
        return Figure("before the rest", NO_DATA, "orders")
    if found.fill_wh == draft.quantity_wh:
        return Figure("before the rest", NO_DATA, "orders", "nothing would be left")
    return Figure(
        "before the rest", COUNT.show(found.ahead), "orders", f"{ENERGY.show(found.ahead_wh)} kWh at its price"
    )


def _market(frame: DeskFrame, product: ProductFigures) -> Figure:
    bid, ask = (PRICE.show(side[0].price_tick if side else None) for side in (product.bids, product.asks))
    low, high = PRICE.show(product.floor_tick), PRICE.show(product.cap_tick)
    return Figure("bid and offer", f"{bid} {ask}", "", f"from {low} to {high} {frame.currency}/MWh")
