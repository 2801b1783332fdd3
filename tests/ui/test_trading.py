"""The order ticket as it is used: typed, reckoned, reviewed, sent; and what it foretells of the auction."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input

from tests.reference import auction
from tests.ui.desks import seat_of, shown, until
from tests.ui.trading import (
    ANN,
    STEP_S,
    TradingApp,
    advance,
    elsewhere,
    on_app,
    rows_of,
    settled,
    traded_desk,
    typed,
)
from voltadesk.clock import utc_text
from voltadesk.desk.indicative import Indicative
from voltadesk.store.desk import Desk
from voltadesk.ui.dialogs.ticket import OrderTicket, ReviewButton, SideChoice
from voltadesk.ui.outlook import Rules, limit_in_auction, outlook
from voltadesk.ui.picture import screen_text
from voltadesk.ui.ticket_figure import money_text


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with traded_desk(tmp_path_factory.mktemp("trading") / "desk") as desk:
        yield desk


# The auction with one more order --------------------------------------------------------------------------------------
def _summed(orders: list[auction.Order], sign: int) -> tuple[Any, Any]:
    sums: dict[int, int] = {}
    for tick, energy in orders:
        if energy * sign > 0:
            sums[tick] = sums.get(tick, 0) + abs(energy)
    ticks = sorted(sums, reverse=sign > 0)
    return np.array(ticks, np.int64), np.array([sums[tick] for tick in ticks], np.int64)


@pytest.mark.parametrize("pricing", ["uniform", "vertical-demand", "pay-as-bid"])
def test_the_outlook_is_what_the_auction_would_say(pricing: str) -> None:
    draw = random.Random(5)
    for _ in range(1500):
        floor, cap, margin = -50, 60, draw.choice([0, 1, 5])
        orders = [
            (draw.randint(floor, cap), draw.choice([-1, 1]) * draw.randint(1, 9)) for _ in range(draw.randint(0, 6))
        ]
        side, quantity = draw.choice(["buy", "sell"]), draw.randint(1, 9)
        limit = draw.choice([None, draw.randint(floor, cap)])
        rules = Rules(pricing, draw.choice(["midpoint", "lowest", "highest"]), floor, cap, margin)
        coming = Indicative(0, None, 0, *_summed(orders, -1), *_summed(orders, 1), {})
        found = outlook(coming, rules, side, quantity, limit)
        own = limit_in_auction(side, limit, rules)
        every = orders if own is None else [*orders, (own, quantity if side == "buy" else -quantity)]
        if pricing == "vertical-demand":
            said = auction.clear_vertical_demand(every, cap)
        elif pricing == "pay-as-bid":
            said = auction.clear_pay_as_bid(every, floor, cap)[0]
        else:
            said = auction.clear(every, floor, cap, rules.price_rule)
        assert found.price_tick == (said.price if said.volume else None)
        # The last Wh of a shared margin goes by the orders' ids, which the curves don't tell.
        assert abs(found.fill_wh - (said.fills[-1] if own is not None else 0)) <= 1


def test_money_is_told_exactly() -> None:
    assert money_text(225_000_000) == "2.25"
    assert money_text(-5_625_000, signed=True) == "−0.05625"
    assert money_text(1) == "0.00000001"
    assert money_text(0) == "0.00"
    assert money_text(300_000_000_000) == "3\u202f000.00"


# The ticket -----------------------------------------------------------------------------------------------------------
def test_the_ticket_reckons_while_it_is_typed_and_sends_only_by_a_second_enter(desk: Desk) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: TradingApp = pilot.app  # type: ignore[assignment]
        pane = await settled(pilot)
        frame, count = app.frame, len(rows_of(pane))
        assert frame is not None
        assert frame.coming is not None
        price_tick = frame.coming.price_tick
        assert price_tick is not None
        await pilot.press("b")
        await typed(pilot, "25.001")
        await pilot.press("down")
        await typed(pilot, "90.01")
        text = screen_text(app)
        assert "▲ BUY" in text
        assert "2.25034001" in text  # 25.001 kWh x 90.01 EUR/MWh, held to the last digit
        assert money_text(-25_001 * (price_tick + 100), signed=True) in text
        assert "+35.001" in text  # with the 10 kWh that are open
        await pilot.press("enter")
        await pilot.pause()
        assert "BUY ▲ 25.001 kWh at up to 90.01 EUR/MWh in the auction of" in screen_text(app)
        await pilot.press("escape")
        assert isinstance(app.screen, OrderTicket)
        await pilot.press("enter", "enter")
        await settled(pilot)
        await shown(pilot, lambda frame: len(frame.orders) == 2)
        pane = await settled(pilot)
        assert rows_of(pane)[0] == ("▲ BUY", "working", "25.001", "0.000", "90.01")
        assert len(rows_of(pane)) == count + 1
        assert pane.working[-1] == app.frame.orders[-1].id  # type: ignore[union-attr]

    on_app(desk, act)
    seat_of(desk, ANN).execute("order.cancel", {"order": max(desk.book.market.orders)})  # type: ignore[union-attr]


def test_what_is_typed_ahead_goes_where_it_would_go_slowly(desk: Desk) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: Any = pilot.app
        await settled(pilot)
        # All at once: a ticket with its fields, its review and sending; then another one, up to the review.
        for key in (
            *("b", "5", "tab", *("backspace",) * 9, *"300", "enter", "enter"),
            *("s", "7", "down", *("backspace",) * 9, "9", "up", "end", "1", "enter"),
        ):
            app.post_message(Key(key, key if len(key) == 1 else None))
        await until(lambda: isinstance(app.screen, OrderTicket) and app.screen.is_review and app.screen.side == "sell")
        assert (app.screen.texts["quantity_kwh"], app.screen.texts["price"]) == ("71", "9")
        frame = await shown(pilot, lambda frame: len(frame.orders) == 2)
        assert (frame.orders[-1].quantity_wh, frame.orders[-1].price_tick) == (5000, 30_000)
        for key, letter in (
            ("escape", None),
            ("escape", None),
            ("colon", ":"),
            *((n, n) for n in "theme"),
            ("home", None),
            ("x", "x"),
        ):
            app.post_message(Key(key, letter))
        line = app.prompt.query_one(Input)
        await until(lambda: line.value == "xtheme")

    on_app(desk, act)
    seat_of(desk, ANN).execute("order.cancel", {"order": max(desk.book.market.orders)})  # type: ignore[union-attr]


WRONG = (
    ("quantity_kwh", "abc", "quantity_kwh = abc: must be a number"),
    ("quantity_kwh", "0", "quantity_kwh = 0: must lie between 0.001 and"),
    ("quantity_kwh", "1.0001", "must have at most 3 decimals"),
    ("price", "9000", "price = 9000.00: must lie between -500.00 and 4000.00"),
    ("until", "25:99", "until = 25:99: must be a time such as"),
    ("until", "2026-05-25T00:15", "must be after the next interval"),
)


def test_what_is_wrong_is_told_in_one_line_and_not_sent(desk: Desk) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: TradingApp = pilot.app  # type: ignore[assignment]
        for field, words, said in WRONG:
            await pilot.press("s")
            await pilot.pause()
            app.screen.query_one("#quantity_kwh", Input).value = "5"
            app.screen.query_one(f"#{field}", Input).value = words
            await pilot.pause()
            assert said in screen_text(app)
            await pilot.press("enter", "enter", "enter")
            assert isinstance(app.screen, OrderTicket)
            assert not app.screen.is_review
            await pilot.press("escape")

    on_app(desk, act)


def test_an_empty_ticket_asks_for_a_quantity(desk: Desk) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("b", "delete", "enter", "enter")  # what was under the cursor is taken out
        await pilot.pause()
        assert "quantity_kwh: must be given" in screen_text(pilot.app)
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, OrderTicket)

    on_app(desk, act)


def test_a_click_never_trades_and_keys_change_the_side(desk: Desk) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: TradingApp = pilot.app  # type: ignore[assignment]
        sequence = (await shown(pilot)).sequence
        await pilot.press("b")
        await typed(pilot, "2")
        await pilot.click(SideChoice, offset=(15, 0))
        ticket: OrderTicket = app.screen  # type: ignore[assignment]
        assert ticket.side == "sell"
        await pilot.press("left")
        assert ticket.side == "buy"
        await pilot.press("s")
        assert ticket.side == "sell"
        assert "SELL" in str(ticket.query_one("Vertical").border_title)
        await pilot.click(ReviewButton)
        await pilot.pause()
        assert ticket.is_review
        for _ in range(3):
            await pilot.click("#review")
            await pilot.click("#wrong")
        assert app.screen is ticket
        assert "SELL ▼ 2.000 kWh for at least" in screen_text(app)
        await pilot.press("escape", "escape")
        assert (await shown(pilot)).sequence == sequence

    on_app(desk, act)


def test_the_market_goes_on_under_the_ticket_and_a_halt_stops_it(desk: Desk) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: TradingApp = pilot.app  # type: ignore[assignment]
        before = await shown(pilot)
        await pilot.press("b")
        await typed(pilot, "2")
        await pilot.press("enter")
        await elsewhere(desk, lambda other: advance(other, 1))
        after = await shown(pilot, lambda frame: frame.next_utc > before.next_utc)
        ticket: OrderTicket = app.screen  # type: ignore[assignment]
        assert ticket.frame is after
        assert ticket.is_review  # the coming auction is another, and the review says which
        assert ticket.draft.auctions(after).split()[-1] in screen_text(app)
        await elsewhere(desk, lambda other: seat_of(other).execute("market.halt", {"reason": "fire drill"}))
        await shown(pilot, lambda frame: bool(frame.halted))
        assert not ticket.is_review
        await pilot.press("enter", "enter")
        await pilot.pause()
        assert app.screen is ticket
        assert "the desk is halted" in screen_text(app)

    try:
        on_app(desk, act)
    finally:
        seat_of(desk).execute("market.resume", {})


def test_the_ticket_takes_what_is_under_the_cursor(desk: Desk) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: TradingApp = pilot.app  # type: ignore[assignment]
        frame = await shown(pilot)
        until = utc_text(frame.next_utc + 5 * STEP_S)
        given = {"quantity_kwh": "7.5", "price": "-3.10", "until": until, "colour": "red"}
        got: list[Any] = []
        app.push_screen(OrderTicket("sell", given, frame), got.append)
        await pilot.pause()
        await pilot.press("enter", "enter")
        await pilot.pause()
        assert got == [{"side": "sell", "quantity_kwh": "7.5", "price": "-3.10", "until": until}]

    on_app(desk, act)


@pytest.mark.parametrize("size", [(80, 24), (200, 56)])
def test_nothing_of_the_ticket_is_cut(desk: Desk, size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("s")
        await typed(pilot, "1000")
        text = screen_text(pilot.app)
        for words in ("Order ticket", "▼ SELL", "held at most", "gate closes in", "empty: next only", "Enter reviews"):
            assert words in text, words

    on_app(desk, act, size=size)
