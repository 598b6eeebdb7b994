"""What a stressing requester asks for next: random legal `ip` commands, made from a seed.

A `Requester` has its own `random.Random`, so what it *draws* depends on the seed and its number
only; what exists when it looks depends on the others.  It reads device lists without locks, as a
user's `ip link` would be outdated too: a command may come too late, and fails as on a kernel.

Commands are text, so that a finding's story is a script.  Several requesters go for the same thing
on purpose: what one is about to delete, another may have read from `Targets` and delete as well.

One file: one requester, a short method for each command that it may type.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from lockcheck import looking
from rtnl_model.kernel.links.netkit import NetkitPriv
from rtnl_model.kernel.links.paired import PairPriv

from .scenarios import KINDS, Family

if TYPE_CHECKING:
    from rtnl_model.kernel.kernel import Kernel
    from rtnl_model.kernel.net_namespace import Net
    from rtnl_model.kernel.netdevice import NetDevice

__all__ = ["DEFAULT_DRIVERS", "MIXES", "Mix", "Requester", "Targets", "parse_mix", "peer_of"]

DEFAULT_DRIVERS: Final = ("dummy", "veth", "bareudp", "ipvlan", "ipvtap")

Mix = Mapping[str, float]
"""Weight of each action."""

MIXES: Final[Mapping[str, Mix]] = {
    "default": {
        "create": 40, "stack": 22, "delete": 28, "both": 8, "move": 8, "updown": 10, "rename": 1,
        "group": 3, "netns": 4, "twins": 1, "doom": 4, "module": 0.3, "sysctl": 0, "nested": 0,
        "change": 6, "card": 3, "lease": 6, "enslave": 6,
    },
    "churn": {"create": 40, "stack": 20, "delete": 40, "both": 10},
    "netns": {
        "create": 30, "stack": 15, "delete": 10, "netns": 12, "twins": 5, "doom": 8, "move": 4,
    },
    "move": {"create": 30, "stack": 15, "delete": 15, "both": 5, "move": 40, "updown": 5},
    "modules": {"create": 40, "stack": 20, "delete": 10, "module": 5, "netns": 3},
    "nested": {"create": 30, "stack": 25, "nested": 15, "delete": 30, "both": 8, "updown": 3},
    "sysctl": {"create": 30, "stack": 10, "delete": 30, "both": 8, "sysctl": 25},
    "change": {"create": 25, "stack": 25, "delete": 15, "change": 40, "updown": 15, "move": 5},
    "lease": {"create": 30, "delete": 20, "card": 15, "lease": 30, "netns": 2, "move": 8},
}  # fmt: skip
"""By name.  `nested` and `sysctl` reach defects that 7.3 has (G.1, G.14)."""

GROUP: Final = 7
POPULATION: Final = 14
"""Devices a namespace may have before deleting is preferred."""
PAIRED: Final = tuple(kind.name for kind in KINDS.values() if kind.family is Family.PAIRED)
TUNNELS: Final = tuple(kind.name for kind in KINDS.values() if kind.family is Family.TUNNEL)
STACKED: Final = tuple(kind.name for kind in KINDS.values() if kind.family is Family.STACKED)
MASTERS: Final = tuple(kind.name for kind in KINDS.values() if kind.family is Family.MASTER)
CARD_DRIVER: Final = "stress"
"""The driver of the plain cards; `rmmod stress` removes them all."""
QUEUES: Final = 4
"""Of a card, and of both ends of a netkit when cards are among the drivers."""
OWN_SHARE: Final = 0.4
"""Of the devices that are made: the least of the user's kinds."""
OWN_ALONE: Final = 0.3
"""Share of devices of a user's kind that are asked for without a lower."""
MTUS: Final = (1280, 1400, 1500)


