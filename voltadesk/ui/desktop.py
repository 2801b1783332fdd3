"""A desktop: the top lines, panes in a grid that suits the terminal's width, a line for messages, the keys."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.containers import Grid
from textual.geometry import Size
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

from voltadesk.ui.compositor import FrontCompositor
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.keybar import KeyBar
from voltadesk.ui.memory import Memory, Remembering
from voltadesk.ui.message import MessageLine
from voltadesk.ui.pane import Pane, Standing
from voltadesk.ui.prompt import Prompt
from voltadesk.ui.status import Status, StatusLines
from voltadesk.ui.text import PRICE

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase

LEFT_S = 0.001  # left to keys between two rows


class Desktop(Screen[None]):
    """One of the desktops. Its style sheet lays panes out for `-w200`, `-w140`, `-w100` and `-w80`."""

    HORIZONTAL_BREAKPOINTS = [(0, "-w80"), (96, "-w100"), (130, "-w140"), (180, "-w200")]  # noqa: RUF012
    ALLOW_IN_MAXIMIZED_VIEW = "StatusLines, MessageLine, KeyBar, Prompt"
    DEFAULT_CSS = """
    Desktop { layout: vertical; layers: base over; }
    Desktop Grid { height: 1fr; grid-gutter: 0; }
    """
    NAME: ClassVar[str] = ""
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)  # widgets draw their own
    FIRST: ClassVar[str] = "#panes"  # where the focus is at first: the first that takes it in there
    fed: DeskFrame | None = None  # what every pane in sight has been given, when it was last in sight
    _panes: tuple[Pane, ...] = ()  # mounted so far
    _is_feeding = False  # a row of panes
    _styled: tuple[str, frozenset[str]] | None = None  # by which theme, with which classes

    def __init__(self) -> None:
        super().__init__()
        self._compositor = FrontCompositor()
        # It is styled as it is made. Textual would style everything anew for it, when it is made and when it is seen.
        self._css_update_count = self.app._css_update_count
        self.status_lines, self.message_line, self.prompt = StatusLines(), MessageLine(), Prompt()

    def panes(self) -> Iterable[Widget]:
        """The panes, in their order of reading."""
        return ()

    def compose(self) -> ComposeResult:
        yield self.status_lines
        yield Grid(id="panes")
        yield self.message_line
        yield KeyBar()
        yield self.prompt

    async def on_mount(self) -> None:
        """Put in one pane after the other, so that keys come in between, and find everything as it was left."""
        app, grid = cast("DeskBase", self.app), self.query_one("#panes")
        for pane in self.panes():
            await grid.mount(pane)
            self._panes = tuple(self.query(Pane))
            await asyncio.sleep(0)
        app.opened.append(self)
        self.recall(app.memory.get(self.NAME, {}))
        if self.focused is None:
            first = self.query_one(self.FIRST)
            self.set_focus(next((widget for widget in first.query("*") if widget.focusable), None))

    def update_node_styles(self, animate: bool = True) -> None:
        """Style everything anew. A screen that comes back asks for it, which needs not be while nothing else is."""
        styled = self.app.theme, frozenset(self.classes)
        if styled != self._styled:
            self._styled = styled
            super().update_node_styles(animate)

    def _screen_resized(self, size: Size) -> None:
        """Lay everything out for the terminal's size. A screen that comes back is told of it, and most often has it."""
        if size != self._compositor.size:
            super()._screen_resized(size)

    def remember(self) -> Memory:
        """Which pane has the focus, which is maximised, and how tables and charts are set."""
        focused, widgets = self.focused_pane, {}
        for pane in self._panes:
            for widget in pane.query("*"):
                if isinstance(widget, Remembering) and (kept := widget.remember()) and pane.id:
                    widgets[f"{pane.id}/{widget.id or type(widget).__name__}"] = kept
        maximised = self.maximized.id if self.maximized else None
        return {"focus": focused.id if focused else None, "maximised": maximised, "widgets": widgets}

    def recall(self, memory: Memory) -> None:
        """Set everything as it was, as far as it is still there."""
        widgets = memory.get("widgets", {})
        for pane in self._panes:
            for widget in pane.query("*"):
                kept = widgets.get(f"{pane.id}/{widget.id or type(widget).__name__}")
                if isinstance(widget, Remembering) and isinstance(kept, dict):
                    widget.recall(kept)
            if pane.id and pane.id == memory.get("focus"):
                self.set_focus(next((widget for widget in pane.query("*") if widget.focusable), None))
            if pane.id and pane.id == memory.get("maximised"):
                self.call_after_refresh(self.maximize, pane, container=False)

    @property
    def in_sight(self) -> Sequence[Pane]:
        """The panes that are seen: one, when it is maximised."""
        if isinstance(self.maximized, Pane):
            return [self.maximized]
        return [pane for pane in self._panes if pane.display]

    async def feed(self, frame: DeskFrame, at_once: bool = False) -> None:
        """Give every pane in sight the frame, one row of panes after the other.

        Each row is drawn by itself, as a key that comes waits for no more than what is being drawn; or all is to be
        seen `at_once`, in one picture. A desktop that has gone out of sight meanwhile is fed when it comes back.
        """
        app = cast("DeskBase", self.app)
        self.tick(frame)
        tops = sorted(((pane.region.y, pane) for pane in self.in_sight), key=itemgetter(0))
        for _, row in groupby(tops, itemgetter(0)):
            self._is_feeding = True
            for _, pane in row:
                self._feed(pane, frame)
            self._is_feeding = False
            if not at_once:
                self._draw()
                await asyncio.sleep(LEFT_S)
                while left_s := app.key_left_s:
                    await asyncio.sleep(left_s)
                if not app.screen_stack or app.desktop is not self:
                    return
        self._draw()
        self.fed = frame

    def _draw(self) -> None:
        """Draw what has changed now, and not when Textual's timer next comes by, which takes the loop some turns."""
        if self.is_current and not self.app._batch_count:
            self._on_timer_update()

    def check_idle(self) -> None:
        if not self._is_feeding:  # then it is drawn anyway
            super().check_idle()

    def _feed(self, pane: Pane, frame: DeskFrame) -> None:
        if not pane.is_mounted:
            return
        try:
            pane.feed(frame)
        except Exception as error:  # one pane's fault must not take the desk away from its user
            cast("DeskBase", self.app).faults.append(error)
            pane.stand(Standing(note=f"can't be shown: {error or type(error).__name__}"))

    def tick(self, frame: DeskFrame) -> None:
        """What moves without a new frame: the clock."""
        self.status_lines.status = status_of(frame, time.monotonic())

    def prefill(self, kind: str) -> dict[str, str]:
        """What the focused pane, or else any other in sight, knows for a command."""
        found: dict[str, str] = {}
        focused = self.focused_pane
        for pane in [*self.in_sight, *([focused] if focused else [])]:
            found |= pane.prefill(kind)
        return found

    @property
    def focused_pane(self) -> Pane | None:
        """The pane that has the focus."""
        widgets = () if self.focused is None else self.focused.ancestors_with_self
        return next((widget for widget in widgets if isinstance(widget, Pane)), None)


