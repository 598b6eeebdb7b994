"""The incremental order: groups are exactly the strongly connected components."""

from __future__ import annotations

import itertools
import random

from lockcheck.core.classes import LockClass
from lockcheck.core.order import Order


def classes(number: int) -> list[LockClass]:
    return [LockClass(f"C{i}", i, None, 0) for i in range(number)]


def closure(number: int, edges: set[tuple[int, int]]) -> list[list[bool]]:
    reach = [[i == j or (i, j) in edges for j in range(number)] for i in range(number)]
    for k in range(number):
        for i in range(number):
            for j in range(number):
                reach[i][j] = reach[i][j] or (reach[i][k] and reach[k][j])
    return reach


def test_groups_are_the_components_and_the_order_agrees_with_every_edge() -> None:
    """After every insertion of random graphs."""
    for seed in range(200):
        rnd = random.Random(seed)
        number = rnd.randint(2, 9)
        nodes = classes(number)
        order = Order()
        edges: set[tuple[int, int]] = set()
        for _ in range(rnd.randint(1, 20)):
            source, target = rnd.sample(range(number), 2)
            edges.add((source, target))

            cyclic = order.add(nodes[source], nodes[target])

            reach = closure(number, edges)
            assert cyclic == reach[target][source], seed
            for a, b in edges:
                same = order.together(nodes[a], nodes[b])
                assert same == reach[b][a], seed
                assert same or order.group(nodes[a]).ord < order.group(nodes[b]).ord, seed


def test_an_edge_that_agrees_with_the_order_visits_nothing() -> None:
    """A long chain in order costs no search at all."""
    order = Order()
    nodes = classes(1000)
    for node in nodes:
        order.group(node)
    for a, b in itertools.pairwise(nodes):
        order.add(a, b)

    assert order.searched == 0
