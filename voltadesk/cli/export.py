"""`voltadesk export`: a desk's tables for other programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltadesk.cli.drawn import TableFormat
from voltadesk.cli.session import Session, told_by
from voltadesk.cli.view import View, facts
from voltadesk.errors import BadInput

if TYPE_CHECKING:
    from voltadesk.report.tables import Shape
    from voltadesk.store.desk import Desk

Rows = Iterator[Sequence[Any]]

NAMES = ("ledger", "journal", "intervals", "trades", "batteries")
HELP = told_by(
    "Write the desk's tables as files, as they are now: ledger, journal, intervals, trades, batteries.",
    "export --out tables",
    "export --out tables --format csv",
    "export trades intervals --out tables --format json",
    more="Numbers are whole, with their unit in the column's name; docs/desk.md lists the columns.",
)


def export(
    at: Session,
    tables: Annotated[list[str] | None, typer.Argument(metavar="[TABLE…]", help="Which; else all.")] = None,
    out: Annotated[str, typer.Option(metavar="DIR", help="Where to.")] = "",
    table_format: TableFormat = "parquet",
) -> View:
    from voltadesk.report.folder import OutFolder
    from voltadesk.report.tables import FORMATS, RowFiles

    if not out:
        raise BadInput("out", out or None, "must be a folder")
    chosen = list(dict.fromkeys(tables or NAMES))
    for name in chosen:
        if name not in NAMES:
            raise BadInput("table", name, f"must be one of {', '.join(NAMES)}")
    desk, folder, counts = at.desk, OutFolder(Path(out)), {}
    last = desk.journal.head().seq
    try:
        folder.begin()
        files = RowFiles(folder, table_format)
        for name in chosen:
            shape, rows = _table(desk, name, last)
            counts[name] = files.write(name, shape, rows)
        folder.finish(f"{name}.{form}" for name in chosen for form in FORMATS)
    finally:
        folder.close()
    tree = {"folder": out, "format": table_format, "last_entry": last, "rows": counts}
    return View(tree, (facts(f"written to {out}, up to entry {last}", [*counts.items()]),))


def _table(desk: Desk, name: str, last: int) -> tuple[Shape, Rows]:
    """The columns of a table, and its rows of the entries up to the last, so that all tables are of one moment."""
    shape, rows = {"ledger": _ledger, "journal": _journal, "intervals": _intervals, "trades": _trades,
                   "batteries": _batteries}[name](desk)  # fmt: skip
    entry = list(shape).index("entry")
    return shape, (row for row in rows if row[entry] <= last)


def _shape(names: Sequence[str], texts: Sequence[str]) -> Shape:
    """Columns whose times tell that they are in seconds."""
    from voltadesk.report.tables import INTEGER, TEXT

    seconds = {"start_utc", "time_utc"}
    return {f"{name}_s" if name in seconds else name: TEXT if name in texts else INTEGER for name in names}


def _ledger(desk: Desk) -> tuple[Shape, Rows]:
    from voltadesk.store.projection import PostingRow

    return _shape(PostingRow._fields, ("text", "account", "commodity")), desk.postings()


def _trades(desk: Desk) -> tuple[Shape, Rows]:
    from voltadesk.store.projection import TradeRow

    return _shape(TradeRow._fields, ("participant", "actor", "market")), desk.trades()


def _batteries(desk: Desk) -> tuple[Shape, Rows]:
    from voltadesk.store.projection import BatteryIntervalRow

    return _shape(BatteryIntervalRow._fields, ("battery", "reason")), desk.battery_intervals()


def _intervals(desk: Desk) -> tuple[Shape, Rows]:
    from voltadesk.store.tables import FIGURES

    names = ("start_utc", "entry", *FIGURES)
    return _shape(names, ()), ([figures[name] for name in names] for figures in desk.intervals())


def _journal(desk: Desk) -> tuple[Shape, Rows]:
    """Every entry: who asked for what, what came of it, and what it did, the last two of these as JSON."""
    from voltadesk.report.exact_json import json_text

    texts = ("kind", "actor", "key", "outcome", "command", "effects", "signature", "prev", "state_root")

    def rows() -> Rows:
        for entry in desk.journal.tail():
            fields = entry.fields | {"command": json_text(entry.fields["command"]), "effects": entry.effects.decode()}
            yield [entry.seq, fields["time_utc"], *(str(fields[name]) for name in texts)]

    return _shape(("entry", "time_utc", *texts), texts), rows()
