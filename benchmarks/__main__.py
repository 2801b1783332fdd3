"""`python -m benchmarks [NAME …]`: the figures README quotes, as ratios taken in one run."""

from __future__ import annotations

import importlib
import sys

NAMES = (
    "auction",
    "book",
    "community",
    "continuous",
    "desk",
    "desktop",
    "ledger",
    "merit_order",
    "prices",
    "replay",
    "screen",
    "storage",
    "sweep",
    "tables",
)


def show(rows: list[tuple[str, str, str]]) -> None:
    """Print rows of (what, measured, target) as a Markdown table."""
    print("| what | measured | target |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    for name in sys.argv[1:] or NAMES:
        print(f"\n## {name}\n")
        show(importlib.import_module(f"benchmarks.{name}").run())
