"""Presets of national schemes: each cites what it is from, and one example worked by hand shows what it does."""

from __future__ import annotations

from datetime import date

import pytest

from tests.community import PRICES, house, member, settled
from voltadesk.community.presets import find_preset, preset_names
from voltadesk.community.rules import Community
from voltadesk.errors import BadInput

GRID_FEE = '[[tariffs]]\nname = "grid-fee"\nprice = 100.00\n'
HOMES = [member("anna"), member("ben"), member("carla"), member("roof", "shared = true")]
KEYS = "keys = [{ percent = { anna = 50, ben = 30, carla = 20 } }]"


def under(preset: str, sharing: str = "", rest: str = PRICES, head: str = "") -> Community:
    return house(*HOMES, sharing=sharing, rest=rest, head=f'preset = "{preset}"\n{head}')


def taken(rules: Community) -> list[int]:
    """What anna, ben and carla get of a roof that offers 1,000 Wh, where they want 200, 600 and 800."""
    quarters = rules.interval_minutes // 15

    def even(energy_wh: int) -> list[int]:
        return [energy_wh // quarters] * quarters

    energy = {("anna", "import"): even(200), ("ben", "import"): even(600), ("carla", "import"): even(800)}
    done = settled(rules, {**energy, ("roof", "export"): even(1_000)})  # type: ignore[dict-item]
    return [statement.from_community_wh for statement in done.statements[:3]]


@pytest.mark.parametrize("name", preset_names())
def test_each_cites_its_sources_and_when_they_were_read(name: str) -> None:
    preset = find_preset(name)
    assert preset.law
    assert preset.read >= date(2026, 11, 21)
    assert preset.sources
    for source in preset.sources:
        assert source.url.startswith(("https://", "http://"))
        assert source.says
    assert preset.not_verified
    rules = under(name, rest=PRICES + GRID_FEE)
    for key in ("timezone", "currency"):
        assert getattr(rules, key) == preset.sets[key]
    assert {tariff["name"] for tariff in preset.sets.get("tariffs", [])} < {tariff.name for tariff in rules.tariffs}


# Worked by hand -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "sharing", "shares"),
    [
        ("at-eeg", "", [125, 375, 500]),
        ("at-eeg", f'[sharing]\nrule = "static"\n{KEYS}', [200, 300, 200]),
        ("ch-leg", "", [125, 375, 500]),
        ("de-building", "", [200, 333, 333]),  # equal parts; anna can use 200 of her 333
        ("de-building", '[sharing]\nrule = "dynamic"', [125, 375, 500]),
        ("fr-acc", "", [125, 375, 500]),
        ("es-collective", f"[sharing]\n{KEYS}", [200, 300, 200]),
        # In the hour the lesser of 1,000 fed in and 1,600 taken.
        ("it-cer", "", [125, 375, 500]),
        # Rounds of 1,000, 300, 150, 75 and 37 or 38 Wh: ben gets 30 % of each, carla 20 %.
        ("cz-sharing", f"[sharing]\n{KEYS}", [200, 469, 312]),
        ("cz-sharing", f'[sharing]\nrule = "static"\n{KEYS}', [200, 300, 200]),
    ],
)
def test_a_roof_is_shared_under_each(name: str, sharing: str, shares: list[int]) -> None:
    assert [pytest.approx(share, abs=1) for share in shares] == taken(under(name, sharing))


