"""An exhaustive state-space oracle for little programs, independent of the conductor.

A program is a list of instructions for each thread.  The oracle knows each primitive as `threading`
and `queue` document it, as a step from one immutable state to the next; it walks every reachable
state and returns every final one.  It shares no line with lockcheck: no conductor, no strategy, no
notion of which operations commute.

A timed operation gives up only while it could not have succeeded; how many timers fire is not
bounded here, so what it says holds for a search whose early timers were not cut.

A `poll` is a wait whose timer only repeats it, with what its thread does in between: it may go
round without end.  A program with polls is at its end where nothing but such rounds is left, and
each of them, alone, leads back to the same state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

__all__ = [
    "ASSUMED", "INITIAL", "Instruction", "OracleLimitError", "Program", "final_states",
    "stuck_states",
]  # fmt: skip

Value = object
Instruction = tuple[str, str, int]
"""What, on which object, with which number."""

INITIAL: dict[str, Value] = {
    "a": 0, "b": 0,  # locks: held or not
    "r": (-1, 0), "r2": (-1, 0),  # re-entrant locks: owner, count
    "w": (0, False, 0), "w2": (0, False, 0),  # readers, writer, writers waiting
    "s": 1, "s2": 2, "sb": 1, "s0": 0,  # semaphores: units
    "c": (), "cl": 0,  # a condition: (thread, notified) of its waiters; its lock
    "e": False, "e2": False,
    "bar": (0, 0),  # state (0 filling, 1 draining, -1 resetting, -2 broken), threads inside
    "q": ((), 0), "q0": ((), 0),  # items, unfinished tasks
    "x": 0, "y": 0,
    "p": False, "p2": False,  # flags that are polled
    "n": 2, "n2": 2,  # counts that are polled until they are 1
    "k": (1, 0),  # two counts that are changed together or alone, and waited for
}  # fmt: skip
ROOM = {"q": 1, "q0": 10_000}
PARTIES = 2
BOUND = {"sb": 1}


class OracleLimitError(Exception):
    """The program has more states than the test wants to walk."""


@dataclass
class Program:
    """One list of instructions a thread; thread 0 is the first, the others wait to be started."""

    threads: list[list[Instruction]]
    tags: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Show it when a test fails."""
        rows = [
            f"T{i}: " + "; ".join(f"{what} {name}{arg or ''}".strip() for what, name, arg in code)
            for i, code in enumerate(self.threads)
        ]
        return "\n".join(rows)


ASSUMED = "assumed "
"""Before a try: it stands only for the outcome that its number says.  Before a join: the thread was
not started yet, which is an error, and no wait."""

State = tuple[
    tuple[int, ...],  # program counters; -1: not started; len(code): at its end; beyond: ended
    tuple[int, ...],  # 1: inside its instruction (queued, parked)
    tuple[tuple[object, ...], ...],  # what each thread saw
    tuple[Value, ...],
]
NAMES = tuple(INITIAL)


class _Draft:
    """A state under change."""

    def __init__(self, state: State) -> None:
        pcs, phases, logs, values = state
        self.pcs = list(pcs)
        self.phases = list(phases)
        self.logs = list(logs)
        self.values = dict(zip(NAMES, values, strict=True))

    def frozen(self) -> State:
        return (
            tuple(self.pcs),
            tuple(self.phases),
            tuple(self.logs),
            tuple(self.values.values()),
        )


Outcome = tuple[dict[str, Value], object]
"""New values, and what the thread sees; `INSIDE` in its place: the instruction is not over."""
INSIDE = object()
NOTHING = object()


def _lock(draft: _Draft, t: int, what: str, name: str, arg: int) -> Iterator[Outcome]:
    held = draft.values[name]
    if what == "release":
        yield ({name: 0}, NOTHING) if held else ({}, "error")
    elif what == "locked":
        yield {}, bool(held)
    elif not held:
        yield {name: 1}, (NOTHING if what == "acquire" else True)
    elif what in ("try", "timed"):
        yield {}, False


def _rlock(draft: _Draft, t: int, what: str, name: str, arg: int) -> Iterator[Outcome]:
    owner, count = draft.values[name]  # type: ignore[misc]  # a pair by INITIAL
    if what == "rrelease":
        if owner != t:
            yield {}, "error"
        else:
            yield {name: (t, count - 1) if count > 1 else (-1, 0)}, NOTHING
    elif owner in (-1, t):
        yield {name: (t, count + 1)}, (NOTHING if what == "racquire" else True)
    elif what in ("rtry", "rtimed"):
        yield {}, False


