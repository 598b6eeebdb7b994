"""Threads that are really stuck: the live wait-for graph.

A thread that is about to block publishes on what; under the leaf it then follows "waits for" and
"held by" round.  Publishing and looking happen under one lock, so whoever blocks last sees the
circle.  Only waits without a time limit count; who will set an event is not known, so events end
the walk (`waits` has those), but joins and locks do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockcheck.core import acquire
from lockcheck.core.classes import MODE_NAMES
from lockcheck.core.held import Hold, ThreadState, ref_of, refs
from lockcheck.core.report import CERTAIN, LockRef, Report, Step, cycle_fingerprint

if TYPE_CHECKING:
    from lockcheck.core.engine import Engine


class Stuck:
    """Looks for live circles."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def before(self, ts: ThreadState, lock: Any, op: Any) -> None:
        """Judge the order before blocking, publish, look."""
        engine = self.engine
        hold = lock if isinstance(lock, Hold) else None
        target = hold.lock if hold is not None else lock
        target.key.cls.contentions += 1
        if getattr(op, "timeout", None) is not None or ts.tracing:
            return
        key = lock.key
        judged = hold is None or (hold.nest is None and not hold.trylock)
        if judged and ts.chain.next.get(key) is None:
            acquire.step(engine, ts, target, key, None)
        self.publish(ts, target, MODE_NAMES[key.mode])

    def after(self, ts: ThreadState) -> None:
        """The thread blocks no longer."""
        ts.blocked = None
        ts.blocked_stack = None

    def publish(self, ts: ThreadState, obj: Any, mode: str) -> None:
        """`ts` blocks on `obj` from now on; report when that closes a circle."""
        engine = self.engine
        if ts.tracing:
            return
        ts.tracing += 1
        try:
            ts.blocked_stack = engine.capture()
            with engine.leaf:
                ts.blocked = (obj, mode)
                circle = self._circle(ts)
        finally:
            ts.tracing -= 1
        alone = mode == "lock" and getattr(obj, "key", None) is not None  # told as recursive
        if circle is not None and (len(circle) > 1 or not alone):
            try:
                self._report(ts, circle)
            except BaseException:  # on_report="raise": it does not block after all
                self.after(ts)
                raise

    def _circle(self, ts: ThreadState) -> list[ThreadState] | None:
        """Follow who waits for whom from `ts` back to itself."""
        seen = {ts.serial}
        todo: list[list[ThreadState]] = [[ts]]
        while todo:
            path = todo.pop()
            blocked = path[-1].blocked
            if blocked is None:
                continue
            for owner in owners(blocked[0]):
                if owner is ts:
                    return path
                if owner.serial not in seen:
                    seen.add(owner.serial)
                    todo.append([*path, owner])
        return None

    def _report(self, ts: ThreadState, circle: list[ThreadState]) -> None:
        steps = []
        for at, who in enumerate(circle):
            wanted_obj, mode = who.blocked or (None, "lock")
            owed = circle[at - 1].blocked
            entry = who.find(owed[0]) if owed is not None else None
            held = ref_of(entry) if entry is not None else LockRef(f"end of {who.name}", "thread")
            key = getattr(wanted_obj, "key", None)
            cls = key.cls.name if key is not None else "thread"
            stack = who.blocked_stack or self.engine.capture()
            wanted = LockRef(getattr(wanted_obj, "name", "?"), cls, mode, stack)
            op = "lock" if key is not None else "wait"
            steps.append(Step(who.name, held, wanted, refs(who), op))
        names = ", ".join(f"{s.thread} waits for {s.wanted.name}" for s in steps)
        report = Report(
            "deadlock",
            CERTAIN,
            f"deadlock: {names}",
            reason="these threads wait for each other now",
            cycle=tuple(steps),
            advice="Take these locks in one order everywhere, and wait for threads with none held.",
        )
        self.engine.judge.fill(report)
        report.fingerprint = cycle_fingerprint("deadlock", steps)
        if self.engine.file(report) is not None:
            self.engine.deliver(ts, [report])


def owners(obj: Any) -> list[ThreadState]:
    """Threads that hold a lock, or the thread whose end is waited for."""
    thread = getattr(obj, "thread", None)
    if thread is not None:
        state = thread.state
        return [state] if state is not None and state.alive else []
    holds = getattr(obj, "_holds", None)
    if holds is not None:
        return list(holds)
    owner = getattr(obj, "ts", None)
    return [owner] if owner is not None and owner.find(obj) is not None else []
