"""What the IP stacks do in these paths: names they refuse, addresses, sysctl tables with users.

Mirrors inetdev_event, addrconf_notify, inet_rtm_newaddr and the sysctl handlers of
net/ipv6/conf/DEV that enter RTNL by trylock (`addr_gen_mode`, `disable_ipv6` …): while one runs it
is a *user* of the device's table, and the device's teardown waits for the table's users (G.14).

Left out: routes, addresses beyond a list per device, DAD, the periodic address check.
"""

from __future__ import annotations

import errno
import itertools
from typing import TYPE_CHECKING

from lockcheck import guarded

from .errors import KernelError
from .events import NOTIFY_DONE, NOTIFY_OK, notifier_from_errno
from .guards import Bookkeeping, Inside, RtnlGuard

if TYPE_CHECKING:
    from lockcheck.sync import LockMap, Parking

    from .kernel import Kernel
    from .net_namespace import Net
    from .netdevice import NetDevice
    from .notifier import NotifierInfo

__all__ = ["RTNL_SYSCTLS", "Inet"]

RTNL_SYSCTLS = frozenset(
    {
        "forwarding",
        "ignore_routes_with_linkdown",
        "disable_ipv6",
        "proxy_ndp",
        "addr_gen_mode",
        "stable_secret",
        "disable_policy",
        "force_forwarding",
    }
)
"""Keys whose handler takes RTNL; `addr_gen_mode` and `stable_secret` also when only read."""

PAUSE_DOUBLINGS = 6
READ_TAKES_RTNL = frozenset({"addr_gen_mode", "stable_secret"})


class Table:
    """One device's net/ipv6/conf/DEV."""

    users = guarded[int](Inside(lambda self: self.parking), reads="any", default=0)
    gone = guarded[bool](Inside(lambda self: self.parking), reads="any", default=False)
    values = guarded[dict[str, str]](RtnlGuard(lambda self: self.net, "the table"), reads="once")
    """Keys that take RTNL are written under it; others by WRITE_ONCE."""
    inside: Bookkeeping[list[int]]
    """Tasks of the users, for reports of a stuck run."""
    freed: Bookkeeping[bool] = False
    """Whoever removed it has waited for its users."""
    waiter: Bookkeeping[int] = 0
    waiting_thread: Bookkeeping[str] = ""
    """The task that waits for the users to leave; 0: none."""

    def __init__(self, parking: Parking, section: LockMap, net: Net) -> None:
        self.parking = parking
        self.chk = parking.chk
        self.map = section
        """The section of a user.  Who waits for the users to leave waits for sections that have
        begun: the order is a map's, and no use that is yet to come matters."""
        self.label = parking.name
        self.net = net
        self.values = {"addr_gen_mode": "0", "disable_ipv6": "0"}
        self.inside = []