def _rwlock(draft: _Draft, t: int, what: str, name: str, arg: int) -> Iterator[Outcome]:
    readers, writer, waiting = draft.values[name]  # type: ignore[misc]  # a triple by INITIAL
    if what == "read_release":
        yield ({name: (readers - 1, writer, waiting)}, NOTHING) if readers else ({}, "error")
    elif what == "write_release":
        yield ({name: (readers, False, waiting)}, NOTHING) if writer else ({}, "error")
    elif what in ("read", "queued", "try_read", "timed_read"):
        if not writer and (what != "queued" or not waiting):
            seen = NOTHING if what in ("read", "queued") else True
            yield {name: (readers + 1, writer, waiting)}, seen
        elif what in ("try_read", "timed_read"):
            yield {}, False
    elif what == "try_write":
        free = not readers and not writer
        yield ({name: (0, True, waiting)}, True) if free else ({}, False)
    elif not draft.phases[t]:
        yield {name: (readers, writer, waiting + 1)}, INSIDE
    elif not readers and not writer:
        yield {name: (0, True, waiting - 1)}, (NOTHING if what == "write" else True)
    elif what == "timed_write":
        yield {name: (readers, writer, waiting - 1)}, False


def _semaphore(draft: _Draft, t: int, what: str, name: str, arg: int) -> Iterator[Outcome]:
    units = draft.values[name]
    assert isinstance(units, int)
    if what == "give":
        over = name in BOUND and units + 1 > BOUND[name]
        yield ({}, "error") if over else ({name: units + 1}, NOTHING)
    elif units:
        yield {name: units - 1}, (NOTHING if what == "take" else True)
    elif what in ("try_take", "timed_take"):
        yield {}, False


def _condition(draft: _Draft, t: int, what: str, name: str, arg: int) -> Iterator[Outcome]:
    """The caller holds `cl`: the generator wraps these in acquire and release."""
    tickets: tuple[tuple[int, bool], ...] = draft.values["c"]  # type: ignore[assignment]
    if what == "notify":
        done = 0
        rows = []
        for thread, notified in tickets:
            wakes = not notified and done < arg
            done += wakes
            rows.append((thread, notified or wakes))
        yield {"c": tuple(rows)}, NOTHING
        return
    phase = draft.phases[t]
    if phase == 0:
        yield {"c": (*tickets, (t, False)), "cl": 0}, INSIDE
        return
    if phase == 1:
        notified = dict(tickets)[t]
        rest = tuple(row for row in tickets if row[0] != t)
        if notified:
            yield {"c": rest}, INSIDE
        elif what == "timed_cwait":
            yield {"c": rest, "": 1}, INSIDE  # a mark: it gave up
        return
    if not draft.values["cl"]:
        gave_up = phase >= 10
        yield {"cl": 1}, (NOTHING if what == "cwait" else not gave_up)


def _event(draft: _Draft, t: int, what: str, name: str, arg: int) -> Iterator[Outcome]:
    flag = draft.values[name]
    if what in ("set", "clear"):
        yield {name: what == "set"}, NOTHING
    elif what == "is_set":
        yield {}, flag
    elif flag:
        yield {}, (NOTHING if what == "await" else True)
    elif what == "timed_await":
        yield {}, False


def _left(state: int, inside: int) -> tuple[int, int]:
    """A thread leaves the barrier; the last one out makes room for the next round."""
    inside -= 1
    return (0 if not inside and state in (-1, 1) else state), inside


def _barrier(draft: _Draft, t: int, what: str, name: str, arg: int) -> Iterator[Outcome]:
    state, inside = draft.values[name]  # type: ignore[misc]  # a pair by INITIAL
    if what == "abort":
        yield {name: (-2, inside)}, NOTHING
    elif what == "reset":
        if inside:
            yield {name: (-1 if state in (0, -2) else state, inside)}, NOTHING
        else:
            yield {name: (0, 0)}, NOTHING
    elif not draft.phases[t]:
        if state in (-1, 1):
            return
        if state == -2:
            yield {}, "broken"
        elif inside + 1 == PARTIES:
            yield {name: _left(1, inside + 1)}, "passed"
        else:
            yield {name: (state, inside + 1)}, INSIDE
    elif state:
        yield {name: _left(state, inside)}, ("broken" if state < 0 else "passed")
    elif what == "timed_meet":
        yield {name: _left(-2, inside)}, "broken"


