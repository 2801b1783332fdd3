"""`voltadesk headless sweep`: the same rows from any workers, and nothing lost when one of them, or all, are killed."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.commands import Done, call, refusal
from tests.replays import exact
from tests.scenario import changed
from tests.sweep import LONG, SMALL, a_sweep, is_gone, kept, kill, scenario_file, tree_of, wait_for, workers_of
from voltadesk import __version__
from voltadesk.scenario.read import parse_toml
from voltadesk.sweep.task import LOST, Outcome, Task, run
from voltadesk.sweep.workers import ATTEMPTS, run_tasks

SETTINGS = ("--set", "fleet.count=0,3", "--set", "seed=1:3")


def sweep(path: Path, *options: str | Path) -> Done:
    return call("headless", "sweep", path, "-q", *options)


def tree(done: Done) -> dict[str, Any]:
    assert (done.code, done.err) == (0, ""), done
    return exact(done.out)


def files(folder: Path) -> dict[str, bytes]:
    """What a sweep leaves in its folder, but for its journal."""
    assert {path.name for path in folder.iterdir()} == {"results.parquet", "sweep.json", "sweep.ndjson"}
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".ndjson"}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scenario, the results of a sweep of it by two workers, and what that wrote to stdout."""
    folder = tmp_path_factory.mktemp("sweep")
    written = sweep(scenario_file(folder), *SETTINGS, "--workers", "2", "--out", folder / "out", "--json")
    assert (written.code, written.err) == (0, ""), written
    (folder / "stdout.json").write_text(written.out, encoding="utf-8")
    return folder


class Here:
    """Workers that are this process: what others would come to, without their starts."""

    room = 1

    def __init__(self, count: int, *, is_cold: bool) -> None:
        """As other workers are asked for."""

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left behind."""

    def submit(self, task: Task) -> Future[Outcome]:
        future: Future[Outcome] = Future()
        future.set_result(run(task))
        return future

    def outcome(self, future: Future[Outcome]) -> Outcome:
        return future.result()


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of anything but processes."""
    monkeypatch.setattr("voltadesk.sweep.workers.LocalWorkers", Here)


# Results --------------------------------------------------------------------------------------------------------------
def test_each_row_is_a_replay_of_the_file_with_these_values(done: Path, tmp_path: Path) -> None:
    result = exact((done / "stdout.json").read_text("utf-8"))
    assert [(row["combination"], row["fleet.count"], row["seed"]) for row in result["rows"]] == [
        (n + 1, count, seed) for n, (count, seed) in enumerate((count, seed) for count in (0, 3) for seed in (1, 2, 3))
    ]
    assert result["failures"] == []
    for row in result["rows"]:
        fleet = ("count = 2\ncapacity_kwh", f"count = {row['fleet.count']}\ncapacity_kwh")
        text = changed(("seed = 7", f"seed = {row['seed']}"), fleet, text=SMALL)
        text = text if row["fleet.count"] else text.partition("[[fleet]]")[0]
        report = tree(call("headless", "replay", scenario_file(tmp_path, text), "--json", "-q"))
        assert row["digest"] == report["digest"]
        assert row["battery_count"] == report["scenario"]["batteries"] == row["fleet.count"]
        assert row["price_mean_per_mwh"] == report["price"]["mean_per_mwh"]
        assert row["fleet_margin_after_wear"] == sum(group["margin_after_wear"] for group in report["fleet"])
        received = {name: row[f"{name}_received"] for name in report["money"]["received"]}
        assert received == report["money"]["received"]
        assert sum(received.values()) == 0


def test_the_table_and_the_file_hold_what_was_printed(done: Path) -> None:
    result = exact((done / "stdout.json").read_text("utf-8"))
    assert exact((done / "out" / "sweep.json").read_text("utf-8")) == result
    found = duckdb.execute("SELECT * FROM read_parquet($1)", [str(done / "out" / "results.parquet")])
    names = [column[0] for column in found.description]
    assert [dict(zip(names, row, strict=True)) for row in found.fetchall()] == result["rows"]
    kinds = {column[0]: str(column[1]) for column in found.description}
    assert {kinds["fleet.count"], kinds["seed"], kinds["home_count"]} == {"BIGINT"}
    assert (kinds["load_served_mwh"], kinds["homes_received"]) == ("DECIMAL(38,6)", "DECIMAL(38,8)")


def test_one_worker_makes_the_same_files_as_two(done: Path, tmp_path: Path) -> None:
    assert sweep(done / "town.toml", *SETTINGS, "--workers", "1", "--out", tmp_path / "out").code == 0
    assert files(tmp_path / "out") == files(done / "out")


