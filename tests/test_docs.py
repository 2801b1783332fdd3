"""The examples in README and docs run as they stand, and print what is shown."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.forked import standing_by
from voltadesk import __version__
from voltadesk.community import price_rules, rules
from voltadesk.scenario import model

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[str, str]]:
    """(language, text) of each fenced block of a page."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the program."""
    with standing_by(tmp_path_factory.mktemp("by")) as folder:
        yield folder


@pytest.mark.parametrize("page", [page for page in PAGES if "```sh\n" in page.read_text("utf-8")], ids=lambda p: p.name)
def test_examples_run_and_print_what_is_shown(page: Path, programs: Path, tmp_path: Path) -> None:
    python = Path(sys.executable).parent  # the one that has the program
    path = os.pathsep.join(map(str, (programs, python, os.environ["PATH"])))
    output = ""
    for language, text in blocks(page):
        if language == "sh":
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", text],
                cwd=tmp_path,
                env=os.environ
                | {
                    "PATH": path,
                    "VOLTADESK_DESK": str(tmp_path / "desk"),  # as the guide exports it
                    "VOLTADESK_PRICES": str(tmp_path / "prices"),
                },
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            output = " ".join(done.stdout.split())
        elif language == "text":
            for line in text.splitlines():
                assert " ".join(line.split()) in output


@pytest.mark.parametrize("page", [page for page in PAGES if "\n>>> " in page.read_text("utf-8")], ids=lambda p: p.name)
def test_sessions_of_python_say_what_is_shown(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VOLTADESK_PRICES", str(tmp_path / "prices"))
    said: list[str] = []
    text = "\n".join(text for language, text in blocks(page) if language == "python" and text.startswith(">>> "))
    session = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    assert doctest.DocTestRunner(verbose=False).run(session, out=said.append).failed == 0, "".join(said)


def test_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for language, text in blocks(ROOT / "README.md"):
        if language == "shell":
            for target in re.findall(r"^make (\w+)", text, re.MULTILINE):
                assert f"\n{target}:" in makefile


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*PAGES, *(ROOT / f"{name}.md" for name in ("ARCHITECTURE", "CHANGELOG", "CONTRIBUTING"))]:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_site_is_built_without_a_broken_link_and_asks_nothing_of_other_machines(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("zensical")
    if not program.exists():
        pytest.skip("zensical is not installed")
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    done = subprocess.run([program, "build", "--strict"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    site = tmp_path / "build" / "site"
    for page in (tmp_path / "docs").glob("*.md"):
        text = (site / f"{page.stem}.html").read_text("utf-8")
        assert not re.findall(r"<(?:script|img|link|iframe)[^>]+(?:src|href)=[\"']?(?:https?:)?//", text), page.name
    # As many pages as the navigation names: none is left where nobody finds it.
    named = re.findall(r'= "([\w-]+\.md)"', (ROOT / "zensical.toml").read_text("utf-8"))
    assert sorted(named) == sorted(page.name for page in (ROOT / "docs").glob("*.md"))


def test_the_citation_is_of_this_version() -> None:
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")


def keys(part: type[model.Part]) -> set[str]:
    return set(part.model_fields)


def test_every_key_of_a_scenario_is_documented_and_no_other() -> None:
    page = (ROOT / "docs" / "scenarios.md").read_text("utf-8")
    parts = [part for part in vars(model).values() if isinstance(part, type) and issubclass(part, model.Part)]
    known = set().union(*(keys(part) for part in parts))
    described = set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))
    assert described == known


def test_every_key_of_a_community_is_documented_and_no_other() -> None:
    page = (ROOT / "docs" / "community.md").read_text("utf-8").partition("## Keys of community.toml")[2]
    parts = [
        part
        for part in (vars(rules) | vars(price_rules)).values()
        if isinstance(part, type) and issubclass(part, model.Part)
    ]
    known = set().union(*(keys(part) for part in parts)) - {
        *("sharing", "pools", "prices", "tariffs", "fees", "charges", "bank")
    }
    described = set(re.findall(r"^\| `(\w+)` \|", page.partition("## What is written")[0], re.MULTILINE))
    assert described == known


def test_every_exit_code_is_documented() -> None:
    from voltadesk import errors

    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    codes = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")}
    for code in codes | {0, 130}:
        assert f"\n| {code} |" in page
