"""How answers are shown: tables for people, one JSON object for programs. Numbers are exact in both."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import typer

from voltadesk.units import decimal_text, price_decimal

Tree = dict[str, Any]
Row = tuple[str, ...]

SCHEMA = 1
UNITS = {"kwh": "kWh", "mwh": "MWh", "kw": "kW", "utc": "UTC"}
PIPE_WIDTH = 160  # columns, where nobody's terminal says how many


class Table(NamedTuple):
    """A title and rows; the first `words` columns hold words, the others numbers. Without columns: names and values."""

    title: str
    columns: Row = ()
    rows: Sequence[Row] = ()
    words: int = 1


class View(NamedTuple):
    """An answer: `tree` for programs, `tables` for people, or `text` that is data for both (a note, a proof)."""

    tree: Tree
    tables: tuple[Table, ...] = ()
    text: str = ""


def show(view: View, as_json: bool) -> None:
    """Write an answer to stdout."""
    if as_json:
        typer.echo(json_line(view.tree))
    elif view.text:
        typer.echo(view.text, nl=not view.text.endswith("\n"))
    else:
        _show_tables(view.tables)


def json_line(tree: Tree) -> str:
    """A tree as one line of JSON, the version of its layout first."""
    from voltadesk.report.exact_json import json_text

    return json_text({"schema": SCHEMA} | tree)


def say(text: str) -> None:
    """Talk, which is not data."""
    typer.echo(text, err=True)


def exact(number: Decimal | int) -> str:
    """A number for people: thousands apart, a true minus, nothing rounded."""
    return f"{number:,f}".replace("-", "\u2212") if isinstance(number, Decimal) else f"{number:,}"


def kwh(energy_wh: int) -> Decimal:
    """Energy [kWh], or power [kW] of W."""
    return Decimal(decimal_text(energy_wh, 3))


def percent(share_bp: int) -> Decimal:
    """A share in basis points as a percentage."""
    return Decimal(decimal_text(share_bp, 2))


def price(price_tick: int | None) -> Decimal | None:
    """A price per MWh."""
    return None if price_tick is None else price_decimal(price_tick)


def yes(flag: bool) -> str:
    return "yes" if flag else "no"


def facts(title: str, pairs: Iterable[tuple[str, object]]) -> Table:
    """A table of names and values."""
    return Table(title, (), [(label(name), _told(value)) for name, value in pairs])


def label(name: str) -> str:
    """The name of a figure for people, its unit as it is written."""
    return " ".join(UNITS.get(word, word) for word in name.split("_"))


def _told(value: object) -> str:
    if isinstance(value, bool):
        return yes(value)
    if isinstance(value, Decimal):
        return exact(value)
    if isinstance(value, list | tuple):
        separator = " " if value and not isinstance(value[0], list | tuple) else ", "
        return separator.join(map(_told, value)) or "none"
    return str(value) if value not in (None, "") else "none"


def _show_tables(tables: Sequence[Table]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable

    console = Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)
    for table in tables:
        console.print(_plain(table.title), style="bold")
        if not table.columns and not table.rows:
            continue
        drawn = RichTable(
            box=box.SIMPLE_HEAD if table.columns else None, pad_edge=False, show_header=bool(table.columns)
        )
        for c, name in enumerate(table.columns or ("", "")):
            is_word = c < table.words or not table.columns
            drawn.add_column(_plain(name), justify="left" if is_word else "right", no_wrap=not is_word, overflow="fold")
        for row in table.rows:
            drawn.add_row(*(_plain(cell) for cell in row))
        console.print(drawn)


def _plain(text: str) -> Any:
    """Text from outside: never markup, and no control characters."""
    from rich.text import Text

    return Text("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))
