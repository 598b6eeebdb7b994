"""The table of drivers."""

from __future__ import annotations

import pytest

from rtnl_model.kernel.links.drivers import CONVERSIONS, DRIVERS, driver_table, name_of

UNCONVERTED = frozenset(
    """
    netdevsim netkit macvlan macvtap vlan macsec hsr
    bridge bond team vrf wireguard amt vxlan gtp ipip gre
    gretap erspan vti vti6 sit ip6tnl ip6gre xfrm
    """.split()  # noqa: SIM905 - a list of words reads better as words
)


def test_unconverted_is_what_7_3_left_unconverted() -> None:
    """Of the kinds that the model has."""
    assert {name_of(d) for d in DRIVERS if not d.converted} == UNCONVERTED


def test_conversions_are_subclasses_marked_as_ours() -> None:
    """Each replaces one driver and says that no kernel has it."""
    table = {name_of(driver): driver for driver in DRIVERS}
    for name, conversion in CONVERSIONS.items():
        assert issubclass(conversion, table[name])
        assert conversion.converted
        assert not conversion.upstream


def test_a_global_rtnl_needs_no_conversion() -> None:
    """The table has them only where there is none."""
    assert not set(driver_table(has_rtnl=True).values()) & set(CONVERSIONS.values())
    assert set(CONVERSIONS.values()) <= set(driver_table(has_rtnl=False).values())


@pytest.mark.parametrize(
    ("before", "after"),
    [("ipvlan", "netkit"), ("netkit", "vlan"), ("ipvlan", "ipvtap"), ("macvlan", "macvtap")],
)
def test_the_notifier_chain_has_the_kernels_link_order(before: str, after: str) -> None:
    """As the recordings show it: an event reaches ipvlan, then netkit, then 8021q."""
    order = [name_of(driver) for driver in DRIVERS]

    assert order.index(before) < order.index(after)
