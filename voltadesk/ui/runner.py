"""The thread that runs the market and makes the frames; the screen asks it for things and never waits for it.

What is asked is put in a queue and answered by a future. The latest frame lies in a single slot: whoever draws takes
it from there, at its own pace, and what came in between is never seen. For `voltadesk tui` all this is in a process of
its own (`market_process`), as Python would have the screen wait while an interval is run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from voltadesk.desk.market import Market
from voltadesk.desk.refusal import Refusal
from voltadesk.desk.roles import OPERATOR
from voltadesk.errors import BadInput, VoltaDeskError
from voltadesk.store.desk import Receipt
from voltadesk.store.keys import Key
from voltadesk.store.records import Records
from voltadesk.store.seat import Seat
from voltadesk.ui.frame import AS_FAST_AS_IT_GOES, Clock, DeskFrame
from voltadesk.ui.framing import FrameMaker
from voltadesk.ui.history import LIMIT, Recorder

FRAME_S = 0.1  # between two frames
BATCH_S = 0.03  # how long a batch of intervals should take: what is asked waits for it
BATCH_LIMIT = 48
REPLAYED = 10  # intervals from one frame to the next, when a replay goes as fast as it goes
IDLE_S = 0.1
LOADED = 672  # intervals read at the beginning: a week of quarter-hours

Answer = TypeVar("Answer")


class Runner:
    """Runs a desk's market for one screen, as `Running` says it."""

    def __init__(
        self,
        seat: Seat,
        *,
        unsigned: str = "",
        is_trial: bool = False,
        speed: int = 900,
        ahead: int = 0,
        hand_on: Callable[[DeskFrame | None, str], None] = lambda frame, fault: None,
    ) -> None:
        """`unsigned` says why the seat has no key to sign with. `ahead` intervals are run at once, then it plays.

        `hand_on` is given every frame on the runner's thread, or None and what kept the first one from being made.
        """
        self.seat, self.desk, self.unsigned = seat, seat.desk, unsigned
        self.folder, self.desk_id = seat.desk.journal.path.parent, seat.desk.id
        self.frame: DeskFrame | None = None
        self._hand_on = hand_on
        market = self.desk.book.market
        self._is_fed = market is not None and market.published is not None  # then its clock is the real one
        self._clock = Clock(speed=1 if self._is_fed else speed)
        self._ahead = 0 if self._is_fed else ahead
        self._asked: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        self._readers = ThreadPoolExecutor(1, "voltadesk-reader")
        self._thread = threading.Thread(target=self._run, name="voltadesk-runner", daemon=True)
        self._stopping = self._is_over = self._is_holding = False
        self._stack = ExitStack()
        self._plays_on = False  # after a goal
        self._recorder = Recorder(self.desk)
        self._maker = FrameMaker(self.desk, is_trial)
        self._seen_utc: int | None = None  # start of the last interval seen in replay; None: the market as it is
        self._size, self._played, self._rated = 1, 0, (0, 0.0)
        self._is_changed, self._due_s = True, 0.0  # when the next frame may be made
        self.fault = ""

    # Asked by the screen ----------------------------------------------------------------------------------------------
    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ask(self._end)
        self._thread.join()
        self._readers.shutdown(cancel_futures=True)

    def submit(self, kind: str, body: dict[str, Any]) -> Future[Receipt]:
        return self._ask(lambda: self._execute(kind, body))

    def read(self, question: Callable[[Records], Answer]) -> Future[Answer]:
        return self._readers.submit(question, self.desk)

    def consult(self, question: Callable[[Seat], Answer]) -> Future[Answer]:
        return self._readers.submit(question, self.seat)

    def play(self) -> Future[None]:
        return self._ask(lambda: self._set(is_playing=True))

    def pause(self) -> Future[None]:
        return self._ask(lambda: self._set(is_playing=False, goal_utc=None))

    def set_speed(self, speed: int) -> Future[None]:
        return self._ask(lambda: self._set_speed(speed))

    def step(self, by: int) -> Future[None]:
        return self._ask(lambda: self._step(by))

    def go_to(self, moment_utc: int) -> Future[None]:
        return self._ask(lambda: self._go_to(moment_utc))

    def go_live(self) -> Future[None]:
        return self._ask(self._go_live)

    def sit(self, actor: str, key_file: Path) -> Future[None]:
        return self._ask(lambda: self._sit(Seat(self.desk, actor, cache(lambda: Key.read(key_file)))))

    def _ask(self, job: Callable[[], Answer]) -> Future[Answer]:
        future: Future[Answer] = Future()
        future.set_running_or_notify_cancel()  # what was asked is done, even if nobody waits for it any more
        self._asked.put((future, job))
        if self._is_over:
            self._refuse_asked()
        return future

    def _refuse_asked(self) -> None:
        """Nobody answers any more: nothing must wait for ever."""
        with suppress(Empty):
            while True:
                self._asked.get_nowait()[0].set_exception(VoltaDeskError(self.fault or "the desk is being closed"))

    # The thread -------------------------------------------------------------------------------------------------------
    def _run(self) -> None:
        try:
            self._go()
        finally:
            self._is_over = True
            self._refuse_asked()

    def _go(self) -> None:
        with self._stack:
            try:
                self._begin()
                while not self._stopping:
                    self._make_frame()
                    self._obey()
                    self._notice()
                    self._go_on()
            except Exception as error:  # the last frame says what ended it
                self._stopping = True
                self.fault = f"the screen's view of the desk stopped, open it again: {error or type(error).__name__}"
                if self.frame is None:
                    self._hand_on(None, self.fault)
                else:
                    self._show(self.frame.ended(self.fault))

    def _begin(self) -> None:
        self._check_right()
        market = self.desk.book.market
        if market is None:
            return
        self._recorder.load(market.next_utc - LOADED * market.step_s)
        if self._ahead and not self._clock.reason:
            self._go_to(market.next_utc + self._ahead * market.step_s)
            self._plays_on = True

    def _check_right(self) -> None:
        """Why the market can't be run from here, if it can't."""
        reason = self.unsigned
        if self.desk.book.market is None:
            reason = "the desk has no market"
        elif not reason and OPERATOR not in self.desk.book.actors.get(self.seat.actor).roles:
            reason = f"needs the role {OPERATOR}"
        self._clock = replace(self._clock, reason=reason)

    def _hold(self) -> None:
        """Hold the market's clock while it is run from here. Raises BadInput, Refused when another process does."""
        if self._clock.reason:
            raise BadInput("play", None, self._clock.reason)
        if not self._is_holding:
            self._stack.enter_context(self.desk.clock())
            self._is_holding = True

    def _rest(self) -> None:
        """Let go of the market's clock, if it isn't run from here."""
        if not self._is_running:
            self._stack.close()
            self._is_holding = False

    @property
    def _is_running(self) -> bool:
        """Whether the market goes on; in replay what is seen of it does."""
        return self._seen_utc is None and self._clock.is_playing

    def _end(self) -> None:
        self._stopping = True

    def _obey(self) -> None:
        """Do what was asked; wait for it as long as nothing else is to be done."""
        wait_s = 0.0 if self._is_changed and not self._is_fresh() else self._wait_s()
        with suppress(Empty):
            self._answer(*(self._asked.get(timeout=wait_s) if wait_s > 0 else self._asked.get_nowait()))
            while not self._stopping:
                self._answer(*self._asked.get_nowait())

    def _answer(self, future: Future[Any], job: Callable[[], Any]) -> None:
        try:
            future.set_result(job())
        except Exception as error:
            future.set_exception(error)
        self._is_changed = True

    def _wait_s(self) -> float:
        clock = self._clock
        if not clock.is_playing:
            return IDLE_S
        if self._speed == AS_FAST_AS_IT_GOES:
            return 0.0 if self._seen_utc is None else FRAME_S / 4
        return max(0.0, min(IDLE_S, (clock.due_s or 0.0) - time.monotonic()))

    def _notice(self) -> None:
        """Take in what other processes wrote."""
        try:
            if self.desk.journal.is_behind() and self.desk.refresh():
                self._is_changed = True
                self._recorder.follow()
        except VoltaDeskError as error:
            self.fault = str(error)

    # Playing ----------------------------------------------------------------------------------------------------------
    @property
    def _market(self) -> Market:
        market = self.desk.book.market
        if market is None:
            raise BadInput("market", None, "the desk has none")
        return market

    @property
    def _speed(self) -> int:
        return AS_FAST_AS_IT_GOES if self._clock.goal_utc is not None else self._clock.speed

    def _set_speed(self, speed: int) -> None:
        if self._is_fed and speed != 1 and self._seen_utc is None:
            raise BadInput("speed", speed, "must be 1: prices come from a feed, so the market keeps to the real clock")
        self._set(speed=speed)

    def _set(self, **changes: Any) -> None:
        if changes.get("is_playing") and self._seen_utc is None:
            self._hold()
        self._clock = replace(self._clock, **changes)
        if self.desk.book.market is not None:
            self._schedule()
        self._rest()

    def _schedule(self) -> None:
        """The next interval comes one step of the market's clock from now, with a feed when it begins."""
        is_paced = self._clock.is_playing and self._clock.speed != AS_FAST_AS_IT_GOES
        wait_s = self._market.step_s / self._clock.speed if is_paced else 0.0
        if self._is_fed and self._seen_utc is None:
            wait_s = self._market.next_utc - time.time()
        self._clock = replace(self._clock, due_s=time.monotonic() + wait_s if is_paced else None)

    def _due(self) -> int:
        """How many intervals are to be run, or played, now; the clock moves on by them."""
        clock = self._clock
        if not clock.is_playing:
            return 0
        if self._speed == AS_FAST_AS_IT_GOES:
            if self._seen_utc is not None:
                return 0 if self._is_changed else REPLAYED
            return self._size
        period_s, now_s = self._market.step_s / clock.speed, time.monotonic()
        if clock.due_s is None or now_s < clock.due_s:
            return 0
        count = min(self._size, 1 + int((now_s - clock.due_s) / period_s))
        # What can't be kept up with is not caught up with later, but where the clock is the real one.
        due_s = clock.due_s + count * period_s
        if not self._is_fed or self._seen_utc is not None:
            due_s = max(due_s, now_s - period_s)
        self._clock = replace(clock, due_s=due_s)
        return count

    def _go_on(self) -> None:
        count = self._due()
        if not count:
            return
        self._is_changed = True
        if self._seen_utc is not None:
            self._look(self._count_seen() + count)
            return
        goal_utc = self._clock.goal_utc
        if goal_utc is not None:
            count = min(count, -(-(goal_utc - self._market.next_utc) // self._market.step_s))
        self._advance(count)
        if goal_utc is not None and self._market.next_utc >= goal_utc:
            self._set(is_playing=self._plays_on and self._clock.is_playing, goal_utc=None)

    def _advance(self, count: int) -> None:
        """Run intervals; what hinders it pauses, and is said."""
        began_s = time.perf_counter()
        try:
            self._played += self.seat.advance(count, self._is_wanted)
            self.fault = ""
        except VoltaDeskError as error:
            self._set(is_playing=False, goal_utc=None)
            if getattr(error, "code", "") != "HALTED":
                self.fault = str(error)
        taken_s = time.perf_counter() - began_s
        if taken_s < BATCH_S / 2:
            self._size = min(2 * self._size, BATCH_LIMIT)
        elif taken_s > BATCH_S:
            self._size = max(1, self._size // 2)
        self._recorder.follow()

    def _is_wanted(self) -> bool:
        """Whether someone waits for something else than the market."""
        return not self._asked.empty()

    # Asked things, done -----------------------------------------------------------------------------------------------
    def _execute(self, kind: str, body: dict[str, Any]) -> Receipt:
        if self.unsigned:
            raise Refusal("DENIED", "actor", self.seat.actor, self.unsigned)
        if self._seen_utc is not None:
            raise BadInput("replay", kind, "nothing can be changed in what has been: go back to the live market")
        receipt, _ = self.seat.execute(kind, body)
        if kind in ("role.grant", "role.revoke", "owner.accept", "owner.transfer"):
            self._check_right()
        return receipt

    def _step(self, by: int) -> None:
        self._set(is_playing=False, goal_utc=None)
        if self._seen_utc is not None:
            self._look(self._count_seen() + by)
        elif by < 0:
            self._look(self._recorder.count + by)
        else:
            self._hold()
            self._advance(by)
            self._rest()

    def _go_to(self, moment_utc: int) -> None:
        market = self._market
        if moment_utc < market.start_utc:
            raise BadInput("time", moment_utc, "must not be before the market's first interval")
        if moment_utc >= market.next_utc:
            self._go_live()
            self._plays_on = False
            self._set(is_playing=True, goal_utc=moment_utc)
            return
        history = self._recorder.history()
        if not len(history) or moment_utc < int(history.starts_utc[0]):
            self._recorder.load(moment_utc - LOADED // 2 * market.step_s)
            history = self._recorder.history()
            if not history.find(moment_utc):
                raise BadInput("time", moment_utc, f"is further back than the {LIMIT:,} intervals that are held")
        self._set(is_playing=False, goal_utc=None)
        self._look(history.find(moment_utc))

    def _count_seen(self) -> int:
        history = self._recorder.history()
        return len(history) if self._seen_utc is None else max(1, history.find(self._seen_utc))

    def _look(self, seen: int) -> None:
        """See the first `seen` of the intervals held; past the last one is live again."""
        starts_utc = self._recorder.history().starts_utc
        if seen > len(starts_utc):
            self._go_live()
        else:
            self._seen_utc = int(starts_utc[max(0, seen - 1)])
            self._clock = replace(self._clock, is_replay=True)

    def _go_live(self) -> None:
        self._seen_utc = None
        self._clock = replace(self._clock, is_replay=False, speed=1 if self._is_fed else self._clock.speed)
        self._set(is_playing=False)

    def _sit(self, seat: Seat) -> None:
        self.seat, self.unsigned = seat, ""
        self._set(is_playing=False, goal_utc=None)
        self._check_right()

    # Frames -----------------------------------------------------------------------------------------------------------
    def _is_fresh(self) -> bool:
        return time.monotonic() < self._due_s

    def _make_frame(self) -> None:
        if not self._is_changed or self._is_fresh():
            return
        self._clock = replace(self._clock, rate_per_s=self._rate())
        history = self._recorder.history()
        seen = history.upto(self._count_seen())
        clock = replace(self._clock, behind=len(history) - len(seen))
        self._show(self._maker.make(self.seat.actor, self.unsigned, clock, seen, self.fault))
        # One that was late, by a batch of intervals, does not put off those after it.
        self._due_s = max(self._due_s + FRAME_S, time.monotonic() + FRAME_S / 2)
        self._is_changed = False

    def _show(self, frame: DeskFrame) -> None:
        self.frame = frame
        self._hand_on(frame, self.fault)

    def _rate(self) -> float:
        """Intervals run in a second, lately."""
        played, at_s = self._rated
        now_s = time.monotonic()
        if now_s - at_s < 1.0:
            return self._clock.rate_per_s
        self._rated = self._played, now_s
        return (self._played - played) / (now_s - at_s) if at_s else 0.0
