"""Keys: what signatures mean, what key files refuse, and that no secret shows."""

from __future__ import annotations

import base64
import copy
import os
import pickle
import stat
import traceback
from pathlib import Path

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from hypothesis import given
from hypothesis import strategies as st

from voltadesk.errors import BadInput, VoltaDeskError
from voltadesk.store import keys
from voltadesk.store.keys import Argon2, Key, PublicKey, Refused

CHEAP = Argon2(memory_kib=8, passes=1, lanes=1)
SEED = bytes(range(32))
PASSPHRASE = b"correct horse battery"
REFUSALS = (BadInput, Refused)

# RFC 8032, section 7.1, test 1.
RFC_SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
RFC_PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    return folder


def private_file(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    path.chmod(0o600)
    return path


# Signatures -----------------------------------------------------------------------------------------------------------
def test_the_public_key_of_rfc_8032() -> None:
    assert Key.from_seed(RFC_SEED).public.raw.hex() == RFC_PUBLIC


def test_a_signature_fits_one_message_one_context_one_key() -> None:
    key, other = Key.generate(), Key.generate()
    signature = key.sign(b"buy", "command")
    assert key.public.verify(signature, b"buy", "command")
    assert not key.public.verify(signature, b"sell", "command")
    assert not key.public.verify(signature, b"buy", "grant")
    assert not other.public.verify(signature, b"buy", "command")
    assert not key.public.verify(signature[:-1], b"buy", "command")
    assert not key.public.verify(b"", b"buy", "command")
    for bit in range(8 * len(signature)):
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        assert not key.public.verify(bytes(changed), b"buy", "command")


def test_what_is_signed_is_framed_as_written() -> None:
    key = Key.from_seed(SEED)
    assert key.sign(b"m", "command") == key._private.sign(b"voltadesk/command\0m")
    assert key.sign_note("a\n") == key._private.sign(b"a\n")


@given(st.binary(), st.binary())
def test_no_frame_is_another(first: bytes, second: bytes) -> None:
    frames = {keys._framed(m, c) for m in (first, second) for c in ("a", "a/b", "ab")}
    assert len(frames) == 3 * len({first, second})


@pytest.mark.parametrize("context", ["", "A", "a b", "a\0", "a\n", "/a", "é", "a" * 65])
def test_contexts_are_plain_words(context: str) -> None:
    key = Key.from_seed(SEED)
    with pytest.raises(ValueError, match="context"):
        key.sign(b"", context)
    with pytest.raises(ValueError, match="context"):
        key.public.verify(bytes(64), b"", context)


@pytest.mark.parametrize("text", ["", "no newline", "voltadesk/command\0\n", "tab\t\n", "a\r\n"])
def test_a_bare_signature_is_for_notes_only(text: str) -> None:
    with pytest.raises(ValueError, match="note"):
        Key.from_seed(SEED).sign_note(text)


# Public keys ----------------------------------------------------------------------------------------------------------
def test_public_text_and_actor_id() -> None:
    key = Key.from_seed(SEED)
    assert PublicKey.parse(key.public_text) == key.public
    assert len(key.public_text) == 44
    assert base64.b64decode(key.public_text) == b"\x01" + key.public.raw
    assert key.actor_id == key.public.actor_id == "lznwtnrcaplxpum62cqivz5yda7xsolg"
    assert len({Key.generate().actor_id for _ in range(50)}) == 50


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: "B" + t[1:], lambda t: t + "\n", lambda t: "é", str.lower]
)
def test_public_text_that_is_none(change: object) -> None:
    text = change(Key.from_seed(SEED).public_text)  # type: ignore[operator]
    with pytest.raises(BadInput, match="public key") as refused:
        PublicKey.parse(text)
    assert text not in str(refused.value)  # it may be a secret in the wrong place


def double(point: tuple[int, int]) -> tuple[int, int]:
    """The sum of a point of the curve with itself (RFC 8032, section 5.1.4, affine)."""
    x, y = point
    both = keys._D * x * x * y * y % keys._P
    return (
        2 * x * y * pow(1 + both, -1, keys._P) % keys._P,
        (y * y + x * x) * pow(1 - both, -1, keys._P) % keys._P,
    )


