"""The market's desktop as it is used: price and own fills, auction, products, sources, shares, network, pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input

from tests.ui.desks import make_desk, on_desk, running, shown
from tests.ui.trading import ANN, advance, place
from voltadesk.desk.fields import fields_of
from voltadesk.scenario.read import find_scenario, read_scenario
from voltadesk.store.projection import TradeRow
from voltadesk.ui.app import DeskApp
from voltadesk.ui.charts.curves import CurveChart
from voltadesk.ui.charts.figures import Figures
from voltadesk.ui.charts.mix import MixChart
from voltadesk.ui.charts.network import NetworkChart
from voltadesk.ui.charts.price import PriceChart
from voltadesk.ui.deliveries import Party, all_sold, delivered_wh, parties, tally
from voltadesk.ui.dialogs.form import Form
from voltadesk.ui.dialogs.participant import ParticipantScreen, past_of
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.magnitude import unit_for
from voltadesk.ui.pane import Pane
from voltadesk.ui.panes.community import parts_of
from voltadesk.ui.picture import screen_text
from voltadesk.ui.sources import energy_of, sources_of
from voltadesk.ui.table import Table

PANES = ("price", "auction", "board", "mix", "network", "tape", "load", "community", "blotter")


def pane(pilot: Pilot[Any], name: str) -> Pane:
    found: Pane = pilot.app.screen_stack[0].query_one(f"#{name}", Pane)
    return found


def rows(table: Table, count: int = 5) -> list[dict[str, str]]:
    """What a table shows in its first rows, by the keys of its columns."""
    return [
        {column.key: column.show(value) for column, value in zip(table.all_columns, row, strict=True)}
        for row in table.view.rows(0, count)
    ]


async def until(pilot: Pilot[Any], is_so: Callable[[], bool]) -> None:
    for _ in range(400):
        if is_so():
            return
        await pilot.pause(0.02)
    raise AssertionError("it never came so")


async def network(pilot: Pilot[Any]) -> NetworkChart:
    """The network's chart, with something in it and the focus."""
    chart = pane(pilot, "network").query_one(NetworkChart)
    await until(pilot, lambda: bool(chart.rows))
    chart.focus()
    await pilot.pause()
    return chart


async def choose(pilot: Pilot[Any], chart: NetworkChart, key: str) -> None:
    """Put the cursor on a party by its keys."""
    await pilot.press("home")
    await pilot.press(*["down"] * next(n for n, row in enumerate(chart.rows) if row.key == key))
    assert chart.party is not None
    assert chart.party.key == key


# One desk, many looks -------------------------------------------------------------------------------------------------
def test_a_desk_at_noon(tmp_path: Path) -> None:
    """Many looks at one desk, as it takes long to make."""

    async def act(pilot: Pilot[Any]) -> None:
        assert [each.id for each in pilot.app.desktop.in_sight] == list(PANES)  # type: ignore[attr-defined]
        for look in (look_at_auction, look_at_board, look_at_sources, look_at_tape, look_at_network, look_at_pages):
            await look(pilot, await shown(pilot))
        await look_at_replay(pilot, await shown(pilot))

    on_desk(tmp_path, act, intervals=50, size=(200, 56))


async def look_at_auction(pilot: Pilot[Any], frame: DeskFrame) -> None:
    """Near the clearing at first and said so, all of it with `c`; the axis counts in kW."""
    auction = pane(pilot, "auction")
    chart = auction.query_one(CurveChart)
    assert frame.coming is not None
    assert chart.unit.name == "kW"
    assert chart.most_w < chart.all_w
    assert "CUT" in auction.standing.note
    chart.focus()
    await pilot.press("c")
    await pilot.pause()
    assert chart.most_w == chart.all_w
    assert auction.standing.note == ""
    await pilot.press("c", "plus")
    assert f"+{chart.step_w // 1000}" in chart.copy_text()
    tick = frame.coming.price_tick or 0
    for key, own_tick in (("b", tick + 100), ("s", tick)):  # its price is the ticket's, and a buyer pays 1.00 on top
        await pilot.press("0", key)
        await pilot.pause()
        assert pilot.app.screen.query_one("#price", Input).value == f"{own_tick / 100:.2f}"
        await pilot.press("escape")
    await pilot.pause()


