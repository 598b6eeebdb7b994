"""What `import lockcheck` offers: the names of its list, and nothing else in its help."""

from __future__ import annotations

import pydoc
import typing

import lockcheck


class Account:
    """Lock types stand in annotations."""

    lock: lockcheck.Lock
    gate: lockcheck.RWLock
    done: lockcheck.Event | None

    def work(self, thread: lockcheck.Thread, queue: lockcheck.Queue) -> lockcheck.Condition: ...


def test_lock_types_are_usable_in_annotations() -> None:
    """They resolve to the classes of what a checker makes."""
    chk = lockcheck.Checker()
    hints = typing.get_type_hints(Account)

    assert isinstance(chk.Lock("a"), hints["lock"])
    assert isinstance(chk.RWLock("w"), hints["gate"])
    assert typing.get_type_hints(Account.work)["thread"] is lockcheck.Thread


def test_every_public_name_is_there_and_no_other() -> None:
    """`dir`, `help` and the list agree."""
    for name in lockcheck.__all__:
        assert getattr(lockcheck, name) is not None

    names = {name for name in dir(lockcheck) if not name.startswith("__")}
    assert set(lockcheck.__all__) == names
    text = pydoc.plain(pydoc.render_doc(lockcheck))
    assert "_HOMES" not in text
    assert "TYPE_CHECKING" not in text