def x_of(y: int) -> int | None:
    square = (y * y - 1) * pow(keys._D * y * y + 1, -1, keys._P) % keys._P
    x = pow(square, (keys._P + 3) // 8, keys._P)
    if x * x % keys._P != square:
        x = x * pow(2, (keys._P - 1) // 4, keys._P) % keys._P
    return x if x * x % keys._P == square else None


@pytest.mark.parametrize("y", [0, 1, keys._P - 1, keys._Y8, keys._P - keys._Y8])
@pytest.mark.parametrize("sign", [0, 1])
def test_points_of_small_order_are_no_keys(y: int, sign: int) -> None:
    x = x_of(y)
    assert x is not None
    assert double(double(double((x, y)))) == (0, 1)
    with pytest.raises(BadInput, match="public key"):
        PublicKey((y | sign << 255).to_bytes(32, "little"))


def test_bytes_that_are_no_point() -> None:
    off_curve = next(y for y in range(2, 50) if x_of(y) is None)
    for y in (off_curve, keys._P, keys._P + 1, 2**255 - 1):
        with pytest.raises(BadInput, match="public key"):
            PublicKey(y.to_bytes(32, "little"))
    for raw in (b"", bytes(31), bytes(33)):
        with pytest.raises(BadInput, match="public key"):
            PublicKey(raw)


def test_generated_keys_are_sound() -> None:
    for n in range(100):
        assert PublicKey(Key.from_seed(n.to_bytes(32, "big")).public.raw)
    with pytest.raises(BadInput, match="seed = 31 bytes"):
        Key.from_seed(bytes(31))


# Key files ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE, b"\0", b"\xff" * 1024])
def test_written_and_read(folder: Path, passphrase: bytes | None) -> None:
    key, path = Key.from_seed(SEED), folder / "owner.key"
    key.write(path, passphrase, CHEAP)
    assert Key.read(path, passphrase).public == key.public
    assert Key.is_encrypted(path) == (passphrase is not None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    if passphrase is not None:
        assert base64.b64encode(SEED) not in path.read_bytes()


def test_no_two_files_share_salt_or_nonce(folder: Path) -> None:
    for name in "ab":
        Key.from_seed(SEED).write(folder / name, PASSPHRASE, CHEAP)
    first, second = ((folder / name).read_text().splitlines() for name in "ab")
    assert first[1] == second[1]
    assert not set(first[2:]) & set(second[2:])


def test_the_default_cost_is_that_of_rfc_9106(folder: Path) -> None:
    Key.from_seed(SEED).write(folder / "k", PASSPHRASE)
    assert "m=65536 t=3 p=4" in (folder / "k").read_text()
    assert Key.read(folder / "k", PASSPHRASE)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o277])
def test_modes_do_not_hang_on_the_umask(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "keys" / "owner.key"
    before = os.umask(umask)
    try:
        Key.from_seed(SEED).write(path)
    finally:
        os.umask(before)
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path.parent, path)] == [0o700, 0o600]
    assert Key.read(path).public == Key.from_seed(SEED).public


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666])
def test_a_file_that_others_may_use_is_refused(folder: Path, mode: int) -> None:
    path = folder / "owner.key"
    Key.from_seed(SEED).write(path)
    path.chmod(mode)
    for use in (Key.read, Key.is_encrypted):
        with pytest.raises(Refused, match=f"others may read this key .mode {mode:04o}.; chmod it to 0600") as refused:
            use(path)
        check_error(refused.value, 7)


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o710, 0o701, 0o702])
def test_a_folder_that_others_may_enter_is_refused(folder: Path, mode: int) -> None:
    path = folder / "owner.key"
    Key.from_seed(SEED).write(path)
    folder.chmod(mode)
    with pytest.raises(Refused, match="others may enter this folder of keys") as refused:
        Key.read(path)
    check_error(refused.value, 7)
    with pytest.raises(Refused, match="others may enter"):
        Key.from_seed(SEED).write(folder / "second.key")
    assert not (folder / "second.key").exists()


