"""`k.dev`: what net/core/dev.c offers to the rest of the kernel, and which section has it.

The sections are siblings, each held by the `Kernel` and each a slot for overlays:

* `dev_register`   alloc_netdev, register_netdevice, free_netdev
* `dev_refs`       dev_net, references with trackers
* `dev_names`      names, indexes and the list of a namespace
* `dev_links`      upper and lower devices, masters, rx handlers, carrier
* `dev_flags`      up, down, mtu, address
* `dev_queue`      the two lists of devices to unregister (patch 6)
* `dev_unregister` unregister_netdevice_many_notify
* `dev_todo`       netdev_run_todo and netdev_wait_allrefs_any (patches 5 and 6)
* `dev_netns`      __dev_change_net_namespace

Like include/linux/netdevice.h this file only declares: an attribute here is a method there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .kernel import Kernel

__all__ = ["Dev"]


class Dev:
    """The exported functions of the sections, and of the regime where they are its choice."""

    def __init__(self, k: Kernel) -> None:
        refs = k.dev_refs
        self.dev_net = refs.dev_net
        self.dev_is_registered = refs.dev_is_registered
        self.netdev_hold = refs.netdev_hold
        self.netdev_put = refs.netdev_put
        self.netdev_get_by_index = refs.netdev_get_by_index

        names = k.dev_names
        self.dev_get_by_name = names.dev_get_by_name
        self.dev_get_by_index = names.dev_get_by_index
        self.dev_change_name = names.dev_change_name

        register = k.dev_register
        self.alloc_netdev = register.alloc_netdev
        self.free_netdev = register.free_netdev
        self.register_netdev = register.register_netdev
        self.register_netdevice = register.register_netdevice

        links = k.dev_links
        self.netdev_upper_dev_link = links.netdev_upper_dev_link
        self.netdev_upper_dev_unlink = links.netdev_upper_dev_unlink
        self.netdev_master_upper_dev_get = links.netdev_master_upper_dev_get
        self.netdev_rx_handler_register = links.netdev_rx_handler_register
        self.netdev_rx_handler_unregister = links.netdev_rx_handler_unregister
        self.netif_carrier_on = links.netif_carrier_on
        self.netif_carrier_off = links.netif_carrier_off
        self.netif_stacked_transfer_operstate = links.netif_stacked_transfer_operstate

        flags = k.dev_flags
        self.dev_open = flags.dev_open
        self.dev_close = flags.dev_close
        self.netif_close_many = flags.netif_close_many
        self.dev_change_flags = flags.dev_change_flags
        self.netif_change_flags = flags.netif_change_flags
        self.raw_dev_change_flags = flags.raw_dev_change_flags
        self.dev_notify_flags = flags.dev_notify_flags
        self.dev_set_promiscuity = flags.dev_set_promiscuity
        self.dev_disable_lro = flags.dev_disable_lro
        self.dev_set_allmulti = flags.dev_set_allmulti
        self.dev_set_mtu = flags.dev_set_mtu
        self.dev_validate_mtu = flags.dev_validate_mtu
        self.dev_set_mac_address = flags.dev_set_mac_address
        self.netdev_state_change = flags.netdev_state_change

        queue = k.dev_queue
        self.unregister_netdevice = queue.unregister_netdevice
        self.unregister_netdev = queue.unregister_netdev
        self.unregister_netdevice_queue = queue.unregister_netdevice_queue
        self.unregister_netdevice_queued = queue.unregister_netdevice_queued
        self.unregister_netdevice_queue_net = k.regime.unregister_netdevice_queue_net
        self.unregister_netdevice_queue_many_net = k.regime.unregister_netdevice_queue_many_net
        self.unregister_netdevice_many_net = queue.unregister_netdevice_many_net
        self.unregister_netdevice_move_net = queue.unregister_netdevice_move_net

        unregister = k.dev_unregister
        self.unregister_netdevice_many = unregister.unregister_netdevice_many
        self.unregister_netdevice_many_notify = unregister.unregister_netdevice_many_notify

        self.netdev_run_todo = k.dev_todo.netdev_run_todo
        self.dev_change_net_namespace = k.dev_netns.dev_change_net_namespace
