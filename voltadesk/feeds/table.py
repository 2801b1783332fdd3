"""CSV files as text, and columns of them as exact numbers; no value passes through a float.

A file has a header; lines that begin with # are skipped.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from voltadesk import units
from voltadesk.errors import BadInput

FILE_LIMIT_BYTES = 512 * 1024 * 1024
CELLS_LIMIT = 60_000_000  # of a table: more than a file of that size can have, unless most of them are made
DECIMALS_LIMIT = 30  # decimals of a value as it stands in a file

_PLAIN_COLUMN = re.compile(r"(?:[+-]?\d{1,18}(?:\.\d{0,30})?(?:\n|\Z))*+", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


@dataclass(frozen=True, eq=False)
class Table:
    """A CSV file as text: `rows[i]` stood in line `lines[i]`; every row is as wide as `columns`."""

    place: str
    columns: list[str]
    rows: list[list[str]]
    lines: list[int]
    unit: str = "line"  # what `lines` counts, where it is no text: entries, rows

    def where(self, row: int) -> str:
        return f"{self.place}: {self.unit} {self.lines[row]}"

    def cut(self, rows: slice) -> Table:
        return replace(self, rows=self.rows[rows], lines=self.lines[rows])

    def only(self, rows: Sequence[int]) -> Table:
        """The rows of these numbers."""
        return replace(self, rows=[self.rows[i] for i in rows], lines=[self.lines[i] for i in rows])

    def cells(self, column: int) -> list[str]:
        return [row[column].strip() for row in self.rows]


@dataclass(frozen=True, eq=False)
class Exact:
    """A column of numbers without loss: `values[i]` x 10**-decimals. Python integers, so that nothing overflows."""

    values: list[int]
    decimals: int


def read_table(path: Path | str, field: str, delimiters: str = ",", least: int = 2) -> Table:
    """A CSV file's header and rows as text. Raises BadInput when it can't be read or a row is too long or short.

    Of several delimiters the file has the one that its header has most of; it has `least` rows or more.
    """
    return parse_table(read_text(Path(path), field), str(path), field, delimiters, least)


def parse_table(text: str, place: str, field: str, delimiters: str = ",", least: int = 2) -> Table:
    """The header and rows of a CSV file's text, as `read_table`."""
    lines = text.split("\n")
    header = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    delimiter = delimiter_of(header, delimiters)
    # A comment becomes an empty line, so that the reader's count of lines stays the file's.
    lines = ["" if line.startswith("#") else line for line in lines]
    reader = csv.reader(lines, strict=True, delimiter=delimiter)
    columns: list[str] = []
    rows: list[list[str]] = []
    numbers: list[int] = []
    try:
        for row in reader:
            if not row:
                continue
            if not columns:
                columns = [name.strip() for name in row]
            elif len(row) != len(columns):
                limit = _miscounted(row, len(columns), delimiter, delimiters)
                raise BadInput("row", delimiter.join(row), limit, f"{place}: line {reader.line_num}")
            else:
                rows.append(row)
                numbers.append(reader.line_num)
    except csv.Error as error:
        raise BadInput("row", None, f"must be CSV text: {error}", f"{place}: line {reader.line_num}") from None
    if len(rows) < least:
        raise BadInput("rows", len(rows), f"must be at least {least}, below a header", place)
    return Table(place, columns, rows, numbers)


def delimiter_of(header: str, delimiters: str) -> str:
    """The delimiter that a header has most of."""
    return max(delimiters, key=header.count)


def _miscounted(row: Sequence[str], count: int, delimiter: str, delimiters: str) -> str:
    """What a row of another width than the header must be, and whether decimal commas may be why it is not."""
    limit = f"must have {count} columns like the header, has {len(row)}"
    parted: list[tuple[str, str]] = []  # numbers of which a comma makes two
    cell = 1
    while delimiter == "," and cell < len(row):
        whole, part = row[cell - 1].strip(), row[cell].strip()
        is_parted = _WHOLE.fullmatch(whole) and part.isdecimal()
        parted += [(whole, part)] if is_parted else []
        cell += 2 if is_parted else 1
    if not 0 < len(row) - count <= len(parted):
        return limit
    whole, part = parted[-1]
    semicolons = ", or separate columns by semicolons" if ";" in delimiters else ""
    return f"{limit}, as a decimal comma parts a number such as {whole},{part}: write {whole}.{part}{semicolons}"


