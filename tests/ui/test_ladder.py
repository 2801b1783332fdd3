"""The order book on the screen: ladder against the engine's book, ticket, cancelling, tape, and where they are seen."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.ui.book_desks import ANN, OWNER, churn, fill_books, order, product
from tests.ui.desks import SIZES, make_desk, seat_of, shown
from tests.ui.screens import check_golden
from tests.ui.test_desktops import on_screen, settled
from tests.ui.trading import elsewhere
from voltadesk.desk.commands import moment_utc
from voltadesk.desk.refusal import Refusal
from voltadesk.engine.book_events import SIDE_BUY, SIDE_SELL
from voltadesk.scenario.read import find_scenario
from voltadesk.store.desk import Desk
from voltadesk.ui.book_outlook import book_outlook
from voltadesk.ui.books import BookReader, Books
from voltadesk.ui.charts.ladder import ENERGY, HEAD, Ladder
from voltadesk.ui.choice import Choice
from voltadesk.ui.dialogs.form import Form
from voltadesk.ui.dialogs.ticket import OrderTicket
from voltadesk.ui.draft import draft_of
from voltadesk.ui.panes.books import BooksPane
from voltadesk.ui.picture import screen_strips, screen_text
from voltadesk.ui.text import PRICE
from voltadesk.ui.ticket_book import book_figures

STEPS = 3  # of the random history
CROSSING = (
    (OWNER, "buy", "91.00"), (OWNER, "sell", "92.50"), (ANN, "sell", "90.00"), (ANN, "buy", "89.00"),
    (OWNER, "buy", "90.00"), (ANN, "sell", "90.50"),
)  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with make_desk(tmp_path / "desk") as desk:
        seat_of(desk).advance(8)
        fill_books(desk)
        yield desk


def books_of(desk: Desk, actor: str = ANN) -> Books:
    market = desk.book.market
    assert market is not None
    return BookReader(desk).read(market, desk.book.ledger, actor)


def ladder_of(pilot: Pilot[Any]) -> Ladder:
    return pilot.app.screen_stack[0].query_one(Ladder)


async def opened(pilot: Pilot[Any]) -> Ladder:
    """The ladder, with the focus."""
    await pilot.press("D")
    await shown(pilot)
    ladder = ladder_of(pilot)
    assert ladder.has_focus
    return ladder


async def caught_up(pilot: Pilot[Any], desk: Desk) -> None:
    """Wait until what another process wrote is on the screen."""
    await shown(pilot, lambda frame: not desk.journal.is_behind() and frame.sequence == desk.journal.head().seq)


@pytest.fixture
def calling_desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk whose products open and close by calls; some of everything in one that is in its opening call."""
    calls = "\n[continuous]\nopen_intervals = 12\nopening_call_intervals = 4\nclosing_call_intervals = 2\n"
    scenario = tmp_path / "calls.toml"
    scenario.write_text(find_scenario("quickstart").read_text("utf-8") + calls, "utf-8")
    with make_desk(tmp_path / "desk", str(scenario)) as desk:
        seat_of(desk).advance(8)
        for n, (actor, side, price) in enumerate(CROSSING):
            order(desk, actor, side, f"{n + 1}.5", price, ahead=10)
        yield desk


# What is shown --------------------------------------------------------------------------------------------------------
def test_cells_are_the_books_depth_whatever_happens(tmp_path: Path) -> None:
    """After random orders of two actors every price on the ladder says what the engine's book says."""

    async def act(pilot: Pilot[Any]) -> None:
        ladder = await opened(pilot)
        await pilot.press("z")
        for _ in range(STEPS):
            await elsewhere(desk, lambda other: churn(other, draw, 25))
            await caught_up(pilot, desk)
            for start_utc, each in desk.book.market.continuous.products.items():  # type: ignore[union-attr]
                ladder.screen.query_one("#ladder").choose(start_utc)  # type: ignore[attr-defined]
                await pilot.pause()
                _check_cells(ladder, each)

    draw = random.Random(11)
    with make_desk(tmp_path / "desk") as desk:
        seat_of(desk).advance(2)
        churn(desk, draw, 10)
        on_screen(desk, act, actor=ANN)


