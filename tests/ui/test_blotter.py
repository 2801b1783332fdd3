"""The blotter: every fate of an order, live and in replay, against receipts and book; cursor, cancelling, restarts."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.ui.desks import make_desk, running, seat_of, shown
from tests.ui.trading import (
    ANN,
    STEP_S,
    TradingApp,
    advance,
    elsewhere,
    on_app,
    place,
    rows_of,
    settled,
    traded_desk,
)
from voltadesk.clock import utc_text
from voltadesk.desk.market import Market
from voltadesk.desk.refusal import Refusal
from voltadesk.store.desk import Desk
from voltadesk.ui.blotter import AVERAGE, CASH, ENTRY, FILLED_WH, HELD, ORDER, ORDERED, RULE, SIDE, Blotter, Moment
from voltadesk.ui.dialogs.ticket import OrderTicket
from voltadesk.ui.picture import screen_text
from voltadesk.ui.table import Table


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with traded_desk(tmp_path_factory.mktemp("trading") / "desk") as desk:
        yield desk


def test_every_fate_of_an_order_is_told(desk: Desk) -> None:
    async def act(pilot: Pilot[Any]) -> tuple[list[tuple[str, ...]], str]:
        pane = await settled(pilot)
        return rows_of(pane), pane.lower

    rows, standing = on_app(desk, act)
    sold = next(row for row in rows if row[2] == "900.000")
    assert sold[:2] == ("▼ SELL", "expired")
    assert 0 < float(sold[3]) < 900
    assert [row[:4] for row in rows if row is not sold] == [
        ("▲ BUY", "working", "10.000", "0.000"),
        ("CANCEL", "rejected", "·", "·"),
        ("▲ BUY", "cancelled", "1.000", "0.000"),
        ("▲ BUY", "rejected", "3.000", "·"),
        ("▲ BUY", "expired", "3.000", "0.000"),
        ("▲ BUY", "filled", "5.500", "5.500"),
    ]
    assert rows[-1][4] == "any"
    assert "1 working · 1 filled · 2 rejected" in standing


def test_the_blotter_agrees_with_receipts_and_the_book(desk: Desk) -> None:
    """Money, average and what is held, against the trades themselves."""
    head = desk.journal.head().seq
    lines = Blotter(ANN).follow(desk, Moment(head, head, desk.book.now_utc))
    market = desk.book.market
    assert market is not None
    open_orders = {order.id: order for order in market.orders.values() if order.actor == ANN}
    assert set(lines.working) == set(open_orders)
    for row in lines.rows:
        order, filled_wh, average_tick, cash_e8, held_e8 = (
            row[ORDER],
            row[FILLED_WH],
            row[AVERAGE],
            row[CASH],
            row[HELD],
        )
        fills = list(desk.trades(participant=f"order:{order}"))
        if row[SIDE] == "cancel":
            assert row[RULE].startswith("NOT_FOUND: order = ")
        elif order:
            assert filled_wh == sum(abs(fill.energy_wh) for fill in fills)
            assert cash_e8 == (sum(fill.amount_e8 + fill.fees_e8 for fill in fills) if fills else None)
            assert held_e8 == (open_orders[order].held_e8 if order in open_orders else None)
            if fills:
                assert abs(abs(cash_e8) - average_tick * filled_wh) <= filled_wh / 2
    assert sum(bool(row[FILLED_WH]) for row in lines.rows) == 2
    assert any("must lie between" in (row[RULE] or "") for row in lines.rows)


def test_another_actor_sees_its_own_and_a_restart_the_same(desk: Desk) -> None:
    async def act(pilot: Pilot[Any]) -> list[Any]:
        app: TradingApp = pilot.app  # type: ignore[assignment]
        seen = [rows_of(await settled(pilot))]
        for actor in ("owner", ANN):
            app.runner.sit(actor, Path())
            await shown(pilot, lambda frame, actor=actor: frame.actor == actor)  # type: ignore[misc]
            seen.append(rows_of(await settled(pilot)))
        return seen

    first, owners, again = on_app(desk, act)
    assert first == again
    assert [row[:3] for row in owners] == [("CANCEL", "denied", "·"), ("▲ BUY", "expired", "3.000")]
    with Desk.open(desk.journal.path.parent) as reopened:
        assert on_app(reopened, lambda pilot: _rows(pilot)) == first


async def _rows(pilot: Pilot[Any]) -> list[tuple[str, ...]]:
    return rows_of(await settled(pilot))


def test_reading_on_gives_what_reading_anew_gives(tmp_path: Path) -> None:
    """After each command and interval, live; and in replay what was seen then."""
    draw = random.Random(4)
    with make_desk(tmp_path / "desk") as desk:
        follower, seen = Blotter(ANN), []
        for _ in range(60):
            choice = draw.random()
            market = desk.book.market
            assert market is not None
            working = own_orders(market)
            if choice < 0.1 and working:
                with suppress(Refusal):
                    body = {"order": draw.choice(sorted(working)), "quantity_kwh": str(draw.randint(1, 400))}
                    seat_of(desk, ANN).execute("order.amend", body | draw.choice([{}, {"price": "70"}]))
            elif choice < 0.3:
                body = {"side": draw.choice(["buy", "sell"]), "quantity_kwh": str(draw.randint(1, 400)),
                        "tif": draw.choice(["gfs", "ioc"]), "price": str(draw.randint(65, 75)),
                        "product": utc_text(desk.book.now_utc + draw.choice([1, 2]) * STEP_S)}  # fmt: skip
                with suppress(Refusal):
                    seat_of(desk, draw.choice([ANN, "owner"])).execute("order.place", body)
            elif choice < 0.33:
                seat_of(desk, ANN).execute("order.cancel", {"all": True})
            elif choice < 0.5:
                place(desk, draw.choice(["buy", "sell"]), str(draw.randint(1, 400)), str(draw.randint(-20, 160)),
                      draw.choice([0, 1, 2, 8]))  # fmt: skip
            elif choice < 0.6 and market.orders:
                seat_of(desk, ANN).execute("order.cancel", {"order": draw.choice(sorted(market.orders))})
            else:
                advance(desk, draw.randint(1, 3))
            head = desk.journal.head().seq
            moment = Moment(head, head, desk.book.now_utc)
            lines = follower.follow(desk, moment)
            assert lines == Blotter(ANN).follow(desk, moment)
            working = own_orders(market)
            assert set(lines.working) == set(working)
            for row in lines.rows:
                if row[ORDER] in working:
                    assert row[ORDERED] - row[FILLED_WH] == working[row[ORDER]]
                if row[ORDER] in market.orders:
                    assert row[HELD] == market.orders[row[ORDER]].held_e8
            seen.append(lines)
        for earlier in seen:
            past = Moment(head, earlier.moment.entry, earlier.moment.next_utc)
            assert follower.follow(desk, past).rows == earlier.rows
        assert {state for lines in seen for state in lines.counts} > {"working", "filled", "cancelled", "expired"}
        most = max(len(follower.fills(row[ENTRY], head)) for row in seen[-1].rows)
        assert most > 1, "no order was filled over several intervals"


def own_orders(market: Market) -> dict[str, int]:
    """What is left of each open order of Ann's [Wh], in the auction and in books."""
    working = {order.id: order.quantity_wh for order in market.orders.values()}
    for product in market.continuous.products.values():
        for row in product.orders_of(ANN):
            working[product.tickets[int(row["id"])].id] = int(row["shown_wh"] + row["hidden_wh"])
    return working


