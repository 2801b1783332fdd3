"""A desk on which orders met every fate, and an app of the blotter alone: what tests of trading share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widget import Widget

from tests.ui.desks import make_desk, running, seat_of, shown
from voltadesk.clock import utc_text
from voltadesk.desk.refusal import Refusal
from voltadesk.store.desk import Desk
from voltadesk.ui.app import DeskApp
from voltadesk.ui.blotter import FILLED_WH, LIMIT_TICK, ORDERED, SIDE, STATE
from voltadesk.ui.desktop import Desktop
from voltadesk.ui.panes.blotter import BlotterPane

ANN = "town-cooperative"
STEP_S = 900


class TradingDesktop(Desktop):
    """A desktop of the blotter alone."""

    NAME = "market"

    def panes(self) -> Iterable[Widget]:
        yield BlotterPane()


class TradingApp(DeskApp):
    MODES = {**DeskApp.MODES, "market": TradingDesktop}  # noqa: RUF012


def place(desk: Desk, side: str, kwh: str, price: str = "", steps: int = 0, actor: str = ANN) -> str:
    """The order's id, or what it was refused for; `steps` is how many intervals it is for."""
    body = {"side": side, "quantity_kwh": kwh}
    body |= {"price": price} if price else {}
    body |= {"until": utc_text(desk.book.now_utc + steps * STEP_S)} if steps else {}
    try:
        return str(seat_of(desk, actor).execute("order.place", body)[0].effects["order"])
    except Refusal as refusal:
        return str(refusal)


def advance(desk: Desk, count: int) -> None:
    seat_of(desk).advance(count)


async def elsewhere(desk: Desk, do: Callable[[Desk], Any]) -> None:
    """Have something done to the desk by another process, as far as this one can tell."""

    def run() -> None:
        with Desk.open(desk.journal.path.parent) as other:
            do(other)

    await asyncio.to_thread(run)


@contextmanager
def traded_desk(folder: Path) -> Iterator[Desk]:
    """A desk on which orders met every fate."""
    with make_desk(folder) as desk:
        advance(desk, 30)
        place(desk, "buy", "5.5")
        advance(desk, 1)
        place(desk, "buy", "3", "-400")
        advance(desk, 1)
        place(desk, "buy", "3", "9000")
        place(desk, "buy", "3", "-400", actor="owner")
        place(desk, "sell", "900", "60", steps=6)
        advance(desk, 3)
        gone = place(desk, "buy", "1", "-100", steps=40)
        seat_of(desk, ANN).execute("order.cancel", {"order": gone})
        with pytest.raises(Refusal, match="no open order"):
            seat_of(desk, ANN).execute("order.cancel", {"order": gone})
        advance(desk, 4)
        last = place(desk, "buy", "10", "2.25", steps=400)
        with pytest.raises(Refusal, match="must be one's own"):
            seat_of(desk).execute("order.cancel", {"order": last})
        yield desk


def on_app(desk: Desk, act: Callable[[Pilot[Any]], Awaitable[Any]], actor: str = ANN, size: Any = (140, 40)) -> Any:
    async def run() -> Any:
        with running(desk, actor=actor) as runner:
            app = TradingApp(runner)
            async with app.run_test(size=size) as pilot:
                await settled(pilot)
                result = await act(pilot)
            assert not app.faults, app.faults
            return result

    return asyncio.run(run())


async def settled(pilot: Pilot[Any]) -> BlotterPane:
    """Wait until the blotter shows what the last frame says."""
    for _ in range(500):
        await shown(pilot)
        pane: BlotterPane = pilot.app.screen_stack[0].query_one(BlotterPane)
        if pane._lines is not None and pane._lines.moment == pane._wanted:
            await pilot.pause()
            return pane
        await pilot.pause(0.02)
    raise AssertionError("the blotter never got there")


async def typed(pilot: Pilot[Any], words: str) -> None:
    for letter in words:
        await pilot.press({".": "full_stop", ":": "colon", "-": "minus"}.get(letter, letter))
    await pilot.pause()


def rows_of(pane: BlotterPane) -> list[tuple[str, ...]]:
    """Side, state, ordered, filled, limit of each row as shown."""
    view, columns = pane.table.view, pane.table.all_columns
    shown = (SIDE, STATE, ORDERED, FILLED_WH, LIMIT_TICK)
    return [tuple(columns[n].show(row[n]) for n in shown) for row in view.rows(0, len(view))]
