"""What a kernel function returns when it refuses: an errno and, for netlink, an extended text.

The kernel returns negative numbers through every level; here the same refusal is an exception that
unwinds to the request. `extack` is the text of the netlink extended acknowledgement, word for word
as user space sees it, or empty. `KernelBug` is a BUG(): it unwinds the request that ran into it,
after the finding was reported; the rest of the kernel goes on, as with panic_on_oops off.

Left out: warnings (`extack` of a request that succeeds) and attribute offsets.
"""

from __future__ import annotations

import errno as _errno

__all__ = ["KernelBug", "KernelError", "errno_name"]


def errno_name(number: int) -> str:
    """The kernel's name; Python knows 95 by its other one, ENOTSUP."""
    if number == _errno.EOPNOTSUPP:
        return "EOPNOTSUPP"
    return _errno.errorcode.get(number, str(number))


class KernelError(Exception):
    """A refusal of the kernel: what `-EBUSY` plus extack is there."""

    def __init__(self, errno: int, extack: str = "") -> None:
        super().__init__(errno, extack)
        self.errno = errno
        """Positive, as in `errno.EBUSY`."""
        self.extack = extack

    @property
    def name(self) -> str:
        """`EBUSY` for 16."""
        return errno_name(self.errno)

    def __str__(self) -> str:
        return f"{self.name}: {self.extack}" if self.extack else self.name


class KernelBug(Exception):  # noqa: N818  (BUG() is the kernel's word)
    """A BUG() was hit: the request that did it ends here, its locks are released by unwinding."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule
