"""The `settlement.json` of a folder that `community settle --out` wrote: the parts of it that corrections start from.

Keys that are not needed are not looked at. Numbers are read exactly, and what was summed up is summed up again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, model_validator

from voltadesk.community.books import COMMUNITY, Line
from voltadesk.community.energy import PERIOD_LIMIT_WH
from voltadesk.community.price_rules import Text
from voltadesk.community.settlement import TAX, Statement
from voltadesk.errors import BadInput
from voltadesk.scenario.model import require
from voltadesk.scenario.read import checked
from voltadesk.scenario.values import Currency, Identifier, matching, number_of
from voltadesk.units import MONEY_LIMIT_E8, decimal_text

FILE = "settlement.json"


def _money(value: object) -> int:
    return number_of(value, 8, -MONEY_LIMIT_E8, MONEY_LIMIT_E8)


def _energy(value: object) -> int:
    return number_of(value, 3, 0, PERIOD_LIMIT_WH)


Money = Annotated[int, BeforeValidator(_money)]  # currency -> 1e-8
Energy = Annotated[int, BeforeValidator(_energy)]  # kWh -> Wh
MoneyOrNone = Annotated[int | None, BeforeValidator(lambda value: None if value is None else _money(value))]
EnergyOrNone = Annotated[int | None, BeforeValidator(lambda value: None if value is None else _energy(value))]
Moment = Annotated[str, matching(r"\d{4}-\d\d-\d\dT\d\d:\d\dZ", "must be a time such as 2026-01-01T00:00Z")]


class _Part(BaseModel):
    """An object of the file."""

    model_config = ConfigDict(frozen=True)


class _Flows(_Part):
    own_use: EnergyOrNone
    from_community: Energy
    from_grid: Energy
    to_community: Energy
    to_grid: Energy


class _Nearness(_Part):
    own: Energy
    building: Energy
    feeder: Energy
    community: Energy

    @property
    def by_tier_wh(self) -> tuple[int, ...]:
        return self.own, self.building, self.feeder, self.community


class _Line(_Part):
    item: Text
    detail: Text
    party: Text
    energy_kwh: EnergyOrNone
    net: Money
    tax: Money
    gross: Money
    billed: StrictBool

    @model_validator(mode="after")
    def _check(self) -> Self:
        _require_sum("gross", self.gross, self.net + self.tax, "net and tax")
        return self

    @property
    def line(self) -> Line:
        return Line(self.item, self.detail, self.party, self.energy_kwh, self.net, self.tax, self.billed)


class BilledMember(_Part):
    """What one member was told of a period."""

    name: Identifier
    title: Text
    statement: str | None
    shared: StrictBool
    energy_kwh: _Flows
    from_community_kwh: _Nearness
    to_community_kwh: _Nearness
    lines: list[_Line]
    without_community: list[_Line]
    billed: Money
    payable: MoneyOrNone
    corrects: str | None = None
    billed_before: MoneyOrNone = None
    payable_before: MoneyOrNone = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        _require_sum("billed", self.billed, sum(line.gross for line in self.lines if line.billed), "the billed lines")
        if self.shared:
            require(self.statement is None, "statement", self.statement, "must be null, as it is shared")
        else:
            was_billed = self.statement is not None or self.payable_before is not None
            require(was_billed, "statement", "null", "must be a number, as nothing was billed before")
            require(self.payable is not None, "payable", "null", "must be an amount")
        return self

    @property
    def billed_e8(self) -> dict[str, int]:
        """What the billed lines bring each party, the tax office too [1e-8 currency]; nothing of who gets nothing."""
        billed: dict[str, int] = {}
        for line in self.lines:
            if line.billed:
                billed[line.party] = billed.get(line.party, 0) + line.net
                billed[TAX] = billed.get(TAX, 0) + line.tax
        return {party: amount_e8 for party, amount_e8 in billed.items() if amount_e8}

    def as_statement(self) -> Statement:
        """The figures of the whole period, as they were settled then."""
        flows = self.energy_kwh
        return Statement(
            name=self.name,
            title=self.title,
            shared=self.shared,
            joined=None,
            left=None,
            own_use_wh=flows.own_use,
            from_community_wh=flows.from_community,
            from_grid_wh=flows.from_grid,
            to_community_wh=flows.to_community,
            to_grid_wh=flows.to_grid,
            from_tier_wh=self.from_community_kwh.by_tier_wh,
            to_tier_wh=self.to_community_kwh.by_tier_wh,
            estimated_intervals=0,
            lines=tuple(line.line for line in self.lines),
            alone=tuple(line.line for line in self.without_community),
        )


class BilledPeriod(_Part):
    """A period of the file."""

    period: str
    start_utc: Moment
    end_utc: Moment
    members: list[BilledMember]
    received: dict[str, Money]
    members_paid: Money
    sum: Money

    @model_validator(mode="after")
    def _check(self) -> Self:
        seen: set[str] = set()
        for m, member in enumerate(self.members):
            require(member.name not in seen, f"members[{m}].name", member.name, "must not be given twice")
            seen.add(member.name)
        self._check_sums()
        return self

    def _check_sums(self) -> None:
        """What the members paid is what the others received, party by party."""
        received, paid_e8 = {COMMUNITY: 0}, 0
        for member in self.members:
            for line in member.lines:
                received[line.party] = received.get(line.party, 0) + line.net
                received[TAX] = received.get(TAX, 0) + line.tax
                if member.shared:
                    received[COMMUNITY] -= line.gross
                else:
                    paid_e8 += line.gross
        for party in sorted(received.keys() | self.received.keys()):
            _require_sum(f"received.{party}", self.received.get(party, 0), received.get(party, 0), "the lines")
        _require_sum("members_paid", self.members_paid, paid_e8, "the lines of members")
        require(self.sum == 0, "sum", decimal_text(self.sum, 8, 2), "must be 0")


class _Community(_Part):
    name: Identifier
    currency: Currency


class _Settlement(_Part):
    version: Literal[1] = Field(alias="schema")
    community: _Community
    periods: list[BilledPeriod]

    @model_validator(mode="after")
    def _check(self) -> Self:
        seen: set[str] = set()
        for n, period in enumerate(self.periods):
            require(period.period not in seen, f"periods[{n}].period", period.period, "must not be given twice")
            seen.add(period.period)
        return self


@dataclass(frozen=True)
class BilledFile:
    """A folder's file."""

    folder: str  # as it was given
    place: str
    name: str  # of the community
    currency: str
    periods: tuple[BilledPeriod, ...]
    sha256: str


