"""The real primitives: `threading`'s own objects underneath, seen by the engine, schedulable.

One primitive a file.  Every object holds its `Checker` (`.chk`), a stable `.name`, and does its
blocking through exactly one function, `blocking.block`, on a plain `threading.Lock`; that is what
lets a stuck run be unwound: the watchdog marks the run aborted and releases that lock.
"""

from __future__ import annotations

from lockcheck.sync.atomic import AtomicRef, Refcount, wait_refs
from lockcheck.sync.barrier import Barrier
from lockcheck.sync.condition import Condition
from lockcheck.sync.event import Event
from lockcheck.sync.guarded import constant, guarded, looking, own, peek
from lockcheck.sync.lock import Lock, ObservedLock
from lockcheck.sync.lockmap import LockMap
from lockcheck.sync.parking import Parking
from lockcheck.sync.queue import LifoQueue, PriorityQueue, Queue, SimpleQueue
from lockcheck.sync.rlock import RLock
from lockcheck.sync.rwlock import RWLock
from lockcheck.sync.semaphore import BoundedSemaphore, Semaphore
from lockcheck.sync.shared import Shared, shared
from lockcheck.sync.thread import Thread

__all__ = [
    "AtomicRef",
    "Barrier",
    "BoundedSemaphore",
    "Condition",
    "Event",
    "LifoQueue",
    "Lock",
    "LockMap",
    "ObservedLock",
    "Parking",
    "PriorityQueue",
    "Queue",
    "RLock",
    "RWLock",
    "Refcount",
    "Semaphore",
    "Shared",
    "SimpleQueue",
    "Thread",
    "constant",
    "guarded",
    "looking",
    "own",
    "peek",
    "shared",
    "wait_refs",
]
