"""A scenario: what is simulated, as one TOML file. `docs/scenarios.md` lists every key.

Unknown keys are refused; an error names the file, the key, the value and the limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator

from voltadesk.clock import INTERVAL_MINUTES, IntervalGrid, local_midnight_utc, time_zone
from voltadesk.errors import BadInput
from voltadesk.feeds.live.sources import source_of
from voltadesk.scenario.profiles import clear_sky, standard_load
from voltadesk.scenario.values import (
    ROUNDS_LIMIT,
    Capacity,
    ClockSpan,
    Cloudiness,
    Currency,
    Day,
    Efficiency,
    Emissions,
    Energy,
    EnergySpan,
    Fee,
    Identifier,
    Moment,
    Money,
    Names,
    Percent,
    PositivePower,
    Power,
    PowerSpan,
    Price,
    PriceSpan,
    StandingLoss,
    TradingLimit,
)
from voltadesk.strategy.rolling import PUBLISHED
from voltadesk.units import E8_PER_CURRENCY

HOMES_LIMIT = 1_000_000
BATTERIES_LIMIT = 100_000
PLANTS_LIMIT = 10_000
FARM_LIMIT_W = 5_000_000_000
SEED_LIMIT = 2**63 - 1
INTERVALS_LIMIT = 2_200_000  # twenty years of five minutes
OPEN_LIMIT = 288  # products: a day of five minutes

Count = Annotated[int, Field(strict=True, ge=1)]
Hours = Annotated[int, Field(strict=True, ge=0, le=8_760)]


def require(holds: bool, field: str, value: object, limit: str) -> None:
    """Raises BadInput for a field whose value is not within its limit."""
    if not holds:
        raise BadInput(field, value, limit)


def _require_one(given: Part, *keys: str) -> None:
    """One of some keys, and no other beside it."""
    found = [key for key in keys if getattr(given, key) is not None]
    require(bool(found), keys[0], None, f"must be given, or {' or '.join(keys[1:])}")
    require(len(found) < 2, found[-1], None, f"must not be given beside {found[0]}")


def _second(moment: datetime, zone: ZoneInfo) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()


def _require_name(names: Iterable[str], field: str, value: str) -> None:
    require(value in names, field, value, f"must be one of {', '.join(names)}")


class Part(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Time(Part):
    """The grid of intervals: whole local days."""

    start: Day
    days: Annotated[int, Field(strict=True, ge=1, le=7_305)]
    interval_minutes: Annotated[int, Field(strict=True)] = 15
    timezone: str = "UTC"

    @model_validator(mode="after")
    def _check(self) -> Self:
        time_zone(self.timezone)
        require(
            self.interval_minutes in INTERVAL_MINUTES,
            "interval_minutes",
            self.interval_minutes,
            f"must be one of {', '.join(map(str, INTERVAL_MINUTES))}",
        )
        require(1971 <= self.start.year <= 2200, "start", str(self.start), "must lie between 1971 and 2200")
        self.grid()
        return self

    def grid(self) -> IntervalGrid:
        """The intervals from local midnight of `start` to local midnight `days` later."""
        zone, step_s = time_zone(self.timezone), self.interval_minutes * 60
        begin = local_midnight_utc(self.start, zone)
        end = local_midnight_utc(date.fromordinal(self.start.toordinal() + self.days), zone)
        count = (end - begin) // step_s
        require(count <= INTERVALS_LIMIT, "days", self.days, f"must make at most {INTERVALS_LIMIT:,} intervals")
        return IntervalGrid(begin, step_s, count, zone)


class MarketRules(Part):
    """How the auction finds its price."""

    pricing: Literal["uniform", "vertical-demand", "pay-as-bid"] = "uniform"
    price_rule: Literal["midpoint", "lowest", "highest"] = "midpoint"
    floor: Price = -50_000
    cap: Price = 400_000

    @model_validator(mode="after")
    def _check(self) -> Self:
        require(self.floor < self.cap, "floor", Decimal(self.floor) / 100, "must be below the cap")
        return self


class Operator(Part):
    """What the system operator, the network and the state add to what buyers pay."""

    margin: Fee = 0
    grid_fee: Fee = 0
    levy: Fee = 0
    imbalance_spread: Fee = 2_000


class Community(Part):
    """The market among homes: a pool at the broker's price, or a continuous one on an order book.

    In a file the rule's name may stand for a table that holds nothing else.
    """

    rule: Literal["none", "discount", "mid-market", "supply-demand-ratio", "continuous"] = "none"
    discount_percent: Percent = 0
    fee_percent: Percent = 0
    grid_fee: Fee = 0
    levy: Fee = 0
    zic_percent: Percent = 10_000
    rounds: Annotated[int, Field(strict=True, ge=1, le=ROUNDS_LIMIT)] = 20

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        return {"rule": value} if isinstance(value, str) else value


class Continuous(Part):
    """A desk's order books: how many intervals ahead are open, when they close, what one actor may have at stake.

    A product may open and close by a call auction, in which orders are collected for so many intervals.
    """

    open_intervals: Annotated[int, Field(strict=True, ge=0, le=OPEN_LIMIT)] = 96
    gate_closure_minutes: Annotated[int, Field(strict=True, ge=0, le=1_440)] = 5
    trading_limit: TradingLimit = 1_000_000 * E8_PER_CURRENCY
    opening_call_intervals: Annotated[int, Field(strict=True, ge=0, le=OPEN_LIMIT)] = 0
    closing_call_intervals: Annotated[int, Field(strict=True, ge=0, le=OPEN_LIMIT)] = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        calls = self.opening_call_intervals + self.closing_call_intervals
        require(calls <= self.open_intervals, "opening_call_intervals", self.opening_call_intervals,
                 f"must be, with closing_call_intervals, at most open_intervals, {self.open_intervals}")  # fmt: skip
        return self


class Weather(Part):
    """Clouds over all roofs and solar farms, and how wrong their forecast is."""

    cloudiness_percent: Cloudiness = 3_500
    forecast_error_percent: Percent = 1_500


class PriceFile(Part):
    """A price series from a file beside the scenario."""

    file: str
    column: str | None = None
    timezone: str | None = None
    rounding: Literal["refuse", "half-even"] = "refuse"


class PriceFeed(Part):
    """A service whose prices are published to a desk while its market runs."""

    source: str
    zone: str

    @model_validator(mode="after")
    def _check(self) -> Self:
        source_of(self.source).zone(self.zone)
        return self


class Upstream(Part):
    """The grid above: sells at its price plus the fee, buys at its price less the fee, up to the connection's limit."""

    limit_kw: PositivePower
    price: Price | None = None
    prices: PriceFile | None = None
    feed: PriceFeed | None = None
    fee: Fee = 0
    emissions_kg_per_mwh: Emissions = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        _require_one(self, "price", "prices", "feed")
        return self


