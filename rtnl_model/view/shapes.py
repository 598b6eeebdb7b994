"""The model's own documents: a run (`rtnl-model/run/1`) and a kernel's recording.

Checked when one is read: by `rtnl-model report`, which draws a run or tables again, and by
`conform`.
"""

from __future__ import annotations

from typing import Final

from lockcheck.documents import (
    ANY,
    FLAG,
    NATURAL,
    TEXT,
    WHOLE,
    Choice,
    List,
    Map,
    Maybe,
    Number,
    Object,
    Row,
)

__all__ = ["AUDIT", "CONFORM", "GOLDEN", "RUN", "SUBJECT"]

REGIMES: Final = ("global", "small", "pernet", "naive")

SUBJECT: Final = Row(
    {"kind": Choice(("rtnl",)), "script": TEXT},
    {"rtnl": Choice(REGIMES), "workers": Choice(("netns", "percpu")),
     "cpus": Number(whole=True, least=1, most=256),
     "strict": Choice(("off", "converted", "all")), "timing": TEXT, "bugs": List(TEXT),
     "fixes": List(TEXT), "driver_files": List(TEXT), "replace": FLAG,
     "init_ifindex": Number(whole=True, least=0, most=1 << 20)},
)  # fmt: skip
"""What a token says is run."""

LOWER: Final = Row({}, {"ifname": Maybe(TEXT), "netns": Maybe(TEXT), "ifindex": Maybe(WHOLE)})
DEVICE: Final = Row(
    {"ifname": TEXT},
    {"kind": Maybe(TEXT), "ifindex": WHOLE, "up": FLAG, "lower": Maybe(LOWER),
     "master": Maybe(TEXT)},
)  # fmt: skip
CMD: Final = Row({"cmd": TEXT}, {"rc": Maybe(WHOLE), "stderr": Maybe(TEXT), "pid": Maybe(WHOLE)})
OP: Final = Row(
    {},
    {"i": WHOLE, "op": TEXT, "cmds": List(CMD), "devices": Map(List(DEVICE)),
     "events": List(Object()), "trace": List(Object()), "kmsg": List(TEXT)},
)  # fmt: skip
RUN: Final = Row(
    {},
    {"schema": TEXT, "regime": Choice(REGIMES), "workers": TEXT, "seed": WHOLE, "script": TEXT,
     "ops": List(OP), "findings": List(Object()), "stats": Map(WHOLE), "title": TEXT, "lead": TEXT,
     "topology": List(Row({"devices": Map(List(DEVICE))}, {"label": TEXT})),
     "pages": List(Row({"href": TEXT, "title": TEXT}))},
)  # fmt: skip
"""`run.json`; a stress and a search write one without `ops`."""

ERROR: Final = Row({"errno": WHOLE}, {"extack": Maybe(TEXT)})
RECORDED_CMD: Final = Row(
    {"cmd": TEXT, "rc": Maybe(WHOLE), "pid": WHOLE}, {"nlerr": Maybe(List(ERROR))}
)
RECORDED_DEVICE: Final = Row(
    {"ifname": TEXT, "ifindex": WHOLE, "kind": TEXT, "up": FLAG, "operstate": TEXT},
    {"lower": LOWER, "backend": LOWER},
)
RECORDED_OP: Final = Row(
    {"i": NATURAL, "cmds": List(RECORDED_CMD), "devices": Map(List(RECORDED_DEVICE))},
    {"events": List(Row({"change": ANY, "ns": TEXT})),
     "trace": List(Row({"pid": WHOLE, "fn": TEXT}, {"net": TEXT}))},
)  # fmt: skip
GOLDEN: Final = Row(
    {"results": Map(Row({"ops": List(RECORDED_OP)}, {"hung": Maybe(NATURAL)}))},
    {"trace_functions": List(TEXT)},
)
"""What a real kernel did."""

_PAGE: Final = {"schema": TEXT, "title": TEXT, "said": TEXT}
AUDIT: Final = Row(
    {**_PAGE, "entries": List(Row(
        {"function": TEXT, "field": TEXT},
        {"kind": TEXT, "guard": TEXT, "held": List(TEXT), "seen": NATURAL, "script": TEXT,
         "path": List(TEXT), "token": TEXT},
    ))},
)  # fmt: skip
"""What `audit --report` leaves."""

CONFORM: Final = Row(
    {**_PAGE, "compared": NATURAL, "left_out": Map(TEXT),
     "levels": Map(Row({"agree": NATURAL, "percent": Number(least=0)})),
     "differences": List(Row(
        {"scenario": TEXT, "op": WHOLE, "level": TEXT, "what": TEXT, "recorded": ANY, "model": ANY,
         "after_race": FLAG},
    ))},
)  # fmt: skip
"""What `conform --report` leaves."""
