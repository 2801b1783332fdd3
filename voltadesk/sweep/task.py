"""One replay of a sweep: what a worker is sent, what it does and what it answers. It needs no file of its sender's."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from voltadesk import __version__
from voltadesk.desk.source import Source, file_names
from voltadesk.errors import VoltaDeskError, one_line
from voltadesk.report.summary import summarise
from voltadesk.scenario.read import check_scenario
from voltadesk.scenario.replay import replay
from voltadesk.scenario.world import World

LOST = "its worker ended without an answer: killed, or out of memory"


class Task(NamedTuple):
    """A scenario's tree, the files it may name, and the version of the program that is asked."""

    version: str
    tree: dict[str, Any]
    files: dict[str, bytes]


class Outcome(NamedTuple):
    """The figures of a replay, by the names of `FIGURES`, and its digest; or why there are none.

    `may_pass` tells that the same task may succeed when it is run again.
    """

    figures: dict[str, int | Decimal | None]
    digest: str = ""
    error: str = ""
    may_pass: bool = False


def version() -> str:
    """Of the program, where this is run."""
    return __version__


def run(task: Task) -> Outcome:
    """Replay the task's scenario. Never raises: what went wrong is told in the outcome."""
    if task.version != __version__:
        return Outcome({}, error=f"its worker has voltadesk {__version__}, not {task.version}", may_pass=True)
    try:
        scenario = check_scenario(task.tree, "")
        source = Source("", {name: task.files[name] for name in file_names(scenario)})
        with source.folder() as folder:
            world = World(source.on_disk(scenario), folder)
        tree = summarise(world, replay(world))
        return Outcome(figures_of(tree), tree["digest"])
    except VoltaDeskError as error:
        return Outcome({}, error=str(error))
    except Exception as error:  # a worker that runs out of memory or room tells so, and the sweep goes on
        return Outcome({}, error=one_line(f"{type(error).__name__}: {error}"), may_pass=True)


# Figures --------------------------------------------------------------------------------------------------------------
WHOLE = 0

# Column, its decimals, and where it stands in the tree of `summarise`; a star is every group's, summed.
FIGURES: tuple[tuple[str, int, tuple[str, ...]], ...] = (
    ("interval_count", WHOLE, ("scenario", "intervals")),
    ("home_count", WHOLE, ("scenario", "homes")),
    ("plant_count", WHOLE, ("scenario", "plants")),
    ("battery_count", WHOLE, ("scenario", "batteries")),
    ("price_mean_per_mwh", 2, ("price", "mean_per_mwh")),
    ("price_volume_weighted_mean_per_mwh", 2, ("price", "volume_weighted_mean_per_mwh")),
    ("price_median_per_mwh", 2, ("price", "median_per_mwh")),
    ("price_minimum_per_mwh", 2, ("price", "minimum_per_mwh")),
    ("price_maximum_per_mwh", 2, ("price", "maximum_per_mwh")),
    ("price_spread_p10_p90_per_mwh", 2, ("price", "spread_p10_p90_per_mwh")),
    ("price_negative_hours", 2, ("price", "negative_hours")),
    ("price_spike_hours", 2, ("price", "spike_hours")),
    ("intervals_without_trade", WHOLE, ("price", "intervals_without_trade")),
    ("load_served_mwh", 6, ("load", "served_mwh")),
    ("load_flexible_given_up_mwh", 6, ("load", "flexible_given_up_mwh")),
    ("load_shed_mwh", 6, ("load", "shed_mwh")),
    ("load_peak_kw", 3, ("load", "load_peak_kw")),
    ("load_factor", 4, ("load", "load_factor")),
    ("supply_peak_kw", 3, ("load", "supply_peak_kw")),
    ("supply_factor", 4, ("load", "supply_factor")),
    ("roofs_mwh", 6, ("energy_mwh", "sources", "roofs")),
    ("roofs_curtailed_mwh", 6, ("energy_mwh", "roofs_curtailed")),
    ("roofs_own_use_mwh", 6, ("energy_mwh", "roofs_own_use")),
    ("upstream_import_mwh", 6, ("energy_mwh", "sources", "upstream")),
    ("upstream_export_mwh", 6, ("energy_mwh", "uses", "upstream")),
    ("batteries_charged_mwh", 6, ("energy_mwh", "uses", "batteries")),
    ("batteries_discharged_mwh", 6, ("energy_mwh", "sources", "batteries")),
    ("batteries_losses_mwh", 6, ("energy_mwh", "battery_losses")),
    ("co2_kg", 9, ("emissions", "co2_kg")),
    ("co2_kg_per_mwh_served", 1, ("emissions", "co2_kg_per_mwh_served")),
    ("community_traded_mwh", 6, ("community", "traded_mwh")),
    ("community_share_of_load", 4, ("community", "share_of_load")),
    ("community_mean_price_per_mwh", 2, ("community", "mean_price_per_mwh")),
    ("auction_mwh", 6, ("market", "auction_mwh")),
    ("auction_welfare", 8, ("market", "welfare")),
    ("homes_received", 8, ("money", "received", "homes")),
    ("plants_received", 8, ("money", "received", "plants")),
    ("fleet_received", 8, ("money", "received", "fleet")),
    ("upstream_received", 8, ("money", "received", "upstream")),
    ("broker_received", 8, ("money", "received", "broker")),
    ("operator_received", 8, ("money", "received", "operator")),
    ("network_received", 8, ("money", "received", "network")),
    ("levies_received", 8, ("money", "received", "levies")),
    ("reserve_received", 8, ("money", "received", "reserve")),
    ("fleet_wear", 8, ("fleet", "*", "wear")),
    ("fleet_margin_after_wear", 8, ("fleet", "*", "margin_after_wear")),
)


def figures_of(tree: dict[str, Any]) -> dict[str, int | Decimal | None]:
    """The figures of a sweep's row from the tree of a run's report; None where there is none, as of a price."""
    return {name: _figure(tree, path) for name, _, path in FIGURES}


def _figure(tree: Any, path: tuple[str, ...]) -> Any:
    for n, step in enumerate(path):
        if step == "*":
            return sum((_figure(group, path[n + 1 :]) for group in tree), Decimal(0))
        tree = tree.get(step)
    return tree
