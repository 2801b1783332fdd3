"""A community's rules side by side, as things stand and with something changed: figures, and their tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from voltadesk.community.battery import Battery
from voltadesk.community.changes import Changes
from voltadesk.community.comparison import Case, Comparison, Outcome, Stored
from voltadesk.community.rules import Community
from voltadesk.feeds.meter_files import MeterFile
from voltadesk.report.community_document import SHOWN
from voltadesk.report.community_figures import head, kwh_decimal
from voltadesk.report.document import Section, number, percent, signed
from voltadesk.report.rounded import ratio
from voltadesk.report.summary import Tree
from voltadesk.units import decimal_text, money_decimal


# Figures --------------------------------------------------------------------------------------------------------------
def compared(
    rules: Community,
    files: Sequence[MeterFile],
    periods: Sequence[str],
    comparisons: Mapping[str, Comparison],
    changes: Changes,
) -> Tree:
    """What each rule would have saved the members; `comparisons` by file of rules, `rules` is the first one's."""
    first = next(iter(comparisons.values()))
    return head(rules, files) | {
        "periods": list(periods),
        "what_if": _changes(rules, changes, first) if changes else None,
        "rules": [_case(file, case) for file, each in comparisons.items() for case in each.cases],
    }


def _changes(rules: Community, changes: Changes, comparison: Comparison) -> Tree:
    moves = bool(changes.without or changes.joining)
    return {
        "without": list(changes.without),
        "with": [{"name": e.name, "like": e.like, "factor": _factor(e.factor)} for e in changes.joining],
        "keys_scaled": moves and any(pool.keys for pool in rules.all_pools),
        "roofs": [
            {
                "member": roof.member,
                "like": roof.like,
                "factor": None if roof.like is None else _factor(roof.factor),
                "peak_kw": kwh_decimal(roof.peak_w) if roof.like is None else None,
            }
            for roof in changes.roofs
        ],
        "roofs_kwh": kwh_decimal(comparison.roofs_wh),
        "roofs_own_use_kwh": kwh_decimal(comparison.roofs_own_wh),
        "battery": None if changes.battery is None else _battery(changes.battery, changes.hindsight),
    }


def _battery(battery: Battery, hindsight: bool) -> Tree:
    return {
        "energy_kwh": kwh_decimal(battery.energy_wh),
        "power_kw": kwh_decimal(battery.power_w),
        "efficiency": Decimal(decimal_text(battery.efficiency_ppm, 6)),
        "run": "hindsight" if hindsight else "rolling",
    }


def _factor(factor: int) -> Decimal:
    return Decimal(decimal_text(factor, 4))


def _case(file: str, case: Case) -> Tree:
    return {"file": file, "rule": case.stands.rule, **_outcome(case.stands), "what_if": _changed(case)}


def _outcome(outcome: Outcome) -> Tree:
    savings = outcome.saving_e8
    return {
        "from_community_kwh": kwh_decimal(outcome.shared_wh),
        "self_sufficiency": _ratio(outcome.self_sufficiency),
        "self_consumption": _ratio(outcome.self_consumption),
        "saving": money_decimal(outcome.total_e8),
        "smallest": money_decimal(min(savings.values(), default=0)),
        "largest": money_decimal(max(savings.values(), default=0)),
        "gini": _ratio(outcome.gini),
        "community_received": money_decimal(outcome.community_e8),
        "members": {name: money_decimal(amount) for name, amount in savings.items()},
    }


def _changed(case: Case) -> Tree | None:
    if case.changed is None:
        return None
    gains = case.gain_e8
    return _outcome(case.changed) | {
        "gain": money_decimal(sum(gains.values()) + case.community_gain_e8),
        "smallest_gain": money_decimal(min(gains.values())),
        "largest_gain": money_decimal(max(gains.values())),
        "community_gain": money_decimal(case.community_gain_e8),
        "gains": {name: money_decimal(amount) for name, amount in gains.items()},
        "battery": None if case.changed.stored is None else _stored(case.changed.stored),
    }


def _stored(stored: Stored) -> Tree:
    return {
        "taken_kwh": kwh_decimal(stored.taken_wh),
        "from_community_kwh": kwh_decimal(stored.from_community_wh),
        "given_kwh": kwh_decimal(stored.given_wh),
        "to_community_kwh": kwh_decimal(stored.to_community_wh),
        "lost_kwh": kwh_decimal(stored.lost_wh),
        "left_kwh": kwh_decimal(stored.left_wh),
        "worth": money_decimal(stored.saved_e8),
        "worth_in_hindsight": money_decimal(stored.best_e8),
    }


def _ratio(value: Fraction | None) -> Decimal | None:
    return None if value is None else ratio(value.numerator, value.denominator)


