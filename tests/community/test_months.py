"""A year of the shipped communities: month by month it is what it is at once, and what it was when it was checked."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.commands import call
from voltadesk.clock import local_midnight_utc, time_zone
from voltadesk.community.energy import Registers, energy_of, grid_of
from voltadesk.community.rules import Rule, read_rules
from voltadesk.community.settlement import Settlement, settle
from voltadesk.community.shipped import find_meters, find_rules
from voltadesk.community.tariffs import Tariffs
from voltadesk.feeds.meter_files import read_meter_file


def periods(done: str) -> list[Any]:
    found: list[Any] = json.loads(done, parse_float=Decimal, parse_int=Decimal)["periods"]
    return found


@pytest.mark.parametrize("name", ["flats", "village"])
def test_months_by_themselves_are_those_of_the_whole(tmp_path: Path, name: str) -> None:
    """As one file or as one for each month, whose lines are another's."""
    whole = call("community", "settle", name, "--rules", name, "--from", "2026-02", "--to", "2026-04", "--json")
    header, *rows = find_meters(Path(name)).read_text().splitlines(keepends=True)
    files = []
    for month in ("02", "03", "04"):
        files.append(tmp_path / f"{month}.csv")
        files[-1].write_text("".join([header, *(row for row in rows if row[5:7] == month)]))
    parts = [
        period
        for month, file in zip(("2026-02", "2026-03", "2026-04"), files, strict=True)
        for period in periods(call("community", "settle", file, "--rules", name, "--from", month, "--json").out)
    ]
    assert periods(whole.out) == parts
    several = call("community", "settle", *files, "--rules", name, "--from", "2026-02", "--to", "2026-04", "--json")
    assert periods(several.out) == parts


def test_shares_are_the_same_however_many_rows_are_made_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("community", "settle", "flats", "--rules", "flats", "--from", "2026-03-28", "--to", "2026-03-29", "--out")
    assert call(*words, tmp_path / "all").code == 0
    monkeypatch.setattr("voltadesk.report.community_files.SHARES_AT_ONCE", 300)
    assert call(*words, tmp_path / "few").code == 0
    written = [(tmp_path / folder / "shares-2026-03-28_2026-03-29.csv").read_text() for folder in ("all", "few")]
    assert written[0] == written[1]
    rows = list(csv.DictReader(written[0].splitlines()))
    assert len(rows) == 188 * 8
    assert rows == sorted(rows, key=lambda row: (row["member"], int(row["start_utc_s"])))


# What it was ----------------------------------------------------------------------------------------------------------
@cache
def registers_of(name: str) -> Registers:
    return Registers([read_meter_file(find_meters(Path(name)), "Europe/Vienna")])


def settlements(name: str, rule: Rule) -> Iterator[Settlement]:
    """Two months with a clock change, under a rule."""
    path = find_rules(Path(name))
    rules, registers = read_rules(path).under(rule), registers_of(name)
    zone = time_zone(rules.timezone)
    for month in (3, 10):
        grid = grid_of(rules, *(local_midnight_utc(date(2026, m, 1), zone) for m in (month, month + 1)))
        yield settle(rules, energy_of(rules, registers, grid), Tariffs(rules, grid, path.parent))


def digest(name: str, rule: Rule) -> str:
    """Of every watt-hour of every interval, and of all lines."""
    sums = hashlib.sha256()
    for done in settlements(name, rule):
        for array in (done.taken_wh, done.given_wh):
            sums.update(array.astype(np.int64).tobytes())
        for statement in done.statements:
            sums.update(repr((statement.name, statement.from_tier_wh, statement.to_tier_wh)).encode())
            for line in (*statement.lines, *statement.alone):
                sums.update(repr((line.item, line.detail, line.energy_wh, line.net_e8, line.tax_e8)).encode())
    return sums.hexdigest()[:16]


DIGESTS: dict[tuple[str, Rule], str] = {
    ("flats", "static"): "0d55049987ffc81e",
    ("flats", "dynamic"): "4e8fc3a4cd15e636",
    ("flats", "hybrid"): "e00ef59c7c5328e0",
    ("flats", "iterative"): "99c16cb7c72ef879",
    ("flats", "equal"): "e00ef59c7c5328e0",
    ("flats", "priority"): "4e8fc3a4cd15e636",
    ("flats", "book"): "184320166dc94da7",
    ("flats", "optimal"): "9af15e8a97d0f7cc",
    ("village", "static"): "657b184bc84ceb47",
    ("village", "dynamic"): "a65de34d887af3e4",
    ("village", "hybrid"): "85d66c87bc6f321f",
    ("village", "iterative"): "6000fad2fa0e7c73",
    ("village", "equal"): "85d66c87bc6f321f",
    ("village", "priority"): "a2b562f031c9805a",
    ("village", "book"): "4f310d2850f7c4fc",
    ("village", "optimal"): "0d4a845edc50baa4",
}


@pytest.mark.parametrize(("name", "rule"), DIGESTS)
def test_settlements_are_what_they_were(name: str, rule: Rule) -> None:
    assert digest(name, rule) == DIGESTS[name, rule]
