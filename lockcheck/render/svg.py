"""The lock graph as an SVG picture: one box a class, one line a dependency, cycles in red.

Boxes and lines carry `data-` attributes (class name, ends) that the page's script searches and
filters by; without a script the picture is complete.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from html import escape

from lockcheck.core.document import Document
from lockcheck.render.layout import NODE_HEIGHT, Drawing, Placed, draw

__all__ = ["graph_svg", "label"]

CHAR = 7.1
LABEL_MAX = 34
PAIR = 14.0
"""How far the two lines of a pair that depends on each other stand from their middle."""


def label(name: str) -> str:
    """A class name short enough for a box: its end says more than its beginning."""
    return name if len(name) <= LABEL_MAX else "…" + name[-(LABEL_MAX - 1) :]


def graph_svg(
    classes: Iterable[Document],
    edges: Iterable[tuple[str, str, str]],
    bad: Collection[tuple[str, str]] = (),
) -> str:
    """Draw classes (name, …) and edges (from, to, kinds); `bad` edges belong to a finding."""
    names = {str(cls["name"]): cls for cls in classes}
    links = [(a, b, kinds) for a, b, kinds in edges if a in names and b in names]
    drawing = draw(
        {name: CHAR * len(label(name)) + 22 for name in names}, [(a, b) for a, b, _ in links]
    )
    in_finding = {end for pair in bad for end in pair}
    parts = [_head(drawing)]
    for a, b, kinds in sorted(links):
        parts.append(_edge(drawing, a, b, kinds, (a, b) in bad))
    parts += [
        _node(drawing.nodes[name], names[name], name in in_finding)
        for name in sorted(drawing.nodes)
    ]
    parts.append("</g></svg>")
    return "\n".join(parts)


def _head(drawing: Drawing) -> str:
    width, height = round(drawing.width + 20), round(drawing.height + 20)
    markers = "".join(
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" '
        f'markerHeight="7" markerUnits="userSpaceOnUse" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" class="{name}"/></marker>'
        for name in ("arrow", "arrow-bad")
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="lockgraph" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="lock dependency graph">'
        f"<defs>{markers}</defs><g>"
    )


def _edge(drawing: Drawing, a: str, b: str, kinds: str, bad: bool) -> str:
    cls = "edge bad" if bad else "edge"
    marker = "arrow-bad" if bad else "arrow"
    if a == b:
        node = drawing.nodes[a]
        x, y = node.x + node.width / 2, node.y
        path = f"M{x:.1f} {y - 6:.1f}c26 -14 26 26 0 12"
    else:
        points = drawing.edges[(a, b)]
        both = (b, a) in drawing.edges  # two arrows side by side, not one with two heads
        path = _path(points, 0 if not both else -PAIR if points[0][1] < points[-1][1] else PAIR)
    return (
        f'<path class="{cls}" data-from="{escape(a)}" data-to="{escape(b)}" d="{path}" '
        f'marker-end="url(#{marker})"><title>{escape(a)} → {escape(b)} ({escape(kinds)})</title>'
        "</path>"
    )


def _path(points: list[tuple[float, float]], side: float = 0) -> str:
    """A line through the points with vertical tangents, so that crossings stay readable.

    `side`: bowed and moved so far to the right, for a line that has another one beside it.
    """
    (x, y), *rest = [(round(px + side, 1), py) for px, py in points]
    path = f"M{x} {y}"
    for nx, ny in rest:
        bend = (ny - y) / 2
        path += f"C{x + side} {y + bend:.1f} {nx + side} {ny - bend:.1f} {nx} {ny}"
        x, y = nx, ny
    return path


def _node(node: Placed, cls: Document, bad: bool) -> str:
    left, top = node.x - node.width / 2, node.y - NODE_HEIGHT / 2
    about = [node.name]
    if cls.get("site"):
        about.append(f"made at {cls['site']}")
    return (
        f'<g class="node{" bad" if bad else ""}" data-name="{escape(node.name)}" tabindex="0">'
        f"<title>{escape(chr(10).join(about))}</title>"
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{node.width:.1f}" height="{NODE_HEIGHT:g}" '
        f'rx="5"/><text x="{node.x:.1f}" y="{node.y + 4:.1f}">{escape(label(node.name))}</text></g>'
    )
