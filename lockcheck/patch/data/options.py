"""What a user asked to see, and switching that on and off for a function that is explored.

Without a word of the user's it is the modules of the file's own folder and package.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import dataclass
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Final

from lockcheck.core.document import Document, Json
from lockcheck.patch.data import code
from lockcheck.patch.data.calls import watch_with
from lockcheck.patch.data.hook import DataFinder, Reach, package_of
from lockcheck.patch.data.order import order_of_run, text_of_order
from lockcheck.patch.data.points import Points
from lockcheck.patch.data.races import OWNERS_MAX, Races

if TYPE_CHECKING:
    from lockcheck.checker import Checker
    from lockcheck.conduct.controlled import ControlledConductor
    from lockcheck.core.report import Report
    from lockcheck.patch.identities import Identities

__all__ = ["DataOptions", "RaceHunt", "Seeing", "packages_of"]

NAMES_MAX: Final = 8
"""Files named in a summary."""


def packages_of(words: str) -> tuple[str, ...]:
    """Read `PACKAGE,…`."""
    return tuple(word.strip() for word in words.split(",") if word.strip())


@dataclass(frozen=True)
class DataOptions:
    """Which data are scheduling points."""

    on: bool = True
    packages: tuple[str, ...] = ()

    @classmethod
    def of_words(cls, options: Namespace) -> DataOptions:
        """Read `--no-data` and `--data PACKAGE,…`."""
        return cls(not options.no_data, packages_of(options.data))

    @classmethod
    def of_token(cls, described: Document) -> DataOptions:
        """Read what `describe` wrote; tokens from before it saw no data."""
        return cls(bool(described.get("data", False)), tuple(described.get("packages", ())))

    def describe(self) -> Json:
        """What a token needs to make these again."""
        found: Json = {"data": self.on}
        if self.packages:
            found["packages"] = list(self.packages)
        return found

    def compile(self, source: str, path: str) -> CodeType:
        """Compile the file that is explored.  Raises: SyntaxError."""
        code.seen.clear()
        code.unseen.clear()
        if self.on:
            return code.compile_seen(source, path)
        plain: CodeType = compile(source, path, "exec", dont_inherit=True)
        return plain

    def see(
        self, path: str, *, afresh: bool = False, identities: Identities | None = None
    ) -> Seeing:
        """Begin to see what the file at `path` imports; `afresh`: what was imported before, too."""
        return Seeing(self, path, afresh=afresh, identities=identities)

    def in_words(self) -> str:
        """Say what was looked at, for the summary."""
        if not self.on:
            return (
                "ordinary data were not looked at (--no-data): a lost update on an attribute, "
                "item or global is not seen"
            )
        return f"data looked at: attributes, items, globals and variables of {files_in_words()}"


class RaceHunt:
    """Races in ordinary data of one program or test session; a context manager.

    Args:
        chk: the checker that is installed; it must have been made with `races=True`.
        folders: the program's or the tests' own.
        packages: looked at as well.
    """

    def __init__(
        self, chk: Checker, folders: Iterable[str], packages: tuple[str, ...] = ()
    ) -> None:
        self.races = Races(chk, packages)
        self.finder = DataFinder(Reach(folders, packages))
        self._near = chk.near

    def __enter__(self) -> RaceHunt:
        self.finder.install()
        watch_with(self.races, self._near, self.races.fields.contents)
        return self

    def __exit__(self, *_exc: object) -> None:
        watch_with(None)
        self.finder.remove()

    def in_words(self) -> str:
        """Say what was looked at, and what was not."""
        races = self.races
        said = f"data of {files_in_words()}: {races.accesses} accesses, repeated ones left out"
        if races.forgotten:
            times = f"{races.forgotten} time{'' if races.forgotten == 1 else 's'}"
            said += (
                f"; over {OWNERS_MAX} objects at once, so the record was cleared {times}: a "
                "race across such a moment is not seen"
            )
        return said


def files_in_words() -> str:
    """Name the files whose accesses were seen, and those that should have been and were not."""
    names = sorted(os.path.basename(file) for file in code.seen)
    shown = ", ".join(names[:NAMES_MAX]) or "no file"
    if len(names) > NAMES_MAX:
        shown += f" and {len(names) - NAMES_MAX} more files"
    if code.unseen:
        missed = ", ".join(sorted(os.path.basename(file) for file in code.unseen))
        shown += f" (not of {missed}: too deeply nested to rewrite)"
    return shown


class Seeing:
    """Data accesses of one exploration.

    Args:
        options: which data.
        path: the file that is explored.
        afresh: set the user's modules that are imported already aside until `stop`, so that they
            are imported again, with their accesses announced.  conftest modules stay.
        identities: what these modules see of addresses.
    """

    def __init__(
        self,
        options: DataOptions,
        path: str,
        *,
        afresh: bool = False,
        identities: Identities | None = None,
    ) -> None:
        self._points: Points | None = None
        package, holder = package_of(path)
        top = os.path.join(holder, package.partition(".")[0]) if package else holder
        self._reach = Reach([os.path.dirname(path), top], options.packages)
        self._finder: DataFinder | None = None
        self._aside: dict[str, ModuleType] = {}
        if afresh and options.on:
            self._set_aside()
        if options.on:
            self._finder = DataFinder(self._reach, identities)
            self._finder.install()
        self._before = frozenset(sys.modules)

    def _set_aside(self) -> None:
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)  # builtins have none
            if file is None or name == "__main__" or name.rpartition(".")[2] == "conftest":
                continue
            if self._reach.covers(name, file):
                self._aside[name] = sys.modules.pop(name)

    def start(self, conductor: ControlledConductor, chk: Checker) -> None:
        """A schedule is about to run under `conductor`."""
        if self._finder is None:
            return
        if self._points is None:
            self._points = Points(conductor, chk)
        self._points.renew(chk)
        watch_with(self._points)

    def lost(self) -> list[Report]:
        """Updates that were lost in the run that has just ended."""
        return [] if self._points is None else self._points.updates.lost

    def explain(self, report: Report, conductor: ControlledConductor) -> None:
        """Add to a finding the order of the run that has just shown it."""
        if self._points is None or not self._points.places:
            return
        steps = order_of_run(conductor, self._points.places)
        said = [report.detail]
        if not report.detail:
            said = [f"{t}: {title} at {stack.where}" for title, t, stack in report.stacks if stack]
        report.detail = "\n".join([*filter(None, said), text_of_order(steps)])
        report.data["order"] = steps

    def forget_modules(self) -> None:
        """Let the program's own modules be imported again: they may keep state."""
        for name in [each for each in sys.modules if each not in self._before]:
            file = getattr(sys.modules[name], "__file__", None)  # builtins have none
            if file is not None and self._reach.covers(name, file):
                del sys.modules[name]

    def stop(self) -> None:
        """No more schedules."""
        watch_with(None)
        self.forget_modules()
        sys.modules.update(self._aside)
        self._aside.clear()
        if self._finder is not None:
            self._finder.remove()
            self._finder = None