class Solar(Part):
    """A roof: its peak power, drawn from a span, and which way it looks (homes take the list in turn)."""

    peak_kw: PowerSpan
    orientation: Names = Field(default_factory=lambda: ["south"])
    error_percent: Percent = 500


class Flexible(Part):
    """Load that waits for a price: a car, a heat pump."""

    share_percent: Percent
    price_limit: Price
    power_kw: Power = 3_700
    wait_hours: Annotated[int, Field(strict=True, ge=1, le=168)] = 12


class MeterFile(Part):
    """A home's meter series from a file beside the scenario, in place of a profile."""

    file: str
    load: str
    solar: str | None = None
    unit: Literal["kWh", "Wh", "kW", "W"] = "kWh"
    kind: Literal["interval", "cumulative"] = "interval"
    timezone: str | None = None


class HomeGroup(Part):
    """Homes of one kind; each is drawn from the spans."""

    name: Identifier
    count: Annotated[int, Field(strict=True, ge=1, le=HOMES_LIMIT)]
    in_community: StrictBool = True
    profile: str = "H25"
    annual_kwh: EnergySpan | None = None
    shift_minutes: Annotated[int, Field(strict=True, ge=0, le=240)] = 60
    variation_percent: Percent = 6_000
    forecast_error_percent: Percent = 1_000
    offer_limit: Price = 0
    solar: Solar | None = None
    flexible: Flexible | None = None
    meter: MeterFile | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        _require_one(self, "annual_kwh", "meter")
        limit = "must not be given beside meter, which brings its own solar column"
        require(self.meter is None or self.solar is None, "solar", None, limit)
        _require_name(standard_load(), "profile", self.profile)
        for name in self.solar.orientation if self.solar else []:
            _require_name(clear_sky(), "solar.orientation", name)
        return self


class Outage(Part):
    """From one instant to another."""

    begin: Moment
    end: Moment

    def begin_utc(self, zone: ZoneInfo) -> int:
        """Its beginning [s UTC]; a moment without an offset is read on the clock of the zone."""
        return int(_second(self.begin, zone))

    def end_utc(self, zone: ZoneInfo) -> int:
        """Its end [s UTC]; likewise."""
        return int(_second(self.end, zone))


class PlantOutage(Outage):
    """From one instant to another a plant has only this much power."""

    available_kw: Power = 0


