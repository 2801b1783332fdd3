"""`voltadesk tui` and `serve`: what is refused before anything is shown. The screen itself is tested in tests/ui."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from voltadesk.store.keys import Key

PROGRAM = [sys.executable, "-m", "voltadesk"]


def environment(folder: Path, **more: str) -> dict[str, str]:
    """One with folders of its own, in which nothing asks for a terminal."""
    homes = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("STATE", "CONFIG", "DATA")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VOLTADESK_")}
    return kept | homes | {"TEXTUAL_DRIVER": "textual.drivers.headless_driver:HeadlessDriver"} | more


def refused(folder: Path, *words: str, **more: str) -> tuple[int, str]:
    done = subprocess.run(
        [*PROGRAM, *words], env=environment(folder, **more), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.returncode, done.stderr


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
    ],
)
def test_what_can_not_be_is_refused_in_one_line(tmp_path: Path, words: tuple[str, ...], code: int, told: str) -> None:
    assert refused(tmp_path, "tui", *words)[0] == code
    assert told in refused(tmp_path, "tui", *words)[1]
    assert not list(tmp_path.glob("**/desk.db"))


def test_a_wrong_configuration_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config" / "voltadesk" / "screen.toml"
    path.parent.mkdir(parents=True)
    path.write_text("fps = 500\n")
    code, told = refused(tmp_path, "tui")
    assert code == 3
    assert "fps = 500: must be a whole number from 1 to 60" in told
    assert "screen.toml" in told


def test_who_is_no_actor_can_not_look(tmp_path: Path) -> None:
    desk = str(tmp_path / "desk")
    subprocess.run([*PROGRAM, "init", "--desk", desk], env=environment(tmp_path), capture_output=True, check=True)
    code, told = refused(tmp_path, "tui", "--desk", desk, "--as", "nobody")
    assert code != 0
    assert "nobody" in told
    key = Path(desk) / "keys" / "owner.key"
    key.unlink()
    Key.generate().write(key, b"secret")
    code, told = refused(tmp_path, "tui", "--desk", desk, "--as", "owner")
    assert code != 0
    assert "passphrase" in told


def test_serve_names_the_extra_it_needs(tmp_path: Path) -> None:
    blocked = tmp_path / "textual_serve.py"
    blocked.write_text("raise ImportError('not here')\n")
    code, told = refused(tmp_path, "serve", PYTHONPATH=str(tmp_path))
    assert code == 1
    assert told == "voltadesk: serve needs the extra web: pip install 'voltadesk[web]'\n"
