"""The `rtnl-model` command: one file per subcommand, `main(argv) -> status`.

Results go to stdout, everything else to stderr.  Statuses are the contract's: 0 nothing found,
1 something was found, 2 the call or the input is wrong, 3 incomplete, 4 a replay diverged, 70 a
defect of ours, 130 interrupted.
"""

from __future__ import annotations

from .main import main

__all__ = ["main"]
