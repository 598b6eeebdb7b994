"""`python -m lockcheck`: the same as the `lockcheck` command."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    try:
        from lockcheck.cli import main
    except KeyboardInterrupt:
        sys.exit(130)  # so early that there is nothing to report
    sys.exit(main())
