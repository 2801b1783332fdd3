"""What the screen asks of whoever runs the market for it. Nothing of it waits."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol, TypeVar

from voltadesk.store.desk import Receipt
from voltadesk.store.records import Records
from voltadesk.store.seat import Seat
from voltadesk.ui.frame import DeskFrame

Answer = TypeVar("Answer")


class Running(Protocol):
    """A market that is run for one screen. What is asked is answered by a future."""

    @property
    def frame(self) -> DeskFrame | None:
        """The latest one: what came in between is never seen."""

    @property
    def fault(self) -> str:
        """What ended it, or hinders it; empty while all is well."""

    @property
    def folder(self) -> Path:
        """The desk's."""

    @property
    def desk_id(self) -> str:
        """What its commands are signed for."""

    def start(self) -> None: ...

    def stop(self) -> None:
        """End; what was asked before is still done."""

    def submit(self, kind: str, body: dict[str, Any]) -> Future[Receipt]:
        """Give a command in the actor's name. The future raises Refusal, OutcomeUnknown, or what else hinders it."""

    def read(self, question: Callable[[Records], Answer]) -> Future[Answer]:
        """Have something read from the desk's tables, beside the loop and the market."""

    def consult(self, question: Callable[[Seat], Answer]) -> Future[Answer]:
        """Have something answered that takes the desk's state or the actor's key; the question may go far: pickled."""

    def play(self) -> Future[None]:
        """Go on: the market, or in replay what is seen of it."""

    def pause(self) -> Future[None]: ...

    def set_speed(self, speed: int) -> Future[None]:
        """Seconds of the market's clock in a second; AS_FAST_AS_IT_GOES."""

    def step(self, by: int) -> Future[None]:
        """One interval on, or so many back or on in what has been; back from the live market begins a replay."""

    def go_to(self, moment_utc: int) -> Future[None]:
        """See an earlier moment as a replay; for a later one, run until then. Raises BadInput."""

    def go_live(self) -> Future[None]: ...

    def sit(self, actor: str, key_file: Path) -> Future[None]:
        """Act as another actor of the same desk, whose key is in that file."""
