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
    real_kernel="7.3-rc7: not seen on 2 CPUs in 12 rounds of a prepared loop, nor in 5 under a"
    " detector of use after free. Works that wait as in G.5 hold the workers while"
    " cleanup_net sleeps in the flush; then they are let go and the device's namespace"
    " is locked up to 300 ms later. Weak: of the two rounds looked at, the device was"
    " still pending at that time in one, under the detector in neither",
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
