"""The thread that reads a community's meters and settles its months; the desktop asks it and never waits for it.

What is looked at (month, member, interval) is kept here, on the loop. What has to be worked out for it goes to the
thread, one job after the other; a job's answer makes another frame. Only the month that is looked at is held with its
arrays.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from voltadesk.errors import VoltaDeskError
from voltadesk.ui.community_frame import (
    FAULT,
    SETTLED,
    SETTLING,
    WAITING,
    CommunityFrame,
    MonthLine,
    OpenMonth,
    RuleLine,
)
from voltadesk.ui.dialogs.reading import Reading

if TYPE_CHECKING:
    from voltadesk.community.explanation import Explanation
    from voltadesk.ui.base import DeskBase
    from voltadesk.ui.settling import Opened

COMPARED_AT_ONCE = 1 << 20  # intervals x members that are compared without being asked
READ_AT_MOST, READ_FRAME = 104, 6  # cells of what is read over the desktop, and of the frame around it
STOP_S = 0.5  # at most, until the screen is left
COMPILING_S = 2  # a month takes as long only where something has to be compiled first

Answer = TypeVar("Answer")


class Settler:
    """One community of the screen. All methods are the loop's and return at once."""

    def __init__(self, app: DeskBase, source: str = "") -> None:
        """`source` is opened when the desktop is first seen."""
        self.frame = CommunityFrame()
        self._app, self._source = app, source
        self._jobs: SimpleQueue[tuple[Callable[[], Any], Callable[[Any], object], int] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._opened: Opened | None = None
        self._number = 0  # of the community: answers about one that was open before are of no use
        self._is_settling = self._is_explaining = False
        self._asked_s = 0.0  # since when a month is being settled
        self._wanted_utc: int | None = None  # where to look in the month that is being settled

    # Beside the loop --------------------------------------------------------------------------------------------------
    def _ask(self, job: Callable[[], Answer], done: Callable[[Answer], object]) -> None:
        """Have something worked out; `done` gets the answer, on the loop, unless another community is open by then."""
        self._jobs.put((job, done, self._number))
        if self._thread is None:
            # A daemon: leaving the screen must not wait for a file that is being read.
            self._thread = threading.Thread(target=self._run, name="voltadesk-settler", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread, if it has nothing to do."""
        self._jobs.put(None)
        if self._thread is not None:
            self._thread.join(STOP_S)

    def _run(self) -> None:
        while (asked := self._jobs.get()) is not None:
            job, done, number = asked
            told: Callable[[], object]
            try:
                told = partial(done, job())
            except Exception as error:  # as with every pane: its fault must not take the desk away
                told = partial(self._failed, error)
            self._tell(number, told)
            del asked, job, done, told  # what they hold may be large, and the next one may be long in coming

    def _tell(self, number: int, told: Callable[[], object]) -> None:
        """Have something done on the loop, unless another community is open by then, or the screen is left."""
        with suppress(RuntimeError):
            self._app.call_later(lambda: told() if number == self._number else None)

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, VoltaDeskError):
            self._app.faults.append(error)
        self._is_settling = self._is_explaining = False
        self._app.tell("refused", f"{self.frame.source}: {error or type(error).__name__}")
        self._show(busy="", is_comparing=False)

    def _show(self, **changes: Any) -> None:
        """Another frame, shown at once where it can be seen."""
        self.frame = replace(self.frame, **changes)
        if self._app.current_mode == "community":
            self._app.refeed()
            self._app.call_later(self._app.flush)

    # Opening ----------------------------------------------------------------------------------------------------------
    def visit(self) -> None:
        """The desktop is seen: open what was named, once."""
        if self._source and not self.frame.source:
            self.open(self._source)

    def open(self, name: str) -> None:
        """Read a community's files: one that is shipped, or a folder."""
        self._number += 1
        number = self._number
        self._opened, self._is_settling, self._is_explaining, self._wanted_utc = None, False, False, None
        self.frame = CommunityFrame(source=name)
        self._show(busy=f"opening {name} …")

        def read() -> Opened:
            from voltadesk.ui import settling

            return settling.open_community(name, lambda words: self._tell(number, partial(self._show, busy=words)))

        self._ask(read, self._take_opened)

    def _take_opened(self, opened: Opened) -> None:
        self._opened = opened
        months = () if opened.faults else tuple(MonthLine(name) for name, _, _ in opened.periods)
        self._show(
            busy="", faults=opened.faults, rules=opened.rules, months=months, chosen=max(0, len(months) - 1)
        )  # the newest month
        self._go_on()

    # Months -----------------------------------------------------------------------------------------------------------
    def choose_month(self, n: int, wanted_utc: int | None = None) -> None:
        """Look at another month: at that moment, or where most was shared."""
        if n != self.frame.chosen and 0 <= n < len(self.frame.months):
            self._wanted_utc = wanted_utc
            self._show(chosen=n, month=None, explanation=None, outcomes=(), is_comparing=False)
            self._go_on()

    def _go_on(self) -> None:
        """Settle the month that is looked at, or else one of those that wait."""
        frame, opened = self.frame, self._opened
        if self._is_settling or opened is None or not frame.months:
            return
        n = frame.chosen if frame.month is None and frame.line.state != FAULT else self._waiting()
        if n is None:
            return
        self._is_settling, self._asked_s = True, time.monotonic()
        if frame.months[n].state == WAITING:
            self.frame = frame.with_line(n, replace(frame.months[n], state=SETTLING))
            self._show()

        def settle() -> tuple[MonthLine, OpenMonth | None]:
            from voltadesk.ui import settling

            return settling.settle_month(opened, n)

        self._ask(settle, lambda answer: self._take_month(n, *answer))

    def _waiting(self) -> int | None:
        waiting = (n for n, line in enumerate(self.frame.months) if line.state == WAITING)
        return next(waiting, None)

    def _take_month(self, n: int, line: MonthLine, month: OpenMonth | None) -> None:
        self._is_settling = False
        self.frame = self.frame.with_line(n, line)
        if n == self.frame.chosen and month is not None:
            self._take_open(month)
        self._show(busy="")
        self._go_on()

    def _take_open(self, month: OpenMonth) -> None:
        wanted, self._wanted_utc = self._wanted_utc, None
        interval = None if wanted is None else month.interval_at(wanted)
        names = [statement.name for statement in month.settlement.statements]
        member = self.frame.member if self.frame.member in ("", *names) else names[0]
        at = int(month.shared_wh.argmax()) if interval is None else interval
        self.frame = replace(self.frame, month=month, member=member, interval=at)
        self._explain()
        if month.settlement.taken_wh.size <= COMPARED_AT_ONCE:
            self.compare()

    def tick(self) -> None:
        """Say what takes so long."""
        passed_s = int(time.monotonic() - self._asked_s)
        if self._is_settling and passed_s >= COMPILING_S and all(m.state != SETTLED for m in self.frame.months):
            why = "the first settlement compiles its kernels, which takes half a minute, once"
            if (words := f"settling … {passed_s} s: {why}") != self.frame.busy:
                self._show(busy=words)

    # An interval and a member -----------------------------------------------------------------------------------------
    def choose_member(self, name: str) -> None:
        """Look at a member; "" is all of them."""
        if name != self.frame.member:
            self._show(member=name)
            self._explain()

    def choose_interval(self, interval: int) -> None:
        month = self.frame.month
        if month is not None and interval != self.frame.interval and 0 <= interval < month.grid.count:
            self._show(interval=interval)
            self._explain()

    def move(self, days: int) -> None:
        """The same time so many days away, in another month if it must be."""
        if (month := self.frame.month) is not None:
            self._go_to(month.away_utc(self.frame.interval, days), 1 if days > 0 else -1)

    def step(self, by: int) -> None:
        """So many intervals on, in another month if it must be."""
        if (month := self.frame.month) is not None:
            start_utc = month.grid.start_utc + (self.frame.interval + by) * month.grid.step_s
            self._go_to(start_utc, 1 if by > 0 else -1)

    def _go_to(self, second_utc: int, months: int) -> None:
        assert self.frame.month is not None
        if (interval := self.frame.month.interval_at(second_utc)) is not None:
            self.choose_interval(interval)
        else:
            self.choose_month(self.frame.chosen + months, second_utc)

    def _explain(self) -> None:
        """Of what is asked while an answer is awaited only the last is asked then."""
        frame = self.frame
        month, interval, member = frame.month, frame.interval, frame.member
        if self._is_explaining or month is None or not member:
            return
        self._is_explaining = True

        def explain() -> Explanation:
            from voltadesk.ui import settling

            return settling.explain_interval(month, interval, member)

        def take(found: Explanation) -> None:
            self._is_explaining = False
            now = self.frame
            if now.month is month:
                self._show(explanation=found)
            if (now.month, now.interval, now.member) != (month, interval, member):
                self._explain()

        self._ask(explain, take)

    # What is asked for ------------------------------------------------------------------------------------------------
    def compare(self) -> None:
        """Settle the month under every sharing rule."""
        month, opened = self.frame.month, self._opened
        if month is None or opened is None or self.frame.is_comparing or self.frame.outcomes:
            return
        self._show(is_comparing=True)

        def compare() -> tuple[RuleLine, ...]:
            from voltadesk.ui import settling

            return settling.compare_month(opened, month)

        def take(outcomes: tuple[RuleLine, ...]) -> None:
            if self.frame.month is month:
                self._show(outcomes=outcomes, is_comparing=False)

        self._ask(compare, take)

    def read_statement(self, member: str) -> None:
        """A member's statement over the desktop; for "" the manager's report of the month."""
        month, opened = self.frame.month, self._opened
        if month is None or opened is None:
            return

        width = min(READ_AT_MOST, self._app.size.width * 9 // 10 - READ_FRAME)

        def write() -> str:
            from voltadesk.ui import settling

            return settling.statement_text(opened, month, member, width)

        title = f"Statement of {member}, {month.name}" if member else f"Report of {month.name}"
        self._ask(write, lambda text: self._app.push_screen(Reading(title, text)))
