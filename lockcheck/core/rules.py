"""The rules that need no graph: one function each.

Two locks of one class (recursion, cmp, nest), release of what is not held, pins, locks held at exit
and at a fork, assertions, waiting under a lock that forbids it.

Each looks at a thread's state and returns what it finds; `same_class` calls the class's cmp
function: a callback of the user's, so no lock of ours is held.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lockcheck.core.classes import READ, RECURSIVE_READ, Key
from lockcheck.core.held import CheckedLock, Entry, ThreadState, ref_of, refs
from lockcheck.core.report import (
    CERTAIN,
    CLASS_ONLY,
    POSSIBLE,
    LockRef,
    Report,
    Severity,
    Step,
    cycle_report,
    fingerprint,
)
from lockcheck.core.stacks import EMPTY, Stack

# What `same_class` says of an acquire.
FREE = "free"
"""No lock of its class is held."""
ORDERED = "ordered"
"""The class's cmp function allows it."""
NESTED = "nested"
"""The nest lock serialises the class: no dependency at all."""
RECURSION = "recursion"

OWNERLESS = ("lock", "semaphore")
"""Kinds that any thread may release."""


class Nesting(NamedTuple):
    """What was found about taking a lock while others of its class are held."""

    verdict: str
    reports: tuple[Report, ...] = ()


def volatile(ts: ThreadState, key: Key) -> bool:
    """Must this acquire be judged each time?  Where the keys do not say which lock it is.

    Always while another lock of its class is held; else until the record was looked at often.
    """
    view = ts.chain
    if view.alone:
        return key.many
    rec = view.rec
    if not rec.held or not (key.many or rec.shared):
        return False
    base = key.cls.base
    if rec.holds(base) if key.many else base in rec.shared:
        return True
    known = rec.children.get(key)
    return known is None or not known.blurred


def one_place(
    ts: ThreadState,
    kind: str,
    title: str,
    *,
    severity: Severity = CERTAIN,
    reason: str = "",
    held: tuple[LockRef, ...] | None = None,
    locks: tuple[LockRef, ...] = (),
    stack: Stack = EMPTY,
    stacks: tuple[tuple[str, str, Stack], ...] = (),
    parts: tuple[str, ...] = (),
    detail: str = "",
    advice: str = "",
) -> Report:
    """A report that one place shows; `parts` belong to its fingerprint."""
    classes = tuple(dict.fromkeys(ref.cls for ref in locks))
    here = (("here", ts.name, stack),) if stack else ()
    taken = tuple((f"{ref.name} taken", ts.name, ref.stack) for ref in locks if ref.stack)
    return Report(
        kind,
        severity,
        title,
        reason=reason,
        threads=(ts.name,),
        held=refs(ts) if held is None else held,
        locks=tuple(ref.name for ref in locks),
        classes=classes,
        stacks=(*stacks, *here, *taken),
        fingerprint=fingerprint(kind, (*parts, *classes, stack.function)),
        detail=detail,
        advice=advice,
    )


# -- two locks of one class ------------------------------------------------------------------------


def same_class(
    ts: ThreadState, lock: CheckedLock, key: Key, nest: CheckedLock | None, stack: Stack
) -> Nesting:
    """Judge taking a lock while others of its class are held."""
    found: list[Report] = []
    nest_held = nest is not None and ts.find(nest) is not None
    if nest is not None and not nest_held:
        found.append(_nest_not_held(ts, lock, nest, stack))
    verdict = FREE
    for entry in ts.stack():
        if entry.key.cls is not key.cls or key.trylock:
            continue
        reads_again = key.mode == RECURSIVE_READ and entry.key.mode in (READ, RECURSIVE_READ)
        permits = sum(each.lock is lock for each in ts.held()) if entry.lock is lock else 0
        if 0 < permits < key.permits:
            continue  # another permit of the same semaphore
        if entry.lock is lock and not reads_again:
            found.append(_same_lock(ts, entry, key, stack))
            return Nesting(RECURSION, tuple(found))
        if reads_again:
            continue
        cmp = key.cls.base.cmp
        compared: int | None = None
        if cmp is not None and entry.lock is not lock:
            compared = cmp(entry.lock, lock)
            if compared < 0:
                verdict = ORDERED if verdict == FREE else verdict
                continue
        if nest_held:
            return Nesting(NESTED, tuple(found))
        key.cls.base.disordered = True
        found.append(_two_of_a_class(ts, entry, lock, key, stack, compared))
        verdict = RECURSION
    return Nesting(verdict, tuple(found))


