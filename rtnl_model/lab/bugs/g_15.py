"""G.15: the flush does not wait for a drain that somebody else is in the middle of."""

from __future__ import annotations

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]

ENTRY = Entry(
    id="G.15",
    title="a backend's namespace ends while its device elsewhere is still being unregistered",
    kind="candidate",
    what="The work looks at the pending list without a lock and returns; the flush waits for"
    " works only.",
    interleaving="K hands a tunnel to X; S, unlocking X, splices the list and is closing the"
    " tunnel; X's work finds the list empty; K's flush is over, the backend's data"
    " go; S uses them",
    symptom="use after free of the backend's data, WARN: list not empty",
    source="G.15, hazard 38",
    real_kernel="7.3-rc7 on 2 CPUs: seen in 1 of 102 rounds of a prepared loop.  WARNING at"
    " drivers/net/geneve.c:2719 in geneve_exit_net, under cleanup_net; the trace shows geneve_stop"
    " and udp_tunnel_sock_release by `ip` 15 ms after geneve_exit_net of the namespace.  The loop:"
    " the namespace that ends has one pfcp in a first namespace and ten running bareudp and geneve"
    " in a second one, where `ip -batch` takes and drops the lock all the time.  The first"
    " one's work is in its own todo, without RTNL, when `ip` begins to drain the second; its work,"
    " next on that CPU, finds the list empty, and the flush is over.  With the order of the two"
    " works the other way round not in 100 rounds, 44 of them drained by `ip`",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add tun0 netns right type bareudp dstport 6635 ethertype mpls_uc
ip -n right link set tun0 up
ip netns del left & ip -n right link set lo up & wait
""",
    expected=(Expected("invariant", ""), Expected("warn", "")),
    setting=Setting(regime="pernet"),
    search="explore",
    rounds=2000,
)
