"""Read a document: bounded in bytes, in what it decompresses to, and in how deep it nests.

A file that never ends (`/dev/zero`), one that grows a thousandfold when it is decompressed, one
that is nothing but opening brackets, and one with half a surrogate pair in a name each have one
sentence here (`DocumentError`), and none of them costs more memory than an honest document of the
largest size.
"""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path
from typing import TypeVar

from lockcheck.documents.shape import MalformedError, Shape, check

__all__ = [
    "BYTES_MAX",
    "NESTING_MAX",
    "DocumentError",
    "json_value",
    "read_bytes",
    "read_document",
    "read_json",
    "read_text",
]

BYTES_MAX = 64 << 20
"""The largest document, before and after decompression: a graph of some 25 000 dependencies."""
NESTING_MAX = 60
"""Our own documents nest nine deep."""
_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"
_HALF = re.compile(r"\\u[dD][89a-fA-F]")

Value = TypeVar("Value")


class DocumentError(ValueError):
    """A file cannot be read, or is no document of this kind; the text is one line."""


def read_bytes(path: str | Path, *, most: int = BYTES_MAX) -> bytes:
    """The content of a file, never more than `most`.  Raises: DocumentError."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(most + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise DocumentError(f"{path}: {reason}") from error
    if len(data) > most:
        raise DocumentError(f"{path}: too long: more than {most} bytes")
    return data


def read_text(path: str | Path, *, most: int = BYTES_MAX) -> str:
    """A text file, decompressed where it is gzip, never more than `most` bytes.

    Raises: DocumentError.
    """
    data = read_bytes(path, most=most)
    if data[:2] == _GZIP:
        data = _gunzip(path, data, most)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError(f"{path}: not a text file: byte {error.start} is not UTF-8") from error


def _gunzip(path: str | Path, data: bytes, most: int) -> bytes:
    """Every member of a gzip file; stops as soon as there is more than `most`."""
    found: list[bytes] = []
    size = 0
    while data:
        loosen = zlib.decompressobj(wbits=31)
        while not loosen.eof:
            try:
                part = loosen.decompress(data, _CHUNK)
            except zlib.error as error:
                raise DocumentError(f"{path}: not a gzip file: {error}") from error
            data = loosen.unconsumed_tail
            if not part and not data and not loosen.eof:
                raise DocumentError(f"{path}: not a whole gzip file: it ends too early")
            size += len(part)
            if size > most:
                raise DocumentError(f"{path}: too long: it decompresses to more than {most} bytes")
            found.append(part)
        data = loosen.unused_data.lstrip(b"\0")
    return b"".join(found)


def json_value(text: str, source: str | Path) -> object:
    """The value of a JSON text.  Raises: DocumentError."""
    try:
        value: object = json.loads(text, parse_constant=_no_constant)
    except ValueError as error:
        raise DocumentError(f"{source}: not JSON: {error}") from error
    except RecursionError:
        raise DocumentError(f"{source}: nested too deep") from None
    if _deeper_than(value, NESTING_MAX):
        raise DocumentError(f"{source}: nested too deep: more than {NESTING_MAX} levels")
    return _whole(value) if _HALF.search(text) else value


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not a number in JSON")


def _deeper_than(value: object, most: int) -> bool:
    level: list[object] = [value]
    for _ in range(most):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _whole(value: object) -> object:
    """The value with halves of surrogate pairs written out: nothing could print them."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if isinstance(value, dict):
        return {_whole(key): _whole(each) for key, each in value.items()}
    return value


def read_json(path: str | Path, *, most: int = BYTES_MAX) -> object:
    """The JSON value in a file.  Raises: DocumentError."""
    return json_value(read_text(path, most=most), path)


def read_document(
    path: str | Path, shape: Shape, what: str, *, most: int = BYTES_MAX
) -> dict[str, object]:
    """A JSON object of the given shape; `what` is its name in a message ("a lock graph").

    Raises: DocumentError.
    """
    value = read_json(path, most=most)
    if not isinstance(value, dict):
        raise DocumentError(f"{path}: not {what}: an object was expected")
    try:
        check(value, shape)
    except MalformedError as error:
        raise DocumentError(f"{path}: not {what}: {error}") from error
    return value
