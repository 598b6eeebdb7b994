"""The rules that need no graph: one function each.

Same class twice (recursion, cmp, nest), wait types, release of what is not held, pins, held at
exit, at a fork, when freed, assertions.  Each files its report through `Judge`.

`same_class` calls the class's cmp function: a callback of the user's, so no lock of ours is held.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from lockcheck.core import freed, release
from lockcheck.core.classes import READ, RECURSIVE_READ, WAIT_SLEEP, WAIT_SPIN, Key
from lockcheck.core.held import Hold, ThreadState, ref_of, refs
from lockcheck.core.report import CERTAIN, CLASS_ONLY, POSSIBLE, LockRef, Report, Step
from lockcheck.core.stacks import EMPTY, Stack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockcheck.core.engine import Engine

# What `same_class` says of an acquire.
FREE = "free"
"""No lock of its class is held."""
ORDERED = "ordered"
"""The class's cmp function allows it."""
NESTED = "nested"
"""The nest lock serialises the class: no dependency at all."""
RECURSION = "recursion"
UNCACHED = "uncached"

OWNERLESS = ("lock", "semaphore")
"""Kinds that any thread may release."""

_cookies = itertools.count(1)


def volatile(ts: ThreadState, key: Key) -> bool:
    """Must this acquire be judged each time?  Same class held, and the keys do not tell which."""
    rec = ts.chain.rec
    if not rec.held:
        return False
    base = key.cls.base
    return rec.holds(base) if key.many else base in rec.shared


def same_class(
    engine: Engine,
    ts: ThreadState,
    lock: Any,
    key: Key,
    nest: Any,
    stack: Stack,
    reports: list[Report],
) -> str:
    """Judge taking a lock while others of its class are held."""
    nest_held = nest is not None and ts.find(nest) is not None
    if nest is not None and not nest_held:
        nest_not_held(engine, ts, lock, nest, stack, reports)
    verdict = FREE
    for entry in ts.stack():
        if entry.key.cls is not key.cls or key.trylock or key.cls.base.novalidate:
            continue
        if entry.lock is lock and _self_deadlock(engine, ts, entry, key, stack, reports):
            return RECURSION
        if key.mode == RECURSIVE_READ and entry.key.mode in (READ, RECURSIVE_READ):
            continue
        cmp = key.cls.base.cmp
        compared: int | None = None
        if cmp is not None and entry.lock is not lock:
            compared = cmp(entry.lock, lock)
            if compared < 0:
                verdict = ORDERED if verdict == FREE else verdict
                continue
        if nest_held:
            return NESTED
        key.cls.base.disordered = True
        _recursion(engine, ts, entry, lock, key, stack, compared, reports)
        verdict = RECURSION
    return verdict


def _self_deadlock(
    engine: Engine, ts: ThreadState, entry: Any, key: Key, stack: Stack, reports: list[Report]
) -> bool:
    """The very lock again: certain, unless it is read recursively."""
    if key.mode == RECURSIVE_READ and entry.key.mode in (READ, RECURSIVE_READ):
        return False
    wanted = LockRef(entry.lock.name, key.cls.name, key.mode_name, stack)
    step = Step(ts.name, ref_of(entry), wanted, refs(ts))
    reads = key.mode == READ and entry.key.mode in (READ, RECURSIVE_READ)
    severity = CLASS_ONLY if reads else CERTAIN
    reason = (
        "a queued reader takes it again: stuck as soon as a writer waits in between"
        if reads
        else "the same lock, by the thread that holds it"
    )
    engine.judge.recursion(ts, step, severity, reason, reports)
    return True


