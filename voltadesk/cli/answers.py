"""How commands answer that need no desk: a tree as JSON for programs, sections for people, files written whole."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from voltadesk.errors import BadInput

if TYPE_CHECKING:
    from voltadesk.report.document import Section

WIDE = 150  # columns of a page that is read from a pipe or a file

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, numbers written exactly.")]


def answer(tree: Any, parts: Sequence[Section], as_json: bool) -> None:
    """Write an answer to stdout."""
    if as_json:
        print_json(tree)
    else:
        show_sections(parts)


def print_json(tree: Any) -> None:
    """Write a tree to stdout."""
    from voltadesk.report.exact_json import json_text

    typer.echo(json_text(tree))


def show_sections(parts: Sequence[Section], stream: TextIO | None = None) -> None:
    """Write sections for people, to stdout unless another stream is given."""
    from rich.console import Console

    from voltadesk.report.document import show

    stream = sys.stdout if stream is None else stream
    show(parts, Console(file=stream) if stream.isatty() else Console(file=stream, width=WIDE))


def write_file(path: Path, body: bytes) -> None:
    """Write a file all at once. Raises BadInput where it can't be written."""
    import os

    work = path.with_name(f".{path.name}-{os.urandom(8).hex()}")
    try:
        work.write_bytes(body)
        os.replace(work, path)
    except OSError as error:
        raise BadInput("out", str(path), (error.strerror or "can't be written").lower()) from None
    finally:
        work.unlink(missing_ok=True)
