"""A scenario made into the exchange's tables, and what the outside brings it in each interval."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voltadesk.clock import IntervalGrid, local_text
from voltadesk.engine.cleared import PRICE_RULES, PRICING
from voltadesk.engine.exchange import Exchange
from voltadesk.engine.homes import HOME_MODEL, draw_homes
from voltadesk.engine.tables import (
    BATTERY,
    COMMUNITY_RULES,
    HOME,
    NO_PRICE_TICK,
    PLANT,
    RULES,
    Conditions,
    Table,
)
from voltadesk.engine.weather import draw_weather
from voltadesk.errors import BadInput
from voltadesk.feeds.meters import read_meter
from voltadesk.feeds.prices.series import read_series
from voltadesk.feeds.prices.shelf import find_prices
from voltadesk.feeds.series import Series, resample
from voltadesk.scenario.model import BatteryOutage, MeterFile, PlantOutage, Scenario, Upstream
from voltadesk.scenario.profiles import clear_sky_profile, load_profile, wind_profile
from voltadesk.scenario.strategies import strategies
from voltadesk.strategy.limits import Limits
from voltadesk.units import average_price_up_tick, energy_of_power_wh

SINCE_EVER = 1 << 30  # intervals: a unit is free to start or stop in the first one


@dataclass(frozen=True)
class Profiles:
    """What homes are drawn from in the intervals that are held; arrays as `engine.homes.draw_homes` takes them."""

    load: NDArray[np.int64]  # (profiles, held + 2 pad)
    solar: NDArray[np.int64]  # (orientations, held)


@dataclass(frozen=True)
class Sky:
    """The weather in the intervals that are held; arrays (held,) [ppm]."""

    clear_forecast: NDArray[np.int64]
    clear_metered: NDArray[np.int64]
    wind_metered: NDArray[np.int64]


class World:
    """A scenario over its grid: `exchange()` makes the market, `conditions()` what comes to it from outside.

    `home_group` (H,) and `battery_group` (B,) say of which group of the scenario each home and battery is. `notes` tell
    what was done to series read from files. `held` are the numbers of the intervals that there are conditions for: all
    of the grid, or `count` from `first` on, as far as it goes; `hold` goes on to others. Files are read for the whole
    grid, but what is made from tables and draws is made for those that are held, so that a grid may be as long as it
    likes. On a desk that `is_fed`, prices of a feed are put in when their interval comes. Where
    `community_is_measured`, what a pool's trades are worth is worked out, too. Raises BadInput for files that don't
    fit.
    """

    def __init__(
        self, scenario: Scenario, folder: Path, first: int = 0, count: int | None = None, *, is_fed: bool = False
    ) -> None:
        self.scenario, self.folder, self.is_fed = scenario, folder, is_fed
        self.community_is_measured = False
        self.grid = scenario.time.grid()
        self.notes: list[str] = []
        self.home_group = _members([group.count for group in scenario.homes])
        self.battery_group = _members([group.count for group in scenario.fleet])
        self._model_homes()
        self.hold(first, self.grid.count if count is None else count)
        self.upstream_price_tick = self._upstream_price()
        self.strategies = [strategy for group in scenario.fleet for strategy in strategies(group, scenario)]

    def hold(self, first: int, count: int) -> None:
        """Make what conditions of `count` intervals from number `first` on come from, in place of what was held."""
        self.held = range(first, min(first + count, self.grid.count))
        span = self.grid.part(self.held)
        self.sky = self._draw_sky(span)
        self.profiles = Profiles(
            load=_stack([load_profile(name, span, self._pad) for name in self._load_names], span.count + 2 * self._pad),
            solar=_stack([clear_sky_profile(name, span) for name in self._solar_names], span.count),
        )
        self.plant_forecast_wh, self.plant_metered_wh = self._plant_energy(span)

    # The market's tables ----------------------------------------------------------------------------------------------
    def exchange(self, *, keep_trades: bool = False) -> Exchange:
        """A market at its first interval."""
        return Exchange(
            self.rules(self.scenario),
            self.homes(),
            self.plants(),
            self._batteries(),
            self.grid.count,
            keep_trades=keep_trades,
        )

    def rules(self, scenario: Scenario) -> Table:
        """The rules (1,) of a scenario's market, operator, community and upstream sections over this grid."""
        rules = np.zeros(1, RULES)
        market, operator, community, upstream = (
            scenario.market,
            scenario.operator,
            scenario.community,
            scenario.upstream,
        )
        rules["step_s"], rules["start_utc"] = self.grid.step_s, self.grid.start_utc
        rules["pricing"], rules["price_rule"] = PRICING[market.pricing], PRICE_RULES[market.price_rule]
        rules["floor_tick"], rules["cap_tick"] = market.floor, market.cap
        rules["margin_tick"], rules["grid_fee_tick"] = operator.margin, operator.grid_fee
        rules["levy_tick"], rules["imbalance_spread_tick"] = operator.levy, operator.imbalance_spread
        rules["community_rule"] = COMMUNITY_RULES.index(community.rule)
        rules["community_discount_bp"], rules["community_fee_bp"] = community.discount_percent, community.fee_percent
        rules["community_grid_fee_tick"], rules["community_levy_tick"] = community.grid_fee, community.levy
        rules["community_zic_bp"], rules["community_rounds"] = community.zic_percent, community.rounds
        rules["community_seed"], rules["community_is_measured"] = scenario.seed, self.community_is_measured
        if upstream is not None:
            rules["upstream_limit_w"] = upstream.limit_kw
            rules["upstream_emissions_g_per_mwh"] = upstream.emissions_kg_per_mwh
        return rules

    def homes(self) -> Table:
        """All homes (H,) before their first interval."""
        homes = np.zeros(len(self.home_group), HOME)
        for g, group in enumerate(self.scenario.homes):
            mine = self.home_group == g
            homes["in_community"][mine] = group.in_community
            homes["offer_limit_tick"][mine] = group.offer_limit
            if group.flexible is not None:
                homes["flexible_limit_tick"][mine] = group.flexible.price_limit
                homes["flexible_power_w"][mine] = group.flexible.power_kw
                # As many hours of the home's mean flexible power as it will wait for.
                mean_wh = self.home_model["annual_wh"][mine] * group.flexible.share_percent // 10_000
                homes["flexible_waiting_limit_wh"][mine] = mean_wh * group.flexible.wait_hours // 8_760 + 1
        return homes

    def plants(self) -> Table:
        """All plants (P,) before their first interval."""
        plants = np.zeros(len(self.scenario.plants), PLANT)
        for row, plant in zip(plants, self.scenario.plants, strict=True):
            step_s, per_hour = self.grid.step_s, 3600 // self.grid.step_s
            minimum_wh = energy_of_power_wh(plant.minimum_kw, 0, step_s)
            block_wh = minimum_wh or energy_of_power_wh(plant.capacity_kw, 0, step_s)
            up, down = plant.minimum_up_hours * per_hour, plant.minimum_down_hours * per_hour
            row["minimum_wh"] = minimum_wh
            row["ramp_up_wh"] = _ramp_wh(plant.ramp_up_kw_per_hour, plant.capacity_kw, step_s)
            row["ramp_down_wh"] = _ramp_wh(plant.ramp_down_kw_per_hour, plant.capacity_kw, step_s)
            row["marginal_cost_tick"] = plant.marginal_cost
            row["start_adder_tick"] = average_price_up_tick(plant.start_cost, block_wh * max(up, 1))
            row["stop_discount_tick"] = (plant.start_cost + plant.stop_cost) // (block_wh * max(down, 1))
            row["start_cost_e8"], row["stop_cost_e8"] = plant.start_cost, plant.stop_cost
            row["minimum_up_intervals"], row["minimum_down_intervals"] = up, down
            row["emissions_g_per_mwh"] = plant.emissions_kg_per_mwh
            row["output_wh"] = energy_of_power_wh(plant.initial_kw, 0, step_s)
            row["held_intervals"] = SINCE_EVER
        return plants

    def _batteries(self) -> Table:
        batteries = np.zeros(len(self.battery_group), BATTERY)
        for g, group in enumerate(self.scenario.fleet):
            mine = self.battery_group == g
            for field, value in (
                ("charge_power_w", group.charge_kw),
                ("discharge_power_w", group.discharge_kw),
                ("charge_efficiency_ppm", group.charge_efficiency),
                ("discharge_efficiency_ppm", group.discharge_efficiency),
                ("standing_loss_ppm_per_hour", group.standing_loss_percent_per_hour),
                ("minimum_fill_wh", group.capacity_kwh * group.minimum_fill_percent // 10_000),
                ("maximum_fill_wh", group.capacity_kwh * group.maximum_fill_percent // 10_000),
                ("fill_wh", group.initial_fill_wh),
                ("wear_cost_tick", group.wear_cost),
            ):
                batteries[field][mine] = value
        return batteries

    # What homes are drawn from ----------------------------------------------------------------------------------------
    def _draw_sky(self, span: IntervalGrid) -> Sky:
        sky, weather = Sky(*(np.empty(span.count, np.int64) for _ in range(3))), self.scenario.weather
        draw_weather(
            self.scenario.seed,
            span.start_utc,
            span.step_s,
            weather.cloudiness_percent,
            weather.forecast_error_percent,
            sky.clear_forecast,
            sky.clear_metered,
            sky.wind_metered,
        )
        return sky

    def _model_homes(self) -> None:
        """Draw the homes, and read the meters (meters, T) [Wh]."""
        model = np.zeros(len(self.home_group), HOME_MODEL)
        load_names: list[str] = []
        solar_names: list[str] = []
        meters: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        step_s, seed = self.grid.step_s, self.scenario.seed
        self._pad = max([group.shift_minutes * 60 // step_s for group in self.scenario.homes], default=0)
        for g, group in enumerate(self.scenario.homes):
            mine = model[self.home_group == g]
            draw = np.random.Generator(np.random.Philox(key=[seed, g]))
            mine["variation_bp"], mine["forecast_error_bp"] = group.variation_percent, group.forecast_error_percent
            mine["flexible_share_bp"] = group.flexible.share_percent if group.flexible else 0
            mine["meter"] = -1
            if group.meter is not None:
                mine["meter"] = len(meters)
                meters.append(self._read_meter(g, group.meter))
                mine["annual_wh"] = int(meters[-1][0].sum()) * 31_536_000 // (self.grid.count * step_s)
            elif group.annual_kwh is not None:
                mine["annual_wh"] = _drawn(draw, group.annual_kwh, group.count)
                shift = group.shift_minutes * 60 // step_s
                mine["shift"] = _drawn(draw, (-shift, shift), group.count)
                mine["load_profile"] = _place(load_names, group.profile)
            if group.solar is not None:
                mine["solar_peak_w"] = _drawn(draw, group.solar.peak_kw, group.count)
                mine["solar_error_bp"] = group.solar.error_percent
                turns = [_place(solar_names, name) for name in group.solar.orientation]
                mine["solar_profile"] = np.resize(turns, group.count)
            model[self.home_group == g] = mine
        self.home_model, self._load_names, self._solar_names = model, load_names, solar_names
        self._meter_load_wh = _stack([load for load, _ in meters], self.grid.count)
        self._meter_solar_wh = _stack([solar for _, solar in meters], self.grid.count)

    def _read_meter(self, g: int, meter: MeterFile) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        path = self.folder / meter.file
        try:
            read = read_meter(
                path,
                load_column=meter.load,
                solar_column=meter.solar,
                unit=meter.unit,
                kind=meter.kind,
                timezone=meter.timezone,
                span=(self.grid.start_utc, self.grid.end_utc),
            )
            self.notes += [f"{meter.file}: {note}" for note in read.notes]
            load, solar = (
                resample(Series(read.start_utc, read.step_s, values, name), self.grid, "energy")
                for values, name in ((read.load_wh, meter.load), (read.solar_wh, meter.solar or "solar"))
            )
        except BadInput as error:
            raise error.at(f"homes[{g}].meter") from None
        return load, solar

    # Plants, upstream, batteries --------------------------------------------------------------------------------------
    def _plant_energy(self, grid: IntervalGrid) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Most each plant is expected to be able to make, and turns out to be, in each interval; (held, P) [Wh]."""
        plants = self.scenario.plants
        forecast = np.empty((grid.count, len(plants)), np.int64)
        metered = np.empty((grid.count, len(plants)), np.int64)
        for p, plant in enumerate(plants):
            capacity = _energy_wh(plant.capacity_kw, grid)
            if plant.kind == "thermal":
                forecast[:, p] = capacity
                metered[:, p] = capacity
            elif plant.kind == "wind":
                forecast[:, p] = capacity * wind_profile(grid) // 1_000_000
                metered[:, p] = np.minimum(forecast[:, p] * self.sky.wind_metered // 1_000_000, capacity)
            else:
                try:
                    clear_mwh = plant.capacity_kw * clear_sky_profile(plant.orientation, grid) // 1_000
                except BadInput as error:
                    raise error.at(f"plants[{p}]") from None
                forecast[:, p] = np.minimum(clear_mwh * self.sky.clear_forecast // 1_000_000_000, capacity)
                metered[:, p] = np.minimum(clear_mwh * self.sky.clear_metered // 1_000_000_000, capacity)
            for n, outage in enumerate(plant.outages):
                touched = self._outage_span(outage, f"plants[{p}].outages[{n}]")
                span = slice(max(touched.start - self.held.start, 0), max(touched.stop - self.held.start, 0))
                limit = _energy_wh(outage.available_kw, grid)[span]
                forecast[span, p] = np.minimum(forecast[span, p], limit)
                metered[span, p] = np.minimum(metered[span, p], limit)
        return forecast, metered

    def _outage_span(self, outage: PlantOutage | BatteryOutage, field: str) -> slice:
        """The intervals an outage touches."""
        begin, end = (self._instant(moment) for moment in (outage.begin, outage.end))
        if begin >= end:
            raise BadInput(f"{field}.end", str(outage.end), "must be after begin")
        first = (begin - self.grid.start_utc) // self.grid.step_s
        last = -(-(end - self.grid.start_utc) // self.grid.step_s)
        return slice(max(first, 0), max(last, 0))

    def _instant(self, moment: datetime) -> int:
        """UTC second of a moment; one without an offset is read on the scenario's clock."""
        return int((moment if moment.tzinfo else moment.replace(tzinfo=self.grid.zone)).timestamp())

    def _upstream_price(self) -> NDArray[np.int64] | None:
        upstream: Upstream | None = self.scenario.upstream
        if upstream is None:
            return None
        if upstream.feed is not None:
            if not self.is_fed:
                limit = "has prices for a desk that they are published to: a replay needs price or prices"
                raise BadInput("upstream.feed", f"{upstream.feed.source} {upstream.feed.zone}", limit)
            return np.full(self.grid.count, NO_PRICE_TICK, np.int64)
        if upstream.prices is None:
            return np.broadcast_to(np.array(upstream.price, np.int64), self.grid.count)
        source = upstream.prices
        try:
            series = read_series(
                find_prices(source.file, self.folder),
                field="price",
                column=source.column,
                timezone=source.timezone,
                span=(self.grid.start_utc, self.grid.end_utc),
                rounding=source.rounding,
            )
            self.notes += [f"{source.file}: {note}" for note in series.notes]
            return resample(series, self.grid, "price")
        except BadInput as error:
            raise error.at("upstream.prices") from None

    @cached_property
    def local_second(self) -> NDArray[np.int64]:
        return self.grid.local_fields()[2]

    @cached_property
    def _battery_outages(self) -> list[tuple[slice, NDArray[np.bool_], int]]:
        return [
            (self._outage_span(outage, f"fleet[{g}].outages[{n}]"), self.battery_group == g, outage.available_percent)
            for g, group in enumerate(self.scenario.fleet)
            for n, outage in enumerate(group.outages)
        ]

    # What the outside brings ------------------------------------------------------------------------------------------
    def conditions(self, first: int, count: int) -> Conditions:
        """Load, sun, availability, limits and prices of `count` intervals from number `first` on, which are held."""
        homes, fleet, span = len(self.home_group), len(self.battery_group), slice(first, first + count)
        assert self.held.start <= first
        assert first + count <= self.held.stop
        at = first - self.held.start
        held = slice(at, at + count)
        load_forecast, load_metered, flexible, solar_forecast, solar_metered = (
            np.empty((count, homes), np.int64) for _ in range(5)
        )
        draw_homes(
            self.scenario.seed,
            first,
            self.home_model,
            np.ascontiguousarray(self.profiles.load[:, at : at + count + 2 * self._pad]),
            self._pad,
            np.ascontiguousarray(self.profiles.solar[:, held]),
            self.sky.clear_forecast[held],
            self.sky.clear_metered[held],
            np.ascontiguousarray(self._meter_load_wh[:, span]),
            np.ascontiguousarray(self._meter_solar_wh[:, span]),
            load_forecast,
            load_metered,
            flexible,
            solar_forecast,
            solar_metered,
        )
        buy_limits, sell_limits = (np.empty((count, fleet), np.int64) for _ in range(2))
        for b, strategy in enumerate(self.strategies):
            buy_limits[:, b], sell_limits[:, b] = strategy.limits(self.local_second[span])
        available_ppm = np.full((count, fleet), 1_000_000, np.int64)
        for outage, mine, available_bp in self._battery_outages:
            low, high = max(outage.start - first, 0), max(min(outage.stop - first, count), 0)
            available_ppm[low:high, mine] = np.minimum(available_ppm[low:high, mine], available_bp * 100)
        sells, buys = self._upstream_limits(span, count)
        return Conditions(
            load_forecast,
            load_metered,
            flexible,
            solar_forecast,
            solar_metered,
            self.plant_forecast_wh[held],
            self.plant_metered_wh[held],
            available_ppm,
            buy_limits,
            sell_limits,
            sells,
            buys,
        )

    def _upstream_limits(self, span: slice, count: int) -> Limits:
        if self.upstream_price_tick is None or self.scenario.upstream is None:
            nothing = np.full(count, NO_PRICE_TICK, np.int64)
            return nothing, nothing
        price, fee = self.upstream_price_tick[span], self.scenario.upstream.fee
        return price + fee, price - fee

    def intervals_until(self, text: str) -> int:
        """How many intervals end by a time on the scenario's clock. Raises BadInput for any but an interval's end."""
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise BadInput("until", text, "must be a time such as 2026-05-27 or 2026-05-27T12:00") from None
        zone, step_s = self.grid.zone, self.grid.step_s
        if moment.tzinfo is None and len({moment.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)}) > 1:
            raise BadInput("until", text, f"must have an offset such as Z, as the clock of {zone.key} changes then")
        second = self._instant(moment)
        if not self.grid.start_utc < second <= self.grid.end_utc:
            first, last = self.interval_text(0), self.interval_text(self.grid.count)
            raise BadInput("until", text, f"must lie after {first} and not after {last}")
        if (second - self.grid.start_utc) % step_s or moment.microsecond:
            raise BadInput("until", text, f"must be the end of an interval of {step_s // 60} minutes")
        return (second - self.grid.start_utc) // step_s

    def interval_text(self, interval: int) -> str:
        """The start of an interval on the scenario's clock."""
        return local_text(self.grid.start_utc + interval * self.grid.step_s, self.grid.zone)


def _members(counts: list[int]) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(counts), dtype=np.int64), np.array(counts, np.int64))


def _drawn(draw: np.random.Generator, span: tuple[int, int], count: int) -> NDArray[np.int64]:
    drawn: NDArray[np.int64] = draw.integers(span[0], span[1], count, dtype=np.int64, endpoint=True)
    return drawn


def _place(names: list[str], name: str) -> int:
    """The row of a name, a new one when it is new."""
    if name not in names:
        names.append(name)
    return names.index(name)


def _stack(rows: list[NDArray[np.int64]], width: int) -> NDArray[np.int64]:
    return np.ascontiguousarray(np.stack(rows)) if rows else np.zeros((0, width), np.int64)


def _energy_wh(power_w: int, grid: IntervalGrid) -> NDArray[np.int64]:
    """Energy of a constant power in each interval; floor of the running total within the hour [Wh]."""
    per_hour, offset = 3600 // grid.step_s, grid.start_utc % 3600
    pattern = [
        energy_of_power_wh(power_w, offset + n * grid.step_s, offset + (n + 1) * grid.step_s) for n in range(per_hour)
    ]
    return np.resize(np.array(pattern, np.int64), grid.count)


def _ramp_wh(ramp_w_per_hour: int | None, capacity_w: int, step_s: int) -> int:
    """How much the energy of an interval may change from one to the next [Wh]."""
    if ramp_w_per_hour is None:
        return capacity_w
    # Power may change by ramp x step, and that change lasts the whole next interval.
    return max(ramp_w_per_hour * step_s * step_s // (3600 * 3600), 1)
