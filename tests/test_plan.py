"""A fleet's plan out of results: blocks, a calendar, events of OpenADR."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.commands import call, refusal
from tests.scenario import changed
from voltadesk.feeds.schedules import Schedule
from voltadesk.report.plan import blocks
from voltadesk.report.plan_calendar import plan_calendar
from voltadesk.report.plan_events import plan_events

START = 1_774_738_800  # 2026-03-28T23:00Z


def schedule(net_wh: list[int], name: str = "cellar-1", step_s: int = 900) -> Schedule:
    """A battery that takes these energies, negative ones given out, without losses."""
    net = np.array(net_wh, np.int64)
    start = START + step_s * np.arange(len(net), dtype=np.int64)
    fill = 50_000 + np.cumsum(net)
    return Schedule(name, start, step_s, np.maximum(net, 0), np.maximum(-net, 0), fill)


# Blocks ---------------------------------------------------------------------------------------------------------------
def test_intervals_of_one_action_are_a_block() -> None:
    found = list(blocks([schedule([500, 250, 0, -100, -101, 30]), schedule([0, 0], "idle")]))
    assert [(b.battery, b.action, b.start_utc - START, b.end_utc - START, b.energy_wh, b.fill_wh) for b in found] == [
        ("cellar-1", "charge", 0, 1_800, 750, 50_750),
        ("cellar-1", "discharge", 2_700, 4_500, -201, 50_549),
        ("cellar-1", "charge", 4_500, 5_400, 30, 50_579),
    ]
    assert [block.power_w for block in found] == [1_500, 402, 120]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(-400, 400), min_size=2, max_size=60))
def test_blocks_hold_all_energy_once(net_wh: list[int]) -> None:
    found = list(blocks([schedule(net_wh)]))
    assert sum(block.energy_wh for block in found) == sum(net_wh)
    assert sum(abs(block.energy_wh) for block in found) == sum(map(abs, net_wh))
    assert all(one.end_utc <= other.start_utc for one, other in pairwise(found))


# Calendar -------------------------------------------------------------------------------------------------------------
def events_of(text: str) -> list[dict[str, str]]:
    """The events of a calendar's text, read by the rules of the standard; every line is looked at."""
    assert text.endswith("\r\n")
    raw = text.encode().split(b"\r\n")[:-1]
    assert all(len(line) <= 75 and b"\n" not in line for line in raw)
    lines = text.replace("\r\n ", "").split("\r\n")[:-1]
    assert lines[:2] == ["BEGIN:VCALENDAR", "VERSION:2.0"]
    assert lines[-1] == "END:VCALENDAR"
    found: list[dict[str, str]] = []
    for line in lines[4:-1]:
        name, colon, value = line.partition(":")
        assert colon
        if line == "BEGIN:VEVENT":
            found.append({})
        elif line != "END:VEVENT":
            found[-1][name] = re.sub(r"\\(.)", lambda match: {"n": "\n"}.get(match[1], match[1]), value)
    return found


def test_a_block_is_an_event() -> None:
    text = plan_calendar([schedule([500, 250, 0, -100])])
    charge, discharge = events_of(text)
    assert charge == {
        "UID": charge["UID"], "DTSTAMP": "20260328T230000Z", "DTSTART": "20260328T230000Z",
        "DTEND": "20260328T233000Z", "SUMMARY": "cellar-1: charge 0.750 kWh",
        "DESCRIPTION": "1.500 kW on average, 50.750 kWh in it at the end", "CATEGORIES": "CHARGE",
        "TRANSP": "TRANSPARENT",
    }  # fmt: skip
    assert re.fullmatch("[0-9a-f]{32}@voltadesk", charge["UID"])
    assert discharge["UID"] != charge["UID"]
    assert plan_calendar([schedule([500, 250, 0, -100])]) == text
    # A changed plan changes the event, which stays the same one.
    assert events_of(plan_calendar([schedule([500, 300, 0, -100])]))[0]["UID"] == charge["UID"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=120))
def test_any_name_is_escaped_and_folded(name: str) -> None:
    (event,) = events_of(plan_calendar([schedule([1, 0], name)]))
    assert event["SUMMARY"] == f"{name}: charge 0.001 kWh"


def test_a_control_character_is_not_written() -> None:
    assert "\x1b" not in plan_calendar([schedule([1, 0], "a\x1b[31m")])


def test_icalendar_reads_the_calendar() -> None:
    icalendar = pytest.importorskip("icalendar")
    calendar = icalendar.Calendar.from_ical(plan_calendar([schedule([500, -7], "a,b;c\\d äöü " * 9)]))
    charge, _ = calendar.walk("VEVENT")
    assert charge["SUMMARY"] == "a,b;c\\d äöü " * 9 + ": charge 0.500 kWh"
    assert charge["DTSTART"].dt == datetime.fromtimestamp(START, UTC)
    assert not charge.errors


# OpenADR --------------------------------------------------------------------------------------------------------------
DURATION = re.compile(r"P(?=\d|T\d)(\d+Y)?(\d+M)?(\d+[DW])?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?")