async def look_at_board(pilot: Pilot[Any], frame: DeskFrame) -> None:
    """The coming interval first, then the others, each with its change; the ticket takes the row's price."""
    table = pane(pilot, "board").query_one(Table)
    assert len(table.view) == len(frame.history) + 1
    first, second, *_ = rows(table)
    assert frame.coming is not None
    assert (first["product"], first["gate"]) == ("12:30", "open")
    assert (second["product"], second["gate"], second["own"]) == ("12:15", "·", "·")
    assert first["price"] == f"{(frame.coming.price_tick or 0) / 100:.2f}".replace("-", "−")
    changes = np.diff(frame.history["price_tick"])[::-1][:3].tolist()
    assert [row["change"][:1] for row in rows(table)[1:4]] == ["=" if not c else "▲" if c > 0 else "▼" for c in changes]
    table.focus()
    await pilot.press("down", "down", "down")
    prefill = pilot.app.prefill("order.place")  # type: ignore[attr-defined]
    assert prefill["auction_price"] == f"{int(frame.history['price_tick'][-3]) / 100:.2f}"
    await pilot.press("slash", *"12:0", "enter")
    await until(pilot, lambda: [row["product"] for row in rows(table)] == ["12:00"])
    await pilot.press("escape")


async def look_at_sources(pilot: Pilot[Any], frame: DeskFrame) -> None:
    """All that was made or bought is all that was used; shares are of what the homes needed."""
    chart = pane(pilot, "mix").query_one(MixChart)
    assert list(chart.names) == [
        "solar", "ridge-wind", "mill-creek", "waste", "biogas", "gas", "oil-peaker", "batteries"
    ]  # fmt: skip
    assert len(set(chart.inks)) == 8
    history = frame.history
    used_wh = history["load_wh"] + history["battery_charge_wh"] + history["reserve_down_wh"] - history["reserve_up_wh"]
    assert frame.market is not None
    made_wh = energy_of(sources_of(frame.market.scenario), history).sum(axis=0)
    assert (abs(made_wh - used_wh) <= history["reserve_up_wh"] + history["reserve_down_wh"]).all()
    assert (chart.power_w == energy_of(sources_of(frame.market.scenario), history) * 4).all()
    parts = parts_of(history)
    assert (parts.sum(axis=0) == history["load_wh"] + history["shed_wh"]).all()
    assert (parts >= 0).all()
    assert "CO2" in pane(pilot, "mix").note


async def look_at_tape(pilot: Pilot[Any], frame: DeskFrame) -> None:
    """The latest receipts, found by words."""
    table = pane(pilot, "tape").query_one(Table)
    assert len(table.view) == len(frame.tape)
    table.focus()
    await pilot.press("slash", *"waste sell auction", "enter")
    await until(pilot, lambda: len(table.view) == 2)
    assert {row["participant"] for row in rows(table)} == {"waste"}
    assert {row["side"] for row in rows(table)} == {"▼ SELL"}
    await pilot.press("escape")
    await pilot.pause()


async def look_at_network(pilot: Pilot[Any], frame: DeskFrame) -> None:
    """Everybody is there, also who is idle; groups open; what one gets from the others is all that it takes."""
    chart = await network(pilot)
    keys = [row.key for row in chart.rows]
    assert keys[:2] == ["plant:field-solar", "plant:ridge-wind"]
    assert keys[8:] == ["batteries", "homes:flats", "homes:houses", "homes:solar-houses", "homes:shops", "reserve"]
    assert "12:15" in pane(pilot, "network").note
    await choose(pilot, chart, "homes:shops")
    assert "←" in screen_text(pilot.app)
    await pilot.press("enter")
    assert [row.name for row in chart.rows if row.is_member] == [f"shops-{n}" for n in range(1, 7)]
    shops = chart.party
    assert shops is not None
    assert shops.key == "homes:shops"  # the cursor stayed
    members = [row for row in chart.rows if row.is_member]
    assert shops.bought_wh == tuple(sum(row.bought_wh[n] for row in members) for n in range(3))
    await pilot.press("enter")
    assert not any(row.is_member for row in chart.rows)


