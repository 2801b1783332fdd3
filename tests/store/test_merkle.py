"""The journal's tree against the reference vectors of Certificate Transparency and a twin written off RFC 6962."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltadesk.errors import BadInput
from voltadesk.store import merkle

# The entries and roots that the implementations of RFC 6962 test with (certificate-transparency, transparency-dev).
ENTRIES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
N_96A2 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
N_5F08 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
N_6B47 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
N_BC1A = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
N_CA85 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
N_0EBC = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
N_B086 = "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]


def twin_root(entries: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\0" + entries[0]).digest()
    k = twin_split(len(entries))
    return sha256(b"\1" + twin_root(entries[:k]) + twin_root(entries[k:])).digest()


def twin_path(m: int, entries: list[bytes]) -> list[bytes]:
    """PATH of section 2.1.1."""
    if len(entries) == 1:
        return []
    k = twin_split(len(entries))
    if m < k:
        return [*twin_path(m, entries[:k]), twin_root(entries[k:])]
    return [*twin_path(m - k, entries[k:]), twin_root(entries[:k])]


def twin_subproof(m: int, entries: list[bytes], b: bool) -> list[bytes]:
    """SUBPROOF of section 2.1.2."""
    if m == len(entries):
        return [] if b else [twin_root(entries)]
    k = twin_split(len(entries))
    if m <= k:
        return [*twin_subproof(m, entries[:k], b), twin_root(entries[k:])]
    return [*twin_subproof(m - k, entries[k:], False), twin_root(entries[:k])]


def twin_split(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def entries_of(count: int) -> list[bytes]:
    return [b"entry %d" % n for n in range(count)]


def leaves_of(count: int) -> list[bytes]:
    return [merkle.leaf_hash(entry) for entry in entries_of(count)]


@pytest.mark.parametrize("size", range(9))
def test_reference_roots(size: int) -> None:
    assert merkle.root(LEAVES[:size]).hex() == ROOTS[size]
    tree = merkle.Tree()
    for entry, leaf in zip(ENTRIES[:size], LEAVES, strict=False):
        assert tree.append(entry) == leaf
    assert (tree.root().hex(), tree.size) == (ROOTS[size], size)


@pytest.mark.parametrize(
    ("index", "size", "proof"),
    [
        (0, 1, []),
        (0, 8, [N_96A2, N_5F08, N_6B47]),
        (5, 8, [N_BC1A, N_CA85, ROOTS[4]]),
        (2, 3, [ROOTS[2]]),
        (1, 5, [ROOTS[1], N_5F08, N_BC1A]),
    ],
)
def test_reference_inclusion_proofs(index: int, size: int, proof: list[str]) -> None:
    hashes = [bytes.fromhex(text) for text in proof]
    assert merkle.inclusion_proof(LEAVES, index, size) == hashes
    assert merkle.verify_inclusion(LEAVES[index], index, size, hashes, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(
    ("old", "new", "proof"),
    [
        (1, 1, []),
        (1, 8, [N_96A2, N_5F08, N_6B47]),
        (6, 8, [N_0EBC, N_CA85, ROOTS[4]]),
        (2, 5, [N_5F08, N_BC1A]),
        (6, 7, [N_0EBC, N_B086, ROOTS[4]]),
    ],
)
def test_reference_consistency_proofs(old: int, new: int, proof: list[str]) -> None:
    hashes = [bytes.fromhex(text) for text in proof]
    assert merkle.consistency_proof(LEAVES, old, new) == hashes
    assert merkle.verify_consistency(old, new, bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new]), hashes)


@given(st.lists(st.binary(max_size=40), max_size=40), st.data())
def test_the_tree_is_the_twins(entries: list[bytes], data: st.DataObject) -> None:
    leaves = [merkle.leaf_hash(entry) for entry in entries]
    tree, stop = merkle.Tree(), data.draw(st.integers(0, len(entries)))
    for entry in entries[:stop]:
        tree.append(entry)
    tree = merkle.Tree.from_range(tree.size, tree.range)
    for leaf in leaves[stop:]:
        tree.append_leaf(leaf)
    assert tree.root() == merkle.root(leaves) == twin_root(entries)
    assert len(tree.range) == tree.size.bit_count() == len(entries).bit_count()


@pytest.mark.parametrize("size", range(1, 34))
def test_every_proof_of_every_size(size: int) -> None:
    entries, leaves = entries_of(size), leaves_of(size)
    root = twin_root(entries)
    for index in range(size):
        proof = merkle.inclusion_proof(leaves, index)
        assert proof == twin_path(index, entries)
        assert merkle.verify_inclusion(leaves[index], index, size, proof, root)
        for other in range(size + 1):
            if other != index:
                assert not merkle.verify_inclusion(leaves[index], other, size, proof, root)
    for old in range(1, size + 1):
        proof = merkle.consistency_proof(leaves, old)
        assert proof == twin_subproof(old, entries, True)
        assert merkle.verify_consistency(old, size, twin_root(entries[:old]), root, proof)
    assert merkle.consistency_proof(leaves, 0) == []
    assert merkle.verify_consistency(0, size, merkle.EMPTY_ROOT, root, [])


@given(st.integers(1, 200), st.data())
def test_a_flipped_bit_proves_nothing(size: int, data: st.DataObject) -> None:
    leaves = leaves_of(size)
    root, index = merkle.root(leaves), data.draw(st.integers(0, size - 1))
    bundle = [leaves[index], root, *merkle.inclusion_proof(leaves, index)]
    for leaf, other_root, *proof in flipped(bundle, data):
        assert not merkle.verify_inclusion(leaf, index, size, proof, other_root)
    old = data.draw(st.integers(1, size))
    bundle = [merkle.root(leaves[:old]), root, *merkle.consistency_proof(leaves, old)]
    for old_root, new_root, *proof in flipped(bundle, data):
        assert not merkle.verify_consistency(old, size, old_root, new_root, proof)


def flipped(hashes: list[bytes], data: st.DataObject) -> list[list[bytes]]:
    """The hashes with one bit of one of them flipped, for each of them."""
    mask = (1 << data.draw(st.integers(0, 255))).to_bytes(32, "big")
    turned = [bytes(a ^ b for a, b in zip(each, mask, strict=True)) for each in hashes]
    return [[*hashes[:at], turned[at], *hashes[at + 1 :]] for at in range(len(hashes))]


@given(st.integers(2, 120), st.data())
def test_a_rewritten_history_is_not_consistent(size: int, data: st.DataObject) -> None:
    """Whoever changes an old entry, hashes all again and proves with the new leaves, is caught by the old root."""
    leaves = leaves_of(size)
    old = data.draw(st.integers(1, size))
    old_root = merkle.root(leaves[:old])
    leaves[data.draw(st.integers(0, old - 1))] = merkle.leaf_hash(b"forged")
    proof = merkle.consistency_proof(leaves, old)
    assert merkle.verify_consistency(old, size, merkle.root(leaves[:old]), merkle.root(leaves), proof)
    assert not merkle.verify_consistency(old, size, old_root, merkle.root(leaves), proof)


def test_proofs_of_the_wrong_shape() -> None:
    leaves = leaves_of(7)
    root, old_root = merkle.root(leaves), merkle.root(leaves[:5])
    inclusion, consistency = merkle.inclusion_proof(leaves, 3), merkle.consistency_proof(leaves, 5)
    for change in (lambda p: p[:-1], lambda p: p[1:], lambda p: [*p, root], lambda p: [root, *p], lambda p: []):
        assert not merkle.verify_inclusion(leaves[3], 3, 7, change(inclusion), root)
        assert not merkle.verify_consistency(5, 7, old_root, root, change(consistency))
    assert not merkle.verify_inclusion(leaves[3][:31], 3, 7, inclusion, root)
    assert not merkle.verify_inclusion(leaves[3], 3, 7, [b"", *inclusion[1:]], root)
    assert not merkle.verify_inclusion(leaves[3], -1, 7, inclusion, root)
    assert not merkle.verify_inclusion(leaves[3], 3, 14, inclusion, root)
    assert not merkle.verify_inclusion(leaves[0], 0, 0, [], root)
    pair = merkle.root(leaves[:2])
    assert merkle.verify_consistency(1, 2, leaves[0], pair, [leaves[1]])
    assert not any(merkle.verify_consistency(1, size, leaves[0], pair, [leaves[1]]) for size in range(3, 40))
    assert not merkle.verify_consistency(7, 5, root, old_root, consistency)
    assert not merkle.verify_consistency(-1, 5, root, old_root, consistency)
    assert not merkle.verify_consistency(7, 7, root, root, [root])
    assert not merkle.verify_consistency(7, 7, root, old_root, [])


def test_a_journal_without_entries_has_one_root() -> None:
    some = merkle.leaf_hash(b"")
    assert merkle.Tree().root() == merkle.root([]) == merkle.EMPTY_ROOT
    assert merkle.verify_consistency(0, 0, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, [])
    assert not merkle.verify_consistency(0, 0, some, some, [])
    assert not merkle.verify_consistency(0, 0, merkle.EMPTY_ROOT, some, [])
    assert not merkle.verify_consistency(0, 3, some, some, [])
    assert not merkle.verify_consistency(0, 3, merkle.EMPTY_ROOT, some, [some])


def test_a_leaf_is_no_node() -> None:
    left, right = leaves_of(2)
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right) == merkle.root([left, right])


def test_what_is_out_of_range() -> None:
    leaves = leaves_of(4)
    for index, size in ((4, None), (-1, None), (3, 3), (0, 0), (0, 5), (0, -1)):
        with pytest.raises(BadInput, match="must be"):
            merkle.inclusion_proof(leaves, index, size)
    for old, new in ((5, None), (-1, None), (3, 2), (1, 5)):
        with pytest.raises(BadInput, match="must be"):
            merkle.consistency_proof(leaves, old, new)
    with pytest.raises(BadInput, match="leaf = bytes: must be a hash of 32 bytes"):
        merkle.Tree().append_leaf(b"an entry")
    for size, hashes in ((1, []), (3, leaves[:1]), (1, [b"short"]), (-1, leaves)):
        with pytest.raises(BadInput):
            merkle.Tree.from_range(size, hashes)
