"""Bad scenarios are refused in one line that names file, key, value and limit, and nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.commands import call, refusal
from tests.scenario import changed, refused, replay_file


# The file -------------------------------------------------------------------------------------------------------------
def test_no_file(tmp_path: Path) -> None:
    line = refusal(replay_file(tmp_path / "none.toml"))
    assert line.startswith(f"scenario = {tmp_path}"[:60])
    assert "must be a TOML file or one of " in line
    assert "quickstart" in line
    assert refusal(call("headless", "replay", "quickstar")).startswith("scenario = quickstar: must be a TOML file or")


def test_a_folder(tmp_path: Path) -> None:
    assert "must be a TOML file or one of" in refusal(replay_file(tmp_path))


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "town.toml"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    assert refusal(replay_file(path)).endswith("must be UTF-8 text")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "version: must be given"),
        ("version 1", "line 1, column 9: TOML = Expected '=' after a key in a key/value pair: must be valid TOML"),
        ('a = "\n"', "line 1, column 6: TOML = Illegal character '\\n': must be valid TOML"),
        ("version = 1\nversion = 1", "end of document: TOML = Cannot overwrite a value: must be valid TOML"),
        ("a = " + "[" * 5000, "TOML = tables or lists: are nested too deeply"),
        (
            "a = " + "1" * 5000,
            "TOML = Exceeds the limit (4300 digits) for integer string conver...: must be valid TOML",
        ),
        ("a = 1e99999999999999999999", "number = 1e99999999999999999999: has an exponent that is too large"),
    ],
)
def test_text_that_is_no_scenario(text: str, message: str, tmp_path: Path) -> None:
    assert refused(tmp_path, text) == f"town.toml: {message}"


# Values ---------------------------------------------------------------------------------------------------------------
PLANT = 'name = "mill"\ncapacity_kw = 5'
SPAN = "annual_kwh = [2000, 3000]"
STRATEGY = '{ name = "threshold", buy_limit = 50, sell_limit = [75, 90] }'
OUTAGE = "marginal_cost = 60.00\noutages = [{{ begin = {}, end = {} }}]"

Case = tuple[str, str, str]

NUMBERS: Sequence[Case] = [
    (
        "seed = 7",
        "seed = 7\nweather = { cloudiness_percent = 61 }",
        "weather.cloudiness_percent = 61: must lie between 0 and 60",
    ),
    ("margin = 1.00", 'margin = ""', 'operator.margin = "": must be a number, without quotes'),
    ("margin = 1.00", "margin = []", "operator.margin = []: must be a number"),
    ("margin = 1.00", "margin = [1.50]", "operator.margin = [1.50]: must be a number"),
    ("margin = 1.00", "margin = { a = 1 }", "operator.margin = {a = 1}: must be a number"),
    ("margin = 1.00", 'margin = "10"', 'operator.margin = "10": must be a number, without quotes'),
    ("margin = 1.00", "margin = true", "operator.margin = true: must be a number"),
    ("margin = 1.00", "margin = -1", "operator.margin = -1: must lie between 0 and 30000"),
    ("margin = 1.00", "margin = nan", "operator.margin = NaN: must be a finite number"),
    ("margin = 1.00", "margin = inf", "operator.margin = Infinity: must be a finite number"),
    ("margin = 1.00", "margin = -inf", "operator.margin = -Infinity: must be a finite number"),
    ("margin = 1.00", "margin = 1e400", "operator.margin = 1E+400: is too large"),
    (
        "margin = 1.00",
        "margin = 9223372036854775808",
        "operator.margin = 9223372036854775808: must lie between 0 and 30000",
    ),
    ("margin = 1.00", "margin = 0.001", "operator.margin = 0.001: must have at most 2 decimals"),
    ("margin = 1.00", "margin = 2026-01-01", "operator.margin = 2026-01-01: must be a number"),
    ("price = 80.00", "price = 30000.01", "upstream.price = 30000.01: must lie between -30000 and 30000"),
    ("capacity_kwh = 10", "capacity_kwh = -10", "fleet[0].capacity_kwh = -10: must lie between 0.001 and 100000000"),
    ("capacity_kwh = 10", "capacity_kwh = 0", "fleet[0].capacity_kwh = 0: must lie between 0.001 and 100000000"),
    ("capacity_kwh = 10", "capacity_kwh = 0.0001", "fleet[0].capacity_kwh = 0.0001: must lie between 0.001 and"),
    ("capacity_kwh = 10", "capacity_kwh = nan", "fleet[0].capacity_kwh = NaN: must be a finite number"),
    ("capacity_kw = 5", "capacity_kw = -5", "plants[0].capacity_kw = -5: must lie between 0.001 and 1000000000"),
    (SPAN, "annual_kwh = [3000, 2000]", "homes[0].annual_kwh = [3000, 2000]: must rise from least to most"),
    (SPAN, "annual_kwh = [1, 2, 3]", "homes[0].annual_kwh = [1, 2, 3]: must be a number or [least, most]"),
    (SPAN, "annual_kwh = []", "homes[0].annual_kwh = []: must be a number or [least, most]"),
    (SPAN, 'annual_kwh = ["1", 2]', 'homes[0].annual_kwh = "1": must be a number, without quotes'),
    (SPAN, "annual_kwh = [-1, 2]", "homes[0].annual_kwh = -1: must lie between 0 and"),
    (SPAN, "annual_kwh = [nan, nan]", "homes[0].annual_kwh = NaN: must be a finite number"),
    ("= 0.95", "= 1.2", "fleet[0].charge_efficiency = 1.2: must lie between 0.000001 and 1"),
    ("= 0.95", "= 0", "fleet[0].charge_efficiency = 0: must lie between 0.000001 and 1"),
    ("= 0.95", "= 95", "fleet[0].charge_efficiency = 95: must lie between 0.000001 and 1"),
    (
        "share_percent = 20",
        "share_percent = 100.01",
        "homes[0].flexible.share_percent = 100.01: must lie between 0 and 100",
    ),
    ("count = 3", "count = 10000000", "homes[0].count = 10000000: must be at most 1000000"),
    ("count = 3", "count = 999999", "homes = 1000001: must be at most 1,000,000 in all"),
    ("count = 3", "count = 0", "homes[0].count = 0: must be at least 1"),
    ("count = 3", "count = -1", "homes[0].count = -1: must be at least 1"),
    ("count = 3", "count = 2.5", "homes[0].count = 2.5: must be a whole number"),
    ("count = 3", 'count = "3"', 'homes[0].count = "3": must be a whole number'),
    ("count = 3", "count = nan", "homes[0].count = NaN: must be a whole number"),
    ("seed = 7", "seed = -7", "seed = -7: must be at least 0"),
    ("seed = 7", "seed = 9223372036854775808", "seed = 9223372036854775808: must be at most 9223372036854775807"),
]

KEYS: Sequence[Case] = [
    ("seed = 7", "sead = 7", "sead = 7: is not a key of a scenario"),
    ("seed = 7", '"a\\nb" = 7', "a b = 7: is not a key of a scenario"),
    ("seed = 7", "version1 = { a = [1.50] }", "version1 = {a = [1.50]}: is not a key of a scenario"),
    ("version = 1", "version = 2", "version = 2: must be 1"),
    ('rule = "mid-market"', 'rul = "mid-market"', "community.rul = mid-market: is not a key of a scenario"),
    ("share_percent = 20", "share = 20", "homes[0].flexible.share = 20: is not a key of a scenario"),
    (
        'orientation = ["south", "west"]',
        'orientations = ["south"]',
        "homes[1].solar.orientations = [south]: is not a key",
    ),
    ("capacity_kw = 5\n", "", "plants[0].capacity_kw: must be given"),
    (
        'name = "town"',
        'name = "my town"',
        "name = my town: must be 1 to 40 of A-Z, a-z, 0-9, _ . - and begin with a letter or a digit",
    ),
    ('name = "town"', 'name = "\\u001b[31m"', "name = \\x1b[31m: "),
    ('name = "mill"', "name = 5", "plants[0].name = 5: must be text in quotes"),
    ('rule = "mid-market"', 'rule = "fair"', "community.rule = fair: must be 'none', 'discount', 'mid-market', "),
    ("[upstream]", "[[upstream]]", "upstream = [{limit_kw = 50, price = 80.00}]: must be a table"),
    ('rule = "mid-market"', "rule = 1", "community.rule = 1: must be 'none', 'discount', 'mid-market', "),
    ("seed = 7", 'seed = 7\ncurrency = "euro"', "currency = euro: must be three capital letters such as EUR"),
    ("seed = 7", 'seed = 7\ncommunity = "yes"', "TOML = "),
    ("count = 3", 'count = 3\nin_community = "yes"', 'homes[0].in_community = "yes": must be true or false'),
    ('orientation = ["south", "west"]', "orientation = []", "homes[1].solar.orientation = []: must hold at least 1"),
    ('orientation = ["south", "west"]', "orientation = 5", "homes[1].solar.orientation = 5: must be a list"),
    ("minimum_kw = 1", "outages = 5", "plants[0].outages = 5: must be a list"),
    ("minimum_kw = 1", "outages = [5]", "plants[0].outages[0] = 5: must be a table"),
    ("seed = 7", "plants = 3", "TOML = "),
]

TIMES: Sequence[Case] = [
    ("interval_minutes = 15", "interval_minutes = 7", "time.interval_minutes = 7: must be one of 5, 10, 15, 30, 60"),
    ("interval_minutes = 15", "interval_minutes = 0", "time.interval_minutes = 0: must be one of 5, 10, 15, 30, 60"),
    ("interval_minutes = 15", "interval_minutes = 15.0", "time.interval_minutes = 15.0: must be a whole number"),
    ("days = 2", "days = 0", "time.days = 0: must be at least 1"),
    ("days = 2", "days = 7306", "time.days = 7306: must be at most 7305"),
    ("Europe/Berlin", "Mars/Olympus", "time.timezone = Mars/Olympus: must be an IANA time zone such as Europe/Berlin"),
    ("Europe/Berlin", "", "time.timezone = '': must be an IANA time zone such as Europe/Berlin"),
    ('"Europe/Berlin"\ninterval_minutes = 15', '"Asia/Kolkata"\ninterval_minutes = 60',
     "time.start = 2026-03-27T18:30Z: must lie on the UTC grid of 60 minutes"),
    ("start = 2026-03-28", "start = 1970-12-31", "time.start = 1970-12-31: must lie between 1971 and 2200"),
    ("start = 2026-03-28", "start = 9999-12-31", "time.start = 9999-12-31: must lie between 1971 and 2200"),
    ("start = 2026-03-28", "start = 2026-03-28T05:00:00", "time.start = 2026-03-28 05:00:00: must be a day"),
    ("start = 2026-03-28", "start = 1767225600", "time.start = 1767225600: must be a day such as 2026-05-25"),
    ("start = 2026-03-28", 'start = "yesterday"', "time.start = yesterday: must be a day such as 2026-05-25"),
    ("start = 2026-03-28", "start = 2026-02-30", "TOML = Invalid date or datetime"),
    ("marginal_cost = 60.00", OUTAGE.format("2026-03-29T12:00:00", "2026-03-29T11:00:00"),
     "plants[0].outages[0].end = 2026-03-29 11:00:00: must be after begin"),
    ("marginal_cost = 60.00", OUTAGE.format("2026-03-29T12:00:00", "2026-03-29T12:00:00"),
     "plants[0].outages[0].end = 2026-03-29 12:00:00: must be after begin"),
    # Noon in Berlin is 10:00 in UTC.
    ("marginal_cost = 60.00", OUTAGE.format("2026-03-29T12:00:00", "2026-03-29T10:00:00Z"),
     "plants[0].outages[0].end = 2026-03-29 10:00:00+00:00: must be after begin"),
    ("marginal_cost = 60.00", OUTAGE.format("2026-03-29T12:00:00", "5"),
     "plants[0].outages[0].end = 5: must be a date"),
    ("count = 2\ncapacity_kwh = 10", "outages = [{ begin = 2026-03-29, end = 2026-03-28 }]\ncapacity_kwh = 10",
     "fleet[0].outages[0].end = 2026-03-28 00:00:00: must be after begin"),
]  # fmt: skip

COMBINATIONS: Sequence[Case] = [
    ("minimum_kw = 1", "minimum_kw = 6", "plants[0].minimum_kw = 6: must not exceed capacity_kw (5)"),
    ("minimum_kw = 1", "initial_kw = 6", "plants[0].initial_kw = 6: must not exceed capacity_kw (5)"),
    ("capacity_kw = 4", "capacity_kw = 4\nminimum_kw = 1", "plants[1].minimum_kw = 1: must be 0 for a farm"),
    ("[operator]", "[market]\nfloor = 10\ncap = 10\n\n[operator]", "market.floor = 10: must be below the cap"),
    ("price = 80.00\n", "", "upstream.price: must be given, or prices"),
    ("price = 80.00", 'price = 80.00\nprices = { file = "a.csv" }', "upstream.prices: must not be given beside price"),
    ("annual_kwh = 4000\n", "", "homes[1].annual_kwh: must be given, or meter"),
    ("annual_kwh = 4000", 'annual_kwh = 4000\nmeter = { file = "a.csv", load = "b" }',
     "homes[1].meter: must not be given beside annual_kwh"),
    ("annual_kwh = 4000", 'meter = { file = "a.csv", load = "b" }',
     "homes[1].solar: must not be given beside meter, which brings its own solar column"),
    ("annual_kwh = 4000", 'annual_kwh = 4000\nprofile = "H0"',
     "homes[1].profile = H0: must be one of H25, G25, L25, P25, S25"),
    ('"south", "west"', '"south", "up"',
     "homes[1].solar.orientation = up: must be one of south, east, west, flat, facade"),
    ("capacity_kw = 4", 'capacity_kw = 4\norientation = "up"',
     "plants[1].orientation = up: must be one of south, east, west, flat, facade"),
    ('name = "houses"', 'name = "flats"', "homes[1].name = flats: must not be given twice"),
    ('name = "field"', 'name = "Mill"', "plants[1].name = Mill: must not be given twice"),
    ("count = 2\ncapacity_kwh = 10", "minimum_fill_percent = 60\ninitial_fill_kwh = 5\ncapacity_kwh = 10",
     "fleet[0].initial_fill_kwh = 5: must lie between 6 and 10"),
    ("count = 2\ncapacity_kwh = 10", "minimum_fill_percent = 100\ncapacity_kwh = 10",
     "fleet[0].minimum_fill_percent = 100: must be below maximum_fill_percent"),
    (STRATEGY, '{ name = "threshold" }', "strategy.threshold: must be given, or buy_limit and sell_limit"),
    (STRATEGY, '{ name = "threshold", buy_limit = 5 }',
     "strategy.sell_limit: must be given beside buy_limit"),
    (STRATEGY, '{ name = "threshold", threshold = 5, sell_limit = 5 }',
     "strategy.threshold: must not be given beside buy_limit or sell_limit"),
    (STRATEGY, '{ name = "threshold", threshold = 5, charge = ["10:00-11:00"] }',
     "strategy.charge = [10:00-11:00]: belongs to the timetable strategy"),
    (STRATEGY, '{ name = "threshold", buy_limit = 91, sell_limit = 90 }',
     "strategy.buy_limit = 91: must not exceed sell_limit"),
    (STRATEGY, '{ name = "threshold", buy_limit = [50, 91], sell_limit = 90 }',
     "strategy.buy_limit = 91: must not exceed sell_limit"),
    (STRATEGY, '{ name = "timetable" }', "strategy.charge: must be given, or discharge"),
    (STRATEGY, '{ name = "timetable", charge = ["10:00-11:00"], threshold = 5 }',
     "strategy.threshold: belongs to the threshold strategy"),
    (STRATEGY, '{ name = "timetable", charge = ["10-11"] }', "strategy.charge[0] = 10-11: must be hours of the day"),
    (STRATEGY, '{ name = "timetable", charge = ["24:00-25:00"] }', "strategy.charge[0] = 24:00-25:00: "),
    (STRATEGY, '{ name = "rolling", threshold = 5 }', "strategy.threshold: belongs to the threshold strategy"),
    (STRATEGY, '{ name = "rolling", charge = ["10:00-11:00"] }', "strategy.charge = "),
    (STRATEGY, '{ name = "oracle" }',
     "strategy.name = oracle: must be 'threshold', 'timetable', 'rolling', 'day-ahead' or 'dual'"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), [*NUMBERS, *KEYS, *TIMES, *COMBINATIONS])
def test_what_is_wrong_is_named(old: str, new: str, message: str, tmp_path: Path) -> None:
    line = refused(tmp_path, changed((old, new)))
    if message.startswith("strategy."):
        message = f"fleet[0].{message}"
    if message.startswith("TOML = "):  # where it is no TOML at all, the place stands before it
        line = f"town.toml: {line[line.index('TOML = ') :]}"
    assert line.startswith(f"town.toml: {message}")


def test_too_much_to_keep_is_refused(tmp_path: Path) -> None:
    text = changed(("days = 2", "days = 7305"), ("interval_minutes = 15", "interval_minutes = 5"))
    text = changed(("count = 2\ncapacity_kwh", "count = 100\ncapacity_kwh"), text=text)
    assert "intervals x (plants + batteries) must be at most 100,000,000" in refused(tmp_path, text)
