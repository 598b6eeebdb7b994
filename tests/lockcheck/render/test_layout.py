"""The lock graph's drawing: layered, free of overlaps, the same every time."""

from __future__ import annotations

import itertools
import random

from lockcheck.render.layout import Drawing, draw


def random_graph(
    seed: int, nodes: int, edges: int
) -> tuple[dict[str, float], list[tuple[str, str]]]:
    rng = random.Random(seed)
    names = [f"class {i}" for i in range(nodes)]
    widths = {name: rng.choice([60.0, 120.0, 240.0]) for name in names}
    return widths, [(rng.choice(names), rng.choice(names)) for _ in range(edges)]


def places(drawing: Drawing) -> dict[str, tuple[float, float]]:
    return {name: (node.x, node.y) for name, node in drawing.nodes.items()}


def test_boxes_never_overlap() -> None:
    """Two boxes of a layer leave room between them, also in dense graphs with cycles."""
    for seed in range(8):
        drawing = draw(*random_graph(seed, 60, 150))
        rows: dict[int, list[tuple[float, float]]] = {}
        for node in drawing.nodes.values():
            half = node.width / 2
            rows.setdefault(node.layer, []).append((node.x - half, node.x + half))
            assert node.x - half >= 0, f"seed {seed}"
            assert node.x + half <= drawing.width, f"seed {seed}"
        for row in rows.values():
            row.sort()
            for (_, right), (left, _) in itertools.pairwise(row):
                assert right <= left, f"seed {seed}"


def test_the_order_of_the_input_does_not_matter() -> None:
    """Permuted classes and edges are drawn alike: the picture is a function of the graph."""
    widths, edges = random_graph(5, 30, 60)
    rng = random.Random(1)
    names = list(widths)
    rng.shuffle(names)
    shuffled = sorted(edges, key=lambda _: rng.random())

    assert places(draw(widths, edges)) == places(draw({n: widths[n] for n in names}, shuffled))


def test_a_dependency_leads_downwards() -> None:
    """In a graph without cycles every edge goes to a lower layer."""
    names = [f"n{i}" for i in range(20)]
    edges = [(names[i], names[j]) for i in range(20) for j in range(i + 1, 20, 3)]
    drawing = draw(dict.fromkeys(names, 50.0), edges)

    for a, b in edges:
        assert drawing.nodes[a].layer < drawing.nodes[b].layer


def test_both_directions_of_an_inversion_are_drawn() -> None:
    """a -> b and b -> a: two edges, each from its own source to its own target."""
    drawing = draw({"a": 50.0, "b": 50.0}, [("a", "b"), ("b", "a")])

    there, back = drawing.edges[("a", "b")], drawing.edges[("b", "a")]
    assert there[0][1] < there[-1][1]
    assert back == there[::-1]


def test_a_graph_without_edges_is_drawn() -> None:
    """Loose classes stand in rows; nothing at all is an empty drawing."""
    assert len(draw({f"n{i}": 200.0 for i in range(30)}, []).nodes) == 30
    assert draw({}, []).nodes == {}