# Tables ---------------------------------------------------------------------------------------------------------------
def compared_sections(tree: Tree) -> list[Section]:
    """Rules side by side; with changes each has a second row, and what the change brings each member a table."""
    community, rules = tree["community"], tree["rules"]
    currency, first = community["currency"], rules[0]
    names = [rule["rule"] if rule["file"] == first["file"] else rule["file"] for rule in rules]
    figures = ("shared kWh", "self-sufficiency", "self-consumption", f"saving {currency}", "smallest", "largest",
               "Gini", "community")  # fmt: skip
    title = f"{community['title'] or community['name']}, {', '.join(tree['periods'])}"
    files = tuple(
        f"{file['file']}: rows {number(file['rows'])}, meters {number(file['meters'])}; {'; '.join(file['notes'])}"
        for file in tree["files"]
    )
    if tree["what_if"] is None:
        rows = [(name, *_row(rule)) for name, rule in zip(names, rules, strict=True)]
        return [
            Section(title, ("rule", *figures), rows, 1, files),
            _by_member(f"Saving of each member [{currency}]", names, [rule["members"] for rule in rules]),
        ]
    rows = []
    for name, rule in zip(names, rules, strict=True):
        rows.append((name, "as it stands", *_row(rule), ""))
        rows.append(("", "what if", *_row(rule["what_if"]), signed(rule["what_if"]["gain"])))
    changed = [rule["what_if"] for rule in rules]
    # The community's own account stands below its members'.
    gains = [each["gains"] | {"": each["community_gain"]} for each in changed]
    return [
        Section(title, ("rule", "", *figures, "gain"), rows, 2, (*files, *_said(tree["what_if"], first, currency))),
        _by_member(f"Saving of each member, what if [{currency}]", names, [each["members"] for each in changed]),
        _by_member(f"Gain of each member by the change [{currency}]", names, gains),
    ]


def _row(figures: Tree) -> tuple[str, ...]:
    return (
        number(figures["from_community_kwh"], 1),
        *(percent(figures[key]) for key in ("self_sufficiency", "self_consumption")),
        *(signed(figures[key]) for key in ("saving", "smallest", "largest")),
        number(figures["gini"], 4),
        signed(figures["community_received"]),
    )


def _by_member(title: str, names: Sequence[str], columns: Sequence[Tree]) -> Section:
    """An amount of each member under each rule; the name "" is the community's own account, and stands last."""
    members = sorted({name for column in columns for name in column if name})
    rows = [(name, *(signed(column.get(name)) for column in columns)) for name in members[:SHOWN]]
    hidden = len(members) - SHOWN
    more = (f"the first {SHOWN} members; {hidden} more are in --json",) if hidden > 0 else ()
    if "" in columns[0]:
        rows.append(("community", *(signed(column[""]) for column in columns)))
    return Section(title, ("member", *names), rows, 1, more)


# In words -------------------------------------------------------------------------------------------------------------
def _said(what_if: Tree, first: Tree, currency: str) -> tuple[str, ...]:
    """What is different, and how it was reckoned."""
    lines = [f"without {name}" for name in what_if["without"]]
    lines += [f"with {each['name']}, like {_like(each['factor'], each['like'])}" for each in what_if["with"]]
    if what_if["keys_scaled"]:
        lines.append("keys keep their proportions and sum to 100 again; a new member's is that of the one it is like")
    lines += [_roof(roof) for roof in what_if["roofs"]]
    if what_if["roofs"]:
        made, own = (number(what_if[key], 1) for key in ("roofs_kwh", "roofs_own_use_kwh"))
        lines.append(f"new roofs make {made} kWh, of which {own} are used behind the meter")
    if what_if["battery"] is not None:
        lines += _battery_lines(what_if["battery"], first, currency)
    lines.append("gain: what members pay less, and the community receives more; what the change costs is not counted")
    return tuple(lines)


def _like(factor: Decimal, what: str) -> str:
    return what if factor == 1 else f"{factor} times {what}"


def _roof(roof: Tree) -> str:
    if roof["like"] is None:
        return (
            f"a roof of {roof['peak_kw']} kW on {roof['member']}: a clear sky at 48 N 9 E, to the south, less clouds "
            "that are drawn, not those of the period"
        )
    made = _like(roof["factor"], f"what that of {roof['like']} does")
    return f"a roof on {roof['member']} that makes {made}"


def _battery_lines(battery: Tree, first: Tree, currency: str) -> list[str]:
    stored = first["what_if"]["battery"]
    worth = f"that is worth {number(stored['worth'])} {currency}"
    if battery["run"] == "hindsight":
        way = "run as one would have done who knew everything"
    else:
        way = "run without looking ahead, expecting days like those before"
        part, best = _part_of(stored["worth"], stored["worth_in_hindsight"]), number(stored["worth_in_hindsight"])
        reached = "" if part is None else f"{percent(part)} of "
        worth += f" ({reached}the best run in hindsight, {best} {currency})"
    return [
        f"a battery of {battery['energy_kwh']} kWh and {battery['power_kw']} kW that gives back "
        f"{percent(battery['efficiency'])} of what it takes, empty at first, {way}",
        f"under {first['rule']} it takes {number(stored['taken_kwh'], 1)} kWh, "
        f"{number(stored['from_community_kwh'], 1)} of it from the community, and gives "
        f"{number(stored['given_kwh'], 1)}, {number(stored['to_community_kwh'], 1)} of it to the community; "
        f"{number(stored['left_kwh'], 1)} kWh are left in it; {worth}",
    ]


def _part_of(part: Decimal, whole: Decimal) -> Decimal | None:
    """part / whole of two amounts, with four decimals; None where there is no whole, or less than nothing of it."""
    return None if whole <= 0 or part < 0 else (part / whole).quantize(Decimal("0.0001"))
