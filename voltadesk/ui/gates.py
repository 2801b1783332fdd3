"""How long a product can still be traded, on the market's clock."""

from __future__ import annotations

from voltadesk.ui.frame import AS_FAST_AS_IT_GOES, Clock, DeskFrame
from voltadesk.ui.text import duration_text


def gate_s(clock: Clock, now_s: float) -> int | None:
    """Seconds of the market's clock until the next auction is held; None where no time is set."""
    if not clock.is_playing or clock.due_s is None or clock.speed == AS_FAST_AS_IT_GOES or clock.goal_utc:
        return None
    return max(0, round((clock.due_s - now_s) * clock.speed))


def closure_text(frame: DeskFrame, closure_utc: int, now_s: float) -> str:
    """Until a book closes: 1:45:00 of the market's clock, or how many intervals are run before while none is due.

    A book's clock is the market's: it moves when an interval is run, to the beginning of the next one.
    """
    intervals = -(-(closure_utc - frame.next_utc) // frame.step_s)
    if intervals <= 0:
        return "closed"
    left_s = gate_s(frame.clock, now_s)
    if left_s is None:
        return "after the next interval" if intervals == 1 else f"after {intervals} intervals"
    return f"in {duration_text(left_s + (intervals - 1) * frame.step_s)}"
