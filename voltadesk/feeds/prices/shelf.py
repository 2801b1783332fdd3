"""Imported series by their names: a folder with a Parquet file and a description for each.

`NAME.json` says what the series is, where it came from and which Parquet file holds it. It is put in place last and all
at once, so whoever reads finds the series as it was or as it is now.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from voltadesk.clock import utc_text
from voltadesk.errors import BadInput
from voltadesk.feeds.parquet import DATABASE, sql_text
from voltadesk.feeds.prices.kept import parquet_name, shelf_folder
from voltadesk.feeds.prices.layout import PLAIN, Layout, Suspects, require_columns
from voltadesk.feeds.prices.rows import Rows, rows_of
from voltadesk.feeds.prices.series import PriceSeries, checked

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)
VERSION = 1

Tree = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Gathered:
    """A series out of files, and of the series of that name, with what each file brought."""

    series: PriceSeries
    sources: tuple[Tree, ...]
    replaced: int = 0  # kept rows that gave way to others


def find_prices(name: Path | str, folder: Path | None = None) -> Path:
    """The file of that name (from `folder` on), else that of the imported series of that name, else the first."""
    path = Path(name) if folder is None else folder / name
    if NAME.fullmatch(str(name)) and not path.exists() and (shelf_folder() / f"{name}.json").exists():
        return _parquet(shelf_folder(), described(str(name)))
    return path


def names() -> list[str]:
    """The names of all imported series, sorted."""
    found = (path.stem for path in shelf_folder().glob("*.json"))
    return sorted(name for name in found if NAME.fullmatch(name))


def described(name: str) -> Tree:
    """What is known of an imported series. Raises BadInput where there is none, or it is damaged."""
    path = shelf_folder() / f"{require_name(name)}.json"
    try:
        tree = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        known = ", ".join(names()) or "none yet"
        raise BadInput("name", name, f"must be an imported series: {known}") from None
    except (OSError, ValueError, RecursionError):
        raise BadInput("name", name, "is damaged: its description can't be read", str(path)) from None
    if not isinstance(tree, dict) or tree.get("version") != VERSION or not isinstance(tree.get("parquet"), str):
        raise BadInput("name", name, "is damaged, or of another version of the program", str(path))
    return tree


def require_name(name: str) -> str:
    """The name, if a series may have it. Raises BadInput."""
    if not NAME.fullmatch(name):
        raise BadInput("name", name, "must be 1 to 64 small letters, digits and dashes, such as de-lu-2024")
    return name


def stored(name: str) -> Path:
    """The Parquet file of an imported series, found as it was written. Raises BadInput."""
    return _parquet(shelf_folder(), described(name))


def kept_series(name: str) -> PriceSeries:
    """An imported series. Raises BadInput where there is none, or it is damaged."""
    return checked([rows_of(stored(name), PLAIN)], "skip")


def _parquet(folder: Path, tree: Tree) -> Path:
    path = folder / Path(tree["parquet"]).name
    try:
        digest = sha256(path.read_bytes()).hexdigest()
    except OSError:
        digest = ""
    if digest != tree.get("parquet_sha256"):
        raise BadInput("name", tree.get("name"), "is damaged: its Parquet file is not as it was written", str(path))
    return path


# Import ---------------------------------------------------------------------------------------------------------------
def gather(
    paths: Sequence[Path], layout: Layout, suspects: Suspects, name: str | None = None, *, replaces: bool = False
) -> Gathered:
    """The series that files hold together, after what is kept under that name; nothing is written.

    Where files and what is kept speak of the same time, they must say the same, unless the files replace it. Raises
    BadInput for a file that is none, for files of different series, and for rows asked for by a column that none has.
    """
    parts = [rows_of(find_prices(path), layout) for path in paths]
    require_columns(layout, [rows.table.columns for rows in parts])
    sources = [_source(path, rows) for path, rows in zip(paths, parts, strict=True)]
    replaced = 0
    if name is not None and name in names():
        kept = rows_of(stored(name), PLAIN)
        known = set(_told(kept))
        new = (source for source, rows in zip(sources, parts, strict=True) if not known.issuperset(_told(rows)))
        sources = [*described(name)["sources"], *new]  # without files that bring nothing
        if replaces:
            kept, replaced = _beside(kept, parts)
        parts[:0] = [kept] if len(kept.start_utc) else []
    once = {source["sha256"]: source for source in sources}
    return Gathered(checked(parts, layout.gaps, suspects=suspects), tuple(once.values()), replaced)


def _beside(kept: Rows, parts: Sequence[Rows]) -> tuple[Rows, int]:
    """The kept rows that lie before or after all of the others, and how many of the rest the others don't have."""
    first, end = min(int(part.start_utc.min()) for part in parts), max(int(part.end_utc.max()) for part in parts)
    left = np.flatnonzero((kept.end_utc <= first) | (kept.start_utc >= end)).tolist()
    told = {row for part in parts for row in _told(part)}
    return kept.only(left), len(kept.start_utc) - len(left) - len(told & set(_told(kept)))


