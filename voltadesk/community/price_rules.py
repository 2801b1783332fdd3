"""What a community's energy costs, as its rules file says it: tariffs, fees by nearness, charges."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, model_validator

from voltadesk.errors import BadInput
from voltadesk.scenario.model import Part, require
from voltadesk.scenario.values import ClockSpan, Day, Factor, Identifier, Money, Names, Percent, Price
from voltadesk.units import PRICE_LIMIT_TICK, parse_scaled

TIERS = ("own", "building", "feeder", "community")  # how near the two ends of a watt-hour are
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _one_line(value: str) -> str:
    if not value.isprintable() or "|" in value:
        raise BadInput("", value, "must be one line of text without |")
    return value


def _price_or_name(value: object) -> int | str:
    return value if isinstance(value, str) else parse_scaled(value, "", 2, -PRICE_LIMIT_TICK, PRICE_LIMIT_TICK)


Text = Annotated[str, AfterValidator(_one_line)]
Label = Annotated[Text, Field(min_length=1, max_length=60)]  # as it stands on a statement
PriceOrTariff = Annotated[int | str, BeforeValidator(_price_or_name)]  # currency/MWh -> tick, or a tariff's name
Hours = Annotated[list[ClockSpan], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]


class Prices(Part):
    """Names of the tariffs that hold where neither a pool nor a member names its own."""

    buyer: str
    seller: str
    supply: str
    feed_in: str | None = None


class Zone(Part):
    """Hours of a tariff with a price of their own."""

    name: Label
    price: Price
    hours: Hours = Field(default_factory=lambda: ["00:00-24:00"])
    days: list[Weekday] = Field(default_factory=lambda: list(DAYS))
    months: list[Annotated[int, Field(strict=True, ge=1, le=12)]] = Field(default_factory=lambda: [*range(1, 13)])


class Share(Part):
    """A part of another tariff's price."""

    of: str
    percent: Percent


class Index(Part):
    """A price that follows a series from a file beside the rules: price x percent + add."""

    file: str
    column: str | None = None
    timezone: str | None = None
    percent: Factor = 10_000
    add: Price = 0


class Tariff(Part):
    """A price per MWh for each interval; tariffs of one name follow each other in time."""

    name: Identifier
    valid_from: Day | None = None
    price: Price | None = None
    zones: list[Zone] | None = Field(None, min_length=1)
    share: Share | None = None
    midpoint: Annotated[list[str], Field(min_length=2, max_length=2)] | None = None
    index: Index | None = None
    party: Label = "supplier"
    monthly: Money = 0
    vat_percent: Percent = 0
    billed: StrictBool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [key for key in ("price", "zones", "share", "midpoint", "index") if getattr(self, key) is not None]
        require(len(given) == 1, "price", ", ".join(given) or None,
                 "must be given, or else one of zones, share, midpoint, index")  # fmt: skip
        return self

    @property
    def bases(self) -> list[str]:
        """Names of the tariffs that this one is made from."""
        return [self.share.of] if self.share else list(self.midpoint or [])


class Fee(Part):
    """Grid fees and levies per MWh taken, by how near it was made; `grid` is what didn't come from the community."""

    name: Label
    party: Label
    own: PriceOrTariff = 0
    building: PriceOrTariff = 0
    feeder: PriceOrTariff = 0
    community: PriceOrTariff = 0
    grid: PriceOrTariff = 0
    vat_percent: Percent = 0
    billed: StrictBool = True


class Charge(Part):
    """What a member pays for being one: in every month it is one on at least one day, and once, when it joins."""

    name: Label
    party: Label = "community"
    monthly: Money = 0
    entry: Money = 0
    members: Names | None = None
    vat_percent: Percent = 0
    billed: StrictBool = True
