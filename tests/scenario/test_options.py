"""Options of a replay and the folder it writes to: what can not be is refused in one line, and nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import Done, call, refusal, start
from tests.scenario import TOWN, changed, replay_file

SEED = "seed = {}: must be a whole number from 0 to 9223372036854775807"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--until", "tomorrow"), "until = tomorrow: must be a time such as 2026-05-27 or 2026-05-27T12:00"),
        (
            ("--until", "2026-03-28"),
            "until = 2026-03-28: must lie after 2026-03-28 00:00+0100 and not after 2026-03-30",
        ),
        (("--until", "2026-03-30T00:01"), "until = 2026-03-30T00:01: must lie after"),
        (("--until", "0001-01-01"), "until = 0001-01-01: must lie after"),
        (("--until", "9999-12-31T23:59"), "until = 9999-12-31T23:59: must lie after"),
        (("--seed", "x"), SEED.format("x")),
        (("--seed", "-1"), SEED.format("-1")),
        (("--seed", "9223372036854775808"), SEED.format("9223372036854775808")),
        (("--seed", "1.5"), SEED.format("1.5")),
        (("--seed", ""), SEED.format("''")),
        (("--until", "2026-03-28T00:07"), "until = 2026-03-28T00:07: must be the end of an interval of 15 minutes"),
        (("--until", "2026-03-28T01:00:00.5"), "until = 2026-03-28T01:00:00.5: must be the end of an interval of 15"),
        (("--until", "2026-03-29T02:30"), "until = 2026-03-29T02:30: must have an offset such as Z, as the clock of E"),
        (("--out", ""), "out = '': must be a folder"),
    ],
)
def test_options_out_of_range(options: tuple[str, ...], message: str, tmp_path: Path) -> None:
    path = tmp_path / "town.toml"
    path.write_text(TOWN, encoding="utf-8")
    line = refusal(replay_file(path, "--out", tmp_path / "out", *options))
    assert line.removeprefix("town.toml: ").startswith(message)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("fleet", (TOWN[TOWN.index("[[fleet]]") :], "")),
        ("community", ('rule = "mid-market"', 'rule = "none"')),
        ("flexible", ("flexible = { share_percent = 20, price_limit = 70.00 }\n", "")),
        ("upstream", ("[upstream]\nlimit_kw = 50\nprice = 80.00\n", "")),
    ],
)
def test_a_part_that_is_not_there_can_not_be_left_out(part: str, change: tuple[str, str], tmp_path: Path) -> None:
    path = tmp_path / "town.toml"
    path.write_text(changed(change), encoding="utf-8")
    line = refusal(replay_file(path, "--compare-without", part, "--out", tmp_path / "out"))
    assert line == f"compare-without = {part}: the scenario town has none"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("where", ["town.toml", "town.toml/out"])
def test_a_folder_that_can_not_be_made(where: str, tmp_path: Path) -> None:
    path = tmp_path / "town.toml"
    path.write_text(TOWN, encoding="utf-8")
    assert refusal(replay_file(path, "--out", tmp_path / where)).startswith("out = ")
    assert path.read_text("utf-8") == TOWN


def test_a_folder_that_is_there_keeps_what_it_holds(tmp_path: Path) -> None:
    path, folder = tmp_path / "town.toml", tmp_path / "out"
    folder.mkdir()
    (folder / "report.json").write_text("mine", encoding="utf-8")
    path.write_text(changed(("= 0.95", "= 1.2")), encoding="utf-8")
    assert "charge_efficiency = 1.2" in refusal(replay_file(path, "--out", folder))
    assert {file.name: file.read_text("utf-8") for file in folder.iterdir()} == {"report.json": "mine"}


def test_a_run_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from voltadesk.errors import CheckFailed
    from voltadesk.report import summary

    def fail(exchange: object) -> None:
        raise CheckFailed("energy of interval 0: sources 1 Wh, uses 0 Wh")

    monkeypatch.setattr(summary, "check", fail)
    path = tmp_path / "town.toml"
    path.write_text(TOWN, encoding="utf-8")
    done = replay_file(path, "-q", "--out", tmp_path / "a" / "b")
    assert done == Done(4, "", "voltadesk: energy of interval 0: sources 1 Wh, uses 0 Wh\n")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a", "b"), "got unexpected extra argument(s) (b)"),
        (("--threads", "3"), "--threads = 3: must be at most 2"),
        (("--threads", "two"), "--threads = two: must be a whole number"),
        (("--format", "xml"), "--format = xml: must be one of parquet, csv, json"),
        (
            ("--compare-without", "x"),
            "--compare-without = x: must be one of fleet, community, solar, flexible, upstream",
        ),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], message: str) -> None:
    done = call("headless", "replay", *arguments)
    assert done == Done(2, "", f"voltadesk: {message} (voltadesk headless replay --help)\n")


def test_wrong_commands() -> None:
    done = call("headless", "reply")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("voltadesk: no such command 'reply'")
    assert len(done.err.splitlines()) == 1
    assert call("headless").err.startswith("Usage: voltadesk headless ")
    assert call("headless").code == 2


def test_a_process_refuses_like_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "town.toml"
    path.write_text(changed(("= 0.95", "= 1.2")), encoding="utf-8")
    done = start("headless", "replay", path, "--out", tmp_path / "out")
    assert refusal(done) == "town.toml: fleet[0].charge_efficiency = 1.2: must lie between 0.000001 and 1"
    assert list(tmp_path.iterdir()) == [path]
