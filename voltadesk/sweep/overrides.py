"""Keys of a scenario by their path, and a scenario's tree with other values at some of them.

`time.days` is a key of a table; `plants.mill.marginal_cost` and `plants[0].marginal_cost` one of a member of a list, by
its name or its place; `plants.marginal_cost` the key of every member. `homes.count` and `fleet.count` are of all groups
together and shared out in proportion to the counts of the file; a group of none is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from itertools import repeat
from typing import Any, get_origin

from voltadesk.errors import BadInput
from voltadesk.scenario.model import Scenario
from voltadesk.sweep.parameters import Parameter, Value
from voltadesk.units import share_out

Tree = dict[str, Any]
Place = tuple[str | int, ...]  # keys and numbers from the root of the tree

COUNTED = ("homes", "fleet")
LISTS = tuple(name for name, field in Scenario.model_fields.items() if get_origin(field.annotation) is list)

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_NUMBER = re.compile(r"\[([0-9]{1,9})\]")


def places(tree: Tree, parameters: Sequence[Parameter]) -> list[list[Place]]:
    """Where in the tree each parameter is set. Raises BadInput for what is not there, or is set by two of them."""
    found = [_places_of(tree, parameter.key) for parameter in parameters]
    for n, mine in enumerate(found):
        for other, theirs in zip(parameters[:n], found[:n], strict=True):
            if any(a[: len(b)] == b[: len(a)] for a in mine for b in theirs):
                raise BadInput("set", parameters[n].key, f"must not be given beside {other.key}, which sets the same")
    return found


def changed(tree: Tree, parameters: Sequence[Parameter], at: list[list[Place]], values: Sequence[Value]) -> Tree:
    """The tree with each parameter's value at its places. Raises BadInput for a count that is none."""
    made = deepcopy(tree)
    for parameter, mine, value in zip(parameters, at, values, strict=True):
        for place, part in zip(mine, _parts(tree, parameter.key, value), strict=False):
            node: Any = made
            for step in place[:-1]:
                node = node[step] if isinstance(step, int) else node.setdefault(step, {})
            node[place[-1]] = deepcopy(part)
    for name in COUNTED:
        if isinstance(made.get(name), list):
            made[name] = [group for group in made[name] if not _is_none(group)]
    return made


def _is_none(group: Any) -> bool:
    count = group.get("count") if isinstance(group, dict) else None
    return type(count) is int and count == 0


def _parts(tree: Tree, key: str, value: Value) -> Iterable[Any]:
    """The value for each of a key's places."""
    name, _, rest = key.partition(".")
    if name not in COUNTED or rest != "count":
        return repeat(value.value)
    if type(value.value) is not int or value.value < 0:
        raise BadInput(key, value.text, "must be a whole number from 0")
    return share_out(value.value, [group.get("count", 1) for group in tree[name]])


# Paths ----------------------------------------------------------------------------------------------------------------
def _places_of(tree: Tree, key: str) -> list[Place]:
    lists: Tree = {name: [] for name in LISTS}
    found = list(_walk(lists | tree, key, (), key))
    if not found:
        raise BadInput("set", key, f"the scenario {tree['name']} has none to set it in")
    return found


def _walk(node: Any, rest: str, place: Place, key: str) -> Iterator[Place]:
    """The places that the rest of a path leads to from a node of the tree."""
    if isinstance(node, list):
        yield from _walk_members(node, rest, place, key)
        return
    match = _NAME.match(rest)
    if match is None or not isinstance(node, dict):
        raise BadInput("set", key, f"{_path(place) or 'a scenario'} has no key {rest or 'without a name'}")
    name = match[0]
    yield from _walk_on(node.get(name, {}), rest[match.end() :], (*place, name), key)


def _walk_on(node: Any, rest: str, place: Place, key: str) -> Iterator[Place]:
    if not rest:
        yield place
    elif rest.startswith(".") or (rest.startswith("[") and isinstance(node, list)):
        yield from _walk(node, rest.removeprefix("."), place, key)
    else:
        raise BadInput("set", key, f"{_path(place)} is followed by {rest}, which is no key of it")


def _walk_members(members: list[Any], rest: str, place: Place, key: str) -> Iterator[Place]:
    number = _NUMBER.match(rest)
    if number is not None:
        n = int(number[1])
        if n >= len(members):
            raise BadInput("set", key, f"{_path(place)} has {len(members)} members, and the first is [0]")
        yield from _walk_on(members[n], rest[number.end() :], (*place, n), key)
        return
    named = {member.get("name", ""): n for n, member in enumerate(members) if isinstance(member, dict)}
    # A name may hold dots, so the longest that fits is meant.
    for name in sorted((name for name in named if name), key=len, reverse=True):
        if rest.startswith(name) and rest[len(name) :][:1] in (".", "["):
            yield from _walk_on(members[named[name]], rest[len(name) :], (*place, named[name]), key)
            return
    for n, member in enumerate(members):
        yield from _walk(member, rest, (*place, n), key)


def _path(place: Place) -> str:
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
