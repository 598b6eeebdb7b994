"""The words that each kind takes after `type KIND`, in the order of its parse_opt.

Kinds that a driver of the model exists for; what the values mean is `kind_data`'s.  Left out:
options that no device's life depends on, unless a user is likely to write them.
"""

from __future__ import annotations

from .keywords import Word, words

__all__ = ["KIND_OPTIONS", "PEER_KINDS"]

_KEYS = words("key ikey okey")
_ENDS = words("remote local dev", exact=True)
_TTL = words("ttl hlim hoplimit tos tclass dsfield encaplimit flowlabel fwmark")
_SWITCHES = words("pmtudisc nopmtudisc noencap external allow-localremote isatap", values=0)
_IPTNL = (*_ENDS, *_TTL, *_SWITCHES, *words("mode"))
_IP6TNL = (*words("mode"), *_IPTNL[:-1])
_VTI = (*_KEYS, *_ENDS, *words("fwmark"))
_GRE = (
    *_KEYS,
    *words("seq iseq oseq csum icsum ocsum ignore-df noignore-df", values=0),
    *_ENDS,
    *_TTL,
    *_SWITCHES,
    *words("erspan_ver erspan erspan_dir erspan_hwid", exact=True),
)
_VXLAN = (
    Word("id"),
    Word("vni", key="id"),
    *words("group group6 remote remote6 local local6 dev", exact=True),
    *words("ttl hoplimit tos dsfield df flowlabel ageing maxaddress"),
    *words("port srcport", values=2),
    Word("dstport"),
    *words(
        "nolearning learning noproxy proxy norsc rsc nol2miss l2miss nol3miss l3miss udpcsum "
        "noudpcsum udp6zerocsumtx noudp6zerocsumtx udp6zerocsumrx noudp6zerocsumrx external "
        "noexternal gbp gpe localbypass nolocalbypass vnifilter novnifilter",
        values=0,
    ),
)
_MACSEC = (
    *words("address port sci cipher icvlen"),
    *words("encrypt send_sci end_station scb protect replay window validate encodingsa offload"),
)
_IPVLAN = (Word("mode"), *words("private vepa bridge", values=0))
_MACVLAN = (
    Word("mode"),
    *words("flag", modelled=False),
    Word("bcqueuelen"),
    *words("bclim macaddr", modelled=False),
    *words("nopromisc", values=0, modelled=False),
)
_PEER = (Word("peer", 0, exact=True),)
KIND_OPTIONS: dict[str, tuple[Word, ...]] = {
    "dummy": (),
    "veth": _PEER,
    "vxcan": _PEER,
    "netkit": (
        Word("mode"),
        *words("forward blackhole", values=0),
        Word("policy", exact=True),
        Word("scrub"),
        Word("headroom"),
        Word("tailroom"),
        *_PEER,
    ),
    "bareudp": (
        Word("dstport"),
        Word("ethertype"),
        Word("srcportmin"),
        *words("multiproto nomultiproto", values=0),
    ),
    "geneve": (
        Word("id"),
        Word("vni", key="id"),
        Word("remote"),
        Word("ttl"),
        Word("hoplimit", key="ttl"),
        Word("tos"),
        Word("dsfield", key="tos"),
        Word("df"),
        Word("flowlabel"),
        Word("dstport"),
        *words(
            "external noexternal udpcsum noudpcsum udp6zerocsumtx noudp6zerocsumtx "
            "udp6zerocsumrx noudp6zerocsumrx innerprotoinherit",
            values=0,
        ),
    ),
    "ipvlan": _IPVLAN,
    "ipvtap": _IPVLAN,
    "macvlan": _MACVLAN,
    "macvtap": _MACVLAN,
    "vlan": (
        Word("protocol"),
        Word("id"),
        *words("reorder_hdr gvrp mvrp loose_binding bridge_binding", modelled=False),
    ),
    "pfcp": (),
    "ifb": (),
    "nlmon": (),
    "team": (),
    "vcan": (),
    "wireguard": (),
    "vxlan": _VXLAN,
    "gtp": words("role hsize restart_count"),
    "amt": words("mode relay_port gateway_port local dev discovery max_tunnels"),
    "ipip": _IPTNL,
    "sit": _IPTNL,
    "gre": _GRE,
    "gretap": _GRE,
    "erspan": _GRE,
    "vti": _VTI,
    "vti6": _VTI,
    "ip6tnl": _IP6TNL,
    "ip6gre": _GRE,
    "xfrm": (Word("dev"), Word("if_id"), Word("external", 0)),
    "macsec": _MACSEC,
    "hsr": words("slave1 slave2 interlink supervision version proto"),
    "bridge": words(
        "forward_delay hello_time max_age ageing_time stp_state priority vlan_filtering "
        "vlan_protocol group_fwd_mask group_address mcast_snooping mcast_router vlan_default_pvid",
        modelled=True,
    ),
    "bond": words(
        "mode active_slave clear_active_slave miimon updelay downdelay peer_notify_delay "
        "use_carrier arp_interval primary xmit_hash_policy lacp_rate ad_select"
    ),
    "vrf": words("table"),
    "phys": (Word("driver", exact=True), Word("queues", exact=True)),
}
"""Options after `type KIND` of the kinds that a driver of the model exists for."""

PEER_KINDS = frozenset({"veth", "vxcan", "netkit"})
