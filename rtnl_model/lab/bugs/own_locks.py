"""A mutex that excludes nobody: what stands where a patch has not put a real one yet.

Every thread has one of its own.  So the assertions of the code below still hold (the caller did
lock), its scheduling points are where they were, and two threads are inside at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockcheck import Lock
    from rtnl_model.kernel.kernel import Kernel

__all__ = ["OwnLocks"]


class OwnLocks:
    """One mutex for each thread that asks."""

    def __init__(self, k: Kernel, lock_class: str, instance: str) -> None:
        self.k = k
        self.lock_class = lock_class
        self.instance = instance
        self.locks: dict[int, Lock] = {}

    def mine(self) -> Lock:
        """The calling thread's."""
        task = self.k.probe.current()
        if task.pid not in self.locks:
            name = f"{self.instance} of {task.comm} {task.pid}"
            self.locks[task.pid] = self.k.make_lock(self.lock_class, name)
        return self.locks[task.pid]
