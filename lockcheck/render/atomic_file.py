"""Files that are whole or not there: written beside their place, then moved into it.

The one way in which reports, baselines, tokens, results of searches and benchmarks reach the disk.
The temporary name cannot be guessed and is made, never opened: a link that somebody put there is
not followed.  A link at the destination is replaced, not written through; what is no ordinary file
(`/dev/null`, a pipe) is refused, because renaming over it would remove it.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path

__all__ = ["write_text"]


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` in one step.  Raises: OSError, with the name of `path`."""
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    made = False
    try:
        _ordinary(path)
        flags = (
            os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        )  # not on every system
        descriptor = os.open(temporary, flags, 0o666)
        made = True
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException as error:  # Ctrl-C too: nothing half-written stays behind
        if made:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def _ordinary(path: Path) -> None:
    """Refuse to replace a device, a pipe or a folder.  Raises: OSError."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a directory", str(path))
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        raise OSError(errno.EINVAL, "is no ordinary file", str(path))
