"""A desk for the screen's tests: made quickly, run by a runner, shown by the app (`tests.ui.look` shows it)."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from voltadesk.desk.source import Source
from voltadesk.scenario.read import find_scenario
from voltadesk.store.desk import Desk
from voltadesk.store.keys import Key
from voltadesk.store.machine import key_text
from voltadesk.store.seat import Seat
from voltadesk.ui.app import DeskApp, Settings
from voltadesk.ui.community_frame import SETTLING, WAITING, CommunityFrame
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.market_process import MarketProcess
from voltadesk.ui.runner import Runner

SIZES = ((200, 56), (140, 40), (100, 30), (80, 24))
OWNER = Key.from_seed(bytes(32))
HOLDER = Key.from_seed(b"\1" * 32)


def make_desk(folder: Path, scenario: str = "quickstart") -> Desk:
    """A desk on a scenario, the same at every call: fixed keys and id."""
    source = Source.gather(find_scenario(scenario))
    plan = source.scenario()
    holders = {holder.name: key_text(HOLDER.public) for holder in plan.money_holders}
    start_utc = plan.time.grid().start_utc
    return Desk.create(folder, "owner", OWNER, plan.currency, start_utc, "1" * 32, source, holders)


def seat_of(desk: Desk, actor: str = "owner") -> Seat:
    return Seat(desk, actor, lambda: OWNER if actor == "owner" else HOLDER)


@contextmanager
def running(desk: Desk, intervals: int = 0, actor: str = "owner", **given: Any) -> Iterator[Runner]:
    """A runner of the desk that has run so many intervals and is paused; start it yourself, or let the app."""
    seat = seat_of(desk)
    done = 0
    while done < intervals:
        done += seat.advance(min(48, intervals - done))
    yield Runner(seat_of(desk, actor), **given)


@contextmanager
def beside(desk: Desk, **given: Any) -> Iterator[MarketProcess]:
    """The same desk's market in a process of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pytest may have threads
        market = MarketProcess(seat_of(Desk.open(desk.journal.path.parent)), **given)
    try:
        yield market
    finally:
        market.close()


async def shown(pilot: Pilot[Any], is_so: Callable[[DeskFrame], bool] = lambda frame: True) -> DeskFrame:
    """Wait until a frame for which that is so is on the screen, and on the desktop in sight."""
    app: Any = pilot.app
    until = time.monotonic() + 60

    def is_shown() -> bool:
        frame = app.frame
        if frame is None or not is_so(frame) or app.runner.frame is not frame:
            return False
        return bool(app._fed == (frame.number, app.desktop) and app.desktop.fed is frame)

    while not is_shown():
        assert time.monotonic() < until, "no such frame came"
        await pilot.pause(0.02)
    await pilot.pause()
    frame: DeskFrame = app.frame
    return frame


def on_desk(
    folder: Path,
    act: Callable[[Pilot[Any]], Awaitable[Any]],
    *,
    intervals: int = 96,
    size: tuple[int, int] = (140, 40),
    scenario: str = "quickstart",
    actor: str = "owner",
    settings: Settings | None = None,
    source: str = "",
    **given: Any,
) -> Any:
    """What `act` returns, with the desk's app on a screen of so many cells and its first frame shown.

    `source` is the community that its desktop opens.
    """

    async def run() -> Any:
        with make_desk(folder, scenario) as desk, running(desk, intervals, actor, **given) as runner:
            app = DeskApp(runner, settings, community=source)
            async with app.run_test(size=size) as pilot:
                await shown(pilot)
                result = await act(pilot)
            assert not app.faults, app.faults
            return result

    return asyncio.run(run())


async def community(pilot: Pilot[Any]) -> CommunityFrame:
    """Wait until the community that is open is settled, compared and explained as far as it can be."""
    app: Any = pilot.app
    until = time.monotonic() + 120
    while (app.settler._source and not app.settler.frame.source) or not _is_at_rest(app.settler.frame):
        assert time.monotonic() < until, app.settler.frame
        await pilot.pause(0.02)
    await shown(pilot)
    await app.flush()
    await pilot.pause()
    frame: CommunityFrame = app.settler.frame
    return frame


def _is_at_rest(seen: CommunityFrame) -> bool:
    if seen.busy or any(line.state in (WAITING, SETTLING) for line in seen.months):
        return False
    month, told = seen.month, seen.told
    if month is None:
        return not seen.months or bool(seen.line.fault)
    is_told = told is not None and (told.member, told.start_utc) == (
        seen.member, month.grid.starts_utc[seen.interval],
    )  # fmt: skip
    return not seen.is_comparing and (not seen.member or is_told)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for it, without waiting for the app to be idle."""
    for _ in range(1000):
        if is_so():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that")
