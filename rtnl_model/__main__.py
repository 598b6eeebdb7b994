"""`python -m rtnl_model`: the same as the `rtnl-model` command."""

from __future__ import annotations

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
