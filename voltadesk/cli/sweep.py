"""`voltadesk headless sweep`: one scenario for every combination of some of its keys' values."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voltadesk.cli.answers import Json, answer
from voltadesk.errors import BadInput, CheckFailed, Interrupted

if TYPE_CHECKING:
    from voltadesk.sweep.grid import Grid
    from voltadesk.sweep.task import Outcome
    from voltadesk.sweep.workers import Workers

HELP = (
    "Replay a scenario for every combination of values of some of its keys.\n\n"
    "Examples:\n\n"
    "  voltadesk headless sweep quickstart --set fleet.count=0,10,100 --set seed=1:50\n\n"
    "  voltadesk headless sweep town.toml --set plants.mill.marginal_cost=40:80:5 --out mill\n\n"
    "  voltadesk headless sweep upstream --strategy rolling,dual --set seed=1:10 --json\n\n"
    "  voltadesk headless sweep town.toml --set weather.cloudiness_percent=0:60:20 --cluster tcp://10.0.0.5:8786\n\n"
    "With --out what is done is kept there: the same command goes on where it was stopped."
)
WORKERS_LIMIT = 1_024


def sweep(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="A TOML file or a shipped name.")],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUES", help="A key's values: 0,10,100 or 1:50 (both included) or 0:100:10."
        ),
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(metavar="A,B,…", help="All batteries by rolling, day-ahead or dual, each in turn.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=WORKERS_LIMIT, metavar="N", help="Processes; else one for each core.")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="On a Dask cluster instead, by its scheduler's tcp://host:port."),
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="Write results.parquet and sweep.json here, and go on from there.")
    ] = None,
    as_json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
) -> None:
    from voltadesk.scenario.read import find_scenario
    from voltadesk.sweep.grid import Grid
    from voltadesk.sweep.parameters import read_parameters
    from voltadesk.sweep.results import results, sections, write_results

    if out == "":
        raise BadInput("out", out, "must be a folder")
    if workers is not None and cluster is not None:
        raise BadInput("workers", workers, "must not be given beside cluster, which has its own")
    grid = Grid(find_scenario(scenario), read_parameters(settings or [], strategy))
    with _counting("checking", len(grid.combinations), quiet) as on_checked:
        grid.check(on_checked)
    folder = None if out is None else Path(out)
    tree = results(grid, _outcomes(grid, folder, workers, cluster, quiet))
    if folder is not None:
        write_results(folder, grid, tree)
    answer(tree, sections(tree), as_json)
    if tree["failures"]:
        first = tree["failures"][0]
        count = f"{len(tree['failures']):,} of {tree['combinations']:,} combinations failed"
        raise CheckFailed(f"{count}; the first: {grid.told(first['combination'] - 1)}: {first['error']}")


def _outcomes(
    grid: Grid, folder: Path | None, workers: int | None, cluster: str | None, quiet: bool
) -> dict[int, Outcome]:
    """What came of each combination, run now or by an earlier run into the same folder."""
    from voltadesk.sweep.journal import Journal
    from voltadesk.sweep.workers import run_tasks

    count = len(grid.combinations)
    with nullcontext() if folder is None else Journal(folder, grid.identity(), count) as journal:
        outcomes: dict[int, Outcome] = {} if journal is None else journal.outcomes
        keep = outcomes.__setitem__ if journal is None else journal.add
        left = [n for n in range(count) if n not in outcomes]
        if not left:
            return outcomes
        begun, before = time.perf_counter(), len(outcomes)
        try:
            with _workers(workers, cluster, len(left)) as doing, _counting("sweeping", len(left), quiet) as on_done:

                def done(n: int, outcome: Outcome) -> None:
                    keep(n, outcome)
                    on_done(len(outcomes) - before)

                run_tasks(left, grid.task, doing, done)
        except Interrupted:
            if folder is not None:
                kept = sum(not outcome.error for outcome in outcomes.values())
                print(
                    f"voltadesk: {kept:,} of {count:,} combinations are kept in {folder}; "
                    "the same command goes on from there",
                    file=sys.stderr,
                )
            raise
        if not quiet:
            _tell(grid, len(left), before, time.perf_counter() - begun)
        return outcomes


def _workers(count: int | None, cluster: str | None, tasks: int) -> AbstractContextManager[Workers]:
    if cluster is not None:
        from voltadesk.sweep.cluster import ClusterWorkers

        return ClusterWorkers(cluster)
    from voltadesk.cli.progress import is_cold
    from voltadesk.engine.market import run_intervals
    from voltadesk.sweep.workers import LocalWorkers

    return LocalWorkers(min(count or _cores(), tasks), is_cold=is_cold(run_intervals))


def _cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _counting(what: str, total: int, quiet: bool) -> AbstractContextManager[Callable[[int], None]]:
    from voltadesk.cli.progress import counting

    return nullcontext(lambda done: None) if quiet else counting(what, total, "combinations")


def _tell(grid: Grid, count: int, before: int, seconds: float) -> None:
    earlier = f", {before:,} done before" if before else ""
    rate = f"{count / max(seconds, 1e-9):,.1f}/s"
    print(f"{grid.scenario.name}: {count:,} combinations in {seconds:.1f} s, {rate}{earlier}", file=sys.stderr)