def _recursion(
    engine: Engine,
    ts: ThreadState,
    entry: Any,
    lock: Any,
    key: Key,
    stack: Stack,
    compared: int | None,
    reports: list[Report],
) -> None:
    wanted = LockRef(lock.name, key.cls.name, key.mode_name, stack)
    reason = f"two locks of class {key.cls.name}; nobody was seen taking them the other way round"
    if compared is not None:
        reason += f"; cmp({entry.lock.name}, {lock.name}) is {compared}, not below 0"
    step = Step(ts.name, ref_of(entry), wanted, refs(ts))
    engine.judge.recursion(ts, step, CLASS_ONLY, reason, reports)


def nest_not_held(
    engine: Engine, ts: ThreadState, lock: Any, nest: Any, stack: Stack, reports: list[Report]
) -> None:
    """`nest=` names a lock that the thread does not hold."""
    report = engine.judge.single(
        ts,
        "nest-not-held",
        CERTAIN,
        f"nested lock was not taken: {lock.name} is said to nest in {nest.name}, which is not held",
        held=refs(ts),
        locks=(LockRef(lock.name, lock.key.cls.name), LockRef(nest.name, nest.key.cls.name)),
        stack=stack,
        advice=f"Take {nest.name} first: it is what orders the locks of this class.",
    )
    if report is not None:
        reports.append(report)


def wait_type(
    engine: Engine, ts: ThreadState, key: Key, stack: Stack, reports: list[Report]
) -> None:
    """A lock that may sleep, wanted where sleeping is forbidden (lockdep's wait context)."""
    if key.trylock:
        return
    base = key.cls.base
    outer = base.outer or base.inner
    limit, who = wait_limit(engine, ts)
    if outer <= limit:
        return
    invalid_wait(engine, ts, f"taking {key.name}", who, stack, reports, key)


def wait_limit(engine: Engine, ts: ThreadState) -> tuple[int, str]:
    """The strictest wait type of what is held or of the context, and who demands it."""
    limit, who = engine.contexts.wait_limit(ts)
    for entry in ts.held():
        inner = entry.key.cls.base.inner
        if inner < limit:
            limit, who = inner, entry.lock.name
    return limit, who


def invalid_wait(
    engine: Engine,
    ts: ThreadState,
    what: str,
    who: str,
    stack: Stack,
    reports: list[Report],
    key: Key | None = None,
) -> None:
    """Report a wait where `who` forbids it."""
    held = refs(ts)
    locks = held if key is None else (*held, LockRef(key.name, key.cls.name, key.mode_name))
    report = engine.judge.single(
        ts,
        "wait-context",
        CERTAIN,
        f"invalid wait context: {what} may block, and {who} does not allow that",
        held=held,
        locks=locks,
        stack=stack,
        advice=f"Do it before {who} is taken, or after it was dropped.",
    )
    if report is not None:
        reports.append(report)


def check_blocking(engine: Engine, ts: ThreadState, what: str) -> None:
    """A blocking call that is not a lock: forbidden under a no-block lock."""
    if not ts.holds and not ts.contexts:
        return
    limit, who = wait_limit(engine, ts)
    for entry in ts.held():
        if entry.key.cls.base.no_block:
            limit, who = WAIT_SPIN, entry.lock.name
    if limit < WAIT_SLEEP:
        reports: list[Report] = []
        invalid_wait(engine, ts, what, who, engine.capture(), reports)
        engine.deliver(ts, reports)


def _file(engine: Engine, ts: ThreadState, kind: str, title: str, **more: Any) -> None:
    severity = more.pop("severity", CERTAIN)
    stack = more.pop("stack", None)
    report = engine.judge.single(
        ts,
        kind,
        severity,
        title,
        held=more.pop("held", None) or refs(ts),
        stack=engine.capture() if stack is None else stack,
        **more,
    )
    if report is not None:
        engine.deliver(ts, [report])


def _ref(lock: Any) -> LockRef:
    return LockRef(lock.name, lock.key.cls.name)


