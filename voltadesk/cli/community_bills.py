"""`voltadesk community post|pay|statements`: a settlement in the desk's books, and who has paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltadesk.cli.session import Session, told_by
from voltadesk.cli.view import Table, Tree, View, exact
from voltadesk.errors import BadInput
from voltadesk.units import decimal_text, money_decimal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltadesk.community.billed_files import BilledFile, BilledMember, BilledPeriod
    from voltadesk.desk.bill import Bill

POST = told_by(
    "Post a settlement to the desk's ledger: what each member owes, and to whom it goes.",
    "community post jan",
    "community post jan --key jan --json",
    more="DIR is what 'community settle --out' wrote. Each of its periods is one entry of the journal, all of them or "
    "none. Of a period that was posted before, only the difference is posted: settle it with --billed.",
)
PAY = told_by(
    "Record that a statement was paid, or paid out to its member.",
    "community pay flats-2026-01-003",
    "community pay flats-2026-01-003 --amount 12.34",
    "community pay flats-2026-01-003 --as flat-3",
    "community pay flats-2026-01-003 --returned",
    more="An admin records what the community's bank tells; a member who is an actor of the desk pays its own. "
    "--returned records that a payment came back, or was recorded by mistake: then it is open again.",
)
STATEMENTS = told_by(
    "The statements that were posted, what is paid of them and what is open.",
    "community statements --unpaid",
    "community statements --community flats --period 2026-01 --json",
)


def post(
    at: Session, settlement: Annotated[str, typer.Argument(metavar="DIR", help="What settle --out wrote.")]
) -> View:
    from voltadesk.community.billed_files import read_billed_file

    file = read_billed_file(settlement, "settlement")
    if not file.periods:
        raise BadInput("periods", "[]", "must hold one at least", file.place)
    bodies = {period.period: _body(file, period) for period in file.periods}
    for n, period in enumerate(file.periods):
        _require_postable(at, file, period, bodies[period.period], is_first=n == 0)
    receipts = at.seat.execute_all("community.post", bodies, at.key)
    views = [at.told("community.post", receipt, key) for key, receipt in receipts.items()]
    return View({"posted": [view.tree for view in views]}, tuple(table for view in views for table in view.tables))


def _body(file: BilledFile, period: BilledPeriod) -> dict[str, Any]:
    """The command that posts a period."""
    own: dict[str, int] = {}
    for member in period.members:
        for party, amount_e8 in member.billed_e8.items() if member.shared else ():
            own[party] = own.get(party, 0) + amount_e8
    body = {
        "community": file.name,
        "period": period.period,
        "currency": file.currency,
        "settlement": file.sha256,
        "statements": [_statement(member) for member in period.members if member.statement is not None],
    }
    return body | ({"own": _texts(own)} if own else {})


def _statement(member: BilledMember) -> dict[str, Any]:
    assert member.payable is not None
    body = {
        "number": member.statement,
        "member": member.name,
        "billed": _texts(member.billed_e8),
        "payable": decimal_text(member.payable, 8, 2),
    }
    return body | ({} if member.corrects is None else {"corrects": member.corrects})


def _texts(billed: Mapping[str, int]) -> dict[str, str]:
    return {party: decimal_text(amount_e8, 8, 2) for party, amount_e8 in billed.items()}


def _require_postable(
    at: Session, file: BilledFile, period: BilledPeriod, body: dict[str, Any], is_first: bool
) -> None:
    """Raises Refusal where a period can't be posted, before any other is; the first one the desk refuses itself."""
    from voltadesk.desk.commands import CommunityPost, parse_command

    if at.key is not None and at.desk.find(at.actor, f"{at.key}-{period.period}") is not None:
        return  # asked again: the desk answers as it did
    bills, command = at.book.bills, parse_command("community.post", body)
    assert isinstance(command, CommunityPost)
    if not is_first:
        bills.require_new(command)
    members = [member for member in period.members if not member.shared]
    rest = {member.name: member.billed_e8 for member in members if member.statement is None}
    bills.require_rest(file.name, period.period, [row.member for row in command.statements], rest)


def pay(
    at: Session,
    statement: Annotated[str, typer.Argument(metavar="NUMBER", help="The statement's number.")],
    amount: Annotated[str | None, typer.Option(metavar="MONEY", help="A part; else all that is open.")] = None,
    returned: Annotated[bool, typer.Option("--returned", help="It came back: all that is paid, or --amount.")] = False,
) -> View:
    return at.ask("community.pay", statement=statement, amount=amount, returned=returned or None)


def statements(
    at: Session,
    community: Annotated[str | None, typer.Option(metavar="NAME", help="Only of that community.")] = None,
    period: Annotated[str | None, typer.Option(metavar="PERIOD", help="Only of that period, such as 2026-01.")] = None,
    unpaid: Annotated[bool, typer.Option("--unpaid", help="Only those of which something is open.")] = False,
) -> View:
    book = at.book
    currency, bills = book.ledger.currency, book.bills
    for n, (field, given) in enumerate((("community", community), ("period", period))):
        known = sorted({key[n] for key in bills.periods})
        if given is not None and given not in known:
            raise BadInput(field, given, f"must be one that was posted: {', '.join(known) or 'none was'}")
    wanted = [key for key in sorted(bills.periods) if community in (None, key[0]) and period in (None, key[1])]
    found = [bills.by_number[number] for key in wanted for number in bills.periods[key].numbers]
    shown = [bill for bill in found if bill.open_e8 or not unpaid]
    totals = {
        "payable": money_decimal(sum(bill.payable_e8 for bill in shown)),
        "paid": money_decimal(sum(bill.paid_e8 for bill in shown)),
        "open": money_decimal(sum(bill.open_e8 for bill in shown)),
        "to_collect": money_decimal(sum(max(bill.open_e8, 0) for bill in shown)),
        "to_pay_out": money_decimal(-sum(min(bill.open_e8, 0) for bill in shown)),
    }
    posted = [
        {"community": key[0], "period": key[1], "entry": entry, "settlement_sha256": digest}
        for key in wanted
        for digest, entry in sorted(bills.periods[key].entries.items(), key=lambda row: row[1])
    ]
    tree = {"currency": currency, "statements": [_tree(bill) for bill in shown], **totals, "posted": posted}
    rows = [
        (bill.number, bill.member, bill.corrected_by, str(bill.entry), *map(exact, _money(bill).values()))
        for bill in shown
    ]
    rows.append(("in all", "", "", "", *(exact(totals[name]) for name in ("payable", "paid", "open"))))
    columns = ("statement", "member", "corrected by", "entry", *(f"{name} {currency}" for name in _MONEY))
    return View(tree, (Table("statements", columns, rows, 3),))


_MONEY = ("payable", "paid", "open")


def _money(bill: Bill) -> Tree:
    return dict(zip(_MONEY, map(money_decimal, (bill.payable_e8, bill.paid_e8, bill.open_e8)), strict=True))


def _tree(bill: Bill) -> Tree:
    return {
        "statement": bill.number,
        "community": bill.community,
        "period": bill.period,
        "member": bill.member,
        "entry": bill.entry,
        **_money(bill),
        "corrects": bill.corrects or None,
        "corrected_by": bill.corrected_by or None,
    }
