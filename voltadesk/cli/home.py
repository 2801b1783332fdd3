"""`voltadesk home …`: how homes take part in the market."""

from __future__ import annotations

from typing import Annotated

import typer

from voltadesk.cli.session import Session, command, group, told_by
from voltadesk.cli.view import Table, Tree, View, exact, facts, percent, price, yes

app = group(
    told_by(
        "How homes take part in the market.",
        "home list",
        "home set flats-01 --no-flexible --as ann",
        "home set flats-01 --owner ann",
    )
)

Name = Annotated[str, typer.Argument(metavar="HOME")]
Price = Annotated[str | None, typer.Option(metavar="PRICE", help="Per MWh.")]
Percent = Annotated[str | None, typer.Option(metavar="PERCENT")]


@command(
    app,
    "set",
    told_by(
        "Change how a home takes part, from the next interval on.",
        "home set houses-03 --flexible-limit 95 --offered-percent 50 --as ann",
        "home set houses-03 --appliances-percent 0 --as ann",
        "home set houses-03 --owner ann",
        more="The owner is set by owners and admins; the rest by the home's owner, admins and operators.",
    ),
    signs=True,
)
def set_(
    at: Session,
    home: Name,
    owner: Annotated[str | None, typer.Option(metavar="NAME", help="An actor of the desk.")] = None,
    in_community: Annotated[bool | None, typer.Option(help="Whether it trades with other homes.")] = None,
    offer_limit: Price = None,
    flexible: Annotated[bool | None, typer.Option(help="Whether flexible load runs.")] = None,
    flexible_limit: Price = None,
    appliances_percent: Percent = None,
    offered_percent: Percent = None,
) -> View:
    return at.ask(
        "home.set",
        home=home,
        owner=owner,
        in_community=in_community,
        offer_limit=offer_limit,
        flexible=flexible,
        flexible_limit=flexible_limit,
        appliances_percent=appliances_percent,
        offered_percent=offered_percent,
    )


@command(app, "list", told_by("All homes, or an owner's.", "home list", "home list --owner ann --json"))
def list_(at: Session, owner: Annotated[str | None, typer.Option(metavar="NAME", help="Only theirs.")] = None) -> View:
    homes = [tree for tree in (_tree(at, name) for name in at.market.home_names) if owner in (None, tree["owner"])]
    rows = [
        (
            h["home"],
            h["owner"] or "",
            yes(h["in_community"]),
            yes(h["flexible"]),
            exact(h["offer_limit_per_mwh"]),
            "" if h["flexible_limit_per_mwh"] is None else exact(h["flexible_limit_per_mwh"]),
            exact(h["appliances_percent"]),
            exact(h["offered_percent"]),
        )
        for h in homes
    ]
    columns = ("home", "owner", "community", "flexible", "offers from", "flexible to", "appliances %", "offered %")
    return View({"homes": homes}, (Table("homes", columns, rows, 4),))


@command(app, "show", told_by("One home.", "home show flats-01"))
def show(at: Session, home: Name) -> View:
    tree = _tree(at, home)
    return View(tree, (facts(home, tree.items()),))


def _tree(at: Session, name: str) -> Tree:
    home = at.market.home(name)
    return {
        "home": name,
        "owner": home.owner or None,
        "in_community": home.in_community,
        "offer_limit_per_mwh": price(home.offer_limit_tick),
        "flexible": home.flexible,
        "flexible_limit_per_mwh": price(home.flexible_limit_tick),
        "appliances_percent": percent(home.appliances_bp),
        "offered_percent": percent(home.offered_bp),
    }
