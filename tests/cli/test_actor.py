"""Keys of actors: made, changed without loss, lent for a while."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.answers import refused, tree
from tests.cli.conftest import Ask, asking, open_pipe
from tests.commands import call
from voltadesk.errors import Interrupted
from voltadesk.store.desk import Desk, OutcomeUnknown
from voltadesk.store.keys import Key


def public_key(ask: Ask, name: str) -> str:
    return str(tree(ask("actor", "show", name, "--json"))["public_key"])


def test_a_new_actor_gets_a_key_file(plain: Path) -> None:
    ask = asking(plain)
    with open_pipe(b"secret\n") as fd:
        done = ask("actor", "add", "eve", "--new-passphrase-fd", fd)
    assert f"the key of eve is in {plain / 'keys' / 'eve.key'}" in done.err
    assert Key.is_encrypted(plain / "keys" / "eve.key")
    assert (plain / "keys" / "eve.key").stat().st_mode & 0o777 == 0o600


def test_one_who_keeps_the_key_elsewhere(plain: Path, tmp_path: Path) -> None:
    ask = asking(plain)
    file = tmp_path / "far" / "eve.key"
    made = call("actor", "new-key", file)
    assert made.code == 0
    assert ask("actor", "add", "eve", "--public-key", made.out.strip()).code == 0
    assert not (plain / "keys" / "eve.key").exists()
    assert tree(ask("owner", "transfer", "eve", "--json"))["actor"] == "owner"
    assert ask("owner", "accept", "--as", "eve", "--key-file", file).code == 0
    assert refused(call("actor", "new-key", file), 7).endswith("keys are never overwritten")


def test_the_form_of_public_keys_in_files_is_taken_too(plain: Path, tmp_path: Path) -> None:
    call("actor", "new-key", tmp_path / "far" / "eve.key")
    line = (tmp_path / "far" / "eve.key").read_text().splitlines()[1]
    ask = asking(plain)
    assert ask("actor", "add", "eve", "--public-key", line.removeprefix("public ")).code == 0


def test_a_refused_actor_leaves_no_key(plain: Path) -> None:
    refused(asking(plain)("actor", "add", "eve", "--as", "carl"), 7)
    assert not (plain / "keys" / "eve.key").exists()


def test_a_key_that_is_there_is_used_and_kept(plain: Path) -> None:
    ask = asking(plain)
    before = (plain / "keys" / "ann.key").read_bytes()
    assert refused(ask("actor", "add", "ann"), 7).startswith("DUPLICATE: name = ann")
    assert (plain / "keys" / "ann.key").read_bytes() == before


def test_rotating_a_key(plain: Path) -> None:
    ask, path = asking(plain), plain / "keys" / "ann.key"
    old, before = path.read_bytes(), public_key(ask, "ann")
    with open_pipe(b"secret\n") as fd:
        assert ask("actor", "rotate-key", "--as", "ann", "--new-passphrase-fd", fd).code == 0
    assert public_key(ask, "ann") != before
    assert Key.is_encrypted(path)
    assert not (plain / "keys" / "ann.key.new").exists()
    with open_pipe(b"secret\n") as fd:
        assert ask("fund", "invest", 5, "--as", "ann", "--passphrase-fd", fd).code == 0
    path.write_bytes(old)
    assert refused(ask("fund", "invest", 5, "--as", "ann"), 7).startswith("BAD_ACTOR")


def test_a_new_key_is_no_less_encrypted_than_the_old_one(plain: Path) -> None:
    ask, path = asking(plain), plain / "keys" / "eve.key"
    with open_pipe(b"secret\n") as fd:
        assert ask("actor", "add", "eve", "--new-passphrase-fd", fd).code == 0
    with open_pipe(b"secret\n") as fd:
        assert ask("actor", "rotate-key", "--as", "eve", "--passphrase-fd", fd).code == 0
    assert Key.read(path, b"secret").public_text
    assert "its passphrase is needed" in refused(ask("actor", "rotate-key", "--as", "eve"), 7)
    assert not path.with_name("eve.key.new").exists()


@pytest.mark.parametrize("moment", ["before", "after", "unknown"])
def test_a_rotation_cut_short_goes_on(moment: str, plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask, execute = asking(plain), Desk.execute

    def cut(self: Desk, *given: Any) -> None:
        if moment != "before":
            execute(self, *given)
        raise OutcomeUnknown("outcome unknown") if moment == "unknown" else Interrupted(2)

    with monkeypatch.context() as patch:
        patch.setattr(Desk, "execute", cut)
        refused(ask("actor", "rotate-key", "--as", "ann"), 1 if moment == "unknown" else 130)
    waiting = Key.read(plain / "keys" / "ann.key.new").public
    assert ask("actor", "rotate-key", "--as", "ann").code == 0
    assert Key.read(plain / "keys" / "ann.key").public == waiting
    assert ask("fund", "invest", 5, "--as", "ann").code == 0


def test_a_refused_rotation_leaves_the_key_as_it_was(plain: Path) -> None:
    ask, path = asking(plain), plain / "keys" / "ann.key"
    shutil.copy(plain / "keys" / "bob.key", path)
    before = path.read_bytes()
    assert refused(ask("actor", "rotate-key", "--as", "ann"), 7).startswith("BAD_ACTOR")
    assert path.read_bytes() == before
    assert not (plain / "keys" / "ann.key.new").exists()


def test_a_robot_signs_what_it_was_lent_for_and_no_more(market: Path, tmp_path: Path) -> None:
    ask, robot = asking(market), tmp_path / "robot" / "robot.key"
    public = call("actor", "new-key", robot).out.strip()
    lent = ask("actor", "delegate", public, "--kind", "market.advance", "--until", "2026-05-26")
    assert lent.code == 0
    shown = tree(ask("actor", "show", "owner", "--json"))["delegates"]
    assert shown == [{"public_key": public, "kinds": ["market.advance"], "until_utc": "2026-05-25T22:00Z"}]
    assert ask("headless", "run", "--intervals", 2, "-q", "--key-file", robot).code == 0
    assert refused(ask("market", "halt", "--key-file", robot), 7).startswith("BAD_ACTOR")
    assert ask("actor", "undelegate", public).code == 0
    assert refused(ask("headless", "run", "--intervals", 1, "-q", "--key-file", robot), 7).startswith("BAD_ACTOR")


def test_passphrases_are_asked_for_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    from voltadesk.cli import keyfile

    answers = iter([b"one", b"one", b"one", b"two"])
    monkeypatch.setattr(keyfile, "_prompt", lambda text: next(answers))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert keyfile.new_passphrase(True, None) == b"one"
    with pytest.raises(ValueError, match="was not the same twice"):
        keyfile.new_passphrase(True, None)
    assert keyfile.new_passphrase(False, None) is None
