"""`voltadesk plant …`: what power plants can make and what they ask."""

from __future__ import annotations

from typing import Annotated

import typer

from voltadesk.cli.session import Session, command, group, told_by
from voltadesk.cli.span import Outages, outage_rows, outages
from voltadesk.cli.view import Table, Tree, View, exact, facts, kwh, price

app = group(
    told_by(
        "What power plants can make and what they ask.",
        "plant list",
        "plant set waste --marginal-cost 21.50",
        "plant set waste --owner ann",
    )
)

Name = Annotated[str, typer.Argument(metavar="PLANT")]


@command(
    app,
    "set",
    told_by(
        "Change a plant, from the next interval on.",
        "plant set waste --capacity-kw 20 --as ann",
        "plant set waste --outage 2026-05-26T08:00/2026-05-26T12:00/10 --as ann",
        "plant set waste --owner ann",
        more="The owner is set by owners and admins; the rest by the plant's owner, admins and operators.",
    ),
    signs=True,
)
def set_(
    at: Session,
    plant: Name,
    owner: Annotated[str | None, typer.Option(metavar="NAME", help="An actor of the desk.")] = None,
    capacity_kw: Annotated[str | None, typer.Option(metavar="KW", help="Up to what was built.")] = None,
    marginal_cost: Annotated[str | None, typer.Option(metavar="PRICE", help="Per MWh.")] = None,
    outage: Outages = None,
) -> View:
    return at.ask(
        "plant.set",
        plant=plant,
        owner=owner,
        capacity_kw=capacity_kw,
        marginal_cost=marginal_cost,
        outages=outages(at, outage, "available_kw"),
    )


@command(app, "list", told_by("All plants, or an owner's.", "plant list", "plant list --owner ann --json"))
def list_(at: Session, owner: Annotated[str | None, typer.Option(metavar="NAME", help="Only theirs.")] = None) -> View:
    plants = [tree for tree in (_tree(at, name) for name in at.market.plant_names) if owner in (None, tree["owner"])]
    rows = [
        (
            p["plant"],
            p["owner"] or "",
            exact(p["capacity_kw"]),
            exact(p["marginal_cost_per_mwh"]),
            exact(len(p["outages"])),
        )
        for p in plants
    ]
    return View({"plants": plants}, (Table("plants", ("plant", "owner", "kW", "asks per MWh", "outages"), rows, 2),))


@command(app, "show", told_by("One plant.", "plant show waste"))
def show(at: Session, plant: Name) -> View:
    tree = _tree(at, plant)
    tables = [facts(plant, [(name, value) for name, value in tree.items() if name != "outages"])]
    if tree["outages"]:
        tables.append(outage_rows(at, tree["outages"], "available_kw"))
    return View(tree, tuple(tables))


def _tree(at: Session, name: str) -> Tree:
    from voltadesk.clock import utc_text

    plant = at.market.plant(name)
    return {
        "plant": name,
        "owner": plant.owner or None,
        "capacity_kw": kwh(plant.capacity_w),
        "marginal_cost_per_mwh": price(plant.marginal_cost_tick),
        "outages": [
            {"begin_utc": utc_text(begin), "end_utc": utc_text(end), "available_kw": kwh(left_w)}
            for begin, end, left_w in plant.outages
        ],
    }
