"""The tree of hashes over the journal's entries, and proofs about it.

The tree is that of RFC 6962, section 2.1 (the same in C2SP merkle-tree): a leaf is SHA-256(0x00 || entry), a node is
SHA-256(0x01 || left || right), the left part of n entries holds the largest power of two below n, and the root of no
entries is SHA-256 of nothing. Proofs are checked by the algorithms of RFC 9162, sections 2.1.3.2 and 2.1.4.2.

A `leaf` here is a leaf's hash: 32 bytes. Never put an entry in its place: the first byte that `leaf_hash` adds is
what keeps an entry from posing as a node.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from hmac import compare_digest

from voltadesk.errors import BadInput

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
SIZE_LIMIT = 2**63 - 1
PROOF_LIMIT = 64  # hashes in the longest proof of a tree within SIZE_LIMIT: 63 levels, and one more for consistency


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that grows: it keeps the roots of the full subtrees (one per set bit of its size) and nothing else."""

    __slots__ = ("_range", "_size")

    def __init__(self) -> None:
        self._range: list[bytes] = []  # widest first
        self._size = 0

    @classmethod
    def from_range(cls, size: int, hashes: Sequence[bytes]) -> Tree:
        """The tree whose `size` and `range` these are. It is as good as where they were kept: compare its root."""
        if not 0 <= size <= SIZE_LIMIT:
            raise BadInput("size", size, f"must be within 0 and {SIZE_LIMIT}")
        if len(hashes) != size.bit_count() or not all(map(_is_hash, hashes)):
            raise BadInput("hashes", len(hashes), f"a tree of {size} entries has {size.bit_count()} of 32 bytes")
        tree = cls()
        tree._range, tree._size = list(hashes), size
        return tree

    @property
    def size(self) -> int:
        """Number of entries."""
        return self._size

    @property
    def range(self) -> tuple[bytes, ...]:
        """Roots of the full subtrees, widest first: what `from_range` goes on from."""
        return tuple(self._range)

    def append(self, entry: bytes) -> bytes:
        """Add an entry; returns its leaf hash."""
        leaf = leaf_hash(entry)
        self.append_leaf(leaf)
        return leaf

    def append_leaf(self, leaf: bytes) -> None:
        """Add an entry by its leaf hash."""
        if not _is_hash(leaf):
            raise BadInput("leaf", type(leaf).__name__, "must be a hash of 32 bytes")
        node, size = leaf, self._size
        while size & 1:
            node = node_hash(self._range.pop(), node)
            size >>= 1
        self._range.append(node)
        self._size += 1

    def root(self) -> bytes:
        """The root of the entries so far."""
        if not self._range:
            return EMPTY_ROOT
        node = self._range[-1]
        for left in reversed(self._range[:-1]):
            node = node_hash(left, node)
        return node


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes, level by level; the odd one out at the end of a level goes up as it is."""
    level = list(leaves)
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        last = level[-1:] if len(level) % 2 else []
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [sha256(b"\x01" + left + right).digest() for left, right in pairs] + last
    return level[0]


def inclusion_proof(leaves: Sequence[bytes], index: int, size: int | None = None) -> list[bytes]:
    """The hashes that lead from leaf `index` to the root of the first `size` leaves (all, if None), lowest first.

    PATH(m, D[n]) of RFC 6962, section 2.1.1. Hashes every other leaf once.
    """
    size = _checked_size(len(leaves), size)
    if not 0 <= index < size:
        raise BadInput("index", index, f"must be at least 0 and below the tree's size, {size}")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _left_part(high - low)
        if index < middle:
            path.append(root(leaves[middle:high]))
            high = middle
        else:
            path.append(root(leaves[low:middle]))
            low = middle
    path.reverse()
    return path


def consistency_proof(leaves: Sequence[bytes], old_size: int, new_size: int | None = None) -> list[bytes]:
    """The hashes that show the first `old_size` leaves to be the beginning of the first `new_size` (all, if None).

    PROOF(m, D[n]) of RFC 6962, section 2.1.2; empty when the sizes are equal or the old one is 0.
    """
    new_size = _checked_size(len(leaves), new_size)
    if not 0 <= old_size <= new_size:
        raise BadInput("old size", old_size, f"must be within 0 and the new size, {new_size}")
    path: list[bytes] = []
    low, high = 0, new_size
    while old_size not in (0, high):
        middle = low + _left_part(high - low)
        if old_size <= middle:
            path.append(root(leaves[middle:high]))
            high = middle
        else:
            path.append(root(leaves[low:middle]))
            low = middle
    if low:  # else what remains is the old tree itself, whose root the verifier has
        path.append(root(leaves[low:high]))
    path.reverse()
    return path


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof shows that entry `index` of the tree with this size and root has this leaf hash."""
    if not 0 <= index < size <= SIZE_LIMIT or not all(map(_is_hash, (leaf, root, *proof))):
        return False
    fn, sn, node = index, size - 1, leaf
    for sibling in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            node = node_hash(sibling, node)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = node_hash(node, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and compare_digest(node, root)


def verify_consistency(old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the tree of `old_size` entries is the beginning of that of `new_size`.

    A size of 0 goes with the root of no entries only.
    """
    if not 0 <= old_size <= new_size <= SIZE_LIMIT or not all(map(_is_hash, (old_root, new_root, *proof))):
        return False
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT and (new_size > 0 or new_root == EMPTY_ROOT)
    if old_size == new_size:
        return not proof and compare_digest(old_root, new_root)
    if not proof:
        return False
    hashes = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old, new = hashes[0], hashes[0]
    for sibling in hashes[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            new = node_hash(new, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and compare_digest(old, old_root) and compare_digest(new, new_root)


def _left_part(size: int) -> int:
    """The largest power of two below `size`, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)


def _checked_size(held: int, size: int | None) -> int:
    """The size of the tree meant, which can't be more than is held."""
    if size is None:
        return held
    if not 0 <= size <= held:
        raise BadInput("size", size, f"must be within 0 and the entries held, {held}")
    return size


def _is_hash(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == HASH_BYTES