class Plant(Part):
    """A power plant, or a solar or wind farm."""

    name: Identifier
    kind: Literal["thermal", "solar", "wind"] = "thermal"
    fuel: Identifier | None = None
    capacity_kw: PositivePower
    minimum_kw: Power = 0
    ramp_up_kw_per_hour: PositivePower | None = None
    ramp_down_kw_per_hour: PositivePower | None = None
    marginal_cost: Price = 0
    start_cost: Money = 0
    stop_cost: Money = 0
    minimum_up_hours: Hours = 0
    minimum_down_hours: Hours = 0
    initial_kw: Power = 0
    emissions_kg_per_mwh: Emissions = 0
    orientation: str = "south"
    outages: list[PlantOutage] = Field(default_factory=list)

    @model_validator(mode="after")
    def _check(self) -> Self:
        def kw(power_w: int) -> Decimal:
            return Decimal(power_w) / 1000

        limit = f"must not exceed capacity_kw ({kw(self.capacity_kw)})"
        require(self.minimum_kw <= self.capacity_kw, "minimum_kw", kw(self.minimum_kw), limit)
        require(self.initial_kw <= self.capacity_kw, "initial_kw", kw(self.initial_kw), limit)
        farm_limit = f"must be at most {kw(FARM_LIMIT_W)} for a farm"
        require(self.kind == "thermal" or self.capacity_kw <= FARM_LIMIT_W, "capacity_kw", kw(self.capacity_kw),
                 farm_limit)  # fmt: skip
        require(
            self.kind == "thermal" or self.minimum_kw == 0, "minimum_kw", kw(self.minimum_kw), "must be 0 for a farm"
        )
        _require_name(clear_sky(), "orientation", self.orientation)
        return self


class Strategy(Part):
    """When a battery buys and sells. A span of limits is spread evenly over the group."""

    name: Literal["threshold", "timetable", "rolling", "day-ahead", "dual"]
    threshold: PriceSpan | None = None
    buy_limit: PriceSpan | None = None
    sell_limit: PriceSpan | None = None
    charge: list[ClockSpan] = Field(default_factory=list)
    discharge: list[ClockSpan] = Field(default_factory=list)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.name == "timetable":
            require(bool(self.charge or self.discharge), "charge", None, "must be given, or discharge")
            require(self.threshold is None, "threshold", None, "belongs to the threshold strategy")
            # A timetable buys and sells at different hours, so its limits are free of each other.
            return self
        for key in ("charge", "discharge"):
            hours = getattr(self, key)
            require(not hours, key, hours, "belongs to the timetable strategy")
        if self.name != "threshold":
            require(self.threshold is None, "threshold", None, "belongs to the threshold strategy")
            return self
        if self.buy_limit is None and self.sell_limit is None:
            require(self.threshold is not None, "threshold", None, "must be given, or buy_limit and sell_limit")
            return self
        require(self.threshold is None, "threshold", None, "must not be given beside buy_limit or sell_limit")
        for key, other in (("buy_limit", "sell_limit"), ("sell_limit", "buy_limit")):
            require(getattr(self, key) is not None, key, None, f"must be given beside {other}")
        for buy, sell in zip(self.buy_limit or (), self.sell_limit or (), strict=True):
            require(buy <= sell, "buy_limit", Decimal(buy) / 100, "must not exceed sell_limit")
        return self


class BatteryOutage(Outage):
    """From one instant to another a battery has only this share of its power."""

    available_percent: Percent = 0


