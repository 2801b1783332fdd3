"""The desk's own market: its rules, homes, plants and people's orders, and where its clock stands.

What is simulated comes from a scenario that the desk was founded with; it goes on beyond the scenario's days as far as
the scenario's files reach. Commands change settings, each from the next interval on; `interval` runs one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from voltadesk.clock import utc_text
from voltadesk.desk import continuous_audit
from voltadesk.desk.continuous import Continuous, Found
from voltadesk.desk.ledger import Ledger, LedgerError, Posting
from voltadesk.desk.published import Published
from voltadesk.desk.receipt import Trade
from voltadesk.desk.refusal import Refusal, price_text
from voltadesk.desk.source import Source
from voltadesk.scenario.model import HomeGroup, Scenario, numbered
from voltadesk.scenario.model import Plant as ScenarioPlant
from voltadesk.strategy.rolling import Outlook
from voltadesk.units import BP_PER_UNIT, decimal_text

if TYPE_CHECKING:
    from voltadesk.scenario.world import World

ORDERS_LIMIT = 100  # open orders of one actor
DAYS_LIMIT = 7_305
HELD = 2_688  # intervals whose weather and series are in memory: four weeks of quarter-hours
Span = tuple[int, int, int]  # from [s UTC], until [s UTC], what is left meanwhile

_SECTIONS = {
    "market": ("pricing", "price_rule", "floor", "cap"),
    "operator": ("margin", "grid_fee", "levy", "imbalance_spread"),
    "community": (
        "community_rule",
        "community_discount_percent",
        "community_fee_percent",
        "community_grid_fee",
        "community_levy",
        "community_zic_percent",
        "community_rounds",
    ),
    "continuous": ("trading_limit",),
}
_NEWER = (  # settings that older desks don't know
    ("community", "zic_percent"),
    ("community", "rounds"),
    ("continuous", "opening_call_intervals"),
    ("continuous", "closing_call_intervals"),
)


@dataclass(frozen=True)
class Home:
    """How a home takes part. Shares in basis points: of its usual load, of its surplus that it offers."""

    owner: str
    in_community: bool
    offer_limit_tick: int
    flexible: bool
    flexible_limit_tick: int | None  # None: it has no flexible load
    appliances_bp: int = BP_PER_UNIT
    offered_bp: int = BP_PER_UNIT


@dataclass(frozen=True)
class Plant:
    """What a plant can make and what it asks; an outage leaves it so many W."""

    owner: str
    capacity_w: int
    marginal_cost_tick: int
    outages: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Order:
    """A person's order in the auction; `quantity_wh` and `held_e8` are what is left of it."""

    id: str
    entry: int
    actor: str
    side: str
    quantity_wh: int
    price_tick: int
    until_utc: int
    held_e8: int


class Asked(NamedTuple):
    """What a person orders: no price takes any, and without a time it is for the next interval."""

    side: str
    quantity_wh: int
    price_tick: int | None = None
    until_utc: int | None = None


class BatteryRow(NamedTuple):
    """What a battery did in an interval, and why."""

    battery: str
    fill_wh: int
    charge_wh: int
    discharge_wh: int
    loss_wh: int
    reason: str
    buy_limit_tick: int  # as it bid; NO_PRICE_TICK: it did not
    sell_limit_tick: int


class IntervalResult(NamedTuple):
    """All that came of an interval; `figures` are those of `engine.tables.INTERVAL`."""

    entry: int
    start_utc: int
    figures: dict[str, int]
    trades: tuple[Trade, ...]
    batteries: tuple[BatteryRow, ...]


