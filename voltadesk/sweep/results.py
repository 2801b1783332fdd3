"""What a sweep came to: one tree for `--json` and `sweep.json`, and one table, `results.parquet`."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb

from voltadesk import __version__
from voltadesk.feeds.parquet import sql_file, sql_text
from voltadesk.report.document import Section, number
from voltadesk.report.exact_json import json_text
from voltadesk.report.folder import OutFolder
from voltadesk.report.tables import DATABASE, WRITE
from voltadesk.sweep.grid import Grid
from voltadesk.sweep.parameters import Parameter
from voltadesk.sweep.task import FIGURES, WHOLE, Outcome

Tree = dict[str, Any]

SHOWN_ROWS = 40
SHOWN = (  # of the figures, for people: heading, column, decimals
    ("price mean", "price_mean_per_mwh", 2),
    ("P90 − P10", "price_spread_p10_p90_per_mwh", 2),
    ("served MWh", "load_served_mwh", 3),
    ("shed MWh", "load_shed_mwh", 3),
    ("CO2 kg", "co2_kg", 1),
    ("homes received", "homes_received", 2),
    ("fleet received", "fleet_received", 2),
)


def results(grid: Grid, outcomes: Mapping[int, Outcome]) -> Tree:
    """All results in the order of the combinations; the digest is over all rows as they stand in it."""
    rows = [_row(grid, n, outcomes[n]) for n in range(len(grid.combinations))]
    digest = sha256()
    for row in rows:
        digest.update(json_text(row).encode() + b"\n")
    scenario = grid.scenario
    return {
        "schema": 1,
        "voltadesk": __version__,
        "scenario": {"name": scenario.name, "title": scenario.title, "currency": scenario.currency},
        "parameters": [{"key": key, "values": [value.cell for value in values]} for key, values in grid.parameters],
        "combinations": len(rows),
        "failures": [
            {"combination": row["combination"], "parameters": grid.cells(n), "error": row["error"]}
            for n, row in enumerate(rows)
            if row["error"] is not None
        ],
        "rows": rows,
        "digest": digest.hexdigest(),
    }


def _row(grid: Grid, n: int, outcome: Outcome) -> Tree:
    return {
        "combination": n + 1,
        **grid.cells(n),
        **{name: outcome.figures.get(name) for name, _, _ in FIGURES},
        "digest": outcome.digest or None,
        "error": outcome.error or None,
    }


# Files ----------------------------------------------------------------------------------------------------------------
def write_results(folder: Path, grid: Grid, tree: Tree) -> None:
    """Write `results.parquet` and `sweep.json` into a folder, both or neither."""
    files = OutFolder(folder)
    try:
        files.begin()
        write_table(grid.parameters, tree["rows"], files.path("results.parquet"))
        files.write_text("sweep.json", json_text(tree, indent=2) + "\n")
        files.finish()
    finally:
        files.close()


def write_table(parameters: Sequence[Parameter], rows: Sequence[Tree], target: Path) -> None:
    """Write rows as Parquet: as text first, so that the database reads every number exactly as it is written."""
    between = target.with_name("rows.csv")
    with between.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        for row in rows:
            writer.writerow([_text(cell) for cell in row.values()])
    kinds = {name: _type(decimals) for name, decimals, _ in FIGURES}
    kinds = {"combination": "BIGINT"} | {p.key: _parameter_type(p) for p in parameters} | kinds
    columns = ", ".join(f"{sql_text(name)}: {sql_text(kind)}" for name, kind in kinds.items())
    columns += ", 'digest': 'VARCHAR', 'error': 'VARCHAR'"
    read = f"read_csv({sql_file(between)}, columns = {{{columns}}}, header = false, auto_detect = false"
    read += ", delim = ',', quote = '\"', escape = '\"', new_line = '\\r\\n', nullstr = '\\N', parallel = false)"
    with duckdb.connect(config=DATABASE) as database:
        database.execute(f"COPY (SELECT * FROM {read}) TO {sql_text(target)} {WRITE['parquet']}")  # noqa: S608
    between.unlink()


def _text(cell: Any) -> str:
    if cell is None:
        return "\\N"
    if isinstance(cell, bool):
        return str(cell).lower()
    return format(cell, "f") if isinstance(cell, Decimal) else str(cell)


def _type(decimals: int) -> str:
    return "BIGINT" if decimals == WHOLE else f"DECIMAL(38,{decimals})"


def _parameter_type(parameter: Parameter) -> str:
    if parameter.kind == "decimal":
        numbers = [value.cell for value in parameter.values if isinstance(value.cell, Decimal)]
        return _type(max(WHOLE, *(-int(number.as_tuple().exponent) for number in numbers)))
    return {"whole": "BIGINT", "bool": "BOOLEAN"}.get(parameter.kind, "VARCHAR")


# For people -----------------------------------------------------------------------------------------------------------
def sections(tree: Tree) -> list[Section]:
    """The first rows with some of their figures, and what failed."""
    scenario, rows, failures = tree["scenario"], tree["rows"], tree["failures"]
    keys = [parameter["key"] for parameter in tree["parameters"]]
    text = [f"{len(rows):,} combinations, prices and money in {scenario['currency']}; digest {tree['digest']}"]
    if len(rows) > SHOWN_ROWS:
        text.append(f"the first {SHOWN_ROWS}; all of them, with all figures, by --out DIR or --json")
    columns = (*keys, *(heading for heading, _, _ in SHOWN))
    lines = [
        (*(_text(row[key]) for key in keys), *(number(row[name], decimals) for _, name, decimals in SHOWN))
        for row in rows[:SHOWN_ROWS]
    ]
    parts = [Section(f"Sweep of {scenario['title'] or scenario['name']}", columns, lines, len(keys), tuple(text))]
    if failures:
        told = [f"{_told(failure['parameters'])}: {failure['error']}" for failure in failures[:SHOWN_ROWS]]
        parts.append(Section(f"Failed: {len(failures):,}", text=tuple(told)))
    return parts


def _told(parameters: Tree) -> str:
    return ", ".join(f"{key} = {_text(cell)}" for key, cell in parameters.items())
