"""The catalogue of bugs: which there are, how to apply them, and the check that each can be seen.

`entries` reads the pages of `lab.bugs`.  `applied` turns the ids of `--bug` into what a kernel
takes: overlays to put in, and, for a defect that `pernet` mends, the fix to leave out.

`check` runs an entry's scenario with the defect and without it (its twin).  An entry is confirmed
when the finding it promises was seen with the defect, and the twin is clean.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass

from rtnl_model.iproute.script_error import nearest
from rtnl_model.kernel.documents import Fields

from ..kernel.fixes import FIXES
from . import bugs
from .bugs import Entry
from .bugs.no_page import NO_PAGE

__all__ = ["Applied", "UnknownBug", "applied", "entries", "entry", "listing"]

KIND_ORDER = ("patch", "hazard", "known", "candidate", "fix")


class UnknownBug(Exception):  # noqa: N818 - says what is wrong, as ScriptError does
    """`--bug` names no entry: it is a typing error, or a patch without a page."""

    def __init__(self, bug_id: str, known: Sequence[str], what: str = "bug") -> None:
        super().__init__(bug_id)
        self.what = what
        self.bug_id = bug_id
        self.known = list(known)

    def __str__(self) -> str:
        if self.bug_id in NO_PAGE:
            return f"{self.bug_id} has no page: {NO_PAGE[self.bug_id]}"
        hint = nearest(self.bug_id, self.known)
        if self.what == "fix":
            return f"unknown fix {self.bug_id!r}{hint}; the fixes are {', '.join(self.known)}"
        return f"unknown bug {self.bug_id!r}{hint} (see `rtnl-model bugs`)"


@dataclass(frozen=True, slots=True)
class Applied:
    """What `--bug` means to a kernel."""

    overlays: tuple[Entry, ...]
    """Entries whose override is put in, in order."""
    without: frozenset[str]
    """Ids of fixes that are left out."""


def entries() -> list[Entry]:
    """Every page, sorted by kind and id."""
    found: list[Entry] = []
    for module in pkgutil.iter_modules(bugs.__path__):
        page = importlib.import_module(f"{bugs.__name__}.{module.name}")
        one: Entry | None = getattr(page, "ENTRY", None)  # a module's
        more: Sequence[Entry] = getattr(
            page, "ENTRIES", () if one is None else (one,)
        )  # a module's
        found.extend(more)
    return sorted(found, key=lambda e: (KIND_ORDER.index(e.kind), sort_key(e.id)))


def sort_key(bug_id: str) -> tuple[str, int]:
    """`patch-10` behind `patch-9`, `G.13` behind `G.2`."""
    head = bug_id.rstrip("0123456789")
    return head, int(bug_id[len(head) :] or 0)


def entry(bug_id: str) -> Entry:
    """One page.  Raises: UnknownBug."""
    found = {e.id: e for e in entries()}
    if bug_id not in found:
        raise UnknownBug(bug_id, list(found))
    return found[bug_id]


def applied(bug_ids: Sequence[str]) -> Applied:
    """Split ids into overrides to put in and fixes to leave out.  Raises: UnknownBug."""
    chosen = [entry(bug_id) for bug_id in bug_ids]
    return Applied(
        tuple(e for e in chosen if e.classes),
        frozenset(e.id for e in chosen if not e.classes),
    )


def check_fixes(fix_ids: Sequence[str]) -> None:
    """Each names a fix that `pernet` has.  Raises: UnknownBug."""
    known = [fix.id for fix in FIXES]
    for fix_id in fix_ids:
        if fix_id not in known:
            raise UnknownBug(fix_id, known, "fix")


def listing() -> list[Fields]:
    """What `bugs --json` prints."""
    return [
        {
            "id": e.id,
            "title": e.title,
            "regime": str(e.setting),
            "scenario": e.scenario.strip(),
            "finding": " or ".join(str(expected) for expected in e.expected),
            "kind": e.kind,
        }
        for e in entries()
    ]
