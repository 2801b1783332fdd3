"""Plants and batteries out of a table, as the text of a scenario and as a tree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from voltadesk.report.summary import Tree
from voltadesk.scenario.plant_rows import Found, Values

_WIDTH = 118


def plants_tree(found: Found) -> Tree:
    """What was found, by the keys of a scenario."""
    return {"format": found.title, "plants": found.plants, "fleet": found.batteries, "notes": found.notes}


def plants_toml(found: Found, source: str) -> str:
    """`[[plants]]` and `[[fleet]]` to put at the end of a scenario, what has to be said of them above."""
    head = f"{source}, {found.title}: plants {len(found.plants):,}, batteries {len(found.batteries):,}"
    lines = [line for told in (head, *found.notes) for line in _comment(told)]
    for key, parts in (("plants", found.plants), ("fleet", found.batteries)):
        for part in parts:
            lines += ["", f"[[{key}]]", *(f"{name} = {_value(value)}" for name, value in part.items())]
    return "\n".join(lines) + "\n"


def _comment(text: str) -> Iterator[str]:
    plain = "".join(c if c.isprintable() else "?" for c in text)
    return (f"# {line}" for line in wrap(plain, _WIDTH))


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return _table(value)
    return json.dumps(value) if isinstance(value, str) else f"{value:f}" if not isinstance(value, int) else str(value)


def _table(values: Values) -> str:
    return "{ " + ", ".join(f"{name} = {_value(value)}" for name, value in values.items()) + " }"
