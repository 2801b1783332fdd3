"""The rules of a community as one TOML file. `docs/community.md` lists every key.

Unknown keys are refused; an error names the file, the key, the value and the limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StrictBool, model_validator

from voltadesk.clock import INTERVAL_MINUTES, time_zone
from voltadesk.community.bank import Bank, Iban, Mandate
from voltadesk.community.presets import find_preset, with_preset
from voltadesk.community.price_rules import TIERS, Charge, Fee, Prices, Tariff, Text
from voltadesk.scenario.model import Part, require
from voltadesk.scenario.read import checked, parse_toml, read_text
from voltadesk.scenario.values import Currency, Day, Identifier, Key, Names, Percent
from voltadesk.units import BP_PER_UNIT, PPM_PER_UNIT

MEMBERS_LIMIT = 20_000
Rule = Literal["static", "dynamic", "hybrid", "iterative", "equal", "priority", "book", "optimal"]
RULES: tuple[Rule, ...] = ("static", "dynamic", "hybrid", "iterative", "equal", "priority", "book", "optimal")
BY_KEYS: tuple[Rule, ...] = ("static", "hybrid", "iterative")
BY_ROUNDS: tuple[Rule, ...] = ("hybrid", "iterative")


class Meters(Part):
    """How the meter files are to be read."""

    stamps: Literal["start", "end"] = "start"
    missing: Literal["refuse", "zero"] = "refuse"


class Member(Part):
    """A party with meters: a home, a shop; or, `shared`, a plant or battery of the community itself."""

    name: Identifier
    title: Text = ""
    meters: Names | None = None
    shared: StrictBool = False
    joined: Day | None = None
    left: Day | None = None
    building: str | None = None
    feeder: str | None = None
    supply: str | None = None
    feed_in: str | None = None
    iban: Iban | None = None
    mandate: Mandate | None = None
    mandate_signed: Day | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.joined and self.left:
            require(self.joined < self.left, "left", self.left, f"must be after joined ({self.joined})")
        require(not self.shared or self.iban is None, "iban", self.iban, "must not be given where shared is true")
        require(self.mandate is None or self.iban is not None, "iban", None, "must be given with mandate")
        require((self.mandate is None) == (self.mandate_signed is None),
                 "mandate" if self.mandate is None else "mandate_signed", None,
                 f"must be given with {'mandate_signed' if self.mandate is None else 'mandate'}")  # fmt: skip
        return self

    @property
    def meter_names(self) -> list[str]:
        """What its meters are called in the files: by its own name where the rules don't say."""
        return self.meters or [self.name]


class Keys(Part):
    """Fixed shares of a pool's consumers, from a day on."""

    valid_from: Day | None = None
    percent: dict[str, Key]

    @model_validator(mode="after")
    def _check(self) -> Self:
        total = sum(self.percent.values())
        require(total == PPM_PER_UNIT, "percent", Decimal(total) / 10_000, "must sum to 100")
        return self


class Sharing(Part):
    """A rule by which energy is shared out."""

    rule: Rule = "dynamic"
    rounds: Annotated[int, Field(strict=True, ge=2, le=1_000)] | None = None
    keys: list[Keys] = Field(default_factory=list)
    least_percent: Percent = 0
    most_percent: Percent = BP_PER_UNIT

    @model_validator(mode="after")
    def _check(self) -> Self:
        by_keys, by_rounds = self.rule in BY_KEYS, self.rule in BY_ROUNDS
        require(by_keys or not self.keys, "keys", None, "belong to the rules static, hybrid and iterative")
        require(by_rounds or self.rounds is None, "rounds", self.rounds, "belong to the rules hybrid and iterative")
        for key, default in (("least_percent", 0), ("most_percent", BP_PER_UNIT)):
            value = getattr(self, key)
            require(
                self.rule == "optimal" or value == default, key, Decimal(value) / 100, "belongs to the rule optimal"
            )
        days = [keys.valid_from or date.min for keys in self.keys]
        for n in range(1, len(days)):
            require(days[n - 1] < days[n], f"keys[{n}].valid_from", self.keys[n].valid_from,
                     "must be after that of the keys before")  # fmt: skip
        return self


class Pool(Sharing):
    """Energy of some producers that is shared among some consumers; the pools are served in the order of the file."""

    name: Identifier
    producers: Names | None = None
    consumers: Names | None = None
    participation_percent: dict[str, Percent] = Field(default_factory=dict)
    buyer: str | None = None
    seller: str | None = None


