"""The exchange: arrays in, arrays out. No file, clock, database, screen or log in here.

Kernels are free functions, compiled by numba and kept on disk. The cache sees changes of a kernel's own file only, so
its folder is named by a hash of all the sources that kernels are made of.
"""

import hashlib
import os
import tempfile
from pathlib import Path


def _kernel_cache_folder() -> Path:
    """Folder of the compiled kernels for exactly these sources; a temporary one where nothing can be written."""
    import platformdirs

    digest = hashlib.sha256()
    here = Path(__file__).parent
    for source in sorted([*here.glob("*.py"), here.parent / "units.py"]):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    name = f"kernels-{digest.hexdigest()[:16]}"
    folder = Path(platformdirs.user_cache_dir("voltadesk")) / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass  # a home that can't be written to is no reason not to run
    folder = Path(tempfile.gettempdir()) / f"voltadesk-{os.getuid() if hasattr(os, 'getuid') else 0}" / name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


if "NUMBA_CACHE_DIR" not in os.environ:
    os.environ["NUMBA_CACHE_DIR"] = str(_kernel_cache_folder())