def read_text(path: Path, field: str, limit: str = "must be a CSV file in UTF-8") -> str:
    """A file's text. Raises BadInput, saying `limit`, when it can't be read, is too long or holds nothing."""
    try:
        size = path.stat().st_size
        text = path.read_bytes().decode("utf-8-sig") if size <= FILE_LIMIT_BYTES else ""
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadInput("byte", f"0x{error.object[error.start]:02x}", limit, f"{path}: line {line}") from None
    except OSError as error:
        raise BadInput(field, path, f"{(error.strerror or 'can not be read').lower()}, {limit}") from None
    except ValueError as error:  # a zero byte in the name
        raise BadInput(field, path, str(error)) from None
    if size > FILE_LIMIT_BYTES:
        raise BadInput(field, path, f"must be at most {FILE_LIMIT_BYTES} bytes, has {size}")
    if not text.strip():
        raise BadInput(field, path, f"is an empty file, {limit}")
    return text


def require_size(rows: int, columns: int, place: str) -> None:
    """Raises BadInput for a table that would take far more memory than the file it is made of."""
    if rows * columns > CELLS_LIMIT:
        raise BadInput("rows", f"{rows} with {columns} columns", f"must be at most {CELLS_LIMIT:,} cells", place)


def column_named(table: Table, name: str, field: str) -> int:
    """The place of the column of that name. Raises BadInput listing the columns when it is missing or stands twice."""
    places = [i for i, column in enumerate(table.columns) if column == name.strip()]
    if len(places) != 1:
        problem = "stands more than once in" if places else "is not among"
        raise BadInput(field, name, f"{problem} the columns {listed(table)}", table.place)
    return places[0]


def listed(table: Table, without: int | None = None) -> str:
    """The names of the columns, but that of one."""
    return ", ".join(name or "(no name)" for column, name in enumerate(table.columns) if column != without)


def exact_numbers(table: Table, column: int, field: str) -> Exact:
    """A column's numbers at the scale of the one with the most decimals.

    Raises BadInput with the line for a cell that is blank, no number, not finite, or too long.
    """
    return exact_cells(table.cells(column), field, table.where)


def exact_cells(cells: Sequence[str], field: str, where: Callable[[int], str]) -> Exact:
    """The numbers of some cells, as `exact_numbers`; `where` tells the place of one for an error."""
    digits: list[str] = []  # without the point
    places: list[int] = []  # how many of them stand behind it
    text = "\n".join(cells)
    plain = text.count("\n") == len(cells) - 1 and _PLAIN_COLUMN.fullmatch(text)
    if plain and (exact := _even_decimals(text, len(cells[0].partition(".")[2]))):
        return exact
    for row, cell in enumerate(cells):
        whole, _, part = cell.partition(".") if plain else _number(cell, field, where(row)).partition(".")
        part = part.rstrip("0")
        digits.append(whole + part)
        places.append(len(part))
    most = max(places)
    factors = [10 ** (most - place) for place in range(most + 1)]
    return Exact([int(number) * factors[place] for number, place in zip(digits, places, strict=True)], most)


def _even_decimals(text: str, decimals: int) -> Exact | None:
    """Plain numbers, one a line, that all have as many decimals: the quick way for most columns."""
    part = rf"\.\d{{{decimals}}}" if decimals else ""
    if not re.fullmatch(rf"(?:[+-]?\d+{part}(?:\n|\Z))*+", text, re.ASCII):
        return None
    values = list(map(int, text.replace(".", "").split("\n")))
    while decimals and not any(value % 10 for value in values):
        values, decimals = [value // 10 for value in values], decimals - 1
    return Exact(values, decimals)


def _number(cell: str, field: str, where: str) -> str:
    """A number as text without exponent. Raises BadInput."""
    if not cell:
        raise BadInput(field, cell, "is blank: the series must have no gap", where)
    try:
        number = units.parse_decimal(cell, field)
    except BadInput as error:
        raise error.at(where) from None
    if not _NUMBER.fullmatch(cell):  # Decimal also takes underscores and digits of other scripts
        raise BadInput(field, cell, "must be a number", where)
    text = format(number, "f")
    if len(text.partition(".")[2].rstrip("0")) > DECIMALS_LIMIT:
        raise BadInput(field, cell, f"must have at most {DECIMALS_LIMIT} decimals", where)
    return text
