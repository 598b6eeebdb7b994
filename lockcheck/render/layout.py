"""A layered drawing of a directed graph: positions for nodes, polylines for edges.  Deterministic.

Sugiyama's four steps: turn cycles around (depth first, in name order), give each node the layer of
its longest path from a source, put edges that cross several layers through dummy nodes, order the
layers by barycentres (a few sweeps down and up), then set coordinates by packing each layer and
pulling nodes towards their neighbours' middle.

Left out: minimal crossings (it is NP-hard), edge labels, edges drawn as splines through the dummies
(the SVG rounds the corners).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["Drawing", "Placed", "draw"]

SWEEPS = 8
LAYER_HEIGHT = 74.0
LAYER_WIDTH = 1500.0
"""A layer that gets wider goes on in the next."""
NODE_HEIGHT = 30.0
GAP = 26.0
DUMMY_WIDTH = 2.0


@dataclass(slots=True)
class Placed:
    """A node and where it stands: centre, width."""

    name: str
    layer: int
    width: float
    x: float = 0.0
    dummy: bool = False

    @property
    def slot(self) -> float:
        """Width with the space around it; lines may run close to each other."""
        return self.width + (6.0 if self.dummy else GAP)

    @property
    def y(self) -> float:
        return self.layer * LAYER_HEIGHT + NODE_HEIGHT


@dataclass(slots=True)
class Drawing:
    """Where everything stands."""

    width: float
    height: float
    nodes: dict[str, Placed]
    edges: dict[tuple[str, str], list[tuple[float, float]]] = field(default_factory=dict)
    """Edge -> its points, from source to target."""


def draw(widths: Mapping[str, float], edges: Iterable[tuple[str, str]]) -> Drawing:
    """Lay out nodes (name -> width) and edges between them; self loops are left to the caller."""
    names = sorted(widths)
    links = sorted({(a, b) for a, b in edges if a != b and a in widths and b in widths})
    turned = _acyclic(names, links)
    layer_of = _layers(widths, turned)
    nodes = {name: Placed(name, layer_of[name], widths[name]) for name in names}
    layers, paths = _with_dummies(nodes, turned)
    _order(layers, paths)
    _coordinates(layers, paths)
    real = {name: nodes[name] for name in names}
    left = min((n.x - n.width / 2 for row in layers for n in row), default=0.0)
    for row in layers:
        for node in row:
            node.x += GAP - left
    right = max((n.x + n.width / 2 for row in layers for n in row), default=0.0)
    drawing = Drawing(right + GAP, len(layers) * LAYER_HEIGHT + NODE_HEIGHT, real)
    for a, b in links:
        forward = (a, b) in paths
        path = paths[(a, b)] if forward else list(reversed(paths[(b, a)]))
        drawing.edges[(a, b)] = _points(path)
    return drawing


def _acyclic(names: Sequence[str], links: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The links with those that close a cycle (depth first) turned around."""
    out: dict[str, list[str]] = {name: [] for name in names}
    entering: dict[str, int] = dict.fromkeys(names, 0)
    for a, b in links:
        out[a].append(b)
        entering[b] += 1
    state: dict[str, int] = {}
    back: set[tuple[str, str]] = set()
    for root in sorted(names, key=lambda n: (entering[n] > 0, n)):
        stack = [(root, iter(out[root]))] if root not in state else []
        state.setdefault(root, 1)
        while stack:
            node, rest = stack[-1]
            for target in rest:
                if target not in state:
                    state[target] = 1
                    stack.append((target, iter(out[target])))
                    break
                if state[target] == 1:
                    back.add((node, target))
            else:
                state[node] = 2
                stack.pop()
    return sorted({(b, a) if (a, b) in back else (a, b) for a, b in links})


