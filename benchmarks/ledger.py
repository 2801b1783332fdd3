"""A million of the journal's rows on the screen: opening, scrolling and filtering them, against a hundred.

The rows are written straight into a desk's database, as running a market for so long would take a day; nothing that is
timed here looks at what they say.
"""

import asyncio
import json
import tempfile
import time
from pathlib import Path

from sqlalchemy import Connection

from tests.ui.desks import make_desk, running, shown
from voltadesk.ui.app import DeskApp
from voltadesk.ui.pane import Pane
from voltadesk.ui.window_table import WindowTable

SIZES = (100, 1_000_000)
PRESSED = 200
WAYS = ("pagedown", "pageup", "down", "end", "pageup", "home", "pagedown")


def run() -> list[tuple[str, str, str]]:
    """(what, measured, target) for each figure."""
    few, many = (asyncio.run(_of(count)) for count in SIZES)
    first = f"{1000 * many[0]:.0f} ms ({many[0] / few[0]:.1f} x {SIZES[0]})"
    key = f"p95 {_p95(many[1]):.1f} ms ({_p95(few[1]):.1f} ms with {SIZES[0]})"
    return [
        (f"{SIZES[1]:,} receipts: first rows seen", first, ""),
        ("scrolled by a key, until the rows are there", key, f"as {SIZES[0]}"),
        ("longest stall of the loop while a filter goes through all", f"{1000 * many[3]:.0f} ms", "30 ms"),
        ("a filter has gone through all of them", f"{many[2]:.1f} s", ""),
    ]


def _p95(taken: list[float]) -> float:
    return 1000 * sorted(taken)[int(0.95 * len(taken))]


def _fill(connection: Connection, first: int, count: int) -> None:
    body = json.dumps({
        "actor": "owner", "command": {"price": "PRICE", "quantity_kwh": "2.5", "side": "buy"}, "effects_hash": "0" * 64,
        "key": "k", "kind": "order.place", "outcome": "done", "prev": "0" * 64, "seq": 0, "signature": "s" * 88,
        "state_root": "0" * 64, "time_utc": 1779661800,
    }).replace("'", "''")  # fmt: skip
    numbers = (
        f"WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {first + count - 1}) SELECT i"  # noqa: S608
    )
    body_of = f"CAST(replace('{body}', 'PRICE', i) AS BLOB)"
    connection.exec_driver_sql(f"INSERT INTO entry {numbers}, randomblob(32), {body_of}, 'owner', NULL FROM n")
    connection.exec_driver_sql(f"INSERT INTO effect {numbers}, x'7b7d' FROM n")


async def _of(count: int) -> tuple[float, list[float], float, float]:
    """Time to the first rows, times of keys, of a filter, and the longest stall meanwhile [s]."""
    with tempfile.TemporaryDirectory() as folder, make_desk(Path(folder) / "desk") as desk, running(desk, 2) as runner:
        head = desk.journal.head().seq
        with desk.journal.writing() as batch:
            _fill(batch.connection, head + 1, count)
        app = DeskApp(runner)
        async with app.run_test(size=(200, 56)) as pilot:
            await shown(pilot)
            await pilot.press("4")
            await _until(lambda: len(app.opened) == len(app.MODES))
            table = app.screen.query_one("#entries", Pane).query_one(WindowTable)
            began = time.perf_counter()
            table.follow(head + count, table._zone)
            await _until(lambda: len(table.view) > head + 1 and _is_read(table))
            first = time.perf_counter() - began
            await _until(lambda: not table.progress)
            table.focus()
            pressed = []
            for n in range(PRESSED):
                began = time.perf_counter()
                app.simulate_key(WAYS[n % len(WAYS)])
                at = table.cursor
                await _until(lambda at=at, began=began: table.cursor != at or time.perf_counter() - began > 0.05)
                await _until(lambda: _is_read(table))
                pressed.append(time.perf_counter() - began)
            began, stall = time.perf_counter(), 0.0
            table.filter("99999")
            while table.progress or table._is_building:
                asked = time.perf_counter()
                await asyncio.sleep(0.002)
                stall = max(stall, time.perf_counter() - asked - 0.002)
            return first, pressed, time.perf_counter() - began, stall


def _is_read(table: WindowTable) -> bool:
    _, rows = table._in_sight()
    return bool(rows) and all(row[0] is not None for row in rows)


async def _until(is_so) -> None:  # type: ignore[no-untyped-def]
    while not is_so():
        await asyncio.sleep(0.0005)