def not_held(engine: Engine, ts: ThreadState, lock: Any) -> None:
    """Release of a lock that this thread does not hold."""
    owner = getattr(lock, "ts", None)
    kind = lock.key.cls.base.kind
    if owner not in (None, ts) and kind in OWNERLESS and owner.find(lock) is not None:
        release.by_other(engine, ts, owner, lock)
        return
    if kind == "semaphore":
        return  # one unit more is legal
    _file(
        engine,
        ts,
        "bad-unlock",
        f"bad unlock balance: {lock.name} is released and not held",
        locks=(_ref(lock),),
        advice="Release it once for each acquire; a with statement does.",
    )


def released_pinned(engine: Engine, ts: ThreadState, entry: Any) -> None:
    """A pinned lock is released."""
    lock = entry.lock
    entry.pins = 0
    _file(
        engine,
        ts,
        "unpinned",
        f"releasing a pinned lock: {lock.name}",
        locks=(_ref(lock),),
        advice="Whoever pinned it relies on its staying held: unpin it first.",
    )


def pin(engine: Engine, ts: ThreadState, lock: Any) -> int:
    """Pin a held lock."""
    if ts.find(lock) is None:
        _file(
            engine, ts, "unpinned", f"pinning {lock.name}, which is not held", locks=(_ref(lock),)
        )
        return 0
    release.materialise(ts)  # so that its release takes the slow path, which looks at pins
    cookie = next(_cookies)
    ts.find(lock).pins += cookie
    return cookie


def unpin(engine: Engine, ts: ThreadState, lock: Any, cookie: int) -> None:
    """Take one pin away; the cookie must be that of its `pin`."""
    hold = ts.find(lock)
    if not isinstance(hold, Hold) or hold.pins < cookie or not cookie:
        _file(
            engine,
            ts,
            "unpinned",
            f"unpinning {lock.name} with a cookie that is not its pin's",
            locks=(_ref(lock),),
        )
        return
    hold.pins -= cookie


def assertion(engine: Engine, ts: ThreadState, lock: Any, *, held: bool) -> None:
    """assert_held or assert_not_held failed."""
    word = "is not held by this thread" if held else "is held by this thread"
    _file(
        engine,
        ts,
        "assertion",
        f"assertion failed: {lock.name} {word}",
        locks=(_ref(lock),),
        parts=("held" if held else "not held",),
        advice=f"The function demands {lock.name} {'held' if held else 'not held'} by its caller.",
    )


def held_at_exit(engine: Engine, ts: ThreadState) -> None:
    """A thread ends and still holds locks."""
    held = [e for e in ts.stack() if e.key.cls.base.kind not in ("map", "semaphore")]
    if not held:
        return
    found = tuple(ref_of(entry) for entry in held)
    _file(
        engine,
        ts,
        "held-at-exit",
        f"{ts.name} still has locks held at exit: {', '.join(ref.name for ref in found)}",
        held=found,
        locks=found,
        stack=EMPTY,
        advice="Nobody will release them any more; hold them by a with statement.",
    )


def held_at_fork(
    engine: Engine, ts: ThreadState, others: list[ThreadState], guarded: Sequence[Any] = ()
) -> None:
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
            _file(
                engine,
                ts,
                "held-at-fork",
                f"fork while {other.name} holds {', '.join(ref.name for ref in found)}: "
                "nobody will release it in the child",
                held=found,
                locks=found,
                severity=POSSIBLE,
                reason="stuck as soon as the child takes it",
                advice="Fork before threads take locks, or use the spawn start method.",
            )


def freed_held(engine: Engine, ts: ThreadState, lock: Any) -> None:
    """A held lock is initialised again; one that nobody refers to any more: see `freed`."""
    entry = ts.find(lock)
    owner = getattr(lock, "ts", None)
    if entry is None:
        entry = owner.find(lock) if owner is not None else None
    if entry is not None:
        where = engine.capture()
        report = freed.tell(engine, ts, lock, ref_of(entry), "when it was made anew", where)
        if report is not None:
            engine.deliver(ts, [report])
