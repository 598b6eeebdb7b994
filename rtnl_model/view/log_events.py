"""What a kernel does, as structlog events: devices, kernel messages, and each probe line at debug.

Every event binds netns and dev where there is one, and the model's pid; the thread and a sequence
number come from the command line's set-up.  Only free runs are logged: a stream has a lock of its
own that a controlled schedule would not know of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from rtnl_model.kernel.documents import Document

if TYPE_CHECKING:
    from ..kernel.kernel import Kernel

__all__ = ["LogWriter"]

log = structlog.get_logger()
INIT = "init"


class LogWriter:
    """Listens to a kernel; a context manager."""

    def __init__(self, k: Kernel) -> None:
        assert k.chk.conductor is None
        self.k = k
        self.messages = 0
        """Lines of the kernel's log that were written."""

    def __enter__(self) -> LogWriter:
        self.k.probe.listeners.append(self.probe)
        self.k.events.listeners.append(self.event)
        return self

    def __exit__(self, *_exc: object) -> None:
        self.k.probe.listeners.remove(self.probe)
        self.k.events.listeners.remove(self.event)
        self.tell_messages()

    def probe(self, record: Document) -> None:
        """One probe line."""
        self.tell_messages()
        name = record.get("ns", record.get("net"))
        rest = {k: v for k, v in record.items() if k not in ("fn", "ns", "dev", "stack")}
        log.debug(
            f"probe.{record['fn']}",
            netns=INIT if name == "" else name,
            dev=record.get("dev"),
            **rest,
        )

    def event(self, message: Document) -> None:
        """One rtnetlink notification."""
        if "new_nsid" in message:
            word = "device.moved"
        elif message["change"] == "all":
            word = "device.gone" if message["ev"] == "DELLINK" else "device.appeared"
        else:
            word = "device.changed"
        log.info(
            word,
            netns=message["ns"] or INIT,
            dev=message["ifname"],
            kind=message.get("kind"),
            ifindex=message["ifindex"],
            up=message["up"],
        )

    def tell_messages(self) -> None:
        """What the kernel printed since the last look."""
        lines = self.k.kmsg[self.messages :]
        self.messages += len(lines)
        for line in lines:
            log.warning("kernel.message", message=line)
