"""Cycles of lock dependencies: ABBA and longer ones.

A report is `possible` when `search` found threads that can all be at their points at once, else
`class-only` with the reason why not; a later witness may make the same report stronger.  One report
a cycle of classes.

A cycle is left out when one of its threads only tried, under the lock that it holds, a lock that
another one holds too: trying is how code avoids just this cycle, and whoever waits has the lock.
"""

from __future__ import annotations

from collections.abc import Iterator

from lockcheck.core.classes import READ, Key
from lockcheck.core.graph import Graph
from lockcheck.core.record import EN, KIND_NAMES, SN, Edge, Record, Witness, kind_of
from lockcheck.core.report import (
    CLASS_ONLY,
    POSSIBLE,
    LockRef,
    Report,
    Severity,
    Step,
    cycle_report,
    rotated,
)
from lockcheck.core.search import Dependency, Search, avoided_by_trying, class_cycle, why_not

__all__ = ["Found", "LockOrder", "step_of"]

Found = list[tuple[Edge, int, bool]]
"""What a new witness adds: edges, the position of the held lock, is the kind of edge new."""

ADVICE = (
    "Take these locks in one order everywhere; or drop the first before taking the second; "
    "or, for several locks of one class, give the class an order with cmp=."
)
ADVICE_SYNC = (
    "Wait with none of these locks held, or take none of them on the side that ends the wait; a "
    "wait with a time limit does not hang."
)


class LockOrder:
    """Looks for the cycles that a new witness closes.  Locks: the leaf."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._left_out: set[Edge] = set()
        """Edges of cycles that trying avoids: another witness of theirs may not have tried."""

    def judge(
        self, rec: Record, witness: Witness, found: Found, *, cyclic: bool = True
    ) -> Iterator[Report]:
        """Cycles through a new witness; not `cyclic`: no two locks of one class can close one."""
        graph = self._graph
        suspects = [row for row in found if graph.cyclic(row[0])]
        if not suspects:
            return
        exhausted = True
        if cyclic or any(e.source.base is not e.target.base for e, _, _ in suspects):
            search = Search(graph, rec, witness)
            cycle = search.run()
            exhausted = search.exhausted
            if cycle is not None:
                yield _circular([(p.witness, p.at) for p in cycle], POSSIBLE, "")
                return
        for edge, index, new in suspects:
            if edge.source is edge.target or not (new or edge in self._left_out):
                continue
            assert rec.key is not None, "only an acquire closes a cycle of locks"
            known = (k for k, (w, i) in edge.first.items() if w is witness and i == index)
            kind = next(known, kind_of(rec.held[index].mode, rec.key.mode))
            classes = class_cycle(graph, edge, kind)
            if classes is None:
                continue
            shown = [(witness, index), *(step.first[bit] for step, bit in classes[1:])]
            if avoided_by_trying(shown):
                self._left_out.update(step for step, _ in classes)
                continue
            yield _circular(shown, CLASS_ONLY, why_not(shown, exhausted=exhausted), classes)

    def new_writer(self, key: Key) -> Iterator[Report]:
        """A new writer may come between queued readers: judge their cycles again."""
        graph = self._graph
        for edge in tuple(graph.before(key.cls).values()):
            if not edge.kinds & (EN | SN) or not graph.cyclic(edge):
                continue
            for rec, index in edge.records:
                if rec.key is None or rec.key.mode != READ or rec.key.base is not key.base:
                    continue
                for witness in rec.witnesses:
                    yield from self.judge(rec, witness, [(edge, index, False)])


def _circular(
    cycle: list[tuple[Witness, int]],
    severity: Severity,
    reason: str,
    classes: list[Dependency] | None = None,
) -> Report:
    steps = tuple(step_of(witness, index) for witness, index in cycle)
    names = [w.rec.held[i].cls.name for w, i in cycle if i >= 0]  # no queueing writer
    if severity == POSSIBLE:
        reason = "distinct threads, no common gate, no start or join order between them"
    way = " -> ".join([*(s.held.name for s in steps), steps[0].held.name])
    detail = ""
    if classes is not None:
        detail = "dependencies: " + ", ".join(
            f"{e.source.name} -({KIND_NAMES[bit]})-> {e.target.name}" for e, bit in classes
        )
    return cycle_report(
        "circular",
        severity,
        f"possible circular locking dependency: {way}",
        steps,
        ident=("circular", *rotated(names)),
        reason=reason,
        detail=detail,
        advice=ADVICE_SYNC if any(s.op == "sync" for s in steps) else ADVICE,
    )


def step_of(witness: Witness, index: int) -> Step:
    """A participant as a report shows it."""
    if index < 0:
        held = LockRef(witness.wanted.name, witness.wanted.cls, "queue", witness.stack)
    elif index < len(witness.held):
        held = witness.held[index]
    else:
        held = LockRef("?", witness.rec.held[index].cls.name)
    op = "sync" if witness.wanted.mode == "sync" else "lock"
    return Step(witness.thread, held, witness.wanted, witness.held, op)
