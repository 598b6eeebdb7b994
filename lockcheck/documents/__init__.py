"""Documents in: what earlier runs and other people wrote, read with bounds and checked on the way.

`reading` reads a file or a compressed one up to a limit, `shape` is the schema language, and
`shapes` describes our own documents.  Everything that reads a JSON document goes through here, so
that a wrong file is one sentence wherever it turns up.
"""

from __future__ import annotations

from lockcheck.documents.graph import read_graph
from lockcheck.documents.reading import (
    DocumentError,
    json_value,
    read_document,
    read_json,
    read_text,
)
from lockcheck.documents.shape import (
    ANY,
    FLAG,
    NATURAL,
    TEXT,
    WHOLE,
    Choice,
    List,
    MalformedError,
    Map,
    Maybe,
    Number,
    Object,
    Row,
    check,
)
from lockcheck.documents.shapes import FINDINGS, SEARCH, TIMELINE

__all__ = [
    "ANY",
    "FINDINGS",
    "FLAG",
    "NATURAL",
    "SEARCH",
    "TEXT",
    "TIMELINE",
    "WHOLE",
    "Choice",
    "DocumentError",
    "List",
    "MalformedError",
    "Map",
    "Maybe",
    "Number",
    "Object",
    "Row",
    "check",
    "json_value",
    "read_document",
    "read_graph",
    "read_json",
    "read_text",
]
