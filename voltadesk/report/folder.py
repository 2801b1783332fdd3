"""A folder for results that is filled all at once or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from voltadesk.errors import BadInput


class OutFolder:
    """Files are made in `work` and moved in at the end: `begin`, write, `finish`, and `close` in any case."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        self.work = folder / f".voltadesk-{os.urandom(8).hex()}"

    def begin(self) -> None:
        """Make the folders, before anything long is run. Raises BadInput where they can't be made."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.work.mkdir(0o700)
        except OSError as error:
            raise BadInput("out", str(self.folder), (error.strerror or "can't be written").lower()) from None

    def path(self, name: str) -> Path:
        """Where a file is to be made that `finish` moves in; in a folder of its own where the name has one."""
        made = self.work / name
        made.parent.mkdir(parents=True, exist_ok=True)
        return made

    def write_text(self, name: str, text: str) -> None:
        """Write a file."""
        self.path(name).write_text(text, encoding="utf-8", newline="\n")

    def write_all(self, files: Mapping[str, str | bytes]) -> None:
        """Write files by their names."""
        for name, content in files.items():
            if isinstance(content, str):
                self.write_text(name, content)
            else:
                self.path(name).write_bytes(content)

    def finish(self, replaced: Iterable[str] = ()) -> None:
        """Move everything that was written into the folder.

        Of the files `replaced`, what was not written now is removed: an earlier run left it.
        """
        written = sorted(path.relative_to(self.work) for path in self.work.rglob("*") if path.is_file())
        for name in written:
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(self.work / name, target)
        for other in replaced:
            if Path(other) not in written:
                (self.folder / other).unlink(missing_ok=True)
                if (parent := (self.folder / other).parent) != self.folder:
                    with suppress(OSError):  # it is not there, or holds something else
                        parent.rmdir()

    def close(self) -> None:
        """Remove whatever was not finished, and folders that were made for it and hold nothing."""
        shutil.rmtree(self.work, ignore_errors=True)
        with suppress(OSError):
            for made in self._made:
                made.rmdir()
