"""`voltadesk community presets`: national schemes that a community's rules can start from."""

from __future__ import annotations

from typing import Annotated

import typer

from voltadesk.cli.answers import Json, answer

PRESETS = (
    "List the presets of national schemes with the sources that were read for them, or say all of one.\n\n"
    "Examples:\n\n"
    "  voltadesk community presets\n\n"
    "  voltadesk community presets at-eeg\n\n"
    "  voltadesk community presets at-eeg --json\n\n"
    'A community\'s rules take one by preset = "NAME"; what they say themselves goes before it.'
)


def presets(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One of the presets.")] = None,
    as_json: Json = False,
) -> None:
    from voltadesk.report.community_presets import presets_sections, presets_tree

    tree = presets_tree(name)
    answer(tree, presets_sections(tree, name is not None), as_json)
