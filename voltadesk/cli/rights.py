"""`voltadesk role …` and `voltadesk owner …`: who may do what."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from voltadesk.cli.session import Session, command, group, told_by
from voltadesk.cli.view import Table, View

role = group(told_by("Roles, and who has them.", "role grant ann investor", "role revoke ann investor", "role list"))
owner = group(told_by("Hand over ownership, in two steps.", "owner transfer ann", "owner accept --as ann"))

Actor = Annotated[str, typer.Argument(metavar="ACTOR")]
Granted = Annotated[Literal["admin", "operator", "investor", "auditor"], typer.Argument(metavar="ROLE")]
Revoked = Annotated[Literal["owner", "admin", "operator", "investor", "auditor"], typer.Argument(metavar="ROLE")]
ROLES = "admin buys batteries, declares dividends, posts bills and grants roles (owners make admins); "
ROLES += "operator runs the market; "
ROLES += "investor puts money in and trades; auditor is one who looks. Owners are made by 'owner transfer'."


@command(role, "grant", told_by("Give a role.", "role grant ann investor", more=ROLES), signs=True)
def grant(at: Session, actor: Actor, role: Granted) -> View:
    return at.ask("role.grant", actor=actor, role=role)


@command(role, "revoke", told_by("Take a role.", "role revoke ann investor"), signs=True)
def revoke(at: Session, actor: Actor, role: Revoked) -> View:
    return at.ask("role.revoke", actor=actor, role=role)


@command(role, "list", told_by("Each role and who has it.", "role list", "role list --json"))
def list_(at: Session) -> View:
    from voltadesk.desk.roles import ROLES

    actors = sorted(at.book.actors.by_name.values(), key=lambda actor: actor.name)
    held = {role: [actor.name for actor in actors if role in actor.roles] for role in ROLES}
    rows = [(role, " ".join(names)) for role, names in held.items()]
    return View({"roles": held}, (Table("roles", ("role", "who has it"), rows, 2),))


@command(
    owner,
    "transfer",
    told_by(
        "Offer one's ownership to another actor: it stays one's own until the other accepts.",
        "owner transfer ann",
        more="Another offer replaces it.",
    ),
    signs=True,
)
def transfer(at: Session, actor: Actor) -> View:
    return at.ask("owner.transfer", actor=actor)


@command(
    owner,
    "accept",
    told_by("Accept the ownership one was offered: whoever offered it stops being owner.", "owner accept --as ann"),
    signs=True,
)
def accept(at: Session) -> View:
    return at.ask("owner.accept")
