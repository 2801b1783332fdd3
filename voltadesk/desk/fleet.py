"""The register of batteries, and what their trades do to the books.

A battery's fill is the balance of `fund:battery:<id>:wh`; what that energy cost stands in `...:energy`, what the
battery cost less wear in `...:book`. Energy sold takes its part of the cost with it, at the battery's average. Energy
lost takes none: what is left has cost it all. When a battery is empty nothing of the cost remains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from voltadesk.clock import time_zone
from voltadesk.desk.fund import Fund
from voltadesk.desk.ledger import WH, Entry, LedgerError, Posting, flow
from voltadesk.desk.refusal import Refusal, money_text, require_int, require_money_e8, require_name
from voltadesk.desk.treasury import FREE, RETAINED
from voltadesk.scenario.model import Scenario, numbered
from voltadesk.scenario.strategies import strategies
from voltadesk.strategy.limits import Threshold, Timetable
from voltadesk.strategy.rolling import ROLLING, Rolling
from voltadesk.units import (
    BP_PER_UNIT,
    ENERGY_LIMIT_WH,
    MONEY_LIMIT_E8,
    POWER_LIMIT_W,
    PPM_PER_UNIT,
    PRICE_LIMIT_TICK,
    WH_PER_MWH,
)

Spans = tuple[tuple[int, ...], ...]

CAPACITY_LIMIT_WH = 100_000 * WH_PER_MWH
SECONDS_PER_DAY = 86_400
STRATEGIES = ("threshold", "timetable", *ROLLING)
LIMITS = {
    "capacity_wh": (1, CAPACITY_LIMIT_WH),
    "charge_power_w": (1, POWER_LIMIT_W),
    "discharge_power_w": (1, POWER_LIMIT_W),
    "minimum_fill_wh": (0, CAPACITY_LIMIT_WH),
    "maximum_fill_wh": (1, CAPACITY_LIMIT_WH),
    "charge_efficiency_ppm": (1, PPM_PER_UNIT),
    "discharge_efficiency_ppm": (1, PPM_PER_UNIT),
    "standing_loss_ppm_per_hour": (0, PPM_PER_UNIT // 100),
    "wear_cost_tick": (0, PRICE_LIMIT_TICK),
    "buy_limit_tick": (-PRICE_LIMIT_TICK, PRICE_LIMIT_TICK),
    "sell_limit_tick": (-PRICE_LIMIT_TICK, PRICE_LIMIT_TICK),
}
SETTABLE = set(LIMITS) - {"capacity_wh"} | {"strategy", "charge", "discharge", "outages"}


@dataclass(frozen=True)
class Battery:
    """What a battery is and how it trades; every name ends in its unit.

    `charge` and `discharge` are spans of the local day [s] for the timetable strategy (`strategy.limits.Timetable`);
    `outages` are (from [s UTC], until [s UTC], share of power left [ppm]).
    """

    id: str
    serial: str
    capacity_wh: int
    charge_power_w: int
    discharge_power_w: int
    maximum_fill_wh: int
    minimum_fill_wh: int = 0
    charge_efficiency_ppm: int = PPM_PER_UNIT
    discharge_efficiency_ppm: int = PPM_PER_UNIT
    standing_loss_ppm_per_hour: int = 0
    wear_cost_tick: int = 0  # per MWh discharged
    strategy: str = "threshold"
    buy_limit_tick: int = -PRICE_LIMIT_TICK
    sell_limit_tick: int = PRICE_LIMIT_TICK
    charge: Spans = ()
    discharge: Spans = ()
    outages: Spans = ()

    def check(self) -> None:
        """Raises Refusal BAD_VALUE naming the first field that is not acceptable, its value and its limit."""
        require_name("id", self.id)
        require_name("serial", self.serial)
        for name, (low, high) in LIMITS.items():
            require_int(name, getattr(self, name), low, high)
        require_int("maximum_fill_wh", self.maximum_fill_wh, 1, self.capacity_wh)
        require_int("minimum_fill_wh", self.minimum_fill_wh, 0, self.maximum_fill_wh - 1)
        if self.strategy not in STRATEGIES:
            raise Refusal("BAD_VALUE", "strategy", self.strategy, f"must be one of {', '.join(STRATEGIES)}")
        # A timetable buys and sells at different hours, so its limits are free of each other.
        if self.strategy == "threshold":
            require_int("buy_limit_tick", self.buy_limit_tick, -PRICE_LIMIT_TICK, self.sell_limit_tick)
        elif self.strategy == "timetable" and not self.charge and not self.discharge:
            raise Refusal("BAD_VALUE", "charge", "", "a timetable needs hours to charge or discharge")
        for name in ("charge", "discharge"):
            for begin_s, end_s in _spans(name, getattr(self, name), 2):
                require_int(name, begin_s, 0, SECONDS_PER_DAY - 1)
                require_int(name, end_s, 0, SECONDS_PER_DAY)
        for from_utc, until_utc, available_ppm in _spans("outages", self.outages, 3):
            require_int("outages", from_utc, 0, until_utc - 1)
            require_int("outages", available_ppm, 0, PPM_PER_UNIT)

    @property
    def trades_by(self) -> Threshold | Timetable | Rolling:
        """The strategy itself."""
        if self.strategy == "threshold":
            return Threshold(self.buy_limit_tick, self.sell_limit_tick)
        if self.strategy == "timetable":
            return Timetable(self.charge, self.discharge, self.buy_limit_tick, self.sell_limit_tick)  # type: ignore[arg-type]
        return Rolling(self.strategy, self.buy_limit_tick, self.sell_limit_tick)


def unlimited(strategy: str) -> dict[str, int]:
    """The limits of a battery that none are given for: it never trades, or finds its own if its strategy does."""
    open_tick = PRICE_LIMIT_TICK if strategy in ROLLING else -PRICE_LIMIT_TICK
    return {"buy_limit_tick": open_tick, "sell_limit_tick": -open_tick}


@dataclass
class Registered:
    """A battery in the register, with what changes beside the ledger."""

    battery: Battery
    cost_e8: int  # what the fund paid [1e-8 currency]
    bought_entry: int
    retired_entry: int = 0  # 0 while active
    standing_loss_rest: int = 0  # part of a Wh still to be lost [1e-6 Wh x s / h]


@dataclass(frozen=True)
class Dispatch:
    """What one battery did in one interval: bought or sold, never both.

    `loss_wh` is all that did not arrive, standing loss with it: fill rises by bought - loss, or falls by sold + loss.
    """

    battery: str
    bought_wh: int = 0
    paid_e8: int = 0  # below 0 when it was paid to take energy
    sold_wh: int = 0
    received_e8: int = 0  # below 0 when it paid to get rid of energy
    loss_wh: int = 0
    fee_e8: int = 0  # to the operator
    standing_loss_rest: int = 0


class Fleet:
    """Batteries by id. Every change checks first, then posts once, then remembers."""

    def __init__(self, fund: Fund) -> None:
        self.fund, self.ledger = fund, fund.ledger
        self.register: dict[str, Registered] = {}
        self._serials: set[str] = set()

    def get(self, battery_id: str) -> Battery:
        """An active battery. Raises Refusal NOT_FOUND."""
        return self._active(battery_id).battery

    def active(self) -> tuple[str, ...]:
        """Ids of all batteries that are not retired, sorted."""
        return tuple(sorted(name for name, row in self.register.items() if not row.retired_entry))

    def fill_wh(self, battery_id: str) -> int:
        """Energy stored in a battery [Wh]."""
        return self.ledger.balance(_account(battery_id, "wh"), WH)

    def book_e8(self, battery_id: str) -> int:
        """What a battery cost, less wear [1e-8 currency]."""
        return self.fund.money_e8(_account(battery_id, "book"))

    def energy_cost_e8(self, battery_id: str) -> int:
        """What the energy stored in a battery cost [1e-8 currency]."""
        return self.fund.money_e8(_account(battery_id, "energy"))

    def available_ppm(self, battery_id: str, interval_utc: int) -> int:
        """Share of its power that a battery has in the interval [ppm]: the least of the outages that cover its start.

        Raises Refusal NOT_FOUND.
        """
        outages = self.get(battery_id).outages
        return min([left for begin, end, left in outages if begin <= interval_utc < end], default=PPM_PER_UNIT)

    # The register -----------------------------------------------------------------------------------------------------
    def buy(self, entry: int, battery: Battery, cost_e8: int, fill_wh: int = 0, time_utc: int = 0) -> Battery:
        """Buy a battery with the fund's free cash [1e-8 currency]; what is stored in it [Wh] is in the price.

        Raises Refusal BAD_VALUE, DUPLICATE, INSUFFICIENT_FUNDS.
        """
        self._require_new(battery, fill_wh)
        require_money_e8("cost", cost_e8)
        self.fund.require_free("cost", cost_e8)
        return self._register(entry, battery, cost_e8, fill_wh, time_utc)

    def add(self, entry: int, battery: Battery, fill_wh: int = 0, time_utc: int = 0) -> Battery:
        """Take in a battery that the fund did not pay for: it works for the fund at a book value of 0.

        Raises Refusal BAD_VALUE, DUPLICATE.
        """
        self._require_new(battery, fill_wh)
        return self._register(entry, battery, 0, fill_wh, time_utc)

    def _require_new(self, battery: Battery, fill_wh: int) -> None:
        battery.check()
        require_int("fill_wh", fill_wh, 0, battery.maximum_fill_wh)
        if battery.id in self.register:
            raise Refusal("DUPLICATE", "id", battery.id, "is in the register already")
        if battery.serial in self._serials:
            raise Refusal("DUPLICATE", "serial", battery.serial, "is in the register already")

    def _register(self, entry: int, battery: Battery, cost_e8: int, fill_wh: int, time_utc: int) -> Battery:
        currency = self.ledger.currency
        postings = [
            Posting(FREE, currency, -cost_e8),
            Posting(_account(battery.id, "book"), currency, cost_e8),
            Posting(_account(battery.id, "wh"), WH, fill_wh),
            Posting("ext:grid", WH, -fill_wh),
            *flow("ext:vendor", cost_e8, currency),
        ]
        self.ledger.post(entry, postings, time_utc, f"{'buy' if cost_e8 else 'add'} {battery.id}")
        self.register[battery.id] = Registered(battery, cost_e8, entry)
        self._serials.add(battery.serial)
        return battery

    def set(self, battery_id: str, **changes: Any) -> Battery:
        """Change how a battery trades: any field of `SETTABLE`.

        One that begins to find its own limits, or ends, loses those that were set.
        Raises Refusal NOT_FOUND, BAD_VALUE.
        """
        row = self._active(battery_id)
        for name, value in changes.items():
            if name not in SETTABLE:
                raise Refusal("BAD_VALUE", name, value, "can't be set")
        strategy = changes.get("strategy", row.battery.strategy)
        if (strategy in ROLLING) != (row.battery.strategy in ROLLING):
            changes = unlimited(strategy) | changes  # the other kind's limits mean something else
        changed = replace(row.battery, **changes)
        changed.check()
        require_int("maximum_fill_wh", changed.maximum_fill_wh, max(self.fill_wh(battery_id), 1), changed.capacity_wh)
        row.battery = changed
        return changed

    def retire(
        self, entry: int, battery_id: str, price_tick: int | None = None, scrap_e8: int = 0, time_utc: int = 0
    ) -> Entry:
        """Take a battery out for good, for what it fetches as scrap [1e-8 currency].

        What is stored is sold at a price [tick], less the loss of discharging, or written off without one. What is left
        of book value and cost of energy is a loss.
        Raises Refusal NOT_FOUND, BAD_VALUE, INSUFFICIENT_FUNDS.
        """
        row = self._active(battery_id)
        require_money_e8("scrap", scrap_e8, 0)
        if price_tick is not None:
            require_int("price_tick", price_tick, -PRICE_LIMIT_TICK, PRICE_LIMIT_TICK)
        fill_wh, book_e8, cost_e8 = self.fill_wh(battery_id), self.book_e8(battery_id), self.energy_cost_e8(battery_id)
        sold_wh = 0 if price_tick is None else fill_wh * row.battery.discharge_efficiency_ppm // PPM_PER_UNIT
        received_e8 = sold_wh * (price_tick or 0)
        self.fund.require_free("price of the energy left", -received_e8 - scrap_e8)
        currency = self.ledger.currency
        postings = [
            Posting(FREE, currency, received_e8 + scrap_e8),
            Posting(_account(battery_id, "book"), currency, -book_e8),
            Posting(_account(battery_id, "energy"), currency, -cost_e8),
            Posting(RETAINED, currency, book_e8 + cost_e8 - received_e8 - scrap_e8),
            Posting(_account(battery_id, "wh"), WH, -fill_wh),
            Posting("ext:grid", WH, sold_wh),
            Posting("loss:wh", WH, fill_wh - sold_wh),
            *flow("ext:grid", -received_e8, currency),
            *flow("ext:vendor", -scrap_e8, currency),
        ]
        posted = self.ledger.post(entry, postings, time_utc, f"retire {battery_id}")
        row.retired_entry = entry
        return posted

    def _active(self, battery_id: str) -> Registered:
        row = self.register.get(battery_id)
        if row is None or row.retired_entry:
            raise Refusal("NOT_FOUND", "battery", battery_id, "is no active battery")
        return row

    # An interval ------------------------------------------------------------------------------------------------------
    def dispatch(
        self, entry: int, dispatches: Sequence[Dispatch], counterparty: str = "ext:grid", time_utc: int = 0
    ) -> Entry:
        """Settle what batteries did in one interval as one entry: all of it, or nothing.

        Energy and money come from and go to the account `counterparty`. Wear is `wear_cost_tick` x Wh sold, as far as
        there is book value.
        Raises Refusal NOT_FOUND, DUPLICATE, BAD_VALUE, INSUFFICIENT_FUNDS.
        """
        postings: list[Posting] = []
        seen: set[str] = set()
        for done in dispatches:
            if done.battery in seen:
                raise Refusal("DUPLICATE", "battery", done.battery, "may act once in an interval")
            seen.add(done.battery)
            postings += self._settled(done, counterparty)
        spent_e8 = -sum(row.amount for row in postings if row.account == FREE)
        self.fund.require_free("dispatch", spent_e8)
        posted = self.ledger.post(entry, postings, time_utc, "dispatch")
        for done in dispatches:
            self.register[done.battery].standing_loss_rest = done.standing_loss_rest
        return posted

    def _settled(self, done: Dispatch, counterparty: str) -> list[Posting]:
        """Postings of one battery's interval."""
        battery = self._active(done.battery).battery
        fill_wh = self.fill_wh(battery.id)
        self._require_possible(done, battery, fill_wh)
        after_wh = fill_wh + done.bought_wh - done.sold_wh - done.loss_wh
        cost_e8 = self.energy_cost_e8(battery.id) + done.paid_e8
        gone_e8 = 0  # cost that leaves with the energy
        if after_wh == 0:
            gone_e8 = cost_e8
        elif done.sold_wh:
            gone_e8 = cost_e8 * (fill_wh - after_wh) // fill_wh
        wear_e8 = min(battery.wear_cost_tick * done.sold_wh, self.book_e8(battery.id))
        net_e8, currency = done.received_e8 - done.paid_e8, self.ledger.currency
        return [
            Posting(FREE, currency, net_e8 - done.fee_e8),
            Posting(_account(battery.id, "energy"), currency, done.paid_e8 - gone_e8),
            Posting(_account(battery.id, "book"), currency, -wear_e8),
            Posting(RETAINED, currency, gone_e8 + wear_e8 + done.fee_e8 - done.received_e8),
            Posting(_account(battery.id, "wh"), WH, after_wh - fill_wh),
            Posting(counterparty, WH, done.sold_wh - done.bought_wh),
            Posting("loss:wh", WH, done.loss_wh),
            *flow(counterparty, -net_e8, currency),
            *flow("fees:operator", done.fee_e8, currency),
        ]

    @staticmethod
    def _require_possible(done: Dispatch, battery: Battery, fill_wh: int) -> None:
        for name in ("bought_wh", "sold_wh", "loss_wh"):
            require_int(name, getattr(done, name), 0, ENERGY_LIMIT_WH)
        if done.bought_wh and done.sold_wh:
            raise Refusal("BAD_VALUE", "sold_wh", done.sold_wh, "must be 0 where energy is bought")
        for name, traded_wh in (("paid", done.bought_wh), ("received", done.sold_wh)):
            most_e8 = min(traded_wh * PRICE_LIMIT_TICK, MONEY_LIMIT_E8)
            require_money_e8(name, getattr(done, f"{name}_e8"), -most_e8, most_e8)
        require_money_e8("fee", done.fee_e8, 0)
        require_int("standing_loss_rest", done.standing_loss_rest, 0, 3_600_000_000)
        if done.bought_wh:
            require_int(
                "bought_wh - loss_wh", done.bought_wh - done.loss_wh, -fill_wh, battery.maximum_fill_wh - fill_wh
            )
        else:
            require_int("sold_wh + loss_wh", done.sold_wh + done.loss_wh, 0, fill_wh)

    # Checked, kept ----------------------------------------------------------------------------------------------------
    def check(self) -> None:
        """Every fill within its battery, and nothing left in a retired one. Raises LedgerError."""
        for name, row in self.register.items():
            fill_wh = self.fill_wh(name)
            if row.retired_entry and (fill_wh or self.book_e8(name) or self.energy_cost_e8(name)):
                raise LedgerError(f"retired battery {name} still has something in it")
            if fill_wh > row.battery.maximum_fill_wh or (fill_wh == 0 and self.energy_cost_e8(name)):
                cost = money_text(self.energy_cost_e8(name))
                raise LedgerError(f"battery {name} can't hold {fill_wh} Wh that cost {cost}")

    def state(self) -> dict[str, Any]:
        """All of the register in lists, texts and integers, the same for the same register."""
        rows = {}
        for name, row in sorted(self.register.items()):
            battery = {
                key: [list(span) for span in value] if isinstance(value, tuple) else value
                for key, value in vars(row.battery).items()
            }
            rows[name] = vars(row) | {"battery": battery}
        return {"batteries": rows}

    @classmethod
    def from_state(cls, fund: Fund, state: dict[str, Any]) -> Fleet:
        """The register that `state` describes, over its fund. Raises LedgerError when they don't agree."""
        fleet = cls(fund)
        for name, kept in state["batteries"].items():
            battery: dict[str, Any] = {
                key: tuple(tuple(span) for span in value) if isinstance(value, list) else value
                for key, value in kept["battery"].items()
            }
            fleet.register[name] = Registered(**(kept | {"battery": Battery(**battery)}))
            fleet._serials.add(fleet.register[name].battery.serial)
        fleet.check()
        return fleet


