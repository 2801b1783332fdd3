"""The community desktop as it is used: opened, settled beside the loop, explained, read; and faults in its files."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.ui.desks import SIZES, community, on_desk, shown, until
from tests.ui.screens import check_golden
from tests.ui.test_fleet_desktop import pane, rows
from voltadesk.community.rules import RULES as RULES_OF_ALL
from voltadesk.ui import settler
from voltadesk.ui.dialogs.reading import Reading
from voltadesk.ui.picture import screen_strips, screen_text
from voltadesk.ui.table import Table

RULES = """
version = 1
name = "two"
title = "[b]Two[/b] houses"
timezone = "Europe/Vienna"
interval_minutes = 60
[prices]
buyer = "sun"
seller = "sun"
supply = "retail"
feed_in = "surplus"
[[tariffs]]
name = "retail"
index = { file = "spot.csv", timezone = "Europe/Vienna", add = 200.00 }
[[tariffs]]
name = "surplus"
price = 80.00
[[tariffs]]
name = "sun"
price = 150.00
[[members]]
name = "anna"
title = "[red]Anna"
[[members]]
name = "ben"
"""


def folder_of(folder: Path, days: range = range(30, 33), gap: int | None = None, file: str = "community.toml") -> Path:
    """Anna takes 0.4 kWh an hour on some days (30: the 30th of June 2026), Ben gives 1.5 from 10 to 16 o'clock."""
    folder.mkdir()
    times = [
        f"2026-{'06' if d < 31 else '07'}-{d if d < 31 else d - 30:02d} {h:02d}:00" for d in days for h in range(24)
    ]
    (folder / file).write_text(RULES)
    spot = "".join(f"{time},{100 + n % 24}.00\n" for n, time in enumerate(times))
    (folder / "spot.csv").write_text(f"time,price\n{spot}")
    anna = "".join(f"{time},0.4\n" for n, time in enumerate(times) if n != gap)
    (folder / "anna.csv").write_text(f"time,import_kwh\n{anna}")
    ben = "".join(f"{time},0.3,{1.5 if 10 <= n % 24 < 16 else 0}\n" for n, time in enumerate(times))
    (folder / "ben.csv").write_text(f"time,import_kwh,export_kwh\n{ben}")
    return folder


def on_community(tmp_path: Path, act: Any, source: str | Path, size: tuple[int, int] = (200, 56)) -> Any:
    """What `act` returns on the community desktop, once all is settled."""

    async def begin(pilot: Pilot[Any]) -> Any:
        await pilot.press("6")
        await community(pilot)
        return await act(pilot)

    return on_desk(tmp_path / "desk", begin, intervals=2, size=size, source=str(source))


def words(pilot: Pilot[Any], name: str = "explained") -> str:
    return pane(pilot, name).content.copy_text()  # type: ignore[union-attr]


async def pressed(pilot: Pilot[Any], *keys: str) -> Any:
    await pilot.press(*keys)
    return await community(pilot)


# What it looks like ---------------------------------------------------------------------------------------------------
def test_looks(tmp_path: Path, is_update: bool) -> None:
    async def act(pilot: Pilot[Any]) -> dict[str, str]:
        await pressed(pilot, "up", "up", "up", "up", "up", "up")
        pane(pilot, "members").query_one(Table).focus()
        await pressed(pilot, "down")
        texts = {}
        for w, h in SIZES:
            await pilot.resize_terminal(w, h)
            await community(pilot)
            await pilot.pause(0.1)
            texts[f"{w}x{h}"] = text = screen_text(pilot.app)
            assert {strip.cell_length for strip in screen_strips(pilot.app)} == {w}
            colors = {str(segment.style) for strip in screen_strips(pilot.app) for segment in strip}
            pilot.app.theme = "light"
            await pilot.pause(0.1)
            assert screen_text(pilot.app) == text, "a theme must not change a glyph"
            assert not colors & {str(s.style) for strip in screen_strips(pilot.app) for s in strip if s.style}
            pilot.app.theme = "dark"
        return texts

    for size, text in on_community(tmp_path, act, "flats").items():
        check_golden(f"desktop-community-{size}", text, is_update)


