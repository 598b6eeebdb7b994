"""`Checker.graph`: the view of the dependency graph, which can be written to a file.

`lockcheck report` reads that file; `core.describe` shows its layout.
"""

from __future__ import annotations

import json

from lockcheck.core.describe import GraphView

__all__ = ["GraphFile"]


class GraphFile(GraphView):
    """Classes, dependencies, chains and statistics of a checker."""

    def save(self, path: str) -> None:
        """Write `to_dict()` as JSON: what `lockcheck report` reads.  Raises: OSError."""
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.to_dict(), file, indent=1)
