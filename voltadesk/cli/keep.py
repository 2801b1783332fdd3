"""`voltadesk backup|restore|rebuild|doctor`: keeping a desk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voltadesk.cli.session import DatabaseUrl, Session, database_url, told_by
from voltadesk.cli.view import Table, Tree, View, facts, yes
from voltadesk.errors import CheckFailed

if TYPE_CHECKING:
    from voltadesk.store.audit import Verified

BACKUP = told_by(
    "Copy the desk into a new folder, as a file whatever it is kept in, and prove the copy by carrying it out again; "
    "the desk may be in use.",
    "backup /media/stick/desk-2026-05",
    "backup desk-2026-05 --with-keys",
    more="Keys are left out unless asked for: whoever has them acts in their owners' names.",
)
RESTORE = told_by(
    "Put a backup in the place of --desk, where none may stand, proved before it stands there.",
    "restore /media/stick/desk-2026-05 --desk desk",
    "restore /media/stick/desk-2026-05 --desk desk --database postgresql://desk@db.example/desk",
    more="What was acknowledged after the backup is not in it. With --database the desk is kept in PostgreSQL from "
    "then on, without it in a file, wherever it was before.",
)
REBUILD = told_by("Drop the tables that the journal makes, and make them again from it.", "rebuild")
DOCTOR = told_by(
    "Check everything there is of a desk: modes, files, hashes, every entry again, tables, room on the disk.", "doctor"
)


def backup(
    at: Session,
    target: Annotated[Path, typer.Argument(metavar="FOLDER", help="The new folder.")],
    with_keys: Annotated[bool, typer.Option("--with-keys", help="The key files too.")] = False,
) -> View:
    from voltadesk.store.keep import backup as copy

    return _view("backup", target, copy(at.path, target, with_keys))


def restore(
    at: Session,
    source: Annotated[Path, typer.Argument(metavar="FOLDER", help="The backup.")],
    database: DatabaseUrl = None,
) -> View:
    from voltadesk.store.keep import restore as copy

    url = database_url(database)
    at.path.parent.mkdir(parents=True, exist_ok=True)
    return _view("restored", at.path, copy(source, at.path, url))


def rebuild(at: Session) -> View:
    from voltadesk.store.audit import rebuild as make_again

    return _view("rebuilt", at.path, make_again(at.path))


def doctor(at: Session) -> View:
    from voltadesk.store.keep import doctor as look

    found = look(at.path)
    trees: list[Tree] = [{"check": row.check, "ok": row.ok, "advice": row.advice or None} for row in found]
    rows = [(row.check, yes(row.ok), row.advice) for row in found]
    view = View({"ok": all(row.ok for row in found), "checks": trees}, (Table("doctor", ("check", "ok", ""), rows, 3),))
    if view.tree["ok"]:
        return view
    at.show(view)
    wrong = [row for row in found if not row.ok]
    raise CheckFailed(f"{wrong[0].check}: {wrong[0].advice}" + (f" (and {len(wrong) - 1} more)" if wrong[1:] else ""))


def _view(title: str, folder: Path, found: Verified) -> View:
    tree = {
        "folder": str(folder),
        "entries": found.entries,
        "done": found.done,
        "rejected": found.rejected,
        "denied": found.denied,
        "state_root": found.state_root,
    }
    return View(tree, (facts(title, tree.items()),))
