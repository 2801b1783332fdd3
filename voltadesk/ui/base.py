"""What all of the app's actions share: frames from the runner to the desktop in sight, answers, messages."""

from __future__ import annotations

import asyncio
import gc
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from textual import events
from textual.screen import Screen

from voltadesk.errors import VoltaDeskError
from voltadesk.ui.actions import BY_ID, Action
from voltadesk.ui.desktop import Desktop
from voltadesk.ui.frame import ONLY_SHOWS, DeskFrame
from voltadesk.ui.memory import Memory
from voltadesk.ui.prompt import Prompt
from voltadesk.ui.running import Running
from voltadesk.ui.settings import Settings
from voltadesk.ui.settler import Settler
from voltadesk.ui.type_ahead import TypeAhead
from voltadesk.ui.verification import Verification

Answer = TypeVar("Answer")

OPEN_S = 0.3  # after the first picture, and between the desktops that are made then
KEY_S = 0.04  # how long a key has to be drawn first
HELD_S = 0.3  # how long at most a key that is held puts off a picture
DELAY_S = 0.005  # at most, before another desktop is drawn
SWITCH_S = 0.001  # how long the thread of a reader may keep the interpreter from the screen's
LOOKS = 100  # for new garbage between two looks at all that has come since the beginning, which take 10 ms


def _hang_up_with(terminal: int) -> None:
    """Wait until the terminal has gone, and end as if it had said so: not every one does, and the loop would hang."""
    poll = select.poll()
    poll.register(terminal, 0)
    poll.poll()
    signal.raise_signal(signal.SIGHUP)
    os._exit(128 + signal.SIGHUP)  # where that is ignored