@pytest.mark.parametrize(
    ("preset", "tariff", "price"),
    [
        ("at-eeg", "grid-fee-local", 43),
        ("at-eeg", "grid-fee-regional", 72),
        ("at-eeg", "grid-fee-regional-medium", 36),
        ("ch-leg", "grid-fee-one-level", 60),
        ("ch-leg", "grid-fee-two-levels", 80),
    ],
)
def test_the_grid_costs_less_where_energy_is_from_the_community(preset: str, tariff: str, price: int) -> None:
    fee = f'[[fees]]\nname = "grid"\nparty = "grid operator"\ngrid = "grid-fee"\ncommunity = "{tariff}"\n'
    energy = {("ben", "import"): [600], ("roof", "export"): [400], ("anna", "import"): [0], ("carla", "import"): [0]}
    done = settled(under(preset, rest=PRICES + GRID_FEE + fee), energy)  # type: ignore[arg-type]
    fees = {n.detail: (n.energy_wh, n.net_e8) for n in done.statements[1].lines if n.item == "grid"}
    assert fees == {"from community": (400, 400 * price * 100), "from grid": (200, 200 * 100 * 100)}


# What the file says itself --------------------------------------------------------------------------------------------
def test_what_the_file_says_goes_before_the_preset() -> None:
    head = 'timezone = "Europe/Bratislava"\ncurrency = "EUR"\ninterval_minutes = 30'
    rules = under("cz-sharing", '[sharing]\nrule = "static"', head=head)
    assert (rules.timezone, rules.currency, rules.interval_minutes) == ("Europe/Bratislava", "EUR", 30)
    assert (rules.all_pools[0].rule, rules.all_pools[0].rounds) == ("static", None)
    assert under("cz-sharing", "[sharing]\nrounds = 3").all_pools[0].rounds == 3
    assert under("cz-sharing", '[sharing]\nrule = "iterative"').all_pools[0].rounds == 5
    own = '[[tariffs]]\nname = "grid-fee-local"\nprice = 9.00\n'
    tariffs = under("at-eeg", rest=PRICES + GRID_FEE + own).tariffs
    assert [tariff.price for tariff in tariffs if tariff.name == "grid-fee-local"] == [900]


def test_pools_have_the_rule_where_they_name_none() -> None:
    pools = '[[pools]]\nname = "roof"\nproducers = ["roof"]\n[[pools]]\nname = "rest"\nrule = "dynamic"'
    assert [pool.rule for pool in under("de-building", pools).all_pools] == ["static", "dynamic"]


def test_tariffs_are_made_only_of_one_that_there_is() -> None:
    assert {tariff.name for tariff in under("at-eeg").tariffs} == {"retail", "feed-in", "solar"}
    fee = '[[fees]]\nname = "grid"\nparty = "g"\ncommunity = "grid-fee-local"'
    with pytest.raises(BadInput, match=r"fees\[0\].community = grid-fee-local: must be one of the tariffs"):
        under("at-eeg", rest=PRICES + fee)


@pytest.mark.parametrize(
    ("preset", "sharing", "said"),
    [
        ("at", "", r"preset = at: must be one of at-eeg, ch-leg, cz-sharing, "),
        ("../at-eeg", "", r"preset = ../at-eeg: must be one of"),
        (
            "at-eeg",
            '[sharing]\nrule = "equal"',
            "sharing.rule = equal: must be static or dynamic under the preset at-eeg",
        ),
        (
            "es-collective",
            '[[pools]]\nname = "p"\n[[pools]]\nname = "q"\nrule = "dynamic"',
            r"pools\[1\].rule = dynamic: must be static under the preset es-collective",
        ),
        ("at-eeg", "sharing = 1", "sharing = 1: must be"),
        ("at-eeg", "pools = [1]", r"pools\[0\] = 1: must be"),
    ],
)
def test_what_does_not_fit_is_refused(preset: str, sharing: str, said: str) -> None:
    with pytest.raises(BadInput, match=f"community.toml: {said}"):
        under(preset, sharing)


def test_a_name_that_is_none() -> None:
    with pytest.raises(BadInput, match="preset = 1: must be"):
        house(*HOMES, head="preset = 1")
    bad = '[[tariffs]]\nname = ["a"]\nprice = 1'
    with pytest.raises(BadInput, match=r"tariffs\[3\].name"):
        under("at-eeg", rest=PRICES + bad)