def _layers(widths: Mapping[str, float], links: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Below all its sources, in the first layer that has room; loose nodes come last."""
    out: dict[str, list[str]] = {name: [] for name in widths}
    missing: dict[str, int] = dict.fromkeys(widths, 0)
    for a, b in links:
        out[a].append(b)
        missing[b] += 1
    lowest = dict.fromkeys(widths, 0)
    used: dict[int, float] = {}
    layer: dict[str, int] = {}
    loose = sorted(name for name in widths if not out[name] and not missing[name])
    ready = sorted(name for name in widths if out[name] and not missing[name])
    while ready:
        node = ready.pop(0)
        layer[node] = _room(used, lowest[node], widths[node])
        for target in out[node]:
            lowest[target] = max(lowest[target], layer[node] + 1)
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    first = 1 + max(layer.values(), default=-1)
    for name in loose:
        layer[name] = _room(used, first, widths[name])
    return layer


def _room(used: dict[int, float], level: int, width: float) -> int:
    while used.get(level, 0.0) and used[level] + width > LAYER_WIDTH:
        level += 1
    used[level] = used.get(level, 0.0) + width + GAP
    return level


def _with_dummies(
    nodes: dict[str, Placed], links: Sequence[tuple[str, str]]
) -> tuple[list[list[Placed]], dict[tuple[str, str], list[Placed]]]:
    """Layers, and each link's path through them."""
    depth = 1 + max((n.layer for n in nodes.values()), default=0)
    layers: list[list[Placed]] = [[] for _ in range(depth)]
    for name in sorted(nodes):
        layers[nodes[name].layer].append(nodes[name])
    paths: dict[tuple[str, str], list[Placed]] = {}
    for a, b in links:
        path = [nodes[a]]
        for level in range(nodes[a].layer + 1, nodes[b].layer):
            dummy = Placed(f"{a}->{b}", level, DUMMY_WIDTH, dummy=True)
            layers[level].append(dummy)
            path.append(dummy)
        path.append(nodes[b])
        paths[(a, b)] = path
    return layers, paths


Neighbours = dict[int, list[Placed]]


def _neighbours(
    paths: Mapping[tuple[str, str], Sequence[Placed]],
) -> tuple[Neighbours, Neighbours]:
    """Who is above and below each placed node, by its number in the drawing."""
    above: Neighbours = {}
    below: Neighbours = {}
    for path in paths.values():
        for upper, lower in itertools.pairwise(path):
            below.setdefault(id(upper), []).append(lower)
            above.setdefault(id(lower), []).append(upper)
    return above, below


def _order(layers: list[list[Placed]], paths: Mapping[tuple[str, str], Sequence[Placed]]) -> None:
    """Barycentre sweeps; ties keep their order."""
    above, below = _neighbours(paths)
    for sweep in range(SWEEPS):
        rows = layers[1:] if sweep % 2 == 0 else list(reversed(layers[:-1]))
        towards = above if sweep % 2 == 0 else below
        position = {id(node): at for row in layers for at, node in enumerate(row)}
        for row in rows:
            middle = {}
            for at, node in enumerate(row):
                around = towards.get(id(node))
                middle[id(node)] = (
                    sum(position[id(n)] for n in around) / len(around) if around else float(at)
                )
            row.sort(key=lambda node, by=middle: by[id(node)])  # type: ignore[misc]  # a default binds it
            position.update({id(node): at for at, node in enumerate(row)})


def _coordinates(
    layers: list[list[Placed]], paths: Mapping[tuple[str, str], Sequence[Placed]]
) -> None:
    """Pack each layer, then pull each node towards its neighbours, never through another."""
    above, below = _neighbours(paths)
    widest = 0.0
    for row in layers:
        at = 0.0
        for node in row:
            node.x = at + node.slot / 2
            at += node.slot
        widest = max(widest, at)
    for sweep in range(SWEEPS * 2):
        rows = layers if sweep % 2 == 0 else list(reversed(layers))
        towards = above if sweep % 2 == 0 else below
        for row in rows:
            _pull(row, towards, widest)


def _pull(row: list[Placed], towards: Neighbours, width: float) -> None:
    wish = []
    before = 0.0
    after = sum(node.slot for node in row)
    for node in row:
        around = towards.get(id(node))
        x = sum(n.x for n in around) / len(around) if around else node.x
        # What stands left and right of it must find room in the picture too.
        wish.append(min(max(x, before + node.slot / 2), width - after + node.slot / 2))
        before += node.slot
        after -= node.slot
    # Left to right each takes its wish or the first free place; then the same from the right;
    # the mean of both is free of overlaps and favours nobody.
    left = _packed(row, wish, 1)
    right = _packed(row, wish, -1)
    for node, a, b in zip(row, left, right, strict=True):
        node.x = (a + b) / 2


def _packed(row: list[Placed], wish: list[float], direction: int) -> list[float]:
    found = [0.0] * len(row)
    order = range(len(row)) if direction > 0 else range(len(row) - 1, -1, -1)
    edge: float | None = None
    for at in order:
        half = row[at].slot / 2
        x = wish[at]
        if edge is not None:
            limit = edge + direction * half
            x = max(x, limit) if direction > 0 else min(x, limit)
        found[at] = x
        edge = x + direction * half
    return found


def _points(path: Sequence[Placed]) -> list[tuple[float, float]]:
    """From the rim of the first node through the dummies to the rim of the last."""
    first, last = path[0], path[-1]
    down = first.layer <= last.layer
    rim = NODE_HEIGHT / 2 if down else -NODE_HEIGHT / 2
    points = [(first.x, first.y + rim)]
    points += [(node.x, node.y) for node in path[1:-1]]
    points.append((last.x, last.y - rim))
    return [(round(x, 1), round(y, 1)) for x, y in points]
