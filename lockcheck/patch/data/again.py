"""The same access once more in a later epoch: what is remembered of it is renewed in place.

A counter under a lock is touched in a new epoch each time.  As long as the same thread does it at
the same place, and nothing that others did is unordered, only the time and the locks held are new;
so neither a stack is taken nor an entry made.

A renewed access is known by its place and the caller of that; what called those may have changed,
and is no longer shown.  An access that a report shows is never renewed.

Locks: none.  An access of another thread at that very moment may be missed, never invented.
"""

from __future__ import annotations

from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockcheck.core.held import ThreadState
    from lockcheck.patch.data.fields import Field
    from lockcheck.patch.data.harm import Access

__all__ = ["look_again", "write_again"]


def write_again(field: Field, ts: ThreadState, frame: FrameType, *, plain: bool) -> bool:
    """Renew the last write of `field`, which `ts` made; False: it has to be judged.

    `plain`: it does not stand on what was read, unless this thread read it just now.
    """
    memory = field.memory
    last: Access | None = memory.write
    slot = ts.slot
    if last is None or last.slot != slot or last.shown or memory.counts:
        return False
    now = ts.now
    looks = memory.looks
    mine: Access | None = None
    if looks:
        mine = looks.get(slot)
        if mine is None or len(looks) > 1:
            return False
    chain = ts.top._k
    if plain and last.stands_on_read != (
        mine is not None and mine.time == now and mine.chain is chain
    ):
        return False
    if not last.is_at(frame):
        return False
    last.time = field.write_at = now
    if field.plain_writer is ts:
        field.plain_write_at = now
    last.chain = chain
    last.renewed = True
    if mine is not None:
        looks.pop(slot, None)
        memory.spare = mine
    return memory.write is last and not looks


def look_again(field: Field, ts: ThreadState, frame: FrameType) -> bool:
    """Renew the thread's last look at `field`; False: it has to be judged."""
    memory = field.memory
    slot = ts.slot
    last: Access | None = memory.write
    if last is not None and last.slot != slot and last.time > ts.hb.get(last.slot, 0):
        return False
    mine: Access | None = memory.looks.get(slot)
    if mine is None:
        mine = memory.spare
        if mine is None or mine.slot != slot:
            return False
    if mine.shown or memory.counts or field.beneath is not None or not mine.is_at(frame):
        return False
    mine.time = field.read_at = ts.now
    mine.chain = ts.top._k
    mine.renewed = True
    memory.looks[slot] = mine
    return memory.write is last
