"""What the user's configuration says of the screen."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual.keys import Keys

from voltadesk.errors import BadInput
from voltadesk.ui.themes import DEFAULT, THEMES

THEME_NAMES = tuple(theme.name for theme in THEMES)
FPS = (1, 60)
SPEED_LIMIT = 1_000_000
_KEY_NAMES = frozenset(key.value for key in Keys)


@dataclass(frozen=True)
class Settings:
    """How the screen looks and which keys it takes; `keymap` gives ids of bindings the keys they have instead."""

    theme: str = DEFAULT
    fps: int = 10  # pictures in a second
    speed: int | None = None  # seconds of the market's clock in a second, 0 as fast as it goes; None: as usual
    keymap: dict[str, str] = field(default_factory=dict)
    is_trading: bool = True  # off: nothing can be asked of the desk from this screen
    exports: Path = field(default_factory=Path.cwd)  # where exports and pictures go


def read_settings(path: Path, ids: frozenset[str]) -> Settings:
    """The settings in a TOML file, the usual ones where there is none. Raises BadInput naming what is wrong."""
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput("configuration", path.name, f"can't be read: {error}", str(path)) from None
    known = {"theme", "fps", "speed", "keys"}
    for name in given:
        if name not in known:
            raise BadInput(name, given[name], f"is no setting: there are {', '.join(sorted(known))}", str(path))
    return Settings(
        theme=checked_theme(given.get("theme", DEFAULT), str(path)),
        fps=checked_number("fps", given.get("fps", 10), *FPS, str(path)),
        speed=None if "speed" not in given else checked_number("speed", given["speed"], 0, SPEED_LIMIT, str(path)),
        keymap=_keymap(given.get("keys", {}), ids, str(path)),
    )


def checked_theme(name: Any, where: str = "") -> str:
    """A theme's name. Raises BadInput."""
    if name not in THEME_NAMES:
        raise BadInput("theme", name, f"must be one of {', '.join(THEME_NAMES)}", where)
    return str(name)


def checked_number(name: str, value: Any, low: int, high: int, where: str = "") -> int:
    """A whole number within limits. Raises BadInput."""
    if type(value) is not int or not low <= value <= high:
        raise BadInput(name, value, f"must be a whole number from {low} to {high}", where)
    return value


def _keymap(given: Any, ids: frozenset[str], where: str) -> dict[str, str]:
    if not isinstance(given, dict):
        raise BadInput("keys", given, 'must be a table such as "order.buy" = "f5"', where)
    for id, keys in given.items():
        if id not in ids:
            raise BadInput("keys", id, "is no action: docs/screen.md lists them", where)
        if not isinstance(keys, str) or not all(map(_is_key, keys.split(","))):
            raise BadInput(f"keys.{id}", keys, "must be keys such as f5, ctrl+b or b,B", where)
    return dict(given)


def _is_key(text: str) -> bool:
    """Whether a text can be a key: one character, or names joined by +."""
    *modifiers, last = text.strip().split("+") if text.strip() != "+" else ["+"]
    is_name = len(last) == 1 or last in _KEY_NAMES or last.isidentifier()
    return bool(last) and is_name and set(modifiers) <= {"ctrl", "shift", "alt", "super", "meta", "hyper"}
