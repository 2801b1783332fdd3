"""Where a desk's market comes from: the text of a scenario and the files it names, kept by their content."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from voltadesk.errors import BadInput
from voltadesk.feeds.meters import Meter, read_meter
from voltadesk.feeds.prices.series import read_series
from voltadesk.feeds.prices.shelf import find_prices
from voltadesk.feeds.series import Series
from voltadesk.scenario.model import Scenario
from voltadesk.scenario.read import parse_scenario

TEXT_LIMIT = 48_000  # characters: the founding command carries the text
FILE_LIMIT = 200_000_000  # bytes of all files together


class Source(NamedTuple):
    """A scenario's TOML, and the files it names by the names it has for them."""

    text: str
    files: dict[str, bytes]

    @classmethod
    def gather(cls, path: Path) -> Source:
        """A scenario's file with what belongs to it. Raises BadInput when one is missing or too large."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise BadInput("scenario", str(path), "must be a text file that can be read") from None
        if len(text) > TEXT_LIMIT:
            raise BadInput("scenario", f"{len(text)} characters", f"must have at most {TEXT_LIMIT}", path.name)
        files, scenario = {}, parse_scenario(text, path.name)
        prices = scenario.upstream.prices if scenario.upstream is not None else None
        for name in file_names(scenario):
            is_price = prices is not None and prices.file == name
            try:
                files[name] = (find_prices(name, path.parent) if is_price else path.parent / name).read_bytes()
            except OSError:
                raise BadInput("file", name, "must be a file that can be read", path.name) from None
        if sum(map(len, files.values())) > FILE_LIMIT:
            raise BadInput("files", f"{sum(map(len, files.values()))} bytes", f"must have at most {FILE_LIMIT}")
        return cls(text, files)

    def scenario(self) -> Scenario:
        """What the text says. Raises BadInput."""
        return parse_scenario(self.text, "scenario")

    def hashes(self) -> dict[str, str]:
        """SHA-256 of each file, as hexadecimal text."""
        return {name: sha256(body).hexdigest() for name, body in sorted(self.files.items())}

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A folder with the files under plain names, as long as it is needed, for readers that want paths."""
        with tempfile.TemporaryDirectory(prefix="voltadesk-") as made:
            for name, plain in self.plain_names().items():
                (Path(made) / plain).write_bytes(self.files[name])
            yield Path(made)

    def plain_names(self) -> dict[str, str]:
        """A name without folders for each file; its ending is kept, as readers go by it."""
        return {name: f"file-{n}{Path(name).suffix}" for n, name in enumerate(sorted(self.files))}

    def on_disk(self, scenario: Scenario) -> Scenario:
        """The scenario with its files named as they are in `folder`."""
        plain = self.plain_names()
        change: dict[str, object] = {}
        if scenario.upstream is not None and scenario.upstream.prices is not None:
            prices = scenario.upstream.prices
            prices = prices.model_copy(update={"file": plain[prices.file]})
            change["upstream"] = scenario.upstream.model_copy(update={"prices": prices})
        change["homes"] = [
            group
            if group.meter is None
            else group.model_copy(update={"meter": group.meter.model_copy(update={"file": plain[group.meter.file]})})
            for group in scenario.homes
        ]
        return scenario.model_copy(update=change)


def file_names(scenario: Scenario) -> list[str]:
    """The files that a scenario names, sorted."""
    names = {group.meter.file for group in scenario.homes if group.meter is not None}
    if scenario.upstream is not None and scenario.upstream.prices is not None:
        names.add(scenario.upstream.prices.file)
    return sorted(names)


class Feed(NamedTuple):
    """A file that the market takes something of the outside from, and how far it goes."""

    name: str
    what: str
    start_utc: int
    end_utc: int
    step_s: int
    notes: tuple[str, ...]  # what was done to it in reading
    fault: str = ""  # why it can't be read


def feeds(source: Source) -> list[Feed]:
    """The files of a scenario, read anew."""
    named, found = source.scenario(), list[Feed]()
    with source.folder() as folder:
        scenario = source.on_disk(named)
        if scenario.upstream is not None and scenario.upstream.prices is not None and named.upstream is not None:
            given = scenario.upstream.prices
            read = partial(read_series, folder / given.file, column=given.column, timezone=given.timezone,
                           rounding=given.rounding)  # fmt: skip
            assert named.upstream.prices is not None
            found.append(_feed(named.upstream.prices.file, "prices of the grid above", read))
        for was, group in zip(named.homes, scenario.homes, strict=True):
            if group.meter is not None and was.meter is not None:
                meter = group.meter
                read_one = partial(read_meter, folder / meter.file, load_column=meter.load, solar_column=meter.solar,
                                   unit=meter.unit, kind=meter.kind, timezone=meter.timezone)  # fmt: skip
                found.append(_feed(was.meter.file, f"meter of {group.name}", read_one))
    return found


def _feed(name: str, what: str, read: Callable[[], Series | Meter]) -> Feed:
    try:
        series = read()
    except BadInput as error:
        return Feed(name, what, 0, 0, 0, (), str(error))
    return Feed(name, what, series.start_utc, series.end_utc, series.step_s, series.notes)
