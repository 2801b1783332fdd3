"""What the desktops look like, as text, at four sizes; and that a theme changes colours only."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.ui.desks import SIZES, make_desk, on_desk, running, seat_of, shown
from tests.ui.screens import check_golden
from voltadesk.store.desk import Desk
from voltadesk.ui.app import DeskApp
from voltadesk.ui.picture import screen_strips, screen_text

NAMES = ("market", "fleet", "fund", "ledger", "admin")
INTERVALS = 120


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A day and a quarter of the small town, with something of everything in it."""
    with make_desk(tmp_path_factory.mktemp("desktops") / "desk") as desk:
        owner, holder = seat_of(desk), seat_of(desk, "town-cooperative")
        for done in range(0, INTERVALS, 40):
            owner.advance(40)
            owner.execute("fund.invest", {"amount": f"{1000 + done}"}, f"invest-{done}")
            owner.execute("order.place", {"side": "buy", "quantity_kwh": "2.5", "price": "60"}, f"buy-{done}")
        holder.execute("fund.redeem", {"shares": "1000"}, "redeem")
        owner.advance(1)
        owner.execute("order.place", {"side": "sell", "quantity_kwh": "1.25", "price": "300"}, "sell")
        yield desk


def on_screen(desk: Desk, act: Any, **given: Any) -> Any:
    async def run() -> Any:
        with running(desk, **given) as runner:
            app = DeskApp(runner)
            async with app.run_test(size=SIZES[0]) as pilot:
                await shown(pilot)
                result = await act(pilot)
            assert not app.faults, app.faults
            return result

    return asyncio.run(run())


async def settled(pilot: Pilot[Any]) -> str:
    """The screen's text once what panes read beside the loop is there."""
    await shown(pilot)
    before = ""
    for _ in range(100):
        await pilot.pause(0.1)
        text = screen_text(pilot.app)
        if text == before and "…" not in text.replace("… ", "").splitlines()[-2]:
            return text
        before = text
    raise AssertionError("the screen does not come to rest")


@pytest.mark.parametrize("name", NAMES)
def test_desktops(desk: Desk, name: str, is_update: bool) -> None:
    async def act(pilot: Pilot[Any]) -> dict[str, str]:
        await pilot.press(str(NAMES.index(name) + 1))
        texts = {}
        for w, h in SIZES:
            await pilot.resize_terminal(w, h)
            texts[f"{w}x{h}"] = text = await settled(pilot)
            assert {strip.cell_length for strip in screen_strips(pilot.app)} == {w}
            colors = {str(segment.style) for strip in screen_strips(pilot.app) for segment in strip}
            pilot.app.theme = "light"
            assert await settled(pilot) == text, "a theme must not change a glyph"
            assert not colors & {str(s.style) for strip in screen_strips(pilot.app) for s in strip if s.style}
            pilot.app.theme = "dark"
        return texts

    for size, text in on_screen(desk, act).items():
        check_golden(f"desktop-{name}-{size}", text, is_update)


def test_a_new_desk_without_anything_is_shown_too(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        for key in "123456":
            await pilot.press(key)
            assert "LIVE" in await settled(pilot)

    with make_desk(tmp_path / "desk") as new:
        on_screen(new, act)


def test_replay_is_on_every_desktop_and_never_taken_for_live(desk: Desk) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("left_square_bracket")
        await shown(pilot, lambda frame: frame.clock.is_replay)
        for key in "123456":
            await pilot.press(key)
            text = await settled(pilot)
            assert "↺ REPLAY" in text
            assert "● LIVE" not in text

    on_screen(desk, act)


def test_a_desktop_that_comes_back_is_fed_without_waiting_for_the_next_picture(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> list[str]:
        app: Any = pilot.app
        for key in "231":
            await pilot.press(key)
            await shown(pilot)
        for timer in list(app._timers):  # no picture comes by itself any more
            timer.stop()
        fed = []
        for key in "2132":
            for desktop in app.opened:
                desktop.fed = None
            await pilot.press(key)
            for _ in range(500):
                if app.desktop.fed is app.runner.frame:
                    fed.append(app.desktop.NAME)
                    break
                await pilot.pause(0.01)
        return fed

    fed = on_desk(tmp_path / "desk", act)
    assert fed == ["fleet", "market", "fund", "fleet"]


def test_desktops_are_made_and_seen_without_styling_everything_anew(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> tuple[int, int]:
        app: Any = pilot.app
        times, refresh_css = [0], app.refresh_css

        def counted(animate: bool = True) -> None:
            times[0] += 1
            refresh_css(animate)

        app.refresh_css = counted
        for key in "231":
            await pilot.press(key)
            await shown(pilot)
        opened = times[0]
        app.theme = "light"
        await pilot.press("2")
        ground = app.desktop.query_one("#panes").background_colors[1]
        await pilot.press("3")
        assert app.desktop.query_one("#panes").background_colors[1] == ground
        return opened, times[0]

    opened, themed = on_desk(tmp_path / "desk", act)
    assert opened == 0
    assert themed > 0
