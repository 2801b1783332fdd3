"""Prices of a backtest out of files: those that were paid, and those that were published ahead of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from voltadesk.clock import IntervalGrid, utc_text
from voltadesk.errors import BadInput
from voltadesk.feeds.prices.kept import name_of
from voltadesk.feeds.prices.layout import Layout, require_columns
from voltadesk.feeds.prices.published import PublishedFile, read_published
from voltadesk.feeds.prices.series import PriceFile, read_prices
from voltadesk.feeds.prices.shelf import find_prices
from voltadesk.scenario.profiles import data_folder
from voltadesk.strategy.trader import Prices, Published

DAY_AHEAD, FORECAST = "day-ahead", "forecast"
SAMPLE = "sample"


def price_file(name: str | Path, series: str = "") -> Path:
    """A file or an imported series that was named, or what is shipped as the sample of prices or of a series ahead."""
    if str(name) != SAMPLE:
        return find_prices(name)
    return data_folder() / "prices" / ("upstream_sample.csv" if series else "real_time_sample.csv")


def prices_of_files(
    path: Path, layout: Layout, published: dict[str, tuple[Path, Layout]] | None = None
) -> tuple[Prices, tuple[str, ...]]:
    """The prices of a file, at which one both buys and sells, with what was published ahead by name; and notes.

    Raises BadInput naming file, line, field, value and limit.
    """
    file = read_prices(path, layout)
    ahead = {
        name: (name_of(other), read_published(other, its, name)) for name, (other, its) in (published or {}).items()
    }
    require_columns(layout, [file.columns, *(read.columns for _, read in ahead.values())])
    return prices_with(file, ahead)


def prices_with(file: PriceFile, published: dict[str, tuple[str, PublishedFile]]) -> tuple[Prices, tuple[str, ...]]:
    """Prices that were read, with what was published ahead by name, each with what it was read from; and notes.

    Raises BadInput for a series that doesn't fit the prices.
    """
    notes = [f"{file.name}: {note}" for note in (f"{file.column}, per MWh", *file.notes)]
    series = []
    for name, (place, read) in published.items():
        series.append(_on_grid(read, file.grid, name, place))
        notes += [f"{place}: {note}" for note in (f"{name}, per MWh", *read.notes)]
    seen = Prices(
        file.grid, file.price_tick, file.price_tick, tuple(series), name=file.name, currency=file.currency or None
    )
    return seen, tuple(notes)


def _on_grid(file: PublishedFile, grid: IntervalGrid, name: str, place: str) -> Published:
    """Published values on the intervals of the grid; a value that holds for longer stands in each of its intervals."""
    if file.step_s % grid.step_s:
        limit = f"must step by a multiple of the prices' {grid.step_s // 60} minutes, steps by {file.step_s // 60}"
        raise BadInput(name, place, limit)
    parts = file.step_s // grid.step_s
    first = (file.target_utc - grid.start_utc) // grid.step_s
    interval = (first[:, None] + np.arange(parts)).reshape(-1)
    known, value = np.repeat(file.known_utc, parts), np.repeat(file.value_tick, parts)
    kept = interval >= 0
    if not (kept & (interval < grid.count)).any():
        limit = f"must speak of intervals between {utc_text(grid.start_utc)} and {utc_text(grid.end_utc)}"
        raise BadInput(name, place, limit)
    return Published(name, known[kept], interval[kept], value[kept])
