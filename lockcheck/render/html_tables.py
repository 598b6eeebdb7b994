"""Tables of the report page: sorted by their heads, searched by the field above.

A long table's rows are data (numbers, and numbers of texts in one list), from which the script
builds those that are looked at; the first ROWS_MAX stand in the page for whoever has no script.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from lockcheck.core.document import Document, Json
from lockcheck.render.places import short_path, where
from lockcheck.render.proc import contention, usage

__all__ = ["Column", "classes_table", "contention_table", "edges_table", "embed", "table"]

ROWS_MAX = 200
FOLD = 70
"""Characters of a long cell that are open."""

Cell = str | int | float


@dataclass(frozen=True)
class Column:
    """A head, and what stands below it."""

    head: str
    kind: Literal["text", "name", "mono", "num", "meter", "long", "copy"] = "text"
    """`name` and `mono`: in typewriter letters; `num`: right; `meter`: a bar of that length;
    `long`: mono, folded after FOLD characters; `copy`: a button that copies it."""


def embed(value: object) -> str:
    """JSON that cannot end its script element."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def table(
    ident: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    bad: Collection[int] = (),
    *,
    search: str = "",
) -> str:
    """A table with its search field; `bad` rows are marked."""
    most = {
        at: max((float(row[at]) for row in rows), default=0.0) or 1.0
        for at, column in enumerate(columns)
        if column.kind == "meter"
    }
    heads = "".join(
        f'<th scope="col" class="{c.kind}" data-kind="{c.kind}" aria-sort="none">'
        f"<button>{escape(c.head)}</button></th>"
        for c in columns
    )
    body = "".join(
        f"<tr{' class=bad' if number in bad else ''}>{_cells(columns, row, most)}</tr>"
        for number, row in enumerate(rows[:ROWS_MAX])
    )
    stored, source = "", ""
    if len(rows) > ROWS_MAX:
        source = f' data-rows="rows-{ident}"'
        stored = (
            f'<script type="application/json" id="rows-{ident}">'
            f"{embed(_stored(columns, rows, bad))}</script>"
        )
    words = search or f"search {ident.removesuffix('-data')}"
    return (
        f'<div class="tablebox"><div class="bar"><input type="search" '
        f'placeholder="{escape(words)}" aria-label="{escape(words)}"><span class="sub count">'
        f'{len(rows)} of {len(rows)}</span></div><div class="scroll">'
        f'<table class="data"{source}><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'
        f"</div>{stored}</div>"
    )


def _cells(columns: Sequence[Column], row: Sequence[Cell], most: Mapping[int, float]) -> str:
    cells = []
    for at, (column, value) in enumerate(zip(columns, row, strict=True)):
        if column.kind == "meter":
            width = round(110 * float(value) / most[at])
            cells.append(
                f'<td class="meter" data-value="{value}"><i style="width:{width}px"></i></td>'
            )
        elif column.kind == "num":
            cells.append(f'<td class="num" data-value="{value}">{value}</td>')
        elif column.kind == "copy":
            cells.append(f'<td class="copy">{_button(str(value))}</td>')
        elif column.kind == "long":
            cells.append(f'<td class="long">{_folded(str(value))}</td>')
        else:
            cells.append(f'<td class="{column.kind}">{escape(str(value))}</td>')
    return "".join(cells)


def _button(text: str) -> str:
    return f'<button data-copy="{escape(text)}">copy</button>' if text else ""


def _folded(text: str) -> str:
    if len(text) <= FOLD:
        return escape(text)
    cut = escape(text[: text.rfind(" ", 0, FOLD) if " " in text[:FOLD] else FOLD])
    return f"<details><summary>{cut} …</summary>{escape(text)}</details>"


def _stored(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], bad: Collection[int]
) -> Json:
    texts: dict[str, int] = {}
    numeric = [column.kind in ("num", "meter") for column in columns]
    stored = [
        [
            value if number else texts.setdefault(str(value), len(texts))
            for number, value in zip(numeric, row, strict=True)
        ]
        for row in rows
    ]
    return {"texts": list(texts), "rows": stored, "bad": sorted(bad)}


def classes_table(graph: Document, hot: Collection[str]) -> str:
    """Lock classes: where they are made, how they stand in the graph."""
    columns = (
        Column("lock class", "name"), Column("kind"), Column("made at", "mono"),
        Column("instances", "num"), Column("classes after it", "num"),
        Column("classes before it", "num"), Column("times waited", "num"),
        Column("usage (signal, gc)", "mono"),
    )  # fmt: skip
    rows = [
        (str(c["name"]), str(c.get("kind", "")), short_path(str(c.get("site", ""))),
         c.get("instances", 0), c["forward"], c["backward"], c.get("contentions", 0), usage(c))
        for c in graph["classes"]
    ]  # fmt: skip
    bad = {number for number, row in enumerate(rows) if row[0] in hot}
    return table("classes-data", columns, rows, bad, search="search classes")


def edges_table(graph: Document, bad_pairs: Collection[tuple[str, str]]) -> str:
    """Dependencies: what was taken while what was held, and where that was first seen."""
    names = {cls["id"]: str(cls["name"]) for cls in graph["classes"]}
    columns = (
        Column("held", "name"), Column("taken", "name"), Column("kinds"),
        Column("first seen in"), Column("held since", "mono"), Column("taken at", "mono"),
        Column("times seen", "num"),
    )  # fmt: skip
    rows = []
    for edge in graph["edges"]:
        first: Document = next(iter(edge.get("witnesses", ())), {})
        rows.append(
            (names[edge["from"]], names[edge["to"]], " ".join(edge["kinds"]),
             str(first.get("thread", "")), where(first.get("held_stack", ())),
             where(first.get("wanted_stack", ())), edge.get("count", 0))
        )  # fmt: skip
    bad = {number for number, row in enumerate(rows) if (row[0], row[1]) in bad_pairs}
    note = (
        "<p class=sub>Kinds: E/S the first was held exclusively or shared; R/N the second was "
        "wanted as a recursive reader or not.</p>"
    )
    return table("edges-data", columns, rows, bad, search="search dependencies") + note


def contention_table(
    graph: Document,
    timeline: Document | None,
    *,
    most: int | None = None,
    what: Literal["all", "waited", "held"] = "all",
) -> str:
    """What was waited for, and how long it was held; empty without a row.

    `waited`: only what was waited for; `held`: what was held, the longest first.
    """
    found = contention(graph, timeline)
    if what == "waited":
        found = [row for row in found if row[1]["wait"]["count"]]
    elif what == "held":
        found = [row for row in found if row[1]["hold"]["total"]]
        found.sort(key=lambda row: -float(row[1]["hold"]["total"]))
    found = found[:most]
    if not found:
        return ""
    timed = any(row["hold"]["total"] for _, row in found)
    columns = [
        Column("lock class", "name"), Column("times waited for", "num"),
        Column("waiting, total µs", "num"), Column("longest wait, µs", "num"),
        Column("share of all waiting", "meter"),
    ]  # fmt: skip
    if timed:
        columns += [Column("times held", "num"), Column("held, total µs", "num"),
                    Column("longest hold, µs", "num")]  # fmt: skip
    rows = []
    for name, row in found:
        wait, hold = row["wait"], row["hold"]
        cells: list[Cell] = [name, wait["count"], *_micros(wait), wait["total"]]
        rows.append([*cells, hold["count"], *_micros(hold)] if timed else cells)
    ident = "contention-data" if most is None else "contention-top"
    return table(ident, columns, rows, search="search classes")


def _micros(stat: Document) -> tuple[float, float]:
    return round(stat["total"], 1), round(stat["max"], 1)
