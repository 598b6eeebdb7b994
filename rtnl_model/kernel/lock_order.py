"""The one table of all locks and their order, as data; `rtnl_model/kernel/__init__` prints it.

A lock may be taken only while locks of *lower* rank are held, of its own rank only where the row
has a rule for it.  A test runs the model and compares what the checker observed with these rows.

Class names are those of the kernel's own lock graph.  Left out: parking lots (queues, SRCU readers,
counts); they are leaves and never held across anything.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LOCKS", "LockRule", "rule_of"]


@dataclass(frozen=True, slots=True)
class LockRule:
    """One row."""

    rank: int
    classes: tuple[str, ...]
    protects: str
    same_rank: str = ""
    """How two locks of this row may nest; empty: not at all."""


LOCKS: tuple[LockRule, ...] = (
    LockRule(1, ("net_cleanup_work",), "pseudo-lock: cleanup_net is running"),
    LockRule(2, ("&ops->srcu",), "pseudo-lock: a kind is in use by newlink"),
    LockRule(3, ("pernet_ops_rwsem",), "pernet_list; namespaces being made or cleaned up"),
    LockRule(4, ("(wq_completion)rtnl_net",), "pseudo-lock: a flush waits for it"),
    LockRule(5, ("(work_completion)(&net->rtnl_work)",), "pseudo-lock: the work is running"),
    LockRule(6, ("rtnl_mutex",), "everything, where it exists (global, small)"),
    LockRule(
        7,
        ("&net->rtnl_mutex",),
        "devices, names, indexes and notifier chain of a namespace",
        "init_net first, then by address",
    ),
    LockRule(
        8,
        ("&veth->pair_lock", "&vxcan->pair_lock", "&nk->pair_lock"),
        "who unregisters the peer (pernet, fix of G.16)",
    ),
    LockRule(
        9,
        ("&dev_instance_lock_key [dummy]", "&dev_instance_lock_key [netkit]"),
        "reg_state and nd_net (writers) of ops-locked virtual devices",
        "any order under rtnl_mutex; else never",
    ),
    LockRule(
        10,
        ("&dev_instance_lock_key [netdevsim]",),
        "the same of a card; queues and their leases (virtual before physical)",
        "any order under rtnl_mutex; else never",
    ),
    LockRule(
        11,
        (
            *("&port->pnodes_lock", "&port->vlans_lock", "&rxd->secys_lock", "&vlan_info->lock"),
            *("&bn->lock", "&gn->lock", "&pn->lock", "&vn->lock", "&itn->lock"),
        ),
        "who of a port's or a backend's devices is queued by whom",
    ),
    LockRule(
        12,
        ("&dev->lock", "&dev_instance_lock_key"),
        "reg_state and nd_net (writers) of all other devices",
    ),
    LockRule(13, ("&port->addrs_lock",), "addresses of an ipvlan port"),
    LockRule(13, ("&wg->device_update_lock",), "sockets and creating_net of wireguard devices"),
    LockRule(13, ("ipvlan_l3s_lock",), "hook counters of all namespaces (pernet, fix of G.8)"),
    LockRule(13, ("netdev_adjacent_lock",), "upper and lower lists, where RTNL does not exist"),
    LockRule(13, ("nsim_bus_lists",), "netdevsim's devices"),
    LockRule(
        14,
        ("&net->dev_unreg_lock",),
        "dev_unreg_head and every unreg_list_net that names the namespace",
        "by address",
    ),
    LockRule(14, ("&net->nsid_lock",), "the nsid table of a namespace"),
    LockRule(14, ("net_rwsem",), "net_namespace_list"),
    LockRule(14, ("link_ops_mutex",), "the list of kinds"),
    LockRule(14, ("&files->file_lock",), "open files of programs that use receive queues"),
    LockRule(14, ("rcu_state.barrier_mutex",), "one rcu_barrier at a time"),
    LockRule(14, ("sysctl table",), "pseudo-lock: a handler runs, with RTNL by trylock"),
)
"""Outermost first."""


def rule_of(lock_class: str) -> LockRule | None:
    """The row of a class; a driver's instance lock without its own is in the general one."""
    for name in (lock_class, lock_class.partition(" [")[0]):
        for rule in LOCKS:
            if name in rule.classes:
                return rule
    return None
