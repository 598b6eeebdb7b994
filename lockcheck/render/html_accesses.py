"""Races on the report page: each access in a row of its own, and an order with a column a thread.

What a finding carries along (`data`) may come from a file that somebody has edited; what is not of
the expected form is left to the text of the finding.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape
from typing import Final

from lockcheck.core.document import Document

__all__ = ["accesses_html", "order_html"]

ORDER_BEGINS: Final = "the order that shows it"
STEPS_SHOWN: Final = 200
"""Steps of an order in the table; the last ones."""


def accesses_html(finding: Document) -> tuple[str, str]:
    """Return the accesses of a race as a table, and what the finding's text says beside them."""
    data = finding.get("data")
    rows = _rows(data, "accesses", ("thread", "file", "source", "access"))
    detail = str(finding.get("detail") or "")
    if not rows or not isinstance(data, dict):
        return "", detail
    heads = ("thread", "place", "source", "access", "held")
    body = "".join(
        f"<tr><td>{escape(str(row['thread']))}</td><td class=mono>{_place(row)}</td>"
        f"<td class=mono>{escape(str(row['source']))}</td><td>{escape(str(row['access']))}</td>"
        f"<td>{escape(_held(row))}</td></tr>"
        for row in rows
    )
    table = f"<p><b>{escape(str(data.get('field', '')))}</b></p>{_table(heads, body)}"
    return table, detail.partition("\n\n")[2]


def order_html(finding: Document, detail: str) -> tuple[str, str]:
    """Return the order of a schedule, a column a thread, and what is left of the text."""
    steps = _rows(finding.get("data"), "order", ("thread", "source", "what"))
    if not steps or not all(isinstance(step.get("column"), int) for step in steps):
        return "", detail
    left = len(steps) - STEPS_SHOWN
    shown = steps[-STEPS_SHOWN:]
    names = {step["column"]: str(step["thread"]) for step in shown}
    columns = sorted(names)
    rows = []
    for step in shown:
        text = f"{step['source']}  {step['what']}" if step["source"] else str(step["what"])
        cells = "".join(
            f"<td class=mono>{escape(text) if step['column'] == column else ''}</td>"
            for column in columns
        )
        rows.append(f"<tr><td class=mono>{_place(step)}</td>{cells}</tr>")
    heads = ("place", *(names[column] for column in columns))
    words = f"{ORDER_BEGINS} (the last {STEPS_SHOWN} steps)" if left > 0 else ORDER_BEGINS
    return (
        f"<p><b>{words}:</b></p>{_table(heads, ''.join(rows))}",
        detail.partition(ORDER_BEGINS)[0].rstrip(),
    )


def _table(heads: Sequence[str], body: str) -> str:
    row = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    return (
        f'<div class="scroll"><table class="scenario"><thead><tr>{row}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _rows(data: object, name: str, keys: Sequence[str]) -> list[Document]:
    """The rows under `name`, if they are what they should be; else none."""
    found = data.get(name) if isinstance(data, dict) else None
    if not isinstance(found, list):
        return []
    good = all(isinstance(row, dict) and all(key in row for key in keys) for row in found)
    return found if good else []


def _place(row: Document) -> str:
    file = str(row.get("file") or "")
    return escape(f"{os.path.basename(file)}:{row.get('line', '?')}") if file else ""


def _held(row: Document) -> str:
    held = row.get("held")
    return ", ".join(map(str, held)) if isinstance(held, list) and held else "nothing"