def test_a_finished_sweep_is_not_run_again(done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files(done / "out")
    monkeypatch.setattr("voltadesk.sweep.workers.LocalWorkers", None)
    again = sweep(done / "town.toml", *SETTINGS, "--out", done / "out", "--json")
    assert (again.code, again.out) == (0, (done / "stdout.json").read_text("utf-8"))
    assert files(done / "out") == before


def test_people_are_shown_the_rows(done: Path) -> None:
    shown = call("headless", "sweep", done / "town.toml", *SETTINGS, "--out", done / "out")
    assert (shown.code, shown.err) == (0, "")
    digest = exact((done / "stdout.json").read_text("utf-8"))["digest"]
    assert f"6 combinations, prices and money in EUR; digest {digest}" in shown.out
    assert re.search(r"fleet\.count +seed +price mean +P90 − P10 +served MWh", shown.out)
    assert len(re.findall(r"^ [03] +[123] ", shown.out, re.MULTILINE)) == 6


@pytest.mark.usefixtures("here")
def test_strategies_are_a_parameter(tmp_path: Path) -> None:
    path = scenario_file(tmp_path)
    result = tree(sweep(path, "--strategy", "rolling,dual", "--workers", "1", "--json"))
    for row, name in zip(result["rows"], ("rolling", "dual"), strict=True):
        report = tree(call("headless", "replay", path, "--strategy", name, "--json", "-q"))
        assert (row["fleet.strategy"], row["digest"]) == (name, report["digest"])


@pytest.mark.usefixtures("here")
def test_files_that_a_scenario_names_are_read(tmp_path: Path) -> None:
    (tmp_path / "feeds").mkdir()
    for name, price in (("low", 40), ("high", 160)):
        lines = [f"2026-03-{day}T{hour:02d}:00Z,{price + hour}" for day in (27, 28, 29) for hour in range(24)]
        (tmp_path / "feeds" / f"{name}.csv").write_text("\n".join(["time,price", *lines]) + "\n")
    text = changed(("price = 80.00\n", 'prices = { file = "feeds/low.csv" }\n'), text=SMALL)
    path = scenario_file(tmp_path, text)
    settings = ("--set", "upstream.prices.file=feeds/low.csv,feeds/high.csv", "--json", "--workers", "1")
    result = tree(sweep(path, *settings))
    report = tree(call("headless", "replay", path, "--json", "-q"))
    assert result["rows"][0]["digest"] == report["digest"] != result["rows"][1]["digest"]
    line = refusal(sweep(path, "--set", "upstream.prices.file=feeds/low.csv,feeds/none.csv"))
    told = "town.toml with upstream.prices.file = feeds/none.csv: file = feeds/none.csv: no such file or directory"
    assert line == told


# Wrong input ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("setting", "limit"),
    [
        ("seed=1,-1", "town.toml with seed = -1: seed = -1: must be at least 0"),
        ("seed=x", 'town.toml with seed = x: seed = "x": must be a whole number'),
        ("sead=1", "town.toml with sead = 1: sead = 1: is not a key of a scenario"),
        ("fleet.cellar.wear=1", "town.toml with fleet.cellar.wear = 1: fleet[0].wear = 1: is not a key of a scenario"),
        (
            "plants.mill.minimum_kw=1:6",
            "town.toml with plants.mill.minimum_kw = 6: plants[0].minimum_kw = 6: must not exceed capacity_kw (5)",
        ),
        (
            "fleet.count=1,200000",
            "town.toml with fleet.count = 200000: fleet[0].count = 200000: must be at most 100000",
        ),
        ("time.timezone=Mars/Base", "town.toml with time.timezone = Mars/Base: time.timezone = Mars/Base: "),
    ],
)
def test_a_wrong_key_or_value_is_refused_before_anything_is_run(setting: str, limit: str, tmp_path: Path) -> None:
    path = scenario_file(tmp_path)
    line = refusal(sweep(path, "--set", setting, "--out", tmp_path / "out"))
    assert line.startswith(limit)
    assert [path.name for path in tmp_path.iterdir()] == ["town.toml"]


def test_options_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    path = scenario_file(tmp_path)
    assert refusal(sweep(path)).startswith("set: must be given")
    assert refusal(sweep(path, "--set", "seed=1", "--out", "")) == "out = '': must be a folder"
    (tmp_path / "file").touch()
    assert refusal(sweep(path, "--set", "seed=1", "--out", tmp_path / "file")).endswith("file exists")
    beside = refusal(sweep(path, "--set", "seed=1", "--workers", "1", "--cluster", "tcp://127.0.0.1:1"))
    assert beside == "workers = 1: must not be given beside cluster, which has its own"
    assert sweep(path, "--set", "seed=1", "--workers", "0").code == 2
    assert refusal(sweep(tmp_path / "none.toml", "--set", "seed=1")).startswith("scenario = ")


