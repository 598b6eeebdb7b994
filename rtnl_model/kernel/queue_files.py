"""Open files of programs that use a receive queue: an AF_XDP socket, or a memory provider's.

A program opens a queue by the name of its file and closes it by that name, also when the device
went away in between and ended the use itself.  Left out: what travels through a queue, and a
program's end (which closes its files).
"""

from __future__ import annotations

from errno import EBADF, EEXIST
from typing import TYPE_CHECKING

from lockcheck import guarded

from .errors import KernelError

if TYPE_CHECKING:
    from .kernel import Kernel
    from .net_namespace import Net
    from .netdev_rx_queue import QueueUser

__all__ = ["QueueFiles"]


class QueueFiles:
    """`k.queue_files`."""

    files: guarded[dict[str, QueueUser | None]] = guarded("file_lock")
    """By name; None: it is being opened."""

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.chk = k.chk
        self.file_lock = k.make_lock("&files->file_lock", "queue files")
        """Protects: files.  Order: leaf, never held while a queue is opened or closed."""
        self.files = {}

    def open(self, net: Net, ifindex: int, index: int, kind: str, name: str) -> None:
        """Open a queue as `name`.  Raises: KernelError(EEXIST, or what the queue's device says)."""
        with self.file_lock:
            if name in self.files:
                raise KernelError(EEXIST)
            self.files[name] = None
        try:
            user = self.k.netdev_rx_queue.open_user(net, ifindex, index, kind, name)
        except KernelError:
            with self.file_lock:
                del self.files[name]
            raise
        with self.file_lock:
            self.files[name] = user

    def close(self, name: str) -> None:
        """Close it.  Raises: KernelError(EBADF)."""
        with self.file_lock:
            user = self.files.get(name)
            if user is None:
                raise KernelError(EBADF)
            del self.files[name]
        self.k.netdev_rx_queue.close_user(user)
