"""Accesses of guarded fields, and what becomes of one without its guard."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from types import CodeType, FrameType

    from lockcheck.core.held import ThreadState
    from lockcheck.core.report import Report
    from lockcheck.seam import Conductor

__all__ = ["Access", "FieldGuards"]


class Reporting(Protocol):
    """Who files what is found."""

    @property
    def conductor(self) -> Conductor | None: ...
    def report(self, kind: str, title: str, **fields: object) -> Report | None: ...


class Words(Protocol):
    """What protects a field."""

    def words(self, owner: object) -> str: ...


class GuardedField(Protocol):
    """The field, as a sentence about it needs it."""

    full_name: str
    point_name: str
    once: bool

    @property
    def guard(self) -> Words: ...


class LastAccess(Protocol):
    """The access before, as a sentence about it needs it."""

    @property
    def name(self) -> str: ...
    @property
    def thread(self) -> str: ...
    @property
    def code(self) -> CodeType | None: ...
    @property
    def lock(self) -> object: ...


class Access:
    """One access of a guarded field, as those see it who want to know of it."""

    __slots__ = ("field", "owner", "ts", "write")

    def __init__(self, field: GuardedField, owner: object, ts: ThreadState, write: bool) -> None:
        self.field = field
        self.owner = owner
        self.ts = ts
        self.write = write

    @property
    def kind(self) -> str:
        return "write" if self.write else "read"

    @property
    def past(self) -> str:
        """`read` or `written`, for sentences."""
        return "written" if self.write else "read"

    @property
    def name(self) -> str:
        """`Account.n`."""
        return self.field.full_name

    @property
    def needs(self) -> str:
        """What the access needs."""
        return self.field.guard.words(self.owner)


class FieldGuards:
    """What one checker knows about guarded fields."""

    def __init__(self, chk: Reporting) -> None:
        self.chk = chk
        self.on_breach: Callable[[Access], bool] | None = None
        """Asked about each access without its guard; True: it has dealt with it (a model's own
        report, an audit).  Context: the accessing thread, no lock of ours held."""
        self.on_access: Callable[[Access], None] | None = None
        """Sees every access, before its guard is looked at (an audit; see `Field.audited`)."""
        self._seen: set[tuple[str, bool, CodeType]] = set()

    def breach(self, field: GuardedField, owner: object, ts: ThreadState, write: bool) -> None:
        """An access without its guard: report it once for each function."""
        frame = _user_frame()
        if _in_constructor(frame, owner):
            return
        found = Access(field, owner, ts, write)
        if self.on_breach is not None and self.on_breach(found):
            return
        self.become_point(field)
        ident = (field.full_name, write, frame.f_code)
        if ident in self._seen:
            return
        self._seen.add(ident)
        self.chk.report(
            "assertion",
            f"{found.name} is {found.past} without {found.needs} held",
            advice=f"Take {found.needs} around the access, or declare what really protects it.",
            fingerprint=f"guard:{found.name}:{found.kind}:{frame.f_code.co_qualname}",
            rule="guard",
        )

    def wrong_instance(self, field: GuardedField, cell: LastAccess, ts: ThreadState, lock: object,
                       write: bool) -> None:  # fmt: skip
        """Both accesses held a lock, but not the same one, and nothing orders them."""
        self.become_point(field)
        frame = _user_frame()
        before = cell.code.co_qualname if cell.code is not None else "?"
        self.chk.report(
            "race",
            f"data race on {cell.name}: {'written' if write else 'read'} by {ts.name} "
            f"{_under(lock)}, accessed by {cell.thread} {_under(cell.lock)} before, "
            "and nothing orders the two",
            reason="no lock was held in both, and nothing was handed over in between",
            threads=(ts.name, cell.thread),
            detail=f"{cell.thread} accessed it in {before}",
            fingerprint=f"race:{field.full_name}:"
            + ":".join(sorted((before, frame.f_code.co_qualname))),
        )

    def become_point(self, field: GuardedField) -> None:
        """Accesses of a field with a race are scheduling points from now on."""
        conductor = self.chk.conductor
        if conductor is not None:
            conductor.observe(field.point_name)


def _user_frame() -> FrameType:
    """The innermost frame outside this package's fields."""
    frame: FrameType | None = sys._getframe(1)
    last = sys._getframe(1)
    while frame is not None:
        last = frame
        if not frame.f_code.co_filename.startswith(_HERE):
            return frame
        frame = frame.f_back
    return last


def _in_constructor(frame: FrameType | None, owner: object) -> bool:
    """Is one of these frames an `__init__` of the object, which nobody else knows yet?"""
    while frame is not None:
        code = frame.f_code
        made = code.co_name in _MAKERS and code.co_argcount > 0
        if made and frame.f_locals.get(code.co_varnames[0]) is owner:
            return True
        frame = frame.f_back
    return False


def _under(lock: object) -> str:
    """Under which lock, in words."""
    if lock is None or isinstance(lock, str):
        return "without a lock"
    name = getattr(lock, "name", lock)  # threading's own have none
    return f"under {name}"


_HERE: Final = __file__.rpartition("breach")[0]
_MAKERS: Final = frozenset({"__init__", "__post_init__", "__new__", "__setstate__"})