def test_a_folder_that_holds_another_sweep_is_kept(done: Path, tmp_path: Path) -> None:
    path, out = done / "town.toml", done / "out"
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    other = scenario_file(tmp_path, SMALL + "# other\n")
    line = f"out = {out}: holds a sweep that is of "
    for arguments, what in (
        ((path, "--set", "seed=1:3"), "other parameters"),
        ((path, *SETTINGS[:2], "--set", "seed=1:4"), "other parameters"),
        ((path, *SETTINGS[2:], *SETTINGS[:2]), "other parameters"),
        ((other, *SETTINGS), "another scenario"),
    ):
        assert refusal(sweep(*arguments, "--out", out)) == f"{line}{what}; it is kept as it is"
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize(
    "line",
    [b"{}", b"null", b"\xff", b'{"combination": 7, "figures": {}, "digest": ""}', b'{"combination": 1, "digest": ""}'],
)
def test_a_journal_that_is_none_is_refused(line: bytes, done: Path, tmp_path: Path) -> None:
    head = (done / "out" / "sweep.ndjson").read_bytes().partition(b"\n")[0]
    for number, body in ((1, line + b"\n"), (2, head + b"\n" + line + b"\n" + line[:3])):
        (tmp_path / "sweep.ndjson").write_bytes(body)
        said = refusal(sweep(done / "town.toml", *SETTINGS, "--out", tmp_path))
        assert said == f"{tmp_path / 'sweep.ndjson'}: line = {number}: is not what a sweep writes"
        assert (tmp_path / "sweep.ndjson").read_bytes() == body


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("cut", [1, 40, -1, -200])
def test_a_journal_that_was_cut_off_anywhere_is_gone_on_with(cut: int, done: Path, tmp_path: Path) -> None:
    body = (done / "out" / "sweep.ndjson").read_bytes()
    (tmp_path / "sweep.ndjson").write_bytes(body[:cut])
    assert sweep(done / "town.toml", *SETTINGS, "--workers", "1", "--out", tmp_path).code == 0
    assert files(tmp_path) == files(done / "out")
    assert kept(tmp_path) == 6


# Killed ---------------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scenario that takes a while, and the results of a sweep of it that nothing happened to."""
    folder = tmp_path_factory.mktemp("long")
    path = scenario_file(folder, LONG)
    assert sweep(path, "--set", "seed=1:4", "--workers", "2", "--out", folder / "out").code == 0
    return folder


def test_a_killed_worker_is_replaced_and_its_task_run_again(undisturbed: Path, tmp_path: Path) -> None:
    settings = ("--set", "seed=1:4", "--workers", "2", "--out", tmp_path, "--json", "-q")
    with a_sweep(undisturbed / "town.toml", *settings) as running:
        wait_for(lambda: kept(tmp_path) > 0, running)
        kill(workers_of(running.pid)[0])
        result = tree_of(running)
    assert result["failures"] == []
    assert files(tmp_path) == files(undisturbed / "out")


def test_a_killed_sweep_ends_its_workers_and_is_gone_on_with(undisturbed: Path, tmp_path: Path) -> None:
    settings = ("--set", "seed=1:4", "--workers", "2", "--out", tmp_path, "--json", "-q")
    with a_sweep(undisturbed / "town.toml", *settings) as running:
        wait_for(lambda: kept(tmp_path) > 0, running)
        workers = workers_of(running.pid)
        running.kill()
        running.wait()
        wait_for(lambda: all(map(is_gone, workers)))
    assert 0 < kept(tmp_path) < 4
    done = call("headless", "sweep", undisturbed / "town.toml", *settings[:-2])
    assert done.code == 0
    assert re.fullmatch(r"town: [1-3] combinations in [0-9.]+ s, [0-9.]+/s, [1-3] done before\n", done.err)
    assert files(tmp_path) == files(undisturbed / "out")


def test_an_interrupted_sweep_says_what_is_kept(undisturbed: Path, tmp_path: Path) -> None:
    with a_sweep(undisturbed / "town.toml", "--set", "seed=1:4", "--workers", "2", "--out", tmp_path) as running:
        wait_for(lambda: kept(tmp_path) > 0, running)
        workers = workers_of(running.pid)
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, "")
    said = f"voltadesk: {kept(tmp_path)} of 4 combinations are kept in {tmp_path}; the same command goes on from there"
    assert err == f"{said}\nvoltadesk: interrupted\n"
    assert all(map(is_gone, workers))
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.ndjson"]


def test_two_sweeps_do_not_share_a_folder(undisturbed: Path, tmp_path: Path) -> None:
    settings = ("--set", "seed=1:4", "--workers", "1", "--out", tmp_path, "-q")
    with a_sweep(undisturbed / "town.toml", *settings) as running:
        wait_for(lambda: (tmp_path / "sweep.ndjson").exists(), running)
        line = refusal(call("headless", "sweep", undisturbed / "town.toml", *settings))
        assert line == f"out = {tmp_path}: another sweep is writing to it"
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)


