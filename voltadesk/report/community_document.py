"""A community's figures laid out for people: the manager's report, a member's statement, rules side by side."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from voltadesk.report.community_correction import differences, what_it_corrects
from voltadesk.report.community_figures import FLOW_NAMES
from voltadesk.report.community_presets import cited_lines
from voltadesk.report.document import NO_DATA, Section, number, percent, signed
from voltadesk.report.summary import Tree

SHOWN = 60  # members, registers and faults that people are shown
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
    head = f"{community['interval_minutes']} minutes, {community['timezone']}; sharing {rules}"
    text = (head, *cited_lines(community["preset"]), *_files(tree))
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
        f"members save {number(period['saving'])} {currency} together{_shared_saving(period, currency)}; "
        f"payments leave {number(period['rounding'], 4)} {currency} to the community by rounding to cents",
        *_bank(period, currency),
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
        *_corrected(period, currency),
        Section(f"{period['period']}: who received (+) and paid (−)", ("party", currency), accounts),
    ]


def _shared_saving(period: Tree, currency: str) -> str:
    """What shared plants save beside the members, which is the community's."""
    shared = [member["saving"] for member in period["members"] if member["payable"] is None]
    return f", shared plants {number(sum(shared))} more for the community" if shared else ""


def _corrected(period: Tree, currency: str) -> list[Section]:
    """Whose bill is another one than before."""
    members = [m for m in period["members"] if m["energy_kwh_before"] is not None]
    if not members:
        return []
    rows = [
        (
            member["name"],
            member["statement"] or NO_DATA,
            member["corrects"] or NO_DATA,
            number(member["billed_before"], 4),
            number(member["billed"], 4),
            signed(member["billed"] - member["billed_before"], 4),
            signed(member["payable"]),
        )
        for member in members[:SHOWN]
    ]
    before, now, payable = (
        sum((member[key] or Decimal(0) for member in members), Decimal(0))
        for key in ("billed_before", "billed", "payable")
    )
    rows.append(("sum", "", "", number(before, 4), number(now, 4), signed(now - before, 4), signed(payable)))
    hidden = len(members) - SHOWN
    more = (f"the first {SHOWN} members; {hidden} more are in the files and in --json",) if hidden > 0 else ()
    columns = ("member", "statement", "corrects", f"billed before {currency}", "now", "difference", "payable")
    return [Section(f"{period['period']}: corrected", columns, rows, 3, more)]


def _bank(period: Tree, currency: str) -> tuple[str, ...]:
    """What is in the files for the bank, and who has to pay or to be paid otherwise."""
    if period["bank"] is None:
        return ()
    told = []
    for key, noun in (("collect", "direct debits"), ("pay_out", "credit transfers")):
        order = period["bank"][key]
        if order["payments"]:
            where = f" in {order['file']}, due {period['bank']['due']}" if order["file"] else ""
            told.append(f"{noun}{where}: {order['payments']:,}, sum {number(order['amount'])} {currency}")
        if order["left_out_payments"]:
            why = {"collect": "no mandate", "pay_out": "no IBAN"}[key]
            names = [f"{row['member']} {number(row['amount'])}" for row in period["payments"] if row["by"] == why]
            hidden = [f"and {len(names) - SHOWN:,} more"] if len(names) > SHOWN else []
            told.append(
                f"in no file for the bank, as there is {why}: {len(names):,}, "
                f"sum {number(order['left_out_amount'])} {currency}: {', '.join(names[:SHOWN] + hidden)}"
            )
    return tuple(told)


