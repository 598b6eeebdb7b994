"""`threading.RLock` on a plain lock: an owner and a count, so that a stuck run can be unwound.

Only the outermost acquire and release are operations; re-entry by the owner makes no dependency.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lockcheck.checker import Checker
    from lockcheck.sync.lock import Lock

__all__ = ["RLock"]


class RLock:
    """As `threading.RLock`."""

    __slots__ = ("__weakref__", "_count", "_owner", "_tls", "chk", "lock")

    def __init__(self, chk: Checker, key: Any) -> None:
        self.chk = chk
        self._tls = chk.tls
        self.lock: Lock = chk.plain_lock(key)
        """The plain lock below; it is what the graph sees."""
        self._owner: Any = None  # invariant: written only by the holder of `lock`
        self._count = 0

    @property
    def name(self) -> str:
        return self.lock.name

    @property
    def key(self) -> Any:
        return self.lock.key

    @property
    def cls(self) -> Any:
        return self.lock.cls

    @property
    def real(self) -> Any:
        return self.lock.real

    def __repr__(self) -> str:
        state = "locked" if self.real.locked() else "unlocked"
        return (
            f"<{state} lockcheck.RLock object {self.name} owner={self._owner} "
            f"count={self._count} at {id(self):#x}>"
        )

    def acquire(
        self, blocking: bool = True, timeout: float = -1, *, subclass: int = 0, nest: Any = None
    ) -> bool:
        """Take the lock, or count once more.  May block.  Raises: Unwind."""
        me = self._tls.t
        if self._owner is me:
            self._count += 1
            return True
        if not self.lock.acquire(blocking, timeout, subclass=subclass, nest=nest):
            return False
        self._owner = me
        self._count = 1
        return True

    def __enter__(self) -> bool:
        me = self._tls.t
        if self._owner is me:
            self._count += 1
            return True
        self.lock.acquire()
        self._owner = me
        self._count = 1
        return True

    def release(self) -> None:
        """Count down; drop the lock at zero.  Raises: RuntimeError when not the owner."""
        if self._owner is not self._tls.t:
            if self.chk.aborted:
                return
            self.chk.engine.not_held(self._tls.t, self.lock)
            raise RuntimeError("cannot release un-acquired lock")
        self._count -= 1
        if self._count == 0:
            self._owner = None
            self.lock.release()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def locked(self) -> bool:
        """Return whether anybody holds it (threading has it from 3.14)."""
        return self.lock.locked()

    def _at_fork_reinit(self) -> None:
        self._owner = None
        self._count = 0
        self.lock._at_fork_reinit()

    # -- what threading.Condition asks of its lock ----------------------------------------------

    def _is_owned(self) -> bool:
        return self._owner is self._tls.t

    def _recursion_count(self) -> int:
        return self._count if self._owner is self._tls.t else 0

    def _release_save(self) -> Any:
        if self._owner is not self._tls.t:
            raise RuntimeError("cannot release un-acquired lock")
        count = self._count
        self._count = 0
        self._owner = None
        self.lock.release()
        return count

    def _acquire_restore(self, saved: Any) -> None:
        self.lock.acquire()
        self._owner = self._tls.t
        self._count = saved
