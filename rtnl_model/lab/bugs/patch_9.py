"""Patch 9 reverted: bareudp's list has no mutex of its own."""

from __future__ import annotations

from typing import Any

from lockcheck import shared

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]


class Links:
    """Stands for the bare pointers of one backend's list."""

    links = shared()

    def __init__(self, chk: Any, name: str) -> None:
        self.chk = chk
        self.name = name
        self.links = 0


def no_mutex(base: Any) -> Any:
    """The list is touched under the namespace's RTNL, whichever that is."""

    class Bareudp(base):  # type: ignore[misc]
        def init_net(self, net: Any) -> None:
            """The same list."""
            super().init_net(net)
            net.generic["links"] = Links(self.k.chk, f"bareudp list of {net.label}")

        def dellink(self, dev: Any, head: Any) -> None:
            """Test, removal and queueing without exclusion."""
            with self.k.probe.fn(f"{self.kind}_dellink", dev):
                self.delete_unlocked(dev, self.k.dev.dev_net(dev), head)

        def exit_rtnl(self, net: Any, head: Any) -> None:
            """The same for every device of the backend."""
            for dev in list(self.net_generic(net).dev_list):
                self.delete_unlocked(dev, net, head)

        def delete_unlocked(self, dev: Any, net: Any, head: Any) -> None:
            """Take it off the list if it is on it, and queue it."""
            bare = dev.priv.net.generic["links"]
            links = bare.links
            if self.claimed(dev):
                bare.links = links + 1
                self.list_del_init(self.backend(dev), dev)
                self.k.dev.unregister_netdevice_queue_net(net, dev, head)

    return Bareudp


ENTRY = Entry(
    id="patch-9",
    title="bareudp's list of a backend is changed by two namespaces at once",
    kind="patch",
    what="The list relies on RTNL; the device's namespace and the backend's both change it.",
    interleaving="the backend's namespace dies while the device is deleted in its own",
    symptom="with the global RTNL none; without it, list corruption",
    source="a278ea7ba32a",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add tun0 netns right type bareudp dstport 6635 ethertype mpls_uc
ip netns del left & ip -n right link del tun0 & wait
""",
    expected=(Expected("race", "links"), Expected("invariant", "queue")),
    setting=Setting(regime="pernet"),
    classes={"links.bareudp": no_mutex},
    search="explore",
    rounds=200,
)