def _check_cells(ladder: Ladder, traded: Any) -> None:
    lines = ladder.cells.text().splitlines()
    depth = [*traded.book.depth(SIDE_SELL, 200)[::-1].tolist(), *traded.book.depth(SIDE_BUY, 200).tolist()]
    offers = len(traded.book.depth(SIDE_SELL, 200))
    own = {order.price_tick: order for order in reversed(ladder.product.own)}  # type: ignore[union-attr]
    seen = [line[:90] for line in lines[HEAD:-1] if line[:90].strip()]
    assert len(seen) == len(depth), "the screen is high enough for all of them"
    for n, (line, (tick, shown_wh, _, _)) in enumerate(zip(seen, depth, strict=True)):
        left, right = line.split(PRICE.show(tick), 1)
        assert ENERGY.show(shown_wh) in (right if n < offers else left).split()
        assert ("▸" in left or "◂" in right) == (tick in own)
    for number, ticket in traded.tickets.items():
        if ticket.actor == ANN:
            mine = next(each for each in ladder.product.own if each.entry == ticket.entry)  # type: ignore[union-attr]
            assert (mine.ahead, mine.ahead_wh) == traded.book.ahead(number)


def test_nothing_is_made_anew_while_nothing_changes(desk: Desk) -> None:
    market = desk.book.market
    assert market is not None
    reader = BookReader(desk)
    first = reader.read(market, desk.book.ledger, ANN)
    assert reader.read(market, desk.book.ledger, ANN) is first
    near, far = first.products.values()
    order(desk, OWNER, "buy", "1", "70.00", ahead=4)
    second = reader.read(market, desk.book.ledger, ANN)
    assert second.products[near.start_utc] is near
    assert second.products[far.start_utc] is not far
    assert reader.read(market, desk.book.ledger, OWNER).products[near.start_utc].own != near.own


def test_what_an_order_would_come_to_is_what_it_comes_to(tmp_path: Path) -> None:
    draw = random.Random(3)
    with make_desk(tmp_path / "desk") as desk:
        seat_of(desk).advance(2)
        churn(desk, draw, 30)
        for _ in range(30):
            start_utc = desk.book.market.next_utc + 900 * 2  # type: ignore[union-attr]
            before = books_of(desk).of(start_utc)
            side, kwh = draw.choice(("buy", "sell")), draw.randint(1, 8)
            tick = draw.randint(8000, 10_000)
            found = book_outlook(before, side, kwh * 1000, tick)
            placed = order(desk, ANN, side, str(kwh), f"{tick / 100:.2f}", ahead=2)
            after = books_of(desk).of(start_utc)
            if not placed.startswith("o-"):
                assert "SELF_TRADE" in placed or found.meets, placed
                continue
            moved_wh = abs(after.position.net_wh - before.position.net_wh)
            hidden = any(level.orders for level in before.bids + before.asks)
            assert moved_wh >= found.fill_wh  # hidden parts can only add to it
            assert hidden
            if moved_wh == found.fill_wh:
                assert after.position.net_wh == found.position_wh
            assert after.position.held_e8 <= before.position.held_e8 + found.more_e8
            if not moved_wh:
                assert after.position.held_e8 == before.position.held_e8 + found.more_e8
                (mine,) = [each for each in after.own if each.id == placed]
                assert (mine.ahead, mine.ahead_wh) == (found.ahead, found.ahead_wh)


# Keys -----------------------------------------------------------------------------------------------------------------
def test_keys_go_to_prices_ticks_and_products(desk: Desk) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        ladder = await opened(pilot)
        assert ladder.product is not None
        await pilot.press("down")
        assert ladder.price_tick == 8950
        await pilot.press("up", "up")
        assert ladder.price_tick == 9060
        await pilot.press("escape", "plus")
        assert ladder.price_tick == 8950
        await pilot.press("plus")
        assert ladder.price_tick == 8951
        assert "nobody is there" in ladder.cells.text()
        line = ladder._line()
        await elsewhere(desk, lambda other: order(other, OWNER, "sell", "1", "91.00"))
        await elsewhere(desk, lambda other: order(other, OWNER, "sell", "1", "91.50"))
        await caught_up(pilot, desk)
        assert (ladder.price_tick, ladder._line()) == (8951, line)  # it stays where it is
        first = ladder.product.start_utc
        await pilot.press("right")
        assert ladder.product.start_utc == first + 900
        assert ladder.price_tick is None
        await pilot.press("greater_than_sign")
        assert ladder.product.start_utc == first + 3 * 900
        await pilot.press("less_than_sign", "left")
        assert ladder.product.start_utc == first
        await pilot.press("end")
        assert "product 96 of 96" in screen_text(pilot.app)

    on_screen(desk, act, actor=ANN)


