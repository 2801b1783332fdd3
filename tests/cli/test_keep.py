"""`voltadesk backup`, `restore`, `rebuild`, `doctor`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.cli.answers import parsed, refused, tree
from tests.cli.conftest import asking


def test_a_backup_is_a_desk_again(market: Path, tmp_path: Path) -> None:
    told = tree(asking(market)("backup", tmp_path / "copy", "--json"))
    assert not (tmp_path / "copy" / "keys").exists()
    assert asking(market)("backup", tmp_path / "all", "--with-keys").code == 0
    restored = asking(tmp_path / "deep" / "desk")
    assert tree(restored("restore", tmp_path / "all", "--json"))["state_root"] == told["state_root"]
    assert restored("headless", "run", "--intervals", 1, "-q").code == 0
    assert "must be new" in refused(restored("restore", tmp_path / "all"), 3)
    assert "must be new" in refused(asking(market)("backup", tmp_path / "copy"), 3)


def test_what_is_restored_must_be_whole(market: Path, tmp_path: Path) -> None:
    asking(market)("backup", tmp_path / "copy")
    with sqlite3.connect(tmp_path / "copy" / "desk.sqlite3") as connection:
        connection.execute("UPDATE effect SET body = x'7b7d' WHERE seq = 1")
    connection.close()
    assert "entry 1" in refused(asking(tmp_path / "new")("restore", tmp_path / "copy"), 4)
    assert not (tmp_path / "new").exists()
    assert "is not there" in refused(asking(tmp_path / "new")("restore", tmp_path / "nothing"), 3)


def test_doctor_finds_and_rebuild_mends(market: Path) -> None:
    ask = asking(market)
    root = tree(ask("journal", "verify", "--json"))["state_root"]
    with sqlite3.connect(market / "desk.sqlite3") as connection:
        connection.execute("DELETE FROM trade WHERE number = 0")
    connection.close()
    done = ask("doctor", "--json")
    assert (done.code, parsed(done.out)["ok"]) == (4, False)
    assert [row["check"] for row in parsed(done.out)["checks"] if not row["ok"]] == ["tables"]
    assert done.err.startswith("voltadesk: tables: ")
    assert "run: voltadesk rebuild" in done.err
    assert tree(ask("rebuild", "--json"))["state_root"] == root
    assert tree(ask("doctor", "--json"))["ok"] is True


def test_doctor_looks_at_modes(market: Path) -> None:
    (market / "keys" / "mara.key").chmod(0o640)
    done = asking(market)("doctor")
    assert (done.code, "chmod 0600" in done.err, "keys/mara.key" in done.out) == (4, True, True)
