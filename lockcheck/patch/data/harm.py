"""What a race can do: its severity, and the patterns that do no harm.

    certain      a lost update (`x += …` while another thread writes x); a container that is changed
                 while a loop runs over it
    possible     two unordered writes, worse where one follows a read of the same value (check, then
                 act); a read beside writes that change the value again and again
    class-only   listed, not counted: a value that is published once; a flag that only goes up;
                 a counter of one thread's that others look at; single steps of a container's own

A pattern is judged by what the run has shown so far, by all writes since there was more than one
thread.  "Published once" says nothing of what the value refers to: its own fields are looked at as
fields of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lockcheck.core.held import ThreadState
from lockcheck.core.report import CERTAIN, CLASS_ONLY, POSSIBLE, LockRef, Severity
from lockcheck.core.stacks import Stack
from lockcheck.core.views import Chain
from lockcheck.patch.data.memory import LOOK, Entry
from lockcheck.patch.data.sight import UNKNOWN, How

if TYPE_CHECKING:
    from types import CodeType, FrameType

__all__ = ["Access", "Harm", "History", "harm_of"]

_PLAIN_VALUES: Final = (bool, int, str, float, type(None))
"""Values that are kept, to compare what is written; others are not held on to."""


class Access(Entry):
    """One access, as a report shows it."""

    __slots__ = ("_stack", "chain", "how", "mode", "origin", "renewed", "shown", "stands_on_read",
                 "thread", "value")  # fmt: skip

    def __init__(self, ts: ThreadState, how: How, mode: int, stack: Stack, value: object) -> None:
        super().__init__(ts.slot, ts.now)
        self.thread = ts.name
        self.origin = ts.origin
        """Where its thread was started."""
        self.how = how
        self.mode = mode
        self._stack = stack
        self.chain: Chain = ts.top._k
        """What was held."""
        self.renewed = False
        """It stands for a later one at the same place (`again`)."""
        self.shown = False
        """A report shows it: it may not change any more."""
        self.stands_on_read = how is How.AUGMENT
        """A write that depends on what this thread has read in the same epoch."""
        self.value: object = value if type(value) in _PLAIN_VALUES else UNKNOWN

    def follows(self, look: Access | None) -> bool:
        """Does it stand on that look?  Not where it took a lock in between: it may look again."""
        return look is not None and look.chain is self.chain

    def alike(self, other: Access) -> bool:
        """Is it the same kind of access at the same place?"""
        mine = (self.code, self.how, self.mode, self.stands_on_read)
        return mine == (other.code, other.how, other.mode, other.stands_on_read)

    def repeats(self, other: Access) -> bool:
        """Do both happen in the same function?"""
        return self.code is not None and other.code is not None and (self.code[0] is other.code[0])

    def is_at(self, frame: FrameType) -> bool:
        """Is `frame` where it happened, called from where that was called?"""
        site = self._stack.site
        if len(site) != 2:
            return False
        (code, lasti), (up_code, up_lasti) = site
        if frame.f_lasti != lasti or frame.f_code is not code:
            return False
        up = frame.f_back
        return up is not None and up.f_lasti == up_lasti and up.f_code is up_code

    @property
    def stack(self) -> Stack:
        """Where it happened; of a renewed access what is certain, the two innermost frames."""
        return Stack(self._stack.site) if self.renewed else self._stack

    @property
    def held(self) -> tuple[LockRef, ...]:
        """What the thread held, oldest first."""
        found: list[LockRef] = []
        chain: Chain | None = self.chain
        while chain is not None and chain.key is not None:
            key = chain.key
            found.append(LockRef(key.name, key.cls.name, key.mode_name, chain.stack))
            chain = chain.parent
        return tuple(reversed(found))

    @property
    def writes(self) -> bool:
        return self.mode != LOOK

    @property
    def word(self) -> str:
        """`a write`, `a read` …, for titles."""
        if self.how is How.STEP:
            return "a step of a loop"
        if self.how is How.AUGMENT or (self.writes and self.stands_on_read):
            return "a read and write"
        return "a write" if self.writes else "a read"

    @property
    def place(self) -> str:
        """The function, for fingerprints."""
        return self.stack.function

    @property
    def code(self) -> tuple[CodeType, int] | None:
        """Code and instruction of the user's innermost frame."""
        return self.stack.raw[0] if self.stack.raw else None


