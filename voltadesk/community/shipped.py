"""Where a community's rules and meters lie: by a name that comes with the program, or in a folder of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from voltadesk.errors import BadInput
from voltadesk.scenario.profiles import data_folder

if TYPE_CHECKING:
    from voltadesk.community.rules import Community

RULES_FILES = ("community.toml", "rules.toml")
METERS_SUFFIXES = (".csv", ".parquet", ".pq")


def shipped_communities() -> list[str]:
    """Their names: synthetic meters of a year, and rules to go with them."""
    return sorted(path.parent.name for path in (data_folder() / "communities").glob("*/community.toml"))


def find_meters(name: Path) -> Path:
    """A meter file, or that of a community that is shipped."""
    return _shipped(name, "meters.csv")


def find_rules(name: Path) -> Path:
    """A file of rules, or that of a community that is shipped. Raises BadInput where it is neither."""
    path = _shipped(name, "community.toml")
    if not path.exists():
        raise BadInput("rules", name, f"must be a TOML file or one of {', '.join(shipped_communities())}")
    return path


def _shipped(name: Path, file: str) -> Path:
    return data_folder() / "communities" / name / file if str(name) in shipped_communities() else name


# A folder with everything of a community ------------------------------------------------------------------------------
def find_folder_rules(name: Path) -> Path:
    """The file of rules in a community's folder, or of one that is shipped. Raises BadInput where there is none."""
    folder = find_rules(name).parent if str(name) in shipped_communities() else name
    for file in RULES_FILES:
        if (folder / file).is_file():
            return folder / file
    limit = f"must be a folder with {' or '.join(RULES_FILES)} and its meter files, or one of "
    raise BadInput("community", str(name), limit + ", ".join(shipped_communities()))


def meters_beside(rules_file: Path, rules: Community) -> list[Path]:
    """The meter files in the folder of the rules: all CSV and Parquet files but those that tariffs are indexed to.

    Raises BadInput where there is none.
    """
    folder = rules_file.parent
    series = {(folder / tariff.index.file).resolve() for tariff in rules.tariffs if tariff.index}
    found = [
        path
        for path in sorted(folder.iterdir())
        if path.is_file() and path.suffix.lower() in METERS_SUFFIXES and path.resolve() not in series
    ]
    if not found:
        raise BadInput("community", str(folder), f"has no meter file ({', '.join(METERS_SUFFIXES)}) beside its rules")
    return found
