"""Trace lines sorted into contexts: the caller, each work run, each cleanup_net.

A recording is one total order of many threads' lines; only the order within a context is the
kernel's doing.  A worker's lines belong to the work run (`rtnl_net_work_func` to its return) or to
the cleanup (`cleanup_net` to its return) that they stand in; a worker's lines outside both come
from elsewhere in a real kernel (link watch, address checks) and are left out.

A drain that found nothing is no line; the recorder keeps it when an unregistration happens to
follow, so a drain of one namespace before an unregistration in another is left out.

Left out too: a work run that found its list empty, for whether there is one is a matter of timing;
and call stacks, which a compiler changes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rtnl_model.kernel.documents import Document

__all__ = ["Contexts", "contexts"]

Line = Document
Told = tuple[str, ...]
Contexts = dict[str, list[Told]]

_BEGIN = {"rtnl_net_work_func": "work", "cleanup_net": "cleanup_net"}
_END = frozenset({"rtnl_net_work_func_ret", "cleanup_net_ret"})
_FIELDS = ("val", "type", "dev", "ns", "net", "qnet", "virt", "virt_q", "phys", "phys_q")


def contexts(trace: Sequence[Line], pids: Sequence[int], functions: Collection[str]) -> Contexts:
    """Sort `trace` by context; `pids` are the commands', `functions` the ones that count."""
    names = {pid: f"caller {i}" for i, pid in enumerate(pids)}
    open_runs: dict[int, str] = {}
    count: dict[str, int] = {}
    raw: dict[str, list[Line]] = {}
    for line in trace:
        pid, fn = line["pid"], line["fn"]
        name = names.get(pid)
        if name is None:
            if fn in _BEGIN:
                base = _BEGIN[fn] + (f" {line['net']}" if "net" in line else "")
                count[base] = count.get(base, 0) + 1
                open_runs[pid] = f"{base} #{count[base]}"
            name = open_runs.get(pid)
            if fn in _END:
                open_runs.pop(pid, None)
        if name is None or not counts(fn, functions):
            continue
        raw.setdefault(name, []).append(line)
    found = {n: [tell(line) for line in _without_empty_drains(lines)] for n, lines in raw.items()}
    told = {n: _without_repeats(lines) for n, lines in found.items()}
    return _renumbered({n: lines for n, lines in told.items() if len(lines) > 2 or not _work(n)})


def counts(fn: str, functions: Collection[str]) -> bool:
    """Is this a function that the recording has a probe on?"""
    return ("call_netdevice_notifiers_info" if fn == "notify" else fn) in functions


def tell(line: Line) -> Told:
    """What is compared of a line."""
    return (line["fn"], *(f"{key}={line[key]}" for key in _FIELDS if key in line))


def _without_empty_drains(lines: list[Line]) -> list[Line]:
    """Drop a drain whose namespace is not that of the first device unregistered after it."""
    out: list[Line] = []
    for at, line in enumerate(lines):
        if line["fn"] == "unregister_netdevice_many_net":
            gone = (after for after in lines[at:] if after.get("val") == "UNREGISTER")
            first = next(gone, None)
            if first is None or first.get("ns") != line.get("net"):
                continue
        out.append(line)
    return out


def _without_repeats(lines: list[Told]) -> list[Told]:
    """A wait for references repeats NETDEV_UNREGISTER: once for each device is enough."""
    at = len(lines)
    while at and lines[at - 1][:2] == ("notify", "val=UNREGISTER"):
        at -= 1
    return lines[:at] + list(dict.fromkeys(lines[at:]))


def _work(name: str) -> bool:
    return name.startswith("work ")


def _renumbered(found: Contexts) -> Contexts:
    """Number a netns' work runs again, now that the empty ones are gone."""
    out: Contexts = {}
    count: dict[str, int] = {}
    for name, lines in found.items():
        base, sep, _ = name.partition(" #")
        count[base] = count.get(base, 0) + 1
        out[f"{base}{sep}{count[base]}" if sep else name] = lines
    return out
