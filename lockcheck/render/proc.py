"""Four texts laid out as the kernel's /proc/lockdep, lockdep_chains, lockdep_stats and lock_stat.

Where the kernel prints a key's address stands the class's number, in sixteen digits.  Hard and soft
interrupts are the contexts "signal" and "gc"; a class's four usage characters are writer and reader
of the first, writer and reader of the second, as there.  Counters that this checker does not have
(static limits, stack entries) are left out; there are no limits to print.
"""

from __future__ import annotations

from collections.abc import Iterable

from lockcheck.core.document import Document, Json
from lockcheck.render.control_characters import legible

__all__ = ["lock_stat", "lockdep", "lockdep_chains", "lockdep_stats", "tables"]

CONTEXTS = (("hardirq", "signal"), ("softirq", "gc"))
RULE = "-" * 187


def tables(graph: Document, timeline: Document | None = None) -> dict[str, str]:
    """Return file name -> text of all four."""
    graph, timeline = legible(graph), legible(timeline)
    return {
        "lockdep.txt": lockdep(graph),
        "lockdep_chains.txt": lockdep_chains(graph),
        "lockdep_stats.txt": lockdep_stats(graph),
        "lock_stat.txt": lock_stat(graph, timeline),
    }


def _key(number: int) -> str:
    return f"{number:016x}"


def usage(cls: Document) -> str:
    """The four characters between FD/BD and the name."""
    chars = cls.get("usage") or {}
    return "".join(str(chars.get(name, "..")) for _, name in CONTEXTS)


def lockdep(graph: Document) -> str:
    """Classes with their dependency counts, usage and direct successors."""
    names = {cls["id"]: str(cls["name"]) for cls in graph["classes"]}
    out: dict[int, list[int]] = {}
    for edge in graph["edges"]:
        if edge.get("distance", 1) <= 1:
            out.setdefault(edge["from"], []).append(edge["to"])
    lines = ["all lock classes:"]
    for cls in graph["classes"]:
        lines.append(
            f"{_key(cls['id'])} FD:{cls['forward'] + 1:5d} BD:{cls['backward'] + 1:5d} "
            f"{usage(cls)}: {cls['name']}"
        )
        lines += [f" -> [{_key(to)}] {names[to]}" for to in out.get(cls["id"], ())]
        lines.append("")
    return "\n".join(lines) + "\n"


def lockdep_chains(graph: Document) -> str:
    """Every distinct sequence of held locks."""
    lines = ["all lock chains:"]
    for chain in graph.get("chains", ()):
        if not chain["classes"]:
            continue
        lines.append(f"irq_context: {_irq_context(chain)}")
        lines += [f"[{_key(c['id'])}] {_mode(c)}{c['name']}" for c in chain["classes"]]
        lines.append("")
    return "\n".join(lines) + "\n"


def _irq_context(chain: Document) -> str:
    inside = chain.get("context") or ()
    for kernel, name in CONTEXTS:
        if name in inside:
            return kernel
    return "0"


def _mode(entry: Document) -> str:
    mode = entry.get("mode", "lock")
    return "" if mode == "lock" else f"({mode}) "


