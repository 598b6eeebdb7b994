"""`python -m rtnl_model`: the same as the `rtnl-model` command."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    try:
        from .cli import main
    except KeyboardInterrupt:
        sys.exit(130)  # so early that there is nothing to report
    sys.exit(main())
