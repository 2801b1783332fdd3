"""An actor's place at a desk: commands in its name, and the market's next intervals, one signed command each."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from voltadesk.clock import utc_text
from voltadesk.desk.commands import parse_command
from voltadesk.desk.market import Market
from voltadesk.desk.refusal import Refusal, require_name
from voltadesk.store.desk import Desk, InvariantBroken, OutcomeUnknown, Receipt
from voltadesk.store.keys import Key
from voltadesk.store.machine import SignedCommand

DISK_LEAST = 64 << 20  # bytes that must be free


class Seat:
    """An actor with its key. `private` is asked for the key when it is first needed."""

    def __init__(self, desk: Desk, actor: str, private: Callable[[], Key]) -> None:
        self.desk, self.actor, self.private = desk, actor, private

    @property
    def market(self) -> Market:
        """The desk's market. Raises Refusal NO_MARKET."""
        market = self.desk.book.market
        if market is None:
            raise Refusal("NO_MARKET", "market", "", "the desk was made without a scenario")
        return market

    @property
    def now_utc(self) -> int:
        """The desk's time: its market's clock, or the wall's where there is none [s UTC]."""
        book = self.desk.book
        return book.now_utc if book.market is not None else int(time.time())

    def sign(self, kind: str, body: dict[str, Any], key: str) -> SignedCommand:
        """A command in the actor's name. Raises Refusal BAD_VALUE for values that no desk would take."""
        parse_command(kind, body)
        require_name("actor", self.actor)
        return SignedCommand.sign(self.private(), self.desk.id, self.actor, key, kind, body)

    def execute(self, kind: str, body: dict[str, Any], key: str | None = None) -> tuple[Receipt, str]:
        """Sign and carry out a command; returns the receipt and the idempotency key.

        Raises Refusal for what the desk refused, OutcomeUnknown when it can't be known what came of it. The desk is
        halted where carrying it out would have made the books wrong.
        """
        key = key or os.urandom(8).hex()
        signed = self.sign(kind, body, key)
        with self._answering(key):
            receipt = self.desk.execute(signed, self.now_utc)
        require_done(receipt)
        return receipt, key

    def execute_all(self, kind: str, bodies: dict[str, dict[str, Any]], key: str | None = None) -> dict[str, Receipt]:
        """Sign and carry out commands of one kind with one commit; a name that each has ends its idempotency key.

        Returns the receipts by these keys. Raises as `execute` does, for the first that the desk refused; those after
        it are left out.
        """
        key = key or os.urandom(8).hex()
        signed = [self.sign(kind, body, f"{key}-{name}") for name, body in bodies.items()]
        with self._answering(key):
            answers = self.desk.execute_many(signed, self.now_utc, until_refused=True)
        receipts = {}
        for command, answer in zip(signed, answers, strict=False):
            if isinstance(answer, Exception):
                raise answer
            require_done(answer)
            receipts[command.key] = answer
        return receipts

    @contextmanager
    def _answering(self, key: str) -> Iterator[None]:
        """Say how to ask again where it can't be known what came of a command; halt where the books would be wrong."""
        try:
            yield
        except OutcomeUnknown as error:
            raise OutcomeUnknown(f"{error}: give the same command with --key {key}") from None
        except InvariantBroken as error:
            self.halt(str(error))
            raise

    def halt(self, reason: str) -> None:
        """Halt the desk for a fault that was found, if the actor may."""
        with suppress(Refusal):
            self.desk.book.authorise(self.actor, "market.halt")
            self.execute("market.halt", {"reason": reason[:200]})

    def advance(self, size: int, is_enough: Callable[[], bool] = lambda: False) -> int:
        """Run so many intervals with one commit, fewer when it `is_enough` after one; returns how many.

        Raises Refusal HALTED when the desk is halted, by this batch or before it, DENIED to one who may not.
        """
        self.desk.refresh()
        self.desk.book.authorise(self.actor, "market.advance")
        free = shutil.disk_usage(self.desk.journal.path.parent).free
        if free < DISK_LEAST:
            self._halt(f"disk nearly full: {free >> 20} MiB free")
        try:
            answers = self.desk.execute_many(self._intervals(size), self.now_utc, True, is_enough)
        except InvariantBroken as error:
            self._halt(str(error))
            raise
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
            require_done(answer)
            if answer.effects["halted"]:
                self.desk.book.authorise(self.actor, "market.advance")
        return len(answers)

    def _halt(self, reason: str) -> None:
        """Halt the desk, and say so. Raises Refusal HALTED, or DENIED to one who may not."""
        self.halt(reason)
        self.desk.book.authorise(self.actor, "market.advance")

    def _intervals(self, size: int) -> list[SignedCommand]:
        """Commands for the next intervals, one each, so that none is carried out twice."""
        market = self.market
        starts = [utc_text(market.next_utc + n * market.step_s) for n in range(size)]
        return [self.sign("market.advance", {"interval": start}, self._key(start)) for start in starts]

    def _key(self, start: str) -> str:
        """The idempotency key of an interval; of one that was not run, as while halted, another each time."""
        key = f"advance-{start}"
        while (before := self.desk.find(self.actor, key)) and "results" not in before.effects:
            key = f"advance-{start}-after-{before.seq}"
        return key


def require_done(receipt: Receipt) -> None:
    """Raises Refusal for a receipt that says so."""
    if receipt.outcome != "done":
        effects = receipt.effects
        raise Refusal(effects["code"], effects["field"], effects["value"], effects["limit"])