def test_a_key_is_never_overwritten(folder: Path) -> None:
    path = folder / "owner.key"
    Key.from_seed(SEED).write(path)
    with pytest.raises(Refused, match="never overwritten") as refused:
        Key.generate().write(path)
    check_error(refused.value, 7)
    assert Key.read(path).public == Key.from_seed(SEED).public


def test_links_and_other_things_are_no_key_files(folder: Path) -> None:
    Key.from_seed(SEED).write(folder / "real")
    (folder / "link").symlink_to(folder / "real")
    (folder / "dangling").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe", 0o600)
    with pytest.raises(Refused, match="symbolic link"):
        Key.read(folder / "link")
    with pytest.raises(Refused, match="never overwritten"):
        Key.from_seed(SEED).write(folder / "dangling")
    assert not (folder / "nowhere").exists()
    for path in (folder / "pipe", folder):
        folder.parent.chmod(0o700)
        with pytest.raises(BadInput, match="regular file"):
            Key.read(path)
    with pytest.raises(BadInput, match="is not there"):
        Key.read(folder / "missing")
    with pytest.raises(BadInput, match="is not there"):
        Key.read(folder / "missing" / "k")
    with pytest.raises(VoltaDeskError, match="directory"):
        Key.read(folder / "real" / "k")


def test_passphrases(folder: Path) -> None:
    Key.from_seed(SEED).write(folder / "plain")
    Key.from_seed(SEED).write(folder / "sealed", PASSPHRASE, CHEAP)
    for name, passphrase, says in (
        ("sealed", b"wrong", "the passphrase is wrong, or the file was changed"),
        ("sealed", PASSPHRASE + b"\n", "the passphrase is wrong"),
        ("sealed", None, "its passphrase is needed"),
        ("plain", PASSPHRASE, "not encrypted"),
    ):
        with pytest.raises(Refused, match=says) as refused:
            Key.read(folder / name, passphrase)
        check_error(refused.value, 7)
    for bad in (b"", b"x" * 1025):
        with pytest.raises(BadInput, match="must have 1 to 1024"):
            Key.from_seed(SEED).write(folder / "new", bad, CHEAP)
    with pytest.raises(TypeError, match="bytes"):
        Key.from_seed(SEED).write(folder / "new", "text", CHEAP)  # type: ignore[arg-type]
    assert not (folder / "new").exists()


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_every_flipped_bit_is_refused(folder: Path, passphrase: bytes | None) -> None:
    Key.from_seed(SEED).write(folder / "k", passphrase, CHEAP)
    whole, path = (folder / "k").read_bytes(), folder / "k"
    for bit in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(REFUSALS) as refused:
            Key._parse(bytes(changed), passphrase, path)
        check_error(refused.value, refused.value.exit_code)


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_pieces_of_a_key_file_are_refused(folder: Path, passphrase: bytes | None) -> None:
    Key.from_seed(SEED).write(folder / "k", passphrase, CHEAP)
    whole = (folder / "k").read_bytes()
    lines = whole.splitlines(keepends=True)
    pieces = [whole[:end] for end in range(len(whole))]
    pieces += [whole + b"\n", whole + whole, b"\n" + whole, whole.replace(b"\n", b"\r\n"), whole + b"\0" * 5000]
    pieces += [b"".join(lines[:n] + lines[n + 1 :]) for n in range(5)]
    for data in pieces:
        with pytest.raises(REFUSALS) as refused:
            Key.read(private_file(folder / "k", data), passphrase)
        check_error(refused.value, refused.value.exit_code)


def test_a_key_sealed_for_another_public_key_is_refused(folder: Path) -> None:
    """Neither swapped headers nor swapped secrets pass, with the right passphrase too."""
    Key.from_seed(SEED).write(folder / "a", PASSPHRASE, CHEAP)
    Key.generate().write(folder / "b", PASSPHRASE, CHEAP)
    Key.generate().write(folder / "plain")
    first, second = ((folder / name).read_bytes().splitlines(keepends=True) for name in "ab")
    plain = (folder / "plain").read_bytes().splitlines(keepends=True)
    for lines in ([*first[:4], second[4]], [first[0], second[1], *first[2:]], [*first[:2], *second[2:]]):
        with pytest.raises(Refused, match="passphrase is wrong"):
            Key.read(private_file(folder / "c", b"".join(lines)), PASSPHRASE)
    for lines in ([*first[:2], *plain[2:]], [*plain[:4], first[4]]):
        with pytest.raises(BadInput, match="or was changed"):
            Key.read(private_file(folder / "c", b"".join(lines)))


