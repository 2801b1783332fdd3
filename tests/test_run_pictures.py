"""Reports with pictures: the same bytes in every process, nothing from elsewhere, names never taken for markup."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.commands import call, refusal, start
from tests.replays import LIVELY
from tests.test_community_pages import Words
from voltadesk.report.run_report import CHARTS

TITLE = '<script>alert("x")</script> & $\\alpha$'
REPLAYED = ("price", "mix", "load", "community", "fleet", "duration")  # of less than three days


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scenario of a hostile title, and the files of a replay and of a backtest."""
    folder = tmp_path_factory.mktemp("drawn")
    text = re.sub(r"^name = .*$", lambda name: f"{name[0]}\ntitle = '{TITLE}'", LIVELY, count=1, flags=re.MULTILINE)
    (folder / "town.toml").write_text(text, encoding="utf-8")
    rows = [f"{1_735_689_600 + 3600 * n},{(n * 37 % 24) * 5 - 10}.25" for n in range(24 * 25)]
    (folder / "prices.csv").write_text("\n".join(["time,price", *rows]) + "\n")
    for command in (
        ("replay", folder / "town.toml", "--out", folder / "replay"),
        ("backtest", folder / "prices.csv", "--strategy", "timetable", "--out", folder / "backtest"),
    ):
        done = call("headless", *command, "--html", "--png", "--json", "-q")
        assert (done.code, done.err) == (0, "")
    return folder


def test_the_same_bytes_in_another_process_with_other_settings(drawn: Path, tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("font.size: 30\nsvg.fonttype: none\nlines.linewidth: 9\naxes.grid: False\n")
    done = start(
        "headless", "replay", drawn / "town.toml", "--out", tmp_path / "out", "--html", "--png", "-q",
        MATPLOTLIBRC=str(tmp_path / "matplotlibrc"), PYTHONHASHSEED="7", TZ="Asia/Tokyo",
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    made = {path.relative_to(drawn / "replay") for path in (drawn / "replay").rglob("*") if path.is_file()}
    assert {Path("report.html"), *(Path(f"pictures/{name}.png") for name in REPLAYED)} < made
    for name in made:
        if name.suffix != ".parquet":
            assert (tmp_path / "out" / name).read_bytes() == (drawn / "replay" / name).read_bytes(), name


@pytest.mark.parametrize("kind", ["replay", "backtest"])
def test_a_page_needs_nothing_from_elsewhere(drawn: Path, kind: str) -> None:
    text = (drawn / kind / "report.html").read_text("utf-8")
    assert set(re.findall(r'(?:href|src)="(.)', text)) <= {"#", "d"}  # parts of the page, and data
    assert set(re.findall(r"https?://[^\"\s<)]+", text)) <= {
        "http://www.w3.org/1999/xlink",
        "http://www.w3.org/2000/svg",
    }
    assert "@import" not in text
    assert set(re.findall(r"url\((.)", text)) <= {"#"}
    names = re.findall(r' id="([^"]+)"', text)
    assert len(names) == len(set(names))
    for drawing in re.findall(r"<svg class=.*?</svg>", text, re.DOTALL):
        ElementTree.fromstring(drawing)  # noqa: S314
        assert set(re.findall(r"(?:href=\"|url\()#([^\")]+)", drawing)) <= set(re.findall(r' id="([^"]+)"', drawing))


def test_titles_are_no_markup(drawn: Path) -> None:
    text = (drawn / "replay" / "report.html").read_text("utf-8")
    page = Words(text)
    assert "script" not in page.tags
    assert TITLE in page.words


def test_a_page_has_the_figures_and_pictures_of_the_report(drawn: Path) -> None:
    text = (drawn / "replay" / "report.html").read_text("utf-8")
    assert text.count("<figure>") == text.count("<figcaption>") == len(REPLAYED)
    for line in (drawn / "replay" / "report.md").read_text("utf-8").splitlines():
        if line.startswith("| ") and "---" not in line:
            for cell in filter(None, line.strip("| ").split(" | ")):
                assert cell in text, cell
    digest = re.search(r"[0-9a-f]{64}", (drawn / "replay" / "report.json").read_text("utf-8"))
    assert digest is not None
    assert f"digest {digest[0]}</footer>" in text
    assert not re.search(r"202[6-9]-\d\d-\d\dT\d\d:\d\d:\d\d", text)


@pytest.mark.parametrize(("kind", "names"), [("replay", REPLAYED), ("backtest", ("earned", "fleet", "day", "price"))])
def test_markdown_shows_the_pictures(drawn: Path, kind: str, names: tuple[str, ...]) -> None:
    shown = re.findall(
        r"^!\[[^]]+\]\((pictures/\w+\.png)\)$", (drawn / kind / "report.md").read_text("utf-8"), re.MULTILINE
    )
    assert sorted(shown) == sorted(f"pictures/{path.name}" for path in (drawn / kind / "pictures").iterdir())
    assert {f"pictures/{name}.png" for name in names} <= set(shown) <= {f"pictures/{name}.png" for name in CHARTS}
    for name in shown:
        png = (drawn / kind / name).read_bytes()
        width, height = struct.unpack(">II", png[16:24])
        assert width == 1440
        assert 300 < height < 800
        assert not {b"tEXt", b"tIME", b"iTXt"} & {png[n : n + 4] for n in range(8, 200)}


def test_what_an_earlier_run_drew_is_taken_away(drawn: Path, tmp_path: Path) -> None:
    earlier = ("report.html", "pictures/price.png", "trades.json", "batteries.csv")
    for name in (*earlier, "pictures/mine.png", "other.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("earlier")
    done = call("headless", "replay", drawn / "town.toml", "--out", tmp_path, "-q", "--until", "2026-03-29")
    assert done.code == 0, done.err
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    made = [f"{name}.parquet" for name in ("batteries", "intervals", "participants", "trades")]
    assert left == sorted([*made, "report.json", "report.md", "pictures/mine.png", "other.json"])


def test_nothing_is_drawn_without_a_folder_or_the_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for command in (("replay",), ("backtest", "sample")):
        assert refusal(call("headless", *command, "--html")).startswith("out: must be given with --html and --png")
        with monkeypatch.context() as patch:
            patch.setattr("voltadesk.cli.drawn.find_spec", lambda name: None)
            done = call("headless", *command, "--png", "--out", tmp_path / "out")
        assert (done.code, done.out) == (5, "")
        assert done.err == "voltadesk: --png needs the extra 'report': pip install 'voltadesk[report]'\n"
        assert not (tmp_path / "out").exists()
