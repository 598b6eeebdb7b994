"""From a circle to a report: severity, reason, words.

One report per circle of classes.  It is `possible` when `search` found threads that can all be
there at once, else `class-only` with the reason why not; a later witness may raise it, in place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockcheck.core.classes import READ, Key
from lockcheck.core.graph import EN, KIND_NAMES, SN, Edge, Record, Witness
from lockcheck.core.held import ThreadState, refs
from lockcheck.core.report import (
    CERTAIN,
    CLASS_ONLY,
    POSSIBLE,
    LockRef,
    Report,
    Step,
    cycle_fingerprint,
    cycle_stacks,
    fingerprint,
    stronger,
)
from lockcheck.core.search import Search, class_cycle, why_not
from lockcheck.core.stacks import EMPTY, Stack

if TYPE_CHECKING:
    from lockcheck.core.engine import Engine

ADVICE = (
    "Take these locks in one order everywhere; or drop the first before taking the second; "
    "or, for several locks of one class, give the class an order with cmp=."
)
ADVICE_SYNC = (
    "Wait with none of these locks held, or take none of them in what is waited for; a wait with a "
    "time limit does not hang."
)


class Judge:
    """Turns what the searches find into reports."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._circles: dict[tuple[str, ...], Report] = {}

    def circles(
        self,
        ts: ThreadState,
        rec: Record,
        witness: Witness,
        found: list[tuple[Edge, int, bool]],
        reports: list[Report],
        *,
        cyclic: bool,
    ) -> None:
        """Judge a new witness: circles that it closes.  Locks: the leaf."""
        graph = self.engine.deps
        if any(new for _, _, new in found):
            self.engine.contexts.check(ts, reports)
        suspects = [row for row in found if graph.cyclic(row[0])]
        if not suspects:
            return
        exhausted = True
        if cyclic or any(e.source.base is not e.target.base for e, _, _ in suspects):
            search = Search(graph, rec, witness)
            cycle = search.run()
            exhausted = search.exhausted
            if cycle is not None:
                self._enter([(p.witness, p.at) for p in cycle], POSSIBLE, "", reports)
                return
        for edge, index, new in suspects:
            if not new or edge.source is edge.target:
                continue
            assert rec.key is not None
            kind = next(k for k, (w, i) in edge.first.items() if w is witness and i == index)
            circle = class_cycle(graph, edge, kind)
            if circle is None:
                continue
            told = [step.first[bit] for step, bit in circle]
            self._enter(told, CLASS_ONLY, why_not(told, exhausted=exhausted), reports, circle)

    def writer(self, ts: ThreadState, key: Key, reports: list[Report]) -> None:
        """A new writer may come between queued readers: judge their circles again."""
        graph = self.engine.deps
        for edge in tuple(key.cls.edges_in.values()):
            if not edge.kinds & (EN | SN) or not graph.cyclic(edge):
                continue
            for rec, index in edge.records:
                if rec.key is None or rec.key.mode != READ or rec.key.base is not key.base:
                    continue
                for witness in rec.witnesses:
                    found = [(edge, index, False)]
                    self.circles(ts, rec, witness, found, reports, cyclic=True)

    def recursion(
        self, ts: ThreadState, step: Step, severity: str, reason: str, reports: list[Report]
    ) -> None:
        """A lock of a class wanted while one of the same class is held."""
        name = step.wanted.cls
        self.file_circle(
            ("recursive", name),
            Report(
                "recursive",
                severity,
                f"possible recursive locking: {step.wanted.name} wanted while {step.held.name} "
                f"of the same class {name} is held",
                reason=reason,
                cycle=(step,),
                advice="If the order among locks of this class is defined, say so with cmp=, "
                "subclass= or nest=; a lock that its owner may take again is an RLock.",
            ),
            reports,
        )

    def taken_after_all(self, ts: ThreadState, lock: Any) -> None:
        """A thread got the lock that it held itself: another one has released it meanwhile."""
        for report in self.engine.reports:
            if report.kind != "recursive" or report.severity != CERTAIN or not report.cycle:
                continue
            step = report.cycle[0]
            if step.thread == ts.name and step.held.name == step.wanted.name == lock.name:
                report.severity = CLASS_ONLY
                report.reason = "another thread released it meanwhile: it serves as a signal"

    def _enter(
        self,
        cycle: list[tuple[Witness, int]],
        severity: str,
        reason: str,
        reports: list[Report],
        circle: list[tuple[Edge, int]] | None = None,
    ) -> None:
        steps = tuple(step_of(witness, index) for witness, index in cycle)
        classes = tuple(w.rec.held[i].cls.name for w, i in cycle if i >= 0)  # no queueing writer
        if severity == POSSIBLE:
            reason = "distinct threads, no common gate, no start or join order between them"
        way = " -> ".join([*(s.held.name for s in steps), steps[0].held.name])
        detail = ""
        if circle is not None:
            detail = "dependencies: " + ", ".join(
                f"{e.source.name} -({KIND_NAMES[bit]})-> {e.target.name}" for e, bit in circle
            )
        turns = [classes[i:] + classes[:i] for i in range(len(classes))]
        title = f"possible circular locking dependency: {way}"
        self.file_circle(
            min(turns),
            Report(
                "circular",
                severity,
                title,
                reason=reason,
                cycle=steps,
                detail=detail,
                advice=ADVICE_SYNC if any(s.op == "sync" for s in steps) else ADVICE,
            ),
            reports,
        )

    def file_circle(self, ident: tuple[str, ...], report: Report, reports: list[Report]) -> None:
        """Enter a circle's report, or strengthen the one that is there."""
        complete(report)
        with self.engine.leaf:
            self._file(ident, report, reports)

    def _file(self, ident: tuple[str, ...], report: Report, reports: list[Report]) -> None:
        old = self._circles.get(ident)
        if old is None:
            self._circles[ident] = report
            if self.engine.file(report) is not None:
                reports.append(report)
        elif stronger(report.severity, old.severity):
            for name in ("severity", "title", "reason", "cycle", "stacks", "threads", "locks",
                         "classes", "detail", "held"):  # fmt: skip
                setattr(old, name, getattr(report, name))
            reports.append(old)

    def fill(self, report: Report) -> None:
        """Complete a report that has its cycle."""
        complete(report)

    def single(
        self,
        ts: ThreadState,
        kind: str,
        severity: str,
        title: str,
        *,
        held: tuple[LockRef, ...] = (),
        locks: tuple[LockRef, ...] = (),
        stack: Stack = EMPTY,
        parts: tuple[str, ...] = (),
        **more: Any,
    ) -> Report | None:
        """File a report told by one place; None when it is known."""
        report = Report(kind, severity, title, threads=(ts.name,), held=held, **more)
        report.locks = tuple(ref.name for ref in locks)
        report.classes = tuple(dict.fromkeys(ref.cls for ref in locks))
        told = [("here", ts.name, stack)] if stack else []
        told += [(f"{ref.name} taken", ts.name, ref.stack) for ref in locks if ref.stack]
        report.stacks = (*report.stacks, *told)
        report.fingerprint = fingerprint(kind, (*parts, *report.classes, stack.function))
        return self.engine.file(report)

    def user_report(
        self, ts: ThreadState, kind: str, title: str, fields: dict[str, Any]
    ) -> Report | None:
        """A finding of the checker's user; unknown fields go to `data`."""
        known = set(Report.__dataclass_fields__)
        report = Report(
            kind,
            fields.pop("severity", "certain"),
            title,
            **{name: fields.pop(name) for name in list(fields) if name in known},
        )
        report.data.update(fields)
        if not report.held:
            report.held = refs(ts)
        if not report.threads:
            report.threads = (ts.name,)
        stack = self.engine.capture()
        if not report.stacks:
            report.stacks = (("here", ts.name, stack),)
        if not report.fingerprint:
            report.fingerprint = fingerprint(kind, (title, stack.function))
        filed = self.engine.file(report)
        if filed is not None:
            self.engine.deliver(ts, [filed])
        return filed


def step_of(witness: Witness, index: int) -> Step:
    """A participant as a report tells it."""
    if index < 0:
        held = LockRef(witness.wanted.name, witness.wanted.cls, "queue", witness.stack)
    elif index < len(witness.held):
        held = witness.held[index]
    else:
        held = LockRef("?", witness.rec.held[index].cls.name)
    op = "sync" if witness.wanted.mode == "sync" else "lock"
    return Step(witness.thread, held, witness.wanted, witness.held, op)


def complete(report: Report) -> None:
    """Fill in what follows from the cycle."""
    steps = report.cycle
    report.stacks = cycle_stacks(steps)
    report.threads = tuple(dict.fromkeys(step.thread for step in steps))
    report.locks = tuple(dict.fromkeys(r.name for s in steps for r in (s.held, s.wanted)))
    report.classes = tuple(dict.fromkeys(r.cls for s in steps for r in (s.held, s.wanted)))
    report.fingerprint = cycle_fingerprint(report.kind, steps)
    if steps:
        report.held = steps[0].all_held
