"""The picture of the README: the cover letter's example, run in logical time and drawn.

`python -m rtnl_model.lab.cover_letter` writes it to stdout; a test compares it with the file.
"""

from __future__ import annotations

import sys

from ..iproute import parse_script
from ..view.handover import handover_svg
from .logical_run import record_logical
from .model_run import ModelSetting
from .topologies import topology

__all__ = ["picture"]


def picture() -> str:
    """The hand-over of `ip -n ns1 link del veth0` in `small`, as SVG."""
    script = parse_script(topology("T1"), "T1")
    op = record_logical(script, ModelSetting(rtnl="small")).document["ops"][-1]
    return handover_svg(op["trace"], op["cmds"][-1]["pid"])


if __name__ == "__main__":
    sys.stdout.write(picture())
