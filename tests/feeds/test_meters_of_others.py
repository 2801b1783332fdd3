"""Meter data as others hand it out: Green Button XML, Octopus in JSON and CSV, counters; and what is wrong with it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.commands import call
from tests.feeds.green_button import FEED, HOST, START, block, entry, one_meter, quarters, reading_type, value
from voltadesk.errors import BadInput
from voltadesk.feeds.meter_columns import ESTIMATED, MEASURED, MISSING
from voltadesk.feeds.meter_files import MeterFile, read_meter_file
from voltadesk.feeds.meters import read_meter

HALF_HOUR = timedelta(minutes=30)


def read(folder: Path, text: str, name: str = "anna.xml") -> MeterFile:
    (folder / name).write_text(text, encoding="utf-8")
    return read_meter_file(folder / name)


def fault(folder: Path, text: str, name: str = "anna.xml") -> str:
    """What is wrong with a file, after its name."""
    (folder / name).write_text(text, encoding="utf-8")
    try:
        problems = read_meter_file(folder / name).problems
    except BadInput as error:
        problems = (error,)
    return str(problems[0]).removeprefix(f"{folder / name}: ")


# Green Button ---------------------------------------------------------------------------------------------------------
def test_energy_of_one_register(tmp_path: Path) -> None:
    file = read(tmp_path, one_meter(*quarters(250, 0, 125)))
    (reading,) = file.readings
    assert (reading.meter, reading.register, reading.start_utc, reading.step_s) == ("anna", "import", START, 900)
    assert reading.energy_wh.tolist() == [250, 0, 125]
    assert file.problems == ()
    assert file.notes == ("long, energy per interval, Wh",)


@pytest.mark.parametrize(
    ("power", "values", "energy_wh"),
    [(3, (1, 2), [1000, 2000]), (-3, (1500, 1499), [1, 1]), (-1, (5, 5), [0, 1]), ("", (7, 8), [7, 8])],
)
def test_values_count_powers_of_ten(
    tmp_path: Path, power: object, values: tuple[int, ...], energy_wh: list[int]
) -> None:
    (reading,) = read(tmp_path, one_meter(*quarters(*values), power=power)).readings
    assert reading.energy_wh.tolist() == energy_wh  # floors of the running total


def test_blocks_stand_in_any_order_and_gaps_are_missing(tmp_path: Path) -> None:
    values = quarters(1, 2, 3, 4, 5, 6)
    (reading,) = read(tmp_path, one_meter(values[5], values[0], values[2], values[1])).readings
    assert reading.energy_wh.tolist() == [1, 2, 3, 0, 0, 6]
    assert (reading.quality == MISSING).tolist() == [False, False, False, True, True, False]


def test_quality(tmp_path: Path) -> None:
    values = [value(START, 1, quality=17), value(START + 900, 2, quality=8), value(START + 1800, 3)]
    (reading,) = read(tmp_path, one_meter(*values)).readings
    assert reading.quality.tolist() == [MEASURED, ESTIMATED, MEASURED]


def several() -> str:
    """Two usage points; one also feeds in, counts on, and measures voltage."""
    one, two = "Subscription/1/UsagePoint/north", "Subscription/1/UsagePoint/south"
    readings = {
        f"{one}/MeterReading/a": "ReadingType/in", f"{one}/MeterReading/b": "ReadingType/out",
        f"{one}/MeterReading/c": "ReadingType/volts", f"{two}/MeterReading/a": "ReadingType/in",
        f"{two}/MeterReading/net": "ReadingType/net",
    }  # fmt: skip
    types = [
        reading_type("ReadingType/in"),
        reading_type("ReadingType/out", flow=19),
        reading_type("ReadingType/volts", uom=29),
    ]
    parts = [*types, reading_type("ReadingType/net", flow=4)]
    for n, (path, kind) in enumerate(readings.items()):
        # Blocks are told by their own address or by their collection's.
        where = {"path": f"{path}/IntervalBlock/9"} if n % 2 else {"path": "", "up": f"{path}/IntervalBlock"}
        parts += [
            block(where.pop("path"), *quarters(n * 10, n * 10 + 1), **where),
            entry(path, "<MeterReading/>", kind),
        ]
    return FEED.format("\n".join(parts))


def test_meters_registers_and_what_is_left_out(tmp_path: Path) -> None:
    file = read(tmp_path, several())
    found = {(reading.meter, reading.register): reading.energy_wh.tolist() for reading in file.readings}
    assert found == {("north", "import"): [0, 1], ("north", "export"): [10, 11], ("south", "import"): [30, 31]}
    assert file.notes[-1] == "ignored, as it is no energy of one direction: uom 29, flowDirection 4"


def test_counters(tmp_path: Path) -> None:
    (reading,) = read(tmp_path, one_meter(*quarters(70_000, 70_250, 70_300), way=1)).readings
    assert reading.energy_wh.tolist() == [250, 50]
    text = one_meter(*quarters(999_900, 999_990, 40), way=3)
    limit = (
        "anna import at 2026-01-15T00:30Z = 40: must not be less than the reading before it (999990): it runs backwards"
    )
    assert fault(tmp_path, text) == f"line 13: {limit}"


UNLINKED = one_meter(*quarters(1, 2)).replace("ReadingType/1", "ReadingType/2", 1)
UNLINKED = UNLINKED.replace("</feed>", f"{reading_type('ReadingType/9')}</feed>")
DOCTYPE = one_meter(*quarters(1, 2)).replace("<feed", "<!DOCTYPE feed [<!ENTITY a 'b'>]>\n<feed")
FAULTS = {
    DOCTYPE: "line 2: meters = a DOCTYPE",
    one_meter(*quarters(1, 2))[:-20]: "line 13: meters = unclosed token: must be XML",
    "<html><body>Sign in</body></html>": "meters = html: must be a Green Button feed with an IntervalBlock",
    one_meter(*quarters(1, "2.5")): "line 12: value = 2.5: must be a whole number of at most 15 digits",
    one_meter(*quarters(1, "")): "line 12: value",
    one_meter(*quarters(1, "9" * 16)): "line 12: value = 9999999999999999: must be a whole number",
    one_meter(*quarters(1, "١")): "line 12: value = ١: must be a whole number",
    one_meter(*quarters(5, -5)): "line 12: anna import at 2026-01-15T00:15Z = -5: must not be negative",
    one_meter(*quarters(1, 2), power="x"): "line 8: powerOfTenMultiplier = x",
    one_meter(*quarters(1, 2), power=40): "line 8: powerOfTenMultiplier = 40: must lie between -12 and 12",
    one_meter(*quarters(1, 2), uom=169): "meters = uom 169: must hold energy in Wh (uom 72)",
    one_meter(*quarters(1, 2), flow=4): "meters = flowDirection 4: must hold energy in Wh",
    one_meter(*quarters(1, 2), way=12): "meters = accumulationBehaviour 12: must hold",
    one_meter(*quarters(1)): "line 11: anna import: time = 1768435200: must have a row after it",
    one_meter(): "meters = no IntervalReading: must hold energy",
    one_meter(value("soon", 1), value(START, 2)): "line 11: start = soon: must be a whole number",
    one_meter(value(12, 1), value(912, 2)): "line 11: time = 12: no column",
    one_meter(value(START, 1), value(START, 2)): "line 12: anna import: time = 1768435200: is given twice",
    one_meter(value(START, 1), value(START + 900, 2, 1800)): "line 12: duration = 1800: must be 900, as at line 11",
    one_meter(value(START, 1), value(START + 3600, 2)): "line 11: duration = 900: must be 3600",
    one_meter(*(value(START + 86_400 * n, 1, 86_400) for n in (0, 1))): "line 12: anna import: time = 1768521600: must",
    one_meter(value(START + 60, 1), value(START + 960, 2)): "line 11: anna import: time = 1768435260: must lie",
    UNLINKED: "line 10: IntervalBlock = ",
    one_meter(*quarters(10**14, 10**14), power=6): "line 12: anna import at 2026-01-15T00:15Z = 100000000000000000000:",
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), FAULTS.items(), ids=range(len(FAULTS)))
def test_what_is_wrong_with_a_feed(tmp_path: Path, text: str, said: str) -> None:
    assert fault(tmp_path, text).startswith(said)


def test_what_a_feed_says_of_its_encoding_is_left_aside(tmp_path: Path) -> None:
    (reading,) = read(tmp_path, one_meter(*quarters(1, 2)).replace('encoding="UTF-8"', 'encoding="bogus"')).readings
    assert reading.energy_wh.tolist() == [1, 2]


@settings(max_examples=150)
@given(data=st.data())
def test_a_feed_that_was_cut_or_changed_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    text = several()
    begin = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(begin, min(len(text), begin + 60)))
    put = data.draw(st.sampled_from(("", "<", "-", "&a;", "\x00", "]]>", "9" * 30, "</content>", "é", '"')))
    fault_or_file = tmp_path_factory.getbasetemp() / "changed.xml"
    fault_or_file.write_text(text[:begin] + put + text[end:], encoding="utf-8")
    try:
        file = read_meter_file(fault_or_file)
    except BadInput:
        return
    assert all(reading.energy_wh.min() >= 0 for reading in file.readings)


# Octopus --------------------------------------------------------------------------------------------------------------
def octopus(*energies: object, first: str = "2026-03-29T00:00:00Z", newest_first: bool = True) -> str:
    """Half-hours over the night in which Britain's clocks go forward, as the interface tells them."""
    begin = datetime.fromisoformat(first)
    entries = []
    for n, energy in enumerate(energies):
        start, end = ((begin + HALF_HOUR * k).astimezone(UTC) for k in (n, n + 1))
        shown = [
            (time + timedelta(hours=time.hour >= 1)).strftime("%Y-%m-%dT%H:%M:%S")
            + ("+01:00" if time.hour >= 1 else "Z")
            for time in (start, end)
        ]
        entries.append({"consumption": energy, "interval_start": shown[0], "interval_end": shown[1]})
    return json.dumps(
        {"count": len(entries), "next": None, "previous": None, "results": entries[:: -1 if newest_first else 1]}
    )