def test_old_lines_are_dropped_and_counted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voltadesk.ui.blotter.LINES", 3)
    monkeypatch.setattr("voltadesk.ui.blotter.WINDOW", 4)
    head = desk.journal.head().seq
    blotter, moment = Blotter(ANN), Moment(head, head, desk.book.now_utc)
    lines = blotter.follow(desk, moment)
    while lines.read < head:
        assert not lines.rows
        lines = blotter.follow(desk, moment)
    whole = Blotter(ANN)
    monkeypatch.undo()
    full = whole.follow(desk, moment)
    assert 3 <= len(lines.rows) < len(full.rows) == lines.total
    assert lines.rows == full.rows[: len(lines.rows)]
    assert lines.working == full.working


def test_the_cursor_stays_on_its_order_and_cancels_that_one(desk: Desk) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        pane = await settled(pilot)
        table = pane.query_one(Table)
        table.focus()
        table.move_to(next(n for n, row in enumerate(rows_of(pane)) if row[1] == "working"))
        await pilot.pause()
        assert pane.cancel_body() == {"order": pane.working[0]}
        kept, at, count = table.row, table.cursor, len(pane.working)
        for _ in range(2):
            await elsewhere(desk, lambda other: place(other, "buy", "1", "-450", 200))
        await shown(pilot, lambda frame: len(frame.orders) == count + 2)
        await settled(pilot)
        assert table.cursor == at + 2
        assert table.row == kept
        assert pane.prefill("order.cancel") == {"order": pane.working[0]}
        assert pane.prefill("order.place") == {"quantity_kwh": "10", "price": "2.25"}
        await pilot.press("home", "x", "enter", "enter")
        await shown(pilot, lambda frame: len(frame.orders) == count + 1)
        pane = await settled(pilot)
        assert rows_of(pane)[0][:2] == ("▲ BUY", "cancelled")
        assert pane.cancel_body() == {}
        await pilot.press("X", "enter")
        await shown(pilot, lambda frame: not frame.orders)
        assert (await settled(pilot)).working == ()

    on_app(desk, act)


def test_an_order_opens_with_its_fills(desk: Desk) -> None:
    async def act(pilot: Pilot[Any]) -> str:
        pane = await settled(pilot)
        pane.table.focus()
        at = next(n for n, row in enumerate(rows_of(pane)) if row[2] == "900.000")
        pane.table.move_to(at)
        await pilot.press("enter")
        await pilot.pause(0.2)
        return screen_text(pilot.app)

    text = on_app(desk, act)
    assert "fill at" in text
    assert "expired" in text


def test_a_replay_shows_what_was_then(desk: Desk) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: TradingApp = pilot.app  # type: ignore[assignment]
        live = rows_of(await settled(pilot))
        start_utc = desk.book.market.start_utc  # type: ignore[union-attr]
        app.runner.go_to(start_utc + 31 * STEP_S)  # the interval in which the first order was filled is 30
        await shown(pilot, lambda frame: frame.clock.is_replay)
        rows = rows_of(await settled(pilot))
        assert [row[:4] for row in rows] == [
            ("▲ BUY", "expired", "3.000", "0.000"),
            ("▲ BUY", "filled", "5.500", "5.500"),
        ]
        await pilot.press("b")
        assert not isinstance(app.screen, OrderTicket)
        app.runner.go_live()
        await shown(pilot, lambda frame: not frame.clock.is_replay)
        assert rows_of(await settled(pilot)) == live

    on_app(desk, act, actor=ANN)


def test_what_can_not_be_read_is_said_and_the_desk_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        with running(desk, actor=ANN) as runner:
            app = TradingApp(runner)
            async with app.run_test(size=(100, 30)) as pilot:
                await shown(pilot)
                await pilot.pause(0.3)
                assert "can't be read: no such table" in screen_text(app)
            assert app.faults

    def fail(self: Blotter, *given: Any) -> None:
        raise RuntimeError("no such table")

    monkeypatch.setattr(Blotter, "follow", fail)
    asyncio.run(run())