def check_program(program: dict[str, Any]) -> None:
    """What the published interface asks of a programRequest, for the fields that are used."""
    assert set(program) <= {"programName", "intervalPeriod", "payloadDescriptors", "targets"}
    assert 1 <= len(program["programName"]) <= 128
    for descriptor in program["payloadDescriptors"]:
        assert descriptor == {
            "objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": "CHARGE_STATE_SETPOINT", "units": "KWH",
        }  # fmt: skip


def check_event(event: dict[str, Any]) -> None:
    """What the published interface asks of an eventRequest, for the fields that are used."""
    assert {"programID", "intervals"} <= set(event)
    assert set(event) <= {
        "programID", "eventName", "targets", "payloadDescriptors", "intervalPeriod", "intervals",
    }  # fmt: skip
    assert re.fullmatch("[a-zA-Z0-9_-]{1,128}", event["programID"])
    assert all(isinstance(target, str) and 1 <= len(target) <= 128 for target in event["targets"])
    check_program({"programName": "p", "payloadDescriptors": event["payloadDescriptors"]})
    period = event["intervalPeriod"]
    assert datetime.fromisoformat(period["start"]).tzinfo is not None
    assert DURATION.fullmatch(period["duration"])
    assert [interval["id"] for interval in event["intervals"]] == list(range(len(event["intervals"])))
    for interval in event["intervals"]:
        assert set(interval) == {"id", "payloads"}
        for payload in interval["payloads"]:
            assert set(payload) == {"type", "values"}
            assert payload["type"] == "CHARGE_STATE_SETPOINT"
            (value,) = payload["values"]
            assert value >= 0


def test_a_battery_is_an_event_with_its_state_of_charge() -> None:
    tree = plan_events([schedule([500, -250]), schedule([1, 2, 3], "b", 3600)])
    assert tree["openadr"] == "3.1.0"
    check_program(tree["program"])
    for event in tree["events"]:
        check_event(event)
    first, second = tree["events"]
    assert first["intervalPeriod"] == {"start": "2026-03-28T23:00:00Z", "duration": "PT15M"}
    assert first["targets"] == ["cellar-1"]
    assert [interval["payloads"][0]["values"] for interval in first["intervals"]] == [
        [Decimal("50.500")], [Decimal("50.250")],
    ]  # fmt: skip
    assert second["intervalPeriod"]["duration"] == "PT60M"


# Through the command --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("form", ["parquet", "csv", "json"])
def test_the_plan_of_a_replay(tmp_path: Path, form: str) -> None:
    text = changed(("buy_limit = 50, sell_limit = [75, 90]", "buy_limit = 85, sell_limit = [86, 90]"))
    (tmp_path / "town.toml").write_text(text, "utf-8")
    out = tmp_path / "out"
    assert call("headless", "replay", tmp_path / "town.toml", "--out", out, "--format", form, "-q").code == 0
    done = call("battery", "plan", out, "--json")
    assert (done.code, done.err) == (0, "")
    tree = json.loads(done.out, parse_float=Decimal)
    assert (tree["batteries"], tree["start_utc"], tree["end_utc"]) == (
        ["cellar-1", "cellar-2"], "2026-03-27T23:00Z", "2026-03-29T22:00Z",
    )  # fmt: skip
    charged = sum(block["energy_kwh"] for block in tree["blocks"] if block["action"] == "charge")
    assert charged > 0
    with duckdb.connect() as database:
        source = f"'{out / f'batteries.{form}'}'"
        (total,) = database.execute(f"SELECT sum(charge_wh) FROM {source}").fetchone()  # noqa: S608
    assert charged == Decimal(int(total)) / 1000
    target = tmp_path / "fleet.ics"
    done = call("battery", "plan", out / f"batteries.{form}", "--format", "ics", "--out", target)
    assert (done.code, done.out, done.err) == (0, "", "")
    events = events_of(target.read_bytes().decode())
    assert len(events) == len(tree["blocks"])
    one = json.loads(call("battery", "plan", out, "--only", "cellar-2", "--format", "openadr").out)
    assert [event["targets"] for event in one["events"]] == [["cellar-2"]]
    check_event(one["events"][0])
    assert "cellar-2" in call("battery", "plan", out).out


@pytest.mark.parametrize("form", ["parquet", "csv", "json"])
def test_the_plan_of_a_backtest_is_that_of_one_strategy(tmp_path: Path, form: str) -> None:
    lines = [f"2026-03-{27 + n // 24:02d}T{n % 24:02d}:00Z,{(n * 37) % 100}.00" for n in range(72)]
    (tmp_path / "p.csv").write_text("\n".join(["time,price", *lines]) + "\n", "utf-8")
    out = tmp_path / "out"
    strategies = ("--strategy", "perfect,threshold")
    done = call("headless", "backtest", tmp_path / "p.csv", *strategies, "--out", out, "--format", form, "-q")
    assert done.code == 0, done.err
    said = refusal(call("battery", "plan", out))
    assert said.endswith("only: must be given, as one strategy is a plan: the table has perfect, threshold")
    tree = json.loads(call("battery", "plan", out, "--only", "perfect", "--json").out, parse_float=Decimal)
    assert tree["batteries"] == ["perfect"]
    assert {block["action"] for block in tree["blocks"]} == {"charge", "discharge"}


