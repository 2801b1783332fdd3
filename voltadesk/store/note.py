"""Checkpoints and proofs as text that other people's tools can check.

A checkpoint is a C2SP signed note (c2sp.org/signed-note) whose text is a C2SP tlog-checkpoint
(c2sp.org/tlog-checkpoint): the journal's origin, its size in decimal, its root in base64, one line each.

    example.org/desk
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — example.org/desk <base64 of key hash || Ed25519 signature>

A proof that an entry is in the journal is a C2SP tlog-proof (c2sp.org/tlog-proof); its `extra` line, if there is one,
holds the entry itself and is believed only because its hash is what is proved. A proof that one journal goes on from
another is the body of a C2SP tlog-witness request (c2sp.org/tlog-witness): `old` and the size, the hashes, an empty
line, the newer checkpoint.

Text that does not have its form raises BadInput; text that has it and does not prove what it says, CheckFailed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

from voltadesk.errors import BadInput, CheckFailed
from voltadesk.store import merkle
from voltadesk.store.keys import ED25519, SIGNATURE_BYTES, Key, PublicKey, base64_text, strict_base64

TEXT_LIMIT = 2**20  # bytes in a note or a proof
SIGNATURE_LIMIT = 100  # signatures in a note, of whatever key

_DASH = "— "  # em dash, space
_TLOG_PROOF = "c2sp.org/tlog-proof@v1"
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_NOT_PLAIN = re.compile("[\x00-\x1f\ud800-\udfff]")
_KEY_HASH = re.compile(r"[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is said of a journal at one moment: whose it is, how many entries it holds, their root (RFC 6962)."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not self.origin.strip() or not _is_plain(self.origin):
            raise BadInput("origin", self.origin, "must be one line of text, not empty")
        if not 0 <= self.size <= merkle.SIZE_LIMIT:
            raise BadInput("tree size", self.size, f"must be within 0 and {merkle.SIZE_LIMIT}")
        if len(self.root) != merkle.HASH_BYTES:
            raise BadInput("root hash", f"{len(self.root)} bytes", f"must have {merkle.HASH_BYTES}")
        if self.size == 0 and self.root != merkle.EMPTY_ROOT:
            raise BadInput("root hash", base64_text(self.root), "is not that of a journal without entries")

    @property
    def body(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64_text(self.root)}\n"


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key and the name it signs notes by. Its text form is a C2SP verifier key: name+hash+key."""

    name: str
    public: PublicKey

    def __post_init__(self) -> None:
        _check_name(self.name)

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """The verifier that `text` gives. Raises BadInput when a part is missing or the hash is not the key's."""
        name, plus, rest = text.partition("+")
        key_hash, plus_too, key = rest.partition("+")
        if not plus or not plus_too or not _KEY_HASH.fullmatch(key_hash):
            shown = f"{len(text)} characters"  # not the text: it may be a secret in the wrong place
            raise BadInput("verifier key", shown, "must be a name, 8 hex digits and a key, joined by '+'")
        verifier = cls(name, PublicKey.parse(key))
        if verifier.key_hash.hex() != key_hash:
            raise BadInput("verifier key", key_hash, f"the hash of this name and key is {verifier.key_hash.hex()}")
        return verifier

    @property
    def key_hash(self) -> bytes:
        """The 4 bytes by which signature lines name the key: SHA-256(name || newline || 0x01 || key)[:4]."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public.raw).digest()[:4]

    @property
    def text(self) -> str:
        """name+hash+key, for `parse`."""
        return f"{self.name}+{self.key_hash.hex()}+{self.public.text}"


def sign_checkpoint(origin: str, size: int, root: bytes, key: Key, name: str | None = None) -> str:
    """The signed text of a checkpoint. The key signs by the name of the origin, unless another is given."""
    body = Checkpoint(origin, size, root).body
    verifier = Verifier(origin if name is None else name, key.public)
    return f"{body}\n{_DASH}{verifier.name} {base64_text(verifier.key_hash + key.sign_note(body))}\n"


def verify_checkpoint(text: str | bytes, verifier: Verifier, origin: str | None = None) -> Checkpoint:
    """The checkpoint in a signed note, once the verifier's signature is found good.

    Its origin must be the one given, or else the verifier's name. Signatures by unknown keys are passed over, lines
    after the third of the text too; one bad signature by the verifier's key and the note is refused.
    """
    body, signatures = _split_note(_clean(text, "checkpoint"))
    known = [raw[4:] for name, raw in signatures if name == verifier.name and raw[:4] == verifier.key_hash]
    who = f"{verifier.name} ({verifier.key_hash.hex()})"
    if not known:
        raise CheckFailed(f"the checkpoint is not signed by {who}")
    if not all(len(raw) == SIGNATURE_BYTES and verifier.public.verify_note(raw, body) for raw in known):
        raise CheckFailed(f"the checkpoint was changed: its signature by {who} does not fit")
    checkpoint = _read_body(body)
    expected = verifier.name if origin is None else origin
    if checkpoint.origin != expected:
        raise CheckFailed(f"the checkpoint is of {checkpoint.origin}, not of {expected}")
    return checkpoint


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That an entry is in the journal of a checkpoint. `checkpoint` is its signed text, `entry` may come along."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    entry: bytes | None = None

    @property
    def text(self) -> str:
        """The proof as a C2SP tlog-proof."""
        extra = () if self.entry is None else (f"extra {base64_text(self.entry)}",)
        return "\n".join(
            (_TLOG_PROOF, *extra, f"index {self.index}", *map(base64_text, self.hashes), "", self.checkpoint)
        )

    @classmethod
    def parse(cls, text: str | bytes) -> InclusionProof:
        """The proof in a C2SP tlog-proof; nothing of it is checked yet but the form."""
        lines, checkpoint = _split_proof(_clean(text, "proof"))
        if lines[0] != _TLOG_PROOF:
            raise BadInput("proof, line 1", lines[0], f"must be {_TLOG_PROOF}")
        entry = None
        if len(lines) > 1 and lines[1].startswith("extra "):
            entry = _read_base64(lines.pop(1).removeprefix("extra "), "proof, extra")
        if len(lines) < 2 or not lines[1].startswith("index "):
            raise BadInput("proof", lines[1] if len(lines) > 1 else "", "must have a line 'index N'")
        index = _read_decimal(lines[1].removeprefix("index "), "proof, index")
        return cls(index, _read_hashes(lines[2:]), checkpoint, entry)

    def verify(self, verifier: Verifier, entry: bytes | None = None, origin: str | None = None) -> Checkpoint:
        """The checkpoint in whose journal the entry is. The entry is the one given, or else the one that came along.

        Raises CheckFailed when the checkpoint is not signed as `verify_checkpoint` wants it, or the entry isn't there.
        """
        checkpoint = verify_checkpoint(self.checkpoint, verifier, origin)
        if entry is None:
            entry = self.entry
        if entry is None:
            raise BadInput("entry", "none", "must be given: this proof does not hold it")
        if self.entry is not None and entry != self.entry:
            raise CheckFailed("the entry is not the one that the proof holds")
        leaf = merkle.leaf_hash(entry)
        if not merkle.verify_inclusion(leaf, self.index, checkpoint.size, self.hashes, checkpoint.root):
            raise CheckFailed(f"the proof does not show the entry at {self.index} of {checkpoint.size}")
        return checkpoint


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """That the journal of a checkpoint goes on from one of `old_size` entries. `checkpoint` is its signed text."""

    old_size: int
    hashes: tuple[bytes, ...]
    checkpoint: str

    @property
    def text(self) -> str:
        """The proof as the body of a C2SP tlog-witness request."""
        return "\n".join((f"old {self.old_size}", *map(base64_text, self.hashes), "", self.checkpoint))

    @classmethod
    def parse(cls, text: str | bytes) -> ConsistencyProof:
        """The proof in the body of a C2SP tlog-witness request; nothing of it is checked yet but the form."""
        lines, checkpoint = _split_proof(_clean(text, "proof"))
        if not lines[0].startswith("old "):
            raise BadInput("proof, line 1", lines[0], "must be 'old N'")
        return cls(_read_decimal(lines[0].removeprefix("old "), "proof, old"), _read_hashes(lines[1:]), checkpoint)

    def verify(self, old: Checkpoint, verifier: Verifier, origin: str | None = None) -> Checkpoint:
        """The newer checkpoint, once it is shown that nothing before `old` was changed.

        Raises CheckFailed when it is not signed as `verify_checkpoint` wants it, or does not go on from `old`.
        """
        new = verify_checkpoint(self.checkpoint, verifier, origin)
        if new.origin != old.origin:
            raise CheckFailed(f"the checkpoints are of two journals: {old.origin} and {new.origin}")
        if self.old_size != old.size:
            raise CheckFailed(f"the proof is about {self.old_size} entries, the older checkpoint about {old.size}")
        if new.size < old.size:
            raise CheckFailed(f"the journal holds {new.size} entries, the older checkpoint {old.size}: some are gone")
        if not merkle.verify_consistency(old.size, new.size, old.root, new.root, self.hashes):
            raise CheckFailed(f"the proof does not show that the first {old.size} entries are as they were")
        return new


# Reading --------------------------------------------------------------------------------------------------------------
def _clean(text: str | bytes, what: str) -> str:
    """Text from outside: UTF-8, not too long, no control characters but newlines, a newline at its end."""
    try:
        data = text.encode() if isinstance(text, str) else text
        text = data.decode()
    except UnicodeError:
        raise BadInput(what, "bytes", "must be UTF-8") from None
    if len(data) > TEXT_LIMIT:
        raise BadInput(what, f"{len(data)} bytes", f"must not have more than {TEXT_LIMIT}")
    for number, line in enumerate(text.split("\n"), 1):
        if not _is_plain(line):
            raise BadInput(f"{what}, line {number}", ascii(line), "must not hold control characters")
    if not text.endswith("\n"):
        raise BadInput(what, f"{len(text)} characters", "must end in a newline")
    return text


def _split_note(text: str) -> tuple[str, list[tuple[str, bytes]]]:
    """A note's text, and the name and the bytes (key hash, signature) of each of its signature lines."""
    at = text.rfind("\n\n")
    if at < 1 or at + 2 == len(text):
        raise BadInput("checkpoint", text, "must be text, an empty line, and signatures")
    lines = text[at + 2 : -1].split("\n")
    if len(lines) > SIGNATURE_LIMIT:
        raise BadInput("checkpoint", f"{len(lines)} signatures", f"must not have more than {SIGNATURE_LIMIT}")
    return text[: at + 1], [_read_signature(line) for line in lines]


