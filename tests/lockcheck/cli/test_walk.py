"""The walk in lockcheck/README.md is the way that the code goes, from `with` to the card."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from .programs import ROOT, UNORDERED

PACKAGE = ROOT / "lockcheck"
VALUES = {"core/report.py"}
"""On the way, but beneath it: what is handed on."""

DRIVER = '''
import os, sys, lockcheck
from lockcheck import cli
from lockcheck.core import lock_order, search
from lockcheck.core.ledger import Ledger
from lockcheck.render import html_cards

HOME = os.path.dirname(lockcheck.__file__)
seen = set()


def watched(owner, name, top):
    """Note whose functions were called one from the other, from `top` down to this one."""
    real = getattr(owner, name)

    def call(*args, **kwargs):
        way, frame = set(), sys._getframe(1)
        way.add(os.path.relpath(real.__code__.co_filename, HOME))
        while frame is not None:
            file = os.path.relpath(frame.f_code.co_filename, HOME)
            if file.startswith(".."):
                break
            way.add(file)
            if file == top:
                break
            frame = frame.f_back
        seen.update(way)
        return real(*args, **kwargs)

    setattr(owner, name, call)


watched(search.Search, "run", "sync/lock.py")
watched(lock_order, "cycle_report", "sync/lock.py")
watched(Ledger, "_enter", "sync/lock.py")
watched(html_cards, "_card", "cli/run.py")
status = cli.main(sys.argv[1:])
print(*sorted(seen))
sys.exit(status)
'''


def test_the_walk_is_the_way_the_code_goes(tmp_path: Path) -> None:
    """Eight files, no more: every function between `with` and the card stands in one of them."""
    (tmp_path / "program.py").write_text(UNORDERED)
    command = [sys.executable, "-c", DRIVER, "run", "--report", "out", "program.py"]

    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1, done.stderr
    walk = (PACKAGE / "README.md").read_text().partition("a walk of eight files")[2]
    steps = re.findall(r"^\d+\. `([a-z_/]+\.py)`", walk, re.MULTILINE)
    assert len(steps) == 8
    assert set(done.stdout.splitlines()[-1].split()) - VALUES == set(steps)