def test_on_narrow_screens_every_pane_is_come_by(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        for size in ((80, 24), (100, 30), (140, 40), (200, 56)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            titles = {"Months", "Rules compared", "Members", "Sharing", "Explained"}
            for _ in range(6):
                await pilot.press("tab")
                await pilot.pause(0.05)
                text = screen_text(pilot.app)
                titles -= {title for title in titles if f"─ {title}" in text}
            assert not titles, (size, titles)

    on_community(tmp_path, act, folder_of(tmp_path / "two"))


# Opening --------------------------------------------------------------------------------------------------------------
def test_without_a_community_it_says_how_to_open_one(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        assert "O opens one: flats or village" in screen_text(pilot.app)
        assert "Months · O opens a community" in screen_text(pilot.app)
        await pilot.press("d", "D", "m", "r", "up", "y")  # nothing to do, and nothing breaks
        await pilot.press("O", *"nowhere", "enter")
        await pilot.pause()
        assert "community = nowhere: must be a folder with community.toml" in screen_text(pilot.app)
        await pilot.press("escape", "O", *str(tmp_path / "two"), "enter")
        seen = await community(pilot)
        assert [line.name for line in seen.months] == ["2026-06-30", "2026-07-01_2026-07-02"]
        assert "[b]Two[/b] houses" in screen_text(pilot.app)
        assert "anna · [red]Anna" in screen_text(pilot.app)

    folder_of(tmp_path / "two", file="rules.toml")
    on_community(tmp_path, act, "", size=(140, 40))


def test_on_a_narrow_screen_the_words_are_in_sight(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        await until(lambda: "O opens one: flats or village" in screen_text(pilot.app))  # scrolled to
        await pilot.press("O", *"flats", "enter")
        await community(pilot)
        await until(lambda: "─ Months" in screen_text(pilot.app))

    on_community(tmp_path, act, "", size=(80, 24))


def test_what_is_wrong_with_the_files_is_said_and_another_one_can_be_opened(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "two")
    text = (folder / "anna.csv").read_text()
    (folder / "anna.csv").write_text(text.replace("2026-07-01 05:00,0.4", "2026-07-01 05:00,-0.4"))
    (folder / "again.csv").write_text((folder / "ben.csv").read_text().replace("import_kwh", "ben import_kwh"))

    async def act(pilot: Pilot[Any]) -> None:
        told = " ".join(words(pilot).split())  # as the words stand, wherever the folder's long name makes them wrap
        assert "can't be settled: 2 faults" in told
        assert "anna.csv: line 31" in told
        assert "overlap" in told
        (folder / "again.csv").unlink()
        folder_of(tmp_path / "other")
        await pilot.press("O", *str(tmp_path / "other"), "enter")
        seen = await community(pilot)
        assert seen.is_open

    on_community(tmp_path, act, folder)


@pytest.mark.parametrize(
    ("remove", "told"),
    [("anna.csv ben.csv", "has no meter file"), ("spot.csv", "spot.csv"), ("ben.csv", "is in none of the meter files")],
)
def test_a_folder_that_lacks_something(tmp_path: Path, remove: str, told: str) -> None:
    folder = folder_of(tmp_path / "two")
    for name in remove.split():
        (folder / name).unlink()

    async def act(pilot: Pilot[Any]) -> None:
        assert told in screen_text(pilot.app)

    on_community(tmp_path, act, folder)


def test_a_month_that_can_not_be_settled_says_why_and_the_others_are(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        seen = await community(pilot)
        assert [line.state for line in seen.months] == ["settled", "fault"]
        assert "2026-07-01_2026-07-02 ✗" in screen_text(pilot.app)
        assert "anna import = 2026-07-01 06:00+0200: is missing" in words(pilot)
        assert "can't be settled" in pane(pilot, "members").lower
        await pilot.press("d", "r", "enter")  # nothing to be seen there
        seen = await pressed(pilot, "up")
        assert seen.line.name == "2026-06-30"
        assert "anna" in rows(pilot, "members") or rows(pilot, "members")

    on_community(tmp_path, act, folder_of(tmp_path / "two", gap=30))


# Looking at it --------------------------------------------------------------------------------------------------------
def test_members_days_and_months(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        seen = await community(pilot)
        assert (seen.line.name, seen.member, seen.interval) == ("2026-07-01_2026-07-02", "anna", 10)
        assert "You used 0.400 kWh." in words(pilot)
        assert "The community had 1.500 kWh for 0.700 kWh wanted." in words(pilot)
        assert "So you got 0.400 kWh, from: beyond the same building and feeder 0.400." in words(pilot)
        assert "from community  0.400 kWh × 0.15000 = 0.06000000" in words(pilot)
        assert "Together 0.06000000, without the community 0.12400000: 0.06400000 saved." in words(pilot)

        pane(pilot, "members").query_one(Table).focus()
        seen = await pressed(pilot, "down")
        assert seen.member == "ben"
        assert "You used 0.300 kWh and fed in 1.500 kWh." in words(pilot)
        assert "own roof 0.300" in words(pilot)
        seen = await pressed(pilot, "down")
        assert seen.member == ""
        assert "They used 0.700 kWh and fed in 1.500 kWh. 0.700 kWh were shared (100.0%" in words(pilot)

        seen = await pressed(pilot, "d")
        assert seen.interval == 34
        assert "Thu 2026-07-02" in pane(pilot, "sharing").upper
        await pressed(pilot, "d")  # there is no day after
        assert (await community(pilot)).interval == 34
        seen = await pressed(pilot, "D", "D")
        assert (seen.line.name, seen.interval) == ("2026-06-30", 10)
        assert seen.member == ""
        assert pane(pilot, "months").query_one(Table).row[0][0] == "2026-06-30"  # type: ignore[index]
        await pressed(pilot, "m")
        assert "2026-06-30" in pane(pilot, "sharing").upper

    on_community(tmp_path, act, folder_of(tmp_path / "two"))


def test_the_chart_s_cursor_goes_on_into_the_next_day_and_month(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        chart = pane(pilot, "sharing").query("*").first()
        chart.focus()
        seen = await pressed(pilot, "home", "left")
        assert (seen.line.name, seen.interval) == ("2026-06-30", 23)
        assert "There was nothing to share." in words(pilot)
        assert "0.400 kWh came from the grid." in words(pilot)
        seen = await pressed(pilot, "right", "end", "right")
        assert (seen.line.name, seen.interval) == ("2026-07-01_2026-07-02", 24)
        seen = await pressed(pilot, "escape", "plus", "minus", "0", "y")
        assert seen.interval == 24

    on_community(tmp_path, act, folder_of(tmp_path / "two"))


def test_filter_order_and_the_sum_of_what_is_seen(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        members = pane(pilot, "members")
        table = members.query_one(Table)
        table.focus()
        assert [row[0][0] for row in table.view.rows(0, 9)] == ["anna", "ben", ""]
        assert members.standing.shown == members.standing.total == 2
        table.order_by("from-community", descending=True)
        await pilot.pause()
        assert [row[0][0] for row in table.view.rows(0, 9)] == ["anna", "ben", ""]
        table.order_by("from-community")
        await pilot.pause()
        assert [row[0][0] for row in table.view.rows(0, 9)] == ["ben", "anna", ""]
        assert table.row[0][0] == "anna"  # type: ignore[index]  # the cursor stays on its member
        await pilot.press("slash", *"ben", "enter")
        seen = await community(pilot)
        assert [row[0] for row in table.view.rows(0, 9)] == [("ben", ""), ("", "1 member")]
        ben, both = table.view.rows(0, 2)
        assert ben[2:] == both[2:]
        assert seen.member == "ben"
        assert members.standing.shown == 1
        await pilot.press("y", "escape")

    on_community(tmp_path, act, folder_of(tmp_path / "two"))


def test_statements_and_the_report_are_read(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        pane(pilot, "members").query_one(Table).focus()
        for keys, title, told in (
            ((), "Statement of anna, 2026-07-01_2026-07-02", "Statement two-2026-07-01_2026-07-02-001"),
            (("down", "down"), "Report of 2026-07-01_2026-07-02", "members save"),
        ):
            await pressed(pilot, *keys)
            await pilot.press("enter")
            await until(lambda: isinstance(pilot.app.screen, Reading))
            reading = pilot.app.screen
            assert isinstance(reading, Reading)
            assert (reading.heading, told in reading.text.plain) == (title, True)
            assert max(map(len, reading.text.plain.splitlines())) <= 104
            await pilot.press("escape")
        pane(pilot, "months").query_one(Table).focus()
        await pilot.press("enter")
        await until(lambda: isinstance(pilot.app.screen, Reading))

    on_community(tmp_path, act, folder_of(tmp_path / "two"))


def test_rules_are_compared_and_a_large_community_s_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settler, "COMPARED_AT_ONCE", 0)

    async def act(pilot: Pilot[Any]) -> None:
        compared = pane(pilot, "compared")
        assert not len(compared.query_one(Table).view)
        assert "r compares" in compared.lower
        seen = await pressed(pilot, "r")
        found = {row[0]: row for row in compared.query_one(Table).view.rows(0, 99)}
        assert next(iter(found)) == "dynamic ◂"
        assert {rule.removesuffix(" ◂") for rule in found} == set(RULES_OF_ALL)
        assert found["dynamic ◂"][2] == seen.line.saving_e8
        assert found["dynamic ◂"][1] == seen.line.shared_wh
        await pressed(pilot, "up")
        assert not len(compared.query_one(Table).view)

    on_community(tmp_path, act, folder_of(tmp_path / "two"))


FAULTY = """
from voltadesk.community import comparison
from voltadesk.errors import BadInput

def refuse(*given):
    raise {error}

comparison.compare = refuse
"""


@pytest.mark.parametrize("error", ['BadInput("least_percent", 40, "must leave a choice")', 'OSError("disk full")'])
def test_what_can_not_be_worked_out_is_told(tmp_path: Path, error: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text(FAULTY.format(error=error))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # of the process that settles

    async def act(pilot: Pilot[Any]) -> None:
        app: Any = pilot.app
        told = "least_percent = 40: must leave a choice" if "Bad" in error else "disk full"
        assert f"{tmp_path / 'two'}: {told}" in screen_text(app)
        assert "You used" in words(pilot)
        await pressed(pilot, "r", "up")
        assert list(map(str, app.faults)) == (
            [] if "Bad" in error else ["disk full"] * 3
        )  # when it is opened, by r, and for the other month
        app.faults.clear()

    on_community(tmp_path, act, folder_of(tmp_path / "two"))


def test_panes_are_exported_exactly(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        members = list(pane(pilot, "members").csv_rows())
        assert members[0][:3] == ("member", "own use kWh", "from community")
        assert [row[0] for row in members[1:]] == ["anna", "ben", "2 together"]
        assert list(pane(pilot, "sharing").csv_rows())[11][:4] == (
            "2026-07-01 10:00 +02:00 (08:00Z)",
            "0.700",
            "1.500",
            "0.400",
        )
        assert ("You used 0.400 kWh.",) in list(pane(pilot, "explained").csv_rows())
        for name in ("months", "compared"):
            assert len(list(pane(pilot, name).csv_rows())) > 1

    on_community(tmp_path, act, folder_of(tmp_path / "two"))


def test_another_community_while_one_is_being_read(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: Any = pilot.app
        app.settler.open("village")
        app.settler.open(str(tmp_path / "two"))
        seen = await community(pilot)
        assert seen.facts.name == "two"
        await pilot.pause(0.5)
        assert app.settler.frame.facts.name == "two"

    on_community(tmp_path, act, folder_of(tmp_path / "two"))


def test_the_community_s_code_is_loaded_when_one_is_opened() -> None:
    """Not with the screen, which is quick to open so."""
    code = (
        "import sys, voltadesk.ui.app; print([name for name in sys.modules if name.startswith('voltadesk.community')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_screen_answers_while_a_community_is_read(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: Any = pilot.app
        await pilot.press("6")
        await until(lambda: app.settler._process is not None)
        app.settler._process.send_signal(signal.SIGSTOP)
        await until(lambda: "opening " in screen_text(app))
        await pilot.press("question_mark")
        assert isinstance(app.screen, Reading)
        await pilot.press("escape", "1", "6")
        assert "opening " in screen_text(app)
        app.settler._process.send_signal(signal.SIGCONT)
        assert (await community(pilot)).is_open

    on_desk(tmp_path / "desk", act, intervals=2, source=str(folder_of(tmp_path / "two")))


def test_a_process_that_was_killed_is_told_and_another_one_begun(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> Any:
        app: Any = pilot.app
        first = app.settler._process
        first.kill()
        await until(lambda: bool(app.settler.frame.facts.faults))
        assert first.returncode == -signal.SIGKILL
        await shown(pilot)
        assert "the process that settles it was ended: open it again" in screen_text(app)
        app.settler.open(str(tmp_path / "two"))
        assert (await community(pilot)).is_open
        assert "You used" in words(pilot)
        return app.settler._process

    last = on_community(tmp_path, act, folder_of(tmp_path / "two"))
    assert last.returncode == -signal.SIGKILL  # with the screen
