"""What is looked at of a community: its month, member and interval. The desktop asks, and never waits.

What has to be worked out for it is asked of a process of its own (`settling`), one thing after the other; an answer
makes another frame. The process is begun when a community is first opened, and ended with the screen.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from voltadesk.errors import VoltaDeskError
from voltadesk.ui.community_frame import (
    DONE,
    FAULT,
    SETTLED,
    SETTLING,
    TOLD,
    WAITING,
    CommunityFrame,
    Facts,
    MonthLine,
    OpenMonth,
    RuleLine,
    Told,
)
from voltadesk.ui.dialogs.reading import Reading

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase

COMPARED_AT_ONCE = 1 << 20  # intervals x members that are compared without being asked
READ_AT_MOST, READ_FRAME = 104, 6  # cells of what is read over the desktop, and of the frame around it
STOP_S = 0.5  # at most, until the screen is left
COMPILING_S = 2  # a month takes as long only where something has to be compiled first
ENDED = "the process that settles it was ended: open it again"


class Settler:
    """One community of the screen. All methods are the loop's and return at once."""

    def __init__(self, app: DeskBase, source: str = "") -> None:
        """`source` is opened when the desktop is first seen."""
        self.frame = CommunityFrame()
        self._app, self._source = app, source
        self._pipe: Connection | None = None  # while there is a process
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._is_stopping = False
        self._asked: deque[tuple[Callable[[Any], object], int]] = deque()  # what takes an answer, and of which number
        self._number = 0  # of the community: answers about one that was open before are of no use
        self._is_settling = self._is_explaining = False
        self._asked_s = 0.0  # since when a month is being settled
        self._wanted_utc: int | None = None  # where to look in the month that is being settled

    # The process ------------------------------------------------------------------------------------------------------
    def _ask(self, done: Callable[[Any], object], name: str, *given: object) -> None:
        """Have something worked out; `done` gets the answer, on the loop, unless another community is open by then."""
        if self._pipe is None:
            self._pipe, theirs = Pipe()
            self._thread = threading.Thread(
                target=self._listen, args=(self._pipe, theirs), name="voltadesk-settler", daemon=True
            )
            self._thread.start()
        self._asked.append((done, self._number))
        with suppress(OSError):  # whoever listens learns of it, too
            self._pipe.send_bytes(pickle.dumps((name, given), pickle.HIGHEST_PROTOCOL))

    def _listen(self, pipe: Connection, theirs: Connection) -> None:
        """Start the process, which takes a moment, and hear what it says until it ends."""
        command = [sys.executable, "-m", "voltadesk.ui.settling", str(theirs.fileno())]
        nothing = subprocess.DEVNULL
        try:
            with theirs:
                process = subprocess.Popen(  # noqa: S603  # in a session of its own, not for what the terminal signals
                    command,
                    stdin=nothing,
                    stdout=nothing,
                    stderr=nothing,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
        except OSError:
            self._tell(self._ended)
            return
        self._process = process
        with suppress(EOFError, OSError):
            while not self._is_stopping:
                kind, said = pickle.loads(pipe.recv_bytes())  # noqa: S301  # it is this program's own
                self._tell(partial(self._hear, kind, said))
        process.kill()
        process.wait()
        self._tell(self._ended)

    def _tell(self, told: Callable[[], object]) -> None:
        """Have something done on the loop, unless the screen is left."""
        with suppress(RuntimeError):
            self._app.call_later(told)

    def stop(self) -> None:
        """End the process: nothing is lost with it."""
        self._is_stopping = True
        if self._process is not None:
            self._process.kill()
        if self._thread is not None:
            self._thread.join(STOP_S)
        if self._pipe is not None:
            self._pipe.close()

    def _hear(self, kind: int, said: Any) -> None:
        done, number = self._asked[0] if kind == TOLD else self._asked.popleft()
        if number != self._number:
            return
        if kind == TOLD:
            self._show(busy=said)
        elif kind == DONE:
            done(said)
        else:
            words, is_known = said
            self._failed(VoltaDeskError(words) if is_known else RuntimeError(words))

    def _ended(self) -> None:
        """It was killed, or lacked memory: another one is begun by what is asked next."""
        if self._is_stopping:
            return
        if self._pipe is not None:
            self._pipe.close()
        self._pipe = self._process = None
        self._asked.clear()
        source, self._number = self.frame.source, self._number + 1
        self.frame = CommunityFrame(source=source, facts=Facts(faults=(ENDED,)))
        self._failed(VoltaDeskError(ENDED))

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, VoltaDeskError):
            self._app.faults.append(error)
        self._is_settling = self._is_explaining = False
        self._app.tell("refused", f"{self.frame.source}: {error}")
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
        self._is_settling, self._is_explaining, self._wanted_utc = False, False, None
        self.frame = CommunityFrame(source=name)
        self._show(busy=f"opening {name} …")
        self._ask(self._take_facts, "open", name)

    def _take_facts(self, facts: Facts) -> None:
        months = () if facts.faults else tuple(map(MonthLine, facts.periods))
        self._show(busy="", facts=facts, months=months, chosen=max(0, len(months) - 1))  # the newest month
        self._go_on()

    # Months -----------------------------------------------------------------------------------------------------------
    def choose_month(self, n: int, wanted_utc: int | None = None) -> None:
        """Look at another month: at that moment, or where most was shared."""
        if n != self.frame.chosen and 0 <= n < len(self.frame.months):
            self._wanted_utc = wanted_utc
            self._show(chosen=n, month=None, told=None, outcomes=(), is_comparing=False)
            self._go_on()

    def _go_on(self) -> None:
        """Settle the month that is looked at, or else one of those that wait."""
        frame = self.frame
        if self._is_settling or not frame.months:
            return
        n = frame.chosen if frame.month is None and frame.line.state != FAULT else self._waiting()
        if n is None:
            return
        self._is_settling, self._asked_s = True, time.monotonic()
        if frame.months[n].state == WAITING:
            self.frame = frame.with_line(n, replace(frame.months[n], state=SETTLING))
            self._show()
        self._ask(lambda answer: self._take_month(n, *answer), "settle", n, n == frame.chosen)

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
        names = [row[0][0] for row in month.members]
        member = self.frame.member if self.frame.member in ("", *names) else names[0]
        at = int(month.shared_wh.argmax()) if interval is None else interval
        self.frame = replace(self.frame, month=month, member=member, interval=at)
        self._explain()
        if month.size <= COMPARED_AT_ONCE:
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

        def take(told: Told) -> None:
            self._is_explaining = False
            now = self.frame
            if now.month is month:
                self._show(told=told)
            if (now.month, now.interval, now.member) != (month, interval, member):
                self._explain()

        self._ask(take, "explain", frame.chosen, interval, member)

    # What is asked for ------------------------------------------------------------------------------------------------
    def compare(self) -> None:
        """Settle the month under every sharing rule."""
        month = self.frame.month
        if month is None or self.frame.is_comparing or self.frame.outcomes:
            return
        self._show(is_comparing=True)

        def take(outcomes: tuple[RuleLine, ...]) -> None:
            if self.frame.month is month:
                self._show(outcomes=outcomes, is_comparing=False)

        self._ask(take, "compare", self.frame.chosen)

    def read_statement(self, member: str) -> None:
        """A member's statement over the desktop; for "" the manager's report of the month."""
        if (month := self.frame.month) is None:
            return
        width = min(READ_AT_MOST, self._app.size.width * 9 // 10 - READ_FRAME)
        title = f"Statement of {member}, {month.name}" if member else f"Report of {month.name}"

        def show(text: str) -> None:
            self._app.push_screen(Reading(title, text))

        self._ask(show, "statement", self.frame.chosen, member, width)
