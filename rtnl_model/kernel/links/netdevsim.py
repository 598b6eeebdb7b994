"""Network cards: devices with a parent and without rtnl_link_ops (drivers/net/netdevsim and
others).

Two ways to get one.  A plain card, `ip link add NAME type phys driver DRIVER queues N`, stands for
what a driver's module found; unloading that driver removes its cards, as `rmmod mlx5_core` does.  A
simulated one mirrors netdevsim: ports on a bus device, with a devlink instance that lives in a
namespace and is reloaded into init_net when that namespace dies.

A card goes home to init_net when its namespace dies, refuses `ip link del`, manages its queues and
can be leased from.  Its driver takes RTNL and no namespace's lock, as 7.3's do
(`netdevsim_pernet`).

Left out: the bus list's mutex and devlink's, which netdevsim holds over its wait; packets, VFs.
"""

from __future__ import annotations

from errno import EEXIST, ENOENT
from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded

from ..errors import KernelError
from ..guards import Bookkeeping
from . import LinkDriver

if TYPE_CHECKING:
    from lockcheck import Lock

    from ..kernel import Kernel
    from ..net_namespace import Net
    from ..netdevice import NetDevice

NETDEVSIM = "netdevsim"


class NsimDev:
    """One device of netdevsim's bus: some ports, one devlink instance."""

    net: Bookkeeping[Net]
    """Where its devlink instance lives; its ports appear there (devlink's own lock is left out)."""
    ports: guarded[dict[int, NetDevice]] = guarded("bus_lock")

    def __init__(self, ident: int, queues: int, net: Net, bus_lock: Lock) -> None:
        self.id = ident
        self.queues = queues
        self.bus_lock = bus_lock
        self.net = net
        self.ports = {}