class History:
    """What a field's writes have shown so far, since there was more than one thread."""

    __slots__ = ("augmented", "listed", "same", "value", "writers", "writes")

    def __init__(self) -> None:
        self.writes = 0
        self.writers: set[int] = set()
        self.value: object = UNKNOWN
        self.same = True
        """All writes stored one and the same plain value."""
        self.augmented = True
        """All writes were `x += …`."""
        self.listed: list[tuple[Access, Access]] = []
        """Races whose pattern was harmless so far, one a pair of places and kinds of access."""

    def wrote(self, slot: int, value: object, how: How) -> bool:
        """Count a write by a thread; True when the pattern has changed."""
        before = (self.writes > 1, self.same, self.augmented, len(self.writers))
        self.writers.add(slot)
        value = value if type(value) in _PLAIN_VALUES else UNKNOWN
        if self.writes == 0:
            self.value = value
        elif value is UNKNOWN or type(value) is not type(self.value) or value != self.value:
            self.same = False
        self.augmented = self.augmented and how is How.AUGMENT
        self.writes += 1
        return before != (self.writes > 1, self.same, self.augmented, len(self.writers))

    def enlist(self, old: Access, now: Access) -> bool:
        """Keep a race whose pattern is harmless so far; False: one like it is listed."""
        if any(each.alike(old) and other.alike(now) for each, other in self.listed):
            return False
        self.listed.append((old, now))
        return True

    def risen(self) -> list[tuple[Access, Access, Harm]]:
        """Take those out whose pattern is harmless no longer, each with what it is now."""
        judged = [(old, now, harm_of(self, old, now)) for old, now in self.listed]
        self.listed = [(old, now) for old, now, harm in judged if harm.severity == CLASS_ONLY]
        return [row for row in judged if row[2].severity != CLASS_ONLY]

    @property
    def settled(self) -> bool:
        """Can more writes of the same kind show nothing new?"""
        return self.writes > 1 and (not self.same or self.augmented)


@dataclass(frozen=True)
class Harm:
    """A judgement."""

    severity: Severity
    title: str
    reason: str
    advice: str


_ADVICE: Final = "Guard both accesses with one lock, or order them by a join, an event or a queue."
_LOST: Final = Harm(
    CERTAIN,
    "lost update of",
    "the value that is written depends on one that was read before, and another thread writes",
    "Hold one lock from the read to the write, on both sides.",
)
_ITERATION: Final = Harm(
    CERTAIN,
    "change during iteration over",
    "one thread runs over it while another changes it",
    "Hold one lock around the whole loop and around the change, or run over a copy made under it.",
)
_CHECKED: Final = Harm(
    POSSIBLE,
    "check, then act on",
    "it is read and then written, and another thread may do the same in between",
    "Hold one lock from the read to the write, on both sides.",
)
_WRITES: Final = Harm(
    POSSIBLE, "unordered writes of", "which value stays is a matter of chance", _ADVICE
)
_READ: Final = Harm(
    POSSIBLE, "unordered read and write of", "which value is read is a matter of chance", _ADVICE
)
_ONCE: Final = Harm(
    CLASS_ONLY,
    "unordered read of",
    "written once since there are threads, so a reader sees the value before or the one after",
    "Nothing, if both values are fine for the reader.",
)
_FLAG: Final = Harm(
    CLASS_ONLY,
    "unordered access of the flag",
    "every write stores the same value",
    "Nothing, if a reader may see it a little later; else a threading.Event.",
)
_COUNTER: Final = Harm(
    CLASS_ONLY,
    "unordered look at the counter",
    "one thread alone counts, others look",
    "Nothing, if a reader may see it a little later.",
)
_STEPS: Final = Harm(
    CLASS_ONLY,
    "unordered single steps on",
    "each is one step of the container's own and cannot be interrupted",
    "Nothing, if any order of the steps is fine.",
)


def harm_of(history: History, old: Access, now: Access) -> Harm:
    """Judge a race of two accesses of the field with this history."""
    writes = [access for access in (old, now) if access.writes]
    if How.STEP in (old.how, now.how):
        return _ITERATION
    if len(writes) == 2 and any(access.how is How.AUGMENT for access in writes):
        return _LOST
    atomic = [access for access in (old, now) if access.how is How.ATOMIC]
    if atomic and all(access.how in (How.ATOMIC, How.READ) for access in (old, now)):
        return _STEPS
    if _is_flag(history, old, now):
        return _FLAG
    if len(writes) == 2:
        return _CHECKED if any(access.stands_on_read for access in writes) else _WRITES
    if history.augmented and len(history.writers) <= 1 and writes[0].how is How.AUGMENT:
        return _COUNTER
    if writes[0].stands_on_read and old.repeats(now):
        return _CHECKED  # the reader runs the same code, and may be about to write too
    if history.writes <= 1:
        return _ONCE
    return _READ


def _is_flag(history: History, old: Access, now: Access) -> bool:
    """Did every write, the racing ones included, store the same plain value?"""
    values: list[object] = [access.value for access in (old, now) if access.writes]
    if any(value is UNKNOWN for value in values) or not history.same:
        return False
    if history.writes and history.value is not UNKNOWN:
        values.append(history.value)
    return all(type(value) is type(values[0]) and value == values[0] for value in values)
