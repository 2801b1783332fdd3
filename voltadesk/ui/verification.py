"""Checking the whole journal in a process of its own, while the market and the screen go on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from voltadesk.errors import CheckFailed, VoltaDeskError
from voltadesk.store.audit import Verified, elsewhere, heard


@dataclass(frozen=True)
class Verification:
    """How far a check is, and what it found."""

    entries: int  # when it began
    done: int = 0
    found: Verified | None = None
    fault: str = ""  # why it isn't whole
    seconds: float = 0.0

    @property
    def is_running(self) -> bool:
        return self.found is None and not self.fault


async def verify(folder: Path, entries: int, tell: Callable[[Verification], None]) -> None:
    """Check the journal of the desk in that folder; `tell` is given how far it is, and in the end what was found."""
    now, began_s = Verification(entries), time.monotonic()
    tell(now)
    process = await asyncio.create_subprocess_exec(
        *elsewhere(folder), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async for line in process.stdout:
            said, passed_s = heard(line), time.monotonic() - began_s
            if isinstance(said, Verified):
                now = replace(now, found=said, seconds=passed_s)
            else:
                now = replace(now, done=said, seconds=passed_s)
            tell(now)
        if now.is_running:
            raise CheckFailed(f"the process that checks ended with {await process.wait()}")
    except VoltaDeskError as error:
        tell(replace(now, fault=str(error), seconds=time.monotonic() - began_s))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
