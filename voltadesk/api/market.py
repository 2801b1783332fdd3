"""`voltadesk.replay`: a scenario's market from its first interval to its last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from os import PathLike
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from voltadesk.api.series import path_of
from voltadesk.engine import arguments
from voltadesk.engine.tables import TRADE, Table
from voltadesk.errors import BadInput
from voltadesk.report.summary import Tree, summarise
from voltadesk.scenario.model import Scenario, numbered
from voltadesk.scenario.read import check_scenario, find_scenario, read_scenario
from voltadesk.scenario.replay import WITHOUT, Without
from voltadesk.scenario.replay import replay as run
from voltadesk.scenario.replay import without as without_part
from voltadesk.scenario.world import World

Trader = Literal["rolling", "day-ahead", "dual"]


@dataclass(frozen=True, eq=False)
class Replayed:
    """A market of H homes, P plants and B batteries that was run for n intervals.

    The tables are NumPy records as `engine.tables` has them: every field an int64 with its unit in its name, missing
    prices NO_PRICE_TICK. Those of participants hold their totals.
    """

    figures: Tree  # what --json writes; docs/report.md
    digest: str  # SHA-256 over all results
    start_utc: NDArray[np.int64]  # (n,) begin of each interval [s]
    intervals: Table  # (n,) INTERVAL
    homes: Table  # (H,) HOME
    plants: Table  # (P,) PLANT
    batteries: Table  # (B,) BATTERY
    accounts: Table  # (1,) ACCOUNTS: operator, broker, network, levies, reserve, upstream
    plant_output_wh: NDArray[np.int64]  # (n, P)
    battery_rows: Table  # (n, B) BATTERY_ROW
    trades: Table  # TRADE: a receipt for each trade, if they were asked for
    home_names: tuple[str, ...]
    plant_names: tuple[str, ...]
    battery_names: tuple[str, ...]


def replay(
    scenario: str | PathLike[str] | Mapping[str, Any] = "quickstart",
    *,
    seed: int | None = None,
    until: str | None = None,
    without: Without | None = None,
    strategy: Trader | None = None,
    trades: bool = False,
    threads: int = 1,
) -> Replayed:
    """Run a scenario's market, as `voltadesk headless replay` does.

    scenario  a TOML file, the name of one that is shipped, or a tree of keys as `docs/scenarios.md` has them; files
              that a tree names are looked for in the working folder
    seed      another one than the scenario's
    until     stop there: a time on the scenario's clock such as "2026-05-27"
    without   leave out a part: "fleet", "community", "solar", "flexible" or "upstream"
    strategy  all batteries by it: "rolling", "day-ahead" or "dual"
    trades    keep a receipt for each trade
    threads   1 or 2; with 2 the next intervals are drawn meanwhile. The results are the same

    Raises BadInput, and CheckFailed should energy or money not balance.
    """
    arguments.texts(until=until)
    model, folder, place = _read(scenario)
    if seed is not None:
        model = model.with_seed(str(arguments.number("seed", seed, 0, (1 << 64) - 1)))
    if strategy is not None:
        model = model.with_strategy(arguments.one_of("strategy", strategy, get_args(Trader)))  # type: ignore[arg-type]
    if without is not None:
        model = without_part(model, arguments.one_of("without", without, WITHOUT))  # type: ignore[arg-type]
    try:
        world = World(model, folder)
    except BadInput as error:
        raise error.at(place) from None
    intervals = None if until is None else world.intervals_until(until)
    receipts: list[Table] = []
    exchange = run(
        world,
        intervals=intervals,
        threads=arguments.number("threads", threads, 1, 2),
        on_trades=receipts.append if trades else None,
    )
    figures, count = summarise(world, exchange), exchange.next_interval
    return Replayed(
        figures,
        figures["digest"],
        world.grid.starts_utc[:count],
        exchange.intervals[:count],
        exchange.homes,
        exchange.plants,
        exchange.batteries,
        exchange.accounts,
        exchange.plant_output_wh[:count],
        exchange.battery_rows[:count],
        np.concatenate(receipts) if receipts else np.zeros(0, TRADE),
        tuple(numbered(model.homes)),
        tuple(plant.name for plant in model.plants),
        tuple(numbered(model.fleet)),
    )


def _read(scenario: str | PathLike[str] | Mapping[str, Any]) -> tuple[Scenario, Path, str]:
    """A scenario, the folder of its files, and what errors call it."""
    if isinstance(scenario, Mapping):
        return check_scenario(_exact(dict(scenario)), "scenario"), Path(), "scenario"
    path = find_scenario(str(path_of("scenario", scenario)))
    return read_scenario(path), path.parent, path.name


def _exact(value: Any) -> Any:
    """A tree with numbers as they are written: 0.1 is a tenth, not the float that is near it."""
    if isinstance(value, Mapping):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(item) for item in value]
    if isinstance(value, np.generic):
        return _exact(value.item())
    return Decimal(repr(value)) if isinstance(value, float) else value