REPLAYED = "interval,start_utc_s,battery,fill_wh,charge_wh,discharge_wh\n0,0,a,5,5,0\n1,900,a,0,0,5\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("0,900", "0,901", "start_utc_s = 1970-01-01T00:15Z: must step by 5, 10, 15, 30, 60 minutes for a"),
        ("1,900,a,0,0,5\n", "", "intervals = 1: must be at least 2 of a"),
        ("1,900,a,0,0,5\n", "1,900,a,0,0,5\n2,2700,a,0,0,0\n", "must come 15 minutes after the one before for a"),
        ("a,5,5,0", "a,5,-5,0", "charge = -5: must not be negative for a"),
        ("a,5,5,0", "a,,5,0", "must have a value in every cell"),
        ("a,5,5,0", "a,much,5,0", "fill_wh = varchar: must be whole numbers"),
        ("a,5,5,0", "a,5,5.4,0", "charge_wh = double: must be whole numbers"),
        ("battery", "who", "must have the columns battery, start_utc_s, charge_wh, discharge_wh, fill_wh, or strategy"),
        (REPLAYED.partition("\n")[2], "", "must hold at least 2 intervals"),
    ],
)  # fmt: skip
def test_a_table_that_is_none_is_told_in_a_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = REPLAYED.replace("1,900", "1,901", 1) if old == "0,900" else REPLAYED.replace(old, new, 1)
    path = tmp_path / "batteries.csv"
    path.write_text(text, "utf-8")
    assert said in refusal(call("battery", "plan", path, "--format", "ics", "--out", tmp_path / "x.ics"))
    assert not (tmp_path / "x.ics").exists()


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
@pytest.mark.parametrize("name", ["007", "2026-1-1", "1.50"])
def test_a_battery_keeps_its_name(tmp_path: Path, form: str, name: str) -> None:
    rows = [f"SELECT '{name}' AS battery, {n * 900} AS start_utc_s, {FLOWS}" for n in range(2)]
    duckdb.execute(f"COPY ({' UNION ALL '.join(rows)}) TO '{tmp_path}/batteries.{form}' ({WRITE[form]})")
    assert json.loads(call("battery", "plan", tmp_path, "--json").out)["batteries"] == [name]


FLOWS = "5 AS charge_wh, 0 AS discharge_wh, 9 AS fill_wh"
WRITE = {"csv": "FORMAT csv, HEADER", "json": "FORMAT json, ARRAY true", "parquet": "FORMAT parquet"}


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_fraction_is_refused_however_far_down_it_stands(tmp_path: Path, form: str) -> None:
    rows = f"SELECT 'a' AS battery, range * 300 AS start_utc_s, {FLOWS} FROM range(30_000)"  # noqa: S608
    last = "SELECT 'a', 9_000_000, 5.4, 0, 9"
    duckdb.execute(f"COPY ({rows} UNION ALL {last}) TO '{tmp_path}/batteries.{form}' ({WRITE[form]})")
    if form == "csv":
        path = tmp_path / "batteries.csv"
        path.write_text(path.read_text("utf-8").replace(",5.0,", ",5,"), "utf-8")
    assert "charge_wh = double: must be whole numbers" in refusal(call("battery", "plan", tmp_path))


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_a_name_is_no_pattern_of_names(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "results [1]"
    folder.mkdir()
    (tmp_path / "rows.csv").write_text(REPLAYED, "utf-8")
    for name, battery in (("b*s [1]", "star"), ("bats 1", "bats"), ("b1s [1]", "one")):
        rows = f"SELECT * REPLACE ('{battery}' AS battery) FROM read_csv('{tmp_path}/rows.csv')"  # noqa: S608
        target = f"{folder}/{name}.{form}"
        duckdb.execute(f"COPY ({rows}) TO '{target}' ({WRITE[form]})")
    for name, battery in (("b*s [1]", "star"), ("bats 1", "bats"), ("b1s [1]", "one")):
        done = call("battery", "plan", folder / f"{name}.{form}", "--json")
        assert json.loads(done.out)["batteries"] == [battery]


def test_wrong_options_are_told(tmp_path: Path) -> None:
    (tmp_path / "batteries.csv").write_text(REPLAYED, "utf-8")
    assert "only = b: is not in the table, which has a" in refusal(call("battery", "plan", tmp_path, "--only", "b"))
    assert "out = x: must be given with --format" in refusal(call("battery", "plan", tmp_path, "--out", "x"))
    assert call("battery", "plan", tmp_path, "--json", "--format", "ics").code == 2
    assert "must be a folder that --out has filled" in refusal(call("battery", "plan", tmp_path / "none"))
    (tmp_path / "empty").mkdir()
    assert "must hold one of batteries.parquet" in refusal(call("battery", "plan", tmp_path / "empty"))
