"""The graph as data: what `graph.json` holds and the renderers read.

    {"schema": "lockcheck/graph/1",
     "classes": [{"id", "name", "key", "subclass", "kind", "site", "usage": {CONTEXT: CHAR},
                  "instances", "acquisitions", "contentions", "forward", "backward",
                  "wait_total", "wait_max", "foreign_releases", "cmp": bool}],
     "edges": [{"from": id, "to": id, "kinds": ["ER" | "EN" | "SR" | "SN"], "count", "saturated",
                "distance", "witnesses": [{"kind", "thread", "held": {"name", "mode"},
                "wanted": {"name", "mode"}, "held_stack": [FRAME], "wanted_stack": [FRAME],
                "all_held": [{"name", "class", "mode"}]}]}],
     "chains": [{"id", "context": [name], "disabled": [name], "uses", "saturated",
                 "classes": [{"id", "name", "instance", "mode"}]}],
     "waits": [{"from", "to", "kind": "holds" | "needs", "count"}],
     "reports": [REPORT],
     "statistics": {NAME: number}}

`forward`/`backward` count the classes reachable along and against the edges.  A usage character is
the kernel's: `.` never in the context and disabled while held, `-` taken in it, `+` held where it
can strike, `?` both; two of them for each context, writer then reader.  `distance` is 1 where the
two locks were neighbours in the held stack.  `uses` counts novel sightings, and
`acquisitions` is 0, for the warm path counts nothing: a recorder does (`lockcheck.sync.recorder`).
Waiting times are seconds of contended acquires.
"""

from __future__ import annotations

from lockcheck.core.classes import LockClass
from lockcheck.core.document import Json
from lockcheck.core.engine import Engine
from lockcheck.core.graph import Graph
from lockcheck.core.lock_order import step_of
from lockcheck.core.record import KIND_NAMES, Edge, Record, Witness

__all__ = ["GraphView", "graph_dict"]


class GraphView:
    """`Checker.graph`: classes, edges, chains and statistics."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def classes(self) -> list[LockClass]:
        """Lock classes in order of creation."""
        return list(self._engine.classes)

    @property
    def edges(self) -> list[Edge]:
        """Dependencies in order of discovery."""
        return _edges(self._engine.graph)

    @property
    def chains(self) -> list[Record]:
        """Distinct held sequences."""
        return self._engine.graph.every_record()

    @property
    def statistics(self) -> dict[str, int]:
        return _statistics(self._engine)

    def to_dict(self) -> Json:
        """The layout of `graph.json`, as the module's docstring shows it."""
        return graph_dict(self._engine)


def graph_dict(engine: Engine) -> Json:
    """The whole graph; consistent, for it is taken under the leaf."""
    with engine.leaf:
        found: Json = {
            "schema": "lockcheck/graph/1",
            "classes": [_class(engine, cls) for cls in engine.classes],
            "edges": [_edge(edge) for edge in _edges(engine.graph)],
            "chains": [_chain(rec) for rec in engine.graph.every_record() if rec.key is not None],
            "waits": [
                {"from": a, "to": b, "kind": kind, "count": n}
                for (a, b, kind), n in engine.waiting.waits.edges.items()
            ],
        }
    found["reports"] = [report.to_dict() for report in engine.reports]
    found["statistics"] = _statistics(engine)
    return found


def _edges(graph: Graph) -> list[Edge]:
    return [edge for edge in graph.edges.values() if edge.kinds]


def reach(graph: Graph, cls: LockClass, *, forward: bool) -> int:
    """Number of classes reachable, the class itself not counted."""
    seen = {cls}
    todo = [cls]
    while todo:
        at = todo.pop()
        for other in graph.after(at) if forward else graph.before(at):
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return len(seen) - 1


def _class(engine: Engine, cls: LockClass) -> Json:
    return {
        "id": cls.serial,
        "name": cls.name,
        "key": cls.base.name,
        "subclass": cls.subclass,
        "kind": cls.base.kind,
        "site": cls.base.site,
        "usage": {name: engine.contexts.usage_chars(cls, name) for name in engine.contexts.names},
        "instances": cls.base.instances,
        "acquisitions": cls.acquisitions,
        "contentions": cls.contentions,
        "forward": reach(engine.graph, cls, forward=True),
        "backward": reach(engine.graph, cls, forward=False),
        "wait_total": cls.wait_total,
        "wait_max": cls.max_wait,
        "foreign_releases": cls.base.foreign,
        "cmp": cls.base.cmp is not None,
    }


def _edge(edge: Edge) -> Json:
    return {
        "from": edge.source.serial,
        "to": edge.target.serial,
        "kinds": [KIND_NAMES[bit] for bit in (1, 2, 4, 8) if edge.kinds & bit],
        "count": edge.count,
        "saturated": edge.saturated,
        "distance": min((len(rec.held) - 1 - at for rec, at in edge.records), default=0),
        "witnesses": [_witness(KIND_NAMES[kind], *row) for kind, row in edge.first.items()],
    }


def _witness(kind: str, witness: Witness, index: int) -> Json:
    step = step_of(witness, index)
    return {
        "kind": kind,
        "thread": step.thread,
        "held": {"name": step.held.name, "mode": step.held.mode},
        "wanted": {"name": step.wanted.name, "mode": step.wanted.mode},
        "held_stack": step.held.stack.to_dict(),
        "wanted_stack": step.wanted.stack.to_dict(),
        "all_held": [ref.to_dict(stack=False) for ref in step.all_held],
    }


def _chain(rec: Record) -> Json:
    return {
        "id": rec.serial,
        "context": list(rec.context[0]),
        "disabled": sorted(rec.context[1]),
        "uses": rec.uses,
        "saturated": rec.saturated,
        "classes": [
            {"id": k.cls.serial, "name": k.cls.name, "instance": k.name, "mode": k.mode_name}
            for k in rec.held
        ],
    }


def _statistics(engine: Engine) -> dict[str, int]:
    graph = engine.graph
    records = graph.every_record()
    return {
        "classes": len(engine.classes),
        "direct_dependencies": len(_edges(graph)),
        "indirect_dependencies": sum(
            reach(graph, cls, forward=True) for cls in engine.classes if graph.after(cls)
        ),
        "chains": len(records),
        "chain_locks": sum(len(rec.held) for rec in records),
        "saturated_chains": sum(rec.saturated for rec in records),
        "max_depth": graph.depth_max,
        "instances": sum(cls.instances for cls in engine.classes),
        "wait_dependencies": len(engine.waiting.waits.edges),
        "wait_dependencies_forgotten": engine.waiting.waits.edges_forgotten,
        "race_accesses": engine.races.accesses,
        "reorderings": graph.order.searched,
        "reports": len(engine.reports),
        **graph.stats,
    }
