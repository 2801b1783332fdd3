"""Several processes on one desk: who holds the market's clock, and waiting for what others do.

The clock belongs to one process: who has it says so by a lock on a file beside the database.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from voltadesk.errors import VoltaDeskError
from voltadesk.store.keys import Refused

CLOCK = "desk.clock"
POLL_S = 0.02  # how often a waiting process looks


@contextmanager
def held_clock(folder: Path) -> Iterator[None]:
    """Hold the clock of the desk in a folder. Raises Refused, naming its process, when another holds it.

    The system lets go of it when the process ends, however that is.
    """
    try:
        file = os.open(folder / CLOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise VoltaDeskError(f"{folder / CLOCK}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            said = os.pread(file, 20, 0).strip().decode("ascii", "replace")
            who = f"process {said}" if said.isdigit() else "another process"
            raise Refused(f"{folder}: {who} holds the market's clock: only one can advance it") from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        yield
        os.ftruncate(file, 0)
    finally:
        os.close(file)


def holder(folder: Path) -> int | None:
    """The process that holds the clock, as far as can be told without asking for it."""
    try:
        process = int((folder / CLOCK).read_text("ascii"))
        os.kill(process, 0)
    except (OSError, ValueError):
        return None
    return process


def wait_until(is_so: Callable[[], bool], timeout_s: float) -> bool:
    """Wait until something is so, or the time is over; returns whether it is."""
    until = time.monotonic() + timeout_s
    while not is_so():
        left_s = until - time.monotonic()
        if left_s <= 0:
            return False
        time.sleep(min(POLL_S, left_s))
    return True
