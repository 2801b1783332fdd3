"""`voltadesk init`: a new desk, its founder's key, and the keys of those who put money in at the beginning."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voltadesk.cli.keyfile import key_path, new_passphrase
from voltadesk.cli.session import DatabaseUrl, Session, database_url, told_by
from voltadesk.cli.view import View, facts, say
from voltadesk.errors import BadInput

if TYPE_CHECKING:
    from voltadesk.desk.source import Source
    from voltadesk.store.keys import Key

NO_SCENARIO = "none"
TRIAL_FOUNDER = "you"

Passphrase = Annotated[bool, typer.Option("--passphrase", help="Encrypt the key files: asks for a passphrase, twice.")]
PassphraseFd = Annotated[
    int | None, typer.Option(metavar="N", help="Encrypt the key files with the passphrase read from this descriptor.")
]


HELP = told_by(
    "A new desk: its folder, its founder's key, and keys for those who put money in at the beginning.",
    "init",
    "init --scenario village --name mara",
    "init --scenario none --currency CHF --passphrase",
    "init --database postgresql://desk@db.example/desk",
    more="The founder is owner, admin, operator and investor. The folder is --desk, else VOLTADESK_DESK, else "
    "'desk' in the platform's folder for the user's data. A desk in PostgreSQL has its keys and its anchor there, too; "
    "a password comes from PGPASSWORD or ~/.pgpass.",
)


def init(
    at: Session,
    scenario: Annotated[
        str, typer.Option(metavar="NAME|FILE|none", help="What the market simulates: shipped, a TOML file, or none.")
    ] = "quickstart",
    name: Annotated[str, typer.Option(metavar="NAME", help="The founder's.")] = "owner",
    currency: Annotated[str | None, typer.Option(metavar="EUR", help="Label; else the scenario's.")] = None,
    passphrase: Passphrase = False,
    passphrase_fd: PassphraseFd = None,
    database: DatabaseUrl = None,
) -> View:
    from voltadesk.desk.refusal import require_name

    url = database_url(database)
    require_name("name", name)
    folder = at.path.absolute()
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise BadInput("desk", folder.name, "is there already; --desk FOLDER makes another", str(folder.parent))
    source = _source(scenario)
    currency = _currency(currency, source)
    secret = new_passphrase(passphrase, passphrase_fd)
    holders = [holder.name for holder in source.scenario().money_holders] if source else []
    if name in holders:
        raise BadInput("name", name, "is one of the scenario's holders of money: choose another")
    desk_id = _make(folder, lambda work: _fill(work, name, holders, source, currency, secret, url))
    tree = {"desk": str(folder), "id": desk_id, "founder": name, "holders": holders, "currency": currency}
    tree |= {"database": url} if url else {}
    say(f"keep {folder / 'keys'} safe: whoever has these files can act in their owners' names")
    return View(tree | {"scenario": scenario}, (facts("a new desk", [*tree.items(), ("scenario", scenario)]),))


def new_trial(folder: Path, scenario: str) -> None:
    """A desk to try in an empty folder: its founder is "you"."""
    source = _source(scenario)
    if source is None:
        raise BadInput("scenario", scenario, "must be a scenario: a desk to try has a market")
    holders = [holder.name for holder in source.scenario().money_holders]
    _fill(folder, TRIAL_FOUNDER, holders, source, source.scenario().currency, None, "")


def _source(scenario: str) -> Source | None:
    from voltadesk.desk.source import Source
    from voltadesk.scenario.read import find_scenario

    return None if scenario == NO_SCENARIO else Source.gather(find_scenario(scenario))


def _currency(given: str | None, source: Source | None) -> str:
    currency = given or (source.scenario().currency if source else "EUR")
    if not re.fullmatch("[A-Z]{3}", currency):
        raise BadInput("currency", currency, "must be three capital letters")
    return currency


def _make(folder: Path, fill: Callable[[Path], str]) -> str:
    """Make a desk beside its place and move it there when it is whole; returns its id."""
    from voltadesk.store.database import discard

    missing = [parent for parent in folder.parents if not parent.exists()]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".voltadesk-", dir=folder.parent))
    except OSError as error:
        raise BadInput(
            "desk", folder.name, f"can't be made: {(error.strerror or '').lower()}", str(folder.parent)
        ) from None
    try:
        desk_id = fill(work)
        os.rename(work, folder)
    except BaseException as error:
        discard(work)
        with suppress(OSError):
            for parent in missing:
                parent.rmdir()
        if isinstance(error, OSError) and folder.exists():
            raise BadInput("desk", folder.name, "is there already", str(folder.parent)) from None
        raise
    return desk_id


def _fill(
    work: Path,
    name: str,
    holders: list[str],
    source: Source | None,
    currency: str,
    secret: bytes | None,
    database: str,
) -> str:
    from voltadesk.store.desk import Desk
    from voltadesk.store.keys import Key
    from voltadesk.store.machine import key_text

    keys: dict[str, Key] = {}
    for each in (name, *holders):
        keys[each] = Key.generate()
        keys[each].write(key_path(work, each), secret)
    public = {holder: key_text(keys[holder].public) for holder in holders}
    now_utc = source.scenario().time.grid().start_utc if source else int(time.time())
    with Desk.create(
        work, name, keys[name], currency, now_utc, source=source, holders=public, database=database
    ) as desk:
        return desk.id
