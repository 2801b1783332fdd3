"""The fund's desktop as it is used: value, composition, holdings, dividends, the queue, one's own statement."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from tests.ui.desks import on_desk, seat_of, shown
from tests.ui.test_fleet_desktop import given, pane, rows
from voltadesk.ui.charts.figures import Figures
from voltadesk.ui.dialogs.form import Form
from voltadesk.ui.picture import screen_text
from voltadesk.ui.table import Table
from voltadesk.units import decimal_text


def lines(pilot: Pilot[Any], name: str) -> dict[str, str]:
    return {line.label: line.plain for line in pane(pilot, name).query_one(Figures).lines}


async def until(pilot: Pilot[Any], is_so: Any) -> None:
    """Wait for what is read beside the screen."""
    for _ in range(200):
        if is_so():
            return
        await pilot.pause(0.02)
    raise AssertionError("it did not come to that")


def test_money_in_and_out(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("3")
        await shown(pilot)
        assert "You have never invested: i does" in screen_text(pilot.app)

        await given(pilot, "fund.invest", amount="5000")
        await until(pilot, lambda: "Investments  1" in lines(pilot, "statement"))
        assert lines(pilot, "statement")["invested"] == "5000.00000000"
        assert "owner ◂ you" in rows(pilot, "holdings")
        assert "town-cooperative" in rows(pilot, "holdings")

        await given(pilot, "fund.declare", amount="10")
        await given(pilot, "fund.declare", amount="30", return_of_capital=True)
        await given(pilot, "fund.withdraw")
        await given(pilot, "fund.declare", amount="0.5")
        await until(pilot, lambda: len(rows(pilot, "dividends")) == 3)
        await until(pilot, lambda: rows(pilot, "dividends")["1"]["withdrawn"] != "0.00")
        seen = rows(pilot, "dividends")
        assert list(seen) == ["3", "2", "1"], "the newest first"
        assert (seen["2"]["amount"], seen["2"]["kind"], seen["1"]["kind"]) == ("30.00", "capital", "profit")
        assert seen["1"]["own"] == seen["1"]["withdrawn"] == "0.40"
        assert seen["1"]["due"] == "9.60"
        assert seen["3"]["withdrawn"] == "0.00"

        frame = await shown(pilot)
        parts = lines(pilot, "balance")
        assets = ("cash, free", "cash, reserved", "cash for dividends", "batteries", "stored energy", "dividends owed")
        exact = sum(round(float(parts[name]) * 10**8) for name in assets)
        assert exact == frame.fund.nav_e8 == round(float(parts["net asset value"]) * 10**8)

    on_desk(tmp_path / "desk", act, intervals=96, size=(200, 56))


def test_the_queue_and_its_forms(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("3")
        await shown(pilot)
        await given(pilot, "fund.invest", amount="100")
        # Nearly all cash becomes a battery, so that a redemption has to wait.
        bought = {"battery": "big-1", "serial": "b-1", "capacity_kwh": "20", "charge_kw": "5", "discharge_kw": "5"}
        await given(pilot, "battery.buy", cost="120000", **bought)
        await pilot.press("r")
        form = pilot.app.screen
        assert isinstance(form, Form)
        holding = next(each for each in (await shown(pilot)).fund.holdings if each.actor == "owner")
        assert form.given == {"shares": decimal_text(holding.shares, 8)}, "all one's own"
        await pilot.press("escape")

        cooperative = seat_of(pilot.app.runner.desk, "town-cooperative")  # type: ignore[attr-defined]
        cooperative.execute("fund.redeem", {"shares": "50000"})
        await given(pilot, "fund.redeem", shares="10")
        await shown(pilot, lambda frame: len(frame.fund.queue) == 2)
        seen = rows(pilot, "redemptions")
        assert list(seen) == ["1", "2"]
        assert seen["1"]["ahead"] == "0.00"
        assert seen["2"]["ahead"] == seen["1"]["worth"]
        pane(pilot, "redemptions").query_one(Table).focus()
        await pilot.press("down", "C")
        form = pilot.app.screen
        assert isinstance(form, Form)
        assert form.given == {"redemption": "2"}
        await pilot.press("enter", "enter")
        await shown(pilot, lambda frame: len(frame.fund.queue) == 1)
        assert lines(pilot, "statement")["of these waiting"] == "0.00000000"

    on_desk(tmp_path / "desk", act, intervals=2, size=(140, 40))


def test_replay_shows_the_value_of_then(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("3")
        live = await shown(pilot)
        await asyncio.wrap_future(pilot.app.runner.step(-40))  # type: ignore[attr-defined]
        frame = await shown(pilot, lambda frame: frame.clock.is_replay)
        then = int(live.history.nav_e8[-41])
        assert then != live.fund.nav_e8
        parts = lines(pilot, "balance")
        assert round(float(parts["net asset value"]) * 10**8) == then == int(frame.history.nav_e8[-1])
        assert "per share" not in parts, "nobody knows it of then"
        for name in ("holdings", "dividends", "redemptions", "statement"):
            assert "as of now" in pane(pilot, name).lower, name
        for size in ((80, 24), (100, 30), (140, 40), (200, 56)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            titles = {"Net asset value", "Composition", "Holdings", "My statement", "Dividends", "Redemption queue"}
            for _ in range(7):
                await pilot.press("tab")
                await pilot.pause(0.05)
                text = screen_text(pilot.app)
                titles -= {title for title in titles if f"─ {title}" in text}
            assert not titles, (size, titles)

    on_desk(tmp_path / "desk", act, intervals=80, size=(80, 24))


def test_a_desk_that_has_not_begun(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("3")
        await shown(pilot)
        assert "120\u202f000.00" in screen_text(pilot.app)
        await pilot.press("end", "down", "plus", "tab", "tab", "down", "y")

    on_desk(tmp_path / "desk", act, intervals=0, size=(140, 40))