def test_a_task_that_loses_all_its_workers_is_named(tmp_path: Path) -> None:
    settings = ("--set", "seed=5", "--out", tmp_path / "out", "--json", "-q")
    with a_sweep(scenario_file(tmp_path, LONG), *settings) as running:
        while running.poll() is None:
            for worker in workers_of(running.pid):
                kill(worker)
        out, err = running.communicate()
    told = f"1 of 1 combinations failed; the first: seed = 5: {LOST}"
    assert (running.returncode, err) == (4, f"voltadesk: {told}\n")
    result = json.loads(out)
    assert result["failures"] == [{"combination": 1, "parameters": {"seed": 5}, "error": LOST}]
    assert (result["rows"][0]["error"], result["rows"][0]["digest"]) == (LOST, None)
    assert files(tmp_path / "out")["sweep.json"] == (json.dumps(result, indent=2, ensure_ascii=False) + "\n").encode()
    again = tree(sweep(tmp_path / "town.toml", *settings))  # what failed is tried again by the same command
    assert again["failures"] == []
    assert again["rows"][0]["error"] is None


class Losing:
    """Workers whose every task is lost as often as is told for its seed."""

    room = 2

    def __init__(self, losses: dict[int, int]) -> None:
        self.losses, self.asked = losses, list[int]()

    def submit(self, task: Task) -> Future[Outcome]:
        seed = task.tree["seed"]
        self.asked.append(seed)
        future: Future[Outcome] = Future()
        is_lost = self.asked.count(seed) <= self.losses[seed]
        future.set_result(Outcome({}, error=LOST, may_pass=True) if is_lost else Outcome({}, f"digest of {seed}"))
        return future

    def outcome(self, future: Future[Outcome]) -> Outcome:
        return future.result()


def test_a_task_is_tried_a_number_of_times() -> None:
    workers = Losing({0: 0, 1: ATTEMPTS - 1, 2: ATTEMPTS, 3: 0})
    found: dict[int, Outcome] = {}
    keep: Callable[[int, Outcome], None] = found.__setitem__
    run_tasks(range(4), lambda n: Task("", {"seed": n}, {}), workers, keep)
    assert {n: outcome.error for n, outcome in found.items()} == {0: "", 1: "", 2: LOST, 3: ""}
    assert [workers.asked.count(n) for n in range(4)] == [1, ATTEMPTS, ATTEMPTS, 1]


@pytest.mark.usefixtures("here")
def test_what_only_a_run_can_tell_is_told_in_its_row(tmp_path: Path) -> None:
    text = changed(("limit_kw = 50", "limit_kw = 1000000000"), ("price = 80.00", "price = 29000.00"), text=SMALL)
    text += "\n[market]\ncap = 30000\n"
    settings = ("--set", "plants.mill.capacity_kw=5,1000000000", "--workers", "1", "--json", "--out", tmp_path / "out")
    done = sweep(scenario_file(tmp_path, text), *settings)
    limit = "turnover: must stay below 80,000,000,000 in one run: shorten it"
    told = f"1 of 2 combinations failed; the first: plants.mill.capacity_kw = 1000000000: {limit}"
    assert (done.code, done.err) == (4, f"voltadesk: {told}\n")
    result = exact(done.out)
    assert [row["error"] for row in result["rows"]] == [None, limit]
    assert [failure["combination"] for failure in result["failures"]] == [2]
    found = duckdb.execute(
        "SELECT digest IS NULL, price_mean_per_mwh IS NULL, error FROM read_parquet($1) ORDER BY combination",
        [str(tmp_path / "out" / "results.parquet")],
    )
    assert found.fetchall() == [(False, False, None), (True, True, limit)]
    shown = sweep(tmp_path / "town.toml", *settings[:4], *settings[5:])
    assert shown.code == 4
    assert f"Failed: 1\nplants.mill.capacity_kw = 1000000000: {limit}\n" in shown.out


def test_a_worker_of_another_version_does_nothing() -> None:
    outcome = run(Task("0.0.1", {}, {}))
    assert outcome == Outcome({}, error=f"its worker has voltadesk {__version__}, not 0.0.1", may_pass=True)


def test_a_fault_is_an_outcome_and_no_exception() -> None:
    tree = parse_toml(changed(("price = 80.00\n", 'prices = { file = "prices.csv" }\n')), "town.toml")
    bad = run(Task(__version__, tree, {"prices.csv": b"time,price\n"}))
    assert "must be at least 1" in bad.error
    assert not bad.may_pass
    assert run(Task(__version__, tree, {})) == Outcome({}, error="KeyError: 'prices.csv'", may_pass=True)
