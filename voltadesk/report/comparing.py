"""Runs of a scenario side by side: with and without one of its parts, and under several rules of its community."""

from __future__ import annotations

from decimal import Decimal

from voltadesk.report.summary import Tree

COMPARED = (
    ("price mean [per MWh]", ("price", "mean_per_mwh")),
    ("price spread P10-P90 [per MWh]", ("price", "spread_p10_p90_per_mwh")),
    ("price maximum [per MWh]", ("price", "maximum_per_mwh")),
    ("price minimum [per MWh]", ("price", "minimum_per_mwh")),
    ("intervals without a price", ("price", "intervals_without_trade")),
    ("negative hours", ("price", "negative_hours")),
    ("spike hours", ("price", "spike_hours")),
    ("load peak [kW]", ("load", "load_peak_kw")),
    ("supply peak [kW]", ("load", "supply_peak_kw")),
    ("load served [MWh]", ("load", "served_mwh")),
    ("load shed [MWh]", ("load", "shed_mwh")),
    ("flexible load given up [MWh]", ("load", "flexible_given_up_mwh")),
    ("roofs curtailed [MWh]", ("energy_mwh", "roofs_curtailed")),
    ("CO2 [kg]", ("emissions", "co2_kg")),
)


def compare(run: Tree, other: Tree, part: str) -> Tree:
    """What a part changed: each figure with it, without it, and the difference."""

    def line(name: str, has: Decimal | None, lacks: Decimal | None) -> Tree:
        change = None if has is None or lacks is None else has - lacks
        return {"figure": name, "with": has, "without": lacks, "change": change}

    lines = [line(name, run[a].get(b), other[a].get(b)) for name, (a, b) in COMPARED]
    bills = {home["name"]: home["bill"] for home in other["homes"]}
    lines += [line(f"bill of {home['name']}", home["bill"], bills[home["name"]]) for home in run["homes"]]
    lines += [
        line(f"balance of {name}", amount, other["money"]["received"][name])
        for name, amount in run["money"]["received"].items()
        if name != "homes"
    ]
    return {"without": part, "figures": lines, "digest_without": other["digest"]}


COMMUNITIES_COMPARED = (
    ("traded in the community [MWh]", ("community", "traded_mwh")),
    ("share of the load", ("community", "share_of_load")),
    ("welfare of that", ("community", "welfare")),
    ("most it could have been", ("community", "possible_welfare")),
    ("efficiency", ("community", "efficiency")),
    ("community price [per MWh]", ("community", "trade_price_per_mwh")),
    ("its equilibrium [per MWh]", ("community", "equilibrium_price_per_mwh")),
    ("Smith's alpha", ("community", "smith_alpha")),
    ("dispersion in an interval [per MWh]", ("community", "dispersion_per_mwh")),
    *COMPARED,
)


def compare_communities(runs: dict[str, Tree]) -> Tree:
    """Runs of one scenario under several rules of its community, side by side."""

    def line(name: str, figures: list[Decimal | None]) -> Tree:
        return {"figure": name, **dict(zip(runs, figures, strict=True))}

    lines = [line(name, [run[a].get(b) for run in runs.values()]) for name, (a, b) in COMMUNITIES_COMPARED]
    homes = [{home["name"]: home["bill"] for home in run["homes"]} for run in runs.values()]
    lines.append(line("bill of all homes", [sum(bills.values(), Decimal(0)) for bills in homes]))
    lines += [line(f"bill of {name}", [bills[name] for bills in homes]) for name in homes[0]]
    money = [run["money"]["received"] for run in runs.values()]
    lines += [line(f"balance of {name}", [each[name] for each in money]) for name in money[0] if name != "homes"]
    return {"rules": list(runs), "figures": lines, "digests": {rule: run["digest"] for rule, run in runs.items()}}