def _queue(draft: _Draft, t: int, what: str, name: str, arg: int) -> Iterator[Outcome]:
    items, unfinished = draft.values[name]  # type: ignore[misc]  # a pair by INITIAL
    if what in ("put", "try_put", "timed_put"):
        if len(items) < ROOM[name]:
            yield {name: ((*items, arg), unfinished + 1)}, (NOTHING if what == "put" else True)
        elif what != "put":
            yield {}, False
    elif what in ("get", "try_get", "timed_get"):
        if items:
            yield {name: (items[1:], unfinished)}, items[0]
        elif what != "get":
            yield {}, False
    elif what == "task_done":
        yield ({name: (items, unfinished - 1)}, NOTHING) if unfinished else ({}, "error")
    elif what == "qsize":
        yield {}, len(items)
    elif not unfinished:
        yield {}, NOTHING  # join


def _field(draft: _Draft, t: int, what: str, name: str, arg: int) -> Iterator[Outcome]:
    if what in ("see", "glance"):
        yield {}, (draft.values[name] if what == "see" else NOTHING)
    else:
        yield {name: arg}, NOTHING


def _polled(draft: _Draft, t: int, what: str, name: str, arg: int) -> Iterator[Outcome]:
    value = draft.values[name]
    if what in ("open", "close"):
        yield {name: what == "open"}, NOTHING
    else:
        assert isinstance(value, int)
        yield {name: value + (1 if what == "inc" else -1)}, NOTHING


def _counts(draft: _Draft, t: int, what: str, name: str, arg: int) -> Iterator[Outcome]:
    """The number says which: 1 the first, 2 the second, 3 both (of a wait: their sum)."""
    first, second = draft.values[name]  # type: ignore[misc]  # a pair by INITIAL
    if what in ("more", "less"):
        n = 1 if what == "more" else -1
        yield {name: (first + n * (arg & 1), second + n * (arg >> 1))}, NOTHING
    elif what == "sum":
        yield {}, first + second
    elif not (first * (arg & 1) + second * (arg >> 1)):
        yield {}, NOTHING


_SEMANTICS: dict[str, Callable[[_Draft, int, str, str, int], Iterator[Outcome]]] = {
    **dict.fromkeys(("acquire", "try", "timed", "release", "locked"), _lock),
    **dict.fromkeys(("racquire", "rtry", "rtimed", "rrelease"), _rlock),
    **dict.fromkeys(
        ("read", "queued", "try_read", "timed_read", "read_release",
         "write", "try_write", "timed_write", "write_release"), _rwlock,
    ),
    **dict.fromkeys(("take", "try_take", "timed_take", "give"), _semaphore),
    **dict.fromkeys(("cwait", "timed_cwait", "notify"), _condition),
    **dict.fromkeys(("set", "clear", "is_set", "await", "timed_await"), _event),
    **dict.fromkeys(("meet", "timed_meet", "abort", "reset"), _barrier),
    **dict.fromkeys(
        ("put", "try_put", "timed_put", "get", "try_get", "timed_get", "task_done", "qsize",
         "qjoin"), _queue,
    ),
    **dict.fromkeys(("see", "assign", "glance"), _field),
    **dict.fromkeys(("open", "close", "inc", "dec"), _polled),
    **dict.fromkeys(("more", "less", "none", "sum"), _counts),
}  # fmt: skip


def _moves(program: Program, state: State, t: int) -> Iterator[State]:
    """Every state that thread `t`'s next step can lead to."""
    pc = state[0][t]
    code = program.threads[t]
    if pc < 0 or pc > len(code):
        return
    if pc == len(code):
        draft = _Draft(state)
        draft.pcs[t] += 1  # the end of a thread is a step of its own: joins wait for it
        yield draft.frozen()
        return
    what, name, arg = code[pc]
    if what in ("poll", "quiet_try"):
        yield _branched(program, state, t, what, name, arg)
        return
    if what in ("start", "join", "timed_join", "alive", "sleep"):
        yield from _thread_moves(program, state, t, what, arg)
        return
    if what == ASSUMED + "join":  # it came too early
        if state[0][arg] < 0:
            yield from _thread_moves(program, state, t, "join", arg)
        return
    draft = _Draft(state)
    assumed = what.startswith(ASSUMED)
    what = what.removeprefix(ASSUMED)
    for values, seen in _SEMANTICS[what](draft, t, what, name, arg):
        if assumed and seen is not INSIDE and (seen in (True, "passed")) != bool(arg):
            continue
        after = _Draft(state)
        gave_up = values.pop("", 0)
        after.values.update(values)
        if seen is INSIDE:
            after.phases[t] += 1 + (10 if gave_up else 0)
        else:
            _advance(program, after, t, seen)
        yield after.frozen()


