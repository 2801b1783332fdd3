"""Identities: Ed25519 keys, what they sign, and the files that hold them.

Signatures are Ed25519 (RFC 8032) over `voltadesk/` + context + NUL + message, so that a signature given for one purpose
means nothing for another. The text of a signed note (C2SP signed-note) is signed bare, as other people's tools expect;
such a text holds no NUL, so it can't be taken for anything else that a key signs.

A key file is five lines of text:

    voltadesk-key-v1
    public <base64 of 0x01 || public key>
    kdf argon2id m=<KiB> t=<passes> p=<lanes> salt=<base64 of 16 bytes>
    cipher chacha20poly1305 nonce=<base64 of 12 bytes>
    secret <base64>

The secret is the key's seed of 32 bytes under ChaCha20-Poly1305 (RFC 8439), whose key is Argon2id (RFC 9106) of the
passphrase and whose associated data is all that stands before the secret's line. Without a passphrase both lines in
the middle say `none` and the secret is the seed itself; there the public key tells that no bit was lost.
Folder 0700, file 0600, created exclusively, on disk before the call returns; refused when others may read them.

What Python can't do: wipe a secret from memory. No text of this module holds one: not a repr, not an error.
"""

from __future__ import annotations

import base64
import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from voltadesk.errors import BadInput, VoltaDeskError

ED25519 = b"\x01"  # the signature type of C2SP signed-note
SIGNATURE_BYTES = 64
PASSPHRASE_LIMIT = 1024
FILE_LIMIT = 4096

_SEED_BYTES = 32
_SALT_BYTES = 16
_NONCE_BYTES = 12
_CONTEXT = re.compile(r"[a-z0-9][a-z0-9./-]{0,63}")
_FILE = re.compile(
    rb"(?P<header>voltadesk-key-v1\n"
    rb"public (?P<public>[A-Za-z0-9+/]{44})\n"
    rb"(?:kdf none\ncipher none\n|"
    rb"kdf argon2id m=(?P<m>[1-9][0-9]{0,6}) t=(?P<t>[1-9][0-9]?) p=(?P<p>[1-9][0-9]?)"
    rb" salt=(?P<salt>[A-Za-z0-9+/=]{24})\n"
    rb"cipher chacha20poly1305 nonce=(?P<nonce>[A-Za-z0-9+/]{16})\n))"
    rb"secret (?P<secret>[A-Za-z0-9+/=]{44,64})\n"
)

# The field of Ed25519's curve, -x^2 + y^2 = 1 + d x^2 y^2, and the y of its points of order 1, 2, 4 and 8.
_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
_Y8 = 0x5FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826  # d y^4 + 2 y^2 = 1
_SMALL_ORDER_Y = {0, 1, _P - 1, _Y8, _P - _Y8}


class Refused(VoltaDeskError):
    """There is no right to do this, or the state does not allow it. Exit code 7."""

    exit_code = 7


@dataclass(frozen=True, slots=True)
class Argon2:
    """What guessing one passphrase costs. The default is the second choice of RFC 9106, section 4."""

    memory_kib: int = 65_536
    passes: int = 3
    lanes: int = 4

    def __post_init__(self) -> None:
        limits = (("passes", self.passes, 1, 99), ("lanes", self.lanes, 1, 64))
        for field, value, low, high in (*limits, ("memory_kib", self.memory_kib, 8 * self.lanes, 1_048_576)):
            if not low <= value <= high:
                raise BadInput(f"Argon2 {field}", value, f"must be within {low} and {high}")


@dataclass(frozen=True, slots=True, repr=False)
class PublicKey:
    """The half of a key that everyone may know. Raises BadInput when `raw` is no Ed25519 public key.

    Points of small order are refused: a signature under one of them fits messages that its owner never saw.
    """

    raw: bytes

    def __post_init__(self) -> None:
        if not _is_sound(self.raw):
            raise BadInput("public key", self.raw.hex(), "must be an Ed25519 public key of 32 bytes")

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """The key that `text` gives: base64 of 0x01 || key, the last part of a C2SP verifier key."""
        raw = strict_base64(text)
        if raw is None or len(raw) != 33 or raw[:1] != ED25519:
            shown = f"{len(text)} characters"  # not the text: it may be a secret in the wrong place
            raise BadInput("public key", shown, "must be 44 characters of base64: 0x01 and 32 bytes")
        return cls(raw[1:])

    @property
    def text(self) -> str:
        """The key as 44 characters."""
        return base64_text(ED25519 + self.raw)

    @property
    def actor_id(self) -> str:
        """The name nobody can choose: 160 bits of the key's hash as 32 characters, a to z and 2 to 7."""
        return base64.b32encode(sha256(b"voltadesk/actor\0" + self.raw).digest()[:20]).decode().lower()

    def verify(self, signature: bytes, message: bytes, context: str) -> bool:
        """Whether the key signed this message for this context."""
        return self._is_signed(signature, _framed(message, context))

    def verify_note(self, signature: bytes, text: str) -> bool:
        """Whether the key signed this text of a note."""
        return self._is_signed(signature, _note_bytes(text))

    def _is_signed(self, signature: bytes, data: bytes) -> bool:
        if len(signature) != SIGNATURE_BYTES:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def __repr__(self) -> str:
        return f"PublicKey({self.text})"


