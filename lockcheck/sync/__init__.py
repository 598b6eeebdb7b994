"""The real primitives: `threading`'s own objects underneath, seen by the engine, schedulable.

One primitive a file.  Every object holds its `Checker` (`.chk`), a stable `.name`, and does its
blocking through exactly one function, `blocking.block`, on a plain `threading.Lock`; that is what
lets a stuck run be unwound: the watchdog marks the run aborted and releases that lock.
"""

from __future__ import annotations

from lockcheck.sync.atomic import AtomicRef, Refcount, wait_refs
from lockcheck.sync.barrier import Barrier
from lockcheck.sync.breach import Access, GuardedField
from lockcheck.sync.condition import Condition
from lockcheck.sync.counts import Counts
from lockcheck.sync.event import Event
from lockcheck.sync.guarded import Field, constant, guarded, looking, own, peek
from lockcheck.sync.guards import FREE, SHARED, Guard, ThreadState, held_as
from lockcheck.sync.host import Host
from lockcheck.sync.interrupts import deferred_interrupts, termination_as_interrupt
from lockcheck.sync.lock import Lock, NamedLock, ObservedLock
from lockcheck.sync.lockmap import LockMap
from lockcheck.sync.parking import Parking
from lockcheck.sync.queue import LifoQueue, PriorityQueue, Queue, SimpleQueue
from lockcheck.sync.recorder import Recorder
from lockcheck.sync.rlock import RLock
from lockcheck.sync.rwlock import RWLock
from lockcheck.sync.semaphore import BoundedSemaphore, Semaphore
from lockcheck.sync.shared import Shared, shared
from lockcheck.sync.thread import Thread, revived, wait_out

__all__ = [
    "FREE",
    "SHARED",
    "Access",
    "AtomicRef",
    "Barrier",
    "BoundedSemaphore",
    "Condition",
    "Counts",
    "Event",
    "Field",
    "Guard",
    "GuardedField",
    "Host",
    "LifoQueue",
    "Lock",
    "LockMap",
    "NamedLock",
    "ObservedLock",
    "Parking",
    "PriorityQueue",
    "Queue",
    "RLock",
    "RWLock",
    "Recorder",
    "Refcount",
    "Semaphore",
    "Shared",
    "SimpleQueue",
    "Thread",
    "ThreadState",
    "constant",
    "deferred_interrupts",
    "guarded",
    "held_as",
    "looking",
    "own",
    "peek",
    "revived",
    "shared",
    "termination_as_interrupt",
    "wait_out",
    "wait_refs",
]
