"""Lock graphs of any size, the same every time."""

from __future__ import annotations

import random
from typing import Any

from tests.lockcheck.render.reports import frames

__all__ = ["large_graph"]


def large_graph(*, classes: int, edges: int, seed: int = 1) -> dict[str, Any]:
    """A graph as `Checker.graph.to_dict()` gives it, mostly without cycles."""
    rng = random.Random(seed)
    rows = [
        {
            "id": n, "name": f"module_{n % 20}.lock_{n}", "key": f"lock_{n}", "subclass": 0,
            "kind": "lock", "site": f"/app/module_{n % 20}.py:{n}",
            "usage": {"signal": "..", "gc": ".."}, "instances": 3, "acquisitions": 0,
            "contentions": rng.randrange(50), "forward": 1, "backward": 1, "wait_total": 0.1,
            "wait_max": 0.01, "foreign_releases": 0, "cmp": False,
        }
        for n in range(classes)
    ]  # fmt: skip
    pairs: dict[tuple[int, int], None] = {}
    while len(pairs) < edges:
        a, b = sorted(rng.sample(range(classes), 2))
        pairs[(a, b)] = None
    first = next(iter(pairs))
    pairs[(first[1], first[0])] = None
    links = [
        {
            "from": a, "to": b, "kinds": ["EN"], "count": 3, "saturated": True, "distance": 1,
            "witnesses": [{
                "kind": "EN", "thread": f"worker-{a % 8}",
                "held": {"name": f"lock_{a}#0", "mode": "lock"},
                "wanted": {"name": f"lock_{b}#0", "mode": "lock"},
                "held_stack": frames(f"outer_{a} /app/module_{a % 20}.py {a}"),
                "wanted_stack": frames(f"inner_{b} /app/module_{b % 20}.py {b}",
                                       f"outer_{a} /app/module_{a % 20}.py {a}"),
                "all_held": [],
            }],
        }
        for a, b in pairs
    ]  # fmt: skip
    return {"schema": "lockcheck/graph/1", "classes": rows, "edges": links, "chains": [],
            "waits": [], "reports": [], "statistics": {}}  # fmt: skip
