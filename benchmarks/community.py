"""How fast a community's meters are read, shared out, priced and written.

Targets in seconds are absolute ones, so a pass is given as well: one summing read of what all members took and fed in.
Reading is compared with the bare scan by DuckDB that makes arrays of the same columns. Times are those of a processor's
core, of which all of this uses one, so that busy neighbours count less; each is the best of some.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import numpy as np

from benchmarks.auction import time_text
from voltadesk.clock import IntervalGrid, local_midnight_utc, time_zone
from voltadesk.community.energy import Energy, grid_of
from voltadesk.community.rules import RULES, Community
from voltadesk.community.settlement import settle
from voltadesk.community.tariffs import Tariffs
from voltadesk.feeds.meter_files import read_meter_file
from voltadesk.feeds.parquet import DATABASE
from voltadesk.report.community_figures import Period
from voltadesk.report.community_files import SettlementFiles
from voltadesk.scenario.read import checked

MEMBERS, MANY = 1_000, 10_000
Row = tuple[str, str, str]


def run() -> list[Row]:
    """(what, measured, target) for each figure."""
    return [*a_month(), a_year(), *reading(), writing()]


def a_month() -> list[Row]:
    """Each rule, on a month of a thousand members."""
    rules = village(MEMBERS)
    energy = month_of(rules, 7)
    settle(rules, energy, Tariffs(rules, energy.grid, Path()))  # compiled
    a_pass = best_s(lambda: int(energy.import_wh.sum()) + int(energy.export_wh.sum()), 10)
    rows = []
    for rule in RULES:
        under = rules.under(rule)
        done = settle(under, energy, Tariffs(under, energy.grid, Path()))
        best = best_s(lambda under=under: settle(under, energy, Tariffs(under, energy.grid, Path())))  # type: ignore[misc]
        shared = int(done.taken_wh.sum()) / int(energy.import_wh.sum())
        what = f"{rule}: {MEMBERS:,} members, {energy.grid.count:,} quarter-hours, settled and priced"
        measured = f"{time_text(best)}, {best / a_pass:.0f} passes, {shared:.0%} from the community"
        rows.append((what, measured, "<= 1 s"))
    return rows


def a_year() -> Row:
    """Twelve months of ten thousand members, in a process of its own, whose memory is told."""
    command = [sys.executable, "-c", "from benchmarks.community import settle_a_year; settle_a_year()"]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    what = f"priority: {MANY:,} members, 12 months of quarter-hours, settled and priced month by month"
    measured = f"{told['seconds']:.1f} s, {told['peak_mb']:,} MB at most"
    return what, measured, "<= 30 s, <= 1,000 MB"


def settle_a_year() -> None:
    """Print how long it took and how much memory, with that of making the months and of Python itself."""
    rules = village(MANY).under("priority")
    seconds = 0.0
    for month in range(1, 13):
        energy = month_of(rules, month)
        begun = time.process_time()
        settle(rules, energy, Tariffs(rules, energy.grid, Path()))
        seconds += time.process_time() - begun
        del energy
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_000
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb}))


def reading() -> list[Row]:
    """Files of a month of a thousand members with two registers each."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, source in meter_files(Path(folder)).items():
            with duckdb.connect(config=DATABASE) as database:
                bare = best_s(lambda: database.execute(f"SELECT * FROM {source}").fetchnumpy())  # type: ignore[misc]  # noqa: B023, S608
            path = next(Path(folder).glob(f"{name.replace(' ', '.')}"))
            taken = best_s(lambda: read_meter_file(path))  # type: ignore[misc]  # noqa: B023
            what = f"{name}: {MEMBERS:,} members, a month, {path.stat().st_size // 10**6:,} MB, read"
            rows.append((what, f"{time_text(taken)}, {taken / bare:.1f} x the bare scan", "<= 3 x"))
    return rows


def meter_files(folder: Path) -> dict[str, str]:
    """Files by their names, and what DuckDB reads each from."""
    long, wide = folder / "long.csv", folder / "wide.csv"
    with duckdb.connect() as database:
        begin = "TIMESTAMP '2026-07-01' + i * INTERVAL 15 MINUTE"
        values = "printf('%.3f', hash(m * 7919 + i) % 400 / 1000.0)"
        database.execute(
            f"COPY (SELECT strftime({begin}, '%Y-%m-%dT%H:%MZ') AS time, printf('AT%031d', m) AS meter, register, "  # noqa: S608
            f"{values} AS value_kwh FROM range(2976) a(i), range({MEMBERS}) b(m), "
            f"(VALUES ('import'), ('export')) c(register) ORDER BY i, m, register) TO '{long}' (HEADER)"
        )
        columns = ", ".join(
            f'hash({m} * 7919 + i) % 400 AS "m{m} {register} Wh"'
            for m in range(MEMBERS)
            for register in ("import", "export")
        )
        database.execute(
            f"COPY (SELECT strftime({begin}, '%Y-%m-%dT%H:%MZ') AS time, {columns} FROM range(2976) a(i)) "  # noqa: S608
            f"TO '{wide}' (HEADER)"
        )
        database.execute(
            f"COPY (SELECT time::TIMESTAMPTZ AS time, meter, register, value_kwh::DOUBLE AS value_kwh "  # noqa: S608
            f"FROM read_csv('{long}')) TO '{folder / 'long.parquet'}' (FORMAT parquet)"
        )
    return {
        "long csv": f"read_csv('{long}')",
        "wide csv": f"read_csv('{wide}')",
        "long parquet": f"read_parquet('{folder / 'long.parquet'}')",
    }


