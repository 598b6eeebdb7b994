"""Taking: the slow path of a transition that a thread's chain does not know.

In this order: same-class rules (user callbacks run here, before any lock of ours), wait types, then
under the leaf the record, usage in contexts, the witness and the search, and last, with the
leaf dropped, the delivery of reports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockcheck.core import freed, release, rules
from lockcheck.core.classes import WRITE, Key
from lockcheck.core.contexts import Counted
from lockcheck.core.graph import Record, Witness
from lockcheck.core.held import Chain, Hold, ThreadState, refs
from lockcheck.core.report import LockRef, Report
from lockcheck.core.stacks import EMPTY, Stack

if TYPE_CHECKING:
    from lockcheck.core.engine import Engine

NEAR = 10
"""Frames kept of a lock taken as others have taken it before."""
LATER = "when the thread took another lock"
WRITERS = 8
"""Witnesses kept of writers of one lock, for queued readers."""


def plain(engine: Engine, ts: ThreadState, lock: Any, known: int = 0) -> Chain | None:
    """Judge a plain acquire; the chain it leads to, or None when it was pushed as a Hold."""
    if freed.sweep(engine, ts, LATER, known=known) or rules.volatile(ts, lock.key):
        push(engine, ts, Hold(lock, WRITE))  # the caller knows the stack as it was before
        return None
    chain = step(engine, ts, lock, lock.key, None)
    if chain is None:
        _push_unjudged(ts, Hold(lock, WRITE))
    return chain


def push(engine: Engine, ts: ThreadState, hold: Hold) -> None:
    """Judge and push a prepared acquire that is an entry of its own."""
    key = hold.key
    chain = None
    if hold.nest is None and not rules.volatile(ts, key):
        chain = ts.chain.next.get(key)
    if chain is None:
        freed.sweep(engine, ts, LATER)
        chain = step(engine, ts, hold.lock, key, hold.nest)
    if chain is None:
        _push_unjudged(ts, hold)
        return
    hold._pk = ts.chain
    hold._k = chain
    hold.prev = ts.top
    hold.ts = ts
    ts.top = hold
    if hold.mode == WRITE and hasattr(hold.lock, "ts"):
        hold.lock.ts = ts


def _push_unjudged(ts: ThreadState, hold: Hold) -> None:
    """Push without judging: a finaliser came into the engine again."""
    hold._pk = ts.chain
    hold._k = Chain(ts.chain.rec, ts.chain, EMPTY)
    hold.prev = ts.top
    hold.ts = ts
    ts.top = hold
    if hold.mode == WRITE and hasattr(hold.lock, "ts"):
        hold.lock.ts = ts  # whoever waits for it must find its owner


def step(engine: Engine, ts: ThreadState, lock: Any, key: Key, nest: Any) -> Chain | None:
    """The chain after acquiring `key` on top of the thread's chain; judged when new."""
    if ts.tracing:
        return None
    if nest is None and not ts.foreign:
        view = ts.chain
        known = view.rec.children.get(key)
        if known is not None and known.saturated and not rules.volatile(ts, key):
            stack = engine.capture(NEAR)
            marked = type(view) is Counted or stack.finaliser
            if not marked and not engine.contexts.unseen(ts, key):
                return view.grow(key, Chain(known, view, stack))
    ts.tracing += 1
    reports: list[Report] = []
    try:
        if ts.foreign:
            release.settle(ts)
        stack = engine.capture()
        verdict = rules.same_class(engine, ts, lock, key, nest, stack, reports)
        rules.wait_type(engine, ts, key, stack, reports)
        with engine.leaf:
            chain = _enroll(engine, ts, lock, key, nest, verdict, stack, reports)
    finally:
        ts.tracing -= 1
    engine.deliver(ts, reports)
    return chain


def _enroll(
    engine: Engine,
    ts: ThreadState,
    lock: Any,
    key: Key,
    nest: Any,
    verdict: str,
    stack: Stack,
    reports: list[Report],
) -> Chain:
    """Under the leaf: record, witness, verdicts, view."""
    view = ts.chain
    serialised = verdict == rules.NESTED
    token: Any = (key, nest.key) if serialised else key
    counted = type(view) is Counted
    finaliser = (counted or stack.finaliser) and "gc" not in ts.contexts
    new = view.rec.children.get(token) is None
    if new:
        engine.deps.stats["chain_misses"] += 1
    if new or (not finaliser and engine.contexts.unseen(ts, key)):
        engine.contexts.use(ts, key, lock, stack, reports, finaliser=finaliser)
    if finaliser:
        engine.contexts.finaliser(ts, key, lock, stack, reports)
    rec = engine.deps.child(view.rec, token, key, edges=not key.trylock and not serialised)
    if not rec.saturated:
        cyclic = verdict != rules.ORDERED or key.cls.base.disordered
        _witness(engine, ts, lock, rec, stack, reports, cyclic=cyclic)
    chain = type(view)(rec, view, stack)
    if not rules.volatile(ts, key) and (counted or not finaliser):
        view.grow(token, chain)
    return chain


def _witness(
    engine: Engine,
    ts: ThreadState,
    lock: Any,
    rec: Record,
    stack: Stack,
    reports: list[Report],
    *,
    cyclic: bool,
) -> None:
    """Note that this thread was here, unless that is known; judge what it adds."""
    for old in rec.witnesses:
        if old.serial == ts.serial and old.epoch == ts.epoch and old.vc is ts.vc:
            return
    witness = Witness(ts, rec, stack)
    witness.held = refs(ts)
    key = rec.key
    assert key is not None
    witness.wanted = LockRef(lock.name, key.cls.name, key.mode_name, stack)
    found = engine.deps.note(rec, witness)
    if key.mode == WRITE and key.cls.base.kind == "rwlock" and not key.trylock:
        key.base.writers = (*key.base.writers[1 - WRITERS :], witness)
        engine.judge.writer(ts, key, reports)
    engine.judge.circles(ts, rec, witness, found, reports, cyclic=cyclic)
