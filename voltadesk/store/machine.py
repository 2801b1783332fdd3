"""A desk's state as its journal makes it: what execution, replay and verification have in common."""

from __future__ import annotations

import marshal
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from voltadesk.desk.book import Book
from voltadesk.desk.commands import parse_command
from voltadesk.desk.refusal import Refusal, require_name
from voltadesk.errors import BadInput, CheckFailed
from voltadesk.store.canonical import canonical
from voltadesk.store.journal import Entry, plain_canonical
from voltadesk.store.keys import Key, PublicKey, base64_text, strict_base64

CONTEXT = "command"  # what an actor's key signs commands for
FOUNDING = "desk.create"  # the first entry's kind
KEY_LIMIT = 100  # characters of an idempotency key
MESSAGE_LIMIT = 2**16  # bytes of what is signed
_Signature = tuple[str, bytes, bytes]  # public key, signature, message
_LEVELS = 3  # of the state that are hashed part by part: section, kind of thing, thing
_WORTH_THREADS = 200  # signatures
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
        if len(message) > MESSAGE_LIMIT:
            raise Refusal("BAD_VALUE", "body", f"{len(message)} bytes", f"must not have more than {MESSAGE_LIMIT}")
        return message


@dataclass
class Machine:
    """The book as the journal makes it: what replay, execution and verification share."""

    desk_id: str = ""
    time_utc: int = 0
    book: Book | None = None
    outcomes: dict[str, int] = field(default_factory=dict)
    is_whole: bool = True
    _root: str = ""
    _checked: set[_Signature] = field(default_factory=set)
    _hashes: dict[tuple[str, ...], tuple[bytes, str]] = field(default_factory=dict)  # path -> part and its hash

    def found(self, founder: str, body: dict[str, Any]) -> None:
        """Begin with the founding entry's command."""
        self.desk_id = body["desk"]
        self.book = Book(founder, body["public_key"], body["currency"])

    def is_signed(self, signed: SignedCommand, message: bytes) -> bool:
        """Whether the actor's key of now has signed this."""
        assert self.book is not None
        text = self.book.actors.by_name[signed.actor].public_key
        item = (text, signed.signature, message)
        return item in self._checked or _is_signed(*item)

    def check_many(self, commands: Iterable[tuple[SignedCommand, bytes]]) -> None:
        """Check signatures by the keys of now on all processors, and remember the good ones until the next time.

        Only speed depends on it: those that are not found good, or whose key is changed, are checked in their turn.
        """
        actors = {} if self.book is None else self.book.actors.by_name
        work = [
            (actors[signed.actor].public_key, signed.signature, message)
            for signed, message in commands
            if signed.actor in actors
        ]
        self._checked = set()
        if len(work) >= _WORTH_THREADS:
            with ThreadPoolExecutor() as threads:
                self._checked.update(*threads.map(_good, [work[at : at + 100] for at in range(0, len(work), 100)]))

    def run(self, seq: int, time_utc: int, signed: SignedCommand, message: bytes | None) -> tuple[str, dict[str, Any]]:
        """Outcome and effects of a command as that entry; `message` is what must be signed, None when it was checked.

        A refusal changes nothing.
        """
        assert self.book is not None
        try:
            if signed.actor not in self.book.actors.by_name:
                raise Refusal("UNKNOWN_ACTOR", "actor", signed.actor, "must be an actor of the desk")
            if message is not None and not self.is_signed(signed, message):
                raise Refusal("BAD_ACTOR", "signature", "", f"must be by the key of {signed.actor}")
            command = parse_command(signed.kind, signed.body)
            text = getattr(command, "public_key", None)
            if text is not None and _public(text) is None:
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

        Of a section and of each of its parts, down to one investor or one battery, the hash is kept too.
        """
        assert self.book is not None
        if not self._root:
            self._root = self._hash(self.book.state(), ())
        return self._root

    def _hash(self, part: Any, path: tuple[str, ...]) -> str:
        """The hash of a part of the state: of its own parts' hashes near the root, of its plain bytes below."""
        if type(part) is dict and len(path) < _LEVELS:
            parts = {name: self._hash(value, (*path, name)) for name, value in part.items()}
            return sha256(plain_canonical(parts)).hexdigest()
        data = marshal.dumps(part, 2)  # many times quicker than the plain bytes, and only compared
        kept = self._hashes.get(path)
        if kept is None or kept[0] != data:
            kept = self._hashes[path] = data, sha256(plain_bytes(part)).hexdigest()
        return kept[1]

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
        self.check_many(messages.values())
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
            if is_strict and not self.is_signed(signed, signed.message(self.desk_id)):
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
        self.time_utc, self.is_whole = fields["time_utc"], bool(fields["state_root"])
        sort = outcome.partition(":")[0]
        self.outcomes[sort] = self.outcomes.get(sort, 0) + 1


def key_text(public: PublicKey) -> str:
    """A public key as commands give it: base64 of its 32 bytes."""
    return base64_text(public.raw)


def _public(text: str) -> PublicKey | None:
    """The key that a command gives, None if it is none."""
    raw = strict_base64(text)
    try:
        return PublicKey((raw or b"")[-32:])
    except BadInput:
        return None


def _is_signed(text: str, signature: bytes, message: bytes) -> bool:
    public = _public(text)
    return public is not None and public.verify(signature, message, CONTEXT)


def _signed(fields: dict[str, Any]) -> SignedCommand:
    """The command that an entry is about."""
    signature = strict_base64(fields["signature"]) or b""
    return SignedCommand(fields["actor"], fields["key"], fields["kind"], fields["command"], signature)


def _good(work: list[_Signature]) -> set[_Signature]:
    return {item for item in work if _is_signed(*item)}


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
