"""`graph.json` on its way to a file and back: a large graph is written with its stacks in a table.

Ten thousand dependencies repeat the same few hundred stacks, and what their classes are called.
From `PACKED_FROM` dependencies a file has `"stacks": [[FRAME]]`, a witness's `held_stack` and
`wanted_stack` are numbers into it, a witness that held one lock leaves out `all_held`, and in a
chain the name of a class is left out, in front of its instance's number too.  `read_graph` gives
back what `Checker.graph.to_dict()` had, so that no reader knows of the two forms.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lockcheck.core.document import Document, Json
from lockcheck.documents.reading import DocumentError, read_document
from lockcheck.documents.shape import MalformedError
from lockcheck.documents.shapes import GRAPH

__all__ = ["PACKED_FROM", "packed", "read_graph", "unpacked"]

PACKED_FROM: Final = 1_000
"""Dependencies; a smaller graph is written as it is, for people who open the file."""

FRAMES_MAX: Final = 4_000_000
"""Frames after the stacks were put back: a small file must not grow without a bound."""


def packed(graph: Document) -> Json:
    """The graph as it is written to a file; `graph` itself is not changed."""
    if len(graph["edges"]) < PACKED_FROM:
        return dict(graph)
    stacks = _Table()
    return {
        **graph,
        "edges": [
            {**edge, "witnesses": [_packed_witness(each, stacks) for each in edge["witnesses"]]}
            for edge in graph["edges"]
        ],
        "chains": [
            {**chain, "classes": [_packed_row(each) for each in chain["classes"]]}
            for chain in graph["chains"]
        ],
        "stacks": stacks.rows,
    }


def read_graph(path: str | Path) -> Json:
    """The graph of a file, in whichever form it was written.  Raises: DocumentError."""
    document: Json = read_document(path, GRAPH, "a lock graph")
    try:
        return unpacked(document)
    except MalformedError as error:
        raise DocumentError(f"{path}: not a lock graph: {error}") from error


def unpacked(graph: Json) -> Json:
    """Put stacks and names back; `graph` has the shape `GRAPH`.

    Raises: MalformedError, where a stack, or a class that a dependency or a chain names, is not
    there.
    """
    names: dict[int, str] = {row["id"]: row["name"] for row in graph["classes"]}
    if len(names) != len(graph["classes"]):
        raise MalformedError("classes", "an id of its own for each class", graph["classes"])
    stacks = graph.pop("stacks", [])
    room = FRAMES_MAX
    for number, edge in enumerate(graph["edges"]):
        where = f"edges[{number}]"
        for end in ("from", "to"):
            if edge[end] not in names:
                raise MalformedError(f"{where}.{end}", "the id of a class", edge[end])
        for witness in edge.get("witnesses", ()):
            room -= _unpack_witness(witness, stacks, where)
        if room < 0:
            raise MalformedError("edges", f"at most {FRAMES_MAX} frames in all", "more")
    for number, chain in enumerate(graph.get("chains", ())):
        for row in chain["classes"]:
            if "name" not in row:
                if row["id"] not in names:
                    raise MalformedError(f"chains[{number}]", "the id of a class", row["id"])
                row["name"] = names[row["id"]]
                row["instance"] = row["name"] + str(row.get("instance", ""))
    return graph


class _Table:
    """Every stack once, by its number."""

    def __init__(self) -> None:
        self.rows: list[object] = []
        self._numbers: dict[tuple[tuple[object, ...], ...], int] = {}

    def number(self, stack: list[Json]) -> int:
        key = tuple(tuple(frame.values()) for frame in stack)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.rows)
            self.rows.append(stack)
        return found


def _packed_witness(witness: Json, stacks: _Table) -> Json:
    found = {
        **witness,
        "held_stack": stacks.number(witness["held_stack"]),
        "wanted_stack": stacks.number(witness["wanted_stack"]),
    }
    if len(witness["all_held"]) == 1 and witness["all_held"][0]["name"] == witness["held"]["name"]:
        found["held"] = witness["all_held"][0]
        del found["all_held"]
    return found


def _packed_row(row: Json) -> Json:
    if not row["instance"].startswith(row["name"]):
        return row
    return {**_without(row, "name"), "instance": row["instance"].removeprefix(row["name"])}


def _unpack_witness(witness: Json, stacks: list[list[Json]], where: str) -> int:
    """Put the stacks of one witness back; returns how many frames these have."""
    frames = 0
    for field in ("held_stack", "wanted_stack"):
        stack = witness.get(field)
        if isinstance(stack, int):
            if stack >= len(stacks):
                raise MalformedError(f"{where}.{field}", "the number of a stack", stack)
            stack = witness[field] = stacks[stack]
        frames += len(stack or ())
    held = witness.get("held")
    if "all_held" not in witness and isinstance(held, dict) and "class" in held:
        witness["all_held"] = [held]
        witness["held"] = _without(held, "class")
    return frames


def _without(row: Json, field: str) -> Json:
    return {name: value for name, value in row.items() if name != field}
