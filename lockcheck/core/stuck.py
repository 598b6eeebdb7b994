"""Threads that are really stuck: the wait-for graph, of live, watched and controlled runs.

A node is a thread that waits; an edge leads from it to each thread that could let it go: the owner
of a lock, the thread to be joined, whoever owes what it waits for.  A cycle of edges is a deadlock
in the narrow sense; threads that all wait without one have lost a wake-up: the waker is gone.

Three callers build the nodes.  In a live run a thread that is about to block publishes on what, and
the graph is followed from it (`live_cycle`); publishing and looking happen under one lock, so
whoever blocks last sees the cycle.  Once a controlled schedule, or a free run that is watched,
stands still for good, `lockcheck.conduct.deadlock` makes a node of every thread and knows what the
world says about who owes what.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from lockcheck.core.held import ThreadState, ref_of, refs
from lockcheck.core.paths import Walk
from lockcheck.core.report import (
    CERTAIN,
    LockRef,
    Report,
    Step,
    cycle_report,
    fingerprint,
    holder,
    stable,
)

__all__ = ["Waiting", "deadlock", "first_cycle", "live_cycle", "lost_wakeup", "table"]


@dataclass(slots=True, eq=False)
class Waiting:
    """One thread that waits: a node of the wait-for graph."""

    name: str
    ts: ThreadState | None
    wanted: LockRef
    """What it waits for, and where."""
    what: str
    """The same in words."""
    idle: bool = False
    """A service that waits for work: nothing is owed to it."""
    edges: list[tuple[str, Waiting | None]] = field(default_factory=list)
    """Who could let it go: in words, and the thread, where that one waits too."""

    def held(self) -> tuple[LockRef, ...]:
        """What it holds, oldest first."""
        return () if self.ts is None else refs(self.ts)

    @property
    def runs(self) -> str:
        """The function that its thread runs."""
        return "" if self.ts is None else self.ts.runs

    def next(self) -> Iterator[tuple[Waiting, Waiting]]:
        """The threads among those that wait, each with itself as the step (`paths.Walk`)."""
        for _, other in self.edges:
            if other is not None:
                yield other, other


def first_cycle(nodes: Iterable[Waiting]) -> list[Waiting]:
    """The first cycle of edges, in the order of the nodes; empty when there is none."""
    for start in nodes:
        walk: Walk[Waiting, Waiting] = Walk(start, Waiting.next)
        if start in walk:
            return [start, *walk.path(start)[:-1]]
    return []


def live_cycle(ts: ThreadState) -> list[Waiting]:
    """Threads that wait for each other, from `ts` back to itself.  Locks: the leaf.

    A thread's wait may end meanwhile, without a lock: what it waits for is read once.
    """
    nodes: dict[int, Waiting] = {}
    todo = [ts]
    while todo:
        who = todo.pop()
        node, obj = _node(who, nodes), who.blocked_on
        if node is None or node.edges or obj is None:
            continue
        for owner in obj.holders():
            other = _node(owner, nodes)
            node.edges.append((owned_by(node.wanted, owner), other))
            if other is not None:
                todo.append(owner)
    start = nodes.get(ts.serial)
    return [] if start is None else first_cycle([start])


def _node(ts: ThreadState, nodes: dict[int, Waiting]) -> Waiting | None:
    wanted = ts.blocked
    if wanted is None:
        return None
    if ts.serial not in nodes:
        nodes[ts.serial] = Waiting(ts.name, ts, wanted, wanted.name)
    return nodes[ts.serial]


def owned_by(wanted: LockRef, owner: ThreadState) -> str:
    """An edge in words: whose release, or end, is waited for."""
    return f"which is {owner.name}" if wanted.cls == "thread" else f"held by {owner.name}"


# -- reports ---------------------------------------------------------------------------------------


ADVICE = (
    "Take these locks in one order everywhere, and wait for threads, events and queues "
    "with none of them held."
)
ADVICE_ALONE = (
    "Whatever would end this wait can only happen after it: do that earlier or on another "
    "thread, or wait where it can still happen."
)


def deadlock(cycle: Sequence[Waiting], reason: str) -> Report:
    """The report of threads that wait for each other."""
    steps = []
    for at, node in enumerate(cycle):
        owed = cycle[at - 1].wanted
        op = "wait" if node.wanted.mode == "wait" else "lock"
        told = _told(node, cycle[(at + 1) % len(cycle)])
        held = _held_ref(node, owed)
        steps.append(Step(node.name, held, node.wanted, node.held(), op, told, node.runs))
    return cycle_report(
        "deadlock",
        CERTAIN,
        f"deadlock: {', '.join(f'{node.name} waits for {node.what}' for node in cycle)}",
        steps,
        reason=reason,
        advice=ADVICE_ALONE if len(cycle) == 1 and steps[0].op == "wait" else ADVICE,
    )


def lost_wakeup(nodes: Sequence[Waiting], reason: str) -> Report:
    """The report of threads that wait, and no thread that can run would wake them."""
    # A thread that waits for a stuck thread is explained by that one; the others are not.
    lost = [node for node in nodes if not any(other for _, other in node.edges)] or list(nodes)
    waits = ", ".join(f"{node.name} waits for {node.what}" for node in lost)
    behind = _behind(nodes, lost)
    if behind is not None:
        return _behind_it(*behind, reason)
    report = Report(
        "deadlock",
        CERTAIN,
        f"lost wake-up: {waits}, and no thread is left that could wake it"
        if len(lost) == 1
        else f"deadlock: {waits}, and no thread is left that can run",
        reason=f"{reason}, and no cycle of locks and joins explains it",
        threads=tuple(node.name for node in lost),
        locks=tuple(dict.fromkeys(node.wanted.name for node in lost)),
        advice="Change what is waited for under the lock that its waiter holds, and notify.",
    )
    rows = sorted(_row(node) for node in lost)
    report.fingerprint = fingerprint("deadlock", rows)
    return report


def _behind(
    nodes: Sequence[Waiting], lost: Sequence[Waiting]
) -> tuple[Waiting, LockRef, Waiting] | None:
    """One of the lost that holds a lock, the lock, and who waits for that: it may be the waker."""
    for node in lost:
        for lock in node.held():
            for other in nodes:
                waits_for_it = any(following is node for _, following in other.edges)
                if other is not node and waits_for_it and other.wanted.name == lock.name:
                    return node, lock, other
    return None


def _behind_it(node: Waiting, lock: LockRef, other: Waiting, reason: str) -> Report:
    """The report of a thread that waits with a lock held, which another one waits for."""
    owed = LockRef(node.wanted.name, node.wanted.cls, "owed")
    return cycle_report(
        "deadlock",
        CERTAIN,
        f"deadlock: {node.name} waits for {node.what} and holds {lock.name}, which {other.name} "
        "waits for",
        [
            Step(node.name, lock, node.wanted, node.held(), "wait",
                 f"{node.name} waits for {node.what} with {lock.name} held", node.runs),
            Step(other.name, owed, other.wanted, other.held(), "lock",
                 f"{other.name} waits for {lock.name}, held by {node.name}", other.runs),
        ],
        reason=f"{reason}; the thread that would end that wait is blocked by the lock, or is gone",
        advice=f"Wait for {node.what} without holding {lock.name}, or make it happen without "
        "taking that lock.",
    )  # fmt: skip


def table(nodes: Sequence[Waiting], cycle: Sequence[Waiting]) -> str:
    """Who waits for what, who could end that, what each of them holds."""
    lines = []
    for node in nodes:
        edges = "; ".join(words for words, _ in node.edges) or "no waker left"
        idle = " (idle service)" if node.idle else ""
        lines.append(f"{node.name}{idle}  waits for {node.what}: {edges}")
        held = ", ".join(ref.name for ref in node.held()) or "nothing"
        lines.append(f"    holds {held}")
        if node.wanted.stack:
            lines.append(f"    at {node.wanted.stack.where}")
    if cycle:
        names = [part for node in cycle for part in (node.name, node.wanted.name)]
        lines.append("cycle  " + " -> ".join([*names, cycle[0].name]))
    else:
        lines.append("no cycle of locks and joins: the waker is gone, woke too early, or is "
                     "blocked by one of these threads")  # fmt: skip
    return "\n".join(lines)


def _told(node: Waiting, following: Waiting) -> str:
    words = next((words for words, other in node.edges if other is following), "")
    return f"{node.name} waits for {node.what}, {words}"


def _held_ref(node: Waiting, owed: LockRef) -> LockRef:
    """What the thread before it in the cycle wants, as this one holds or owes it."""
    if node.ts is not None:
        for entry in node.ts.held():
            if entry.lock.name == owed.name:
                return ref_of(entry)
    return LockRef(owed.name, owed.cls, "wait")


def _row(node: Waiting) -> str:
    """Name one participant alike in every run: classes and functions, not instances."""
    wanted = node.wanted
    who = holder(node.runs, node.held())
    return f"{stable(wanted.cls)} {wanted.mode} {wanted.stack.function} {who}"