def batteries_of(scenario: Scenario) -> list[tuple[Battery, int]]:
    """A scenario's batteries, and what is stored in each [Wh]."""
    zone = time_zone(scenario.time.timezone)
    names = iter(numbered(scenario.fleet))
    made = []
    for group in scenario.fleet:
        outages = tuple(
            (outage.begin_utc(zone), outage.end_utc(zone), outage.available_percent * PPM_PER_UNIT // BP_PER_UNIT)
            for outage in group.outages
        )
        for strategy in strategies(group, scenario):
            name = next(names)
            timetable = strategy if isinstance(strategy, Timetable) else None
            battery = Battery(
                id=name,
                serial=name,
                capacity_wh=group.capacity_kwh,
                charge_power_w=group.charge_kw,
                discharge_power_w=group.discharge_kw,
                minimum_fill_wh=group.capacity_kwh * group.minimum_fill_percent // BP_PER_UNIT,
                maximum_fill_wh=group.capacity_kwh * group.maximum_fill_percent // BP_PER_UNIT,
                charge_efficiency_ppm=group.charge_efficiency,
                discharge_efficiency_ppm=group.discharge_efficiency,
                standing_loss_ppm_per_hour=group.standing_loss_percent_per_hour,
                wear_cost_tick=group.wear_cost,
                strategy=group.strategy.name,
                buy_limit_tick=strategy.buy_limit_tick,
                sell_limit_tick=strategy.sell_limit_tick,
                charge=timetable.charge if timetable else (),
                discharge=timetable.discharge if timetable else (),
                outages=outages,
            )
            made.append((battery, group.initial_fill_wh))
    return made


def _account(battery_id: str, part: str) -> str:
    return f"fund:battery:{battery_id}:{part}"


def _spans(name: str, value: object, width: int) -> Spans:
    """Raises Refusal BAD_VALUE unless `value` is a tuple of tuples of `width` ints."""
    if isinstance(value, tuple) and all(
        isinstance(span, tuple) and len(span) == width and all(type(part) is int for part in span) for span in value
    ):
        return value
    raise Refusal("BAD_VALUE", name, value, f"must be a tuple of spans of {width} whole numbers")
