"""The `settlement.json` of a folder that `community settle --out` wrote: the parts of it that corrections start from.

Keys that are not needed are not looked at. Numbers are read exactly, and what was summed up is summed up again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, model_validator

from voltadesk.community.books import Line
from voltadesk.community.energy import PERIOD_LIMIT_WH
from voltadesk.community.price_rules import Text
from voltadesk.community.settlement import Statement
from voltadesk.errors import BadInput
from voltadesk.scenario.model import _require
from voltadesk.scenario.read import checked, read_text
from voltadesk.scenario.values import Currency, Identifier, _matching, _number
from voltadesk.units import MONEY_LIMIT_E8, decimal_text

FILE = "settlement.json"


def _money(value: object) -> int:
    return _number(value, 8, -MONEY_LIMIT_E8, MONEY_LIMIT_E8)


def _energy(value: object) -> int:
    return _number(value, 3, 0, PERIOD_LIMIT_WH)


Money = Annotated[int, BeforeValidator(_money)]  # currency -> 1e-8
Energy = Annotated[int, BeforeValidator(_energy)]  # kWh -> Wh
MoneyOrNone = Annotated[int | None, BeforeValidator(lambda value: None if value is None else _money(value))]
EnergyOrNone = Annotated[int | None, BeforeValidator(lambda value: None if value is None else _energy(value))]
Moment = Annotated[str, _matching(r"\d{4}-\d\d-\d\dT\d\d:\d\dZ", "must be a time such as 2026-01-01T00:00Z")]


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
            _require(self.statement is None, "statement", self.statement, "must be null, as it is shared")
        else:
            was_billed = self.statement is not None or self.payable_before is not None
            _require(was_billed, "statement", "null", "must be a number, as nothing was billed before")
            _require(self.payable is not None, "payable", "null", "must be an amount")
        return self

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

    @model_validator(mode="after")
    def _check(self) -> Self:
        seen: set[str] = set()
        for m, member in enumerate(self.members):
            _require(member.name not in seen, f"members[{m}].name", member.name, "must not be given twice")
            seen.add(member.name)
        return self


class _Community(_Part):
    name: Identifier
    currency: Currency


class _Settlement(_Part):
    version: Literal[1] = Field(alias="schema")
    community: _Community
    periods: list[BilledPeriod]


@dataclass(frozen=True)
class BilledFile:
    """A folder's file."""

    folder: str  # as it was given
    place: str
    name: str  # of the community
    currency: str
    periods: tuple[BilledPeriod, ...]


def read_billed_file(folder: str) -> BilledFile:
    """A folder's periods. Raises BadInput naming file, key, value and limit."""
    path = Path(folder) / FILE
    if not path.is_file():
        raise BadInput("billed", Path(folder), f"must be a folder that settle --out wrote, has no {FILE}")
    tree = _parse(read_text(path, "billed"), str(path))
    found = checked(_Settlement, tree, str(path), "a settlement")
    return BilledFile(folder, str(path), found.community.name, found.community.currency, tuple(found.periods))


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
    _require(held_e8 == sum_e8, field, decimal_text(held_e8, 8, 2), limit)
