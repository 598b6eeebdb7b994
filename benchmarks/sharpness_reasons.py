"""What the search for mutants knows beforehand: where two meet, what covers what, why some are
equivalent.

A reason here is one that no program decides (`rtnl_model.lab.masking` decides for locks); it stands
in the table of those that are not noticed, and counts for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["FATES", "KNOWN", "MEETS", "NOTHING_ELSE", "STACKS", "Reason", "Stack"]

FATES: Final = ("noticed", "masked", "equivalent", "missed")
"""What becomes of a mutant.  Masked: another lock excludes whom its lock would have.  Equivalent:
this build behaves the same without it."""


@dataclass(frozen=True, slots=True)
class Stack:
    """What else is taken away, where two places do the same and one alone is not missed."""

    mutants: tuple[tuple[str, str], ...] = ()
    """(kind, function)."""
    bugs: tuple[str, ...] = ()
    """Pages of the catalogue."""


NOTHING_ELSE: Final = Stack()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why nothing notices a mutant."""

    fate: str
    said: str


STACKS: Final[Mapping[tuple[str, str], Stack]] = {
    ("drain", "Linkwatch.linkwatch_sync_dev"): Stack((("drain", "DevTodo.netdev_rebroadcast"),)),
    ("drain", "DevTodo.netdev_rebroadcast"): Stack((("drain", "Linkwatch.linkwatch_sync_dev"),)),
    ("drain", "MoveQueuesWork.unregister_netdevice_move_net"): Stack(
        bugs=("mover-does-not-drain",)
    ),
}
"""Judged behind something that would do its work; with that alone gone a control must be clean."""
MEETS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("wait", "Inet.unregister_sysctl_table"): ("T45", "G.14"),
    ("put", "NetdevWork.netdev_work_cancel"): ("T36", "T13"),
    ("put", "Linkwatch.linkwatch_fire_event"): ("T44", "T32", "T33"),
    ("put", "Rtnl.rtnl_net_dev_lock"): ("T46",),
    ("lock", "NetdevGenl.ethnl_set_channels"): ("T41",),
    ("lock", "Notifier.notify"): ("T42",),
    ("wait", "Rcu.wait_for_readers"): ("T40", "T21", "T28"),
    ("lock", "Pernet._register"): ("T42",),
    ("lock", "MacvlanPernet.attach"): ("T43",),
}
"""Scripts to begin with, where nearly every script comes by and few have two threads there."""
ASKS_AGAIN: Final = Reason(
    "equivalent", "who does not wait for the module to settle asks again until it has"
)
COUNTED_AGAIN: Final = Reason(
    "equivalent",
    "who does not wait takes RTNL, counts again and drops it until nothing is left to be freed",
)
NO_CALLBACK: Final = Reason(
    "equivalent",
    "a repeated NETDEV_UNREGISTER queues no callback in this model, so the barrier behind it"
    " has nothing to wait for",
)
UNDONE: Final = Reason(
    "equivalent",
    "what it undoes queues no callback: only lo does, and its unregistration waits for its own",
)
KNOWN: Final[Mapping[tuple[str, str, str], Reason]] = {
    ("pernet", "wait", "Modules.load"): ASKS_AGAIN,
    ("small", "wait", "Modules.load"): ASKS_AGAIN,
    ("pernet", "lock", "NetdevWork.run"): Reason(
        "masked",
        "the works take the instance lock themselves (dev_set_mac_address), or write what the"
        " namespace's RTNL covers (promiscuity)",
    ),
    ("pernet", "wait", "NetNamespace.setup_net"): UNDONE,
    ("small", "wait", "NetNamespace.setup_net"): UNDONE,
    ("small", "wait", "DevTodo.netdev_rebroadcast"): NO_CALLBACK,
    ("small", "wait", "RtnlLinkOps.rtnl_lock_unregistering_all"): COUNTED_AGAIN,
    ("small", "wait", "Kernel.wait_unregistered"): COUNTED_AGAIN,
    ("small", "lock", "DevFlags.close_locked_singly"): Reason(
        "equivalent", "with RTNL all ops-locked devices are closed together: its list is empty"
    ),
    ("small", "lock", "Wireguard.priv_destructor"): Reason(
        "equivalent", "it runs when nobody else has the device: RTNL took it off the list before"
    ),
    ("small", "wait", "Wireguard.priv_destructor"): Reason(
        "equivalent", "peers, whose callbacks it waits for, are left out of this model"
    ),
    ("small", "put", "Linkwatch.linkwatch_fire_event"): Reason(
        "masked",
        "a carrier changes under RTNL, so nobody marks the device between the look and the mark",
    ),
    ("pernet", "wait", "DevTodo.netdev_rebroadcast"): NO_CALLBACK,
}
"""(Regime, kind, function) -> the reason."""
