"""Which operations depend on each other: the one relation that reduction and coverage stand on.

Two schedules are the same *order* (Mazurkiewicz class) when one becomes the other by swapping
neighbours that do not conflict.  Operations conflict when they touch the same object, by different
threads, and not both only look (LOOK) or both only count (COUNT):

    LOOK   READ PROBE REF_READ WAIT_REFS, a WAIT that takes nothing away (event, ticket, join)
    COUNT  REF_INC REF_DEC, a WAKE that only counts, READ_ACQUIRE READ_RELEASE and their try:
           these commute; nobody may decide by what they return
    WRITE  everything else: locks, WAIT that takes, WAKE, WRITE, RMW, SPAWN; and readers of a lock
           that others than its holders release

A timer fires only while its operation cannot go, so it conflicts with whatever the operation
conflicts with; after a WAIT as a WRITE (it may leave a queue there).

A *race* is a conflict whose order can be turned round.  A release by the holder before a blocking
acquire cannot: the acquire was disabled until then.

Soundness rests on this table and on "no declared point, no shared access": a field that is touched
without a point and without its lock is invisible here.
"""

from __future__ import annotations

from typing import Final

from lockcheck.seam import Choice, Kind, Op, SyncObject, by_kind

__all__ = ["COUNT", "LOOK", "WRITE", "conflicts", "depends", "footprint", "may_race"]

LOOK: Final = 1
COUNT: Final = 2
WRITE: Final = 3

_NOTHING: Final = 0
_MODE_OF: Final = {
    Kind.READ: LOOK,
    Kind.PROBE: LOOK,
    Kind.REF_READ: LOOK,
    Kind.READ_ACQUIRE: COUNT,
    Kind.TRY_READ_ACQUIRE: COUNT,
    Kind.READ_RELEASE: COUNT,
    Kind.REF_INC: COUNT,
    Kind.REF_DEC: COUNT,
    Kind.BEGIN: _NOTHING,
}
_MODES: Final = by_kind(_MODE_OF, WRITE)
_ACQUIRES: Final = (Kind.ACQUIRE, Kind.READ_ACQUIRE)
_RELEASES: Final = (Kind.RELEASE, Kind.READ_RELEASE)

Footprint = tuple[tuple[SyncObject, int], ...]


def footprint(choice: Choice, op: Op) -> Footprint:
    """Return the objects that `op`, gone or timed out as `choice` says, touches, and how."""
    if choice.fires:
        return _touched(op, fires=True)
    foot: Footprint | None = op.foot
    if foot is None:
        foot = op.foot = _touched(op, fires=False)
    return foot


def _touched(op: Op, *, fires: bool) -> Footprint:
    kind = op.kind
    if kind is Kind.WAIT_REFS:
        return tuple((ref, LOOK) for ref in op.aux[0])
    if kind is Kind.WAIT:
        return ((op.obj, WRITE if op.takes or fires else LOOK),)
    if kind is Kind.WAKE and not op.takes:
        return ((op.obj, COUNT),)
    mode = WRITE if op.foreign else _MODES[kind]
    return ((op.obj, mode),) if mode else ()


def conflicts(one: int, other: int) -> bool:
    """Do two modes of touching one object conflict?"""
    return one != other or one == WRITE


def depends(one: Footprint, other: Footprint) -> bool:
    """Do two operations of different threads conflict?"""
    for obj, mode in one:
        for obj2, mode2 in other:
            if (obj is obj2 or obj == obj2) and (mode != mode2 or mode == WRITE):
                return True
    return False


def may_race(earlier: Op, choice: Choice, later: Op) -> bool:
    """Given that they conflict: can `later`, gone or timed out, ever go before `earlier`?"""
    return (
        earlier.kind not in _RELEASES
        or earlier.foreign
        or later.kind not in _ACQUIRES
        or choice.fires
    )
