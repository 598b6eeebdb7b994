"""Report folders of tables: agreement with a recording, the audit of what RTNL alone protects.

`write_tables` writes `index.html` (the page of the other reports: searched, sorted) and `run.json`
(the document, with the page's title and sentence); `rewrite_tables` makes the page again from it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from lockcheck.documents import Row, read_document
from lockcheck.render import Column, legible, page, table, write_files
from rtnl_model.kernel.documents import Document

from .shapes import AUDIT, CONFORM

__all__ = ["audit_tables", "conform_tables", "is_tables", "rewrite_tables", "write_tables"]

Section = tuple[str, str, int | None, str]


def write_tables(folder: Path, title: str, said: str, document: Document) -> Path:
    """Write the folder; returns its page.  Raises: OSError, its text one line for the user."""
    return _write(folder, {**document, "title": title, "said": said})


def is_tables(schema: object) -> bool:
    """Is `run.json` of this schema the document of a folder of tables?"""
    return schema in TABLES


def rewrite_tables(folder: Path, schema: str) -> Path:
    """Make the page again from `run.json`.  Raises: DocumentError, OSError."""
    shape, _sections = TABLES[schema]
    return _write(folder, read_document(folder / "run.json", shape, "tables of a report"))


def _write(folder: Path, document: Document) -> Path:
    _shape, sections = TABLES[document["schema"]]
    title, said = legible(str(document["title"])), legible(str(document["said"]))
    files = {
        "run.json": json.dumps(document, indent=1) + "\n",
        "index.html": page(title, said, "", sections(document), mood="known"),
    }
    write_files(folder, files)
    return folder / "index.html"


def conform_tables(document: Document) -> list[Section]:
    """`rtnl-model/conform/1`: agreement a level, every difference, what was left out."""
    document = legible(document)
    compared = document["compared"]
    levels = [
        (name, level["agree"], compared, level["percent"], level["percent"])
        for name, level in document["levels"].items()
    ]
    heads = (
        Column("level", "name"), Column("scenarios that agree", "num"),
        Column("scenarios compared", "num"), Column("percent", "num"), Column("share", "meter"),
    )  # fmt: skip
    differences = [
        (d["scenario"], d["op"], d["level"], d["what"], d["recorded"], d["model"],
         "not counted" if d["after_race"] else "")
        for d in document["differences"]
    ]  # fmt: skip
    columns = (
        Column("scenario", "name"), Column("step", "num"), Column("level"), Column("what"),
        Column("the kernel recorded", "mono"), Column("the model does", "mono"), Column("note"),
    )  # fmt: skip
    left = [(name, why) for name, why in document["left_out"].items()]
    return [
        ("agreement", "Agreement", None, table("levels", heads, levels)),
        ("differences", "Differences", len(differences),
         table("differences-data", columns, differences, search="search differences")),
        ("left-out", "Left out", len(left),
         table("left-out-data", (Column("scenario", "name"), Column("reason")), left)),
    ]  # fmt: skip


def audit_tables(document: Document) -> list[Section]:
    """`rtnl-model/audit/1`: every access that RTNL alone protects, and the fields it is about."""
    entries = legible(document)["entries"]
    columns = (
        Column("function", "name"), Column("field", "name"), Column("access"), Column("guard"),
        Column("held instead", "long"), Column("times seen", "num"), Column("script", "mono"),
        Column("reached by", "long"), Column("token for replay", "copy"),
    )  # fmt: skip
    rows = [
        (str(e["function"]), str(e["field"]), str(e.get("kind", "")), str(e.get("guard", "")),
         ", ".join(map(str, e.get("held") or ())), _count(e.get("seen")), str(e.get("script", "")),
         " < ".join(map(str, e.get("path") or ())), str(e.get("token", "")))
        for e in entries
    ]  # fmt: skip
    fields: dict[str, tuple[int, set[str]]] = {}
    for row in rows:
        times, functions = fields.setdefault(row[1], (0, set()))
        fields[row[1]] = (times + row[5], functions | {row[0]})
    most = sorted(fields.items(), key=lambda item: -item[1][0])
    summary = [(name, len(functions), times) for name, (times, functions) in most]
    heads = (
        Column("field", "name"), Column("functions", "num"), Column("accesses seen", "num"),
    )  # fmt: skip
    return [
        ("fields", "Fields", len(summary),
         "<p>What must get a guard of its own before RTNL can go: fields that were reached in a "
         "namespace whose own lock the thread did not hold.</p>"
         + table("fields-data", heads, summary)),
        ("accesses", "Accesses", len(rows), table("accesses-data", columns, rows)),
    ]  # fmt: skip


def _count(seen: object) -> int:
    return seen if isinstance(seen, int) else len(seen) if isinstance(seen, list) else 1


TABLES: dict[str, tuple[Row, Callable[[Document], list[Section]]]] = {
    "rtnl-model/audit/1": (AUDIT, audit_tables),
    "rtnl-model/conform/1": (CONFORM, conform_tables),
}
"""The documents of such folders: their shape, and the sections of their page."""
