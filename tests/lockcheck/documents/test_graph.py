"""A large graph is written small, and read back as it was."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

import lockcheck
from lockcheck.documents import DocumentError
from lockcheck.documents.graph import PACKED_FROM, packed, read_graph


def large(classes: int) -> lockcheck.Checker:
    """Every lock taken under every earlier one, by a thread of its own."""
    chk = lockcheck.Checker()
    locks = [chk.Lock(f"module.lock_{number}") for number in range(classes)]

    def work() -> None:
        for at, outer in enumerate(locks):
            for inner in locks[at + 1 :]:
                with outer, inner:
                    pass

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return chk


def test_a_large_graph_is_read_as_it_was(tmp_path: Path) -> None:
    """The form with tables has all that the plain one has, in less than half of the room."""
    chk = large(47)
    whole = json.loads(json.dumps(chk.graph.to_dict()))
    assert len(whole["edges"]) == 47 * 46 // 2 >= PACKED_FROM
    path = tmp_path / "graph.json"
    chk.graph.save(str(path))

    assert "stacks" in json.loads(path.read_text())
    assert read_graph(path) == whole
    assert 2 * len(json.dumps(packed(whole))) < len(json.dumps(whole))


def test_a_small_graph_is_written_plainly() -> None:
    """Who opens the file of a small program reads the stacks at the dependency."""
    whole = large(3).graph.to_dict()

    assert packed(whole) == whole


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda g: g["edges"][3]["witnesses"][0].update(held_stack=99), "the number of a stack"),
        (lambda g: g["edges"][3].update(to=4_000), "the id of a class"),
        (lambda g: g["chains"][0]["classes"][0].update(id=4_000), "the id of a class"),
        (lambda g: g["classes"][0].update(id=g["classes"][1]["id"]), "an id of its own"),
    ],
)
def test_what_leads_nowhere_is_one_line(tmp_path: Path, spoil: Any, line: str) -> None:
    """A number that nothing has is named with its place."""
    graph = packed(large(47).graph.to_dict())
    graph = json.loads(json.dumps(graph))
    spoil(graph)
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(graph))

    with pytest.raises(DocumentError, match=line):
        read_graph(path)


def test_a_small_file_does_not_grow_without_a_bound(tmp_path: Path) -> None:
    """Many witnesses of one endless stack: refused before anything is made of them."""
    graph = json.loads(json.dumps(packed(large(47).graph.to_dict())))
    graph["stacks"] = [[{"file": "a.py", "line": 1, "function": "f"}] * 9_000]
    for edge in graph["edges"]:
        for witness in edge["witnesses"]:
            witness.update(held_stack=0, wanted_stack=0)
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(graph))

    with pytest.raises(DocumentError, match="frames in all"):
        read_graph(path)
