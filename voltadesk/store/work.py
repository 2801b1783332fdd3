"""The commands of one batch on their way through the desk, and what is answered to them.

A run of more than `DENIALS_LIMIT` denials in a row is not journaled any further, so that nobody without rights can
fill the disk: such a command is answered `denied:CODE` with sequence -1, leaves no entry and uses up no key, until
some other outcome is journaled. For the same reason nothing is journaled of a refused command that is longer than most
may be.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from voltadesk.desk.refusal import Refusal
from voltadesk.store.canonical import canonical
from voltadesk.store.journal import KEYLESS, Batch, Draft, Entry
from voltadesk.store.keys import base64_text
from voltadesk.store.machine import MESSAGE_LIMIT, Machine, SignedCommand, plain_bytes

DENIALS_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a command: `done`, `rejected:CODE` or `denied:CODE`, and where that stands in the journal.

    `state_root` is the root of the desk's state after the entry; empty inside a batch, whose last entry has it.
    `seq` is -1 and `leaf` empty for a denial that is not journaled. `is_repeated`: it was carried out before, and only
    its key was asked for again.
    """

    seq: int
    outcome: str
    effects: dict[str, Any]
    leaf: str
    state_root: str
    is_repeated: bool = field(default=False, compare=False)


class Work:
    """Commands in their order: each is answered from the journal, or carried out."""

    def __init__(self, machine: Machine, past: dict[tuple[str, str], Entry], seq: int, time_utc: int) -> None:
        self.drafts: list[Draft] = []
        self._machine, self._past, self._seq, self._time_utc = machine, past, seq, time_utc
        self._answers: list[int | Receipt | Refusal] = []  # a number is a draft's
        self._seen: dict[tuple[str, str], int] = {}  # key used up in this batch -> draft

    def add(self, signed: SignedCommand, message: bytes) -> None:
        """Answer a command, from the journal or by carrying it out."""
        used = (signed.actor, signed.key)
        before: int | Entry | None = self._seen.get(used)
        if before is None:
            before = self._past.get(used)
        if before is None:
            self._run(signed, message, used)
            return
        answer = before if isinstance(before, int) else replace(receipt_of(before), is_repeated=True)
        past = self.drafts[before] if isinstance(before, int) else before
        is_same = has_content(past, signed)
        if is_same and _has_signature(past, signed):
            self._answers.append(answer)  # the very same: its key may have been changed since, by this command even
        elif not self._machine.is_signed(signed, message, self._time_utc):
            self._run(signed, message, used)
        elif is_same:
            self._answers.append(answer)
        else:
            self._answers.append(Refusal("KEY_CONFLICT", "key", signed.key, "must be new: it was used otherwise"))

    def __len__(self) -> int:
        """How many commands have an answer."""
        return len(self._answers)

    @property
    def is_refused(self) -> bool:
        """Whether the last command was not done."""
        last = self._answers[-1]
        answer = self.drafts[last] if isinstance(last, int) else last
        return isinstance(answer, Refusal) or answer.outcome != "done"

    def finish(self, batch: Batch) -> list[Receipt | Refusal]:
        """Hand the entries to the batch, the last with the state root; returns the answers in order."""
        if self.drafts:
            self.drafts[-1] = replace(self.drafts[-1], state_root=self._machine.root())
        made = []
        for draft in self.drafts:
            entry = batch.append(draft)
            made.append(
                Receipt(entry.seq, draft.outcome, json.loads(draft.effects), entry.leaf.hex(), draft.state_root)
            )
        answers: list[Receipt | Refusal] = []
        told = set[int]()
        for answer in self._answers:
            if isinstance(answer, int):
                answers.append(replace(made[answer], is_repeated=answer in told))
                told.add(answer)
            else:
                answers.append(answer)
        return answers

    def _run(self, signed: SignedCommand, message: bytes, used: tuple[str, str]) -> None:
        seq = self._seq + len(self.drafts)
        outcome, effects = self._machine.run(seq, self._time_utc, signed, message)
        is_long = outcome != "done" and len(message) > MESSAGE_LIMIT
        if is_long or (outcome.startswith("denied") and self._machine.denials >= DENIALS_LIMIT):
            self._answers.append(Receipt(-1, outcome, json.loads(plain_bytes(effects)), "", ""))
            return
        self._machine.count(outcome, self._time_utc)
        if outcome not in KEYLESS:
            self._seen[used] = len(self.drafts)
        self._answers.append(len(self.drafts))
        self.drafts.append(draft_of(signed, self._time_utc, outcome, effects))


def draft_of(signed: SignedCommand, time_utc: int, outcome: str, effects: dict[str, Any], root: str = "") -> Draft:
    """The entry about a command."""
    return Draft(
        time_utc=time_utc,
        kind=signed.kind,
        actor=signed.actor,
        command=signed.body,
        key=signed.key,
        signature=base64_text(signed.signature),
        outcome=outcome,
        effects=plain_bytes(effects),
        state_root=root,
    )


def receipt_of(entry: Entry) -> Receipt:
    """What an entry's command was answered."""
    fields = entry.fields
    return Receipt(entry.seq, fields["outcome"], json.loads(entry.effects), entry.leaf.hex(), fields["state_root"])


def has_content(past: Entry | Draft, signed: SignedCommand) -> bool:
    """Whether an entry with the same actor and key is of the same command."""
    kind, body = (past.kind, past.command) if isinstance(past, Draft) else (past.fields["kind"], past.fields["command"])
    return bool(kind == signed.kind and canonical(body) == canonical(signed.body))


def _has_signature(past: Entry | Draft, signed: SignedCommand) -> bool:
    signature = past.signature if isinstance(past, Draft) else past.fields["signature"]
    return bool(signature == base64_text(signed.signature))
