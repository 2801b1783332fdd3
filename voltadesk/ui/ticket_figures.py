"""The lower half of the order ticket: what the order costs, what it would be filled for, what is left to do more."""

from __future__ import annotations

from voltadesk.desk.market import ORDERS_LIMIT, worst_tick
from voltadesk.scenario.model import Scenario
from voltadesk.ui.canvas import Canvas
from voltadesk.ui.cells import Cells
from voltadesk.ui.draft import ENERGY, Draft
from voltadesk.ui.frame import Clock, DeskFrame
from voltadesk.ui.gates import gate_s
from voltadesk.ui.inks import DOWN, FAINT, STRONG, UP
from voltadesk.ui.outlook import Outlook, Rules, outlook
from voltadesk.ui.text import (
    COUNT,
    NO_DATA,
    PRICE,
    PRICE_CHANGE,
    Number,
    arrow,
    bar_text,
    clock_text,
    duration_text,
)
from voltadesk.ui.ticket_book import book_figures, product_gate_figure
from voltadesk.ui.ticket_figure import POSITION, Figure, money_text


class TicketFigures(Canvas, can_focus=False, inherit_bindings=False):
    """Labels, numbers that end in one column, units and remarks."""

    DEFAULT_CSS = "TicketFigures { height: 9; }"

    def __init__(self) -> None:
        super().__init__()
        self.figures: tuple[Figure, ...] = ()
        self._known: tuple[DeskFrame, Draft] | None = None
        self._standing: tuple[Figure, ...] = ()

    def tell(self, frame: DeskFrame, draft: Draft, now_s: float) -> None:
        """Show what an order comes to at a moment on time.monotonic()."""
        known = self._known
        if known is None or known[0] is not frame or known[1] != draft:
            self._known, self._standing = (frame, draft), figures_of(frame, draft)
        figures = (*self._standing, gate_figure(frame, draft, now_s))
        if figures != self.figures:
            self.figures = figures
            self.refresh()

    def paint(self, cells: Cells) -> None:
        for y, figure in enumerate(self.figures):
            cells.put(0, y, figure.label, FAINT)
            cells.put_right(31, y, figure.value, FAINT if figure.value == NO_DATA else figure.ink)
            cells.put(33, y, figure.unit, FAINT)
            cells.put(41, y, figure.remark, figure.tone)


def figures_of(frame: DeskFrame, draft: Draft) -> tuple[Figure, ...]:
    """All but the gate."""
    if frame.market is None:
        return ()
    if draft.product_utc is not None:
        return book_figures(frame, draft)
    scenario, coming = frame.market.scenario, frame.coming
    found = None
    if coming is not None and draft.is_whole:
        found = outlook(coming, rules_of(scenario), draft.side, draft.quantity_wh, draft.price_tick)
    return (
        *_money(frame, draft, scenario),
        *_auction(frame, draft, found),
        *_position(frame, draft, found),
        *_headroom(frame, scenario),
    )


def rules_of(scenario: Scenario) -> Rules:
    market = scenario.market
    return Rules(market.pricing, market.price_rule, market.floor, market.cap, scenario.operator.margin)


def _money(frame: DeskFrame, draft: Draft, scenario: Scenario) -> tuple[Figure, ...]:
    """What is held, and what it would cost or bring at the price as it stands [1e-8 currency]."""
    market, margin_tick, is_buy = scenario.market, scenario.operator.margin, draft.side == "buy"
    limit_tick = draft.price_tick
    if limit_tick is None:
        limit_tick = market.cap if is_buy else market.floor
    sign, quantity_wh, currency = (-1 if is_buy else 1), draft.quantity_wh, frame.currency
    held_e8 = quantity_wh * worst_tick(draft.side, limit_tick)
    worst = money_text(sign * quantity_wh * limit_tick, signed=True)
    where = ("the cap" if is_buy else "the floor") if draft.price_tick is None else "the limit"
    now = None if frame.coming is None else frame.coming.price_tick
    now_e8 = None if now is None else sign * quantity_wh * (now + (margin_tick if is_buy else 0))
    margin = f" + {PRICE.show(margin_tick)} margin" if is_buy and margin_tick else ""
    return (
        Figure(
            "held at most",
            money_text(held_e8) if draft.is_whole else NO_DATA,
            currency,
            f"{worst} {currency} at {where}" if draft.is_whole else "",
            STRONG,
        ),
        Figure(
            "at the price now",
            NO_DATA if now_e8 is None or not draft.is_whole else money_text(now_e8, signed=True),
            currency,
            "there is none" if now is None else f"{PRICE.show(now)}{margin}",
        ),
    )


