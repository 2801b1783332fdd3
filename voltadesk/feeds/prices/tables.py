"""Any price file as a table of text: CSV, JSON, XML of ENTSO-E, Parquet, told by what it begins with.

Numbers of JSON stay the text that they are, so that none passes through a float.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from voltadesk.errors import BadInput
from voltadesk.feeds.parquet import read_parquet
from voltadesk.feeds.prices.kept import place_of
from voltadesk.feeds.prices.publication import publication_table
from voltadesk.feeds.records import json_tree, records_table
from voltadesk.feeds.table import Table, parse_table, read_text

LIMIT = "must be CSV, JSON or XML in UTF-8, or Parquet"
PARQUET_BEGINS = b"PAR1"


def price_table(path: Path, field: str) -> Table:
    """A price file's header and rows as text. Raises BadInput where it is none."""
    if _begin(path) == PARQUET_BEGINS:
        return replace(read_parquet(path, field, least=1), place=place_of(path), unit="row")
    text, place = read_text(path, field, LIMIT), str(path)
    first = text.lstrip()[:1]
    if first == "<":
        return publication_table(text, place, field)
    if first in ("{", "["):
        return _json_table(text, place, field)
    if text.startswith(("C,", "I,")):
        return _market_table(text, place, field)
    return parse_table(text, place, field, ",;\t", least=1)


def _begin(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4)
    except (OSError, ValueError):  # `read_text` says what is wrong with it
        return b""


# The Australian operator's files --------------------------------------------------------------------------------------
def _market_table(text: str, place: str, field: str) -> Table:
    """The rows D of the one report with prices; rows I name its columns, rows C are comments."""
    columns: list[str] = []
    rows: list[list[str]] = []
    lines: list[int] = []
    reader = csv.reader(text.split("\n"), strict=True)
    try:
        for row in reader:
            if row[:1] == ["I"]:
                columns = [name.strip() for name in row]
                found = columns if "RRP" in columns and not rows else []
            elif row[:1] == ["D"] and "RRP" in columns:
                if len(row) != len(columns) or not found:
                    limit = f"must have the {len(columns)} columns of the only report with RRP"
                    raise BadInput("row", ",".join(row), limit, f"{place}: line {reader.line_num}")
                rows.append(row)
                lines.append(reader.line_num)
                names = columns
    except csv.Error as error:
        raise BadInput("row", str(error), "must be CSV text", f"{place}: line {reader.line_num}") from None
    if not rows:
        raise BadInput(field, "no rows of prices", "must have a report with SETTLEMENTDATE and RRP", place)
    return Table(place, names, rows, lines)


# JSON -----------------------------------------------------------------------------------------------------------------
def _json_table(text: str, place: str, field: str) -> Table:
    tree = json_tree(text, place, field)
    for is_it, rows_of in _SHAPES:
        if is_it(tree):
            return records_table(rows_of(tree), place, field)
    limit = (
        "must hold unix_seconds and price, or a list of entries as data, results, records, multiAreaEntries or prices"
    )
    raise BadInput(field, "JSON of another kind", limit, place)


def _named(name: str) -> Callable[[Any], bool]:
    return lambda tree: isinstance(tree, dict) and isinstance(tree.get(name), list)


def _lists(tree: Any) -> list[Any]:
    """Two lists side by side; where one is longer, what lacks its other half is left blank and refused later."""
    seconds, prices = tree["unix_seconds"], tree.get("price")
    prices = prices if isinstance(prices, list) else []
    count = max(len(seconds), len(prices))
    seconds, prices = (values + [None] * (count - len(values)) for values in (seconds, prices))
    unit = tree.get("unit")
    return [{"unix_seconds": s, "price": p, "unit": unit} for s, p in zip(seconds, prices, strict=True)]


def _areas(tree: Any) -> list[Any]:
    """A row for each delivery and area."""
    shared = {name: tree.get(name) for name in ("market", "currency")}
    rows: list[Any] = []
    for entry in tree["multiAreaEntries"]:
        areas = entry.get("entryPerArea") if isinstance(entry, dict) else None
        if not isinstance(areas, dict):
            rows.append(entry if not isinstance(entry, dict) else None)
            continue
        times = {name: entry.get(name) for name in ("deliveryStart", "deliveryEnd")}
        rows += [times | {"area": area, "price": price} | shared for area, price in areas.items()]
    return rows


def _series(tree: Any) -> list[Any]:
    """Entries of one series, each with what is said of all."""
    shared = {name: tree.get(name) for name in ("zone", "currency", "timezone")}
    return [entry | shared if isinstance(entry, dict) else entry for entry in tree["prices"]]


_SHAPES: tuple[tuple[Callable[[Any], bool], Callable[[Any], list[Any]]], ...] = (
    (_named("unix_seconds"), _lists),  # energy-charts
    (_named("multiAreaEntries"), _areas),  # Nord Pool
    (_named("data"), lambda tree: tree["data"]),  # aWATTar
    (_named("results"), lambda tree: tree["results"]),  # Octopus
    (_named("records"), lambda tree: tree["records"]),  # Energi Data Service
    (_named("prices"), _series),  # what `prices export` writes
    (lambda tree: isinstance(tree, list), lambda tree: tree),
)