def writing() -> Row:
    """The shares of a month, compared with the bare copy of such a table by DuckDB."""
    rules = village(MEMBERS)
    energy = month_of(rules, 7)
    period = Period("2026-07", settle(rules, energy, Tariffs(rules, energy.grid, Path())))
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(config=DATABASE) as database:
        files = SettlementFiles(Path(folder) / "out", {})
        files.begin()
        taken = best_s(lambda: files.write_shares(period), 2)
        made = next(files.work.glob("shares*.csv"))
        database.execute(f"CREATE TABLE shares AS SELECT * FROM read_csv('{made}')")  # noqa: S608
        rows = MEMBERS * energy.grid.count
        bare = best_s(lambda: database.execute(f"COPY shares TO '{folder}/bare.csv' (HEADER)"), 2)
        size = made.stat().st_size // 10**6
        files.close()
    return (
        f"shares: {rows:,} rows, {size:,} MB, written",
        f"{time_text(taken)}, {taken / bare:.1f} x the bare copy",
        "<= 3 x",
    )


def best_s(call: Callable[[], object], times: int = 3) -> float:
    """The shortest of some runs [s of a core]."""
    taken = []
    for _ in range(times):
        begun = time.process_time()
        call()
        taken.append(time.process_time() - begun)
    return min(taken)


# Members --------------------------------------------------------------------------------------------------------------
def village(members: int) -> Community:
    """Homes in buildings of four on feeders of forty."""
    homes = [{"name": f"m{n:05d}", "building": f"b{n // 4}", "feeder": f"f{n // 40}"} for n in range(members)]
    zones = [{"name": "day", "price": 320, "hours": "06:00-22:00"}, {"name": "night", "price": 250}]
    tariffs = [
        {"name": "retail", "zones": zones, "vat_percent": 20, "monthly": 3},
        {"name": "feed-in", "price": 80},
        {"name": "sun", "midpoint": ["retail", "feed-in"], "vat_percent": 20},
    ]  # fmt: skip
    fee = {"name": "grid fee", "party": "grid", "building": 10, "feeder": 25, "community": 40, "grid": 60}
    tree = {
        "version": 1, "name": "village", "timezone": "Europe/Vienna", "members": homes, "tariffs": tariffs,
        "prices": {"buyer": "sun", "seller": "sun", "supply": "retail", "feed_in": "feed-in"}, "fees": [fee],
    }  # fmt: skip
    return checked(Community, tree, "village", "a community")


def month_of(rules: Community, month: int) -> Energy:
    """A month of the year 2026, every third home with a roof; made day by day, so that it takes no more memory."""
    zone, members = time_zone(rules.timezone), len(rules.members)
    following = date(2026 + month // 12, month % 12 + 1, 1)
    grid = grid_of(rules, local_midnight_utc(date(2026, month, 1), zone), local_midnight_utc(following, zone))
    import_wh, export_wh = (np.empty((grid.count, members), np.int32) for _ in range(2))
    random = np.random.default_rng(month)
    most = random.integers(500, 1_500, members) * (np.arange(members) % 3 == 0)
    sun = sun_of(grid) * random.random(grid.count)
    for first in range(0, grid.count, 96):
        span = slice(first, first + 96)
        export_wh[span] = sun[span, None] * most
        import_wh[span] = np.where(export_wh[span] > 0, 0, random.integers(20, 400, export_wh[span].shape))
    ordered = tuple(sorted(rules.members, key=lambda member: member.name))
    nothing = np.zeros(members, np.int64)
    everybody, always = np.ones(members, bool), np.ones(import_wh.shape, bool)
    return Energy(grid, ordered, import_wh, export_wh, everybody, nothing, always, nothing, ())


def sun_of(grid: IntervalGrid) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """How high it stands in each interval, from 0 to 1."""
    hour = grid.local_fields()[2] / 3600
    return np.maximum(0.0, np.sin((hour - 6) / 12 * np.pi))


if __name__ == "__main__":
    for row in run():
        print("{:<90} {:<56} {}".format(*row))
