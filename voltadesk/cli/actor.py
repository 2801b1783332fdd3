"""`voltadesk actor …`: who takes part, and the keys they sign with."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voltadesk.cli.keyfile import NewPassphrase, NewPassphraseFd, key_path, new_passphrase
from voltadesk.cli.session import Session, command, group, told_by
from voltadesk.cli.view import Table, Tree, View, facts, say
from voltadesk.errors import BadInput

if TYPE_CHECKING:
    from voltadesk.store.keys import Key

app = group(
    told_by(
        "Who takes part, and the keys they sign with.",
        "actor add ann",
        "actor list",
        "actor rotate-key --as ann",
    )
)

Name = Annotated[str, typer.Argument(metavar="NAME")]
PublicText = Annotated[str, typer.Argument(metavar="PUBLIC_KEY", help="44 characters, as new-key prints them.")]


@command(
    app,
    "add",
    told_by(
        "A new actor, without roles yet.",
        "actor add ann",
        "actor add ann --new-passphrase",
        "actor add bob --public-key F0mM…=",
        more="Without a public key a key file is made here, keys/NAME.key; one that is there already is used. "
        "Whoever keeps a key elsewhere makes it with 'voltadesk actor new-key' and hands over its public half.",
    ),
    signs=True,
)
def add(
    at: Session,
    name: Name,
    public_key: Annotated[str | None, typer.Option(metavar="TEXT", help="The actor's own public key.")] = None,
    passphrase: NewPassphrase = False,
    new_passphrase_fd: NewPassphraseFd = None,
) -> View:
    if public_key is not None:
        return at.ask("actor.add", name=name, public_key=_public(public_key))
    _require_key(at)
    path = key_path(at.path, name)
    private, is_new = _key_at(path, new_passphrase(passphrase, new_passphrase_fd))
    try:
        view = at.ask("actor.add", name=name, public_key=_text(private))
    except BaseException as error:
        _forget(path, is_new, error)
        raise
    say(f"the key of {name} is in {path}")
    return view


@command(
    app,
    "rotate-key",
    told_by(
        "A new key for oneself; the old one signs the change.",
        "actor rotate-key --as ann",
        "actor rotate-key --as ann --new-passphrase",
        more="The new key is written to NAME.key.new first, and takes the place of NAME.key when the desk knows it; "
        "without another passphrase it keeps the old one's. "
        "If that was cut short, give the same command again: it goes on where it stopped.",
    ),
    signs=True,
)
def rotate_key(at: Session, passphrase: NewPassphrase = False, new_passphrase_fd: NewPassphraseFd = None) -> View:
    path = at.own_key_file
    coming = path.with_name(f"{path.name}.new")
    actor = at.book.actors.get(at.actor)
    if not coming.exists():
        _require_key(at)
    private, is_new = _key_at(coming, new_passphrase(passphrase, new_passphrase_fd) or at.passphrase)
    if actor.public_key == _text(private):
        view = View({"kind": "actor.rotate-key", "actor": at.actor, "outcome": "done"}, (facts("done before", ()),))
    else:
        try:
            view = at.ask("actor.rotate-key", public_key=_text(private))
        except BaseException as error:
            _forget(coming, is_new, error)
            raise
    os.replace(coming, path)
    _sync(path.parent)
    say(f"the key of {at.actor} is now in {path}")
    return view


@command(
    app,
    "new-key",
    told_by(
        "Make a key file, and print the public key in it; no desk needs to be there.",
        "actor new-key robot/robot.key",
        more="Its folder must be its owner's alone (0700) and is made if it is not there.",
    ),
)
def new_key(
    at: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to make.")],
    passphrase: NewPassphrase = False,
    new_passphrase_fd: NewPassphraseFd = None,
) -> View:
    from voltadesk.store.keys import Key

    private = Key.generate()
    private.write(file, new_passphrase(passphrase, new_passphrase_fd))
    return View({"public_key": _text(private), "file": str(file)}, text=_text(private))


@command(
    app,
    "delegate",
    told_by(
        "Let another key sign some kinds of command for oneself, until a time of the market's clock.",
        "actor delegate F0mM…= --kind market.advance --kind market.halt --until 2026-06-30",
        more="Such as a robot's: 'voltadesk headless run --as NAME --key-file robot/robot.key'. Kinds: battery.set, "
        "home.set, market.advance, market.halt, order.cancel, order.place, plant.set.",
    ),
    signs=True,
)
def delegate(
    at: Session,
    public_key: PublicText,
    kind: Annotated[list[str], typer.Option(help="What it may sign; may be given more than once.")],
    until: Annotated[str, typer.Option(metavar="TIME", help="On the market's clock, or in UTC with a Z.")],
) -> View:
    return at.ask("actor.delegate", public_key=_public(public_key), kinds=kind, until=at.moment(until))


@command(
    app,
    "undelegate",
    told_by("Take back what a key may sign for oneself.", "actor undelegate F0mM…="),
    signs=True,
)
def undelegate(at: Session, public_key: PublicText) -> View:
    return at.ask("actor.undelegate", public_key=_public(public_key))


@command(app, "list", told_by("All actors and their roles.", "actor list", "actor list --json"))
def list_(at: Session) -> View:
    actors = [_tree(at, name) for name in sorted(at.book.actors.by_name)]
    rows = [(a["name"], " ".join(a["roles"]), str(len(a["delegates"])), a["public_key"]) for a in actors]
    return View({"actors": actors}, (Table("actors", ("name", "roles", "delegates", "public key"), rows, 4),))


@command(app, "show", told_by("One actor: roles, key, delegated keys.", "actor show ann"))
def show(at: Session, name: Name) -> View:
    tree = _tree(at, name)
    keys = [(d["public_key"], " ".join(d["kinds"]), d["until_utc"]) for d in tree["delegates"]]
    tables = [facts(name, [(key, tree[key]) for key in ("roles", "public_key", "offered_ownership_to")])]
    if keys:
        tables.append(Table("delegated keys", ("public key", "may sign", "until"), keys, 3))
    return View(tree, tuple(tables))


def _tree(at: Session, name: str) -> Tree:
    from voltadesk.clock import utc_text

    actors = at.book.actors
    actor = actors.get(name)
    delegates = [
        {"public_key": key, "kinds": list(given.kinds), "until_utc": utc_text(given.until_utc)}
        for key, given in sorted(actor.delegates.items())
    ]
    return {
        "name": actor.name,
        "roles": sorted(actor.roles),
        "public_key": actor.public_key,
        "offered_ownership_to": actors.offered.get(name),
        "delegates": delegates,
    }


# Keys -----------------------------------------------------------------------------------------------------------------
def _text(private: Key) -> str:
    from voltadesk.store.machine import key_text

    return key_text(private.public)


def _public(text: str) -> str:
    """A public key as commands give it; the form that key files and notes have is taken too."""
    from voltadesk.store.keys import PublicKey
    from voltadesk.store.machine import key_text

    try:
        return key_text(PublicKey.parse(text))
    except BadInput:
        return text  # the desk says what is wrong with it


def _require_key(at: Session) -> None:
    """Raises what reading the key of whoever asks raises, before anything is written."""
    assert at.private


def _key_at(path: Path, passphrase: bytes | None) -> tuple[Key, bool]:
    """The key in a file, made if it is not there; whether it was made."""
    from voltadesk.store.keys import Key

    if path.exists():
        return Key.read(path, passphrase if Key.is_encrypted(path) else None), False
    private = Key.generate()
    private.write(path, passphrase)
    return private, True


def _forget(path: Path, is_new: bool, error: BaseException) -> None:
    """Remove a key that was made for nothing: only where it is known that nobody goes by it."""
    from voltadesk.store.desk import OutcomeUnknown

    if is_new and isinstance(error, Exception) and not isinstance(error, OutcomeUnknown):
        with suppress(FileNotFoundError):
            path.unlink()


def _sync(folder: Path) -> None:
    """Put the names in a folder on disk."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
