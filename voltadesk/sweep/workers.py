"""Processes of this machine that do the tasks of a sweep, and the loop that hands them out, here or to a cluster."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from typing import Protocol, Self

from voltadesk.sweep.task import LOST, Outcome, Task, run

ATTEMPTS = 3  # for a task whose worker was lost, or had no room


class Workers(Protocol):
    """Who does tasks."""

    @property
    def room(self) -> int:
        """How many tasks may be under way."""

    def submit(self, task: Task) -> Future[Outcome]:
        """Have a task done."""

    def outcome(self, future: Future[Outcome]) -> Outcome:
        """What came of a task that is done, or was lost."""


def run_tasks(
    numbers: Iterable[int], task: Callable[[int], Task], workers: Workers, on_done: Callable[[int, Outcome], None]
) -> None:
    """Have tasks done, told by their numbers; `on_done` gets the outcome of each once, as they come.

    One that may succeed when it is run again is tried up to ATTEMPTS times.
    """
    waiting = deque((n, 1) for n in numbers)
    running: dict[Future[Outcome], tuple[int, int]] = {}
    while waiting or running:
        while waiting and len(running) < workers.room:
            n, attempt = waiting.popleft()
            running[workers.submit(task(n))] = n, attempt
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            n, attempt = running.pop(future)
            outcome = workers.outcome(future)
            if outcome.may_pass and attempt < ATTEMPTS:
                waiting.appendleft((n, attempt + 1))
            else:
                on_done(n, outcome)


class LocalWorkers:
    """Processes of this machine, each a pool of its own: when one is killed, it is known whose task went with it.

    They end with this process, however that ends. With `is_cold`, the first task is done by one alone, as its kernels
    have to be compiled, and the others find them on disk.
    """

    def __init__(self, count: int, *, is_cold: bool) -> None:
        self.count, self._is_cold = count, is_cold
        self._context = get_context("spawn")
        self._idle: list[ProcessPoolExecutor] = []
        self._busy: dict[Future[Outcome], ProcessPoolExecutor] = {}

    def __enter__(self) -> Self:
        self._scratch = tempfile.TemporaryDirectory(prefix="voltadesk-")
        self._watched, self._alive = self._context.Pipe(duplex=False)
        resource_tracker.ensure_running()  # before signals are held back: it lets them through again
        return self

    def __exit__(self, *_: object) -> None:
        self._alive.close()
        for pool in [*self._idle, *self._busy.values()]:
            pool.shutdown(cancel_futures=True)
        self._watched.close()
        self._scratch.cleanup()

    @property
    def room(self) -> int:
        return 1 if self._is_cold else self.count

    def submit(self, task: Task) -> Future[Outcome]:
        pool = self._idle.pop() if self._idle else self._pool()
        with _signals_held():  # its process is started by this
            future = pool.submit(run, task)
            self._busy[future] = pool
        return future

    def outcome(self, future: Future[Outcome]) -> Outcome:
        pool = self._busy.pop(future)
        try:
            outcome = future.result()
        except BrokenProcessPool:
            pool.shutdown(wait=False)
            return Outcome({}, error=LOST, may_pass=True)
        self._idle.append(pool)
        self._is_cold = False
        return outcome

    def _pool(self) -> ProcessPoolExecutor:
        given = self._watched, self._scratch.name
        return ProcessPoolExecutor(1, mp_context=self._context, initializer=_begin, initargs=given)


# In a worker's process ------------------------------------------------------------------------------------------------
def _begin(watched: Connection, scratch: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl+c is for the one who waits for the results
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    tempfile.tempdir = scratch
    threading.Thread(target=_end_with, args=(watched,), daemon=True).start()


def _end_with(watched: Connection) -> None:
    """End this process as soon as the other end of a pipe is closed, or is gone with its process."""
    with suppress(EOFError, OSError):
        watched.recv()
    os._exit(1)


@contextmanager
def _signals_held() -> Iterator[None]:
    """Signals wait meanwhile, and a process that is started here begins with them waiting."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
