"""What a statement that corrects another one says of it: what was told before, what is right now, the difference."""

from __future__ import annotations

from decimal import Decimal

from voltadesk.report.community_figures import FLOW_NAMES
from voltadesk.report.document import NO_DATA, Section, number, signed
from voltadesk.report.summary import Tree


def what_it_corrects(member: Tree, currency: str) -> tuple[str, ...]:
    """Which statement, and what is due in all; nothing of an original."""
    if member["corrects"] is None:
        return ()
    before, payable = member["payable_before"], member["payable"]
    return (
        f"It corrects {member['corrects']}. In all: {_due(before, currency)} before, "
        f"{_due(before + payable, currency)} now.",
    )


def _due(amount: Decimal, currency: str) -> str:
    return f"{number(abs(amount))} {currency} to {'get' if amount < 0 else 'pay'}"


def differences(member: Tree, currency: str) -> list[Section]:
    """Energy and each line; nothing where no figure changed."""
    before = member["energy_kwh_before"]
    if before is None:
        return []
    flows = [
        (label, *_three(before[key], member["energy_kwh"][key], 3, "not metered")) for key, label in FLOW_NAMES.items()
    ]
    parts = [Section("Corrected: energy", ("", "kWh before", "now", "difference"), flows)]
    columns = (
        "item",
        "",
        "kWh before",
        "now",
        "difference",
        f"gross {currency} before",
        "now",
        "difference",
        "tax of it",
    )
    for title, billed in (("Corrected: billed by the community", True), ("Corrected: billed by others", False)):
        lines = [line for line in member["corrected_lines"] if line["billed"] is billed]
        rows = [
            (
                line["item"],
                line["detail"],
                *_three(line["energy_kwh_before"], line["energy_kwh"], 3, NO_DATA),
                *_three(line["gross_before"], line["gross"], 4),
                signed(line["tax_difference"], 4),
            )
            for line in lines
        ]
        if rows:
            then, now, tax = (
                sum((line[key] for line in lines), Decimal(0)) for key in ("gross_before", "gross", "tax_difference")
            )
            rows.append(("sum", "", "", "", "", *_three(then, now, 4), signed(tax, 4)))
            parts.append(Section(title, columns, rows, 2))
    return parts


def _three(before: Decimal | None, now: Decimal | None, decimals: int, unknown: str = NO_DATA) -> tuple[str, str, str]:
    """An amount before, now, and the difference."""
    difference = NO_DATA if before is None or now is None else signed(now - before, decimals)
    then, right = (unknown if amount is None else number(amount, decimals) for amount in (before, now))
    return then, right, difference
