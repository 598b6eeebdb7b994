"""Rtnetlink requests: what a user's `ip` command becomes before the kernel reads it.

This is the seam between `rtnl_model.iproute` (which makes requests) and `kernel/rtnetlink.py`
(which serves them).  Names are already resolved, as iproute2 resolves them: devices are ifindexes
of the namespace in which iproute looked them up, namespaces are `Net` objects (the kernel gets a
file descriptor or an nsid; both are only another name of the object).

How to call it (all on the caller's thread, which is the requesting task)::

    k.rtnetlink.rtnl_newlink(LinkRequest(sock_net=net, ifname="v0", kind="veth",
                                         create=True, excl=True, peer=PeerRequest("v1", net=net2)))
    k.rtnetlink.rtnl_newlink(LinkRequest(sock_net=net, ifindex=3, up=True))       # ip link set
    k.rtnetlink.rtnl_dellink(LinkRequest(sock_net=net, ifindex=3))                # ip link del
    k.rtnetlink.rtnl_dellink(LinkRequest(sock_net=net, group=7))                  # link del group

`ip link set` is RTM_NEWLINK without NLM_F_CREATE (iproute2 never sends RTM_SETLINK); rtnl_newlink
turns to the change path as the kernel does.  `rtnl_setlink` exists for RTM_SETLINK users.
A refusal is `KernelError(errno, extack)`; success returns None.

Other entrances that iproute needs:
`k.net_namespace.create(name) -> Net`, `.delete(name)`, `.get(name) -> Net | None`, `.named()`;
`k.net_namespace.rtnl_net_newid(net, peer)` (RTM_NEWNSID, which `link-netns NS` sends first when
`k.net_namespace.peernet2id(net, peer)` is negative);
`k.dev.dev_get_by_name(net, name)` and `dev_get_by_index(net, ifindex)`; `net.dev_list()`;
`k.inet.addr_add(net, ifindex, address)` (RTM_NEWADDR), `k.inet.sysctl(net, ifname, key, value)`;
`k.modprobe(kind)` / `k.rmmod(kind)`; `k.link_kinds()`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .net_namespace import Net

AttrValue = str | int | bool | tuple[str, ...]
"""A value of IFLA_INFO_DATA, already parsed by iproute: numbers are int, addresses str."""


@dataclass(slots=True)
class PeerRequest:
    """Nested header and attributes of VETH_INFO_PEER, VXCAN_INFO_PEER, IFLA_NETKIT_PEER_INFO."""

    ifname: str | None = None
    net: Net | None = None
    """IFLA_NET_NS_FD of the peer; None: where the kernel puts it (link netns, else requester's)."""
    ifindex: int = 0
    mtu: int | None = None
    address: str | None = None
    group: int | None = None
    up: bool | None = None
    attrs: dict[str, AttrValue] = field(default_factory=dict)


@dataclass(slots=True)
class LinkRequest:
    """One RTM_NEWLINK, RTM_SETLINK or RTM_DELLINK message (struct ifinfomsg and attributes)."""

    sock_net: Net
    """The requester's netns: sock_net(skb->sk)."""

    ifname: str | None = None
    """IFLA_IFNAME: of the new device; the lookup key without ifindex; else the new name."""
    ifindex: int = 0
    """ifi_index: the device to change or delete, or the ifindex asked for (`index N`)."""
    kind: str | None = None
    """IFLA_INFO_KIND."""
    create: bool = False
    """NLM_F_CREATE."""
    excl: bool = False
    """NLM_F_EXCL."""

    link: int | None = None
    """IFLA_LINK: ifindex in link_net (else in the requester's netns)."""
    link_net: Net | None = None
    """IFLA_LINK_NETNSID, as the namespace that the nsid names in the target netns."""
    tgt_net: Net | None = None
    """IFLA_NET_NS_FD: where the device is to be."""
    new_ifindex: int = 0
    """IFLA_NEW_IFINDEX: ifindex in the target netns of a move."""

    peer: PeerRequest | None = None
    data: dict[str, AttrValue] = field(default_factory=dict)
    """IFLA_INFO_DATA by iproute2's option words (`mode`, `id`, `dstport`, `local` …)."""
    slave_kind: str | None = None

    up: bool | None = None
    """ifi_flags/ifi_change bit IFF_UP; None = not asked."""
    mtu: int | None = None
    address: str | None = None
    group: int | None = None
    """IFLA_GROUP; in a dellink without device: delete that group."""
    master: int | None = None
    """IFLA_MASTER: ifindex of the master; 0 = nomaster."""
    num_rx_queues: int | None = None
    num_tx_queues: int | None = None
    txqlen: int | None = None
    noarp: bool | None = None
    promisc: bool | None = None
    allmulticast: bool | None = None

    portid: int = 0
    """Netlink port of the requester (0: no acknowledgement or echo wanted)."""


@dataclass(slots=True)
class NewlinkParams:
    """What a driver's newlink gets beside the device (struct rtnl_newlink_params)."""

    req: LinkRequest
    src_net: Net
    """The requester's netns; always locked."""
    link_net: Net | None
    peer_net: Net | None

    @property
    def data(self) -> dict[str, AttrValue]:
        """IFLA_INFO_DATA."""
        return self.req.data

    def rtnl_newlink_link_net(self) -> Net:
        """Where the lower device or the backend lives."""
        return self.link_net or self.src_net

    def rtnl_newlink_peer_net(self) -> Net:
        """Where the peer goes."""
        return self.peer_net or self.link_net or self.src_net
