"""The communities that come with the program, by their names: synthetic meters of a year, and rules to go with them."""

from __future__ import annotations

from pathlib import Path

from voltadesk.scenario.profiles import data_folder


def shipped_communities() -> list[str]:
    """Their names."""
    return sorted(path.parent.name for path in (data_folder() / "communities").glob("*/community.toml"))


def find_meters(name: Path) -> Path:
    """A meter file, or that of a community that is shipped."""
    return _shipped(name, "meters.csv")


def find_rules(name: Path) -> Path:
    """A file of rules, or that of a community that is shipped."""
    return _shipped(name, "community.toml")


def _shipped(name: Path, file: str) -> Path:
    return data_folder() / "communities" / name / file if str(name) in shipped_communities() else name
