"""Unordered accesses to ordinary data in a free run: what `--races` looks for.

Every access is compared with the earlier conflicting ones of the same field (`memory`).  Two that
nothing orders (no lock, join, queue, event, condition, barrier, future or start of a thread) are a
race; `harm` judges what it can do.  A race that is listed only, because its pattern is harmless so
far, is judged again with every later write, and rises when that shows the pattern to be another.

Before a second thread exists nothing is remembered: starting a thread orders all of that.  The warm
path (the same thread, the same epoch, once more) stands in `calls`.

Memory: one entry a field, thread and mode, for at most `OWNERS_MAX` objects; more begin afresh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lockcheck.core.held import ThreadState
from lockcheck.core.report import CLASS_ONLY, Report, fingerprint, stronger
from lockcheck.patch.data.explorable import how_to_explore
from lockcheck.patch.data.fields import Field
from lockcheck.patch.data.harm import Access, Harm, History, harm_of
from lockcheck.patch.data.memory import LOOK, WRITE
from lockcheck.patch.data.narrative import rows_of, text_of
from lockcheck.patch.data.sight import UNKNOWN, How, Sight, Touch

if TYPE_CHECKING:
    from lockcheck.checker import Checker

__all__ = ["OWNERS_MAX", "Races"]

OWNERS_MAX: Final = 200_000
"""Objects remembered at once."""
DEPTH: Final = 10
"""Frames kept of an access, ours included."""
_BUILT_IN: Final = frozenset({"builtins", "collections", "array"})
"""Modules whose containers are known; what `collections` overrides does as it is named."""
_QUICK: Final = frozenset({How.WRITE, How.AUGMENT, How.ATOMIC})


class Races(Sight):
    """Watches a free run."""

    def __init__(self, chk: Checker, packages: tuple[str, ...] = ()) -> None:
        super().__init__(_Names().fresh)
        self._chk = chk
        self._packages = packages
        """Looked at beside the program's own."""
        self._alone = True
        self._filed: dict[tuple[str, ...], Report] = {}
        """By the kind of field and the two functions."""
        self.accesses = 0
        """Accesses that were looked at, repeated ones left out."""
        self.forgotten = 0
        """How often everything was forgotten because there were too many objects."""

    def hides(self, kind: type, name: str) -> bool:
        """Is it the program's own code that takes its own locks?  Its caller accesses nothing."""
        definer = next((base for base in kind.__mro__ if name in base.__dict__), None)
        return definer is not None and definer.__module__ not in _BUILT_IN

    def touch(self, how: How, touched: Touch, value: object = UNKNOWN) -> None:
        """Judge an access and remember it."""
        chk = self._chk
        if self._alone:
            if len(chk.threads) < 2:
                return
            self._alone = False
        try:
            ts: ThreadState = chk.near.t
        except AttributeError:
            ts = chk.current()
        if ts.tracing:
            return
        first, mode = touched[0]
        if mode == LOOK and first.read_at is ts.now:
            return
        ts.tracing += 1  # what a finaliser does meanwhile is not judged
        try:
            found = self._judge(ts, how, touched, value)
            if self.fields.size > OWNERS_MAX:
                self.fields.clear()
                self.forgotten += 1
        finally:
            ts.tracing -= 1
        for report in found:
            chk.deliver(report, ts)

    def _judge(self, ts: ThreadState, how: How, touched: Touch, value: object) -> list[Report]:
        first, mode = touched[0]
        for field, each in touched:
            if not field.memory.knows(ts, each):
                break
        else:
            return self._same_again(ts, first, how, mode, value)
        self.accesses += 1
        now = Access(ts, how, mode, self._chk.engine.capture(DEPTH), value)
        if mode == WRITE and how is How.WRITE:
            now.stands_on_read = now.follows(first.memory.look_of(ts))
        met: list[tuple[Field, Access]] = []
        changed = False
        with self._chk.engine.leaf:  # of two accesses at once, the second one sees the first
            for field, each in touched:
                memory = field.memory
                met += [(field, old) for old in memory.unordered(ts, each)]
                memory.note(each, now)
            if first.history is None:
                first.history = History()
            history: History = first.history
            if mode != LOOK:
                changed = history.wrote(ts.slot, value, how)
        found: list[Report] = []
        for field, old in met:
            found += self._race(first, field, old, now)
        if changed:
            found += self._again(first)
        if mode == LOOK:
            first.reader, first.read_at = ts, now.time
        elif mode == WRITE and how in _QUICK and history.settled:
            _repeatable(first, ts)
        return found

    def _same_again(
        self, ts: ThreadState, field: Field, how: How, mode: int, value: object
    ) -> list[Report]:
        """The same epoch once more: only how often a field was written is news."""
        now = ts.now
        if mode == LOOK:
            field.reader, field.read_at = ts, now
            return []
        with self._chk.engine.leaf:
            if field.history is None:
                field.history = History()
            history: History = field.history
            changed = history.wrote(ts.slot, value, how)
        if mode == WRITE and how in _QUICK and history.settled:
            _repeatable(field, ts)
        return self._again(field) if changed else []

    # -- reporting ---------------------------------------------------------------------------------

    def _race(self, first: Field, met: Field, old: Access, now: Access) -> list[Report]:
        """File a race that was met on `met`; the reports that are new or stronger than before."""
        old.shown = now.shown = True
        history: History = first.history
        harm = harm_of(history, old, now)
        found = self._file(met if How.STEP in (old.how, now.how) else first, old, now, harm)
        if harm.severity == CLASS_ONLY:
            with self._chk.engine.leaf:
                added = history.enlist(old, now)
            if added:  # a write that came meanwhile has not seen it listed
                found += self._again(first)
        return found

    def _again(self, field: Field) -> list[Report]:
        """A write has shown a pattern to be another: judge the races that were listed only."""
        history: History = field.history
        found: list[Report] = []
        with self._chk.engine.leaf:
            risen = history.risen()
        for old, now, harm in risen:
            found += self._file(field, old, now, harm)
        return found

    def _file(self, field: Field, old: Access, now: Access, harm: Harm) -> list[Report]:
        """The report, if it is new or stronger than before.

        Other threads may be filing the same race with another severity at this moment: the ledger
        compares and changes in one step, so the strongest stays.
        """
        pair = (field.kind, *sorted((old.place, now.place)))
        known = self._filed.get(pair)
        if known is not None and not stronger(harm.severity, known.severity):
            return []
        report = _described(field, old, now, harm, self._packages)
        report.fingerprint = fingerprint("data race", pair)
        report.ident = ("data race", *pair)
        filed = self._chk.engine.ledger.file(report)
        if filed is None:
            return []
        self._filed[pair] = filed
        return [filed]


