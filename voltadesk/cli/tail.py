"""`voltadesk journal tail`: what happened last, and what happens now."""

from __future__ import annotations

import json
import sys
from collections import deque
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from voltadesk.cli.session import Session, told_by
from voltadesk.cli.view import Row, Table, Tree, View, exact, json_line, kwh, price, show
from voltadesk.units import money_decimal

if TYPE_CHECKING:
    from voltadesk.store.journal import Entry, Journal

FOREVER_S = 3600.0
COLUMNS = ("entry", "time", "actor", "command", "outcome", "what came of it")
TRADES = ("entry", "interval", "participant", "market", "kWh", "per MWh", "received", "fees")

HELP = told_by(
    "The last entries; with --actor those of one's own commands, and the receipts of one's own trades.",
    "journal tail --limit 20",
    "journal tail --actor ann --follow",
    "journal tail --follow --json",
    more="With --follow entries are shown as they happen, whoever wrote them; --json then writes an object a line.",
)


def tail(
    at: Session,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until interrupted.")] = False,
    actor: Annotated[str | None, typer.Option(metavar="NAME", help="Only what is theirs.")] = None,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="How many to begin with.")] = 20,
) -> View | None:
    journal = at.take_journal()
    try:
        first = _last_entries(journal, actor, limit)
        view = _tail_view(at, first, _trades(journal, actor, -1, limit))
        if not follow:
            return view
        _show_more(at, view)
        _follow(at, journal, actor)
    finally:
        journal.close()


def _follow(at: Session, journal: Journal, actor: str | None) -> NoReturn:
    """Show what is new as it comes, whoever wrote it."""
    from voltadesk.store.clock import wait_until

    while True:
        if wait_until(journal.is_behind, FOREVER_S):
            head = journal.head().seq
            journal.catch_up()
            new = [_tree(entry) for entry in journal.tail(head, journal.head().seq - head)]
            theirs = [tree for tree in new if actor in (None, tree["actor"])]
            _show_more(at, _tail_view(at, theirs, _trades(journal, actor, head)))


def _last_entries(journal: Journal, actor: str | None, limit: int) -> list[Tree]:
    """The last entries, oldest first: read backwards, a few at a time."""
    found: list[Tree] = []
    end = journal.head().seq
    while end >= 0 and len(found) < limit:
        begin = max(end - 999, 0)
        some = (_tree(entry) for entry in journal.tail(begin - 1, end - begin + 1))
        found = [tree for tree in some if actor in (None, tree["actor"])] + found
        end = begin - 1
    return found[len(found) - limit :] if limit < len(found) else found


def _tree(entry: Entry) -> Tree:
    from voltadesk.clock import utc_text

    fields = entry.fields
    return {
        "entry": entry.seq,
        "time_utc": utc_text(fields["time_utc"]),
        "time": fields["time_utc"],
        "actor": fields["actor"],
        "kind": fields["kind"],
        "key": fields["key"],
        "outcome": fields["outcome"],
        "command": fields["command"],
        "effects": json.loads(entry.effects),
        "leaf": entry.leaf.hex(),
        "state_root": fields["state_root"],
    }


def _trades(journal: Journal, actor: str | None, after: int, limit: int | None = None) -> list[Tree]:
    """The last receipts of an actor's homes, plants and orders in the entries after that one."""
    if actor is None:
        return []
    from voltadesk.clock import utc_text
    from voltadesk.store.projection import trades

    return [
        {
            "entry": row.entry,
            "start_utc": utc_text(row.start_utc),
            "start": row.start_utc,
            "participant": row.participant,
            "actor": row.actor,
            "market": row.market,
            "energy_kwh": kwh(row.energy_wh),
            "price_per_mwh": price(row.price_tick),
            "amount": money_decimal(row.amount_e8),
            "fees": money_decimal(row.fees_e8),
        }
        for row in deque(trades(journal, actor, after), limit)
    ]


def _tail_view(at: Session, entries: list[Tree], trades: list[Tree]) -> View:
    rows = [
        (str(e["entry"]), at.local(e.pop("time")), e["actor"], e["kind"], e["outcome"], _effects(e["effects"]))
        for e in entries
    ]
    receipts: list[Row] = [
        (
            str(t["entry"]),
            at.local(t.pop("start")),
            t["participant"],
            t["market"],
            *(exact(t[name]) for name in ("energy_kwh", "price_per_mwh", "amount", "fees")),
        )
        for t in trades
    ]
    tables = [Table("entries", COLUMNS, rows, len(COLUMNS))] if rows else []
    tables += [Table("receipts", TRADES, receipts, 4)] if receipts else []
    return View({"entries": entries, "trades": trades}, tuple(tables))


def _effects(effects: dict[str, Any]) -> str:
    shown = {name: value for name, value in effects.items() if name not in ("results", "code")}
    return " ".join(f"{name}={_short(value)}" for name, value in shown.items() if value not in ("", []))


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(_short(item) if not isinstance(item, list) else ":".join(map(str, item)) for item in value)
    return str(value)


def _show_more(at: Session, view: View) -> None:
    """What is new, at once: whole lines, an object each for programs."""
    if not at.as_json:
        show(view, as_json=False)
    else:
        for tree in (*view.tree["entries"], *view.tree["trades"]):
            typer.echo(json_line(tree))
    sys.stdout.flush()
