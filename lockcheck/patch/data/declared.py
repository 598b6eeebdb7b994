"""Does a program declare fields (`shared()`, `guarded()`)?  Then a run checks their order too.

Order between threads has to be kept from the first lock on, which costs something, so it is not
kept for programs that have no use for it.  Their sources are looked at as text: the first
`FILES_MAX` Python files below the program's folders, installed packages left out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import Final

__all__ = ["declares_fields"]

FILES_MAX: Final = 500
BYTES_MAX: Final = 200_000
"""Looked at of one file."""
_SKIPPED: Final = ("site-packages", "dist-packages", "node_modules", "__pycache__")
_DECLARATION: Final = re.compile(rb"\b(?:shared|Shared|guarded|constant|own)\(")


def declares_fields(folders: Iterable[str]) -> bool:
    """Is there a file below `folders` that uses lockcheck's fields?"""
    for number, path in enumerate(_files(folders)):
        if number >= FILES_MAX:
            return False
        try:
            with open(path, "rb") as source:
                text = source.read(BYTES_MAX)
        except OSError:
            continue
        if b"lockcheck" in text and _DECLARATION.search(text):
            return True
    return False


def _files(folders: Iterable[str]) -> Iterator[str]:
    for folder in folders:
        for where, inside, names in os.walk(folder):
            inside[:] = [each for each in inside if each not in _SKIPPED and each[:1] != "."]
            for name in names:
                if name.endswith(".py"):
                    yield os.path.join(where, name)
