"""Who may do what: roles, the commands each allows, and what goes on while the desk is halted.

No role can pay out, redirect or re-key another's money: the commands that move an investor's money name no investor,
they act for whoever signed them.
"""

from __future__ import annotations

OWNER, ADMIN, OPERATOR, INVESTOR, AUDITOR = ROLES = ("owner", "admin", "operator", "investor", "auditor")

# Command -> roles of which one is needed; an empty set lets every actor.
ALLOWED: dict[str, frozenset[str]] = {
    "actor.add": frozenset({OWNER, ADMIN}),
    "actor.rotate-key": frozenset(),
    "actor.delegate": frozenset(),
    "actor.undelegate": frozenset(),
    "role.grant": frozenset({OWNER, ADMIN}),
    "role.revoke": frozenset({OWNER, ADMIN}),
    "owner.transfer": frozenset({OWNER}),
    "owner.accept": frozenset(),
    "battery.buy": frozenset({ADMIN}),
    "battery.add": frozenset({ADMIN}),
    "battery.set": frozenset({ADMIN, OPERATOR}),
    "battery.retire": frozenset({ADMIN}),
    "fund.invest": frozenset({INVESTOR}),
    "fund.redeem": frozenset({INVESTOR}),
    "fund.cancel": frozenset(),
    "fund.declare": frozenset({ADMIN}),
    "fund.withdraw": frozenset(),
    "market.halt": frozenset({OWNER, ADMIN, OPERATOR}),
    "market.resume": frozenset({OWNER, ADMIN}),
    "market.advance": frozenset({OPERATOR}),
    "market.publish": frozenset({OPERATOR}),
    "market.set": frozenset({ADMIN, OPERATOR}),
    "order.place": frozenset({INVESTOR}),
    "order.amend": frozenset({INVESTOR}),
    "order.cancel": frozenset(),
    "home.set": frozenset(),  # its owner, an admin or an operator: checked against the home itself
    "plant.set": frozenset(),
    "community.post": frozenset({ADMIN}),
    "community.pay": frozenset(),  # an admin, or the member of the statement: checked against the statement itself
}

# Who may grant and revoke a role. Owners are made by transfer and acceptance only.
GRANTED_BY: dict[str, frozenset[str]] = {
    ADMIN: frozenset({OWNER}),
    OPERATOR: frozenset({OWNER, ADMIN}),
    INVESTOR: frozenset({OWNER, ADMIN}),
    AUDITOR: frozenset({OWNER, ADMIN}),
}

# Nothing trades and nothing is bought while the desk is halted; what is owed can be paid, rights can be mended, and
# prices come in, as the want of one may be what halted it.
WHILE_HALTED = frozenset(
    {
        "actor.rotate-key",
        "actor.undelegate",
        "role.grant",
        "role.revoke",
        "owner.transfer",
        "owner.accept",
        "fund.cancel",
        "fund.withdraw",
        "community.pay",
        "order.cancel",
        "market.halt",
        "market.publish",
        "market.resume",
    }
)

# What a delegated key may sign: nothing that moves an investor's money, names keys or gives rights.
DELEGABLE = (
    "battery.set",
    "home.set",
    "market.advance",
    "market.halt",
    "market.publish",
    "order.amend",
    "order.cancel",
    "order.place",
    "plant.set",
)
DELEGATES_LIMIT = 20  # keys of one actor
