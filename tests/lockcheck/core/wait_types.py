"""Wait types: which locks may be taken where, as the kernel's CONFIG_PROVE_RAW_LOCK_NESTING has it.

A raw spinlock admits only raw spinlocks inside, a spinlock also spinlocks, a mutex everything; a
context admits up to its own limit.  No primitive of `lockcheck` has a wait type: the rule serves
the kernel's self-test cases.
"""

from __future__ import annotations

from typing import Any

from lockcheck.core.engine import Engine
from lockcheck.core.held import ThreadState, refs
from lockcheck.core.report import LockRef
from lockcheck.core.rules import one_place

SLEEP = 4
"""What a mutex is: everything may be taken inside."""


class WaitTypes:
    """The types of one program's locks and contexts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.contexts: dict[str, int] = {}
        """Context -> wait type that it allows; those not named allow everything."""

    def check(self, ts: ThreadState, lock: Any) -> None:
        """Before `lock` is taken, not by trying."""
        outer = lock.outer or lock.inner
        limits = [(self.contexts.get(name, SLEEP), name) for name in ts.contexts]
        limits += [(getattr(e.lock, "inner", SLEEP), e.lock.name) for e in ts.held()]  # ww: none
        limit, who = min(limits, default=(SLEEP, "nobody"))
        if outer <= limit:
            return
        held = refs(ts)
        self._engine.ledger.report(
            ts,
            one_place(
                ts,
                "wait-context",
                f"invalid wait context: taking {lock.name} may block, and {who} forbids it",
                held=held,
                locks=(*held, LockRef(lock.name, lock.class_name)),
                stack=self._engine.capture(),
            ),
        )
