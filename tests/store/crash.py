"""Writers that are killed: started by the tests as a process of its own, which forks them.

    python -m tests.store.crash kill FOLDER KILLS WRITERS SEED    prints what was acknowledged, as JSON
    python -m tests.store.crash append FOLDER WRITER COMMANDS     prints the number of receipts

Every writer signs commands with numbered keys, one after another, and says so when it holds the receipt. Killed, it
goes on with the first one it has no receipt for. Snapshots are written often, so that kills meet them too.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

from voltadesk.store import snapshot
from voltadesk.store.desk import Desk, Receipt
from voltadesk.store.keys import Key
from voltadesk.store.machine import SignedCommand

FOUNDER = "olga"
KEY = Key.from_seed(bytes(range(32)))
DESK_ID = "0" * 32
NO_END = 10**9


def command(writer: int, number: int) -> SignedCommand:
    """The command of that number: an investment, and now and then one that is refused."""
    amount = "nothing" if number % 7 == 3 else f"{100 + number}.5"
    return SignedCommand.sign(KEY, DESK_ID, FOUNDER, f"{writer}-{number}", "fund.invest", {"amount": amount})


def signed(key: str, kind: str, /, *, by: str = FOUNDER, private: Key = KEY, **body: Any) -> SignedCommand:
    """A command of the founder's, or of another with a key of its own."""
    return SignedCommand.sign(private, DESK_ID, by, key, kind, body)


def write(folder: Path, writer: int, first: int, commands: int, out: int) -> None:
    """Carry out a writer's commands from the first on; every receipt is a line with its number, -1 comes before."""
    with Desk.open(folder) as desk:
        os.write(out, b"-1\n")
        for number in range(first, commands):
            receipt = desk.execute(command(writer, number))
            assert isinstance(receipt, Receipt)
            os.write(out, f"{number}\n".encode())


def start(folder: Path, writer: int, first: int, commands: int) -> tuple[int, int]:
    """Fork a writer; returns its process and the end of a pipe with what it says."""
    read, out = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(read)
        status = 1
        try:
            write(folder, writer, first, commands, out)
            status = 0
        finally:
            os._exit(status)
    os.close(out)
    return process, read


def lines(read: int, seconds: float) -> list[int]:
    """The numbers a writer says until that time is over, or it ends."""
    said, until = b"", time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and select.select([read], [], [], left)[0]:
        got = os.read(read, 65536)
        if not got:
            break
        said += got
    return [int(line) for line in said.split()]


def kill_loop(folder: Path, kills: int, writers: int, seed: int, pause_s: float = 0.02) -> dict[str, object]:
    """Start writers and kill them within a pause, again and again; then let each finish one more command."""
    snapshot.EVERY = 100
    rng = random.Random(seed)
    acknowledged: list[int] = [0] * writers  # the number of the first command without a receipt
    killed = 0
    while killed < kills:
        started = [start(folder, writer, acknowledged[writer], NO_END) for writer in range(writers)]
        if rng.random() < 0.8:  # else it may be killed while it opens the desk
            assert all(select.select([read], [], [], 10)[0] for _, read in started)
        time.sleep(rng.random() * pause_s)
        for process, _ in started:
            os.kill(process, signal.SIGKILL)
        for writer, (process, read) in enumerate(started):
            _, status = os.waitpid(process, 0)
            assert os.WIFSIGNALED(status), "a writer failed"
            killed += 1
            acknowledged[writer] = max(acknowledged[writer], *(number + 1 for number in lines(read, 5)), 0)
            os.close(read)
    for writer in range(writers):
        process, read = start(folder, writer, acknowledged[writer], acknowledged[writer] + 1)
        assert lines(read, 60)[-1:] == [acknowledged[writer]]
        assert os.waitpid(process, 0)[1] == 0
    return {"kills": killed, "acknowledged": acknowledged}


def main() -> None:
    mode, folder, *numbers = sys.argv[1:]
    if mode == "kill":
        kills, writers, seed = map(int, numbers)
        print(json.dumps(kill_loop(Path(folder), kills, writers, seed)))
    else:
        writer, commands = map(int, numbers)
        write(Path(folder), writer, 0, commands, sys.stdout.fileno())


if __name__ == "__main__":
    main()
