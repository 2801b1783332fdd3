"""The desk's state and the one way it changes: an authorised command, applied whole or refused.

`Book` is deterministic and knows no keys, files or clocks: whoever calls it has checked the signature and brings the
time. Applying the same commands in the same order gives the same state, byte for byte.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from voltadesk.clock import utc_text
from voltadesk.desk import commands as c
from voltadesk.desk import ordering
from voltadesk.desk.actors import Actors
from voltadesk.desk.bills import Bills
from voltadesk.desk.fleet import Battery, Fleet, batteries_of, unlimited
from voltadesk.desk.fund import Fund
from voltadesk.desk.ledger import Entry, Ledger
from voltadesk.desk.market import IntervalResult, Market
from voltadesk.desk.outcome import Passed
from voltadesk.desk.receipt import Trades, hash_of
from voltadesk.desk.refusal import Refusal, price_text
from voltadesk.desk.roles import ADMIN, ALLOWED, INVESTOR, OPERATOR, OWNER, WHILE_HALTED
from voltadesk.desk.source import Source
from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.errors import BadInput
from voltadesk.strategy.rolling import PUBLISHED
from voltadesk.units import E8_PER_CURRENCY, decimal_text, money_decimal, mwh_decimal

Effects = dict[str, Any]
Handler = Any


class Made(NamedTuple):
    """What commands have made since it was last asked for: of the ledger, of intervals, of order books."""

    postings: list[Entry]
    intervals: list[IntervalResult]
    trades: list[Trades]


class Book:
    """Actors, ledger, fund, fleet, statements, market and the safety switch of one desk.

    `founder` and its public key start the desk; `currency` labels its money. With a `source` it has a market: the
    scenario's batteries are its fleet, and the scenario's holders of money, by their public keys in `holders`, have
    invested before the first interval. Raises Refusal for what can't be.
    """

    def __init__(
        self,
        founder: str,
        public_key: str,
        currency: str = "EUR",
        source: Source | None = None,
        holders: dict[str, str] | None = None,
    ) -> None:
        self.actors = Actors(founder, public_key)
        self.ledger = Ledger(currency, keep=True)
        self.fund = Fund(self.ledger)
        self.fleet = Fleet(self.fund)
        self.bills = Bills(self.ledger)
        self.market = None if source is None else Market(source)
        self.halted = ""  # the reason, while halted
        self._results: list[IntervalResult] = []
        if self.market is not None:
            self._found(self.market, holders or {})

    def _found(self, market: Market, holders: dict[str, str]) -> None:
        """Take in the scenario's batteries and holders of money, as entry 0."""
        names = {holder.name for holder in market.founded.money_holders}
        if names != set(holders):
            raise Refusal("BAD_VALUE", "holders", ", ".join(sorted(holders)), "must be the scenario's money holders")
        for battery, fill_wh in batteries_of(market.founded):
            self.fleet.add(0, battery, fill_wh, market.start_utc)
        for holder in market.founded.money_holders:
            self.actors.add(holder.name, holders[holder.name])
            self.actors.by_name[holder.name].roles.add(INVESTOR)
            if holder.cash:
                self.fund.invest(0, holder.name, holder.cash, market.start_utc)

    @property
    def now_utc(self) -> int:
        """What the market's clock shows [s UTC]: the start of the next interval; 0 without a market."""
        return 0 if self.market is None else self.market.next_utc

    def drain(self) -> Made:
        """What was made since the last call."""
        trades = [] if self.market is None else self.market.continuous.drain()
        made, self._results = Made(self.ledger.drain(), self._results, trades), []
        return made

    # Applying ---------------------------------------------------------------------------------------------------------
    def apply(self, entry: int, actor: str, command: c.Command, time_utc: int = 0) -> Effects:
        """Apply a command of an authenticated actor as that entry of the journal; returns what it did.

        Raises Refusal: UNKNOWN_ACTOR, DENIED, HALTED, or what the command itself is refused for. Then nothing changed.
        """
        self.authorise(actor, command.kind)
        effects: Effects = _HANDLERS[command.kind](self, entry, actor, command, time_utc)
        self.fund.check()
        self.fleet.check()
        self.bills.check()
        if self.market is not None:
            self.market.check(self.ledger)
        return effects

    def authorise(self, actor: str, kind: str) -> None:
        """Raises Refusal UNKNOWN_ACTOR, DENIED or HALTED unless the actor may do that now."""
        if actor not in self.actors.by_name:
            raise Refusal("UNKNOWN_ACTOR", "actor", actor, "must be an actor of the desk")
        needed = ALLOWED[kind]
        if needed and not needed & self.actors.get(actor).roles:
            raise Refusal("DENIED", "actor", actor, f"must be {' or '.join(sorted(needed))} for {kind}")
        if self.halted and kind not in WHILE_HALTED:
            raise Refusal("HALTED", "kind", kind, f"must wait until the desk is resumed (halted: {self.halted})")

    # Actors -----------------------------------------------------------------------------------------------------------
    def _actor_add(self, entry: int, actor: str, command: c.ActorAdd, time_utc: int) -> Effects:
        self.actors.add(command.name, command.public_key)
        return {"actor": command.name}

    def _rotate_key(self, entry: int, actor: str, command: c.ActorRotateKey, time_utc: int) -> Effects:
        self.actors.rotate_key(actor, command.public_key)
        return {"actor": actor}

    def _delegate(self, entry: int, actor: str, command: c.ActorDelegate, time_utc: int) -> Effects:
        now_utc = max(self.now_utc, time_utc)
        self.actors.delegate(actor, command.public_key, command.kinds, command.until, now_utc)
        return {"actor": actor, "kinds": sorted(set(command.kinds)), "until": utc_text(command.until)}

    def _undelegate(self, entry: int, actor: str, command: c.ActorUndelegate, time_utc: int) -> Effects:
        self.actors.undelegate(actor, command.public_key)
        return {"actor": actor}

    def _grant(self, entry: int, actor: str, command: c.RoleGrant, time_utc: int) -> Effects:
        new = self.actors.grant(actor, command.actor, command.role)
        return {"actor": command.actor, "role": command.role, "new": new}

    def _revoke(self, entry: int, actor: str, command: c.RoleRevoke, time_utc: int) -> Effects:
        self.actors.revoke(actor, command.actor, command.role)
        return {"actor": command.actor, "role": command.role}

    def _transfer(self, entry: int, actor: str, command: c.OwnerTransfer, time_utc: int) -> Effects:
        self.actors.offer_ownership(actor, command.actor)
        return {"offered_to": command.actor}

    def _accept(self, entry: int, actor: str, command: c.OwnerAccept, time_utc: int) -> Effects:
        return {"from": self.actors.accept_ownership(actor), "owner": actor}

    # Fleet ------------------------------------------------------------------------------------------------------------
    def _battery_add(self, entry: int, actor: str, command: c.BatteryAdd, time_utc: int) -> Effects:
        self._require_published(command.strategy)
        battery = self.fleet.add(entry, _battery(command), command.fill_kwh, time_utc)
        return {"battery": battery.id}

    def _battery_buy(self, entry: int, actor: str, command: c.BatteryBuy, time_utc: int) -> Effects:
        self._require_published(command.strategy)
        battery = self.fleet.buy(entry, _battery(command), command.cost, command.fill_kwh, time_utc)
        return {"battery": battery.id, "cost": str(money_decimal(command.cost))}

    def _battery_set(self, entry: int, actor: str, command: c.BatterySet, time_utc: int) -> Effects:
        changes = _given(command, "battery", _BATTERY_FIELDS)
        self._require_published(command.strategy)
        self.fleet.set(command.battery, **changes)
        return {"battery": command.battery, "changed": sorted(changes)}

    def _require_published(self, strategy: str | None) -> None:
        if strategy in PUBLISHED and (self.market is None or self.market.founded.upstream is None):
            raise Refusal("BAD_VALUE", "strategy", strategy, "needs the prices of an upstream, which the market lacks")

    def _battery_retire(self, entry: int, actor: str, command: c.BatteryRetire, time_utc: int) -> Effects:
        self.fleet.retire(entry, command.battery, command.price, command.scrap, time_utc)
        return {"battery": command.battery}

    # Fund -------------------------------------------------------------------------------------------------------------
    def _invest(self, entry: int, actor: str, command: c.FundInvest, time_utc: int) -> Effects:
        made = self.fund.invest(entry, actor, command.amount, time_utc)
        return {"amount": str(money_decimal(made.amount_e8)), "shares": str(money_decimal(made.shares))}

    def _redeem(self, entry: int, actor: str, command: c.FundRedeem, time_utc: int) -> Effects:
        asked = self.fund.redeem(entry, actor, command.shares)
        return {"request": asked.number, "paid": self._pay_redemptions(entry, time_utc)}

    def _pay_redemptions(self, entry: int, time_utc: int) -> list[list[str]]:
        paid = self.fund.pay_redemptions(entry, time_utc)
        return [[payout.actor, str(money_decimal(payout.amount_e8))] for payout in paid]

    def _cancel_redemption(self, entry: int, actor: str, command: c.FundCancel, time_utc: int) -> Effects:
        request = self.fund.cancel_redemption(actor, command.redemption)
        return {"request": request.number, "shares": str(money_decimal(request.shares))}

    def _declare(self, entry: int, actor: str, command: c.FundDeclare, time_utc: int) -> Effects:
        declared = self.fund.declare(entry, command.amount, command.percent, command.return_of_capital, time_utc)
        return {
            "dividend": declared.number,
            "amount": str(money_decimal(declared.amount_e8)),
            "parts": [[name, str(money_decimal(part_e8))] for name, part_e8 in declared.parts],
        }

    def _withdraw(self, entry: int, actor: str, command: c.FundWithdraw, time_utc: int) -> Effects:
        return {"amount": str(money_decimal(self.fund.withdraw(entry, actor, time_utc)))}

    # Market -----------------------------------------------------------------------------------------------------------
    def _halt(self, entry: int, actor: str, command: c.MarketHalt, time_utc: int) -> Effects:
        self.halted = self.halted or command.reason
        return {"halted": self.halted}

    def _resume(self, entry: int, actor: str, command: c.MarketResume, time_utc: int) -> Effects:
        market = self.market
        if market is not None and market.published is not None and not market.published.count(market.next):
            limit = "must have a price before the market goes on: publish it (voltadesk market feed)"
            raise Refusal("NO_PRICE", "interval", utc_text(market.next_utc), limit)
        self.halted = ""
        return {"halted": ""}

    def _require_market(self) -> Market:
        if self.market is None:
            raise Refusal("NO_MARKET", "market", "", "the desk was made without a scenario")
        return self.market

    def _advance(self, entry: int, actor: str, command: c.MarketAdvance, time_utc: int) -> Effects:
        from voltadesk.desk.interval import advance, results_hash  # brings the compiler with it

        market = self._require_market()
        if command.interval != market.next_utc:
            limit = f"must be the next interval, {utc_text(market.next_utc)}"
            raise Refusal("BAD_VALUE", "interval", utc_text(command.interval), limit)
        try:
            result = advance(entry, market, self.fleet)
        except BadInput as error:  # the outside's prices or meters end before it
            self.halted = f"stale feed: {error}"
            return {"interval": utc_text(command.interval), "halted": self.halted}
        self._results.append(result)
        passed = market.continuous.pass_time(self.ledger, entry)
        self._halt_outside_band(market, result.figures["price_tick"])
        return {
            "interval": utc_text(result.start_utc),
            **_told(result),
            **({"expired": passed.expired} if passed.expired else {}),
            **(_calls(passed) if passed.held else {}),
            "paid": self._pay_redemptions(entry, result.start_utc),
            "results": results_hash(result),
            "halted": self.halted,
        }

    def _halt_outside_band(self, market: Market, price_tick: int) -> None:
        low, high = market.band
        if price_tick == NO_PRICE_TICK:
            return
        if low is not None and price_tick < low:
            self.halted = f"price {price_text(price_tick)} below the band, {price_text(low)}"
        if high is not None and price_tick > high:
            self.halted = f"price {price_text(price_tick)} above the band, {price_text(high)}"

    def _publish(self, entry: int, actor: str, command: c.MarketPublish, time_utc: int) -> Effects:
        market = self._require_market()
        if market.published is None:
            limit = "has no upstream.feed, so it takes no prices"
            raise Refusal("BAD_VALUE", "market", market.scenario.name, limit)
        fetched_utc = command.fetched or 0
        done = market.published.take(entry, market.next, command.start, command.prices, fetched_utc)
        return {"source": command.source, **done}

    def _market_set(self, entry: int, actor: str, command: c.MarketSet, time_utc: int) -> Effects:
        market, changes = self._require_market(), command.model_dump(exclude_none=True)
        if not changes:
            raise Refusal("BAD_VALUE", "market", "", "must be given something to change")
        market.set(changes)
        return {"changed": sorted(changes)}

    def _order_place(self, entry: int, actor: str, command: c.OrderPlace, time_utc: int) -> Effects:
        return ordering.place(self._require_market(), self.ledger, entry, actor, command)

    def _order_amend(self, entry: int, actor: str, command: c.OrderAmend, time_utc: int) -> Effects:
        return ordering.amend(self._require_market(), self.ledger, entry, actor, command)

    def _order_cancel(self, entry: int, actor: str, command: c.OrderCancel, time_utc: int) -> Effects:
        return ordering.cancel(self._require_market(), self.ledger, entry, actor, command)

    def _home_set(self, entry: int, actor: str, command: c.HomeSet, time_utc: int) -> Effects:
        market = self._require_market()
        changes = _given(command, "home", _HOME_FIELDS)
        self._require_right(actor, market.home(command.home).owner, changes)
        market.set_home(command.home, **changes)
        return {"home": command.home, "changed": sorted(changes)}

    def _plant_set(self, entry: int, actor: str, command: c.PlantSet, time_utc: int) -> Effects:
        market = self._require_market()
        changes = _given(command, "plant", _PLANT_FIELDS)
        self._require_right(actor, market.plant(command.plant).owner, changes)
        market.set_plant(command.plant, **changes)
        return {"plant": command.plant, "changed": sorted(changes)}

    def _require_right(self, actor: str, owner: str, changes: dict[str, Any]) -> None:
        """Raises Refusal unless the actor may change a home or plant of that owner."""
        roles = self.actors.get(actor).roles
        if "owner" in changes:
            self.actors.get(changes["owner"], "owner")
            if not roles & {OWNER, ADMIN}:
                raise Refusal("DENIED", "owner", changes["owner"], "must be set by owner or admin")
        elif actor != owner and not roles & {ADMIN, OPERATOR}:
            raise Refusal("DENIED", "actor", actor, "must be its owner, an admin or an operator")

    # Communities ------------------------------------------------------------------------------------------------------
    def _community_post(self, entry: int, actor: str, command: c.CommunityPost, time_utc: int) -> Effects:
        made = self.bills.post(entry, command, time_utc)
        payable = [bill.payable_e8 for bill in made]
        return {
            "community": command.community,
            "period": command.period,
            "statements": len(made),
            "first": made[0].number if made else "",
            "last": made[-1].number if made else "",
            "to_collect": str(money_decimal(sum(amount_e8 for amount_e8 in payable if amount_e8 > 0))),
            "to_pay_out": str(money_decimal(-sum(amount_e8 for amount_e8 in payable if amount_e8 < 0))),
        }

    def _community_pay(self, entry: int, actor: str, command: c.CommunityPay, time_utc: int) -> Effects:
        bill = self.bills.get(command.statement)
        is_own = actor == bill.member and bill.payable_e8 >= 0 and not command.returned
        if not is_own and ADMIN not in self.actors.get(actor).roles:
            limit = f"must be admin, or {bill.member} for what is to be paid, neither paid out nor returned"
            raise Refusal("DENIED", "actor", actor, limit)
        amount_e8 = None if command.amount is None else command.amount * (E8_PER_CURRENCY // 100)
        bill, paid_e8 = self.bills.pay(entry, command.statement, amount_e8, time_utc, command.returned)
        return {
            "statement": bill.number,
            "member": bill.member,
            "direction": "collect" if bill.payable_e8 > 0 else "pay out",
            **({"returned": True} if command.returned else {}),
            "amount": str(money_decimal(abs(paid_e8))),
            "open": str(money_decimal(abs(bill.open_e8))),
        }

    # Plain values -----------------------------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """All there is, as plain values for hashing and snapshots."""
        bills = self.bills.state()
        return {
            "actors": self.actors.state(),
            **({"bills": bills} if bills else {}),  # so a desk without any has the root it had before there were such
            "fleet": self.fleet.state(),
            "fund": self.fund.state(),
            "halted": self.halted,
            "ledger": self.ledger.state(),
            "market": {} if self.market is None else self.market.state(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], source: Source | None = None) -> Book:
        """The book that `state` was taken of, with what its market was founded on."""
        book = cls("", "", state["ledger"]["currency"])
        book.actors = Actors.from_state(state["actors"])
        book.ledger = Ledger.from_state(state["ledger"], keep=True)
        book.fund = Fund.from_state(book.ledger, state["fund"])
        book.fleet = Fleet.from_state(book.fund, state["fleet"])
        book.bills = Bills.from_state(book.ledger, state.get("bills", {}))
        book.market = None if source is None else Market.from_state(source, state["market"])
        book.halted = state["halted"]
        return book


# Names in the register, the homes and the plants for what commands call otherwise.
_BATTERY_FIELDS = {
    "strategy": "strategy",
    "buy_limit": "buy_limit_tick",
    "sell_limit": "sell_limit_tick",
    "charge": "charge",
    "discharge": "discharge",
    "wear_cost": "wear_cost_tick",
    "charge_kw": "charge_power_w",
    "discharge_kw": "discharge_power_w",
    "minimum_fill_kwh": "minimum_fill_wh",
    "maximum_fill_kwh": "maximum_fill_wh",
    "outages": "outages",
}
_HOME_FIELDS = {
    "owner": "owner",
    "in_community": "in_community",
    "offer_limit": "offer_limit_tick",
    "flexible": "flexible",
    "flexible_limit": "flexible_limit_tick",
    "appliances_percent": "appliances_bp",
    "offered_percent": "offered_bp",
}
_PLANT_FIELDS = {
    "owner": "owner",
    "capacity_kw": "capacity_w",
    "marginal_cost": "marginal_cost_tick",
    "outages": "outages",
}


def _given(command: c.Command, what: str, fields: dict[str, str]) -> dict[str, Any]:
    """What a command changes, by the names things have here. Raises Refusal BAD_VALUE when that is nothing."""
    changes = {}
    for name, field in fields.items():
        value = getattr(command, name)
        if name == "outages" and value is not None:
            value = tuple(_outage(outage) for outage in value)
        if value is not None:
            changes[field] = tuple(value) if isinstance(value, list) else value
    if not changes:
        raise Refusal("BAD_VALUE", what, getattr(command, what), "must be given something to change")
    return changes


def _outage(outage: c.Outage) -> tuple[int, int, int]:
    """From [s UTC], until [s UTC], and what is left meanwhile: ppm of a battery's power, W of a plant's."""
    left = outage.available_percent * 100 if isinstance(outage, c.BatteryOutage) else outage.available_kw  # type: ignore[attr-defined]
    return outage.begin, outage.end, left


def _told(result: IntervalResult) -> Effects:
    """The figures of an interval that its entry tells."""
    figures, price_tick = result.figures, result.figures["price_tick"]
    return {
        "price": "" if price_tick == NO_PRICE_TICK else price_text(price_tick),
        "auction_mwh": str(mwh_decimal(figures["auction_wh"])),
        "community_mwh": str(mwh_decimal(figures["community_wh"])),
        "shed_mwh": str(mwh_decimal(figures["shed_wh"])),
        "battery_charge_mwh": str(mwh_decimal(figures["battery_charge_wh"])),
        "battery_discharge_mwh": str(mwh_decimal(figures["battery_discharge_wh"])),
    }


def _calls(passed: Passed) -> Effects:
    """The call auctions of products that were held: product, kWh, price; and the hash of what was traded in them."""
    calls = [[utc_text(held.start_utc), decimal_text(held.energy_wh, 3), price_text(held.price_tick)]
             for held in passed.held]  # fmt: skip
    return {"calls": calls, "call_results": hash_of(passed.trades)}


def _battery(command: c.BatteryAdd) -> Battery:
    limits = unlimited(command.strategy)
    return Battery(
        id=command.battery,
        serial=command.serial,
        capacity_wh=command.capacity_kwh,
        charge_power_w=command.charge_kw,
        discharge_power_w=command.discharge_kw,
        maximum_fill_wh=command.capacity_kwh if command.maximum_fill_kwh is None else command.maximum_fill_kwh,
        minimum_fill_wh=command.minimum_fill_kwh,
        charge_efficiency_ppm=command.charge_efficiency,
        discharge_efficiency_ppm=command.discharge_efficiency,
        standing_loss_ppm_per_hour=command.standing_loss_percent_per_hour,
        wear_cost_tick=command.wear_cost,
        strategy=command.strategy,
        buy_limit_tick=limits["buy_limit_tick"] if command.buy_limit is None else command.buy_limit,
        sell_limit_tick=limits["sell_limit_tick"] if command.sell_limit is None else command.sell_limit,
        charge=tuple(command.charge),
        discharge=tuple(command.discharge),
    )


_HANDLERS: dict[str, Handler] = {
    "actor.add": Book._actor_add,
    "actor.rotate-key": Book._rotate_key,
    "actor.delegate": Book._delegate,
    "actor.undelegate": Book._undelegate,
    "role.grant": Book._grant,
    "role.revoke": Book._revoke,
    "owner.transfer": Book._transfer,
    "owner.accept": Book._accept,
    "battery.add": Book._battery_add,
    "battery.buy": Book._battery_buy,
    "battery.set": Book._battery_set,
    "battery.retire": Book._battery_retire,
    "fund.invest": Book._invest,
    "fund.redeem": Book._redeem,
    "fund.cancel": Book._cancel_redemption,
    "fund.declare": Book._declare,
    "fund.withdraw": Book._withdraw,
    "market.halt": Book._halt,
    "market.resume": Book._resume,
    "market.advance": Book._advance,
    "market.publish": Book._publish,
    "market.set": Book._market_set,
    "order.place": Book._order_place,
    "order.amend": Book._order_amend,
    "order.cancel": Book._order_cancel,
    "home.set": Book._home_set,
    "plant.set": Book._plant_set,
    "community.post": Book._community_post,
    "community.pay": Book._community_pay,
}
