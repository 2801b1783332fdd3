"""Files that a scenario names: what does not fit is refused in one line, what lies beyond its days is passed over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.scenario import changed, refused, replay_file

HOURLY = ("price = 80.00", 'prices = { file = "prices.csv", timezone = "Europe/Berlin" }')
METER = ("annual_kwh = [2000, 3000]", 'meter = { file = "meter.csv", load = "load" }')


def hours(days: Sequence[int], without: Sequence[str] = (), *, value: str = "80.00") -> str:
    """A local hourly series over days of March 2026, each hour as on a day of 24, but for some."""
    stamps = [f"2026-03-{day:02d} {hour:02d}:00" for day in days for hour in range(24)]
    return "time,price,load\n" + "".join(f"{stamp},{value},0.2\n" for stamp in stamps if stamp not in without)


SKIPPED = "2026-03-29 02:00"


@pytest.mark.parametrize(
    ("change", "content", "message"),
    [
        (HOURLY, None, "prices.csv: no such file or directory, must be CSV, JSON or XML in UTF-8, or Parquet"),
        (METER, None, "meter.csv: no such file or directory, must be CSV, JSON or XML in UTF-8"),
        (HOURLY, "", "prices.csv: is an empty file, must be CSV, JSON or XML in UTF-8, or Parquet"),
        (HOURLY, hours([28, 29]),
         f"prices.csv: line 28: time = {SKIPPED}: does not exist on the clock of Europe/Berlin"),
        (HOURLY, hours([28, 29], [SKIPPED, "2026-03-28 05:00"]), "prices.csv: line 7: time = 2026-03-28 06:00: "),
        (HOURLY, hours([28]),
         "2026-03-27T23:00Z to 2026-03-28T23:00Z: must cover 2026-03-27T23:00Z to 2026-03-29T22:00Z"),
        (HOURLY, hours([29, 30], [SKIPPED]), "prices.csv: time = 2026-03-28T23:00Z to 2026-03-30T22:00Z: must cover"),
        (HOURLY, hours([28, 29], [SKIPPED], value="80.001"),
         "prices.csv: line 2: price = 80.001: must have at most 2 decimals"),
        (HOURLY, hours([28, 29], [SKIPPED], value="inf"), "prices.csv: line 2: price = inf: must be a finite number"),
        (HOURLY, hours([28, 29], [SKIPPED], value="1e400"), "prices.csv: line 2: price = 1e400: is too large"),
        (HOURLY, hours([28, 29], [SKIPPED], value="31000"),
         "prices.csv: line 2: price = 31000: must lie between -30000"),
        (METER, hours([28, 29], ["2026-03-28 05:00"]), "meter.csv: line 7: time = 2026-03-28 06:00: "),
        (METER, hours([28]), "2026-03-28T00:00Z to 2026-03-29T00:00Z: must cover 2026-03-27T23:00Z to"),
        (METER, hours([27, 28, 29]).replace("load", "lode"),
         "meter.csv: column = load: is not among the columns time, price, "),
        (METER, hours([27, 28, 29]).replace("23:00,80.00,0.2\n", "23:00,80.00,-0.2\n", 1),
         "meter.csv: line 25: load = -0.2: must not be negative"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_is_named(
    change: tuple[str, str], content: str | None, message: str, tmp_path: Path
) -> None:
    if content is not None:
        name = "prices.csv" if change is HOURLY else "meter.csv"
        (tmp_path / name).write_text(content, encoding="utf-8")
    line = refused(tmp_path, changed(change))
    assert line.startswith("town.toml: ")
    assert message in line


def far_and_near(faults: Sequence[tuple[str, str]], text: str = "") -> str:
    """A series around the scenario's days, with each fault put in the place of a row (or its beginning)."""
    text = text or hours(range(20, 32), [SKIPPED])
    for old, new in faults:
        assert old in text
        text = text.replace(old, new, 1)
    return text


FAR = [
    ("2026-03-21 05:00,80.00,0.2\n", ""),  # a gap
    ("2026-03-22 05:00,80.00,0.2\n", "2026-03-22 05:00,80.00,0.2\n" * 2),
    ("2026-03-26 05:00,80.00,0.2\n", "2026-03-26 05:00,,\n"),
    ("2026-03-31 05:00,80.00", "2026-03-31 05:30,80.001"),
]


@pytest.mark.parametrize("faults", [FAR, *([fault] for fault in FAR)])
def test_faults_outside_the_days_of_a_scenario_do_not_matter(faults: list[tuple[str, str]], tmp_path: Path) -> None:
    path = tmp_path / "town.toml"
    path.write_text(changed(HOURLY, METER), encoding="utf-8")
    outcomes = set()
    for content in (far_and_near([]), far_and_near(faults)):
        (tmp_path / "prices.csv").write_text(content, encoding="utf-8")
        # A meter counts in UTC here, where no hour is skipped.
        (tmp_path / "meter.csv").write_text(
            content.replace("2026-03-29 03", "2026-03-29 02:00,80.00,0.2\n2026-03-29 03"), encoding="utf-8"
        )
        outcomes.add(replay_file(path, "-q", "--json"))
    ((code, out, err),) = outcomes
    assert (code, err) == (0, "")
    assert out


def test_a_clock_change_outside_the_days_of_a_scenario_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(hours(range(20, 32)), encoding="utf-8")  # with the hour that was skipped
    path = tmp_path / "town.toml"
    for day, code in (("2026-03-26", 0), ("2026-03-27", 0), ("2026-03-28", 3), ("2026-03-29", 3), ("2026-03-30", 0)):
        path.write_text(changed(HOURLY, ("start = 2026-03-28", f"start = {day}")), encoding="utf-8")
        assert replay_file(path, "-q").code == code, day


@pytest.mark.parametrize("fault", ["2026-03-32 05:00", "yesterday", "2026-03-20T05:00Z"])
def test_a_row_without_a_time_is_refused_wherever_it_stands(fault: str, tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(far_and_near([("2026-03-20 05:00", fault)]), encoding="utf-8")
    assert f"prices.csv: line 7: time = {fault}: must be a date and time" in refused(tmp_path, changed(HOURLY))


def test_an_hour_that_repeats_once_is_ambiguous(tmp_path: Path) -> None:
    content = hours([28, 29]).replace("2026-03-28", "2026-10-25").replace("2026-03-29", "2026-10-26")
    (tmp_path / "prices.csv").write_text(content, encoding="utf-8")
    line = refused(tmp_path, changed(HOURLY, ("start = 2026-03-28", "start = 2026-10-25")))
    assert "prices.csv: line 4: time = 2026-10-25 02:00: is ambiguous on the clock of Europe/Berlin" in line


def test_series_that_fit_pass(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(hours([28, 29], [SKIPPED]), encoding="utf-8")
    (tmp_path / "meter.csv").write_text(hours([27, 28, 29]), encoding="utf-8")
    path = tmp_path / "town.toml"
    path.write_text(changed(HOURLY, METER), encoding="utf-8")
    done = replay_file(path, "--json", "-q")
    assert (done.code, done.err) == (0, "")
    assert "prices.csv: times read on the clock of Europe/Berlin" in done.out
    assert "meter.csv: times have no zone: read as UTC" in done.out
