"""The combinations of a sweep, each checked before any is run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

from voltadesk import __version__
from voltadesk.desk.source import FILE_LIMIT, Source, file_names
from voltadesk.errors import BadInput
from voltadesk.scenario.model import Scenario
from voltadesk.scenario.read import check_scenario, parse_toml, read_text
from voltadesk.scenario.world import World
from voltadesk.sweep.overrides import Tree, changed, places
from voltadesk.sweep.parameters import Parameter, Value
from voltadesk.sweep.task import Task


class Grid:
    """A scenario and all combinations of some parameters' values, the last parameter's values changing fastest.

    Files that the scenarios name are read once, by `check`, so that all combinations see the same.
    """

    def __init__(self, path: Path, parameters: Sequence[Parameter]) -> None:
        self.path, self.parameters = path, tuple(parameters)
        text = read_text(path, "scenario")
        self.scenario_sha256 = sha256(text.encode()).hexdigest()
        self.tree = parse_toml(text, path.name)
        self.scenario = check_scenario(self.tree, path.name)
        self._places = places(self.tree, self.parameters)
        self.combinations: list[tuple[Value, ...]] = list(product(*(parameter.values for parameter in parameters)))
        self.files: dict[str, bytes] = {}

    def check(self, on_checked: Callable[[int], None]) -> None:
        """Make every combination's scenario, and read its files. Raises BadInput for the first that can't be run."""
        readings: set[str] = set()
        for n in range(len(self.combinations)):
            try:
                scenario = check_scenario(self._tree_of(n), "")
                # What a file has to hold hangs on these alone: the days, and what is to be read from it.
                reading = repr((scenario.time, scenario.upstream, [group.meter for group in scenario.homes]))
                if reading not in readings:
                    readings.add(reading)
                    self._read_files(scenario)
            except BadInput as error:
                raise error.at(f"{self.path.name} with {self.told(n)}") from None
            on_checked(n + 1)

    def _read_files(self, scenario: Scenario) -> None:
        for name in file_names(scenario):
            if name not in self.files:
                try:
                    self.files[name] = (self.path.parent / name).read_bytes()
                except OSError as error:
                    raise BadInput("file", name, (error.strerror or "can't be read").lower()) from None
        if sum(map(len, self.files.values())) > FILE_LIMIT:
            raise BadInput("files", None, f"must have at most {FILE_LIMIT:,} bytes together")
        World(scenario, self.path.parent, count=1)

    def _tree_of(self, n: int) -> Tree:
        return changed(self.tree, self.parameters, self._places, self.combinations[n])

    def told(self, n: int) -> str:
        """A combination's parameters for people."""
        pairs = zip(self.parameters, self.combinations[n], strict=True)
        return ", ".join(f"{parameter.key} = {value.text}" for parameter, value in pairs)

    def task(self, n: int) -> Task:
        """What is to be done for a combination."""
        return Task(__version__, self._tree_of(n), self.files)

    def cells(self, n: int) -> dict[str, Any]:
        """A combination's parameters as a table holds them."""
        pairs = zip(self.parameters, self.combinations[n], strict=True)
        return {parameter.key: value.cell for parameter, value in pairs}

    def identity(self) -> dict[str, Any]:
        """What results hang on: two sweeps of the same identity have the same results. After `check`."""
        return {
            "voltadesk": __version__,
            "scenario": self.scenario_sha256,
            "files": Source("", self.files).hashes(),
            "parameters": [[key, *(value.text for value in values)] for key, values in self.parameters],
        }
