"""`voltadesk fund …`: money in, money out, and what belongs to whom."""

from __future__ import annotations

from typing import Annotated

import typer

from voltadesk.cli.session import Session, command, group, told_by
from voltadesk.cli.view import Table, Tree, View, exact, facts, kwh, label
from voltadesk.units import money_decimal

app = group(
    told_by(
        "Money in, money out, and what belongs to whom.",
        "fund invest 1000 --as ann",
        "fund declare --percent 50",
        "fund withdraw --as ann",
        "fund nav",
    )
)


@command(
    app,
    "invest",
    told_by(
        "Put money in, for shares at net asset value.",
        "fund invest 1000 --as ann",
        "fund invest 0.01 --as ann --key may-transfer",
    ),
    signs=True,
)
def invest(
    at: Session, amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="In the desk's currency.")]
) -> View:
    return at.ask("fund.invest", amount=amount)


@command(
    app,
    "redeem",
    told_by(
        "Ask to be paid for shares, from free cash, in order of request.",
        "fund redeem 250 --as ann",
        more="What can't be paid at once waits; 'fund holdings' shows it, 'fund cancel' takes it back.",
    ),
    signs=True,
)
def redeem(at: Session, shares: Annotated[str, typer.Argument(metavar="SHARES")]) -> View:
    return at.ask("fund.redeem", shares=shares)


@command(app, "cancel", told_by("Take a waiting redemption back.", "fund cancel 3 --as ann"), signs=True)
def cancel(at: Session, redemption: Annotated[str, typer.Argument(metavar="NUMBER", help="Its number.")]) -> View:
    return at.ask("fund.cancel", redemption=redemption)


@command(
    app,
    "declare",
    told_by(
        "Declare a dividend: an amount, or a percentage of the free cash above the reserve.",
        "fund declare 10000",
        "fund declare --percent 50",
        "fund declare 5000 --return-of-capital",
        more="It comes out of realised profit unless it is called a return of capital.",
    ),
    signs=True,
)
def declare(
    at: Session,
    amount: Annotated[str | None, typer.Argument(metavar="AMOUNT", help="In the desk's currency.")] = None,
    percent: Annotated[str | None, typer.Option(metavar="PERCENT", help="Of free cash above the reserve.")] = None,
    return_of_capital: Annotated[bool, typer.Option("--return-of-capital", help="Not out of profit.")] = False,
) -> View:
    return at.ask("fund.declare", amount=amount, percent=percent, return_of_capital=return_of_capital)


@command(app, "withdraw", told_by("Take out all dividends due to oneself.", "fund withdraw --as ann"), signs=True)
def withdraw(at: Session) -> View:
    return at.ask("fund.withdraw")


@command(
    app,
    "nav",
    told_by("Net asset value, and what it is made of.", "fund nav", "fund nav --json"),
)
def nav(at: Session) -> View:
    book = at.book
    fund, total = book.fund, book.ledger.total
    currency = book.ledger.currency
    money = {
        "free_cash": fund.free_e8,
        "reserved_cash": fund.money_e8("fund:cash:reserved"),
        "batteries": total("fund:battery:*:book", currency),
        "stored_energy": fund.energy_worth_e8,
        "net_asset_value": fund.nav_e8,
        "capital": fund.capital_e8,
        "realised_profit": fund.realised_profit_e8,
        "reserve": fund.reserve_e8,
        "distributable": fund.distributable_e8,
        "distributable_profit": fund.distributable_profit_e8,
        "dividends_due": fund.money_e8("fund:cash:dividends"),
    }
    tree: Tree = {"currency": currency} | {name: money_decimal(amount_e8) for name, amount_e8 in money.items()}
    tree["shares"] = money_decimal(fund.shares_issued)
    tree["stored_kwh"] = kwh(total("fund:battery:*:wh", "WH"))
    rows = [(label(name), exact(value)) for name, value in tree.items() if name != "currency"]
    return View(tree, (Table(f"fund, in {currency}", ("", "now"), rows),))


@command(app, "holdings", told_by("Who holds shares, what they are worth, what is due.", "fund holdings"))
def holdings(at: Session) -> View:
    fund, currency = at.book.fund, at.book.ledger.currency
    holders: list[Tree] = [
        {
            "actor": name,
            "shares": money_decimal(fund.holding(name)),
            "waiting_shares": money_decimal(fund.waiting(name)),
            "worth": money_decimal(fund.worth_e8(fund.holding(name))),
            "dividends_due": money_decimal(sum(fund.investors[name].due.values())),
        }
        for name in sorted(fund.investors)
    ]
    queue: list[Tree] = [
        {"redemption": request.number, "actor": request.actor, "shares": money_decimal(request.shares)}
        for request in fund.queue
    ]
    names = ("shares", "waiting_shares", "worth", "dividends_due")
    rows = [(h["actor"], *(exact(h[name]) for name in names)) for h in holders]
    columns = ("investor", "shares", "waiting", f"worth {currency}", f"dividends due {currency}")
    tables = [Table("holdings", columns, rows)]
    if queue:
        waiting = [(str(q["redemption"]), q["actor"], exact(q["shares"])) for q in queue]
        tables.append(Table("waiting to be redeemed, in this order", ("number", "investor", "shares"), waiting, 2))
    return View({"currency": currency, "holders": holders, "redemptions": queue}, tuple(tables))


@command(
    app,
    "statement",
    told_by(
        "All that an investor has in the fund: each investment, shares, worth, dividends.",
        "fund statement ann",
        "fund statement ann --json",
    ),
)
def statement(at: Session, investor: Annotated[str, typer.Argument(metavar="INVESTOR")]) -> View:
    currency = at.book.ledger.currency
    told = at.desk.statement(investor)
    investments = [
        {"entry": row.entry, "amount": money_decimal(row.amount_e8), "shares": money_decimal(row.shares)}
        for row in told.investments
    ]
    money = {
        "shares": told.shares,
        "waiting_shares": told.shares_waiting,
        "worth": told.worth_e8,
        "invested": told.invested_e8,
        "redeemed": told.redeemed_e8,
        "dividends_declared": told.declared_e8,
        "dividends_withdrawn": told.withdrawn_e8,
        "dividends_due": told.due_e8,
    }
    figures = {name: money_decimal(amount) for name, amount in money.items()}
    rows = [(str(row.entry), *(exact(money_decimal(part)) for part in row[1:])) for row in told.investments]
    tables = (
        facts(f"{investor}, in {currency}", figures.items()),
        Table("investments", ("entry", f"amount {currency}", "shares"), rows),
    )
    return View({"actor": investor, "currency": currency, "investments": investments} | figures, tables)