def _same_lock(ts: ThreadState, entry: Entry, key: Key, stack: Stack) -> Report:
    """The very lock again: certain, unless both sides read."""
    wanted = LockRef(entry.lock.name, key.cls.name, key.mode_name, stack)
    step = Step(ts.name, ref_of(entry), wanted, refs(ts))
    if key.mode == READ and entry.key.mode in (READ, RECURSIVE_READ):
        reason = "a queued reader takes it again: stuck as soon as a writer waits in between"
        return _recursion(step, CLASS_ONLY, reason)
    return _recursion(step, CERTAIN, "the same lock, by the thread that holds it")


def _two_of_a_class(
    ts: ThreadState,
    entry: Entry,
    lock: CheckedLock,
    key: Key,
    stack: Stack,
    compared: int | None,
) -> Report:
    wanted = LockRef(lock.name, key.cls.name, key.mode_name, stack)
    step = Step(ts.name, ref_of(entry), wanted, refs(ts))
    if compared is None:
        reason = f"two locks of class {key.cls.name} without a declared order"
        return _recursion(step, CLASS_ONLY, reason)
    reason = (
        f"the class's order is violated: cmp({entry.lock.name}, {lock.name}) is {compared}, not "
        "below 0; it holds whatever else is held"
    )
    return _recursion(step, POSSIBLE, reason)


def _recursion(step: Step, severity: Severity, reason: str) -> Report:
    name = step.wanted.cls
    return cycle_report(
        "recursive",
        severity,
        f"possible recursive locking: {step.wanted.name} wanted while {step.held.name} "
        f"of the same class {name} is held",
        (step,),
        ident=("recursive", name),
        reason=reason,
        advice="If the order among locks of this class is defined, say so with cmp=, "
        "subclass= or nest=; a lock that its owner may take again is an RLock.",
    )


def got_after_all(ts: ThreadState, lock: CheckedLock, reports: Sequence[Report]) -> None:
    """A thread got the lock that it held itself: another one has released it meanwhile."""
    for report in reports:
        if report.kind != "recursive" or report.severity != CERTAIN or not report.cycle:
            continue
        step = report.cycle[0]
        if step.thread == ts.name and step.held.name == step.wanted.name == lock.name:
            report.severity = CLASS_ONLY
            report.reason = "another thread released it meanwhile: it serves as a signal"


def _nest_not_held(ts: ThreadState, lock: CheckedLock, nest: CheckedLock, stack: Stack) -> Report:
    """`nest=` names a lock that the thread does not hold."""
    return one_place(
        ts,
        "nest-not-held",
        f"nested lock was not taken: {lock.name} is said to nest in {nest.name}, which is not held",
        locks=(LockRef(lock.name, lock.key.cls.name), LockRef(nest.name, nest.key.cls.name)),
        stack=stack,
        advice=f"Take {nest.name} first: it is what orders the locks of this class.",
    )


# -- waiting where that is forbidden ---------------------------------------------------------------


def forbids_waiting(ts: ThreadState) -> CheckedLock | None:
    """A held lock that was made with `no_block`: no wait for anything but a lock under it."""
    for entry in ts.held():
        if entry.key.cls.base.no_block:
            lock: CheckedLock = entry.lock
            return lock
    return None


