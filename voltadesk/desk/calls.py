"""When a product is in a call: orders are collected then, and cleared at one price at a time that is known before.

A product may open by a call and close by one; between them it is traded continuously. Its clock is the market's, which
moves from the beginning of one interval to that of the next, so calls are counted in intervals.
"""

from __future__ import annotations

from typing import NamedTuple

from voltadesk.scenario.model import Continuous as Rules

OPENING, CLOSING = "opening call", "closing call"


class Calls(NamedTuple):
    """The calls of a product: from when on it is traded continuously, from when on no longer, and its gate closure."""

    opened_utc: int
    closing_utc: int
    closure_utc: int

    def held_utc(self, now_utc: int) -> int | None:
        """When the call of that time is held [s UTC]; None: it is in none."""
        if now_utc < self.opened_utc:
            return self.opened_utc
        return self.closure_utc if self.closing_utc <= now_utc < self.closure_utc else None

    def name(self, now_utc: int) -> str:
        """OPENING, CLOSING, or "" in neither."""
        if self.held_utc(now_utc) is None:
            return ""
        return OPENING if now_utc < self.opened_utc else CLOSING


def calls_of(rules: Rules, start_utc: int, step_s: int, market_start_utc: int) -> Calls:
    """The calls of the product of an interval of `step_s` seconds; none opens before the market does.

    One that is open for less than its opening call has what there is, up to the closing call or gate closure.
    """
    closure_s = 60 * rules.gate_closure_minutes
    closure_utc = closing_utc = start_utc - closure_s
    if rules.closing_call_intervals:
        closing_utc = start_utc - (closure_s // step_s + rules.closing_call_intervals) * step_s
    opens_utc = max(start_utc - rules.open_intervals * step_s, market_start_utc)
    opened_utc = min(opens_utc + rules.opening_call_intervals * step_s, closing_utc)
    return Calls(opened_utc, closing_utc, closure_utc)