def _auction(frame: DeskFrame, draft: Draft, found: Outlook | None) -> tuple[Figure, ...]:
    """Whether it would be filled as the curves stand, and what price it would make."""
    unit = f"{frame.currency}/MWh"
    if found is None:
        return Figure("would fill now", NO_DATA, "kWh"), Figure("price with it", NO_DATA, unit)
    ink = UP if draft.side == "buy" else DOWN
    share = found.fill_wh * 1000 // draft.quantity_wh
    bar = f"{bar_text(found.fill_wh, draft.quantity_wh, 8).replace(' ', '░')} {Number(1, 1).show(share)}%"
    filled = bar if found.pays_tick is None else f"{bar} at {PRICE.show(found.pays_tick)}"
    before = None if frame.coming is None else frame.coming.price_tick
    change = None if found.price_tick is None or before is None else found.price_tick - before
    moved = "" if change is None else f"{arrow(change)} {PRICE_CHANGE.show(change)}" if change else "as without it"
    return (
        Figure("would fill now", ENERGY.show(found.fill_wh), "kWh", filled, *([ink, ink] if found.fill_wh else [])),
        Figure("price with it", PRICE.show(found.price_tick), unit, moved),
    )


def _position(frame: DeskFrame, draft: Draft, found: Outlook | None) -> tuple[Figure, ...]:
    """Energy bought less sold in the coming interval: with all open orders filled, and as the auction stands."""
    sign = 1 if draft.side == "buy" else -1
    own = [order for order in frame.orders if order.actor == frame.actor]
    open_wh = sum(order.quantity_wh if order.side == "buy" else -order.quantity_wh for order in own)
    likely_wh = None if frame.coming is None else sum(frame.coming.own_wh.get(order.id, 0) for order in own)
    after_wh = None if likely_wh is None or found is None else likely_wh + sign * found.fill_wh
    return (
        Figure(
            "position, filled",
            POSITION.show(open_wh + sign * draft.quantity_wh),
            "kWh",
            f"{POSITION.show(open_wh)} with open orders",
            STRONG,
        ),
        Figure("position, likely", POSITION.show(after_wh), "kWh", f"{POSITION.show(likely_wh)} without this one"),
    )


def _headroom(frame: DeskFrame, scenario: Scenario) -> tuple[Figure, ...]:
    count = sum(order.actor == frame.actor for order in frame.orders)
    floor, cap = PRICE.show(scenario.market.floor), PRICE.show(scenario.market.cap)
    return (
        Figure("orders left", COUNT.show(ORDERS_LIMIT - count), f"of {ORDERS_LIMIT}", f"{COUNT.show(count)} open"),
        Figure("price from", floor, "to", f"{cap} {frame.currency}/MWh"),
    )


def gate_figure(frame: DeskFrame, draft: Draft, now_s: float) -> Figure:
    """How long orders are taken, on the market's clock: for the coming auction, or in a product's book."""
    if draft.product_utc is not None and frame.books is not None:
        return product_gate_figure(frame, frame.books.of(draft.product_utc), now_s)
    auction = f"auction of {clock_text(frame.next_utc, frame.zone)}"
    left_s = gate_s(frame.clock, now_s)
    if left_s is not None:
        return Figure("gate closes in", duration_text(left_s), "", auction, STRONG)
    return Figure("gate closes in", NO_DATA, "", f"{auction}, {_pace(frame.clock)}")


def _pace(clock: Clock) -> str:
    return "as fast as it goes" if clock.is_playing else "paused"