@pytest.mark.parametrize(
    "cost", [(7, 1, 1), (8, 0, 1), (8, 1, 0), (15, 1, 2), (1_048_577, 1, 1), (8, 100, 1), (8, 1, 65)]
)
def test_costs_out_of_range(folder: Path, cost: tuple[int, int, int]) -> None:
    with pytest.raises(BadInput, match="Argon2"):
        Argon2(*cost)
    Key.from_seed(SEED).write(folder / "k", PASSPHRASE, CHEAP)
    data = (folder / "k").read_bytes().replace(b"m=8 t=1 p=1", b"m=%d t=%d p=%d" % cost)
    with pytest.raises(BadInput):
        Key.read(private_file(folder / "k", data), PASSPHRASE)


# When the disk fails --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("call", ["write", "fsync", "fchmod"])
def test_no_file_is_left_when_the_disk_fails(folder: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keys.os, call, fail)
    with pytest.raises(VoltaDeskError, match="No space left on device") as refused:
        Key.from_seed(SEED).write(folder / "k")
    check_error(refused.value, 1)
    assert not (folder / "k").exists()


def test_file_and_folders_are_on_disk_before_it_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    real = os.fsync

    def record(file: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{file}").removeprefix(str(tmp_path)))
        real(file)

    if not Path("/proc/self/fd").exists():
        pytest.skip("names of open files come from /proc")
    monkeypatch.setattr(keys.os, "fsync", record)
    Key.from_seed(SEED).write(tmp_path / "a" / "keys" / "k")
    assert synced == ["", "/a", "/a/keys/k", "/a/keys"]


def test_what_the_system_forbids(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(keys.os, "open", forbid)
    for use in (Key.read, Key.from_seed(SEED).write):
        with pytest.raises(Refused, match="Permission denied") as refused:
            use(folder / "k")
        check_error(refused.value, 7)


def test_short_writes_are_gone_on_with(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(keys.os, "write", lambda file, data: real(file, data[:7]))
    Key.from_seed(SEED).write(folder / "k")
    monkeypatch.undo()
    assert Key.read(folder / "k").public == Key.from_seed(SEED).public


def test_an_openssl_without_argon2(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> object:
        raise UnsupportedAlgorithm("no")

    monkeypatch.setattr(keys, "Argon2id", fail)
    with pytest.raises(VoltaDeskError, match=r"OpenSSL 3\.2"):
        Key.from_seed(SEED).write(folder / "k", PASSPHRASE, CHEAP)


# No secret shows ------------------------------------------------------------------------------------------------------
SECRETS = (SEED.hex(), base64.b64encode(SEED).decode()[:20], repr(SEED)[2:30], PASSPHRASE.decode())


def check_error(error: BaseException, exit_code: int) -> None:
    """One line, the right exit code, and no secret in it or in what a traceback would print."""
    assert isinstance(error, VoltaDeskError)
    assert error.exit_code == exit_code
    assert len(str(error).splitlines()) == 1
    shown = str(error) + repr(error) + "".join(traceback.format_exception(error))
    assert not [secret for secret in SECRETS if secret in shown]


def test_a_key_does_not_show_itself() -> None:
    key = Key.from_seed(SEED)
    shown = f"{key} {key!r} {key.public} {[key]!r}"
    assert not [secret for secret in SECRETS if secret in shown]
    assert key.actor_id in repr(key)
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not copied or pickled"):
            leave(key)
    assert not hasattr(key, "__dict__")


def test_a_path_of_two_lines_is_shown_on_one(folder: Path) -> None:
    Key.from_seed(SEED).write(folder / "a\nb")
    with pytest.raises(Refused) as refused:
        Key.from_seed(SEED).write(folder / "a\nb")
    assert "a\\nb: there is a file already" in str(refused.value)
