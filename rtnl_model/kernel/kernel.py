"""`Kernel`: one run's kernel.  It owns the checker, the initial namespace, lists, locks, drivers.

A kernel file is a class held by it (`k.dev`, `k.rtnetlink` …), made through `compose`, which stacks
the run's overlays (seeded bugs, fixes) on the class: an overlay is a subclass, so a bug never needs
an `if` in the kernel.  Calls from one kernel file to another go through this object.

Life: `assembly.assemble(chk, …)` makes it, `start()` boots the initial namespace and loads the
drivers, `quiesce()` waits until all works are idle and all cleanups are over, `shutdown()` joins
every thread.

Left out: more than one network stack in a run (make another Kernel, nothing is global).

One file: the one object that holds everything of a run, and how it is put together and shut down.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final, TypeVar

from lockcheck import looking
from lockcheck.sync import wait_out

from .assertions import Assertions
from .dev import Dev
from .dev_flags import DevFlags
from .dev_links import DevLinks
from .dev_names import DevNames
from .dev_netns import DevNetns
from .dev_queue import DevQueue
from .dev_refs import DevRefs
from .dev_register import DevRegister
from .dev_todo import DevTodo
from .dev_unregister import DevUnregister
from .events import RtnlEvents
from .guards import Bookkeeping
from .inet import Inet
from .lifetime import Lifetime
from .linkwatch import Linkwatch
from .lock_debug import LockDebug
from .modules import Modules
from .net_namespace import Net, NetNamespace
from .netdev_genl import NetdevGenl
from .netdev_rx_queue import NetdevRxQueues
from .netdev_work import NetdevWork
from .netns_cleanup import NetnsCleanup
from .notifier import Notifier, NotifierBlock
from .overlay import Composed
from .pernet import Pernet
from .probe import Probe
from .queue_files import QueueFiles
from .rcu import Rcu
from .regime import REGIMES
from .rtnetlink import Rtnetlink
from .rtnl import Rtnl
from .rtnl_link_ops import RtnlLinkOps
from .rtnl_newlink import RtnlNewlink
from .rtnl_setlink import RtnlSetlink
from .rtnl_work import PercpuWork, RtnlWork
from .timing import TIMINGS, Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from lockcheck import Checker, Lock, Thread

    from .links import LinkDriver
    from .netdevice import NetDevice
    from .overlay import Overlay

__all__ = ["Kernel"]

T = TypeVar("T")

NO_LOCK: Final = nullcontext()
"""Where nothing is to be taken."""
UNWIND_SECONDS: Final = 5.0
"""How long a thread of an aborted run may take to end."""


class Kernel(Assertions):
    """One model kernel.

    Args:
        chk: the checker that makes every primitive and collects every finding.
        regime: global, small, pernet or naive.
        workers: "netns" (a worker thread a namespace) or "percpu" (Linux 7.3's workqueue).
        cpus: CPUs of the model.
        fixes: the fixes that it has.
        without: ids of the regime's own fixes that were left out of them.
        overlays: bugs, applied in order, over the fixes.
        timing: name of a timing table, or one.
        strict: off, converted or all.
        drivers: all that can be loaded, by kind (by module where there is none).
        composed: classes that an earlier kernel of this setting made.
        kinds: what to load at start (None: every driver, as the recordings' kernel had them built
            in); a request for another kind loads it then.
    """

    _sections: Bookkeeping[int] = 0
    sections_max: Bookkeeping[int] = 0
    """How many sections unregistered at one moment; covered by gate."""

    def __init__(
        self,
        chk: Checker,
        regime: str = "small",
        *,
        workers: str = "netns",
        cpus: int = 2,
        overlays: Sequence[Overlay] = (),
        without: Collection[str] = (),
        fixes: Sequence[Overlay] = (),
        timing: str | Timing = "zero",
        strict: str = "converted",
        drivers: Mapping[str, type[LinkDriver]],
        kinds: Sequence[str] | None = None,
        composed: Composed | None = None,
    ) -> None:
        super().__init__(chk, strict)
        self.cpus = cpus
        self.workers = workers
        self.timing: Timing = TIMINGS[timing] if isinstance(timing, str) else timing
        self.fixed = frozenset(fix.id for fix in fixes)
        """Ids of the defects that this kernel does not have."""
        self.overlays: tuple[Overlay, ...] = (*fixes, *overlays)
        self._composed = composed or Composed()
        self.slots: set[str] = set()
        """Kernel files that overlays can change; drivers are `links.KIND`."""
        self._labels: dict[str, int] = {}
        self._threads: list[Thread] = []
        """Threads of services that were not joined yet.  Covered by gate."""

        self.probe = self.compose("probe", Probe)(self)
        self.regime = self.compose("regime", REGIMES[regime])(self)
        self.sound = self.regime.sound and not overlays and not without
        """Locked as it should be; else it may die of anything, and that is a finding."""
        self.rtnl = self.compose("rtnl", Rtnl)(self)
        self.make_locks()
        self.lifetime = self.compose("lifetime", Lifetime)(self)
        self.events = self.compose("events", RtnlEvents)(self)
        self.rcu = self.compose("rcu", Rcu)(self)
        self.notifier = self.compose("notifier", Notifier)(self)
        self.lock_debug = self.compose("lock_debug", LockDebug)(self)
        self.pernet = self.compose("pernet", Pernet)(self)
        work = PercpuWork if workers == "percpu" else RtnlWork
        self.rtnl_work: RtnlWork = self.compose("rtnl_work", work)(self)
        self.dev_refs = self.compose("dev_refs", DevRefs)(self)
        self.dev_names = self.compose("dev_names", DevNames)(self)
        self.dev_register = self.compose("dev_register", DevRegister)(self)
        self.dev_links = self.compose("dev_links", DevLinks)(self)
        self.dev_flags = self.compose("dev_flags", DevFlags)(self)
        self.dev_queue = self.compose("dev_queue", DevQueue)(self)
        self.dev_unregister = self.compose("dev_unregister", DevUnregister)(self)
        self.dev_todo = self.compose("dev_todo", DevTodo)(self)
        self.dev_netns = self.compose("dev_netns", DevNetns)(self)
        self.dev = Dev(self)
        self.linkwatch = self.compose("linkwatch", Linkwatch)(self)
        self.inet = self.compose("inet", Inet)(self)
        self.netns_cleanup = self.compose("netns_cleanup", NetnsCleanup)(self)
        self.net_namespace = self.compose("net_namespace", NetNamespace)(self)
        self.rtnl_setlink = self.compose("rtnl_setlink", RtnlSetlink)(self)
        self.rtnl_newlink = self.compose("rtnl_newlink", RtnlNewlink)(self)
        self.rtnl_link_ops = self.compose("rtnl_link_ops", RtnlLinkOps)(self)
        self.rtnetlink = Rtnetlink(self)
        self.netdev_rx_queue = self.compose("netdev_rx_queue", NetdevRxQueues)(self)
        self.queue_files = self.compose("queue_files", QueueFiles)(self)
        self.netdev_genl = self.compose("netdev_genl", NetdevGenl)(self)
        self.netdev_work = self.compose("netdev_work", NetdevWork)(self)
        self.links: dict[str, LinkDriver] = {}
        """Loaded drivers, by kind (by module name where there is no kind)."""
        self.kinds = tuple(drivers) if kinds is None else tuple(kinds)
        self.modules = self.compose("modules", Modules)(self, drivers)
        self.net_debug_block = NotifierBlock(
            "netdev_debug_event", self.lock_debug.netdev_debug_event
        )
        self.init_net: Net
        self.started = False
        self.check_slots()

    def compose(self, slot: str, cls: type[T]) -> type[T]:
        """The class of a kernel file, with this run's overlays on top, in order."""
        self.slots.add(slot)
        layers = [o.classes[slot] for o in self.overlays if slot in o.classes]
        return self._composed.of(cls, layers)

    def check_slots(self) -> None:
        """Each overlay changes something that there is.  Raises: ValueError."""
        known = self.slots | {f"links.{name}" for name in self.modules.table}
        for overlay in self.overlays:
            unknown = sorted(overlay.classes.keys() - known)
            if unknown:
                raise ValueError(f"overlay {overlay.id}: no kernel file {', '.join(unknown)}")

    # -- locks --

    def make_locks(self) -> None:
        """The locks that belong to no file of their own."""
        chk = self.chk
        self.pernet_ops_rwsem = chk.RWLock("pernet_ops_rwsem", instance="pernet_ops_rwsem")
        """Protects: pernet_list, the set of namespaces being set up or cleaned up.
        Order: outermost.  Held across waits for references, flushes and counts by design (G.18):
        who holds it for writing waits for nothing that was begun by a reader, for there is none."""
        self.pernet_ops_rwsem.cls.base.waits_allowed = True
        self.net_rwsem = chk.RWLock("net_rwsem", instance="net_rwsem")
        """Protects: net_namespace_list.  Order: inside RTNL; leaf."""
        self.netdev_adjacent_lock = chk.Lock(
            "netdev_adjacent_lock", instance="netdev_adjacent_lock"
        )
        """Protects, where RTNL does not exist: every upper and lower list.  Order: leaf."""
        self._unreg = chk.Counts("netdev_unregistering_wq")
        """Devices unregistered and not yet freed, by kind."""

    def make_lock(self, lock_class: str, instance: str) -> Lock:
        """A mutex of that class, with a stable name."""
        return self.chk.Lock(lock_class, instance=instance)

    def make_dev_lock(self, dev: NetDevice, driver_class: str | None) -> Lock:
        """dev->lock: the default class, or the driver's (netdev_lockdep_set_classes)."""
        name = f"&dev_instance_lock_key [{driver_class}]" if driver_class else "&dev->lock"
        return self.chk.Lock(name, instance=dev.label, cmp=self.netdev_lock_cmp_fn)

    def netdev_lock_cmp_fn(self, held: Lock, wanted: Lock) -> int:
        """Same instance 0; else allowed iff RTNL is held (any order under the global RTNL)."""
        if held is wanted:
            return 0
        return -1 if self.regime.has_rtnl and self.rtnl.is_rtnl_held() else 1

    def netdev_lock_ops(self, dev: NetDevice) -> AbstractContextManager[object]:
        """The instance lock of an ops-locked device, unless this thread has it."""
        if not dev.ops_locked or self.rtnl.owns(dev.lock):
            return NO_LOCK
        return dev.lock

    def netdev_lock_rx(self, dev: NetDevice) -> AbstractContextManager[object]:
        """What covers the rx handler: RTNL, or the instance lock where there is none."""
        if self.regime.has_rtnl or self.rtnl.owns(dev.lock):
            return NO_LOCK
        return dev.lock

    def netdev_adjacent(self) -> AbstractContextManager[object]:
        """What covers the adjacency lists: RTNL, or the leaf mutex where there is none."""
        return NO_LOCK if self.regime.has_rtnl else self.netdev_adjacent_lock

    def label(self, name: str) -> str:
        """A stable name for a new object: the name, with a number from its second use on."""
        with self.gate:
            n = self._labels[name] = self._labels.get(name, 0) + 1
        base = name or "init"
        return base if n == 1 else f"{base}#{n}"

    # -- counts --

    def dev_unreg_count(self) -> int:
        """Devices unregistered and not yet released."""
        return self._unreg.total()

    def dev_unreg_count_add(self, devs: Sequence[NetDevice]) -> None:
        """Step 9 of unregister_netdevice_many_notify."""
        self._count_unreg(devs, 1)

    def dev_unreg_count_sub(self, devs: Sequence[NetDevice]) -> None:
        """netdev_run_todo, once after all; wakes netdev_unregistering_wq."""
        self._count_unreg(devs, -1)

    def _count_unreg(self, devs: Sequence[NetDevice], n: int) -> None:
        kinds = [dev.kind for dev in devs]
        adds = {kind: n * kinds.count(kind) for kind in kinds}
        self._unreg.add(adds, why="dev_unreg_count")

    def wait_unregistered(self, kind: str | None) -> None:
        """Until the count (of a kind, or of all) is zero.  Locks: no RTNL."""
        self._unreg.wait_until(
            0, kind, why=f"unregistered devices{f' of {kind}' if kind else ''} to be freed"
        )

    @contextmanager
    def unregistering(self) -> Iterator[None]:
        """Count unregistering sections at this moment (benchmarks, stress)."""
        nested = self.probe.current().stack.count("unregister_netdevice_many_notify") > 1
        if nested:
            yield
            return
        with self.gate:
            self._sections += 1
            self.sections_max = max(self.sections_max, self._sections)
        try:
            yield
        finally:
            with self.gate:
                self._sections -= 1

    def cpu(self, seconds: float, name: str) -> None:
        """CPU time spent here, locks held."""
        if seconds > 0:
            self.chk.sleep(seconds, name)

    # -- life --

    def start(self) -> Kernel:
        """Boot: start the services, set up init_net, load drivers; the trace begins after it.

        Nobody else is there yet, so what boot touches needs no guard.
        """
        with looking(self.chk):
            self.boot()
        self.started = True
        return self

    def boot(self) -> None:
        """What start does."""
        task = self.probe.new_task("swapper", cpu=0)
        self.probe.adopt(task)
        self.rtnl_work.start()
        self.netns_cleanup.start()
        self.linkwatch.start()
        self.init_net = self.net_namespace.preinit_net("")
        self.modules.register_builtin()
        self.net_namespace.setup_net(self.init_net)
        self.init_net.observed = True
        self.modules.load_all(self.kinds)
        self.probe.trace.clear()
        self.events.log.clear()

    def quiesce(self) -> None:
        """Wait until every work is idle and every cleanup is over.  Locks: none.

        New work that these make is waited for too.
        """
        while not self.idle():
            self.netns_cleanup.wait_cleanup_idle()
            self.rtnl_work.flush()
            self.linkwatch.lweventlist.wait_idle()
            self.netdev_work.work_list.wait_idle()

    def idle(self) -> bool:
        """Nothing asynchronous is pending or running."""
        return (
            self.netns_cleanup.cleanup_idle()
            and self.rtnl_work.idle()
            and self.linkwatch.lweventlist.idle()
            and self.netdev_work.work_list.idle()
        )

    def shutdown(self) -> None:
        """Join every thread; what is pending runs to its end first, unless the run is aborted."""
        with ExitStack() as stack:  # backwards; each runs, whatever the others raised
            stack.callback(self.wait_out_threads)
            stack.callback(self.rtnl_work.stop)
            stack.callback(self.linkwatch.lweventlist.stop)
            stack.callback(self.netdev_work.work_list.stop)
            stack.callback(self.netns_cleanup.stop)

    def make_thread(self, target: Callable[..., object], name: str, *args: object) -> Thread:
        """A service's thread, not started yet; it is joined with `join`.

        In a free run a daemon, though it is joined: before 3.13 each end of another thread looks
        at all of these.  Under control a daemon would be one that nobody waits for.
        """
        free = self.chk.conductor is None
        thread = self.chk.Thread(
            target=target if self.sound else self.killed_by_oops(target),
            args=args,
            name=name,
            daemon=free,
        )
        with self.gate:
            self._threads.append(thread)
        return thread

    def join(self, thread: Thread) -> None:
        """Wait for the end of a thread of make_thread, if an interrupt let it start."""
        if thread.started:
            thread.join()
        with self.gate:
            self._threads.remove(thread)

    def wait_out_threads(self) -> None:
        """Of an aborted free run: the services' threads unwind by themselves, wait for that."""
        self.wait_out(self._threads)

    def wait_out(self, threads: Sequence[Thread]) -> None:
        """Of an aborted free run: wait until these threads have unwound."""
        conductor = self.chk.conductor
        if self.chk.aborted and (conductor is None or not conductor.controlled):
            for thread in threads:
                wait_out(thread, UNWIND_SECONDS)

    # -- modules --

    def modprobe(self, name: str) -> None:
        """Load a driver module by kind or name.  Raises: KernelError(ENOENT)."""
        self.modules.load(name)

    def rmmod(self, name: str) -> None:
        """Unload it, with all its devices.  Raises: KernelError(ENOENT)."""
        if name not in self.modules.table and "netdevsim" in self.links:
            self.netdevsim.remove_driver(name)
            return
        self.modules.unload(name)

    def link_kinds(self) -> list[str]:
        """Kinds that a request may name now or after a module is loaded."""
        return self.modules.kinds()

    @property
    def netdevsim(self) -> Any:  # a driver's own type
        """The driver of physical devices."""
        return self.links["netdevsim"]
