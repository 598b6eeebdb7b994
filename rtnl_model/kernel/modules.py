"""Driver modules: which exist, which are loaded, loading and unloading them.

Mirrors what a driver's module_init and module_exit do in Linux: link kind, notifier and pernet
operations, in the order of each driver's own file (`module_init`, `module_exit` hooks for what is
special).  A request for a kind whose module is not loaded loads it (`request_module`).

Left out: symbols and use counts; unloading a module unloads first those that depend on it.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from lockcheck import guarded

from .errors import KernelError
from .guards import Bookkeeping, Inside
from .links import LinkDriver
from .notifier import NotifierBlock
from .pernet import PernetOperations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lockcheck.sync import Parking

    from .kernel import Kernel
    from .net_namespace import Net

__all__ = ["Modules"]


class Modules:
    """`k.modules`."""

    states = guarded[dict[str, str]](Inside(lambda self: self.parking), reads="any")
    """coming, live, going."""
    _blocks: Bookkeeping[dict[str, NotifierBlock]]
    _pernet: Bookkeeping[dict[str, PernetOperations]]
    """What a module registered: touched by whoever made it coming or going."""

    def __init__(self, k: Kernel, table: Mapping[str, type[LinkDriver]]) -> None:
        self.k = k
        self.table = dict(table)
        """Every driver that can be loaded, by kind or module name."""
        self.parking: Parking = k.chk.Parking("modules")
        self.chk = k.chk
        self.states = {}
        self._blocks = {}
        self._pernet = {}

    # -- what there is --

    def kinds(self) -> list[str]:
        """Kinds that a request may name."""
        return sorted(cls.kind for cls in self.table.values() if cls.kind)

    def refuses(self, kind: str) -> bool:
        """Is the kind known and not allowed in this regime, for want of a conversion?"""
        cls = self.table.get(kind)
        return cls is not None and self.k.regime.refuses_unconverted and not cls.converted

    def loaded(self, name: str) -> bool:
        """Is it live?"""
        state: str | None = self.parking.peek(lambda: self.states.get(name))
        return state == "live"

    # -- loading --

    def request_module(self, kind: str) -> bool:
        """Load the module of a kind that a request names; False: there is none."""
        if kind not in self.table:
            return False
        if self.refuses(kind):
            raise KernelError(
                errno.EOPNOTSUPP,
                f"{kind} unregisters devices of other namespaces itself: not allowed in "
                f"{self.k.regime.name} without a conversion",
            )
        self.load(kind)
        return True

    def load(self, name: str) -> None:
        """modprobe, with what it depends on.  Raises: KernelError(ENOENT)."""
        cls = self.table.get(name)
        if cls is None:
            raise KernelError(errno.ENOENT)
        while not self.loaded(name):
            for other in cls.depends:
                self.load(other)
            if self.parking.change(lambda: self._begin_load(name, cls)):
                self.run_module_init(name, cls)
            else:
                self.parking.wait(lambda: self._settled(name), why=f"module {name} to settle")

    def _begin_load(self, name: str, cls: type[LinkDriver]) -> bool:
        if name in self.states or any(self.states.get(other) != "live" for other in cls.depends):
            return False
        self.states[name] = "coming"
        return True

    def _settled(self, name: str) -> bool:
        return self.states.get(name) in (None, "live")

    def run_module_init(self, name: str, cls: type[LinkDriver]) -> None:
        """From coming to live, or back."""
        try:
            self.module_init(self.make(name, cls))
        except BaseException:
            self.parking.change(lambda: self.states.pop(name, None))
            raise
        self.parking.change(lambda: self.states.__setitem__(name, "live"))

    def make(self, name: str, cls: type[LinkDriver]) -> LinkDriver:
        """The driver object, with this run's overlays."""
        driver = self.k.compose(f"links.{name}", cls)(self.k)
        self.k.links[name] = driver
        return driver

    def module_init(self, driver: LinkDriver) -> None:
        """Register what the driver has, in its own order.  Raises: KernelError."""
        steps = {
            "pernet": self.register_pernet,
            "notifier": self.register_notifier,
            "link": self.register_link,
        }
        for step in driver.module_steps:
            steps[step](driver.kind or driver.module, driver)
        driver.module_init()

    def register_pernet(self, name: str, driver: LinkDriver) -> None:
        """Its pernet operations, if it has any."""
        if driver.pernet is None:
            return
        ops = self._pernet[name] = self.pernet_operations(name, driver)
        if driver.pernet == "device":
            self.k.pernet.register_pernet_device(ops)
        else:
            self.k.pernet.register_pernet_subsys(ops)

    def register_notifier(self, name: str, driver: LinkDriver) -> None:
        """Its notifier, if it has one."""
        if driver.has_notifier:
            block = self._blocks[name] = NotifierBlock(name, driver.netdev_event)
            self.k.notifier.register_netdevice_notifier(block)

    def register_link(self, _name: str, driver: LinkDriver) -> None:
        """Its link kind, if it has one."""
        if driver.kind:
            self.k.rtnetlink.rtnl_link_register(driver)

    def pernet_operations(self, name: str, driver: LinkDriver) -> PernetOperations:
        """A driver's pernet_operations; what it does not override is not called."""

        def own(method: str) -> bool:
            return getattr(type(driver), method) is not getattr(
                LinkDriver, method
            )  # by the method's name

        return PernetOperations(
            name,
            init=driver.init_net,
            pre_exit=driver.pre_exit_net if own("pre_exit_net") else None,
            exit_rtnl=driver.exit_rtnl if own("exit_rtnl") else None,
            exit=driver.exit_net if own("exit_net") else None,
            exit_batch=driver.exit_batch if own("exit_batch") else None,
        )

    # -- unloading --

    def unload(self, name: str) -> None:
        """rmmod.  Raises: KernelError(ENOENT not loaded, EBUSY in use by another module)."""
        for other in self.dependents(name):
            if self.loaded(other):
                self.unload(other)
        refused: int = self.parking.change(lambda: self._begin_unload(name))
        if refused:
            raise KernelError(refused)
        try:
            self.module_exit(name, self.k.links[name])
        finally:
            self.k.links.pop(name, None)
            self.parking.change(lambda: self.states.pop(name, None))

    def _begin_unload(self, name: str) -> int:
        if self.states.get(name) != "live":
            return errno.ENOENT
        if any(other in self.states for other in self.dependents(name)):
            return errno.EBUSY
        self.states[name] = "going"
        return 0

    def dependents(self, name: str) -> Sequence[str]:
        """Modules that need this one."""
        return [other for other, cls in self.table.items() if name in cls.depends]

    def module_exit(self, name: str, driver: LinkDriver) -> None:
        """Take everything back, in the driver's own order."""
        steps = {
            "link": self.unregister_link,
            "notifier": self.unregister_notifier,
            "pernet": self.unregister_pernet,
        }
        with self.k.probe.frame(f"{name}_module_exit"):
            driver.module_exit()
            block = self._blocks.get(name)
            for step in driver.exit_steps:
                steps[step](name, driver)
            self.k.lifetime.module_gone(driver, block)

    def unregister_link(self, _name: str, driver: LinkDriver) -> None:
        """Waits for all devices of the kind."""
        if driver.kind:
            self.k.rtnetlink.rtnl_link_unregister(driver)

    def unregister_notifier(self, name: str, _driver: LinkDriver) -> None:
        """Replays every device as gone."""
        block = self._blocks.pop(name, None)
        if block is not None:
            self.k.notifier.unregister_netdevice_notifier(block)

    def unregister_pernet(self, name: str, _driver: LinkDriver) -> None:
        """Runs the exit in every namespace."""
        ops = self._pernet.pop(name, None)
        if ops is not None:
            self.k.pernet.unregister_pernet_operations(ops)

    # -- built-in parts --

    def register_builtin(self) -> None:
        """What is no module: the core's notifiers and pernet operations, lo before all devices."""
        k = self.k
        if k.regime.lock_debug:
            k.pernet.register_pernet_subsys(
                PernetOperations(
                    "rtnl_net_debug", k.lock_debug.init_net, exit=k.lock_debug.exit_net
                )
            )
            k.notifier.register_netdevice_notifier(k.net_debug_block)
        k.pernet.register_pernet_subsys(
            PernetOperations(
                "ip_fib",
                self.takes_rtnl,
                exit_rtnl=lambda _net, _head: None,
                exit=self.takes_rtnl if k.regime.lock_debug else None,
            )
        )
        k.notifier.register_netdevice_notifier(NotifierBlock("inetdev_event", k.inet.inetdev_event))
        k.notifier.register_netdevice_notifier(
            NotifierBlock("rtnetlink_event", k.rtnetlink.rtnetlink_event)
        )
        if "lo" in self.table:
            self.load_at_boot("lo")
        k.pernet.register_pernet_device(
            PernetOperations("default_device", exit_batch=k.netns_cleanup.default_device_exit_batch)
        )

    def takes_rtnl(self, net: Net) -> None:
        """A subsystem that takes RTNL once when a namespace is born and once when it dies.

        The recordings show that there is one and do not name it; at the death the production
        kernel without the debug option does not take it.
        """
        self.k.rtnl.rtnl_net_lock(net)
        self.k.rtnl.rtnl_net_unlock(net)

    def load_all(self, names: Sequence[str]) -> None:
        """Load the run's drivers, in the table's order, but those the regime refuses."""
        for name in names:
            if name not in self.states and not self.refuses(name):
                self.load_at_boot(name)

    def load_at_boot(self, name: str) -> None:
        """As load, while there is nobody else: no scheduling points but the registrations'."""
        cls = self.table[name]
        for other in cls.depends:
            if other not in self.states:
                self.load_at_boot(other)
        self.module_init(self.make(name, cls))
        self.states[name] = "live"
