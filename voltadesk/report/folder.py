"""A folder that is filled all at once or not at all."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from voltadesk.errors import BadInput


class OutFolder:
    """Files for `--out`, made beside their place and moved in together: `begin`, `write`, and `close` in any case."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        self._work = folder / f".voltadesk-{os.urandom(8).hex()}"

    def begin(self) -> None:
        """Make the folders, before anything long is run. Raises BadInput where they can't be made."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._work.mkdir(0o700)
        except OSError as error:
            raise BadInput("out", str(self.folder), (error.strerror or "can't be written").lower()) from None

    def path(self, name: str) -> Path:
        """Where a file is to be made that `write` moves in."""
        return self._work / name

    def write(self, texts: dict[str, str]) -> None:
        """Write the texts (file name to content), then move all that was made into the folder."""
        for name, text in texts.items():
            self.path(name).write_text(text, encoding="utf-8", newline="\n")
        for made in sorted(self._work.iterdir()):
            os.replace(made, self.folder / made.name)

    def close(self) -> None:
        """Remove whatever was not finished, and folders that were made for it and hold nothing."""
        shutil.rmtree(self._work, ignore_errors=True)
        with suppress(OSError):
            for made in self._made:
                made.rmdir()