class DeskBase(TypeAhead):
    """An app of one desk's runner."""

    def __init__(
        self,
        runner: Running,
        settings: Settings | None = None,
        *,
        seats: Mapping[str, Path] | None = None,
        memory: Memory | None = None,
        community: str = "",
    ) -> None:
        """`seats` are the key files that are here, by actor; `memory` is how the screen was left.

        `community` is the one that its desktop opens: the name of one that is shipped, or a folder.
        """
        self.settings = settings or Settings()
        super().__init__(self.settings.theme)
        self.runner = runner
        self.seats = seats or {}
        self.memory: Memory = memory or {}
        self.settler = Settler(self, community)
        self.opened: list[Desktop] = []  # seen so far
        self.faults: list[Exception] = []  # of panes
        self.past_lines: list[str] = []  # given on the command line
        self.frame: DeskFrame | None = None
        self.verification: Verification | None = None  # of the journal, the last one
        self._fed: tuple[int, Screen[Any]] | None = None
        self._touched_s = 0.0  # when the last key came
        self._shown_s = 0.0  # when all of a frame was last shown
        self._thresholds = gc.get_threshold()
        self._ending = asyncio.Event()
        self._opening: asyncio.Task[None] | None = None  # of the other desktops

    # Frames -----------------------------------------------------------------------------------------------------------
    def on_mount(self) -> None:
        sys.setswitchinterval(SWITCH_S)
        self.set_keymap(self.settings.keymap)
        mode = self.memory.get("desktop")
        if mode in self.MODES and mode != self.current_mode:
            self.switch_mode(mode)
        self.runner.start()
        self._began_s = time.monotonic()
        self.set_interval(1 / self.settings.fps, self._flush_in_time)
        # What a signal raises in the midst of a task may be lost there.
        ended = 128 + signal.SIGTERM
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, partial(self.exit, return_code=ended))
        if isinstance(terminal := getattr(self._driver, "fileno", None), int):
            Thread(target=_hang_up_with, args=(terminal,), daemon=True).start()

    def on_unmount(self) -> None:
        self.runner.stop()
        self.settler.stop()
        gc.set_threshold(*self._thresholds)
        gc.unfreeze()  # or libraries complain at the end of what they still find

    def do_quit(self, action: Action) -> None:
        """Note how everything is left, and end."""
        self.memory["desktop"] = self.current_mode
        for desktop in self.opened:
            self.memory[desktop.NAME] = desktop.remember()
        self.exit()

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key | events.MouseDown):
            self._touched_s = time.monotonic()
        await super().on_event(event)

    @property
    def desktop(self) -> Desktop:
        """The desktop in sight, whatever lies over it."""
        screen = self.screen_stack[0]
        assert isinstance(screen, Desktop)
        return screen

    async def _flush_in_time(self) -> None:
        """What a key has just changed is drawn before anything new is taken in."""
        if not self.key_left_s:
            await self.flush()

    @property
    def key_left_s(self) -> float:
        """How long what the last key changed still has to be drawn first."""
        return max(0.0, min(self._touched_s + KEY_S, self._shown_s + HELD_S) - time.monotonic())

    async def flush(self, at_once: bool = False) -> None:
        """Show the latest frame, if it isn't shown yet; `at_once` in one picture."""
        if not self.screen_stack or not self.desktop.is_mounted:  # before the first one, and after the last
            return
        frame, desktop = self.runner.frame, self.desktop
        if frame is None:
            self._tell_opening()
            return
        shown = frame.number, desktop
        if shown == self._fed:
            desktop.tick(frame)
            return
        if self.frame is None:
            self.tell("told", "")
            self._opening = asyncio.create_task(self._open_others())
        may_differ = self.frame is None or (self.frame.halted, self.frame.clock.is_replay, self.frame.actor) != (
            frame.halted, frame.clock.is_replay, frame.actor
        )  # fmt: skip
        self.frame, self._fed = frame, shown
        await desktop.feed(frame, at_once)
        self._shown_s = time.monotonic()
        if not self.screen_stack:  # the last one went meanwhile
            return
        if may_differ:
            desktop.refresh_bindings()
        if not isinstance(top := self.screen, Desktop) and hasattr(top, "feed"):
            top.feed(frame)

    def delay_update(self, delay: float = 0.05) -> None:
        """Another desktop is drawn at once: Textual would wait 50 ms for what may still come in, and nothing does."""
        super().delay_update(min(delay, DELAY_S))

    def flush_after_update(self) -> None:
        """A desktop that comes back is drawn as it was left, and at once, in the next picture, as it is now."""
        self.set_timer(DELAY_S, lambda: self.screen.call_after_refresh(self.flush, at_once=True))

    async def _open_others(self) -> None:
        """Have the other desktops made before they are asked for."""
        for mode in self.MODES:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), OPEN_S)
            if self._ending.is_set():
                return
            if mode not in self._screen_stacks:
                await self._init_mode(mode)
        gc.collect()
        gc.freeze()  # what is there by now stays: going through all of it again would stop the screen each time
        gc.set_threshold(*self._thresholds[:2], LOOKS)

    async def _close_all(self) -> None:
        """As Textual's, once no more desktops are made."""
        self._ending.set()
        if self._opening is not None:
            await asyncio.wait([self._opening])
        await super()._close_all()

    def refeed(self) -> None:
        """Have the panes told anew what they show, though the desk is as it was."""
        self._fed = None

    def _tell_opening(self) -> None:
        """What takes so long before the first frame."""
        passed_s = int(time.monotonic() - self._began_s)
        why = ": the first start compiles the exchange, which takes half a minute, once" if passed_s >= 2 else ""
        if self.runner.fault:
            self.tell("refused", self.runner.fault)
        else:
            self.tell("busy", f"opening the desk … {passed_s} s{why}")

    def tell(self, kind: str, words: str) -> None:
        """Say what came of something, on the line above the keys: `done`, `refused`, `busy` or `told`."""
        if self.screen_stack:
            self.desktop.message_line.message = kind, words

    # Actions ----------------------------------------------------------------------------------------------------------
    def action_perform(self, id: str) -> None:
        """Do one of the table's actions, or say why it can't be done."""
        action = BY_ID[id]
        if reason := self.why_not(action):
            self.tell("refused", f"{action.title}: {reason}")
        elif action.call:
            getattr(self, f"do_{action.call}")(action)
        else:
            self.ask_form(action)

    def ask_form(self, action: Action) -> None:
        """Ask the values of a command."""
        raise NotImplementedError

    def key_of(self, action: Action) -> str:
        """The keys that an action has, as they are shown."""
        raise NotImplementedError

    def why_not(self, action: Action) -> str:
        """Why it can't be done now; empty when it can."""
        if action.kind and not self.settings.is_trading:
            return ONLY_SHOWS
        return action.why_not(self.frame)

    def prefill(self, kind: str) -> dict[str, str]:
        """What the topmost screen, or else the desktop, knows for a command of that kind."""
        top = self.screen
        found: dict[str, str] = top.prefill(kind) if hasattr(top, "prefill") else self.desktop.prefill(kind)
        return found

    @property
    def prompt(self) -> Prompt:
        """Where a line is asked for."""
        return self.desktop.prompt

    @property
    def currency(self) -> str:
        return "" if self.frame is None else self.frame.currency

    def after(self, future: Future[Answer], done: Callable[[Answer], None] | None = None) -> None:
        """Go on when an answer is there; what hindered it is told."""
        self.run_worker(self._await(future, done), exit_on_error=False)

    async def _await(self, future: Future[Answer], done: Callable[[Answer], None] | None) -> None:
        try:
            answer = await asyncio.wrap_future(future)
        except VoltaDeskError as error:
            self.tell("refused", str(error))
        else:
            if done is not None:
                done(answer)
