"""A desk's state as its journal makes it: what execution, replay and verification have in common."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

from voltadesk.desk.book import Book, Made
from voltadesk.desk.commands import parse_command
from voltadesk.desk.refusal import Refusal, require_name
from voltadesk.desk.source import Source
from voltadesk.errors import BadInput, CheckFailed
from voltadesk.store.canonical import canonical
from voltadesk.store.journal import Entry, plain_canonical
from voltadesk.store.keys import Key, PublicKey, base64_text, strict_base64
from voltadesk.store.signatures import CONTEXT, Signature, checking, is_good, public_of

FOUNDING = "desk.create"  # the first entry's kind
KEY_LIMIT = 100  # characters of an idempotency key
MESSAGE_LIMIT = 2**16  # bytes of what is signed
MESSAGE_LIMITS = {"community.post": 2**23}  # where it is more: the statements of 20,000 members
_LEVELS = 3  # of the state that are hashed part by part: section, kind of thing, thing
DENIALS = frozenset({"DENIED", "BAD_ACTOR", "UNKNOWN_ACTOR", "HALTED"})


@dataclass(frozen=True, slots=True)
class SignedCommand:
    """What an actor asks for, by an idempotency key of its own choice, and its signature."""

    actor: str
    key: str
    kind: str
    body: dict[str, Any]
    signature: bytes

    @classmethod
    def sign(cls, private: Key, desk_id: str, actor: str, key: str, kind: str, body: dict[str, Any]) -> SignedCommand:
        """A command for one desk, signed. Raises Refusal BAD_VALUE for what can't be signed."""
        unsigned = cls(actor, key, kind, body, b"")
        return cls(actor, key, kind, body, private.sign(unsigned.message(desk_id), CONTEXT))

    def message(self, desk_id: str) -> bytes:
        """What is signed. Raises Refusal BAD_VALUE when a part is no plain value, or too long."""
        require_name("actor", self.actor)
        if type(self.key) is not str or not 0 < len(self.key) <= KEY_LIMIT or not self.key.isprintable():
            raise Refusal("BAD_VALUE", "key", self.key, f"must be 1 to {KEY_LIMIT} printable characters")
        if type(self.kind) is not str or type(self.body) is not dict:
            raise Refusal("BAD_VALUE", "body", type(self.body).__name__, "must be an object, and its kind a text")
        parts = {"actor": self.actor, "body": self.body, "desk": desk_id, "key": self.key, "kind": self.kind}
        try:
            message = canonical(parts)
        except BadInput as error:
            raise Refusal("BAD_VALUE", error.field, error.value, error.limit) from None
        except TypeError as error:
            raise Refusal("BAD_VALUE", "body", "not plain", str(error)) from None
        limit = MESSAGE_LIMITS.get(self.kind, MESSAGE_LIMIT)
        if len(message) > limit:
            raise Refusal("BAD_VALUE", "body", f"{len(message)} bytes", f"must not have more than {limit}")
        return message


def _here(item: Signature) -> bool:
    return is_good(*item)


class _Hashed(NamedTuple):
    """A part of the state: its hash, the parts that it was made from, or else what it was when it was hashed."""

    hash: str
    parts: dict[str, _Hashed]
    was: str | bytes | None


