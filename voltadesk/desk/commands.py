"""Every command that changes a desk, as it is signed and journaled.

A command is a tree of plain values: amounts are decimal texts in the unit the field names, never floats, so that what
was signed reads the same everywhere. Parsing turns them into the integers the desk counts in.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StringConstraints, ValidationError

from voltadesk.desk.refusal import NAME, Refusal
from voltadesk.desk.roles import DELEGABLE
from voltadesk.errors import BadInput, limit_of
from voltadesk.scenario.values import PUBLISHED_LIMIT, ROUNDS_LIMIT, TRADING_LIMIT_E8
from voltadesk.units import ENERGY_LIMIT_WH, MONEY_LIMIT_E8, POWER_LIMIT_W, PRICE_LIMIT_TICK, parse_scaled

ORDER_LIMIT_WH = 10**10
PARTY_LIMIT = 60  # characters, as in the rules of a community
STATEMENTS_LIMIT = 20_000  # of one settlement: the most members that a community has
CENTS_LIMIT = MONEY_LIMIT_E8 // 10**6


def _text(decimals: int, low: int, high: int) -> BeforeValidator:
    def parse(value: object) -> int:
        if not isinstance(value, str):
            raise BadInput("", value, "must be a decimal number as text")
        return parse_scaled(value, "", decimals, low, high)

    return BeforeValidator(parse)


def moment_utc(value: object) -> int:
    """UTC second of a moment such as 2026-05-25T12:15Z, which is the one way to write it."""
    try:
        moment = datetime.strptime(str(value), "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)
    except ValueError:
        raise BadInput("", value, "must be a moment in UTC such as 2026-05-25T12:15Z") from None
    if not isinstance(value, str) or moment.strftime("%Y-%m-%dT%H:%MZ") != value:
        raise BadInput("", value, "must be a moment in UTC such as 2026-05-25T12:15Z")
    return int(moment.timestamp())


def _span(value: object) -> tuple[int, int]:
    """Seconds of the local day of a span such as 22:00-05:30; 24:00 is its end."""
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise BadInput("", value, "must be hours of the local day such as 22:00-05:30")
    begin, end = (int(hour) * 3600 + int(minute) * 60 for hour, minute in (found.group(1, 2), found.group(3, 4)))
    return begin, end


_SPAN = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]|24(?=:00)):([0-5][0-9])")


def _name(value: object) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise BadInput("", value, "must be 1 to 40 letters, digits, '.', '_' or '-'")
    return value


def _public_key(value: object) -> str:
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        raise BadInput("", value, "must be an Ed25519 public key: base64 of its 32 bytes, 44 characters")
    return value


def _party(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= PARTY_LIMIT or not value.isprintable():
        raise BadInput("", value, f"must be the name of a party, 1 to {PARTY_LIMIT} printable characters")
    return value


def _digest(value: object) -> str:
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise BadInput("", value, "must be a SHA-256 as 64 hexadecimal digits")
    return value


_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"[A-Za-z0-9+/]{43}=")

Name = Annotated[str, BeforeValidator(_name)]
Money = Annotated[int, _text(8, 1, MONEY_LIMIT_E8)]
MoneyOrNothing = Annotated[int, _text(8, 0, MONEY_LIMIT_E8)]
Price = Annotated[int, _text(2, -PRICE_LIMIT_TICK, PRICE_LIMIT_TICK)]
Power = Annotated[int, _text(3, 1, POWER_LIMIT_W)]
Energy = Annotated[int, _text(3, 0, ENERGY_LIMIT_WH)]
Capacity = Annotated[int, _text(3, 1, ENERGY_LIMIT_WH)]
Efficiency = Annotated[int, _text(6, 1, 1_000_000)]
Percent = Annotated[int, _text(2, 1, 10_000)]
Shares = Annotated[int, _text(8, 1, MONEY_LIMIT_E8)]
Moment = Annotated[int, BeforeValidator(moment_utc)]
DaySpan = Annotated[tuple[int, int], BeforeValidator(_span)]
Fee = Annotated[int, _text(2, 0, PRICE_LIMIT_TICK)]
PowerOrNone = Annotated[int, _text(3, 0, POWER_LIMIT_W)]
PercentOrNone = Annotated[int, _text(2, 0, 10_000)]
Number = Annotated[int, _text(0, 1, 10**12)]
Rounds = Annotated[int, _text(0, 1, ROUNDS_LIMIT)]
OrderEnergy = Annotated[int, _text(3, 1, ORDER_LIMIT_WH)]
TradingLimit = Annotated[int, _text(8, 0, TRADING_LIMIT_E8)]
Strategy = Literal["threshold", "timetable", "rolling", "day-ahead", "dual"]
PublicKey = Annotated[str, BeforeValidator(_public_key)]
Party = Annotated[str, BeforeValidator(_party)]
Balance = Annotated[int, _text(8, -MONEY_LIMIT_E8, MONEY_LIMIT_E8)]
Cents = Annotated[int, _text(2, 1, CENTS_LIMIT)]
Sha256 = Annotated[str, BeforeValidator(_digest)]
Reference = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=100)]


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


class ActorDelegate(Command):
    """Let another key sign some kinds of command for the signing actor, until a moment of the market's clock."""

    kind = "actor.delegate"
    public_key: PublicKey
    kinds: Annotated[list[str], Field(min_length=1, max_length=len(DELEGABLE))]
    until: Moment


