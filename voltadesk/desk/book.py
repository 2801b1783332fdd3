"""The desk's state and the one way it changes: an authorised command, applied whole or refused.

`Book` is deterministic and knows no keys, files or clocks: whoever calls it has checked the signature and brings the
time. Applying the same commands in the same order gives the same state, byte for byte.
"""

from __future__ import annotations

from typing import Any

from voltadesk.desk import commands as c
from voltadesk.desk.actors import Actors
from voltadesk.desk.fleet import Battery, Fleet
from voltadesk.desk.fund import Fund
from voltadesk.desk.ledger import Ledger
from voltadesk.desk.refusal import Refusal
from voltadesk.desk.roles import ALLOWED, WHILE_HALTED
from voltadesk.units import PRICE_LIMIT_TICK, money_decimal

Effects = dict[str, Any]
Handler = Any


class Book:
    """Actors, ledger, fund, fleet and the safety switch of one desk.

    `founder` and its public key start the desk; `currency` labels its money.
    """

    def __init__(self, founder: str, public_key: str, currency: str = "EUR") -> None:
        self.actors = Actors(founder, public_key)
        self.ledger = Ledger(currency)
        self.fund = Fund(self.ledger)
        self.fleet = Fleet(self.fund)
        self.halted = ""  # the reason, while halted

    # Applying ---------------------------------------------------------------------------------------------------------
    def apply(self, entry: int, actor: str, command: c.Command, time_utc: int = 0) -> Effects:
        """Apply a command of an authenticated actor as that entry of the journal; returns what it did.

        Raises Refusal: UNKNOWN_ACTOR, DENIED, HALTED, or what the command itself is refused for. Then nothing changed.
        """
        self.authorise(actor, command.kind)
        effects: Effects = _HANDLERS[command.kind](self, entry, actor, command, time_utc)
        self.fund.check()
        self.fleet.check()
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

    def _actor_add(self, entry: int, actor: str, command: c.ActorAdd, time_utc: int) -> Effects:
        self.actors.add(command.name, command.public_key)
        return {"actor": command.name}

    def _rotate_key(self, entry: int, actor: str, command: c.ActorRotateKey, time_utc: int) -> Effects:
        self.actors.rotate_key(actor, command.public_key)
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

    def _battery_add(self, entry: int, actor: str, command: c.BatteryAdd, time_utc: int) -> Effects:
        battery = self.fleet.add(entry, _battery(command), command.fill_kwh, time_utc)
        return {"battery": battery.id}

    def _battery_buy(self, entry: int, actor: str, command: c.BatteryBuy, time_utc: int) -> Effects:
        battery = self.fleet.buy(entry, _battery(command), command.cost, command.fill_kwh, time_utc)
        return {"battery": battery.id, "cost": str(money_decimal(command.cost))}

    def _battery_set(self, entry: int, actor: str, command: c.BatterySet, time_utc: int) -> Effects:
        given = {
            "buy_limit_tick": command.buy_limit,
            "sell_limit_tick": command.sell_limit,
            "wear_cost_tick": command.wear_cost,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        if not changes:
            raise Refusal("BAD_VALUE", "battery", command.battery, "must be given something to change")
        self.fleet.set(command.battery, **changes)
        return {"battery": command.battery, "changed": sorted(changes)}

    def _battery_retire(self, entry: int, actor: str, command: c.BatteryRetire, time_utc: int) -> Effects:
        self.fleet.retire(entry, command.battery, command.price, command.scrap, time_utc)
        return {"battery": command.battery}

    def _invest(self, entry: int, actor: str, command: c.FundInvest, time_utc: int) -> Effects:
        made = self.fund.invest(entry, actor, command.amount, time_utc)
        return {"amount": str(money_decimal(made.amount_e8)), "shares": str(money_decimal(made.shares))}

    def _redeem(self, entry: int, actor: str, command: c.FundRedeem, time_utc: int) -> Effects:
        asked = self.fund.redeem(entry, actor, command.shares)
        paid = self.fund.pay_redemptions(entry, time_utc)
        return {"request": asked.number, "paid": [[p.actor, str(money_decimal(p.amount_e8))] for p in paid]}

    def _declare(self, entry: int, actor: str, command: c.FundDeclare, time_utc: int) -> Effects:
        declared = self.fund.declare(entry, command.amount, command.percent, command.return_of_capital, time_utc)
        return {
            "dividend": declared.number,
            "amount": str(money_decimal(declared.amount_e8)),
            "parts": [[name, str(money_decimal(part_e8))] for name, part_e8 in declared.parts],
        }

    def _withdraw(self, entry: int, actor: str, command: c.FundWithdraw, time_utc: int) -> Effects:
        return {"amount": str(money_decimal(self.fund.withdraw(entry, actor, time_utc)))}

    def _halt(self, entry: int, actor: str, command: c.MarketHalt, time_utc: int) -> Effects:
        self.halted = self.halted or command.reason
        return {"halted": self.halted}

    def _resume(self, entry: int, actor: str, command: c.MarketResume, time_utc: int) -> Effects:
        self.halted = ""
        return {"halted": ""}

    # Plain values -----------------------------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """All there is, as plain values for hashing and snapshots."""
        return {
            "actors": self.actors.state(),
            "fleet": self.fleet.state(),
            "fund": self.fund.state(),
            "halted": self.halted,
            "ledger": self.ledger.state(),
        }


def _battery(command: c.BatteryAdd) -> Battery:
    never = PRICE_LIMIT_TICK  # a battery without a limit does not trade
    return Battery(
        id=command.battery,
        serial=command.serial,
        capacity_wh=command.capacity_kwh,
        charge_power_w=command.charge_kw,
        discharge_power_w=command.discharge_kw,
        maximum_fill_wh=command.capacity_kwh,
        charge_efficiency_ppm=command.charge_efficiency,
        discharge_efficiency_ppm=command.discharge_efficiency,
        wear_cost_tick=command.wear_cost,
        buy_limit_tick=-never if command.buy_limit is None else command.buy_limit,
        sell_limit_tick=never if command.sell_limit is None else command.sell_limit,
    )


_HANDLERS: dict[str, Handler] = {
    "actor.add": Book._actor_add,
    "actor.rotate-key": Book._rotate_key,
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
    "fund.declare": Book._declare,
    "fund.withdraw": Book._withdraw,
    "market.halt": Book._halt,
    "market.resume": Book._resume,
}