async def look_at_pages(pilot: Pilot[Any], frame: DeskFrame) -> None:
    """A home's page: its receipts, its settings, and the form that alters them."""
    chart = await network(pilot)
    await pilot.press("slash", *"solar-houses-07", "enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, ParticipantScreen))
    page = pilot.app.screen
    table = page.query_one(Table)
    await until(pilot, lambda: len(table.view) > 20)
    own = [trade for trade in frame.tape if trade.participant == "home:solar-houses-07"]
    assert [row["price"] for row in rows(table, len(own))] == [row_price(trade) for trade in own]
    assert "offers surplus from" in [line.label for line in page.query_one(Figures).lines]
    await pilot.press("a")
    await until(pilot, lambda: isinstance(pilot.app.screen, Form))
    form = pilot.app.screen
    values = {field.name: form.query_one(f"#{field.name}", Input).value for field in fields_of("home.set", "EUR")}
    assert values["home"] == "solar-houses-07"
    assert (values["in_community"], values["flexible"], values["flexible_limit"]) == ("yes", "yes", "100.00")
    form.query_one("#offer_limit", Input).value = "12.5"
    form.query_one("#home", Input).focus()
    await pilot.press("enter", "enter")
    await shown(
        pilot, lambda frame: bool(frame.market and frame.market.homes["solar-houses-07"].offer_limit_tick == 1250)
    )
    await until(pilot, lambda: "12.50" in [line.value for line in page.query_one(Figures).lines])
    await leave(pilot, page)
    await choose(pilot, chart, "plant:biogas")
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, ParticipantScreen))
    assert pilot.app.prefill("plant.set") == {  # type: ignore[attr-defined]
        "plant": "biogas", "owner": "", "capacity_kw": "15", "marginal_cost": "77.00"
    }  # fmt: skip
    assert pilot.app.prefill("home.set") == {}  # type: ignore[attr-defined]
    await leave(pilot, pilot.app.screen)


async def leave(pilot: Pilot[Any], page: Screen[Any]) -> None:
    await pilot.press("escape")
    await until(pilot, lambda: pilot.app.screen is not page)
    await pilot.pause()


def row_price(trade: TradeRow) -> str:
    return f"{trade.price_tick / 100:.2f}".replace("-", "−")


async def look_at_replay(pilot: Pilot[Any], frame: DeskFrame) -> None:
    """What was then; of the coming auction nothing is shown, and it is said why."""
    await pilot.press("left_square_bracket", "left_square_bracket")
    seen = await shown(pilot, lambda each: each.clock.is_replay and len(each.history) == len(frame.history) - 2)
    table = pane(pilot, "board").query_one(Table)
    assert len(table.view) == len(seen.history)
    assert rows(table)[0]["product"] == "11:45"
    assert "coming auction only" in screen_text(pilot.app)
    await until(pilot, lambda: "11:45" in pane(pilot, "network").note)
    await pilot.press("L")
    await shown(pilot, lambda each: not each.clock.is_replay)
    await look_at_page_over_time(pilot)


async def look_at_page_over_time(pilot: Pilot[Any]) -> None:
    """A page follows the market on, and back in a replay."""
    runner = pilot.app.runner  # type: ignore[attr-defined]
    await choose(pilot, await network(pilot), "plant:waste")
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, ParticipantScreen))
    table = pilot.app.screen.query_one(Table)
    await until(pilot, lambda: len(table.view) > 0)
    before = len(table.view)
    await asyncio.wrap_future(runner.step(1))
    await until(pilot, lambda: rows(table)[0]["time"] == "12:30")
    assert len(table.view) > before
    await asyncio.wrap_future(runner.step(-2))
    await until(pilot, lambda: rows(table)[0]["time"] == "12:00")
    assert len(table.view) < before
    await leave(pilot, pilot.app.screen)


# Own orders -----------------------------------------------------------------------------------------------------------
def test_own_fills_are_marked_and_counted(tmp_path: Path) -> None:
    async def run() -> None:
        with make_desk(tmp_path) as desk:
            advance(desk, 20)
            place(desk, "buy", "2", "4000")
            advance(desk, 2)
            place(desk, "sell", "1", "-500")
            advance(desk, 10)
            place(desk, "buy", "3", "4000")
            with running(desk, actor=ANN) as runner:
                app = DeskApp(runner)
                async with app.run_test(size=(200, 56)) as pilot:
                    frame = await shown(pilot)
                    chart = pane(pilot, "price").query_one(PriceChart)
                    await until(pilot, lambda: len(chart.fills.interval) == 2)
                    assert chart.fills.interval.tolist() == [20, 22]
                    assert chart.fills.side.tolist() == [1, -1]
                    assert "2 own fills" in pane(pilot, "price").standing.note
                    table = pane(pilot, "board").query_one(Table)
                    own = [row["own"] for row in rows(table, 40)]
                    assert own[0] == "+3.00"  # as the coming auction stands
                    assert [each for each in own[1:] if each != "·"] == ["−1.00", "+2.00"]
                    assert frame.actor == ANN
                    # An earlier moment knows only what was traded by then.
                    await pilot.press(*["left_square_bracket"] * 11)
                    await shown(pilot, lambda each: each.clock.is_replay and len(each.history) == 21)
                    assert chart.fills.interval.tolist() == [20]
                assert not app.faults

    asyncio.run(run())


