"""Prices of a backtest out of files: those that were paid, and those that were published ahead of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from voltadesk.clock import IntervalGrid, utc_text
from voltadesk.errors import BadInput
from voltadesk.feeds.prices.layout import Layout
from voltadesk.feeds.prices.published import PublishedFile, read_published
from voltadesk.feeds.prices.series import read_prices
from voltadesk.strategy.trader import Prices, Published

DAY_AHEAD, FORECAST = "day-ahead", "forecast"


def prices_of_files(
    path: Path, layout: Layout, published: dict[str, tuple[Path, Layout]] | None = None
) -> tuple[Prices, tuple[str, ...]]:
    """The prices of a file, at which one both buys and sells, with what was published ahead by name; and notes.

    Raises BadInput naming file, line, field, value and limit.
    """
    file = read_prices(path, layout)
    notes = [f"{path.name}: {note}" for note in (f"{file.column}, per MWh", *file.notes)]
    series = []
    for name, (other, its_layout) in (published or {}).items():
        read = read_published(other, its_layout, name)
        series.append(_on_grid(read, file.grid, name, other))
        notes += [f"{other.name}: {note}" for note in read.notes]
    return Prices(file.grid, file.price_tick, file.price_tick, tuple(series)), tuple(notes)


def _on_grid(file: PublishedFile, grid: IntervalGrid, name: str, path: Path) -> Published:
    """Published values on the intervals of the grid; a value that holds for longer stands in each of its intervals."""
    if file.step_s % grid.step_s:
        limit = f"must step by a multiple of the prices' {grid.step_s // 60} minutes, steps by {file.step_s // 60}"
        raise BadInput(name, path.name, limit)
    parts = file.step_s // grid.step_s
    first = (file.target_utc - grid.start_utc) // grid.step_s
    interval = (first[:, None] + np.arange(parts)).reshape(-1)
    known, value = np.repeat(file.known_utc, parts), np.repeat(file.value_tick, parts)
    kept = interval >= 0
    if not (kept & (interval < grid.count)).any():
        limit = f"must speak of intervals between {utc_text(grid.start_utc)} and {utc_text(grid.end_utc)}"
        raise BadInput(name, path.name, limit)
    return Published(name, known[kept], interval[kept], value[kept])
