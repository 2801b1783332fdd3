"""Values of parameters as the command line writes them, and where in a scenario they are set."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.scenario import TOWN
from voltadesk.errors import BadInput
from voltadesk.scenario.model import Scenario
from voltadesk.scenario.read import check_scenario, parse_toml
from voltadesk.sweep.overrides import changed, places
from voltadesk.sweep.parameters import COMBINATIONS_LIMIT, Parameter, Value, read_parameters
from voltadesk.sweep.results import write_table
from voltadesk.sweep.task import FIGURES

TREE = parse_toml(TOWN, "town.toml")


def values(text: str) -> list[Any]:
    (parameter,) = read_parameters([f"key={text}"])
    return [value.value for value in parameter.values]


def set_in(tree: dict[str, Any], *given_ones: str, strategies: str | None = None) -> dict[str, Any]:
    """The tree with the first value of each parameter."""
    parameters = read_parameters(given_ones, strategies)
    return changed(tree, parameters, places(tree, parameters), [parameter.values[0] for parameter in parameters])


def said(parameters: Sequence[str], strategies: str | None = None) -> str:
    with pytest.raises(BadInput) as error:
        set_in(TREE, *parameters, strategies=strategies)
    return str(error.value)


# Values ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0,10,100", [0, 10, 100]),
        ("1:5", [1, 2, 3, 4, 5]),
        ("0:10:4,20", [0, 4, 8, 20]),
        ("-2:2:2", [-2, 0, 2]),
        ("0:1:0.25", [Decimal(n) / 4 for n in range(5)]),
        ("7:7", [7]),
        ("1.50", [Decimal("1.50")]),
        ("[1, 2],[3, 4]", [[1, 2], [3, 4]]),
        ("{ a = 1, b = [2, 3] }, 4", [{"a": 1, "b": [2, 3]}, 4]),
        ("mid-market,discount", ["mid-market", "discount"]),
        ('"a,b", "2"', ["a,b", "2"]),
        ("true,false", [True, False]),
        ("2026-05-25,2026-06-01", [date(2026, 5, 25), date(2026, 6, 1)]),
        ('["10:00-15:00"]', [["10:00-15:00"]]),
        ("Europe/Berlin", ["Europe/Berlin"]),
        ("10:00-15:00", ["10:00-15:00"]),
        ("1 # no comment", ["1 # no comment"]),
        ("1\n2 = 3", ["1\n2 = 3"]),
        ("a=b", ["a=b"]),
    ],
)
def test_values(text: str, expected: list[Any]) -> None:
    found = values(text)
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected]


@given(st.integers(-(10**6), 10**6), st.integers(0, 300), st.integers(1, 9))
def test_ranges_of_whole_numbers_are_those_of_python(first: int, span: int, step: int) -> None:
    assert values(f"{first}:{first + span}:{step}") == list(range(first, first + span + 1, step))


@given(st.decimals(-100, 100, places=3), st.integers(0, 200), st.decimals(Decimal("0.01"), 9, places=2))
def test_ranges_of_decimals_are_exact(first: Decimal, count: int, step: Decimal) -> None:
    found = values(f"{first}:{first + count * step}:{step}")
    assert found == [first + n * step for n in range(count + 1)]


@given(st.text(max_size=40))
@example("[" * 2_000 + "]" * 2_000)
@example("0.5:99999999999999999999999999:0.00000001")
@example("9" * 5_000)
def test_any_text_is_values_or_refused(text: str) -> None:
    try:
        (parameter,) = read_parameters([f"key={text}"])
    except BadInput:
        return
    assert 1 <= len(parameter.values) <= COMBINATIONS_LIMIT
    assert len({value.text for value in parameter.values}) == len(parameter.values)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("seed", "set = seed: must be KEY=VALUES, such as seed=1:50 or fleet.count=0,10,100"),
        ("=1", "set = =1: must be KEY=VALUES, such as seed=1:50 or fleet.count=0,10,100"),
        ("seed=", "seed = '': must be values with commas between them, none of them empty"),
        ("seed=1,,2", "seed = 1,,2: must be values with commas between them, none of them empty"),
        ("seed=[1,2", "seed = [1,2: must close its quotes and brackets"),
        ("seed=5:1", "seed = 5:1: must rise from first to last by a step above 0, as 1:50 or 0:100:10"),
        ("seed=1:5:0", "seed = 1:5:0: must rise from first to last by a step above 0, as 1:50 or 0:100:10"),
        ("seed=0.5:2", "seed = 0.5:2: must have a step, as 0:1:0.25"),
        ("seed=1:4,3", "seed = 3: must not be given twice"),
        ("seed=0:10000", "seed = 0:10000: must stand for at most 10,000 values"),
        ("seed=1:9999,10001:10002", "seed = 10,001 values: must be at most 10,000"),
    ],
)
def test_values_that_are_none_are_refused(text: str, limit: str) -> None:
    assert said([text]) == limit


def test_parameters_that_do_not_go_together_are_refused() -> None:
    assert said([]) == "set: must be given, such as --set seed=1:50"
    assert said(["seed=1", "seed=2"]) == "set = seed: must not be given twice"
    assert said(["seed=1:101", "time.days=1:100"]) == "combinations = 10,100: must be at most 10,000"
    beside = "set = fleet.cellar.count: must not be given beside fleet[0].count, which sets the same"
    assert said(["fleet[0].count=1", "fleet.cellar.count=2"]) == beside
    beside = "set = fleet.strategy: must not be given beside fleet.strategy.buy_limit, which sets the same"
    assert said(["fleet.strategy.buy_limit=1"], "rolling") == beside
    assert said([], "rolling,threshold") == "strategy = threshold: must be one of rolling, day-ahead, dual"


# Places ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("setting", "path"),
    [
        ("seed=3", ["seed"]),
        ("time.days=3", ["time", "days"]),
        ("weather.cloudiness_percent=3", ["weather", "cloudiness_percent"]),  # a table that the file does not have
        ("plants.mill.marginal_cost=3", ["plants", 0, "marginal_cost"]),
        ("plants[1].capacity_kw=3", ["plants", 1, "capacity_kw"]),
        ("homes.houses.solar.peak_kw[1]=3", ["homes", 1, "solar", "peak_kw", 1]),
        ("homes[0].annual_kwh=3", ["homes", 0, "annual_kwh"]),
    ],
)
def test_a_key_is_set_where_its_path_leads(setting: str, path: list[str | int]) -> None:
    made: Any = set_in(TREE, setting)
    node = made
    for step in path[:-1]:
        node = node[step]
    assert node[path[-1]] == 3
    node[path[-1]] = "as it was"
    was: Any = parse_toml(TOWN, "town.toml")
    assert was == TREE  # nothing was changed in the tree that was given
    node = was
    for step in path[:-1]:
        node = node.setdefault(step, {}) if isinstance(node, dict) else node[step]
    node[path[-1]] = "as it was"
    assert made == was


def test_a_key_of_a_list_is_set_in_all_its_members() -> None:
    assert [plant["capacity_kw"] for plant in set_in(TREE, "plants.capacity_kw=9")["plants"]] == [9, 9]


def test_the_longest_name_that_fits_is_meant() -> None:
    tree = TREE | {"plants": [{"name": "a"}, {"name": "a.b"}, {"name": "c"}]}
    assert set_in(tree, "plants.a.b.fuel=gas")["plants"][1]["fuel"] == "gas"
    assert set_in(tree, "plants.a.fuel=gas")["plants"][0]["fuel"] == "gas"


@given(st.integers(0, 500), st.lists(st.integers(1, 60), min_size=1, max_size=5))
def test_a_count_is_of_all_groups_together(total: int, counts: list[int]) -> None:
    groups = [{"name": f"g{n}", "count": count} for n, count in enumerate(counts)]
    made = set_in(TREE | {"homes": groups}, f"homes.count={total}")["homes"]
    assert sum(group["count"] for group in made) == total
    shares = {group["name"]: group["count"] for group in made}
    for n, count in enumerate(counts):
        exact = Decimal(total * count) / sum(counts)
        assert abs(shares.get(f"g{n}", 0) - exact) < 1
    assert 0 not in shares.values()


def test_a_group_of_none_is_left_out() -> None:
    assert "cellar" not in [group["name"] for group in set_in(TREE, "fleet.cellar.count=0")["fleet"]]
    assert [group["name"] for group in set_in(TREE, "homes[0].count=0")["homes"]] == ["houses"]
    assert check_scenario(set_in(TREE, "fleet.count=0"), "town.toml").fleet == []


@pytest.mark.parametrize(
    ("setting", "limit"),
    [
        ("plants[2].capacity_kw=1", "set = plants[2].capacity_kw: plants has 2 members, and the first is [0]"),
        ("money_holders.cash=1", "set = money_holders.cash: the scenario town has none to set it in"),
        ("seed.x=1", "set = seed.x: seed has no key x"),
        ("seed[0]=1", "set = seed[0]: seed is followed by [0], which is no key of it"),
        ("time.=1", "set = time.: time has no key without a name"),
        (".seed=1", "set = .seed: a scenario has no key .seed"),
        ("fleet.count=-1", "fleet.count = -1: must be a whole number from 0"),
        ("fleet.count=true", "fleet.count = true: must be a whole number from 0"),
        ("homes.count=many", "homes.count = many: must be a whole number from 0"),
    ],
)
def test_places_that_are_none_are_refused(setting: str, limit: str) -> None:
    assert said([setting]) == limit


# The table's columns --------------------------------------------------------------------------------------------------
def test_no_figure_has_the_name_of_a_key() -> None:
    names = [name for name, _, _ in FIGURES]
    assert len(set(names)) == len(names)
    assert not {*names, "combination", "digest", "error"} & set(Scenario.model_fields)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12).filter(lambda text: text != "\\N")


@settings(max_examples=20)
@given(st.lists(TEXTS, min_size=1, max_size=4, unique=True), st.lists(st.decimals(-9, 9, places=4), min_size=4))
@example(["", '"', "a\r\nb", "\n"], [Decimal(0)] * 4)
@example(["\r"], [Decimal(0)] * 4)
@example(["a\rb", "\r\r", "\n\r"], [Decimal(0)] * 4)
def test_a_table_holds_what_it_was_given(texts: list[str], numbers: list[Decimal]) -> None:
    parameters = [
        Parameter("title", tuple(Value(text, text) for text in texts)),
        Parameter("part.of.it", tuple(Value(str(number), number) for number in numbers)),
    ]
    blank = {name: None for name, _, _ in FIGURES} | {"digest": None, "error": None}
    rows = [
        {"combination": n + 1, "title": text, "part.of.it": number} | blank
        for n, (text, number) in enumerate(zip(texts, numbers, strict=False))
    ]
    with tempfile.TemporaryDirectory() as folder:
        write_table(parameters, rows, Path(folder) / "results.parquet")
        assert [path.name for path in Path(folder).iterdir()] == ["results.parquet"]
        found = duckdb.execute("SELECT * FROM read_parquet($1)", [str(Path(folder) / "results.parquet")])
        names = [column[0] for column in found.description]
        assert [dict(zip(names, row, strict=True)) for row in found.fetchall()] == rows
