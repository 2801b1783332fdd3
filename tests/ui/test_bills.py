"""A community's settlement is posted from the Ledger desktop, and its statements are paid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from tests.test_community_command import settle
from tests.ui.desks import OWNER, on_desk, shown, until
from tests.ui.test_app import message, told, typed
from voltadesk.ui.app import DeskApp
from voltadesk.ui.dialogs.form import Form
from voltadesk.ui.dialogs.reading import Reading
from voltadesk.ui.picture import screen_text


def test_a_settlement_is_posted_and_a_statement_paid(tmp_path: Path) -> None:
    out = tmp_path / "january one"
    assert settle(tmp_path, ("100,300,200",) * 96, "--out", out).code == 0

    async def act(pilot: Pilot[Any]) -> None:
        app: DeskApp = pilot.app  # type: ignore[assignment]
        before = (await shown(pilot)).sequence
        OWNER.write(tmp_path / "desk" / "keys" / "owner.key")  # the program that is run signs by the file
        await pilot.press("4", "n")
        await pilot.pause()
        for folder in (tmp_path, out):
            app.screen.query_one(Input).value = str(folder)
            await pilot.press("enter")
            await pilot.pause()
            assert isinstance(app.screen, Form) == (folder == out)
        assert "community post" in screen_text(app)
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, Reading))
        await pilot.pause()
        assert "done: community.post by owner" in screen_text(app)
        await shown(pilot, lambda frame: frame.sequence > before)
        await pilot.press("escape")
        assert {bill.member for bill in app.runner.desk.book.bills.by_number.values()} == {"anna", "ben"}
        await pilot.press("P")
        await pilot.pause()
        await typed(pilot, "house-2026-01-01-001")
        await pilot.press("enter", "enter")
        await told(pilot, "community.pay: entry")
        assert "open 0.00" in message(app)

    on_desk(tmp_path / "desk", act, intervals=2)
