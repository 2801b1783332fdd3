"""Imports point down only; the table is the plan of the house."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import voltadesk

PACKAGE = Path(voltadesk.__file__).parent

LEVELS = (
    ("__main__",),
    ("ui", "cli"),
    ("sweep", "api"),
    ("report", "store"),
    ("desk",),
    ("strategy", "scenario", "community", "feeds"),
    ("engine",),
    ("units", "clock", "errors"),
)

# Rooms of one level don't know each other, but for these.
WITHIN_A_LEVEL = {
    ("scenario", "feeds"): "a scenario names files of prices and meters",
    ("community", "feeds"): "a community settles what meters counted, and names files of prices",
    ("community", "scenario"): "the rules of a community are read as a scenario is",
    ("community", "strategy"): "a community's battery expects days like those before, as a strategy does",
    ("scenario", "strategy"): "a scenario says by which strategy its batteries trade",
    ("cli", "ui"): "a command opens the screen",
    ("units", "errors"): "text that is no number is bad input",
    ("clock", "errors"): "a grid or a zone that can't be is bad input",
}

# Libraries and the rooms that may use them; all else is Python's own.
LIBRARIES = {
    "numpy": {"clock", "engine", "feeds", "community", "strategy", "scenario", "desk", "report", "ui", "api"},
    "numba": {"engine"},
    "platformdirs": {"engine", "feeds", "cli"},  # where compiled kernels, imported prices and the desk are kept
    "pydantic": {"scenario", "community", "desk"},
    "cryptography": {"store"},
    "sqlmodel": {"store"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "sqlite3": {"store"},
    "psycopg": {"store"},
    "duckdb": {"report", "feeds", "sweep"},  # Parquet
    "simplejson": {"report", "sweep"},
    "jinja2": {"report"},
    "reportlab": {"report"},
    "font_roboto": {"report"},
    "matplotlib": {"report"},
    "distributed": {"sweep"},
    "httpx2": {"feeds"},
    "entsoe": {"feeds"},
    "pandas": {"feeds"},  # with it
    "requests": {"feeds"},  # likewise
    "urllib3": {"feeds"},  # likewise
    "rich": {"report", "cli", "ui"},
    "textual": {"ui"},
    "textual_serve": {"cli"},
    "typer": {"cli"},
}

# What a kernel has no business with: files, clocks, databases, screens, logs.
OUTSIDE_WORLD = {"os", "io", "pathlib", "time", "datetime", "random", "logging", "sqlite3", "socket", "threading"}

HEAVY = {
    "distributed",
    "matplotlib",
    "numba",
    "numpy",
    "sqlalchemy",
    "sqlmodel",
    "textual",
    "duckdb",
    "pydantic",
    "cryptography",
}


def room_of(path: Path) -> str:
    """The room a module stands in: a sub-package or a module of the package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def modules() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Full names of all that a module imports, wherever in it that is written."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {node.module or "", *(f"{node.module}.{name.name}" for name in node.names)}
    return frozenset(names)


def rooms_imported(path: Path) -> set[str]:
    """Rooms of the package that a module imports from."""
    names = {name.split(".")[1] for name in imports_of(path) if name.startswith("voltadesk.")}
    return {name for name in names if name in rooms()}


@cache
def rooms() -> frozenset[str]:
    return frozenset(room_of(path) for path in modules())


def level_of(room: str) -> int:
    return next(n for n, level in enumerate(LEVELS) if room in level)


def test_every_room_has_its_level() -> None:
    assert rooms() <= {room for level in LEVELS for room in level}


def test_imports_point_down() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} must not import {other}"
        for path in modules()
        for other in rooms_imported(path) - {room_of(path)}
        if level_of(other) <= level_of(room_of(path)) and (room_of(path), other) not in WITHIN_A_LEVEL
    ]
    assert not wrong


def test_every_import_within_a_level_is_needed() -> None:
    used = {(room_of(path), other) for path in modules() for other in rooms_imported(path)}
    assert set(WITHIN_A_LEVEL) <= used


def test_libraries_stay_in_their_rooms() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} must not import {name}"
        for path in modules()
        for name in {name.split(".")[0] for name in imports_of(path)} - {"voltadesk"}
        if (name in LIBRARIES or name not in sys.stdlib_module_names) and room_of(path) not in LIBRARIES.get(name, ())
    ]
    assert not wrong


@pytest.mark.parametrize("path", sorted((PACKAGE / "engine").glob("[!_]*.py")), ids=lambda path: path.stem)
def test_the_engine_knows_nothing_of_the_outside_world(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports_of(path)} & OUTSIDE_WORLD


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (["--help"], set()),
        (["--version"], set()),
        (["fund", "--help"], {"pydantic"}),
        (["journal", "verify", "--help"], {"pydantic"}),
        (["battery", "buy", "--help"], {"pydantic"}),
        (["headless", "--help"], {"pydantic"}),  # Typer itself reads choices and paths with it
        (["headless", "replay", "--help"], {"pydantic"}),
        (["headless", "match", "--help"], {"pydantic"}),
        (["headless", "sweep", "--help"], {"pydantic"}),
        (["community", "--help"], {"pydantic"}),
        (["community", "settle", "--help"], {"pydantic"}),
        (["prices", "--help"], {"pydantic"}),
        (["prices", "import", "--help"], {"pydantic"}),
    ],
    ids=lambda value: " ".join(value),
)
def test_help_is_light(arguments: list[str], allowed: set[str]) -> None:
    script = (
        "import sys\n"
        "from voltadesk.cli import main\n"
        "sys.argv[1:] = sys.argv[2:]\n"
        "try:\n    main()\n"
        "except SystemExit as ended:\n    assert not ended.code\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "-", *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    assert "voltadesk" in done.stdout
    loaded = set(done.stderr.split())
    assert "typer" in loaded
    assert loaded & HEAVY <= allowed


def test_the_package_itself_is_light() -> None:
    script = (
        "import sys, voltadesk\n"
        "assert 'clear' in dir(voltadesk) and voltadesk.__version__\n"
        "voltadesk.VoltaDeskError\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(done.stdout.split())
    assert "voltadesk" in loaded
    assert not loaded & (HEAVY | {"typer", "rich"})
