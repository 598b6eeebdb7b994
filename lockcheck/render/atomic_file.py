"""Files that are whole or not there: written beside their place, then moved into it.

The one way in which reports, results of searches and benchmarks reach the disk.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["write_text"]


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` in one step.  Raises: OSError, with the name of `path`."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException as error:  # Ctrl-C too: nothing half-written stays behind
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
