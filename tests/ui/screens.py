"""Running one widget, or the gallery, on a screen of a given size."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.widget import Widget

from voltadesk.ui.picture import screen_text
from voltadesk.ui.themes import ThemedApp

GOLDEN = Path(__file__).parent / "golden"


class Single(ThemedApp):
    """An app of one widget. Messages posted by it are kept."""

    def __init__(self, widget: Widget, theme: str = "dark") -> None:
        super().__init__(theme)
        self.widget = widget

    def compose(self) -> Iterator[Widget]:
        yield self.widget


def on_screen(widget: Widget, size: tuple[int, int], act: Callable[[Pilot[Any]], Awaitable[Any]]) -> Any:
    """What `act` returns, with the widget on a screen of so many cells."""

    async def run() -> Any:
        async with Single(widget).run_test(size=size) as pilot:
            await pilot.pause()
            return await act(pilot)

    return asyncio.run(run())


def text_of(widget: Widget, size: tuple[int, int], *keys: str) -> str:
    """The widget's screen as text, after some keys."""

    async def act(pilot: Pilot[Any]) -> str:
        await pilot.press(*keys)
        await pilot.pause()
        return screen_text(pilot.app)

    text: str = on_screen(widget, size, act)
    return text


def check_golden(name: str, text: str, is_update: bool) -> None:
    """Compare with the text kept under `name`; VOLTADESK_UPDATE_GOLDEN=1 writes it anew."""
    path = GOLDEN / f"{name}.txt"
    if is_update:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + "\n", "utf-8")
    assert path.read_text("utf-8") == text + "\n", f"{name} looks different; VOLTADESK_UPDATE_GOLDEN=1 if it should"
