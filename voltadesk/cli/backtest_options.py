"""What a backtest is asked for: prices, batteries, what is known ahead, and a purchase, each a group of options."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from voltadesk.cli.prices import StampsOption, Where, where_of
from voltadesk.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voltadesk.clock import IntervalGrid
    from voltadesk.feeds.prices.layout import Layout
    from voltadesk.report.backtest import Unit
    from voltadesk.report.backtest_investment import Investment
    from voltadesk.strategy.trader import Prices

_QUANTITY = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)\s*([kMG]?)(Wh?)")
_DECIMALS = {"": 0, "k": 3, "M": 6, "G": 9}

Column = Annotated[str | None, typer.Option(metavar="NAME", help="Of that file, where more than one could be meant.")]


@dataclass
class PriceReading:
    """How files of prices are read."""

    column: Annotated[str | None, typer.Option(metavar="NAME", help="Of the prices, per MWh.")] = None
    timezone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Whose clock tells days, and times without an offset; else UTC.")
    ] = None
    stamps: StampsOption = None
    gaps: Annotated[Literal["refuse", "skip"], typer.Option(help="Skip: nobody trades where no price is.")] = "refuse"
    where: Where = None
    zone: Annotated[str | None, typer.Option(metavar="ZONE", help="Of the prices, where a file has several.")] = None

    def layout(self) -> Layout:
        """The options as readers take them. Raises BadInput."""
        from voltadesk.feeds.prices.layout import Layout

        return Layout(self.column, self.timezone, self.stamps, self.gaps, where_of(self.where or []), self.zone)


@dataclass
class Batteries:
    """One battery, or a fleet out of a file."""

    power: Annotated[str, typer.Option(metavar="POWER", help="In and out, at the grid's side.")] = "1MW"
    energy: Annotated[str, typer.Option(metavar="ENERGY", help="That the battery can hold.")] = "2MWh"
    efficiency: Annotated[str, typer.Option(metavar="SHARE", help="Of a whole cycle.")] = "0.86"
    wear: Annotated[str, typer.Option(metavar="PRICE", help="Cost of a MWh sold.")] = "0"
    fleet: Annotated[
        str | None, typer.Option(metavar="FILE", help="TOML with [[fleet]] as in a scenario, instead of one battery.")
    ] = None

    def units(self, grid: IntervalGrid) -> list[Unit]:
        """The batteries over the prices' intervals. Raises BadInput."""
        from voltadesk.report.backtest import ENERGY_LIMIT_WH, battery
        from voltadesk.report.backtest_fleet import read_fleet
        from voltadesk.units import PPM_PER_UNIT, parse_price_tick, parse_scaled

        if self.fleet is not None:
            return read_fleet(Path(self.fleet), grid)
        return [
            battery(
                power_w(self.power, "power"),
                _quantity(self.energy, "energy", "Wh", "2MWh or 500kWh", ENERGY_LIMIT_WH),
                parse_scaled(self.efficiency, "efficiency", 6, 1, PPM_PER_UNIT),
                parse_price_tick(self.wear, "wear", low=0),
            )
        ]


@dataclass
class KnownAhead:
    """What strategies may look at before it is so."""

    day_ahead: Annotated[str | None, typer.Option(metavar="FILE", help="Prices known from noon of the day before.")] = (
        None
    )
    day_ahead_column: Column = None
    forecast: Annotated[
        str | None, typer.Option(metavar="FILE", help="Prices expected, with a column that says from when on.")
    ] = None
    forecast_column: Column = None

    def beside(self, prices: str, layout: Layout) -> tuple[Prices, tuple[str, ...]]:
        """The prices of a file with what was known ahead of them, and notes. Raises BadInput."""
        from voltadesk.report.backtest_prices import DAY_AHEAD, FORECAST, price_file, prices_of_files

        files = {
            DAY_AHEAD: (self.day_ahead, self.day_ahead_column),
            FORECAST: (self.forecast, self.forecast_column),
        }
        published = {
            name: (price_file(file, name), replace(layout, column=column))
            for name, (file, column) in files.items()
            if file is not None
        }
        return prices_of_files(price_file(prices), layout, published)


@dataclass
class Purchase:
    """What batteries cost, and for how long."""

    cost: Annotated[
        str | None, typer.Option(metavar="AMOUNT[/MWh]", help="Purchase price, of all or of each MWh: adds its return.")
    ] = None
    years: Annotated[int, typer.Option(min=1, max=100, help="That the purchase lasts.")] = 15
    discount_rate: Annotated[str, typer.Option(metavar="SHARE", help="Of a year.")] = "0.08"

    def investment(self, units: Sequence[Unit]) -> Investment | None:
        """The purchase of these batteries, if it is asked for. Raises BadInput."""
        from voltadesk.report.backtest_investment import Investment
        from voltadesk.units import parse_money_e8, parse_scaled

        if self.cost is None:
            return None
        amount, slash, unit = self.cost.partition("/")
        if slash and unit.strip().lower() != "mwh":
            raise BadInput("cost", self.cost, "must be an amount for all, or for each MWh such as 250000/MWh")
        cost_e8 = parse_money_e8(amount.strip(), "cost", low=1)
        if slash:
            windows = (
                unit.count * int(unit.battery["maximum_fill_wh"][0] - unit.battery["minimum_fill_wh"][0])
                for unit in units
            )
            cost_e8 = cost_e8 * sum(windows) // 10**6
        rate = Decimal(parse_scaled(self.discount_rate, "discount-rate", 6, 0, 10**6)) / 10**6
        return Investment(cost_e8, self.years, rate)


def power_w(text: str, field: str) -> int:
    """Watts of a number with its unit. Raises BadInput."""
    from voltadesk.units import POWER_LIMIT_W

    return _quantity(text, field, "W", "1MW or 500kW", POWER_LIMIT_W)


def _quantity(text: str, field: str, unit: str, example: str, most: int) -> int:
    """Watts or watt-hours of a number with its unit."""
    from voltadesk.units import parse_scaled

    match = _QUANTITY.fullmatch(text.strip())
    if match is None or match[3] != unit:
        raise BadInput(field, text, f"must be a number and its unit, such as {example}")
    try:
        return parse_scaled(match[1], field, _DECIMALS[match[2]], 1, most)
    except BadInput as error:
        limit = f"must be whole {unit}, from 1 {unit} to {most // 10**9:,} G{unit}"
        raise BadInput(field, text, limit) from error