def statement_sections(tree: Tree, period: Tree, member: Tree) -> list[Section]:
    """A member's statement, or the account of a shared plant."""
    community = tree["community"]
    currency, name = community["currency"], member["title"] or member["name"]
    used = {label: member["energy_kwh"][key] for key, label in FLOW_NAMES.items()}
    energy = [(label, "not metered" if amount is None else number(amount, 3)) for label, amount in used.items()]
    parts = [
        Section(
            f"Statement {member['statement']}" if member["statement"] else f"Account of {name}",
            text=(
                f"{community['title'] or community['name']}: {name}, {period['period']} "
                f"({period['start']} to {period['end']})",
                *membership(member),
                *what_it_corrects(member, currency),
                *((f"Issued {period['issued']}.",) if period["issued"] else ()),
                _result(member, currency),
                *payment_text(member),
            ),
        ),
        *differences(member, currency),
        Section("Energy", ("", "kWh"), energy + near_rows(member), 1, estimated(member)),
        *line_tables(member, currency),
    ]
    return [part for part in parts if part.rows or part.text] + [
        Section("Saving", text=(saving_text(member, currency),))
    ]


def near_rows(member: Tree) -> list[tuple[str, str]]:
    """What was moved, by nearness [kWh]."""
    return [
        (f"{way}, {NEARNESS[tier]}", number(amount, 3))
        for way, key in (("from the community", "from_community_kwh"), ("to the community", "to_community_kwh"))
        for tier, amount in member[key].items()
        if amount
    ]


def line_tables(member: Tree, currency: str) -> list[Section]:
    """The lines of a statement by who bills them, and what they would be without the community."""
    return [
        _lines("Billed by the community", [n for n in member["lines"] if n["billed"]], currency),
        _lines("Billed by others", [n for n in member["lines"] if not n["billed"]], currency),
        _lines("Without the community", member["without_community"], currency),
    ]


def saving_text(member: Tree, currency: str) -> str:
    """What the member has of the community, in a sentence."""
    return (
        f"With the community {number(member['cost'])} {currency}, without it "
        f"{number(member['cost_without_community'])} {currency}: a saving of {number(member['saving'])} {currency}."
    )


def membership(member: Tree) -> tuple[str, ...]:
    """From when to when it is a member, where that is bounded."""
    days = [f"{word} {member[key]}" for key, word in (("joined", "from"), ("left", "until before")) if member[key]]
    return (f"A member {' '.join(days)}.",) if days else ()


def _result(member: Tree, currency: str) -> str:
    payable = member["payable"]
    if payable is None:
        return "This plant is the community's: what it costs and earns is on the community's own account."
    if payable == 0 and member["corrects"] is not None:
        return "Nothing is to be paid or comes back: figures have changed, but not what is due."
    return f"{due_words(member)}: {number(abs(payable))} {currency}."


def due_words(member: Tree) -> str:
    """What the amount payable is to the member, of a first statement and of one that corrects another."""
    if member["corrects"] is None:
        return "You get" if member["payable"] < 0 else "To pay"
    if member["payable"] < 0:
        return "Comes back to you" if member["payable_before"] > 0 else "You get more"
    return "To pay back" if member["payable_before"] < 0 else "Still to pay"


def payment_text(member: Tree) -> tuple[str, ...]:
    """How and when it is paid; what a direct debit is announced by."""
    payment = member["payment"]
    if payment is None:
        return ()
    if payment["by"] == "no IBAN":
        return ("We know no account of yours to pay it to: please tell us an IBAN.",)
    iban = " ".join(payment["iban"][n : n + 4] for n in range(0, len(payment["iban"]), 4))
    on, by = (f" {word} {payment['due']}" if payment["due"] else "" for word in ("on", "by"))
    return {
        "direct debit": (
            f"We collect it{on} from {payment['iban']} by SEPA direct debit, "
            f"mandate {payment['mandate']}, creditor identifier {payment['creditor_id']}.",
        ),
        "no mandate": (f"Please pay it{by} to {payment['holder']}, IBAN {iban}, reference {member['statement']}.",),
        "credit transfer": (f"We pay it{on} to {payment['iban']}.",),
    }[payment["by"]]


def estimated(member: Tree) -> tuple[str, ...]:
    """How many intervals were estimated, if any."""
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
    files = Section("Meter files", columns if rows else (), rows, 4, _files(tree))
    check = Section("Check", text=(said, *faults[:SHOWN], *more, *tree["notes"]))
    return [files, check] if tree["files"] else [check]
