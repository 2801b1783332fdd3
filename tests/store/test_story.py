"""A whole story is told by a process that is killed again and again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.store.server import BOTH
from tests.store.story import told
from voltadesk.desk.commands import COMMANDS

ROOT = Path(__file__).parent.parent.parent


def test_the_story_has_every_kind_of_command() -> None:
    assert {kind for _, kind, _ in told()} >= set(COMMANDS) - {"fund.cancel"}


@BOTH
def test_a27_kill_9_anywhere_then_everything_again_gives_the_same_state(url: str) -> None:
    memory = Path("/dev/shm")  # noqa: S108  # a killed process loses nothing that a disk would keep
    folder = Path(tempfile.mkdtemp(prefix="voltadesk-story-", dir=memory if memory.is_dir() else None))
    try:
        kills = 8 if url else 20
        arguments = [sys.executable, "-m", "tests.store.story", str(folder), str(kills), "1", *([url] if url else [])]
        done = subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT, timeout=180, check=False)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert len(set(found["roots"])) == 1
        assert found["kills"] == kills
    finally:
        shutil.rmtree(folder)
