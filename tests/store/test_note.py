"""Notes and proofs as text: other people's examples, round trips, and every flipped bit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltadesk.errors import BadInput, CheckFailed
from voltadesk.store import merkle
from voltadesk.store.keys import Key, base64_text
from voltadesk.store.note import (
    Checkpoint,
    ConsistencyProof,
    InclusionProof,
    Verifier,
    sign_checkpoint,
    verify_checkpoint,
)

KEY = Key.from_seed(bytes(range(32)))
DESK = "example.org/desk"
VERIFIER = Verifier(DESK, KEY.public)
REFUSALS = (BadInput, CheckFailed)
ENTRIES = [b'{"seq":%d}' % n for n in range(11)]
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]


def checkpoint_of(size: int) -> Checkpoint:
    return Checkpoint(DESK, size, merkle.root(LEAVES[:size]))


def signed(size: int, origin: str = DESK, key: Key = KEY, name: str | None = None) -> str:
    return sign_checkpoint(origin, size, merkle.root(LEAVES[:size]), key, name)


def refuse_flips(text: str, check: Callable[[bytes], object]) -> None:
    """Every single bit of the text, flipped alone, makes the check fail."""
    whole = text.encode()
    check(whole)
    for bit in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(REFUSALS):
            check(bytes(changed))


# Notes ----------------------------------------------------------------------------------------------------------------
def test_the_note_of_the_go_implementation() -> None:
    """The example of golang.org/x/mod/sumdb/note: its verifier key, and its signature over its text."""
    verifier = Verifier.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    line = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    with pytest.raises(BadInput, match="origin, size and root"):  # the signature fits, but it is no checkpoint
        verify_checkpoint(f"{text}\n— PeterNeumann {line}\n", verifier)
    with pytest.raises(CheckFailed, match=r"signature by PeterNeumann \(c74f20a3\) does not fit"):
        verify_checkpoint(f"{text.upper()}\n— PeterNeumann {line}\n", verifier)
    assert verifier.text == "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


@given(st.integers(0, 11), st.text(max_size=20), st.text(max_size=20))
def test_signed_and_verified(size: int, origin: str, name: str) -> None:
    try:
        text = signed(size, origin, KEY, name)
    except BadInput:
        return
    found = verify_checkpoint(text, Verifier(name, KEY.public), origin)
    assert found == verify_checkpoint(text.encode(), Verifier(name, KEY.public), origin)
    assert found == Checkpoint(origin, size, merkle.root(LEAVES[:size]))


def test_the_form_of_a_checkpoint() -> None:
    lines = signed(7).split("\n")
    assert lines[:4] == [DESK, "7", base64_text(merkle.root(LEAVES[:7])), ""]
    assert lines[4].startswith(f"— {DESK} ")
    assert lines[5:] == [""]


def test_every_flipped_bit_of_a_note() -> None:
    refuse_flips(signed(7), lambda text: verify_checkpoint(text, VERIFIER))


def test_other_signatures_are_passed_over_and_bad_ones_are_not() -> None:
    text, other = signed(7), Key.generate()
    body = text[: text.index("\n\n") + 1]
    foreign = signed(7, key=other).splitlines()[-1]
    renamed = text.splitlines()[-1].replace("desk ", "other ")
    witness = f"— w.example/1 {base64_text(bytes(76))}"  # of a longer kind
    both = f"{text}{foreign}\n{renamed}\n{witness}\n"
    assert verify_checkpoint(both, VERIFIER) == checkpoint_of(7)
    assert verify_checkpoint(both, Verifier(DESK, other.public)) == checkpoint_of(7)
    with pytest.raises(CheckFailed, match="not signed by"):
        verify_checkpoint(f"{body}\n{foreign}\n", VERIFIER)
    for raw in (bytes(64), bytes(63), KEY.sign_note("other\n")):
        bad = f"— {DESK} {base64_text(VERIFIER.key_hash + raw)}"
        for order in (f"{text}{bad}\n", f"{body}\n{bad}\n{text.splitlines()[-1]}\n"):
            with pytest.raises(CheckFailed, match="does not fit"):
                verify_checkpoint(order, VERIFIER)


def test_a_checkpoint_of_another_journal() -> None:
    text = signed(7, origin="example.org/else", name=DESK)
    with pytest.raises(CheckFailed, match=r"is of example\.org/else, not of example\.org/desk"):
        verify_checkpoint(text, VERIFIER)
    assert verify_checkpoint(text, VERIFIER, "example.org/else").origin == "example.org/else"
    with pytest.raises(CheckFailed, match="not of else"):
        verify_checkpoint(signed(7), VERIFIER, "else")


def resigned(body: str) -> str:
    """A note of any text, with a good signature."""
    return f"{body}\n— {DESK} {base64_text(VERIFIER.key_hash + KEY.sign_note(body))}\n"


ROOT_TEXT = base64_text(merkle.root(LEAVES[:7]))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (f"{DESK}\n7\n", "origin, size and root"),
        (f"{DESK}\n7\n\n", "origin, size and root"),
        (f"\n7\n{ROOT_TEXT}\n", "origin, size and root"),
        (f"{DESK}\n7\n{ROOT_TEXT}\n\nmore\n", "origin, size and root"),
        (f" \n7\n{ROOT_TEXT}\n", "origin"),
        (f"{DESK}\n07\n{ROOT_TEXT}\n", "tree size"),
        (f"{DESK}\n+7\n{ROOT_TEXT}\n", "tree size"),
        (f"{DESK}\n-7\n{ROOT_TEXT}\n", "tree size"),
        (f"{DESK}\n7 \n{ROOT_TEXT}\n", "tree size"),
        (f"{DESK}\n٧\n{ROOT_TEXT}\n", "tree size"),
        (f"{DESK}\n{2**63}\n{ROOT_TEXT}\n", "tree size"),
        (f"{DESK}\n{'9' * 5000}\n{ROOT_TEXT}\n", "tree size"),
        (f"{DESK}\n0\n{ROOT_TEXT}\n", "without entries"),
        (f"{DESK}\n7\n{ROOT_TEXT[:-1]}\n", "base64"),
        (f"{DESK}\n7\n {ROOT_TEXT}\n", "base64"),
        (f"{DESK}\n7\n{base64_text(bytes(31))}\n", "root hash = 31 bytes: must have 32"),
        (f"{DESK}\n7\n{ROOT_TEXT.replace('+', '-').replace('/', '_')[:-1]}\n", "base64"),
    ],
)
def test_bodies_that_are_no_checkpoint(body: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        verify_checkpoint(resigned(body), VERIFIER)
    assert "\n" not in str(refused.value)


def test_lines_after_the_third_are_allowed() -> None:
    assert verify_checkpoint(resigned(f"{checkpoint_of(7).body}more\n"), VERIFIER) == checkpoint_of(7)


GOOD = signed(7)
LINE = GOOD.splitlines()[-1]
NAME_AND_DASH = f"— {DESK} "


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "newline"),
        ("\n", "signatures"),
        ("\n\n", "signatures"),
        (f"\n\n{LINE}\n", "signatures"),
        (GOOD[:-1], "newline"),
        (GOOD + "\n", "signatures"),
        (GOOD + "more\n", "em dash"),
        (GOOD.replace("— ", "- "), "em dash"),
        (GOOD.replace(NAME_AND_DASH, "— "), "em dash"),
        (GOOD.replace(NAME_AND_DASH, "—  "), "key name"),
        (GOOD.replace(NAME_AND_DASH, "— a+b "), "key name"),
        (GOOD.replace(NAME_AND_DASH, "— a\u00a0b "), "key name"),
        (GOOD.replace(NAME_AND_DASH, "— a b "), "base64"),
        (GOOD.replace("\n", "\r\n"), "control characters"),
        ("\x01" + GOOD, "control characters"),
        (GOOD.replace("desk", "de\tsk"), "control characters"),
        (GOOD.encode() + b"\xff", "UTF-8"),
        (GOOD + "\ud800", "UTF-8"),
        (GOOD + f"— a {base64_text(bytes(4))}\n", "key hash of 4 bytes"),
        (GOOD + (LINE + "\n") * 100, "must not have more than 100"),
        ("x" * 2**20 + GOOD, "must not have more than"),
    ],
    ids=range(21),
)
def test_text_that_is_no_note(text: str | bytes, says: str) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        verify_checkpoint(text, VERIFIER)
    assert len(str(refused.value)) < 200


@given(st.text() | st.binary())
@settings(max_examples=300)
def test_any_other_text(text: str | bytes) -> None:
    for read in (lambda t: verify_checkpoint(t, VERIFIER), InclusionProof.parse, ConsistencyProof.parse):
        with pytest.raises(BadInput):
            read(text)


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [
        ("", 7, bytes(32)),
        (" ", 7, bytes(32)),
        ("a\nb", 7, bytes(32)),
        ("a\0", 7, bytes(32)),
        ("a\ud800", 7, bytes(32)),
        (DESK, -1, bytes(32)),
        (DESK, 2**63, bytes(32)),
        (DESK, 7, bytes(31)),
        (DESK, 0, bytes(32)),
    ],
)
def test_what_is_not_signed(origin: str, size: int, root: bytes) -> None:
    with pytest.raises(BadInput):
        sign_checkpoint(origin, size, root, KEY, "name")


# Verifier keys --------------------------------------------------------------------------------------------------------
def test_verifier_keys() -> None:
    text = VERIFIER.text
    assert Verifier.parse(text) == VERIFIER
    for end in range(len(text)):
        with pytest.raises(BadInput):
            Verifier.parse(text[:end])
    for bit in range(8 * len(text)):
        changed = bytearray(text.encode())
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadInput):
            Verifier.parse(changed.decode("latin-1"))
    for name in ("", "a b", "a+b", "a\n", "a\u2003b", "a\ud800"):
        with pytest.raises(BadInput, match="key name"):
            Verifier(name, KEY.public)
    with pytest.raises(BadInput, match="the hash of this name and key is"):
        Verifier.parse(text.replace("desk", "else"))
    with pytest.raises(BadInput):
        Verifier.parse(text.upper())


# Proofs ---------------------------------------------------------------------------------------------------------------
def inclusion(index: int, size: int, entry: bytes | None = None) -> InclusionProof:
    return InclusionProof(index, tuple(merkle.inclusion_proof(LEAVES, index, size)), signed(size), entry)


def consistency(old: int, new: int) -> ConsistencyProof:
    return ConsistencyProof(old, tuple(merkle.consistency_proof(LEAVES, old, new)), signed(new))


@pytest.mark.parametrize("size", range(1, 12))
def test_inclusion_proofs_as_text(size: int) -> None:
    for index in range(size):
        for carried in (None, ENTRIES[index]):
            proof = inclusion(index, size, carried)
            assert InclusionProof.parse(proof.text) == proof
            assert proof.verify(VERIFIER, ENTRIES[index]) == checkpoint_of(size)
        assert proof.verify(VERIFIER) == checkpoint_of(size)


@pytest.mark.parametrize("new", range(12))
def test_consistency_proofs_as_text(new: int) -> None:
    for old in range(new + 1):
        proof = consistency(old, new)
        assert ConsistencyProof.parse(proof.text.encode()) == proof
        assert proof.verify(checkpoint_of(old), VERIFIER) == checkpoint_of(new)


def test_the_forms_of_proofs() -> None:
    proof = inclusion(4, 7, b"\x00")
    hashes = [base64_text(each) for each in proof.hashes]
    head = ["c2sp.org/tlog-proof@v1", "extra AA==", "index 4", *hashes, ""]
    assert proof.text == "\n".join(head) + "\n" + signed(7)
    older = consistency(6, 7)
    assert older.text == "\n".join(["old 6", *map(base64_text, older.hashes), ""]) + "\n" + signed(7)


def test_every_flipped_bit_of_a_proof() -> None:
    refuse_flips(inclusion(4, 7).text, lambda text: InclusionProof.parse(text).verify(VERIFIER, ENTRIES[4]))
    refuse_flips(inclusion(4, 7, ENTRIES[4]).text, lambda text: InclusionProof.parse(text).verify(VERIFIER))
    refuse_flips(consistency(6, 7).text, lambda text: ConsistencyProof.parse(text).verify(checkpoint_of(6), VERIFIER))


def test_what_an_inclusion_proof_does_not_show() -> None:
    proof = inclusion(4, 7)
    with pytest.raises(CheckFailed, match="does not show the entry at 4 of 7"):
        proof.verify(VERIFIER, ENTRIES[3])
    with pytest.raises(BadInput, match="does not hold it"):
        proof.verify(VERIFIER)
    with pytest.raises(CheckFailed, match="not the one that the proof holds"):
        inclusion(4, 7, ENTRIES[4]).verify(VERIFIER, ENTRIES[3])
    with pytest.raises(CheckFailed, match="not signed"):
        proof.verify(Verifier(DESK, Key.generate().public), ENTRIES[4])
    with pytest.raises(CheckFailed, match="not of other"):
        proof.verify(VERIFIER, ENTRIES[4], "other")


def test_what_a_consistency_proof_does_not_show() -> None:
    proof = consistency(6, 9)
    with pytest.raises(CheckFailed, match="first 6 entries are as they were"):
        proof.verify(Checkpoint(DESK, 6, merkle.leaf_hash(b"")), VERIFIER)
    with pytest.raises(CheckFailed, match="about 6 entries, the older checkpoint about 5"):
        proof.verify(checkpoint_of(5), VERIFIER)
    with pytest.raises(CheckFailed, match="two journals: else and"):
        proof.verify(Checkpoint("else", 6, merkle.root(LEAVES[:6])), VERIFIER)
    with pytest.raises(CheckFailed, match="some are gone"):
        ConsistencyProof(9, proof.hashes, signed(6)).verify(checkpoint_of(9), VERIFIER)


PROOF = inclusion(4, 7).text
OLD = consistency(6, 7).text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("c2sp.org/tlog-proof@v1\n", "a checkpoint"),
        (PROOF.split("\n\n")[0] + "\n\n", "a checkpoint"),
        (PROOF.replace("@v1", "@v2"), "line 1"),
        (PROOF.replace("index 4\n", ""), "index N"),
        (PROOF.replace("index 4", "index 04"), "index"),
        (PROOF.replace("index 4", "index -4"), "index"),
        (PROOF.replace("index 4", f"index {2**63}"), "index"),
        (PROOF.replace("index 4", "extra ?\nindex 4"), "extra"),
        (PROOF.replace("index 4", "extra AA==\nextra AA==\nindex 4"), "index N"),
        (PROOF.replace("index 4", "index 4\nAAAA"), "32 bytes"),
        (PROOF.replace("index 4", "index 4" + "\nAAAA" * 65), "must not have more than 64"),
        (f"c2sp.org/tlog-proof@v1\n\n{GOOD}", "index N"),
        (f"\n\n{GOOD}", "line 1"),
    ],
)
def test_text_that_is_no_inclusion_proof(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        InclusionProof.parse(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (OLD.replace("old 6", "new 6"), "line 1"),
        (OLD.replace("old 6", "old 06"), "old"),
        (OLD.replace("old 6", "old 6\n===="), "base64"),
        (OLD.split("\n\n")[0] + "\n", "a checkpoint"),
    ],
)
def test_text_that_is_no_consistency_proof(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        ConsistencyProof.parse(text)
