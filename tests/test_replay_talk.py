"""What a replay says on stdout and stderr, to people, pipes and terminals."""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from decimal import Decimal
from pathlib import Path

import pytest

from tests.commands import PROGRAM, call, start
from tests.replays import (
    exact,
    four_batteries,
    replay,
    replayed,
    report,
    scenario_file,
)

D = Decimal
TABLES = ("intervals", "trades", "batteries", "participants")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scenario and the files of one replay of it."""
    return replayed(tmp_path_factory.mktemp("replay"))


# Data and talk --------------------------------------------------------------------------------------------------------
def test_talk_goes_to_stderr(folder: Path) -> None:
    done = call("headless", "replay", folder / "town.toml", "--json")
    assert exact(done.out) == report(folder)
    assert re.fullmatch(r"town: 188 intervals in \d+\.\d\d s, [\d,]+ home-intervals/s\n", done.err)


def test_both_runs_of_a_comparison_are_told(folder: Path) -> None:
    done = call("headless", "replay", folder / "town.toml", "--compare-without", "fleet", "--until", "2026-03-28T01:00")
    assert len(done.err.splitlines()) == 2
    assert done.out.startswith(
        "town\n4 intervals of 15 min from 2026-03-27T23:00Z to 2026-03-28T00:00Z (Europe/Berlin)"
    )


def test_a_process_without_a_terminal(folder: Path) -> None:
    done = start("headless", "replay", "town.toml", "--until", "2026-03-28T01:00", LC_ALL="C", PWD=str(folder))
    assert done.code == 3  # the file is looked for where the process stands
    done = start("headless", "replay", folder / "town.toml", "--until", "2026-03-28T01:00", LC_ALL="C", COLUMNS="40")
    assert done.code == 0
    assert "Money: who received (+) and paid (−)" in done.out
    assert "\x1b" not in done.out + done.err
    assert done.err.startswith("town: 4 intervals in ")


def test_help_shows_examples_first() -> None:
    done = call("headless", "replay", "--help")
    assert done.code == 0
    assert done.out.index("Examples:") < done.out.index("Options:")
    for name in ("--out", "--format", "--seed", "--until", "--compare-without", "--threads", "--json", "--quiet"):
        assert name in done.out


def test_files_of_another_format_do_not_stay_behind(tmp_path: Path) -> None:
    path = scenario_file(tmp_path, four_batteries())
    replay(path, "--out", tmp_path / "out")
    replay(path, "--out", tmp_path / "out", "--format", "csv")
    tables = {"intervals.csv", "trades.csv", "batteries.csv", "participants.csv"}
    assert {made.name for made in (tmp_path / "out").iterdir()} == tables | {"report.json", "report.md"}


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    path = scenario_file(tmp_path, four_batteries())
    with full.open("w") as output:
        done = subprocess.run(
            [PROGRAM, "headless", "replay", "-q", str(path)],
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "voltadesk: no space left on device\n")


def test_a_first_start_shows_that_it_compiles(folder: Path, tmp_path: Path) -> None:
    """On a terminal, with a bar that moves meanwhile."""
    pty = pytest.importorskip("pty", reason="this system has no terminals to open")
    ours, terminal = pty.openpty()
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(
        [PROGRAM, "headless", "replay", folder / "town.toml"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=terminal,
    ) as running:
        os.close(terminal)
        shown, bars = "", set()
        try:
            deadline = time.monotonic() + 60
            while len(bars) < 4 and time.monotonic() < deadline:
                if select.select([ours], [], [], 1)[0]:
                    shown += os.read(ours, 4096).decode(errors="replace")
                    bars = set(re.findall(r"compiling .*?\d:\d\d:\d\d", shown))
        finally:
            running.kill()
            os.close(ours)
    assert "compiling what this needs of the engine: once for this version, up to half a minute\r\n" in shown
    assert len(bars) >= 4
