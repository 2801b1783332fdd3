"""Statements as HTML and PDF: to the letter, the same bytes whenever they are made, names never taken for markup."""

from __future__ import annotations

import io
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from tests.commands import Done, refusal, start
from tests.test_community_bank import COLLECTED, DAY, run, with_lines
from tests.test_community_command import RULES, settle
from tests.test_community_command import rules as rules_file
from voltadesk.report.community_page import Bar, Page, Picture, Piece
from voltadesk.report.document import Section, printable
from voltadesk.report.html_page import html_page
from voltadesk.report.pdf_page import pdf_page

GOLDEN = Path(__file__).parent / "golden" / "statement.html"
STATEMENTS = "out/statements/2026-01-01"


class Words(HTMLParser):
    """The elements of a page and the words that a reader sees."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        if data.strip() and self.tags[-1] != "style":
            self.words.append(data)


def pdf_text(made: bytes) -> str:
    """What a PDF says, line breaks as blanks."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(made)).pages).split())


def test_a_statement_to_the_letter(tmp_path: Path) -> None:
    run(tmp_path, "--html", text=COLLECTED)
    assert (tmp_path / STATEMENTS / "anna.html").read_text("utf-8") == GOLDEN.read_text("utf-8")


def test_pages_need_nothing_from_elsewhere(tmp_path: Path) -> None:
    out = run(tmp_path, "--html", text=COLLECTED)
    pages = [out / "report.html", *(tmp_path / STATEMENTS).glob("*.html")]
    assert len(pages) == 4
    for page in pages:
        text = page.read_text("utf-8")
        assert not re.search(r"https?:|url\(|@import|\bsrc=|\bhref=", text)
        assert {"script", "link", "img", "iframe"}.isdisjoint(Words(text).tags)


def test_a_pdf_says_what_the_statement_says(tmp_path: Path) -> None:
    out = run(tmp_path, "--pdf", text=with_lines("ben", 'title = "Ελένη & Łukasz <i>"', text=COLLECTED))
    anna, ben = (pdf_text((tmp_path / STATEMENTS / f"{name}.pdf").read_bytes()) for name in ("anna", "ben"))
    for said in (
        "Statement house-2026-01-01-001", "Žofie Šťastná", "To pay 1.05 EUR",
        "We collect it on 2026-02-16 from CZ65…5399",
        "from the community: 4.800 kWh (50.0 %)", "Billed by the community", "a saving of 0.68 EUR", "page 1",
    ):  # fmt: skip
        assert said in anna
    assert "Ελένη & Łukasz <i>" in ben
    assert "Report 2026-01-01" in pdf_text((out / "report.pdf").read_bytes())


def test_the_same_settlement_makes_the_same_bytes(tmp_path: Path) -> None:
    run(tmp_path, "--pdf", "--html", text=COLLECTED)
    words = ["community", "settle", tmp_path / "meters.csv", "--rules", rules_file(tmp_path, COLLECTED)]
    words += ["--from", "2026-01-01", "--out", tmp_path / "again", "--issued", "2026-02-01", "--pdf", "--html"]
    assert start(*words, PYTHONHASHSEED="7", TZ="Asia/Tokyo").code == 0
    files = [path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {".pdf", ".html", ".xml"}
    for path in files:
        assert (tmp_path / "out" / path).read_bytes() == (tmp_path / "again" / path).read_bytes(), path


def test_a_pdf_bears_no_date_and_holds_its_fonts(tmp_path: Path) -> None:
    run(tmp_path, "--pdf", text=COLLECTED)
    reader = PdfReader(tmp_path / STATEMENTS / "anna.pdf")
    assert reader.metadata is not None
    assert (reader.metadata.title, reader.metadata.author) == ("Statement house-2026-01-01-001", "house")
    assert str(reader.metadata.creation_date).startswith("2000-01-01")  # what the library writes instead of a date
    fonts = [font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()]  # type: ignore[index]
    named = {font["/BaseFont"]: font for font in fonts if "Roboto" in font["/BaseFont"]}
    assert len(named) == 2
    assert all("/FontFile2" in font["/FontDescriptor"].get_object() for font in named.values())


# Names ----------------------------------------------------------------------------------------------------------------
TEXT = st.text(min_size=1, max_size=60)


def page_of(texts: list[str]) -> Page:
    a, b, c, d, e = map(printable, texts)
    bars = (Bar(a, b, (Piece("own", c, d, 700), Piece("grid", e, a, 300))),)
    table = Section(b, (c, d, "kWh"), [(e, a, "1.000"), ("sum", b, "1.000")], 2, (c,))
    return Page(a, "Statement", b, c, ((d, e),), ("To pay", "1.00 EUR"), (e,), [Picture(d, bars, (e,)), table])


@settings(max_examples=40)
@given(st.lists(TEXT, min_size=5, max_size=5))
def test_names_are_never_markup(texts: list[str]) -> None:
    page = page_of(texts)
    plain = Words(html_page(page_of(["x"] * 5)).decode())
    drawn = Words(html_page(page).decode())
    assert [tag for tag in drawn.tags if tag != "h1"] == [tag for tag in plain.tags if tag != "h1"]
    assert pdf_page(page).startswith(b"%PDF-")


def test_a_name_that_looks_like_markup_stands_as_it_is(tmp_path: Path) -> None:
    title = "<script>alert(1)</script> {{ 7*7 }} &amp; <para>"
    run(tmp_path, "--html", "--pdf", text=with_lines("anna", f'title = "{title}"'))
    page = Words((tmp_path / STATEMENTS / "anna.html").read_text("utf-8"))
    assert title in page.words
    assert title in pdf_text((tmp_path / STATEMENTS / "anna.pdf").read_bytes())


def test_long_names_and_long_tables_stay_on_the_page() -> None:
    rows = [("n" * 40, f"zone {n}", "1,234,567.000") for n in range(200)]
    table = Section("Lines", ("item", "", "kWh"), rows, 2)
    made = pdf_page(
        Page("w" * 200, "Statement", "n" * 60, "r" * 200, (), ("To pay", "1.00 EUR"), ("x " * 400,), [table])
    )
    reader = PdfReader(io.BytesIO(made))
    assert len(reader.pages) > 3
    assert pdf_text(made).count("1,234,567.000") == 200


# Without the extra ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("option", "module", "library"), [("--html", "html_page", "jinja2"), ("--pdf", "pdf_page", "reportlab")]
)
def test_without_the_extra_the_install_line_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, module: str, library: str
) -> None:
    monkeypatch.delitem(sys.modules, f"voltadesk.report.{module}")
    monkeypatch.setitem(sys.modules, library, None)
    done = settle(tmp_path, DAY, "--out", tmp_path / "out", option)
    assert done == Done(5, "", f"voltadesk: {option} needs the extra 'report': pip install 'voltadesk[report]'\n")
    assert not (tmp_path / "out").exists()


def test_pages_need_a_folder(tmp_path: Path) -> None:
    assert refusal(settle(tmp_path, DAY, "--pdf", text=RULES)).startswith("out: must be given with --html and --pdf")
