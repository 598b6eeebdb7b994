"""What sees ordinary data: attributes, items, globals, variables of functions.

`scopes` and `rewrite` change a module's syntax tree so that accesses announce themselves, `code`
compiles it, `hook` does so for the program's own modules as they are imported.  `calls` is what the
rewritten code calls: nothing, while nobody watches.  `sight` turns announcements into accesses of
fields (`fields`); `points` makes them scheduling points, `races` looks for unordered ones.
"""

from __future__ import annotations

from lockcheck.patch.data.hearing import Hearing
from lockcheck.patch.data.hook import DataLoader
from lockcheck.patch.data.options import DataOptions, RaceHunt, Seeing, packages_of

__all__ = ["DataLoader", "DataOptions", "Hearing", "RaceHunt", "Seeing", "packages_of"]
