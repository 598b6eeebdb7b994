"""A walk over a live kernel: real locks, real threads, real delegation, in every mode."""

from __future__ import annotations

import _thread
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import lockcheck
from lockcheck.conduct.watchdog import Watchdog
from rtnl_model.iproute import parse_script
from rtnl_model.iproute.execute import execute
from rtnl_model.kernel.kernel import Kernel
from rtnl_model.kernel.links.ipvlan import Ipvlan
from rtnl_model.kernel.netdevice import NetDevice
from rtnl_model.lab.explore import ModelSubject
from rtnl_model.lab.model_run import ModelSetting
from rtnl_model.lab.topologies import topology

REAL_LOCK = type(_thread.allocate_lock())
SET_UP = [line for line in topology("T1").splitlines() if "link del" not in line]
DELETE = "ip -n ns1 link del veth0"


class Uninits:
    """An overlay that notes on which OS thread each ipvlan_uninit runs."""

    id = "uninits"

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}
        ids = self.ids

        class Noting(Ipvlan):
            def ndo_uninit(self, dev: NetDevice) -> None:
                ids[dev.name] = threading.get_native_id()
                super().ndo_uninit(dev)

        self.classes = {"links.ipvlan": Noting}


def issue(k: Kernel, text: str) -> None:
    """Run commands on this thread, each as a process of its own."""
    for command in parse_script(text).commands():
        k.probe.adopt(k.probe.new_task("ip"))

        assert execute(k, command).rc == 0


@contextmanager
def running(regime: str, *overlays: Any) -> Iterator[Kernel]:
    """A kernel that runs, with a watchdog."""
    chk = lockcheck.Checker()
    k = ModelSetting(rtnl=regime).kernel(chk, overlays)
    with Watchdog(chk):
        k.start()
        try:
            yield k
            k.quiesce()
        finally:
            k.shutdown()

    assert chk.reports == []


@pytest.mark.parametrize("regime", ["small", "pernet"])
def test_under_every_netns_lock_is_a_real_lock(regime: str) -> None:
    """`net.rtnl_mutex.real` is a `threading.Lock`, one a namespace, locked while it is held."""
    with running(regime) as k:
        issue(k, "\n".join(SET_UP))
        nets = k.net_namespace.for_each_net()
        reals = [net.rtnl_mutex.real for net in nets]

        assert len(nets) == 4
        assert {REAL_LOCK} == {type(real) for real in reals}
        assert all(one is not other for i, one in enumerate(reals) for other in reals[:i])
        k.rtnl.rtnl_net_lock(nets[1])
        assert nets[1].rtnl_mutex.real.locked()
        assert not nets[2].rtnl_mutex.real.locked()
        k.rtnl.rtnl_net_unlock(nets[1])
        assert not nets[1].rtnl_mutex.real.locked()


@pytest.mark.parametrize("regime", ["small", "pernet"])
def test_every_netns_has_a_living_worker_of_its_own(regime: str) -> None:
    """Each namespace's worker is alive, an OS thread with a native id nobody else has."""
    with running(regime) as k:
        issue(k, "\n".join(SET_UP))
        workers = [net.worker for net in k.net_namespace.for_each_net()]

        assert all(isinstance(worker, threading.Thread) for worker in workers)
        assert all(worker.is_alive() for worker in workers)
        natives = {worker.native_id for worker in workers} | {threading.get_native_id()}
        assert len(workers) + 1 == len(natives)
        assert natives <= {thread.native_id for thread in threading.enumerate()}


@pytest.mark.parametrize("regime", ["small", "pernet"])
def test_foreign_uninits_run_on_the_workers_own_threads(regime: str) -> None:
    """ipvl2's uninit runs on ns2's OS thread, ipvl3's on ns3's, neither on the caller's."""
    seen = Uninits()
    with running(regime, seen) as k:
        issue(k, "\n".join(SET_UP))
        named = k.net_namespace.named()
        natives = {name: net.worker.native_id for name, net in named.items()}
        issue(k, DELETE)
        k.quiesce()

        assert {"ipvl2": natives["ns2"], "ipvl3": natives["ns3"]} == seen.ids
        assert threading.get_native_id() not in seen.ids.values()


@pytest.mark.parametrize("regime", ["small", "pernet"])
def test_the_controlled_scheduler_runs_the_same_real_threads_and_locks(regime: str) -> None:
    """Under control too: real locks, living workers, and uninits on OS threads of their own."""
    seen = Uninits()
    found: dict[str, Any] = {}

    class Watched(ModelSetting):
        """The setting, with the note-taker and a look at the live kernel."""

        def kernel(self, chk: Any, overlays: Any = (), **more: Any) -> Kernel:
            k = super().kernel(chk, (*overlays, seen), **more)
            quiesce = k.quiesce

            def look() -> None:
                quiesce()
                nets = k.net_namespace.for_each_net()
                found["locks"] = {type(net.rtnl_mutex.real) for net in nets}
                found["workers"] = [(net.worker.is_alive(), net.worker.native_id) for net in nets]
                found["caller"] = threading.get_native_id()

            k.quiesce = look  # type: ignore[method-assign]
            return k

    script = parse_script(topology("T1"))
    with controlled(ModelSubject(script, Watched(rtnl=regime))) as outcome:
        pass

    assert outcome.findings == []
    assert {REAL_LOCK} == found["locks"]
    assert all(alive for alive, _native in found["workers"])
    natives = [native for _alive, native in found["workers"]]
    assert len(natives) == len(set(natives))
    assert {"ipvl2", "ipvl3"} == set(seen.ids)
    assert set(seen.ids.values()) <= set(natives)
    assert found["caller"] not in seen.ids.values()


@contextmanager
def controlled(subject: ModelSubject) -> Iterator[Any]:
    """One schedule under the controlled conductor."""
    from lockcheck.explore.session import Limits, Session
    from lockcheck.explore.strategies import make_strategy

    with Session(subject, limits=Limits(schedules=1)) as session:
        yield session.explore(make_strategy("random", 1))
