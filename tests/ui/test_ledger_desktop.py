"""The desktops of ledger and admin as they are used: all rows, filters, order, a proof, the check, halts, feeds."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.ui.desks import on_desk, shown
from tests.ui.test_app import told, typed
from tests.ui.test_fleet_desktop import given, pane, rows
from tests.ui.test_fund_desktop import until
from voltadesk.desk.refusal import Refusal
from voltadesk.store.note import InclusionProof, Verifier
from voltadesk.ui.app import DeskApp, Settings
from voltadesk.ui.charts.figures import Figures
from voltadesk.ui.dialogs.form import Form
from voltadesk.ui.picture import screen_text
from voltadesk.ui.table import Table
from voltadesk.ui.window_table import WindowTable


def table(pilot: Pilot[Any], name: str) -> WindowTable:
    found = pane(pilot, name).query_one(Table)
    assert isinstance(found, WindowTable)
    return found


async def whole(pilot: Pilot[Any], name: str) -> WindowTable:
    """A table whose rows are all counted, and those in sight read."""
    found = table(pilot, name)
    await until(pilot, lambda: not found.progress and not found._is_building)
    await until(pilot, lambda: all(row[0] is not None for row in found.view.rows(0, min(40, len(found.view)))))
    return found


def test_receipts_and_postings(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app = pilot.app
        assert isinstance(app, DeskApp)
        await pilot.press("4")
        frame = await shown(pilot)
        entries, postings = await whole(pilot, "entries"), await whole(pilot, "postings")
        assert len(entries.view) == frame.sequence + 1
        every = list(app.runner.desk.postings())
        assert len(postings.view) == len(every)
        newest = entries.view.rows(0, 1)[0]
        assert (newest[0], newest[2], newest[4]) == (frame.sequence, "market.advance", "done")

        # The last row, which has to be read first.
        entries.focus()
        await pilot.press("end")
        await until(pilot, lambda: entries.row is not None and entries.row[0] == 0)

        # A filter reaches all of them; the cursor's row stays while newer ones come.
        await given(pilot, "order.place", side="buy", quantity_kwh="1", price="55")
        with pytest.raises(Refusal):
            await given(pilot, "fund.redeem", shares="5")
        await pilot.press("slash")
        await typed(pilot, "order.place 55")
        await until(pilot, lambda: len(entries.view) == 1)
        assert entries.view.rows(0, 1)[0][2] == "order.place"
        assert "1 of" in pane(pilot, "entries").lower
        pane(pilot, "entries").query_one(Input).value = "rejected"
        await until(pilot, lambda: len(entries.view) == 1 and "INSUFFICIENT" in str(entries.view.rows(0, 1)))
        await pilot.press("escape")
        await until(pilot, lambda: len(entries.view) == frame.sequence + 3)
        entries.move_to(3)
        before = entries.row
        await given(pilot, "order.place", side="buy", quantity_kwh="1", price="56")
        await until(pilot, lambda: len(entries.view) == frame.sequence + 4)
        assert entries.row == before

        # By a column, and as a file.
        postings.focus()
        postings.order_by("amount", True)
        await until(pilot, lambda: "order over" in pane(pilot, "postings").lower or len(every) <= 10_000)
        await until(pilot, lambda: postings.view is not postings.source)
        amounts = [row[3][0] for row in postings.view.rows(0, 50)]
        assert amounts == sorted(amounts, reverse=True)
        postings.order_by(None)
        await until(pilot, lambda: postings.view is postings.source)
        await pilot.press("e")
        path = app.settings.exports / "voltadesk-postings.csv"
        await told(pilot, str(path))
        with open(path, encoding="utf-8", newline="") as file:
            written = list(csv.DictReader(file))
        now = list(app.runner.desk.postings())
        assert len(written) == len(now)
        last = now[-1]
        amount = last.amount if last.commodity == "WH" else f"{last.amount / 10**8:.8f}"
        assert (written[0]["account"], written[0]["amount"]) == (last.account, str(amount))

        # What is still being gone through is in the file, too.
        postings.filter("WH")
        exported = await asyncio.to_thread(lambda: list(postings.csv_rows()))
        assert len(exported) == 1 + sum(row.commodity == "WH" for row in now)

    folder = tmp_path / "exports"
    folder.mkdir()
    on_desk(tmp_path / "desk", act, intervals=48, settings=Settings(exports=folder))


def test_a_proof_and_the_check_of_everything(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app = pilot.app
        assert isinstance(app, DeskApp)
        await pilot.press("4")
        await shown(pilot)
        await whole(pilot, "entries")
        table(pilot, "entries").focus()
        await pilot.press("down", "enter")
        await until(pilot, lambda: "✓ Proved: " in screen_text(app))
        assert "Entry 7" in screen_text(app)
        await pilot.press("s")
        path = app.settings.exports / "voltadesk-entry-7.proof"
        await told(pilot, str(path))
        verifier = Verifier(app.runner.desk.origin, app.runner.seat.private().public)
        assert InclusionProof.parse(path.read_text()).verify(verifier).size == 9
        await pilot.press("enter")
        await until(pilot, lambda: "✓ Proved: " in screen_text(app))
        await pilot.press("s")
        await told(pilot, "file exists")

        await pilot.press("v")
        await told(pilot, "verified: 9 entries")
        lines = pane(pilot, "verification").query_one(Figures)
        await until(pilot, lambda: any(line.value == "✓ 9 entries" for line in lines.lines))

        # What was changed behind the desk's back is found.
        with app.runner.desk.journal.writing() as batch:
            batch.connection.exec_driver_sql("UPDATE entry SET leaf = zeroblob(32) WHERE seq = 3")
        await pilot.press("v")
        await told(pilot, "the journal is not whole: entry 3 was changed")
        await until(pilot, lambda: any(line.value == "✗ NOT WHOLE" for line in lines.lines))
        await pilot.press("enter")
        table(pilot, "entries").move_to(5)
        await pilot.press("escape")

    folder = tmp_path / "exports"
    folder.mkdir()
    on_desk(tmp_path / "desk", act, intervals=8, settings=Settings(exports=folder))


def test_admin(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app = pilot.app
        await pilot.press("5")
        await shown(pilot)
        await given(pilot, "market.halt", reason="storm")
        await until(pilot, lambda: "HALTED: storm" in pane(pilot, "halts").upper)
        await given(pilot, "market.resume")
        halts = await whole(pilot, "halts")
        await until(pilot, lambda: len(halts.view) == 2)
        seen = [row[2:] for row in halts.view.rows(0, 2)]
        assert seen == [("✓ resumed", "owner", ""), ("✗ HALTED", "owner", "storm")]

        await until(pilot, lambda: "scenario" in {row["feed"] for row in rows(pilot, "feeds").values()})
        assert "‖ stands" in rows(pilot, "feeds")

        # A price outside the band halts by itself.
        await given(pilot, "market.set", band_low="3000")
        await asyncio.wrap_future(app.runner.step(1))  # type: ignore[attr-defined]
        await until(pilot, lambda: len(halts.view) == 3)
        assert halts.view.rows(0, 1)[0][2:4] == ("✗ HALTED", "the market")
        await given(pilot, "market.resume")

        # The same letters do other things in the register.
        pane(pilot, "batteries").query_one(Table).focus()
        for key, words in (("a", "Alter  battery.set"), ("n", "Add battery  battery.add")):
            await pilot.press(key)
            assert isinstance(app.screen, Form)
            assert words in screen_text(app)
            await pilot.press("escape")
        pane(pilot, "actors").query_one(Table).focus()
        await pilot.press("n")
        assert "Add actor  actor.add" in screen_text(app)

    on_desk(tmp_path / "desk", act, intervals=2, size=(200, 56))


def test_a_search_goes_on_while_the_market_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that match come in as they are found and as they are written."""
    from voltadesk.store import listing

    monkeypatch.setattr(listing, "SPAN", 2)

    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("4")
        entries = await whole(pilot, "entries")
        entries.filter("interval")
        pilot.app.runner.set_speed(0)  # type: ignore[attr-defined]
        pilot.app.runner.play()  # type: ignore[attr-defined]
        start = (await shown(pilot)).sequence
        frame = await shown(pilot, lambda frame: frame.sequence > start + 60)
        await asyncio.wrap_future(pilot.app.runner.pause())  # type: ignore[attr-defined]
        frame = await shown(pilot, lambda frame: not frame.clock.is_playing)
        await until(pilot, lambda: len(entries.view) == frame.sequence + 1)
        await whole(pilot, "entries")
        seen = [row[0] for row in entries.view.rows(0, 30)]
        assert seen == list(range(frame.sequence, frame.sequence - 30, -1))

    on_desk(tmp_path / "desk", act, intervals=24)
