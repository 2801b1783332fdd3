"""The fleet's desktop as it is used: batteries, dispatch and its reasons, the plan, totals, forms filled in, replay."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from tests.ui.desks import on_desk, shown
from voltadesk.desk.commands import BatterySet, parse_command
from voltadesk.desk.fleet import Battery, unlimited
from voltadesk.ui.charts.figures import Figures
from voltadesk.ui.charts.fleet import FleetChart
from voltadesk.ui.dialogs.form import Form
from voltadesk.ui.frame import BatteryLine, DeskFrame
from voltadesk.ui.pane import Pane
from voltadesk.ui.panes.batteries import health_of, settings_of, strategy_words
from voltadesk.ui.picture import screen_text
from voltadesk.ui.table import Table
from voltadesk.units import PRICE_LIMIT_TICK

BOUGHT = {
    "battery": "bought-1", "serial": "s-1", "capacity_kwh": "20", "charge_kw": "5", "discharge_kw": "5",
    "fill_kwh": "4", "cost": "4000", "wear_cost": "50", "sell_limit": "-400",
}  # fmt: skip


async def opened(pilot: Pilot[Any]) -> DeskFrame:
    await pilot.press("2")
    frame = await shown(pilot)
    await pilot.pause()
    return frame


async def given(pilot: Pilot[Any], kind: str, **body: Any) -> None:
    """Have a command carried out, and its frame shown."""
    receipt = await asyncio.wrap_future(pilot.app.runner.submit(kind, body))  # type: ignore[attr-defined]
    await shown(pilot, lambda frame: frame.sequence >= receipt.seq)


def pane(pilot: Pilot[Any], name: str) -> Pane:
    found: Pane = pilot.app.screen_stack[0].query_one(f"#{name}", Pane)
    return found


def rows(pilot: Pilot[Any], name: str) -> dict[str, dict[str, str]]:
    """What a table shows: its first column, and the others by their headings."""
    table = pane(pilot, name).query_one(Table)
    shown = [
        {column.key: column.show(value) for column, value in zip(table.all_columns, row, strict=True)}
        for row in table.view.rows(0, len(table.view))
    ]
    return {next(iter(row.values())): row for row in shown}


def figures(pilot: Pilot[Any]) -> dict[str, list[str]]:
    """Values of the totals by their labels, in order."""
    found: dict[str, list[str]] = {}
    for line in pane(pilot, "fleet-totals").query_one(Figures).lines:
        found.setdefault(line.label, []).append(line.value)
    return found


def test_what_the_fleet_did_and_would_do(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        frame = await opened(pilot)
        history = frame.history
        cellar = rows(pilot, "batteries")["cellar-5"]
        n = history.batteries.index("cellar-5")
        assert cellar["strategy"] == "buys ≤ 22.85 · sells ≥ 121.42"
        assert cellar["health"] == "power 100%", "nothing is known of a battery that cost nothing"
        assert cellar["alarm"] == "ok"
        discharged = int(history.discharge_wh[n].sum())
        assert float(cellar["cycles"]) == round(discharged // 100 / 100, 2)
        assert cellar["reason"] in {each.replace("price ", "") for each in history.reasons}
        assert "over 1 d, all there is" in pane(pilot, "batteries").lower
        assert "10–15 h" in rows(pilot, "batteries")["depot-1"]["strategy"]

        coming = frame.coming
        assert coming is not None
        plan = rows(pilot, "plan")
        assert list(plan) == [row.battery for row in coming.fleet]
        await asyncio.wrap_future(pilot.app.runner.step(1))  # type: ignore[attr-defined]
        after = await shown(pilot, lambda frame: len(frame.history) == len(history) + 1)
        # The forecast of the coming auction is what it comes to here: nothing else is known by then.
        bought = after.history.charge_wh[:, -1].tolist()
        assert [row.charge_wh for row in coming.fleet] == bought

        totals = figures(pilot)
        assert totals["batteries"] == ["12"]
        assert totals["capacity"] == ["210.0"]
        assert len(totals["charged"]) == 2, "today, and all"
        assert totals["charged"] != totals["charged"][::-1], "a new day has begun"

    on_desk(tmp_path / "desk", act, intervals=96, size=(200, 56))


def test_the_cursor_says_why(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        frame = await opened(pilot)
        chart = pilot.app.screen.query_one(FleetChart)
        chart.focus()
        history = frame.history
        n, at = history.batteries.index("school-1"), int(history.discharge_wh[9].argmax())
        chart.move_to((at, n))
        words = " ".join(text for text, _ in chart.readout(chart.place))
        assert words.startswith("school-1")
        assert "▼ discharge" in words
        assert "EUR/MWh discharged buys ≤ 25.00, sells ≥ 80.00 a stored MWh more" in words
        # The battery under the map's cursor is the one that a command is about.
        await pilot.press("a")
        form = pilot.app.screen
        assert isinstance(form, Form)
        assert form.given["battery"] == "school-1"
        await pilot.press("escape")

        pilot.app.screen.query_one("#batteries Table", Table).focus()
        await pilot.press("down", "down", "R")
        assert isinstance(pilot.app.screen, Form)
        assert pilot.app.screen.given == {"battery": "cellar-3"}
        await pilot.press("escape")

    on_desk(tmp_path / "desk", act, intervals=96, size=(140, 40))


def test_bought_altered_retired_and_replayed(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        await opened(pilot)
        await given(pilot, "battery.buy", **BOUGHT)
        new = rows(pilot, "batteries")["bought-1"]
        assert (new["power"], new["cycles"], new["reason"]) == ("·", "·", "·"), "it has not taken part yet"
        assert new["health"] == "power 100%, book 100%"
        assert new["strategy"] == "never buys · sells ≥ −400.00"
        await asyncio.wrap_future(pilot.app.runner.step(1))  # type: ignore[attr-defined]
        frame = await shown(pilot, lambda frame: "bought-1" in frame.history.batteries)
        new = rows(pilot, "batteries")["bought-1"]
        assert new["power"].startswith("▼ −")
        assert new["reason"] == "discharged"
        line = next(line for line in frame.batteries if line.battery.id == "bought-1")
        assert line.book_e8 < line.cost_e8, "it wore"

        outage = {"begin": "2026-05-01T00:00Z", "end": "2026-12-01T00:00Z", "available_percent": "50"}
        await given(pilot, "battery.set", battery="cellar-1", outages=[outage])
        await given(pilot, "battery.set", battery="cellar-2", outages=[outage | {"available_percent": "0"}])
        await given(pilot, "battery.retire", battery="cellar-3")
        seen = rows(pilot, "batteries")
        assert seen["cellar-1"]["alarm"] == "power at 50%"
        assert seen["cellar-2"]["alarm"] == "outage"
        assert (seen["cellar-3"]["alarm"], seen["cellar-3"]["stored"]) == ("retired", "·")
        assert figures(pilot)["batteries"] == ["12"]

        # Before the last interval the new battery was not there, and the retired one was.
        await asyncio.wrap_future(pilot.app.runner.step(-1))  # type: ignore[attr-defined]
        frame = await shown(pilot, lambda frame: frame.clock.is_replay)
        seen = rows(pilot, "batteries")
        assert "bought-1" not in seen
        assert seen["cellar-3"]["alarm"] == "ok"
        assert seen["cellar-3"]["stored"] != "·"
        assert seen["cellar-1"]["strategy"] == seen["cellar-1"]["health"] == "·"
        assert "known as of now only" in pane(pilot, "batteries").lower
        assert not rows(pilot, "plan")
        assert "L goes live" in pane(pilot, "plan").lower
        chart = pilot.app.screen.query_one(FleetChart)
        why = chart.why
        assert why is not None
        assert why(frame.history.batteries.index("bought-1"), 0) == ["not in service"]

    on_desk(tmp_path / "desk", act, intervals=12, size=(200, 56))


def test_every_size_shows_every_pane(tmp_path: Path) -> None:
    """Where they don't fit at once, the focus brings them in sight; a desk that has not begun shows them too."""

    async def act(pilot: Pilot[Any]) -> None:
        await opened(pilot)
        for size in ((80, 24), (100, 30), (140, 40), (200, 56)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            titles = {"Batteries", "Dispatch", "Plan", "Stored", "Totals"}
            for _ in range(7):
                await pilot.press("tab")
                await pilot.pause(0.05)
                text = screen_text(pilot.app)
                titles -= {title for title in titles if f"─ {title}" in text}
            assert not titles, (size, titles)

    on_desk(tmp_path / "desk", act, intervals=0, size=(80, 24))


# Words and texts ------------------------------------------------------------------------------------------------------
TIMETABLE = Battery(
    "b", "s", 40_000, 12_000, 12_500, 40_000,
    strategy="timetable", sell_limit_tick=6000, charge=((36_000, 54_000), (81_000, 18_000)), discharge=((64_800, 0),),
)  # fmt: skip


def test_settings_are_texts_of_the_command() -> None:
    texts = settings_of(BatteryLine(TIMETABLE, 0, 1_000_000, 0, 0, 0, False), "battery.set")
    assert texts["buy_limit"] == "", "none"
    assert texts["charge"] == "10:00-15:00, 22:30-05:00"
    assert texts["discharge_kw"] == "12.5"
    body: dict[str, Any] = {name: text for name, text in texts.items() if text}
    body |= {name: body[name].split(", ") for name in ("charge", "discharge")}
    command = parse_command("battery.set", body)
    assert isinstance(command, BatterySet)
    assert (command.sell_limit, command.discharge_kw, command.maximum_fill_kwh) == (6000, 12_500, 40_000)
    assert command.charge == list(TIMETABLE.charge)
    assert set(texts) == set(BatterySet.model_fields) - {"outages"}, "none may be left to another battery's"


def test_strategies_in_words() -> None:
    assert strategy_words(TIMETABLE) == ("buys 10–15 h, 22:30–05:00 never: no limit set · sells 18–00 h ≥ 60.00")
    never = Battery("b", "s", 1000, 1000, 1000, 1000)
    assert strategy_words(never) == "never buys · never sells"
    assert strategy_words(replace(never, strategy="rolling", **unlimited("rolling"))) == "rolling"
    limited = replace(never, strategy="dual", buy_limit_tick=5000, sell_limit_tick=PRICE_LIMIT_TICK)
    assert strategy_words(limited) == "dual · buys ≤ 50.00"


def test_health_is_only_what_is_known() -> None:
    line = BatteryLine(TIMETABLE, 0, 500_000, 0, 0, 0, False)
    assert health_of(line) == (500_000, None)
    assert health_of(BatteryLine(TIMETABLE, 0, 1_000_000, 400, 300, 0, False)) == (1_000_000, 750_000)
