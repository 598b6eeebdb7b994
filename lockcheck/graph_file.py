"""`Checker.graph`: the view of the dependency graph, which can be written to a file.

`lockcheck report` reads that file; `core.describe` shows its layout.
"""

from __future__ import annotations

import json
from pathlib import Path

from lockcheck.core.describe import GraphView
from lockcheck.documents.graph import packed
from lockcheck.render.atomic_file import write_text

__all__ = ["GraphFile"]


class GraphFile(GraphView):
    """Classes, dependencies, chains and statistics of a checker."""

    def save(self, path: str) -> None:
        """Write `to_dict()` as JSON, whole or not at all: what `lockcheck report` reads.

        From `documents.graph.PACKED_FROM` dependencies, stacks stand in a table.  Raises: OSError.
        """
        write_text(Path(path), json.dumps(packed(self.to_dict()), indent=1))
