"""`voltadesk init`: a whole desk or nothing."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.cli.answers import refused, tree
from tests.cli.conftest import asking, made, open_pipe
from tests.commands import call, start
from voltadesk.store.desk import Desk
from voltadesk.store.keys import Key, Refused


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}


def test_a_desk_is_its_owners_alone(tmp_path: Path, street: Path) -> None:
    umask = os.umask(0)
    try:
        folder = made(tmp_path / "a" / "desk", "--scenario", str(street))
    finally:
        os.umask(umask)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    found = modes(folder)
    assert {"desk.sqlite3", "desk.anchor", "keys", "keys/owner.key", "keys/mara.key"} <= set(found)
    assert set(found.values()) == {0o600, 0o700}


def test_holders_of_money_have_invested_with_keys_of_their_own(tmp_path: Path, street: Path) -> None:
    ask = asking(made(tmp_path / "desk", "--scenario", str(street), "--name", "otto"))
    assert tree(ask("fund", "nav", "--json"))["net_asset_value"] == 1000
    assert tree(ask("fund", "redeem", "1", "--as", "mara", "--json"))["actor"] == "mara"
    assert "otto" in tree(ask("role", "list", "--json"))["roles"]["owner"]


def test_the_folder_comes_from_option_environment_or_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert call("init", "--scenario", "none").code == 0
    assert (tmp_path / "data" / "voltadesk" / "desk" / "desk.sqlite3").is_file()
    monkeypatch.setenv("VOLTADESK_DESK", str(tmp_path / "b"))
    assert call("init", "--scenario", "none").code == 0
    assert call("init", "--scenario", "none", "--desk", tmp_path / "c").code == 0
    assert call("fund", "nav", "--desk", tmp_path / "c").code == 0
    assert (tmp_path / "b" / "desk.sqlite3").is_file()


def test_the_currency_is_the_scenarios_unless_it_is_given(tmp_path: Path, street: Path) -> None:
    ask = asking(made(tmp_path / "a", "--scenario", str(street), "--currency", "CHF"))
    assert tree(ask("fund", "nav", "--json"))["currency"] == "CHF"


@pytest.mark.parametrize(
    ("options", "code", "line"),
    [
        (["--scenario", "nowhere"], 3, "scenario = nowhere: must be a TOML file or one of"),
        (["--database", ""], 3, "database = '': must be postgresql://USER@HOST/DATABASE"),
        (["--currency", "euro"], 3, "currency = euro: must be three capital letters"),
        (["--name", "not a name"], 3, "BAD_VALUE: name = not a name"),
        (["--name", "town-cooperative"], 3, "name = town-cooperative: is one of the scenario's holders"),
        (["--passphrase"], 3, "passphrase = '': can't be asked for without a terminal"),
        (["--passphrase-fd", "77"], 3, "passphrase-fd = 77: bad file descriptor"),
    ],
)
def test_what_can_not_be_leaves_nothing(options: list[str], code: int, line: str, tmp_path: Path) -> None:
    done = call("init", "--desk", tmp_path / "a" / "b" / "desk", *options)
    assert line in refused(done, code)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("voltadesk.store.desk.projection.store", fail)
    assert refused(call("init", "--desk", tmp_path / "a" / "desk", "--scenario", "none"), 1)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_desk_is_not_touched(plain: Path) -> None:
    before = {path: path.read_bytes() for path in plain.rglob("*") if path.is_file()}
    assert "is there already" in refused(call("init", "--desk", plain), 3)
    assert {path: path.read_bytes() for path in plain.rglob("*") if path.is_file()} == before


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "desk").write_text("mine")
    assert "is there already" in refused(call("init", "--desk", tmp_path / "desk"), 3)
    assert "desk = in: can't be made" in refused(call("init", "--desk", tmp_path / "desk" / "in"), 3)
    assert (tmp_path / "desk").read_text() == "mine"


def test_keys_are_encrypted_with_a_passphrase(tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    with open_pipe(b"correct horse\n") as fd:
        assert call("init", "--desk", folder, "--scenario", "none", "--passphrase-fd", fd).code == 0
    path = folder / "keys" / "owner.key"
    assert Key.is_encrypted(path)
    with pytest.raises(Refused):
        Key.read(path, b"wrong")
    ask = asking(folder)
    with open_pipe(b"correct horse\n") as fd:
        assert ask("fund", "invest", 5, "--passphrase-fd", fd).code == 0
    with open_pipe(b"wrong\n") as fd:
        assert "the passphrase is wrong" in refused(ask("fund", "invest", 5, "--passphrase-fd", fd), 7)
    assert "its passphrase is needed" in refused(ask("fund", "invest", 5), 7)


def test_as_a_process_and_without_a_terminal(tmp_path: Path) -> None:
    done = start("init", "--scenario", "none", VOLTADESK_DESK=str(tmp_path / "desk"))
    assert done.code == 0
    with Desk.open(tmp_path / "desk") as desk:
        assert desk.journal.head().seq == 0
