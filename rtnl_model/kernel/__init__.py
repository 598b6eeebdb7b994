"""The model of Linux's network devices and namespaces: one `Kernel` a run, a file a kernel file.

`kernel.py` owns everything, `assembly.py` puts it together; `rtnl.py` has the RTNL locks and
`regime.py` says which of them exist;
`dev.py` and `dev_*.py` are net/core/dev.c, `rtnetlink.py` and `rtnl_*.py` net/core/rtnetlink.c,
`net_namespace.py` and `netns_cleanup.py` net/core/net_namespace.c, `lock_debug.py`
net/core/lock_debug.c; `links/` has the drivers, `fixes/` what `pernet` needs beyond Linux 7.3.
Functions have the kernel's names, so that its sources can be read side by side.

A kernel file is an object held by the `Kernel`, and files call each other through it: `k.dev` and
`k.rtnetlink` declare what net/core/dev.c and net/core/rtnetlink.c offer, their sections are
siblings (`k.dev_queue`, `k.dev_todo`, `k.rtnl_newlink` …), and an overlay wraps a method of one.

All locks and their order
-------------------------
A lock may be taken only while locks of lower rank are held (`lock_order.LOCKS` is this table as
data; a test compares both with what the checker observed).

 1. `net_cleanup_work`: pseudo-lock: cleanup_net is running.
 2. `&ops->srcu`: pseudo-lock: a kind is in use by newlink.
 3. `pernet_ops_rwsem`: pernet_list; namespaces being made or cleaned up.
 4. `(wq_completion)rtnl_net`: pseudo-lock: a flush waits for it.
 5. `(work_completion)(&net->rtnl_work)`: pseudo-lock: the work is running.
 6. `rtnl_mutex`: everything, where it exists (global, small).
 7. `&net->rtnl_mutex`: devices, names, indexes and notifier chain of a namespace. Nesting:
    init_net first, then by address.
 8. `&veth->pair_lock`, `&vxcan->pair_lock`, `&nk->pair_lock`: who unregisters the peer (pernet,
    fix of G.16).
 9. `&dev_instance_lock_key [dummy]`, `&dev_instance_lock_key [netkit]`: reg_state and nd_net
    (writers) of ops-locked virtual devices. Nesting: any order under rtnl_mutex; else never.
10. `&dev_instance_lock_key [netdevsim]`: the same of a card; queues and their leases (virtual
    before physical). Nesting: any order under rtnl_mutex; else never.
11. `&port->pnodes_lock`, `&port->vlans_lock`, `&rxd->secys_lock`, `&vlan_info->lock`,
    `&bn->lock`, `&gn->lock`, `&pn->lock`, `&vn->lock`, `&itn->lock`: who of a port's or a
    backend's devices is queued by whom.
12. `&dev->lock`, `&dev_instance_lock_key`: reg_state and nd_net (writers) of all other devices.
13. `&port->addrs_lock`: addresses of an ipvlan port.
13. `&wg->device_update_lock`: sockets and creating_net of wireguard devices.
13. `ipvlan_l3s_lock`: hook counters of all namespaces (pernet, fix of G.8).
13. `netdev_adjacent_lock`: upper and lower lists, where RTNL does not exist.
13. `nsim_bus_lists`: netdevsim's devices.
14. `&net->dev_unreg_lock`: dev_unreg_head and every unreg_list_net that names the namespace.
    Nesting: by address.
14. `&net->nsid_lock`: the nsid table of a namespace.
14. `net_rwsem`: net_namespace_list.
14. `link_ops_mutex`: the list of kinds.
14. `&files->file_lock`: open files of programs that use receive queues.
14. `rcu_state.barrier_mutex`: one rcu_barrier at a time.
14. `sysctl table`: pseudo-lock: a handler runs, with RTNL by trylock.

Waiting for references, flushing works and joining threads: with none of them held, but for
pernet_ops_rwsem (cleanup_net for reading, module unload and notifier registration for writing).

Fields that are read without the lock that covers their writers say `reads="once"` (READ_ONCE, a
scheduling point) or ask for an RCU read side (`rcu`); what covers the writers stands at each field.
Left out: the data path; what each file leaves out stands in it.
"""
