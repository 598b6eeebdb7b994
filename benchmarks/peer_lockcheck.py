"""lockcheck's side of the comparison: `peer_lockcheck.py PROGRAMS.py NAME SCHEDULES`."""

from __future__ import annotations

import json
import sys
import time

from lockcheck.cli.function import FunctionSubject
from lockcheck.explore.result import Limits
from lockcheck.explore.session import Session
from lockcheck.explore.strategies import make_strategy


def main(path: str, name: str, schedules: str) -> None:
    """Print what came of one program."""
    fast = name.endswith("_counter")
    subject = FunctionSubject(path, name)
    limits = Limits(schedules=int(schedules), findings=None if fast else 1, shrink=not fast)
    began = time.perf_counter()
    with subject, Session(subject, limits=limits) as session:
        result = session.explore(make_strategy("random" if fast else "portfolio", 1))
    seconds = time.perf_counter() - began
    found = result.outcome == "failed"
    said = result.findings[0].report.title if found else result.outcome
    ran = result.coverage.schedules
    print(json.dumps({"found": found, "said": said, "schedules": ran, "seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:4])