def lockdep_stats(graph: Document) -> str:
    """Counters."""
    stats = graph.get("statistics") or {}
    classes = graph["classes"]
    chains = graph.get("chains", ())
    rows: list[tuple[str, int]] = [
        ("lock-classes", len(classes)),
        ("direct dependencies", len(graph["edges"])),
        ("indirect dependencies", stats.get("indirect_dependencies", 0)),
        ("all direct dependencies", sum(e.get("count", 0) for e in graph["edges"])),
        ("wait dependencies", len(graph.get("waits", ()))),
        ("dependency chains", len(chains)),
        ("dependency chain hlocks used", sum(len(c["classes"]) for c in chains)),
        ("in-hardirq chains", sum(_irq_context(c) == "hardirq" for c in chains)),
        ("in-softirq chains", sum(_irq_context(c) == "softirq" for c in chains)),
        ("in-process chains", sum(_irq_context(c) == "0" for c in chains)),
        ("lock instances", stats.get("instances", 0)),
        ("combined max dependencies", _combined(classes)),
    ]
    for kernel, name in CONTEXTS:
        for word, index in (("", 0), ("read-", 1)):
            chars = [str((c.get("usage") or {}).get(name, ".."))[index] for c in classes]
            rows.append((f"{kernel}-{word}safe locks", sum(c in "-?" for c in chars)))
            rows.append((f"{kernel}-{word}unsafe locks", sum(c in "+?" for c in chars)))
    rows += [
        ("uncategorized locks", sum(set(usage(c)) <= {"."} for c in classes)),
        ("unused locks", sum(not c["forward"] and not c["backward"] and set(usage(c)) <= {"."}
                             for c in classes)),
        ("max locking depth", stats.get("max_depth", 0)),
        ("chain lookup misses", stats.get("chain_misses", 0)),
        ("cyclic checks", stats.get("searches", 0)),
        ("cyclic check steps", stats.get("search_steps", 0)),
        ("reports", len(graph.get("reports", ()))),
        ("debug_locks", 1),
    ]  # fmt: skip
    return "".join(f" {name + ':':<31}{number:>11}\n" for name, number in rows)


def _combined(classes: Iterable[Document]) -> int:
    """The kernel's product of backward and forward dependencies, summed over all classes."""
    return sum((c["forward"] + 1) * (c["backward"] + 1) for c in classes)


COLUMNS = (
    "con-bounces", "contentions", "waittime-min", "waittime-max", "waittime-total",
    "waittime-avg", "acq-bounces", "acquisitions", "holdtime-min", "holdtime-max",
    "holdtime-total", "holdtime-avg",
)  # fmt: skip


def lock_stat(graph: Document, timeline: Document | None = None) -> str:
    """Contention and hold times by class, microseconds, the most contended first.

    Hold times and acquisitions need a recorder (`timeline`); without one they are 0.  Bounces
    (another CPU than the last time) are not measured.
    """
    lines = ["lock_stat version 0.4", RULE]
    lines.append(" ".join([f"{'class name':>40}", *(f"{name:>14}" for name in COLUMNS)]))
    lines += [RULE, ""]
    for name, row in contention(graph, timeline):
        wait, hold = row["wait"], row["hold"]
        cells = ["0", str(wait["count"]), *_times(wait), "0", str(hold["count"]), *_times(hold)]
        lines.append(" ".join([f"{name + ':':>40}", *(f"{cell:>14}" for cell in cells)]))
    return "\n".join(lines) + "\n"


def _times(stat: Document) -> list[str]:
    average = stat["total"] / stat["count"] if stat["count"] else 0.0
    return [f"{value:.2f}" for value in (stat["min"], stat["max"], stat["total"], average)]


def contention(graph: Document, timeline: Document | None = None) -> list[tuple[str, Json]]:
    """(class, {"wait": {count min max total}, "hold": {…}}), the most contended first."""
    measured = (timeline or {}).get("lock_stat", {})
    rows = []
    for cls in graph["classes"]:
        name = str(cls["name"])
        row = measured.get(name)
        if row is None:
            wait = {
                "count": cls.get("contentions", 0),
                "min": 0.0,
                "max": cls.get("wait_max", 0.0) * 1e6,
                "total": cls.get("wait_total", 0.0) * 1e6,
            }
            hold = {"count": cls.get("acquisitions", 0), "min": 0.0, "max": 0.0, "total": 0.0}
            row = {"wait": wait, "hold": hold}
        counted = cls.get("contentions", 0)  # also waits too short to be timed
        if counted > row["wait"]["count"]:
            row = {**row, "wait": {**row["wait"], "count": counted}}
        if row["wait"]["count"] or row["hold"]["count"]:
            rows.append((name, row))
    rows.sort(key=lambda r: (-r[1]["wait"]["count"], -r[1]["wait"]["total"], r[0]))
    return rows
