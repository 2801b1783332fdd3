"""Options that belong together, as one dataclass: commands share them, and take them as one argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import is_dataclass
from inspect import Parameter, Signature, signature
from typing import Any


def grouped(function: Callable[..., None]) -> Callable[..., None]:
    """A command of a function: in place of a parameter that is a dataclass stands an option for each of its fields."""
    own = signature(function, eval_str=True).parameters.values()
    groups = {p.name: p.annotation for p in own if isinstance(p.annotation, type) and is_dataclass(p.annotation)}
    fields = {name: signature(group, eval_str=True).parameters for name, group in groups.items()}
    shown = [each for p in own for each in (fields[p.name].values() if p.name in groups else (p,))]
    parameters = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in shown]

    def run(**given: Any) -> None:
        made = {name: group(**{field: given.pop(field) for field in fields[name]}) for name, group in groups.items()}
        function(**made, **given)

    run.__name__ = function.__name__  # a command's, where it is given no other
    run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run