def test_a_level_fills_the_ticket_and_two_enters_send_it(desk: Desk) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: Any = pilot.app
        ladder = await opened(pilot)
        await pilot.press("down", "s")
        await pilot.pause()
        ticket: OrderTicket = app.screen
        assert ticket.texts["price"] == "89.50"
        assert ticket.draft.product_utc == ladder.product.start_utc  # type: ignore[union-attr]
        await pilot.press("2")
        text = screen_text(app)
        assert "in the book of" in text
        assert "1.750" in text  # would fill now
        assert "+0.156625" in text  # 1.75 kWh at 89.50
        await pilot.press("enter")
        assert "SELL ▼ 2.000 kWh for at least 89.50" in screen_text(app)
        assert "limit, good until the gate closes" in ticket.draft.told(app.frame)
        assert "Enter sends, Esc goes back" in screen_text(app)
        await pilot.press("enter")
        await shown(pilot, lambda frame: len(frame.in_books) == 3)
        assert ladder.product.trades[0].energy_wh == 1750  # type: ignore[union-attr]
        await settled(pilot)
        assert "partial" in screen_text(app)

    on_screen(desk, act, actor=ANN)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (("right",), "market never stays"),
        (("right", "right"), "post-only must stay"),
        (("right", "right", "right"), "iceberg must stay"),
    ],
)
def test_what_does_not_fit_is_dimmed_and_says_why(desk: Desk, keys: tuple[str, ...], said: str) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        await opened(pilot)
        await pilot.press("down", "b", "1", "down", "down", *keys)
        await pilot.pause()
        text = screen_text(pilot.app)
        assert said in text
        ticket: Any = pilot.app.screen
        tif = ticket.query_one("#tif", Choice)
        assert tif.value not in tif.barred
        await pilot.click("#tif", offset=(17 if "must" in said else 2, 0))
        assert tif.value not in tif.barred

    on_screen(desk, act, actor=ANN)


KINDS = (
    ({"order_kind": "market"}, {"tif": "ioc"}, "", "market"),
    ({"order_kind": "post-only"}, {"tif": "gfs"}, "80.00", "post-only"),
    ({"order_kind": "iceberg"}, {"tif": "gfs", "display_kwh": "1"}, "80.00", "iceberg"),
    ({"order_kind": "limit"}, {"tif": "fok"}, "92.00", "limit"),
    ({"order_kind": "limit"}, {"tif": "gtt", "until": "+1h"}, "80.00", "limit"),
)


def test_every_kind_can_be_ordered_by_the_ticket(desk: Desk) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: Any = pilot.app
        await shown(pilot)
        for kind, more, price, told in KINDS:
            sent: list[Any] = []
            ticket = OrderTicket("buy", {"product": product(desk, 2), "quantity_kwh": "2", "price": price}, app.frame)
            app.push_screen(ticket, sent.append)
            await pilot.pause()
            ticket.query_one("#order_kind", Choice).choose(kind["order_kind"])
            await pilot.pause()
            ticket.query_one("#tif", Choice).choose(more["tif"])
            await pilot.pause()
            for name in set(more) & {"display_kwh", "until"}:
                assert ticket.query_one(f"#{name}-row").display
                ticket.query_one(f"#{name}", Input).value = more[name]
            await pilot.pause()
            await pilot.press("enter")
            assert told in screen_text(app)
            await pilot.press("enter")
            await pilot.pause()
            (body,) = sent
            assert body.items() >= (kind | {"tif": more["tif"], "product": product(desk, 2)}).items()
            assert ("price" in body) == bool(price)

    on_screen(desk, act, actor=ANN)