@pytest.mark.parametrize("newest_first", [True, False])
def test_octopus_json(tmp_path: Path, newest_first: bool) -> None:
    file = read(tmp_path, octopus(0.063, 0.1, 0.0005, 0.0005, newest_first=newest_first), "home.json")
    (reading,) = file.readings
    assert (reading.meter, reading.register, reading.step_s) == ("home", "import", 1800)
    assert reading.energy_wh.tolist() == [63, 100, 0, 1]
    assert datetime.fromtimestamp(reading.start_utc, UTC).isoformat() == "2026-03-29T00:00:00+00:00"
    assert file.notes == ("wide, energy per interval, kWh",)


def test_octopus_csv(tmp_path: Path) -> None:
    text = (
        "Consumption (kwh), Estimated Cost Inc. Tax (p), Start, End\n"
        "0.063, 1.2, 2026-03-29T00:30:00+00:00, 2026-03-29T02:00:00+01:00\n"
        "0.100, 2.2, 2026-03-29T02:00:00+01:00, 2026-03-29T02:30:00+01:00\n"
    )
    (reading,) = read(tmp_path, text, "home.csv").readings
    assert (reading.register, reading.step_s, reading.energy_wh.tolist()) == ("import", 1800, [63, 100])


def test_plain_json(tmp_path: Path) -> None:
    entries = [{"time": START + 900 * n, "ben_counter_kwh": f"{n * n}.5"} for n in range(3)]
    (reading,) = read(tmp_path, json.dumps(entries), "x.json").readings
    assert (reading.meter, reading.energy_wh.tolist()) == ("ben", [1000, 3000])


