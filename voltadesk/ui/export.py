"""Rows to a CSV file that no spreadsheet can mistake for formulas."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from pathlib import Path

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def write_csv(path: Path, rows: Iterable[tuple[object, ...]]) -> int:
    """Write rows to a file that must not exist yet; the number of rows, titles not counted.

    A text that a spreadsheet would run (=, +, -, @ at its beginning) gets an apostrophe in front; numbers do not.
    """
    count = -1
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for row in rows:
            writer.writerow([_harmless(cell) for cell in row])
            count += 1
    return max(0, count)


def _harmless(cell: object) -> str:
    text = str(cell)
    return "'" + text if text[:1] in tuple("=+-@\t\r") and not _NUMBER.fullmatch(text) else text