def _repeatable(field: Field, ts: ThreadState) -> None:
    """A write of this thread was seen, and more of its kind show nothing new."""
    field.writer, field.write_at = ts, ts.now
    if not field.history.augmented:
        field.plain_writer, field.plain_write_at = ts, ts.now


def _described(
    field: Field, old: Access, now: Access, harm: Harm, packages: tuple[str, ...]
) -> Report:
    """A report of one race, as these two accesses show it."""
    rows = rows_of(old, now)
    title = (
        f"{harm.title} {field.name}: {now.word} by {now.thread} and {old.word} by {old.thread}, "
        "with nothing to order them"
    )
    report = Report("race", harm.severity, title, reason=harm.reason, advice=harm.advice)
    report.stacks = (
        (f"{now.word} of {field.name}", now.thread, now.stack),
        (f"{old.word} of {field.name}, before", old.thread, old.stack),
    )
    report.threads = (now.thread, old.thread)
    report.locks = tuple(dict.fromkeys(ref.name for ref in (*now.held, *old.held)))
    report.classes = tuple(dict.fromkeys(ref.cls for ref in (*now.held, *old.held)))
    report.held = now.held
    report.detail = text_of(field.name, rows)
    report.data = {"field": field.name, "accesses": rows}
    if harm.severity != CLASS_ONLY:
        report.detail += f"\n\n{how_to_explore(old, now, packages)}"
    return report


class _Names:
    """Names of objects: the type and a number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def fresh(self, kind: str) -> str:
        number = self._numbers[kind] = self._numbers.get(kind, 0) + 1
        return f"{kind}#{number}"