JSON_FAULTS = {
    "{": "line 1: meters = ",
    "[" * 100_000: "meters = nested too deeply",
    '{"detail": "Authentication credentials were not provided."}': "meters = JSON of another kind",
    '{"results": []}': "meters = no entries",
    '{"results": [1, 2]}': "entry 1: meters = 1: must be an entry",
    "[]": "meters = no entries",
    octopus(1): "rows = 1: must be at least 2",
    octopus(1, -2): "entry 1: home import at 2026-03-29T00:30:00Z = -2: must not be negative",
    octopus(1, "x"): "entry 1: home import = x: must be a number",
    octopus(1, 2).replace("00:30:00Z", "00:30:00", 1): "entry 1: interval_start = 2026-03-29T00:30:00: must be a time",
    octopus(1, 2).replace('"interval_end": "2026-03-29T00:30:00Z"', '"interval_end": "2026-03-30T00:00:00Z"'): (
        "entry 2: interval_end = 2026-03-30T00:00:00Z: must be 30 minutes after its start"
    ),
    octopus(1, 2, 3).replace("00:30:00Z", "00:00:00Z"): "entry",
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), JSON_FAULTS.items(), ids=range(len(JSON_FAULTS)))
def test_what_is_wrong_with_json(tmp_path: Path, text: str, said: str) -> None:
    assert fault(tmp_path, text, "home.json").startswith(said)


# Through the door -----------------------------------------------------------------------------------------------------
def test_check_tells_every_fault_in_its_line(tmp_path: Path) -> None:
    good, bad, page = tmp_path / "good.xml", tmp_path / "bad.json", tmp_path / "page.xml"
    good.write_text(several())
    bad.write_text(octopus(1, -2))
    page.write_text("<html>")
    done = call("community", "check", good, "--json")
    assert (done.code, done.err) == (0, "")
    assert HOST not in done.out
    done = call("community", "check", good, bad, page)
    assert done.code == 4
    assert "bad.json: entry 1: bad import at 2026-03-29T00:30:00Z = -2: must not be negative" in done.out
    assert "page.xml: line 1: meters = no element found: must be XML" in done.out
    assert "Traceback" not in done.err


def test_a_home_of_a_scenario(tmp_path: Path) -> None:
    path = tmp_path / "home.xml"
    path.write_text(one_meter(*quarters(250, 0, 125, 1)))
    meter = read_meter(path, load_column="import", unit="Wh", span=(START + 900, START + 2700))
    assert (meter.load_wh.tolist(), meter.start_utc, meter.step_s) == ([0, 125], START + 900, 900)
    with pytest.raises(BadInput, match="unit = kWh: must be Wh, as Green Button files count"):
        read_meter(path, load_column="import")
    with pytest.raises(BadInput, match=r"column = export: must be a register of the file, .* import \(interval\)"):
        read_meter(path, load_column="export", unit="Wh")
    path.write_text(several())
    with pytest.raises(BadInput, match="meter = 2: must be the file's only usage point"):
        read_meter(path, load_column="import", unit="Wh")
    path.write_text(octopus(1, 2, 3))
    meter = read_meter(path, load_column="consumption_kwh", time_column="interval_start")
    assert np.array_equal(meter.load_wh, [1000, 2000, 3000])
