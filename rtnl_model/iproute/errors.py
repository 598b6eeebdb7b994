"""What iproute2 prints and returns when something fails, from errno and extended acknowledgement.

Three ways to fail, as in `ip` itself: it refuses its arguments (status 255, `Error: argument …`),
it gives up for a reason of its own (status 1, `Cannot find device …`), or the kernel refuses
(status 2, `Error: <extack>.` or `RTNETLINK answers: <strerror>`).

`IpExit` unwinds one command; it carries what the recordings have: status, stderr and `nlerr`, the
netlink errors that the process got, in order.  Left out: usage texts after an unknown option.
"""

from __future__ import annotations

import errno as _errno
import os

from rtnl_model.kernel.documents import Fields

from ..kernel.errors import KernelError, errno_name

__all__ = [
    "IpExit",
    "argument_required",
    "argument_wrong",
    "cannot_find_device",
    "duplicate_argument",
    "from_kernel",
    "netlink_error",
]

NetlinkErrors = list[Fields]


class IpExit(Exception):  # noqa: N818 - it is exit(), not a mistake of ours
    """The command ends with `status` and these words on stderr."""

    def __init__(self, status: int, stderr: str, nlerr: NetlinkErrors | None = None) -> None:
        super().__init__(status, stderr)
        self.status = status
        self.stderr = stderr
        self.nlerr: NetlinkErrors = nlerr or []


def netlink_error(request: str | int, number: int, extack: str = "") -> Fields:
    """One entry of `nlerr`."""
    entry: Fields = {
        "req": request,
        "errno": number,
        "name": errno_name(number),
    }
    if extack:
        entry["extack"] = extack
    return entry


def from_kernel(request: str, error: KernelError) -> IpExit:
    """The kernel refused `request` (rtnl_talk prints the reason)."""
    if error.extack:
        stop = "" if error.extack.endswith((".", "\n")) else "."
        stderr = f"Error: {error.extack}{stop}"
    else:
        stderr = f"RTNETLINK answers: {os.strerror(error.errno)}"
    return IpExit(2, stderr, [netlink_error(request, error.errno, error.extack)])


def no_device() -> NetlinkErrors:
    """What a look-up by name got."""
    return [netlink_error("RTM_GETLINK", _errno.ENODEV)]


def cannot_find_device(name: str, *, in_link_netns: bool = False) -> IpExit:
    """A look-up by name found nothing; with link-netns the kernel's answer is printed too."""
    stderr = f'Cannot find device "{name}"'
    if in_link_netns:
        stderr = f"RTNETLINK answers: {os.strerror(_errno.ENODEV)}\n{stderr}"
    return IpExit(1, stderr, no_device())


def argument_wrong(why: str, value: str, nlerr: NetlinkErrors | None = None) -> IpExit:
    """invarg()."""
    return IpExit(255, f'Error: argument "{value}" is wrong: {why}', nlerr)


def argument_required(name: str) -> IpExit:
    """missarg()."""
    return IpExit(255, f'Error: argument "{name}" is required')


def duplicate_argument(name: str, value: str) -> IpExit:
    """duparg()."""
    return IpExit(255, f'Error: duplicate "{name}": "{value}" is the second value.')
