"""The desk's app: takes frames from the runner, feeds the desktop in sight, and carries actions out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from voltadesk.ui.actions import ACTIONS, BY_ID, Action, bindings
from voltadesk.ui.desktop import Desktop
from voltadesk.ui.desktops import DESKTOPS
from voltadesk.ui.frame import AS_FAST_AS_IT_GOES, DeskFrame
from voltadesk.ui.message import MessageLine
from voltadesk.ui.runner import Runner
from voltadesk.ui.themes import DEFAULT, ThemedApp

SPEEDS = (1, 60, 300, 900, 1800, 3600, 7200, 14_400, 36_000, AS_FAST_AS_IT_GOES)
SWITCH_S = 0.001  # how long the market's thread may keep the interpreter from the screen's


@dataclass(frozen=True)
class Settings:
    """What the user's configuration and the last session say."""

    theme: str = DEFAULT
    fps: int = 10
    keymap: dict[str, str] = field(default_factory=dict)
    is_trading: bool = True  # off: nothing can be asked of the desk from this screen
    exports: Path = field(default_factory=Path.cwd)  # where exports and pictures go


class DeskApp(ThemedApp):
    """The screen of one desk."""

    TITLE = "VoltaDesk"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(""),
        Binding("tab", "app.focus_next", "Next pane", show=False, id="screen.next"),
        Binding("shift+tab", "app.focus_previous", "Pane before", show=False, id="screen.previous"),
    ]
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = dict(DESKTOPS)
    DEFAULT_MODE = "market"

    def __init__(self, runner: Runner, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        super().__init__(self.settings.theme)
        self.runner = runner
        self.frame: DeskFrame | None = None
        self._fed: tuple[int, Screen[Any]] | None = None

    # Frames -----------------------------------------------------------------------------------------------------------
    def on_mount(self) -> None:
        sys.setswitchinterval(SWITCH_S)
        self.set_keymap(self.settings.keymap)
        self.runner.start()
        self.tell("busy", "opening the desk: the first start compiles the exchange, half a minute, once")
        self.set_interval(1 / self.settings.fps, self.flush)

    def on_unmount(self) -> None:
        self.runner.stop()

    @property
    def desktop(self) -> Desktop:
        """The desktop in sight, whatever lies over it."""
        screen = self.screen_stack[0]
        assert isinstance(screen, Desktop)
        return screen

    def flush(self) -> None:
        """Show the latest frame, if it isn't shown yet."""
        frame, desktop = self.runner.frame, self.desktop
        if frame is None or not desktop.is_mounted:
            return
        shown = frame.number, desktop
        if shown == self._fed:
            desktop.tick(frame)
            return
        if self.frame is None:
            self.tell("told", "")
        may_differ = self.frame is None or (self.frame.halted, self.frame.clock.is_replay, self.frame.actor) != (
            frame.halted, frame.clock.is_replay, frame.actor
        )  # fmt: skip
        self.frame, self._fed = frame, shown
        desktop.feed(frame)
        if may_differ:
            desktop.refresh_bindings()

    def tell(self, kind: str, words: str) -> None:
        """Say what came of something, on the line above the keys: `done`, `refused`, `busy` or `told`."""
        for screen in self.screen_stack[:1]:
            for line in screen.query(MessageLine):
                line.message = kind, words

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

    def why_not(self, action: Action) -> str:
        """Why it can't be done now; empty when it can."""
        if action.kind and not self.settings.is_trading:
            return "this screen only shows: it was opened without trading"
        return action.why_not(self.frame)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: every action, with the reason where it is not permitted."""
        for action in ACTIONS:
            if action.desktop and action.desktop != self.current_mode:
                continue
            reason = self.why_not(action)
            help = f"not now: {reason}" if reason else action.help
            yield SystemCommand(action.title, help, partial(self.action_perform, action.id))

    def do_show_desktop(self, action: Action) -> None:
        self.switch_mode(action.id.removeprefix("desktop."))

    def do_quit(self, action: Action) -> None:
        self.exit()