class Key:
    """A private key. It can be used and written to a key file, but not shown, copied or pickled."""

    __slots__ = ("_private", "public")

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = PublicKey(private.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> Key:
        """A new key from the system's random source."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> Key:
        """The key of a seed of 32 secret bytes (RFC 8032, section 5.1.5)."""
        if len(seed) != _SEED_BYTES:
            raise BadInput("seed", f"{len(seed)} bytes", f"must have {_SEED_BYTES}")
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def public_text(self) -> str:
        """The public key as 44 characters, see `PublicKey.text`."""
        return self.public.text

    @property
    def actor_id(self) -> str:
        """See `PublicKey.actor_id`."""
        return self.public.actor_id

    def sign(self, message: bytes, context: str) -> bytes:
        """Sign a message for one purpose: `voltadesk/` + context + NUL + message. Returns 64 bytes.

        A context is 1 to 64 of a-z, 0-9, dot, slash and hyphen, such as `command`; any other raises ValueError.
        """
        return self._private.sign(_framed(message, context))

    def sign_note(self, text: str) -> bytes:
        """Sign the text of a note bare (C2SP signed-note). Raises ValueError if it could be anything but a note."""
        return self._private.sign(_note_bytes(text))

    def write(self, path: Path, passphrase: bytes | None = None, cost: Argon2 | None = None) -> None:
        """Write the key file. It is on disk when this returns; there is no file when it raises.

        Raises Refused when there is a file already or others may enter the folder, BadInput for a passphrase that is
        empty or too long.
        """
        data = self._file(passphrase, cost or Argon2())
        with _one_line(path):
            _make_folders(path.parent)
        with _private_folder(path) as folder, _one_line(path):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            file = os.open(path.name, flags, 0o600, dir_fd=folder)
            try:
                os.fchmod(file, 0o600)  # whatever the umask took away
                _write_all(file, data)
                os.fsync(file)
                os.fsync(folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(path.name, dir_fd=folder)
                raise
            finally:
                os.close(file)

    @classmethod
    def read(cls, path: Path, passphrase: bytes | None = None) -> Key:
        """The key in a key file.

        Raises Refused when others may read the file or enter its folder, when the passphrase is wrong, missing, or
        not wanted; BadInput when the file is not there or is not a whole key file.
        """
        return cls._parse(_read_private(path), passphrase, path)

    @staticmethod
    def is_encrypted(path: Path) -> bool:
        """Whether reading this key file takes a passphrase. Raises as `read` does."""
        return _match(_read_private(path), path)["salt"] is not None

    def _file(self, passphrase: bytes | None, cost: Argon2) -> bytes:
        """The bytes of a key file."""
        seed = self._private.private_bytes_raw()
        head = f"voltadesk-key-v1\npublic {self.public.text}\n"
        if passphrase is None:
            return f"{head}kdf none\ncipher none\nsecret {base64_text(seed)}\n".encode()
        salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
        head += (
            f"kdf argon2id m={cost.memory_kib} t={cost.passes} p={cost.lanes} salt={base64_text(salt)}\n"
            f"cipher chacha20poly1305 nonce={base64_text(nonce)}\n"
        )
        sealed = _cipher(passphrase, salt, cost).encrypt(nonce, seed, head.encode())
        return f"{head}secret {base64_text(sealed)}\n".encode()

    @classmethod
    def _parse(cls, data: bytes, passphrase: bytes | None, path: Path) -> Key:
        """The key in the bytes of a key file; `path` is for errors."""
        found = _match(data, path)
        public = PublicKey.parse(found["public"].decode())
        secret = strict_base64(found["secret"].decode())
        if found["salt"] is None:
            if passphrase is not None:
                raise Refused(f"{_shown(path)}: this key is not encrypted, a passphrase is not wanted")
            seed = secret
        else:
            salt, nonce = strict_base64(found["salt"].decode()), strict_base64(found["nonce"].decode())
            if secret is None or salt is None or len(salt) != _SALT_BYTES or nonce is None:
                raise _damaged(path)
            if passphrase is None:
                raise Refused(f"{_shown(path)}: this key is encrypted, its passphrase is needed")
            cost = Argon2(int(found["m"]), int(found["t"]), int(found["p"]))
            try:
                seed = _cipher(passphrase, salt, cost).decrypt(nonce, secret, found["header"])
            except InvalidTag:
                raise Refused(f"{_shown(path)}: the passphrase is wrong, or the file was changed") from None
        if seed is None or len(seed) != _SEED_BYTES:
            raise _damaged(path)
        key = cls.from_seed(seed)
        if key.public != public:
            raise _damaged(path)
        return key

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is not copied or pickled")

    def __repr__(self) -> str:
        return f"Key({self.actor_id})"


def strict_base64(text: str) -> bytes | None:
    """The bytes that RFC 4648, section 4 writes as exactly this text; None if there are none."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        return None
    return raw if base64_text(raw) == text else None


def base64_text(raw: bytes) -> str:
    """RFC 4648, section 4."""
    return base64.b64encode(raw).decode()


def _framed(message: bytes, context: str) -> bytes:
    """What is signed for a context. The NUL ends the context, so no two pairs make the same bytes."""
    if not _CONTEXT.fullmatch(context):
        raise ValueError("a context of signing is 1 to 64 of a-z, 0-9, dot, slash and hyphen")
    return b"voltadesk/" + context.encode() + b"\0" + message


def _note_bytes(text: str) -> bytes:
    """What is signed of a note: its text, which holds no control character but the newlines, and ends in one."""
    if not text.endswith("\n") or any(c < " " and c != "\n" for c in text):
        raise ValueError("the text of a note ends in a newline and holds no other control character")
    return text.encode()


@lru_cache(maxsize=4096)
def _is_sound(raw: bytes) -> bool:
    """Whether these bytes are a point of the curve (RFC 8032, section 5.1.3), and not one of small order."""
    if len(raw) != 32:
        return False
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _P or y in _SMALL_ORDER_Y:
        return False
    x_squared = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    return pow(x_squared, (_P - 1) // 2, _P) == 1


def _cipher(passphrase: bytes, salt: bytes, cost: Argon2) -> ChaCha20Poly1305:
    """The cipher whose key is Argon2id of the passphrase."""
    if not isinstance(passphrase, bytes):
        raise TypeError("a passphrase is bytes")
    if not 0 < len(passphrase) <= PASSPHRASE_LIMIT:
        raise BadInput("passphrase", f"{len(passphrase)} bytes", f"must have 1 to {PASSPHRASE_LIMIT}")
    try:
        kdf = Argon2id(salt=salt, length=32, iterations=cost.passes, lanes=cost.lanes, memory_cost=cost.memory_kib)
    except UnsupportedAlgorithm:
        raise VoltaDeskError("encrypted keys need OpenSSL 3.2 or later: the one here has no Argon2id") from None
    return ChaCha20Poly1305(kdf.derive(passphrase))


def _match(data: bytes, path: Path) -> re.Match[bytes]:
    found = _FILE.fullmatch(data)
    if found is None:
        raise _damaged(path)
    return found


def _damaged(path: Path) -> BadInput:
    """The error for a file that is no key file; it shows nothing of what the file holds."""
    return _no_key_file(path, "is not a whole key file of this program, or was changed")


def _no_key_file(path: Path, what: str) -> BadInput:
    return BadInput("key file", path.name, what, str(path.parent))


# Files ----------------------------------------------------------------------------------------------------------------
def _read_private(path: Path) -> bytes:
    """The bytes of a file that nobody else can read."""
    with _private_folder(path) as folder, _one_line(path):
        file = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        try:
            mode = os.fstat(file).st_mode
            if not stat.S_ISREG(mode):
                raise _no_key_file(path, "must be a regular file")
            if mode & 0o077:
                raise Refused(f"{_shown(path)}: others may read this key (mode {mode & 0o777:04o}); chmod it to 0600")
            return os.read(file, FILE_LIMIT)
        finally:
            os.close(file)


@contextmanager
def _private_folder(path: Path) -> Iterator[int]:
    """The descriptor of a key file's folder, which nobody else may look into."""
    with _one_line(path):
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        mode = os.fstat(folder).st_mode
        if mode & 0o077:
            where = _shown(path.parent)
            raise Refused(f"{where}: others may enter this folder of keys (mode {mode & 0o777:04o}); chmod it to 0700")
        yield folder
    finally:
        os.close(folder)


def _make_folders(folder: Path) -> None:
    """Make a folder, mode 0700, and those above it that are missing; each is on disk before the next is made."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        with suppress(FileExistsError):  # another process was faster
            os.mkdir(each, 0o700)
            os.chmod(each, 0o700)  # whatever the umask took away
        above = os.open(each.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(above)
        finally:
            os.close(above)


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    """Turn what the system refuses into one line about the key file."""
    try:
        yield
    except FileExistsError:
        raise Refused(f"{_shown(path)}: there is a file already, and keys are never overwritten") from None
    except FileNotFoundError:
        raise _no_key_file(path, "is not there") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Refused(f"{_shown(path)}: a key file must not be a symbolic link") from None
        if isinstance(error, PermissionError):
            raise Refused(f"{_shown(path)}: {error.strerror}") from None
        raise VoltaDeskError(f"{_shown(path)}: {error.strerror}") from None


def _shown(path: Path) -> str:
    """A path on one line."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(path))
