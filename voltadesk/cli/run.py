"""`voltadesk headless run`: the desk's own market, interval after interval."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from voltadesk.cli.headless import Quiet
from voltadesk.cli.session import Session, told_by
from voltadesk.cli.view import View, facts
from voltadesk.errors import BadInput, Interrupted, UsageError

if TYPE_CHECKING:
    from voltadesk.desk.market import Market

BATCH_S = 0.2  # how long a batch may take: ctrl+c waits for it
BATCH_LIMIT = 96  # intervals
TURN_S = 0.2  # while the next interval has not begun

HELP = told_by(
    "Advance the desk's own market, one signed command an interval; whatever was acknowledged is on disk.",
    "headless run --intervals 96",
    "headless run --until 2026-05-27T12:00",
    "headless run --as robot --key-file robot/robot.key",
    more="Without either it goes on until it is interrupted or the desk is halted; with prices of a feed, by the real "
    "clock. Only one process can do it. No more intervals can be asked for than a feed has published prices of.",
)


def run(
    at: Session,
    intervals: Annotated[int | None, typer.Option(min=1, metavar="N", help="So many of them.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Those that begin before it, on the market's clock.")
    ] = None,
    quiet: Quiet = False,
) -> View:
    if intervals is not None and until is not None:
        raise UsageError("give either --intervals or --until (voltadesk headless run --help)")
    market = at.market
    count = _count_until(at, market, until) if until is not None else intervals
    first_utc = market.next_utc
    if count is not None:
        _require_published(at, market, count)
    with at.desk.clock(), interrupts() as interrupted, _progress(market.scenario.name, count, quiet) as advance:
        done, size = 0, 1
        while not interrupted and (count is None or done < count):
            began = time.perf_counter()
            wanted = min(size, _begun(at.market)) if count is None else min(size, count - done)
            if not wanted:
                time.sleep(TURN_S)
                continue
            made = at.seat.advance(wanted)
            done += made
            advance(made)
            if time.perf_counter() - began < BATCH_S / 2:
                size = min(2 * size, BATCH_LIMIT)
            elif size > 1 and time.perf_counter() - began > BATCH_S:
                size //= 2
    view = _view(at, first_utc, done)
    if interrupted:
        raise Interrupted(interrupted[0])
    return view


def _count_until(at: Session, market: Market, until: str) -> int:
    """How many intervals begin before a time."""
    from voltadesk.clock import utc_text
    from voltadesk.desk.commands import MarketAdvance

    moment_utc = MarketAdvance.model_validate({"interval": at.moment(until)}).interval
    if moment_utc <= market.next_utc:
        raise BadInput("until", until, f"must be after the next interval's start, {utc_text(market.next_utc)}")
    return -(-(moment_utc - market.next_utc) // market.step_s)


def _require_published(at: Session, market: Market, count: int) -> None:
    """Raises BadInput where a feed has not published so many intervals; nothing is halted by asking for them."""
    if market.published is None:
        return
    standing = market.published.standing(market.next)
    if count > standing.intervals:
        known = f"{standing.source} {standing.zone} has published prices of {standing.intervals:,}"
        limit = f"{known}, until {at.local(standing.until_utc)} (voltadesk market feed)"
        raise BadInput("intervals", count, limit)


def _begun(market: Market) -> int:
    """How many intervals may be run now: with prices of a feed those that have begun by the real clock."""
    if market.published is None:
        return BATCH_LIMIT
    return max(0, 1 + int(time.time() - market.next_utc) // market.step_s)


@contextmanager
def interrupts() -> Iterator[list[int]]:
    """Gather ctrl+c and SIGTERM instead of ending by them, so that a batch is never cut."""
    got: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, lambda number, frame: got.append(number))
    try:
        yield got
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _progress(name: str, total: int | None, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A bar with its rate on a terminal, one line at the end elsewhere; gives what is told how many were made."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console, begun, done = Console(stderr=True, quiet=quiet), time.perf_counter(), 0

    def rate() -> str:
        return f"{done / max(time.perf_counter() - begun, 1e-9):,.0f} intervals/s"

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} {task.fields[rate]}"))
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(name, total=total, rate="")

        def advance(made: int) -> None:
            nonlocal done
            done += made
            bar.update(task, completed=done, rate=rate())

        yield advance
    console.print(f"{name}: {done:,} intervals, {rate()}", highlight=False)


def _view(at: Session, first_utc: int, done: int) -> View:
    from voltadesk.clock import utc_text

    market = at.market
    tree = {"intervals": done, "from_utc": utc_text(first_utc), "next_utc": utc_text(market.next_utc)}
    rows = [("intervals", done), ("from", at.local(first_utc)), ("next", at.local(market.next_utc))]
    return View(tree | {"state_root": at.desk.state_root()}, (facts("advanced", rows),))