class ActorUndelegate(Command):
    """Take back what a delegated key may sign."""

    kind = "actor.undelegate"
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
    standing_loss_percent_per_hour: Annotated[int, _text(4, 0, 10_000)] = 0
    minimum_fill_kwh: Energy = 0
    maximum_fill_kwh: Capacity | None = None
    wear_cost: Fee = 0
    strategy: Strategy = "threshold"
    buy_limit: Price | None = None
    sell_limit: Price | None = None
    charge: list[DaySpan] = Field(default_factory=list)
    discharge: list[DaySpan] = Field(default_factory=list)


class BatteryBuy(BatteryAdd):
    """Buy a battery with the fund's free cash and register it."""

    kind = "battery.buy"
    cost: Money


class Outage(BaseModel):
    """From one moment to another something has less power, or none."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    begin: Moment
    end: Moment


class BatteryOutage(Outage):
    """What share of its power a battery has meanwhile."""

    available_percent: PercentOrNone = 0


class BatterySet(Command):
    """Change when a battery buys and sells, within which fill and with which power; lists replace what was there."""

    kind = "battery.set"
    battery: Name
    strategy: Strategy | None = None
    buy_limit: Price | None = None
    sell_limit: Price | None = None
    charge: list[DaySpan] | None = None
    discharge: list[DaySpan] | None = None
    wear_cost: Fee | None = None
    charge_kw: Power | None = None
    discharge_kw: Power | None = None
    minimum_fill_kwh: Energy | None = None
    maximum_fill_kwh: Capacity | None = None
    outages: list[BatteryOutage] | None = None


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


class FundCancel(Command):
    """Take one's own request to be paid for shares out of the queue."""

    kind = "fund.cancel"
    redemption: Number


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


class MarketAdvance(Command):
    """Run the market's next interval; `interval` is its start, so that none is run twice."""

    kind = "market.advance"
    interval: Moment


class MarketPublish(Command):
    """Prices of the grid above for coming intervals, the first of which begins at `start`, and where they are from.

    `fetched` is when the source was asked, by the clock of whoever publishes.
    """

    kind = "market.publish"
    source: Reference
    start: Moment
    prices: Annotated[list[Price], Field(min_length=1, max_length=PUBLISHED_LIMIT)]
    fetched: Moment | None = None


class MarketSet(Command):
    """Change the market's rules from the next interval on."""

    kind = "market.set"
    pricing: Literal["uniform", "vertical-demand", "pay-as-bid"] | None = None
    price_rule: Literal["midpoint", "lowest", "highest"] | None = None
    floor: Price | None = None
    cap: Price | None = None
    margin: Fee | None = None
    grid_fee: Fee | None = None
    levy: Fee | None = None
    imbalance_spread: Fee | None = None
    community_rule: Literal["none", "discount", "mid-market", "supply-demand-ratio", "continuous"] | None = None
    community_discount_percent: PercentOrNone | None = None
    community_fee_percent: PercentOrNone | None = None
    community_grid_fee: Fee | None = None
    community_levy: Fee | None = None
    community_zic_percent: PercentOrNone | None = None
    community_rounds: Rounds | None = None
    band_low: Price | None = None
    band_high: Price | None = None
    trading_limit: TradingLimit | None = None


