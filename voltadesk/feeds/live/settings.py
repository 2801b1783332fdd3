"""Where services are found and what they are told of whoever asks: the environment, else a file of settings.

The file is VOLTADESK_FEEDS, else `feeds.toml` in the platform's folder for settings: a table for each service, with
`address`, and `token` where it needs one. VOLTADESK_ENTSOE_ADDRESS and the like, VOLTADESK_ENTSOE_TOKEN go before it.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from voltadesk.errors import BadInput

KEYS = ("address", "token")


class FeedSettings:
    """What is set for services. Raises BadInput naming what is wrong in the file."""

    def __init__(self, known: tuple[str, ...]) -> None:
        self.path = settings_file()
        self._given = _read(self.path, known)

    def get(self, source: str, key: str) -> str | None:
        """The value for a service: from the environment, else from the file. Raises BadInput for a token others see."""
        name = variable(source, key)
        if given := os.environ.get(name, "").strip():
            return given
        value = self._given.get(source, {}).get(key)
        if value is not None and key == "token" and os.name == "posix" and self.path.stat().st_mode & 0o077:
            raise BadInput("token", None, "stands in a file that others may read: chmod it to 0600", str(self.path))
        return value


def settings_file() -> Path:
    """The file of settings for services."""
    import platformdirs

    given = os.environ.get("VOLTADESK_FEEDS")
    return Path(given) if given else platformdirs.user_config_path("voltadesk") / "feeds.toml"


def variable(source: str, key: str) -> str:
    """What the environment calls a service's setting."""
    return f"VOLTADESK_{source}_{key}".upper().replace("-", "_")


def _read(path: Path, known: tuple[str, ...]) -> dict[str, dict[str, str]]:
    try:
        given: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else "is no TOML"
        raise BadInput("settings", None, f"can't be read: {what}", str(path)) from None
    for source, table in given.items():
        if source not in known or not isinstance(table, dict):
            raise BadInput(source, None, f"must be the table of a service: {', '.join(known)}", str(path))
        for key, value in table.items():
            if key not in KEYS:
                raise BadInput(f"{source}.{key}", None, f"is no setting: there are {', '.join(KEYS)}", str(path))
            if not isinstance(value, str) or not value.strip():
                raise BadInput(f"{source}.{key}", None, "must be text in quotes", str(path))
    return given
