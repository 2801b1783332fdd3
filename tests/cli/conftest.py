"""Desks to begin with: made once, copied for each test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.commands import Done, call

STREET = """
version = 1
name = "street"

[time]
start = 2026-05-25
days = 2
timezone = "Europe/Berlin"

[upstream]
limit_kw = 50
price = 90.00
fee = 15.00

[community]
rule = "mid-market"

[[homes]]
name = "flat"
count = 3
annual_kwh = [2000, 4500]

[[homes]]
name = "roof"
count = 2
annual_kwh = [3000, 5000]
solar = { peak_kw = [4, 8] }
flexible = { share_percent = 20, price_limit = 120.00 }

[[plants]]
name = "engine"
capacity_kw = 20
marginal_cost = 95.00

[[fleet]]
name = "cellar"
count = 2
capacity_kwh = 10
charge_kw = 3
discharge_kw = 3
initial_fill_kwh = 5
wear_cost = 5.00
strategy = { name = "threshold", buy_limit = 80.00, sell_limit = 90.00 }

[[money_holders]]
name = "mara"
cash = 1000.00
"""

Ask = Callable[..., Done]


def asking(folder: Path) -> Ask:
    """A function that gives a command for the desk in a folder."""

    def ask(*arguments: object) -> Done:
        return call(*map(str, arguments), "--desk", str(folder))

    return ask


def made(folder: Path, *options: str) -> Path:
    done = call("init", "--desk", folder, *options)
    assert done.code == 0, done.err
    return folder


@contextmanager
def open_pipe(data: bytes) -> Iterator[int]:
    """A file descriptor that gives some bytes."""
    read, write = os.pipe()
    os.write(write, data)
    os.close(write)
    try:
        yield read
    finally:
        os.close(read)


@pytest.fixture(autouse=True)
def _no_desk_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VOLTADESK_DESK", raising=False)


@pytest.fixture(scope="session")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a scenario: five homes, a plant, two batteries, 1,000 EUR."""
    path = tmp_path_factory.mktemp("street") / "street.toml"
    path.write_text(STREET)
    return path


@pytest.fixture(scope="session")
def plain_desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk without a market: owner, and ann and bob as investors, and carl without a role."""
    folder = made(tmp_path_factory.mktemp("plain") / "desk", "--scenario", "none")
    ask = asking(folder)
    for name in ("ann", "bob", "carl"):
        assert ask("actor", "add", name, "--as", "owner").code == 0
    for name in ("ann", "bob"):
        assert ask("role", "grant", name, "investor", "--as", "owner").code == 0
    return folder


@pytest.fixture(scope="session")
def market_desk(tmp_path_factory: pytest.TempPathFactory, street: Path) -> Path:
    """A desk with the street's market, four intervals on; carl has no role and owns nothing."""
    folder = made(tmp_path_factory.mktemp("market") / "desk", "--scenario", str(street))
    ask = asking(folder)
    assert ask("actor", "add", "carl").code == 0
    assert ask("headless", "run", "--intervals", 4, "-q").code == 0
    return folder


def copied(folder: Path, target: Path) -> Path:
    shutil.copytree(folder, target)
    assert os.stat(target / "keys").st_mode & 0o777 == 0o700
    return target


@pytest.fixture
def plain(plain_desk: Path, tmp_path: Path) -> Path:
    return copied(plain_desk, tmp_path / "desk")


@pytest.fixture
def market(market_desk: Path, tmp_path: Path) -> Path:
    return copied(market_desk, tmp_path / "market")
