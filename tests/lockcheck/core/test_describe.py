"""The graph as data: what a reader of graph.json may rely on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import lockcheck
from lockcheck.core.describe import graph_dict
from tests.lockcheck.core.play import play


def graph_of(text: str) -> dict[str, Any]:
    found = graph_dict(play(text).engine)
    return json.loads(json.dumps(found))  # type: ignore[no-any-return]


def test_every_held_lock_has_an_edge_to_the_new_one() -> None:
    """Not only the nearest: A -> C is there although B lies between."""
    graph = graph_of("T1: +A rB +C -C -B -A")

    names = {c["id"]: c["name"] for c in graph["classes"]}
    edges = {(names[e["from"]], names[e["to"]]): e for e in graph["edges"]}
    assert set(edges) == {("A", "B"), ("A", "C"), ("B", "C")}
    assert edges["A", "B"]["kinds"] == ["ER"]
    assert edges["B", "C"]["kinds"] == ["SN"]
    assert edges["A", "C"]["distance"] == 2


def test_an_edge_has_its_first_witness_with_both_stacks() -> None:
    """Who, what was held, what was wanted, and from where."""
    (edge,) = graph_of("T1: +A +B -B -A")["edges"]

    (witness,) = edge["witnesses"]
    assert witness["thread"] == "T1"
    assert witness["held"] == {"name": "A", "mode": "lock"}
    assert witness["wanted"] == {"name": "B", "mode": "lock"}
    for stack in (witness["held_stack"], witness["wanted_stack"]):
        assert stack[0]["file"].endswith(".py")


def test_usage_characters_are_the_kernels() -> None:
    """`.` never, `-` in the context, `+` held where it strikes, `?` both."""
    graph = graph_of("T1: +A -A\nT1: gc_enter() +B -B\nT1: +A -A gc_exit()")

    usage = {c["name"]: c["usage"]["gc"] for c in graph["classes"]}
    assert usage == {"A": "?.", "B": "-."}


def test_chains_tell_sequences_and_context() -> None:
    """Each distinct sequence once, whoever walked it."""
    graph = graph_of("T1: +A +B -B -A\nT2: +A +B -B -A")

    rows = [[k["name"] for k in chain["classes"]] for chain in graph["chains"]]
    assert rows == [["A"], ["A", "B"]]


def test_forward_and_backward_count_reachable_classes() -> None:
    """Indirect ones included."""
    graph = graph_of("T1: +A +B -B -A\nT2: +B +C -C -B")

    counts = {c["name"]: (c["forward"], c["backward"]) for c in graph["classes"]}
    assert counts == {"A": (2, 0), "B": (1, 1), "C": (0, 2)}


def test_a_graph_can_be_saved(tmp_path: Path) -> None:
    """`chk.graph.save` writes what `to_dict` returns."""
    chk = lockcheck.Checker()
    with chk.Lock("a"), chk.Lock("b"):
        pass
    chk.graph.save(str(tmp_path / "graph.json"))

    assert json.loads((tmp_path / "graph.json").read_text()) == chk.graph.to_dict()


def test_waiting_under_a_lock_that_forbids_it() -> None:
    """Under a lock marked no_block a sleep, a join or an event is reported, another lock not."""
    chk = lockcheck.Checker()
    quick, other = chk.Lock("quick", no_block=True), chk.Lock("other")
    with quick, other:
        pass
    assert chk.reports == []

    with quick:
        chk.sleep(0.001, "nap")

    assert [report.kind for report in chk.reports] == ["wait-context"]
