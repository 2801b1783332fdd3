"""The screen of a desk whose prices come from a feed: the clock is the real one, and the feed's health is told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.cli.conftest import STREET
from tests.ui.desks import make_desk, on_desk, running, seat_of
from tests.ui.test_fleet_desktop import given, pane, rows
from tests.ui.test_fund_desktop import until
from voltadesk.clock import utc_text
from voltadesk.errors import BadInput
from voltadesk.ui.runner import Runner

START = 1779660000  # 2026-05-24T22:00Z, the street's first interval
STEP_S = 900
ROUNDS = 3
FED = STREET.replace("price = 90.00", 'feed = { source = "awattar", zone = "AT" }')


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    path = tmp_path / "street.toml"
    path.write_text(FED)
    return str(path)


@pytest.fixture
def runner(tmp_path: Path, scenario: str) -> Iterator[Runner]:
    with make_desk(tmp_path / "desk", scenario) as desk:
        body = {"source": "by hand", "start": utc_text(START), "prices": ["50.00"] * 4}
        seat_of(desk).execute("market.publish", body)
        with running(desk, speed=900, ahead=5) as made:
            made.start()
            try:
                yield made
            finally:
                made.stop()


def wait(is_so: Any) -> None:
    over_s = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < over_s
        time.sleep(0.01)


def turned(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait until the runner has gone round often enough to run what is due."""
    rounds, journal = count(), runner.desk.journal
    look, seen = journal.is_behind, [0]

    def is_behind() -> bool:
        seen[0] = next(rounds)
        return look()

    with monkeypatch.context() as patch:
        patch.setattr(journal, "is_behind", is_behind)
        wait(lambda: seen[0] >= ROUNDS)


def test_it_plays_by_the_real_clock_and_halts_where_prices_end(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [START - 60.0]
    monkeypatch.setattr(time, "time", lambda: now_s[0])
    with pytest.raises(BadInput, match="must be 1: prices come from a feed"):
        runner.set_speed(900).result()
    runner.play().result()
    turned(runner, monkeypatch)
    assert runner.desk.book.now_utc == START  # it has not begun
    now_s[0] = START + 2 * STEP_S + 1.0
    runner.play().result()
    wait(lambda: runner.desk.book.now_utc == START + 3 * STEP_S)  # what has begun is run, one after the other
    turned(runner, monkeypatch)
    assert runner.desk.book.now_utc == START + 3 * STEP_S
    now_s[0] = START + 5 * STEP_S + 1.0
    runner.play().result()
    wait(lambda: runner.desk.book.halted)
    assert runner.desk.book.now_utc == START + 4 * STEP_S
    assert runner.desk.book.halted.startswith("stale feed: upstream.feed = awattar AT")


def test_the_admin_desktop_tells_how_far_prices_are_known(tmp_path: Path, scenario: str) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("5")
        await until(pilot, lambda: "✗ ENDED" in rows(pilot, "feeds"))
        row = rows(pilot, "feeds")["✗ ENDED"]
        assert (row["feed"], row["note"]) == ("awattar", "0 days and 0 h left; AT; nothing published yet")
        body = {"source": "awattar AT", "start": utc_text(START), "prices": ["1.00"] * 96}
        await given(pilot, "market.publish", **body, fetched=utc_text(START - 3600))
        await until(pilot, lambda: "✗ ENDED" not in rows(pilot, "feeds"))
        shown = next(row for row in rows(pilot, "feeds").values() if row["feed"] == "awattar")
        assert shown["note"].startswith("1 days and 0 h left; AT; published in entry ")
        assert shown["note"].endswith("asked at 2026-05-24T21:00Z")
        assert pane(pilot, "feeds").upper.endswith("all well")

    on_desk(tmp_path / "desk", act, intervals=0, scenario=scenario)
