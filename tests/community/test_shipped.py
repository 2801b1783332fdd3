"""Where a community's files are found: by name, or in a folder of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.community import PRICES, house, member
from voltadesk.community.rules import read_rules
from voltadesk.community.shipped import find_folder_rules, meters_beside, shipped_communities
from voltadesk.errors import BadInput


def test_what_is_shipped_is_found_by_its_name() -> None:
    assert shipped_communities() == ["flats", "village"]
    for name in shipped_communities():
        path = find_folder_rules(Path(name))
        assert [each.name for each in meters_beside(path, read_rules(path))] == ["meters.csv"]


def test_a_folder_has_its_rules_and_beside_them_its_meters(tmp_path: Path) -> None:
    for name in ("b.csv", "A.PARQUET", "spot.csv", "notes.txt", "rules.toml"):
        (tmp_path / name).write_text("")
    (tmp_path / "june").mkdir()
    (tmp_path / "june" / "payments.csv").write_text("")
    indexed = PRICES.replace("price = 300.00", 'index = { file = "spot.csv" }')
    path = find_folder_rules(tmp_path)
    assert path.name == "rules.toml"
    found = meters_beside(path, house(member("a"), rest=indexed))
    assert [each.name for each in found] == ["A.PARQUET", "b.csv"]
    (tmp_path / "community.toml").write_text("")
    assert find_folder_rules(tmp_path).name == "community.toml"


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"must be a folder with community.toml or rules.toml .* flats, village"):
        find_folder_rules(tmp_path)
    (tmp_path / "rules.toml").write_text("")
    with pytest.raises(BadInput, match="has no meter file"):
        meters_beside(tmp_path / "rules.toml", house(member("a")))
