"""Many threads make netkits and cards, lease, use, move, delete and unload at once."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from rtnl_model.kernel.errors import KernelError
from rtnl_model.kernel.netdev_genl import QueueCreateRequest
from rtnl_model.kernel.rtnetlink_request import LinkRequest, PeerRequest

from .worlds import booted, move

if TYPE_CHECKING:
    from rtnl_model.kernel.kernel import Kernel
    from rtnl_model.kernel.net_namespace import Net

THREADS = 5
OPERATIONS = 60


class Requester:
    """One thread: legal operations, chosen by its own generator; refusals are counted."""

    def __init__(self, k: Kernel, nets: list[Net], number: int, seed: int) -> None:
        self.k = k
        self.nets = nets
        self.number = number
        self.random = random.Random(seed * 1000 + number)
        self.leases = 0
        self.made = 0
        self.errors: list[BaseException] = []

    def body(self) -> None:
        """All its operations."""
        steps = [self.card, self.pair, self.pair, self.lease, self.lease, self.lease]
        steps += [self.delete, self.unload, self.move]
        for _ in range(OPERATIONS):
            try:
                self.random.choice(steps)(self.random.choice(self.nets))
            except KernelError:
                continue
            except Exception as error:
                self.errors.append(error)
                return

    def name(self, prefix: str) -> str:
        """Unique in the run."""
        self.made += 1
        return f"{prefix}{self.number}x{self.made}"

    def card(self, net: Net) -> None:
        driver = f"drv{self.random.randrange(2)}"
        self.k.netdevsim.add(net, -1, 4, self.name("p"), driver=driver, renamed=False)

    def pair(self, net: Net) -> None:
        peer = PeerRequest(self.name("q"), net=self.random.choice(self.nets))
        peer.attrs["numrxqueues"] = 4
        req = LinkRequest(sock_net=net, ifname=self.name("k"), kind="netkit", peer=peer)
        req.create = req.excl = True
        self.k.rtnetlink.rtnl_newlink(req)

    def lease(self, net: Net) -> None:
        where = self.random.choice(self.nets)
        virts = [dev for dev in net.dev_list() if dev.kind == "netkit" and not dev.priv.primary]
        cards = [dev for dev in where.dev_list() if dev.parent]
        if not virts or not cards:
            return
        virt, card = self.random.choice(virts), self.random.choice(cards)
        queue = self.k.netdev_genl.netdev_nl_queue_create_doit(
            QueueCreateRequest(
                net, virt.ifindex, card.ifindex, self.random.randrange(4), lease_net=where
            )
        )
        self.leases += 1
        kind = self.random.choice(("xsk", "provider"))
        self.k.netdev_rx_queue.open_user(net, virt.ifindex, queue, kind, self.name("app"))

    def delete(self, net: Net) -> None:
        found = [dev for dev in net.dev_list() if dev.kind == "netkit"]
        if found:
            ifindex = self.random.choice(found).ifindex
            self.k.rtnetlink.rtnl_dellink(LinkRequest(sock_net=net, ifindex=ifindex))

    def unload(self, _net: Net) -> None:
        self.k.rmmod(f"drv{self.random.randrange(2)}")

    def move(self, net: Net) -> None:
        found = [dev for dev in net.dev_list() if dev.name != "lo"]
        if found:
            move(self.k, net, self.random.choice(found), self.random.choice(self.nets))


@pytest.mark.parametrize("rtnl", ["global", "small", "pernet"])
def test_a_storm_of_leases_ends_with_nothing_left(rtnl: str, seed: int) -> None:
    """Nothing is found, every lease has ended with its netkit, every card goes with its driver."""
    with booted(rtnl) as k:
        nets = [k.net_namespace.create(f"n{i}") for i in range(4)]
        requesters = [Requester(k, [k.init_net, *nets], i, seed) for i in range(THREADS)]
        threads = [k.chk.Thread(target=r.body, name=f"requester{r.number}") for r in requesters]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for driver in sorted(k.netdevsim.cards):
            k.rmmod(driver)
        k.quiesce()

        assert [error for r in requesters for error in r.errors] == []
        assert sum(r.leases for r in requesters) > 0
        kept = [dev for net in (k.init_net, *nets) for dev in net.dev_list() if dev.rx_queues]
        assert [q for dev in kept for q in dev.rx_queues.values() if q.lease or q.user] == []
        for net in nets:
            k.net_namespace.delete(net.name)
        k.quiesce()
        assert {dev.kind for dev in k.init_net.dev_list()} <= {"", "netkit"}
