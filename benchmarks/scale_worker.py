"""One size of the `scale` benchmark: `python -m benchmarks.scale_worker namespaces|devices SIZE`.

Prints one JSON object.  Status 2 and one line when the system refuses another thread.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.model import booted, stretched
from rtnl_model.kernel.rtnetlink_request import LinkRequest

if TYPE_CHECKING:
    from rtnl_model.kernel.kernel import Kernel

STACK_BYTES = 256 * 1024
"""A worker's stack: thousands of them at the system's default of 8 MiB reserve tens of GiB."""
REGIME = "pernet"


def main(what: str, size: int) -> int:
    """Build, measure, tear down, measure, print."""
    threading.stack_size(STACK_BYTES)
    try:
        with booted(REGIME, stretched("zero", 1.0)) as k:
            before = _resident()
            begin = _clocks()
            names = _namespaces(k, size if what == "namespaces" else 10)
            if what == "devices":
                _devices(k, names, size)
            created = _clocks()
            memory = _resident() - before
            threads = threading.active_count()
            for name in names:
                k.net_namespace.delete(name)
            k.quiesce()
            destroyed = _clocks()
    except RuntimeError as error:
        if "start new thread" not in str(error):
            raise
        print(f"the system refuses more than {threading.active_count()} threads", file=sys.stderr)
        return 2
    print(
        json.dumps(
            {
                "create": created[0] - begin[0],
                "create_cpu": created[1] - begin[1],
                "destroy": destroyed[0] - created[0],
                "destroy_cpu": destroyed[1] - created[1],
                "bytes": memory,
                "threads": threads,
            }
        )
    )
    return 0


def _namespaces(k: Kernel, count: int) -> list[str]:
    names = [f"ns{i}" for i in range(count)]
    for name in names:
        k.net_namespace.create(name)
    return names


def _devices(k: Kernel, names: list[str], count: int) -> None:
    nets = [k.net_namespace.get(name) for name in names]
    for i in range(count):
        net = nets[i % len(nets)]
        assert net is not None
        k.rtnetlink.rtnl_newlink(
            LinkRequest(sock_net=net, ifname=f"d{i}", kind="dummy", create=True, excl=True)
        )


def _clocks() -> tuple[float, float]:
    """Wall and CPU seconds: without modelled waits they differ by what other programs take."""
    return time.perf_counter(), time.process_time()


def _resident() -> int:
    """Bytes of memory in use (VmRSS)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return 1024 * int(line.split()[1])
    raise OSError("no VmRSS in /proc/self/status")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
