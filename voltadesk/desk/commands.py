"""Every command that changes a desk, as it is signed and journaled.

A command is a tree of plain values: amounts are decimal texts in the unit the field names, never floats, so that what
was signed reads the same everywhere. Parsing turns them into the integers the desk counts in.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, StrictBool, StringConstraints, ValidationError

from voltadesk.desk.refusal import NAME, Refusal
from voltadesk.errors import BadInput
from voltadesk.units import ENERGY_LIMIT_WH, MONEY_LIMIT_E8, POWER_LIMIT_W, PRICE_LIMIT_TICK, parse_scaled


def _text(decimals: int, low: int, high: int) -> BeforeValidator:
    def parse(value: object) -> int:
        if not isinstance(value, str):
            raise BadInput("", value, "must be a decimal number as text")
        return parse_scaled(value, "", decimals, low, high)

    return BeforeValidator(parse)


Name = Annotated[str, StringConstraints(pattern=f"^{NAME.pattern}$")]
Money = Annotated[int, _text(8, 1, MONEY_LIMIT_E8)]
MoneyOrNothing = Annotated[int, _text(8, 0, MONEY_LIMIT_E8)]
Price = Annotated[int, _text(2, -PRICE_LIMIT_TICK, PRICE_LIMIT_TICK)]
Power = Annotated[int, _text(3, 1, POWER_LIMIT_W)]
Energy = Annotated[int, _text(3, 0, ENERGY_LIMIT_WH)]
Capacity = Annotated[int, _text(3, 1, ENERGY_LIMIT_WH)]
Efficiency = Annotated[int, _text(6, 1, 1_000_000)]
Percent = Annotated[int, _text(2, 1, 10_000)]
Shares = Annotated[int, _text(8, 1, MONEY_LIMIT_E8)]
PublicKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{43}=$")]


class Command(BaseModel):
    """What an actor asks for; `kind` is its name in the journal."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: ClassVar[str]


class ActorAdd(Command):
    """A new actor with its public key, without roles."""

    kind = "actor.add"
    name: Name
    public_key: PublicKey


class ActorRotateKey(Command):
    """A new key for the actor that signs."""

    kind = "actor.rotate-key"
    public_key: PublicKey


class RoleGrant(Command):
    """Give an actor a role; a role it has stays as it is."""

    kind = "role.grant"
    actor: Name
    role: Literal["admin", "operator", "investor", "auditor"]


class RoleRevoke(Command):
    """Take a role from an actor."""

    kind = "role.revoke"
    actor: Name
    role: Literal["owner", "admin", "operator", "investor", "auditor"]


class OwnerTransfer(Command):
    """Offer one's ownership to another actor, who has to accept it."""

    kind = "owner.transfer"
    actor: Name


class OwnerAccept(Command):
    """Accept the ownership that was offered; whoever offered it stops being owner."""

    kind = "owner.accept"


class BatteryAdd(Command):
    """Register a battery that the fund does not pay for."""

    kind = "battery.add"
    battery: Name
    serial: Name
    capacity_kwh: Capacity
    charge_kw: Power
    discharge_kw: Power
    fill_kwh: Energy = 0
    charge_efficiency: Efficiency = 1_000_000
    discharge_efficiency: Efficiency = 1_000_000
    wear_cost: Annotated[int, _text(2, 0, PRICE_LIMIT_TICK)] = 0
    buy_limit: Price | None = None
    sell_limit: Price | None = None


class BatteryBuy(BatteryAdd):
    """Buy a battery with the fund's free cash and register it."""

    kind = "battery.buy"
    cost: Money


class BatterySet(Command):
    """Change when a battery buys and sells, or what wear costs."""

    kind = "battery.set"
    battery: Name
    buy_limit: Price | None = None
    sell_limit: Price | None = None
    wear_cost: Annotated[int, _text(2, 0, PRICE_LIMIT_TICK)] | None = None


class BatteryRetire(Command):
    """Take a battery out of service: what it holds is sold at a price, or written off without one."""

    kind = "battery.retire"
    battery: Name
    price: Price | None = None
    scrap: MoneyOrNothing = 0


class FundInvest(Command):
    """Put money in, for shares at net asset value."""

    kind = "fund.invest"
    amount: Money


class FundRedeem(Command):
    """Ask for shares to be paid out from free cash, in order of request."""

    kind = "fund.redeem"
    shares: Shares


class FundDeclare(Command):
    """Declare a dividend, by amount or as a percentage of free cash."""

    kind = "fund.declare"
    amount: Money | None = None
    percent: Percent | None = None
    return_of_capital: StrictBool = False


class FundWithdraw(Command):
    """Take out all dividends due to the actor that signs."""

    kind = "fund.withdraw"


class MarketHalt(Command):
    """Stop all trading and buying."""

    kind = "market.halt"
    reason: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class MarketResume(Command):
    """Go on after a halt."""

    kind = "market.resume"


COMMANDS: dict[str, type[Command]] = {
    command.kind: command
    for command in (
        ActorAdd,
        ActorRotateKey,
        RoleGrant,
        RoleRevoke,
        OwnerTransfer,
        OwnerAccept,
        BatteryAdd,
        BatteryBuy,
        BatterySet,
        BatteryRetire,
        FundInvest,
        FundRedeem,
        FundDeclare,
        FundWithdraw,
        MarketHalt,
        MarketResume,
    )
}


def parse_command(kind: str, body: dict[str, Any]) -> Command:
    """The command of that kind from plain values. Raises Refusal BAD_VALUE naming field, value and limit."""
    if kind not in COMMANDS:
        raise Refusal("BAD_VALUE", "kind", kind, f"must be one of {', '.join(COMMANDS)}")
    try:
        return COMMANDS[kind].model_validate(body)
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        field = ".".join(str(step) for step in details["loc"])
        cause = details.get("ctx", {}).get("error")
        if isinstance(cause, BadInput):
            raise Refusal("BAD_VALUE", field, cause.value, cause.limit) from None
        limit = "must be given" if details["type"] == "missing" else details["msg"][0].lower() + details["msg"][1:]
        raise Refusal("BAD_VALUE", field, "" if details["type"] == "missing" else details["input"], limit) from None