def invalid_wait(ts: ThreadState, what: str, strict: CheckedLock, stack: Stack) -> Report:
    """A wait under a lock that forbids it."""
    held = refs(ts)
    return one_place(
        ts,
        "wait-context",
        f"invalid wait context: {what} may block, and {strict.name} does not allow that",
        held=held,
        locks=held,
        stack=stack,
        advice=f"Do it before {strict.name} is taken, or after it was dropped.",
    )


# -- releases, pins, assertions --------------------------------------------------------------------


def _named(lock: CheckedLock) -> tuple[LockRef, ...]:
    return (LockRef(lock.name, lock.key.cls.name),)


def bad_unlock(ts: ThreadState, lock: CheckedLock, stack: Stack) -> Report:
    """Release of a lock that this thread does not hold."""
    return one_place(
        ts,
        "bad-unlock",
        f"bad unlock balance: {lock.name} is released and not held",
        locks=_named(lock),
        stack=stack,
        advice="Release it once for each acquire; a with statement does.",
    )


def released_pinned(ts: ThreadState, lock: CheckedLock, stack: Stack) -> Report:
    """A pinned lock is released."""
    return one_place(
        ts,
        "unpinned",
        f"releasing a pinned lock: {lock.name}",
        locks=_named(lock),
        stack=stack,
        advice="Whoever pinned it relies on its staying held: unpin it first.",
    )


def pinned_free(ts: ThreadState, lock: CheckedLock, stack: Stack) -> Report:
    """A lock is pinned that the thread does not hold."""
    title = f"pinning {lock.name}, which is not held"
    return one_place(ts, "unpinned", title, locks=_named(lock), stack=stack)


def wrong_cookie(ts: ThreadState, lock: CheckedLock, stack: Stack) -> Report:
    """A pin is taken away by a cookie that is not its own."""
    title = f"unpinning {lock.name} with a cookie that is not its pin's"
    return one_place(ts, "unpinned", title, locks=_named(lock), stack=stack)


def assertion(ts: ThreadState, lock: CheckedLock, stack: Stack, *, held: bool) -> Report:
    """assert_held or assert_not_held failed."""
    word = "is not held by this thread" if held else "is held by this thread"
    return one_place(
        ts,
        "assertion",
        f"assertion failed: {lock.name} {word}",
        locks=_named(lock),
        stack=stack,
        parts=("held" if held else "not held",),
        advice=f"The caller must {'hold' if held else 'not hold'} {lock.name} here.",
    )


# -- ends ------------------------------------------------------------------------------------------


def held_at_exit(ts: ThreadState) -> Iterator[Report]:
    """A thread ends and still holds locks."""
    held = [e for e in ts.stack() if e.key.cls.base.kind not in ("map", "semaphore")]
    if not held:
        return
    found = tuple(ref_of(entry) for entry in held)
    yield one_place(
        ts,
        "held-at-exit",
        f"{ts.name} still has locks held at exit: {', '.join(ref.name for ref in found)}",
        held=found,
        locks=found,
        advice="No other thread can release them; hold them by a with statement.",
    )


def held_at_fork(
    ts: ThreadState, others: Sequence[ThreadState], guarded: Sequence[object], stack: Stack
) -> Iterator[Report]:
    """The process forks while other threads hold locks: the child inherits them taken for good.

    Not `guarded` ones, which a hook at the fork takes care of, and no pseudo-locks.
    """
    for other in others:
        if other is ts:
            continue
        found = tuple(
            ref_of(entry)
            for entry in other.stack()
            if entry.key.cls.base.kind != "map" and all(entry.lock is not lock for lock in guarded)
        )
        if found:
            yield one_place(
                ts,
                "held-at-fork",
                f"fork while {other.name} holds {', '.join(ref.name for ref in found)}: "
                "no thread of the child will release it",
                severity=POSSIBLE,
                reason="stuck as soon as the child takes it",
                held=found,
                locks=found,
                stack=stack,
                advice="Fork before threads take locks, or use the spawn start method.",
            )
