"""Questions to the desk that are answered beside the loop, so that no pane waits for its database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from voltadesk.store.records import Records

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase

Answer = TypeVar("Answer")


class Inquiry(Generic[Answer]):
    """One question at a time: of those that come while one is open only the last is asked then."""

    def __init__(
        self, done: Callable[[Answer], None], failed: Callable[[Exception], None] = lambda error: None
    ) -> None:
        self._done, self._failed = done, failed
        self._next: Callable[[Records], Answer] | None = None
        self.is_open = False
        self._task: asyncio.Task[None] | None = None  # kept, as nothing else keeps it

    def ask(self, app: DeskBase, question: Callable[[Records], Answer]) -> None:
        """`done` gets the answer, on the screen's own thread; `failed` what hindered it, which is noted as a fault."""
        self._next = question
        if not self.is_open:
            self.is_open = True
            self._task = asyncio.create_task(self._answer(app))  # a worker's messages cost more than most answers

    async def _answer(self, app: DeskBase) -> None:
        try:
            while (question := self._next) is not None:
                self._next = None
                try:
                    future = app.runner.read(question)
                except RuntimeError:  # the desk is being closed: nothing is read any more
                    return
                self._done(await asyncio.wrap_future(future))
        except Exception as error:  # as with every pane: its fault must not take the desk away
            app.faults.append(error)
            self._failed(error)
        finally:
            self.is_open = False