def status_of(frame: DeskFrame, now_s: float) -> Status:
    """What the top lines say of a frame, so long after it was made."""
    clock, history = frame.clock, frame.history
    traded = history["price_tick"][history["price_tick"] > -(1 << 40)][-2:]
    left_s = None
    if clock.is_playing and clock.due_s is not None and clock.speed:
        left_s = max(0, round((clock.due_s - now_s) * clock.speed))
    speed = "as fast as it goes" if not clock.speed or clock.goal_utc else f"{clock.speed}×"
    if clock.rate_per_s >= 1:
        speed += f"  {clock.rate_per_s:.0f}/s"
    coming = frame.coming
    references = []
    if coming is not None and coming.price_tick is not None:
        references.append(("next", PRICE.show(coming.price_tick)))
    own_w = None
    if coming is not None and coming.own_wh:
        own = {order.id for order in frame.orders if order.actor == frame.actor}
        own_w = sum(wh for order, wh in coming.own_wh.items() if order in own) * 3600 // frame.step_s
    shift_s = frame.step_s if left_s is None else min(frame.step_s, left_s)
    return Status(
        now_utc=frame.next_utc - (shift_s if left_s is not None else 0),
        zone=frame.zone,
        product="" if frame.market is None else frame.market.scenario.name,
        price_tick=int(traded[-1]) if len(traded) else None,
        before_tick=int(traded[0]) if len(traded) > 1 else None,
        references=tuple(references),
        net_w=own_w,
        actor=frame.actor,
        gain_e8=None if clock.is_replay else frame.fund.gain_e8,
        currency=frame.currency,
        gate_closes_s=left_s,
        is_live=not clock.is_replay,
        is_paused=not clock.is_playing,
        speed=speed,
        sequence=frame.seen_sequence,
        of_sequence=frame.sequence if clock.is_replay else None,
        hint=_hint(frame),
        banner="trial desk: gone when you quit" if frame.is_trial else "",
        halted=frame.halted,
        fault=frame.fault,
    )


def _hint(frame: DeskFrame) -> str:
    if frame.clock.is_replay:
        return "L live · nothing can be ordered in replay"
    if frame.clock.reason and not frame.fault:
        return f"can't be run from here: {frame.clock.reason}"
    return "space pause" if frame.clock.is_playing else "space play · [ ] step · g go to"