def read_billed_file(folder: str, field: str = "billed") -> BilledFile:
    """A folder's periods. Raises BadInput naming file, key, value and limit; `field` is what the folder is given as."""
    path = Path(folder) / FILE
    if not path.is_file():
        raise BadInput(field, Path(folder), f"must be a folder that settle --out wrote, has no {FILE}")
    try:
        data = path.read_bytes()
        tree = _parse(data.decode(), str(path))
    except OSError as error:
        raise BadInput(field, path, (error.strerror or "can't be read").lower()) from None
    except UnicodeDecodeError:
        raise BadInput(field, path, "must be UTF-8 text") from None
    found = checked(_Settlement, tree, str(path), "a settlement")
    about, digest = found.community, sha256(data).hexdigest()
    return BilledFile(folder, str(path), about.name, about.currency, tuple(found.periods), digest)


def _parse(text: str, place: str) -> dict[str, Any]:
    try:
        tree = json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    except RecursionError:
        raise BadInput("JSON", None, "is nested too deeply", place) from None
    except (ValueError, ArithmeticError) as error:
        raise BadInput("JSON", None, f"must be valid: {error}", place) from None
    if not isinstance(tree, dict):
        raise BadInput("JSON", None, "must be an object", place)
    return tree


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _require_sum(field: str, held_e8: int, sum_e8: int, of: str) -> None:
    limit = f"must be the sum of {of}, {decimal_text(sum_e8, 8, 2)}"
    require(held_e8 == sum_e8, field, decimal_text(held_e8, 8, 2), limit)