@dataclass
class Machine:
    """The book as the journal makes it: what replay, execution and verification share."""

    read_file: Callable[[str], bytes]  # what the desk was founded on, by its SHA-256 as hexadecimal text
    keeps: bool = False  # what entries make waits in `drain`, else it is dropped while replaying
    desk_id: str = ""
    time_utc: int = 0
    book: Book | None = None
    source: Source | None = None
    denials: int = 0  # entries since the last one that was not denied
    weight: int = 0  # entries, and rows that they made, since the last snapshot
    outcomes: dict[str, int] = field(default_factory=dict)
    is_whole: bool = True
    _root: str = ""
    _test: Callable[[Signature], bool] = _here
    _hashed: _Hashed | None = None

    def found(self, founder: str, body: dict[str, Any]) -> None:
        """Begin with the founding entry's command. Raises Refusal or BadInput for what can't be."""
        self.prepare(body)
        self.book = Book(founder, body["public_key"], body["currency"], self.source, body["holders"])

    def prepare(self, body: dict[str, Any]) -> None:
        """Learn from the founding entry's command which desk this is and what its market comes from."""
        self.desk_id = body["desk"]
        if body["scenario"]:
            files = {name: self.read_file(digest) for name, digest in body["files"].items()}
            self.source = Source(body["scenario"], files)

    def drain(self) -> Made:
        """What was made since the last call."""
        assert self.book is not None
        made = self.book.drain()
        self.weight += sum(len(posted.postings) for posted in made.postings)
        self.weight += sum(len(interval.trades) for interval in made.intervals)
        self.weight += sum(len(each.trades) for each in made.trades)
        return made

    def is_signed(self, signed: SignedCommand, message: bytes, time_utc: int) -> bool:
        """Whether a key that may do so at that time has signed this: the actor's own, or one delegated by it."""
        return any(self._test((text, signed.signature, message)) for text in self._keys(signed, time_utc))

    def _keys(self, signed: SignedCommand, time_utc: int) -> tuple[str, ...]:
        """The keys that may sign it, by the later of the market's clock and the journal's."""
        book = self.book
        assert book is not None
        return book.actors.signing_keys(signed.actor, signed.kind, max(book.now_utc, time_utc))

    @contextmanager
    def checking(self, commands: Iterable[tuple[SignedCommand, bytes]]) -> Iterator[None]:
        """Have the signatures of these commands checked on all processors while they are carried out in their order.

        Only speed depends on it: by a key that is changed meanwhile, or is a delegated one, it is checked here.
        """
        if self.book is None:
            yield
            return
        work = [
            (text, signed.signature, message)
            for signed, message in commands
            for text in self._keys(signed, self.time_utc)[:1]
        ]
        with checking(work) as test:
            self._test = test
            try:
                yield
            finally:
                self._test = _here

    def run(self, seq: int, time_utc: int, signed: SignedCommand, message: bytes | None) -> tuple[str, dict[str, Any]]:
        """Outcome and effects of a command as that entry; `message` is what must be signed, None when it was checked.

        A refusal changes nothing.
        """
        assert self.book is not None
        try:
            if signed.actor not in self.book.actors.by_name:
                raise Refusal("UNKNOWN_ACTOR", "actor", signed.actor, "must be an actor of the desk")
            if message is not None and not self.is_signed(signed, message, time_utc):
                raise Refusal("BAD_ACTOR", "signature", "", f"must be by the key of {signed.actor}")
            command = parse_command(signed.kind, signed.body)
            text = getattr(command, "public_key", None)
            if text is not None and public_of(text) is None:
                raise Refusal("BAD_VALUE", "public_key", text, "must be an Ed25519 public key")
            effects = self.book.apply(seq, signed.actor, command, time_utc)
        except Refusal as refusal:
            kind = "denied" if refusal.code in DENIALS else "rejected"
            shown = str(refusal.value)[:200].encode("utf-8", "replace").decode()
            details = {"code": refusal.code, "field": refusal.field, "value": shown, "limit": refusal.limit}
            return f"{kind}:{refusal.code}", details
        self._root = ""
        return "done", effects

    def root(self) -> str:
        """SHA-256 over the hashes of the state's sections, as hexadecimal text; kept until something is done.

        Of a section and of each of its parts, down to one bucket or one battery, the hash is kept too.
        """
        assert self.book is not None
        if not self._root:
            self._hashed = _hashed(self.book.state(), self._hashed, _LEVELS)
            self._root = self._hashed.hash
        return self._root

    def finish(self) -> None:
        """Raises CheckFailed unless the last entry had a state root, as the last of every commit has."""
        if not self.is_whole:
            raise CheckFailed("the journal ends inside a commit: its last entry has no state root")

    def replay(
        self, entry: Entry, is_strict: bool = False, prepared: tuple[SignedCommand, bytes] | None = None
    ) -> None:
        """Apply an entry of the journal. Raises CheckFailed when it does not say what comes of it.

        Strictly, signatures and refusals are gone through again too; else an entry that was refused is passed over.
        """
        try:
            self._replay(entry, is_strict, prepared)
        except (LookupError, TypeError, ValueError, AttributeError, AssertionError, Refusal) as error:
            raise CheckFailed(f"entry {entry.seq} can't be applied: {error or type(error).__name__}") from error

    def replay_many(self, entries: list[Entry]) -> None:
        """Apply entries strictly, their signatures checked on all processors."""
        messages = {}
        for entry in entries:
            with suppress(LookupError, TypeError, ValueError, AttributeError, Refusal):  # found again in its turn
                signed = _signed(entry.fields)
                messages[entry.seq] = signed, signed.message(self.desk_id)
        with self.checking(messages.values()):
            for entry in entries:
                self.replay(entry, is_strict=True, prepared=messages.get(entry.seq))

    def _replay(self, entry: Entry, is_strict: bool, prepared: tuple[SignedCommand, bytes] | None) -> None:
        fields = entry.fields
        if type(fields["time_utc"]) is not int or (is_strict and plain_canonical(fields) != entry.body):
            raise CheckFailed(f"entry {entry.seq} is not in its canonical form")
        outcome, kind = fields["outcome"], fields["kind"]
        signed = prepared[0] if prepared else _signed(fields)
        if (entry.seq == 0 and kind != FOUNDING) or fields["time_utc"] < self.time_utc:
            raise CheckFailed(f"entry {entry.seq}: a {kind} at {fields['time_utc']} can't stand there")
        if entry.seq == 0:
            self.found(signed.actor, signed.body)
            if is_strict and not self.is_signed(signed, signed.message(self.desk_id), 0):
                raise CheckFailed("entry 0: the desk's beginning is not signed by its founder")
            got, effects = "done", entry.effects
        elif outcome == "done" or is_strict:
            message = None
            if is_strict:
                message = prepared[1] if prepared else signed.message(self.desk_id)
            got, done = self.run(entry.seq, fields["time_utc"], signed, message)
            effects = plain_bytes(done)
        else:
            got, effects = outcome, entry.effects
        if got != outcome or (got == "done" and effects != entry.effects):
            raise CheckFailed(f"entry {entry.seq}: it says {outcome}, applying it again gives {got} or other effects")
        if fields["state_root"] and fields["state_root"] != self.root():
            raise CheckFailed(f"entry {entry.seq}: its state root is not that of applying the journal again")
        self.is_whole = bool(fields["state_root"])
        self.count(outcome, fields["time_utc"])
        if not self.keeps:
            self.drain()

    def count(self, outcome: str, time_utc: int) -> None:
        """Note that an entry is journaled."""
        self.weight += 1
        sort, self.time_utc = outcome.partition(":")[0], time_utc
        self.outcomes[sort] = self.outcomes.get(sort, 0) + 1
        self.denials = self.denials + 1 if sort == "denied" else 0


