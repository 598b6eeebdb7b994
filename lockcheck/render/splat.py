"""`str(report)`: a finding as text, laid out as lockdep lays out its splats.

Banner, the header phrase of the kind, who tries to take what and what it holds, the existing
dependency chain in reverse order with a stack for either side of every step, the unsafe scenario
with one column a thread, the locks each participant held, why the severity, what to do, the
fingerprint and, where there is one, the replay token.  Waiting reports (wait-cycle, deadlock, hang)
show each thread in DEPT's way: what it [holds], what it [waits] for, what it [owes].

Left out of the kernel's layout: addresses, process ids, kernel idents; they mean nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence

from lockcheck.core.document import Document
from lockcheck.render.control_characters import legible
from lockcheck.render.places import is_plumbing, short_path, stack_lines, where
from lockcheck.render.scenario import columns, scenario

Finding = Document

HEADERS = {
    "circular": "possible circular locking dependency detected",
    "recursive": "possible recursive locking detected",
    "inverted-context": "inconsistent lock state",
    "wait-context": "[ BUG: Invalid wait context ]",
    "wait-cycle": "possible circular wait dependency detected",
    "deadlock": "[ BUG: threads are deadlocked ]",
    "bad-unlock": "bad unlock balance detected!",
    "nest-not-held": "Nested lock was not taken",
    "unpinned": "releasing a pinned lock",
    "assertion": "lock assertion failed",
    "held-at-exit": "a thread that ends still has locks held!",
    "held-at-fork": "lock held at fork!",
    "freed-held": "held lock freed!",
    "race": "data race detected",
    "invariant": "invariant broken",
    "hang": "tasks are hung",
    "leak": "leak detected",
    "warn": "warning",
}

BAR = 62

ADVICE = {
    "circular": "Take these locks in one order everywhere, or drop the first before taking the "
    "second. If the order is right because of something the checker cannot see, say so with "
    "subclass=, nest= or cmp=.",
    "recursive": "Do not take a second lock of this class while holding one, or give them an "
    "order: cmp= for the class, subclass= or nest= at the call. For the same lock use an RLock.",
    "inverted-context": "Do not take this lock in a finaliser or signal handler: hand the work to "
    "a thread through a SimpleQueue, or mask the context while the lock is held.",
    "wait-context": "Do not block here; do the blocking part before or after.",
    "wait-cycle": "Do not wait while holding what the other side needs to get there.",
    "deadlock": "These threads wait for each other and will never continue.",
    "bad-unlock": "Release only what was taken, once; prefer `with`.",
    "nest-not-held": "Take the lock named by nest= first.",
    "unpinned": "Whoever pinned the lock relies on it being held: unpin before releasing.",
    "held-at-exit": "Release in a `finally` or use `with`: no other thread can release it.",
    "held-at-fork": "Fork before threads start, or take this lock around the fork "
    "(os.register_at_fork); in the child it stays locked for ever.",
    "freed-held": "The last reference went while the lock was held; keep it until the release.",
    "race": "Guard both accesses with one lock, or order them by a join, an event or a queue.",
}

WAITING = ("wait-cycle", "deadlock", "hang")


def splat_of(finding: Finding) -> str:
    """Return the text of a finding given as its dictionary."""
    finding = legible(finding)
    lines = _banner(finding)
    body = _BODIES.get(finding["kind"], _plain)
    if finding["kind"] in WAITING or any(s["op"] == "wait" for s in finding.get("cycle", ())):
        body = _waiting
    lines += body(finding)
    lines += _footer(finding)
    return "\n".join(lines)


def _banner(finding: Finding) -> list[str]:
    header: str = HEADERS.get(finding["kind"]) or str(finding["kind"])
    if finding["kind"] == "inverted-context" and len(finding.get("cycle", ())) > 1:
        header = "possible irq lock inversion dependency detected"
    if not header.startswith("["):
        header = f"WARNING: {header}"
    width = max(BAR, len(header))
    title = str(finding["title"])
    said, colon, rest = title.partition(": ")
    lines = ["=" * width, header, rest if colon and said.lower() in header.lower() else title]
    reason = f" ({finding['reason']})" if finding.get("reason") else ""
    lines.append(f"severity: {finding['severity']}{reason}")
    lines.append("-" * width)
    return lines


def _footer(finding: Finding) -> list[str]:
    lines: list[str] = []
    advice = finding.get("advice") or ADVICE.get(finding["kind"], "")
    if advice:
        lines += ["", f"what to do: {advice}"]
    if finding.get("made"):
        lines += ["", "made at:"]
        lines += [f"  {name}: {short_path(str(at))}" for name, at in finding["made"].items()]
    lines += ["", f"fingerprint: {finding['fingerprint']}"]
    if finding.get("replay"):
        lines.append(f"replay: {finding['replay']}")
    return lines


def lock_text(lock: Document) -> str:
    """`name` with its class, when the name does not already say it, and its mode."""
    name, cls, mode = str(lock["name"]), str(lock["class"]), str(lock.get("mode", "lock"))
    if cls == "event" or mode in NO_LOCK:
        return name
    text = name if name.startswith(cls) else f"{name} of {cls}"
    return text if mode in ("lock", "map", "sync") else f"{text} ({MODES.get(mode, mode)})"


MODES = {
    "read": "queued reader",
    "rread": "recursive reader",
    "try": "trylock",
    "wait": "event",
}
NO_LOCK = ("wait", "owed", "queue", "meet")
"""Modes of what a step "holds" when it is no lock: an event it must make happen."""


# -- cycles of locks -------------------------------------------------------------------------------


def _circular(finding: Finding) -> list[str]:
    cycle = finding.get("cycle") or []
    if not cycle:
        return _plain(finding)
    now = cycle[0]
    lines = [
        f"{now['thread']} is {'about to wait for' if waits(now) else 'trying to acquire lock'}:",
        f"  {lock_text(now['wanted'])}, at: {where(now['wanted_stack'])}",
        "",
        f"but it is already {'inside' if now['held'].get('mode') == 'map' else 'holding lock'}:",
        f"  {lock_text(now['held'])}, at: {where(now['held_stack'])}",
        "",
        "which lock already depends on the new lock.",
        "",
        "the existing dependency chain (in reverse order) is:",
    ]
    lines += _chain(cycle)
    lines += _exists(cycle) + scenario(cycle) + _held_by_all(cycle)
    if finding.get("detail"):
        lines += ["", finding["detail"]]
    return lines


def _chain(cycle: Sequence[Document]) -> list[str]:
    """One `-> #k` block a step: where the lock was wanted, and where the one below was taken.

    The step that closed the cycle is #0, the others count up along the dependency, highest first.
    """
    lines: list[str] = []
    for number in range(len(cycle) - 1, -1, -1):
        step = cycle[number]
        lines += ["", f"-> #{number} ({step['wanted']['class']}){_usage(step['wanted'])}:"]
        verb = "waits for" if waits(step) else "takes"
        lines.append(f"     {step['thread']} {verb} {lock_text(step['wanted'])} at:")
        lines += stack_lines(step["wanted_stack"])
        if step["held"].get("mode") == "map":
            lines.append(f"     while it is inside {lock_text(step['held'])}, entered at:")
        else:
            lines.append(f"     while it holds {lock_text(step['held'])}, taken at:")
        lines += stack_lines(step["held_stack"])
        if step.get("told"):
            lines.append(f"     ({step['told']})")
    return lines


def waits(step: Document) -> bool:
    """Does it wait for something that is no lock?"""
    return step["op"] in ("wait", "sync")


def _usage(lock: Document) -> str:
    mode = str(lock.get("mode", "lock"))
    return "" if mode == "lock" else "{" + mode + "}"


def _exists(cycle: Sequence[Document]) -> list[str]:
    """The chain in one line, only when it has an intermediate lock."""
    if len(cycle) < 3:
        return []
    names = [step["wanted"]["class"] for step in cycle]
    return ["", "Chain exists of:", "  " + " --> ".join(names)]


def _held_by_all(cycle: Sequence[Document]) -> list[str]:
    lines: list[str] = [""]
    for title, step in zip(columns(cycle), cycle, strict=True):
        held = step.get("all_held") or []
        if not held:
            continue
        count = f"{len(held)} lock{'s' if len(held) != 1 else ''}"
        lines.append(f"{count} held by {title}:")
        lines += [
            f" #{number}: {lock_text(lock)}, at: {where(lock.get('stack', ()))}"
            for number, lock in enumerate(held)
        ]
    return lines if len(lines) > 1 else []


def _recursive(finding: Finding) -> list[str]:
    cycle = finding.get("cycle") or []
    if not cycle:
        return _plain(finding)
    step = cycle[0]
    lines = [
        f"{step['thread']} is trying to acquire lock:",
        f"  {lock_text(step['wanted'])}, at: {where(step['wanted_stack'])}",
        "",
        "but it is already holding lock:",
        f"  {lock_text(step['held'])}, at: {where(step['held_stack'])}",
    ]
    if finding.get("detail"):
        lines += ["", finding["detail"]]
    if step["held"]["name"] != step["wanted"]["name"]:
        lines += ["", "other info that might help: the two are different locks of one class;",
                  "May be due to missing lock nesting notation"]  # fmt: skip
    lines += scenario(cycle) + _held_by_all(cycle)
    lines += ["", f"{step['wanted']['name']} is wanted at:", *stack_lines(step["wanted_stack"])]
    lines += ["", f"{step['held']['name']} was taken at:", *stack_lines(step["held_stack"])]
    return lines


# -- cycles with waits -----------------------------------------------------------------------------


def _waiting(finding: Finding) -> list[str]:
    """One block a thread: what it holds, waits for, owes."""
    cycle = finding.get("cycle") or []
    lines: list[str] = []
    if finding.get("detail"):
        lines += [finding["detail"]]
    for index, (title, step) in enumerate(zip(columns(cycle), cycle, strict=True)):
        owed_to = cycle[index - 1]
        held = step.get("all_held") or (
            [{**step["held"], "stack": step["held_stack"]}] if is_lock(step["held"]) else []
        )
        lines += ["", f"{title}:"]
        lines += [
            f"  [holds] {lock_text(lock)}, at: {where(lock.get('stack', ()))}" for lock in held
        ]
        if not held:
            lines.append("  [holds] nothing")
        words = step.get("told") or lock_text(step["wanted"])
        frames = [frame for frame in step["wanted_stack"] if not is_plumbing(frame)]
        lines.append(f"  [waits] {words}, at: {where(frames)}" if frames else f"  [waits] {words}")
        if frames[1:]:
            lines += stack_lines(frames[1:], "            ", 6)
        if step["held"].get("mode") != "meet":
            lines.append(f"  [owes]  {_owed(step)} to {owed_to['thread']}")
    if waits_for_itself(finding):
        return [*lines, "", f" {alone(cycle[0])}"]
    return lines + (scenario(cycle) if cycle else _stacks(finding))


def waits_for_itself(finding: Finding) -> bool:
    """Is it one thread whose wait can only end by what comes after that wait?"""
    cycle: Sequence[Document] = finding.get("cycle") or ()
    return len(cycle) == 1 and cycle[0]["op"] == "wait" and not is_lock(cycle[0]["held"])


def alone(step: Document) -> str:
    """The sentence for a thread that waits for itself."""
    who = str(step["thread"])
    words = str(step.get("told") or f"it waits for {lock_text(step['wanted'])}")
    if step["held"].get("mode") == "meet":
        return words  # not for itself: no thread arrives
    if words.startswith(f"{who} "):
        words = f"it {words.removeprefix(f'{who} ')}"
    return f"{who} waits for itself: {words}"


def is_lock(lock: Document) -> bool:
    """Is this a lock, not an event that is owed or waited for?"""
    return lock.get("mode") not in NO_LOCK and lock["class"] != "event"


def _owed(step: Document) -> str:
    held = step["held"]
    return f"the release of {held['name']}" if is_lock(held) else str(held["name"])


# -- the others ------------------------------------------------------------------------------------


def _inverted(finding: Finding) -> list[str]:
    if len(finding.get("cycle", ())) > 1:
        return _circular(finding)
    lines = []
    if finding.get("detail"):
        lines += [finding["detail"]]
    lines += _stacks(finding)
    locks = finding.get("locks") or ["the lock"]
    lines += [
        "",
        " Possible unsafe locking scenario:",
        "",
        "       " + (finding["threads"][0] if finding.get("threads") else "a thread"),
        "       ----",
        f"  lock({locks[0]});",
        "  <Interrupt>",
        f"    lock({locks[-1]});",
        "",
        " *** DEADLOCK ***",
    ]
    return lines + _held(finding)


def _plain(finding: Finding) -> list[str]:
    """Finding shown by its detail, the locks held and its stacks."""
    lines: list[str] = []
    if finding.get("detail"):
        lines.append(finding["detail"])
    return lines + _held(finding) + _stacks(finding)


def _bad_unlock(finding: Finding) -> list[str]:
    who = (finding.get("threads") or ["a thread"])[0]
    lock = (finding.get("locks") or ["a lock"])[0]
    held = finding.get("held") or []
    lines = [f"{who} is trying to release lock ({lock}) at:"]
    stacks = finding.get("stacks") or []
    if stacks:
        lines += stack_lines(stacks[0]["frames"])
    lines.append("but it does not hold it." if held else "but there are no more locks to release!")
    if finding.get("detail"):
        lines += ["", finding["detail"]]
    return lines + _held(finding) + _stacks(finding, first=1)


def _held(finding: Finding) -> list[str]:
    held = finding.get("held") or []
    if not held:
        return []
    who = (finding.get("threads") or ["the thread"])[0]
    if finding["kind"] == "held-at-fork":
        who = "another thread"
    lines = ["", f"{len(held)} lock{'s' if len(held) != 1 else ''} held by {who}:"]
    lines += [
        f" #{number}: {lock_text(lock)}, at: {where(lock.get('stack', ()))}"
        for number, lock in enumerate(held)
    ]
    return lines


def _stacks(finding: Finding, *, first: int = 0) -> list[str]:
    lines: list[str] = []
    for each in (finding.get("stacks") or [])[first:]:
        named = each.get("thread") and finding["kind"] != "held-at-fork"
        thread = f", {each['thread']}" if named else ""
        lines += ["", f"{each['title']}{thread}:", *stack_lines(each["frames"])]
    return lines


_BODIES = {
    "circular": _circular,
    "recursive": _recursive,
    "inverted-context": _inverted,
    "wait-cycle": _waiting,
    "deadlock": _waiting,
    "hang": _waiting,
    "bad-unlock": _bad_unlock,
}
