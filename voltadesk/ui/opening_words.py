"""What there is to say before a community is open: how to open one, how far its files are read, what is wrong."""

from __future__ import annotations

from voltadesk.ui.cells import Words
from voltadesk.ui.community_frame import CommunityFrame
from voltadesk.ui.inks import FAULT, OWN, STRONG, TEXT

FAULTS_SHOWN = 20


def opening_words(seen: CommunityFrame, key: str) -> list[Words]:
    """In paragraphs; `key` opens one."""
    if seen.busy:
        return [[(seen.busy, TEXT)]]
    return [*(_wrong(seen) if seen.facts.faults else []), *_how(key)]


def _wrong(seen: CommunityFrame) -> list[Words]:
    count = len(seen.facts.faults)
    more = count - FAULTS_SHOWN
    parts: list[Words] = [
        [(f"{seen.source} can't be settled{f': {count:,} faults' if count > 1 else ''}", STRONG)],
        *([(f"✗ {fault}", FAULT)] for fault in seen.facts.faults[:FAULTS_SHOWN]),
    ]
    if more > 0:
        parts.append([(f"and {more:,} more: voltadesk community check tells all", TEXT)])
    return [*parts, []]


def _how(key: str) -> list[Words]:
    from voltadesk.community.shipped import shipped_communities

    names = " or ".join(shipped_communities())
    folder = "A folder holds community.toml, the rules, and beside it the meters' files as CSV or Parquet."
    return [
        [(key, OWN), (f" opens one: {names}, with meters of a year to try, or a folder of your own.", TEXT)],
        [(folder, TEXT)],
        [("voltadesk tui --community NAME|FOLDER opens it from the start.", TEXT)],
    ]
