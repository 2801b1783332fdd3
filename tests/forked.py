"""The program for many commands in a row: each is a process of its own, forked off one that has imported everything.

A command takes a second of processor time before it does anything, for its imports. `standing_by` puts a `voltadesk`
into a folder that hands its words, its folder, its environment and its three streams to a process standing by, and ends
with the exit code that comes back. What the words do is done by the program's own entry point. What all commands share
is neither gone through by the garbage collector nor tidied up at the end: either would copy all of it.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# It imports as little as possible: it is started for every command.
_CALLER = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as door:
    door.connect({path!r})
    told = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode() + b"\\n"
    socket.send_fds(door, [told[:1]], [0, 1, 2])
    door.sendall(told[1:])
    sys.exit(door.recv(1)[0])
"""


@contextmanager
def standing_by(folder: Path) -> Iterator[Path]:
    """A folder within `folder` to be put in front of PATH."""
    path, program = folder / "door", folder / "bin" / "voltadesk"
    program.parent.mkdir()
    program.write_text(_CALLER.format(python=sys.executable, path=str(path)))
    program.chmod(0o700)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.forked", str(path)], cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield program.parent
        finally:
            process.terminate()


def _serve(path: str) -> socket.socket:
    """Wait for callers; returns, in a process for one command which has become what its caller is, with the caller."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that answer
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        door.listen()
        print("ready", flush=True)
        while True:
            caller, _ = door.accept()
            if os.fork() == 0:
                break
            caller.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    told, streams, _, _ = socket.recv_fds(caller, 1, 3)
    while not told.endswith(b"\n"):
        told += caller.recv(1 << 16)
    words, folder, environment = json.loads(told)
    for number, (name, stream) in enumerate(zip(("stdin", "stdout", "stderr"), streams, strict=True)):
        os.dup2(stream, number)
        os.close(stream)
        setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["voltadesk", *words]
    return caller


if __name__ == "__main__":
    from typer.main import get_command

    from voltadesk import cli
    from voltadesk.scenario.read import find_scenario, read_scenario
    from voltadesk.scenario.replay import replay
    from voltadesk.scenario.world import World

    for _name in ("desk.interval", "report.document", "store.desk"):
        importlib.import_module(f"voltadesk.{_name}")  # what commands import when they are carried out
    _path = find_scenario("quickstart")
    replay(World(read_scenario(_path), _path.parent), intervals=1)  # has the market's kernel loaded
    cli.app = get_command(cli.app)  # type: ignore[assignment]  # putting it together takes as long as most commands do
    gc.collect()
    gc.freeze()

    _caller = _serve(sys.argv[1])
    _code = 1
    try:
        cli.main()
    except SystemExit as ended:
        _code = int(ended.code or 0)
    atexit._run_exitfuncs()
    for _stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # its reader is gone, or it was closed for that
            _stream.flush()
    _caller.sendall(bytes([_code & 0xFF]))
    os._exit(_code)
