"""Hours and outages as the command line writes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from voltadesk.cli.session import Session
from voltadesk.cli.view import Table, Tree, exact
from voltadesk.errors import BadInput

NONE = "none"  # clears a list

Outages = Annotated[
    list[str] | None,
    typer.Option(
        metavar="BEGIN/END[/LEFT]",
        help="Two times and what is left meanwhile, else nothing; more than once; 'none' clears.",
    ),
]


def clock_spans(given: list[str] | None) -> list[str] | None:
    """Hours of the day as a command carries them."""
    return [] if given == [NONE] else given or None


def outages(at: Session, given: list[str] | None, left: str) -> list[Tree] | None:
    """Outages as a command carries them; `left` names what is still there meanwhile."""
    if not given:
        return None
    return [] if given == [NONE] else [_outage(at, text, left) for text in given]


def _outage(at: Session, text: str, left: str) -> Tree:
    begin, end, *rest = text.split("/") if text.count("/") in (1, 2) else ("", "")
    if not begin or not end:
        raise BadInput("outage", text, "must be BEGIN/END or BEGIN/END/LEFT, as 2026-05-26T08:00/2026-05-26T12:00/50")
    span: Tree = {"begin": at.moment(begin, "outage"), "end": at.moment(end, "outage")}
    return span | {left: rest[0]} if rest else span


def outage_rows(at: Session, trees: Sequence[Any], left: str) -> Table:
    """Outages for people."""

    def local(text: str) -> str:
        return at.local(int(datetime.fromisoformat(text).timestamp()))

    rows = [(local(row["begin_utc"]), local(row["end_utc"]), exact(row[left])) for row in trees]
    return Table("outages", ("from", "until", left.replace("_", " ")), rows, 2)
