"""Key files: where a desk has them, and the passphrases they take. A passphrase is never an argument."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from voltadesk.errors import BadInput

PassphraseFd = Annotated[
    int | None, typer.Option(metavar="N", help="Read the key file's passphrase from this file descriptor.")
]
NewPassphrase = Annotated[
    bool, typer.Option("--new-passphrase", help="Encrypt the new key file: asks for a passphrase, twice.")
]
NewPassphraseFd = Annotated[
    int | None, typer.Option(metavar="N", help="Encrypt the new key file with the passphrase read from there.")
]


def key_path(folder: Path, name: str) -> Path:
    """Where a desk keeps an actor's key. Raises Refusal BAD_VALUE for what is no name."""
    from voltadesk.desk.refusal import require_name

    require_name("actor", name)
    return folder / "keys" / f"{name}.key"


def passphrase_of(path: Path, passphrase_fd: int | None) -> bytes | None:
    """The passphrase of a key file, if it takes one: from the descriptor, else from a person at a terminal."""
    from voltadesk.store.keys import Key

    if not Key.is_encrypted(path):
        return None
    if passphrase_fd is not None:
        return _read_passphrase(passphrase_fd)
    return _prompt(f"Passphrase of {path.name}: ") if sys.stdin.isatty() else None


def new_passphrase(wanted: bool, passphrase_fd: int | None) -> bytes | None:
    """The passphrase for a new key file, asked for twice; None when it shall not be encrypted."""
    if passphrase_fd is not None:
        return _read_passphrase(passphrase_fd)
    if not wanted:
        return None
    if not sys.stdin.isatty():
        raise BadInput("passphrase", "", "can't be asked for without a terminal: give a file descriptor")
    first = _prompt("New passphrase: ")
    if first != _prompt("The same again: "):
        raise BadInput("passphrase", "", "was not the same twice")
    return first


def _prompt(text: str) -> bytes:
    from getpass import getpass

    return getpass(text, sys.stderr).encode()


def _read_passphrase(descriptor: int) -> bytes:
    """The first line that a descriptor gives; what can't be read is told without it."""
    try:
        with os.fdopen(os.dup(descriptor), "rb") as source:
            return source.readline(4096).rstrip(b"\r\n")
    except OSError as error:
        raise BadInput("passphrase-fd", descriptor, (error.strerror or "can't be read").lower()) from None
