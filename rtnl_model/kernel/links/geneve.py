"""geneve: Ethernet in UDP with a virtual network id (drivers/net/geneve.c, 7.3 as converted).

Beside the list of devices (in `backend`) a backend namespace has a list of sockets, shared by the
devices with the same port and address family; the same mutex, `gn.lock`, protects both lists, the
sockets' plain reference counts and their tables of devices.  ndo_stop takes it, so nothing that
closes a device may run inside it: queueing is fine, an unregistration there would lock itself out.

Left out: packets, offloads (NETDEV_UDP_TUNNEL_PUSH_INFO walks the sockets under gn.lock; no
modelled NIC sends it), metadata mode's exclusion beyond the conflict check.
"""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EBUSY, EINVAL, ERANGE
from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded, looking

from ..documents import Fields
from ..errors import KernelError
from ..netdevice import RTNL_OF_AREA
from . import is_valid_ether_addr
from .backend import LIST_LOCK, BackendDriver, BackendNet, BackendPriv

if TYPE_CHECKING:
    from lockcheck import Lock

    from ..net_namespace import Net
    from ..netdevice import NetDevice
    from ..rtnetlink_request import LinkRequest, NewlinkParams

GENEVE_UDP_PORT = 6081
GENEVE_MAX_MTU = 65465
VNI_MAX = 0xFFFFFF


class GeneveSock:
    """A UDP socket of the backend, shared by devices."""

    refcnt = guarded[int]("lock")
    """A plain count."""
    vni_list: guarded[list[NetDevice]] = guarded("lock")
    """Devices that receive from it."""

    def __init__(self, port: int, family: str, lock: Lock) -> None:
        self.port = port
        self.family = family
        self.lock = lock
        """gn.lock of the socket's own namespace."""
        self.refcnt = 1
        self.vni_list = []


class GeneveNet(BackendNet):
    """struct geneve_net."""

    sock_list = guarded[list[GeneveSock]](LIST_LOCK)
    """Open sockets of this namespace."""

    def __init__(self, lock: Lock) -> None:
        super().__init__(lock)
        self.sock_list = []


class GenevePriv(BackendPriv):
    """struct geneve_dev."""

    vni = guarded[int](RTNL_OF_AREA, reads="any", default=0)
    port = guarded[int](RTNL_OF_AREA, reads="any", default=GENEVE_UDP_PORT)
    remote: guarded[str | None] = guarded(RTNL_OF_AREA, reads="any", default=None)
    external = guarded[bool](RTNL_OF_AREA, reads="any", default=False)
    """All four fixed at creation."""
    sock = guarded[GeneveSock | None](RTNL_OF_AREA, default=None)
    """While the device is up."""


