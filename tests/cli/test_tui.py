"""`voltadesk tui` and `serve`: what is refused before anything is shown. The screen itself is tested in tests/ui."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import Done, call, start
from voltadesk.store.keys import Key

DRIVER = "textual.drivers.headless_driver:HeadlessDriver"


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment with folders of its own, in which nothing asks for a terminal."""
    for name in ("STATE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    for name in ("AS", "DESK", "KEY"):
        monkeypatch.delenv(f"VOLTADESK_{name}", raising=False)
    monkeypatch.setenv("TEXTUAL_DRIVER", DRIVER)


def told_by(done: Done) -> tuple[int, str]:
    """The exit code, and the one line that was told."""
    assert done.out == ""
    assert done.err.count("\n") == 1
    return done.code, done.err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--theme", "sepia"), 3, "theme = sepia: must be one of dark"),
        (("--speed", "fast"), 3, "speed = fast: must be a whole number from 1 to 1000000, or max"),
        (("--speed", "0"), 3, "speed = 0: must be a whole number from 1"),
        (("--fps", "0"), 2, "--fps"),
        (("--scenario", "atlantis"), 3, "atlantis"),
        (("--scenario", "none"), 3, "scenario = none"),
        (("--scenario", "village", "--desk", "here"), 2, "give either --scenario"),
        (("--desk", "nowhere"), 3, "nowhere"),
        (("--community", "nowhere"), 3, "community = nowhere: must be a folder with community.toml or rules.toml"),
    ],
)
def test_what_can_not_be_is_refused_in_one_line(tmp_path: Path, words: tuple[str, ...], code: int, told: str) -> None:
    ended, line = told_by(call("tui", *words))
    assert ended == code
    assert told in line
    assert not list(tmp_path.glob("**/desk.sqlite3"))


def test_a_process_refuses_in_the_same_line() -> None:
    assert start("tui", "--theme", "sepia") == call("tui", "--theme", "sepia")


def test_a_wrong_configuration_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config" / "voltadesk" / "screen.toml"
    path.parent.mkdir(parents=True)
    path.write_text("fps = 500\n")
    code, told = told_by(call("tui"))
    assert code == 3
    assert "fps = 500: must be a whole number from 1 to 60" in told
    assert "screen.toml" in told


def test_who_is_no_actor_can_not_look(tmp_path: Path) -> None:
    desk = str(tmp_path / "desk")
    assert call("init", "--desk", desk).code == 0
    code, told = told_by(call("tui", "--desk", desk, "--as", "nobody"))
    assert code != 0
    assert "nobody" in told
    key = Path(desk) / "keys" / "owner.key"
    key.unlink()
    Key.generate().write(key, b"secret")
    code, told = told_by(call("tui", "--desk", desk, "--as", "owner"))
    assert code != 0
    assert "passphrase" in told


def test_serve_names_the_extra_it_needs(tmp_path: Path) -> None:
    blocked = tmp_path / "textual_serve.py"
    blocked.write_text("raise ImportError('not here')\n")
    code, told = told_by(start("serve", PYTHONPATH=str(tmp_path)))
    assert code == 5
    assert told == "voltadesk: serve needs the extra 'web': pip install 'voltadesk[web]'\n"
