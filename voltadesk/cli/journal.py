"""`voltadesk journal …`: history, and how to check it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltadesk.cli import tail
from voltadesk.cli.session import Session, command, group, told_by
from voltadesk.cli.view import Tree, View, exact, facts, say
from voltadesk.errors import BadInput, CheckFailed, UsageError

if TYPE_CHECKING:
    from voltadesk.store.audit import Verified
    from voltadesk.store.desk import Desk
    from voltadesk.store.note import Checkpoint

app = group(
    told_by(
        "History: everything that was ever asked of the desk, and how to check it.",
        "journal tail --limit 20",
        "journal verify",
        "journal checkpoint > ann.note",
        "journal verify --against ann.note",
    )
)

command(app, "tail", tail.HELP)(tail.tail)


@command(
    app,
    "verify",
    told_by(
        "Carry out the whole history again in another process, signatures too, and compare.",
        "journal verify",
        "journal verify --against ann.note",
        "journal verify --quick",
        more="--against wants a note of 'journal checkpoint': nothing before it may have changed. --quick looks at "
        "hashes only and carries out nothing.",
    ),
)
def verify(
    at: Session,
    against: Annotated[str | None, typer.Option(metavar="NOTE", help="An old checkpoint; - reads stdin.")] = None,
    verifier: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Who signed the note: name+hash+key, as checkpoint tells it.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Hashes, chain and anchor only.")] = False,
) -> View:
    old = None if against is None else _old(at, against, verifier)
    if quick:
        size = _journal_only(at, old)
        return View({"entries": size, "carried_out": False}, (facts("the hashes hold", [("entries", exact(size))]),))
    tree = _verify_elsewhere(at)
    _compare(at.desk, tree, old)
    return View(tree | {"carried_out": True}, (facts("the journal holds", tree.items()),))


@command(
    app,
    "checkpoint",
    told_by(
        "A signed note of how long the journal is and what it holds: whoever keeps it can prove later that nothing "
        "before it was changed.",
        "journal checkpoint > ann.note",
    ),
    signs=True,
)
def checkpoint(at: Session) -> View:
    from voltadesk.store.note import Verifier

    note = at.desk.checkpoint(at.private)
    origin, size, root = note.split("\n")[:3]
    who = Verifier(origin, at.private.public).text
    say(f"signed by {who}")
    return View({"checkpoint": note, "origin": origin, "size": int(size), "root": root, "verifier": who}, text=note)


@command(
    app,
    "prove",
    told_by(
        "A proof that an entry is in the journal, or that the journal goes on from an old note.",
        "journal prove 12 > entry-12.proof",
        "journal prove --since ann.note > since.proof",
        more="Proofs are C2SP tlog-proof and tlog-witness texts, which other people's tools check.",
    ),
    signs=True,
)
def prove(
    at: Session,
    seq: Annotated[int | None, typer.Argument(metavar="SEQ", help="The entry.")] = None,
    since: Annotated[str | None, typer.Option(metavar="NOTE", help="An old checkpoint; - reads stdin.")] = None,
    verifier: Annotated[str | None, typer.Option(metavar="TEXT", help="Who signed the note.")] = None,
) -> View:
    if (seq is None) == (since is None):
        raise UsageError("give either an entry or --since NOTE (voltadesk journal prove --help)")
    if since is not None:
        old = _old(at, since, verifier)
        consistency = at.desk.consistency(old.size, at.private)
        return View({"old_size": old.size, "proof": consistency.text}, text=consistency.text)
    assert seq is not None
    at.desk.refresh()
    if not 0 <= seq <= at.desk.journal.head().seq:
        raise BadInput("entry", seq, f"must lie between 0 and {at.desk.journal.head().seq}")
    inclusion = at.desk.inclusion(seq, at.private)
    return View({"entry": seq, "proof": inclusion.text}, text=inclusion.text)


# Verify ---------------------------------------------------------------------------------------------------------------
def _verified(found: Verified) -> Tree:
    return {
        "entries": found.entries,
        "done": found.done,
        "rejected": found.rejected,
        "denied": found.denied,
        "state_root": found.state_root,
    }


def _verify_elsewhere(at: Session) -> Tree:
    """What a new process finds, that knows nothing but the folder."""
    from voltadesk.cli.progress import counting
    from voltadesk.store.audit import Verified, elsewhere, heard

    found: int | Verified = 0
    with (
        counting("verifying", at.desk.journal.head().seq + 1, "entries") as tell,
        subprocess.Popen(elsewhere(at.path), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process,  # noqa: S603
    ):
        assert process.stdout is not None
        for line in process.stdout:
            found = heard(line)
            if isinstance(found, int):
                tell(found)
    if not isinstance(found, Verified):
        raise CheckFailed(f"the other process ended with {process.returncode}")
    return _verified(found)


def _compare(desk: Desk, tree: Tree, old: Checkpoint | None) -> None:
    """Raises CheckFailed unless the state here is the one that the other process came to."""
    desk.refresh()
    seq = tree["entries"] - 1
    root = desk.journal.entry(seq).fields["state_root"]
    if desk.journal.head().seq == seq:
        root = desk.state_root()
    if root != tree["state_root"]:
        raise CheckFailed(f"the state after entry {seq} is {root} here, carried out again it is {tree['state_root']}")
    if old is not None:
        desk.journal.verify(old)


def _journal_only(at: Session, old: Checkpoint | None) -> int:
    """Check the journal without what it makes; returns its size."""
    from voltadesk.store.database import database_path
    from voltadesk.store.journal import Journal

    with Journal.open(database_path(at.path)) as journal:
        return journal.verify(old)


def _old(at: Session, note: str, verifier: str | None) -> Checkpoint:
    """The checkpoint in a note, by the signature of a given signer, or of anyone who ever had a key of this desk."""
    from voltadesk.store.note import Verifier, verify_checkpoint

    text = _read(note)
    origin = at.desk.origin
    signers = [Verifier.parse(verifier)] if verifier else [Verifier(origin, key) for key in _keys(at.desk)]
    refused: CheckFailed | None = None
    for signer in signers:
        try:
            return verify_checkpoint(text, signer, origin)
        except CheckFailed as error:
            refused = refused if "not signed by" in str(error) and refused else error
    if len(signers) > 1 and refused is not None and "not signed by" in str(refused):
        raise CheckFailed("the checkpoint is not signed by anyone who had a key of this desk: is it another desk's?")
    raise refused or CheckFailed("nobody has a key of this desk")


def _keys(desk: Desk) -> Iterator[Any]:
    """Every public key that the desk's actors ever had."""
    from voltadesk.store.keys import PublicKey, strict_base64

    seen = set()
    for entry in desk.journal.tail():
        if entry.fields["outcome"] != "done":
            continue
        body = entry.fields["command"]
        for text in (body.get("public_key"), *body.get("holders", {}).values()):
            if text and text not in seen:
                seen.add(text)
                yield PublicKey(strict_base64(text) or b"")


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise BadInput("note", name, (error.strerror or "can't be read").lower()) from None
