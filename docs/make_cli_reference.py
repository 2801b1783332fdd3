"""Makes docs/cli.md out of the commands themselves: `python docs/make_cli_reference.py`.

What a command says with --help is what stands there: its words, examples, arguments and options. Nothing depends on the
width of a terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from typer.main import get_command

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from voltadesk import cli  # noqa: E402

PAGE = ROOT / "docs" / "cli.md"
HEAD = """# Commands

Every command with its options, as `--help` tells them. Amounts, quantities and times are written as
[prices.md](prices.md), [scenarios.md](scenarios.md) and [desk.md](desk.md) have them; [errors.md](errors.md) lists exit
codes. `--json` writes one object to stdout, its numbers exact.

This page is made by `python docs/make_cli_reference.py`.
"""


def reference() -> str:
    """The whole page."""
    root = get_command(cli.app)
    context = root.make_context("voltadesk", [], resilient_parsing=True)
    parts = [HEAD, *_command(root, context, 2)]
    return "\n".join(parts)


def _command(command: Any, context: Any, depth: int) -> Iterator[str]:
    """A command's part of the page, and those of the commands within it."""
    yield f"{'#' * min(depth, 3)} {context.command_path}\n"
    yield from _words(command.help or "")
    pieces = " ".join(command.collect_usage_pieces(context))
    yield f"```shell\n{context.command_path} {pieces}\n```\n"
    records = [record for parameter in command.get_params(context) if (record := parameter.get_help_record(context))]
    rows = [f"| {_cell(name, is_code=True)} | {_cell(said)} |" for name, said in records if name != "--help"]
    if rows:
        yield "\n".join(["| word | what |", "|---|---|", *rows]) + "\n"
    names = command.list_commands(context) if hasattr(command, "list_commands") else []
    # Single commands first, so that none seems to be of the group before it.
    for name in sorted(names, key=lambda name: hasattr(command.commands[name], "commands")):
        within = command.commands[name]
        yield from _command(within, type(context)(within, info_name=name, parent=context), _depth(within, depth))


def _depth(command: Any, depth: int) -> int:
    return depth if hasattr(command, "commands") else depth + 1


def _words(text: str) -> Iterator[str]:
    """Paragraphs of a help text; what is indented is an example."""
    examples: list[str] = []
    for paragraph in text.replace("\b", "").strip("\n").split("\n\n"):
        lines = [line for line in paragraph.splitlines() if line.strip() not in ("", "Examples:")]
        examples += [line.strip() for line in lines if line.startswith("  ")]
        prose = " ".join(line.strip() for line in lines if not line.startswith("  "))
        if prose:
            if examples:
                yield _shell(examples)
                examples = []
            yield _plain(prose) + "\n"
    if examples:
        yield _shell(examples)


def _shell(lines: list[str]) -> str:
    return "```shell\n" + "\n".join(lines) + "\n```\n"


def _cell(text: str, is_code: bool = False) -> str:
    text = " ".join(text.split())
    if is_code and "|" in text:  # which would end a cell
        return f"<code>{escape(text, quote=False).replace('|', '&#124;')}</code>"
    return f"`{text}`" if is_code else _plain(text)


def _plain(text: str) -> str:
    """Text that means itself in Markdown."""
    for sign in "\\`*_[]<>|#":
        text = text.replace(sign, f"\\{sign}")
    return text


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8", newline="\n")
