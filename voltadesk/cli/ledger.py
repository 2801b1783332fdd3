"""`voltadesk ledger …`: the books."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

import typer

from voltadesk.cli.session import Session, command, group, told_by
from voltadesk.cli.view import Table, Tree, View, exact, say
from voltadesk.errors import BadInput
from voltadesk.units import money_decimal

app = group(
    told_by(
        "The books: balances, entries, and an export that other programs check.",
        "ledger balances",
        "ledger entries --account fund:cash",
        "ledger export --format hledger --out desk.journal",
    )
)

Prefix = Annotated[str, typer.Option("--account", metavar="PREFIX", help="Only accounts that begin so.")]


@command(
    app,
    "balances",
    told_by("What each account holds.", "ledger balances", "ledger balances --account fund:cash --json"),
)
def balances(at: Session, account: Prefix = "") -> View:
    held = at.book.ledger.balances(account)
    trees = [{"account": row.account, "commodity": row.commodity, "amount": _amount(*row[1:])} for row in held]
    rows = [(row.account, row.commodity, exact(_amount(*row[1:]))) for row in held]
    return View({"balances": trees}, (Table("balances", ("account", "", "holds"), rows, 2),))


@command(
    app,
    "entries",
    told_by(
        "What was posted, oldest first.",
        "ledger entries --limit 20",
        "ledger entries --account fund:cash --after 100 --json",
    ),
)
def entries(
    at: Session,
    account: Prefix = "",
    after: Annotated[int, typer.Option(metavar="SEQ", help="Only entries after that one.")] = -1,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="At most so many entries.")] = None,
) -> View:
    from voltadesk.clock import utc_text
    from voltadesk.store.projection import ledger_entries

    found = list(islice(ledger_entries(at.desk.postings(after, account)), limit))
    trees: list[Tree] = [
        {
            "entry": entry.number,
            "time_utc": utc_text(entry.time_utc),
            "text": entry.text,
            "postings": [
                {"account": row.account, "commodity": row.commodity, "amount": _amount(*row[1:])}
                for row in entry.postings
            ],
        }
        for entry in found
    ]
    rows = [
        (str(entry.number), at.local(entry.time_utc), entry.text, row.account, row.commodity, exact(_amount(*row[1:])))
        for entry in found
        for row in entry.postings
    ]
    columns = ("entry", "time", "what", "account", "", "amount")
    return View({"entries": trees}, (Table("entries", columns, rows, 5),))


@command(
    app,
    "export",
    told_by(
        "The whole ledger for another program, with balance assertions that it checks.",
        "ledger export --format hledger --out desk.journal",
        "ledger export --format beancount --out desk.beancount",
        "ledger export --format jsonl | head",
        more="'hledger check -s -f desk.journal' and 'bean-check desk.beancount' accept it.",
    ),
)
def export(
    at: Session,
    format: Annotated[Literal["hledger", "beancount", "jsonl"], typer.Option("--format")] = "hledger",
    out: Annotated[str, typer.Option(metavar="FILE", help="Where to; - is stdout.")] = "-",
) -> View | None:
    from voltadesk.desk.export import lines

    texts = lines(at.desk.ledger_entries(), format, at.book.ledger.currency)
    if out == "-":
        sys.stdout.writelines(f"{line}\n" for line in texts)
        return None
    _write(Path(out), texts)
    say(f"written: {out}")
    return View({"format": format, "file": out}) if at.as_json else None


def _write(path: Path, texts: Iterable[str]) -> None:
    """Write lines to a file, all or none."""
    work = path.with_name(f".{path.name}.part")
    try:
        with work.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in texts)
        work.replace(path)
    except OSError as error:
        raise BadInput("out", str(path), (error.strerror or "can't be written").lower()) from None
    finally:
        with suppress(OSError):
            work.unlink(missing_ok=True)


def _amount(commodity: str, amount: int) -> Decimal | int:
    """Whole Wh; money and shares with their decimals."""
    return amount if commodity == "WH" else money_decimal(amount)
