"""`voltadesk.prices` and `voltadesk.series`: prices out of files, and out of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Literal

from numpy.typing import ArrayLike

from voltadesk.clock import INTERVAL_MINUTES, IntervalGrid, time_zone
from voltadesk.engine import arguments
from voltadesk.errors import BadInput
from voltadesk.feeds.prices.layout import Layout, require_columns
from voltadesk.feeds.prices.series import INTERVALS_LIMIT, PriceFile, read_prices
from voltadesk.report.backtest_prices import price_file

FilePath = str | PathLike[str]
STEPS_S = tuple(60 * minutes for minutes in INTERVAL_MINUTES)


def path_of(field: str, source: object) -> Path:
    """A path that was given. Raises BadInput for anything else."""
    if not isinstance(source, str | PathLike) or isinstance(name := fspath(source), bytes):
        raise BadInput(field, type(source).__name__, "must be a path or a name")
    return Path(name)


def prices(
    source: FilePath,
    *,
    column: str | None = None,
    timezone: str | None = None,
    stamps: Literal["start", "end"] | None = None,
    gaps: Literal["refuse", "skip", "previous", "interpolate"] = "refuse",
    where: Mapping[str, str] | None = None,
    zone: str | None = None,
    currency: str | None = None,
    unit: str | None = None,
    format: str | None = None,
) -> PriceFile:
    """The prices of a file of any format that `voltadesk prices import` reads; `docs/prices.md` tells which.

    source    a file, the name of an imported series, or "sample"
    timezone  whose clock tells days, and times that nothing else tells
    gaps      what becomes of intervals without a price: "refuse", "skip" (NO_PRICE_TICK), "previous", "interpolate"
    where     read only rows with these texts in these columns

    The others say which series is meant, as the options of the same names do. Of what is returned, `price_tick` (T,)
    holds the prices [0.01/MWh], `grid.starts_utc` (T,) when their intervals begin [s], `grid.step_s` how long they are,
    `notes` what was decided on the way. Raises BadInput naming file and line.
    """
    if stamps is not None:
        arguments.one_of("stamps", stamps, ("start", "end"))
    arguments.one_of("gaps", gaps, ("refuse", "skip", "previous", "interpolate"))
    arguments.texts(column=column, timezone=timezone, zone=zone, currency=currency, unit=unit, format=format)
    if where is not None and not isinstance(where, Mapping):
        raise BadInput("where", where, "must be a mapping of columns to texts")
    arguments.texts(**{f"where[{name!r}]": text for name, text in (where or {}).items()})
    asked = tuple((where or {}).items())
    layout = Layout(column, timezone, stamps, gaps, asked, zone, currency, unit, format)
    file = read_prices(price_file(path_of("prices", source)), layout)
    require_columns(layout, [file.columns])
    return file


def series(price_tick: ArrayLike, start_utc: int, step_s: int, timezone: str = "UTC") -> PriceFile:
    """Prices of one's own, for `backtest`.

    price_tick  (T,) [0.01/MWh]; NO_PRICE_TICK where there is none
    start_utc   begin of the first interval [s]
    step_s      length of an interval [s]: 5, 10, 15, 30 or 60 minutes
    timezone    whose clock tells days

    Raises BadInput.
    """
    arguments.texts(timezone=timezone)
    tick = arguments.prices("price_tick", price_tick)
    if not 1 <= len(tick) <= INTERVALS_LIMIT:
        raise BadInput("price_tick", f"({len(tick)},)", f"must have 1 to {INTERVALS_LIMIT:,} entries")
    start_utc = arguments.number("start_utc", start_utc, 0, 1 << 40)
    step_s = arguments.number("step_s", step_s, 1, 3600)
    if step_s not in STEPS_S:
        raise BadInput("step_s", step_s, f"must be one of {', '.join(map(str, STEPS_S))}")
    if start_utc % step_s:
        raise BadInput("start_utc", start_utc, f"must be a multiple of step_s, {step_s}")
    return PriceFile(IntervalGrid(start_utc, step_s, len(tick), time_zone(timezone)), tick, "price_tick", (), "series")
