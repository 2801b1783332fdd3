"""What the keys of time do: play and pause, step, speed, going to a moment."""

from __future__ import annotations

from voltadesk.ui.actions import Action
from voltadesk.ui.base import DeskBase
from voltadesk.ui.frame import AS_FAST_AS_IT_GOES
from voltadesk.ui.moments import moment_utc
from voltadesk.ui.text import stamp_text

SPEEDS = (1, 60, 300, 900, 1800, 3600, 7200, 14_400, 36_000, AS_FAST_AS_IT_GOES)


class TimeActions(DeskBase):
    """The part of the app that does it."""

    def do_toggle(self, action: Action) -> None:
        if self.frame is not None and self.frame.clock.is_playing:
            self.after(self.runner.pause())
        elif not self._is_halted(action):
            self.after(self.runner.play())

    def do_step_back(self, action: Action) -> None:
        self.after(self.runner.step(-1))

    def do_step_on(self, action: Action) -> None:
        if not self._is_halted(action):
            self.after(self.runner.step(1))

    def _is_halted(self, action: Action) -> bool:
        """Say so where nothing can be run before somebody resumes."""
        frame = self.frame
        is_halted = frame is not None and bool(frame.halted) and not frame.clock.is_replay
        if is_halted:
            self.tell("refused", f"{action.title}: the desk is halted")
        return is_halted

    def do_slower(self, action: Action) -> None:
        self._shift_speed(-1)

    def do_faster(self, action: Action) -> None:
        self._shift_speed(1)

    def _shift_speed(self, by: int) -> None:
        speed = SPEEDS[0] if self.frame is None else self.frame.clock.speed
        at = SPEEDS.index(speed) if speed in SPEEDS else sum(0 < s <= speed for s in SPEEDS) - 1
        speed = SPEEDS[max(0, min(len(SPEEDS) - 1, at + by))]
        self.after(self.runner.set_speed(speed), lambda _: self.tell("told", f"speed: {speed_text(speed)}"))

    def do_go_to(self, action: Action) -> None:
        if (frame := self.frame) is None:
            return

        def moment(text: str) -> int:
            return moment_utc(text, frame.zone, frame.next_utc)

        def go(text: str) -> None:
            stamp = stamp_text(moment(text), frame.zone)
            self.after(self.runner.go_to(moment(text)), lambda _: self.tell("told", f"gone to {stamp}"))

        hint = "go to: 14:15, 2026-05-27T12:00, +6h, -1d: what has been is replayed, what comes is run to"
        self.prompt.ask(hint, moment, go)

    def do_go_live(self, action: Action) -> None:
        self.after(self.runner.go_live())


def speed_text(speed: int) -> str:
    """60×, or as fast as it goes."""
    return "as fast as it goes" if speed == AS_FAST_AS_IT_GOES else f"{speed}×"