class OrderPlace(Command):
    """Buy or sell energy in the auction of the next interval, or of all that begin before `until`.

    With a `product`, the start of an interval that is open, in the order book of that interval instead; the last three
    fields are for that. Without a price it takes any. What it may cost at most is held until it is filled, cancelled or
    over.
    """

    kind = "order.place"
    side: Literal["buy", "sell"]
    quantity_kwh: OrderEnergy
    price: Price | None = None
    until: Moment | None = None
    product: Moment | None = None
    order_kind: Literal["limit", "market", "post-only", "iceberg"] | None = None
    tif: Literal["gfs", "gtt", "ioc", "fok"] | None = None
    display_kwh: OrderEnergy | None = None


class OrderAmend(Command):
    """Give one's own open order another limit, or another quantity that is to be open from now on."""

    kind = "order.amend"
    order: Name
    price: Price | None = None
    quantity_kwh: OrderEnergy | None = None


class OrderCancel(Command):
    """Take one's own open order out, or `all` of them, those of one `product` only if it is given."""

    kind = "order.cancel"
    order: Name | None = None
    all: StrictBool = False
    product: Moment | None = None


class HomeSet(Command):
    """Change how a home takes part; `owner` is set by owners and admins, the rest by its owner too."""

    kind = "home.set"
    home: Name
    owner: Name | None = None
    in_community: StrictBool | None = None
    offer_limit: Price | None = None
    flexible: StrictBool | None = None
    flexible_limit: Price | None = None
    appliances_percent: PercentOrNone | None = None
    offered_percent: PercentOrNone | None = None


class PlantOutage(Outage):
    """What power a plant has meanwhile."""

    available_kw: PowerOrNone = 0


class PlantSet(Command):
    """Change what a plant can make and what it asks; `owner` is set by owners and admins, the rest by its owner too."""

    kind = "plant.set"
    plant: Name
    owner: Name | None = None
    capacity_kw: PowerOrNone | None = None
    marginal_cost: Price | None = None
    outages: list[PlantOutage] | None = None


class Statement(BaseModel):
    """What a member is billed for a period, tax with it, by party: what it pays is positive, what it gets negative.

    `billed` is all of it, of which `payable` is what has not been payable before, in whole cents; `corrects` is the
    number of the member's statement before this one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    number: Reference
    member: Name
    corrects: Reference | None = None
    billed: dict[Party, Balance]
    payable: Balance


class CommunityPost(Command):
    """Post a community's settlement of a period: who owes what to whom; `own` is what its own plants are billed."""

    kind = "community.post"
    community: Name
    period: Reference
    currency: Reference
    settlement: Sha256  # of the file that tells all of it
    statements: Annotated[list[Statement], Field(max_length=STATEMENTS_LIMIT)]
    own: dict[Party, Balance] = Field(default_factory=dict)


class CommunityPay(Command):
    """Record that a statement was paid, or paid out: what is open of it, or a part; `returned`: that it came back."""

    kind = "community.pay"
    statement: Reference
    amount: Cents | None = None
    returned: StrictBool = False


COMMANDS: dict[str, type[Command]] = {
    command.kind: command
    for command in (
        ActorAdd,
        ActorRotateKey,
        ActorDelegate,
        ActorUndelegate,
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
        FundCancel,
        FundDeclare,
        FundWithdraw,
        MarketHalt,
        MarketResume,
        MarketAdvance,
        MarketPublish,
        MarketSet,
        OrderPlace,
        OrderAmend,
        OrderCancel,
        HomeSet,
        PlantSet,
        CommunityPost,
        CommunityPay,
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
        if details["type"] == "missing":
            raise Refusal("BAD_VALUE", field, "", "must be given") from None
        if details["type"] == "extra_forbidden":
            raise Refusal("BAD_VALUE", field, details["input"], f"is no field of {kind}") from None
        raise Refusal("BAD_VALUE", field, details["input"], limit_of(details)) from None
