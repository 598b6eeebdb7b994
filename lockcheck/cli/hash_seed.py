"""Hashes of strings that are the same in every process.

A set of strings is walked in the order of hashes, which Python draws afresh for each process.  A
token must show its schedule in any process, so exploring and replaying start over with a fixed
seed, once, before anything is done.  Whoever sets `PYTHONHASHSEED` has decided it already.
"""

from __future__ import annotations

import os
import sys

__all__ = ["restart_with_fixed_seed"]

_VARIABLE = "PYTHONHASHSEED"
_COMMANDS = ("lockcheck", "__main__.py")


def restart_with_fixed_seed() -> None:
    """Run this very command again, unless its hashes are fixed; where that cannot be, go on.

    Only where the process is the command and nothing else: a script that calls it goes on.
    """
    drawn = os.environ.get(_VARIABLE, "") in ("", "random")
    alone = os.path.basename(sys.argv[0]) in _COMMANDS
    if os.name != "posix" or not drawn or not alone or not sys.executable:
        return
    try:
        os.execve(
            sys.executable,
            [sys.executable, *sys.orig_argv[1:]],
            {**os.environ, _VARIABLE: "0"},
        )
    except OSError:
        return
