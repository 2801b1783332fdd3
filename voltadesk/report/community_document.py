"""A community's figures laid out for people: the manager's report, a member's statement, rules side by side."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from voltadesk.report.document import NO_DATA, Section, number, percent, signed
from voltadesk.report.summary import Tree

SHOWN = 60  # members, registers and faults that people are shown
FLOW_NAMES = {
    "own_use": "own use",
    "from_community": "from the community",
    "from_grid": "from the grid",
    "to_community": "to the community",
    "to_grid": "to the grid",
}
NEARNESS = {
    "own": "own roof",
    "building": "same building",
    "feeder": "same feeder",
    "community": "beyond the same building and feeder",
}


def settled_sections(tree: Tree) -> list[Section]:
    """The manager's report."""
    community = tree["community"]
    rules = ", ".join(f"{pool['name']}: {pool['rule']}" for pool in community["pools"])
    text = (f"{community['interval_minutes']} minutes, {community['timezone']}; sharing {rules}", *_files(tree))
    parts = [Section(community["title"] or community["name"], text=text)]
    for period in tree["periods"]:
        parts += _period(period, community["currency"])
    return parts


def _files(tree: Tree) -> tuple[str, ...]:
    return tuple(
        f"{file['file']}: rows {number(file['rows'])}, meters {number(file['meters'])}; {'; '.join(file['notes'])}"
        for file in tree["files"]
    )


def _period(period: Tree, currency: str) -> list[Section]:
    energy = period["energy_kwh"]
    text = (
        f"{period['start']} to {period['end']}, {period['intervals']:,} intervals; "
        f"{number(energy['from_community'], 3)} kWh shared; self-sufficiency {percent(period['self_sufficiency'])}, "
        f"self-consumption {percent(period['self_consumption'])}",
        f"members save {number(period['saving'])} {currency} together; "
        f"payments leave {number(period['rounding'], 4)} {currency} to the community by rounding to cents",
        *period["notes"],
        *(
            f"best keys of {pool}: {', '.join(f'{name} {key} %' for name, key in keys.items())}"
            for pool, keys in period["optimal_keys_percent"].items()
        ),
    )
    columns = (
        "member",
        *(f"{name} kWh" for name in FLOW_NAMES.values()),
        f"cost {currency}",
        "alone",
        "saving",
        "payable",
    )
    rows = [
        (
            member["name"],
            *(number(member["energy_kwh"][key], 1) for key in FLOW_NAMES),
            number(member["cost"]),
            number(member["cost_without_community"]),
            signed(member["saving"]),
            number(member["payable"]),
        )
        for member in period["members"][:SHOWN]
    ]
    hidden = len(period["members"]) - SHOWN
    more = (f"the first {SHOWN} members; {hidden} more are in the files and in --json",) if hidden > 0 else ()
    accounts = [("members", signed(-period["members_paid"], 8))]
    accounts += [(party, signed(amount, 8)) for party, amount in period["received"].items()]
    accounts.append(("sum", number(period["sum"], 8)))
    return [
        Section(period["period"], columns, rows, 1, (*text, *more)),
        Section(f"{period['period']}: who received (+) and paid (−)", ("party", currency), accounts),
    ]


def statement_sections(tree: Tree, period: Tree, member: Tree) -> list[Section]:
    """A member's statement, or the account of a shared plant."""
    community = tree["community"]
    currency, name = community["currency"], member["title"] or member["name"]
    used = {label: member["energy_kwh"][key] for key, label in FLOW_NAMES.items()}
    energy = [(label, "not metered" if amount is None else number(amount, 3)) for label, amount in used.items()]
    near = [
        (f"{way}, {NEARNESS[tier]}", number(amount, 3))
        for way, key in (("from the community", "from_community_kwh"), ("to the community", "to_community_kwh"))
        for tier, amount in member[key].items()
        if amount
    ]
    parts = [
        Section(
            f"Statement {member['statement']}" if member["statement"] else f"Account of {name}",
            text=(
                f"{community['title'] or community['name']}: {name}, {period['period']} "
                f"({period['start']} to {period['end']})",
                *_membership(member),
                _result(member, currency),
            ),
        ),
        Section("Energy", ("", "kWh"), energy + near, 1, _estimated(member)),
        _lines("Billed by the community", [n for n in member["lines"] if n["billed"]], currency),
        _lines("Billed by others", [n for n in member["lines"] if not n["billed"]], currency),
        _lines("Without the community", member["without_community"], currency),
    ]
    saving = (
        f"With the community {number(member['cost'])} {currency}, without it "
        f"{number(member['cost_without_community'])} {currency}: a saving of {number(member['saving'])} {currency}."
    )
    return [part for part in parts if part.rows or part.text] + [Section("Saving", text=(saving,))]


def _membership(member: Tree) -> tuple[str, ...]:
    days = [f"{word} {member[key]}" for key, word in (("joined", "from"), ("left", "until before")) if member[key]]
    return (f"A member {' '.join(days)}.",) if days else ()


def _result(member: Tree, currency: str) -> str:
    if member["payable"] is None:
        return "This plant is the community's: what it costs and earns is on the community's own account."
    if member["payable"] >= 0:
        return f"To pay: {number(member['payable'])} {currency}."
    return f"You get: {number(-member['payable'])} {currency}."


def _estimated(member: Tree) -> tuple[str, ...]:
    count = member["estimated_intervals"]
    return (f"{count:,} intervals were estimated by the grid operator.",) if count else ()


def _lines(title: str, lines: Sequence[Tree], currency: str) -> Section:
    rows = [
        (
            line["item"],
            line["detail"],
            number(line["energy_kwh"], 3) if line["energy_kwh"] is not None else NO_DATA,
            number(line["mean_price_per_kwh"], 5),
            *(number(line[key], 4) for key in ("net", "tax", "gross")),
        )
        for line in lines
    ]
    if rows:
        sums = (sum((line[key] for line in lines), Decimal(0)) for key in ("net", "tax", "gross"))
        rows.append(("sum", "", "", "", *(number(amount, 4) for amount in sums)))
    return Section(title, ("item", "", "kWh", f"{currency}/kWh", f"net {currency}", "tax", "gross"), rows, 2)


def checked_sections(tree: Tree) -> list[Section]:
    """What the files hold, and what is wrong with them."""
    rows = [
        (
            row["meter"],
            row["register"],
            row["start_utc"],
            row["end_utc"],
            str(row["interval_minutes"]),
            number(row["intervals"]),
            number(row["energy_kwh"], 3),
            number(row["estimated"]),
            number(row["missing"]),
        )
        for row in tree["registers"][:SHOWN]
    ]
    columns = ("meter", "register", "from", "to", "minutes", "intervals", "kWh", "estimated", "missing")
    faults = tree["faults"]
    said = (f"{len(faults):,} faults" if len(faults) > 1 else "1 fault") if faults else "no fault found"
    hidden = len(faults) - SHOWN
    more = (f"and {hidden:,} more: --json gives all",) if hidden > 0 else ()
    return [
        Section("Meter files", columns, rows, 4, _files(tree)),
        Section("Check", text=(said, *faults[:SHOWN], *more, *tree["notes"])),
    ]
