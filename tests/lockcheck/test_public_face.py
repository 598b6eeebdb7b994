"""What `import lockcheck` offers: the names of its list, and nothing else in its help."""

from __future__ import annotations

import importlib
import pydoc
import types
import typing
from pathlib import Path

import pytest

import lockcheck
import lockcheck.explore


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


@pytest.mark.parametrize("package", ["conduct", "documents", "explore", "render", "sync"])
def test_a_face_offers_what_it_lists_whatever_was_imported_before(package: str) -> None:
    """No name of a face is hidden by a module of the same name."""
    face = importlib.import_module(f"lockcheck.{package}")
    folder = Path(face.__file__ or "").parent
    for path in folder.glob("*.py"):
        if path.stem != "__init__":
            importlib.import_module(f"lockcheck.{package}.{path.stem}")
    modules = {path.stem for path in folder.glob("*.py")}
    for name in face.__all__:
        value = getattr(face, name)

        assert not isinstance(value, types.ModuleType) or (name in modules and name == "sarif")


def test_a_face_has_no_other_names() -> None:
    """A misspelt name is an AttributeError that says which face was asked."""
    with pytest.raises(AttributeError, match=r"'lockcheck\.explore' has no attribute 'Sesion'"):
        lockcheck.explore.Sesion  # noqa: B018  (it is asked for)