def test_what_the_book_would_refuse_is_not_sent(desk: Desk) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: Any = pilot.app
        await shown(pilot)
        for given, said in (
            ({"product": "2027-01-01T00:00Z"}, "must be open"),
            ({"price": ""}, "price: must be given"),
            ({"price": "9000"}, "must lie between"),
            ({"quantity_kwh": "9000000", "price": "4000"}, "more of the trading limit"),
        ):
            body = {"product": product(desk, 2), "quantity_kwh": "2", "price": "80"} | given
            app.push_screen(OrderTicket("buy", body, app.frame))
            await pilot.pause()
            await pilot.press("enter", "enter")
            await pilot.pause()
            assert said in screen_text(app), said
            assert not app.screen.is_review
            await pilot.press("escape")
        # What depends on what stands there is told, and left to the book.
        app.push_screen(
            OrderTicket("buy", {"product": product(desk), "quantity_kwh": "9", "price": "90.25"}, app.frame)
        )
        await pilot.pause()
        assert "it would meet your" in screen_text(app)

    on_screen(desk, act, actor=ANN)


def test_own_orders_are_cancelled_at_their_level_and_all_at_once(desk: Desk) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: Any = pilot.app
        ladder = await opened(pilot)
        await pilot.press("down", "x")
        await pilot.pause()
        assert "working order of yours" in screen_text(app)
        await pilot.press("down", "x")
        await pilot.pause()
        assert isinstance(app.screen, Form)
        own = ladder.product.own_at(8940)[0].id  # type: ignore[union-attr]
        assert app.screen.given == {"order": own}
        await pilot.press("enter", "enter")
        await shown(pilot, lambda frame: own not in frame.in_books)
        assert not ladder.product.own_at(8940)  # type: ignore[union-attr]
        await pilot.press("X")
        await pilot.pause()
        assert "cancels one order" in screen_text(app)
        await pilot.press("enter")
        await shown(pilot, lambda frame: not frame.in_books)

    on_screen(desk, act, actor=ANN)


def test_a_click_never_trades(desk: Desk) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: Any = pilot.app
        ladder = await opened(pilot)
        sequence = app.frame.sequence
        for y in range(ladder.size.height):
            await pilot.click(Ladder, offset=(20, y))
            await pilot.click(Ladder, offset=(20, y), times=2)
        assert app.screen is app.desktop
        assert ladder.price_tick is not None
        assert (await shown(pilot)).sequence == sequence

    on_screen(desk, act, actor=ANN)


# Where it is seen -----------------------------------------------------------------------------------------------------
def test_books_and_ladder_take_the_place_of_the_products(desk: Desk) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: Any = pilot.app
        assert app.desktop.shared == "board"
        await pilot.press("D", "z", "D")
        await pilot.pause()
        assert app.desktop.shared == "books"
        assert app.desktop.maximized is app.desktop.query_one(BooksPane)
        await settled(pilot)
        text = screen_text(app)
        assert "+1.250" in text
        assert "90.19" in text
        await pilot.press("z", "down", "enter")
        await pilot.pause()
        assert app.desktop.shared == "ladder"
        assert ladder_of(pilot).product.volume_wh == 1000  # type: ignore[union-attr]
        kept = app.desktop.remember()
        await pilot.press("D", "D")
        assert app.desktop.shared == "board"
        app.desktop.recall(kept)
        assert app.desktop.shared == "ladder"
        app.desktop.recall({"shared": "[b]"})
        assert app.desktop.shared == "ladder"

    on_screen(desk, act, actor=ANN)


def test_trades_in_books_are_on_the_tape_and_the_network_stays(desk: Desk) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        frame = await shown(pilot)
        assert len(frame.since) == 5
        assert frame.since[0].participant == f"with {OWNER}:{ANN}"
        assert frame.tape[0].start_utc < frame.next_utc  # deliveries are those of the last interval
        await pilot.press("left_square_bracket")
        frame = await shown(pilot, lambda frame: frame.clock.is_replay)
        assert frame.since == ()
        assert frame.books is None
        await pilot.press("D")
        assert "L goes live" in await settled(pilot)

    on_screen(desk, act)