class BatteryGroup(Part):
    """Batteries of one kind."""

    name: Identifier
    count: Annotated[int, Field(strict=True, ge=1, le=BATTERIES_LIMIT)] = 1
    capacity_kwh: Capacity
    charge_kw: PositivePower
    discharge_kw: PositivePower
    charge_efficiency: Efficiency = 1_000_000
    discharge_efficiency: Efficiency = 1_000_000
    standing_loss_percent_per_hour: StandingLoss = 0
    minimum_fill_percent: Percent = 0
    maximum_fill_percent: Percent = 10_000
    initial_fill_kwh: Energy | None = None
    wear_cost: Fee = 0
    strategy: Strategy
    outages: list[BatteryOutage] = Field(default_factory=list)

    @model_validator(mode="after")
    def _check(self) -> Self:
        low, high = self.minimum_fill_percent, self.maximum_fill_percent
        require(low < high, "minimum_fill_percent", Decimal(low) / 100, "must be below maximum_fill_percent")
        least, most = (self.capacity_kwh * share // 10_000 for share in (low, high))
        require(least <= self.initial_fill_wh <= most, "initial_fill_kwh", Decimal(self.initial_fill_wh) / 1000,
                 f"must lie between {Decimal(least) / 1000} and {Decimal(most) / 1000}")  # fmt: skip
        return self

    @property
    def initial_fill_wh(self) -> int:
        """Fill before the first interval [Wh]; the middle of the window where the file says nothing."""
        if self.initial_fill_kwh is not None:
            return self.initial_fill_kwh
        return self.capacity_kwh * (self.minimum_fill_percent + self.maximum_fill_percent) // 20_000


class MoneyHolder(Part):
    """Who put money into the fleet before the first interval."""

    name: Identifier
    cash: Money


class Scenario(Part):
    """All that is simulated."""

    version: Literal[1]
    name: Identifier
    title: str = ""
    seed: Annotated[int, Field(strict=True, ge=0, le=SEED_LIMIT)] = 1
    currency: Currency = "EUR"
    time: Time
    market: MarketRules = MarketRules()
    operator: Operator = Operator()
    community: Community = Community()
    continuous: Continuous = Continuous()
    weather: Weather = Weather()
    upstream: Upstream | None = None
    homes: list[HomeGroup] = Field(default_factory=list)
    plants: list[Plant] = Field(default_factory=list, max_length=PLANTS_LIMIT)
    fleet: list[BatteryGroup] = Field(default_factory=list)
    money_holders: list[MoneyHolder] = Field(default_factory=list)

    @model_validator(mode="after")
    def _check(self) -> Self:
        homes = sum(group.count for group in self.homes)
        require(homes <= HOMES_LIMIT, "homes", homes, f"must be at most {HOMES_LIMIT:,} in all")
        batteries = sum(group.count for group in self.fleet)
        require(batteries <= BATTERIES_LIMIT, "fleet", batteries, f"must be at most {BATTERIES_LIMIT:,} in all")
        cells = self.time.grid().count * (len(self.plants) + batteries)
        require(cells <= 100_000_000, "days", self.time.days,
                 "intervals x (plants + batteries) must be at most 100,000,000")  # fmt: skip
        named: dict[str, Sequence[HomeGroup | Plant | BatteryGroup | MoneyHolder]] = {
            "homes": self.homes,
            "plants": self.plants,
            "fleet": self.fleet,
            "money_holders": self.money_holders,
        }
        for key, parts in named.items():
            seen: set[str] = set()
            for n, part in enumerate(parts):
                # Upper and lower case are one, as in the columns that are named by them.
                require(part.name.lower() not in seen, f"{key}[{n}].name", part.name, "must not be given twice")
                seen.add(part.name.lower())
        for n, group in enumerate(self.fleet):
            self._check_published(f"fleet[{n}].strategy.name", group.strategy.name)
        self._check_outages()
        return self

    def _check_outages(self) -> None:
        zone = time_zone(self.time.timezone)
        with_outages: dict[str, Sequence[Plant | BatteryGroup]] = {"plants": self.plants, "fleet": self.fleet}
        for key, parts in with_outages.items():
            for n, part in enumerate(parts):
                for k, outage in enumerate(part.outages):
                    holds = _second(outage.begin, zone) < _second(outage.end, zone)
                    require(holds, f"{key}[{n}].outages[{k}].end", outage.end, "must be after begin")

    def _check_published(self, field: str, strategy: str) -> None:
        is_there = self.upstream is not None or strategy not in PUBLISHED
        require(is_there, field, strategy, "needs the prices of an upstream")

    def with_strategy(self, name: Literal["rolling", "day-ahead", "dual"]) -> Scenario:
        """The same scenario, all batteries by a strategy that finds its own limits. Raises BadInput where it can't."""
        require(bool(self.fleet), "strategy", name, f"the scenario {self.name} has no fleet")
        self._check_published("strategy", name)
        fleet = [group.model_copy(update={"strategy": Strategy(name=name)}) for group in self.fleet]
        return self.model_copy(update={"fleet": fleet})

    def with_seed(self, seed: str) -> Scenario:
        """The same scenario drawn from another seed."""
        if not (seed.isascii() and seed.isdigit() and len(seed) < 20 and int(seed) <= SEED_LIMIT):
            raise BadInput("seed", seed, f"must be a whole number from 0 to {SEED_LIMIT}")
        return self.model_copy(update={"seed": int(seed)})


def numbered(groups: Sequence[HomeGroup | BatteryGroup]) -> list[str]:
    """A name for each member of groups: the group's and a number."""
    return [f"{group.name}-{n:0{len(str(group.count))}d}" for group in groups for n in range(1, group.count + 1)]
