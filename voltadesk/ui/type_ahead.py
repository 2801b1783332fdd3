"""Keys take effect one after the other, however fast they come: what is typed ahead goes where it would go slowly.

Textual gives a key to what has the focus, and looks among the bindings when it comes back from there, unused. By then
later keys may have been given to the same place: of `5`, Tab, `3` the 3 stood behind the 5.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual import events
from textual.dom import DOMNode
from textual.message_pump import MessagePump
from textual.widgets import Input

from voltadesk.ui.themes import ThemedApp

READY_S = 1.0  # the longest that a key waits for what the one before it does


class TypeAhead(ThemedApp):
    """An app that has done what a key says before it takes the next."""

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            await _within(self._is_ready)
            if self.screen_stack:  # else all is over
                await self._take(event)
        else:
            await super().on_event(event)

    async def _take(self, event: events.Key) -> None:
        target: DOMNode = self.focused or self.screen
        is_text = isinstance(target, Input) and event.is_printable
        is_way_back = event.key == "escape" and self.screen.maximized is not None
        if is_text or is_way_back or not await self._is_bound(event.key):
            await super().on_event(event)
        await self._settle(target)

    async def _is_bound(self, key: str) -> bool:
        """Do at once what the key is bound to, if it is."""
        return await self._check_bindings(key, priority=True) or await self._check_bindings(key)

    def _is_ready(self) -> bool:
        """A screen that was just opened is built, and so knows what has its focus."""
        return not self.screen_stack or self.screen.is_mounted

    async def _settle(self, target: DOMNode) -> None:
        """Wait until the key, and in a second round what it set off, went through the queues up to the screen."""
        for _ in range(2):
            for node in target.ancestors_with_self:
                if node is self or not isinstance(node, MessagePump) or not node.is_running:
                    break
                done = asyncio.Event()
                if node.call_later(done.set):
                    await _within(lambda node=node, done=done: done.is_set() or not node.is_running)  # type: ignore[misc]


async def _within(is_so: Callable[[], bool]) -> None:
    """Wait for it, but no longer than a user would before the next key."""
    loop = asyncio.get_running_loop()
    until = loop.time() + READY_S
    while not is_so() and loop.time() < until:
        await asyncio.sleep(0)