def test_the_gate_comes_nearer_and_closes(desk: Desk) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        ladder = await opened(pilot)
        assert "closes after the next interval" in screen_text(pilot.app)
        start_utc = ladder.product.start_utc  # type: ignore[union-attr]
        await pilot.press("right_square_bracket")
        await shown(pilot, lambda frame: frame.next_utc == start_utc)
        assert "closed" in screen_text(pilot.app)
        assert not ladder.product.own  # type: ignore[union-attr]
        await pilot.press("right_square_bracket")
        await shown(pilot, lambda frame: frame.next_utc > start_utc)
        assert ladder.product.start_utc > start_utc  # type: ignore[union-attr]

    on_screen(desk, act)


@pytest.mark.parametrize("name", ["ladder", "books"])
def test_looks(desk: Desk, name: str, is_update: bool) -> None:
    async def act(pilot: Pilot[Any]) -> dict[str, str]:
        await pilot.press("D", *(("down",) if name == "ladder" else ("D",)))
        texts = {}
        for w, h in SIZES:
            await pilot.resize_terminal(w, h)
            pilot.app.desktop.query_one(f"#{name}").scroll_visible(animate=False)  # type: ignore[attr-defined]
            texts[f"{w}x{h}"] = text = await settled(pilot)
            assert {strip.cell_length for strip in screen_strips(pilot.app)} == {w}
            pilot.app.theme = "light"
            assert await settled(pilot) == text, "a theme must not change a glyph"
            pilot.app.theme = "dark"
        return texts

    for size, text in on_screen(desk, act, actor=ANN).items():
        check_golden(f"market-{name}-{size}", text, is_update)


# Calls ----------------------------------------------------------------------------------------------------------------
def test_a_call_is_shown_as_what_it_would_trade(calling_desk: Desk, is_update: bool) -> None:
    desk = calling_desk
    product_of = books_of(desk).of(moment_utc(product(desk, 10)))
    assert (product_of.call, product_of.call_wh, product_of.call_tick) == ("opening call", 3_500, 9_000)
    assert books_of(desk).of(moment_utc(product(desk, 11))).call == "opening call"
    assert books_of(desk).of(moment_utc(product(desk, 5))).call == ""
    assert books_of(desk).of(moment_utc(product(desk, 2))).call == "closing call"
    crossing = book_outlook(product_of, "buy", 1_000, 9_100)
    assert (crossing.fill_wh, crossing.meets, crossing.ahead) == (0, "o-11", 1)
    assert book_outlook(product_of, "sell", 1_000, 9_000).ahead_wh == 3_500

    async def act(pilot: Pilot[Any]) -> dict[str, str]:
        await pilot.press("D", "down")
        texts = {}
        for w, h in SIZES:
            await pilot.resize_terminal(w, h)
            pilot.app.desktop.query_one("#ladder").scroll_visible(animate=False)  # type: ignore[attr-defined]
            texts[f"{w}x{h}"] = await settled(pilot)
        return texts

    for size, text in on_screen(desk, act, actor=ANN).items():
        check_golden(f"market-call-{size}", text, is_update)


def test_a_ticket_in_a_call_takes_what_can_be_collected(calling_desk: Desk) -> None:
    desk = calling_desk

    async def act(pilot: Pilot[Any]) -> None:
        app: Any = pilot.app
        given = {"quantity_kwh": "1", "price": "91", "product": product(desk, 10), "order_kind": "limit"}
        draft = draft_of("buy", given | {"tif": "gfs"}, app.frame)
        lines = [figure.remark for figure in book_figures(app.frame, draft)]
        assert "refused: it would meet your o-11" in lines
        draft = draft_of("buy", given | {"price": "70", "tif": "gfs"}, app.frame)
        assert "collected for the opening call" in [figure.remark for figure in book_figures(app.frame, draft)]
        with pytest.raises(Refusal, match="IN_CALL: order_kind = ioc: must be limit or iceberg in a call"):
            draft_of("buy", given | {"tif": "ioc"}, app.frame)

    on_screen(desk, act, actor=ANN)
