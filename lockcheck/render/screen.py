"""The way to a terminal: control characters written out, colour where the stream wants it.

`NO_COLOR` (non-empty) turns colour off, else `FORCE_COLOR` turns it on, else a terminal that is not
`TERM=dumb` has it.  Colour never says anything that the words do not.
"""

from __future__ import annotations

import json
import os
import re
import sys
from typing import TextIO

from lockcheck.render.control_characters import legible_text

__all__ = ["flush", "paint", "show", "show_document", "show_json", "silence", "wants_colour"]

_STYLES = (
    (re.compile(r"^(?:WARNING: .*|\[ BUG: .*\])$", re.M), "1;31"),
    (re.compile(r"\*\*\* DEADLOCK \*\*\*"), "1;31"),
    (re.compile(r"^severity: certain\b|\(certain\)", re.M), "31"),
    (re.compile(r"^severity: possible\b|\(possible\)", re.M), "33"),
    (re.compile(r"^(?:what to do|replay|report):", re.M), "1"),
    (re.compile(r"^clean: .*$", re.M), "32"),
)


def wants_colour(stream: TextIO) -> bool:
    """Shall this stream have colour?"""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    try:
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:  # it is closed
        return False


def paint(text: str) -> str:
    """The text with the words that matter in colour."""
    for pattern, style in _STYLES:
        text = pattern.sub(f"\x1b[{style}m\\g<0>\x1b[0m", text)
    return text


def show(text: str, stream: TextIO | None = None) -> None:
    """Write text for a person (default: to stdout).  Raises: OSError, but not for a closed pipe."""
    to = sys.stdout if stream is None else stream
    if to is None:
        return
    clean = legible_text(text)
    _write(to, paint(clean) if wants_colour(to) else clean)


def show_json(document: object) -> None:
    """Write one JSON document to stdout.  Raises: OSError, but not for a closed pipe."""
    _write(sys.stdout, json.dumps(document) + "\n")


def show_document(text: str) -> None:
    """Write a document as it is to stdout: in UTF-8, where the stream lacks a character.

    Raises: OSError, but not for a closed pipe.
    """
    try:
        sys.stdout.write(text)
    except BrokenPipeError:
        silence(sys.stdout)
    except UnicodeEncodeError:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))


def flush(stream: TextIO | None = None) -> None:
    """Now, while an error can still be reported.  Raises: OSError, but not for a closed pipe."""
    to = sys.stdout if stream is None else stream
    if to is None:
        return
    try:
        to.flush()
    except BrokenPipeError:
        silence(to)


def _write(to: TextIO, text: str) -> None:
    try:
        to.write(text)
    except BrokenPipeError:
        silence(to)
    except UnicodeEncodeError:  # a terminal that is not UTF-8
        coding = to.encoding or "ascii"
        to.write(text.encode(coding, "backslashreplace").decode(coding))


def silence(stream: TextIO) -> None:
    """Send what follows to nowhere: whoever read it has gone (`| head`), which is no error."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except (OSError, ValueError):
        pass
