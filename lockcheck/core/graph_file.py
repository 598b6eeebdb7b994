"""`Checker.graph`: the view of the graph, which can be written to a file.

What `lockcheck report` reads; the layout is told in `describe`.
"""

from __future__ import annotations

import json

from lockcheck.core.describe import GraphView

__all__ = ["Graph"]


class Graph(GraphView):
    """Classes, dependencies, chains and statistics of a checker."""

    def save(self, path: str) -> None:
        """Write `to_dict()` as JSON: what `lockcheck report` reads."""
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.to_dict(), file, indent=1)
