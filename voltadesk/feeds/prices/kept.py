"""Where imported series are kept, and what their files are called: `NAME.DIGEST.parquet`.

The folder is VOLTADESK_PRICES, else `prices` in the platform's folder for the user's data.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_KEPT = re.compile(r"([a-z0-9][a-z0-9-]{0,63})\.[0-9a-f]{16}\.parquet", re.ASCII)


def shelf_folder() -> Path:
    """Where imported series are kept."""
    import platformdirs

    given = os.environ.get("VOLTADESK_PRICES")
    return Path(given) if given else platformdirs.user_data_path("voltadesk") / "prices"


def parquet_name(name: str, digest: str) -> str:
    """What the file of an imported series is called."""
    return f"{name}.{digest[:16]}.parquet"


def place_of(path: Path) -> str:
    """What people know a price file by: an imported series by its name, any other file by its path."""
    match = _KEPT.fullmatch(path.name)
    return match[1] if match and path.parent == shelf_folder() else str(path)


def name_of(path: Path) -> str:
    """What people know a price file by, without its folder."""
    return Path(place_of(path)).name