class Market:
    """Settings and state of a desk's market. Raises BadInput for a scenario that is none."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.founded = source.scenario()
        self.scenario = self.founded
        self.next = 0  # number of the next interval
        self.last_price_tick: int | None = None
        self.reference_tick = 0  # what imbalance is priced by
        self.band: tuple[int | None, int | None] = (None, None)
        self.orders: dict[str, Order] = {}
        self.continuous = Continuous(self)
        self.waiting_wh: list[int] = []  # of each home's flexible load; empty before the first interval
        self.units: list[list[int]] = []  # of each plant: output_wh, held_intervals, standby_e8; likewise
        self.home_names = tuple(numbered(self.founded.homes))
        self.plant_names = tuple(plant.name for plant in self.founded.plants)
        groups = (group for group in self.founded.homes for _ in range(group.count))
        self._homes = {name: _home(group) for name, group in zip(self.home_names, groups, strict=True)}
        self._plants = {plant.name: _plant(plant) for plant in self.founded.plants}
        self._changed_homes: set[str] = set()
        self._changed_plants: set[str] = set()
        self._world: World | None = None
        grid = self.founded.time.grid()
        self.start_utc, self.step_s, self.zone = grid.start_utc, grid.step_s, grid.zone
        self.outlook = Outlook(grid.step_s)  # learns while a battery goes by it
        feed = self.founded.upstream.feed if self.founded.upstream is not None else None
        self.published = None if feed is None else Published(feed, self.start_utc, self.step_s)

    @property
    def next_utc(self) -> int:
        """Start of the next interval [s UTC]: what the market's clock shows."""
        return self.start_utc + self.next * self.step_s

    @property
    def local_second(self) -> int:
        """When in the local day the next interval begins [s]."""
        local = datetime.fromtimestamp(self.next_utc, self.zone)
        return local.hour * 3600 + local.minute * 60

    def home(self, name: str) -> Home:
        """A home by its name. Raises Refusal NOT_FOUND."""
        if name not in self._homes:
            raise Refusal("NOT_FOUND", "home", name, "must be a home of the market")
        return self._homes[name]

    def plant(self, name: str) -> Plant:
        """A plant by its name. Raises Refusal NOT_FOUND."""
        if name not in self._plants:
            raise Refusal("NOT_FOUND", "plant", name, "must be a plant of the market")
        return self._plants[name]

    def changed_homes(self) -> list[tuple[int, Home]]:
        """Number and settings of the homes that were ever changed, in order."""
        return [(h, self._homes[name]) for h, name in enumerate(self.home_names) if name in self._changed_homes]

    def changed_plants(self) -> list[tuple[int, Plant]]:
        """Number and settings of the plants that were ever changed, in order."""
        return [(p, self._plants[name]) for p, name in enumerate(self.plant_names) if name in self._changed_plants]

    def world(self) -> World:
        """The scenario's outside, with conditions of the next interval and of those around it.

        Its days are doubled until they hold that interval. Raises BadInput where files end before them, where a feed
        has published no price for the interval, or at the most intervals that a scenario may have.
        """
        from voltadesk.scenario.world import World  # brings the compiler with it, which most commands don't need

        published_tick = None if self.published is None else self.published.price(self.next)
        first = self.next - self.next % HELD
        if self._world is None or self.next >= self._world.grid.count:
            days = self.founded.time.days
            while self.next >= self._over(days).time.grid().count:
                days = DAYS_LIMIT if days < DAYS_LIMIT < 2 * days else 2 * days
            with self.source.folder() as folder:
                self._world = World(self.source.on_disk(self._over(days)), folder, first, HELD, is_fed=True)
        elif self.next not in self._world.held:
            self._world.hold(first, HELD)
        if published_tick is not None and self._world.upstream_price_tick is not None:
            self._world.upstream_price_tick[self.next] = published_tick
        return self._world

    def _over(self, days: int) -> Scenario:
        """The scenario without its fleet, which the register keeps, over so many days."""
        time = self.founded.time.model_copy(update={"days": days})
        return self.founded.model_copy(update={"time": time, "fleet": [], "money_holders": []})

    # Settings ---------------------------------------------------------------------------------------------------------
    def set(self, changes: dict[str, Any]) -> None:
        """Change rules: fields of the scenario's sections, `community_` in front of the community's, and the band.

        Raises Refusal BAD_VALUE where they don't fit together.
        """
        sections: dict[str, Any] = {}
        for section, names in _SECTIONS.items():
            given = {
                name.removeprefix("community_") if section == "community" else name: changes[name]
                for name in names
                if name in changes
            }
            sections[section] = getattr(self.scenario, section).model_copy(update=given)
        floor, cap = sections["market"].floor, sections["market"].cap
        if floor >= cap:
            raise Refusal("BAD_VALUE", "floor", price_text(floor), f"must be below the cap, {price_text(cap)}")
        low, high = changes.get("band_low", self.band[0]), changes.get("band_high", self.band[1])
        if low is not None and high is not None and low > high:
            raise Refusal("BAD_VALUE", "band_low", price_text(low), f"must not exceed band_high, {price_text(high)}")
        self.scenario = self.scenario.model_copy(update=sections)
        self.band = (low, high)

    def set_home(self, name: str, **changes: Any) -> Home:
        """Change fields of a home. Raises Refusal NOT_FOUND, BAD_VALUE."""
        home = self.home(name)
        if home.flexible_limit_tick is None and ("flexible_limit_tick" in changes or changes.get("flexible")):
            raise Refusal("BAD_VALUE", "flexible", name, "has no flexible load")
        self._homes[name] = replace(home, **changes)
        self._changed_homes.add(name)
        return self._homes[name]

    def set_plant(self, name: str, **changes: Any) -> Plant:
        """Change fields of a plant. Raises Refusal NOT_FOUND, BAD_VALUE."""
        plant = replace(self.plant(name), **changes)
        rated_w = next(unit.capacity_kw for unit in self.founded.plants if unit.name == name)
        if plant.capacity_w > rated_w:
            limit = f"must be at most what was built, {decimal_text(rated_w, 3)}"
            raise Refusal("BAD_VALUE", "capacity_kw", decimal_text(plant.capacity_w, 3), limit)
        for begin, end, _ in plant.outages:
            if begin >= end:
                raise Refusal("BAD_VALUE", "outages.end", utc_text(end), "must be after begin")
        self._plants[name] = plant
        self._changed_plants.add(name)
        return plant

    # Orders -----------------------------------------------------------------------------------------------------------
    def place(self, ledger: Ledger, entry: int, actor: str, asked: Asked) -> Order:
        """An order of an actor; what it may cost at most is taken from the actor's bank and held.

        Raises Refusal BAD_VALUE, TOO_MANY.
        """
        market, (side, quantity_wh, price_tick, until_utc) = self.scenario.market, asked
        if price_tick is None:
            price_tick = market.cap if side == "buy" else market.floor
        if until_utc is None:
            until_utc = self.next_utc + self.step_s
        self._require_in_band(price_tick)
        if until_utc <= self.next_utc:
            raise Refusal("BAD_VALUE", "until", utc_text(until_utc), "must be after the next interval's start")
        if sum(order.actor == actor for order in self.orders.values()) >= ORDERS_LIMIT:
            raise Refusal("TOO_MANY", "orders", ORDERS_LIMIT, "are open already: cancel one first")
        held_e8 = quantity_wh * worst_tick(side, price_tick)
        order = Order(f"o-{entry}", entry, actor, side, quantity_wh, price_tick, until_utc, held_e8)
        ledger.post(entry, held(actor, held_e8, ledger.currency), self.next_utc, f"hold {order.id}")
        self.orders[order.id] = order
        return order

    def _require_in_band(self, price_tick: int) -> None:
        rules = self.scenario.market
        if not rules.floor <= price_tick <= rules.cap:
            limit = f"must lie between {price_text(rules.floor)} and {price_text(rules.cap)}"
            raise Refusal("BAD_VALUE", "price", price_text(price_tick), limit)

    def own_order(self, actor: str, order_id: str) -> Order | Found:
        """An open order of the actor's: in the auction, or in which product and under which number in its book.

        Raises Refusal NOT_FOUND, DENIED.
        """
        order = self.orders.get(order_id) or self.continuous.find(order_id)
        if order is None:
            raise Refusal("NOT_FOUND", "order", order_id, "is no open order")
        if (order if isinstance(order, Order) else order.ticket).actor != actor:
            raise Refusal("DENIED", "order", order_id, "must be one's own")
        return order

    def amend(self, ledger: Ledger, entry: int, order: Order, price_tick: int | None, quantity_wh: int | None) -> Order:
        """New terms for an order in the auction, and what is held for it now. Raises Refusal BAD_VALUE."""
        price_tick = order.price_tick if price_tick is None else price_tick
        quantity_wh = order.quantity_wh if quantity_wh is None else quantity_wh
        self._require_in_band(price_tick)
        held_e8 = quantity_wh * worst_tick(order.side, price_tick)
        more_e8 = held_e8 - order.held_e8
        ledger.post(entry, held(order.actor, more_e8, ledger.currency), self.next_utc, f"amend {order.id}")
        amended = replace(order, price_tick=price_tick, quantity_wh=quantity_wh, held_e8=held_e8)
        self.orders[order.id] = amended
        return amended

    def cancel(self, ledger: Ledger, entry: int, order: Order) -> None:
        """Take an order out of the auction; what was held goes back."""
        ledger.post(entry, held(order.actor, -order.held_e8, ledger.currency), self.next_utc, f"cancel {order.id}")
        del self.orders[order.id]

    def check(self, ledger: Ledger) -> None:
        """What is held is what open orders may cost, and nothing is left in the market's clearing account.

        Raises LedgerError.
        """
        continuous_audit.check(self.continuous, ledger)
        by_actor: dict[str, int] = {}
        for order in self.orders.values():
            by_actor[order.actor] = by_actor.get(order.actor, 0) + order.held_e8
        for actor, held_e8 in by_actor.items():
            if ledger.balance(f"ext:held:{actor}", ledger.currency) != held_e8:
                raise LedgerError(f"held for orders of {actor} and open orders differ")
        if ledger.total("ext:held:*", ledger.currency) != sum(by_actor.values()):
            raise LedgerError("held for orders and open orders differ")
        for commodity in (ledger.currency, "WH"):
            if ledger.balance("ext:market", commodity):
                raise LedgerError(f"ext:market is left with {ledger.balance('ext:market', commodity)} {commodity}")

    # Plain values -----------------------------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """All that changes, in lists, texts and integers, the same for the same market."""
        learnt, products = self.outlook.state(), self.continuous.state()
        published = {} if self.published is None else self.published.state()
        rules = {section: getattr(self.scenario, section).model_dump() for section in _SECTIONS}
        # What is as it was founded is left out where older desks know no such thing.
        if self.scenario.continuous == self.founded.continuous:
            del rules["continuous"]
        for section, name in _NEWER:
            if section in rules and rules[section][name] == getattr(getattr(self.founded, section), name):
                del rules[section][name]
        return {
            "band": [[] if end is None else [end] for end in self.band],
            **({"continuous": products} if products else {}),
            "homes": {name: asdict(self._homes[name]) for name in sorted(self._changed_homes)},
            "last_price_tick": [] if self.last_price_tick is None else [self.last_price_tick],
            "next": self.next,
            **({"outlook": learnt} if learnt else {}),
            "orders": {name: asdict(order) for name, order in sorted(self.orders.items())},
            "plants": {
                name: asdict(plant) | {"outages": [list(span) for span in plant.outages]}
                for name, plant in ((name, self._plants[name]) for name in sorted(self._changed_plants))
            },
            **({"published": published} if published else {}),
            "reference_tick": self.reference_tick,
            "rules": rules,
            "units": self.units,
            "waiting_wh": self.waiting_wh,
        }

    @classmethod
    def from_state(cls, source: Source, state: dict[str, Any]) -> Market:
        """The market that `state` describes."""
        market = cls(source)
        low, high = state["band"]
        market.band = (low[0] if low else None, high[0] if high else None)
        market._homes |= {name: Home(**kept) for name, kept in state["homes"].items()}
        market._plants |= {
            name: Plant(**(kept | {"outages": tuple(tuple(span) for span in kept["outages"])}))
            for name, kept in state["plants"].items()
        }
        market._changed_homes, market._changed_plants = set(state["homes"]), set(state["plants"])
        market.last_price_tick = state["last_price_tick"][0] if state["last_price_tick"] else None
        market.next, market.reference_tick = state["next"], state["reference_tick"]
        market.outlook = Outlook(market.step_s, state.get("outlook"))
        market.orders = {name: Order(**kept) for name, kept in state["orders"].items()}
        sections = {
            section: getattr(market.scenario, section).model_copy(update=kept)
            for section, kept in state["rules"].items()
        }
        market.scenario = market.scenario.model_copy(update=sections)
        market.continuous.take_state(state.get("continuous", {}))
        if market.published is not None:
            market.published.take_state(state.get("published", {}))
        market.units = [list(unit) for unit in state["units"]]
        market.waiting_wh = list(state["waiting_wh"])
        return market


def worst_tick(side: str, price_tick: int) -> int:
    """The most that a MWh of an order can cost whoever placed it [tick]: a seller pays where its limit is below 0."""
    return max(price_tick if side == "buy" else -price_tick, 0)


def held(actor: str, amount_e8: int, currency: str) -> Sequence[Posting]:
    """Money [1e-8 currency] from an actor's bank to what is held for its orders, or back."""
    return [Posting(f"ext:bank:{actor}", currency, -amount_e8), Posting(f"ext:held:{actor}", currency, amount_e8)]


def _home(group: HomeGroup) -> Home:
    limit = None if group.flexible is None else group.flexible.price_limit
    return Home("", group.in_community, group.offer_limit, limit is not None, limit)


def _plant(plant: ScenarioPlant) -> Plant:
    return Plant("", plant.capacity_kw, plant.marginal_cost)
