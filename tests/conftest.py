"""Figures that tests have counted are shown at the end of the run; files that compile the same go to one worker."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

# How long an example takes is no finding: kernels are compiled in some, and the machine may be busy.
settings.register_profile("voltadesk", deadline=None)
settings.load_profile("voltadesk")

# The first files of two workers: on a machine that has no kernels yet, each compiles what the other does not need.
MARKET = (
    "tests/engine/test_market.py",
    "tests/engine/test_book.py",
    "tests/engine/test_book_rules.py",
    "tests/cli/test_wrong_input.py",
)
STORAGE = (
    "tests/engine/test_storage.py",
    "tests/engine/test_storage_budget.py",
    "tests/engine/test_storage_rolling.py",
    "tests/test_backtest.py",
    "tests/test_backtest_command.py",
    "tests/test_plan.py",
    "tests/community/test_battery.py",
    "tests/engine/test_sharing.py",
    "tests/engine/test_auction.py",
)
TOGETHER = dict.fromkeys(MARKET, "market") | dict.fromkeys(STORAGE, "storage")
# Then what takes long, so that no worker is left with it while the others have nothing to do.
LONG = ("tests/test_docs.py", "tests/ui/", "tests/sweep/", "tests/store/", "tests/cli/test_run.py")


def pytest_configure(config: pytest.Config) -> None:
    """Hear ctrl+c, which what is begun in the background by a shell is told to ignore: some tests send it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.option.loadscopereorder = False  # by the number of tests, which tells little of how long they take


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What compiles comes first, then what takes long."""

    def rank(item: pytest.Item) -> int:
        file = item.nodeid.partition("::")[0]
        return 0 if file in MARKET else 1 if file in STORAGE else 2 if file.startswith(LONG) else 3

    items.sort(key=rank)


class Scheduling(LoadFileScheduling):
    """Whole files, and those of `TOGETHER` by their groups."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return TOGETHER.get(file, file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Whichever process counted them."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")
