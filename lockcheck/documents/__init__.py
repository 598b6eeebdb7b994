"""Documents in: what earlier runs and other people wrote, read with bounds and checked on the way.

`reading` reads a file or a compressed one up to a limit, `shape` is the schema language, and
`shapes` describes our own documents.  Everything that reads a JSON document goes through here, so
that a wrong file is one sentence wherever it turns up.
"""

from __future__ import annotations

from lockcheck.documents.reading import (
    DocumentError,
    json_value,
    read_document,
    read_json,
    read_text,
)
from lockcheck.documents.shape import MalformedError, check

__all__ = [
    "DocumentError",
    "MalformedError",
    "check",
    "json_value",
    "read_document",
    "read_json",
    "read_text",
]
