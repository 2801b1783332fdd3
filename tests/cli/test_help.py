"""Help and guide say what there is, and nothing else."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.commands import call
from voltadesk.cli import NOUNS
from voltadesk.desk.commands import COMMANDS
from voltadesk.desk.refusal import CODES

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "desk.md"
PAGES = ["", "init", "export", "backup", "restore", "rebuild", "doctor", *NOUNS]


def verbs(noun: str) -> list[str]:
    return re.findall(r"^  ([a-z-]+)  ", call(*noun.split(), "--help").out.split("Commands:")[-1], re.MULTILINE)


def examples(page: str) -> list[str]:
    """The examples of a help page."""
    text = call(*page.split(), "--help").out
    return re.findall(r"^    (voltadesk .*)$", text, re.MULTILINE)


@pytest.mark.parametrize("noun", [noun for noun in NOUNS if noun != "headless"])
def test_examples_in_help_are_commands(noun: str) -> None:
    pages = [noun, *(f"{noun} {verb}" for verb in verbs(noun))]
    for page in pages:
        shown = examples(page)
        assert shown, page
        for example in shown:
            words = shlex.split(example.partition(" | ")[0].partition(" > ")[0])
            if "--" not in words[-1]:
                assert call(*words[1:], "--help").code == 0, example


def test_every_command_of_the_desk_can_be_given() -> None:
    known = {f"{noun}.{verb}" for noun in NOUNS for verb in verbs(noun)}
    assert set(COMMANDS) - {"market.advance"} <= known
    assert "headless.run" in known


def test_the_guide_lists_every_refusal() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+) \|$", GUIDE.read_text("utf-8"), re.MULTILINE)
    assert dict(rows) == CODES


def test_every_command_of_the_guide_is_there() -> None:
    for noun, verb in re.findall(r"`?voltadesk (\w+) ([a-z-]+)", GUIDE.read_text("utf-8")):
        if noun in NOUNS:
            assert verb in verbs(noun)
        else:
            assert noun in PAGES
