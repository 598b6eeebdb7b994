"""Which modules are rewritten, and how the import system comes to do it.

Those of the program's own: its folder and the packages it names.  A finder in front of all others
asks them where a module is; if its source lies in one of those places, the module is loaded by a
loader of ours, which is an ordinary `SourceFileLoader` but for the code it makes.  The standard
library, site-packages and lockcheck itself are left alone unless named.

pytest rewrites the assertions of test modules.  Where its loader is the one found, the assertions
are rewritten first, then the data accesses, and nothing is written to pytest's cache.
"""

from __future__ import annotations

import ast
import importlib.machinery
import os
import sys
import sysconfig
from collections.abc import Callable, Iterable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Final

from lockcheck.patch.data.code import compile_seen, compile_tree
from lockcheck.patch.identities import Identities

__all__ = ["DataFinder", "DataLoader", "Reach", "package_of"]

_OURS: Final = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_NOT_OWN: Final = ("site-packages", "dist-packages", ".tox", ".nox", ".eggs")

Prepare = Callable[[ast.Module, bytes, str], None]
"""Something that changes a module's tree first (pytest's assertions)."""


class Reach:
    """Whose data is looked at: folders, and packages by name.

    Args:
        folders: every module below them, but for installed ones.
        packages: these, wherever they are.
    """

    def __init__(self, folders: Iterable[str] = (), packages: Iterable[str] = ()) -> None:
        self.folders = tuple(os.path.join(os.path.realpath(folder), "") for folder in folders)
        self.packages = frozenset(packages)
        paths = sysconfig.get_paths()
        self._standard = tuple(
            os.path.join(os.path.realpath(paths[name]), "") for name in ("stdlib", "platstdlib")
        )

    def covers(self, name: str, file: str) -> bool:
        """Is module `name`, whose source is `file`, one of them?"""
        path = os.path.realpath(file)
        if path.startswith(os.path.join(_OURS, "")):
            return False
        parts = name.split(".")
        if any(".".join(parts[:n]) in self.packages for n in range(1, len(parts) + 1)):
            return True
        return self._is_own(path)

    def _is_own(self, path: str) -> bool:
        for folder in self.folders:
            if path.startswith(folder):
                inside = path[len(folder) :].split(os.sep)
                if any(part in _NOT_OWN for part in inside):
                    return False
                return not path.startswith(self._standard) or folder.startswith(self._standard)
        return False


def package_of(path: str) -> tuple[str, str]:
    """Return the dotted name of the package that the file at `path` stands in, and what holds it.

    ("", the file's folder) for a file in no package.
    """
    folder = os.path.dirname(os.path.abspath(path))
    names: list[str] = []
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder, name = os.path.split(folder)
        names.insert(0, name)
    return ".".join(names), folder


class DataLoader(SourceFileLoader):
    """Loads a module from source, with its accesses announced."""

    def __init__(
        self,
        fullname: str,
        path: str,
        prepare: Prepare | None = None,
        identities: Identities | None = None,
    ) -> None:
        super().__init__(fullname, path)
        self._prepare = prepare
        self._identities = identities

    def exec_module(self, module: ModuleType) -> None:
        """Execute it; what it sees of addresses is that of its schedule."""
        if self._identities is not None:
            self._identities.prepare(module)
        super().exec_module(module)
        if self._identities is not None:
            self._identities.adopt(module)

    def get_code(self, fullname: str) -> CodeType:
        """Compile the source; no bytecode is read or written."""
        path = self.get_filename(fullname)
        source = self.get_data(path)
        if self._prepare is None:
            return compile_seen(source, path)
        tree = ast.parse(source, path)
        self._prepare(tree, source, path)
        code = compile_tree(tree, path)
        if code is not None:
            return code
        tree = ast.parse(source, path)
        self._prepare(tree, source, path)
        plain: CodeType = compile(tree, path, "exec", dont_inherit=True)
        return plain


class DataFinder(MetaPathFinder):
    """Stands in front of `sys.meta_path` and takes the modules that `reach` covers."""

    def __init__(self, reach: Reach, identities: Identities | None = None) -> None:
        self.reach = reach
        self._identities = identities
        self.prepare: Callable[[ModuleSpec], Prepare | None] | None = None
        """Asked for what has to be done to a module's tree first."""

    def install(self) -> None:
        """Begin; modules that are loaded already stay as they are."""
        sys.meta_path.insert(0, self)

    def remove(self) -> None:
        """End; what was loaded stays rewritten, and is quiet while nobody watches."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module as the others would; ours if it is covered and has plain source."""
        spec = self._found(fullname, path, target)
        if spec is None or spec.origin is None or not spec.has_location:
            return None
        if not spec.origin.endswith(".py") or not self.reach.covers(fullname, spec.origin):
            return None
        prepare = self.prepare(spec) if self.prepare is not None else None
        if prepare is None and type(spec.loader) is not importlib.machinery.SourceFileLoader:
            return None  # somebody else's loader: it knows why
        spec.loader = DataLoader(fullname, spec.origin, prepare, self._identities)
        return spec

    def _found(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        for finder in sys.meta_path:
            if finder is self or isinstance(finder, DataFinder):
                continue
            find = finder.find_spec
            spec = find(fullname, path, target)
            if spec is not None:
                return spec
        return PathFinder.find_spec(fullname, path, target)
