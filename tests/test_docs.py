"""The examples in README and docs run as they stand, and print what is shown."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.forked import standing_by
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


def test_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for language, text in blocks(ROOT / "README.md"):
        if language == "shell":
            for target in re.findall(r"^make (\w+)", text, re.MULTILINE):
                assert f"\n{target}:" in makefile


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*PAGES, ROOT / "ARCHITECTURE.md", ROOT / "CHANGELOG.md"]:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


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
