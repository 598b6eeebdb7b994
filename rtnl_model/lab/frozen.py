"""Why the namespaces of a stacked device's uppers cannot be locked in advance.

Whoever deletes a lower could look where its uppers live, lock those namespaces in order, and then
unregister.  Between the look and the locks nothing keeps another upper from appearing in one more
namespace, and the stacked type has no upper limit.  `collect_and_lock` does exactly that on a
kernel without a global RTNL, with a second user at that moment, round after round; each round looks
again with the locks held and finds an upper whose namespace it did not lock.

This is the reason for delegation: at the end the ordinary `ip link del` removes everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import lockcheck

from ..iproute.commands import Command
from ..iproute.execute import execute
from ..iproute.listing import devices_by_netns
from ..iproute.parser import parse_command
from .model_run import ModelSetting, end

if TYPE_CHECKING:
    from ..kernel.kernel import Kernel
    from ..kernel.net_namespace import Net
    from ..kernel.netdevice import NetDevice

__all__ = ["Frozen", "Round", "collect_and_lock"]

LOWER: Final = "veth0"
SETUP: Final = (
    *(f"ip netns add ns{n}" for n in range(1, 5)),
    f"ip -n ns1 link add {LOWER} type veth peer veth1",
    f"ip -n ns2 link add ipvl2 link {LOWER} link-netns ns1 type ipvlan mode l2",
)
OTHERS: Final = tuple(
    f"ip -n ns{n} link add ipvl{n} link {LOWER} link-netns ns1 type ipvlan mode l2" for n in (3, 4)
)
"""What the second user does, one command a round."""
DELETE: Final = f"ip -n ns1 link del {LOWER}"


@dataclass(frozen=True, slots=True)
class Round:
    """One attempt: the namespaces locked, and the upper that was not among them."""

    locked: tuple[str, ...]
    command: str
    outside: tuple[str, ...]
    """Uppers whose namespace is not locked, seen with the locks held."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """All rounds, and whether delegation then removed everything."""

    rounds: tuple[Round, ...]
    only_lo_left: bool
    findings: tuple[str, ...]


def collect_and_lock() -> Frozen:
    """Run it on a fresh kernel; every thread is joined when this returns."""
    chk = lockcheck.Checker(on_report="collect")
    k = ModelSetting(rtnl="pernet").kernel(chk)
    try:
        k.start()
        for text in SETUP:
            succeed(k, text)
        rounds = tuple(attempt(k, text) for text in OTHERS)
        succeed(k, DELETE)
        k.quiesce()
        left = [d for devices in devices_by_netns(k).values() for d in devices if d["kind"] != "lo"]
        return Frozen(rounds, not left, tuple(report.title for report in chk.reports))
    finally:
        end(k)


def attempt(k: Kernel, command: str) -> Round:
    """Look, let the other user come, lock what was seen, look again."""
    lower = k.dev.dev_get_by_name(namespace(k, "ns1"), LOWER)
    assert lower is not None
    nets = k.rtnl.new_nets()
    for net in homes(k, lower):
        k.rtnl.rtnl_nets_add(nets, net)
    on_a_thread(k, lambda: succeed(k, command), "the second user")
    k.rtnl.rtnl_nets_lock(nets)
    try:
        outside = [up.name for up in k.dev_links.uppers(lower) if up.net not in nets.nets]
    finally:
        locked = tuple(net.name for net in nets.nets)
        k.rtnl.rtnl_nets_unlock(nets)
        k.rtnl.rtnl_nets_destroy(nets)
    return Round(locked, command, tuple(outside))


def homes(k: Kernel, lower: NetDevice) -> Sequence[Net]:
    """Where the lower and its uppers live at this moment; held while it is read."""
    net = k.dev.dev_net(lower)
    k.rtnl.rtnl_net_lock(net)
    try:
        return [net, *(k.dev.dev_net(upper) for upper in k.dev_links.uppers(lower))]
    finally:
        k.rtnl.rtnl_net_unlock(net)


def namespace(k: Kernel, name: str) -> Net:
    """A namespace that exists."""
    net = k.net_namespace.get(name)
    assert net is not None
    return net


def on_a_thread(k: Kernel, body: Callable[[], None], name: str) -> None:
    """Run body on a thread of its own, and wait for it."""
    thread = k.make_thread(lambda: body(), name)
    thread.start()
    k.join(thread)


def succeed(k: Kernel, text: str) -> None:
    """One `ip` command, which must succeed."""
    command = parse_command(text)
    assert isinstance(command, Command)
    outcome = execute(k, command)
    assert outcome.rc == 0, outcome.stderr
