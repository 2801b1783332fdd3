"""The program as its users start it: in this process, or in one of its own."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.main import get_command

from voltadesk import cli

COMMANDS = get_command(cli.app)  # all of them, put together once: that takes as long as most commands do
PROGRAM = Path(sys.executable).with_name("voltadesk")


class Done(NamedTuple):
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


def call(*arguments: str | Path, stdin: str | bytes = "") -> Done:
    """Run a command in this process, by the entry point that the program starts with."""
    given = stdin if isinstance(stdin, bytes) else stdin.encode()
    streams = [io.TextIOWrapper(io.BytesIO(text), encoding="utf-8") for text in (given, b"", b"")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["voltadesk", *map(str, arguments)])
        for name, stream in zip(("stdin", "stdout", "stderr"), streams, strict=True):
            patch.setattr(sys, name, stream)
        patch.setattr(cli, "app", COMMANDS)
        kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with pytest.raises(SystemExit) as ended:
                cli.main()
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)
    for stream in streams:
        stream.flush()
    out, err = (stream.buffer.getvalue().decode() for stream in streams[1:])  # type: ignore[attr-defined]
    return Done(int(ended.value.code or 0), out, err)


def start(*arguments: str | Path, stdin: bytes = b"", **environment: str) -> Done:
    """Run a command as a process, with additions to the environment."""
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)],
        input=stdin,
        env=os.environ | environment,
        capture_output=True,
        timeout=300,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def refusal(done: Done) -> str:
    """What a command that was given bad input said: one line on stderr and nothing else."""
    assert (done.code, done.out) == (3, ""), done
    assert done.err.endswith("\n")
    assert len(done.err.splitlines()) == 1, done.err
    assert done.err.startswith("voltadesk: ")
    return done.err[len("voltadesk: ") : -1]
