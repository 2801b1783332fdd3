"""Running a scenario from its first interval to its last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Literal

from voltadesk.engine.exchange import Exchange
from voltadesk.engine.tables import Conditions, Table
from voltadesk.errors import BadInput
from voltadesk.scenario.bidding import Bidding
from voltadesk.scenario.model import Scenario
from voltadesk.scenario.world import World

CELLS_PER_CHUNK = 1 << 18  # homes x intervals prepared at a time: a few MB, whatever the size of the market

Without = Literal["fleet", "community", "solar", "flexible", "upstream"]
WITHOUT: tuple[Without, ...] = ("fleet", "community", "solar", "flexible", "upstream")


def without(scenario: Scenario, part: Without) -> Scenario:
    """The same scenario without one of its parts. Raises BadInput where it has no such part."""
    change: dict[str, object]
    if part == "fleet":
        present, change = bool(scenario.fleet), {"fleet": []}
    elif part == "community":
        present = scenario.community.rule != "none"
        change = {"community": with_community(scenario, "none").community}
    elif part == "upstream":
        present, change = scenario.upstream is not None, {"upstream": None}
    elif part == "solar":
        present = any(group.solar for group in scenario.homes) or any(
            plant.kind == "solar" for plant in scenario.plants
        )
        change = {
            "homes": [group.model_copy(update={"solar": None}) for group in scenario.homes],
            "plants": [plant for plant in scenario.plants if plant.kind != "solar"],
        }
    else:
        present = any(group.flexible for group in scenario.homes)
        change = {"homes": [group.model_copy(update={"flexible": None}) for group in scenario.homes]}
    if not present:
        raise BadInput("compare-without", part, f"the scenario {scenario.name} has none")
    return scenario.model_copy(update=change)


def with_community(scenario: Scenario, rule: str) -> Scenario:
    """The same scenario with another rule for its community."""
    return scenario.model_copy(update={"community": scenario.community.model_copy(update={"rule": rule})})


def communities(scenario: Scenario) -> tuple[str, ...]:
    """The rules to compare: no community, a pool (the scenario's own, if it has one), the order book.

    Raises BadInput where no home is in the community.
    """
    if not any(group.in_community for group in scenario.homes):
        raise BadInput("compare", None, f"the scenario {scenario.name} has no homes in a community")
    own = scenario.community.rule
    return "none", "mid-market" if own in ("none", "continuous") else own, "continuous"


def replay(
    world: World,
    *,
    intervals: int | None = None,
    threads: int = 1,
    on_trades: Callable[[Table], None] | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Exchange:
    """Run a world's market and return it.

    `intervals` stops early; with two `threads` the next chunk's conditions are drawn while one is run, which changes
    no result. `on_trades` gets the receipts of each chunk, `on_progress` the intervals done so far.
    """
    exchange = world.exchange(keep_trades=on_trades is not None)
    count = world.grid.count if intervals is None else min(intervals, world.grid.count)
    bidding = Bidding(world)
    for conditions in _chunks(world, count, threads, is_single=bidding.is_needed):
        if bidding.is_needed:
            bidding.place(exchange, conditions)
        trades = exchange.advance(conditions)
        if bidding.is_needed:
            bidding.learn(exchange)
        if on_trades is not None:
            on_trades(trades)
        if on_progress is not None:
            on_progress(exchange.next_interval)
    return exchange


def _chunks(world: World, count: int, threads: int, *, is_single: bool) -> Iterator[Conditions]:
    """The conditions of all intervals in order, a chunk or a single one at a time."""
    length = 1 if is_single else max(1, min(4_096, CELLS_PER_CHUNK // max(len(world.home_group), 1)))
    spans = [(first, min(length, count - first)) for first in range(0, count, length)]
    with ThreadPoolExecutor(1) if threads > 1 else nullcontext() as pool:
        if pool is None:
            yield from (world.conditions(*span) for span in spans)
            return
        ahead = pool.submit(world.conditions, *spans[0])
        for span in spans[1:]:
            ready, ahead = ahead.result(), pool.submit(world.conditions, *span)
            yield ready
        yield ahead.result()
