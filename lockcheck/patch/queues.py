"""Stand-ins for `queue`'s classes, with what programs use beyond the documented methods.

Subclasses override `_init`, `_put`, `_get`, `_qsize`; well-known recipes take `q.mutex` and clear
`q.queue`; `not_empty` and its kin are notified by hand.  All of it works as with the library's
own, on one gate.  `SimpleQueue.put` is reentrant, as the library's is: executors call it from
weakref callbacks, which may run in the middle of any other call on the same queue.

Left out: a subclass that replaces `mutex` or a condition by an object of its own.
"""

from __future__ import annotations

import _queue
import queue
import threading
from _thread import LockType
from collections import deque
from collections.abc import Callable
from types import GenericAlias
from typing import Any, ClassVar, SupportsIndex

from lockcheck import sync
from lockcheck.core.held import ThreadState
from lockcheck.core.report import POSSIBLE
from lockcheck.core.stacks import Stack
from lockcheck.patch.copies import copied, reduced
from lockcheck.patch.faces import StandIn
from lockcheck.patch.gates import GateCondition
from lockcheck.patch.state import binding
from lockcheck.seam import Kind, Op
from lockcheck.sync.parking import Parking

__all__ = ["QUEUES"]

_Queue: Any = queue.Queue  # subclassed and called unbound
_LifoQueue: Any = queue.LifoQueue  # the same
_PriorityQueue = queue.PriorityQueue
_CAN_SHUT = hasattr(_Queue, "shutdown")
_SHUT = object()
_FULL = object()


class _Uses:
    """Where a queue is used: in a signal handler or a finaliser, and outside.

    The library's queue has a lock that is not reentrant: a handler that strikes while its thread is
    inside `put` or `get`, and uses the same queue, hangs.  Ours would not, so it says so.
    """

    __slots__ = ("inside", "known", "outside")

    def __init__(self) -> None:
        self.known = False
        """Was it used outside, by the thread that handlers strike?"""
        self.outside: tuple[str, str, Stack] | None = None
        self.inside: tuple[str, str, Stack] | None = None

    def note(self, queue_: Queue, ts: ThreadState) -> None:
        """It is used now; report when that shows both."""
        main = ts.ident == threading.main_thread().ident
        stack = queue_.chk.engine.capture()
        if ts.contexts:
            self.inside = self.inside or (ts.contexts[-1], ts.name, stack)
        elif main or self.outside is None:
            self.known = main
            self.outside = ("main" if main else "", ts.name, stack)
        inside, outside = self.inside, self.outside
        if inside is None or outside is None or (inside[0] == "signal" and not outside[0]):
            return
        name = inside[0]
        queue_.chk.report(
            "inverted-context",
            f"possible {name} context inversion: {queue_.name} is used in the {name} context",
            severity=POSSIBLE,
            reason=f"the {name} context can interrupt wherever it is not disabled",
            detail=f"queue.Queue has a lock that is not reentrant: if the {name} context "
            f"interrupts put() or get() and uses the same queue, the thread waits for itself.",
            advice="Use queue.SimpleQueue there: its put() may interrupt any other call.",
            locks=(queue_.name,),
            stacks=((f"in the {name} context", *inside[1:]), ("outside", *outside[1:])),
        )


class Queue(sync.Queue, metaclass=StandIn):
    """`queue.Queue`."""

    _stands_for: ClassVar[tuple[type, ...]] = (sync.Queue, _Queue)

    def __init__(self, maxsize: int = 0) -> None:
        if not issubclass(type(self), sync.Queue):
            _Queue.__init__(self, maxsize)
            return
        Parking.__init__(self, binding.chk, binding.numbered(binding.site(1)))
        self.maxsize = maxsize
        self.unfinished_tasks = 0
        if _CAN_SHUT:
            self.is_shutdown = False
        self.mutex = self._gate
        self._lockcheck_uses = _Uses()
        self._init(maxsize)

    @property
    def _store(self) -> object:  # type: ignore[override]  # its storage is its own
        return self

    @property
    def not_empty(self) -> GateCondition:
        return self._face("an item", "item")

    @property
    def not_full(self) -> GateCondition:
        return self._face("room", "room")

    @property
    def all_tasks_done(self) -> GateCondition:
        return self._face("the items to be done", "done")

    def _face(self, why: str, part: str) -> GateCondition:
        """A condition on the gate, made when first asked for."""
        faces: dict[str, GateCondition] = self.__dict__.setdefault("_lockcheck_faces", {})
        found = faces.get(part)
        if found is None:
            ready = {
                "item": lambda: not self._is_empty(),
                "room": lambda: not self._is_full(),
                "done": lambda: self.unfinished_tasks <= 0,
            }[part]
            made = GateCondition(self, self.mutex, ready, f"{why} in {self.name}", part)
            found = faces.setdefault(part, made)
        return found

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[object, ...]:
        return reduced(self, self.mutex, protocol)

    __copy__ = copied

    __class_getitem__: ClassVar[object] = classmethod(GenericAlias)

    # The library's own storage; what a subclass may replace.
    _init = _Queue._init
    _qsize = _Queue._qsize
    _put = _Queue._put
    _get = _Queue._get

    def qsize(self) -> int:
        return int(self._qsize())

    def put(self, item: object, block: bool = True, timeout: float | None = None) -> None:
        """Add an item.  Raises: queue.Full, queue.ShutDown (3.13)."""
        ts = self.chk.current()
        if ts.contexts or not self._lockcheck_uses.known:
            self._lockcheck_uses.note(self, ts)
        if self.maxsize <= 0 or not block:
            got = self.change(lambda: self._try_put(item), why="put", part="item")
        else:
            if timeout is not None and timeout < 0:
                raise ValueError("'timeout' must be a non-negative number")
            got = self._await(
                lambda: (_CAN_SHUT and self.is_shutdown) or not self._is_full(),
                lambda: self._try_put(item),
                f"room in {self.name}",
                timeout,
                "room",
            )
            if got is True:
                self.chk.waiting.wake(self.chk.current(), self, "item")
        if got is _SHUT:
            raise queue.ShutDown  # type: ignore[attr-defined,unused-ignore]  # from 3.13
        if got is None or got is _FULL:
            raise queue.Full

    def get(self, block: bool = True, timeout: float | None = None) -> object:
        """Remove and return an item.  Raises: queue.Empty, queue.ShutDown (3.13)."""
        ts = self.chk.current()
        if ts.contexts or not self._lockcheck_uses.known:
            self._lockcheck_uses.note(self, ts)
        if not block:
            box = self.change(self._try_get, why="get", part="room")
        else:
            if timeout is not None and timeout < 0:
                raise ValueError("'timeout' must be a non-negative number")
            box = self._await(
                lambda: (_CAN_SHUT and self.is_shutdown) or not self._is_empty(),
                self._try_get,
                f"an item in {self.name}",
                timeout,
                "item",
            )
            if box is not None and self.maxsize > 0:
                self.chk.waiting.wake(self.chk.current(), self, "room")
        if box is _SHUT:
            raise queue.ShutDown  # type: ignore[attr-defined,unused-ignore]  # from 3.13
        if box is None:
            raise queue.Empty
        return box[0]

    def _try_put(self, item: object) -> object:
        if _CAN_SHUT and self.is_shutdown:
            return _SHUT
        if 0 < self.maxsize <= self._qsize():
            return _FULL
        self._put(item)
        self.unfinished_tasks += 1
        return True

    def _try_get(self) -> object:
        if self._qsize():
            return (self._get(),)
        return _SHUT if _CAN_SHUT and self.is_shutdown else None

    if _CAN_SHUT:

        def shutdown(self, immediate: bool = False) -> None:
            """Refuse puts, and gets once it is empty; `immediate` drops what is in it."""
            self.change(lambda: self._shut(immediate), why="shutdown", part="item")

    def _shut(self, immediate: bool) -> None:
        self.is_shutdown = True
        while immediate and self._qsize():
            self._get()
            if self.unfinished_tasks > 0:
                self.unfinished_tasks -= 1


