"""National schemes as presets: keys of a community that the law of a country gives, each with the sources read for it.

A preset is a file in `presets/`. What a community's own file says goes before what its preset sets.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from voltadesk.errors import BadInput
from voltadesk.scenario.model import Part
from voltadesk.scenario.read import checked, parse_toml, read_text
from voltadesk.scenario.values import Day

FOLDER = Path(__file__).parent / "presets"


class Source(Part):
    """A page that was read, and what it says."""

    url: Annotated[str, Field(pattern="https?://.+")]
    says: str


class Preset(Part):
    """A scheme: what it sets, where that is written, and what is not known of it."""

    title: str
    law: str
    read: Day  # when the sources were read
    rules: list[str] | None = None  # the sharing rules it allows; None: any
    notes: list[str] = Field(default_factory=list)
    not_verified: list[str] = Field(default_factory=list)
    sets: dict[str, Any]  # keys of a community, as in its file
    sources: Annotated[list[Source], Field(min_length=1)]


def preset_names() -> list[str]:
    """The names of all presets."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@cache
def find_preset(name: str) -> Preset:
    """The preset of a name. Raises BadInput where there is none."""
    if name not in preset_names():
        raise BadInput("preset", name, f"must be one of {', '.join(preset_names())}")
    path = FOLDER / f"{name}.toml"
    return checked(Preset, parse_toml(read_text(path, "preset"), path.name), path.name, "a preset")


def with_preset(data: dict[str, Any]) -> dict[str, Any]:
    """A community's tree with what its preset sets wherever the tree itself says nothing.

    The sharing rule is that of `sharing`, or of every pool that names none. A tariff is added where the tree has the
    one that it is made from, and none of its name. Raises BadInput where there is no such preset.
    """
    if not isinstance(data.get("preset"), str):
        return data
    sets = dict(find_preset(data["preset"]).sets)
    rule, tariffs = sets.pop("sharing", {}), sets.pop("tariffs", [])
    merged = sets | data
    pools = data.get("pools")
    if isinstance(pools, list) and pools:
        merged["pools"] = [_with_rule(pool, rule) for pool in pools]
    else:
        merged["sharing"] = _with_rule(data.get("sharing", {}), rule)
    if isinstance(own := data.get("tariffs"), list):
        names = [tariff.get("name") for tariff in own if isinstance(tariff, dict)]
        made = [tariff for tariff in tariffs if tariff["share"]["of"] in names and tariff["name"] not in names]
        merged["tariffs"] = own + made
    return merged


def _with_rule(part: Any, rule: dict[str, Any]) -> Any:
    """A pool with the preset's rule; one that names another rule is left as it is."""
    if not isinstance(part, dict) or part.get("rule", rule.get("rule")) != rule.get("rule"):
        return part
    return rule | part
