"""A sweep on a Dask cluster: the same rows and files, workers lost on the way, and a scheduler that goes away."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.commands import call, refusal, start
from tests.scenario import changed
from tests.sweep import LONG, SMALL, a_sweep, kept, kill, scenario_file, tree_of, wait_for

# In a process of its own, as it is on a cluster; its own workers are yet other processes, in another folder.
CLUSTER = """
import sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster:
        print(cluster.scheduler_address, *(worker.pid for worker in cluster.workers.values()), flush=True)
        sys.stdin.read()
"""

needs_dask = pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="needs dask.distributed")


@contextmanager
def a_cluster(folder: Path) -> Iterator[tuple[str, list[int], subprocess.Popen[str]]]:
    """Its address, its workers' processes, and the scheduler's."""
    (folder / "cluster.py").write_text(CLUSTER)
    with subprocess.Popen(
        [sys.executable, "cluster.py"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as running:
        try:
            assert running.stdout is not None
            address, *workers = running.stdout.readline().split()
            yield address, [int(worker) for worker in workers], running
        finally:
            assert running.stdin is not None
            running.stdin.close()
            try:
                running.wait(30)
            except subprocess.TimeoutExpired:
                running.kill()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[int]]]:
    with a_cluster(tmp_path_factory.mktemp("cluster")) as (address, workers, _):
        yield address, workers


def results(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in ("results.parquet", "sweep.json")}


@needs_dask
def test_a_cluster_makes_the_same_files_as_this_machine(cluster: tuple[str, list[int]], tmp_path: Path) -> None:
    lines = [f"2026-03-{day}T{hour:02d}:00Z,{40 + hour}" for day in (27, 28, 29) for hour in range(24)]
    (tmp_path / "prices.csv").write_text("\n".join(["time,price", *lines]) + "\n")
    path = scenario_file(tmp_path, changed(("price = 80.00\n", 'prices = { file = "prices.csv" }\n'), text=SMALL))
    settings = ("--set", "fleet.count=0,2", "--set", "seed=1:2", "-q", "--json")
    here = call("headless", "sweep", path, *settings, "--workers", "1", "--out", tmp_path / "here")
    there = start("headless", "sweep", path, *settings, "--cluster", cluster[0], "--out", tmp_path / "there")
    assert (there.code, there.err) == (0, "")
    assert there == here
    assert results(tmp_path / "there") == results(tmp_path / "here")


@needs_dask
def test_a_worker_of_a_cluster_is_killed(cluster: tuple[str, list[int]], tmp_path: Path) -> None:
    settings = ("--set", "seed=1:4", "--out", tmp_path / "out", "--json", "-q")
    with a_sweep(scenario_file(tmp_path, LONG), *settings, "--cluster", cluster[0]) as running:
        wait_for(lambda: kept(tmp_path / "out") > 0, running)
        kill(cluster[1][0])
        result = tree_of(running)
    assert result["failures"] == []
    assert len(result["rows"]) == 4  # type: ignore[arg-type]


@needs_dask
def test_a_scheduler_that_goes_away_leaves_what_was_done(tmp_path: Path) -> None:
    path, out = scenario_file(tmp_path, LONG), tmp_path / "out"
    settings = ("--set", "seed=1:4", "--out", out, "--json", "-q")
    with a_cluster(tmp_path) as (address, workers, scheduler):
        with a_sweep(path, *settings, "--cluster", address) as running:
            wait_for(lambda: kept(out) > 0, running)
            for process in (scheduler.pid, *workers):
                kill(process)
            _, err = running.communicate(timeout=120)
        assert (running.returncode, err) == (6, f"voltadesk: cluster = {address}: its scheduler went away\n")
    assert 0 < kept(out) < 4
    assert call("headless", "sweep", path, *settings).code == 0


@needs_dask
def test_no_scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voltadesk.sweep.cluster.PATIENCE_S", 1)
    done = call("headless", "sweep", scenario_file(tmp_path), "--set", "seed=1", "--cluster", "tcp://127.0.0.1:1")
    assert done.code == 6
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith("voltadesk: cluster = tcp://127.0.0.1:1: ")


@pytest.mark.parametrize("address", ["", "10.0.0.5:8786", "http://10.0.0.5:8786", "tcp://:x", "tcp://a b:1"])
def test_an_address_that_is_none_is_refused(address: str, tmp_path: Path) -> None:
    line = refusal(call("headless", "sweep", scenario_file(tmp_path), "--set", "seed=1", "--cluster", address))
    assert line.endswith(": must be an address such as tcp://10.0.0.5:8786")


def test_a_missing_library_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    done = call("headless", "sweep", scenario_file(tmp_path), "--set", "seed=1", "--cluster", "tcp://127.0.0.1:1")
    assert (done.code, done.err) == (
        5,
        "voltadesk: --cluster needs the extra 'sweep': pip install 'voltadesk[sweep]'\n",
    )