def parse_mix(text: str) -> Mix:
    """A mix by name, or `action=weight,…` on top of the default. Raises: ValueError."""
    if text in MIXES:
        return MIXES[text]
    mix = dict(MIXES["default"])
    for part in text.split(","):
        action, sep, weight = part.partition("=")
        if not sep or action not in mix:
            raise ValueError(
                f"no mix and no action called {action!r}; mixes: {', '.join(MIXES)};"
                f" actions: {', '.join(mix)}"
            )
        mix[action] = float(weight)
        if mix[action] < 0:
            raise ValueError(f"weight of {action} is negative")
    if not any(mix.values()):
        raise ValueError("every weight of the mix is 0")
    return mix


class Targets:
    """What requesters are about to delete: for others to delete too.  A hint, unguarded."""

    def __init__(self) -> None:
        self.recent: deque[tuple[str, str]] = deque(maxlen=8)
        """(netns, device)."""


def peer_of(dev: NetDevice) -> NetDevice | None:
    """The other end of a pair, looked at without a lock."""
    if isinstance(dev.priv, PairPriv):
        peer: NetDevice | None = dev.priv.peer.value
        return peer
    return dev.priv.peer if isinstance(dev.priv, NetkitPriv) else None


class Requester:
    """One thread's endless list of commands."""

    def __init__(
        self,
        k: Kernel,
        number: int,
        seed: int,
        *,
        names: Sequence[str],
        drivers: Sequence[str],
        own: Sequence[str] = (),
        mix: Mix,
        targets: Targets,
    ) -> None:
        self.k = k
        self.number = number
        self.rng = random.Random(f"{seed}/{number}")
        self.names = names
        self.targets = targets
        self.made = 0
        actions: dict[str, Callable[[], str | None]] = {
            "create": self.create, "stack": self.stack, "nested": self.nested,
            "delete": self.delete, "both": self.both, "move": self.move, "updown": self.updown,
            "rename": self.rename, "group": self.group, "netns": self.netns,
            "twins": self.twins, "doom": self.doom, "module": self.module, "sysctl": self.sysctl,
            "change": self.change, "card": self.card, "lease": self.lease,
            "enslave": self.enslave,
        }  # fmt: skip
        self.own = own
        """Kinds of the user's: whether they need a lower, nobody says."""
        self.creators = [kind for kind in drivers if kind not in STACKED and kind != "phys"]
        self.stackers = [kind for kind in drivers if kind in STACKED]
        self.cards = "phys" in drivers
        self.modules = [kind for kind in drivers if kind != "phys"]
        usable = {
            name: weight
            for name, weight in mix.items()
            if weight > 0
            and not (name in ("stack", "nested") and not self.stackers)
            and not (name == "create" and not self.creators)
            and not (name == "card" and not self.cards)
            and not (name == "enslave" and not set(MASTERS) & set(drivers))
            and not (name == "lease" and not (self.cards and "netkit" in drivers))
        }
        self.actions = [actions[name] for name in usable]
        self.weights = list(usable.values())

    def next_command(self) -> str:
        """One line of script; drawn again until an action has something to act on."""
        for _attempt in range(20):
            (action,) = self.rng.choices(self.actions, self.weights)
            with looking(self.k.chk):
                command = action()
            if command is not None:
                return command
        return f"ip netns add {self.rng.choice(self.names)}"

    # -- what there is --

    def some_net(self) -> Net | None:
        """A namespace that exists at the moment."""
        for _attempt in range(4):
            net = self.k.net_namespace.get(self.rng.choice(self.names))
            if net is not None:
                return net
        return None

    def other_net(self, than: Net | None) -> Net | None:
        """Another namespace, where there is one."""
        net = self.some_net()
        return net if net is not than else self.some_net()

    def some_dev(self, kinds: Sequence[str] | None = None) -> tuple[Net, NetDevice] | None:
        """A device of one of these kinds (any but lo), and its namespace."""
        for _attempt in range(6):
            net = self.some_net()
            if net is None:
                return None
            devs = [
                dev
                for dev in net.dev_list()
                if (dev.kind in kinds if kinds is not None else dev.kind)
            ]
            if devs:
                return net, self.rng.choice(devs)
        return None

    def fresh_name(self, kind: str) -> str:
        """A name that recurs now and then, so that names collide."""
        self.made += 1
        return f"{kind[:2]}{self.number}x{self.made % 60}"

    # -- actions; each returns a command, or None when there is nothing to act on --

    def create(self) -> str | None:
        """A device that needs no lower: alone, in two namespaces, or with a backend elsewhere."""
        here = self.some_net()
        there = self.other_net(here)
        if here is None or there is None:
            return self.netns_add()
        if len(here.devs) > POPULATION:
            return self.delete_in(here)
        wanted = self.own if self.own and self.rng.random() < OWN_SHARE else self.creators
        kind = self.rng.choice(wanted)
        name = self.fresh_name(kind)
        at = f"ip -n {here.name} link add {name}"
        if kind == "netkit" and self.cards:
            peer = f"peer name {self.fresh_name(kind)} numrxqueues {QUEUES} netns {there.name}"
            return f"{at} numrxqueues {QUEUES} type netkit mode l3 {peer}"
        if kind in PAIRED:
            return f"{at} type {kind} peer name {self.fresh_name(kind)} netns {there.name}"
        if kind == "bareudp":
            port = self.rng.randrange(6000, 60000)
            return f"{at} netns {there.name} type bareudp dstport {port} ethertype mpls_uc"
        if kind == "geneve":
            vni = self.rng.randrange(1, 1 << 20)
            return f"{at} netns {there.name} type geneve id {vni} remote 192.0.2.1"
        if kind in self.own:
            return f"{at}{self.lower_for(here, kind)} type {kind}"
        if kind in TUNNELS and kind != "amt":
            told = KINDS[kind].may_have_lower and self.rng.random() < 0.2
            lower = self.some_lower_of(there) if told else ""
            return f"{at} netns {there.name} type {kind} {self.words_of(kind)}{lower}".rstrip()
        if kind == "amt":
            if self.number != 1:  # 7.3 warns when a stream device with two of them goes
                return None
            lower = self.some_lower_of(here, without="amt")
            return f"{at} type amt {self.words_of(kind)}{lower}" if lower else None
        if kind == "hsr":
            return self.create_hsr(here, at)
        return f"{at} type {kind} {self.words_of(kind)}".rstrip()

    def lower_for(self, here: Net, kind: str) -> str:
        """` link DEV` of a device of another kind, mostly elsewhere; now and then nothing."""
        found = self.some_dev([other for other in self.creators if other not in self.own])
        if found is None or self.rng.random() < OWN_ALONE:
            return ""
        net, dev = found
        return f" link {dev.name}" + (f" link-netns {net.name}" if net is not here else "")

    def words_of(self, kind: str) -> str:
        """The words after `type KIND`, from the table of kinds."""
        return KINDS[kind].options(self.rng) if kind in KINDS else ""

    def some_lower_of(self, net: Net, without: str = "") -> str:
        """` dev NAME` of a device there that has no upper of kind `without`."""
        devs = [
            dev
            for dev in net.dev_list()
            if dev.kind and all(upper.dev.kind != without for upper in list(dev.upper))
        ]
        return f" dev {self.rng.choice(devs).name}" if devs else ""

    def create_hsr(self, net: Net, at: str) -> str | None:
        """On two devices of its own namespace."""
        devs = [dev for dev in net.dev_list() if dev.kind]
        if len(devs) < 2:
            return None
        one, other = self.rng.sample(devs, 2)
        return f"{at} type hsr slave1 {one.name} slave2 {other.name}"

    def enslave(self) -> str | None:
        """Put a device into a master of its namespace, or take it out."""
        found = self.some_dev(MASTERS)
        if found is None:
            return None
        net, master = found
        devs = [dev for dev in net.dev_list() if dev.kind and dev is not master]
        if not devs:
            return None
        slave = self.rng.choice(devs)
        at = f"ip -n {net.name} link set {slave.name}"
        if slave.up and self.rng.random() < 0.5:
            return f"{at} down"
        return f"{at} nomaster" if slave.upper else f"{at} master {master.name}"

    def card(self) -> str:
        """A physical device appears in the initial namespace, is moved, or all of them go."""
        drawn = self.rng.random()
        cards = self.all_cards()
        if drawn < 0.5 or not cards:
            name = f"card{self.number}x{self.rng.randrange(4)}"
            return f"ip link add {name} type phys driver {CARD_DRIVER} queues {QUEUES}"
        if drawn < 0.6:
            return f"rmmod {CARD_DRIVER}"
        net, dev = self.rng.choice(cards)
        at = f"ip -n {net.name}" if net.name else "ip"
        to = self.some_net()
        return f"{at} link set {dev.name} netns {to.name if to is not None else 'init'}"

    def all_cards(self) -> list[tuple[Net, NetDevice]]:
        """Every card, wherever it is."""
        nets = [self.k.init_net, *self.k.net_namespace.named().values()]
        return [(net, dev) for net in nets for dev in net.dev_list() if dev.parent]

    def lease(self) -> str | None:
        """A queue of a card for the other end of a netkit."""
        cards, found = self.all_cards(), self.some_dev(["netkit"])
        if not cards or found is None:
            return None
        (home, card), (net, dev) = self.rng.choice(cards), found
        at = f"{home.name}/{card.name}" if home.name else card.name
        return f"lease {at} queue {self.rng.randrange(1, QUEUES)} to {net.name}/{dev.name}"

    def change(self) -> str | None:
        """An attribute: mtu, address, ARP, or the mode of all uppers of a port."""
        found = self.some_dev()
        if found is None:
            return None
        net, dev = found
        at = f"ip -n {net.name} link set {dev.name}"
        drawn = self.rng.random()
        if dev.kind in ("ipvlan", "ipvtap") and drawn < 0.6:
            return f"{at} type {dev.kind} mode {self.rng.choice(('l2', 'l3', 'l3s'))}"
        if drawn < 0.7:
            return f"{at} mtu {self.rng.choice(MTUS)}"
        if drawn < 0.85:
            return f"{at} address 02:00:00:00:{self.number:02x}:{self.rng.randrange(256):02x}"
        return f"{at} arp {self.rng.choice(('on', 'off'))}"

    def stack(self) -> str | None:
        """An upper, mostly in another namespace than its lower."""
        found = self.some_dev([kind for kind in self.creators if kind not in TUNNELS])
        net = self.other_net(found[0] if found is not None else None)
        if found is None or net is None:
            return None
        home, lower = found
        return self.upper(net, home, lower)

    def nested(self) -> str | None:
        """An upper on an upper, which is flattened to the lower below."""
        found = self.some_dev(self.stackers)
        net = self.some_net()
        if found is None or net is None:
            return None
        home, lower = found
        return self.upper(net, home, lower)

    def upper(self, net: Net, home: Net, lower: NetDevice) -> str:
        kind = self.rng.choice(self.stackers)
        mode = {"macvlan": "bridge", "macvtap": "vepa"}.get(kind) or self.rng.choice(
            ("l2", "l2", "l3", "l3s")
        )
        link = f"link {lower.name}"
        if net is not home:
            link += f" link-netns {home.name}"
        at = f"ip -n {net.name} link add {self.fresh_name(kind)} {link} type {kind}"
        if kind == "vlan":
            return f"{at} id {self.rng.randrange(1, 5)}"
        if kind == "macsec":
            return f"{at} sci {self.rng.randrange(1, 1 << 16)}"
        return f"{at} mode {mode}"

    def delete(self) -> str | None:
        """Any device; often one that somebody else deletes as well."""
        recent = self.targets.recent
        if recent and self.rng.random() < 0.3:
            try:
                netns, dev = recent[self.rng.randrange(len(recent))]
            except IndexError:
                return None
            return f"ip -n {netns} link del {dev}"
        net = self.some_net()
        return None if net is None else self.delete_in(net)

    def delete_in(self, net: Net) -> str | None:
        devs = [dev for dev in net.dev_list() if dev.kind]
        if not devs:
            return None
        tied = [dev for dev in devs if dev.upper or dev.kind in PAIRED]
        dev = self.rng.choice(tied if tied and self.rng.random() < 0.7 else devs)
        self.targets.recent.append((net.name, dev.name))
        for upper in [adjacent.dev for adjacent in list(dev.upper)][:2]:
            self.targets.recent.append((upper.peek_net().name, upper.name))
        return f"ip -n {net.name} link del {dev.name}"

    def both(self) -> str | None:
        """One end of a pair, after pointing the others at the other end."""
        found = self.some_dev([kind for kind in self.creators if kind in PAIRED])
        if found is None:
            return None
        net, dev = found
        other = peer_of(dev)
        if other is not None:
            self.targets.recent.append((other.peek_net().name, other.name))
        return f"ip -n {net.name} link del {dev.name}"

    def move(self) -> str | None:
        """To another namespace."""
        found, net = self.some_dev(), self.some_net()
        if found is None or net is None or found[0] is net:
            return None
        return f"ip -n {found[0].name} link set {found[1].name} netns {net.name}"

    def updown(self) -> str | None:
        found = self.some_dev()
        if found is None:
            return None
        word = "down" if found[1].up else "up"
        return f"ip -n {found[0].name} link set {found[1].name} {word}"

    def rename(self) -> str | None:
        found = self.some_dev()
        if found is None or found[1].up:
            return None
        net, dev = found
        return f"ip -n {net.name} link set {dev.name} name {self.fresh_name(dev.kind)}"

    def group(self) -> str | None:
        """Put a device into the group, or delete the whole group of a namespace."""
        found = self.some_dev()
        if found is None:
            return None
        net, dev = found
        if self.rng.random() < 0.25:
            return f"ip -n {net.name} link del group {GROUP}"
        return f"ip -n {net.name} link set {dev.name} group {GROUP}"

    def netns_add(self) -> str:
        return f"ip netns add {self.rng.choice(self.names)}"

    def netns(self) -> str:
        """Delete a namespace, or make one that is missing."""
        name = self.rng.choice(self.names)
        word = "add" if self.k.net_namespace.get(name) is None else "del"
        return f"ip netns {word} {name}"

    def twins(self) -> str:
        """Delete two namespaces at once: one batch for cleanup_net."""
        one, other = self.rng.choices(self.names, k=2)
        return f"ip netns del {one} ; ip netns del {other}"

    def doom(self) -> str | None:
        """Let a namespace end, and at the same moment hand it a device from elsewhere."""
        found = self.some_dev([*PAIRED, "dummy"])
        if found is None:
            return None
        net, dev = found
        tied = [adjacent.dev for adjacent in list(dev.upper)]
        other = peer_of(dev)
        homes = [one.peek_net() for one in (*tied, *([other] if other is not None else []))]
        doomed = [home.name for home in homes if home is not net and home.name]
        if not doomed:
            return None
        return f"ip netns del {self.rng.choice(doomed)} ; ip -n {net.name} link del {dev.name}"

    def module(self) -> str:
        """Unload a driver under load; it comes back with the next device or modprobe."""
        kind = self.rng.choice(self.modules)
        return f"rmmod {kind} ; modprobe {kind}"

    def sysctl(self) -> str | None:
        """Read a device's IPv6 setting: its handler takes RTNL."""
        found = self.some_dev()
        if found is None:
            return None
        net, dev = found
        return f"ip netns exec {net.name} sysctl net.ipv6.conf.{dev.name}.addr_gen_mode"