class Community(Part):
    """All rules of a community."""

    version: Literal[1]
    name: Identifier
    title: Text = ""
    preset: str | None = None
    currency: Currency = "EUR"
    timezone: str = "UTC"
    interval_minutes: Annotated[int, Field(strict=True)] = 15
    meters: Meters = Meters()
    members: Annotated[list[Member], Field(min_length=1, max_length=MEMBERS_LIMIT)]
    sharing: Sharing | None = None
    pools: list[Pool] = Field(default_factory=list)
    prices: Prices
    tariffs: list[Tariff]
    fees: list[Fee] = Field(default_factory=list)
    charges: list[Charge] = Field(default_factory=list)
    bank: Bank | None = None

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, data: Any) -> Any:
        return with_preset(data) if isinstance(data, dict) else data

    @model_validator(mode="after")
    def _check(self) -> Self:
        time_zone(self.timezone)
        require(self.interval_minutes in INTERVAL_MINUTES, "interval_minutes", self.interval_minutes,
                 f"must be one of {', '.join(map(str, INTERVAL_MINUTES))}")  # fmt: skip
        for key in ("members", "pools", "fees", "charges"):
            _require_once([part.name for part in getattr(self, key)], key, "name")
        self._check_meters()
        require(not (self.sharing and self.pools), "sharing", None, "must not be given beside pools")
        self._check_pools()
        self._check_preset()
        self._check_tariffs()
        self._check_bank()
        names = {member.name for member in self.members}
        for n, charge in enumerate(self.charges):
            _require_known(charge.members or [], names, f"charges[{n}].members", "members")
        return self

    def _check_meters(self) -> None:
        """A meter may pass from one member to another, but is of one at a time."""
        holders: dict[str, list[Member]] = {}
        for n, member in enumerate(self.members):
            require(len(set(member.meter_names)) == len(member.meter_names), f"members[{n}].meters",
                     member.meter_names, "must not name a meter twice")  # fmt: skip
            for meter in member.meter_names:
                for other in holders.setdefault(meter, []):
                    apart = (other.left or date.max) <= (member.joined or date.min)
                    apart = apart or (member.left or date.max) <= (other.joined or date.min)
                    require(apart, f"members[{n}].meters", meter, f"is the meter of {other.name} at the same time")
                holders[meter].append(member)

    def _check_pools(self) -> None:
        names = {member.name for member in self.members}
        for n, pool in enumerate(self.pools):
            for key in ("producers", "consumers", "participation_percent"):
                given = list(getattr(pool, key) or [])
                _require_known(given, names, f"pools[{n}].{key}", "members")
                require(len(given) == len(set(given)), f"pools[{n}].{key}", given, "must not name a member twice")
            for k, keys in enumerate(pool.keys):
                consumers = names if pool.consumers is None else set(pool.consumers)
                _require_known(keys.percent, consumers, f"pools[{n}].keys[{k}].percent", "consumers of the pool")
        for k, keys in enumerate(self.sharing.keys if self.sharing else []):
            _require_known(keys.percent, names, f"sharing.keys[{k}].percent", "members")

    def _check_preset(self) -> None:
        allowed = find_preset(self.preset).rules if self.preset else None
        for n, pool in enumerate(self.all_pools):
            field = f"pools[{n}].rule" if self.pools else "sharing.rule"
            limit = f"must be {' or '.join(allowed or [])} under the preset {self.preset}"
            require(allowed is None or pool.rule in allowed, field, pool.rule, limit)

    def _check_tariffs(self) -> None:
        names = {tariff.name for tariff in self.tariffs}
        seen: dict[str, date] = {}
        for n, tariff in enumerate(self.tariffs):
            day = tariff.valid_from or date.min
            require(tariff.name not in seen or seen[tariff.name] < day, f"tariffs[{n}].valid_from", tariff.valid_from,
                     f"must be after that of the tariff {tariff.name} before")  # fmt: skip
            seen[tariff.name] = day
            # Made from tariffs that stand before it, a tariff can't be made from itself.
            _require_known(tariff.bases, {before.name for before in self.tariffs[:n]} - {tariff.name},
                           f"tariffs[{n}]", "tariffs that stand before it")  # fmt: skip
        used: list[tuple[str, str | None]] = [(f"prices.{key}", name) for key, name in self.prices]
        for n, pool in enumerate(self.pools):
            used += [(f"pools[{n}].buyer", pool.buyer), (f"pools[{n}].seller", pool.seller)]
        for n, member in enumerate(self.members):
            used += [(f"members[{n}].supply", member.supply), (f"members[{n}].feed_in", member.feed_in)]
        for n, fee in enumerate(self.fees):
            values = [(tier, getattr(fee, tier)) for tier in (*TIERS, "grid")]
            used += [(f"fees[{n}].{tier}", value) for tier, value in values if isinstance(value, str)]
        for field, name in used:
            _require_known([] if name is None else [name], names, field, "tariffs")

    def _check_bank(self) -> None:
        mandates = [(n, member.mandate) for n, member in enumerate(self.members) if member.mandate is not None]
        seen: set[str] = set()
        for n, mandate in mandates:
            require(mandate.lower() not in seen, f"members[{n}].mandate", mandate, "must not be given twice")
            seen.add(mandate.lower())
        if self.bank is None:
            return
        require(self.currency == "EUR", "currency", self.currency, "must be EUR with bank: SEPA pays in euros only")
        require(self.bank.creditor_id is not None or not mandates, "bank.creditor_id", None,
                 "must be given where a member has a mandate")  # fmt: skip

    @property
    def all_pools(self) -> list[Pool]:
        """The pools; where none are given, one of all."""
        sharing = self.sharing or Sharing()
        given = {name: getattr(sharing, name) for name in Sharing.model_fields}
        return self.pools or [Pool.model_construct(name="community", **given)]

    def under(self, rule: Rule) -> Community:
        """The same community with another rule in every pool; keys are kept where the rule has any."""
        pools = [
            pool.model_copy(
                update={
                    "rule": rule,
                    "rounds": pool.rounds if rule in BY_ROUNDS else None,
                    "keys": pool.keys if rule in BY_KEYS else [],
                }
            )
            for pool in self.all_pools
        ]
        return self.model_copy(update={"sharing": None, "pools": pools})


def _require_once(names: Sequence[str], key: str, field: str) -> None:
    seen: set[str] = set()
    for n, name in enumerate(names):
        # Upper and lower case are one, as in the files that are named by them.
        require(name.lower() not in seen, f"{key}[{n}].{field}", name, "must not be given twice")
        seen.add(name.lower())


def _require_known(names: Iterable[str], known: set[str], field: str, what: str) -> None:
    for name in names:
        listed = f": {', '.join(sorted(known))}" if len(known) <= 12 else ""
        require(name in known, field, name, f"must be one of the {what}{listed}")


def read_rules(path: Path) -> Community:
    """The rules of a TOML file. Raises BadInput naming file, key, value and limit."""
    return checked(Community, parse_toml(read_text(path, "rules"), path.name), path.name, "a community")