class Geneve(BackendDriver):
    """geneve_link_ops, geneve_netdev_ops and geneve_net_ops."""

    kind: ClassVar[str] = "geneve"
    lock_class: ClassVar[str] = "&gn->lock"
    net_class: ClassVar[type[BackendNet]] = GeneveNet
    lockdep_class: ClassVar[str | None] = "geneve"

    def setup(self, dev: NetDevice) -> None:
        """geneve_setup."""
        dev.priv = GenevePriv()
        dev.max_mtu = GENEVE_MAX_MTU
        dev.needs_free_netdev = True
        self.eth_hw_addr_random(dev)

    def validate(self, req: LinkRequest) -> None:
        """geneve_validate."""
        if req.address is not None:
            if len(req.address.split(":")) != 6:
                raise KernelError(EINVAL, "Provided link layer address is not Ethernet")
            if not is_valid_ether_addr(req.address):
                raise KernelError(EADDRNOTAVAIL, "Provided Ethernet address is not unicast")
        if not req.data:
            raise KernelError(EINVAL, "Not enough attributes provided to perform the operation")
        if int(str(req.data.get("id", 0))) > VNI_MAX:
            raise KernelError(ERANGE, "Geneve ID must be lower than 16777216")

    # -- newlink --

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """Read, check, register, insert.  Locks: RTNL of dev_net(dev) and of the backend."""
        self.k.ASSERT_RTNL_NET(self.k.dev.dev_net(dev))
        self.k.ASSERT_RTNL_NET(params.rtnl_newlink_link_net())
        self.geneve_nl2info(dev, params)
        if dev.netdev_priv(GenevePriv).external and params.req.mtu is None:
            dev.mtu = dev.max_mtu  # without a remote its route is the loopback's
        self.configure(dev)

    def geneve_nl2info(self, dev: NetDevice, params: NewlinkParams) -> None:
        """Read the attributes into the private area."""
        data = params.data
        priv = dev.netdev_priv(GenevePriv)
        if "remote" in data and "remote6" in data:
            raise KernelError(EINVAL, "Remote IPv4 and IPv6 address cannot be specified together")
        priv.net = params.rtnl_newlink_link_net()
        priv.vni = int(str(data.get("id", 0)))
        priv.port = int(str(data.get("dstport", GENEVE_UDP_PORT)))
        remote = data.get("remote", data.get("remote6"))
        priv.remote = None if remote is None else str(remote)
        priv.external = bool(data.get("external", False))

    def configure(self, dev: NetDevice) -> None:
        """geneve_configure: no second device of this key; collect-metadata devices stand alone."""
        if self.find_dev(dev):
            raise KernelError(EBUSY)
        self.k.dev.register_netdevice(dev)
        self.list_add(dev)

    def find_dev(self, dev: NetDevice) -> bool:
        """geneve_find_dev and the metadata conflict; takes and drops gn.lock."""
        data = self.backend(dev)
        priv = dev.netdev_priv(GenevePriv)
        with data.lock:
            for other in data.dev_list:
                theirs = other.netdev_priv(GenevePriv)
                if theirs.port != priv.port:
                    continue
                if theirs.external or priv.external:
                    return True
                if (theirs.vni, theirs.remote) == (priv.vni, priv.remote):
                    return True
        return False

    # -- sockets --

    def ndo_open(self, dev: NetDevice) -> None:
        """geneve_open → geneve_sock_add: find or make the socket of the backend and join it."""
        priv = dev.netdev_priv(GenevePriv)
        data = self.geneve_net(priv.net)
        family = "ipv6" if priv.remote and ":" in priv.remote else "ipv4"
        with data.lock:
            sock = self.find_sock(data, priv.port, family)
            if sock is None:
                if self.find_sock(data, priv.port, family) is not None:
                    self.k.report_invariant(
                        f"{dev.name} binds port {priv.port} of {priv.net.label} a second time",
                        rule="port-bound-twice",
                        dev=dev,
                    )
                sock = GeneveSock(priv.port, family, data.lock)
                data.sock_list.append(sock)
            else:
                sock.refcnt += 1
            priv.sock = sock
            sock.vni_list.append(dev)

    def ndo_stop(self, dev: NetDevice) -> None:
        """geneve_stop → __geneve_sock_release: leave the socket; the last one closes it."""
        priv = dev.netdev_priv(GenevePriv)
        sock = priv.sock
        if sock is None:
            return
        self.assert_backend(dev, "stop")
        data = self.geneve_net(priv.net)  # sock_net(gs.sk): the backend, wherever dev is
        with data.lock:
            priv.sock = None
            sock.vni_list.remove(dev)
            sock.refcnt -= 1
            if sock.refcnt == 0:
                data.sock_list.remove(sock)

    def find_sock(self, data: GeneveNet, port: int, family: str) -> GeneveSock | None:
        """geneve_find_sock.  Locks: gn.lock."""
        self.k.chk.assert_held(data.lock)
        for sock in data.sock_list:
            if sock.port == port and sock.family == family:
                return sock
        return None

    def geneve_net(self, net: Net) -> GeneveNet:
        """net_generic(net)."""
        data: GeneveNet = self.net_generic(net)
        return data

    def ndo_uninit(self, dev: NetDevice) -> None:
        """geneve_uninit: gro cells and the destination cache."""
        with self.k.probe.fn("geneve_uninit", dev):
            pass

    # -- pernet operations --

    def exit_net(self, net: Net) -> None:
        """geneve_exit_net: every foreign device that used this backend was closed before."""
        super().exit_net(net)
        data = self.geneve_net(net)
        known = [sock for sock in data.sock_list if self.is_being_closed(sock, data)]
        for left, bug in ((known, "G.15"), ([s for s in data.sock_list if s not in known], "")):
            if left:
                self.k.warn(f"geneve: sockets of {net.name} are still open at its exit", known=bug)

    def is_being_closed(self, sock: GeneveSock, data: GeneveNet) -> bool:
        """Is a drain about to stop each device that uses the socket?  A look of the checks' own."""
        with looking(self.k.chk):
            users = list(sock.vni_list)
        return bool(users) and all(dev in data.left_to_a_drain for dev in users)

    def fill_info(self, dev: NetDevice) -> Fields:
        """id, remote and port, or external and port."""
        priv = dev.netdev_priv(GenevePriv)
        info: Fields = {"id": priv.vni}
        if priv.external:
            info["external"] = True
        if priv.remote is not None:
            info["remote"] = priv.remote
        info["port"] = priv.port
        return info
