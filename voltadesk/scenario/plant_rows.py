"""Rows of a table of power plants, and what they become: the keys of a scenario's `[[plants]]` and `[[fleet]]`.

Numbers are fractions until they are rounded, once and half to even, to what a scenario's key can hold.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from voltadesk.errors import BadInput
from voltadesk.feeds.table import Table
from voltadesk.scenario.model import PLANTS_LIMIT, BatteryGroup, Plant
from voltadesk.scenario.read import checked
from voltadesk.units import decimal_text, half_even, parse_decimal

BLANK = {"", "-", "na", "n/a", "nan", "none", "null", "inf", "-inf", "+inf"}
DECIMALS = {  # of a scenario's keys that are not powers and energies, which have three
    "marginal_cost": 2,
    "wear_cost": 2,
    "start_cost": 8,
    "stop_cost": 8,
    "charge_efficiency": 6,
    "discharge_efficiency": 6,
    "standing_loss_percent_per_hour": 4,
}
DEFAULTS = {
    "minimum_kw": "0",
    "ramp_up_kw_per_hour": "free",
    "ramp_down_kw_per_hour": "free",
    "marginal_cost": "0.00",
    "start_cost": "0.00",
    "stop_cost": "0.00",
    "minimum_up_hours": "0",
    "minimum_down_hours": "0",
    "emissions_kg_per_mwh": "0",
    "initial_kw": "0, off",
}
FARM_KEYS = ("capacity_kw", "marginal_cost", "emissions_kg_per_mwh")  # the sky says the rest
LEAST_KW = Fraction(1, 1000)
_NAME_LENGTH = 40

Values = dict[str, Any]
Numbers = dict[str, Fraction | None]


@dataclass(frozen=True)
class Cells:
    """One row of a table by its columns' names."""

    table: Table
    row: int

    @property
    def where(self) -> str:
        return self.table.where(self.row)

    def text(self, column: str) -> str:
        """The cell's text, empty where the table has no such column."""
        if column not in self.table.columns:
            return ""
        return self.table.rows[self.row][self.table.columns.index(column)].strip()

    def number(self, column: str) -> Fraction | None:
        """The cell's number, None where it is blank or there is no such column. Raises BadInput with its line."""
        text = self.text(column)
        if text.lower() in BLANK:
            return None
        try:
            return Fraction(parse_decimal(text, column))
        except BadInput as error:
            raise error.at(self.where) from None

    def is_true(self, column: str, default: bool) -> bool:
        text = self.text(column).lower()
        return default if text in BLANK else text in ("true", "1", "1.0")


@dataclass
class Found:
    """Plants and batteries that were found, as a scenario has them, and what has to be said of them."""

    title: str
    plants: list[Values] = field(default_factory=list)
    batteries: list[Values] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    _names: set[str] = field(default_factory=set)

    def note(self, text: str) -> None:
        """Something that is true of one more row."""
        self.counts[text] += 1

    @property
    def notes(self) -> list[str]:
        """All that has to be said, with how many rows it is true of; then what nothing was said of."""
        told = [f"{text}: {count:,}" for text, count in self.counts.items()]
        missing = [f"{key} {value}" for key, value in DEFAULTS.items() if not any(key in row for row in self.plants)]
        if self.plants and missing:
            told.append(f"the table has nothing for these, so a scenario's defaults hold: {'; '.join(missing)}")
        return told

    def add_plant(self, cells: Cells, name: str, kind: str, fuel: str, numbers: Numbers) -> None:
        """Add a plant. Numbers that are None are left out. Raises BadInput with the row's line."""
        capacity = numbers["capacity_kw"]
        if capacity is None or capacity < LEAST_KW:
            self.note("left out, as they have no watt of capacity")
            return
        if kind != "thermal":
            if any(numbers.get(key) for key in numbers if key not in FARM_KEYS):
                self.note(f"{kind} farms: minimum, ramps, times and costs of a start are not taken")
            numbers = {key: value for key, value in numbers.items() if key in FARM_KEYS}
        values: Values = {"name": self._named(cells, name)}
        values |= {"kind": kind} if kind != "thermal" else {}
        values |= {"fuel": _identifier(fuel)} if _identifier(fuel) else {}
        values |= self._rounded(numbers)
        checked(Plant, values, cells.where, "a plant")
        self.plants.append(values)
        if len(self.plants) > PLANTS_LIMIT:
            raise BadInput("plants", len(self.plants), f"must be at most {PLANTS_LIMIT:,}", cells.table.place)

    def add_battery(self, cells: Cells, name: str, numbers: Numbers) -> None:
        """Add a battery, which finds its own limits, as no table has a strategy. Raises BadInput with the line."""
        values = {"name": self._named(cells, name)} | self._rounded(numbers) | {"strategy": {"name": "rolling"}}
        checked(BatteryGroup, values, cells.where, "a fleet")
        self.note("batteries, which no table has a strategy for: rolling")
        self.batteries.append(values)

    def _named(self, cells: Cells, text: str) -> str:
        """A name that a scenario takes, and that nobody has yet."""
        name = _identifier(text)
        if not name:
            raise BadInput("name", text, "must hold a letter or a digit", cells.where)
        base, n = name, 1
        while name.lower() in self._names:
            n += 1
            name = f"{base[: _NAME_LENGTH - 1 - len(str(n))]}-{n}"
        self._names.add(name.lower())
        if name != text:
            self.note("names changed to what a scenario takes")
        return name

    def _rounded(self, numbers: Numbers) -> Values:
        values: Values = {}
        for key, number in numbers.items():
            if number is None:
                continue
            if key.endswith("_hours"):
                values[key] = -(-number.numerator // number.denominator)
                if values[key] != number:
                    self.note(f"{key} rounded up to whole hours")
                continue
            decimals = DECIMALS.get(key, 3)
            whole = half_even(number.numerator * 10**decimals, number.denominator)
            values[key] = Decimal(decimal_text(whole, decimals))
            if abs(Fraction(values[key]) - number) > Fraction(1, 10 ** (decimals + 3)):
                self.note(f"{key} rounded to {decimals} decimals")
        return values


def kind_of(*words: str) -> str:
    """Whether words are of a solar or a wind farm, else of a plant that can be told what to make."""
    text = " ".join(words).lower()
    if "thermal" in text or "csp" in text:
        return "thermal"
    if "wind" in text:
        return "wind"
    return "solar" if re.search(r"solar|photovoltaic|\b(rt)?pv\b", text) else "thermal"


def thousand(number: Fraction | None, times: Fraction | int = 1) -> Fraction | None:
    """Kilowatts of megawatts, kilograms of tons."""
    return None if number is None else number * 1000 * times


def each(table: Table, add: Callable[[Cells], None]) -> None:
    """Hand over the rows in their order."""
    for row in range(len(table.rows)):
        add(Cells(table, row))


def _identifier(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-_.")[:_NAME_LENGTH].strip("-_.")