def _read_signature(line: str) -> tuple[str, bytes]:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise BadInput("signature line", line, "must be an em dash, a name and base64, with a blank between them")
    _check_name(name)
    raw = _read_base64(encoded, "signature")
    if len(raw) < 5:
        raise BadInput("signature", encoded, "must hold a key hash of 4 bytes and a signature")
    return name, raw


def _read_body(body: str) -> Checkpoint:
    """The checkpoint in the text of a note; lines after the third are allowed and mean nothing here."""
    lines = body[:-1].split("\n")
    if len(lines) < 3 or not all(lines):
        raise BadInput("checkpoint", body, "must have lines for origin, size and root, none of them empty")
    root = _read_base64(lines[2], "root hash")
    return Checkpoint(lines[0], _read_decimal(lines[1], "tree size"), root)


def _split_proof(text: str) -> tuple[list[str], str]:
    """The lines of a proof and the checkpoint's text: what stands before and after the first empty line."""
    head, empty, checkpoint = text.partition("\n\n")
    if not empty or not checkpoint:
        raise BadInput("proof", text, "must end with an empty line and a checkpoint")
    return head.split("\n"), checkpoint


def _read_hashes(lines: list[str]) -> tuple[bytes, ...]:
    if len(lines) > merkle.PROOF_LIMIT:
        raise BadInput("proof", f"{len(lines)} hashes", f"must not have more than {merkle.PROOF_LIMIT}")
    hashes = tuple(_read_base64(line, "proof, hash") for line in lines)
    for line, raw in zip(lines, hashes, strict=True):
        if len(raw) != merkle.HASH_BYTES:
            raise BadInput("proof, hash", line, f"must have {merkle.HASH_BYTES} bytes")
    return hashes


def _read_base64(text: str, field: str) -> bytes:
    raw = strict_base64(text)
    if raw is None:
        raise BadInput(field, text, "must be base64 (RFC 4648, section 4)")
    return raw


def _read_decimal(text: str, field: str) -> int:
    if not _DECIMAL.fullmatch(text) or int(text) > merkle.SIZE_LIMIT:
        raise BadInput(field, text, f"must be decimal digits without leading zeros, at most {merkle.SIZE_LIMIT}")
    return int(text)


def _check_name(name: str) -> None:
    if not name or not _is_plain(name) or "+" in name or any(c.isspace() for c in name):
        raise BadInput("key name", name, "must not be empty, nor hold blanks, control characters or '+'")


def _is_plain(text: str) -> bool:
    """Whether there is no ASCII control character, and nothing that UTF-8 can't write."""
    return not _NOT_PLAIN.search(text)