def _told(rows: Rows) -> Iterable[tuple[int, int, int]]:
    return zip(rows.start_utc.tolist(), rows.step_s.tolist(), rows.price_tick.tolist(), strict=True)


def _source(path: Path, rows: Rows) -> Tree:
    body = find_prices(path).read_bytes()
    return {
        "file": path.name,
        "sha256": sha256(body).hexdigest(),
        "bytes": len(body),
        "format": rows.known.name,
        "column": rows.column,
        "rows": len(rows.start_utc),
        "notes": list(rows.notes),
    }


def keep(name: str, gathered: Gathered, layout: Layout, suspects: Suspects) -> Tree:
    """Put a series in the place of that name, all at once; returns its description."""
    folder = shelf_folder()
    before = described(name) if name in names() else None
    folder.mkdir(parents=True, exist_ok=True)
    work = folder / f".{name}-{os.urandom(8).hex()}"
    try:
        _write_parquet(gathered.series, work)
        digest = sha256(work.read_bytes()).hexdigest()
        tree = description(name, gathered, layout, suspects)
        tree |= {"parquet": parquet_name(name, digest), "parquet_sha256": digest}
        os.replace(work, folder / tree["parquet"])
        work.write_text(json.dumps(tree, ensure_ascii=False, indent=2) + "\n", "utf-8")
        os.replace(work, folder / f"{name}.json")
    finally:
        work.unlink(missing_ok=True)
    if before is not None and before["parquet"] != tree["parquet"]:
        with suppress(OSError):
            (folder / Path(before["parquet"]).name).unlink()
    return tree


def description(name: str, gathered: Gathered, layout: Layout, suspects: Suspects) -> Tree:
    """What a series is and where it came from, as its file of description has it."""
    series = gathered.series
    end = int(series.start_utc[-1] + series.step_s[-1])
    changes = np.flatnonzero(np.diff(series.step_s, prepend=0)).tolist()
    return {
        "version": VERSION,
        "name": name,
        "zone": series.zone,
        "currency": series.currency,
        "unit": f"{series.currency}/MWh",
        "timezone": series.timezone,
        "start_utc": utc_text(int(series.start_utc[0])),
        "end_utc": utc_text(end),
        "intervals": len(series.start_utc),
        "resolutions": [
            {"from_utc": utc_text(int(series.start_utc[at])), "minutes": int(series.step_s[at]) // 60} for at in changes
        ],
        "seconds_without_price": end - int(series.start_utc[0]) - int(series.step_s.sum()),
        "gaps": "none" if layout.gaps == "skip" else layout.gaps,
        "suspects": suspects,
        "found": series.counts(),
        "sources": list(gathered.sources),
    }


def _write_parquet(series: PriceSeries, path: Path) -> None:
    import duckdb  # only where one is kept

    columns = {"start_utc": series.start_utc, "step_s": series.step_s, "tick": series.price_tick}
    texts = [sql_text(text) for text in (series.zone, series.currency, series.timezone)]
    with duckdb.connect(config=DATABASE) as database:
        database.execute("SET TimeZone = 'UTC'")
        database.register("rows_now", columns)
        database.execute(
            "COPY (SELECT make_timestamptz(start_utc * 1000000) AS start, "  # noqa: S608
            'make_timestamptz((start_utc + step_s) * 1000000) AS "end", '
            "CAST(CAST(tick AS DECIMAL(9, 0)) * 0.01 AS DECIMAL(9, 2)) AS price, "
            f"{texts[0]} AS zone, {texts[1]} AS currency, {texts[2]} AS timezone FROM rows_now) "
            f"TO {sql_text(path)} (FORMAT parquet, COMPRESSION zstd)"
        )
