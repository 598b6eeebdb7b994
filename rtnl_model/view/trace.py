"""Probe lines for people, in the layout of the series' own bpftrace output.

A line is `PID: 12 | DEV: veth0` and below it the call stack, innermost first, one function a line.
The stack is the model's own, which reads like the kernel's because its functions have the kernel's
names.  `TraceWriter` listens to a kernel's probe and writes each line in one piece.

Left out: offsets and addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from rtnl_model.kernel.documents import Document

if TYPE_CHECKING:
    from ..kernel.kernel import Kernel

__all__ = ["DEFAULT_FUNCTIONS", "TraceWriter", "probe_lines"]

DEFAULT_FUNCTIONS = frozenset({"free_netdev"})
"""What the series' author traced: each device's end, and who brought it."""
INDENT = " " * 8


def probe_lines(record: Document, stack: Collection[str] = ()) -> str:
    """One probe line with its stack, ending in an empty line."""
    dev = record.get("dev") or record.get("net") or "-"
    frames = list(record.get("stack") or stack) or [str(record["fn"])]
    lines = [f"PID: {record['pid']} | DEV: {dev}"]
    lines += [INDENT + frame for frame in frames]
    return "\n".join(lines) + "\n\n"


class TraceWriter:
    """Writes probe lines as they happen.

    `functions`: which ones; empty means all.  `write` gets one whole text per line, on the thread
    that hit the probe, so it must be safe to call from several.
    """

    def __init__(
        self, k: Kernel, write: Callable[[str], object], functions: Collection[str] = ()
    ) -> None:
        self.k = k
        self.write = write
        self.functions = frozenset(functions)
        self.lines = 0

    def __enter__(self) -> TraceWriter:
        self.k.probe.listeners.append(self.hear)
        return self

    def __exit__(self, *_exc: object) -> None:
        self.k.probe.listeners.remove(self.hear)

    def hear(self, record: Document) -> None:
        """The probe's listener."""
        if self.functions and record["fn"] not in self.functions:
            return
        self.lines += 1
        stack = self.k.probe.stack()
        if not stack or stack[0] != record["fn"]:
            stack = [str(record["fn"]), *stack]
        self.write(probe_lines(record, stack))