def _branched(program: Program, state: State, t: int, what: str, name: str, arg: int) -> State:
    """Nothing is seen but where the thread goes on: a poll before its body, a try behind it."""
    draft = _Draft(state)
    value = draft.values[name]
    if what == "poll":
        succeeded = value is True or (value == 1 and value is not True)
        draft.pcs[t] += arg + 1 if succeeded else 0
    elif value:
        draft.pcs[t] += arg
    else:
        draft.values[name] = 1
    _advance(program, draft, t, NOTHING)
    return draft.frozen()


def _thread_moves(program: Program, state: State, t: int, what: str, other: int) -> Iterator[State]:
    draft = _Draft(state)
    started = other < len(draft.pcs) and draft.pcs[other] >= 0
    ended = started and draft.pcs[other] > len(program.threads[other])
    seen: object = NOTHING
    if what == "start":
        if started:
            seen = "error"
        else:
            draft.pcs[other] = 0
            _skip(program, draft, other)
    elif what == "alive":
        seen = started and not ended
    elif what != "sleep":
        if not started:
            seen = "error"
        elif not ended and what == "join":
            return
        elif what == "timed_join":
            seen = ended
    _advance(program, draft, t, seen)
    yield draft.frozen()


def _advance(program: Program, draft: _Draft, t: int, seen: object) -> None:
    draft.pcs[t] += 1
    draft.phases[t] = 0
    if seen is not NOTHING:
        draft.logs[t] = (*draft.logs[t], seen)
    _skip(program, draft, t)


def _skip(program: Program, draft: _Draft, t: int) -> None:
    """A thread's own branches are no steps."""
    code = program.threads[t]
    while draft.pcs[t] < len(code) and code[draft.pcs[t]][0] in ("unless", "again"):
        if code[draft.pcs[t]][0] == "again":
            draft.pcs[t] -= code[draft.pcs[t]][2] + 1
            return
        log = draft.logs[t]
        taken = bool(log) and log[-1] in (True, 1, "passed")
        draft.pcs[t] += 1 if taken else 1 + code[draft.pcs[t]][2]


def final_states(program: Program, limit: int) -> set[str]:
    """Return every final state; a deadlock is one whose threads are not all at their end.

    Raises: OracleLimitError with more than `limit` states.
    """
    return {_shown(program, state) for state in reached(program, limit)}


def reached(program: Program, limit: int) -> Iterator[State]:
    """Every state in which nobody can go; polls may, in vain.  Raises: OracleLimitError."""
    count = len(program.threads)
    first = _Draft(((-1,) * count, (0,) * count, ((),) * count, tuple(INITIAL.values())))
    first.pcs[0] = 0
    _skip(program, first, 0)
    todo = [first.frozen()]
    seen = set(todo)
    while todo:
        state = todo.pop()
        stuck = True
        for t in range(count):
            for following in _moves(program, state, t):
                stuck = stuck and _is_poll_in_vain(program, state, t)
                if following not in seen:
                    seen.add(following)
                    todo.append(following)
        if stuck and all(_comes_back(program, state, t) for t in range(count)):
            yield state
        if len(seen) > limit:
            raise OracleLimitError


def _is_poll_in_vain(program: Program, state: State, t: int) -> bool:
    pc, code = state[0][t], program.threads[t]
    if not 0 <= pc < len(code) or code[pc][0] != "poll":
        return False
    return dict(zip(NAMES, state[3], strict=True))[code[pc][1]] not in (True, 1)


def _comes_back(program: Program, state: State, t: int) -> bool:
    """Does thread `t`, going on alone, come back to `state`?  So it does where it cannot go."""
    following = next(_moves(program, state, t), state)
    while following != state:
        if _is_poll_in_vain(program, following, t):
            return False  # round from here on, if at all
        after = next(_moves(program, following, t), None)
        if after is None:
            return False
        following = after
    return True


def stuck_states(program: Program, limit: int) -> list[tuple[int, ...]]:
    """Where each thread stands, for every deadlock; beyond its code: it has ended.

    One in which a thread stands before an `assumed` outcome is none: the real thread would do
    something else there.
    """
    found = set()
    for state in reached(program, limit):
        at = state[0]
        left = [
            code[pc] for pc, code in zip(at, program.threads, strict=True) if 0 <= pc < len(code)
        ]
        if left and not any(what.startswith(ASSUMED) for what, _, _ in left):
            found.add(at)
    return sorted(found)


def _shown(program: Program, state: State) -> str:
    """What the real program can show too: counters, what was seen, the fields."""
    pcs, _phases, logs, values = state
    done = [
        "new" if pc < 0 else "end" if pc >= len(code) else pc
        for pc, code in zip(pcs, program.threads, strict=True)
    ]
    table = dict(zip(NAMES, values, strict=True))
    return f"{done} {list(logs)} {table['x']} {table['y']}"
