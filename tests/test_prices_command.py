"""`voltadesk prices …`: kept whole or not at all, found by name everywhere, told exactly, refused in one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import duckdb
import pytest

from tests.commands import Done, call, refusal
from tests.scenario import changed
from voltadesk.feeds.prices.layout import Layout
from voltadesk.feeds.prices.series import read_prices
from voltadesk.feeds.prices.shelf import find_prices

FILES = Path(__file__).parent / "feeds" / "price_files"


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "shelf"
    monkeypatch.setenv("VOLTADESK_PRICES", str(folder))
    yield folder
    if folder.exists():  # whatever was refused left nothing half done
        kept = {json.loads(path.read_text())["parquet"] for path in folder.glob("*.json")}
        assert {path.name for path in folder.iterdir() if path.suffix != ".json"} == kept


def prices(*arguments: str | Path) -> Done:
    return call("prices", *arguments)


def done(*arguments: str | Path) -> dict:
    answer = prices(*arguments, "--json")
    assert (answer.code, answer.err) == (0, ""), answer.err
    return json.loads(answer.out, parse_float=Decimal)


def hourly(path: Path, day: int, values: list[str]) -> Path:
    rows = [f"2026-03-{day + n // 24:02d}T{n % 24:02d}:00Z,{value}" for n, value in enumerate(values)]
    path.write_text("\n".join(["time,price_eur_mwh", *rows]) + "\n", "utf-8")
    return path


# Import ---------------------------------------------------------------------------------------------------------------
def test_an_import_says_what_it_is_and_where_it_came_from(shelf: Path) -> None:
    tree = done("import", FILES / "smard.csv", "--zone", "DE-LU", "--name", "de-lu")
    assert (tree["name"], tree["zone"], tree["unit"], tree["timezone"]) == (
        "de-lu",
        "DE-LU",
        "EUR/MWh",
        "Europe/Berlin",
    )
    assert (tree["start_utc"], tree["end_utc"], tree["intervals"]) == ("2025-10-25T22:00Z", "2025-10-26T06:00Z", 8)
    assert tree["resolutions"] == [{"from_utc": "2025-10-25T22:00Z", "minutes": 60}]
    assert (tree["lowest_per_mwh"], tree["highest_per_mwh"]) == (Decimal("-5.01"), Decimal("1234.50"))
    (source,) = tree["sources"]
    assert source["sha256"] == sha256((FILES / "smard.csv").read_bytes()).hexdigest()
    assert (source["file"], source["format"], source["rows"]) == ("smard.csv", "smard", 8)
    assert json.loads((shelf / "de-lu.json").read_text()) == {
        name: tree[name] for name in json.loads((shelf / "de-lu.json").read_text())
    }
    shown = done("show", "de-lu")
    assert shown == {name: value for name, value in tree.items() if name not in ("findings", "refused")}
    assert done("list")["series"][0]["name"] == "de-lu"


def test_the_same_import_again_changes_nothing(shelf: Path) -> None:
    names = ("import", FILES / "awattar.json", "--name", "a")
    first = done(*names)
    before = {path.name: path.read_bytes() for path in shelf.iterdir()}
    again = done(*names)
    assert again["found"] == ["3 rows that stand twice, alike"]
    assert again["parquet_sha256"] == first["parquet_sha256"]
    after = {path.name: path.read_bytes() for path in shelf.iterdir()}
    assert {name for name in after if name.endswith(".parquet")} == {n for n in before if n.endswith(".parquet")}


def test_more_files_go_on_with_a_series_and_other_prices_are_refused(tmp_path: Path, shelf: Path) -> None:
    first, second = hourly(tmp_path / "a.csv", 1, ["1.5"] * 20 + ["2"] * 4), hourly(tmp_path / "b.csv", 2, ["3"] * 24)
    done("import", first, "--name", "x")
    tree = done("import", second, "--name", "x")
    assert (tree["intervals"], [source["file"] for source in tree["sources"]]) == (48, ["a.csv", "b.csv"])
    before = {path.name: path.read_bytes() for path in shelf.iterdir()}
    other = hourly(tmp_path / "c.csv", 2, ["4"] * 24)
    answer = prices("import", other, "--name", "x")
    assert "c.csv: line 2: time = 2026-03-02T00:00Z: is given twice: 3.00 in x: row 25, 4.00 here" in refusal_line(
        answer, 3
    )
    gap = hourly(tmp_path / "d.csv", 5, ["4"] * 24)
    assert "2026-03-03T00:00Z is missing before it" in refusal_line(prices("import", gap, "--name", "x"), 3)
    assert {path.name: path.read_bytes() for path in shelf.iterdir()} == before


def refusal_line(answer: Done, code: int) -> str:
    assert answer.code == code
    return answer.err.strip().splitlines()[-1]


def test_all_that_stands_in_the_way_is_in_one_table(tmp_path: Path, shelf: Path) -> None:
    path = hourly(tmp_path / "bad.csv", 1, ["1", "", "2", "3"])
    path.write_text(path.read_text() + "2026-03-01T06:00Z,5\n2026-03-01T03:00Z,9\n")
    answer = prices("import", path, "--name", "bad")
    assert "bad.csv: line 3: prices = '': is blank" in refusal_line(answer, 3)
    for text in (
        "bad.csv: line 3",
        "bad.csv: line 6",
        "bad.csv: line 7",
        "blank (refused)",
        "gap (refused)",
        "conflict",
    ):
        assert text in answer.err
    assert not shelf.exists()
    checked = prices("check", path, "--json")
    assert checked.code == 4
    tree = json.loads(checked.out)
    assert tree["refused"] == 3
    assert {row["kind"] for row in tree["findings"]} == {"blank", "gap", "conflict", "order"}


def test_gaps_are_repaired_as_told_and_that_is_kept(tmp_path: Path) -> None:
    path = hourly(tmp_path / "gap.csv", 1, ["1", "", "2", "3"])
    for fill, intervals, ticks in (("none", 3, ["1.00", "2.00", "3.00"]), ("previous", 4, ["1.00", "1.00"]),
                                   ("interpolate", 4, ["1.00", "1.50", "2.00"])):  # fmt: skip
        tree = done("import", path, "--name", fill, "--fill", fill)
        assert (tree["intervals"], tree["gaps"], tree["found"]) == (intervals, fill, ["1 rows without a price"])
        rows = prices("export", fill).out.splitlines()[1:]
        assert [row.split(",")[2] for row in rows][: len(ticks)] == ticks


def test_a_name_is_made_of_the_file_and_the_zone(shelf: Path) -> None:
    assert done("import", FILES / "ember.csv", "--zone", "AUT")["name"] == "ember-aut"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("import", "none.csv"), 3, "prices = none.csv: no such file or directory, must be CSV, JSON or XML"),
        (("import", FILES / "awattar.json", "--name", "Not A Name"), 3, "name = Not A Name: must be 1 to 64 small"),
        (("import", FILES / "awattar.json", "--name", "../x"), 3, "name = ../x: must be 1 to 64 small"),
        (("import", FILES / "awattar.json", "--currency", "euro"), 3, "currency = euro: must be three capital letters"),
        (("import", FILES / "awattar.json", "--timezone", "Mars"), 3, "timezone = Mars: must be an IANA time zone"),
        (("import", FILES / "awattar.json", "--unit", "apples"), 3, "unit = apples: must be money and energy"),
        (("import", FILES / "awattar.json", "--where", "x"), 3, "where = x: must be COLUMN=TEXT"),
        (
            ("import", FILES / "awattar.json", "--where", "x=1"),
            3,
            "where = x=1: must name a column of a file",
        ),
        (("import", FILES / "awattar.json", "--fill", "guess"), 2, "must be one of none, previous, interpolate"),
        (("import",), 2, "missing argument"),
        (("show", "nothing"), 3, "name = nothing: must be an imported series: none yet"),
        (("export", "nothing"), 3, "name = nothing: must be an imported series"),
        (("export", "x", "--format", "parquet"), 3, "out: must be a file"),
    ],
)
def test_refused(arguments: tuple[str | Path, ...], code: int, said: str, shelf: Path) -> None:
    assert said in refusal_line(prices(*arguments), code)
    assert not shelf.exists()


def test_a_damaged_series_is_told(shelf: Path) -> None:
    done("import", FILES / "awattar.json", "--name", "a")
    (file,) = shelf.glob("*.parquet")
    body = file.read_bytes()
    file.write_bytes(body[:-9] + b"x" + body[-8:])
    for command in (("show", "a"), ("import", FILES / "awattar.json", "--name", "a")):
        assert "is damaged: its Parquet file is not as it was written" in refusal_line(prices(*command), 3)
    assert "is damaged" in refusal(call("headless", "backtest", "a", "-q"))
    (shelf / "a.json").write_text("{")
    assert "is damaged: its description can't be read" in refusal_line(prices("show", "a"), 3)
    file.unlink()
    (shelf / "a.json").unlink()


def test_a_write_that_fails_leaves_what_was_there(shelf: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done("import", hourly(tmp_path / "a.csv", 1, ["1"] * 24), "--name", "x")
    before = {path.name: path.read_bytes() for path in shelf.iterdir()}
    more = hourly(tmp_path / "b.csv", 2, ["2"] * 24)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("voltadesk.feeds.prices.shelf._write_parquet", full)
    assert prices("import", more, "--name", "x").code == 1
    assert {path.name: path.read_bytes() for path in shelf.iterdir()} == before


# Export ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_what_is_exported_is_read_as_the_same_series(form: str, tmp_path: Path) -> None:
    tree = done("import", FILES / "entsoe_py.csv", "--name", "x", "--zone", "DE-LU", "--timezone", "Europe/Berlin")
    out = tmp_path / f"x.{form}"
    assert prices("export", "x", "--format", form, "--out", out) == (0, "", "")
    again = done("import", out, "--name", "y")
    assert again["parquet_sha256"] == tree["parquet_sha256"]
    assert (again["zone"], again["currency"], again["timezone"]) == ("DE-LU", "EUR", "Europe/Berlin")


def test_the_file_is_plain_parquet(shelf: Path) -> None:
    done("import", FILES / "awattar.json", "--name", "x")
    (file,) = shelf.glob("*.parquet")
    with duckdb.connect() as database:
        rows = database.execute("SELECT price, currency, epoch(start) FROM read_parquet(?)", [str(file)]).fetchall()
    assert rows[0] == (Decimal("42.09"), "EUR", 1_759_255_200)


# By name --------------------------------------------------------------------------------------------------------------
def test_a_backtest_takes_a_name_or_any_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = hourly(tmp_path / "h.csv", 1, [f"{n * 37 % 24 * 5}.25" for n in range(24 * 5)])
    done("import", path, "--name", "march")
    by_name, by_file = (
        json.loads(call("headless", "backtest", given, "--strategy", "perfect", "-q", "--json").out)
        for given in ("march", path)
    )
    assert by_name["strategies"] == by_file["strategies"]
    exported = tmp_path / "h.json"
    prices("export", "march", "--format", "json", "--out", exported)
    other = json.loads(call("headless", "backtest", exported, "--strategy", "perfect", "-q", "--json").out)
    assert other["strategies"] == by_file["strategies"]


def test_a_scenario_and_a_desk_take_a_name(tmp_path: Path) -> None:
    path = hourly(tmp_path / "upstream.csv", 25, ["80.00"] * 24 * 6)
    done("import", path, "--name", "upstream")
    named = tmp_path / "named.toml"
    named.write_text(changed(("price = 80.00", 'prices = { file = "upstream" }')), "utf-8")
    filed = tmp_path / "filed.toml"
    filed.write_text(changed(("price = 80.00", 'prices = { file = "upstream.csv" }')), "utf-8")
    one, other = (call("headless", "replay", toml, "-q", "--json") for toml in (named, filed))
    assert one.code == other.code == 0
    assert json.loads(one.out)["price"] == json.loads(other.out)["price"]
    desk = tmp_path / "desk"
    assert call("init", "--desk", desk, "--scenario", named).code == 0
    assert call("headless", "run", "--intervals", "2", "--desk", desk).code == 0


def test_a_file_goes_before_a_series_of_its_name(tmp_path: Path) -> None:
    done("import", FILES / "awattar.json", "--name", "here")
    assert find_prices("here", tmp_path).parent != tmp_path
    (tmp_path / "here").write_text((FILES / "energi_data_service.csv").read_text("utf-8"), "utf-8")
    assert find_prices("here", tmp_path) == tmp_path / "here"
    assert read_prices(find_prices("here", tmp_path), Layout(currency="EUR")).grid.count == 4
