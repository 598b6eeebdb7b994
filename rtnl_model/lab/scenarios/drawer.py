"""One scenario in the making: what there is, and the actions that draw the next command from it.

An action returns an op in the recordings' format, or None when there is nothing to act on; then
another is drawn.  Everything random comes from the one `random.Random` that the drawer was given.

One file: one table of what may be drawn, a short method for each kind of operation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from rtnl_model.kernel.documents import Fields

from .kinds import Family, Kind
from .weights import Weights
from .world import Device, World

__all__ = ["Drawer", "Op"]

Op = Fields
"""One op of a scenario, in the recordings' format."""
GROUP = 7
INIT = "1"
"""How `ip` is asked for the initial namespace: that of process 1."""
NETNS_MAX = 5
TRIES = 30
DEPENDENT = frozenset({"vxlan", "amt"})
"""Tunnels that go with the lower that was named for them."""


class Drawer:
    """One scenario in the making."""

    def __init__(self, rng: Random, kinds: Sequence[Kind], weights: Weights) -> None:
        self.rng = rng
        self.kinds = list(kinds)
        self.world = World()
        self.made = 0
        self.cards = 0
        self.actions: dict[str, Callable[[], Op | None]] = {
            "add": self.add,
            "delete": self.delete,
            "move": self.move,
            "updown": self.updown,
            "rename": self.rename,
            "enslave": self.enslave,
            "release": self.release,
            "address": self.address,
            "mtu": self.mtu,
            "group": self.group,
            "group_delete": self.group_delete,
            "netns_delete": self.netns_delete,
            "netns_add": self.netns_add,
            "addr_add": self.addr_add,
            "wrong": self.wrong,
            "several": self.several,
            "module": self.module,
            "lease": self.lease,
        }
        table = weights.table()
        self.names = list(table)
        self.weights = [table[name] for name in self.names]

    # -- whole ops --

    def prologue(self) -> list[Op]:
        """Two to four namespaces."""
        ops = []
        for n in range(1, self.rng.randint(2, 4) + 1):
            self.world.netns.append(f"ns{n}")
            ops.append(_op("netns-add", f"ip netns add ns{n}", netns=f"ns{n}"))
        return ops

    def epilogue(self) -> list[Op]:
        """No card outlives its scenario: the next one would find it."""
        return [_op("wipe", "/nk wipe")] if self.cards else []

    def op(self) -> Op:
        """One op, drawn again until its action has something to act on."""
        for _ in range(TRIES):
            (name,) = self.rng.choices(self.names, self.weights)
            made = self.actions[name]()
            if made is not None:
                return made
        return self.must_add()

    def building(self) -> Op:
        """An op that makes the world richer."""
        for _ in range(TRIES):
            made = self.rng.choice((self.add, self.add, self.add, self.updown, self.enslave))()
            if made is not None:
                return made
        return self.must_add()

    def clash(self) -> Op:
        """One of several commands at one moment; the world is left as it is for the others."""
        devices = list(self.world.devices)
        state = [(d, d.netns, d.up, d.master) for d in devices]
        netns = list(self.world.netns)
        draws = (self.delete, self.delete, self.move, self.netns_delete, self.updown, self.add)
        try:
            for _ in range(TRIES):
                made = self.rng.choice(draws)()
                if made is not None:
                    return made
            return self.must_add()
        finally:
            self.world.devices, self.world.netns = devices, netns
            for device, at, up, master in state:
                device.netns, device.up, device.master = at, up, master

    def several(self) -> Op | None:
        """Commands that follow one another at once."""
        ops = []
        for _ in range(self.rng.randint(2, 3)):
            name = self.rng.choice(("add", "delete", "move", "updown"))
            made = self.actions[name]()
            if made is not None:
                ops.append(made)
        return {"op": "seq", "ops": ops} if len(ops) > 1 else (ops[0] if ops else None)

    # -- choices --

    def some_netns(self) -> str:
        """A namespace; seldom the initial one."""
        if not self.world.netns or self.rng.random() < 0.04:
            return ""
        return self.rng.choice(self.world.netns)

    def some_device(self, netns: str | None = None) -> Device | None:
        found = self.world.live(netns)
        return self.rng.choice(found) if found else None

    def some_lower(self) -> Device | None:
        """Mostly something that takes uppers, sometimes anything."""
        found = self.world.live()
        if self.rng.random() < 0.85:
            found = [d for d in found if d.family not in (Family.TUNNEL,) or d.kind == "geneve"]
        return self.rng.choice(found) if found else None

    def fresh(self, short: str) -> str:
        """A name of its own; now and then one that is taken somewhere."""
        if self.world.devices and self.rng.random() < 0.04:
            return self.rng.choice(self.world.devices).name
        self.made += 1
        return f"{short}{self.made}"

    # -- actions: each returns an op, or None when there is nothing to act on --

    def must_add(self) -> Op:
        """Something that can always be made."""
        if not self.world.netns:
            return self.netns_add() or self.plain_dummy()
        return self.plain_dummy()

    def plain_dummy(self) -> Op:
        name, netns = self.fresh("dm"), self.some_netns()
        self.world.add(Device(name, "dummy", netns))
        return _link_add(netns, name, "dummy", "type dummy")

    def add(self) -> Op | None:
        """A device of a random kind."""
        (kind,) = self.rng.choices(self.kinds, [k.weight for k in self.kinds])
        match kind.family:
            case Family.PAIRED:
                return self.add_pair(kind)
            case Family.STACKED:
                return self.add_stacked(kind)
            case Family.TUNNEL:
                return self.add_tunnel(kind)
            case Family.SLAVES:
                return self.add_slaves(kind)
            case _:
                return self.add_alone(kind)

    def general(self) -> str:
        """Options of any link, seldom."""
        draw = self.rng.random()
        if draw < 0.05:
            return " up"
        if draw < 0.08:
            return f" mtu {self.rng.choice((1400, 1280, 9000, 70000))}"
        if draw < 0.10:
            return f" address 02:00:00:00:00:{self.rng.randrange(1, 5):02x}"
        if draw < 0.12:
            return f" group {GROUP}"
        if draw < 0.13:
            return f" index {self.rng.randrange(5, 60)}"
        return ""

    def add_alone(self, kind: Kind) -> Op:
        netns, name = self.some_netns(), self.fresh(kind.short)
        general = self.general()
        target = netns
        if self.rng.random() < 0.12:
            target = self.some_netns()
            general += f" netns {target}" if target else ""
            target = target or netns
        self.world.add(Device(name, kind.name, target, up=" up" in general))
        return _link_add(
            netns, name, kind.name, general.strip(), f"type {kind.name}", kind.options(self.rng)
        )

    def add_pair(self, kind: Kind) -> Op:
        netns, name, peer_name = self.some_netns(), self.fresh(kind.short), self.fresh(kind.short)
        general = self.general()
        there = self.some_netns() if self.rng.random() < 0.75 else netns
        peer = f"peer name {peer_name}"
        if there != netns:
            peer += f" netns {there or INIT}"
        one = Device(name, kind.name, netns, up=" up" in general)
        other = Device(peer_name, kind.name, there, peer=one)
        one.peer = other
        self.world.add(one)
        self.world.add(other)
        words = f"type {kind.name}", kind.options(self.rng), peer
        return _link_add(netns, name, kind.name, general.strip(), *words)

    def placement(self) -> tuple[str, str, str, str]:
        """(where `ip` runs, its words, namespace of the device, the other one): all three ways."""
        here, there = self.some_netns(), self.some_netns()
        draw = self.rng.random()
        if draw < 0.4 or here == there or not there or not here:
            return here, "", here, here
        if draw < 0.7:
            return here, f"link-netns {there}", here, there
        return there, f"netns {here}", here, there

    def add_tunnel(self, kind: Kind) -> Op | None:
        run, words, netns, backend = self.placement()
        name = self.fresh(kind.short)
        options = kind.options(self.rng)
        lowers: list[Device] = []
        if kind.needs_lower or (kind.may_have_lower and self.rng.random() < 0.25):
            lower = self.some_device(run)
            if lower is None and kind.needs_lower:
                return None
            if lower is not None:
                options += f" dev {lower.name}"
                lowers.append(lower)
        general = self.general()
        device = Device(name, kind.name, netns, up=" up" in general, backend=backend)
        if kind.name in DEPENDENT:
            device.lowers = lowers
        self.world.add(device)
        return _link_add(run, name, kind.name, words, general.strip(), f"type {kind.name}", options)

    def add_stacked(self, kind: Kind) -> Op | None:
        lower = self.some_lower()
        if lower is None:
            return None
        name = self.fresh(kind.short)
        netns = lower.netns if self.rng.random() < 0.35 else self.some_netns() or lower.netns
        general = self.general()
        self.world.add(Device(name, kind.name, netns, up=" up" in general, lowers=[lower]))
        words = [f"type {kind.name}", kind.options(self.rng)]
        if netns == lower.netns:
            return _link_add(netns, name, kind.name, f"link {lower.name}", general.strip(), *words)
        if not netns or (lower.netns and self.rng.random() < 0.7):
            at = f"link {lower.name} link-netns {lower.netns}"
            return _link_add(netns, name, kind.name, at, general.strip(), *words)
        at = f"link {lower.name} netns {netns}"
        return _link_add(lower.netns, name, kind.name, at, general.strip(), *words)

    def add_slaves(self, kind: Kind) -> Op | None:
        netns = self.some_netns()
        found = self.world.live(netns)
        if len(found) < 2:
            return None
        one, other = self.rng.sample(found, 2)
        name = self.fresh(kind.short)
        self.world.add(Device(name, kind.name, netns, lowers=[]))
        return _link_add(
            netns, name, kind.name, f"type {kind.name} slave1 {one.name} slave2 {other.name}"
        )

    def delete(self) -> Op | None:
        device = self.some_device()
        if device is None:
            return None
        self.world.remove(device)
        return _link(device, "link-del", f"link del {device.name}")

    def move(self) -> Op | None:
        device = self.some_device()
        if device is None:
            return None
        to = self.some_netns()
        if to == device.netns and self.rng.random() < 0.6:
            return None
        words = f"link set {device.name} netns {to or INIT}"
        if self.rng.random() < 0.08:
            new = self.fresh("rn")
            words += f" name {new}"
            old, device.name = device.name, new
            where = device.netns
            self.world.move(device, to)
            return _ip(where, "link-set-netns", words, dev=old, to=to)
        where = device.netns
        self.world.move(device, to)
        return _ip(where, "link-set-netns", words, dev=device.name, to=to)

    def updown(self) -> Op | None:
        device = self.some_device()
        if device is None:
            return None
        device.up = not device.up if self.rng.random() < 0.9 else device.up
        return _link(device, "link-set", f"link set {device.name} {'up' if device.up else 'down'}")

    def rename(self) -> Op | None:
        device = self.some_device()
        if device is None:
            return None
        old, new = device.name, self.fresh("rn")
        device.name = new
        return _ip(device.netns, "link-set", f"link set {old} name {new}", dev=old)

    def enslave(self) -> Op | None:
        masters = [
            d for d in self.world if d.family is Family.MASTER and len(self.world.live(d.netns)) > 1
        ]
        if not masters or self.rng.random() < 0.05:
            masters = list(self.world)
        if not masters:
            return None
        master = self.rng.choice(masters)
        slave = self.some_device(master.netns)
        if slave is None or (slave is master and self.rng.random() < 0.8):
            return None
        slave.master = master
        return _link(slave, "link-set", f"link set {slave.name} master {master.name}")

    def release(self) -> Op | None:
        slaves = [d for d in self.world if d.master is not None]
        if not slaves:
            return None
        slave = self.rng.choice(slaves)
        slave.master = None
        return _link(slave, "link-set", f"link set {slave.name} nomaster")

    def address(self) -> Op | None:
        device = self.some_device()
        if device is None:
            return None
        value = f"02:00:00:00:00:{self.rng.randrange(1, 5):02x}"
        return _link(device, "link-set", f"link set {device.name} address {value}")

    def mtu(self) -> Op | None:
        device = self.some_device()
        if device is None:
            return None
        value = self.rng.choice((576, 1280, 1400, 1500, 9000))
        return _link(device, "link-set", f"link set {device.name} mtu {value}")

    def group(self) -> Op | None:
        device = self.some_device()
        if device is None:
            return None
        return _link(device, "link-set", f"link set {device.name} group {GROUP}")

    def group_delete(self) -> Op | None:
        netns = self.some_netns()
        return _ip(netns, "link-del", f"link del group {GROUP}", dev="")

    def netns_delete(self) -> Op | None:
        if len(self.world.netns) < 2 or len(self.world.devices) < self.rng.randrange(6):
            return None
        name = self.rng.choice(self.world.netns)
        self.world.remove_netns(name)
        return _op("netns-del", f"ip netns del {name}", netns=name)

    def netns_add(self) -> Op | None:
        free = [f"ns{n}" for n in range(1, NETNS_MAX + 1) if f"ns{n}" not in self.world.netns]
        if not free:
            return None
        name = self.rng.choice(free)
        self.world.netns.append(name)
        return _op("netns-add", f"ip netns add {name}", netns=name)

    def addr_add(self) -> Op | None:
        device = self.some_device()
        if device is None:
            return None
        address = f"198.51.100.{self.rng.randrange(1, 5)}/24"
        return _ip(
            device.netns, "addr-add", f"addr add {address} dev {device.name}", dev=device.name
        )

    def wrong(self) -> Op | None:
        """A command that cannot work."""
        netns = self.some_netns()
        device = self.some_device(netns)
        draw = self.rng.randrange(6)
        if draw == 0:
            return _ip(netns, "link-del", "link del nosuch", dev="nosuch")
        if draw == 1:
            return _op("netns-add", f"ip netns add {netns}", netns=netns) if netns else None
        if draw == 2 and device is not None:
            return _link(device, "link-set", f"link set {device.name} netns nowhere")
        if draw == 3 and device is not None:
            return _link_add(netns, device.name, "dummy", "type dummy")
        if draw == 4:
            return _link_add(netns, "st1", "vlan", "link nosuch", "type vlan id 5")
        if draw == 5:
            kind = self.rng.choice(self.kinds)
            if kind.family is Family.STACKED:
                return _link_add(
                    netns, "st1", kind.name, "link lo", f"type {kind.name}", kind.options(self.rng)
                )
            return _link_add(netns, "st1", kind.name, f"type {kind.name}")
        return None

    def module(self) -> Op:
        """Unload a driver; the next add loads it again."""
        kind = self.rng.choice(self.kinds)
        for device in [d for d in self.world if d.kind == kind.name]:
            self.world.remove(device)
        return _op("module", f"rmmod {kind.name}")

    def lease(self) -> Op | None:
        """Make a physical device, or lease one of its queues to a netkit."""
        cards = [d for d in self.world if d.kind == "phys"]
        kits = [d for d in self.world if d.kind == "netkit"]
        if not cards or self.rng.random() < 0.2:
            self.cards += 1
            name = f"p{self.cards}"
            self.world.add(Device(name, "phys", ""))
            return _op(
                "phys-add", f"/nk nsim-add {self.cards} 4 {name}", id=self.cards, queues=4, dev=name
            )
        if not kits or self.rng.random() < 0.4:
            one, other = self.fresh("nk"), self.fresh("nk")
            here, there = self.some_netns(), self.some_netns()
            first = Device(one, "netkit", here)
            second = Device(other, "netkit", there, peer=first)
            first.peer = second
            self.world.add(first)
            self.world.add(second)
            words = f"numrxqueues 3 type netkit mode l2 peer name {other} numrxqueues 3"
            return _link_add(here, one, "netkit", words, f"netns {there or INIT}")
        if self.rng.random() < 0.15:
            card = self.rng.choice(cards)
            self.world.remove(card)
            return _op("phys-del", f"/nk nsim-del {card.name[1:]}", id=int(card.name[1:]))
        kit, card = self.rng.choice(kits), self.rng.choice(cards)
        queue = self.rng.randrange(0, 5)
        home, there = kit.netns or "init", card.netns or "init"
        return _op(
            "lease",
            f"/nk lease {home} {kit.name} {there} {card.name} {queue}",
            netns=home,
            dev=kit.name,
            phys_netns=there,
            phys=card.name,
            queue=queue,
        )


def _op(op: str, cmd: str, **fields: Any) -> Op:  # an op's fields
    return {"op": op, **fields, "cmd": cmd}


def _ip(netns: str, op: str, words: str, **fields: Any) -> Op:  # an op's fields
    return _op(op, f"ip -n {netns} {words}" if netns else f"ip {words}", netns=netns, **fields)


def _link(device: Device, op: str, words: str) -> Op:
    return _ip(device.netns, op, words, dev=device.name)


def _link_add(netns: str, name: str, kind: str, *words: str) -> Op:
    text = " ".join(word for word in words if word)
    return _ip(netns, "link-add", f"link add {name} {text}", dev=name, type=kind)
