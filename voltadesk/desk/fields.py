"""The fields of a desk's command as a form asks for them: read off the command itself, so that neither forgets one."""

from __future__ import annotations

from dataclasses import dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from voltadesk.desk.commands import COMMANDS, parse_command

YES, NO = "yes", "no"
_UNITS = (("_kwh", "kWh"), ("_kw", "kW"), ("_percent_per_hour", "% per hour"), ("_percent", "%"), ("percent", "%"))
_MONEY = frozenset({"amount", "cost", "scrap", "trading_limit"})
_PER_MWH = frozenset(
    {"price", "floor", "cap", "margin", "grid_fee", "levy", "community_grid_fee", "community_levy", "band_low",
     "band_high", "buy_limit", "sell_limit", "offer_limit", "flexible_limit", "wear_cost", "marginal_cost",
     "imbalance_spread"}
)  # fmt: skip


@dataclass(frozen=True)
class Field:
    """A value that a command takes as text."""

    name: str
    label: str
    unit: str
    is_required: bool
    choices: tuple[str, ...] = ()
    is_list: bool = False
    is_flag: bool = False

    def value(self, text: str) -> Any:
        """What the command carries for a text that was typed; a flag that is neither yes nor no stays a text."""
        if self.is_flag:
            return {YES: True, NO: False}.get(text.strip().casefold(), text)
        if self.is_list:
            return [part.strip() for part in text.split(",") if part.strip()]
        return text.strip()


def fields_of(kind: str, currency: str, names: tuple[str, ...] = ()) -> tuple[Field, ...]:
    """The fields of a command, required ones first; only those named, if any are.

    Lists of objects, as outages are, have no line in a form and are left out.
    """
    command = COMMANDS[kind]
    wanted = [(name, info) for name, info in command.model_fields.items() if not names or name in names]
    fields = [_field(name, info, currency) for name, info in wanted if not _holds_objects(info.annotation)]
    return tuple(sorted(fields, key=lambda field: not field.is_required))


def _field(name: str, info: FieldInfo, currency: str) -> Field:
    plain = _plain(info.annotation)
    unit = next((unit for end, unit in _UNITS if name.endswith(end)), "")
    unit = currency if name in _MONEY else f"{currency}/MWh" if name in _PER_MWH else unit
    label = name
    for end, _ in _UNITS:
        label = label.removesuffix(end) or label
    is_flag, is_list = plain is bool, get_origin(plain) is list
    choices = get_args(plain) if get_origin(plain) is Literal else (YES, NO) if is_flag else ()
    return Field(
        name=name,
        label=label.replace("_", " ") + (" hours" if is_list and name != "kinds" else ""),
        unit=unit,
        is_required=info.is_required(),
        choices=tuple(map(str, choices)),
        is_list=is_list,
        is_flag=is_flag,
    )


def _plain(annotation: Any) -> Any:
    """The type without None and without what pydantic does with it."""
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(arg for arg in get_args(annotation) if arg is not type(None))
    while hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    return annotation


def _holds_objects(annotation: Any) -> bool:
    plain = _plain(annotation)
    return get_origin(plain) is list and isinstance(get_args(plain)[0], type)


def body_of(kind: str, fields: tuple[Field, ...], texts: dict[str, str], given: dict[str, str]) -> dict[str, Any]:
    """The command's values from what was typed; of one that alters something only those that are others than `given`.

    Raises Refusal BAD_VALUE naming field, value and limit.
    """
    body = {}
    for field in fields:
        text = texts.get(field.name, "").strip()
        is_same = kind.endswith(".set") and not field.is_required and text == given.get(field.name, "").strip()
        if text and not is_same:
            body[field.name] = field.value(text)
    parse_command(kind, body)
    return body
