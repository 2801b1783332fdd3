"""How a settlement's payments are made, and the files for the bank.

By direct debit or credit transfer; by hand where the rules lack a mandate or an account.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from voltadesk.community.bank import Bank, banking_day
from voltadesk.community.rules import Community, Member
from voltadesk.errors import BadInput
from voltadesk.report.sepa import COLLECT, PAY_OUT, Account, Order, Payment, sepa_xml
from voltadesk.report.summary import Tree

WAYS = {"collect": ("direct debit", "no mandate"), "pay out": ("credit transfer", "no IBAN")}


def with_payments(tree: Tree, rules: Community, issued: date | None) -> Tree:
    """The figures of `settled`, with the day of issue and, by the rules' `bank`, the way and the day of each payment.

    Raises BadInput for a mandate that was signed after the day of issue.
    """
    if rules.bank is not None and issued is not None:
        for n, member in enumerate(rules.members):
            if member.mandate_signed is not None and member.mandate_signed > issued:
                limit = f"must not be after the day of issue ({issued})"
                raise BadInput(f"members[{n}].mandate_signed", member.mandate_signed, limit)
    members = {member.name: member for member in rules.members}
    return tree | {"periods": [_period(period, rules.bank, rules, members, issued) for period in tree["periods"]]}


def bank_files(tree: Tree, rules: Community) -> Iterator[tuple[str, str]]:
    """Name and text of each file for the bank; `tree` is of `with_payments`. Raises BadInput as `sepa_xml` does."""
    members = {member.name: member for member in rules.members}
    for period in tree["periods"]:
        for key, direction in (("collect", "collect"), ("pay_out", "pay out")):
            if rules.bank is None or period["bank"][key]["file"] is None:
                continue
            rows = [row for row in period["payments"] if row["by"] == WAYS[direction][0]]
            order = Order(
                COLLECT if direction == "collect" else PAY_OUT,
                Account(_holder(rules), rules.bank.iban, rules.bank.bic),
                rules.bank.creditor_id,
                date.fromisoformat(period["issued"]),
                date.fromisoformat(period["bank"]["due"]),
                [_payment(row, members[row["member"]], rules) for row in rows],
            )
            yield period["bank"][key]["file"], sepa_xml(order)


def _payment(row: Tree, member: Member, rules: Community) -> Payment:
    account = Account(member.title or member.name, member.iban or "")
    about = f"Statement {row['statement']}, {rules.title or rules.name}"
    return Payment(row["statement"], row["amount"], account, about, member.mandate, member.mandate_signed)


def _holder(rules: Community) -> str:
    return (rules.bank and rules.bank.holder) or rules.title or rules.name


def _period(period: Tree, bank: Bank | None, rules: Community, members: dict[str, Member], issued: date | None) -> Tree:
    due = None if bank is None or issued is None else str(banking_day(issued + timedelta(days=bank.due_days)))
    # Who was billed before may be no member any more: without an account or a mandate, as far as the rules know.
    payments = [row | {"by": _way(row, members.get(row["member"])) if bank else None} for row in period["payments"]]
    told = {row["member"]: _told(row, members.get(row["member"]), rules, due) for row in payments} if bank else {}
    return period | {
        "issued": None if issued is None else str(issued),
        "members": [member | {"payment": told.get(member["name"])} for member in period["members"]],
        "payments": payments,
        "bank": {
            "due": due,
            "collect": _order_figures(payments, "collect", due and f"collect-{period['period']}.xml"),
            "pay_out": _order_figures(payments, "pay out", due and f"pay-out-{period['period']}.xml"),
        }
        if bank
        else None,
    }


def _way(row: Tree, member: Member | None) -> str:
    by_bank, by_hand = WAYS[row["direction"]]
    return by_bank if member and (member.mandate if row["direction"] == "collect" else member.iban) else by_hand


def _order_figures(payments: list[Tree], direction: str, file: str | None) -> Tree:
    """What is in the file of a direction and what is not: together all payments of that direction."""
    inside, outside = ([row["amount"] for row in payments if row["by"] == way] for way in WAYS[direction])
    return {
        "file": file if inside else None,
        "payments": len(inside),
        "amount": sum(inside, Decimal("0.00")),
        "left_out_payments": len(outside),
        "left_out_amount": sum(outside, Decimal("0.00")),
    }


def _told(row: Tree, member: Member | None, rules: Community, due: str | None) -> Tree:
    """What a member is told of its payment: of its own account only begin and end, the community's in full."""
    bank = rules.bank
    assert bank is not None
    debit, to_community = row["by"] == "direct debit", row["by"] == "no mandate"
    iban = member.iban if member else None
    shown = None if iban is None else f"{iban[:4]}…{iban[-4:]}"
    return {
        "by": row["by"],
        "due": None if row["by"] == "no IBAN" else due,
        "holder": _holder(rules) if to_community else None,
        "iban": bank.iban if to_community else shown,
        "mandate": member.mandate if debit and member else None,
        "creditor_id": bank.creditor_id if debit else None,
    }
