"""docs/cli.md is what the commands say of themselves."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from voltadesk.cli import NOUNS

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    specification = importlib.util.spec_from_file_location("make_cli_reference", DOCS / "make_cli_reference.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made(maker: ModuleType) -> str:
    return str(maker.reference())


def test_the_page_is_what_the_program_says(made: str) -> None:
    is_fresh = (DOCS / "cli.md").read_text("utf-8") == made
    assert is_fresh, "docs/cli.md is not what the commands say: run `python docs/make_cli_reference.py`"


def test_width_and_colour_of_the_terminal_play_no_part(
    maker: ModuleType, made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert maker.reference() == made


def test_every_group_and_its_examples_are_there(made: str) -> None:
    for noun in NOUNS:
        part = made.partition(f"\n## voltadesk {noun}\n")[2].partition("\n## ")[0]
        assert f"```shell\nvoltadesk {noun} " in part
        assert part.count("\n### ") >= 1
    assert "/home/" not in made