def test_nothing_yet(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        text = screen_text(pilot.app)
        assert "no price yet" in text
        assert "no trades yet" in text
        await network_is_empty(pilot)
        await pilot.press("slash")  # nothing is focused that filters; nothing breaks either

    async def network_is_empty(pilot: Pilot[Any]) -> None:
        assert pane(pilot, "network").query_one(NetworkChart).rows == []

    on_desk(tmp_path, act, intervals=0, size=(200, 56))


# What things come to --------------------------------------------------------------------------------------------------
def receipt(participant: str, market: str, energy_wh: int, entry: int = 7, start_utc: int = 900) -> TradeRow:
    return TradeRow(entry, 0, start_utc, participant, "", market, energy_wh, 5000, -energy_wh * 5000, -abs(energy_wh))


def test_deliveries_are_shares_of_a_pool() -> None:
    found = tally([
        receipt("home:a-1", "auction", 300), receipt("battery:b", "auction", 100), receipt("plant:p", "auction", -250),
        receipt("plant:q", "auction", -150), receipt("home:a-1", "imbalance", -20),
        receipt("plant:p", "auction", -999, entry=6),
    ])  # fmt: skip
    assert found.sold_wh == {
        "plant:p": (250, 0, 0), "plant:q": (150, 0, 0), "home:a-1": (0, 0, 20), "homes:a": (0, 0, 20)
    }  # fmt: skip
    assert found.bought_wh["reserve"] == (0, 0, 20)
    home, fleet = (Party(key, key, (0, 0, 0), found.bought_wh[key]) for key in ("home:a-1", "battery:b"))
    p, q = (Party(key, key, found.sold_wh[key]) for key in ("plant:p", "plant:q"))
    sold = all_sold([p, q, home, fleet])
    assert delivered_wh(sold, p, home) == 187
    assert delivered_wh(sold, q, fleet) == 37
    assert delivered_wh(sold, home, p) == 0


def test_the_grid_above_has_a_line_where_there_is_one() -> None:
    from voltadesk.ui.frame import MarketFigures

    scenario = read_scenario(find_scenario("village"))
    market = MarketFigures(scenario, (None, None), {}, {})
    assert [row.key for row in parties(tally([]), market, ["barn-1"], ["batteries"])] == [
        "grid", "batteries", "battery:barn-1", "homes:houses", "homes:solar-houses", "homes:farms", "homes:workshops",
        "reserve",
    ]  # fmt: skip
    assert [source.name for source in sources_of(scenario)][-2:] == ["batteries", "grid above"]
    city = sources_of(read_scenario(find_scenario("city")))
    assert len({source.ink for source in city}) == len(city)


def test_past_of_a_participant() -> None:
    starts = np.array([0, 900, 1800])
    past = past_of(starts, [receipt("home:a", "auction", 100), receipt("home:a", "imbalance", -30, start_utc=900),
                            receipt("home:a", "auction", 5, start_utc=1800)])  # fmt: skip
    assert past.bought_wh.tolist() == [0, 100, 5]
    assert past.sold_wh.tolist() == [0, 30, 0]
    assert past.money_e8.tolist() == [0, -500_000 + 150_000 - 130, -25_005]
    assert [trade.start_utc for trade in past.trades] == [1800, 900, 900]


@pytest.mark.parametrize(("most", "words"), [(0, "0 W"), (950, "950 W"), (57_000, "57.0 kW"), (416_000, "416 kW"),
                                             (9_120_000, "9.12 MW"), (8_279_000_000, "8\u202f279 MW")])  # fmt: skip
def test_units_fit(most: int, words: str) -> None:
    assert unit_for(most, "W").text(most) == words
