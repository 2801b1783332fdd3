"""The presets of national schemes, for people and as JSON, and how a settlement cites the one it was made by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from voltadesk.community.presets import find_preset, preset_names
from voltadesk.report.document import NO_DATA, Section
from voltadesk.report.summary import Tree


def presets_tree(name: str | None) -> Tree:
    """All presets, or one. Raises BadInput where there is none of that name."""
    return {"schema": 1, "presets": [_preset(name) for name in ([name] if name else preset_names())]}


def _preset(name: str) -> Tree:
    preset = find_preset(name)
    return {
        "name": name,
        "title": preset.title,
        "law": preset.law,
        "read": str(preset.read),
        "sources": [{"url": source.url, "says": source.says} for source in preset.sources],
        "sets": preset.sets,
        "rules": preset.rules,
        "notes": preset.notes,
        "not_verified": preset.not_verified,
    }


def cited(name: str) -> Tree:
    """What a settlement says of its preset: the law, and the sources with the day on which they were read."""
    preset = find_preset(name)
    urls = [source.url for source in preset.sources]
    return {"name": name, "law": preset.law, "read": str(preset.read), "sources": urls}


def cited_lines(preset: Tree | None) -> tuple[str, ...]:
    """The same for people."""
    if preset is None:
        return ()
    sources = ", ".join(preset["sources"])
    return (f"preset {preset['name']}: {preset['law']}; sources read on {preset['read']}: {sources}",)


def presets_sections(tree: Tree, whole: bool) -> list[Section]:
    """A table of presets and where they are from; of a `whole` one also what the sources say and what is not known."""
    presets = tree["presets"]
    rows = [
        (p["name"], p["title"], p["sets"].get("sharing", {}).get("rule", NO_DATA),
         str(p["sets"].get("interval_minutes", NO_DATA)), p["read"])
        for p in presets
    ]  # fmt: skip
    sections = [Section("Presets", ("preset", "scheme", "rule", "minutes", "sources read"), rows, 3)]
    for preset in presets:
        urls = tuple(f"{n['url']}: {n['says']}" if whole else n["url"] for n in preset["sources"])
        sections.append(Section(f"{preset['name']}: {preset['law']}", text=urls))
        if whole:
            sections.append(Section("Sets", ("key", "value"), list(_lines(preset["sets"])), 2))
            if preset["rules"]:
                sections.append(Section("Allows", text=(f"the rules {', '.join(preset['rules'])}",)))
            sections.append(Section("Notes", text=tuple(preset["notes"])))
            sections.append(Section("Not verified", text=tuple(preset["not_verified"])))
    return sections


def _lines(sets: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in sets.items():
        if key == "tariffs":
            for made in value:
                yield f"tariff {made['name']}", f"{made['share']['percent']} % of {made['share']['of']}"
        elif isinstance(value, dict):
            yield from ((f"{key}.{inner}", str(given)) for inner, given in value.items())
        else:
            yield key, str(value)