def key_text(public: PublicKey) -> str:
    """A public key as commands give it: base64 of its 32 bytes."""
    return base64_text(public.raw)


def _signed(fields: dict[str, Any]) -> SignedCommand:
    """The command that an entry is about."""
    signature = strict_base64(fields["signature"]) or b""
    return SignedCommand(fields["actor"], fields["key"], fields["kind"], fields["command"], signature)


def _hashed(part: Any, before: _Hashed | None, levels: int) -> _Hashed:
    """The hash of a part of the state: of its own parts' hashes near the root, of its plain bytes below."""
    if type(part) is dict and levels:
        known, parts = before.parts if before else {}, {}
        for name, value in part.items():
            was = known.get(name)
            if was is None or was.was != value:  # a bucket's text that is as it was is passed over here, quickly
                was = _hashed(value, was, levels - 1)
            parts[name] = was
        if before and before.was is None and parts == known:
            return before
        hashes = {name: each.hash for name, each in parts.items()}
        return _Hashed(sha256(plain_canonical(hashes)).hexdigest(), parts, None)
    data = part if type(part) is str else marshal.dumps(part, 2)  # quicker than the plain bytes, and only compared
    if before and before.was == data:
        return before
    return _Hashed(sha256(plain_bytes(part)).hexdigest(), {}, data)


def plain_bytes(value: object) -> bytes:
    """Canonical JSON with whole numbers as decimal texts: those of the books outgrow what JSON carries."""
    return plain_canonical(_texts(value))


def _texts(value: object) -> object:
    """The value with texts for whole numbers. Raises TypeError for what is not plain, floats among it."""
    if type(value) is str or value is None or type(value) is bool:
        return value
    if type(value) is int:
        return str(value)
    if isinstance(value, dict) and all(type(key) is str for key in value):
        return {key: _texts(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_texts(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no place in what is hashed")