class Netdevsim(LinkDriver):
    """nsim_netdev_ops, nsim_queue_mgmt_ops, the bus; and every other card's driver."""

    module: ClassVar[str] = NETDEVSIM
    ops_locked: ClassVar[bool] = True
    lockdep_class: ClassVar[str | None] = NETDEVSIM
    queue_mgmt: ClassVar[bool] = True
    pernet: ClassVar[str | None] = "subsys"

    nsim_devs = guarded[dict[int, NsimDev]]("bus_lock")
    """Those that are complete: the bus list's mutex lets nobody find one in the making."""
    coming: guarded[set[int]] = guarded("bus_lock")
    """Ids of those in the making."""
    cards: guarded[dict[str, list[NetDevice]]] = guarded("bus_lock")
    """Driver name -> its cards, in the order in which they were found."""

    def __init__(self, k: Kernel) -> None:
        super().__init__(k)
        self.chk = k.chk
        self.bus_lock = k.make_lock("nsim_bus_lists", NETDEVSIM)
        """Protects: nsim_devs, coming, their ports, cards.  Order: leaf, never held while a device
        is made or removed."""
        self.nsim_devs = {}
        self.coming = set()
        self.cards = {}

    def setup(self, dev: NetDevice) -> None:
        """Ethernet; freed by the driver, not by netdev_run_todo."""
        self.eth_hw_addr_random(dev)
        dev.lro = True

    # -- what a user asks --

    def add(
        self,
        net: Net,
        ident: int,
        queues: int,
        name: str | None,
        *,
        ports: int = 1,
        driver: str = NETDEVSIM,
        renamed: bool = True,
    ) -> list[str]:
        """Cards appear in net; their names.  `ident` below zero: a plain card of `driver`.

        Raises: KernelError.
        """
        if ident < 0:
            return [self.probe_card(net, name or "eth%d", driver, queues).name]
        nsim = NsimDev(ident, queues, net, self.bus_lock)
        with self.k.probe.frame("new_device_store"):
            self.new_device(nsim, ports)
        if renamed and name:
            for port, dev in self.ports_of(nsim):
                self.rename(dev, name if port == 0 else f"{name}_{port + 1}")
        return [dev.name for _, dev in self.ports_of(nsim)]

    def ports_of(self, nsim: NsimDev) -> list[tuple[int, NetDevice]]:
        """Its ports by number."""
        with self.bus_lock:
            return sorted(nsim.ports.items())

    def new_device(self, nsim: NsimDev, ports: int) -> None:
        """nsim_bus_dev_new and its probe.  Raises: KernelError(EEXIST)."""
        ident = nsim.id
        with self.bus_lock:
            if ident in self.nsim_devs or ident in self.coming:
                raise KernelError(EEXIST)
            self.coming.add(ident)
        try:
            self.nsim_dev_reload_create(nsim, ports)
        except KernelError:
            self.nsim_dev_reload_destroy(nsim)
            raise
        else:
            with self.bus_lock:
                self.nsim_devs[ident] = nsim
        finally:
            with self.bus_lock:
                self.coming.discard(ident)

    def remove(self, ident: int) -> None:
        """`echo ID > del_device`.  Raises: KernelError(ENOENT)."""
        with self.k.probe.frame("del_device_store"):
            with self.bus_lock:
                nsim = self.nsim_devs.pop(ident, None)
            if nsim is None:
                raise KernelError(ENOENT)
            with self.k.probe.fn("nsim_drv_remove"):
                self.nsim_dev_reload_destroy(nsim)

    def port_remove(self, ident: int, port: int) -> None:
        """`echo PORT > del_port`.  Raises: KernelError(ENOENT)."""
        with self.k.probe.frame("del_port_store"):
            with self.bus_lock:
                nsim = self.nsim_devs.get(ident)
                dev = None if nsim is None else nsim.ports.pop(port, None)
            if dev is None:
                raise KernelError(ENOENT)
            self.nsim_destroy(dev)

    def wipe(self) -> int:
        """Remove every simulated card's bus device; how many there were."""
        with self.k.probe.frame("nsim_bus_exit"), self.bus_lock:
            idents = sorted(self.nsim_devs)
        for ident in idents:
            self.remove(ident)
        return len(idents)

    def remove_driver(self, name: str) -> int:
        """`rmmod DRIVER`: the remove callback of every card; how many.

        Raises: KernelError(ENOENT).
        """
        with self.k.probe.frame(f"{name}_exit"):
            with self.bus_lock:
                cards = self.cards.pop(name, None)
            if cards is None:
                raise KernelError(ENOENT)
            for dev in cards:
                self.remove_card(dev)
        return len(cards)

    # -- the driver's RTNL --

    def register_card(self, dev: NetDevice) -> None:
        """register_netdevice with RTNL alone.  Raises: KernelError."""
        self.k.rtnl.rtnl_lock()
        try:
            self.k.dev.register_netdevice(dev)
        finally:
            self.k.rtnl.rtnl_unlock()

    def unregister_card(self, dev: NetDevice) -> None:
        """unregister_netdevice with RTNL alone; its references are waited for here."""
        self.k.rtnl.rtnl_lock()
        try:
            self.k.dev.unregister_netdevice(dev)
        finally:
            self.k.rtnl.rtnl_unlock()

    def touch_rtnl(self, net: Net) -> None:
        """A notifier is registered or unregistered: RTNL is taken and dropped."""
        self.k.rtnl.rtnl_lock()
        self.k.rtnl.rtnl_unlock()

    def rename(self, dev: NetDevice, name: str) -> None:
        """User space gives a port its name.  Raises: KernelError."""
        with self.k.probe.frame("rtnl_setlink"):
            self._rename(dev, name)

    def _rename(self, dev: NetDevice, name: str) -> None:
        net = self.k.dev.dev_net(dev)
        self.k.rtnl.rtnl_net_lock(net)
        try:
            if self.k.dev.dev_get_by_index(net, dev.ifindex) is not dev:
                return  # it was pulled or moved: user space hears ENODEV
            with self.k.netdev_lock_ops(dev):
                self.k.dev.dev_change_name(dev, name)
        finally:
            self.k.rtnl.rtnl_net_unlock(net)

    # -- one card --

    def make_card(self, net: Net, name: str, parent: str, queues: int) -> NetDevice:
        """Allocate and register.  Raises: KernelError."""
        dev = self.k.dev.alloc_netdev(net, name, self)
        dev.parent = parent
        dev.num_rx_queues = dev.real_num_rx_queues = queues
        dev.num_tx_queues = dev.real_num_tx_queues = queues
        try:
            self.register_card(dev)
        except KernelError:
            self.k.dev.free_netdev(dev)
            raise
        return dev

    def probe_card(self, net: Net, name: str, driver: str, queues: int) -> NetDevice:
        """A driver found a card.  Raises: KernelError."""
        with self.k.probe.frame(f"{driver}_probe"):
            dev = self.make_card(net, name, f"{driver}:{name}", queues)
            with self.bus_lock:
                self.cards.setdefault(driver, []).append(dev)
        return dev

    def remove_card(self, dev: NetDevice) -> None:
        """Unregister, wait for the references, free."""
        self.unregister_card(dev)
        self.k.dev.free_netdev(dev)

    # -- netdevsim --

    def nsim_dev_reload_create(self, nsim: NsimDev, ports: int) -> None:
        """The notifiers of the FIB side, then the ports."""
        self.touch_rtnl(nsim.net)
        self.touch_rtnl(nsim.net)
        for port in range(ports):
            dev = self.make_card(nsim.net, "eth%d", f"{NETDEVSIM}{nsim.id}", nsim.queues)
            self.touch_rtnl(nsim.net)  # its own notifier
            with self.bus_lock:
                nsim.ports[port] = dev

    def nsim_dev_reload_destroy(self, nsim: NsimDev) -> None:
        """All ports go, then the notifiers of the FIB side."""
        with self.k.probe.fn("nsim_dev_reload_destroy"):
            with self.bus_lock:
                ports = [nsim.ports.pop(port) for port in sorted(nsim.ports)]
            for dev in ports:
                self.nsim_destroy(dev)
            self.touch_rtnl(nsim.net)
            self.touch_rtnl(nsim.net)

    def nsim_destroy(self, dev: NetDevice) -> None:
        """One port: its notifier off, then the card."""
        with self.k.probe.fn("nsim_destroy"):
            self.touch_rtnl(self.k.dev.dev_net(dev))
            self.remove_card(dev)

    # -- devlink --

    def init_net(self, net: Net) -> None:
        """devlink has nothing to make."""

    def pre_exit_net(self, net: Net) -> None:
        """devlink_pernet_pre_exit: instances of a dying namespace are reloaded into init_net."""
        with self.bus_lock:
            stranded = [nsim for nsim in self.nsim_devs.values() if nsim.net is net]
        for nsim in stranded:
            with self.k.probe.fn("devlink_reload"):
                with self.bus_lock:
                    ports = len(nsim.ports)
                self.nsim_dev_reload_destroy(nsim)
                nsim.net = self.k.init_net
                self.nsim_dev_reload_create(nsim, ports)

    # -- net_device_ops --

    def ndo_stop(self, dev: NetDevice) -> None:
        """nsim_stop: the carrier goes, and nsim_open brings it back only with a linked peer."""
        self.k.dev.netif_carrier_off(dev)