class LifoQueue(Queue):
    """`queue.LifoQueue`."""

    _stands_for: ClassVar[tuple[type, ...]] = (sync.LifoQueue, _LifoQueue)
    _init = _LifoQueue._init
    _qsize = _LifoQueue._qsize
    _put = _LifoQueue._put
    _get = _LifoQueue._get


class PriorityQueue(Queue):
    """`queue.PriorityQueue`."""

    _stands_for: ClassVar[tuple[type, ...]] = (sync.PriorityQueue, _PriorityQueue)
    _init = _PriorityQueue._init
    _qsize = _PriorityQueue._qsize
    _put = _PriorityQueue._put
    _get = _PriorityQueue._get


_SIMPLE: Any = _queue.SimpleQueue()  # the C class has no stub for it


class _DrainingGate:
    """A gate whose last act is to take in what arrived while it was held."""

    __slots__ = ("_drain", "_raw")

    def __init__(self, raw: LockType, drain: Callable[[], None]) -> None:
        self._raw = raw
        self._drain = drain

    def acquire(self, blocking: bool = True) -> bool:
        return bool(self._raw.acquire(blocking))

    def release(self) -> None:
        self._raw.release()
        self._drain()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_exc: object) -> None:
        self.release()


class SimpleQueue(sync.SimpleQueue, metaclass=StandIn):
    """`queue.SimpleQueue`."""

    _stands_for: ClassVar[tuple[type, ...]] = (
        sync.SimpleQueue,
        _queue.SimpleQueue,
        queue._PySimpleQueue,  # type: ignore[attr-defined]  # private
    )

    def __init__(self) -> None:
        super().__init__(binding.chk, binding.numbered(binding.site(1)))
        self._arrived: deque[object] = deque()
        self._raw_gate = self._gate
        self._gate = _DrainingGate(self._raw_gate, self._drain)  # type: ignore[assignment]  # a Gate as well

    __class_getitem__: ClassVar[object] = classmethod(GenericAlias)

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[object, ...]:
        return reduced(self, _SIMPLE, protocol)

    def qsize(self) -> int:
        return super().qsize() + len(self._arrived)

    def put(self, item: object, block: bool = True, timeout: float | None = None) -> None:
        """Add an item; never blocks, and may interrupt any other call on this queue."""
        chk = self.chk
        if chk.conductor is not None:
            chk.conductor.point(Op(Kind.WAKE, self, why="put"))
        chk.waiting.wake(chk.current(), self, "item")
        self._arrived.append(item)
        self._drain()

    def get(self, block: bool = True, timeout: float | None = None) -> object:
        """Remove and return an item.  Raises: queue.Empty."""
        self._drain()
        return super().get(block, timeout)

    def _drain(self) -> None:
        """Move what arrived into the store, unless somebody holds the gate: then it will."""
        arrived = self._arrived
        while arrived and self._raw_gate.acquire(False):
            try:
                while arrived:
                    self._add(arrived.popleft())
                self._hand_over()
            finally:
                self._raw_gate.release()


QUEUES: dict[str, type] = {
    cls.__name__: cls for cls in (Queue, LifoQueue, PriorityQueue, SimpleQueue)
}
"""By the library's name."""

for _cls in QUEUES.values():
    _cls.__module__ = "queue"
SimpleQueue.__module__ = "_queue"
