"""Ctrl+C and SIGTERM end the program as by an exception, so that unfinished files are removed."""

from __future__ import annotations

import signal
import sys
import threading
import time
from typing import Any

from voltadesk.errors import Interrupted

TIDYING_S = 5  # for which an interrupted run may remove its unfinished files in peace
AGAIN_S = 0.05


def handle_signals() -> None:
    """Raise Interrupted in the main thread for ctrl+c and SIGTERM."""
    deaf_until_s = 0.0

    def interrupt(number: int, frame: object) -> None:
        nonlocal deaf_until_s
        # A second one soon after must not disturb what the first one began; later it may be that the first was lost.
        if time.monotonic() >= deaf_until_s:
            deaf_until_s = time.monotonic() + TIDYING_S
            sys.unraisablehook = unraisable
            raise Interrupted(number)

    def unraisable(problem: Any) -> None:
        nonlocal deaf_until_s
        # Other problems come from objects that were cut off half made: nothing that a user need know.
        if isinstance(problem.exc_value, Interrupted):
            # It came while an object was being destroyed, from where nothing can be raised: once more, a little later.
            deaf_until_s = 0.0
            threading.Timer(AGAIN_S, signal.raise_signal, (problem.exc_value.number,)).start()

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as a shell has it for its background jobs
            signal.signal(number, interrupt)