class Inet:
    """`k.inet`."""

    dropping: Bookkeeping[list[Table]]
    """Tables whose users somebody waits for; for reports of a stuck run."""

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.dropping = []

    # -- notifier --

    def inetdev_event(self, event: str, dev: NetDevice, _info: NotifierInfo) -> int:
        """Make the tables on REGISTER, remove them on UNREGISTER."""
        if event == "REGISTER":
            if dev.name in ("all", "default"):
                return notifier_from_errno(errno.EINVAL)
            net = self.k.dev.dev_net(dev)
            chk, name = self.k.chk, f"sysctl {dev.label}"
            section = chk.LockMap("sysctl table", instance=name)
            dev.sysctl = Table(chk.Parking(name), section, net)
            return NOTIFY_OK
        if event == "UNREGISTER":
            self.unregister_sysctl_table(dev)
        return NOTIFY_DONE

    def unregister_sysctl_table(self, dev: NetDevice) -> None:
        """drop_sysctl_table: wait until nobody is inside a handler of it."""
        table: Table | None = dev.sysctl
        if table is None:
            return
        dev.sysctl = None
        self.k.rcu.call_rcu(dev, "in6_dev_finish_destroy_rcu")
        with self.k.probe.frames("addrconf_ifdown", "drop_sysctl_table"):
            table.map.sync()
            table.parking.change(lambda: setattr(table, "gone", True), part=None)
            if table.parking.peek(lambda: table.users):
                table.waiter = self.k.probe.current().pid
                table.waiting_thread = self.k.chk.current().name
                self.dropping.append(table)
                table.parking.wait(
                    lambda: not table.users, why=f"the users of {dev.label}'s sysctl table to leave"
                )
                self.dropping.remove(table)
            table.freed = True

    def unregister_sysfs(self, dev: NetDevice) -> None:
        """device_del: nothing in this model keeps a sysfs file open."""

    # -- requests --

    def addr_add(self, net: Net, ifindex: int, address: str) -> None:
        """RTM_NEWADDR.  Raises: KernelError(ENODEV, EEXIST, or what the device's driver says)."""
        k = self.k
        with k.probe.frame("inet_rtm_newaddr"):
            k.rtnl.rtnl_net_lock(net)
            try:
                dev = k.dev.dev_get_by_index(net, ifindex)
                if dev is None:
                    raise KernelError(errno.ENODEV)
                addresses = dev.info.setdefault("addresses", [])
                if address in addresses:
                    raise KernelError(errno.EEXIST)
                if dev.netdev_ops is not None:
                    dev.netdev_ops.inetaddr_event(dev, address.partition("/")[0])
                addresses.append(address)
            finally:
                k.rtnl.rtnl_net_unlock(net)

    def sysctl(self, net: Net, ifname: str, key: str, value: str | None = None) -> str:
        """Read or write net.ipv6.conf.IFNAME.KEY.  Raises: KernelError(ENOENT)."""
        dev = self.k.dev.dev_get_by_name(net, ifname)
        table: Table | None = dev.sysctl if dev is not None else None
        if table is None or table.net is not net:  # a device that moves gets another one elsewhere
            raise KernelError(errno.ENOENT)
        for attempt in itertools.count():
            if not table.parking.change(lambda: self._use(table), part=None):
                raise KernelError(errno.ENOENT)
            try:
                with table.map:
                    answer = self.handler(net, table, key, value)
            finally:
                if table.freed:
                    self.k.report_invariant(
                        f"use after free: a handler of {table.label} runs, and the table is freed",
                        rule="used-after-free",
                    )
                table.parking.change(lambda: self._unuse(table), part=None)
            if answer is not None:
                return answer
            self.pause(attempt)
        raise AssertionError  # the count does not end

    def pause(self, attempt: int) -> None:
        """The moment before a restarted call tries again; longer each time, up to a limit.

        Where time counts, a timer that only repeats: if nobody else can go on, trying again is no
        way out of it either (G.14 leaves RTNL locked for ever), and whoever watches may say so.
        """
        chk = self.k.chk
        length = self.k.timing.lock_retry * 2 ** min(attempt, PAUSE_DOUBLINGS)
        if not chk.timed:
            chk.sleep(length, "restart_syscall")
            return
        chk.Parking("restart_syscall").wait(
            lambda: False,
            why="RTNL to be free for a restarted call",
            timeout=length,
            timer="restart_syscall",
            repeat=True,
        )

    def _use(self, table: Table) -> bool:
        if table.gone:
            return False
        table.users += 1
        table.inside.append(self.k.probe.current().pid)
        return True

    def _unuse(self, table: Table) -> None:
        table.users -= 1
        table.inside.remove(self.k.probe.current().pid)

    def handler(self, net: Net, table: Table, key: str, value: str | None) -> str | None:
        """addrconf_sysctl_*: with RTNL by trylock; None: restart_syscall."""
        k = self.k
        takes_rtnl = key in (RTNL_SYSCTLS if value is not None else READ_TAKES_RTNL)
        if not takes_rtnl:
            return self.access(table, key, value)
        with k.probe.frame(f"addrconf_sysctl_{key}"):
            if not k.rtnl.rtnl_net_trylock(net):  # the unlock will drain (G.14)
                return None
            try:
                return self.access(table, key, value)
            finally:
                k.rtnl.rtnl_net_unlock(net)

    def access(self, table: Table, key: str, value: str | None) -> str:
        """Read, or write and read back."""
        if value is not None:
            table.values[key] = value
        return table.values.get(key, "0")
