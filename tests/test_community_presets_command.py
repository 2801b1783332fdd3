"""`voltadesk community presets`, and a settlement that cites the preset it was made by."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.commands import call, refusal
from voltadesk.community.presets import preset_names

RULES = """
version = 1
name = "house"
preset = "cz-sharing"
[prices]
buyer = "sun"
seller = "sun"
supply = "retail"
[[tariffs]]
name = "retail"
price = 3000.00
[[tariffs]]
name = "sun"
price = 1500.00
[[members]]
name = "anna"
[[members]]
name = "roof"
shared = true
"""


def test_all_presets_with_their_sources() -> None:
    done = call("community", "presets")
    assert (done.code, done.err) == (0, "")
    found = json.loads(call("community", "presets", "--json").out)
    assert [preset["name"] for preset in found["presets"]] == preset_names()
    for preset in found["presets"]:
        assert preset["title"] in done.out
        assert preset["read"] in done.out
        assert preset["sources"][0]["url"][:60] in done.out


def test_all_of_one_preset() -> None:
    done = call("community", "presets", "at-eeg")
    assert done.code == 0
    for said in ("43 % of grid-fee", "the rules static, dynamic", "Not verified", "under the ElWG"):
        assert said in done.out
    (preset,) = json.loads(call("community", "presets", "at-eeg", "--json").out)["presets"]
    assert preset["sets"]["sharing"] == {"rule": "dynamic"}
    assert preset["sets"]["tariffs"][0] == {"name": "grid-fee-local", "share": {"of": "grid-fee", "percent": 43}}
    assert "preset = xx: must be one of at-eeg" in refusal(call("community", "presets", "xx"))


def test_a_settlement_cites_its_preset(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES)
    start = datetime(2025, 12, 31, 23, tzinfo=UTC)
    rows = [f"{start + timedelta(minutes=15 * n):%Y-%m-%dT%H:%MZ},100,200" for n in range(96)]
    (tmp_path / "meters.csv").write_text("\n".join(["time,anna import Wh,roof export Wh", *rows]) + "\n")
    words = ("settle", tmp_path / "meters.csv", "--rules", tmp_path / "rules.toml", "--from", "2026-01-01")
    said = call("community", *words).out
    assert "sharing community: iterative" in said
    assert "preset cz-sharing: Vyhláška č. 408/2015 Sb." in said
    community = json.loads(call("community", *words, "--json").out)["community"]
    assert (community["currency"], community["timezone"]) == ("CZK", "Europe/Prague")
    assert community["preset"]["name"] == "cz-sharing"
    assert community["preset"]["read"] == "2026-11-21"
    assert all(url.startswith("https://") for url in community["preset"]["sources"])
    plain = RULES.replace('preset = "cz-sharing"\n', "")
    (tmp_path / "rules.toml").write_text(plain.replace('name = "house"', 'name = "house"\ntimezone = "Europe/Prague"'))
    assert json.loads(call("community", *words, "--json").out)["community"]["preset"] is None
