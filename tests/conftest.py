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

# Workers that start on these at once would each compile the same kernels, on a machine that has none yet.
TOGETHER = {
    "tests/engine/test_market.py": "market",
    "tests/cli/test_wrong_input.py": "market",
    "tests/sweep/test_cluster.py": "market",
    "tests/sweep/test_command.py": "market",
    "tests/engine/test_storage.py": "storage",
    "tests/test_backtest.py": "storage",
    "tests/test_backtest_command.py": "storage",
}


def pytest_configure() -> None:
    """Hear ctrl+c, which what is begun in the background by a shell is told to ignore: some tests send it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
